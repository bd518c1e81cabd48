"""
What few rows show
==================

What does a fit miss? A wave carries a narrow spike, which only a handful of 1500 rows
meet. A search looks at a part of the rows, and a parameter of the network must pay for
itself by what it explains of all rows: such a spike is hardly worth any.
"""

import numpy as np
import pandas as pd

from sk_swat import SWATRegressor
from sk_swat.displays import SurfaceDisplay

rng = np.random.default_rng(0)
X = pd.DataFrame({"time": rng.uniform(0, 10, 1500)})
spike = np.exp(-(((X["time"] - 6.8) / 0.01) ** 2))
y = (np.sin(X["time"]) + 2 * spike + 0.02 * rng.normal(size=1500)).rename("height")
print("rows that meet the spike:", (spike > 0.1).sum())

# %%
# R² is high, and of the spike the network knows next to nothing.

model = SWATRegressor(depths=(1,), n_rounds=1, random_state=0).fit(X, y)
print(f"R^2: {model.score(X, y):.3f}")
print(model.to_sympy())

# %%
# One look at the residuals finds what is missing. If it matters, measure more rows
# there, or treat those rows apart.

SurfaceDisplay.from_estimator(model, X, y)

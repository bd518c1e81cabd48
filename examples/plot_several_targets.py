"""
One network for several targets
===============================

Do two targets share neurons? A ball is thrown with some speed at some angle. The
network predicts how high it flies and how long: ``y`` has two columns, and the network
two outputs.
"""

import numpy as np
import pandas as pd

from sk_swat import SWATRegressor
from sk_swat.displays import NetworkDisplay

rng = np.random.default_rng(0)
throws = pd.DataFrame(
    {"speed": rng.uniform(5, 25, 1500), "angle": rng.uniform(10, 80, 1500)}
)
upwards = throws["speed"] * np.sin(np.radians(throws["angle"]))
flight = pd.DataFrame(
    {"height": upwards**2 / (2 * 9.81), "duration": 2 * upwards / 9.81}
)
fitted, new = slice(0, 1000), slice(1000, 1500)

# %%
# Errors are means over the targets, each in units of its variance.

model = SWATRegressor(depths=(1,), n_rounds=2, sparsity=1e-4, random_state=0)
model.fit(throws[fitted], flight[fitted])
residual = flight[new] - model.predict(throws[new])
print("parameters:", model.n_nonzero_)
print("1 - R^2 on new rows:", (residual.var() / flight[new].var()).round(5).to_dict())

# %%
# For comparison, a network for each target, at the same ``sparsity``. Two networks are
# the more accurate choice, one network the smaller.

for name in flight:
    alone = SWATRegressor(**model.get_params()).fit(
        throws[fitted], flight[name][fitted]
    )
    error = 1 - alone.score(throws[new], flight[name][new])
    print(
        f"{name} alone: {alone.n_nonzero_} parameters, 1 - R^2 on new rows: {error:.5f}"
    )

# %%
# Neurons with lines to both outputs serve both targets.

NetworkDisplay.from_estimator(model)

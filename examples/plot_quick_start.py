"""
A first network
===============

What does a fit find? The impedance of a circuit follows from its resistance, frequency,
inductance and capacitance (scikit-learn's ``make_friedman2``, in ohms, with a little
noise). The table has 1000 rows, of which 800 are fitted.
"""

import pandas as pd
from sklearn.datasets import make_friedman2
from sklearn.model_selection import train_test_split

from sk_swat import SWATRegressor
from sk_swat.displays import NetworkDisplay

values, impedance = make_friedman2(n_samples=1000, noise=5, random_state=0)
names = ["resistance", "frequency", "inductance", "capacitance"]
table = pd.DataFrame(values, columns=names)
impedance = pd.Series(impedance, name="impedance")
X_train, X_test, y_train, y_test = train_test_split(
    table, impedance, test_size=200, random_state=0
)

# %%
# The columns go in as they are: scaling happens inside and is folded into the network.
# ``sparsity`` is the price of a parameter (weight or bias): what one more must be worth
# in R². So it decides how small the network will be. Printing shows every parameter:
# one equation for each neuron, with the names of the columns and of the target.

model = SWATRegressor(sparsity=1e-4, random_state=0).fit(X_train, y_train)
print(f"R^2 on new rows: {model.score(X_test, y_test):.4f}")
print(model.network_)

# %%
# The picture shows the same network. Solid blue lines are positive weights, dashed red
# ones negative, and a dot is a bias. The width of a line shows how much the weight
# moves what it adds to, so that the units of a column do not matter. In this range of
# frequencies the capacitance hardly matters, and the network does without it;
# ``support_`` says so as well.

NetworkDisplay.from_estimator(model)
print(dict(zip(names, model.support_.tolist(), strict=True)))

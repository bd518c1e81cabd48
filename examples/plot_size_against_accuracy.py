"""
Size against accuracy
=====================

How much accuracy does a smaller network cost? One fit answers for every size. The data
are Himmelblau's function, a smooth surface with four valleys, at 3750 random points.
"""

from sk_swat import SWATRegressor
from sk_swat.datasets import load_cornn
from sk_swat.displays import PathDisplay

task = load_cornn("Himmelblau")
model = SWATRegressor(n_rounds=2, random_state=0).fit(task.X_train, task.y_train)

# %%
# ``path_`` lists the most accurate network found at each size. ``r2_validation`` is
# measured on rows that were held out.

model.path_[
    ["n_nonzero", "n_neurons", "depth", "activations", "r2_validation", "chosen"]
]

# %%
# Down and to the left is better. The fit puts a price on each parameter (weight or
# bias): what one more must be worth in R². Along the dotted line parameters are worth
# just their price; a network below it would have been the better choice.

PathDisplay.from_estimator(model)

# %%
# Another network of the path needs no new fit. Give a limit for the size, or the
# accuracy that you need:

model.select(max_nonzero=20)
r2 = model.score(task.X_test, task.y_test)
print(f"at most 20 parameters: {model.n_nonzero_}, R^2 on new rows {r2:.4f}")

model.select(min_r2=0.9)
r2 = model.score(task.X_test, task.y_test)
print(f"R^2 of at least 0.9: {model.n_nonzero_} parameters, R^2 on new rows {r2:.4f}")

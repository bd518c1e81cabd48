"""
Beside regressors of scikit-learn
=================================

How many parameters do other regressors need for the same error? All are fitted to 3750
points of a smooth function of two variables (Three-Hump Camel) and tested on 1250
others. One fit of ``SWATRegressor`` gives a whole curve.
"""

import matplotlib.pyplot as plt
from sklearn.base import RegressorMixin

from sk_swat import SWATRegressor
from sk_swat.cli.comparison import count_parameters, make_model
from sk_swat.datasets import load_cornn
from sk_swat.displays.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION

task = load_cornn("Three-Hump Camel")


def error(model: RegressorMixin) -> float:
    """Share of the variance of the test rows that the model leaves unexplained."""
    return 1 - model.score(task.X_test, task.y_test)


# %%
# There are two dense networks: ``MLPRegressor`` with 100 neurons, as by default, and
# with 50 of tanh that L-BFGS fits, which suits smooth functions better. Both get
# standardised columns, and so does ``Ridge``, which chooses its penalty. Counted are
# the parameters that a prediction needs: weights and biases, or, for trees, two for a
# split and one for a leaf.

others = {
    "Ridge": make_model("Ridge"),
    "MLPRegressor": make_model("MLPRegressor"),
    "MLPRegressor, tanh, L-BFGS": make_model(
        "MLPRegressor", hidden_layer_sizes=(50,), activation="tanh", solver="lbfgs"
    ),
    "HistGradientBoostingRegressor": make_model("HistGradientBoostingRegressor"),
}
styles = {
    "Ridge": (GREEN, "^"),
    "MLPRegressor": (ORANGE, "s"),
    "MLPRegressor, tanh, L-BFGS": (PURPLE, "v"),
    "HistGradientBoostingRegressor": (VERMILION, "D"),
}
points = {}
for name, other in others.items():
    other.fit(task.X_train, task.y_train)
    points[name] = count_parameters(other), error(other)
    print(
        f"{name:<30} {points[name][0]:>6} parameters, 1 - R^2 = {points[name][1]:.5f}"
    )

model = SWATRegressor(n_rounds=2, random_state=0).fit(task.X_train, task.y_train)
path_errors = [
    error(model.select(max_nonzero=size, sparsity=0, compactness=0))
    for size in model.path_["n_nonzero"]
]
model.select()
print(
    f"{'SWATRegressor':<30} {model.n_nonzero_:>6} parameters, "
    f"1 - R^2 = {error(model):.5f}"
)

# %%
# Down and to the left is better. Smooth functions suit small networks; a table full of
# jumps suits trees, and where noise rules, ``Ridge`` is as good as any (see
# :doc:`/benchmarks` for real tables).

figure, axes = plt.subplots(figsize=(6.25, 4.2), layout="constrained")
axes.plot(
    model.path_["n_nonzero"],
    path_errors,
    color=BLUE,
    marker="o",
    markersize=4,
    label="SWATRegressor, all sizes of one fit",
)
axes.plot(
    model.n_nonzero_,
    error(model),
    color=BLACK,
    marker="o",
    markersize=11,
    markerfacecolor="none",
    linestyle="none",
    label="the one it chose",
)
for name, (color, marker) in styles.items():
    axes.plot(*points[name], color=color, marker=marker, linestyle="none", label=name)
axes.set(
    xscale="log",
    yscale="log",
    xlabel="parameters that a prediction needs (for trees see above)",
    ylabel="share of variance left unexplained\non test rows (1 - R²)",
)
axes.grid(color="0.9")
figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)

"""
A price found by grid search
============================

Which price of a parameter predicts best? The price, ``sparsity``, says what one more
weight or bias must be worth in R². On a small noisy table a large network may fit the
noise; cross-validation shows how far it can shrink before it predicts worse. Here are
300 rows with noise, which is a quarter of the target's variance.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from sk_swat import SWATRegressor
from sk_swat.displays.palette import BLUE, VERMILION

rng = np.random.default_rng(0)
X = rng.uniform(-2, 2, size=(300, 3))
signal = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2
y = signal + 0.58 * signal.std() * rng.normal(size=300)

# %%
# The scorer returns the size of the network beside R². Short fits are enough here: one
# hidden layer, no rounds.


def r2_and_size(model: SWATRegressor, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """R^2 on the rows of the other fold, and the number of non-zero parameters."""
    return {"r2": model.score(X, y), "size": model.n_nonzero_}


prices = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
model = SWATRegressor(depths=(1,), n_rounds=0, early_stopping=True, random_state=0)
search = GridSearchCV(model, {"sparsity": prices}, scoring=r2_and_size, refit="r2")
search.fit(X, y)
print(f"best price: {search.best_params_['sparsity']:g}")
print(f"size at that price, fitted on all rows: {search.best_estimator_.n_nonzero_}")

# %%
# Bars are standard errors of the mean over the folds (R²), and standard deviations over
# the folds (size). Where R² hardly differs, the higher price is the better one: it
# gives the smaller network. One fit holds all sizes, so for a price alone ``select``
# and ``path_`` cost less; a grid search is for prices together with other settings, or
# steps of a pipeline.

results = search.cv_results_
figure, (upper, lower) = plt.subplots(
    2, 1, figsize=(6.25, 4.6), sharex=True, layout="constrained"
)
upper.errorbar(
    prices,
    results["mean_test_r2"],
    results["std_test_r2"] / np.sqrt(search.n_splits_),
    color=BLUE,
    marker="o",
    capsize=3,
)
lower.errorbar(
    prices,
    results["mean_test_size"],
    results["std_test_size"],
    color=VERMILION,
    marker="s",
    capsize=3,
)
upper.set(ylabel="R² on rows left out\n(cross-validated)", xscale="log")
lower.set(ylabel="non-zero parameters\n(weights and biases)")
lower.set(xlabel="sparsity: price of one parameter, in R²")
for axes in (upper, lower):
    axes.grid(color="0.9")

"""The search of the papers, on its own: gradient descent of a normal latent through each decoder, and hardening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import validate_data

from sk_swat.estimators.fitted import PathMixin
from sk_swat.estimators.latent_descent import LatentDescentRegressor
from sk_swat.network.path import Path
from sk_swat.refine.table import Table
from sk_swat.utils.parameters import check_depths, draw_seed

__all__ = ["PapersSearchRegressor"]


class PapersSearchRegressor(PathMixin, RegressorMixin, BaseEstimator):
    """Networks that gradient descent finds in the latent space, as arXiv 2506.08270 searches, section IV.

    For each decoder, normal latents are moved by Adam on a soft objective, and the best network met on the way is
    hardened. Its output layer is the decoded one, and nothing is screened, polished or pruned. The path holds the
    networks of all decoders that no smaller one beats in validation R^2.

    What differs from the paper: the bundled autoencoder has 2.1 million parameters, there 620 million, and nine in ten
    normal latents decode to a network without living neurons, from which a descent seldom recovers; each decoder gets
    `max_iter` = 300 steps, there 8000, and `n_restarts` = 24 latents, there one; steps follow 768 rows, there all;
    penalties are the prices of `LatentDescentRegressor`, in R^2, and hardening tries several thresholds.

    Parameters are those of `LatentDescentRegressor`; each decoder starts from `n_restarts` latents, and the best one
    counts. All searches have one seed, drawn from `random_state`, and so the same held-out rows.
    """

    max_nonzero = None  # for the choice

    def __init__(
        self,
        *,
        depths: Sequence[int] = (1, 2, 3, 4),
        n_restarts: int = 24,
        max_iter: int = 300,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        random_state: Any = None,
    ) -> None:
        self.depths = depths
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.sparsity = sparsity
        self.compactness = compactness
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> PapersSearchRegressor:
        """Search with each decoder, and keep the networks that no smaller one beats."""
        seed = draw_seed(self.random_state)
        table, target = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        searches = [
            LatentDescentRegressor(
                depths=(depth,),
                activations=("sigmoid", "tanh", "leaky_relu"),
                sparsity=self.sparsity,
                compactness=self.compactness,
                init="random",
                readout="decoded",
                n_generations=0,
                n_restarts=self.n_restarts,
                max_iter=self.max_iter,
                learning_rate=0.1,
                early_stopping=True,
                random_state=seed,
            ).fit(X, y)
            for depth in check_depths(self.depths, 4)
        ]
        self._path = _front([search._path for search in searches])
        prices = (self.sparsity, self.compactness)
        self._keep_row(self._path.choose(*prices), prices)
        self._keep_summary(Table.of(table, target, most_merged=0), seed)
        return self


def _front(paths: Sequence[Path]) -> Path:
    """One path of the networks that none of at most their size beats in validation R^2."""
    found = [
        (network, train, validation)
        for path in paths
        for network, train, validation in zip(path.networks, path.r2_train, path.r2_validation, strict=True)
    ]
    found.sort(key=lambda one: (one[0].n_nonzero, -one[2]))
    kept = [one for i, one in enumerate(found) if all(one[2] > other[2] for other in found[:i])]
    networks, train, validation = zip(*kept, strict=True)
    return Path(networks, np.array(train), np.array(validation), np.zeros((len(kept), len(kept))))

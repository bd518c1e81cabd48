"""The search of the papers, on its own: gradient descent of a normal latent through each decoder, and hardening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import validate_data

from sk_swat.estimator import SWATRegressor
from sk_swat.fitted import PathMixin
from sk_swat.parameters import check_depths, drawn_seed
from sk_swat.path import Path
from sk_swat.scaling import Standardisation

__all__ = ["PapersSearchRegressor"]


class PapersSearchRegressor(PathMixin, RegressorMixin, BaseEstimator):
    """Networks that gradient descent finds in the latent space, as arXiv 2506.08270 searches, section IV.

    For each decoder, normal latents are moved by Adam on a soft objective, and the best network met on the way is
    hardened. Its output layer is the decoded one, and nothing is screened, polished or pruned. The path holds the
    networks of all decoders that no smaller one beats in validation R^2.

    What differs from the paper: the bundled autoencoder has 2.1 million numbers, there 620 million, and nine in ten
    normal latents decode to a network without living neurons, from which a descent seldom recovers; each decoder gets
    `max_iter` = 300 steps, there 8000, and `n_restarts` = 24 latents, there one; steps follow 768 rows, there all;
    penalties are the prices of `SWATRegressor`, in R^2, and hardening tries several thresholds.

    Parameters
    ----------
    depths : tuple of int, default=(1, 2, 3, 4)
        Decoders, each by itself.
    activations : tuple of str, default=("sigmoid", "tanh", "leaky_relu")
        Activations a neuron may choose; by default those of the paper.
    n_restarts : int, default=24
        Normal latents of each decoder; the best one counts.
    max_iter : int, default=300
        Gradient steps with each decoder.
    learning_rate : float, default=0.1
        First step size of Adam, as in the paper.
    sparsity, compactness : float, default=1e-5
        Prices of a number and of a neuron, while latents move and in the choice of a network of the path.
    one_standard_error : bool, default=False
        As in `SWATRegressor`.
    random_state : int, RandomState instance or None, default=None
        Source of the seed of all searches, which share their held-out rows.

    Attributes
    ----------
    network_ : SparseMLP
        The chosen network, in the units of X and y.
    n_nonzero_ : int
        Number of its non-zero weights and biases.
    path_ : DataFrame, or dict of ndarray without pandas
        One row for each network of the path, see ``SWATRegressor.path_``.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.

    See Also
    --------
    SWATRegressor : The search of this package; with `refine=False` a single network of this kind.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from benchmarks.baselines.papers_search import PapersSearchRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = PapersSearchRegressor(depths=(1,), n_restarts=2, max_iter=0, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        *,
        depths: Sequence[int] = (1, 2, 3, 4),
        activations: Sequence[str] = ("sigmoid", "tanh", "leaky_relu"),
        n_restarts: int = 24,
        max_iter: int = 300,
        learning_rate: float = 0.1,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        one_standard_error: bool = False,
        random_state: Any = None,
    ) -> None:
        self.depths = depths
        self.activations = activations
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.sparsity = sparsity
        self.compactness = compactness
        self.one_standard_error = one_standard_error
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> PapersSearchRegressor:
        """Search with each decoder, and keep the networks that no smaller one beats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in any units; finite.
        y : array-like of shape (n_samples,)
            Target, in any units; finite.

        Returns
        -------
        self : PapersSearchRegressor
            The fitted regressor.
        """
        seed = drawn_seed(self.random_state)
        table, target = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        searches = [
            SWATRegressor(
                depths=(depth,),
                activations=self.activations,
                sparsity=self.sparsity,
                compactness=self.compactness,
                refine=False,
                init="random",
                readout="decoded",
                n_generations=0,
                n_restarts=self.n_restarts,
                max_iter=self.max_iter,
                learning_rate=self.learning_rate,
                early_stopping=True,
                random_state=seed,
            ).fit(X, y)
            for depth in check_depths(self.depths, 4)
        ]
        self._path = _front([search._path for search in searches])
        prices = (self.sparsity, self.compactness)
        self._keep_row(self._path.choose(*prices, one_standard_error=self.one_standard_error), prices)
        self._keep_summary(table, target, None, Standardisation.of(table, target), seed)
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

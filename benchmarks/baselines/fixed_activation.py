"""One activation for the whole network, as in the first paper: several searches, and the best of them at each size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_swat.activations import check_activations
from sk_swat.estimator import SWATRegressor
from sk_swat.network import SparseMLP
from sk_swat.parameters import check_integer, check_number, drawn_seed
from sk_swat.path import Path

if TYPE_CHECKING:  # imported when a table is asked for
    import pandas as pd

__all__ = ["FixedActivationRegressor"]


class FixedActivationRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Small network with one activation for all neurons, the best of those searched one activation at a time.

    The search of arXiv 2410.08339, which has one autoencoder for each activation: here one `SWATRegressor` is fitted
    for each. Of their paths, the network with the best validation R^2 is kept at each size; which one is chosen
    follows the rules of `SWATRegressor`. All fits share one seed, so that all are judged on the same held-out rows. It
    takes the time of as many fits as there are activations.

    Parameters
    ----------
    activations : sequence of str, default=("sigmoid", "tanh", "leaky_relu")
        Activations to search, each alone; those the second paper compares with. The first has "sigmoid",
        "leaky_relu" (of slope 0.1 there, 0.01 here) and "identity".
    estimator : SWATRegressor, default=None
        Regressor whose `activations` are replaced, one at a time; it is cloned. None takes the default one.
    random_state : int, RandomState instance or None, default=None
        Source of the seed of all fits. None takes the estimator's.

    Attributes
    ----------
    activation_ : str
        Activation of the search that the network comes from.
    network_ : SparseMLP
        The found network, in the units of X and y.
    n_nonzero_ : int
        Number of its non-zero weights and biases.
    regressors_ : dict of str to SWATRegressor
        The fitted regressors by activation; `select` leaves them as they are.
    path_ : DataFrame
        One row for each size at which some fit has a network, with the columns of ``SWATRegressor.path_`` and
        "searched", the activation of the fit. R^2 of the training need not rise from row to row.
    networks_ : list of SparseMLP
        Networks of the path, in the same order.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.

    See Also
    --------
    SWATRegressor : The search with a choice of activation for each neuron.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_swat import SWATRegressor
    >>> from benchmarks.baselines.fixed_activation import FixedActivationRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> short = SWATRegressor(depths=1, n_restarts=2, n_rounds=0, early_stopping=True)
    >>> model = FixedActivationRegressor(("tanh", "sigmoid"), estimator=short, random_state=0).fit(X, y)
    >>> model.select(max_nonzero=20).n_nonzero_ <= 20
    True
    """

    def __init__(
        self,
        activations: Sequence[str] = ("sigmoid", "tanh", "leaky_relu"),
        *,
        estimator: SWATRegressor | None = None,
        random_state: Any = None,
    ) -> None:
        self.activations = activations
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> FixedActivationRegressor:
        """Fit one regressor for each activation, and choose.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in any units; finite.
        y : array-like of shape (n_samples,)
            Target, in any units; finite.

        Returns
        -------
        self : FixedActivationRegressor
            The fitted regressor.
        """
        names = check_activations(self.activations)
        if self.estimator is not None and not isinstance(self.estimator, SWATRegressor):
            raise TypeError(f"`estimator` must be a SWATRegressor or None, got {self.estimator!r}.")
        base = SWATRegressor() if self.estimator is None else self.estimator
        seed = drawn_seed(base.random_state if self.random_state is None else self.random_state)
        validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        self.regressors_ = {
            name: clone(base).set_params(activations=(name,), random_state=seed).fit(X, y) for name in names
        }
        self._path, self._searched = _joined_path(self.regressors_)
        self._choose(base.sparsity, base.compactness, base.max_nonzero, None)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Run the found network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in the units of fit.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Float64 predictions, in the units of the target.
        """
        check_is_fitted(self, "network_")
        return self.network_.predict(validate_data(self, X, dtype=[np.float64, np.float32], reset=False))

    def select(
        self,
        *,
        max_nonzero: int | None = None,
        min_r2: float | None = None,
        sparsity: float | None = None,
        compactness: float | None = None,
    ) -> FixedActivationRegressor:
        """Switch to another network of the joint path, and with it perhaps to another activation.

        Parameters
        ----------
        max_nonzero : int, default=None
            Largest number of non-zero weights and biases, at least 1; None sets no limit.
        min_r2 : float, default=None
            Take the smallest network whose validation R^2 reaches this value.
        sparsity, compactness : float, default=None
            Prices in R^2 of a number and of a neuron, at least 0; None takes those of the estimator. With prices of 0
            the best validation R^2 decides, unless the constant network is within one standard error of it.

        Returns
        -------
        self : FixedActivationRegressor
            The regressor; its parameters stay.

        Raises
        ------
        ValueError
            If no network of any activation meets the conditions.
        """
        check_is_fitted(self, "network_")
        base = next(iter(self.regressors_.values()))
        self._choose(
            base.sparsity if sparsity is None else check_number("sparsity", sparsity, 0),
            base.compactness if compactness is None else check_number("compactness", compactness, 0),
            None if max_nonzero is None else check_integer("max_nonzero", max_nonzero, 1),
            None if min_r2 is None else check_number("min_r2", min_r2, -math.inf),
        )
        return self

    @property
    def path_(self) -> pd.DataFrame:
        """Best network at each size: a DataFrame of one row each."""
        check_is_fitted(self, "network_")
        return self._path.frame(*self._prices, self._row, searched=self._searched)

    @property
    def networks_(self) -> list[SparseMLP]:
        """Networks of the path, in the order of `path_`."""
        check_is_fitted(self, "network_")
        return list(self._path.networks)

    def _choose(self, sparsity: float, compactness: float, max_nonzero: int | None, min_r2: float | None) -> None:
        base = next(iter(self.regressors_.values()))
        self._row = self._path.choose(
            sparsity,
            compactness,
            max_nonzero=max_nonzero,
            min_r2=min_r2,
            one_standard_error=base.one_standard_error,
        )
        self._prices = (sparsity, compactness)
        self.activation_ = self._searched[self._row]
        self.network_ = self._path.networks[self._row]
        self.n_nonzero_ = self.network_.n_nonzero


def _joined_path(regressors: dict[str, SWATRegressor]) -> tuple[Path, list[str]]:
    """Keep, at each size, the network with the best validation R^2, and say of which fit it is.

    Standard errors are known between networks of one fit alone.
    """
    rows: dict[int, tuple[str, int]] = {}

    def judged(name: str, row: int) -> float:  # without validation rows, as in Path
        path = regressors[name]._path
        return path.r2_train[row] if np.isnan(path.r2_validation[row]) else path.r2_validation[row]

    for name, regressor in regressors.items():
        for row, size in enumerate(regressor._path.n_nonzero.tolist()):
            if size not in rows or judged(name, row) > judged(*rows[size]):
                rows[size] = (name, row)
    kept = [rows[size] for size in sorted(rows)]
    networks = [regressors[name].networks_[row] for name, row in kept]
    train, validation = (
        [getattr(regressors[name]._path, figure)[row] for name, row in kept] for figure in ("r2_train", "r2_validation")
    )
    error = [
        [regressors[name]._path.standard_error[row, other] if name == its else 0.0 for its, other in kept]
        for name, row in kept
    ]
    return Path(networks, np.array(train), np.array(validation), np.array(error)), [name for name, _ in kept]

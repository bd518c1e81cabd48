"""One activation for the whole network, as in the first paper: several searches, and the best of them at each size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import validate_data

from sk_swat.estimators.fitted import PathMixin
from sk_swat.estimators.regressor import SWATRegressor
from sk_swat.network.activations import check_activations
from sk_swat.network.path import Path
from sk_swat.refine.table import Table
from sk_swat.utils.parameters import draw_seed

__all__ = ["FixedActivationRegressor"]


class FixedActivationRegressor(PathMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Small network with one activation for all neurons, the best of those searched one activation at a time.

    The search of arXiv 2410.08339, which has one autoencoder for each activation: here a clone of `estimator`, a
    `SWATRegressor`, is fitted for each. Of their paths, the network with the best validation R^2 is kept at each size;
    which one is chosen follows the rules of `SWATRegressor`. All fits share one seed, the estimator's if `random_state`
    is None, so that all are judged on the same held-out rows. After fit, `regressors_` holds them by activation, and
    `path_` says in the column "searched" from which each network comes. The activations are those that the second
    paper compares with; the first has "sigmoid", "leaky_relu" (of slope 0.1 there, 0.01 here) and "identity".

    >>> from sklearn.datasets import load_diabetes
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
        names = check_activations(self.activations)
        if self.estimator is not None and not isinstance(self.estimator, SWATRegressor):
            raise TypeError(f"`estimator` must be a SWATRegressor or None, got {self.estimator!r}.")
        base = SWATRegressor() if self.estimator is None else self.estimator
        seed = draw_seed(base.random_state if self.random_state is None else self.random_state)
        table, target = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        self.regressors_ = {
            name: clone(base).set_params(activations=(name,), random_state=seed).fit(X, y) for name in names
        }
        self._path, self._searched = _join_paths(self.regressors_)
        prices, careful = (base.sparsity, base.compactness), base.one_standard_error
        row = self._path.choose(*prices, max_nonzero=base.max_nonzero, one_standard_error=careful)
        self._keep_row(row, prices)
        self._keep_summary(Table.of(table, target, most_merged=0), seed)
        return self

    # the rules of the choice are those of the estimator
    sparsity = property(lambda self: self._base.sparsity)
    compactness = property(lambda self: self._base.compactness)
    max_nonzero = property(lambda self: self._base.max_nonzero)
    one_standard_error = property(lambda self: self._base.one_standard_error)

    @property
    def _base(self) -> SWATRegressor:
        return next(iter(self.regressors_.values()))

    @property
    def path_(self) -> pd.DataFrame:
        """Best network at each size: a DataFrame of one row each."""
        return super().path_.assign(searched=self._searched)

    @property
    def activation_(self) -> str:
        """Activation of the search that the network comes from."""
        return self._searched[self._row]


def _join_paths(regressors: dict[str, SWATRegressor]) -> tuple[Path, list[str]]:
    """Keep, at each size, the network with the best validation R^2, and say of which fit it is.

    Standard errors are known between networks of one fit alone.
    """
    paths = {name: regressor._path for name, regressor in regressors.items()}
    rows: dict[int, tuple[str, int]] = {}
    for name, path in paths.items():
        for row, size in enumerate(path.n_nonzero.tolist()):
            known = rows.setdefault(size, (name, row))
            if path.r2_validation[row] > paths[known[0]].r2_validation[known[1]]:
                rows[size] = (name, row)
    kept = [rows[size] for size in sorted(rows)]
    networks = [regressors[name].networks_[row] for name, row in kept]
    train, validation = (
        np.array([getattr(paths[name], figure)[row] for name, row in kept]) for figure in ("r2_train", "r2_validation")
    )
    error = [
        [paths[name].standard_error[row, other] if name == its else 0.0 for its, other in kept] for name, row in kept
    ]
    return Path(networks, train, validation, np.array(error)), [name for name, _ in kept]

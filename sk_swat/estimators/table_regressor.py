"""What SWATRegressor and LatentDescentRegressor share: `fit` for a table, records of the search, warm start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import column_or_1d

from sk_swat.estimators.callbacks import CallbackSupportMixin, FitCallbacks, fit_callbacks
from sk_swat.estimators.fitted import undo_on_error
from sk_swat.estimators.report import candidate_table, search_report
from sk_swat.estimators.searching import Context, SearchMixin
from sk_swat.fitting.settings import Settings
from sk_swat.network.exporting import ExportMixin
from sk_swat.network.path import Path
from sk_swat.network.targets import real_target, target_names
from sk_swat.refine.table import Table
from sk_swat.utils.numeric import refuse_dates, validate_numbers

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import Ending, Found, Search, Stage
    from sk_swat.fitting.starts import Earlier

__all__ = ["TableRegressor"]


class TableRegressor(ExportMixin, SearchMixin, CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Regressor that searches a network for a table."""

    activations: Any
    readout = "ridge"
    warm_start: bool

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find a sparse network for the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in any units; finite.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target, in any units; finite. Several are given by one network with as many outputs; errors are means over
            the targets, each in units of its variance.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0: a weight of 2 is a row that comes twice, one of 0 a row that is not
            there. Weights with a sum below the number of rows that count are scaled up to it. None stands for once.

        Returns
        -------
        self : estimator
            The fitted regressor. If an error ends the fit, the regressor is as it was before.
        """
        with undo_on_error(self), fit_callbacks(self, X, y, sample_weight) as callbacks:
            return self._fit(X, y, sample_weight, callbacks)

    def _fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, callbacks: FitCallbacks | None) -> Self:
        begin = self._clock()
        settings = self._settings()
        self._keep_target_names(target_names(y))
        refuse_dates(sample_weight, "sample_weight")
        # in C order, so that means are rounded the same way whatever the table's layout
        inputs, target = validate_numbers(
            self, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True, y_numeric=True
        )
        target = real_target(target)
        if target.ndim == 2 and target.shape[1] == 1:
            target = column_or_1d(target, warn=True)
        elif target.ndim == 2 and self.readout != "ridge":
            raise ValueError(f"readout must be 'ridge' for several targets, got {self.readout!r}.")
        table = Table.of(inputs, target, sample_weight, settings.limits.merged)
        self._fit_table(table, settings, begin, self._plan, callbacks)
        return self

    def _settings(self) -> Settings:
        """Check all parameters."""
        raise NotImplementedError

    def _plan(self, table: Table, context: Context) -> tuple[Search, list[Stage], Ending]:
        """Stages of the fit."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _keep(self, search: Search, found: Found, path: Path, row: int) -> None:
        candidates = [search.candidates[index] for index in found.candidates]
        self._path, chosen = path, candidates[row]
        self._latents: list[np.ndarray | None] = [candidate.latent for candidate in candidates]
        self.candidates_ = candidate_table(search.candidates, chosen)
        self.search_report_ = [search_report(one) for one in search.depth_searches]
        self.fit_report_ = [vars(record) for record in search.records]
        self._start = None
        if self.warm_start:
            self._start = (search.fingerprint, (chosen.depth, chosen.latent, chosen.inputs, chosen.threshold))
        self._keep_row(row, (search.settings.sparsity, search.settings.compactness))

    def _keep_alone(self, path: Path) -> Self:
        self._path, self._latents = path, [None]
        self.candidates_ = candidate_table([], None)
        self.search_report_, self.fit_report_ = [], []
        self._start, self.n_iter_ = None, 0
        self._keep_row(0, (self.sparsity, self.compactness))
        return self

    def _keep_row(self, row: int, prices: tuple[float, float]) -> None:
        self.latent_ = self._latents[row]
        super()._keep_row(row, prices)

    def _earlier(self, table: Table, context: Context) -> Earlier | None:
        """Where the previous fit ended, if this one can go on from there: same checkpoint, as many columns."""
        from sk_swat.fitting.starts import Earlier

        before: Any = getattr(self, "_start", None)
        if not self.warm_start or before is None:
            return None
        fingerprint, (depth, latent, inputs, threshold) = before
        if fingerprint != context.checkpoint.fingerprint or len(inputs) != table.X.shape[1]:
            return None
        network, settings = self.network_, context.settings
        fits = network.n_outputs == len(table.y) and network.depth in settings.depths
        fits = fits and settings.latent.allows(network)
        return Earlier(depth, latent, inputs, threshold, network if fits else None)

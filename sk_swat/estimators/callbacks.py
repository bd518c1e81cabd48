"""scikit-learn's callbacks: the stages of a fit as its tasks. They need scikit-learn 1.9."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.fitting.progress import Watcher
from sk_swat.network.path import Path
from sk_swat.network.sparse_mlp import SparseMLP

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # an older scikit-learn

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: estimators have no `set_callbacks`."""

    with_callbacks = None

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import StageRecord
    from sk_swat.latent.run import DepthSearch

__all__ = ["CallbackSupportMixin", "FitCallbacks", "fit_callbacks"]


class FitCallbacks(Watcher):
    """Tells the callbacks of an estimator of its fit: a task for the fit, one for each stage and one for each part.

    Parameters
    ----------
    estimator : SWATRegressor
        Being fitted.
    X, y, sample_weight
        As they were given to `fit`.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._estimator = estimator
        self._fit: Any = None
        self.finish: Callable[[Path], Path] | None = None  # what is done to a path of the search before it is kept
        self.complete: Callable[[Any], object] | None = None  # what is done to an estimator that keeps such a path

    def begin_search(self, n_stages: int) -> None:
        """Begin the task of the fit."""
        self._fit = self._estimator._init_callback_context(max_subtasks=n_stages)
        self._fit.call_on_fit_task_begin(**self._told)

    def begin_stage(self, name: str, parts: Sequence[str] = ()) -> None:
        """Begin the task of a stage, and that of its first part."""
        self._stage = self._begun(self._fit, name, len(parts))
        self._parts = iter(parts)
        self._begin_part()

    def end_part(self, search: DepthSearch | None = None) -> bool:
        """End the task of a part, and begin that of the next one."""
        stop = self._part.call_on_fit_task_end(**self._told)
        self._begin_part()
        return stop

    def end_stage(self, stage: StageRecord, network: Callable[[], SparseMLP]) -> bool:
        """End the task of a stage."""

        def attributes() -> dict[str, Any]:
            path = Path([network()], np.full(1, stage.r2_after), np.full(1, np.nan), np.zeros((1, 1)))
            path = path if self.finish is None else self.finish(path)
            estimator = copy.copy(self._estimator)._keep_alone(path)
            if self.complete is not None:
                self.complete(estimator)
            return vars(estimator)

        return self._stage.call_on_fit_task_end(**self._told, reconstruction_attributes=attributes)

    def end_fit(self) -> None:
        """End the task of the fit, once the estimator is fitted; it has no stages if there was nothing to search."""
        if self._fit is None:
            self.begin_search(0)
        self._fit.call_on_fit_task_end(**self._told, reconstruction_attributes={})

    def _begin_part(self) -> None:
        name = next(self._parts, None)
        if name is not None:
            self._part = self._begun(self._stage, name, 0)

    def _begun(self, parent: Any, name: str, n_parts: int) -> Any:
        return parent.subcontext(task_name=name, max_subtasks=n_parts).call_on_fit_task_begin(**self._told)


@contextmanager
def fit_callbacks(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Iterator[FitCallbacks | None]:
    """Give what tells the callbacks of a fit, and let them tidy up after it; None with an older scikit-learn."""
    if with_callbacks is None:
        yield None
        return
    callbacks = FitCallbacks(estimator, X, y, sample_weight)
    try:
        yield callbacks
        callbacks.end_fit()
    finally:
        _tear_down(estimator)


def _tear_down(estimator: Any) -> None:
    """Tear down the callbacks: scikit-learn does so after a method, here one that does nothing."""
    with_callbacks(lambda _: None)(estimator)

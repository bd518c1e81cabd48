"""The fit that all estimators share: from a table, by the stages of the estimator, to a path that is kept."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_swat.estimators.callbacks import FitCallbacks
from sk_swat.estimators.fitted import PathMixin
from sk_swat.estimators.narrow import warn_of_rounding, warn_of_unresolved
from sk_swat.estimators.report import FitLog, show_log
from sk_swat.fitting.limits import RowLimits
from sk_swat.fitting.progress import Watcher, watchers
from sk_swat.fitting.settings import Settings
from sk_swat.network.path import Path
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.losses import Loss, SquaredError
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline, deadlines_of
from sk_swat.utils.interrupts import interruptible
from sk_swat.utils.parameters import check_depths

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import Ending, Found, Search, Stage
    from sk_swat.latent.checkpoint import Checkpoint
    from sk_swat.latent.proposals import Proposals
    from sk_swat.refine.criteria import Criterion

__all__ = ["Context", "SearchMixin"]


@dataclass(frozen=True)
class Context:
    """What a fit has beside its table, once torch and the checkpoint are loaded."""

    checkpoint: Checkpoint
    proposals: Proposals
    settings: Settings
    deadlines: tuple[Deadline, Deadline]
    watchers: Sequence[Watcher]

    def search(self, table: Table, n_rows: int) -> Search:
        """Search of a standardised table, on so many of its rows."""
        from sk_swat.fitting.search import Search

        search = Search(*self.arguments(table, n_rows))
        search.fingerprint = self.checkpoint.fingerprint
        return search

    def arguments(self, table: Table, n_rows: int) -> tuple[Any, ...]:
        """Give what a Search takes."""
        return table, n_rows, self.proposals, self.settings, self.deadlines, self.watchers


class SearchMixin(PathMixin):
    """The part of `fit` that follows the checks of the data.

    An estimator gives it a plan: a function that takes a table and a Context, and gives the search, its stages in their
    order, and its ending.
    """

    checkpoint: Any
    verbose: int
    _limits = RowLimits()
    _loss: Loss = SquaredError()
    _criterion: Criterion | None = None  # Optimal Brain Surgeon
    _clock = staticmethod(time.monotonic)

    @property
    def _target(self) -> str:
        """What messages call the target."""
        return "y"

    def _proposals(self, checkpoint: Checkpoint) -> Proposals:
        """Where networks come from."""
        from sk_swat.latent.proposals import LatentProposals

        return LatentProposals(checkpoint)

    def _fit_table(
        self,
        table: Table,
        settings: Settings,
        begin: float,
        plan: Callable[[Table, Context], tuple[Search, Sequence[Stage], Ending]],
        callbacks: FitCallbacks | None = None,
    ) -> None:
        """Search unless nothing varies, and set all fitted attributes; the clock stood at `begin` when `fit` began."""
        if callbacks is not None:
            callbacks.complete = lambda estimator: estimator._keep_summary(table, settings.seed)
        warn_of_unresolved(self, table, self._target)
        rounding = 0.0
        if table.is_constant:
            varies = bool((table.y != table.y[:, :1]).any())
            r2 = np.full(1, 0.0 if varies else 1.0)
            self._keep_alone(Path([SparseMLP.constant(self.n_features_in_, table.means)], r2, r2, np.zeros((1, 1))))
        else:
            rounding = self._search(table, settings, begin, plan, callbacks)
        self._keep_summary(table, settings.seed)
        warn_of_rounding(self, rounding, table.units, self._target)

    def _search(
        self,
        table: Table,
        settings: Settings,
        begin: float,
        plan: Callable[[Table, Context], tuple[Search, Sequence[Stage], Ending]],
        callbacks: FitCallbacks | None,
    ) -> float:
        """Search, keep the path, and say what rounding in raw units costs, in R^2."""
        spent = self._clock() - begin  # without what is loaded once a process
        from sk_swat.fitting.search import find_path
        from sk_swat.latent.checkpoint import load_checkpoint
        from sk_swat.utils.torch_state import usual_torch

        checkpoint = load_checkpoint(self.checkpoint)
        deadlines = deadlines_of(settings.time_limit, spent, self._clock)
        watching: list[Watcher] = [FitLog(), *watchers()]
        if callbacks is not None:
            callbacks.finish = table.with_constants
            watching.append(callbacks)
        with interruptible(deadlines[0].stop) as interrupt, show_log(self.verbose), usual_torch():
            check_depths(settings.depths, checkpoint.autoencoder.config.max_depth)
            context = Context(checkpoint, self._proposals(checkpoint), settings, deadlines, watching)
            search, stages, ending = plan(replace(table.without_constants(), loss=settings.loss), context)
            found = find_path(search, stages, ending)
            path = table.with_constants(found.path)
            row = settings.choose(path)
            self._keep(search, found, path, row)
        if interrupt.happened:
            warnings.warn(
                "The fit was interrupted; the best networks found until then are kept.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return found.rounding

    def _keep(self, search: Any, found: Found, path: Path, row: int) -> None:
        """Keep the path, of which one row is chosen, and the records of a search; `found` lacks constant targets."""
        raise NotImplementedError

    def _keep_alone(self, path: Path) -> SearchMixin:
        """Set the fitted attributes for a path of one network, without the records of a search."""
        raise NotImplementedError

"""Records of a fit as a user sees them: candidates, what each depth and each stage gained, and lines for the log."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.fitting.progress import Watcher

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import StageRecord
    from sk_swat.latent.run import Candidate, DepthSearch
    from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["FitLog", "candidate_table", "search_report", "show_log"]

logger = logging.getLogger("sk_swat")

_COLUMNS = ("depth", "restart", "step", "start_objective", "objective", "n_nonzero", "n_neurons")


def candidate_table(candidates: Sequence[Candidate], chosen: Candidate | None) -> dict[str, np.ndarray]:
    """Columns of one entry for each candidate; sizes count as the objective does, one bias for each neuron."""
    columns = {name: np.array([getattr(candidate, name) for candidate in candidates]) for name in _COLUMNS}
    return columns | {"chosen": np.array([candidate is chosen for candidate in candidates], dtype=bool)}


def search_report(search: DepthSearch) -> dict[str, Any]:
    """Say what each stage of the latent search of one depth gained and how long it took."""
    return {
        "depth": search.depth,
        "selection_objective": search.selection_curve,
        "start_objective": min((candidate.start_objective for candidate in search.candidates), default=math.inf),
        "objective": search.objective,
        "n_iter": search.n_iter,
        "seconds": search.seconds,
        "stop_reason": search.stop_reason,
        "dropped": search.dropped,
    }


class FitLog(Watcher):
    """Logs one line for each depth of the latent search, and one for each stage of the fit, when it has ended."""

    def end_part(self, search: DepthSearch | None = None) -> bool:
        """Log a depth."""
        if search is not None:
            logger.info(
                f"depth {search.depth}: best objective {search.objective:.5f} after {search.n_iter} steps "
                f"({search.stop_reason}), {sum(search.seconds.values()):.1f} s"
            )
        return False

    def end_stage(self, stage: StageRecord, network: Callable[[], SparseMLP]) -> bool:
        """Log a stage."""
        logger.info(f"{stage.name}: R^2 {stage.r2_before:.5f} to {stage.r2_after:.5f}, {stage.seconds:.1f} s")
        return False


@contextmanager
def show_log(verbose: int) -> Iterator[None]:
    """Show the log on standard output during a verbose fit, unless the user has set up logging."""
    if not verbose:
        yield
        return
    handler = None if logger.hasHandlers() else logging.StreamHandler(sys.stdout)
    level = logger.level
    logger.setLevel(logging.INFO)
    if handler is not None:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        if handler is not None:
            logger.removeHandler(handler)

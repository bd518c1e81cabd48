"""Records of a fit as a user sees them: candidates, what each depth and each stage gained, and lines for the log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.search import Candidate, DepthSearch

__all__ = ["candidate_table", "fit_lines", "search_report"]

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


def fit_lines(depths: Sequence[dict[str, Any]], stages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines for the log: one for each depth of the latent search, one for each stage of the fit."""
    for depth in depths:
        yield (
            f"depth {depth['depth']}: best objective {depth['objective']:.5f} after {depth['n_iter']} steps "
            f"({depth['stop_reason']}), {sum(depth['seconds'].values()):.1f} s"
        )
    for stage in stages:
        yield f"{stage['name']}: R^2 {stage['r2_before']:.5f} to {stage['r2_after']:.5f}, {stage['seconds']:.1f} s"

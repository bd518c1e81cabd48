"""The end of a fit without refinement: the best decoded network, with its output layer fitted to all rows."""

from __future__ import annotations

import numpy as np

from sk_swat.fitting.judging import PathNetwork, found_path, with_rounding
from sk_swat.fitting.search import DTYPE, Ending, Found, Outcome, Search, in_raw_units
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.refine.front import Front
from sk_swat.refine.table import Table

__all__ = ["BestCandidate"]


class BestCandidate(Ending):
    """A path of one network: the best candidate of at most `max_nonzero` parameters, judged by the held-out rows.

    Parameters
    ----------
    table : Table
        All rows in raw units.
    order : ndarray of int
        Its rows, held-out ones first; without time the output layer is fitted to the last of them alone.
    """

    name = "readout"

    def __init__(self, table: Table, order: np.ndarray) -> None:
        self._table, self._order = table, order

    def run(self, front: Front, search: Search, outcome: Outcome) -> Found:
        """Choose, judge, and fit the output layer, unless it stays as decoded."""
        search.check_candidates()
        index = _best(search)
        network = search.candidates[index].network.map(lambda part: part.double())
        table, settings = search.table, search.settings
        validation, weight = np.full(1, np.nan), None
        if table.held is not None:
            rows = table.held.tensors(DTYPE)
            validation = rows.losses(network).numpy(force=True)[0] / rows.loss.unit(rows)
            weight = None if rows.weight is None else rows.weight.numpy()
        n_last = settings.limits.polished if search.deadline.passed() else len(self._order)
        rows = self._table.standardise(np.sort(self._order[-n_last:])).tensors(DTYPE)
        if settings.latent.readout == "ridge":
            network = with_readout(network, solve_readout(network.last_hidden(rows.X), rows))
        fvu = float(rows.error(network)) / rows.constant_loss
        found = PathNetwork(in_raw_units(network, table.units), index, fvu, validation, weight)
        path = with_rounding([found], rows, table.units, np.arange(table.X.shape[1]))
        outcome.r2_after, outcome.network = 1 - path[0].train_fvu, path[0].network
        return found_path(path)


def _best(search: Search) -> int:
    """Index of the candidate with the smallest objective."""
    candidates, most = search.candidates, search.settings.max_nonzero
    allowed = [i for i, one in enumerate(candidates) if most is None or one.n_nonzero <= most]
    if not allowed:
        raise ValueError(
            f"max_nonzero must be at least {min(one.n_nonzero for one in candidates)}, the size of the smallest "
            f"network found without refinement, got {most}; SWATRegressor prunes down to any size."
        )
    return min(allowed, key=lambda i: candidates[i].objective)

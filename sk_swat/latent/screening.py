"""Rank hard networks on a table: input layers at random, readouts fitted, the best go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sk_swat.latent.objective import hard_objective, hard_sizes
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.columns import column_chance
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["DrawnInputs", "best_and_small", "draw_inputs", "fit_readouts", "screen"]

_COUNTED = 0.02  # decoded weights below this do not count while networks are ranked
_FEW_ROWS = 64  # on which all networks are ranked before the better ones are ranked on more
_TOGETHER = 256  # networks that are ranked between two looks at the clock


def screen(
    networks: Callable[[torch.Tensor], SoftNetworks],
    kind: torch.Tensor,
    table: Table,
    config: SearchConfig,
    deadline: Deadline | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rank hard networks on a few rows, and the best `n_decoded`, or `n_restarts` if that is more, on more rows.

    `networks` makes those of some indices, on the columns of the table; `kind`, of shape (n_networks,), is equal for
    networks that differ in what their inputs see alone. After the deadline no more than a first group is ranked.

    Returns indices, best first but each kind once before any comes again, with objectives and sizes.
    """
    with torch.no_grad():
        every = torch.arange(len(kind), device=kind.device)
        score, _ = _in_groups(networks, every, table[:_FEW_ROWS], config, deadline)
        index = score.argsort(stable=True)[: max(config.n_decoded, config.n_restarts)]
        score, size = _in_groups(networks, index, table[: config.n_ranking_rows], config, deadline)
    index = index[: len(score)]
    order = score.argsort(stable=True)
    order = torch.cat([order[first := _first_of_its_kind(kind[index][order])], order[~first]])
    return index[order], score[order], size[order]


def _in_groups(
    networks: Callable[[torch.Tensor], SoftNetworks],
    index: torch.Tensor,
    table: Table,
    config: SearchConfig,
    deadline: Deadline | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Objectives and sizes of the networks, in this order, up to the group in which the time is up."""
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for group in index.split(_TOGETHER):
        if found and deadline is not None and deadline.passed():
            break
        found.append(fit_readouts(networks(group), table, config)[1:])
    score, size = zip(*found, strict=True)
    return torch.cat(score), torch.cat(size)


def _first_of_its_kind(values: torch.Tensor) -> torch.Tensor:
    """Which elements equal no earlier one."""
    order = values.argsort(stable=True)
    new = torch.ones_like(values, dtype=torch.bool)
    new[order[1:]] = values[order[1:]] != values[order[:-1]]
    return new


def fit_readouts(
    networks: SoftNetworks, table: Table, config: SearchConfig
) -> tuple[SoftNetworks, torch.Tensor, torch.Tensor]:
    """Fit the readouts of hard networks; networks with them, objectives and sizes of shape (n_networks,)."""
    readout = solve_readout(networks.last_hidden(table.X), table)
    networks = with_readout(networks, readout)
    n_fitted = (networks.mask[-1].sum(1) + 1) * networks.n_outputs
    score = hard_objective(networks, table, config, readout.unexplained, _COUNTED, n_fitted)
    return networks, score, hard_sizes(networks, _COUNTED)[0].to(score.dtype)


def best_and_small(score: torch.Tensor, size: torch.Tensor, config: SearchConfig) -> torch.Tensor:
    """Give the indices of the starts to go on with: the best, and for a share of them small ones that follow.

    `score` of shape (n_starts,) is in the order of :func:`screen`. Small ones are those with the best objective
    at a higher price of a parameter, of the `n_parents` best.
    """
    score, size = (part[: max(config.n_parents, config.n_restarts)] for part in (score, size))
    n_small = int(config.small_share * config.n_restarts)
    n_best = config.n_restarts - n_small
    small = (score[n_best:] + config.small_price * size[n_best:]).argsort(stable=True)[:n_small]
    return torch.cat([torch.arange(min(n_best, len(score)), device=score.device), small + n_best])


@dataclass(frozen=True)
class DrawnInputs:
    """What each input slot sees: one column each, with a sign; slots beyond the drawn columns see nothing.

    `column` and `sign` (1 or -1, 0 for slots that are not in use) have shape (n_starts, n_drawn), `shape` holds the
    numbers of columns of the table and of slots.
    """

    column: torch.Tensor
    sign: torch.Tensor
    shape: tuple[int, int]

    def layers(self, index: torch.Tensor | slice = slice(None)) -> torch.Tensor:
        """Input layers of some of the starts, or all, of shape (n, n_columns, n_slots)."""
        column, sign = self.column[index], self.sign[index]
        inputs = sign.new_zeros(len(column), *self.shape)
        rows = torch.arange(len(column))[:, None].expand_as(column)
        inputs[rows, column, torch.arange(column.shape[1]).expand_as(column)] = sign
        return inputs


def draw_inputs(table: Table, input_mask: torch.Tensor, generator: torch.Generator) -> DrawnInputs:
    """Give every slot in use (1 in `input_mask`, of shape (n_starts, n_slots)) a column of its own and a sign.

    Columns that say more alone are drawn more often.
    """
    n_starts, slots = input_mask.shape
    columns = torch.as_tensor(table.columns, device=table.X.device)
    chance = (column_chance(table) if table.chance is None else table.chance)[columns]
    n_drawn = min(len(columns), slots)
    drawn = columns[torch.multinomial(chance.expand(n_starts, -1), n_drawn, replacement=False, generator=generator)]
    negative = torch.rand(n_starts, n_drawn, generator=generator, dtype=torch.float32) < 0.5
    sign = 1 - 2 * negative.float()
    return DrawnInputs(drawn, sign * input_mask[:, :n_drawn], (table.X.shape[1], slots))

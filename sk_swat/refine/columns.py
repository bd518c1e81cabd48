"""Which columns of a wide table a network gets to see: those in use, those its residuals ask for, and some by chance.

A network is polished and pruned on a dozen columns at a time. Screening decides only what it is likely to see next: the
tests are made anew on the residuals of each network, and a share of the columns is drawn from all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine import _core
from sk_swat.refine.compiled import CompiledBatch, how
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline, TimeIsUp

__all__ = ["ColumnView", "column_chance", "column_view", "with_chances"]

_BY_CHANCE = 0.2  # least share of the draws that all columns have alike, whatever the tests say
_DOUBT = 2.0  # standard errors beyond chance after which the tests decide half of the other draws
_MOST_PAIRED = 2000  # columns whose products are tested
_MOST_PRODUCTS = 1_000_000_000  # of two values between two looks at the clock
_FEW_COLUMNS = 16  # tables up to this width are seen as a whole
_FEWEST_SEEN, _MORE, _DRAWN = 10, 4, 2  # columns seen: at least, besides those in use, and how many of these by chance


@dataclass(frozen=True)
class ColumnView:
    """Some columns of a table of `n_columns`, and networks on them.

    `columns` has shape (n_networks, n_seen), or (n_seen,) if all networks see the same ones.
    """

    columns: torch.Tensor
    n_columns: int

    def rows(self, rows: Table) -> Table:
        """Give the same rows with these columns alone, one set for each network if they see different ones."""
        X = rows.X[:, self.columns] if self.columns.ndim == 1 else rows.X.mT[self.columns].mT
        return Table(X, rows.y, rows.weight, rows.loss)

    def narrow(self, networks: SoftNetworks) -> SoftNetworks:
        """Networks on the seen columns; what they have on others is lost."""
        first, mask = networks.weights[0], networks.input_mask
        index = self.columns.expand(len(networks), -1)
        weights = (first.gather(1, index[:, :, None].expand(-1, -1, first.shape[2])), *networks.weights[1:])
        return networks.replace(weights=weights, input_mask=mask.gather(1, index))

    def widen(self, networks: SoftNetworks, origin: torch.Tensor | None = None) -> SoftNetworks:
        """Networks on all columns; `origin` of shape (n_networks,) says whose columns each of them sees."""
        index = self.columns if origin is None or self.columns.ndim == 1 else self.columns[origin]
        index = index.expand(len(networks), -1)
        first = networks.weights[0]
        whole = first.new_zeros(len(networks), self.n_columns, first.shape[2])
        whole = whole.scatter(1, index[:, :, None].expand(-1, -1, first.shape[2]), first)
        mask = networks.input_mask.new_ones(len(networks), self.n_columns)
        return networks.replace(weights=(whole, *networks.weights[1:]), input_mask=mask)

    @classmethod
    def in_use(cls, networks: list[SoftNetworks]) -> ColumnView:
        """Columns that any of the networks reads, of the same table; at least one."""
        used = torch.stack([(network.weights[0] != 0).any(2).any(0) for network in networks]).any(0)
        used[0] |= ~used.any()
        return cls(used.nonzero().squeeze(1), len(used))


def column_chance(rows: Table, residuals: torch.Tensor | None = None, deadline: Deadline | None = None) -> torch.Tensor:
    """Chance with which each column should be drawn, of shape (n_columns,), with sum 1.

    At least a fifth is the same for all columns. The rest goes to columns of which a test says more than chance allows:
    that the column, its square, or its product with another column (of the 2000 most telling ones) goes with the
    residuals, of shape (n_targets, n_rows); None takes the targets. Tests are sums over their standard errors with a
    Bonferroni bound, so outliers count once. If the deadline passes before all of them are made, those of single
    columns with the first residuals decide, or more.
    """
    deadline = deadline or Deadline()
    residuals = rows.y if residuals is None else residuals
    residuals = residuals - rows.mean(residuals)[:, None]
    told = _evidence(rows, residuals, deadline)
    told = (1 - _BY_CHANCE) * told / (told.sum() + _DOUBT)
    return told + (1 - told.sum()) / len(told)


def with_chances(table: Table, deadline: Deadline | None = None) -> Table:
    """Give the table with the chances of its columns, or what is known of them when the deadline passes."""
    return replace(table, chance=column_chance(table, deadline=deadline))


def _evidence(rows: Table, residuals: torch.Tensor, deadline: Deadline) -> torch.Tensor:
    """Say how far the tests of each column are beyond chance, summed over the residuals of several targets."""
    X, n_columns = rows.X, rows.X.shape[1]
    square = X.square() - rows.mean(X.square().mT)
    told = X.new_zeros(n_columns)
    for residual in residuals:
        alone, weight = residual[:, None], rows.weight
        single = [_beyond_chance(_z_squared(part, alone, weight)[:, 0], n_columns) for part in (X, square)]
        spread = _z_squared(square, alone.square() - rows.mean(residual.square()), weight)[:, 0]
        likely = torch.stack([*single, spread]).amax(0).topk(min(n_columns, _MOST_PAIRED)).indices
        some, paired = X[:, likely], torch.zeros_like(told)
        try:
            pairs = _z_squared(some, some * alone, weight, deadline).fill_diagonal_(0.0)
            paired[likely] = _beyond_chance(pairs.amax(1), max(1, len(likely) ** 2 // 2))
        except TimeIsUp:
            pass
        told = told + (single[0] + single[1] + paired).sqrt()
        if deadline.passed():
            break
    return told.nan_to_num(0.0, 0.0)


def column_view(
    networks: SoftNetworks,
    rows: Table,
    chance: torch.Tensor,
    generator: torch.Generator,
    deadline: Deadline | None = None,
) -> ColumnView | None:
    """Columns that each network sees while it is polished and pruned; None where the table is so narrow that it is all.

    These are the columns in use, then those whose new weights would lower the loss of this very network most (by the
    slope, of a weight into any neuron or into the output), and some that are drawn, with the chances that
    :func:`column_chance` gives. Raises TimeIsUp if the deadline passes before all slopes are known.
    """
    n_columns = rows.X.shape[1]
    if n_columns <= _FEW_COLUMNS:
        return None
    used = (networks.weights[0] != 0).any(2)
    n_seen = min(n_columns, max(_FEWEST_SEEN, int(used.sum(1).max()) + _MORE))
    wanted = torch.where(used, torch.inf, _slopes(networks, rows, deadline or Deadline()).to(torch.float64))
    asked = wanted.topk(n_seen - _DRAWN, dim=1).indices
    uniform = torch.rand(used.shape, generator=generator, dtype=torch.float64)
    key = (uniform.log() / chance.to(torch.float64)).scatter(1, asked, -torch.inf)  # weighted, without replacement
    drawn = key.topk(_DRAWN, dim=1).indices
    return ColumnView(torch.cat([asked, drawn], dim=1).sort(dim=1)[0], n_columns)


def _slopes(networks: SoftNetworks, rows: Table, deadline: Deadline) -> torch.Tensor:
    """Largest squared test value of a new weight from each column, of shape (n_networks, n_columns)."""
    used = ColumnView.in_use([networks])  # the core copies what it gets
    batch = CompiledBatch.of(used.narrow(networks), used.rows(rows))
    found = _core.pull(*batch.arguments, how(deadline=deadline))
    if found is None:
        raise TimeIsUp
    pulls = torch.from_numpy(found)
    pull, residuals = pulls[:, : networks.mask[0].shape[1]].to(rows.X), pulls[:, -1].to(rows.X)
    n, width = pull.shape[:2]
    slopes = _z_squared(rows.X, pull.reshape(n * width, -1).mT, rows.weight, deadline).reshape(-1, n, width).amax(2)
    new = _z_squared(rows.X, residuals.mT, rows.weight, deadline)
    bent = _z_squared(rows.X.square() - rows.mean(rows.X.square().mT), residuals.mT, rows.weight, deadline)
    return torch.stack([slopes, new, bent]).amax(0).mT.nan_to_num(0.0, 0.0)


def _z_squared(
    columns: torch.Tensor, others: torch.Tensor, weight: torch.Tensor | None, deadline: Deadline | None = None
) -> torch.Tensor:
    """(sum a b)^2 / sum (a b)^2 over the counted rows, for columns a and others b: shape (n_columns, n_others)."""
    counted = 1.0 if weight is None else weight[:, None]
    squares, found = columns.square(), []
    for part in others.split(max(1, _MOST_PRODUCTS // max(1, columns.numel())), dim=1):
        if deadline is not None:
            deadline.check()
        error = (squares.mT @ (counted * part.square())).clamp_min(1e-30)
        found.append((columns.mT @ (counted * part)).square() / error)
    return torch.cat(found, dim=1)


def _beyond_chance(z_squared: torch.Tensor, n_tests: int) -> torch.Tensor:
    """Give what a squared test value has above the largest of so many by chance."""
    return (z_squared - 2 * math.log(max(2, n_tests))).clamp_min(0)

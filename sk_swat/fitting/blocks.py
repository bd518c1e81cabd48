"""Networks as sums of decoded subnetworks: another block for what is left unexplained, as long as held-out rows gain.

One network of the autoencoder has few neurons. A sum of two is a sparse network again, block-diagonal, possibly with
other inputs and depths: capacity grows without a larger autoencoder. The block is searched on the residuals; then all
parameters are polished together, and pruned together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from sk_swat.fitting.judging import spread
from sk_swat.fitting.search import DTYPE, Outcome, Search, Stage
from sk_swat.fitting.seen import polish
from sk_swat.latent.children import can_deepen
from sk_swat.latent.proposals import Proposals
from sk_swat.latent.run import RunOptions
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.equivalence import deepen, trim
from sk_swat.network.softnet import SoftNetworks, concatenate, flatten
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Front, Member
from sk_swat.refine.pruning import prune, sizes
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.parallel import run_parallel
from sk_swat.utils.seeds import seed_of

__all__ = ["Block", "block_sum", "blocks"]

_N_BASES = 4  # networks that may be grown
_N_BLOCKS = 6  # tried for each depth
_BASE_STEPS, _SUM_STEPS = 8, 12  # Levenberg-Marquardt steps
_DOWN_TO = 0.75  # of the size of a sum: where its pruning ends
_PRICE = 1e-5  # of a parameter, by which networks are compared
_LEAST_PARAMETERS = 15  # of a block: an error of less than their price leaves nothing to gain
_GAIN = 0.98  # factor of the held-out objective below which growth goes on


class Block(Stage):
    """One more block for the best network, if held-out rows gain.

    Parameters
    ----------
    number : int
        Blocks that there are before, from 1.
    growth : _Growth
        What all blocks of a fit share.
    """

    def __init__(self, number: int, growth: _Growth) -> None:
        self._number, self._growth, self.name = number, growth, f"block {number + 1}"

    def is_due(self, front: Front, search: Search) -> bool:
        """Whether the block before has gained; the first one polishes the networks that blocks are added to."""
        growth = self._growth
        if not growth.goes_on or search.deadline.passed():
            return False
        if self._number == 1:
            growth.begin(spread(front), search)
        growth.base = growth.best
        return growth.base is not None and not search.deadline.passed() and growth.leaves_enough()

    @torch.no_grad()
    def run(self, front: Front, search: Search) -> Front:
        """Put networks of one more block into the sums of the search."""
        growth, depths = self._growth, self._growth.depths
        works = [partial(growth.adding.grow, growth.base, depth, self._number) for depth in depths]
        for found in run_parallel(works, search.settings.n_jobs, stop=search.deadline.stop):
            search.sums.join(found)
        growth.best = min(search.sums.members(), key=growth.objective)
        growth.goes_on = growth.objective(growth.best) < _GAIN * growth.objective(growth.base)
        return front

    def tell(self, outcome: Outcome, front: Front, search: Search) -> None:
        """Say what the best network has gained on the rows on which sums are polished."""
        task, base, best = self._growth.adding.task, self._growth.base, self._growth.best
        outcome.r2_before, outcome.r2_after, outcome.network = task.r2(base.error), task.r2(best.error), best.network


def blocks(search: Search) -> list[Stage]:
    """Stages that add blocks; none without held-out rows."""
    growth = _Growth()
    return [Block(number, growth) for number in range(1, search.settings.max_blocks)] if search.table.n_held else []


class _Growth:
    """How far blocks have come: the network that the last one was added to, the best one now, and whether to go on."""

    def __init__(self) -> None:
        self.goes_on = True
        self.adding: Any = None
        self.base: Any = None
        self.best: Any = None
        self.depths: list[int] = []

    @torch.no_grad()
    def begin(self, members: Sequence[Member], search: Search) -> None:
        """Polish the best networks of one block on more rows."""
        table, settings = search.table, search.settings
        rows = table.first(settings.limits.grown).tensors(DTYPE)
        task = replace(search.task, rows=rows)
        self.adding = _Adding(search.rows, search.proposals, task, settings.latent, settings.seed)
        self.depths = sorted({member.depth for member in members})
        for member in sorted((one for one in members if one.size > 1), key=self.objective)[:_N_BASES]:
            if search.deadline.passed():
                break
            self.adding.add(search.sums, member.network, member.candidate)
        self.best = min(search.sums.members(), key=self.objective, default=None)

    def objective(self, member: Member) -> float:
        """Held-out error, in units of the target's variance, after paying for the parameters."""
        return self.adding.error(member) + _PRICE * member.size

    def leaves_enough(self) -> bool:
        """Whether the base leaves more than a block costs."""
        return self.adding.error(self.base) >= _LEAST_PARAMETERS * _PRICE


@dataclass(frozen=True)
class _Adding:
    """What adds blocks, and the held-out rows that decide; it goes to other processes."""

    rows: Table
    proposals: Proposals
    task: RefineTask
    config: SearchConfig
    seed: int

    def error(self, member: Member) -> float:
        held = self.task.rows.held
        assert held is not None
        return float(held.error(member.network))

    def add(self, front: Front, network: SoftNetworks, candidate: int) -> None:
        """Polish a network, and let it compete."""
        fitted = polish(network, self.task, _BASE_STEPS)
        front.add(fitted.networks, sizes(fitted.networks, self.task), fitted.error, torch.tensor([candidate]))

    @torch.no_grad()
    def grow(self, base: Member, depth: int, number: int) -> Front:
        """Polish and prune sums of a network and blocks of one depth."""
        front = Front()
        blocks = None if self.task.deadline.passed() else self._blocks(base, depth, number)
        if blocks is None:
            return front
        first = base.network.map(lambda part: part.expand(len(blocks), *part.shape[1:]))
        pair = _of_one_depth(first, blocks, torch.tensor(self.config.allowed))
        if pair is None:
            return front
        networks, free = block_sum(*pair)
        view = ColumnView.in_use([networks])
        task = replace(self.task, rows=view.rows(self.task.rows))
        mask = flatten(view.narrow(free)) > 0
        polished = polish(view.narrow(networks), task, _SUM_STEPS, mask).networks

        def sink(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
            front.add(view.widen(trim(found)), size, error, torch.full_like(size, base.candidate))

        prune(polished, task, sink, smallest=(_DOWN_TO * mask.sum(1).float()).int())
        return front

    def _blocks(self, base: Member, depth: int, number: int) -> SoftNetworks | None:
        """Decode networks for what the base leaves unexplained."""
        rows, dtype = self.rows, self.task.rows.y.dtype
        output = base.network.map(lambda part: part.to(rows.X.dtype)).forward(rows.X)[0]
        rows = replace(rows, y=rows.y - output, held=None)
        config = replace(self.config, n_restarts=_N_BLOCKS, small_share=0.0)
        options = RunOptions(deadline=self.task.deadline)
        (search,) = self.proposals.search(rows, [depth], config, seed_of(self.seed, number), options)
        if not search.candidates:
            return None
        return concatenate([one.network for one in search.candidates]).map(lambda part: part.to(dtype))


def _of_one_depth(
    first: SoftNetworks, second: SoftNetworks, allowed: torch.Tensor
) -> tuple[SoftNetworks, SoftNetworks] | None:
    """Deepen the shallower of two batches to the depth of the other; None where that is not allowed."""
    while first.depth != second.depth:
        if not can_deepen(first, allowed):
            return None
        first, second = (deepen(first), second) if first.depth < second.depth else (first, deepen(second))
    return first, second


def block_sum(first: SoftNetworks, second: SoftNetworks) -> tuple[SoftNetworks, SoftNetworks]:
    """Networks that add the outputs of two, and which of their parameters a fit may move.

    Parameters
    ----------
    first, second : SoftNetworks
        Hard networks of the same number, depth, columns and outputs.

    Returns
    -------
    networks : SoftNetworks
        Their sums, with the neurons of both side by side in each layer.
    free : SoftNetworks
        1 for the parameters of the first that are not zero, and for all of the second on columns that it reads; 0 for
        all others, also between the two.
    """
    ones = torch.ones_like
    reads = (second.weights[0] != 0).any(2, keepdim=True)
    wholly = second.replace(
        weights=(ones(second.weights[0]) * reads, *map(ones, second.weights[1:])),
        biases=tuple(map(ones, second.biases)),
    )
    parts = first.replace(
        weights=tuple((part != 0).to(part.dtype) for part in first.weights),
        biases=tuple((part != 0).to(part.dtype) for part in first.biases),
    )
    return _side_by_side(first, second), _side_by_side(parts, wholly)


def _side_by_side(first: SoftNetworks, second: SoftNetworks) -> SoftNetworks:
    weights = []
    for layer, (one, other) in enumerate(zip(first.weights, second.weights, strict=True)):
        if layer == 0:
            weights.append(torch.cat([one, other], dim=2))
        elif layer == first.depth:
            weights.append(torch.cat([one, other], dim=1))
        else:
            n, n_in, n_out = one.shape
            total = one.new_zeros(n, n_in + other.shape[1], n_out + other.shape[2])
            total[:, :n_in, :n_out], total[:, n_in:, n_out:] = one, other
            weights.append(total)
    biases = [torch.cat(pair, dim=1) for pair in zip(first.biases[:-1], second.biases[:-1], strict=True)]
    return SoftNetworks(
        weights=tuple(weights),
        biases=(*biases, first.biases[-1] + second.biases[-1]),
        activation=tuple(torch.cat(pair, dim=1) for pair in zip(first.activation, second.activation, strict=True)),
        mask=tuple(torch.cat(pair, dim=1) for pair in zip(first.mask, second.mask, strict=True)),
        input_mask=first.input_mask,
    )

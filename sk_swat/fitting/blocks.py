"""Networks as sums of decoded subnetworks: another block for what is left unexplained, as long as held-out rows gain.

One network of the autoencoder has few neurons. A sum of two is a sparse network again, block-diagonal, possibly with
other inputs and depths: capacity grows without a larger autoencoder. The block is searched on the residuals; then all
numbers are polished together, and pruned together.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.progress import Progress
from sk_swat.fitting.refinement import Stage
from sk_swat.latent.children import may_be_deepened
from sk_swat.latent.problem import Problem, SearchConfig
from sk_swat.latent.run import RunOptions
from sk_swat.latent.space import Space
from sk_swat.network.equivalence import deepen, trim
from sk_swat.network.softnet import SoftNetworks, concatenate, flatten
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Front, Member
from sk_swat.refine.levenberg_marquardt import LMResult, fit_networks
from sk_swat.refine.pruning import prune
from sk_swat.refine.rows import Rows
from sk_swat.refine.task import RefineTask, sizes
from sk_swat.utils.parallel import run_parallel

__all__ = ["Growth", "block_sum"]

_N_BASES = 4  # networks that may be grown
_N_BLOCKS = 6  # tried for each depth
_BASE_STEPS, _SUM_STEPS = 8, 12  # Levenberg-Marquardt steps
_DOWN_TO = 0.75  # of the size of a sum: where its pruning ends
_PRICE = 1e-5  # of a number, by which networks are compared
_LEAST_NUMBERS = 15  # of a block: an error of less than their price leaves nothing to gain
_GAIN = 0.98  # factor of the held-out objective below which growth goes on


@dataclass(frozen=True)
class Growth:
    """Where blocks come from, and the rows that decide.

    Parameters
    ----------
    problem : Problem
        Rows for the search of blocks.
    space : Space
        Where they come from.
    task : RefineTask
        Rows on which sums are polished and pruned.
    held : Rows
        Held-out rows, in the type of the task's.
    search : SearchConfig
        Settings of the latent search.
    seed : int
        Source of all random choices.
    n_jobs : int or None
        Depths that are worked on at a time, as in joblib.
    """

    problem: Problem
    space: Space
    task: RefineTask
    held: Rows
    search: SearchConfig
    seed: int
    n_jobs: int | None = None

    @torch.no_grad()
    def run(self, members: Sequence[Member], max_blocks: int, progress: Progress) -> tuple[Front, list[Stage]]:
        """Add blocks to the best networks as long as held-out rows gain.

        Parameters
        ----------
        members : sequence of Member
            Networks of the search.
        max_blocks : int
            Most blocks of a network.
        progress : Progress
            Told of the stages, one for each further block.

        Returns
        -------
        front : Front
            Networks of one block and more, polished on the rows of the task.
        stages : list of Stage
            What each block gained, on these rows.
        """
        depths = sorted({member.depth for member in members})
        front, stages = Front(), list[Stage]()
        best = sorted((one for one in members if one.size > 1), key=self._objective)[:_N_BASES]
        for member in best:
            if self.task.deadline.passed():
                break
            self._add(front, member.network, member.start)
        for number in range(1, max_blocks):
            if self.task.deadline.passed() or not len(front):
                break
            begin, base = time.perf_counter(), min(front.members(), key=self._objective)
            if self._error(base) < _LEAST_NUMBERS * _PRICE:
                break
            progress.begin(f"block {number + 1}")
            for found in run_parallel([partial(self._grown, base, depth, number) for depth in depths], self.n_jobs):
                front.join(found)
            grown = min(front.members(), key=self._objective)
            before, after = (self.task.r2(one.error) for one in (base, grown))
            stages.append(Stage(f"block {number + 1}", time.perf_counter() - begin, before, after))
            progress.end(stages[-1], grown.network)
            if self._objective(grown) >= _GAIN * self._objective(base):
                break
        return front, stages

    def _error(self, member: Member) -> float:
        return float(self.held.error(member.network))

    def _objective(self, member: Member) -> float:
        """Held-out error, in units of the target's variance, after paying for the numbers."""
        return self._error(member) + _PRICE * member.size

    def _add(self, front: Front, network: SoftNetworks, start: int) -> None:
        """Polish a network, and let it compete."""
        fitted = self._polished(network, self.task, _BASE_STEPS, None)
        front.add(fitted.networks, sizes(fitted.networks, self.task), fitted.error, torch.tensor([start]))

    def _polished(self, networks: SoftNetworks, task: RefineTask, n_steps: int, free: torch.Tensor | None) -> LMResult:
        ridge = task.ridge(task.rows.error(networks).clamp(1e-4, 1.0))
        return fit_networks(networks, task.rows, n_steps=n_steps, ridge=ridge, free=free, deadline=task.deadline)

    @torch.no_grad()
    def _grown(self, base: Member, depth: int, number: int) -> Front:
        """Polish and prune sums of a network and blocks of one depth."""
        front = Front()
        blocks = None if self.task.deadline.passed() else self._blocks(base, depth, number)
        if blocks is None:
            return front
        first = base.network.map(lambda part: part.expand(len(blocks), *part.shape[1:]))
        pair = _of_one_depth(first, blocks, torch.tensor(self.search.allowed))
        if pair is None:
            return front
        networks, free = block_sum(*pair)
        view = ColumnView.in_use([networks])
        task = replace(self.task, rows=view.rows(self.task.rows))
        mask = flatten(view.narrow(free)) > 0
        polished = self._polished(view.narrow(networks), task, _SUM_STEPS, mask).networks

        def sink(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
            front.add(view.widen(trim(found)), size, error, torch.full_like(size, base.start))

        prune(polished, task, sink, smallest=(_DOWN_TO * mask.sum(1).float()).int())
        return front

    def _blocks(self, base: Member, depth: int, number: int) -> SoftNetworks | None:
        """Decode networks for what the base leaves unexplained."""
        rows, dtype = self.problem.rows, self.task.rows.y.dtype
        output = base.network.map(lambda part: part.to(rows.X.dtype)).forward(rows.X)[0]
        problem = replace(self.problem, rows=replace(rows, y=rows.y - output), held=None)
        config = replace(self.search, n_restarts=_N_BLOCKS, small_share=0.0)
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        (search,) = self.space.search(problem, [depth], config, seed, RunOptions(deadline=self.task.deadline))
        if not search.candidates:
            return None
        return concatenate([one.network for one in search.candidates]).map(lambda part: part.to(dtype))


def _of_one_depth(
    first: SoftNetworks, second: SoftNetworks, allowed: torch.Tensor
) -> tuple[SoftNetworks, SoftNetworks] | None:
    """Deepen the shallower of two batches to the depth of the other; None where that is not allowed."""
    while first.depth != second.depth:
        if not may_be_deepened(first, allowed):
            return None
        first, second = (deepen(first), second) if first.depth < second.depth else (first, deepen(second))
    return first, second


def block_sum(first: SoftNetworks, second: SoftNetworks) -> tuple[SoftNetworks, SoftNetworks]:
    """Networks that add the outputs of two, and where a fit of them may move numbers.

    Parameters
    ----------
    first, second : SoftNetworks
        Hard networks of the same number, depth, columns and outputs.

    Returns
    -------
    networks : SoftNetworks
        Their sums, with the neurons of both side by side in each layer.
    free : SoftNetworks
        1 for the numbers of the first that are not zero, and for all of the second on columns that it reads; 0 for all
        others, also between the two.
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

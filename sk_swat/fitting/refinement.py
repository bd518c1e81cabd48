"""From decoded networks to a front of accurate networks of every size: polish, prune, vary, again.

The decoded starts are given all connections among their neurons, polished and pruned, and the best network of each
size is kept. Then come rounds: networks along the front are encoded, varied in the latent space, decoded, widened,
polished and pruned again. All of it happens on the rows of the search; :mod:`sk_swat.fitting.finish` does the rest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from sk_swat.fitting.progress import Progress
from sk_swat.latent.problem import Problem
from sk_swat.latent.run import Candidate
from sk_swat.latent.space import Space
from sk_swat.network.softnet import SoftNetworks, concatenate, flatten
from sk_swat.refine.columns import ColumnView, column_chance, column_view
from sk_swat.refine.front import Front, Member
from sk_swat.refine.growth import widen
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import Sink, prune
from sk_swat.refine.task import RefineTask, sizes
from sk_swat.utils.deadline import TimeIsUp
from sk_swat.utils.parallel import run_parallel

__all__ = ["Stage", "best_by_size", "refine"]

_FIRST_STEPS, _MORE_STEPS, _ROUND_STEPS = 6, 10, 10  # Levenberg-Marquardt steps
_FIRST_KEPT = 0.5  # share of the starts that are polished on
_MOST_TOGETHER = 48  # starts of a depth; more are split into groups, whatever n_jobs is, so that results stay the same
_N_PARENTS = 12  # networks of the front that are varied in a round
_DOWN_TO = 0.4  # of a parent's size: where the pruning of its child ends
_OTHER_DEPTHS = 4  # one parent in so many is decoded to another depth than its own as well
_PARENT_SIZES = (4, 80)
_RECORDED_SIZES = (10, 20, 30, 50, 100)
_Work = Callable[[], Front]


@dataclass(frozen=True)
class Stage:
    """Record of one stage: name, seconds, and R^2 of its best network on the rows of the search before and after.

    `r2_by_size` is that of the best networks of at most 10, 20, 30, 50 and 100 numbers after the stage; empty if the
    stage does not look at all sizes.
    """

    name: str
    seconds: float
    r2_before: float
    r2_after: float
    r2_by_size: dict[int, float] = field(default_factory=dict)


def best_by_size(networks: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Largest R^2 of the networks of at most 10, 20, 30, 50 and 100 numbers; a constant, with 0, is among them.

    Parameters
    ----------
    networks : iterable of (int, float)
        Size and R^2 of each.

    Examples
    --------
    >>> best_by_size([(12, 0.8), (30, 0.95)])
    {10: 0.0, 20: 0.8, 30: 0.95, 50: 0.95, 100: 0.95}
    """
    known = list(networks)
    return {most: max([0.0, *(r2 for size, r2 in known if size <= most)]) for most in _RECORDED_SIZES}


def refine(
    candidates: Sequence[Candidate],
    problem: Problem,
    space: Space,
    task: RefineTask,
    allowed: Sequence[bool],
    n_rounds: int,
    seed: int,
    n_jobs: int | None,
    r2: float = 0.0,
    progress: Progress | None = None,
    n_pruned: int = 8,
    known: Member | None = None,
) -> tuple[Front, list[Stage]]:
    """Polish, prune and vary.

    Parameters
    ----------
    candidates : sequence of Candidate
        Decoded networks of all depths.
    problem : Problem
        Rows of the search, by whose readouts children are ranked.
    space : Space
        Where children come from.
    task : RefineTask
        The same rows, and when to stop.
    allowed : sequence of bool
        Activations that may be chosen.
    n_rounds : int
        Rounds of variation.
    seed : int
        Source of all random choices; each round and depth draws its own.
    n_jobs : int or None
        Depths, and groups of at most 48 starts, that are worked on at a time, as in joblib.
    r2 : float, default=0.0
        R^2 of the best candidate on these rows, for the record.
    progress : Progress, default=None
        Told of the stages.
    n_pruned : int, default=8
        Polished starts of each depth that are pruned, for each group of starts.
    known : Member, default=None
        Network of an earlier fit on the columns of these rows, to go on from.

    Returns
    -------
    front : Front
        Best network of each depth and size; `start` is the index of the candidate a network descends from.
    stages : list of Stage
        What each stage gained.
    """
    front = Front()
    stages: list[Stage] = []
    front.add(*_constant(candidates[0].network, task), torch.zeros(1, dtype=torch.int64))
    depths = sorted({candidate.depth for candidate in candidates})
    width = candidates[0].network.mask[0].shape[1]
    if known is not None:
        front.join(_from_known(known, task))

    def run(name: str, works: list[_Work]) -> None:
        if progress is not None:
            progress.begin(name)
        begin, before = time.perf_counter(), stages[-1].r2_after if stages else r2
        for found in run_parallel(works, n_jobs):
            front.join(found)
        members = front.members()
        best, by_size = members[-1], best_by_size((one.size, task.r2(one.error)) for one in members)
        stages.append(Stage(name, time.perf_counter() - begin, before, task.r2(best.error), by_size))
        if progress is not None:
            progress.end(stages[-1], best.network)

    def of_depth(depth: int) -> list[_Work]:
        own = np.array([i for i, candidate in enumerate(candidates) if candidate.depth == depth])
        groups = np.array_split(own, math.ceil(len(own) / _MOST_TOGETHER))
        return [
            partial(
                _from_starts,
                concatenate([candidates[i].network for i in index]),
                torch.as_tensor(index),
                int(np.argmin([candidates[i].objective for i in index])),
                task,
                chance,
                (seed, depth, *[group] * (group > 0)),
                n_pruned,
            )
            for group, index in enumerate(groups)
        ]

    def of_parents(parents: list[Member], depth: int, number: int) -> _Work:
        return partial(_from_parents, parents, depth, problem, space, task, allowed, chance, (seed, depth, number))

    chance = torch.ones_like(task.rows.X[0])  # without time no column is drawn
    if not task.deadline.passed():
        chance = column_chance(task.rows, deadline=task.deadline)
    run("polish and prune", [work for depth in depths for work in of_depth(depth)])
    for number in range(n_rounds):
        if task.deadline.passed():
            break
        chance = column_chance(task.rows, _residuals(front.members()[-1].network, task), task.deadline)
        parents = _parents(front, width)
        works = [of_parents(chosen, depth, number) for depth in depths if (chosen := _parents_of(parents, depth))]
        run(f"round {number + 1}", works)
    return front, stages


def _generator(*seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))


def _residuals(network: SoftNetworks, task: RefineTask) -> torch.Tensor:
    """Give what one network leaves of each target, of shape (n_targets, n_rows)."""
    return (task.rows.y - network.forward(task.rows.X)).reshape(task.rows.n_targets, -1)


def _constant(network: SoftNetworks, task: RefineTask) -> tuple[SoftNetworks, torch.Tensor, torch.Tensor]:
    """Network without neurons that gives the mean, its size and its error: the smallest of every path."""
    empty = network.map(lambda part: torch.zeros_like(part, dtype=task.rows.y.dtype))
    biases = (*empty.biases[:-1], task.rows.loss.constant(task.rows).reshape(1, -1))
    constant = network.replace(weights=empty.weights, biases=biases, mask=empty.mask)
    return constant, sizes(constant, task), torch.tensor([task.rows.constant_loss], dtype=task.rows.y.dtype)


@torch.no_grad()
def _from_starts(
    networks: SoftNetworks,
    start: torch.Tensor,
    best: int,
    task: RefineTask,
    chance: torch.Tensor,
    seed: tuple[int, ...],
    n_pruned: int,
) -> Front:
    """Polish all starts of a depth, the better ones longer, and prune them; without time, evaluate the `best` one."""
    front, generator = Front(), _generator(*seed)
    if task.deadline.passed():
        networks, start = networks[best : best + 1], start[best : best + 1]
    networks = networks.map(lambda part: part.to(task.rows.y.dtype))
    kept = _Seen(networks, None, task)
    try:
        for n_steps, n_kept in ((_FIRST_STEPS, math.ceil(_FIRST_KEPT * len(start))), (_MORE_STEPS, n_pruned)):
            seen = _Seen.of(kept.on_all_columns(), task, chance, generator)
            polished, error = _polished(seen.networks, seen.task, n_steps)
            order = error.nan_to_num(torch.inf, torch.inf).argsort(stable=True)[:n_kept]
            kept, start = seen.replaced(polished, order), start[order]
    except TimeIsUp:
        pass  # what is kept is handed over as it is
    kept.prune(lambda found, size, error, origin: front.add(found, size, error, start[origin]))
    return front


@torch.no_grad()
def _from_parents(
    parents: list[Member],
    depth: int,
    problem: Problem,
    space: Space,
    task: RefineTask,
    allowed: Sequence[bool],
    chance: torch.Tensor,
    seed: tuple[int, ...],
) -> Front:
    """Vary networks in the latent space, decode them to one depth, widen and polish them, and prune."""
    front = Front()
    try:
        seen, family = _children(parents, depth, problem, space, task, allowed, chance, _generator(*seed))
    except TimeIsUp:
        return front
    origins = torch.tensor([parent.start for parent in family])
    polished, _ = _polished(seen.networks, seen.task, _ROUND_STEPS)
    seen.replaced(polished).prune(
        lambda found, size, error, origin: front.add(found, size, error, origins[origin]),
        smallest=torch.tensor([int(_DOWN_TO * parent.size) for parent in family]),
    )
    return front


def _children(
    parents: list[Member],
    depth: int,
    problem: Problem,
    space: Space,
    task: RefineTask,
    allowed: Sequence[bool],
    chance: torch.Tensor,
    generator: torch.Generator,
) -> tuple[_Seen, list[Member]]:
    """Give varied and widened networks of one depth, and the parent of each."""
    family, children = [], []
    for source in sorted({parent.depth for parent in parents}):
        task.deadline.check()
        group = [parent for parent in parents if parent.depth == source]
        networks = concatenate([parent.network for parent in group])
        born = space.children(networks, problem, torch.tensor(allowed), generator, depth)
        children.append(born.map(lambda part: part.to(task.rows.y.dtype)))
        family += group
    n_new = torch.randint(1, 3, (len(parents),), generator=generator)
    seen = _Seen.of(concatenate(children), task, chance, generator)
    return seen.replaced(widen(seen.networks, allowed, n_new, generator)), family


@torch.no_grad()
def _from_known(known: Member, task: RefineTask) -> Front:
    """Polish a network that was fitted to other rows, and prune it."""
    front, view = Front(), ColumnView.in_use([known.network])
    task = replace(task, rows=view.rows(task.rows))
    network = view.narrow(known.network)
    ridge = task.ridge(task.rows.error(network))
    fitted = fit_networks(network, task.rows, n_steps=_MORE_STEPS, ridge=ridge, deadline=task.deadline).networks

    def sink(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
        front.add(view.widen(found), size, error, torch.full_like(size, known.start))

    prune(fitted, task, sink)
    return front


@dataclass(frozen=True)
class _Seen:
    """Networks on the columns that each of them sees, and the task on these columns; no `view` where that is all."""

    networks: SoftNetworks
    view: ColumnView | None
    task: RefineTask

    @classmethod
    def of(cls, networks: SoftNetworks, task: RefineTask, chance: torch.Tensor, generator: torch.Generator) -> _Seen:
        view = column_view(networks, task.rows, chance, generator, task.deadline)
        if view is None:
            return cls(networks, None, task)
        return cls(view.narrow(networks), view, replace(task, rows=view.rows(task.rows)))

    def replaced(self, networks: SoftNetworks, index: torch.Tensor | None = None) -> _Seen:
        """Other networks on the same columns, or those of some of them."""
        if index is None:
            return replace(self, networks=networks)
        view = None if self.view is None else replace(self.view, columns=self.view.columns[index])
        return _Seen(networks[index], view, self.task.of_networks(index))

    def on_all_columns(self, networks: SoftNetworks | None = None, origin: torch.Tensor | None = None) -> SoftNetworks:
        networks = self.networks if networks is None else networks
        return networks if self.view is None else self.view.widen(networks, origin)

    def prune(self, sink: Sink, **how: Any) -> None:
        """Prune; the sink gets networks on all columns."""

        def widened_sink(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
            sink(self.on_all_columns(found, origin), size, error, origin)

        prune(self.networks, self.task, widened_sink, **how)


def _polished(networks: SoftNetworks, task: RefineTask, n_steps: int) -> tuple[SoftNetworks, torch.Tensor]:
    """Free all connections among living neurons, and fit."""
    result = fit_networks(
        networks,
        task.rows,
        n_steps=n_steps,
        ridge=task.ridge(task.rows.error(networks).clamp(1e-4, 1.0)),
        free=torch.ones_like(flatten(networks), dtype=torch.bool),
        deadline=task.deadline,
    )
    return result.networks, result.error


def _parents(front: Front, width: int) -> list[Member]:
    """Networks spread evenly along the front, of those that are no wider than decoded ones."""
    low, high = _PARENT_SIZES
    members = [one for one in front.members() if low <= one.size <= high and one.network.mask[0].shape[1] <= width]
    if len(members) <= _N_PARENTS:
        return members
    chosen = np.unique(np.linspace(0, len(members) - 1, _N_PARENTS).round().astype(int))
    return [members[index] for index in chosen]


def _parents_of(parents: list[Member], depth: int) -> list[Member]:
    """Parents whose children get this depth: those that have it, and some of the others."""
    own = [parent for parent in parents if parent.depth == depth]
    return own + [parent for parent in parents if parent.depth != depth][::_OTHER_DEPTHS]

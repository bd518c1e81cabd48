"""The first stages of a fit: networks from the latent space that fit the table, polished and pruned to every size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.search import DTYPE, Search, Stage
from sk_swat.fitting.seen import Seen, all_free, polish
from sk_swat.latent.run import Candidate, RunOptions
from sk_swat.latent.starts import Starts
from sk_swat.network.hard import batch_of, widest
from sk_swat.network.scaling import Standardisation, standardise
from sk_swat.network.softnet import SoftNetworks, concatenate
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import ColumnView, column_chance
from sk_swat.refine.front import Front, Member
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import prune, sizes
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import TimeIsUp
from sk_swat.utils.parallel import run_parallel
from sk_swat.utils.seeds import generator_of

__all__ = ["Earlier", "Polish", "Propose", "front_of_candidates", "polish_candidates"]

_FIRST_STEPS, _MORE_STEPS = 6, 10  # Levenberg-Marquardt steps
_FIRST_KEPT = 0.5  # share of the candidates that are polished on
_N_PRUNED = 8  # polished candidates of each depth that are pruned, for each group of them
_MOST_TOGETHER = 48  # candidates of a depth; more are split into groups, whatever n_jobs is: results stay the same


@dataclass(frozen=True)
class Earlier:
    """Where an earlier fit has ended, for a fit that goes on from there.

    Parameters
    ----------
    depth : int
        Hidden layers of its network.
    latent, inputs, threshold : ndarray, ndarray, float
        What decoded to its start; see :class:`sk_swat.latent.run.Candidate`.
    network : SparseMLP or None
        Its network in raw units; None if this fit could not find one like it.
    """

    depth: int
    latent: np.ndarray
    inputs: np.ndarray
    threshold: float
    network: SparseMLP | None

    def starts(self) -> dict[int, Starts]:
        """Its latent, as a start of its depth."""
        layer = torch.tensor(self.inputs)[None]
        start = Starts.of(torch.tensor(self.latent)[None], layer, (layer != 0).any(1).float())
        return {self.depth: replace(start, threshold=torch.full_like(start.threshold, self.threshold))}

    def member(self, candidates: Sequence[Candidate], scaling: Standardisation) -> Member | None:
        """Its network, with the candidate that its start has become; None if there is none of them."""
        index = next((i for i, one in enumerate(candidates) if one.depth == self.depth and one.restart == 0), None)
        if self.network is None or not self.network.depth or index is None:
            return None
        width = max(widest(self.network), candidates[0].network.mask[0].shape[1])
        network = batch_of([standardise(self.network, scaling)], width)
        return Member(network, self.network.n_nonzero, math.inf, index)


class Propose(Stage):
    """Networks of every depth from the latent space.

    Parameters
    ----------
    depths : sequence of int
        Decoders to search.
    earlier : Earlier, default=None
        Earlier fit whose start joins the chosen ones.
    """

    name = "latent search"

    def __init__(self, depths: Sequence[int], earlier: Earlier | None = None) -> None:
        self._depths = depths
        self._previous = None if earlier is None else earlier.starts()
        self.parts = [f"depth {depth}" for depth in depths]

    def is_due(self, front: Front, search: Search) -> bool:
        """Run in any case: some networks are found without time."""
        return True

    def run(self, front: Front, search: Search) -> Front:
        """Give the front of the candidates."""
        settings = search.settings
        options = RunOptions(
            settings.n_jobs, settings.device, self._previous, search.deadline, search.progress.end_part
        )
        search.depth_searches = search.proposals.search(
            search.rows, self._depths, settings.latent, settings.seed, options
        )
        found = [candidate for one in search.depth_searches for candidate in one.candidates]
        front.join(front_of_candidates(found, len(search.candidates), search.task))
        search.take(found, "latent space")
        return front


def front_of_candidates(candidates: Sequence[Candidate], first: int, task: RefineTask) -> Front:
    """Front of candidates as they are, of as many as there is time to evaluate; the first has the index `first`."""
    front = Front()
    for number, one in enumerate(candidates):
        if number and task.deadline.passed():
            break
        network = one.network.map(lambda part: part.to(DTYPE))
        with torch.no_grad():
            error = task.rows.error(network)
        front.add(network, torch.tensor([one.n_nonzero]), error, torch.tensor([first + number]))
    return front


class Polish(Stage):
    """All candidates get every connection among their neurons, and are polished and pruned.

    Parameters
    ----------
    earlier : Earlier, default=None
        Earlier fit whose network is polished and pruned as well.
    """

    name = "polish and prune"

    def __init__(self, earlier: Earlier | None = None) -> None:
        self._earlier = earlier

    def is_due(self, front: Front, search: Search) -> bool:
        """Run in any case: without time one candidate is taken as it is."""
        return True

    def run(self, front: Front, search: Search) -> Front:
        """Give the front of the polished networks alone."""
        search.check_candidates()
        settings = search.settings
        known = None if self._earlier is None else self._earlier.member(search.candidates, search.table.units)
        earlier = Front() if known is None else _front_of_known(known, search.task)  # first, while there is time
        polished = polish_candidates(search.candidates, search.task, settings.seed, settings.n_jobs)
        polished.join(earlier)
        return polished


def polish_candidates(
    candidates: Sequence[Candidate], task: RefineTask, seed: int, n_jobs: int | None, n_pruned: int = _N_PRUNED
) -> Front:
    """Polish and prune candidates of all depths; a constant is among the networks of their front.

    Parameters
    ----------
    candidates : sequence of Candidate
        Decoded networks.
    task : RefineTask
        Rows, and when to stop.
    seed : int
        Source of all random choices.
    n_jobs : int or None
        Depths, and groups of at most 48 candidates, that are worked on at a time, as in joblib.
    n_pruned : int, default=8
        Polished candidates of each depth that are pruned, for each group of them.
    """
    front = Front()
    front.add(*_constant(candidates[0].network, task), torch.zeros(1, dtype=torch.int64))
    chance = torch.ones_like(task.rows.X[0])  # without time no column is drawn
    if not task.deadline.passed():
        chance = column_chance(task.rows, deadline=task.deadline)
    works = []
    for depth in sorted({candidate.depth for candidate in candidates}):
        own = np.array([i for i, candidate in enumerate(candidates) if candidate.depth == depth])
        for group, index in enumerate(np.array_split(own, math.ceil(len(own) / _MOST_TOGETHER))):
            some = [candidates[i] for i in index]
            own_seed = (seed, depth, *[group] * (group > 0))
            works.append(partial(_front_of_depth, some, torch.as_tensor(index), task, chance, own_seed, n_pruned))
    for found in run_parallel(works, n_jobs, stop=task.deadline.stop):
        front.join(found)
    return front


def _constant(network: SoftNetworks, task: RefineTask) -> tuple[SoftNetworks, torch.Tensor, torch.Tensor]:
    """Network without neurons that gives the mean, its size and its error: the smallest of every path."""
    empty = network.map(lambda part: torch.zeros_like(part, dtype=task.rows.y.dtype))
    biases = (*empty.biases[:-1], task.rows.loss.constant(task.rows).reshape(1, -1))
    constant = network.replace(weights=empty.weights, biases=biases, mask=empty.mask)
    return constant, sizes(constant, task), torch.tensor([task.rows.constant_loss], dtype=task.rows.y.dtype)


@torch.no_grad()
def _front_of_depth(
    candidates: Sequence[Candidate],
    index: torch.Tensor,
    task: RefineTask,
    chance: torch.Tensor,
    seed: tuple[int, ...],
    n_pruned: int,
) -> Front:
    """Polish candidates of one depth, the better ones longer, and prune them; without time, evaluate the best one."""
    front, generator = Front(), generator_of(*seed)
    networks = concatenate([candidate.network for candidate in candidates])
    if task.deadline.passed():
        best = int(np.argmin([candidate.objective for candidate in candidates]))
        networks, index = networks[best : best + 1], index[best : best + 1]
    networks = networks.map(lambda part: part.to(task.rows.y.dtype))
    kept = Seen(networks, None, task)
    try:
        for n_steps, n_kept in ((_FIRST_STEPS, math.ceil(_FIRST_KEPT * len(index))), (_MORE_STEPS, n_pruned)):
            seen = Seen.of(kept.on_all_columns(), task, chance, generator)
            polished = polish(seen.networks, seen.task, n_steps, all_free(seen.networks))
            order = polished.error.nan_to_num(torch.inf, torch.inf).argsort(stable=True)[:n_kept]
            kept, index = seen.with_networks(polished.networks, order), index[order]
    except TimeIsUp:
        pass  # what is kept is handed over as it is
    kept.prune(lambda found, size, error, origin: front.add(found, size, error, index[origin]))
    return front


@torch.no_grad()
def _front_of_known(known: Member, task: RefineTask) -> Front:
    """Polish a network that was fitted to other rows, and prune it."""
    front, view = Front(), ColumnView.in_use([known.network])
    task = replace(task, rows=view.rows(task.rows))
    network = view.narrow(known.network)
    ridge = task.ridge(task.rows.error(network))
    fitted = fit_networks(network, task, n_steps=_MORE_STEPS, ridge=ridge).networks

    def sink(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
        front.add(view.widen(found), size, error, torch.full_like(size, known.candidate))

    prune(fitted, task, sink)
    return front

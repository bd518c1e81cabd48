"""Rounds of a fit: networks along the front are encoded, varied in the latent space, widened, polished and pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.search import Search, Stage
from sk_swat.fitting.seen import Seen, all_free, polish
from sk_swat.latent.proposals import Proposals
from sk_swat.network.softnet import SoftNetworks, concatenate
from sk_swat.refine.columns import column_chance
from sk_swat.refine.front import Front, Member
from sk_swat.refine.growth import widen
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import TimeIsUp
from sk_swat.utils.parallel import run_parallel
from sk_swat.utils.seeds import generator_of

__all__ = ["Round"]

_STEPS = 10  # of Levenberg-Marquardt
_N_PARENTS = 12  # networks of the front that are varied
_DOWN_TO = 0.4  # of a parent's size: where the pruning of its child ends
_OTHER_DEPTHS = 4  # one parent in so many is decoded to another depth than its own as well
_PARENT_SIZES = (4, 80)


class Round(Stage):
    """One round along the front.

    Parameters
    ----------
    number : int
        From 0.
    """

    def __init__(self, number: int) -> None:
        self._number, self.name = number, f"round {number + 1}"

    def run(self, front: Front, search: Search) -> Front:
        """Let the children of networks along the front compete with it."""
        task, settings = search.task, search.settings
        chance = column_chance(task.rows, _residuals(front.members()[-1].network, task), task.deadline)
        variation = _Variation(search.rows, search.proposals, task, settings.latent.allowed, chance)
        parents = _parents(front, width=search.candidates[0].network.mask[0].shape[1])
        works = [
            partial(variation.front, chosen, depth, (settings.seed, depth, self._number))
            for depth in sorted({candidate.depth for candidate in search.candidates})
            if (chosen := _parents_of(parents, depth))
        ]
        for found in run_parallel(works, settings.n_jobs, stop=task.deadline.stop):
            front.join(found)
        return front


@dataclass(frozen=True)
class _Variation:
    """What varies networks; it goes to other processes."""

    rows: Table
    proposals: Proposals
    task: RefineTask
    allowed: Sequence[bool]
    chance: torch.Tensor

    @torch.no_grad()
    def front(self, parents: list[Member], depth: int, seed: tuple[int, ...]) -> Front:
        """Vary networks in the latent space, decode them to one depth, widen and polish them, and prune."""
        front = Front()
        try:
            seen, family = self._children(parents, depth, generator_of(*seed))
        except TimeIsUp:
            return front
        origins = torch.tensor([parent.candidate for parent in family])
        polished = polish(seen.networks, seen.task, _STEPS, all_free(seen.networks))
        seen.with_networks(polished.networks).prune(
            lambda found, size, error, origin: front.add(found, size, error, origins[origin]),
            smallest=torch.tensor([int(_DOWN_TO * parent.size) for parent in family]),
        )
        return front

    def _children(self, parents: list[Member], depth: int, generator: torch.Generator) -> tuple[Seen, list[Member]]:
        """Give varied and widened networks of one depth, and the parent of each."""
        family, children = [], []
        for source in sorted({parent.depth for parent in parents}):
            self.task.deadline.check()
            group = [parent for parent in parents if parent.depth == source]
            networks = concatenate([parent.network for parent in group])
            born = self.proposals.children(networks, self.rows, torch.tensor(self.allowed), generator, depth)
            children.append(born.map(lambda part: part.to(self.task.rows.y.dtype)))
            family += group
        n_new = torch.randint(1, 3, (len(parents),), generator=generator)
        seen = Seen.of(concatenate(children), self.task, self.chance, generator)
        return seen.with_networks(widen(seen.networks, self.allowed, n_new, generator)), family


def _residuals(network: SoftNetworks, task: RefineTask) -> torch.Tensor:
    """Give what one network leaves of each target, of shape (n_targets, n_rows)."""
    return (task.rows.y - network.forward(task.rows.X)).reshape(task.rows.n_targets, -1)


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

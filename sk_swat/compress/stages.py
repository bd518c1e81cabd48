"""The stages that a compression has before and beside those of a fit: encode the teacher, split it, keep its wholes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from sk_swat.compress.encoding import fits_matrix, network_candidates, restore
from sk_swat.compress.layers import Layer, as_sparse, in_search_units
from sk_swat.compress.splitting import Split, splits_of
from sk_swat.compress.subnetworks import Joined, compress_parts, polish_and_prune
from sk_swat.compress.wholes import front_of_wholes, narrow_candidates
from sk_swat.fitting.judging import LastPolish
from sk_swat.fitting.rounds import Round
from sk_swat.fitting.search import Found, Outcome, Search, Stage
from sk_swat.fitting.starts import Polish, Propose, front_of_candidates
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.run import Candidate
from sk_swat.network.hard import widest
from sk_swat.refine.front import Front, Member
from sk_swat.refine.table import Table
from sk_swat.utils.parallel import run_parallel

__all__ = ["TeacherPolish", "TeacherSearch"]

_ROWS_A_PARAMETER = 5  # of the last polish, for networks that are not small: what a teacher says has no noise
_N_ENCODED = 8  # candidates of each depth that come from the encoded teacher


class TeacherSearch(Search):
    """Search for small networks that do what a teacher does.

    Parameters
    ----------
    *search
        As for :class:`sk_swat.fitting.search.Search`; networks come from the latent space of an autoencoder.
    layers : sequence of Layer or None
        The teacher in raw units, if it is a network.
    taught : Table
        All rows in raw units, those of the search first.
    labels : ndarray of shape (n_rows, n_outputs)
        What the teacher says of them.
    faithful : bool
        Whether the targets are just that.

    Attributes
    ----------
    teacher : SparseMLP or None
        The teacher in the units of the search.
    wholes : list of Joined
        The teacher, and networks put together of its compressed parts; they wait until the rounds are over.
    pruned : Front
        What came of pruning them.
    """

    proposals: LatentProposals

    def __init__(
        self, *search: Any, layers: Sequence[Layer] | None, taught: Table, labels: np.ndarray, faithful: bool
    ) -> None:
        super().__init__(*search)
        self.taught, self.labels, self.faithful = taught, labels, faithful
        self.layers = None if layers is None else in_search_units(layers, self.table.units)
        self.teacher = None if self.layers is None else as_sparse(self.layers)
        self.wholes: list[Joined] = []
        self.pruned = Front()

    @property
    def width(self) -> int:
        """Widest layer of the matrix form."""
        return self.proposals.checkpoint.autoencoder.config.max_width

    def stages(self, split: bool) -> list[Stage]:
        """All stages; the teacher is split on request, and if it is large enough for that."""
        first: list[Stage] = [Propose(self.settings.depths)]
        if self.teacher is not None and fits_matrix(self.teacher, self.proposals.checkpoint):
            first.append(Encode(self))
        unsplit, splits = (self._unsplit(), self._splits()) if split else ([], [])
        if unsplit or splits:
            first.append(SplitTeacher(self, unsplit, splits))
        return [*first, Polish(), *[Round(number) for number in range(self.settings.n_rounds)]]

    def _unsplit(self) -> list[Joined]:
        """Give the teacher to be pruned, if it is too wide for the matrix form and its activations are allowed."""
        if self.teacher is None or widest(self.teacher) <= self.width:
            return []
        return [Joined(self.teacher, "pruned teacher", [])] if self.settings.latent.allows(self.teacher) else []

    def _splits(self) -> list[Split]:
        """Give all ways in which the teacher is split."""
        inputs = self.table.X[: self.settings.limits.searched]
        outputs = self.table.units.target(self.labels[: len(inputs)]).reshape(len(inputs), -1)
        return splits_of(self.layers, inputs, outputs, self.settings.depths, self.width, self.settings.seed)


class Encode(Stage):
    """Candidates of every depth by way of the teacher's latent, and the teacher as it is."""

    name = "encode"

    def __init__(self, search: TeacherSearch) -> None:
        self._search = search

    def is_due(self, front: Front, search: Search) -> bool:
        """Run in any case: it takes a moment."""
        return True

    def run(self, front: Front, search: Search) -> Front:
        """Let the decoded networks compete."""
        settings, checkpoint, network = search.settings, self._search.proposals.checkpoint, self._search.teacher
        assert network is not None
        found: list[Candidate] = []
        for depth in settings.depths:
            generator = torch.Generator().manual_seed(settings.seed + depth)
            found += restore(network, search.rows, checkpoint, depth, settings.latent, generator, _N_ENCODED)
        if network.depth in settings.depths:
            found += network_candidates([network], self._search.width, search.rows, settings.latent)
        front.join(front_of_candidates(found, len(search.candidates), search.task))
        search.take(found, "encoded teacher")
        return front


class SplitTeacher(Stage):
    """Compress parts of the teacher by themselves, put them together, polish and prune the whole.

    Parameters
    ----------
    search : TeacherSearch
        Gets the wholes.
    unsplit : list of Joined
        The teacher itself, if it is pruned as well.
    splits : list of Split
        Ways to split it.
    """

    name = "split"

    def __init__(self, search: TeacherSearch, unsplit: list[Joined], splits: list[Split]) -> None:
        self._search, self._unsplit, self._splits = search, unsplit, splits

    def run(self, front: Front, search: Search) -> Front:
        """Let the narrow ones compete; the others wait."""
        own, settings, config = self._search, search.settings, search.settings.latent
        works = [
            partial(compress_parts, split, own.proposals, config, settings.seed + number, search.task)
            for number, split in enumerate(self._splits)
        ]
        joined = run_parallel(works, settings.n_jobs, stop=search.deadline.stop)
        own.wholes = [*self._unsplit, *(one for one in joined if one is not None)]
        own.pruned = polish_and_prune(own.wholes, search.task)
        for number, one in enumerate(own.wholes):
            found = narrow_candidates(
                own.pruned, number, search.rows, own.proposals, config, settings.depths, settings.seed
            )
            front.join(front_of_candidates(found, len(search.candidates), search.task))
            search.take(found, one.origin)
        return front

    def tell(self, outcome: Outcome, front: Front, search: Search) -> None:
        """Say what the best of all has reached, wholes included."""
        both = Front()
        both.join(front)
        both.join(self._search.pruned)
        super().tell(outcome, both, search)


class TeacherPolish(LastPolish):
    """The last polish, with the wholes, and on no more rows than a teacher without noise asks for."""

    def __init__(self, search: TeacherSearch) -> None:
        self._search = search

    def n_rows(self, members: Sequence[Member], search: Search) -> int:
        """Rows on which networks are polished."""
        limits, n_rows = search.settings.limits, super().n_rows(members, search)
        if not self._search.faithful:
            return n_rows
        return min(n_rows, max(limits.taught, _ROWS_A_PARAMETER * members[-1].size // search.task.rows.n_targets))

    def run(self, front: Front, search: Search, outcome: Outcome) -> Found:
        """Polish, judge, and fold the scaling."""
        own = self._search
        front.join(front_of_wholes(own.pruned, len(search.candidates), own.proposals, search.task))
        search.origins += [one.origin for one in own.wholes]
        found = super().run(front, search, outcome)
        if own.faithful:  # what a teacher says is never noise: a constant is not as good, however rare the rest
            constant = [not len(network.used_features) for network in found.path.networks]
            found.path.standard_error[:, constant] = 0.0
        return found

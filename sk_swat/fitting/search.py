"""A fit as one story: stages, one after the other, make a front of networks, which then becomes a path.

Every estimator has stages of its own, and :func:`find_path` runs them. Clock, progress, record and deadline stand here,
around the stages, and nowhere else.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.progress import Progress, Watcher
from sk_swat.fitting.settings import Settings
from sk_swat.latent.proposals import Proposals
from sk_swat.latent.run import Candidate, DepthSearch
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import SoftNetworks
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import with_chances
from sk_swat.refine.front import Front
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import n_threads_of, one_torch_thread

__all__ = ["Ending", "Found", "Outcome", "Search", "Stage", "StageRecord", "find_path", "in_raw_units"]

DTYPE = torch.float64
_RECORDED_SIZES = (10, 20, 30, 50, 100)


@dataclass(frozen=True)
class StageRecord:
    """Record of one stage: name, seconds, and R^2 of its best network on the rows of the search before and after.

    `r2_by_size` is that of the best networks of at most 10, 20, 30, 50 and 100 parameters after the stage; empty if the
    stage does not look at all sizes.
    """

    name: str
    seconds: float
    r2_before: float
    r2_after: float
    r2_by_size: dict[int, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a stage has reached: R^2 before and after, R^2 by size, and its most accurate network, if there is one."""

    r2_before: float
    r2_after: float
    r2_by_size: dict[int, float] = field(default_factory=dict)
    network: SoftNetworks | SparseMLP | None = None

    def take_by_size(self, networks: Iterable[tuple[int, float]]) -> None:
        """Take over the largest R^2 of networks, by their sizes; a constant, with 0, is among them."""
        known = list(networks)
        self.r2_by_size = {most: max([0.0, *(r2 for size, r2 in known if size <= most)]) for most in _RECORDED_SIZES}


class Stage(ABC):
    """A part of a fit that makes a front better."""

    name: str
    parts: Sequence[str] = ()  # which end in this order

    def is_due(self, front: Front, search: Search) -> bool:
        """Whether there is time for the stage, and something to do."""
        return not search.deadline.passed()

    @abstractmethod
    def run(self, front: Front, search: Search) -> Front:
        """Give a front that has the better networks."""

    def tell(self, outcome: Outcome, front: Front, search: Search) -> None:
        """Say what the stage has reached; as a rule that is the front on the rows of the search."""
        members = front.members()
        if members:
            best = members[-1]
            outcome.r2_after, outcome.network = max(outcome.r2_after, search.task.r2(best.error)), best.network
        outcome.take_by_size((one.size, search.task.r2(one.error)) for one in members)


class Ending(ABC):
    """The last part of a fit, which makes a path of a front."""

    name: str

    def parts(self, search: Search) -> Sequence[str]:
        """Parts that end one after the other."""
        return ()

    @abstractmethod
    def run(self, front: Front, search: Search, outcome: Outcome) -> Found:
        """Give the path, and say what it has reached."""


@dataclass(frozen=True)
class Found:
    """A path in raw units, from which candidate each network descends, and the R^2 that rounding costs the best one."""

    path: Path
    candidates: list[int]
    rounding: float = 0.0


class Search:
    """What the stages of a fit work with, and what they hand on to each other beside the front.

    Parameters
    ----------
    table : Table
        Rows in the units of the search, of which some may be held out; all targets vary.
    n_rows : int
        Rows of the search; the same number of held-out ones is looked at.
    proposals : Proposals
        Where networks come from.
    settings : Settings
        All settings.
    deadlines : tuple of two Deadline, default=None
        When to stop searching, and when to stop the last polish; None sets no limit.
    watchers : sequence of Watcher, default=()
        Told of the stages; they may stop the search, but not the last polish.

    Attributes
    ----------
    rows, task : Table, RefineTask
        Rows of the search in float32 for the latent space, and in float64 for refinement.
    candidates, origins : list of Candidate, list of str
        From which all networks descend, and where they come from.
    depth_searches : list of DepthSearch
        Records of the latent search.
    records : list of StageRecord
        What each stage gained.
    sums : Front
        Networks of several blocks, which are polished on more rows than the front.
    fingerprint : str
        Of the checkpoint, by which a later fit knows that it may go on from here.
    """

    def __init__(
        self,
        table: Table,
        n_rows: int,
        proposals: Proposals,
        settings: Settings,
        deadlines: tuple[Deadline, Deadline] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.table = table
        self.proposals, self.settings = proposals, settings
        self.deadline, self.last_deadline = deadlines or (Deadline(), Deadline())
        scaling = table.units
        self.progress = Progress(watchers, partial(in_raw_units, scaling=scaling), self.deadline)
        self.rows = with_chances(table.first(n_rows).tensors(torch.float32), self.deadline)
        self.task = RefineTask(
            self.rows[:].to(DTYPE),
            x_centred=not scaling.x_offset.any(),
            y_centred=not np.any(scaling.y_offset),
            deadline=self.deadline,
            criterion=settings.criterion,
            n_threads=n_threads_of(settings.n_jobs),
        )
        self.candidates: list[Candidate] = []
        self.origins: list[str] = []
        self.depth_searches: list[DepthSearch] = []
        self.records: list[StageRecord] = []
        self.sums = Front()
        self.fingerprint = ""
        self._best: SoftNetworks | SparseMLP | None = None

    def take(self, candidates: Sequence[Candidate], origin: str) -> None:
        """Add candidates that come from one place."""
        self.candidates += candidates
        self.origins += [origin] * len(candidates)

    def check_candidates(self) -> None:
        """Raise ValueError if no start has become a candidate."""
        if not self.candidates:
            raise ValueError(
                "no start gave a finite network; the rows may hold extreme outliers (more than 1e18 standard "
                "deviations)."
            )

    @contextmanager
    def watch(self, name: str, parts: Sequence[str] = ()) -> Iterator[Outcome]:
        """Tell the watchers of a stage, and record what it has reached."""
        self.progress.begin(name, parts)
        begin, before = time.perf_counter(), self.records[-1].r2_after if self.records else 0.0
        outcome = Outcome(before, before)
        yield outcome
        seconds = time.perf_counter() - begin
        self.records.append(StageRecord(name, seconds, outcome.r2_before, outcome.r2_after, outcome.r2_by_size))
        if outcome.network is not None:
            self._best = outcome.network
        if self._best is not None:
            self.progress.end(self.records[-1], self._best)


def find_path(search: Search, stages: Sequence[Stage], ending: Ending) -> Found:
    """Run the stages of a fit.

    Parameters
    ----------
    search : Search
        What they work with.
    stages : sequence of Stage
        They run in this order; those that are not due are left out.
    ending : Ending
        Makes the path.
    """
    front = Front()
    search.progress.begin_search(len(stages) + 1)
    with one_torch_thread():
        for stage in stages:
            if stage.is_due(front, search):
                with search.watch(stage.name, stage.parts) as outcome:
                    front = stage.run(front, search)
                    stage.tell(outcome, front, search)
        with search.watch(ending.name, ending.parts(search)) as outcome:
            found = ending.run(front, search, outcome)
    search.progress.end_search()
    return found


def in_raw_units(network: SoftNetworks, scaling: Standardisation) -> SparseMLP:
    """Fold the scaling into a batch of one, and leave out what does nothing or folds into something else."""
    folded = network.to_sparse(0).with_scaling(scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale)
    return folded.simplify()

"""From a teacher and rows to a path of small networks: search, encode, split, refine, finish."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from sk_swat.compress.encoding import fits_matrix, network_candidates, restored
from sk_swat.compress.layers import Layer, as_sparse, in_search_units
from sk_swat.compress.splitting import splits_of
from sk_swat.compress.subnetworks import Joined, compressed_parts, polished_and_pruned
from sk_swat.compress.wholes import front_of_wholes, returned
from sk_swat.fitting.cross_validation import N_FOLDS, fold_errors
from sk_swat.fitting.finish import PathNetwork, finished_path, in_raw_units, judged_path
from sk_swat.fitting.limits import RowLimits
from sk_swat.fitting.progress import Progress, Watcher
from sk_swat.fitting.refinement import Stage, best_by_size, refine
from sk_swat.fitting.table import spread
from sk_swat.latent.problem import Problem, SearchConfig
from sk_swat.latent.run import Candidate, DepthSearch, RunOptions, one_torch_thread
from sk_swat.latent.space import LatentSpace
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.hard import widest
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Front
from sk_swat.refine.rows import Rows
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import run_parallel

__all__ = ["CompressConfig", "CompressRows", "Compression", "compress_rows"]

_DTYPE = torch.float64
_ROWS_A_NUMBER = 5  # of the last polish, for networks that are not small: what a teacher says has no noise
_N_ENCODED = 8  # starts of each depth that come from the encoded teacher


@dataclass(frozen=True)
class CompressRows:
    """Rows in raw units.

    Parameters
    ----------
    X, y : ndarray of shape (n_rows, n_columns), ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Rows that are fitted, in random order, then those that are held out.
    labels : ndarray of the shape of y
        Outputs of the teacher; y itself, unless something else is fitted.
    n_held : int
        Number of held-out rows; 0 judges sizes by cross-validation.
    scaling : Standardisation
        Of X and y.
    """

    X: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    n_held: int
    scaling: Standardisation

    @property
    def n_fitted(self) -> int:
        """Rows that are not held out."""
        return len(self.y) - self.n_held

    def part(self, index: slice, dtype: torch.dtype, columns: np.ndarray | None = None) -> Rows:
        """Give some rows, standardised, with all columns or some."""
        part, scaling = self.X[index], self.scaling
        if columns is not None:
            part, scaling = part[:, columns], scaling.of_columns(columns)
        inputs, target = scaling.inputs(part), scaling.target(self.y[index])
        return Rows(torch.tensor(inputs, dtype=dtype), torch.tensor(target.T, dtype=dtype))


@dataclass(frozen=True)
class CompressConfig:
    """Settings beside those of the latent search; see SWATCompressor."""

    depths: tuple[int, ...]
    n_rounds: int
    split: bool
    seed: int
    n_jobs: int | None = None
    device: str = "cpu"
    limits: RowLimits = field(default_factory=RowLimits)


@dataclass(frozen=True)
class Compression:
    """Result of :func:`compress_rows`.

    Parameters
    ----------
    path : Path
        Networks in raw units.
    origins : list of str
        For each of them where it comes from.
    searches : list of DepthSearch
        Records of the latent search.
    stages : list of Stage
        What each stage gained.
    parts : list of dict
        The subnetworks, see :class:`sk_swat.compress.subnetworks.Joined`.
    rounding : float
        What rounding in raw units costs the most accurate network, in R^2.
    """

    path: Path
    origins: list[str]
    searches: list[DepthSearch]
    stages: list[Stage]
    parts: list[dict[str, Any]]
    rounding: float


class _Starts:
    """Candidates with what they come from, and the record of the stage that found each kind."""

    def __init__(self, task: RefineTask, progress: Progress) -> None:
        self.candidates: list[Candidate] = []
        self.origins: list[str] = []
        self.stages: list[Stage] = []
        self._task, self._progress = task, progress
        self._error = task.rows.constant_loss
        self._network: SoftNetworks | None = None

    def begin(self, name: str, parts: Sequence[str] = ()) -> None:
        self._progress.begin(name, parts)
        self._name, self._begin = name, time.perf_counter()

    def add(self, found: Sequence[Candidate], origin: str) -> None:
        self.candidates += found
        self.origins += [origin] * len(found)
        for one in found:
            self.met(one.network.map(lambda part: part.to(_DTYPE)))

    def met(self, network: SoftNetworks) -> None:
        """Compare a network with the best one so far."""
        error = float(self._task.rows.error(network))
        if self._network is None or error < self._error:
            self._error, self._network = error, network

    def end(self) -> None:
        before = self.stages[-1].r2_after if self.stages else 0.0
        seconds = time.perf_counter() - self._begin
        self.stages.append(Stage(self._name, seconds, before, self._task.r2(self._error)))
        if self._network is not None:
            self._progress.end(self.stages[-1], self._network)


def compress_rows(
    rows: CompressRows,
    layers: Sequence[Layer] | None,
    space: LatentSpace,
    search: SearchConfig,
    config: CompressConfig,
    deadlines: tuple[Deadline, Deadline],
    watchers: Sequence[Watcher] = (),
) -> Compression:
    """Find small networks that do what a teacher does.

    Parameters
    ----------
    rows : CompressRows
        Rows whose targets vary.
    layers : sequence of Layer or None
        The teacher in raw units, if it is a network.
    space : LatentSpace
        Where networks come from, and by which the teacher is encoded.
    search : SearchConfig
        Settings of the latent search.
    config : CompressConfig
        The other settings.
    deadlines : tuple of two Deadline
        When to stop searching, and when to stop the last polish.
    watchers : sequence of Watcher, default=()
        Told of the stages when they begin and end.
    """
    exploring, finishing = deadlines
    scaling, n_searched = rows.scaling, config.limits.searched
    fitted = rows.part(slice(0, min(n_searched, rows.n_fitted)), torch.float32)
    held = rows.part(slice(rows.n_fitted, rows.n_fitted + n_searched), torch.float32) if rows.n_held else None
    problem = Problem.of(fitted, held, torch.tensor(scaling.varying), exploring)
    task = RefineTask(
        fitted.to(_DTYPE),
        x_centred=not scaling.x_offset.any(),
        y_centred=not np.any(scaling.y_offset),
        deadline=exploring,
    )
    inside = None if layers is None else in_search_units(layers, scaling)
    wholes = _unsplit(inside, space, search.allowed) if config.split else []
    splits = []
    if config.split:
        width = space.checkpoint.autoencoder.config.max_width
        splits = splits_of(inside, *_standardised(rows, n_searched), config.depths, width, config.seed)
    encoded = inside is not None and fits_matrix(as_sparse(inside), space.checkpoint)

    progress = Progress(watchers, partial(in_raw_units, scaling=scaling), exploring)
    progress.begin_search(config.n_rounds + 3 + encoded + bool(wholes or splits))
    starts = _Starts(task, progress)
    with one_torch_thread():
        starts.begin("latent search", [f"depth {depth}" for depth in config.depths])
        options = RunOptions(config.n_jobs, config.device, None, exploring, progress.end_part)
        searches = space.search(problem, config.depths, search, config.seed, options)
        starts.add([one for found in searches for one in found.candidates], "latent space")
        starts.end()
        if inside is not None and encoded:
            starts.begin("encode")
            starts.add(_encoded(inside, problem, space, search, config), "encoded teacher")
            starts.end()
        front = Front()
        if exploring.passed():
            wholes, splits = [], []
        if wholes or splits:
            starts.begin("split")
            works = [
                partial(compressed_parts, one, space, search, config.seed + number, task)
                for number, one in enumerate(splits)
            ]
            wholes += [one for one in run_parallel(works, config.n_jobs) if one is not None]
            front = polished_and_pruned(wholes, task)
            for number, one in enumerate(wholes):
                starts.add(returned(front, number, problem, space, search, config.depths, config.seed), one.origin)
            if len(front):
                starts.met(front.members()[-1].network)
            starts.end()
        if not starts.candidates:
            raise ValueError(
                "no start gave a finite network; the rows may hold extreme outliers (more than 1e18 standard "
                "deviations)."
            )
        refined, stages = refine(
            starts.candidates,
            problem,
            space,
            task,
            search.allowed,
            config.n_rounds,
            config.seed,
            config.n_jobs,
            starts.stages[-1].r2_after,
            progress,
        )
        known = starts.stages[-1].r2_after  # also of wholes, which wait until the rounds are over
        stages = [
            replace(one, r2_before=max(known, one.r2_before), r2_after=max(known, one.r2_after)) for one in stages
        ]
        refined.join(front_of_wholes(front, len(starts.candidates), space, task))
        path, last = _finished(
            refined, rows, starts, problem, space, search, config, replace(task, deadline=finishing), progress
        )
    progress.end_search()
    judged = judged_path(path)
    if rows.y is rows.labels:  # what a teacher says is never noise: a constant is not as good, however rare the rest
        judged.standard_error[:, [not len(network.used_features) for network in judged.networks]] = 0.0
    origins = [*starts.origins, *(one.origin for one in wholes)]
    return Compression(
        judged,
        [origins[one.start] for one in path],
        searches,
        [*starts.stages, *stages, last],
        [part for one in wholes for part in one.parts],
        path[0].rounding,
    )


def _standardised(rows: CompressRows, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Give inputs and outputs of the teacher on some fitted rows, standardised; outputs have two dimensions."""
    some = slice(0, min(n_rows, rows.n_fitted))
    inputs = rows.scaling.inputs(rows.X[some])
    return inputs, rows.scaling.target(rows.labels[some]).reshape(len(inputs), -1)


def _unsplit(layers: Sequence[Layer] | None, space: LatentSpace, allowed: Sequence[bool]) -> list[Joined]:
    """Give the teacher itself, to be pruned, if it is too wide for the matrix form and its activations are allowed."""
    if layers is None or widest(whole := as_sparse(layers)) <= space.checkpoint.autoencoder.config.max_width:
        return []
    names = {name for layer in whole.activations for name in layer}
    may = {name for name, chosen in zip(ACTIVATIONS, allowed, strict=True) if chosen}
    return [Joined(whole, "pruned teacher", [])] if names <= may else []


def _encoded(
    layers: Sequence[Layer], problem: Problem, space: LatentSpace, search: SearchConfig, config: CompressConfig
) -> list[Candidate]:
    """Give starts of every depth by way of the teacher's latent, and the teacher as it is."""
    network, found = as_sparse(layers), []
    for depth in config.depths:
        generator = torch.Generator().manual_seed(config.seed + depth)
        found += restored(network, problem, space.checkpoint, depth, search, generator, _N_ENCODED)
    if network.depth in config.depths:
        found += network_candidates([network], space.checkpoint.autoencoder.config.max_width, problem, search)
    return found


def _finished(
    front: Front,
    rows: CompressRows,
    starts: _Starts,
    problem: Problem,
    space: LatentSpace,
    search: SearchConfig,
    config: CompressConfig,
    task: RefineTask,
    progress: Progress,
) -> tuple[list[PathNetwork], Stage]:
    """Polish the networks of a front on more rows, and judge them."""
    begin = time.perf_counter()
    folds = [] if rows.n_held else [f"fold {number + 1}" for number in range(min(N_FOLDS, len(task.rows)))]
    progress.begin("last polish", folds)
    members = spread(front)
    n_rows = config.limits.polished
    if rows.y is rows.labels:
        n_rows = min(n_rows, max(config.limits.taught, _ROWS_A_NUMBER * members[-1].size // task.rows.n_targets))
    n_held = min(rows.n_held, max(1, n_rows // 4))
    view = ColumnView.in_use([member.network for member in members])
    columns = view.columns.numpy()
    last = rows.part(slice(0, min(max(1, n_rows - n_held), rows.n_fitted)), _DTYPE, columns)
    if n_held:
        held = rows.part(slice(rows.n_fitted, rows.n_fitted + n_held), _DTYPE, columns)
        last = replace(last, X=torch.cat([last.X, held.X]), y=torch.cat([last.y, held.y], dim=-1))

    def judge(sizes: Sequence[int]) -> np.ndarray:
        allowed, seed = search.allowed, config.seed
        return fold_errors(sizes, starts.candidates, space, task, allowed, seed, config.n_jobs, progress.end_part)

    searched = rows.part(slice(0, len(task.rows)), _DTYPE, columns)
    path = finished_path(members, view, replace(task, rows=last), n_held, rows.scaling, searched, judge, search.linear)
    before = task.r2(members[-1].error)
    by_size = best_by_size((one.network.n_nonzero, 1 - one.train_fvu) for one in path)
    stage = Stage("last polish", time.perf_counter() - begin, before, 1 - path[-1].train_fvu, by_size)
    progress.end(stage, path[-1].network)
    return path, stage

"""From a table to a path of networks in its units: split, search, refine, finish."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.blocks import Growth
from sk_swat.fitting.cross_validation import N_FOLDS, fold_errors
from sk_swat.fitting.finish import PathNetwork, finished_path, in_raw_units, judged_path, with_rounding
from sk_swat.fitting.limits import RowLimits
from sk_swat.fitting.progress import Progress, Watcher
from sk_swat.fitting.refinement import Stage, best_by_size, refine
from sk_swat.latent.problem import Problem, SearchConfig
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.run import Candidate, DepthSearch, RunOptions, one_torch_thread
from sk_swat.latent.space import Space
from sk_swat.latent.starts import Starts
from sk_swat.network.hard import padded_batch, widest
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation, standardise
from sk_swat.network.softnet import SoftNetworks
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Front, Member
from sk_swat.refine.rows import Rows
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline

__all__ = ["TableConfig", "TableSearch", "previous_starts", "search_table", "spread"]

_DTYPE = torch.float64
_GAINS = (0.02, 0.05, 0.1, 0.2)  # shares by which the error must fall from one network to the next
_LONGEST = 40  # networks of a path before blocks are added


@dataclass(frozen=True)
class TableSearch:
    """Result of :func:`search_table`.

    Parameters
    ----------
    path : Path
        Networks in raw units.
    starts : list of Candidate
        For each of them the candidate it descends from.
    searches : list of DepthSearch
        Records of the latent search.
    stages : list of Stage
        What each stage gained.
    rounding : float
        What rounding in raw units costs the most accurate network, in R^2.
    """

    path: Path
    starts: list[Candidate]
    searches: list[DepthSearch]
    stages: list[Stage]
    rounding: float

    @property
    def candidates(self) -> list[Candidate]:
        """Candidates of all depths."""
        return [candidate for search in self.searches for candidate in search.candidates]


@dataclass(frozen=True)
class TableConfig:
    """Settings of :func:`search_table` beside those of the latent search.

    Parameters
    ----------
    refine : bool
        Whether networks are polished and pruned to a path.
    n_rounds : int
        Rounds of variation along the path.
    max_nonzero : int or None
        Largest size without refinement; a path holds all sizes.
    validation_fraction : float or None
        Share of the rows that is held out; None holds out none.
    seed : int
        Source of all random choices.
    max_blocks : int, default=1
        Most decoded networks that one network is the sum of; more than one needs held-out rows.
    n_jobs : int or None
        Depths and folds that are worked on at a time, as in joblib.
    device : str
        Torch device of the latent search.
    limits : RowLimits, default=RowLimits()
        Rows that each stage looks at.
    """

    refine: bool
    n_rounds: int
    max_nonzero: int | None
    validation_fraction: float | None
    seed: int
    max_blocks: int = 1
    n_jobs: int | None = None
    device: str = "cpu"
    limits: RowLimits = field(default_factory=RowLimits)


@dataclass(frozen=True)
class _Data:
    """A raw table with the weights of its rows, its scaling, and the rows that are held out."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    scaling: Standardisation
    held: np.ndarray

    def rows(self, index: np.ndarray, dtype: torch.dtype, columns: np.ndarray | None = None) -> Rows:
        """Give some rows, standardised, with all columns or some."""
        if columns is None:
            part, scaling = self.X[index], self.scaling
        else:
            # column after column, as the sums of a fit are rounded, and without a copy of whole rows
            part, scaling = self.X.T[np.ix_(columns, index)].T, self.scaling.of_columns(columns)
        inputs, target = scaling.inputs(part), scaling.target(self.y[index])
        weight = None if self.weight is None else torch.tensor(self.weight[index], dtype=dtype)
        return Rows(torch.tensor(inputs, dtype=dtype), torch.tensor(target.T, dtype=dtype), weight)


def search_table(
    X: np.ndarray,
    y: np.ndarray,
    scaling: Standardisation,
    space: Space,
    depths: Sequence[int],
    search: SearchConfig,
    config: TableConfig,
    *,
    weight: np.ndarray | None = None,
    previous: dict[int, Starts] | None = None,
    known: SparseMLP | None = None,
    deadlines: tuple[Deadline, Deadline] | None = None,
    watchers: Sequence[Watcher] = (),
) -> TableSearch:
    """Find networks for a table whose target varies.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Raw inputs, at least one of them varying.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Raw targets.
    scaling : Standardisation
        Of these rows, with their weights.
    space : Space
        Where networks come from.
    depths, previous
        As in :func:`sk_swat.latent.run.search_depths`.
    search : SearchConfig
        Settings of the latent search.
    config : TableConfig
        The other settings.
    known : SparseMLP, default=None
        Network in raw units, of as many outputs, that descends from the previous start: refinement goes on from it.
    deadlines : tuple of two Deadline, default=None
        When to stop searching, and when to stop the last polish.
    watchers : sequence of Watcher, default=()
        Told of the stages when they begin and end; they may stop the search, but not the last polish.
    """
    deadlines = deadlines or (Deadline(), Deadline())
    order = np.random.default_rng([config.seed, 0]).permutation(len(y))
    n_held = 0 if config.validation_fraction is None else int(np.ceil(config.validation_fraction * len(y)))
    if n_held >= len(y):
        raise ValueError(
            f"early_stopping needs at least one row besides the held-out ones, got {len(y)} rows and "
            f"validation_fraction={config.validation_fraction:g}; set early_stopping=False or a smaller fraction."
        )
    held, fitted = order[:n_held], order[n_held:]

    data = _Data(X, y, weight, scaling, held)
    n_rows = config.limits.n_searched(len(fitted), config.refine)
    judged_by = data.rows(held[:n_rows], torch.float32) if n_held else None
    searched = data.rows(fitted[:n_rows], torch.float32)
    problem = Problem.of(searched, judged_by, torch.tensor(scaling.varying), deadlines[0])
    progress = Progress(watchers, partial(in_raw_units, scaling=scaling), deadlines[0])
    options = RunOptions(config.n_jobs, config.device, previous, deadlines[0], progress.end_part)
    progress.begin_search(config.n_rounds + config.max_blocks + 2 if config.refine else 1)
    progress.begin("latent search", [f"depth {depth}" for depth in depths])
    begin = time.perf_counter()
    with one_torch_thread():
        searches = space.search(problem, depths, search, config.seed, options)
        candidates = [candidate for found in searches for candidate in found.candidates]
        if not candidates:
            raise ValueError(
                "no start gave a finite network; the table may hold extreme outliers (more than 1e18 standard "
                "deviations)."
            )
        stage, best = _latent_stage(candidates, problem, time.perf_counter() - begin, deadlines[0])
        stages = [stage]
        progress.end(stage, best)
        if config.refine:
            path, more = _refined_path(
                candidates,
                problem,
                fitted,
                data,
                space,
                search,
                config,
                deadlines,
                stage.r2_after,
                progress,
                _known_member(known, candidates, previous, scaling),
            )
            stages += more
        else:
            n_last = config.limits.polished if deadlines[0].passed() else len(y)
            path = _latent_path(candidates, search, config.max_nonzero, data, order[-n_last:])
    progress.end_search()
    starts = [candidates[one.start] for one in path]
    return TableSearch(judged_path(path), starts, searches, stages, path[0].rounding)


def _latent_stage(
    candidates: list[Candidate], problem: Problem, seconds: float, deadline: Deadline
) -> tuple[Stage, SoftNetworks]:
    """Record of the latent search, and the network with the smallest error of those that there is time to evaluate."""
    errors: list[float] = []
    with torch.no_grad():
        for one in candidates:
            if errors and deadline.passed():
                break
            errors.append(float(problem.rows.error(one.network)))
    r2 = list(map(RefineTask(problem.rows).r2, errors))
    by_size = best_by_size((one.n_nonzero, found) for one, found in zip(candidates, r2, strict=False))
    stage = Stage("latent search", seconds, 0.0, max(r2), by_size)
    return stage, candidates[errors.index(min(errors))].network


def _refined_path(
    candidates: list[Candidate],
    problem: Problem,
    fitted: np.ndarray,
    data: _Data,
    space: Space,
    search: SearchConfig,
    config: TableConfig,
    deadlines: tuple[Deadline, Deadline],
    r2: float,
    progress: Progress,
    known: Member | None,
) -> tuple[list[PathNetwork], list[Stage]]:
    """Refine the candidates on the rows of the search, and finish the front on all rows."""
    exploring, finishing = deadlines
    scaling, held, limits = data.scaling, data.held, config.limits
    task = RefineTask(
        problem.rows.to(_DTYPE),
        x_centred=not scaling.x_offset.any(),
        y_centred=not np.any(scaling.y_offset),
        deadline=exploring,
    )
    front, stages = refine(
        candidates,
        problem,
        space,
        task,
        search.allowed,
        config.n_rounds,
        config.seed,
        config.n_jobs,
        r2,
        progress,
        known=known,
    )
    members = spread(front)
    if len(held) and config.max_blocks > 1 and not exploring.passed():
        grown = replace(task, rows=data.rows(fitted[: limits.grown], _DTYPE))
        judges = data.rows(held[: limits.grown], _DTYPE)
        growth = Growth(problem, space, grown, judges, search, config.seed, config.n_jobs)
        sums, more = growth.run(members, config.max_blocks, progress)
        members, stages = members + spread(sums), stages + more
    folds = [] if len(held) else [f"fold {number + 1}" for number in range(min(N_FOLDS, len(task.rows)))]
    progress.begin("last polish", folds)
    begin = time.perf_counter()
    task = replace(task, deadline=finishing)
    n_held = min(len(held), max(1, limits.polished // 4))
    view = ColumnView.in_use([member.network for member in members])
    columns = view.columns.numpy()
    rows = data.rows(np.r_[fitted[: max(1, limits.polished - n_held)], held[:n_held]], _DTYPE, columns)
    searched = data.rows(fitted[: len(task.rows)], _DTYPE, columns)

    def judge(sizes: Sequence[int]) -> np.ndarray:
        return fold_errors(
            sizes, candidates, space, task, search.allowed, config.seed, config.n_jobs, progress.end_part
        )

    path = finished_path(members, view, replace(task, rows=rows), n_held, scaling, searched, judge, search.linear)
    by_size = best_by_size((one.network.n_nonzero, 1 - one.train_fvu) for one in path)
    last = Stage("last polish", time.perf_counter() - begin, stages[-1].r2_after, 1 - path[-1].train_fvu, by_size)
    progress.end(last, path[-1].network)
    return path, [*stages, last]


def _known_member(
    known: SparseMLP | None,
    candidates: Sequence[Candidate],
    previous: dict[int, Starts] | None,
    scaling: Standardisation,
) -> Member | None:
    """Network of an earlier fit, with the candidate that its start has become; None if that is not searched."""
    if known is None or not known.depth or not previous:
        return None
    start = next((i for i, one in enumerate(candidates) if one.depth in previous and one.restart == 0), None)
    network = padded_batch([standardise(known, scaling)], max(widest(known), candidates[0].network.mask[0].shape[1]))
    return None if start is None else Member(network, known.n_nonzero, math.inf, start)


def spread(front: Front) -> list[Member]:
    """Members of a front, not too many."""
    return next((found for gain in _GAINS if len(found := front.members(gain)) <= _LONGEST), front.members(_GAINS[-1]))


def _latent_path(
    candidates: list[Candidate], search: SearchConfig, max_nonzero: int | None, data: _Data, last: np.ndarray
) -> list[PathNetwork]:
    """Best candidate, judged by the held-out rows if there are any, then with its readout fitted to the last rows."""
    allowed = [i for i, one in enumerate(candidates) if max_nonzero is None or one.n_nonzero <= max_nonzero]
    if not allowed:
        raise ValueError(
            f"max_nonzero must be at least {min(one.n_nonzero for one in candidates)}, the size of the smallest "
            f"network found without refinement, got {max_nonzero}; refine=True prunes down to any size."
        )
    start = min(allowed, key=lambda i: candidates[i].objective)
    network = candidates[start].network.map(lambda part: part.double())
    validation, weight = np.full(1, np.nan), None
    if len(data.held):
        rows = data.rows(data.held, torch.float64)
        validation = rows.losses(network).numpy(force=True)[0]
        weight = None if data.weight is None else data.weight[data.held]
    rows = data.rows(np.sort(last), torch.float64)
    if search.readout == "ridge":
        network = with_readout(network, solve_readout(network.last_hidden(rows.X), rows))
    fvu = float(rows.error(network)) / rows.constant_loss
    found = PathNetwork(in_raw_units(network, data.scaling), start, fvu, validation, weight)
    return with_rounding([found], rows, data.scaling, np.arange(data.X.shape[1]))


def previous_starts(depth: int, latent: np.ndarray, inputs: np.ndarray, threshold: float) -> dict[int, Starts]:
    """One earlier latent, its input layer and its weight threshold, as a start of its depth."""
    layer = torch.tensor(inputs)[None]
    used = (layer != 0).any(1).float()
    start = Starts.unscored(torch.tensor(latent)[None], layer, used)
    return {depth: replace(start, threshold=torch.full_like(start.threshold, threshold))}

"""From a table to a path of networks in its units: split, search, refine, finish."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sk_swat.checkpoint import Checkpoint
from sk_swat.path import Path
from sk_swat.refine.task import Deadline, RefineTask
from sk_swat.scaling import Standardisation
from sk_swat.search.finish import PathNetwork, finished_path, in_raw_units
from sk_swat.search.problem import Problem, SearchConfig
from sk_swat.search.readout import solve_readout, with_readout
from sk_swat.search.refinement import Stage, refine
from sk_swat.search.run import Candidate, DepthSearch, one_torch_thread, search_depths
from sk_swat.search.starts import Starts

__all__ = ["TableConfig", "TableSearch", "previous_starts", "search_table"]

_MOST_ROWS = 20_000  # of the last polish; evenly drawn from a longer table


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
    """

    path: Path
    starts: list[Candidate]
    searches: list[DepthSearch]
    stages: list[Stage]

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
    n_jobs : int or None
        Threads over depths, as in joblib.
    device : str
        Torch device of the latent search.
    """

    refine: bool
    n_rounds: int
    max_nonzero: int | None
    validation_fraction: float | None
    seed: int
    n_jobs: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class _Data:
    """A raw table, its scaling, and the rows that are held out."""

    X: np.ndarray
    y: np.ndarray
    scaling: Standardisation
    held: np.ndarray

    def rows(self, index: np.ndarray, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Some rows, standardised."""
        inputs, target = self.scaling.inputs(self.X[index]), self.scaling.target(self.y[index])
        return torch.tensor(inputs, dtype=dtype), torch.tensor(target, dtype=dtype)


def search_table(
    X: np.ndarray,
    y: np.ndarray,
    scaling: Standardisation,
    checkpoint: Checkpoint,
    depths: Sequence[int],
    search: SearchConfig,
    config: TableConfig,
    *,
    previous: dict[int, Starts] | None = None,
    deadlines: tuple[Deadline, Deadline] | None = None,
) -> TableSearch:
    """Find networks for a table whose target varies.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Raw inputs, at least one of them varying.
    y : ndarray of shape (n_rows,)
        Raw target.
    scaling : Standardisation
        Of these rows.
    checkpoint, depths, previous
        As in :func:`search_depths`.
    search : SearchConfig
        Settings of the latent search.
    config : TableConfig
        The other settings.
    deadlines : tuple of two Deadline, default=None
        When to stop searching, and when to stop the last polish.
    """
    exploring, finishing = deadlines or (Deadline(), Deadline())
    order = np.random.default_rng([config.seed, 0]).permutation(len(y))
    n_held = 0 if config.validation_fraction is None else int(np.ceil(config.validation_fraction * len(y)))
    if n_held >= len(y):
        raise ValueError(
            f"early_stopping needs at least one row besides the held-out ones, got {len(y)} rows and "
            f"validation_fraction={config.validation_fraction:g}; set early_stopping=False or a smaller fraction."
        )
    held, fitted = order[:n_held], order[n_held:]

    data = _Data(X, y, scaling, held)
    X_fitted, y_fitted = data.rows(fitted[: search.n_rows], torch.float32)
    X_held, y_held = data.rows(held[: search.n_rows], torch.float32) if n_held else (None, None)
    problem = Problem(X_fitted, y_fitted, X_held, y_held, columns=torch.tensor(scaling.varying))
    begin = time.perf_counter()
    with one_torch_thread():
        searches = search_depths(
            problem, checkpoint, depths, search, config.seed, config.n_jobs, config.device, previous, exploring
        )
        candidates = [candidate for found in searches for candidate in found.candidates]
        if not candidates:
            raise ValueError(
                "no start gave a finite network; the table may hold extreme outliers (more than 1e18 standard "
                "deviations)."
            )
        stages = [_latent_stage(candidates, problem, time.perf_counter() - begin)]
        centred = {"x_centred": not scaling.x_offset.any(), "y_centred": scaling.y_offset == 0}
        if config.refine:
            task = RefineTask(X_fitted, y_fitted, **centred, deadline=exploring)
            front, more = refine(
                candidates,
                problem,
                checkpoint,
                task,
                search.allowed,
                config.n_rounds,
                config.seed,
                config.n_jobs,
                stages[0].r2_after,
            )
            begin = time.perf_counter()
            n_kept = min(n_held, _MOST_ROWS // 4)
            last = RefineTask(
                *data.rows(np.r_[fitted[: _MOST_ROWS - n_kept], held[:n_kept]], torch.float64),
                **centred,
                deadline=finishing,
            )
            path = finished_path(front, last, n_kept, scaling, config.seed)
            stages += more
            stages.append(
                Stage("last polish", time.perf_counter() - begin, more[-1].r2_after, 1 - path[-1].train_fvu)
            )
        else:
            path = _latent_path(candidates, search, config.max_nonzero, data)
    judged = Path.judged(
        [one.network for one in path], [one.train_fvu for one in path], np.stack([one.validation_errors for one in path])
    )
    return TableSearch(judged, [candidates[one.start] for one in path], searches, stages)


def _latent_stage(candidates: list[Candidate], problem: Problem, seconds: float) -> Stage:
    with torch.no_grad():
        errors = [float((one.network.forward(problem.X) - problem.y).square().mean()) for one in candidates]
    return Stage("latent search", seconds, 0.0, 1 - min(errors) / float(problem.y.var(correction=0)))


def _latent_path(
    candidates: list[Candidate], search: SearchConfig, max_nonzero: int | None, data: _Data
) -> list[PathNetwork]:
    """Best candidate with its readout fitted to all rows; judged, before that, by the held-out rows if there are any."""
    allowed = [one for one in candidates if max_nonzero is None or one.n_nonzero <= max_nonzero]
    if not allowed:
        raise ValueError(
            f"max_nonzero must be at least {min(one.n_nonzero for one in candidates)}, the size of the smallest "
            f"network found without refinement, got {max_nonzero}; refine=True prunes down to any size."
        )
    chosen = min(allowed, key=lambda candidate: candidate.objective)
    network = chosen.network.map(lambda part: part.double())
    validation = np.full(1, np.nan)
    if len(data.held):
        X, y = data.rows(data.held, torch.float64)
        validation = (network.forward(X) - y).square().numpy(force=True)[0]
    X, y = data.rows(np.arange(len(data.y)), torch.float64)
    if search.readout == "ridge":
        network = with_readout(network, solve_readout(network.last_hidden(X), y))
    fvu = float((network.forward(X) - y).square().mean() / y.var(correction=0))
    return [PathNetwork(in_raw_units(network, data.scaling), candidates.index(chosen), fvu, validation)]


def previous_starts(depth: int, latent: np.ndarray, inputs: np.ndarray, threshold: float) -> dict[int, Starts]:
    """One earlier latent, its input layer and its weight threshold, as a start of its depth."""
    layer = torch.tensor(inputs)[None]
    used = (layer != 0).any(1).float()
    start = Starts.unscored(torch.tensor(latent)[None], layer, used)
    return {depth: replace(start, threshold=torch.full_like(start.threshold, threshold))}

"""Compress networks that exist, beside magnitude pruning: fidelity, accuracy, size and time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.metrics import r2_score

from benchmarks.models import BENCHMARK_MODELS
from benchmarks.quick_report import aligned
from benchmarks.results import read_results, write_results
from benchmarks.tables import list_tables, table_folds
from benchmarks.tasks import Task, load_task
from benchmarks.timing import median_seconds
from sk_swat.comparison import check_names, timed_fit
from sk_swat.network import SparseMLP

__all__ = [
    "COMPRESSORS",
    "NINE_LAYERS",
    "Compressed",
    "compression_summary",
    "compression_tasks",
    "measure_compression",
    "run_compression",
]

TEACHER = "MLPRegressor-100"
NINE_LAYERS = tuple(f"nine layers {number}" for number in range(10))
_N_PREDICT_CALLS = 5
_PAPER_ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu")
_EXACT = 1e-6  # smaller shares of variance left count as this
_WANTED = 0.99  # fidelity
_MAY_LOSE = 0.01  # R^2 on the target
_ANY_SIZE = "any size"


@dataclass(frozen=True)
class Compressed:
    """One network of one compressed teacher: a line of the CSV file.

    Parameters
    ----------
    task, split, seed : str, int, int
        As in :class:`benchmarks.results.Result`.
    model : str
        A key of ``COMPRESSORS``.
    selection : str
        "<=50" for the most accurate network of at most 50 numbers, "any size" for that of the whole path, as held-out
        rows say.
    n_before, n_nonzero, depth : int
        Numbers of the teacher, numbers and hidden layers of the network.
    fidelity : float
        R^2 between the predictions of both on the test rows; nan if there is no such network.
    teacher_r2, r2 : float
        R^2 of both on the test targets.
    fit_s : float
        CPU seconds of the compression, which all selections share; the teacher's own fit is not counted.
    teacher_predict_s, predict_s : float
        Seconds of one call for all test rows, median of five.
    """

    task: str
    split: int
    seed: int
    model: str
    selection: str
    n_before: int
    n_nonzero: int
    depth: int
    fidelity: float
    teacher_r2: float
    r2: float
    fit_s: float
    teacher_predict_s: float
    predict_s: float


def _swat(**parameters: Any) -> Callable[..., Any]:
    def make(teacher: Any, seed: int, depths: Sequence[int], sizes: Sequence[int]) -> Any:
        from sk_swat.compressor import SWATCompressor

        return SWATCompressor(teacher, depths=depths, random_state=seed, **parameters)

    return make


def _pruned(**parameters: Any) -> Callable[..., Any]:
    def make(teacher: Any, seed: int, depths: Sequence[int], sizes: Sequence[int]) -> Any:
        from benchmarks.baselines.pruned_teacher import PrunedTeacherRegressor

        return PrunedTeacherRegressor(teacher, sizes=sizes, **parameters)

    return make


# name -> maker of a compressor from a teacher, a seed, the depths wanted and the sizes asked for
COMPRESSORS: Mapping[str, Callable[..., Any]] = {
    "SWATCompressor": _swat(),
    "SWATCompressor, no rounds": _swat(n_rounds=0),
    "SWATCompressor, not split": _swat(split=False),
    "magnitude pruning": _pruned(),
    "magnitude pruning, one price": _pruned(l2=(3e-4,)),
}


def compression_tasks(names: Iterable[str] | None, seed: int, rows: Any) -> list[Task]:
    """Make the tasks: CORNN functions and random networks of nine layers, or the folds of a folder of tables."""
    from sk_swat.datasets import cornn_names

    if rows.tables is not None:
        paths = list_tables(rows.tables)
        chosen = list(paths if names is None else names)
        check_names("tasks", chosen, paths)
        return [task for name in chosen for task in table_folds(paths[name], n_folds=rows.n_folds, random_state=seed)]
    known = (*cornn_names(), *NINE_LAYERS)
    chosen = list(known if names is None else names)
    check_names("tasks", chosen, known)
    return [
        _nine_layers(name, seed, rows.n_train)[1]
        if name in NINE_LAYERS
        else load_task(name, random_state=seed, n_train=rows.n_train)
        for name in chosen
    ]


def _nine_layers(name: str, seed: int, n_train: int) -> tuple[Any, Task]:
    """Draw a network with nine layers of seven neurons on two inputs, one activation a layer, and rows of it."""
    from sk_swat.pretraining.corpus import random_networks

    rng = np.random.default_rng([seed, NINE_LAYERS.index(name)])
    drawn = random_networks(rng, 1, 2, [7] * 9, _PAPER_ACTIVATIONS, 1.0).to_sparse(0)
    names = [(str(name),) * 7 for name in rng.choice(_PAPER_ACTIVATIONS, 9)]
    teacher = SparseMLP(drawn.coefs, drawn.intercepts, names)
    X = rng.uniform(-1, 1, size=(n_train + max(1, n_train // 3), 2))
    y = teacher.predict(X)
    return teacher, Task(name, X[:n_train], X[n_train:], y[:n_train], y[n_train:], ("x", "y"), seed=seed)


def measure_compression(task: Task, model: str, sizes: Sequence[int]) -> list[Compressed]:
    """Fit the teacher to the training rows, compress it on them without their targets, and score on the test rows.

    Parameters
    ----------
    task : Task
        One of :func:`compression_tasks`.
    model : str
        A key of ``COMPRESSORS``.
    sizes : sequence of int
        Limits on the number of numbers.
    """
    depths: tuple[int, ...]
    if task.name in NINE_LAYERS:
        teacher, depths = _nine_layers(task.name, task.seed, len(task.y_train))[0], (2,)
        n_before = teacher.n_nonzero
    else:
        from sk_swat.compress.teachers import teacher_of

        teacher, depths = BENCHMARK_MODELS[TEACHER](task.seed), (1, 2)
        timed_fit(teacher, task)
        n_before = teacher_of(teacher).n_numbers or 0
    taught = teacher.predict(task.X_test)
    teacher_s = median_seconds(lambda: teacher.predict(task.X_test), _N_PREDICT_CALLS)
    compressor = COMPRESSORS[model](teacher, task.seed, depths, tuple(sizes))
    begin = time.process_time()
    compressor.fit(task.X_train)
    seconds = time.process_time() - begin
    found = []
    for selection, limit in [*((f"<={size}", size) for size in sizes), (_ANY_SIZE, None)]:
        try:
            _select(compressor, limit)
        except ValueError:  # no network is that small
            scores, shape, predict_s = (math.nan, math.nan), (0, 0), math.nan
        else:
            own = compressor.predict(task.X_test)
            scores = (_r2(taught, own), _r2(task.y_test, own))
            shape = (compressor.n_nonzero_, compressor.network_.depth)
            predict_s = median_seconds(lambda: compressor.predict(task.X_test), _N_PREDICT_CALLS)
        place = (task.name, task.split, task.seed, model, selection)
        teacher_r2 = _r2(task.y_test, taught)
        found.append(
            Compressed(*place, n_before, *shape, scores[0], teacher_r2, scores[1], seconds, teacher_s, predict_s)
        )
    return found


def _select(compressor: Any, limit: int | None) -> None:
    """Take the most accurate network of at most so many numbers, or of any."""
    if limit is None:
        limit = max(network.n_nonzero for network in compressor.networks_)
    compressor.select(max_nonzero=limit, sparsity=0, compactness=0)


def _r2(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(target, predicted)) if np.isfinite(predicted).all() else -math.inf


def run_compression(
    tasks: Sequence[Task],
    models: Sequence[str],
    sizes: Sequence[int],
    *,
    n_jobs: int = 1,
    out: Path | None = None,
    sink: Callable[[str], object] = print,
) -> list[Compressed]:
    """Measure compressors on tasks, into a file in which a later call continues.

    Parameters
    ----------
    tasks : sequence of Task
        Of :func:`compression_tasks`.
    models : sequence of str
        Keys of ``COMPRESSORS``.
    sizes : sequence of int
        Limits on the number of numbers.
    n_jobs : int, default=1
        Processes.
    out : path, default=None
        CSV file.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    found : list of Compressed
        Task by task, in the order of the models.
    """
    names = {f"<={size}" for size in sizes} | {_ANY_SIZE}
    known: dict[tuple[Any, ...], list[Compressed]] = {}
    for line in read_results(out, Compressed) if out is not None and out.exists() else []:
        known.setdefault((line.task, line.split, line.seed, line.model), []).append(line)
    places = [((task.name, task.split, task.seed, model), task) for task in tasks for model in models]
    pending = [
        (place, task) for place, task in places if not names <= {line.selection for line in known.get(place, [])}
    ]
    runs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(measure_compression)(task, place[3], sizes) for place, task in pending
    )
    for number, ((place, _), found) in enumerate(zip(pending, runs, strict=True), start=1):
        known[place] = found
        if out is not None:
            write_results([line for lines in known.values() for line in lines], out)
        best = found[-2] if len(found) > 1 else found[-1]
        sink(
            f"[{number}/{len(pending)}] {place[0]} split {place[1]} seed {place[2]}, {place[3]}: fidelity "
            f"{best.fidelity:.5f} with {best.n_nonzero} numbers, {best.fit_s:.1f} s"
        )
    return [line for place, _ in places for line in known[place] if line.selection in names]


def compression_summary(found: Sequence[Compressed], against: str = "magnitude pruning") -> str:
    """Say for each model and selection how often it is faithful, and compare it with another model.

    Parameters
    ----------
    found : sequence of Compressed
        Lines of :func:`run_compression`. Folds and seeds of a task count as tasks.
    against : str, default="magnitude pruning"
        The other model; its columns are left out if it was not measured.

    Returns
    -------
    text : str
        Markdown table and what its columns mean, without a final line break.
    """
    header = ["model", "networks", "tasks", f"fidelity > {_WANTED:g}", "as good", "fidelity", "numbers", "fit s"]
    pruned = {_place(line): line for line in found if line.model == against}
    if pruned:
        header += ["better", "rest / pruned", "time / pruned"]
    rows = [header]
    for model in dict.fromkeys(line.model for line in found):
        for selection in dict.fromkeys(line.selection for line in found):
            own = [line for line in found if (line.model, line.selection) == (model, selection)]
            own = [line for line in own if math.isfinite(line.fidelity)]
            if not own:
                continue
            faithful = sum(line.fidelity > _WANTED for line in own)
            as_good = sum(line.r2 >= line.teacher_r2 - _MAY_LOSE for line in own)
            row = [model, selection, str(len(own)), str(faithful), str(as_good)]
            row.append(f"{np.median([line.fidelity for line in own]):.5f}")
            row += [f"{np.median([getattr(line, name) for line in own]):.3g}" for name in ("n_nonzero", "fit_s")]
            if pruned:
                pairs = [(line, pruned[_place(line)]) for line in own if _place(line) in pruned]
                pairs = [(line, other) for line, other in pairs if math.isfinite(other.fidelity)]
                rest = [math.log(_rest(line) / _rest(other)) for line, other in pairs]
                times = [math.log(line.fit_s / other.fit_s) for line, other in pairs]
                row += [f"{sum(part < 0 for part in rest)}/{len(rest)}", _geometric(rest), _geometric(times)]
            rows.append(row)
    return (
        f"{aligned(rows, n_left=2)}\n\n"
        "fidelity: R^2 between the predictions of teacher and network on test rows, median over tasks. as good: R^2\n"
        f"on the test targets at most {_MAY_LOSE:g} below the teacher's. fit s: CPU seconds of the compression.\n"
        f"better: tasks on which 1 - fidelity is smaller than that of {against} at the same limit. rest, time:\n"
        f"geometric mean of the ratios of 1 - fidelity (at least {_EXACT:g}) and of the CPU seconds."
    )


def _place(line: Compressed) -> tuple[Any, ...]:
    return line.task, line.split, line.seed, line.selection


def _rest(line: Compressed) -> float:
    return max(_EXACT, 1 - line.fidelity)


def _geometric(logs: Sequence[float]) -> str:
    return f"{math.exp(float(np.mean(logs))):.3g}" if logs else "-"

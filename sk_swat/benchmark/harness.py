"""Benchmark over sizes: how accurate one fit's networks of given sizes are, beside regressors of scikit-learn.

A task is one function of the CORNN suite with one split, or one fold of a table. Figures are kept in a CSV file, in
which a later call continues.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sk_swat.baselines.registry import check_names, count_numbers, make_model
from sk_swat.benchmark.quick import Task, load_task, median_seconds, timed_fit
from sk_swat.benchmark.summary import (
    ADAM,
    BOOSTING,
    SMALL_MLP,
    SWAT,
    SizeMeasurement,
    read_measurements,
    summary_table,
    write_sizes,
)
from sk_swat.benchmark.tables import list_tables, table_folds

__all__ = ["SIZE_MODELS", "bench_sizes", "measure_sizes"]

_Key = tuple[str, int, int, str]  # task, fold, seed and model of a measurement
_PREDICT_CALLS = 5


def _mlp(*sizes: int, **parameters: Any) -> Callable[[int], Any]:
    def make(random_state: int) -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        settings = {"max_iter": 200} | parameters  # scikit-learn's default, not that of make_model
        mlp = make_model("MLPRegressor", random_state=random_state, hidden_layer_sizes=sizes, **settings)
        return TransformedTargetRegressor(mlp, transformer=StandardScaler())

    return make


_BY_LBFGS = {"activation": "tanh", "solver": "lbfgs", "max_iter": 3000}
SIZE_MODELS: Mapping[str, Callable[[int], Any]] = {
    SWAT: lambda random_state: make_model(SWAT, random_state=random_state),
    SMALL_MLP: _mlp(7, 7, **_BY_LBFGS),
    "MLPRegressor-50": _mlp(50, **_BY_LBFGS),
    ADAM: _mlp(100),
    BOOSTING: lambda random_state: make_model(BOOSTING, random_state=random_state),
}


def measure_sizes(
    task: Task, model_name: str, sizes: Iterable[int] = (), *, fold: int = 0, random_state: int = 0
) -> list[SizeMeasurement]:
    """Fit one model to the training rows and score it on the test rows, at each size if it is SWATRegressor.

    Parameters
    ----------
    task : Task
        The table and its split.
    model_name : str
        A key of ``SIZE_MODELS``.
    sizes : iterable of int, default=()
        Limits on the number of numbers of SWATRegressor's networks.
    fold : int, default=0
        Number to put down.
    random_state : int, default=0
        Seed of the fit.

    Returns
    -------
    found : list of SizeMeasurement
        The model as fitted, then the sizes.
    """
    model = SIZE_MODELS[model_name](random_state)
    if model_name == SWAT:
        _warm_up()
    fit_s, _ = timed_fit(model, task)

    def score(label: str) -> SizeMeasurement:
        predicted = model.predict(task.X_test)
        mse = float(np.mean((predicted - task.y_test) ** 2)) if np.isfinite(predicted).all() else math.inf
        n_numbers = count_numbers(getattr(model, "regressor_", model))
        predict_s = median_seconds(lambda: model.predict(task.X_test), _PREDICT_CALLS)
        fvu = mse / float(np.var(task.y_test))
        return SizeMeasurement(task.name, fold, label, random_state, mse, fvu, n_numbers, fit_s, predict_s)

    found = [score(model_name)]
    for size in sizes if model_name == SWAT else ():
        label = f"{SWAT}<={size}"
        try:
            model.select(max_nonzero=size, sparsity=0, compactness=0)
        except ValueError:  # no network is that small
            missing = SizeMeasurement(task.name, fold, label, random_state, math.nan, math.nan, 0, fit_s, math.nan)
            found.append(missing)
        else:
            found.append(score(label))
    return found


@functools.cache  # once in each process
def _warm_up() -> None:
    """Load torch and the checkpoint, so that no measured fit pays for them."""
    rows = np.linspace(-1, 1, 50)[:, np.newaxis]
    model = SIZE_MODELS[SWAT](0).set_params(max_iter=0, n_restarts=1, depths=(1,))
    timed_fit(model, Task("warm-up", rows, rows, rows[:, 0] ** 2, rows[:, 0] ** 2, ("x",)))


def bench_sizes(
    tasks: Iterable[str] | None = None,
    models: Iterable[str] | None = None,
    *,
    tables: str | Path | None = None,
    sizes: Iterable[int] | None = None,
    n_folds: int = 5,
    random_state: int = 0,
    n_jobs: int = 1,
    n_train: int = 3750,
    out: str | Path | None = None,
    summary: str | Path | None = None,
    sink: Callable[[str], object] = print,
) -> list[SizeMeasurement]:
    """Measure models on the CORNN functions or on a folder of tables, and print a summary.

    Parameters
    ----------
    tasks : iterable of str, default=None
        Names of CORNN functions or of tables; None takes all.
    models : iterable of str, default=None
        Keys of ``SIZE_MODELS``; None takes all.
    tables : str or path, default=None
        Folder of CSV files, see `read_table` of sk_swat.benchmark.tables; None takes the CORNN functions.
    sizes : iterable of int, default=None
        Limits on the number of numbers of SWATRegressor's networks, at least 1. None takes 15, 20, 30 and 50, for
        tables 30, 50 and 100.
    n_folds : int, default=5
        Folds of each table, at least 2.
    random_state : int, default=0
        Seed of splits, sampled points and fits.
    n_jobs : int, default=1
        Processes that measure side by side; seconds mean most with one.
    n_train : int, default=3750
        Training rows of a CORNN function, at least 2; test rows are a third of them.
    out : str or path, default=None
        CSV file for the figures. If it exists, models whose figures for a task and seed are complete in it are not
        run again, so it must stem from the same tables, rows, folds and code; its other lines are kept.
    summary : str or path, default=None
        Markdown file for the summary.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    found : list of SizeMeasurement
        Task by task, in the order of the models, measured now or before.
    """
    from joblib import Parallel, delayed

    models = list(dict.fromkeys(SIZE_MODELS if models is None else models))
    check_names("models", models, SIZE_MODELS)
    sizes = sorted(set(((15, 20, 30, 50) if tables is None else (30, 50, 100)) if sizes is None else sizes))
    if sizes and sizes[0] < 1:
        raise ValueError(f"sizes must be at least 1, got {sizes[0]}.")
    known = {}
    if out is not None:
        out = _checked_path("out", out, ".csv")
        known = {_key(item): item for item in read_measurements(out)} if out.exists() else {}
    if summary is not None:
        summary = _checked_path("summary", summary, ".md")
    if tables is None:
        folds = _functions(tasks, random_state, n_train)
    else:
        folds = _folds(tables, tasks, random_state, n_folds)

    labels = {model: [model, *(f"{model}<={size}" for size in sizes if model == SWAT)] for model in models}
    pending = []
    for fold, task in folds:
        missing = [m for m in models if not known.keys() >= _keys(task, fold, random_state, labels[m])]
        if missing:
            pending.append((fold, task, missing))
    if len(pending) < len(folds):
        sink(f"{len(folds) - len(pending)} of {len(folds)} tasks are complete in {out}")

    # max_nbytes=None, because larger arrays would arrive read-only
    parallel = Parallel(n_jobs=n_jobs, return_as="generator", max_nbytes=None)
    runs = parallel(delayed(_measure_models)(task, m, sizes, fold, random_state) for fold, task, m in pending)
    for number, ((fold, task, missing), found) in enumerate(zip(pending, runs, strict=True), start=1):
        place = (task.name, fold, random_state)
        known = {k: v for k, v in known.items() if k[:3] != place or k[3].partition("<=")[0] not in missing}
        known |= {_key(item): item for item in found}
        if out is not None:
            write_sizes(known.values(), out)
        figures = ", ".join(f"{item.model} {item.test_fvu:.2g}" for item in found)
        sink(f"[{number}/{len(pending)}] {task.name}{f' fold {fold}' if tables is not None else ''}: FVU of {figures}")

    found = [known[task.name, fold, random_state, label] for fold, task in folds for m in models for label in labels[m]]
    text = summary_table(found)
    sink("\n" + text)
    if summary is not None:
        summary.write_text(text + "\n", encoding="utf-8")
    return found


def _functions(names: Iterable[str] | None, random_state: int, n_train: int) -> list[tuple[int, Task]]:
    from sk_swat.datasets import cornn_function, cornn_names

    functions = [cornn_function(name) for name in dict.fromkeys(cornn_names() if names is None else names)]
    return [(0, load_task(function.name, random_state=random_state, n_train=n_train)) for function in functions]


def _folds(folder: str | Path, names: Iterable[str] | None, random_state: int, n_folds: int) -> list[tuple[int, Task]]:
    paths = list_tables(folder)
    names = list(dict.fromkeys(paths if names is None else names))
    check_names("tasks", names, paths)
    return [
        (fold, task)
        for name in names
        for fold, task in enumerate(table_folds(paths[name], n_folds=n_folds, random_state=random_state))
    ]


def _measure_models(
    task: Task, models: Sequence[str], sizes: Sequence[int], fold: int, random_state: int
) -> list[SizeMeasurement]:
    return [item for m in models for item in measure_sizes(task, m, sizes, fold=fold, random_state=random_state)]


def _keys(task: Task, fold: int, seed: int, labels: Iterable[str]) -> set[_Key]:
    return {(task.name, fold, seed, label) for label in labels}


def _key(item: SizeMeasurement) -> _Key:
    return item.task, item.fold, item.seed, item.model


def _checked_path(argument: str, path: str | Path, ending: str) -> Path:
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"{argument} must end in {ending}, got '{path}'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{argument} must lie in an existing folder, got '{path}'.")
    return path

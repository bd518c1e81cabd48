"""Experiments: which models are measured on which tasks, how, and what that shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import accuracy, compression, cost, papers_steps, quick, small_tables, speed
from benchmarks.figures import FIGURES, draw_figures
from benchmarks.models import PART_MODELS, START_MODELS, TIMED_MODELS
from benchmarks.runner import Harness, Runner, Selections, check_file, jobs_of
from benchmarks.tables import list_tables, table_folds
from benchmarks.tasks import Task, check_split, load_task, make_task
from sk_swat.cli.comparison import check_names

__all__ = ["EXPERIMENTS", "Choice", "Experiment", "by_price", "by_size", "by_size_and_steps", "run_experiment"]

_SWAT = "SWATRegressor"
_CORNN_ONLY = ("SWATRegressor, 20 rounds", "papers' activations", "papers' search", "fixed activation", "DARTS+ADMM")
_MODELS = (
    *("SWATRegressor", "SWATRegressor, 20 rounds", "papers' activations", "papers' search", "fixed activation"),
    *("random networks", "PrunedMLP", "DARTS+ADMM", "Ridge", "MLPRegressor-7-7", "MLPRegressor-50"),
    *("MLPRegressor-100", "HistGradientBoostingRegressor"),
)
_STEPS = (0, 5, 15, 40)
_PRICES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
# by name, in the words of the first paper: its Fig. 5 has 14 weights in 2 layers, its Fig. 3 has 35 in 3
_PLANTED: Mapping[str, Mapping[str, Any]] = {
    f"planted {depth}x{n_nonzero} {name}": {"depth": depth, "n_nonzero": n_nonzero, "activation": activation}
    for depth, n_nonzero in ((2, 14), (3, 35))
    for name, activation in (("sigmoid", "sigmoid"), ("leaky_relu", "leaky_relu"), ("linear", "identity"))
}


@dataclass(frozen=True)
class Choice:
    """What of an experiment is measured; None takes what the experiment has.

    For each of the `seeds` points are sampled or folds shuffled anew (planted networks also drawn), and models fitted
    with it. `sizes` are limits on the non-zero parameters of the selected networks. Test rows of a function or planted
    network are a third of `n_train`. `tables` is a folder of CSV files, each of which is split into `n_folds`.
    """

    tasks: Iterable[str] | None = None
    models: Iterable[str] | None = None
    sizes: Iterable[int] | None = None
    seeds: Iterable[int] = (0,)
    n_train: int = 3750
    tables: str | Path | None = None
    n_folds: int = 5


Names = Iterable[str] | None


@dataclass(frozen=True)
class Experiment:
    """Tasks, models and selections that belong together, and how they are measured.

    `make` takes names of tasks or None, a seed and a :class:`Choice`, and gives the tasks; `select` takes the sizes and
    gives the selections. `pairs` of models are compared task by task.
    """

    harness: Harness
    make: Callable[[Names, int, Choice], list[Any]]
    models: tuple[str, ...]
    sizes: tuple[int, ...] = ()
    select: Callable[[Iterable[int]], Selections] = lambda sizes: by_size(sizes)
    tasks: tuple[str, ...] | None = None
    pairs: tuple[tuple[str, str], ...] = ()


def by_size(sizes: Iterable[int]) -> Selections:
    """Select the most accurate network of at most so many parameters, for each size."""
    return {f"<={size}": {"max_nonzero": size, "sparsity": 0, "compactness": 0} for size in sizes}


def by_size_and_steps(sizes: Iterable[int]) -> Selections:
    """Select starts of at most so many parameters after 0, 5, 15 and 40 polishing steps, for each size."""
    return {f"<={size}, {steps} steps": {"max_nonzero": size, "n_steps": steps} for size in sizes for steps in _STEPS}


def by_price(sizes: Iterable[int] = ()) -> Selections:
    """Select networks by prices of a parameter from 1e-7 to 1e-2; neurons cost nothing."""
    return {f"sparsity={price:.0e}": {"sparsity": price, "compactness": 0} for price in _PRICES}


def _functions(names: Names, seed: int, choice: Choice) -> list[Task]:
    from sk_swat.datasets import cornn_function, cornn_names

    _no_tables(choice, "functions")
    names = cornn_names() if names is None else names
    names = [name if name == "diabetes" else cornn_function(name).name for name in names]
    return [load_task(name, random_state=seed, n_train=choice.n_train) for name in names]


def _folds(names: Names, seed: int, choice: Choice) -> list[Task]:
    if choice.tables is None:
        raise ValueError("tables must be a folder of CSV files for this experiment, got None.")
    paths = list_tables(choice.tables)
    names = list(paths if names is None else names)
    check_names("tasks", names, paths)
    return [task for name in names for task in table_folds(paths[name], n_folds=choice.n_folds, random_state=seed)]


def _functions_or_folds(names: Names, seed: int, choice: Choice) -> list[Task]:
    return (_functions if choice.tables is None else _folds)(names, seed, choice)


def _taught(names: Names, seed: int, choice: Choice) -> list[Task]:
    from sk_swat.datasets import cornn_names

    if choice.tables is not None:
        return _folds(names, seed, choice)
    known = (*cornn_names(), *compression.NINE_LAYERS)
    names = list(known if names is None else names)
    check_names("tasks", names, known)
    deep = compression.NINE_LAYERS
    return [
        compression.nine_layers(name, seed, choice.n_train)[1] if name in deep else _functions([name], seed, choice)[0]
        for name in names
    ]


def _planted_mlps(names: Names, seed: int, choice: Choice, known: Mapping[str, Any] = _PLANTED) -> list[Task]:
    from sk_swat.datasets import make_planted_mlp

    _no_tables(choice, "planted networks")
    names = list(known if names is None else names)
    check_names("tasks", names, known)
    rows: dict[str, Any] = {"n_train": choice.n_train, "n_test": max(1, choice.n_train // 3), "random_state": seed}
    return [make_task(name, make_planted_mlp(**(rows | known[name])), seed) for name in names]


def _small(names: Names, seed: int, choice: Choice) -> list[Task]:
    _no_tables(choice, "small tables")
    names = list(names or ())
    check_names("tasks", names, small_tables.TASKS)
    return small_tables.make_small_tables(names, seed)


def _sizes(names: Names, seed: int, choice: Choice) -> list[cost.Size]:
    _no_tables(choice, "costs")
    return cost.sizes(names or (), seed)


def _no_tables(choice: Choice, kind: str) -> None:
    if choice.tables is not None:
        raise ValueError(f"tables must be None for {kind}, got '{choice.tables}'.")


EXPERIMENTS: Mapping[str, Experiment] = {
    # accuracy at given sizes beside the baselines, on the 54 functions of the CORNN suite
    "cornn": Experiment(
        accuracy,
        _functions,
        _MODELS,
        (15, 20, 30, 50),
        pairs=(
            *((_SWAT, other) for other in ("DARTS+ADMM", "PrunedMLP", "random networks", "papers' search")),
            ("SWATRegressor, 20 rounds", "DARTS+ADMM"),
            ("papers' activations", "fixed activation"),
        ),
    ),
    # the same on a folder of tables, by cross-validation
    "tables": Experiment(
        accuracy,
        _folds,
        tuple(model for model in _MODELS if model not in _CORNN_ONLY),
        (30, 50),
        pairs=tuple((_SWAT, other) for other in ("random networks", "PrunedMLP", "HistGradientBoostingRegressor")),
    ),
    # scikit-learn's diabetes data beside other regressors, and tables of pure noise
    "small-tables": Experiment(small_tables, _small, tuple(small_tables.MODELS), tasks=small_tables.TASKS),
    # how many latents and steps the papers' search needs
    "papers-steps": Experiment(
        papers_steps, partial(_planted_mlps, known=papers_steps.PLANTED), tuple(papers_steps.MODELS)
    ),
    # whether networks of one to four layers find random sparse networks again
    "planted": Experiment(accuracy, _planted_mlps, ("depth 1", "depth 2", "depth 3", "depth 4"), (15, 20, 30, 50, 100)),
    # size and accuracy against the price of a parameter, on six functions
    "prices": Experiment(
        accuracy,
        _functions,
        ("SWATRegressor",),
        select=by_price,
        tasks=("Himmelblau", "Goldstein-Price", "Schwefel 2.20", "Bukin N.6", "Egg Crate", "Periodic"),
    ),
    # starts alone: equal candidates, equal polishing steps
    "latent-starts": Experiment(
        accuracy,
        _functions_or_folds,
        START_MODELS,
        (15, 20, 30, 50, 100),
        by_size_and_steps,
        pairs=(("bank", "random"), ("bank", "prior")),
    ),
    # whether starts from the latent space beat random ones in equal time
    "latent-time": Experiment(
        accuracy,
        _functions_or_folds,
        TIMED_MODELS,
        (15, 30, 50, 100),
        pairs=tuple(zip(TIMED_MODELS[::2], TIMED_MODELS[1::2], strict=True)),
    ),
    # what the bank, gradient steps and depths are worth in two seconds
    "latent-parts": Experiment(
        accuracy,
        _functions_or_folds,
        PART_MODELS,
        (15, 30, 50, 100),
        pairs=tuple((model, PART_MODELS[0]) for model in PART_MODELS[1:]),
    ),
    # what is left of a network of 100 neurons, or of nine layers, beside magnitude pruning
    "compress": Experiment(compression, _taught, tuple(compression.MODELS), (20, 30, 50)),
    # fit time, predict time, size and memory on eleven tasks
    "quick": Experiment(quick, _functions, quick.QUICK_MODELS, tasks=quick.TASKS),
    # wall time beside two regressors, and accuracy against the time that more rounds take
    "speed": Experiment(speed, _functions_or_folds, tuple(speed.MODELS)),
    # time and memory against rows and columns
    "cost": Experiment(cost, _sizes, tuple(cost.MODELS), tasks=cost.SIZES),
}


def run_experiment(
    name: str,
    choice: Choice | None = None,
    *,
    n_jobs: int = 1,
    out: str | Path | None = None,
    summary: str | Path | None = None,
    figures: str | Path | None = None,
    audit: bool = False,
    sink: Callable[[str], object] = print,
) -> pd.DataFrame:
    """Measure the models of an experiment, a key of `EXPERIMENTS`, on its tasks, and print a summary.

    `n_jobs` processes measure at a time; seconds mean most with one. `out` is the CSV file of the results, in which a
    later call continues: what is there must stem from the same tables, rows, folds and code. `summary` is a Markdown
    file, `figures` an existing folder, for experiments that have some. `audit` first makes sure that no model knows
    test rows, by three fits of each to the first task: see :func:`benchmarks.accuracy.audit`. `sink` takes each piece
    of text.
    """
    check_names("name", [name], EXPERIMENTS)
    experiment, choice = EXPERIMENTS[name], choice or Choice()
    harness = experiment.harness
    models = list(dict.fromkeys(experiment.models if choice.models is None else choice.models))
    check_names("models", models, harness.MODELS)
    selections = _selections(name, choice.sizes)
    out, summary = check_file("out", out, ".csv"), check_file("summary", summary, ".md")
    if figures is not None and name not in FIGURES:
        raise ValueError(f"figures must be left out for {name!r}, which has none.")
    if figures is not None and not Path(figures).is_dir():
        raise FileNotFoundError(f"figures must be an existing folder, got '{figures}'.")
    if audit and harness is not accuracy:
        raise ValueError(f"audit must be left out for {name!r}, which does not select by accuracy.")
    tasks = _tasks(experiment, choice)
    runner = Runner(harness, jobs_of(harness, tasks, models, selections), out)
    if audit:
        pending = list(dict.fromkeys(job.place["model"] for job in runner.pending))
        accuracy.audit_models(tasks[0], pending, selections, sink)
    found = runner.run(n_jobs, sink)
    text = harness.summary(found, [pair for pair in experiment.pairs if set(pair) <= set(models)])
    sink("\n" + text)
    if summary is not None:
        summary.write_text(text + "\n", encoding="utf-8")
    if figures is not None:
        for path in draw_figures(found, name, figures):
            sink(str(path))
    return found


def _tasks(experiment: Experiment, choice: Choice) -> list[Any]:
    wanted = experiment.tasks if choice.tasks is None else choice.tasks
    names = None if wanted is None else list(dict.fromkeys(wanted))
    seeds = list(dict.fromkeys(choice.seeds))
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seeds must be from 0 to 2**32 - 1, got {seed}.")
    tasks = [task for seed in seeds for task in experiment.make(names, seed, choice)]
    for task in tasks:
        if isinstance(task, Task):
            check_split(task)
    return tasks


def _selections(name: str, sizes: Iterable[int] | None) -> Selections:
    experiment = EXPERIMENTS[name]
    if sizes is not None and not experiment.sizes:
        raise ValueError(f"sizes must be None for {name!r}, which has none, got {list(sizes)}.")
    limits = sorted(set(experiment.sizes if sizes is None else sizes))
    if limits and limits[0] < 1:
        raise ValueError(f"sizes must be at least 1, got {limits[0]}.")
    return experiment.select(limits)

"""Experiments: which models are measured on which tasks, and what that shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compression import (
    COMPRESSORS,
    Compressed,
    compression_summary,
    compression_tasks,
    run_compression,
)
from benchmarks.harness import Selections, by_size, checked_file, run_tasks
from benchmarks.models import BENCHMARK_MODELS, PART_MODELS, START_MODELS, TIMED_MODELS
from benchmarks.paired import paired_table
from benchmarks.results import Result
from benchmarks.summary import summary_table
from benchmarks.tables import list_tables, table_folds
from benchmarks.tasks import Task, load_task, sampled_task
from sk_swat.comparison import check_names

__all__ = ["EXPERIMENTS", "Experiment", "Rows", "by_price", "by_size_and_steps", "run_experiment"]

_CORNN_ONLY = ("SWATRegressor, 20 rounds", "papers' activations", "papers' search", "fixed activation", "DARTS+ADMM")
_MODELS = (
    "SWATRegressor",
    "SWATRegressor, 20 rounds",
    "papers' activations",
    "papers' search",
    "fixed activation",
    "random networks",
    "PrunedMLP",
    "DARTS+ADMM",
    "Ridge",
    "MLPRegressor-7-7",
    "MLPRegressor-50",
    "MLPRegressor-100",
    "HistGradientBoostingRegressor",
)
_STEPS = (0, 5, 15, 40)
_PRICES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
_PLANTED: Mapping[
    str, Mapping[str, Any]
] = {  # by name, in the words of the first paper: its Fig. 5 has 14 weights in 2 layers, its Fig. 3 has 35 in 3
    f"planted {depth}x{n_nonzero} {name}": {"depth": depth, "n_nonzero": n_nonzero, "activation": activation}
    for depth, n_nonzero in ((2, 14), (3, 35))
    for name, activation in (("sigmoid", "sigmoid"), ("leaky_relu", "leaky_relu"), ("linear", "identity"))
}


@dataclass(frozen=True)
class Rows:
    """Where the rows of tasks come from, and how many.

    Parameters
    ----------
    n_train : int, default=3750
        Training rows of a function, at least 2; test rows are a third of them.
    tables : path, default=None
        Folder of CSV files, see `read_table` of benchmarks.tables.
    n_folds : int, default=5
        Folds of each table, at least 2.
    """

    n_train: int = 3750
    tables: Path | None = None
    n_folds: int = 5


@dataclass(frozen=True)
class Experiment:
    """Tasks, models and selections that belong together.

    Parameters
    ----------
    shows : str
        What the results are for, in one line.
    make : callable
        Takes names of tasks or None, a seed and :class:`Rows`; gives the tasks.
    models : tuple of str
        Keys of ``BENCHMARK_MODELS``, or of ``COMPRESSORS``.
    sizes : tuple of int
        Limits on the size of the selected networks; empty if they are selected by price.
    tasks : tuple of str, default=None
        Which ones; None stands for all.
    pairs : tuple of (str, str), default=()
        Models that are compared task by task.
    compresses : bool, default=False
        Whether the models compress a teacher; see :mod:`benchmarks.compression`.
    """

    shows: str
    make: Callable[[Iterable[str] | None, int, Rows], list[Task]]
    models: tuple[str, ...]
    sizes: tuple[int, ...]
    tasks: tuple[str, ...] | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    compresses: bool = False


def by_size_and_steps(sizes: Iterable[int]) -> Selections:
    """Select starts of at most so many numbers after 0, 5, 15 and 40 polishing steps, for each size."""
    return {f"<={size}, {steps} steps": {"max_nonzero": size, "n_steps": steps} for size in sizes for steps in _STEPS}


def by_price() -> Selections:
    """Select networks by prices of a number from 1e-7 to 1e-2; neurons cost nothing."""
    return {f"sparsity={price:.0e}": {"sparsity": price, "compactness": 0} for price in _PRICES}


def _functions(names: Iterable[str] | None, seed: int, rows: Rows) -> list[Task]:
    from sk_swat.datasets import cornn_function, cornn_names

    if rows.tables is not None:
        raise ValueError(f"tables must be None for functions, got '{rows.tables}'.")
    names = [cornn_function(name).name for name in (cornn_names() if names is None else names)]
    return [load_task(name, random_state=seed, n_train=rows.n_train) for name in names]


def _folds(names: Iterable[str] | None, seed: int, rows: Rows) -> list[Task]:
    if rows.tables is None:
        raise ValueError("tables must be a folder of CSV files for this experiment, got None.")
    paths = list_tables(rows.tables)
    names = list(paths if names is None else names)
    check_names("tasks", names, paths)
    return [task for name in names for task in table_folds(paths[name], n_folds=rows.n_folds, random_state=seed)]


def _functions_or_folds(names: Iterable[str] | None, seed: int, rows: Rows) -> list[Task]:
    return (_functions if rows.tables is None else _folds)(names, seed, rows)


def _planted(names: Iterable[str] | None, seed: int, rows: Rows) -> list[Task]:
    from sk_swat.datasets import make_planted_mlp

    if rows.tables is not None:
        raise ValueError(f"tables must be None for planted networks, got '{rows.tables}'.")
    names = list(_PLANTED if names is None else names)
    check_names("tasks", names, _PLANTED)
    n_test = max(1, rows.n_train // 3)
    made = {
        name: make_planted_mlp(**_PLANTED[name], n_train=rows.n_train, n_test=n_test, random_state=seed)
        for name in names
    }
    return [sampled_task(name, data, seed) for name, data in made.items()]


EXPERIMENTS: Mapping[str, Experiment] = {
    "cornn": Experiment(
        "accuracy at given sizes beside the baselines, on the 54 functions of the CORNN suite",
        _functions,
        _MODELS,
        (15, 20, 30, 50),
        pairs=(
            ("SWATRegressor", "DARTS+ADMM"),
            ("SWATRegressor, 20 rounds", "DARTS+ADMM"),
            ("SWATRegressor", "PrunedMLP"),
            ("SWATRegressor", "random networks"),
            ("SWATRegressor", "papers' search"),
            ("papers' activations", "fixed activation"),
        ),
    ),
    "tables": Experiment(
        "the same on a folder of tables, by cross-validation",
        _folds,
        tuple(model for model in _MODELS if model not in _CORNN_ONLY),
        (30, 50),
        pairs=(
            ("SWATRegressor", "random networks"),
            ("SWATRegressor", "PrunedMLP"),
            ("SWATRegressor", "HistGradientBoostingRegressor"),
        ),
    ),
    "planted": Experiment(
        "whether networks of one to four layers find random sparse networks again",
        _planted,
        ("depth 1", "depth 2", "depth 3", "depth 4"),
        (15, 20, 30, 50, 100),
    ),
    "prices": Experiment(
        "size and accuracy against the price of a number, on six functions",
        _functions,
        ("SWATRegressor",),
        (),
        ("Himmelblau", "Goldstein-Price", "Schwefel 2.20", "Bukin N.6", "Egg Crate", "Periodic"),
    ),
    "latent-time": Experiment(
        "whether starts from the latent space beat random ones in equal time, on functions or tables",
        _functions_or_folds,
        TIMED_MODELS,
        (15, 30, 50, 100),
        pairs=tuple(zip(TIMED_MODELS[::2], TIMED_MODELS[1::2], strict=True)),
    ),
    "latent-parts": Experiment(
        "what the bank, gradient steps and depths are worth in two seconds, on functions or tables",
        _functions_or_folds,
        PART_MODELS,
        (15, 30, 50, 100),
        pairs=tuple((model, PART_MODELS[0]) for model in PART_MODELS[1:]),
    ),
    "latent-starts": Experiment(
        "starts alone: equal candidates, equal polishing steps, on functions or tables",
        _functions_or_folds,
        START_MODELS,
        (15, 20, 30, 50, 100),
        pairs=(("bank", "random"), ("bank", "prior")),
    ),
    "compress": Experiment(
        "what is left of a network of 100 neurons, or of nine layers, beside magnitude pruning, on functions or tables",
        compression_tasks,
        tuple(COMPRESSORS),
        (20, 30, 50),
        compresses=True,
    ),
}


def run_experiment(
    name: str,
    *,
    tasks: Iterable[str] | None = None,
    models: Iterable[str] | None = None,
    sizes: Iterable[int] | None = None,
    seeds: Iterable[int] = (0,),
    tables: str | Path | None = None,
    n_folds: int = 5,
    n_train: int = 3750,
    n_jobs: int = 1,
    out: str | Path | None = None,
    summary: str | Path | None = None,
    figures: str | Path | None = None,
    audit: bool = False,
    sink: Callable[[str], object] = print,
) -> list[Result] | list[Compressed]:
    """Measure the models of an experiment on its tasks, and print a summary.

    Parameters
    ----------
    name : str
        A key of ``EXPERIMENTS``.
    tasks : iterable of str, default=None
        Names of CORNN functions, tables or planted networks; None takes those of the experiment.
    models : iterable of str, default=None
        Keys of ``BENCHMARK_MODELS``; None takes those of the experiment. Peers are measured only if named.
    sizes : iterable of int, default=None
        Limits on the number of numbers of the selected networks, at least 1. None takes those of the experiment;
        "prices" has none.
    seeds : iterable of int, default=(0,)
        For each, points are sampled or folds shuffled anew (planted networks also drawn), and models fitted with it.
    tables : str or path, default=None
        Folder of CSV files with the target in the last column; for "tables" and, if wanted, those of the latent space.
    n_folds : int, default=5
        Folds of each table, at least 2.
    n_train : int, default=3750
        Training rows of a function or planted network, at least 2; test rows are a third of them.
    n_jobs : int, default=1
        Processes that measure side by side; seconds mean most with one.
    out : str or path, default=None
        CSV file of the results, one for each experiment. If it exists, models whose results for a task are complete
        in it are not run again, so it must stem from the same tables, rows, folds and code.
    summary : str or path, default=None
        Markdown file for the summary.
    figures : str or path, default=None
        Existing folder for the figures of the experiment, if it has any; needs matplotlib.
    audit : bool, default=False
        Before anything is measured, make sure that no model knows test rows: see `audit` of
        benchmarks.harness. Takes three fits of each model to the first task.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    found : list of Result, or list of Compressed for "compress"
        Task by task, in the order of the models, measured now or before.
    """
    check_names("name", [name], EXPERIMENTS)
    experiment = EXPERIMENTS[name]
    models = list(dict.fromkeys(experiment.models if models is None else models))
    check_names("models", models, COMPRESSORS if experiment.compresses else BENCHMARK_MODELS)
    selections = _selections(name, sizes)
    out = None if out is None else checked_file("out", out, ".csv")
    summary = None if summary is None else checked_file("summary", summary, ".md")
    if figures is not None and not Path(figures).is_dir():
        raise FileNotFoundError(f"figures must be an existing folder, got '{figures}'.")
    wanted = experiment.tasks if tasks is None else tasks
    names = None if wanted is None else list(dict.fromkeys(wanted))
    seeds = list(dict.fromkeys(seeds))
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seeds must be from 0 to 2**32 - 1, got {seed}.")
    rows = Rows(n_train, None if tables is None else Path(tables), n_folds)
    made = [task for seed in seeds for task in experiment.make(names, seed, rows)]
    if experiment.compresses:
        if audit or figures is not None:
            raise ValueError(f"audit and figures must be left out for {name!r}, which has none.")
        limits = [arguments["max_nonzero"] for arguments in selections.values()]
        lines = run_compression(made, models, limits, n_jobs=n_jobs, out=out, sink=sink)
        _tell(compression_summary(lines), summary, sink)
        return lines
    found = run_tasks(made, models, selections, audited=audit, n_jobs=n_jobs, out=out, sink=sink)
    text = summary_table(found)
    pairs = [pair for pair in experiment.pairs if set(pair) <= set(models)]
    if pairs:
        text += "\n\n" + paired_table(found, pairs)
    _tell(text, summary, sink)
    if figures is not None:
        from benchmarks.figures import draw_figures

        for path in draw_figures(found, name, figures):
            sink(str(path))
    return found


def _tell(text: str, summary: Path | None, sink: Callable[[str], object]) -> None:
    sink("\n" + text)
    if summary is not None:
        summary.write_text(text + "\n", encoding="utf-8")


def _selections(name: str, sizes: Iterable[int] | None) -> Selections:
    own = EXPERIMENTS[name].sizes
    if sizes is not None and not own:
        raise ValueError(f"sizes must be None for {name!r}, which selects by price, got {list(sizes)}.")
    if not own:
        return by_price()
    sizes = sorted(set(own if sizes is None else sizes))
    if sizes and sizes[0] < 1:
        raise ValueError(f"sizes must be at least 1, got {sizes[0]}.")
    return by_size_and_steps(sizes) if name == "latent-starts" else by_size(sizes)

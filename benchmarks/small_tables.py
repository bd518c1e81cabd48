"""Small and noisy tables: scikit-learn's diabetes data beside other regressors, and tables of pure noise."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

from benchmarks.markdown import write_table
from benchmarks.runner import Row, Selections
from benchmarks.tasks import Task
from sk_swat.cli.comparison import count_parameters, make_model

__all__ = ["COLUMNS", "MODELS", "TASKS", "TOLD", "make_small_tables", "measure", "place", "selection_names", "summary"]

# r2: on the test rows. n_nonzero: parameters of the model, see `count_parameters`; 1 or 0 for a constant.
COLUMNS = ("table", "seed", "fold", "model", "r2", "n_nonzero")
TOLD = ("r2", "n_nonzero")
TASKS = ("diabetes", "noise")
_SWAT, _RIDGE = "SWATRegressor", "Ridge"
MODELS = {
    **{name: partial(make_model, name) for name in ("MLPRegressor", "HistGradientBoostingRegressor", _RIDGE, _SWAT)},
    f"{_SWAT}, one_standard_error": partial(make_model, _SWAT, one_standard_error=True),
    f"{_SWAT}, sparsity=1e-2": partial(make_model, _SWAT, sparsity=1e-2),
}
_N_SEEDS, _N_FOLDS, _N_NOISE = 3, 5, 24


def make_small_tables(names: Iterable[str], seed: int) -> list[Task]:
    """Make five folds of the diabetes data for three seeds of fits, and 24 tables of 50 rows and 10 columns of noise.

    Folds are the same for all seeds. Another `seed` gives other seeds of fits, and other noise.
    """
    tasks, wanted = [], set(names)
    if "diabetes" in wanted:
        X, y = load_diabetes(return_X_y=True)
        for own in range(_N_SEEDS * seed, _N_SEEDS * (seed + 1)):
            folds = KFold(_N_FOLDS, shuffle=True, random_state=0).split(X)
            tasks += [
                Task("diabetes", X[train], X[test], y[train], y[test], fold, own)
                for fold, (train, test) in enumerate(folds)
            ]
    if "noise" in wanted:
        for own in range(_N_NOISE * seed, _N_NOISE * (seed + 1)):
            rng = np.random.default_rng(own)
            (X, y), (X_test, y_test) = ((rng.normal(size=(50, 10)), rng.normal(size=50)) for _ in range(2))
            tasks.append(Task("noise", X, X_test, y, y_test, seed=own))
    return tasks


def place(task: Task, model: str) -> Row:
    return {"table": task.name, "seed": task.seed, "fold": task.split, "model": model}


def selection_names(task: Task, model: str, selections: Selections) -> tuple[str, ...]:
    """Ask for one model on noise, and once for each fold where nothing is left to chance."""
    needless = model != _SWAT if task.name == "noise" else model == _RIDGE and task.seed % _N_SEEDS > 0
    return () if needless else ("",)


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    fitted = MODELS[model](random_state=task.seed).fit(task.X_train, task.y_train)
    return [{"r2": fitted.score(task.X_test, task.y_test), "n_nonzero": count_parameters(fitted)}]


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Write a row for each model of the diabetes data, the best first: R^2 as mean over folds, and the size."""
    lines = found[found["table"] == "diabetes"]
    rows = [["model", "R², one value for each seed", "parameters (median)"]]
    for model in lines.groupby("model")["r2"].mean().sort_values(ascending=False).index:
        own = lines[lines["model"] == model]
        seeds = own.groupby("seed")["r2"].mean()
        rows.append([model, ", ".join(f"{r2:.3f}" for r2 in seeds), f"{own['n_nonzero'].median():.0f}"])
    return write_table(rows, n_left=2)

"""Small benchmark: what a fit costs and gives, beside two regressors of scikit-learn, each in a fresh process."""

from __future__ import annotations

import pickle
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.base import clone

from benchmarks.markdown import write_table
from benchmarks.meters import in_fresh_process, median_seconds, peak_memory
from benchmarks.runner import Row, Selections, one_choice, place
from benchmarks.tasks import Task
from sk_swat.cli.comparison import MODELS, count_parameters, last_step, make_model, time_fit

__all__ = ["COLUMNS", "MODELS", "QUICK_MODELS", "TASKS", "TOLD", "measure", "place", "selection_names", "summary"]

# first_fit_s, fit_s: seconds of the first fit in a process (for SWATRegressor with loading torch and the checkpoint)
# and of an equal second one. r2: on test rows. n_parameters: see `count_parameters`. predict_row_us, predict_many_ms:
# median time of one call of predict for one row, in microseconds, and for 100 000 rows, in milliseconds; inputs of
# models behind a scaler are scaled before the clock starts. pickle_kb: size of the pickled model with its scaler, in
# units of 1000 bytes. peak_mb: most memory the process ever held, in units of 10^6 bytes. converged: False if the fit
# warned that it stopped early.
COLUMNS = (
    *("task", "model", "selection", "seed", "split", "first_fit_s", "fit_s", "r2", "n_parameters"),
    *("predict_row_us", "predict_many_ms", "pickle_kb", "peak_mb", "converged"),
)
TOLD = ("fit_s", "r2")
# Ten functions of the CORNN suite, chosen for their kinds and not for any result, and one real table.
TASKS = (
    "McCormick",  # smooth
    "Himmelblau",  # smooth, four minima
    "Three-Hump Camel",  # smooth
    "Goldstein-Price",  # smooth, over six decades
    "Ackley N.2",  # a kink in one point
    "Schwefel 2.20",  # kinks along the axes
    "Bukin N.6",  # a kink along a parabola
    "Alpine N.2",  # periodic, growing
    "Egg Crate",  # periodic on a bowl
    "Periodic",  # periodic
    "diabetes",  # real: 442 patients, 10 columns
)
_SWAT, _MLP = "SWATRegressor", "MLPRegressor"
QUICK_MODELS = (_SWAT, _MLP, "Ridge")
_MANY_ROWS = 100_000
selection_names = one_choice
_TITLES = {  # of the printed table, and how its cells are written
    "task": ("task", ""),
    "model": ("model", ""),
    "first_fit_s": ("first fit s", ".2f"),
    "fit_s": ("fit s", ".2f"),
    "r2": ("test R^2", ".4f"),
    "n_parameters": ("parameters", "d"),
    "predict_row_us": ("1 row us", ".1f"),
    "predict_many_ms": ("100000 rows ms", ".1f"),
    "pickle_kb": ("pickle kB", ".1f"),
    "peak_mb": ("peak MB", ".0f"),
}


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    return [in_fresh_process(measure_here, task, model)]


def measure_here(task: Task, name: str) -> Row:
    """Measure in this process; peak memory and first fit mean something only in a fresh one."""
    first = make_model(name, random_state=task.seed)
    model = clone(first)
    first_fit_s, _ = time_fit(first, task)
    fit_s, converged = time_fit(model, task)
    regressor, X_test = last_step(model), task.X_test
    if regressor is not model:
        X_test = model[:-1].transform(X_test)
    many = np.resize(X_test, (_MANY_ROWS, X_test.shape[1]))  # the test rows again and again
    return {
        "selection": "",
        "first_fit_s": first_fit_s,
        "fit_s": fit_s,
        "r2": float(model.score(task.X_test, task.y_test)),
        "n_parameters": count_parameters(model),
        "predict_row_us": 1e6 * median_seconds(lambda: regressor.predict(X_test[:1]), n_calls=301),
        "predict_many_ms": 1e3 * median_seconds(lambda: regressor.predict(many), n_calls=7),
        "pickle_kb": len(pickle.dumps(model)) / 1e3,
        "peak_mb": peak_memory() / 1e6,
        "converged": converged,
    }


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Write a table, in which a star marks a fit that stopped early, and the medians of each model."""
    rows = [[title for title, _ in _TITLES.values()]]
    for item in found.to_dict("records"):
        row = [format(item[name], spec) for name, (_, spec) in _TITLES.items()]
        row[3] += "" if item["converged"] else "*"
        rows.append(row)
    lines = []
    for model, own in found.groupby("model", sort=False):
        n_early = (~own["converged"].astype(bool)).sum()
        lines.append(
            f"{model}: median fit {own['fit_s'].median():.2f} s, median R^2 {own['r2'].median():.4f}, "
            f"median parameters {own['n_parameters'].median():.0f}, largest pickle {own['pickle_kb'].max():.1f} kB, "
            f"largest peak memory {own['peak_mb'].max():.0f} MB"
            + f", stopped early (*) on {n_early} of {len(own)} tasks"
            * bool(n_early)
        )
    times = found.pivot(index=["task", "seed"], columns="model", values="predict_row_us").reindex(columns=QUICK_MODELS)
    ratio = (times[_MLP] / times[_SWAT]).median()  # nan if one of them was not measured
    if ratio > 0:
        lines.append(f"predict of one row: {_MLP} takes {ratio:.1f} times as long as {_SWAT} (median over tasks)")
    return write_table(rows, n_left=2) + "\n\n" + "\n".join(lines)

"""Wall time of a fit on all cores that are allowed, beside other regressors, and what more rounds of search buy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markdown import write_table
from benchmarks.meters import median_seconds
from benchmarks.models import MODELS as KNOWN
from benchmarks.runner import Row, Selections, one_choice, place
from benchmarks.tasks import Task
from sk_swat.cli.comparison import count_parameters, make_model, time_fit

__all__ = ["COLUMNS", "MODELS", "TOLD", "measure", "place", "selection_names", "summary"]

# fit_s: wall seconds of a fit after another one in the same process. test_fvu: share of the test rows' variance that is
# left. predict_row_us: median time of predict for one row, in microseconds.
COLUMNS = (
    *("task", "model", "selection", "seed", "split"),
    *("fit_s", "test_fvu", "n_parameters", "predict_row_us"),
)
TOLD = ("fit_s", "test_fvu")
_RIVALS = ("MLPRegressor-100", "HistGradientBoostingRegressor")
_ROUNDS = (0, 2, 4, 16, 32)  # beside the default


def _swat(n_rounds: int) -> Callable[[int], Any]:
    return lambda seed: make_model("SWATRegressor", random_state=seed, n_rounds=n_rounds)


MODELS = {
    "SWATRegressor": KNOWN["SWATRegressor"],
    **{f"n_rounds={n}": _swat(n) for n in _ROUNDS},
    **{name: KNOWN[name] for name in _RIVALS},
}
_FEW_ROWS = 50  # of the first fit, in which libraries and the checkpoint are loaded
_LEAST_FVU = 1e-6
selection_names = one_choice


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    MODELS[model](0).fit(task.X_train[:_FEW_ROWS], task.y_train[:_FEW_ROWS])
    estimator = MODELS[model](task.seed)
    seconds, _ = time_fit(estimator, task, time.perf_counter)
    error = float(np.mean((estimator.predict(task.X_test) - task.y_test) ** 2) / np.var(task.y_test))
    row_us = 1e6 * median_seconds(lambda: estimator.predict(task.X_test[:1]), n_calls=101)
    n_parameters = count_parameters(getattr(estimator, "regressor_", estimator))
    return [dict(zip(COLUMNS[2:3] + COLUMNS[5:], ("", seconds, error, n_parameters, row_us), strict=True))]


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Write medians over tasks, medians of the ratios to the rivals, and geometric means of FVU."""
    each = found.groupby(["task", "model"], sort=False)[["fit_s", "test_fvu", "n_parameters", "predict_row_us"]].mean()
    seconds = each["fit_s"].unstack("model")
    rows = [["model", "tasks", "fit s", *(f"fit s / {name}" for name in _RIVALS), "FVU", "parameters", "1 row us"]]
    for model in found["model"].unique():
        own = each.xs(model, level="model")
        ratios = [(seconds[model] / seconds[name]).median() if name in seconds else np.nan for name in _RIVALS]
        fvu = float(np.exp(np.log(own["test_fvu"].clip(lower=_LEAST_FVU)).mean()))
        rows.append([model, str(len(own)), f"{own['fit_s'].median():.2f}", *(f"{ratio:.3g}" for ratio in ratios)])
        rows[-1] += [f"{fvu:.3g}", f"{own['n_parameters'].median():.0f}", f"{own['predict_row_us'].median():.1f}"]
    return write_table(rows)

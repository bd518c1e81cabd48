"""Accuracy of models at given sizes: fits to training rows, scores on test rows, and proof that these stay unseen."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.baselines.peers import PEERS, count_peer_parameters
from benchmarks.meters import median_seconds, peak_memory, reset_peak_memory
from benchmarks.models import MODELS, ends_by_clock, has_sizes, hidden_shape
from benchmarks.paired import paired_table
from benchmarks.runner import Row, Selections, place
from benchmarks.summary import summary_table
from benchmarks.tasks import Task, canary, shuffle_targets
from sk_swat.cli.comparison import count_parameters, time_fit

__all__ = ["COLUMNS", "MODELS", "TOLD", "audit", "audit_models", "measure", "place", "selection_names", "summary"]

# selection: empty for the network that the fit chose, "<=50" for the most accurate one of at most 50 parameters.
# test_mse, test_fvu: mean squared error on the test rows, and in variances of their targets; infinite if predictions
# are not finite, nan if the model has no such network. n_nonzero: parameters that a prediction needs. n_neurons,
# depth: living hidden neurons and hidden layers; 0 for models without. fit_s: CPU seconds of the fit, which all
# selections share. predict_s: wall seconds of one call for all test rows, median of five. peak_mb: largest resident set
# from the beginning of the fit on, in units of 10^6 bytes; nan where the system does not tell.
COLUMNS = (
    *("task", "model", "selection", "seed", "split", "test_mse", "test_fvu"),
    *("n_nonzero", "n_neurons", "depth", "fit_s", "predict_s", "peak_mb"),
)
TOLD = ("test_fvu", "fit_s")
_PREDICT_CALLS = 5
_CHANCE_FVU = 0.5  # no model comes that low on test rows after a fit to shuffled targets


def selection_names(task: Task, model: str, selections: Selections) -> tuple[str, ...]:
    """List what is measured of a model: the network that its fit chose, and the selections if it has several."""
    return ("", *selections) if has_sizes(MODELS[model](0)) else ("",)  # an unfitted model is made in no time


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    """Fit one model to the training rows and score it on the test rows, with each selection that it has.

    The seed of the task is also that of the fit.
    """
    return [row for row, _ in _measure(task, model, selections)]


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    pairs = list(pairs)
    return summary_table(found) + ("\n\n" + paired_table(found, pairs) if pairs else "")


def _measure(task: Task, name: str, selections: Selections) -> list[tuple[Row, np.ndarray | None]]:
    """Rows, each with the predictions for the test rows; None if the model has no such network."""
    _warm_up()
    model = MODELS[name](task.seed)
    knows_peak = reset_peak_memory()
    fit_s, _ = time_fit(model, task, time.process_time)  # other work on the machine counts less
    peak_mb = peak_memory() / 1e6 if knows_peak else math.nan
    count = count_peer_parameters if name in PEERS else count_parameters
    found: list[tuple[Row, np.ndarray | None]] = []
    for selection in selection_names(task, name, selections):
        predicted, mse, predict_s, shape = None, math.nan, math.nan, (0, 0, 0)
        if not selection or _select(model, selections[selection]):
            predicted = model.predict(task.X_test)
            mse = float(np.mean((predicted - task.y_test) ** 2)) if np.isfinite(predicted).all() else math.inf
            predict_s = median_seconds(lambda: model.predict(task.X_test), _PREDICT_CALLS)
            fitted = getattr(model, "regressor_", model)
            shape = (count(fitted), *hidden_shape(fitted))
        values = (selection, mse, mse / float(np.var(task.y_test)), *shape, fit_s, predict_s, peak_mb)
        found.append((dict(zip(("selection", *COLUMNS[5:]), values, strict=True)), predicted))
    return found


def _select(model: Any, arguments: Mapping[str, Any]) -> bool:
    try:
        model.select(**arguments)
    except ValueError:  # no network is that small
        return False
    return True


@functools.cache  # once in each process
def _warm_up() -> None:
    """Load torch and the checkpoint, so that no measured fit pays for them."""
    rows = np.linspace(-1, 1, 50)[:, np.newaxis]
    model = MODELS["SWATRegressor"](0).set_params(n_restarts=1, depths=(1,), n_rounds=0)
    time_fit(model, Task("warm-up", rows, rows, rows[:, 0] ** 2, rows[:, 0] ** 2))


def audit(task: Task, model: str, selections: Selections) -> None:
    """Raise a ValueError if a model knows more about test rows than its training rows tell.

    The model is measured three times, as by :func:`measure`. With the test rows of :func:`canary` instead, predictions
    for the rows that both have must be equal to the last bit. With :func:`shuffle_targets`, it must not
    explain half of the variance of the test targets. What this cannot see: a model that keeps a copy of the test
    targets from elsewhere and only chooses among its networks by them.
    """
    before, after = (_measure(one, model, selections) for one in (task, canary(task)))
    for (row, own), (_, other) in zip(before, after, strict=True):
        if not _equal_even_rows(own, other):
            raise ValueError(
                f"Predictions must not depend on test rows, but those of {_name(model, row)} for {task.name!r} "
                "change when other test rows and targets change."
            )
    for row in measure(shuffle_targets(task), model, selections):
        if row["test_fvu"] < _CHANCE_FVU:
            raise ValueError(
                f"Test targets must be unknown to a model, but {_name(model, row)} explains those of {task.name!r} "
                f"after a fit to shuffled training targets: FVU {row['test_fvu']:.2g}."
            )


def audit_models(task: Task, models: Sequence[str], selections: Selections, sink: Callable[[str], object]) -> None:
    """Audit models on a task, except those whose fit the clock ends."""
    for model in models:
        if ends_by_clock(MODELS[model](task.seed)):
            sink(f"{model}: not audited, because the clock ends its fit")
        else:
            audit(task, model, selections)
            sink(f"{model}: audited on {task.name}")


def _equal_even_rows(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one[::2], other[::2], equal_nan=True)


def _name(model: str, row: Row) -> str:
    return repr(f"{model} {row['selection']}".rstrip())

"""Seconds of fits and of calls."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_swat.benchmark.tasks import Task

__all__ = ["median_seconds", "timed_fit"]


def timed_fit(model: Any, task: Task, clock: Callable[[], float] = time.perf_counter) -> tuple[float, bool]:
    """Fit a model, keeping its ConvergenceWarning as an answer instead of showing it.

    Parameters
    ----------
    model : estimator
        Unfitted; is fitted in place.
    task : Task
        Its training rows are used.
    clock : callable, default=time.perf_counter
        Gives the seconds that count: of the wall clock, or of this process (``time.process_time``).

    Returns
    -------
    seconds : float
        Time of the fit.
    converged : bool
        False if the model warned that it stopped early.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = clock()
        model.fit(task.X_train, task.y_train)
        seconds = clock() - start
    others = [item for item in caught if not issubclass(item.category, ConvergenceWarning)]
    for item in others:
        warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return seconds, len(others) == len(caught)


def median_seconds(call: Callable[[], Any], n_calls: int) -> float:
    """Time a call several times, after one that warms caches, and give the median."""
    call()
    seconds = []
    for _ in range(n_calls):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))

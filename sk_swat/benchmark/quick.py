"""Small benchmark: what a fit costs and gives, beside two regressors of scikit-learn.

A task is a table with one split, a model is a named factory, a measurement is one row of the printed table. Every
measurement runs in a fresh process, because the peak memory of a process never falls.
"""

from __future__ import annotations

import math
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sk_swat.baselines.registry import MODELS, check_names, count_numbers, last_step, make_model
from sk_swat.benchmark.quick_report import Measurement, check_ending, markdown_table, summarise, write_measurements

__all__ = ["TASKS", "Task", "bench_quick", "load_task", "measure", "median_seconds", "timed_fit"]

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
_QUICK_MODELS = ("SWATRegressor", "MLPRegressor", "Ridge")
_MANY_ROWS = 100_000


@dataclass(frozen=True)
class Task:
    """A regression table with one split.

    Parameters
    ----------
    name : str
        Name of the task.
    X_train, X_test : ndarray of shape (n_train, n_features) and (n_test, n_features)
        Inputs. Test rows serve for the score alone.
    y_train, y_test : ndarray of shape (n_train,) and (n_test,)
        Targets.
    feature_names : tuple of str
        Names of the columns.
    """

    name: str
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    feature_names: tuple[str, ...]


def load_task(name: str, *, random_state: int = 0, n_train: int = 3750) -> Task:
    """Make a task, the same for every model.

    Parameters
    ----------
    name : str
        "diabetes" (scikit-learn's table, a quarter of the rows for testing) or the name of a CORNN function.
    random_state : int, default=0
        Seed of the split or of the sampled points.
    n_train : int, default=3750
        Training rows of a CORNN function, at least 2; test rows are a third of them. Ignored for "diabetes".

    Returns
    -------
    task : Task
        The table and its split.

    Examples
    --------
    >>> load_task("Himmelblau", n_train=300).X_test.shape
    (100, 2)
    """
    if name == "diabetes":
        from sklearn.datasets import load_diabetes
        from sklearn.model_selection import train_test_split

        data = load_diabetes()
        X_train, X_test, y_train, y_test = train_test_split(data.data, data.target, random_state=random_state)
        return Task(name, X_train, X_test, y_train, y_test, tuple(data.feature_names))
    from sk_swat.datasets import load_cornn

    data = load_cornn(name, n_train=n_train, n_test=max(1, n_train // 3), random_state=random_state)
    return Task(name, data.X_train, data.X_test, data.y_train, data.y_test, tuple(data.feature_names))


def timed_fit(model: Any, task: Task) -> tuple[float, bool]:
    """Fit a model, keeping its ConvergenceWarning as an answer instead of showing it.

    Parameters
    ----------
    model : estimator
        Unfitted; is fitted in place.
    task : Task
        Its training rows are used.

    Returns
    -------
    seconds : float
        Wall time of the fit.
    converged : bool
        False if the model warned that it stopped early.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(task.X_train, task.y_train)
        seconds = time.perf_counter() - start
    others = [item for item in caught if not issubclass(item.category, ConvergenceWarning)]
    for item in others:
        warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return seconds, len(others) == len(caught)


def measure(
    task: Task, model_name: str, *, random_state: int = 0, parameters: Mapping[str, Any] | None = None
) -> Measurement:
    """Measure one model on one task, in this process.

    Parameters
    ----------
    task : Task
        Training rows to fit, test rows to score.
    model_name : str
        A key of ``MODELS``.
    random_state : int, default=0
        Seed of both fits.
    parameters : dict, default=None
        Settings of the regressor that differ from its defaults.

    Returns
    -------
    measurement : Measurement
        Peak memory and first fit mean something only in a fresh process.
    """
    first = make_model(model_name, random_state=random_state, **(parameters or {}))
    model = clone(first)
    first_fit_s, _ = timed_fit(first, task)
    fit_s, converged = timed_fit(model, task)
    regressor, X_test = last_step(model), task.X_test
    if regressor is not model:
        X_test = model[:-1].transform(X_test)
    many = np.resize(X_test, (_MANY_ROWS, X_test.shape[1]))  # the test rows again and again
    return Measurement(
        task=task.name,
        model=model_name,
        first_fit_s=first_fit_s,
        fit_s=fit_s,
        r2=float(model.score(task.X_test, task.y_test)),
        n_numbers=count_numbers(model),
        predict_row_us=1e6 * median_seconds(lambda: regressor.predict(X_test[:1]), n_calls=301),
        predict_many_ms=1e3 * median_seconds(lambda: regressor.predict(many), n_calls=7),
        pickle_kb=len(pickle.dumps(model)) / 1e3,
        peak_mb=_peak_memory() / 1e6,
        converged=converged,
    )


def median_seconds(call: Callable[[], Any], n_calls: int) -> float:
    """Time a call several times, after one that warms caches, and give the median."""
    call()
    seconds = []
    for _ in range(n_calls):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def _peak_memory() -> float:
    """Give the largest resident set of this process in bytes, or nan where the system does not tell."""
    status = Path("/proc/self/status")  # ru_maxrss on Linux also counts the process that started this one
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * float(line.split()[1])
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _measure_in_fresh_process(task: Task, model_name: str, random_state: int, parameters: Any) -> Measurement:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, task, model_name, random_state=random_state, parameters=parameters).result()


def bench_quick(
    tasks: Iterable[str] | None = None,
    models: Iterable[str] | None = None,
    *,
    random_state: int = 0,
    n_train: int = 3750,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | Path | None = None,
    sink: Callable[[str], object] = print,
) -> list[Measurement]:
    """Measure models on tasks one after the other, each in a fresh process, and print a table and a summary.

    A script that calls this needs the guard ``if __name__ == "__main__"``.

    Parameters
    ----------
    tasks : iterable of str, default=None
        "diabetes" or names of CORNN functions; None takes all of ``TASKS``.
    models : iterable of str, default=None
        Keys of ``MODELS``; None takes SWATRegressor, MLPRegressor and Ridge.
    random_state : int, default=0
        Seed of splits, sampled points and models.
    n_train : int, default=3750
        Training rows of the CORNN functions, at least 2.
    parameters : dict of dict, default=None
        For a model's name the settings that differ from its defaults.
    out : str or path, default=None
        File for the measurements, ending in .csv or .md.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    measurements : list of Measurement
        Task by task, in the order of the models.
    """
    tasks, models = list(TASKS if tasks is None else tasks), list(_QUICK_MODELS if models is None else models)
    parameters = dict(parameters or {})
    check_names("models", models, MODELS)
    check_names("parameters", parameters, MODELS)
    if out is not None:
        check_ending(Path(out))
    check_random_state(random_state)
    loaded = [load_task(name, random_state=random_state, n_train=n_train) for name in tasks]
    measurements = []
    for number, task in enumerate(loaded, start=1):
        for model in models:
            found = _measure_in_fresh_process(task, model, random_state, parameters.get(model))
            measurements.append(found)
            sink(f"[{number}/{len(loaded)}] {task.name}, {model}: fit {found.fit_s:.2f} s, R^2 {found.r2:.4f}")
    sink("\n" + markdown_table(measurements) + "\n\n" + summarise(measurements))
    if out is not None:
        write_measurements(measurements, out)
    return measurements

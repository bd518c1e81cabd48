"""Small benchmark: what a fit costs and gives, beside two regressors of scikit-learn.

A model is a named factory, a measurement is one row of the printed table. Every measurement runs in a fresh process,
because a first fit and the memory of one model are to be seen there alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from benchmarks.memory import peak_memory
from benchmarks.quick_report import Measurement, check_ending, markdown_table, summarise, write_measurements
from benchmarks.tasks import Task, load_task
from benchmarks.timing import median_seconds
from sk_swat.comparison import MODELS, check_names, count_numbers, last_step, make_model, timed_fit

__all__ = ["TASKS", "bench_quick", "measure"]

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
        peak_mb=peak_memory() / 1e6,
        converged=converged,
    )


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

"""Small benchmark: what a fit costs and gives, beside two regressors of scikit-learn.

A task is a table with one split, a model is a named factory, a measurement is one row of the printed table. Every
measurement runs in a fresh process, because the peak memory of a process never falls.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

__all__ = [
    "MODELS",
    "TASKS",
    "Measurement",
    "Task",
    "bench_quick",
    "count_numbers",
    "load_task",
    "make_model",
    "markdown_table",
    "measure",
    "summarise",
    "timed_fit",
    "write_measurements",
]

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
_QUICK_MODELS = (_SWAT, _MLP, "Ridge")
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


# Each model is imported when it is made, so that a process holds only its own.


def _swat(random_state: int, **parameters: Any) -> Any:
    from sk_swat.estimator import SWATRegressor

    return SWATRegressor(random_state=random_state, **parameters)


def _mlp(random_state: int, **parameters: Any) -> Any:
    from sklearn.neural_network import MLPRegressor

    settings = {"hidden_layer_sizes": (100,), "max_iter": 2000} | parameters  # 200 epochs are too few for diabetes
    return _on_scaled_inputs(MLPRegressor(random_state=random_state, **settings))


def _ridge(random_state: int, **parameters: Any) -> Any:
    from sklearn.linear_model import Ridge

    return _on_scaled_inputs(Ridge(random_state=random_state, **parameters))


def _boosting(random_state: int, **parameters: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(random_state=random_state, **parameters)


def _on_scaled_inputs(regressor: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), regressor)


MODELS: Mapping[str, Callable[..., Any]] = {
    _SWAT: _swat,
    _MLP: _mlp,
    "Ridge": _ridge,
    "HistGradientBoostingRegressor": _boosting,
}


def make_model(name: str, *, random_state: int = 0, **parameters: Any) -> Any:
    """Make an unfitted regressor at its default settings.

    The exceptions: MLPRegressor may take 2000 epochs, and it and Ridge get standardised inputs.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    random_state : int, default=0
        Seed of the model.
    **parameters
        Settings of the regressor that differ.

    Returns
    -------
    model : estimator
        The regressor, or a pipeline that ends with it.
    """
    _check_names("models", [name], MODELS)
    return MODELS[name](random_state, **parameters)


def count_numbers(model: Any) -> int:
    """Count the numbers that a fitted regressor stores to predict.

    Parameters
    ----------
    model : estimator
        Fitted; one of ``MODELS``. A scaler before it is not counted: it could be folded into the weights.

    Returns
    -------
    n_numbers : int
        SWATRegressor: non-zero weights and biases. MLPRegressor: all weights and biases. Linear models:
        coefficients and intercept. HistGradientBoostingRegressor: two numbers (column, threshold) for each split
        and one for each leaf, and the start value; links between nodes are not counted.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> count_numbers(Ridge().fit([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]], [0.0, 1.0, 2.0]))
    3
    """
    regressor = _last_step(model)
    if hasattr(regressor, "n_nonzero_"):
        return int(regressor.n_nonzero_)
    if hasattr(regressor, "coefs_"):
        return sum(array.size for array in regressor.coefs_ + regressor.intercepts_)
    if hasattr(regressor, "_predictors"):  # private, but scikit-learn shows its trees nowhere else
        leaves = [tree.nodes["is_leaf"] for trees in regressor._predictors for tree in trees]
        return 1 + sum(int(np.where(is_leaf, 1, 2).sum()) for is_leaf in leaves)
    if hasattr(regressor, "coef_"):
        return int(np.size(regressor.coef_) + np.size(regressor.intercept_))
    raise TypeError(f"model must be one of {', '.join(MODELS)}, fitted, got {regressor!r}.")


def _last_step(model: Any) -> Any:
    return model[-1] if hasattr(model, "steps") else model


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


@dataclass(frozen=True)
class Measurement:
    """One model on one task.

    Parameters
    ----------
    task, model : str
        Names.
    first_fit_s, fit_s : float
        Seconds of the first fit in a process (for SWATRegressor with loading torch and the checkpoint) and of an
        equal second one.
    r2 : float
        R^2 on the test rows, at most 1.
    n_numbers : int
        See :func:`count_numbers`.
    predict_row_us, predict_many_ms : float
        Median time of one call of predict for one row, in microseconds, and for 100 000 rows, in milliseconds.
        Inputs of models behind a scaler are scaled before the clock starts.
    pickle_kb : float
        Size of the pickled model with its scaler, in units of 1000 bytes.
    peak_mb : float
        Most memory the process ever held, in units of 10^6 bytes: Python, libraries, data, fits and predictions.
    converged : bool
        False if the fit warned that it stopped early.
    """

    task: str
    model: str
    first_fit_s: float
    fit_s: float
    r2: float
    n_numbers: int
    predict_row_us: float
    predict_many_ms: float
    pickle_kb: float
    peak_mb: float
    converged: bool


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
    regressor, X_test = _last_step(model), task.X_test
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
        predict_row_us=1e6 * _median_seconds(lambda: regressor.predict(X_test[:1]), n_calls=301),
        predict_many_ms=1e3 * _median_seconds(lambda: regressor.predict(many), n_calls=7),
        pickle_kb=len(pickle.dumps(model)) / 1e3,
        peak_mb=_peak_memory() / 1e6,
        converged=converged,
    )


def _median_seconds(call: Callable[[], Any], n_calls: int) -> float:
    call()  # warm caches
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
    _check_names("models", models, MODELS)
    _check_names("parameters", parameters, MODELS)
    if out is not None:
        _check_ending(Path(out))
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


def _check_names(argument: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"{argument} must name some of {', '.join(known)}, got {name!r}.")


_COLUMNS: Mapping[str, tuple[str, str]] = {
    "task": ("task", ""),
    "model": ("model", ""),
    "first_fit_s": ("first fit s", ".2f"),
    "fit_s": ("fit s", ".2f"),
    "r2": ("test R^2", ".4f"),
    "n_numbers": ("numbers", "d"),
    "predict_row_us": ("1 row us", ".1f"),
    "predict_many_ms": ("100000 rows ms", ".1f"),
    "pickle_kb": ("pickle kB", ".1f"),
    "peak_mb": ("peak MB", ".0f"),
}


def markdown_table(measurements: Sequence[Measurement]) -> str:
    """Write measurements as a markdown table; a star marks a fit that warned that it stopped early.

    Parameters
    ----------
    measurements : list of Measurement
        One for each row.

    Returns
    -------
    text : str
        Lines of equal length without a final line break.
    """
    rows = [[title for title, _ in _COLUMNS.values()]]
    for item in measurements:
        row = [format(getattr(item, field), spec) for field, (_, spec) in _COLUMNS.items()]
        row[3] += "" if item.converged else "*"
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width if i < 2 else "-" * (width - 1) + ":" for i, width in enumerate(widths)])
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    )


def summarise(measurements: Sequence[Measurement]) -> str:
    """Say the medians over the tasks for each model, and how SWATRegressor compares with MLPRegressor.

    Parameters
    ----------
    measurements : list of Measurement
        Any number of tasks and models.

    Returns
    -------
    text : str
        One line for each model and, with both models, one for the ratio.
    """
    lines = []
    for model in dict.fromkeys(item.model for item in measurements):
        own = [item for item in measurements if item.model == model]
        lines.append(
            f"{model}: median fit {_median(own, 'fit_s'):.2f} s, median R^2 {_median(own, 'r2'):.4f}, "
            f"median numbers {_median(own, 'n_numbers'):.0f}, largest pickle {max(i.pickle_kb for i in own):.1f} kB, "
            f"largest peak memory {max(i.peak_mb for i in own):.0f} MB"
            + (f", stopped early (*) on {n} of {len(own)} tasks" if (n := sum(not i.converged for i in own)) else "")
        )
    row_us = {(item.task, item.model): item.predict_row_us for item in measurements}
    both = [task for task, model in row_us if model == _SWAT and (task, _MLP) in row_us]
    if both:
        ratio = np.median([row_us[task, _MLP] / row_us[task, _SWAT] for task in both])
        lines.append(f"predict of one row: {_MLP} takes {ratio:.1f} times as long as {_SWAT} (median over tasks)")
    return "\n".join(lines)


def _median(measurements: Sequence[Measurement], field: str) -> float:
    return float(np.median([getattr(item, field) for item in measurements]))


def write_measurements(measurements: Sequence[Measurement], path: str | Path) -> None:
    """Write measurements to a file.

    Parameters
    ----------
    measurements : list of Measurement
        One for each row.
    path : str or path
        Ends in .csv (all digits) or .md (the printed table and summary). An existing file is replaced.
    """
    path = Path(path)
    _check_ending(path)
    if path.suffix == ".md":
        path.write_text(markdown_table(measurements) + "\n\n" + summarise(measurements) + "\n", encoding="utf-8")
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Measurement)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(item) for item in measurements)


def _check_ending(path: Path) -> None:
    if path.suffix not in (".csv", ".md"):
        raise ValueError(f"out must end in .csv or .md, got '{path}'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"out must lie in an existing folder, got '{path}'.")

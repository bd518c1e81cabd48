"""What a fit costs against the numbers of rows and columns: seconds, memory, and what comes out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.markdown import write_table
from benchmarks.meters import in_fresh_process, peak_memory
from benchmarks.runner import Row, Selections, one_choice, place
from benchmarks.tasks import Task
from sk_swat.cli.comparison import make_model

__all__ = ["COLUMNS", "MODELS", "SIZES", "TOLD", "measure", "place", "selection_names", "sizes", "summary"]

# seconds: CPU time of the fit, which runs on one core. table_mb, peak_mb: size of X, and most memory that the process
# ever held, in units of 10^6 bytes. r2: on fresh rows without noise. found, others: columns that the network reads, of
# those that matter and of the others.
COLUMNS = (
    *("task", "model", "selection", "seed", "split", "n_columns", "n_rows", "seconds", "table_mb", "peak_mb"),
    *("r2", "n_nonzero", "found", "others"),
)
TOLD = ("seconds", "peak_mb", "r2")
MODELS = {"SWATRegressor": lambda seed: make_model("SWATRegressor", random_state=seed)}
SIZES = tuple(  # tables of more than 30 million entries are left out
    f"{n_rows}x{n_columns}"
    for n_columns in (2, 8, 50, 200, 1000)
    for n_rows in (1_000, 10_000, 100_000, 1_000_000)
    if n_rows * n_columns <= 30_000_000
)
_INFORMATIVE = 5
_NOISE = 0.2  # standard deviations of the target
_N_TEST = 20_000
_CHUNK_ROWS = 50_000
selection_names = one_choice


@dataclass(frozen=True)
class Size:
    """A task whose rows are drawn in the process that measures: a table of so many rows and columns."""

    name: str
    n_rows: int
    n_columns: int
    seed: int
    split: int = 0


def sizes(names: Iterable[str], seed: int) -> list[Size]:
    """Read sizes such as "1000x8": rows and columns."""
    found = []
    for name in names:
        rows, _, columns = name.partition("x")
        if not (rows.isdecimal() and columns.isdecimal() and int(rows) >= 10 and int(columns) >= 2):
            raise ValueError(f"tasks must be such as 1000x8, with at least 10 rows and 2 columns, got {name!r}.")
        found.append(Size(name, int(rows), int(columns), seed))
    return found


def make_cost_task(n_rows: int, n_columns: int, *, random_state: int = 0) -> tuple[Task, np.ndarray]:
    """Draw a float32 table of normal columns of which at most five matter, two of them in their product alone.

    Targets have noise of a fifth of their standard deviation; the 20 000 test rows have none. Also gives the columns
    that matter.
    """
    rng = np.random.default_rng([random_state, n_columns])
    informative = rng.permutation(n_columns)[:_INFORMATIVE]
    tables = []
    for n in (_N_TEST, n_rows):
        X, y = np.empty((n, n_columns), dtype=np.float32), np.empty(n)
        for start in range(0, n, _CHUNK_ROWS):
            part = X[start : start + _CHUNK_ROWS]
            part[:] = rng.standard_normal(part.shape, dtype=np.float32)
            y[start : start + _CHUNK_ROWS] = _truth(part[:, informative].astype(np.float64))
        tables.append((X, y))
    (X_test, y_test), (X, y) = tables
    y += _NOISE * y_test.std() * rng.standard_normal(n_rows)
    return Task(f"{n_rows}x{n_columns}", X, X_test, y, y_test), np.sort(informative)


def _truth(columns: np.ndarray) -> np.ndarray:
    first, second, *others = columns.T
    parts = [np.tanh(first * second)]
    parts += [np.sin(2 * column) if index else np.tanh(2 * column) for index, column in enumerate(others)]
    return np.sum(parts, axis=0)


def measure(task: Size, model: str, selections: Selections) -> list[Row]:
    return [in_fresh_process(measure_here, task, model)]


def measure_here(task: Size, name: str) -> Row:
    """Measure in this process; peak memory means something only in a fresh one."""
    data, informative = make_cost_task(task.n_rows, task.n_columns, random_state=task.seed)
    model = MODELS[name](task.seed)
    begin = time.process_time()
    model.fit(data.X_train, data.y_train)
    seconds, peak = time.process_time() - begin, peak_memory()
    read = set(np.flatnonzero(model.support_))
    return {
        "selection": "",
        "n_columns": task.n_columns,
        "n_rows": task.n_rows,
        "seconds": seconds,
        "table_mb": data.X_train.nbytes / 1e6,
        "peak_mb": peak / 1e6,
        "r2": float(model.score(data.X_test, data.y_test)),
        "n_nonzero": model.n_nonzero_,
        "found": len(read & set(informative)),
        "others": len(read - set(informative)),
    }


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    rows = [["columns", "rows", "CPU s", "X in MB", "peak MB", "R^2", "parameters", "columns found", "others read"]]
    for one in found.itertuples():
        row = [str(one.n_columns), str(one.n_rows), f"{one.seconds:.1f}", f"{one.table_mb:.1f}", f"{one.peak_mb:.0f}"]
        row += [f"{one.r2:.4f}", str(one.n_nonzero), f"{one.found} of {min(_INFORMATIVE, one.n_columns)}"]
        rows.append([*row, str(one.others)])
    return write_table(rows)

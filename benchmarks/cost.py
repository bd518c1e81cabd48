"""What a fit costs against the numbers of rows and columns: seconds, memory, and what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_memory
from benchmarks.quick_report import aligned
from benchmarks.tasks import Task

__all__ = ["COLUMNS", "ROWS", "Cost", "bench_cost", "make_cost_task", "measure_cost"]

ROWS = (1_000, 10_000, 100_000, 1_000_000)
COLUMNS = (2, 8, 50, 200, 1000)
_LARGEST = 30_000_000  # entries of a table; larger ones are left out
_INFORMATIVE = 5
_NOISE = 0.2  # standard deviations of the target
_N_TEST = 20_000
_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Cost:
    """One fit.

    Parameters
    ----------
    n_rows, n_columns : int
        Size of the table.
    seconds : float
        CPU time of the fit, which runs on one core: other work on the machine does not count.
    table_mb, peak_mb : float
        Size of X, and most memory that the process ever held, in units of 10^6 bytes.
    r2 : float
        R^2 on fresh rows without noise.
    n_nonzero : int
        Size of the network.
    found, others : int
        Columns it reads, of those that matter and of the others.
    """

    n_rows: int
    n_columns: int
    seconds: float
    table_mb: float
    peak_mb: float
    r2: float
    n_nonzero: int
    found: int
    others: int


def make_cost_task(n_rows: int, n_columns: int, *, random_state: int = 0) -> tuple[Task, np.ndarray]:
    """Draw a float32 table of normal columns of which at most five matter, two of them in their product alone.

    Parameters
    ----------
    n_rows, n_columns : int
        Size, at least 2 columns.
    random_state : int, default=0
        Seed.

    Returns
    -------
    task : Task
        Targets have noise of a fifth of their standard deviation; the 20 000 test rows have none.
    informative : ndarray of int
        Columns that matter.
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
    names = tuple(f"x{index}" for index in range(n_columns))
    return Task(f"{n_rows} x {n_columns}", X, X_test, y, y_test, names), np.sort(informative)


def _truth(columns: np.ndarray) -> np.ndarray:
    """Smooth function of up to five columns."""
    first, second, *others = columns.T
    parts = [np.tanh(first * second)]
    parts += [np.sin(2 * column) if index else np.tanh(2 * column) for index, column in enumerate(others)]
    return np.sum(parts, axis=0)


def measure_cost(n_rows: int, n_columns: int, *, random_state: int = 0) -> Cost:
    """Fit a SWATRegressor at default settings to such a table, in this process; memory is that of a fresh one."""
    from sk_swat.estimator import SWATRegressor

    task, informative = make_cost_task(n_rows, n_columns, random_state=random_state)
    model = SWATRegressor(random_state=random_state)
    begin = time.process_time()
    model.fit(task.X_train, task.y_train)
    seconds, peak = time.process_time() - begin, peak_memory()
    read = set(np.flatnonzero(model.support_))
    return Cost(
        n_rows=n_rows,
        n_columns=n_columns,
        seconds=seconds,
        table_mb=task.X_train.nbytes / 1e6,
        peak_mb=peak / 1e6,
        r2=float(model.score(task.X_test, task.y_test)),
        n_nonzero=model.n_nonzero_,
        found=len(read & set(informative)),
        others=len(read - set(informative)),
    )


def bench_cost(
    rows: Iterable[int] | None = None,
    columns: Iterable[int] | None = None,
    *,
    random_state: int = 0,
    out: str | Path | None = None,
    sink: Callable[[str], object] = print,
) -> list[Cost]:
    """Measure fits of tables of several sizes one after the other, each in a fresh process, and print a table.

    A script that calls this needs the guard ``if __name__ == "__main__"``.

    Parameters
    ----------
    rows, columns : iterable of int, default=None
        Sizes; None takes ``ROWS`` and ``COLUMNS``. Tables of more than 30 million entries are left out.
    random_state : int, default=0
        Seed of tables and fits.
    out : str or path, default=None
        File for the table, in Markdown.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    costs : list of Cost
        By columns, then rows.
    """
    rows, columns = tuple(ROWS if rows is None else rows), tuple(COLUMNS if columns is None else columns)
    if min(rows) < 10 or min(columns) < 2:
        raise ValueError(f"rows must be at least 10 and columns at least 2, got {rows} and {columns}.")
    costs = []
    for n_columns in columns:
        for n_rows in rows:
            if n_rows * n_columns > _LARGEST:
                sink(f"{n_rows} x {n_columns}: left out, more than {_LARGEST} entries")
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found = pool.submit(measure_cost, n_rows, n_columns, random_state=random_state).result()
            sink(f"{n_rows} x {n_columns}: {found.seconds:.1f} s, {found.peak_mb:.0f} MB, R^2 {found.r2:.4f}")
            costs.append(found)
    table = cost_table(costs)
    sink("\n" + table)
    if out is not None:
        Path(out).write_text(table + "\n", encoding="utf-8")
    return costs


def cost_table(costs: Iterable[Cost]) -> str:
    """Table in Markdown."""
    head = ["columns", "rows", "CPU s", "X in MB", "peak MB", "R^2", "numbers", "columns found", "others read"]
    rows = [
        [
            str(one.n_columns),
            str(one.n_rows),
            f"{one.seconds:.1f}",
            f"{one.table_mb:.1f}",
            f"{one.peak_mb:.0f}",
            f"{one.r2:.4f}",
            str(one.n_nonzero),
            f"{one.found} of {min(_INFORMATIVE, one.n_columns)}",
            str(one.others),
        ]
        for one in costs
    ]
    return aligned([head, *rows])

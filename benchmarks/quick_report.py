"""Measurements as a table, a summary and a file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Measurement", "aligned", "check_ending", "markdown_table", "summarise", "write_measurements"]

_SWAT, _MLP = "SWATRegressor", "MLPRegressor"


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
    return aligned(rows, n_left=2)


def aligned(rows: Sequence[Sequence[str]], n_left: int = 1) -> str:
    """Write rows of cells, the first of them titles, as a markdown table with lines of equal length.

    Parameters
    ----------
    rows : sequence of sequence of str
        As many cells in each.
    n_left : int, default=1
        Columns that are aligned on the left; the others are on the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width if i < n_left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines = []
    for row in [rows[0], rule, *rows[1:]]:
        cells = zip(row, widths, strict=True)
        lines.append(
            "| "
            + " | ".join(cell.ljust(w) if i < n_left else cell.rjust(w) for i, (cell, w) in enumerate(cells))
            + " |"
        )
    return "\n".join(lines)


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
    check_ending(path)
    if path.suffix == ".md":
        path.write_text(markdown_table(measurements) + "\n\n" + summarise(measurements) + "\n", encoding="utf-8")
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Measurement)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(item) for item in measurements)


def check_ending(path: Path) -> None:
    """Raise a ValueError unless the file can be written: Markdown or CSV."""
    if path.suffix not in (".csv", ".md"):
        raise ValueError(f"out must end in .csv or .md, got '{path}'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"out must lie in an existing folder, got '{path}'.")

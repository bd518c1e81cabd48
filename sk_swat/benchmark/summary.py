"""Measurements of the benchmark over sizes: their file, in which a later call continues, and their summary."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sk_swat.benchmark.quick_report import aligned

__all__ = [
    "ADAM",
    "BOOSTING",
    "SMALL_MLP",
    "SWAT",
    "SizeMeasurement",
    "read_measurements",
    "summary_table",
    "write_sizes",
]

SWAT, SMALL_MLP, ADAM, BOOSTING = (
    "SWATRegressor",
    "MLPRegressor-7-7",
    "MLPRegressor-100",
    "HistGradientBoostingRegressor",
)
_SHORT = {SMALL_MLP: "M", ADAM: "MLP-100", BOOSTING: "HGB"}  # what the summary compares with
_SMALLEST_FVU = 1e-6  # smaller ones count as this: below it, a task would be a contest of rounding errors


@dataclass(frozen=True)
class SizeMeasurement:
    """One model on one task: a line of the CSV file.

    Parameters
    ----------
    task : str
        Name of the function or table.
    fold : int
        Number of the fold, from 0; 0 for a function.
    model : str
        A key of ``SIZE_MODELS``; with "<=" and a size for the best network of at most that many numbers.
    seed : int
        Seed of split and fit.
    test_mse, test_fvu : float
        Mean squared error on the test rows, and its ratio to the variance of their targets. nan if the fit found no
        network that small; infinite if a prediction was not finite.
    n_numbers : int
        See `count_numbers` of sk_swat.baselines.registry; 0 if there is no network that small.
    fit_s, predict_s : float
        Seconds of the fit, which all sizes share, and of one call of predict for all test rows (median of five).
    """

    task: str
    fold: int
    model: str
    seed: int
    test_mse: float
    test_fvu: float
    n_numbers: int
    fit_s: float
    predict_s: float


_KINDS: Mapping[Any, Callable[[str], Any]] = {"str": str, "int": int, "float": float}
_FIELDS = {field.name: _KINDS[field.type] for field in dataclasses.fields(SizeMeasurement)}


def read_measurements(path: str | Path) -> list[SizeMeasurement]:
    """Read what an earlier call wrote; lines that it did not finish are left out.

    Parameters
    ----------
    path : str or path
        CSV file.

    Returns
    -------
    found : list of SizeMeasurement
        One for each line.
    """
    text = Path(path).read_text(encoding="utf-8")
    lines = csv.reader(text[: text.rfind("\n") + 1].splitlines())  # without a last line that was cut off
    if next(lines, list(_FIELDS)) != list(_FIELDS):
        raise ValueError(f"out must be a new file or one with the columns {', '.join(_FIELDS)}, got '{path}'.")
    found = []
    for line in lines:
        try:
            values = {name: kind(cell) for (name, kind), cell in zip(_FIELDS.items(), line, strict=True)}
        except ValueError:
            continue
        found.append(SizeMeasurement(**values))
    return found


def write_sizes(found: Iterable[SizeMeasurement], path: Path) -> None:
    """Write measurements to a CSV file."""
    part = path.with_name(path.name + ".part")  # replaces the file at once, so that a crash loses nothing
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_FIELDS)
        writer.writerows(dataclasses.astuple(item) for item in found)
    part.replace(path)


def summary_table(found: Iterable[SizeMeasurement]) -> str:
    """Compare the models over the tasks.

    Parameters
    ----------
    found : iterable of SizeMeasurement
        Of one seed, and at least one.

    Returns
    -------
    text : str
        Markdown table and what its columns mean, without a final line break.

    Examples
    --------
    >>> half = SizeMeasurement("a", 0, "MLPRegressor-7-7", 0, 2.0, 0.5, 85, 1.0, 0.001)
    >>> print(summary_table([half]).splitlines()[2])
    | MLPRegressor-7-7 |     1 | 0.5 |       1 |         0/1 |      85 |  1.00 |
    """
    folds: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for item in found:
        figures = (item.test_fvu, item.n_numbers, item.fit_s)
        folds.setdefault(item.model, {}).setdefault(item.task, []).append(figures)
    mean = {model: {task: np.mean(rows, axis=0) for task, rows in own.items()} for model, own in folds.items()}
    # without the tasks on which a fold has no network that small
    mean = {model: {task: row for task, row in own.items() if not np.isnan(row[0])} for model, own in mean.items()}
    references = [model for model in _SHORT if mean.get(model)]
    titles = ["model", "tasks", "FVU", *(f"FVU / {_SHORT[reference]}" for reference in references)]
    titles += ["wins over M"] * (SMALL_MLP in references) + ["numbers", "fit s"]
    titles += [f"fit s / {_SHORT[ADAM]}"] * (ADAM in references)
    rows = [_summary_row(model, mean, references) for model in mean]
    return (
        f"{aligned([titles, *rows])}\n\n"
        f"{', '.join(f'{short}: {model}' for model, short in _SHORT.items())}.\n"
        "FVU: mean squared error on the test rows in variances of their targets, mean over the folds of a task, then\n"
        f"geometric mean over tasks, with less than {_SMALLEST_FVU:g} counted as that. Ratios of FVU are geometric\n"
        "means over the tasks that both models have; below 1 is better. Numbers, seconds and their ratios are medians\n"
        "over tasks."
    )


def _summary_row(model: str, mean: Mapping[str, Mapping[str, np.ndarray]], references: Sequence[str]) -> list[str]:
    own = mean[model]

    def log_fvu(name: str, tasks: Iterable[str]) -> np.ndarray:
        return np.log([max(mean[name][task][0], _SMALLEST_FVU) for task in tasks])

    def shared(reference: str) -> list[str]:
        return [task for task in own if task in mean[reference]]

    def formatted(values: Sequence[float] | np.ndarray, average: Callable[[Any], Any], spec: str) -> str:
        return format(float(average(values)), spec) if len(values) else "-"

    def geometric(logs: np.ndarray) -> float:
        return math.exp(np.mean(logs))

    row = [model, str(len(own)), formatted(log_fvu(model, own), geometric, ".3g")]
    for reference in references:
        both = shared(reference)
        row.append(formatted(log_fvu(model, both) - log_fvu(reference, both), geometric, ".3g"))
    if SMALL_MLP in references:
        both = shared(SMALL_MLP)
        row.append(f"{int((log_fvu(model, both) < log_fvu(SMALL_MLP, both)).sum())}/{len(both)}")
    row += [formatted([own[task][i] for task in own], np.median, spec) for i, spec in ((1, ".0f"), (2, ".2f"))]
    if ADAM in references:
        row.append(formatted([own[task][2] / mean[ADAM][task][2] for task in shared(ADAM)], np.median, ".3g"))
    return row

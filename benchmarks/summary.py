"""Summary of a benchmark over its tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.quick_report import aligned
from benchmarks.results import Result

__all__ = ["SMALLEST_FVU", "summary_table"]

SMALLEST_FVU = 1e-6  # smaller ones count as this: below it, a task would be a contest of rounding errors
_SMALL_MLP, _ADAM, _BOOSTING = "MLPRegressor-7-7", "MLPRegressor-100", "HistGradientBoostingRegressor"
_SHORT = {_SMALL_MLP: "M", _ADAM: "MLP-100", _BOOSTING: "HGB"}  # what the summary compares with


def summary_table(found: Iterable[Result]) -> str:
    """Compare the models over the tasks.

    Parameters
    ----------
    found : iterable of Result
        Of any seeds and models; a model is summarised once for each of its selections.

    Returns
    -------
    text : str
        Markdown table and what its columns mean, without a final line break.

    Examples
    --------
    >>> half = Result("a", "MLPRegressor-7-7", "", 0, 0, 2.0, 0.5, 85, 14, 2, 1.0, 0.001, 200.0)
    >>> print(summary_table([half]).splitlines()[2])
    | MLPRegressor-7-7 |     1 | 0.5 |       1 |         0/1 |      85 |  1.00 |
    """
    lines: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for item in found:
        figures = (item.test_fvu, item.n_nonzero, item.fit_s)
        lines.setdefault(f"{item.model} {item.selection}".rstrip(), {}).setdefault(item.task, []).append(figures)
    mean = {model: {task: np.mean(rows, axis=0) for task, rows in own.items()} for model, own in lines.items()}
    # without the tasks on which a fold or seed has no network that small
    mean = {model: {task: row for task, row in own.items() if not np.isnan(row[0])} for model, own in mean.items()}
    references = [model for model in _SHORT if mean.get(model)]
    titles = ["model", "tasks", "FVU", *(f"FVU / {_SHORT[reference]}" for reference in references)]
    titles += ["wins over M"] * (_SMALL_MLP in references) + ["numbers", "fit s"]
    titles += [f"fit s / {_SHORT[_ADAM]}"] * (_ADAM in references)
    rows = [_summary_row(model, mean, references) for model in mean]
    return (
        f"{aligned([titles, *rows])}\n\n"
        f"{', '.join(f'{short}: {model}' for model, short in _SHORT.items())}.\n"
        "FVU: mean squared error on the test rows in variances of their targets, mean over the folds and seeds of a\n"
        f"task, then geometric mean over tasks, with less than {SMALLEST_FVU:g} counted as that. Ratios of FVU are\n"
        "geometric means over the tasks that both models have; below 1 is better. Numbers, seconds and their ratios\n"
        "are medians over tasks."
    )


def _summary_row(model: str, mean: Mapping[str, Mapping[str, np.ndarray]], references: Sequence[str]) -> list[str]:
    own = mean[model]

    def log_fvu(name: str, tasks: Iterable[str]) -> np.ndarray:
        return np.log([max(mean[name][task][0], SMALLEST_FVU) for task in tasks])

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
    if _SMALL_MLP in references:
        both = shared(_SMALL_MLP)
        row.append(f"{int((log_fvu(model, both) < log_fvu(_SMALL_MLP, both)).sum())}/{len(both)}")
    row += [formatted([own[task][i] for task in own], np.median, spec) for i, spec in ((1, ".0f"), (2, ".2f"))]
    if _ADAM in references:
        row.append(formatted([own[task][2] / mean[_ADAM][task][2] for task in shared(_ADAM)], np.median, ".3g"))
    return row

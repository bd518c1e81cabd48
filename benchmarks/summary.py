"""Summary of a benchmark over its tasks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from benchmarks.markdown import write_table

__all__ = ["SMALLEST_FVU", "summary_table"]

SMALLEST_FVU = 1e-6  # smaller ones count as this: below it, a task would be a contest of rounding errors
_SMALL_MLP, _ADAM, _BOOSTING = "MLPRegressor-7-7", "MLPRegressor-100", "HistGradientBoostingRegressor"
_SHORT = {_SMALL_MLP: "M", _ADAM: "MLP-100", _BOOSTING: "HGB"}  # what the summary compares with


def summary_table(found: pd.DataFrame) -> str:
    """Compare the models over the tasks, in Markdown; a model is summarised once for each of its selections.

    >>> half = {"task": "a", "model": "MLPRegressor-7-7", "selection": "", "test_fvu": 0.5, "n_nonzero": 85, "fit_s": 1}
    >>> print(summary_table(pd.DataFrame([half])).splitlines()[2])
    | MLPRegressor-7-7 |       1 |   0.5 |         1 |           0/1 |           85 |    1.00 |
    """
    named = found.assign(model=(found["model"] + " " + found["selection"]).str.rstrip())
    groups = named.groupby(["model", "task"])[["test_fvu", "n_nonzero", "fit_s"]]
    means = groups.mean()[groups.count()["test_fvu"] == groups.size()]  # on all folds and seeds there is such a network
    logs, sizes, seconds = (
        part.unstack("model").reindex(columns=named["model"].unique())
        for part in (np.log(means["test_fvu"].clip(SMALLEST_FVU)), means["n_nonzero"], means["fit_s"])
    )
    references = [model for model in _SHORT if model in logs and logs[model].count()]
    titles = ["model", "tasks", "FVU", *(f"FVU / {_SHORT[reference]}" for reference in references)]
    titles += ["wins over M"] * (_SMALL_MLP in references) + ["parameters", "fit s"]
    titles += [f"fit s / {_SHORT[_ADAM]}"] * (_ADAM in references)
    rows = [titles]
    for model in logs:
        row = [model, str(logs[model].count()), _geometric(logs[model])]
        row += [_geometric(logs[model] - logs[reference]) for reference in references]
        if _SMALL_MLP in references:
            gains = (logs[model] - logs[_SMALL_MLP]).dropna()
            row.append(f"{(gains < 0).sum()}/{len(gains)}")
        row += [_median(sizes[model], ".0f"), _median(seconds[model], ".2f")]
        row += [_median(seconds[model] / seconds[_ADAM], ".3g")] if _ADAM in references else []
        rows.append(row)
    return (
        f"{write_table(rows)}\n\n"
        f"{', '.join(f'{short}: {model}' for model, short in _SHORT.items())}.\n"
        "FVU: mean squared error on the test rows in variances of their targets, mean over the folds and seeds of a\n"
        f"task, then geometric mean over tasks, with less than {SMALLEST_FVU:g} counted as that. Ratios of FVU are\n"
        "geometric means over the tasks that both models have; below 1 is better. Parameters, seconds and ratios\n"
        "are medians over tasks."
    )


def _geometric(logs: pd.Series) -> str:
    return f"{math.exp(logs.mean()):.3g}" if logs.count() else "-"


def _median(values: pd.Series, spec: str) -> str:
    return format(values.median(), spec) if values.count() else "-"

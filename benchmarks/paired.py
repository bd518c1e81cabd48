"""Two models side by side: on how many tasks one is better, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.markdown import write_table
from benchmarks.summary import SMALLEST_FVU

__all__ = ["Comparison", "compare", "paired_table"]

_LARGEST_FVU = 1e6  # larger ones, and infinite ones, count as this
_EQUAL = 0.02  # difference in log FVU, 2 per cent, below which two models are equally good
_N_RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """One model against another, over tasks.

    `wins`, `losses` and `ties` count tasks on which the model is better, worse and, within 2 per cent of FVU, equal;
    `n_missing` those left out, because one of the two has no network that small. `ratio` is the geometric mean over
    tasks of the model's FVU by that of the other, nan without tasks; below 1 is better. `low` and `high` are the ends
    of its 95 % bootstrap interval over tasks.
    """

    wins: int
    losses: int
    ties: int
    n_missing: int
    ratio: float
    low: float
    high: float

    @property
    def n_tasks(self) -> int:
        return self.wins + self.losses + self.ties


def compare(
    results: pd.DataFrame, model: str, other: str, selection: str = "<=50", *, random_state: int = 0
) -> Comparison:
    """Compare the test FVU of two models, task by task.

    Folds and seeds of a task that both models have are first averaged in log FVU; FVUs below 1e-6 count as that.
    Tasks with a mean difference below 0.02, about 2 per cent of FVU, are ties. The interval is that of the
    percentiles of 10 000 means over tasks drawn with replacement; it says how the ratio would vary with other tasks
    of this kind, so it means little for fewer than ten. A model of one size stands with the only one it has.
    """
    own, others = (_log_fvu(results, name, selection) for name in (model, other))
    differences = (own - others)[own.index.intersection(others.index)].groupby("task")
    means = differences.mean().where(differences.size() == differences.count())  # nan where one has no such network
    each = means.dropna().to_numpy()
    ratio, low, high = _geometric(each, random_state)
    return Comparison(
        wins=int((each <= -_EQUAL).sum()),
        losses=int((each >= _EQUAL).sum()),
        ties=int((abs(each) < _EQUAL).sum()),
        n_missing=len(means) - len(each),
        ratio=ratio,
        low=low,
        high=high,
    )


def _log_fvu(results: pd.DataFrame, model: str, selection: str) -> pd.Series:
    """Log FVU by task, split and seed; nan where there is no such network."""
    lines = results[results["model"] == model]
    if lines.empty:
        raise ValueError(f"results must hold lines of {model!r}, got none.")
    names = set(lines["selection"])
    if names == {""}:
        selection = ""
    if selection not in names:
        known = ", ".join(map(repr, sorted(names)))
        raise ValueError(f"selection must be one of those measured of {model!r}, {known}, got {selection!r}.")
    lines = lines[lines["selection"] == selection].set_index(["task", "split", "seed"])
    return np.log(lines["test_fvu"].clip(SMALLEST_FVU, _LARGEST_FVU))


def _geometric(logs: np.ndarray, random_state: int) -> tuple[float, float, float]:
    """Geometric mean and the ends of its interval."""
    if not len(logs):
        return math.nan, math.nan, math.nan
    drawn = np.random.default_rng(random_state).choice(logs, size=(_N_RESAMPLES, len(logs)))
    low, high = np.percentile(drawn.mean(axis=1), [2.5, 97.5])
    return math.exp(logs.mean()), math.exp(low), math.exp(high)


def paired_table(
    results: pd.DataFrame,
    pairs: Iterable[tuple[str, str]],
    selections: Iterable[str] | None = None,
    *,
    random_state: int = 0,
) -> str:
    """Write in Markdown how the first model of each pair does against the other, for each selection measured of it."""
    rows = [["model", "other", "networks", "tasks", "wins", "ties", "losses", "FVU / other", "95 % interval"]]
    for model, other in pairs:
        measured = results.loc[results["model"] == model, "selection"].unique()
        for selection in measured if selections is None else selections:
            found = compare(results, model, other, selection, random_state=random_state)
            counts = [str(count) for count in (found.n_tasks, found.wins, found.ties, found.losses)]
            interval = f"{found.low:.3g} to {found.high:.3g}"
            rows.append([model, other, selection or "chosen", *counts, f"{found.ratio:.3g}", interval])
    return (
        f"{write_table(rows, n_left=3)}\n\n"
        "FVU / other: geometric mean over tasks of the ratio of test FVU; below 1 is better for the model. Folds and\n"
        f"seeds of a task are averaged in log FVU first; FVUs below {SMALLEST_FVU:g} count as that. Ties: tasks on\n"
        f"which the logs differ by less than {_EQUAL:g}, 2 per cent. Interval: bootstrap over tasks. Tasks for which\n"
        "one of the two has no network that small are left out."
    )

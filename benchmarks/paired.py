"""Two models side by side: on how many tasks one is better, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quick_report import aligned
from benchmarks.results import Result
from benchmarks.summary import SMALLEST_FVU

__all__ = ["Comparison", "compare", "paired_table"]

_LARGEST_FVU = 1e6  # larger ones, and infinite ones, count as this
_EQUAL = 0.02  # difference in log FVU, 2 per cent, below which two models are equally good
_N_RESAMPLES = 10_000
_Place = tuple[str, int, int]  # task, split, seed


@dataclass(frozen=True)
class Comparison:
    """One model against another, over tasks.

    Parameters
    ----------
    model, other, selection : str
        What was compared.
    wins, losses, ties : int
        Tasks on which the model is better, worse and, within 2 per cent of FVU, equal.
    n_missing : int
        Tasks that are left out, because one of the two has no network that small.
    ratio : float
        Geometric mean over tasks of the model's FVU by that of the other; below 1 is better. nan without tasks.
    low, high : float
        Ends of its 95 % bootstrap interval over tasks.
    """

    model: str
    other: str
    selection: str
    wins: int
    losses: int
    ties: int
    n_missing: int
    ratio: float
    low: float
    high: float

    @property
    def n_tasks(self) -> int:
        """Number of tasks compared."""
        return self.wins + self.losses + self.ties


def compare(
    results: Iterable[Result], model: str, other: str, selection: str = "<=50", *, random_state: int = 0
) -> Comparison:
    """Compare the test FVU of two models, task by task.

    Folds and seeds of a task that both models have are first averaged in log FVU; FVUs below 1e-6 count as that.
    Tasks with a mean difference below 0.02, about 2 per cent of FVU, are ties. The interval is that of the
    percentiles of 10 000 means over tasks drawn with replacement; it says how the ratio would vary with other tasks
    of this kind, so it means little for fewer than ten.

    Parameters
    ----------
    results : iterable of Result
        Of these and any other models.
    model, other : str
        Their names.
    selection : str, default="<=50"
        Which of their networks; a model of one size stands with the only one it has.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    comparison : Comparison
        Wins, losses and ties of `model`, and the ratio of FVU.
    """
    results = list(results)
    own, others = _log_fvu(results, model, selection), _log_fvu(results, other, selection)
    differences: dict[str, list[float]] = {}
    for place in own.keys() & others.keys():
        differences.setdefault(place[0], []).append(own[place] - others[place])
    means = {task: float(np.mean(values)) for task, values in sorted(differences.items())}
    each = np.array([mean for mean in means.values() if not math.isnan(mean)])
    ratio, low, high = _geometric(each, random_state)
    return Comparison(
        model,
        other,
        selection,
        wins=int((each <= -_EQUAL).sum()),
        losses=int((each >= _EQUAL).sum()),
        ties=int((abs(each) < _EQUAL).sum()),
        n_missing=len(means) - len(each),
        ratio=ratio,
        low=low,
        high=high,
    )


def _log_fvu(results: Sequence[Result], model: str, selection: str) -> dict[_Place, float]:
    """Log FVU by task, split and seed; nan where there is no such network."""
    lines = [item for item in results if item.model == model]
    if not lines:
        raise ValueError(f"results must hold lines of {model!r}, got none.")
    names = {item.selection for item in lines}
    if names == {""}:
        selection = ""
    if selection not in names:
        known = ", ".join(map(repr, sorted(names)))
        raise ValueError(f"selection must be one of those measured of {model!r}, {known}, got {selection!r}.")
    return {
        (item.task, item.split, item.seed): float(np.log(np.clip(item.test_fvu, SMALLEST_FVU, _LARGEST_FVU)))
        for item in lines
        if item.selection == selection
    }


def _geometric(logs: np.ndarray, random_state: int) -> tuple[float, float, float]:
    """Geometric mean and the ends of its interval."""
    if not len(logs):
        return math.nan, math.nan, math.nan
    drawn = np.random.default_rng(random_state).choice(logs, size=(_N_RESAMPLES, len(logs)))
    low, high = np.percentile(drawn.mean(axis=1), [2.5, 97.5])
    return math.exp(logs.mean()), math.exp(low), math.exp(high)


def paired_table(
    results: Iterable[Result],
    pairs: Iterable[tuple[str, str]],
    selections: Iterable[str] | None = None,
    *,
    random_state: int = 0,
) -> str:
    """Compare pairs of models over selections, see :func:`compare`.

    Parameters
    ----------
    results : iterable of Result
        Of all of the models.
    pairs : iterable of (str, str)
        A model and the other.
    selections : iterable of str, default=None
        None takes all that were measured of the first model of a pair.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    text : str
        Markdown table and what its columns mean, without a final line break.
    """
    results = list(results)
    rows = [["model", "other", "networks", "tasks", "wins", "ties", "losses", "FVU / other", "95 % interval"]]
    for model, other in pairs:
        measured = dict.fromkeys(item.selection for item in results if item.model == model)
        for selection in measured if selections is None else selections:
            found = compare(results, model, other, selection, random_state=random_state)
            counts = [str(count) for count in (found.n_tasks, found.wins, found.ties, found.losses)]
            interval = f"{found.low:.3g} to {found.high:.3g}"
            rows.append([model, other, selection or "chosen", *counts, f"{found.ratio:.3g}", interval])
    return (
        f"{aligned(rows, n_left=3)}\n\n"
        "FVU / other: geometric mean over tasks of the ratio of test FVU; below 1 is better for the model. Folds and\n"
        f"seeds of a task are averaged in log FVU first; FVUs below {SMALLEST_FVU:g} count as that. Ties: tasks on\n"
        f"which the logs differ by less than {_EQUAL:g}, 2 per cent. Interval: bootstrap over tasks. Tasks for which\n"
        "one of the two has no network that small are left out."
    )

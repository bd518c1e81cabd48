"""What a benchmark measures, as lines of a tidy CSV file in which a later call continues."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Key", "Result", "read_results", "write_results"]

Key = tuple[str, int, int, str, str]  # task, split, seed, model, selection


@dataclass(frozen=True)
class Result:
    """One model on one task: a line of the CSV file.

    Parameters
    ----------
    task : str
        Name of the function or table.
    model : str
        Name of the model.
    selection : str
        Which network of the fitted model: empty for the one that the fit chose, "<=50" for the most accurate one of
        at most 50 numbers.
    seed : int
        Seed of the sampled points or folds, and of the fit.
    split : int
        Number of the fold, from 0; 0 for a function.
    test_mse : float
        Mean squared error on the test rows, at least 0, in the units of the target squared. Infinite if predictions
        are not; nan if the model has no such network.
    test_fvu : float
        The same in variances of the test targets: 0 is perfect, 1 no better than a constant.
    n_nonzero : int
        Numbers that the model stores to predict, see `count_numbers` of sk_swat.comparison.
    n_neurons, depth : int
        Living hidden neurons and hidden layers; 0 for models without.
    fit_s, predict_s : float
        CPU seconds of the fit, which all selections share, and wall seconds of one call of predict for all test rows
        (median of five).
    peak_mb : float
        Largest resident set of the process from the beginning of the fit on, in units of 10^6 bytes; nan where the
        system does not tell.
    """

    task: str
    model: str
    selection: str
    seed: int
    split: int
    test_mse: float
    test_fvu: float
    n_nonzero: int
    n_neurons: int
    depth: int
    fit_s: float
    predict_s: float
    peak_mb: float

    @property
    def key(self) -> Key:
        """What tells this line from others."""
        return self.task, self.split, self.seed, self.model, self.selection


_KINDS: Mapping[Any, Callable[[str], Any]] = {"str": str, "int": int, "float": float}
Line = TypeVar("Line")


def read_results(path: str | Path, kind: type[Line] = Result) -> list[Line]:  # type: ignore[assignment]
    """Read what an earlier call wrote; lines that it did not finish are left out.

    Parameters
    ----------
    path : str or path
        CSV file.
    kind : type, default=Result
        Dataclass of one line, with fields of type str, int and float.

    Returns
    -------
    found : list of Result
        One for each line.
    """
    fields = {field.name: _KINDS[field.type] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    text = Path(path).read_text(encoding="utf-8")
    lines = csv.reader(text[: text.rfind("\n") + 1].splitlines())  # without a last line that was cut off
    if next(lines, list(fields)) != list(fields):
        raise ValueError(f"out must be a new file or one with the columns {', '.join(fields)}, got '{path}'.")
    found = []
    for line in lines:
        try:
            values = {name: parse(cell) for (name, parse), cell in zip(fields.items(), line, strict=True)}
        except ValueError:
            continue
        found.append(kind(**values))
    return found


def write_results(found: Iterable[Any], path: Path) -> None:
    """Write results of one kind, at least one, to a CSV file."""
    lines = list(found)
    part = path.with_name(path.name + ".part")  # replaces the file at once, so that a crash loses nothing
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in dataclasses.fields(lines[0])])
        writer.writerows(dataclasses.astuple(item) for item in lines)
    part.replace(path)

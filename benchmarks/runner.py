"""One runner for all benchmarks: models on tasks, side by side, into a CSV file in which a later call continues."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from joblib import Parallel, delayed

__all__ = ["Harness", "Job", "Runner", "Selections", "check_file", "jobs_of", "one_choice", "place", "read_results"]

Selections = Mapping[str, Mapping[str, Any]]  # by name, what `select` of a fitted model is asked for
Row = dict[str, Any]


class Harness(Protocol):
    """How models are measured; modules such as `accuracy`, `compression` and `cost` are harnesses.

    `MODELS` makes models by name. `COLUMNS` of the results are those of `place` and what is measured, of which a line
    of progress shows `TOLD`.
    """

    @property
    def MODELS(self) -> Mapping[str, Callable[..., Any]]: ...

    @property
    def COLUMNS(self) -> tuple[str, ...]: ...

    @property
    def TOLD(self) -> tuple[str, ...]: ...

    def place(self, task: Any, model: str) -> Row:
        """Columns that tell the rows of a model on a task from others."""

    def selection_names(self, task: Any, model: str, selections: Selections) -> tuple[str, ...]:
        """Names of the selections that these rows must hold; none if the model is not measured on the task."""

    def measure(self, task: Any, model: str, selections: Selections) -> list[Row]:
        """Give a row for each of these selections, without the columns of `place`; the only one may have no name."""

    def summary(self, found: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> str:
        """Say in Markdown what the results show."""


@dataclass(frozen=True)
class Job:
    """One model on one task: its place, its name, what gives its rows, and the selections that these must hold."""

    place: Row
    name: str
    measure: Callable[[], list[Row]]
    selections: tuple[str, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(self.place.values())


def place(task: Any, model: str) -> Row:
    """Name task, model, seed and split, as most harnesses do."""
    return {"task": task.name, "model": model, "seed": task.seed, "split": task.split}


def one_choice(task: Any, model: str, selections: Selections) -> tuple[str, ...]:
    return ("",)


def jobs_of(harness: Harness, tasks: Iterable[Any], models: Sequence[str], selections: Selections) -> list[Job]:
    """Make a job of each model on each task; a task has a name, a seed and the number of its split."""
    return [
        Job(
            harness.place(task, model),
            f"{task.name} split {task.split} seed {task.seed}, {model}",
            partial(harness.measure, task, model, selections),
            asked,
        )
        for task in tasks
        for model in models
        if (asked := harness.selection_names(task, model, selections))
    ]


class Runner:
    """Runs the jobs whose rows are not in a CSV file yet (`pending`); rows of other jobs in it are kept."""

    def __init__(self, harness: Harness, jobs: Sequence[Job], out: Path | None = None) -> None:
        self.harness, self.jobs, self.out = harness, jobs, out
        self.known: dict[tuple[Any, ...], list[Row]] = {}
        names = jobs[0].place if jobs else ()
        for row in read_results(out, harness.COLUMNS).to_dict("records") if out and out.exists() else []:
            self.known.setdefault(tuple(row[name] for name in names), []).append(row)
        self.pending = [job for job in jobs if not set(job.selections) <= {_selection(row) for row in self._of(job)}]

    def run(self, n_jobs: int = 1, sink: Callable[[str], object] = print) -> pd.DataFrame:
        """Run what is pending, and give the rows of all jobs, measured now or before, in their order.

        Seconds mean most with one process. `sink` takes each line of progress.
        """
        if (n_pending := len(self.pending)) < len(self.jobs):
            sink(f"{len(self.jobs) - n_pending} of {len(self.jobs)} measurements are in {self.out}")
        begin = time.monotonic()
        # max_nbytes=None, because larger arrays would arrive read-only
        parallel = Parallel(n_jobs=n_jobs, return_as="generator", max_nbytes=None)
        runs = parallel(delayed(job.measure)() for job in self.pending)
        for number, (job, rows) in enumerate(zip(self.pending, runs, strict=True), start=1):
            self.known[job.key] = [job.place | row for row in rows]
            self._write()
            left = (time.monotonic() - begin) / number * (n_pending - number)
            said = ", ".join(f"{name} {rows[0][name]:.3g}" for name in self.harness.TOLD)
            sink(f"[{number}/{n_pending}, {left:.0f} s left] {job.name}: {said}")
        found = [row for job in self.jobs for row in self._of(job) if _selection(row) in job.selections]
        return pd.DataFrame(found, columns=list(self.harness.COLUMNS))

    def _of(self, job: Job) -> list[Row]:
        return self.known.get(job.key, [])

    def _write(self) -> None:
        if self.out is None:
            return
        rows = [row for rows in self.known.values() for row in rows]
        part = self.out.with_name(self.out.name + ".part")  # replaces the file at once, so that a crash loses nothing
        pd.DataFrame(rows, columns=list(self.harness.COLUMNS)).to_csv(part, index=False, na_rep="nan")
        part.replace(self.out)


def _selection(row: Row) -> str:
    return row.get("selection", "")


def read_results(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a file of results with these columns; a last line that was cut off is left out."""
    text = Path(path).read_text(encoding="utf-8")
    text = text[: text.rfind("\n") + 1]
    if not text:
        return pd.DataFrame(columns=list(columns))
    texts = dict.fromkeys(("task", "table", "model", "selection"), str)
    missing = {name: ["nan", ""] for name in columns if name not in texts}  # an empty selection is one
    found = pd.read_csv(io.StringIO(text), dtype=texts, keep_default_na=False, na_values=missing)
    if list(found.columns) != list(columns):
        raise ValueError(f"out must be a new file or one with the columns {', '.join(columns)}, got '{path}'.")
    return found


def check_file(argument: str, path: str | Path | None, ending: str) -> Path | None:
    """Raise unless it is None or a file of this ending can be written there."""
    if path is None:
        return None
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"{argument} must end in {ending}, got '{path}'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{argument} must lie in an existing folder, got '{path}'.")
    return path

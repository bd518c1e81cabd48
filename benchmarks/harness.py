"""Measure models on tasks: in parallel on request, into a file in which a later call continues."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.baselines.peers import PEERS, count_peer_numbers
from benchmarks.memory import peak_memory, reset_peak_memory
from benchmarks.models import BENCHMARK_MODELS, hidden_shape, sized, timed
from benchmarks.results import Key, Result, read_results, write_results
from benchmarks.tasks import Task, canary, check_split, shuffled
from benchmarks.timing import median_seconds
from sk_swat.comparison import count_numbers, timed_fit

__all__ = ["Selections", "audit", "by_size", "checked_file", "measure", "run_tasks"]

_PREDICT_CALLS = 5
_CHANCE_FVU = 0.5  # no model comes that low on test rows after a fit to shuffled targets
Selections = Mapping[str, Mapping[str, Any]]  # by name, what `select` of a fitted model is asked for


def by_size(sizes: Iterable[int]) -> Selections:
    """Select the most accurate network of at most so many numbers, for each size."""
    return {f"<={size}": {"max_nonzero": size, "sparsity": 0, "compactness": 0} for size in sizes}


def measure(task: Task, model_name: str, selections: Selections | None = None) -> list[Result]:
    """Fit one model to the training rows and score it on the test rows, with each selection that it has.

    Parameters
    ----------
    task : Task
        The table and its split. Its seed is also that of the fit.
    model_name : str
        A key of ``BENCHMARK_MODELS``.
    selections : Selections, default=None
        Asked of models that have `select`.

    Returns
    -------
    found : list of Result
        The model as fitted, then the selections.
    """
    return [result for result, _ in _measured(task, model_name, selections)]


def _measured(task: Task, model_name: str, selections: Selections | None) -> list[tuple[Result, np.ndarray | None]]:
    """Results, each with the predictions for the test rows; None if the model has no such network."""
    _warm_up()
    model = BENCHMARK_MODELS[model_name](task.seed)
    knows_peak = reset_peak_memory()
    fit_s, _ = timed_fit(model, task, time.process_time)  # other work on the machine counts less
    peak_mb = peak_memory() / 1e6 if knows_peak else math.nan

    def result(selection: str, mse: float, predict_s: float, shape: tuple[int, int, int]) -> Result:
        fvu = mse / float(np.var(task.y_test))
        place = (task.name, model_name, selection, task.seed, task.split)
        return Result(*place, mse, fvu, *shape, fit_s, predict_s, peak_mb)

    found: list[tuple[Result, np.ndarray | None]] = []
    for selection, arguments in _asked(model, selections).items():
        if arguments is not None and not _selected(model, arguments):
            found.append((result(selection, math.nan, math.nan, (0, 0, 0)), None))
            continue
        predicted = model.predict(task.X_test)
        mse = float(np.mean((predicted - task.y_test) ** 2)) if np.isfinite(predicted).all() else math.inf
        fitted = getattr(model, "regressor_", model)
        predict_s = median_seconds(lambda: model.predict(task.X_test), _PREDICT_CALLS)
        count = count_peer_numbers if model_name in PEERS else count_numbers
        found.append((result(selection, mse, predict_s, (count(fitted), *hidden_shape(fitted))), predicted))
    return found


def _asked(model: Any, selections: Selections | None) -> dict[str, Mapping[str, Any] | None]:
    """List what is measured of a model: the network that its fit chose, and the selections if it has several."""
    return {"": None, **(selections or {})} if sized(model) else {"": None}


def _selected(model: Any, arguments: Mapping[str, Any]) -> bool:
    try:
        model.select(**arguments)
    except ValueError:  # no network is that small
        return False
    return True


@functools.cache  # once in each process
def _warm_up() -> None:
    """Load torch and the checkpoint, so that no measured fit pays for them."""
    rows = np.linspace(-1, 1, 50)[:, np.newaxis]
    model = BENCHMARK_MODELS["SWATRegressor"](0).set_params(max_iter=0, n_restarts=1, depths=(1,), n_rounds=0)
    timed_fit(model, Task("warm-up", rows, rows, rows[:, 0] ** 2, rows[:, 0] ** 2, ("x",)))


def audit(task: Task, model_name: str, selections: Selections | None = None) -> None:
    """Raise a ValueError if a model knows more about test rows than its training rows tell.

    The model is measured three times, in the very way of :func:`measure`. With the test rows of :func:`canary` instead,
    predictions for the rows that both have must be equal to the last bit, as fitted and with each selection. With
    :func:`shuffled` training targets, it must not explain half of the variance of the test targets. What this cannot
    see: a model that keeps a copy of the test targets from elsewhere and only chooses among its networks by them.

    Parameters
    ----------
    task, model_name, selections
        As in :func:`measure`. A fit that the clock ends gives other networks each time: it cannot be audited.
    """
    before, after = (_measured(one, model_name, selections) for one in (task, canary(task)))
    for (result, own), (_, other) in zip(before, after, strict=True):
        if not _equal_even_rows(own, other):
            raise ValueError(
                f"Predictions must not depend on test rows, but those of {_spoken(result)} for {task.name!r} change "
                "when other test rows and targets change."
            )
    for result in measure(shuffled(task), model_name, selections):
        if result.test_fvu < _CHANCE_FVU:
            raise ValueError(
                f"Test targets must be unknown to a model, but {_spoken(result)} explains those of {task.name!r} after "
                f"a fit to shuffled training targets: FVU {result.test_fvu:.2g}."
            )


def _equal_even_rows(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one[::2], other[::2], equal_nan=True)


def _spoken(result: Result) -> str:
    return repr(f"{result.model} {result.selection}".rstrip())


def run_tasks(
    tasks: Sequence[Task],
    models: Sequence[str],
    selections: Selections | None = None,
    *,
    audited: bool = False,
    n_jobs: int = 1,
    out: Path | None = None,
    sink: Callable[[str], object] = print,
) -> list[Result]:
    """Measure models on tasks.

    Parameters
    ----------
    tasks : sequence of Task
        Of any seeds. Their splits are checked before anything is measured.
    models : sequence of str
        Keys of ``BENCHMARK_MODELS``.
    selections : Selections, default=None
        Asked of models that have `select`.
    audited : bool, default=False
        First :func:`audit` on the first task each model that is to run, except those whose fit the clock ends.
    n_jobs : int, default=1
        Processes that measure side by side; seconds mean most with one.
    out : path, default=None
        CSV file of the results. If it exists, models whose results for a task are complete in it are not run again,
        so it must stem from the same rows and code; lines of other tasks, seeds and models are kept.
    sink : callable, default=print
        Takes each line of progress.

    Returns
    -------
    found : list of Result
        Task by task, in the order of the models, measured now or before.
    """
    from joblib import Parallel, delayed

    for task in tasks:
        check_split(task)
    known = {item.key: item for item in read_results(out, Result)} if out is not None and out.exists() else {}
    plan = [(task, model) for task in tasks for model in models]
    keys = [_keys(task, model, selections) for task, model in plan]
    pending = [pair for pair, own in zip(plan, keys, strict=True) if not known.keys() >= set(own)]
    if len(pending) < len(plan):
        sink(f"{len(plan) - len(pending)} of {len(plan)} measurements are in {out}")
    if audited:
        _audit_all(tasks[0], list(dict.fromkeys(model for _, model in pending)), selections, sink)
    begin = time.monotonic()
    # max_nbytes=None, because larger arrays would arrive read-only
    parallel = Parallel(n_jobs=n_jobs, return_as="generator", max_nbytes=None)
    runs = parallel(delayed(measure)(task, model, selections) for task, model in pending)
    for number, ((task, model), found) in enumerate(zip(pending, runs, strict=True), start=1):
        place = (task.name, task.split, task.seed, model)
        known = {key: item for key, item in known.items() if key[:4] != place}
        known |= {item.key: item for item in found}
        if out is not None:
            write_results(known.values(), out)
        left = (time.monotonic() - begin) / number * (len(pending) - number)
        where = f"{task.name} split {task.split} seed {task.seed}"
        sink(f"[{number}/{len(pending)}, {left:.0f} s left] {where}, {model}: FVU {found[0].test_fvu:.2g}")
    return [known[key] for own in keys for key in own]


def _keys(task: Task, model: str, selections: Selections | None) -> list[Key]:
    names = _asked(BENCHMARK_MODELS[model](task.seed), selections)  # an unfitted model is made in no time
    return [(task.name, task.split, task.seed, model, name) for name in names]


def _audit_all(task: Task, models: Sequence[str], selections: Selections | None, sink: Callable[[str], object]) -> None:
    for model in models:
        if timed(BENCHMARK_MODELS[model](task.seed)):
            sink(f"{model}: not audited, because the clock ends its fit")
        else:
            audit(task, model, selections)
            sink(f"{model}: audited on {task.name}")


def checked_file(argument: str, path: str | Path, ending: str) -> Path:
    """Raise unless a file of this ending can be written there."""
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"{argument} must end in {ending}, got '{path}'.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{argument} must lie in an existing folder, got '{path}'.")
    return path

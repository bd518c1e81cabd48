"""Run pieces of work side by side, in threads, in processes or on other machines, as joblib is told.

A piece is a function with its arguments (:func:`functools.partial`), so that it can be sent to another process. What it
gives must depend on its arguments alone: then the result does not depend on how many run at a time, or where.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import joblib
import torch
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_limits

from sk_swat.utils.torch_state import usual_torch

__all__ = ["n_threads_here", "n_threads_of", "one_torch_thread", "run_parallel"]

Result = TypeVar("Result")


def run_parallel(
    pieces: Sequence[Callable[[], Result]],
    n_jobs: int | None,
    ended: Callable[[Result], object] | None = None,
    stop: Callable[[], object] | None = None,
) -> list[Result]:
    """Run picklable pieces of work, in threads unless ``joblib.parallel_config`` says otherwise.

    `n_jobs` of them run at a time, as in joblib, or as many as cores are allowed for None (see :func:`n_threads_of`);
    with 1 all of them run here. The results come back in the order of the pieces, and in that order `ended` is called
    with each of them as soon as it is there. If anything is raised, also by Ctrl-C, `stop` is called, which should make
    the others end soon: they are waited for, unless joblib runs them.
    """
    with one_torch_thread():
        found = []
        for result in _results(pieces, n_jobs, stop):
            found.append(result)
            if ended is not None:
                ended(result)
        return found


def _results(
    pieces: Sequence[Callable[[], Result]], n_jobs: int | None, stop: Callable[[], object] | None
) -> Iterator[Result]:
    backend, configured = joblib.parallel.get_active_backend()
    default = isinstance(backend, joblib.parallel.LokyBackend) and configured in (None, 1)
    if len(pieces) > 1 and not default:  # whoever uses joblib says how
        parallel = joblib.Parallel(n_jobs=n_jobs, prefer="threads", batch_size=1)
        if parallel.n_jobs != 1:
            return iter(_by_joblib(parallel, pieces, stop))
    n_threads = min(n_threads_of(n_jobs), n_threads_here(), len(pieces))
    return (piece() for piece in pieces) if n_threads <= 1 else _in_threads(pieces, n_threads, stop)


def _by_joblib(
    parallel: joblib.Parallel, pieces: Sequence[Callable[[], Result]], stop: Callable[[], object] | None
) -> list[Result]:
    try:
        return list(parallel(joblib.delayed(_on_one_thread)(piece) for piece in pieces))
    except BaseException:  # joblib's threads go on in the background
        if stop is not None:
            stop()
        raise


def _in_threads(
    pieces: Sequence[Callable[[], Result]], n_threads: int, stop: Callable[[], object] | None
) -> Iterator[Result]:
    """Threads that Python waits for when it ends: torch aborts the process if one is killed inside it."""
    with ThreadPoolExecutor(n_threads, "sk_swat") as pool:
        futures = [pool.submit(_on_one_thread, piece) for piece in pieces]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            if stop is not None:
                stop()
            raise


def _on_one_thread(piece: Callable[[], Result]) -> Result:
    before, _here.n_threads = _here.n_threads, 1
    try:
        with usual_torch(), one_torch_thread():
            return piece()
    finally:
        _here.n_threads = before


def n_threads_of(n_jobs: int | None) -> int:
    """Threads that work may use: as many as `n_jobs`, or joblib's context, says; else the allowed cores.

    These are what OpenMP may use in scikit-learn's gradient boosting: limits of containers, of the environment and of
    threadpoolctl count. Inside of joblib's threads and processes it is one.
    """
    backend, of_context = joblib.parallel.get_active_backend()
    n_jobs = of_context if n_jobs is None else n_jobs
    if n_jobs is None and _here.inside:  # where OpenMP may have been told to use one
        return _here.n_allowed
    if n_jobs is None:
        return 1 if backend.nesting_level else int(_openmp_effective_n_threads())
    most = n_jobs if n_jobs > 0 else joblib.cpu_count()  # a cluster has more, elsewhere
    return min(int(joblib.effective_n_jobs(n_jobs)), most)


def n_threads_here() -> int:
    """Most threads for a piece of work: one if others run beside it."""
    return _here.n_threads


class _Here(threading.local):
    """Whether the current thread is inside the context, and how many threads it may use, in all and as one piece."""

    inside = False
    n_allowed = 1
    n_threads = sys.maxsize


class _Process:
    """How many threads of this process are inside the context, and how many threads torch had before."""

    n_inside = 0
    n_threads = 1


_here, _lock = _Here(), threading.Lock()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch, and the linear algebra of numpy, use one thread.

    Sums are then rounded the same way everywhere, small ones are no slower, and pieces of work that run side by side
    do not fight for the cores. Torch counts its threads for each thread that calls it.
    """
    if _here.inside:
        yield
        return
    _here.n_allowed = n_threads_of(None)
    with _lock:
        found = torch.get_num_threads()  # in any case: a thread that has not asked yet follows the others until it does
        if not _Process.n_inside:
            _Process.n_threads = found
        _Process.n_inside += 1
        torch.set_num_threads(1)
    _here.inside = True
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        _here.inside = False
        with _lock:
            # not what this thread found: a new one finds what the last other one has set
            torch.set_num_threads(_Process.n_threads)
            _Process.n_inside -= 1

"""Seconds of calls, memory of this process, and work in a process of its own."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

__all__ = ["in_fresh_process", "median_seconds", "peak_memory", "reset_peak_memory"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_Answer = TypeVar("_Answer")


def median_seconds(call: Callable[[], Any], n_calls: int) -> float:
    """Time a call several times, after one that warms caches, and give the median."""
    call()
    seconds = []
    for _ in range(n_calls):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def peak_memory() -> float:
    """Give the largest resident set of this process in bytes, or nan where the system does not tell."""
    if _STATUS.is_file():  # ru_maxrss on Linux also counts the process that started this one
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * float(line.split()[1])
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak_memory() -> bool:
    """Let the peak begin anew at what is held now; False where the system (other than Linux) cannot."""
    try:
        _CLEAR.write_text("5")  # see proc_pid_clear_refs(5)
    except OSError:
        return False
    return True


def in_fresh_process(function: Callable[..., _Answer], *arguments: Any) -> _Answer:
    """Call a function where nothing is loaded yet, which a first fit and the memory of one model ask for."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()

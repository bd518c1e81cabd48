"""Seconds of calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["median_seconds"]


def median_seconds(call: Callable[[], Any], n_calls: int) -> float:
    """Time a call several times, after one that warms caches, and give the median."""
    call()
    seconds = []
    for _ in range(n_calls):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))

"""When a fit must end: the clock is looked at in every loop, and what is under way when the time is up is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["Deadline", "TimeIsUp", "deadlines_of"]

_EXPLORING = 0.75  # share of a time limit after which no new network is looked for


class TimeIsUp(Exception):
    """A deadline has passed within a piece of work; whoever holds the best result so far goes on with that."""


class Deadline:
    """Says when work must stop and keep the best so far: after some seconds (None: no limit), or when asked to.

    `clock` gives the time in seconds; None takes ``time.monotonic``. A copy that is sent to another process passes when
    this one does, by the clock of the day, which the machines must share, and in no case later than after the seconds
    that were left when it was sent. It is not told of a later `stop`, and looks at the clock of its own machine.
    """

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._end = None if seconds is None else self._clock() + seconds
        self._stopped = False

    def stop(self) -> None:
        """Ask for a stop."""
        self._stopped = True

    def __getstate__(self) -> dict[str, Any]:
        if self._end is None:
            return {"_end": None, "_stopped": self._stopped}
        left = self._end - self._clock()  # a clock that begins anew on every machine
        return {"_end": (left, time.time() + left), "_stopped": self._stopped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._clock = time.monotonic
        if self._end is not None:
            left, until = state["_end"]
            self._end = self._clock() + min(left, until - time.time())

    def passed(self) -> bool:
        """Say whether to stop."""
        return self._stopped or (self._end is not None and self._clock() >= self._end)

    def earlier(self, seconds: float) -> Deadline:
        """Give a deadline that passes so many seconds before this one, for what has to be done after it."""
        if self._end is None:
            return self
        return Deadline(self._end - seconds - self._clock(), self._clock)

    def check(self) -> None:
        """Raise TimeIsUp if it is time to stop; for loops that have nothing to give before they end."""
        if self.passed():
            raise TimeIsUp


def deadlines_of(
    time_limit: float | None, spent: float = 0.0, clock: Callable[[], float] | None = None
) -> tuple[Deadline, Deadline]:
    """Give the deadlines of a fit, of the search for new networks and of the last polish.

    `time_limit` are the seconds for all of the fit, of which `spent` are over; None sets no limit.
    """
    if time_limit is None:
        return Deadline(), Deadline()
    return Deadline(_EXPLORING * time_limit - spent, clock), Deadline(time_limit - spent, clock)

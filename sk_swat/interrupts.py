"""Let Ctrl-C end a fit with the best network found so far."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "interruptible"]


class Interrupt:
    """Whether Ctrl-C was pressed."""

    happened = False


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[Interrupt]:
    """Call `stop` at the first Ctrl-C inside the block instead of raising KeyboardInterrupt; the second one raises.

    Outside the main thread, or where the program handles the signal in its own way, nothing is changed.

    Parameters
    ----------
    stop : callable
        Asks the work to end soon.
    """
    interrupt = Interrupt()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.happened:
            signal.default_int_handler(number, frame)
        interrupt.happened = True
        stop()

    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

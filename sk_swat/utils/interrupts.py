"""Let Ctrl-C end a fit with the best network found so far."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["interruptible"]


class interruptible:
    """Call `stop` at the first Ctrl-C inside the block instead of raising KeyboardInterrupt; the second one raises.

    `happened` says whether Ctrl-C was pressed. Outside the main thread, or where the program handles the signal in its
    own way, nothing is changed. Not written as a generator: an error between its first half and the block would leave
    the signal as it is. Among several contexts of one ``with`` it stands first: an error before their exits would pass
    over that of the last one.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._installed = False
        self.happened = False

    def __enter__(self) -> interruptible:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            try:
                self._installed = True
                signal.signal(signal.SIGINT, self._handle)
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.happened:
            signal.default_int_handler(number, frame)
        self.happened = True
        self._stop()

"""What torch is set to while a fit uses it: the usual state, whatever the caller has set for a thread or the process.

The code names the types of all numbers, so that the default type, which all threads share, may stay as it is.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch

__all__ = ["default_device", "usual_torch"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")  # for which a caller may have switched on autocast


def default_device(device: str) -> AbstractContextManager[Any]:
    """Make new tensors on a device; without the context, which slows down every call, where that is so anyway."""
    return nullcontext() if torch.get_default_device() == torch.device(device) else torch.device(device)


@contextmanager
def usual_torch() -> Iterator[None]:
    """Let torch compute in this thread as in a fresh process; all is as before when the block ends, also by an error.

    Gradients can be asked for, no tensor is an inference tensor, nothing is cast to another type on the way, new
    tensors are on the CPU, products of float32 matrices are exact to float32, and tiny numbers are no zeros.
    """
    with ExitStack() as state:
        state.enter_context(torch.inference_mode(False))
        state.enter_context(torch.enable_grad())
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                state.enter_context(torch.autocast(device, enabled=False))
        state.enter_context(default_device("cpu"))
        state.enter_context(_exact_products())
        if not sys.float_info.min / 2:  # a setting of the processor, for each thread
            torch.set_flush_denormal(False)
            state.callback(torch.set_flush_denormal, True)
        yield


class _Process:
    """How many threads of this process are inside the context, and the precision of products to go back to."""

    n_inside = 0
    precision: str | None = None


_lock = threading.Lock()


@contextmanager
def _exact_products() -> Iterator[None]:
    """Multiply float32 matrices on the CPU without rounding them first, which is a setting that all threads share."""
    with _lock:
        if not _Process.n_inside:
            _Process.precision = None if (found := _precision()) in _EXACT else found
            if _Process.precision is not None:
                _set_precision(_EXACT[0])
        _Process.n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _Process.n_inside -= 1
            if not _Process.n_inside and _Process.precision is not None:
                _set_precision(_Process.precision)


_EXACT: tuple[str, ...]
_on_cpu: Any = torch.backends.mkldnn
if hasattr(_on_cpu, "matmul"):  # from torch 2.9 on
    _EXACT = ("ieee", "none")

    def _precision() -> str:
        return str(_on_cpu.matmul.fp32_precision)

    def _set_precision(precision: str) -> None:
        _on_cpu.matmul.fp32_precision = "none"
        if _precision() != precision:  # otherwise it follows what was set for all backends
            _on_cpu.matmul.fp32_precision = precision
else:
    _EXACT = ("highest",)
    _precision, _set_precision = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision

"""Guards for every test and doctest: results may not depend on luck or on the shell."""

import random
import signal
import sys
import threading

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Let every test begin with the same global random states, whatever ran before it, and give them back after it."""
    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if torch:
        torch.manual_seed(0)
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    if torch:
        torch.set_rng_state(before[2])


@pytest.fixture(autouse=True)
def python_interrupts():
    """Give every test Python's own SIGINT handler; jobs in the background ignore the signal, and debuggers catch it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

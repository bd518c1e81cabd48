"""Guards for every test and doctest: results may not depend on luck or on the shell."""

import random
import signal
import sys
import threading

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Fail a test that draws from a global random state: its result would depend on what ran before it."""
    before = _global_states()
    yield
    drawn = [name for name, state in _global_states().items() if name in before and state != before[name]]
    assert not drawn, f"this test draws from the global random state of {', '.join(drawn)}; give it a seed of its own"


@pytest.fixture(autouse=True)
def python_interrupts():
    """Give every test Python's own SIGINT handler; jobs in the background ignore the signal, and debuggers catch it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _global_states():
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    states = {"random": random.getstate(), "numpy": (name, keys.tobytes(), *rest)}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states

"""Guards for every test and doctest: results may not depend on luck or on the shell."""

import random
import signal
import sys
import threading

import numpy as np
import pytest
from hypothesis import settings

# the same examples in every run, however fast the machine
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


def _random_states():
    """What the global generators of Python, NumPy and, if it is imported, torch would draw next."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")
    states = {"random": random.getstate(), "numpy.random": (name, keys.tobytes(), *rest)}
    if torch:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


@pytest.fixture
def seeded():
    """Give a test global random states of its own: for torch modules and libraries that draw from nothing else."""
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
def no_draw_without_a_seed(request):
    """Fail a test that draws from a global generator: its result would hang on luck, or on the tests before it."""
    if "seeded" in request.fixturenames:
        yield
        return
    before = _random_states()
    yield
    after = _random_states()
    moved = [name for name in before if before[name] != after[name]]
    assert not moved, f"draws from the global state of {moved}; pass a seed or a generator, or use the fixture seeded"


@pytest.fixture(scope="session", autouse=True)
def terminal_of_80_columns():
    """Let all that is printed be as wide wherever the tests run; a test of another width sets its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("LINES", "24")
        yield


@pytest.fixture(autouse=True)
def python_interrupts():
    """Give every test Python's own SIGINT handler; jobs in the background ignore the signal, and debuggers catch it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

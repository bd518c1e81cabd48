"""Guards for every test and doctest: which sk_swat is tested; results may not depend on luck or on the shell."""

import os
import random
import signal
import sys
import threading
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent


def _choose_package():
    """Let tests import what is installed, unless the core is built in place; give the folder that the package is in.

    The checkout comes last in the search path, for benchmarks/: its own sk_swat/ has no compiled core.
    """
    built_in_place = any((ROOT / "sk_swat" / "refine" / f"_core{suffix}").exists() for suffix in EXTENSION_SUFFIXES)
    others = [entry for entry in sys.path if Path(entry).resolve() != ROOT]
    sys.path[:] = [str(ROOT), *others] if built_in_place else [*others, str(ROOT)]
    folder = Path(find_spec("sk_swat").origin).resolve().parents[1]
    if folder != ROOT and folder.name not in ("site-packages", "dist-packages"):
        raise pytest.UsageError(
            f"sk_swat must be installed, or be that of {ROOT}, where these tests are; got that of {folder}. "
            "Build the core in place: docs/contributing.md says how."
        )
    if folder == ROOT and os.environ.get("SK_SWAT_TESTED") == "wheel":
        raise pytest.UsageError(f"sk_swat must come from a wheel, got that of {ROOT}. Run pip install '.[test]'.")
    return folder


PACKAGE_FOLDER = _choose_package()

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


@pytest.fixture(scope="session", autouse=True)
def same_package_in_other_processes():
    """Let Python in other processes import the sk_swat that is tested, whatever their working directory holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PACKAGE_FOLDER), prepend=os.pathsep)
        patch.setenv("PYTHONSAFEPATH", "1")
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

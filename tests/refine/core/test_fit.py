"""Levenberg-Marquardt of the core against SciPy; functions in Python, stops and interrupts on the way."""

import _thread
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from sk_swat.refine import _core

FOREVER = 2**30  # steps


@pytest.mark.parametrize(("sizes", "weighted"), [([2, 4, 1], False), ([2, 3, 2, 1], True), ([3, 3, 2], True)])
def test_it_ends_where_least_squares_of_scipy_end(plain, sizes, weighted):
    """The start is near a planted network, so that both go to the same minimum."""
    (planted,), kinds = plain.batch(sizes, seed=5)
    kinds[kinds == 3] = 2  # no kinks: SciPy would stay at them
    X, y, weight = plain.table(200, sizes[0], sizes[-1], weighted=weighted)
    network = plain.Network(sizes, planted, kinds[0])
    rng = np.random.default_rng(6)
    y = network.outputs(X, planted)[0] + 0.01 * rng.normal(size=y.shape)
    start, ridge = planted + 0.01 * rng.normal(size=planted.shape), 1e-5
    scale = np.ones(200) if weight is None else weight

    def residuals(values):
        rest = np.sqrt(scale / (scale.sum() * len(y))) * (network.outputs(X, values)[0] - y)
        return np.concatenate([rest.ravel(), np.sqrt(ridge) * values])

    truth = least_squares(residuals, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    rows = _core.Rows(X, y, weight, None, None)
    values, error, _, accepted = plain.fit(sizes, start[None], kinds, [rows], n_steps=200, ridge=ridge)
    assert 3 < accepted[0] < 200
    assert error[0] + ridge * (values**2).sum() == pytest.approx(2 * truth.cost, rel=1e-10)
    np.testing.assert_allclose(values[0], truth.x, atol=1e-4)


def test_fixed_parameters_are_zero_and_missing_neurons_stay_missing(plain):
    sizes = [2, 4, 1]
    values, kinds = plain.batch(sizes)
    kinds[0, 2] = -1
    free = np.random.default_rng(0).random(values.shape) < 0.7
    X, y, _ = plain.table(100, 2)
    found, *_ = plain.fit(
        sizes, values, kinds, [_core.Rows(X, y, None, None, None)], free=free.astype(np.uint8), ridge=0.0
    )
    moving = plain.Network(sizes, values[0], kinds[0]).places(free[0])
    np.testing.assert_array_equal(np.flatnonzero(found[0]), moving)


def test_each_network_has_rows_and_settings_of_its_own(plain):
    sizes = [2, 4, 1]
    values, kinds = plain.batch(sizes, 3)
    tables = [plain.table(60 + 10 * i, 2, seed=i) for i in range(3)]
    rows = [_core.Rows(X, y, None, None, None) for X, y, _ in tables]
    ridge, damping = np.array([1e-6, 1e-3, 1e-1]), np.array([1.0, 0.1, 1e-3])
    together = _core.fit(sizes, values, kinds, rows, None, 5, ridge, damping, _core.How(n_threads=2))
    for i in range(3):
        one = [i]
        alone = _core.fit(sizes, values[one], kinds[one], [rows[i]], None, 5, ridge[one], damping[one], _core.How())
        for part, whole in zip(alone, together, strict=True):
            assert part[0].tobytes() == whole[i].tobytes()


def test_losses_and_activations_in_python_fit_as_compiled_ones_do(plain):
    sizes = [2, 5, 1]
    values, kinds = plain.batch(sizes, 4)
    X, y, weight = plain.table(300, 2, weighted=True)

    def called(kind, z):
        return tuple(function(z).astype(float) for function in plain.activations[kind - 6])

    def square(r):
        return r**2, 2 * r, np.full_like(r, 2.0)

    truth = plain.fit(sizes, values, kinds, [_core.Rows(X, y, weight, None, None)], n_steps=5)
    for n_threads in (1, 3):
        how = _core.How(n_threads=n_threads)
        got = plain.fit(sizes, values, kinds + 6, [_core.Rows(X, y, weight, square, called)], n_steps=5, how=how)
        np.testing.assert_allclose(got[1], truth[1], rtol=1e-8)


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("where", ["loss", "activation", "stop", "criterion"])
def test_exceptions_of_python_functions_come_through(plain, n_threads, where):
    class OwnError(Exception):
        pass

    def fail(*args, **kwargs):
        raise OwnError("mine")

    sizes = [2, 5, 1]
    values, kinds = plain.batch(sizes, 6)
    X, y, _ = plain.table(100, 2)
    rows = _core.Rows(X, y, None, fail if where == "loss" else None, fail if where == "activation" else None)
    how = _core.How(n_threads=n_threads, stop=fail if where == "stop" else None)
    kinds = kinds + 6 if where == "activation" else kinds
    with pytest.raises(OwnError, match="mine"):
        if where == "criterion":
            plain.prune(sizes, values, kinds, [rows], criterion=fail, how=how)
        else:
            plain.fit(sizes, values, kinds, [rows], n_steps=1000, how=how)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_wrong_answers_of_python_functions_are_refused(plain, n_threads):
    sizes = [2, 5, 1]
    values, kinds = plain.batch(sizes, 6)
    X, y, _ = plain.table(100, 2)
    how = _core.How(n_threads=n_threads)
    short = _core.Rows(X, y, None, lambda r: (r[1:], r[1:], r[1:]), None)
    with pytest.raises(ValueError, match=r"must give as many values as it is given, got 103 for 104"):
        plain.fit(sizes, values, kinds, [short], how=how)
    with pytest.raises(TypeError):
        plain.fit(sizes, values, kinds, [_core.Rows(X, y, None, lambda r: None, None)], how=how)
    with pytest.raises(ValueError, match="must give arrays of float64, got 'no array'"):
        plain.fit(sizes, values, kinds, [_core.Rows(X, y, None, lambda r: ["no array"] * 3, None)], how=how)
    rows = _core.Rows(X, y, None, None, None)
    with pytest.raises(ValueError, match="a criterion must choose at least one parameter that may go, got none"):
        plain.prune(sizes, values, kinds, [rows], criterion=lambda removable, **_: np.zeros(len(removable), bool))
    with pytest.raises(ValueError, match="a criterion must give an array of bool, got 3"):
        plain.prune(sizes, values, kinds, [rows], criterion=lambda **_: 3)
    with pytest.raises(ValueError, match="a criterion must say of every parameter whether it goes, got 1 answers"):
        plain.prune(sizes, values, kinds, [rows], criterion=lambda **_: np.ones(1, bool))


def long_fit(plain, how, n_rows=20000):
    sizes = [3, 8, 8, 1]
    values, kinds = plain.batch(sizes, 6)
    X, y, _ = plain.table(n_rows, 3)
    return plain.fit(sizes, values, kinds, [_core.Rows(X, y, None, None, None)], n_steps=FOREVER, how=how)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_stop_ends_a_long_fit_and_keeps_what_is_found(plain, n_threads):
    begin = time.monotonic()
    values, error, *_ = long_fit(plain, _core.How(n_threads=n_threads, stop=lambda: time.monotonic() > begin + 0.3))
    assert time.monotonic() - begin < 10
    assert np.isfinite(values).all() and np.isfinite(error).all()


@pytest.mark.parametrize("truth", [True, 1, np.bool_(True), np.float64(0.5)])
def test_whatever_stands_for_a_truth_ends_a_fit(plain, truth):
    values, _, _, accepted = long_fit(plain, _core.How(stop=lambda: truth))
    assert not accepted.any() and np.isfinite(values).all()


@pytest.mark.parametrize("n_threads", [1, 3])
def test_ctrl_c_ends_a_long_fit(plain, n_threads):
    timer = threading.Timer(0.3, _thread.interrupt_main)
    begin = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        long_fit(plain, _core.How(n_threads=n_threads))
    assert time.monotonic() - begin < 10


TWICE = """
import _core, numpy as np, signal, sys
values, kinds = np.random.default_rng(0).normal(size=(6, 113)), np.full((6, 16), 2, np.int32)
rows = _core.Rows(np.random.default_rng(1).normal(size=(20000, 3)), np.ones((1, 20000)), None, None, None)
signal.signal(signal.SIGINT, signal.default_int_handler)
print("begins", flush=True)
each = np.full(6, 1e-3)
_core.fit([3, 8, 8, 1], values, kinds, [rows], None, 2**30, each, each, _core.How(n_threads=3))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_ctrl_c_twice_never_aborts(plain):
    folder = str(Path(_core.__file__).parent)
    for gap in (0.0, 0.005, 0.02):
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r}){TWICE}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        time.sleep(gap)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode in (1, 130, -signal.SIGINT), told
        assert "KeyboardInterrupt" in told


def test_other_threads_of_python_run_beside_a_fit(plain):
    """The core works without the GIL."""
    count = 0
    ended = threading.Event()

    def counts():
        nonlocal count
        while not ended.wait(0.001):
            count += 1

    thread = threading.Thread(target=counts)
    thread.start()
    begin = time.monotonic()
    long_fit(plain, _core.How(stop=lambda: time.monotonic() > begin + 1))
    ended.set()
    thread.join()
    assert count > 20

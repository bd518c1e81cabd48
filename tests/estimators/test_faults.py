"""Interrupts and time limits at any moment: a regressor is left as it was, or with a network that predicts."""

import itertools
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import sk_swat
from sk_swat.utils.deadline import Deadline

PACKAGE = Path(sk_swat.__file__).parent


@contextmanager
def interrupt_at_line(number, wanted):
    """Raise KeyboardInterrupt before the line of that number, of those that run in functions that are wanted."""
    seen = []

    def call(frame, event, argument):
        return line if wanted(Path(frame.f_code.co_filename), frame.f_code.co_name) else None

    def line(frame, event, argument):
        if event == "line":
            seen.append((frame.f_code.co_name, frame.f_lineno))
            if len(seen) == number:
                raise KeyboardInterrupt
        return line

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield seen
    finally:
        sys.settrace(before)


def keeps(path, function):
    """Whether a function sets fitted attributes."""
    return PACKAGE in path.parents and function.startswith(("_keep", "_with_names", "path_with"))


def in_estimator(path, function):
    """Whether a function belongs to the regressor, or to what it calls before and after the search."""
    names = ("regressor", "fitted", "counted", "scaling", "targets", "settings", "path", "report", "callbacks")
    return path.parent.parent == PACKAGE and path.stem in names


def global_states():
    return torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_device(), signal.getsignal(signal.SIGINT)


def assert_interrupted_refits_change_nothing(model, X, X_new, y_new, wanted, step=1):
    """Refit with an interrupt at the first line, at one `step` later, ... until a refit gets through."""
    expected, states = model.predict(X), global_states()
    for number in itertools.count(1, step):
        before = dict(vars(model))
        try:
            with interrupt_at_line(number, wanted) as lines:
                model.fit(X_new, y_new)
        except KeyboardInterrupt:
            assert vars(model) == before, lines[-1]
            np.testing.assert_array_equal(model.predict(X), expected)
            assert global_states() == states, lines[-1]
        else:
            break
    assert len(model.predict(X_new)) == len(X_new) and vars(model).keys() == before.keys()
    return number


@pytest.mark.parametrize(("varying", "constant", "step"), [(0, 1, 1), (1, 0, 5), (1, 1, 5)])
def test_interrupt_between_two_fitted_attributes_leaves_the_regressor_as_it_was(quick, table, varying, constant, step):
    X, y = table
    y_new = np.column_stack([y] * varying + [np.ones(80)] * constant)
    y_new = y_new[:, 0] if varying + constant == 1 else y_new
    model = quick().fit(X, y)
    assert assert_interrupted_refits_change_nothing(model, X, X[:, :2], y_new, keeps, step) > 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["quick", "refined"])
def test_interrupt_at_any_line_of_a_fit_leaves_the_regressor_as_it_was(quick, refined, table, kind):
    X, y = table
    model = {"quick": quick, "refined": refined}[kind]().fit(X, y)
    assert assert_interrupted_refits_change_nothing(model, X, X[:, :2], y, in_estimator) > 200


def test_interrupt_at_any_line_of_a_first_fit_leaves_the_regressor_unfitted(quick, table):
    model = quick()
    before = dict(vars(model))
    for number in range(1, 200, 20):
        with pytest.raises(KeyboardInterrupt), interrupt_at_line(number, in_estimator):
            model.fit(*table)
        assert vars(model) == before


def test_interrupt_at_any_line_of_select_leaves_one_network_chosen(refined, table):
    model = refined().fit(*table)
    before = dict(vars(model))
    after = dict(vars(model.select(max_nonzero=1)))
    assert after["n_nonzero_"] < before["n_nonzero_"]
    for number in itertools.count(1):
        model.__dict__ = dict(before)
        try:
            with interrupt_at_line(number, in_estimator):
                model.select(max_nonzero=1)
        except KeyboardInterrupt:
            chosen = before if model.n_nonzero_ == before["n_nonzero_"] else after
            assert model.network_ == chosen["network_"] and model.path_["chosen"].argmax() == chosen["_row"]
            assert model.support_.tolist() == chosen["support_"].tolist() and model.depth_ == chosen["depth_"]
        else:
            break
    assert number > 20


@pytest.mark.slow  # at moments that differ from run to run: those above are the same in every run
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("parameters", [{}, {"depths": (1, 2), "n_jobs": 2}])
def test_error_at_a_random_moment_leaves_the_regressor_as_it_was(refined, table, parameters):
    def ring(number, frame):
        raise KeyboardInterrupt

    X, y = table
    model = refined(**parameters).fit(X, y).set_params(n_rounds=10_000)  # the next fit has no end
    expected, states, n_threads = model.predict(X), global_states(), threading.active_count()
    handler = signal.signal(signal.SIGALRM, ring)
    try:
        for delay in np.geomspace(1e-3, 0.2, 10):
            before = dict(vars(model))
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, delay)
                model.fit(X[:, :2], y)
            assert vars(model) == before and global_states() == states
            np.testing.assert_array_equal(model.predict(X), expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        for _ in range(200):  # joblib does not wait for its threads, and may leave idle ones behind
            if threading.active_count() > n_threads:
                time.sleep(0.01)


@pytest.mark.parametrize(
    "parameters",
    [{}, pytest.param({"early_stopping": False, "depths": (1, 2)}, marks=pytest.mark.slow)],
)
def test_time_that_ends_at_any_check_leaves_a_network(refined, table, parameters, monkeypatch):
    X, y = table
    counts = {"done": 0, "allowed": np.inf}

    def passed(self):
        counts["done"] += 1
        return counts["done"] > counts["allowed"]

    monkeypatch.setattr(Deadline, "passed", passed)
    whole = refined(**parameters).fit(X, y)
    n_checks = counts["done"]
    assert n_checks > 10
    for allowed in np.unique(np.geomspace(1, n_checks, 12).astype(int)) - 1:
        counts.update(done=0, allowed=allowed)
        model = refined(**parameters).fit(X, y)
        assert np.isfinite(model.predict(X)).all() and vars(model).keys() == vars(whole).keys()
        assert model.path_["chosen"].sum() == 1 and np.isfinite(model.path_["r2_train"]).all()

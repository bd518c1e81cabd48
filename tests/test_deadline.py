"""The clock: what a deadline promises, and that every loop looks at it between two small steps.

The clock of these tests ticks once for each look, so a deadline passes after a known number of looks, on any machine.
"""

import pickle
from itertools import count

import numpy as np
import pytest
import torch

from sk_swat.activations import ACTIVATION_NAMES
from sk_swat.baselines.random_networks import random_networks
from sk_swat.deadline import Deadline, TimeIsUp, deadlines_of
from sk_swat.refine.free_numbers import FreeNumbers
from sk_swat.refine.pruning import prune
from sk_swat.refine.task import RefineTask
from sk_swat.rows import Rows
from sk_swat.softnet import flatten


def after_looks(n_looks):
    """A deadline that passes with the look that comes after so many."""
    return Deadline(n_looks + 0.5, clock=count().__next__)


class Looks(Deadline):
    """Never passes, and counts."""

    n_looks = 0

    def passed(self):
        self.n_looks += 1
        return False


def many_targets(n_networks, n_rows, n_targets=20):
    """Networks of 268 numbers, and rows of random numbers."""
    rng = np.random.default_rng(0)
    networks = random_networks(rng, n_networks, 10, [8], ACTIVATION_NAMES, 1.0).map(lambda part: part.double())
    last = torch.as_tensor(rng.normal(size=(n_networks, networks.weights[-1].shape[1], n_targets)))
    bias = torch.as_tensor(rng.normal(size=(n_networks, n_targets)))
    networks = networks.replace(weights=(networks.weights[0], last), biases=(networks.biases[0], bias))
    X, y = rng.normal(size=(n_rows, 10)), rng.normal(size=(n_targets, n_rows))
    return networks, Rows(torch.as_tensor(X), torch.as_tensor(y), None, n_targets)


# --- what a deadline promises


def test_deadline_passes_when_its_clock_reaches_the_end():
    deadline = after_looks(3)
    assert [deadline.passed() for _ in range(5)] == [False, False, False, True, True]
    deadline = after_looks(1)
    deadline.check()
    with pytest.raises(TimeIsUp):
        deadline.check()


def test_time_that_is_spent_is_not_given_again():
    exploring, finishing = deadlines_of(100.0, spent=80.0)
    assert exploring.passed() and not finishing.passed()
    assert all(one.passed() for one in deadlines_of(1.0, spent=1.5))
    assert not any(one.passed() for one in deadlines_of(None, spent=1e9))


def test_copy_looks_at_the_clock_of_its_own_machine():
    there = pickle.loads(pickle.dumps(after_looks(1000)))
    assert not any(there.passed() for _ in range(2000))


# --- large steps are cut into small ones


def test_normal_equations_of_many_targets_look_at_the_clock_between_groups_of_networks():
    networks, rows = many_targets(24, 130)
    numbers, deadline = FreeNumbers(networks), Looks()
    together = numbers.normal_equations(numbers.start, rows, deadline)
    assert deadline.n_looks == 9  # three groups of eleven or fewer, three chunks of 64 rows or fewer
    for index in (0, 10, 11, 23):
        alone = FreeNumbers(networks[index : index + 1])
        expected = alone.normal_equations(alone.start, rows)
        n_free = expected.gradient.shape[1]
        torch.testing.assert_close(together.matrix[index, :n_free, :n_free], expected.matrix[0])
        torch.testing.assert_close(together.gradient[index, :n_free], expected.gradient[0])
        torch.testing.assert_close(together.error[index], expected.error[0])


def test_groups_of_networks_keep_inputs_and_targets_of_their_own(hard_networks):
    networks = hard_networks(1, n_networks=400, n_inputs=10, width=16)
    rng = np.random.default_rng(0)
    X, y = torch.as_tensor(rng.normal(size=(400, 80, 10))), torch.as_tensor(rng.normal(size=(400, 80)))
    numbers, deadline = FreeNumbers(networks), Looks()
    together = numbers.normal_equations(numbers.start, Rows(X, y), deadline)
    assert deadline.n_looks > 2
    for index in (0, 399):
        alone = FreeNumbers(networks[index : index + 1])
        expected = alone.normal_equations(alone.start, Rows(X[index], y[index]))
        torch.testing.assert_close(together.matrix[index], expected.matrix[0])
        torch.testing.assert_close(together.gradient[index], expected.gradient[0])


@pytest.mark.parametrize("n_looks", [0, 1, 4, 8])
def test_equations_that_would_take_too_long_are_left(n_looks):
    networks, rows = many_targets(24, 130)
    numbers = FreeNumbers(networks)
    with pytest.raises(TimeIsUp):
        numbers.normal_equations(numbers.start, rows, after_looks(n_looks))
    with pytest.raises(TimeIsUp):
        FreeNumbers(networks).mean_squared_error(numbers.start[None], rows, after_looks(0))


# --- pruning


@pytest.mark.parametrize("n_looks", [0, 1, 2, 3, 5, 8, 13, 21, 34])
def test_pruning_hands_over_what_it_has_when_the_time_is_up(hard_networks, n_looks):
    networks = hard_networks(2, n_networks=3)
    rng = np.random.default_rng(0)
    rows = Rows(torch.as_tensor(rng.normal(size=(50, 3))), torch.as_tensor(rng.normal(size=50)))
    deadline = after_looks(n_looks)
    calls = []
    prune(networks, RefineTask(rows, deadline=deadline), lambda *found: calls.append(found))
    assert deadline.passed()
    assert torch.equal(flatten(calls[0][0]), flatten(networks))
    for found, size, error, origin in calls:
        assert len(found) == len(size) == len(error) == len(origin)
        torch.testing.assert_close(error, rows.error(found))
    if n_looks:
        whole = []
        prune(networks, RefineTask(rows), lambda *found: whole.append(found))
        for early, late in zip(calls[:-1], whole, strict=False):  # the last may be one with fewer polishing steps
            assert torch.equal(flatten(early[0]), flatten(late[0]))

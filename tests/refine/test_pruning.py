"""Pruning round by round, the front that gathers its networks, growth, and what counts as a parameter."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sk_swat.fitting.search import in_raw_units as finished
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.equivalence import fold_constants, pad
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import concatenate, flatten, unflatten
from sk_swat.refine.criteria import Criterion
from sk_swat.refine.front import Front
from sk_swat.refine.growth import widen
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import prune, sizes
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline

DEPTHS = (1, 2, 3, 4)
SMOOTH = ("sigmoid", "tanh", "sine")
OFFSETS = [(True, True), (False, True), (True, False), (False, False)]


def make_task(n_rows=100, n_inputs=3, seed=0, **changes):
    X = torch.as_tensor(np.random.default_rng(seed).normal(size=(n_rows, n_inputs)))
    y = torch.tanh(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, -1]
    return RefineTask(Table(X, (y - y.mean()) / y.std()), **changes)


def hand_over(networks, task, **options):
    """What the sink gets, in one call: networks, sizes, errors, origins."""
    calls = []
    prune(networks, task, lambda *call: calls.append(call), **options)
    (call,) = calls
    assert len({len(part) for part in call}) == 1
    return call


def scaling_of(task):
    """Offsets of every column or none, and of the target or none."""
    n_columns = task.rows.X.shape[1]
    x_offset = np.zeros(n_columns) if task.x_centred else np.linspace(1.3, 2.9, n_columns)
    return Standardisation(x_offset, np.linspace(0.5, 3, n_columns), 0.0 if task.y_centred else 7.7, 2.0)


def in_raw_units(networks, task):
    """The scaling folded into a batch of one, but no identity neurons."""
    scaling = scaling_of(task)
    offsets = scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale
    return networks.to_sparse(0).with_scaling(*offsets).prune()


def n_saved(network):
    """Biases that are saved if all those of identity neurons move on, or 0 if that makes more of them."""
    biases = [part != 0 for part in network.intercepts]
    before = sum(part.sum() for part in biases)
    for layer, names in enumerate(network.activations):
        leaving = biases[layer] & (np.array(names) == "identity")
        biases[layer] = biases[layer] & ~leaving
        biases[layer + 1] = biases[layer + 1] | (network.coefs[layer + 1][leaving] != 0).any(0)
    return max(0, before - sum(part.sum() for part in biases))


# --- what counts


@pytest.mark.parametrize(("x_centred", "y_centred"), OFFSETS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_sizes_equal_those_in_raw_units(hard_networks, depth, x_centred, y_centred):
    task = make_task(x_centred=x_centred, y_centred=y_centred)
    networks = hard_networks(depth, density=0.5, n_networks=8)
    for layer, bias in enumerate(networks.biases):
        bias[layer % 2 :: 2] = 0.0
    networks = fold_constants(networks)
    raw = [in_raw_units(networks[index : index + 1], task) for index in range(8)]
    assert sizes(networks, task).tolist() == [network.n_nonzero - n_saved(network) for network in raw]
    found = [finished(networks[index : index + 1], scaling_of(task)) for index in range(8)]
    assert found == [network.simplify() for network in raw]


@pytest.mark.parametrize(("x_centred", "y_centred"), OFFSETS)
def test_biases_that_a_shift_brings_back_save_nothing(hard_networks, x_centred, y_centred):
    networks = hard_networks(2, n_networks=1)

    class First(Criterion):
        """Keeps what may go, and lets the first go."""

        seen = None

        def removals(self, state):
            index = [int((flatten(networks)[0] == value).nonzero()) for value in state.values] if not self.seen else []
            self.seen = self.seen or dict(zip(index, state.removable.tolist(), strict=True))
            return state.removable & (np.arange(len(state.values)) == state.removable.argmax())

    first = First()
    task = make_task(x_centred=x_centred, y_centred=y_centred, criterion=first)
    hand_over(networks, task)
    saves = unflatten(networks, torch.tensor([[first.seen[place] for place in range(flatten(networks).shape[1])]]))
    assert all(part.all() for part in saves.weights)
    assert [bool(part.all()) for part in saves.biases] == [x_centred, True, y_centred]
    assert [bool(part.any()) for part in saves.biases] == [x_centred, True, y_centred]


def test_ridge_is_the_error_over_four_times_the_rows_within_bounds():
    errors = torch.tensor([0.4, 0.0, 1e9, torch.nan, torch.inf])
    assert make_task(n_rows=50).ridge(errors).tolist() == pytest.approx(
        [0.4 / 200, 1e-12, 1e-2, 1e-2, 1e-2], rel=1e-6, abs=0
    )


# --- pruning


@pytest.mark.parametrize(("x_centred", "y_centred"), OFFSETS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_network_handed_over_is_what_it_is_said_to_be(hard_networks, depth, x_centred, y_centred):
    task = make_task(x_centred=x_centred, y_centred=y_centred)
    networks = pad(hard_networks(depth, density=0.7, n_networks=3), 5)
    networks = networks.replace(weights=(networks.weights[0][:, :3], *networks.weights[1:]))
    networks = networks.replace(input_mask=torch.ones(3, 3, dtype=torch.float64))
    known = {}
    found, size, error, origin = hand_over(networks, task)
    folded = fold_constants(found)
    assert all(torch.equal(a, b) for a, b in zip(found.tensors(), folded.tensors(), strict=True))
    assert torch.isfinite(flatten(found)).all()
    torch.testing.assert_close(error, (found.forward(task.rows.X) - task.rows.y).square().mean(1))
    assert torch.equal(size, sizes(found, task))
    for index, (start, number) in enumerate(zip(origin.tolist(), size.tolist(), strict=True)):
        assert number <= known.get(start, np.inf)
        network = in_raw_units(found[index : index + 1], task)
        assert network.n_nonzero - n_saved(network) == number
        known[start] = number
        alive = found.mask[0][index] > 0
        assert x_centred or (found.biases[0][index][alive] != 0).all()
    assert set(known) == {0, 1, 2} and max(known.values()) <= 3 + 2 * (not y_centred) + (not x_centred)


def test_networks_are_pruned_as_they_are_alone(hard_networks):
    task, networks = make_task(), hard_networks(2, SMOOTH, n_networks=3)
    together = hand_over(networks, task, smallest=12)
    for start in range(3):
        alone = hand_over(networks[start : start + 1], task, smallest=12)
        own = together[3] == start
        assert torch.equal(flatten(together[0])[own], flatten(alone[0])) and not alone[3].any()
        assert torch.equal(together[1][own], alone[1]) and torch.equal(together[2][own], alone[2])


def test_small_networks_lose_one_candidate_and_large_ones_several(hard_networks):
    task = make_task(n_inputs=6)
    size = hand_over(hard_networks(2, SMOOTH, n_networks=1, n_inputs=6, width=8), task)[1].tolist()
    falls = {before: before - after for before, after in pairwise(size)}
    assert size[0] > 100 and np.mean([falls[n] for n in falls if n > 60]) > 3
    assert any(falls[n] == 1 for n in falls if n <= 24)
    assert size[-1] <= 3
    assert int(hand_over(hard_networks(1, SMOOTH, n_networks=1), make_task(), smallest=9)[1][-1]) in range(3, 10)


def test_passed_deadline_ends_pruning_after_the_first_hand_over(hard_networks):
    deadline = Deadline()
    deadline.stop()
    networks = hard_networks(2, n_networks=3)
    found, _, _, origin = hand_over(networks, make_task(deadline=deadline))
    assert torch.equal(flatten(found), flatten(networks)) and origin.tolist() == [0, 1, 2]


def test_networks_that_are_not_finite_are_dropped_and_the_others_go_on(hard_networks):
    networks = hard_networks(1, SMOOTH, n_networks=2)
    alone = hand_over(networks[:1], make_task())
    networks.weights[-1][1] = torch.nan
    _, size, error, origin = hand_over(networks, make_task())
    assert (origin == 1).sum() == 1 and not torch.isfinite(error[origin == 1]).any()
    assert torch.equal(size[origin == 0], alone[1]) and torch.equal(error[origin == 0], alone[2])


def test_parameters_that_stay_make_up_for_what_goes(hard_networks, equations):
    """By the quadratic model, with one of three dampings, or as they are: whichever has the least sum."""
    networks, task = hard_networks(1, SMOOTH, n_networks=8), make_task()
    found, _, errors, origin = hand_over(networks, task, n_polish=0)
    before = equations(networks, task.rows)
    ridge, moved = task.ridge(before.error), 0
    for i in range(len(networks)):
        one, second = networks[i : i + 1], int((origin == i).nonzero()[1])
        start, left = flatten(one)[0].numpy(), flatten(found[second : second + 1])[0].numpy()
        if len(gone := np.flatnonzero((left == 0) & (start != 0))) > 1:
            continue  # what a whole neuron takes along is folded
        kept, matrix = np.flatnonzero(left), before.matrix[i].numpy()
        zeroed = np.where(left == 0, 0.0, start)
        slope = before.gradient[i].numpy() - matrix[:, gone] @ start[gone] + float(ridge[i]) * zeroed
        trials = [zeroed]
        for damping in (1e-4, 1e-1, 1.0):
            part = matrix[np.ix_(kept, kept)] + float(ridge[i]) * np.eye(len(kept))
            trials.append(zeroed.copy())
            trials[-1][kept] -= np.linalg.solve(part + damping * np.diag(np.diag(part)), slope[kept])
        batch = unflatten(concatenate([one] * 4), torch.as_tensor(np.stack(trials)))
        sums = task.rows.error(batch) + ridge[i] * flatten(batch).square().sum(1)
        np.testing.assert_allclose(left, trials[int(sums.argmin())], rtol=1e-5, atol=1e-8)
        assert float(errors[second]) == pytest.approx(float(task.rows.error(batch).numpy()[int(sums.argmin())]))
        moved += int(sums.argmin()) > 0
    assert moved > 2


@pytest.mark.parametrize("name", SMOOTH)
def test_superfluous_parameters_of_a_planted_network_are_pruned(hard_networks, name):
    task = make_task(n_rows=200)
    planted = hard_networks(1, (name,), n_networks=1, width=4)
    planted.weights[0][:] = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 1.5, 0.0, 0.0], [0.0, 0.8, 0.0, 0.0]])
    planted.biases[0][:] = torch.tensor([0.5, -0.7, 0.0, 0.0])
    planted.weights[1][:] = torch.tensor([[2.0], [-1.5], [0.0], [0.0]])
    planted = fold_constants(planted)
    task = replace(task, rows=replace(task.rows, y=planted.forward(task.rows.X)[0]))
    size = int(sizes(planted, task))
    assert size == 3 + 2 + 2 + 1
    more = widen(planted, [kind == name for kind in ACTIVATION_NAMES], 2, torch.Generator().manual_seed(0))
    noise = torch.randn(flatten(more).shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = fit_networks(unflatten(more, flatten(more) + 0.05 * noise), task, n_steps=30)
    assert int(sizes(start.networks, task)) > 2 * size
    front = Front()
    prune(start.networks, task, front.add)
    assert min(member.error for member in front.members() if member.size <= size) < 1e-5 * float(task.rows.y.var())


# --- front


def test_front_keeps_the_best_of_a_depth_and_size(hard_networks):
    front, networks = Front(), hard_networks(1, n_networks=4)
    size, error = torch.tensor([5, 5, 5, 8]), torch.tensor([0.3, 0.1, 0.2, 0.05])
    front.add(networks, size, error, torch.tensor([10, 11, 12, 13]))
    front.add(hard_networks(2, n_networks=1), torch.tensor([5]), torch.tensor([0.2]), torch.tensor([20]))
    assert len(front) == 3
    assert [(one.size, one.candidate, one.depth) for one in front.members()] == [(5, 11, 1), (8, 13, 1)]
    kept = flatten(networks)[1].clone()
    networks.weights[0][1] = 0.0  # the front has its own copy
    assert torch.equal(flatten(front.members()[0].network)[0], kept)
    assert front.members()[0].error == pytest.approx(0.1) and len(front.members()[0].network) == 1


def test_errors_that_are_not_finite_never_enter(hard_networks):
    front, networks = Front(), hard_networks(1, n_networks=3)
    size, start = torch.tensor([4, 5, 6]), torch.arange(3)
    front.add(networks, size, torch.tensor([torch.nan, torch.inf, torch.nan]), start)
    assert len(front) == 0 and front.members() == []
    front.add(networks, size, torch.tensor([0.3, 0.2, 0.1]), start)
    front.add(networks, size, torch.tensor([torch.nan, torch.inf, torch.nan]), start + 10)
    assert [(one.size, one.candidate) for one in front.members()] == [(4, 0), (5, 1), (6, 2)]


@pytest.mark.parametrize("gain", [0.0, 0.3])
def test_members_grow_in_size_and_fall_in_error_by_the_gain(hard_networks, gain):
    rng = np.random.default_rng(0)
    front, pairs = Front(), []
    for depth in (1, 2):
        size, error = torch.as_tensor(rng.integers(3, 30, size=40)), torch.as_tensor(rng.uniform(size=40))
        front.add(hard_networks(depth, n_networks=40), size, error, torch.arange(40))
        pairs += list(zip(size.tolist(), error.tolist(), strict=True))
    members = front.members(gain)
    assert len(members) > 3
    for small, large in pairwise(members):
        assert small.size < large.size and large.error < (1 - gain) * small.error
    for size, error in pairs:  # whatever was added is nearly equalled by a member that is no larger
        assert min((1 - gain) * one.error for one in members if one.size <= size) <= error
    assert len(front.members(0.9)) < len(front.members(0.3)) < len(front.members())


def test_joined_front_equals_the_front_of_all(hard_networks):
    networks, rng = hard_networks(1, n_networks=20), np.random.default_rng(0)
    size, error = torch.as_tensor(rng.integers(3, 9, size=20)), torch.as_tensor(rng.uniform(size=20))
    first, second, whole = Front(), Front(), Front()
    for front, part in ((first, slice(0, 9)), (second, slice(9, 20)), (whole, slice(0, 20))):
        front.add(networks[part], size[part], error[part], torch.arange(20)[part])
    second.join(Front())
    first.join(second)
    assert [(one.size, one.error, one.candidate) for one in first.members()] == [
        (one.size, one.error, one.candidate) for one in whole.members()
    ]
    tied = Front()
    tied.add(networks[:1], size[:1], error[:1], torch.tensor([99]))
    tied.join(whole)
    best = min(error[size == size[0]])
    assert best == error[0] or tied.members()[0].candidate != 99


# --- growth


@pytest.mark.parametrize("depth", DEPTHS)
def test_widened_networks_compute_the_same_with_more_neurons(hard_networks, depth):
    networks = hard_networks(depth, SMOOTH)
    networks = pad(networks, 8, 3)
    n_new = torch.tensor([0, 1, 2, 3, 20])
    allowed = [name == "gaussian" for name in ACTIVATION_NAMES]
    wide = widen(networks, allowed, n_new, torch.Generator().manual_seed(0))
    X = make_task().rows.X
    torch.testing.assert_close(wide.forward(X), networks.forward(X), rtol=1e-12, atol=1e-12)
    for old, new, share, before in zip(networks.mask, wide.mask, wide.activation, networks.activation, strict=True):
        assert (new.sum(1) == (old.sum(1) + n_new).clamp_max(8)).all()
        added = (new > 0) & (old == 0)
        assert (share[added].argmax(-1) == ACTIVATION_NAMES.index("gaussian")).all()
        assert torch.equal(share[~added], before[~added])
    one = widen(networks, allowed, 1, torch.Generator().manual_seed(0))
    assert all((new.sum(1) == old.sum(1) + 1).all() for old, new in zip(networks.mask, one.mask, strict=True))


def test_new_neurons_give_a_fit_new_directions(hard_networks):
    task = make_task(n_rows=200)
    networks = hard_networks(1, ("tanh",), n_networks=4, width=2)
    room = pad(networks, 4).replace(
        weights=(pad(networks, 4).weights[0][:, :3], pad(networks, 4).weights[1]), input_mask=networks.input_mask
    )
    wide = widen(room, [name == "tanh" for name in ACTIVATION_NAMES], 2, torch.Generator().manual_seed(0))
    free = torch.ones_like(flatten(room), dtype=torch.bool)
    narrow, more = (fit_networks(each, task, n_steps=40, free=free).error.mean() for each in (room, wide))
    assert more < 0.8 * narrow

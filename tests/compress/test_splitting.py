"""Splitting a network, compressing its parts, putting them together: nothing is lost on the way but what must be."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sk_swat import SparseMLP
from sk_swat.compress.encoding import fits_matrix, network_candidates, restore
from sk_swat.compress.joining import chain, side_by_side
from sk_swat.compress.layers import forward, layers_of
from sk_swat.compress.rows import rows_around
from sk_swat.compress.splitting import split_layers_into_stages, split_outputs, splits_of
from sk_swat.compress.subnetworks import Joined, compress_parts, polish_and_prune
from sk_swat.compress.wholes import front_of_wholes, narrow_candidates
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.equivalence import pad
from sk_swat.network.hard import batch_of, widest
from sk_swat.pretraining.corpus import random_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

SEARCH = SearchConfig(
    sparsity=1e-5,
    compactness=1e-5,
    allowed=(True,) * len(ACTIVATIONS),
    n_restarts=4,
    max_iter=0,
    learning_rate=0.05,
    tol=0.1,
    init="bank",
    n_generations=0,
    readout="ridge",
    n_screened=64,
    n_decoded=16,
)


def random_network(widths, n_outputs=1, n_inputs=2, seed=0):
    """A network of tanh neurons, whose outputs have about unit variance."""
    rng = np.random.default_rng(seed)
    sizes = [n_inputs, *widths, n_outputs]
    coefs = [1.5 * rng.normal(size=shape) / np.sqrt(shape[0]) for shape in pairwise(sizes)]
    return SparseMLP(coefs, [rng.normal(size=n) for n in sizes[1:]], [["tanh"] * n for n in widths])


def rows_of(network, n_rows=300):
    X = np.random.default_rng(1).normal(size=(n_rows, network.n_features_in))
    y = network.predict(X).reshape(n_rows, -1)
    return X, (y - y.mean(axis=0)) / y.std(axis=0)


def standardise(network, X):
    y = network.predict(X).reshape(len(X), -1)
    return network.with_scaling(0.0, 1.0, -y.mean(axis=0) / y.std(axis=0), 1 / y.std(axis=0))


@pytest.fixture
def space(tiny_checkpoint):
    return LatentProposals(load_checkpoint(tiny_checkpoint))


def task_of(X, y):
    return RefineTask(Table(torch.tensor(X), torch.tensor(y.T)))


def table_of(task):
    return task.rows.to(torch.float32)


def sums(stage, n_outputs):
    """What the subnetworks of a stage give together."""
    total = np.zeros((len(stage[0].targets), n_outputs))
    for part in stage:
        total[:, part.outputs] += part.targets
    return total


# --- splits


@pytest.mark.parametrize(("n_stages", "n_groups"), [(1, 2), (2, 1), (2, 3), (3, 2), (5, 1)])
def test_subnetworks_together_compute_the_teacher(n_stages, n_groups):
    network = random_network([12, 7, 20, 9, 6], n_outputs=2)
    X, _ = rows_of(network)
    network = standardise(network, X)
    y = network.predict(X)
    split = split_layers_into_stages(layers_of(network), X, y, n_stages, n_groups, 8, 0)
    assert len(split.stages) == n_stages
    before = X
    for stage, n_outputs in zip(split.stages, split.n_between, strict=True):
        for part in stage:
            np.testing.assert_allclose(part.inputs, before, atol=1e-12)
        before = sums(stage, n_outputs)
        assert n_outputs <= 8
    np.testing.assert_allclose(before, y, atol=1e-9)


def test_part_that_is_cut_out_computes_its_targets():
    network = random_network([5] * 6)
    X, y = rows_of(network)
    split = split_layers_into_stages(layers_of(standardise(network, X)), X, y, 3, 1, 8, 0)
    for (part,) in split.stages:
        assert len(part.layers) == 3
        error = forward(part.layers, part.inputs) - part.targets
        assert error.var() < 1e-3 * part.targets.var()  # what the coordinates between the stages leave out
    np.testing.assert_allclose(forward(split.stages[0][0].layers, X), split.stages[0][0].targets, atol=1e-9)


def test_groups_share_out_the_neurons():
    network = random_network([30])
    X, y = rows_of(network)
    ((*parts,),) = split_layers_into_stages(layers_of(network), X, y, 1, 3, 8, 0).stages
    assert len(parts) == 3
    assert sum(part.n_before for part in parts) == 30
    assert len({part.name for part in parts}) == 3
    assert all(part.layers is None for part in parts)


def test_neurons_that_move_alike_are_in_one_group():
    rng = np.random.default_rng(0)
    first = np.zeros((2, 20))
    first[0, :10], first[1, 10:] = rng.normal(size=(2, 10))
    network = SparseMLP([first, rng.normal(size=(20, 1))], [np.zeros(20), [0.0]], [["tanh"] * 20])
    X, y = rows_of(network)
    ((one, other),) = split_layers_into_stages(layers_of(network), X, y, 1, 2, 8, 0).stages
    explained = [np.abs(np.corrcoef(part.targets[:, 0], np.tanh(X.T))[0, 1:]).argmax() for part in (one, other)]
    assert sorted(explained) == [0, 1]
    assert one.n_before == other.n_before == 10


@pytest.mark.parametrize("n_outputs", [2, 4, 7])
def test_outputs_are_shared_out(n_outputs):
    network = random_network([6], n_outputs)
    X, y = rows_of(network)
    split = split_outputs(X, y, 2, layers_of(standardise(network, X)))
    assert len(split.stages[0]) == min(4, n_outputs)
    np.testing.assert_array_equal(sums(split.stages[0], n_outputs), y)
    for part in split.stages[0]:
        np.testing.assert_allclose(forward(part.layers, X), part.targets, atol=1e-9)


def test_ways_to_split_depend_on_the_teacher():
    def names(widths, n_outputs=1, depths=(1, 2), known=True):
        network = random_network(widths, n_outputs)
        X, y = rows_of(network)
        return [split.name for split in splits_of(layers_of(network) if known else None, X, y, depths, 8, 0)]

    assert names([8]) == names([8, 8]) == []
    assert names([9]) == names([16]) == []
    assert names([25]) == ["neurons (1 x 2)", "neurons (1 x 3)"]
    assert names([7] * 9) == ["layers"]
    assert names([7] * 9, depths=(1,)) == []
    assert names([20, 20], depths=(2,)) == ["neurons (2 x 2)"]
    assert names([4], 3) == names([4], 3, known=False) == ["outputs (depth 1)", "outputs (depth 2)"]


# --- joining


@pytest.mark.parametrize("depth", [1, 2])
def test_networks_side_by_side_are_added(depth):
    one, other = (random_network([3 + seed] * depth, 2, seed=seed) for seed in (0, 1))
    X, _ = rows_of(one, 20)
    both = side_by_side([one, other], [(0, 1), (3, 1)], 4)
    first, second = one.predict(X), other.predict(X)
    expected = np.column_stack([first[:, 0], first[:, 1] + second[:, 1], np.zeros(20), second[:, 0]])
    np.testing.assert_allclose(both.predict(X), expected, atol=1e-12)
    assert both.hidden_layer_sizes == (7,) * depth


def test_chain_runs_one_network_after_the_other():
    one, other = random_network([3, 4], 5), random_network([6], 2, n_inputs=5)
    X, _ = rows_of(one, 20)
    three = chain([one, other, random_network([2], 1, n_inputs=2)])
    np.testing.assert_allclose(chain([one, other]).predict(X), other.predict(one.predict(X)), atol=1e-12)
    assert three.hidden_layer_sizes == (3, 4, 6, 2)


def test_batch_computes_what_its_networks_compute():
    networks = [random_network([3, 5], 2, seed=0), random_network([6, 1], 2, seed=1)]
    X, _ = rows_of(networks[0], 20)
    batch = batch_of(networks, 7)
    expected = np.stack([network.predict(X).T for network in networks])
    np.testing.assert_allclose(batch.forward(torch.tensor(X)).numpy(), expected, atol=1e-12)
    assert [widest(batch.to_sparse(i)) for i in (0, 1)] == [5, 6]
    assert pad(batch, 9, 2).mask[0].shape == (2, 9)


# --- compressed parts, and wholes


@pytest.mark.parametrize("widths", [[30], [20, 18], [5] * 6])
def test_compressed_parts_make_a_smaller_network_that_is_near_the_teacher(space, widths):
    network = random_network(widths)
    X, y = rows_of(network)
    task = task_of(X, y)
    assert splits_of(layers_of(network), X, y, (2,), 8, 0)
    for split in splits_of(layers_of(standardise(network, X)), X, y, (2,), 8, 0):
        joined = compress_parts(split, space, SEARCH, 0, task)
        assert joined.network.depth == min(2, len(widths))
        assert sum(joined.network.hidden_layer_sizes) < sum(widths)
        assert [part["name"] for part in joined.parts] == [part.name for stage in split.stages for part in stage]
        assert sum(part["n_after"] for part in joined.parts) == sum(joined.network.hidden_layer_sizes)
        front = polish_and_prune([joined], task)
        assert front.members()[-1].error < 0.02


def test_wide_parts_may_see_some_columns_alone(space):
    network = random_network([20], n_inputs=30)
    X, y = rows_of(network)
    (split,) = splits_of(layers_of(standardise(network, X)), X, y, (1,), 8, 0)
    joined = compress_parts(split, space, SEARCH, 0, task_of(X, y))
    assert joined.network.n_features_in == 30
    assert all(part["r2"] > 0 for part in joined.parts)


def test_part_that_does_not_vary_becomes_an_idle_network(space):
    network = random_network([4], 2)
    network = SparseMLP([network.coefs[0], network.coefs[1] * [1, 0]], network.intercepts, network.activations)
    X = np.random.default_rng(0).normal(size=(100, 2))
    y = network.predict(X)
    joined = compress_parts(split_outputs(X, y, 1), space, SEARCH, 0, task_of(X, y))
    assert joined.parts[1]["r2"] == 1.0
    np.testing.assert_allclose(joined.network.predict(X)[:, 1], y[:, 1])


def test_wholes_are_pruned_down_and_remember_where_they_come_from():
    networks = [random_network([20], seed=0), random_network([3, 3], seed=0)]
    X, y = rows_of(networks[0])
    task = task_of(X, y)
    front = polish_and_prune([Joined(standardise(one, X), str(i), []) for i, one in enumerate(networks)], task)
    members = front.members()
    assert {member.candidate for member in members} == {0, 1}
    assert members[-1].error < 1e-6 and members[0].size <= 3
    kept = front_of_wholes(front, 10, LatentProposals(load_checkpoint()), task).members()
    assert {member.candidate for member in kept} <= {10, 11}
    assert kept[-1].error < 1e-4 < kept[-2].error  # no larger one than is needed
    assert all(member.network.mask[0].shape[1] % 8 == 0 for member in kept)


def test_too_many_parameters_are_thinned_before_they_are_polished():
    network = random_network([150], n_inputs=6)
    X, y = rows_of(network)
    front = polish_and_prune([Joined(standardise(network, X), "wide", [])], task_of(X, y))
    largest = max(front.members(), key=lambda member: member.size)
    assert largest.size <= 610 and largest.error < 0.01


def test_narrow_pruned_wholes_are_starts(space):
    network = random_network([20])
    X, y = rows_of(network)
    task = task_of(X, y)
    front = polish_and_prune([Joined(standardise(network, X), "", [])], task)
    found = narrow_candidates(front, 0, table_of(task), space, SEARCH, (1, 2), 0)
    assert {one.depth for one in found} == {1, 2}
    assert all(one.network.mask[0].shape[1] == 8 for one in found)
    assert narrow_candidates(front, 1, table_of(task), space, SEARCH, (1, 2), 0) == []


# --- encoding


def test_only_small_networks_fit_the_matrix_form():
    checkpoint = load_checkpoint()
    fits = [fits_matrix(random_network(widths), checkpoint) for widths in ([8], [8] * 4, [9], [4] * 5)]
    assert fits == [True, True, False, False]


@pytest.mark.parametrize(
    ("depth", "to", "most"), [(1, 1, 0.001), (1, 2, 0.005), (2, 4, 0.01), (4, 4, 0.001), (2, 1, 0.15), (4, 1, 0.15)]
)
def test_encoded_network_is_restored_in_other_depths(depth, to, most):
    rng = np.random.default_rng(0)
    network = random_networks(rng, 1, 2, [5] * depth, ("tanh",), 1.0).to_sparse(0)
    X, y = rows_of(network)
    table = table_of(task_of(X, y))
    generator = torch.Generator().manual_seed(0)
    found = restore(standardise(network, X), table, load_checkpoint(), to, SEARCH, generator, 4)
    assert [one.depth for one in found] == [to] * 4
    errors = [float(table.error(one.network)) for one in found]
    assert min(errors) < most


def test_candidates_with_other_activations_are_left_out(space):
    networks = [random_network([3]), random_network([3, 2])]
    X, y = rows_of(networks[0])
    table = table_of(task_of(X, y))
    assert {one.depth for one in network_candidates(networks, 8, table, SEARCH)} == {1, 2}
    no_tanh = replace(SEARCH, allowed=tuple(name != "tanh" for name in ACTIVATIONS))
    assert network_candidates(networks, 8, table, no_tanh) == []


# --- rows


def test_rows_around_lie_on_lines_through_rows_and_keep_few_values():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=50), 1e6 + rng.random(50), rng.integers(0, 3, 50), np.ones(50)])
    drawn = rows_around(X, 400, rng)
    assert drawn.shape == (400, 4)
    reach = np.ptp(X, axis=0) / 2
    assert (drawn >= X.min(axis=0) - reach).all() and (drawn <= X.max(axis=0) + reach).all()
    assert set(drawn[:, 2]) == {0.0, 1.0, 2.0}
    assert len(np.unique(drawn[:, 0])) == 400
    pair = rng.normal(size=(2, 30))
    for row in rows_around(pair, 20, rng) - pair[0]:
        share = row @ (pair[1] - pair[0]) / np.sum((pair[1] - pair[0]) ** 2)
        assert -0.5 <= share <= 1.5

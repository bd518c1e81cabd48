"""Sums of decoded networks: what they compute, what moves in them, and when another block is added."""

import numpy as np
import pytest
import torch

from sk_swat import SWATRegressor
from sk_swat.fitting.blocks import block_sum
from sk_swat.network.equivalence import join, pad, trim
from sk_swat.network.softnet import flatten
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

DEPTHS = (1, 2, 3, 4)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def without_a_neuron(networks):
    """The same networks with the first neuron of the first layer missing in the first of them."""
    mask = [part.clone() for part in networks.mask]
    mask[0][0, 0] = 0
    return networks.replace(mask=tuple(mask))


@pytest.mark.parametrize("depth", DEPTHS)
def test_sum_adds_the_outputs(hard_networks, depth):
    first, second = hard_networks(depth, seed=1), hard_networks(depth, seed=2, width=3)
    X = normal(40, 3)
    both, _ = block_sum(first, second)
    torch.testing.assert_close(both.forward(X), first.forward(X) + second.forward(X))


@pytest.mark.parametrize("depth", (1, 2, 3))
def test_fit_of_a_sum_moves_no_number_between_its_blocks(hard_networks, depth):
    first, second = hard_networks(depth, seed=1, density=0.5), hard_networks(depth, seed=2, width=3)
    second = second.replace(weights=(second.weights[0] * torch.tensor([1.0, 1.0, 0.0])[:, None], *second.weights[1:]))
    both, free = block_sum(first, second)
    X = normal(60, 3)
    fitted = fit_networks(both, RefineTask(Table(X, torch.sin(X.sum(1)))), n_steps=3, free=flatten(free) > 0).networks
    width = [part.shape[2] for part in first.weights]
    assert (free.weights[0][:, :2, width[0] :] == 1).all()  # dense, on the columns that the second one reads
    assert not fitted.weights[0][:, 2, width[0] :].any()
    for layer in range(1, depth):
        n_in = first.weights[layer].shape[1]
        assert not fitted.weights[layer][:, :n_in, width[layer] :].any()
        assert not fitted.weights[layer][:, n_in:, : width[layer]].any()
    old = fitted.weights[0][:, :, : width[0]]
    assert torch.equal(old != 0, first.weights[0] != 0) and not torch.equal(old, first.weights[0])


@pytest.mark.parametrize("depth", DEPTHS)
def test_trimmed_and_joined_networks_are_the_same_functions(hard_networks, depth):
    networks, X = without_a_neuron(hard_networks(depth)), normal(30, 3)
    wide = pad(networks, 9, 3)
    narrow = trim(wide)
    assert [part.shape[1] for part in narrow.mask] == [part.shape[1] for part in networks.mask]
    torch.testing.assert_close(narrow.forward(X), networks.forward(X))
    alone = trim(networks[:1])
    assert alone.mask[0].shape[1] == networks.mask[0].shape[1] - 1
    together = join([alone, wide, networks])
    expected = torch.cat([networks.forward(X)[:1], networks.forward(X), networks.forward(X)])
    torch.testing.assert_close(together.forward(X), expected)


# --- the whole fit


@pytest.fixture(scope="module")
def waves():
    """Four waves of different length, each in a column of its own: more than the short searches here find at once."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(700, 4))
    return X, np.sin(X * [4.0, 5.0, 6.0, 7.0]).sum(axis=1)


def blocks(model):
    return [stage["name"] for stage in model.fit_report_ if stage["name"].startswith("block")]


def test_blocks_are_added_while_held_out_rows_gain(refined, waves):
    fits = [refined(n_rounds=0, max_blocks=n).fit(*waves) for n in (1, 2, 4)]
    assert [blocks(model) for model in fits] == [[], ["block 2"], ["block 2", "block 3", "block 4"]]
    r2 = [model.path_["r2_validation"].max() for model in fits]
    assert r2[0] < r2[1] < r2[2]
    assert max(network.n_neurons for network in fits[2].networks_) > 8  # more than one block has
    assert fits[2].score(*waves) > fits[0].score(*waves)
    assert all(stage["r2_before"] < stage["r2_after"] for stage in fits[2].fit_report_ if "block" in stage["name"])


def test_blocks_of_several_depths_join(refined, waves):
    model = refined(depths=(1, 3), n_rounds=0, max_blocks=3).fit(*waves)
    assert blocks(model) == ["block 2", "block 3"]
    assert 3 in {network.depth for network in model.networks_}


def test_noise_gets_no_third_block(refined):
    rng = np.random.default_rng(0)
    model = refined(n_rounds=0, max_blocks=6).fit(rng.normal(size=(400, 4)), rng.normal(size=400))
    assert len(blocks(model)) <= 1


def test_a_straight_line_leaves_nothing_for_a_block(refined):
    X = np.random.default_rng(0).normal(size=(300, 2))
    model = refined(n_rounds=0, max_blocks=4).fit(X, X[:, 0] - 2 * X[:, 1])
    assert blocks(model) == [] and [row["name"] for row in model.fit_report_][-1] == "last polish"


def test_no_blocks_without_held_out_rows(refined, waves):
    X, y = waves
    assert blocks(refined(n_rounds=0, early_stopping=False, max_blocks=4).fit(X[:90], y[:90])) == []


def test_several_targets_and_weights_grow_as_well(refined, waves):
    X, y = waves
    weight = np.where(np.arange(700) % 3, 1.0, 2.0)
    model = refined(n_rounds=0, max_blocks=2).fit(X, np.c_[y, -2 * y + X[:, 0]], sample_weight=weight)
    assert blocks(model) == ["block 2"] and model.predict(X).shape == (700, 2)


@pytest.mark.slow
def test_blocks_pay_on_a_target_of_many_parts():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(3000, 8))
    y = np.sin(4 * X).sum(axis=1) + X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3]
    one, many = (SWATRegressor(max_blocks=n, n_rounds=2, random_state=0).fit(X[:2000], y[:2000]) for n in (1, 6))
    left = [1 - model.score(X[2000:], y[2000:]) for model in (one, many)]
    assert left[1] < 0.7 * left[0]

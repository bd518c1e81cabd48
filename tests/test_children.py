"""Children decode from what they report, use the columns of their parents, and depend on the generator alone."""

import pytest
import torch

from sk_swat.checkpoint import load_checkpoint
from sk_swat.equivalence import fold_constants
from sk_swat.search.children import latent_children
from sk_swat.search.problem import Problem
from sk_swat.search.readout import solve_readout

ALLOWED = torch.tensor([False, True, True, True, False, False])
N_COLUMNS = (1, 3, 12)  # 12 are more than the 8 slots


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@pytest.fixture
def parents(hard_networks):
    """Factory of parents on the columns of a table, of any width up to the autoencoder's, with float32 numbers."""

    def make(n_columns, depth=2, density=1.0, n_networks=6):
        networks = hard_networks(depth, n_networks=n_networks, n_inputs=n_columns, density=density)
        return networks.map(lambda part: part.float())

    return make


def make_problem(n_columns, n_rows=80):
    X = torch.randn(n_rows, n_columns, generator=torch.Generator().manual_seed(0))
    y = torch.tanh(2 * X[:, 0]) + X[:, -1] ** 2
    return Problem(X, (y - y.mean()) / y.std(), None, None, torch.arange(n_columns))


def children_of(networks, checkpoint, seed=0, allowed=ALLOWED):
    problem = make_problem(networks.weights[0].shape[1])
    return latent_children(networks, problem, checkpoint, allowed, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("n_columns", N_COLUMNS)
def test_child_decodes_from_its_latent_and_inputs(n_columns, depth, parents, tiny):
    networks, problem = parents(n_columns, depth), make_problem(n_columns)
    children = children_of(networks, tiny)
    assert children.networks.depth == depth and len(children.networks) == len(networks)
    assert children.latent.shape == (6, 8, 8) and children.inputs.shape == (6, n_columns, 8)
    for index in range(len(networks)):  # one by one, on the input slots
        inputs = children.inputs[index]
        slots = (inputs != 0).any(0).float()[None]
        with torch.no_grad():
            raw = tiny.autoencoder.decode(children.latent[index : index + 1], slots, [depth])[depth]
            decoded = raw.soften(allowed=ALLOWED).harden()
            seen = problem.X @ inputs
            hidden = decoded.last_hidden(seen)
        child = children.networks[index : index + 1]
        living = child.mask[-1][0] > 0
        torch.testing.assert_close(child.last_hidden(problem.X)[..., living], hidden[..., living], rtol=1e-4, atol=1e-5)
        error = (child.forward(problem.X) - problem.y).square().mean() / problem.y.var(correction=0)
        assert float(error) == pytest.approx(float(solve_readout(hidden, problem.y).fvu), rel=0.02)
        assert living.any()


@pytest.mark.parametrize("n_columns", N_COLUMNS)
def test_every_slot_sees_one_of_the_columns_with_the_largest_weights(n_columns, parents, tiny):
    networks = parents(n_columns)
    inputs = children_of(networks, tiny).inputs
    strength = networks.weights[0].abs().sum(2)
    n_used = min(8, n_columns)
    assert ((inputs == 0) | (inputs == 1)).all()
    assert (inputs.sum(1)[:, :n_used] == 1).all() and not inputs[:, :, n_used:].any()
    seen = inputs.sum(2)
    assert seen.max() == 1 and (seen.sum(1) == n_used).all()
    for used, size in zip(seen.bool(), strength, strict=True):
        assert used.all() or size[used].min() >= size[~used].max()


@pytest.mark.parametrize("n_columns", [3, 12])
def test_columns_that_a_parent_does_not_use_stay_unconnected(n_columns, parents, tiny):
    networks = parents(n_columns)
    networks.weights[0][:, 1] = 0.0
    networks.weights[0][2] = 0.0  # a parent that uses no column at all
    children = children_of(networks, tiny)
    assert not children.inputs[:, 1].any() and not children.networks.weights[0][:, 1].any()
    assert not children.inputs[2].any() and not children.networks.weights[0][2].any()
    assert children.networks.weights[0][:, 0][children.inputs[:, 0].any(1)].any()
    output = children.networks.forward(make_problem(n_columns).X)
    assert torch.isfinite(output).all() and output[2].std() < 1e-6


def test_children_depend_on_the_generator_alone(parents, tiny):
    networks = parents(3)
    state = torch.get_rng_state()
    first, again, other = (children_of(networks, tiny, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.latent, again.latent)
    assert all(torch.equal(a, b) for a, b in zip(first.networks.tensors(), again.networks.tensors(), strict=True))
    assert (first.latent != other.latent).flatten(1).any(1).all()


def test_children_have_allowed_activations_and_nothing_disconnected(parents, tiny):
    for index in (1, 4):
        allowed = torch.zeros(6, dtype=torch.bool)
        allowed[index] = True
        networks = children_of(parents(3), tiny, allowed=allowed).networks
        for share, mask in zip(networks.activation, networks.mask, strict=True):
            assert (share[mask > 0].argmax(-1) == index).all()
            assert mask.any()
        folded = fold_constants(networks)
        assert all(torch.equal(a, b) for a, b in zip(networks.tensors(), folded.tensors(), strict=True))


def test_child_is_the_best_of_those_tried(parents, tiny, monkeypatch):
    networks, problem = parents(3), make_problem(3)
    errors = []
    for n_tried in (1, 8):
        monkeypatch.setattr("sk_swat.search.children._TRIED", n_tried)
        found = [children_of(networks, tiny, seed).networks.forward(problem.X) for seed in range(5)]
        errors.append(torch.stack([(output - problem.y).square().mean(1) for output in found]).mean())
    assert errors[1] < errors[0]


def test_without_noise_and_crossing_the_child_decodes_from_the_latent_of_its_parent(parents, tiny, monkeypatch):
    networks = parents(3)
    monkeypatch.setattr("sk_swat.search.children._CROSSED", 0.0)
    monkeypatch.setattr("sk_swat.search.children._NOISE", 0.0)
    same = children_of(networks, tiny)
    assert torch.equal(same.latent, children_of(networks, tiny, seed=1).latent)
    monkeypatch.setattr("sk_swat.search.children._CROSSED", 1.0)
    crossed = children_of(networks, tiny).latent
    rows = tiny.bank.latents(tiny.bank.n_inputs <= 3).flatten(0, 1).clamp(-12, 12)
    assert all((row == rows).all(1).any() for row in crossed.flatten(0, 1))

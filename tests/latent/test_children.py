"""Children are their parents but for what their latents change, and depend on the generator alone."""

import pytest
import torch

from sk_swat.latent import children
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.latent.children import latent_children
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.equivalence import canonical_form, fold_constants, pad
from sk_swat.refine.table import Table

MIX = ("tanh", "sigmoid", "leaky_relu")
ALLOWED = torch.tensor([name in MIX for name in ACTIVATIONS])
N_COLUMNS = (1, 3, 12)  # 12 are more than the 8 slots


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@pytest.fixture
def parents(hard_networks):
    """Factory of parents on the columns of a table, of any width up to the autoencoder's, with float32 numbers."""

    def make(n_columns, depth=2, mix=MIX, n_networks=6):
        networks = hard_networks(depth, mix, n_networks=n_networks, n_inputs=n_columns)
        return networks.map(lambda part: part.float())

    return make


def make_table(n_columns, n_rows=80):
    X = torch.randn(n_rows, n_columns, generator=torch.Generator().manual_seed(0))
    y = torch.tanh(2 * X[:, 0]) + X[:, -1] ** 2
    return Table(X, (y - y.mean()) / y.std())


@pytest.fixture
def still(monkeypatch):
    """Let latents be those of the parents."""
    monkeypatch.setattr("sk_swat.latent.children._NOISE", 0.0)
    monkeypatch.setattr("sk_swat.latent.children._CROSSED", 0.0)


def children_of(networks, checkpoint, seed=0, allowed=ALLOWED, depth=None):
    table = make_table(networks.weights[0].shape[1])
    return latent_children(networks, table, checkpoint, allowed, torch.Generator().manual_seed(seed), depth)


def with_best_readout(networks):
    table = make_table(networks.weights[0].shape[1])
    return with_readout(networks, solve_readout(networks.last_hidden(table.X), table))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("n_columns", N_COLUMNS)
def test_child_whose_latent_has_not_moved_is_its_parent(n_columns, depth, parents, tiny, still):
    networks, fresh = parents(n_columns, depth), make_table(n_columns, n_rows=50).X[:, [0] * n_columns]
    expected = with_best_readout(networks).forward(fresh)
    child = children_of(networks, tiny)
    assert child.depth == depth
    torch.testing.assert_close(child.forward(fresh), expected, rtol=2e-2, atol=2e-2)


def test_deeper_child_whose_latent_has_not_moved_is_its_parent(parents, tiny, still):
    networks, table = with_best_readout(parents(3, 1)), make_table(3)
    child = children_of(networks, tiny, depth=2)
    assert child.depth == 2 and all(mask.sum(1).tolist() == [1.0] * 6 for mask in child.mask[1:])
    expected = with_best_readout(networks).forward(table.X)
    torch.testing.assert_close(child.forward(table.X), expected, rtol=2e-2, atol=5e-2)


def test_parameters_change_as_the_decoded_ones_do(parents, tiny, monkeypatch):
    monkeypatch.setattr("sk_swat.latent.children._TRIED", 1)
    moved = []
    original = children._vary

    def note(*arguments):
        moved.append(original(*arguments))
        return moved[-1]

    monkeypatch.setattr("sk_swat.latent.children._vary", note)
    networks = parents(8, 2)  # every slot sees a column
    child = children_of(networks, tiny)
    written = canonical_form(pad(networks, 8))
    order = written.weights[0].abs().sum(2).argsort(dim=1, descending=True, stable=True)
    n_checked = 0
    for i in range(len(networks)):
        on_slots = written[i : i + 1].map(lambda part: part)
        on_slots = on_slots.replace(weights=(on_slots.weights[0][:, order[i]], *on_slots.weights[1:]))
        slots = torch.ones(1, 8)
        with torch.no_grad():
            before, after = (
                tiny.autoencoder.decode(latent, slots, [2])[2].soften(allowed=ALLOWED).harden()
                for latent in (tiny.autoencoder.encode(on_slots), moved[0][i : i + 1])
            )
        for j in (child.mask[0][i] > 0).nonzero().squeeze(1).tolist():
            kinds = [each.activation[0][0, j].argmax() for each in (before, after)]
            column = after.weights[0][0, :, j]
            if kinds[0] == kinds[1] and before.mask[0][0, j] == after.mask[0][0, j]:
                column = on_slots.weights[0][0, :, j] + column - before.weights[0][0, :, j]
                n_checked += 1
            torch.testing.assert_close(child.weights[0][i, order[i], j], column, rtol=1e-3, atol=1e-4)
    assert n_checked > 0


@pytest.mark.parametrize("n_columns", N_COLUMNS)
def test_shallower_child_decodes_from_the_latent_of_its_parent(n_columns, parents, tiny, still):
    networks = parents(n_columns, 3)
    child = children_of(networks, tiny, depth=1)
    other = networks.replace(weights=tuple(2 * weight for weight in networks.weights))
    assert child.depth == 1
    assert not torch.equal(child.weights[0], children_of(other, tiny, depth=1).weights[0])
    assert ((child.weights[0] != 0).any(2).sum(1) <= min(8, n_columns)).all()


@pytest.mark.parametrize("n_columns", [3, 12])
def test_columns_that_a_parent_does_not_use_stay_unconnected(n_columns, parents, tiny):
    networks = parents(n_columns)
    networks.weights[0][:, 1] = 0.0
    networks.weights[0][2] = 0.0  # a parent that uses no column at all
    child = children_of(networks, tiny)
    assert not child.weights[0][:, 1].any() and not child.weights[0][2].any()
    assert child.weights[0][:, 0].any()
    output = child.forward(make_table(n_columns).X)
    assert torch.isfinite(output).all() and output[2].std() < 1e-6


def test_columns_beyond_the_input_slots_stay_connected(parents, tiny):
    child = children_of(parents(12), tiny)
    assert ((child.weights[0] != 0).any(2).sum(1) > 8).any()


def test_children_depend_on_the_generator_alone(parents, tiny):
    networks = parents(3)
    state = torch.get_rng_state()
    first, again, other = (children_of(networks, tiny, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.tensors(), again.tensors(), strict=True))
    assert (first.weights[0] != other.weights[0]).flatten(1).any(1).all()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_children_have_allowed_activations_and_nothing_disconnected(depth, parents, tiny):
    for name in ("sigmoid", "sine"):
        allowed = torch.tensor([one == name for one in ACTIVATIONS])
        child = children_of(parents(3, mix=(name,)), tiny, allowed=allowed, depth=depth)
        for share, mask in zip(child.activation, child.mask, strict=True):
            assert (share[mask > 0].argmax(-1) == list(ACTIVATIONS).index(name)).all()
            assert mask.any()
        folded = fold_constants(child)
        assert all(torch.equal(a, b) for a, b in zip(child.tensors(), folded.tensors(), strict=True))


def test_child_is_the_best_of_those_tried(parents, tiny, monkeypatch):
    networks, table = parents(3), make_table(3)
    errors = []
    for n_tried in (1, 8):
        monkeypatch.setattr("sk_swat.latent.children._TRIED", n_tried)
        found = [children_of(networks, tiny, seed).forward(table.X) for seed in range(5)]
        errors.append(torch.stack([(output - table.y).square().mean(1) for output in found]).mean())
    assert errors[1] < errors[0]


def test_noise_and_crossing_of_latents(tiny, monkeypatch):
    latent, used = tiny.bank.latents(torch.arange(6)), torch.ones(6, 8)

    def vary(noise, crossed):
        monkeypatch.setattr("sk_swat.latent.children._NOISE", noise)
        monkeypatch.setattr("sk_swat.latent.children._CROSSED", crossed)
        return children._vary(latent, used, 2, tiny, torch.Generator().manual_seed(0))

    assert torch.equal(vary(0.0, 0.0), latent.clamp(-12, 12))
    assert 0.05 < (vary(0.1, 0.0) - latent).std() < 0.15
    rows = tiny.bank.latents(tiny.bank.n_inputs <= 8).flatten(0, 1).clamp(-12, 12)
    assert all((row == rows).all(1).any() for row in vary(0.0, 1.0).flatten(0, 1))

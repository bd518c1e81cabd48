"""Rewritten networks compute the same function, and the canonical form is one for many ways of writing."""

import numpy as np
import pytest
import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.equivalence import canonical_form, deepen, fold_constants, pad, permute_inputs
from sk_swat.network.softnet import flatten

NAMES = tuple(ACTIVATIONS)
DEPTHS = (1, 2, 3, 4)
X = torch.as_tensor(np.random.default_rng(0).normal(size=(40, 3)))


def assert_same_function(networks, others, X=X):
    torch.testing.assert_close(others.forward(X), networks.forward(X), rtol=1e-9, atol=1e-9)


def assert_same_network(networks, others):
    torch.testing.assert_close(flatten(others), flatten(networks), rtol=1e-9, atol=1e-9)
    for name in ("activation", "mask"):
        for part, other in zip(getattr(networks, name), getattr(others, name), strict=True):
            torch.testing.assert_close(other, part, rtol=0, atol=0)


def sparse(hard_networks, depth, n_networks=30, **kwargs):
    return hard_networks(depth, density=0.4, n_networks=n_networks, **kwargs)


def kinds(networks, layer, *names):
    """Which neurons of a layer have one of these activations."""
    wanted = torch.tensor([NAMES.index(name) for name in names])
    return torch.isin(networks.activation[layer].argmax(-1), wanted)


def with_layer(networks, layer, incoming, bias, outgoing, output_shift=None):
    """Copy with incoming weights and bias of a layer's neurons, and outgoing ones, multiplied."""
    weights, biases = list(networks.weights), list(networks.biases)
    if output_shift is not None:
        biases[layer + 1] = biases[layer + 1] + torch.einsum("bi,bij->bj", output_shift, weights[layer + 1])
    weights[layer] = weights[layer] * incoming[:, None, :]
    biases[layer] = biases[layer] * bias
    weights[layer + 1] = weights[layer + 1] * outgoing[:, :, None]
    return networks.replace(weights=tuple(weights), biases=tuple(biases))


def rewrite(networks, layer, seed=0):
    """Reflect every odd, sigmoid and even neuron of a layer, rescale its leaky ones."""
    generator = torch.Generator().manual_seed(seed)
    odd, even = kinds(networks, layer, "identity", "tanh", "sine"), kinds(networks, layer, "gaussian")
    sigmoid, leaky = kinds(networks, layer, "sigmoid"), kinds(networks, layer, "leaky_relu")
    scale = torch.rand(leaky.shape, generator=generator, dtype=torch.float64) + 0.5
    incoming = torch.where(odd | even | sigmoid, -1.0, torch.where(leaky, scale, 1.0))
    outgoing = torch.where(odd | sigmoid, -1.0, torch.where(leaky, 1 / scale, 1.0))
    return with_layer(networks, layer, incoming, incoming, outgoing, output_shift=sigmoid.double())


def shuffle(networks, seed=0):
    """Permute the neurons of every layer."""
    rng = np.random.default_rng(seed)
    weights, biases = list(networks.weights), list(networks.biases)
    activation, mask = list(networks.activation), list(networks.mask)
    for layer in range(networks.depth):
        order = torch.as_tensor(rng.permutation(mask[layer].shape[1]))
        weights[layer], weights[layer + 1] = weights[layer][:, :, order], weights[layer + 1][:, order]
        biases[layer] = biases[layer][:, order]
        activation[layer], mask[layer] = activation[layer][:, order], mask[layer][:, order]
    return networks.replace(
        weights=tuple(weights), biases=tuple(biases), activation=tuple(activation), mask=tuple(mask)
    )


# canonical form


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("order_noise", [0.0, 3.0])
def test_canonical_network_computes_the_same_function(hard_networks, depth, order_noise):
    networks = sparse(hard_networks, depth)
    generator = torch.Generator().manual_seed(0)
    assert_same_function(networks, canonical_form(networks, order_noise, generator))


@pytest.mark.parametrize("name", NAMES)
def test_canonical_network_of_each_activation_computes_the_same_function(hard_networks, name):
    networks = hard_networks(2, (name,), n_networks=20)
    assert_same_function(networks, canonical_form(networks))


def test_canonical_network_with_missing_neurons_computes_the_same_function(hard_networks):
    networks = hard_networks(3, ("sigmoid", "tanh"), n_networks=20)
    mask = [torch.ones_like(part) for part in networks.mask]
    mask[1][:, 0] = 0  # its weights stay: only the mask says that it is missing
    networks = networks.replace(mask=tuple(mask))
    assert_same_function(networks, canonical_form(networks))


def test_canonical_is_idempotent_for_one_hidden_layer(hard_networks):
    once = canonical_form(fold_constants(sparse(hard_networks, 1, n_networks=100)))
    assert_same_network(once, canonical_form(once))


@pytest.mark.parametrize("depth", DEPTHS)
def test_canonical_form_does_not_depend_on_the_order_of_neurons(hard_networks, depth):
    networks = hard_networks(depth, n_networks=30)
    mixed = shuffle(networks)
    assert_same_function(networks, mixed)
    assert_same_network(canonical_form(networks), canonical_form(mixed))


@pytest.mark.parametrize("depth", DEPTHS)
def test_canonical_form_does_not_depend_on_reflections_of_the_first_layer(hard_networks, depth):
    # with leaky_relu or gaussian neurons behind it a reflection may settle differently in a few passes
    networks = hard_networks(depth, ("identity", "sigmoid", "tanh", "sine"), n_networks=30)
    other = rewrite(networks, layer=0)
    assert_same_function(networks, other)
    assert_same_network(canonical_form(networks), canonical_form(other))


@pytest.mark.parametrize("depth", DEPTHS)
def test_canonical_odd_and_sigmoid_neurons_have_outgoing_sums_above_zero(hard_networks, depth):
    networks = canonical_form(hard_networks(depth, n_networks=50))
    for layer in range(depth):
        outgoing = networks.weights[layer + 1].sum(2)
        assert (outgoing[kinds(networks, layer, "identity", "tanh", "sine", "sigmoid")] > 0).all()


def test_canonical_even_and_leaky_neurons_are_as_documented(hard_networks):
    networks = canonical_form(hard_networks(1, n_networks=50))
    incoming, outgoing = networks.weights[0], networks.weights[1][:, :, 0]
    assert (incoming.sum(1)[kinds(networks, 0, "gaussian")] > 0).all()
    norm_in = (incoming.square().sum(1) + networks.biases[0].square()).sqrt()
    leaky = kinds(networks, 0, "leaky_relu")
    assert leaky.any()
    torch.testing.assert_close(norm_in[leaky], outgoing.abs()[leaky])


@pytest.mark.parametrize("depth", DEPTHS)
def test_canonical_form_of_most_networks_is_stable(hard_networks, depth):
    once = canonical_form(hard_networks(depth, n_networks=100))
    change = (flatten(canonical_form(once)) - flatten(once)).abs().amax(1)
    assert (change < 0.01).float().mean() >= (1.0 if depth == 1 else 0.7)


def test_canonical_order_is_by_size_with_missing_neurons_last(hard_networks):
    networks = canonical_form(pad(fold_constants(sparse(hard_networks, 1)), 8))
    norm_in = (networks.weights[0].square().sum(1) + networks.biases[0].square()).sqrt()
    size = norm_in * networks.weights[1][:, :, 0].abs()
    assert (size[:, :-1] >= size[:, 1:] - 1e-12).all()
    assert (networks.mask[0][:, :-1] >= networks.mask[0][:, 1:]).all()


def test_order_noise_draws_other_orders_from_the_generator(hard_networks):
    networks = hard_networks(1, n_networks=30)
    first, again = (canonical_form(networks, 5.0, torch.Generator().manual_seed(1)) for _ in range(2))
    other = canonical_form(networks, 5.0, torch.Generator().manual_seed(2))
    assert_same_network(first, again)
    assert not torch.equal(flatten(first), flatten(other))
    assert_same_network(canonical_form(first), canonical_form(other))


# folding


@pytest.mark.parametrize("depth", DEPTHS)
def test_folding_does_not_change_the_function(hard_networks, depth):
    networks = sparse(hard_networks, depth)
    folded = fold_constants(networks)
    assert_same_function(networks, folded)
    assert any((part == 0).any() for part in folded.mask)


@pytest.mark.parametrize("depth", DEPTHS)
def test_folding_leaves_the_parameters_that_pruning_a_plain_network_leaves(hard_networks, depth):
    networks = sparse(hard_networks, depth)
    folded = fold_constants(networks)
    for index in range(len(networks)):
        pruned, rest = networks.to_sparse(index).prune(), folded.to_sparse(index)
        np.testing.assert_array_equal(
            sorted(np.concatenate([part.ravel() for part in rest.coefs])),
            sorted(np.concatenate([part.ravel() for part in pruned.coefs])),
        )
        np.testing.assert_allclose(
            np.concatenate(rest.intercepts), np.concatenate(pruned.intercepts), rtol=1e-12, atol=1e-12
        )


def test_a_neuron_without_inputs_moves_into_the_next_bias(hard_networks):
    networks = hard_networks(1, ("tanh",), n_networks=1, n_inputs=2, width=2)
    networks = networks.replace(
        weights=(torch.tensor([[[1.0, 0.0], [2.0, 0.0]]]), torch.tensor([[[3.0], [4.0]]])),
        biases=(torch.tensor([[0.1, 0.2]]), torch.tensor([[5.0]])),
    )
    folded = fold_constants(networks.map(lambda tensor: tensor.double()))
    np.testing.assert_allclose(folded.biases[1], [[5 + 4 * np.tanh(0.2)]], rtol=1e-6)
    np.testing.assert_array_equal(folded.mask[0], [[1, 0]])
    np.testing.assert_array_equal(folded.biases[0][:, 1], [0])


# padding, inputs


@pytest.mark.parametrize("depth", DEPTHS)
def test_padding_does_not_change_the_function(hard_networks, depth):
    networks = sparse(hard_networks, depth)
    wide = pad(networks, 8)
    unused = torch.full((len(X), 5), 7.0, dtype=X.dtype)
    torch.testing.assert_close(wide.forward(torch.cat([X, unused], 1)), networks.forward(X))
    assert [part.shape[1] for part in wide.mask] == [8] * depth
    assert wide.input_mask.sum() == 3 * len(networks)
    for part, wider in zip(networks.mask, wide.mask, strict=True):
        assert part.sum() == wider.sum()


def test_permuted_inputs_read_the_reflected_slots(hard_networks):
    networks = hard_networks(2, n_networks=2)
    order = torch.tensor([[2, 0, 1], [1, 0, 2]])
    sign = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]], dtype=torch.float64)
    output = permute_inputs(networks, order, sign).forward(X)
    for index in range(2):
        old = torch.empty_like(X)
        for slot in range(3):
            old[:, order[index, slot]] = sign[index, slot] * X[:, slot]
        torch.testing.assert_close(output[index], networks.forward(old)[index])


def test_permuted_inputs_carry_their_marks(hard_networks):
    wide = pad(hard_networks(1, n_networks=1), 4)
    moved = permute_inputs(wide, torch.tensor([[3, 1, 0, 2]]), torch.ones(1, 4, dtype=torch.float64))
    np.testing.assert_array_equal(moved.input_mask, [[0, 1, 1, 1]])


# deepening


@pytest.mark.parametrize("depth", (1, 2, 3))
def test_deepening_keeps_the_function_above_minus_six_and_flattens_it_below(hard_networks, depth):
    networks = hard_networks(depth, n_networks=30)
    networks = networks.replace(weights=(*networks.weights[:-1], 4 * networks.weights[-1]))
    output = networks.forward(X)
    deeper = deepen(networks)
    assert deeper.depth == depth + 1
    assert (output < -6).any()
    expected = torch.where(output > -6, output, 0.01 * (output + 6) - 6)
    torch.testing.assert_close(deeper.forward(X), expected, rtol=1e-12, atol=1e-12)
    assert (deeper.mask[-1].sum(1) == 1).all()


def test_deepening_twice_keeps_the_function_above_minus_six(hard_networks):
    networks = sparse(hard_networks, 2)
    above = networks.forward(X) > -6
    torch.testing.assert_close(deepen(deepen(networks)).forward(X)[above], networks.forward(X)[above])

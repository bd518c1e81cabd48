"""Free parameters of a batch: derivatives against finite differences, errors and equations against their definition."""

import pytest
import torch

from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.softnet import flatten, unflatten
from sk_swat.refine import free_parameters
from sk_swat.refine.free_parameters import FreeParameters
from sk_swat.refine.table import Table

DEPTHS = (1, 2, 3, 4)


def rows(n_rows=60, n_inputs=3, seed=0):
    return torch.randn(n_rows, n_inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some(networks, share=0.6, seed=0):
    """Random parameters that may move, another count for each network."""
    shape = flatten(networks).shape
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def finite_differences(parameters, X, step=1e-6):
    """Derivatives of shape (n_networks, n_free, n_rows), by the forward pass of SoftNetworks."""
    columns = []
    for index in range(parameters.start.shape[1]):
        change = torch.zeros_like(parameters.start)
        change[:, index] = step
        above, below = (parameters.with_values(parameters.start + sign * change).forward(X) for sign in (1, -1))
        columns.append((above - below) / (2 * step))
    return torch.stack(columns, dim=1)


def without_neuron(networks, layer, neuron):
    mask = list(networks.mask)
    mask[layer] = mask[layer].clone()
    mask[layer][:, neuron] = 0
    return networks.replace(mask=tuple(mask))


# --- which parameters


@pytest.mark.parametrize("depth", DEPTHS)
def test_unflatten_undoes_flatten(hard_networks, depth):
    networks = hard_networks(depth)
    back = unflatten(networks, flatten(networks))
    before, after = [*networks.weights, *networks.biases], [*back.weights, *back.biases]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("depth", DEPTHS)
def test_free_parameters_are_kept_and_all_others_are_zero(hard_networks, depth):
    networks = hard_networks(depth)
    free = some(networks)
    parameters = FreeParameters(networks, free)
    assert parameters.valid.sum(1).tolist() == free.sum(1).tolist() and not parameters.valid.all()
    assert torch.equal(flatten(parameters.with_values(parameters.start)), flatten(networks) * free)
    assert torch.equal(parameters.full_mask(parameters.valid), free)
    assert all((row[valid].diff() > 0).all() for row, valid in zip(parameters.place, parameters.valid, strict=True))


@pytest.mark.parametrize("depth", DEPTHS)
def test_without_a_choice_the_non_zero_parameters_are_free(hard_networks, depth):
    networks = hard_networks(depth, density=0.5)
    parameters = FreeParameters(networks)
    assert torch.equal(parameters.full_mask(parameters.valid), flatten(networks) != 0)
    assert (flatten(networks) == 0).any()


def test_parameters_of_masked_neurons_and_unused_inputs_never_move(hard_networks):
    networks = without_neuron(hard_networks(2, n_networks=2), 0, 1)
    networks = networks.replace(input_mask=torch.tensor([[1.0, 1.0, 0.0]] * 2, dtype=torch.float64))
    parameters = FreeParameters(networks, torch.ones_like(flatten(networks)))
    mask = unflatten(networks, parameters.full_mask(parameters.valid))
    assert not mask.weights[0][:, :, 1].any() and not mask.biases[0][:, 1].any() and not mask.weights[1][:, 1].any()
    assert not mask.weights[0][:, 2].any()
    assert mask.weights[0][:, :2, 0].all() and mask.weights[1][:, 0].all() and mask.biases[1].all()
    n_dead = 3 + 1 + 3 + 3  # weights into the neuron, its bias, weights out of it, weights of the input that are left
    assert (parameters.valid.sum(1) == flatten(networks).shape[1] - n_dead).all()


def test_network_without_free_parameters_computes_zero(hard_networks):
    networks = hard_networks(2, n_networks=2)
    free = torch.ones_like(flatten(networks), dtype=torch.bool)
    free[1] = False
    both, none = FreeParameters(networks, free), FreeParameters(networks[1:], free[1:])
    for parameters in (both, none):
        output, derivatives = parameters.jacobian(parameters.start, rows(6))
        assert not output[-1].any() and not derivatives[-1].any()
    assert none.start.shape == (1, 1) and not none.valid.any()


# --- derivatives


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_jacobian_equals_finite_differences(hard_networks, name, depth):
    networks, X = hard_networks(depth, (name,), n_networks=3), rows(6)
    parameters = FreeParameters(networks)
    output, derivatives = parameters.jacobian(parameters.start, X)
    assert derivatives.shape == (3, flatten(networks).shape[1], 6)
    torch.testing.assert_close(output, networks.forward(X))
    torch.testing.assert_close(derivatives, finite_differences(parameters, X), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("depth", DEPTHS)
def test_jacobian_of_some_parameters_and_rows_of_their_own_equals_finite_differences(hard_networks, depth):
    networks = without_neuron(hard_networks(depth, density=0.7), depth - 1, 0)
    parameters = FreeParameters(networks, some(networks))
    X = torch.stack([rows(6, seed=seed) for seed in range(len(networks))])
    output, derivatives = parameters.jacobian(parameters.start, X)
    torch.testing.assert_close(output, parameters.with_values(parameters.start).forward(X))
    torch.testing.assert_close(derivatives, finite_differences(parameters, X), rtol=1e-6, atol=1e-7)
    assert (derivatives[~parameters.valid] == 0).all() and not parameters.valid.all()


# --- errors and equations


@pytest.mark.parametrize("own_rows", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
def test_error_of_several_sets_at_once_equals_that_of_each_network_alone(hard_networks, depth, own_rows):
    networks = hard_networks(depth)
    parameters = FreeParameters(networks, some(networks))
    X = torch.stack([rows(seed=seed) for seed in range(5)]) if own_rows else rows()
    y = X[..., 0] * X[..., 1]
    data = Table(X, y[:, None] if own_rows else y)
    sets = torch.stack([parameters.start, 0.5 * parameters.start, torch.cos(parameters.start)])
    errors = parameters.mean_loss(sets, data)
    expected = [(parameters.with_values(values).forward(X) - y).square().mean(1) for values in sets]
    torch.testing.assert_close(errors, torch.stack(expected))
    again = parameters.mean_loss(sets[:1], data)  # with another number of sets after the first
    torch.testing.assert_close(again, errors[:1])


def test_normal_equations_equal_their_definition(hard_networks):
    networks, X = hard_networks(2), rows(20)
    parameters, y = FreeParameters(networks, some(networks)), torch.sin(X[:, 0])
    equations = parameters.normal_equations(parameters.start, Table(X, y))
    J = finite_differences(parameters, X)
    residual = parameters.with_values(parameters.start).forward(X) - y
    torch.testing.assert_close(equations.matrix, J @ J.mT / 20, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(equations.gradient, (J @ residual[:, :, None])[:, :, 0] / 20, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(equations.error, residual.square().mean(1))


@pytest.mark.parametrize("own_rows", [False, True])
def test_results_over_several_chunks_of_rows_equal_those_over_one(hard_networks, own_rows, monkeypatch):
    networks = hard_networks(3)
    parameters = FreeParameters(networks, some(networks))
    X = torch.stack([rows(150, seed=seed) for seed in range(5)]) if own_rows else rows(150)
    y = torch.sin(X[..., 0])
    data = Table(X, y[:, None] if own_rows else y)
    sets = torch.stack([parameters.start, 0.5 * parameters.start])
    whole, error = parameters.normal_equations(sets[1], data), parameters.mean_loss(sets, data)
    monkeypatch.setattr(free_parameters, "_CHUNK_ENTRIES", 1)
    assert [len(part) for part in parameters._chunks(data, None)] == [64, 64, 22]
    parts = parameters.normal_equations(sets[1], data)
    for name in ("matrix", "gradient", "error"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parameters.mean_loss(sets, data), error, rtol=1e-12, atol=1e-14)


def test_rows_in_single_precision_give_equations_in_double(hard_networks):
    networks, X = hard_networks(2), rows()
    y, parameters = torch.sin(X[:, 0]), FreeParameters(networks)
    exact = parameters.normal_equations(parameters.start, Table(X, y))
    rounded = parameters.normal_equations(parameters.start, Table(X.float(), y.float()))
    assert parameters.jacobian(parameters.start, X.float())[1].dtype == torch.float32
    for name in ("matrix", "gradient", "error"):
        assert getattr(rounded, name).dtype == torch.float64
        torch.testing.assert_close(getattr(rounded, name), getattr(exact, name), rtol=1e-4, atol=1e-5)

"""Batches of networks in the compiled core: which parameters move, and derivatives against finite differences.

The core alone is tested in `core/`, against plain NumPy; here its answers are compared with the forward pass in torch.
"""

import pytest
import torch

from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.softnet import flatten, unflatten
from sk_swat.refine.compiled import CompiledBatch
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

DEPTHS = (1, 2, 3, 4)


def rows(n_rows=60, n_inputs=3, seed=0):
    return torch.randn(n_rows, n_inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some(networks, share=0.6, seed=0):
    """Random parameters that may move, another count for each network."""
    shape = flatten(networks).shape
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def finite_differences(networks, X, moves, step=1e-6):
    """Derivatives of shape (n_networks, n_parameters, n_rows), by the forward pass of SoftNetworks."""
    values, columns = flatten(networks) * moves, []
    for index in range(values.shape[1]):
        change = torch.zeros_like(values)
        change[:, index] = step * moves[:, index]
        above, below = (unflatten(networks, values + sign * change).forward(X) for sign in (1, -1))
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
def test_free_parameters_are_kept_and_all_others_are_zero(hard_networks, equations, depth):
    networks, X = hard_networks(depth), rows()
    free = some(networks)
    found = equations(networks, Table(X, X[:, 0]), free)
    assert torch.equal(found.moves, free) and not free.all()
    fitted = fit_networks(networks, RefineTask(Table(X, X[:, 0])), n_steps=0, free=free).networks
    assert torch.equal(flatten(fitted), flatten(networks) * free)


@pytest.mark.parametrize("depth", DEPTHS)
def test_without_a_choice_the_non_zero_parameters_are_free(hard_networks, equations, depth):
    networks, X = hard_networks(depth, density=0.5), rows()
    assert torch.equal(equations(networks, Table(X, X[:, 0])).moves, flatten(networks) != 0)
    assert (flatten(networks) == 0).any()


def test_parameters_of_masked_neurons_and_unused_inputs_never_move(hard_networks, equations):
    networks, X = without_neuron(hard_networks(2, n_networks=2), 0, 1), rows()
    networks = networks.replace(input_mask=torch.tensor([[1.0, 1.0, 0.0]] * 2, dtype=torch.float64))
    for free in (torch.ones_like(flatten(networks)), None):
        moves = equations(networks, Table(X, X[:, 0]), free).moves
        mask = unflatten(networks, moves)
        assert not mask.weights[0][:, :, 1].any() and not mask.biases[0][:, 1].any() and not mask.weights[1][:, 1].any()
        assert not mask.weights[0][:, 2].any()
        assert mask.weights[0][:, :2, 0].all() and mask.weights[1][:, 0].all() and mask.biases[1].all()
        n_dead = (
            3 + 1 + 3 + 3
        )  # weights into the neuron, its bias, weights out of it, weights of the input that are left
        assert (moves.sum(1) == flatten(networks).shape[1] - n_dead).all()


def test_network_without_free_parameters_computes_zero(hard_networks, equations, outputs):
    networks, X = hard_networks(2, n_networks=2), rows(6)
    free = torch.ones_like(flatten(networks), dtype=torch.bool)
    free[1] = False
    found = equations(networks, Table(X, X[:, 0]), free)
    assert not found.jacobian[1].any() and not found.moves[1].any() and found.jacobian[0].any()
    assert found.error[1] == pytest.approx(float(X[:, 0].square().mean()))
    assert not outputs(unflatten(networks, flatten(networks) * free), Table(X, X[:, 0]))[1].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_come_back_as_they_went(hard_networks, dtype):
    networks, X = without_neuron(hard_networks(3, density=0.7), 1, 0).map(lambda part: part.to(dtype)), rows(6)
    batch = CompiledBatch.of(networks, Table(X, X[:, 0]))
    origin = torch.tensor([3, 0, 3])
    back = batch.descendants(batch.values[origin], batch.kinds[origin], origin)
    assert all(torch.equal(a, b) for a, b in zip(back.tensors(), networks[origin].tensors(), strict=True))
    assert torch.equal(flatten(batch.with_values(batch.values)), flatten(networks))


# --- values and derivatives


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_outputs_and_jacobian_equal_those_of_the_forward_pass(hard_networks, equations, outputs, name, depth):
    networks, X = hard_networks(depth, (name,), n_networks=3), rows(6)
    data = Table(X, X[:, 0])
    torch.testing.assert_close(outputs(networks, data)[:, 0], networks.forward(X))
    found = equations(networks, data)
    expected = finite_differences(networks, X, torch.ones_like(found.moves))
    torch.testing.assert_close(found.jacobian[:, 0], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("depth", DEPTHS)
def test_jacobian_of_some_parameters_and_rows_of_their_own_equals_finite_differences(
    hard_networks, equations, outputs, depth
):
    networks = without_neuron(hard_networks(depth, density=0.7), depth - 1, 0)
    X = torch.stack([rows(6, seed=seed) for seed in range(len(networks))])
    data = Table(X, X[:, None, :, 0])
    found = equations(networks, data, some(networks))
    expected = finite_differences(networks, X, found.moves)
    torch.testing.assert_close(found.jacobian[:, 0], expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(outputs(networks, data)[:, 0], networks.forward(X))
    assert not found.moves.all() and expected.any()


# --- errors and equations


@pytest.mark.parametrize("own_rows", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
def test_error_equals_that_of_the_forward_pass(hard_networks, equations, depth, own_rows):
    networks = hard_networks(depth)
    X = torch.stack([rows(seed=seed) for seed in range(5)]) if own_rows else rows()
    y = X[..., 0] * X[..., 1]
    data, free = Table(X, y[:, None] if own_rows else y), some(networks)
    for factor in (1.0, 0.5, -1.0):
        changed = unflatten(networks, factor * flatten(networks) * free)
        error = (changed.forward(X) - y).square().mean(1)
        torch.testing.assert_close(equations(changed, data, free).error, error)
        fitted = fit_networks(changed, RefineTask(data), n_steps=0, free=free)
        torch.testing.assert_close(fitted.error, error)


def test_normal_equations_equal_their_definition(hard_networks, equations):
    networks, X = hard_networks(2), rows(20)
    free, y = some(networks), torch.sin(X[:, 0])
    found = equations(networks, Table(X, y), free)
    J = finite_differences(networks, X, free)
    residual = unflatten(networks, flatten(networks) * free).forward(X) - y
    torch.testing.assert_close(found.matrix, J @ J.mT / 20, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.gradient, (J @ residual[:, :, None])[:, :, 0] / 20, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.error, residual.square().mean(1))


@pytest.mark.parametrize("own_rows", [False, True])
def test_results_over_several_blocks_of_rows_equal_those_over_parts(hard_networks, equations, own_rows):
    networks = hard_networks(3)
    X = torch.stack([rows(300, seed=seed) for seed in range(5)]) if own_rows else rows(300)
    y = torch.sin(X[..., 0])
    data, free = Table(X, y[:, None] if own_rows else y), some(networks)
    whole = equations(networks, data, free)
    parts = [equations(networks, data[i : i + 60], free) for i in range(0, 300, 60)]
    for name in ("matrix", "gradient", "error"):
        mean = torch.stack([getattr(part, name) for part in parts]).mean(0)
        torch.testing.assert_close(getattr(whole, name), mean, rtol=1e-12, atol=1e-14)


def test_rows_in_single_precision_give_equations_in_double(hard_networks, equations):
    networks, X = hard_networks(2), rows()
    y = torch.sin(X[:, 0])
    exact = equations(networks, Table(X, y))
    rounded = equations(networks, Table(X.float(), y.float()))
    as_rounded = equations(networks, Table(X.float().double(), y.float().double()))
    for name in ("matrix", "gradient", "error"):
        torch.testing.assert_close(getattr(rounded, name), getattr(exact, name), rtol=1e-4, atol=1e-5)
        assert torch.equal(getattr(rounded, name), getattr(as_rounded, name))

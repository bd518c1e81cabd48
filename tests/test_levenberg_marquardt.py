"""Derivatives against finite differences, fits against scipy and least squares, and the promises about steps."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from sk_swat.activations import ACTIVATION_NAMES
from sk_swat.refine.free_numbers import FreeNumbers, flatten, unflatten
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.softnet import concatenate

DEPTHS = (1, 2, 3, 4)
RIDGE = 1e-4
SMOOTH = ("sigmoid", "tanh", "sine")


def rows(n_rows=60, n_inputs=3, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=(n_rows, n_inputs)))


def finite_differences(networks, X, step=1e-6):
    parameters = flatten(networks)
    columns = []
    for index in range(parameters.shape[1]):
        change = torch.zeros_like(parameters)
        change[:, index] = step
        above, below = (unflatten(networks, parameters + sign * change).forward(X) for sign in (1, -1))
        columns.append((above - below) / (2 * step))
    return torch.stack(columns, dim=2)


def penalised(networks, X, y, ridge):
    return (networks.forward(X) - y).square().mean(1) + ridge * flatten(networks).square().sum(1)


def bumpy(X):
    return torch.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]


# derivatives


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_jacobian_equals_finite_differences(hard_networks, name, depth):
    networks, X = hard_networks(depth, (name,), n_networks=3), rows(6)
    output, derivatives = jacobian(networks, X)
    torch.testing.assert_close(output, networks.forward(X))
    torch.testing.assert_close(derivatives, finite_differences(networks, X), rtol=1e-6, atol=1e-7)


def test_jacobian_of_soft_networks_with_rows_of_their_own_equals_finite_differences(hard_networks):
    networks = hard_networks(3, n_networks=2)
    networks = networks.replace(
        activation=tuple(0.5 * part + 0.5 / 6 for part in networks.activation),
        mask=tuple(0.3 * part for part in networks.mask),
    )
    X = torch.stack([rows(6, seed=1), rows(6, seed=2)])
    torch.testing.assert_close(jacobian(networks, X)[1], finite_differences(networks, X), rtol=1e-6, atol=1e-7)


def test_masked_neuron_has_no_derivatives(hard_networks):
    networks = hard_networks(1, n_networks=2, width=4)
    mask = torch.ones_like(networks.mask[0])
    mask[:, 1] = 0
    derivatives = unflatten(networks, jacobian(networks.replace(mask=(mask,)), rows(6))[1][:, 0])
    assert not derivatives.weights[0][:, :, 1].any()
    assert not derivatives.biases[0][:, 1].any()
    assert not derivatives.weights[1][:, 1].any()
    assert derivatives.weights[1][:, 0].all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_unflatten_undoes_flatten(hard_networks, depth):
    networks = hard_networks(depth)
    back = unflatten(networks, flatten(networks))
    before, after = [*networks.weights, *networks.biases], [*back.weights, *back.biases]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_normal_equations_equal_their_definition(hard_networks):
    networks, X = hard_networks(2, n_networks=1), rows(20)
    y = bumpy(X)
    free = (flatten(networks).abs() > 0.5).double()
    matrix, gradient, error = normal_equations(networks, X, y, free)
    J = finite_differences(networks, X)[0].numpy() * free.numpy()
    residual = (networks.forward(X)[0] - y).numpy()
    np.testing.assert_allclose(matrix[0], J.T @ J / 20, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient[0], J.T @ residual / 20, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(error, [np.mean(residual**2)])


# fits


@pytest.mark.parametrize(("depth", "ridge"), [(1, 1e-4), (2, 1e-2), (3, 1e-2)])
def test_fit_finds_the_minimum_that_scipy_finds(hard_networks, depth, ridge):
    networks = hard_networks(depth, SMOOTH, n_networks=1, width=3)
    X = rows(80)
    noise = 0.1 * torch.as_tensor(np.random.default_rng(5).normal(size=80))
    y = networks.forward(X)[0] + noise
    truth = flatten(networks)
    start = truth + 0.05 * torch.as_tensor(np.random.default_rng(6).normal(size=truth.shape))

    def residuals(parameters):
        output = unflatten(networks, torch.as_tensor(parameters)[None]).forward(X)[0]
        return np.concatenate([(output - y).numpy() / np.sqrt(80), np.sqrt(ridge) * parameters])

    expected = least_squares(residuals, start[0].numpy(), method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    fitted = fit_networks(unflatten(networks, start), X, y, n_steps=40, ridge=ridge)
    loss = penalised(fitted.networks, X, y, ridge)
    np.testing.assert_allclose(loss, [2 * expected.cost], rtol=1e-9)
    np.testing.assert_allclose(flatten(fitted.networks)[0], expected.x, rtol=1e-5, atol=1e-5)


def test_fit_of_a_linear_network_equals_least_squares(hard_networks):
    networks, X = hard_networks(1, ("identity",), n_networks=2), rows(50)
    y = bumpy(X)
    design = np.column_stack([X, np.ones(50)])
    residual = y.numpy() - design @ np.linalg.lstsq(design, y.numpy(), rcond=None)[0]
    fitted = fit_networks(networks, X, y, n_steps=50, ridge=0.0)
    np.testing.assert_allclose(fitted.error, np.mean(residual**2), rtol=1e-6)


def test_reported_error_is_that_of_the_fitted_networks(hard_networks):
    networks, X = hard_networks(2), rows()
    y = torch.stack([bumpy(X) + 0.1 * k for k in range(len(networks))])
    fitted = fit_networks(networks, X, y, n_steps=7)
    torch.testing.assert_close(fitted.error, (fitted.networks.forward(X) - y).square().mean(1))
    assert ((fitted.accepted >= 1) & (fitted.accepted <= 7)).all()


def test_larger_ridge_gives_smaller_parameters(hard_networks):
    networks, X = hard_networks(1, SMOOTH), rows()
    small, large = (
        flatten(fit_networks(networks, X, bumpy(X), n_steps=40, ridge=ridge).networks).square().sum(1)
        for ridge in (1e-5, 1e-1)
    )
    assert (large < small).all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_zeros_of_the_start_stay_exactly_zero(hard_networks, depth):
    networks, X = hard_networks(depth, density=0.5), rows()
    fitted = flatten(fit_networks(networks, X, bumpy(X), n_steps=10).networks)
    frozen = flatten(networks) == 0
    assert frozen.any()
    assert (fitted[frozen] == 0).all()
    assert (fitted != flatten(networks)).any(1).all()


def test_only_free_numbers_are_fitted_and_the_others_are_zero(hard_networks):
    networks, X = hard_networks(1), rows()
    free = torch.ones_like(flatten(networks), dtype=torch.bool)
    free[:, ::3] = False
    fitted = fit_networks(networks, X, bumpy(X), n_steps=10, free=free)
    assert not flatten(fitted.networks)[~free].any()
    start = unflatten(networks, flatten(networks) * free)
    alone = fit_networks(start, X, bumpy(X), n_steps=10)
    torch.testing.assert_close(flatten(fitted.networks), flatten(alone.networks))


# steps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth", DEPTHS)
def test_more_steps_never_make_a_network_worse(hard_networks, depth, dtype):
    networks = hard_networks(depth, n_networks=20).map(lambda tensor: (3 * tensor).to(dtype))
    networks = networks.replace(
        activation=tuple(part / 3 for part in networks.activation), mask=tuple(part / 3 for part in networks.mask)
    )
    X = rows().to(dtype)
    losses = [penalised(networks, X, bumpy(X), RIDGE)]
    for n_steps in range(1, 12):
        fitted = fit_networks(networks, X, bumpy(X), n_steps=n_steps, ridge=RIDGE, damping=1e-8).networks
        losses.append(penalised(fitted, X, bumpy(X), RIDGE))
    rounding = 1 + 10 * torch.finfo(dtype).eps
    assert all((after <= before * rounding).all() for before, after in pairwise(losses))
    assert (losses[-1] < losses[0]).double().mean() > 0.8


def test_non_finite_network_is_left_alone_and_does_not_disturb_the_others(hard_networks):
    networks, X = hard_networks(2), rows()
    y = torch.stack([bumpy(X)] * len(networks))
    undisturbed = fit_networks(networks, X, y, n_steps=8)
    y[1, 3] = torch.nan
    last = networks.weights[-1].clone()
    last[2] *= 1e200
    disturbed = networks.replace(weights=(*networks.weights[:-1], last))
    fitted = fit_networks(disturbed, X, y, n_steps=8)
    assert fitted.accepted[1] == 0
    torch.testing.assert_close(flatten(fitted.networks)[1], flatten(disturbed)[1], rtol=0, atol=0)
    assert torch.isfinite(flatten(fitted.networks)).all()
    others = [0, 3, 4]
    torch.testing.assert_close(flatten(fitted.networks)[others], flatten(undisturbed.networks)[others])


@pytest.mark.parametrize("depth", DEPTHS)
def test_each_network_of_a_batch_gets_the_result_it_gets_alone(hard_networks, depth):
    networks = hard_networks(depth, SMOOTH)
    X = torch.stack([rows(seed=seed) for seed in range(len(networks))])
    y = torch.stack([bumpy(part) for part in X])
    together = fit_networks(networks, X, y, n_steps=10, ridge=1e-3)
    alone = [
        fit_networks(networks[index : index + 1], X[index : index + 1], y[index], n_steps=10, ridge=1e-3)
        for index in range(len(networks))
    ]
    torch.testing.assert_close(together.error, torch.cat([part.error for part in alone]), rtol=1e-7, atol=1e-10)
    separate = concatenate([part.networks for part in alone])
    torch.testing.assert_close(flatten(together.networks), flatten(separate), rtol=1e-5, atol=1e-7)
    assert torch.equal(together.accepted, torch.cat([part.accepted for part in alone]))

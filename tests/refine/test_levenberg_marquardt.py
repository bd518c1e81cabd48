"""Fits against scipy and least squares, steps against their equations, and the promises about steps."""

from itertools import count, pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from sk_swat.network.softnet import concatenate, flatten, unflatten
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline

DEPTHS = (1, 2, 3, 4)
RIDGE = 1e-4
SMOOTH = ("sigmoid", "tanh", "sine")


def rows(n_rows=60, n_inputs=3, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=(n_rows, n_inputs)))


def task(X, y, **changes):
    return RefineTask(Table(X, y), **changes)


def penalise(networks, X, y, ridge):
    return (networks.forward(X) - y).square().mean(1) + ridge * flatten(networks).square().sum(1)


def bumpy(X):
    return torch.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]


# --- fits


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
    fitted = fit_networks(unflatten(networks, start), task(X, y), n_steps=40, ridge=ridge)
    loss = penalise(fitted.networks, X, y, ridge)
    np.testing.assert_allclose(loss, [2 * expected.cost], rtol=1e-9)
    np.testing.assert_allclose(flatten(fitted.networks)[0], expected.x, rtol=1e-5, atol=1e-5)


def test_fit_of_a_linear_network_equals_least_squares(hard_networks):
    networks, X = hard_networks(1, ("identity",), n_networks=2), rows(50)
    y = bumpy(X)
    design = np.column_stack([X, np.ones(50)])
    residual = y.numpy() - design @ np.linalg.lstsq(design, y.numpy(), rcond=None)[0]
    fitted = fit_networks(networks, task(X, y), n_steps=50, ridge=0.0)
    np.testing.assert_allclose(fitted.error, np.mean(residual**2), rtol=1e-6)


def test_reported_error_is_that_of_the_fitted_networks(hard_networks):
    networks, X = hard_networks(2), rows()
    y = torch.stack([bumpy(X) + 0.1 * k for k in range(len(networks))])
    fitted = fit_networks(networks, task(X, y[:, None]), n_steps=7)
    torch.testing.assert_close(fitted.error, (fitted.networks.forward(X) - y).square().mean(1))
    assert ((fitted.accepted >= 1) & (fitted.accepted <= 7)).all()


def test_larger_ridge_gives_smaller_parameters(hard_networks):
    networks, X = hard_networks(1, SMOOTH), rows()
    small, large = (
        flatten(fit_networks(networks, task(X, bumpy(X)), n_steps=40, ridge=ridge).networks).square().sum(1)
        for ridge in (1e-5, 1e-1)
    )
    assert (large < small).all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_zeros_of_the_start_stay_exactly_zero(hard_networks, depth):
    networks, X = hard_networks(depth, density=0.5), rows()
    fitted = flatten(fit_networks(networks, task(X, bumpy(X)), n_steps=10).networks)
    frozen = flatten(networks) == 0
    assert frozen.any()
    assert (fitted[frozen] == 0).all()
    assert (fitted != flatten(networks)).any(1).all()


def test_only_free_parameters_are_fitted_and_the_others_are_zero(hard_networks):
    networks, X = hard_networks(1), rows()
    free = torch.ones_like(flatten(networks), dtype=torch.bool)
    free[:, ::3] = False
    fitted = fit_networks(networks, task(X, bumpy(X)), n_steps=10, free=free)
    assert not flatten(fitted.networks)[~free].any()
    start = unflatten(networks, flatten(networks) * free)
    alone = fit_networks(start, task(X, bumpy(X)), n_steps=10)
    torch.testing.assert_close(flatten(fitted.networks), flatten(alone.networks))


# --- steps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth", DEPTHS)
def test_more_steps_never_make_a_network_worse(hard_networks, depth, dtype):
    networks = hard_networks(depth, n_networks=20).map(lambda tensor: tensor.to(dtype))
    networks = unflatten(networks, 3 * flatten(networks))
    X = rows().to(dtype)
    losses = [penalise(networks, X, bumpy(X), RIDGE)]
    for n_steps in range(1, 12):
        fitted = fit_networks(networks, task(X, bumpy(X)), n_steps=n_steps, ridge=RIDGE, damping=1e-8).networks
        losses.append(penalise(fitted, X, bumpy(X), RIDGE))
    rounding = 1 + 10 * torch.finfo(dtype).eps
    assert all((after <= before * rounding).all() for before, after in pairwise(losses))
    assert (losses[-1] < losses[0]).double().mean() > 0.8


def test_non_finite_network_is_left_alone_and_does_not_disturb_the_others(hard_networks):
    networks, X = hard_networks(2), rows()
    y = torch.stack([bumpy(X)] * len(networks))
    undisturbed = fit_networks(networks, task(X, y[:, None]), n_steps=8)
    y[1, 3] = torch.nan
    last = networks.weights[-1].clone()
    last[2] *= 1e200
    disturbed = networks.replace(weights=(*networks.weights[:-1], last))
    fitted = fit_networks(disturbed, task(X, y[:, None]), n_steps=8)
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
    together = fit_networks(networks, task(X, y[:, None]), n_steps=10, ridge=1e-3)
    alone = [
        fit_networks(networks[index : index + 1], task(X[index : index + 1], y[index]), n_steps=10, ridge=1e-3)
        for index in range(len(networks))
    ]
    torch.testing.assert_close(together.error, torch.cat([part.error for part in alone]), rtol=1e-7, atol=1e-10)
    separate = concatenate([part.networks for part in alone])
    torch.testing.assert_close(flatten(together.networks), flatten(separate), rtol=1e-5, atol=1e-7)
    assert torch.equal(together.accepted, torch.cat([part.accepted for part in alone]))


def test_each_network_has_its_own_ridge_and_damping(hard_networks):
    networks, X = hard_networks(2, SMOOTH, n_networks=3), rows()
    ridge, damping = torch.tensor([1e-5, 1e-2, 1e-1]), torch.tensor([1.0, 1e-3, 1e-1])
    together = fit_networks(networks, task(X, bumpy(X)), n_steps=5, ridge=ridge, damping=damping)
    for index in range(3):
        one = slice(index, index + 1)
        settings = {"n_steps": 5, "ridge": float(ridge[index]), "damping": float(damping[index])}
        alone = fit_networks(networks[one], task(X, bumpy(X)), **settings)
        torch.testing.assert_close(flatten(together.networks)[one], flatten(alone.networks), rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(together.damping[one], alone.damping, rtol=1e-6, atol=0)
    same = fit_networks(networks, task(X, bumpy(X)), n_steps=5, ridge=1e-5)
    assert (flatten(same.networks) != flatten(together.networks)).any(1).all()


def test_network_at_its_minimum_stays_there_and_its_damping_grows(hard_networks, outputs):
    networks, X = hard_networks(2, SMOOTH, n_networks=2), rows()
    y = outputs(networks, Table(X, X[:, 0]))  # so that the error is exactly zero: nothing can lower it
    fitted = fit_networks(networks, task(X, y), n_steps=3, ridge=0.0, damping=1e-2)
    assert fitted.accepted.tolist() == [0, 0] and not fitted.error.any()
    assert torch.equal(flatten(fitted.networks), flatten(networks))
    assert (fitted.damping > 1.0).all()


@pytest.mark.parametrize(("n_steps", "stopped"), [(0, False), (9, True)])
def test_no_step_is_taken_without_steps_or_after_the_deadline(hard_networks, n_steps, stopped):
    networks, X = hard_networks(2), rows()
    deadline = Deadline()
    if stopped:
        deadline.stop()
    fitted = fit_networks(networks, task(X, bumpy(X), deadline=deadline), n_steps=n_steps, damping=0.5)
    assert torch.equal(flatten(fitted.networks), flatten(networks))
    torch.testing.assert_close(fitted.error, (networks.forward(X) - bumpy(X)).square().mean(1))
    assert not fitted.accepted.any() and (fitted.damping == 0.5).all()


@pytest.mark.parametrize("n_looks", range(9))
@pytest.mark.usefixtures("always_look")
def test_deadline_ends_a_fit_under_way(hard_networks, n_looks):
    networks, X = hard_networks(2, n_networks=1), rows()
    deadline = Deadline(n_looks + 0.5, clock=count().__next__)  # a tick for each look at the clock
    stopped = fit_networks(networks, task(X, bumpy(X), deadline=deadline), n_steps=20)
    # a step looks four times, for the equations and for each damping; a part of a step is left
    expected = fit_networks(networks, task(X, bumpy(X)), n_steps=n_looks // 4)
    assert torch.equal(flatten(stopped.networks), flatten(expected.networks))
    assert torch.equal(stopped.error, expected.error)
    assert Deadline(0.0).passed() and not Deadline(1e6).passed()


@pytest.mark.usefixtures("always_look")
def test_deadline_keeps_the_whole_steps_of_every_network(hard_networks):
    networks, X = hard_networks(2), rows()
    whole = [fit_networks(networks, task(X, bumpy(X)), n_steps=n).networks for n in range(11)]
    after = {}
    for n_looks in (0, 9, 45, 60, 100, 170):
        deadline = Deadline(n_looks + 0.5, clock=count().__next__)
        stopped = fit_networks(networks, task(X, bumpy(X), deadline=deadline), n_steps=10)
        torch.testing.assert_close(stopped.error, (stopped.networks.forward(X) - bumpy(X)).square().mean(1))
        for i in range(len(networks)):
            same = [n for n in range(11) if torch.equal(flatten(stopped.networks)[i], flatten(whole[n])[i])]
            assert same
            after[n_looks, i] = same
    assert all(0 in after[0, i] for i in range(5))
    assert 10 in after[60, 0] and 5 in after[60, 1] and 0 in after[60, 2]  # 40 looks each, one after the other


def test_step_solves_its_equations_for_the_free_parameters_with_the_best_damping(hard_networks, equations):
    networks, X = hard_networks(1), rows()
    free = torch.arange(flatten(networks).shape[1]).expand(len(networks), -1) % 3 > 0
    ridge, damping = torch.tensor([0.1, 0.2, 1e-3, 1e-5, 0.1]), torch.tensor([0.0, 1e-3, 0.3, 2.0, 1e-2])
    found = equations(networks, Table(X, bumpy(X)), free)
    stepped = fit_networks(networks, task(X, bumpy(X)), n_steps=1, ridge=ridge, damping=damping, free=free)
    assert not flatten(stepped.networks)[~free].any() and stepped.accepted.all()
    best = []
    for i in range(len(networks)):
        on, one = free[i].numpy(), networks[i : i + 1]
        start, trials = np.where(on, flatten(one)[0].numpy(), 0.0), []
        for multiple in (0.2, 1.0, 5.0):
            matrix = found.matrix[i].numpy()[np.ix_(on, on)] + float(ridge[i]) * np.eye(on.sum())
            matrix += multiple * float(damping[i]) * np.diag(np.diag(matrix))
            slope = found.gradient[i].numpy()[on] + float(ridge[i]) * start[on]
            values = start.copy()
            values[on] -= np.linalg.solve(matrix, slope)
            trials.append(
                (float(penalise(unflatten(one, torch.as_tensor(values)[None]), X, bumpy(X), float(ridge[i]))), values)
            )
        best.append(min(range(3), key=lambda k: trials[k][0]))
        np.testing.assert_allclose(flatten(stepped.networks)[i], trials[best[-1]][1], rtol=1e-6, atol=1e-9)
        assert float(stepped.damping[i]) == pytest.approx(max(1e-9, (0.2, 1.0, 5.0)[best[-1]] * float(damping[i])))
    assert len(set(best)) > 1


def test_equations_without_a_solution_give_no_step(hard_networks):
    networks, X = hard_networks(1, n_networks=2), rows()
    X[:, 1] = 0.0  # the weights of this column have a zero row in the matrix
    one, more = (fit_networks(networks, task(X, bumpy(X)), n_steps=n, ridge=0.0, damping=0.0) for n in (1, 9))
    assert not one.accepted.any() and torch.equal(flatten(one.networks), flatten(networks))
    assert (one.damping > 0).all() and more.accepted.all()  # damped more, there is a solution

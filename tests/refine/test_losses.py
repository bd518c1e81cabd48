"""Losses: squared error by its definition, and another one, known to these tests alone, in every stage of a fit."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar

from sk_swat import SWATRegressor
from sk_swat.latent.objective import mean_loss
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.network.softnet import flatten, unflatten
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.losses import Loss, SquaredError
from sk_swat.refine.pruning import prune
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask


class SmoothAbsoluteError(Loss):
    """sqrt(r^2 + s^2), shifted and scaled to 0 at 0 and 1 at 1."""

    def __init__(self, smoothing=0.05):
        self.smoothing = smoothing
        self.scale = (1 + smoothing**2) ** 0.5 - smoothing

    def _root(self, residual):
        return (residual.square() + self.smoothing**2).sqrt()

    def value(self, residual):
        return (self._root(residual) - self.smoothing) / self.scale

    def gradient(self, residual):
        return residual / (self._root(residual) * self.scale)

    def curvature(self, residual):
        return 1 / (self._root(residual) * self.scale)


LOSSES = [SquaredError(), SmoothAbsoluteError()]
BOTH = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_rows(n_rows=120, n_targets=1, weighted=False, outliers=0.0, loss=LOSSES[1]):
    """A smooth function of three columns; a share of the targets is anywhere within 20."""
    X = torch.randn(n_rows, 3, dtype=torch.float64, generator=generator())
    y = torch.stack([torch.tanh((k + 1) * X[:, 0]) + 0.5 * X[:, 1] for k in range(n_targets)])
    wild = torch.rand(y.shape, generator=generator(1)) < outliers
    y = torch.where(wild, 20 * torch.randn(y.shape, dtype=torch.float64, generator=generator(2)), y)
    weight = torch.arange(n_rows, dtype=torch.float64) % 4 + 0.5 if weighted else None
    return Table(X, y, weight, loss)


# --- the functions of a loss


@BOTH
def test_value_is_that_of_squared_error_at_one_and_derivatives_are_its_own(loss):
    residual = torch.tensor([-20.0, -1, -0.03, 0, 0.2, 1, 5], dtype=torch.float64)
    assert loss.value(torch.tensor([-1.0, 0, 1], dtype=torch.float64)).tolist() == pytest.approx([1, 0, 1])
    step = 1e-6
    slope = (loss.value(residual + step) - loss.value(residual - step)) / (2 * step)
    torch.testing.assert_close(loss.gradient(residual), slope, rtol=1e-6, atol=1e-8)
    bend = (loss.gradient(residual + step) - loss.gradient(residual - step)) / (2 * step)
    assert (loss.curvature(residual) >= bend - 1e-6).all()


@BOTH
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_constant_is_the_best_one_and_scores_zero(loss, n_targets, weighted):
    rows = make_rows(n_targets=n_targets, weighted=weighted, outliers=0.1, loss=loss)
    found = [
        minimize_scalar(lambda c, k=k: float(rows.mean(loss.value(c - rows.y[k]))), bounds=(-3, 3), method="bounded")
        for k in range(n_targets)
    ]
    np.testing.assert_allclose(loss.constant(rows), [one.x for one in found], atol=1e-4)
    assert rows.constant_loss == pytest.approx(np.mean([one.fun for one in found]), rel=1e-6)
    assert loss.score(rows.constant_loss, rows) == 0.0
    assert loss.score(0.0, rows) == 1.0


def test_score_of_squared_error_is_r2():
    from sklearn.metrics import r2_score

    rows = make_rows(weighted=True, loss=SquaredError())
    guess = torch.tanh(rows.X[:, 0])
    error = float(rows.mean((guess - rows.y).square()))
    expected = r2_score(rows.y[0], guess, sample_weight=rows.weight)
    assert RefineTask(rows).r2(error) == pytest.approx(expected, rel=1e-12)


# --- each stage


@BOTH
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_equations_are_the_derivatives_of_the_mean_loss(hard_networks, equations, loss, n_targets, weighted):
    rows = make_rows(40, n_targets, weighted, 0.1, loss)
    hidden = hard_networks(2)
    networks = with_readout(hidden, solve_readout(hidden.last_hidden(rows.X), rows))
    found = equations(networks, rows)
    values = flatten(networks).requires_grad_()
    error = rows.error(unflatten(networks, values))
    (gradient,) = torch.autograd.grad(error.sum(), values)
    torch.testing.assert_close(found.error, error.detach())
    torch.testing.assert_close(fit_networks(networks, RefineTask(rows), n_steps=0).error, error.detach())
    torch.testing.assert_close(2 * found.gradient, gradient)
    curvature = loss.curvature(networks.forward(rows.X).reshape(len(networks), n_targets, -1) - rows.y)
    weight = torch.ones(40, dtype=torch.float64) if rows.weight is None else rows.weight
    weighted_jacobian = found.jacobian * (weight * curvature)[:, :, None]
    expected = torch.einsum("nopr,noqr->npq", weighted_jacobian, found.jacobian) / (2 * weight.sum() * n_targets)
    torch.testing.assert_close(found.matrix, expected)


@BOTH
def test_core_is_given_the_functions_of_a_loss_that_it_does_not_have(loss):
    residual = np.random.default_rng(0).normal(size=9)
    if isinstance(loss, SquaredError):
        assert loss.compiled() is None
        return
    given = torch.from_numpy(residual)
    for found, part in zip(loss.compiled()(residual), (loss.value, loss.gradient, loss.curvature), strict=True):
        np.testing.assert_array_equal(found, part(given).numpy())


@pytest.mark.parametrize("depth", [1, 2])
def test_steps_lower_the_loss_and_resist_outliers(hard_networks, depth):
    rows, truth = make_rows(outliers=0.1), make_rows(loss=SquaredError())
    networks = hard_networks(depth, ("tanh", "sine"), n_networks=8, width=6)
    robust = fit_networks(networks, RefineTask(rows), n_steps=40, ridge=1e-4)
    assert (robust.error < rows.error(networks)).all()
    torch.testing.assert_close(robust.error, rows.error(robust.networks))
    again = fit_networks(robust.networks, RefineTask(rows), n_steps=1, ridge=1e-4).error
    assert (again > 0.8 * robust.error).all()
    squares = fit_networks(networks, RefineTask(Table(rows.X, rows.y)), n_steps=40, ridge=1e-4)
    assert truth.error(robust.networks).min() < 0.05 * truth.error(squares.networks).min()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES[1:], ids=lambda loss: type(loss).__name__)
def test_readout_is_the_best_one_for_its_loss(hard_networks, loss, weighted):
    rows = make_rows(n_targets=2, weighted=weighted, outliers=0.1, loss=loss)
    networks = hard_networks(1, width=3)
    hidden = networks.last_hidden(rows.X)
    readout = solve_readout(hidden, rows, ridge=0.0)
    fitted = with_readout(networks, readout)
    torch.testing.assert_close(readout.unexplained, rows.error(fitted) / rows.constant_loss)
    torch.testing.assert_close(
        mean_loss(networks, rows, solve=True), rows.error(with_readout(networks, solve_readout(hidden, rows)))
    )
    squares = with_readout(networks, solve_readout(hidden, Table(rows.X, rows.y, rows.weight), ridge=0.0))
    assert (rows.error(fitted) < rows.error(squares)).all()
    design = torch.cat([hidden[0], torch.ones(len(rows), 1, dtype=torch.float64)], 1).numpy()
    weight = None if rows.weight is None else rows.weight.numpy()
    best = [
        minimize(
            lambda c, y=y: np.average(rows.loss.value(torch.from_numpy(design @ c) - y).numpy(), weights=weight),
            np.zeros(design.shape[1]),
        ).fun
        for y in rows.y
    ]
    assert float(rows.error(fitted)[0]) == pytest.approx(np.mean(best), rel=0.01)


def test_pruning_keeps_networks_that_are_good_in_the_loss(hard_networks):
    rows, truth = make_rows(outliers=0.1), make_rows(loss=SquaredError())

    def smallest(rows):
        """Error without outliers of the best network of at most twelve parameters."""
        found = []
        networks = fit_networks(hard_networks(1, ("tanh",), width=6), RefineTask(rows), n_steps=40, ridge=1e-4).networks
        prune(networks, RefineTask(rows), lambda *one: found.append(one))
        small = [nets[size <= 12] for nets, size, *_ in found]
        errors = [(float(rows.error(part)[i]), float(truth.error(part)[i])) for part in small for i in range(len(part))]
        for networks, _, error, _ in found:
            torch.testing.assert_close(error, rows.error(networks))
        return min(errors)[1]

    assert smallest(rows) < 0.02
    assert smallest(rows) < 0.1 * smallest(Table(rows.X, rows.y))


# --- whole fits


def test_fit_with_another_loss_resists_outliers(refined, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(200, 3))
    truth = np.tanh(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2
    y = np.where(rng.random(200) < 0.08, rng.normal(0, 15, 200), truth + 0.02 * rng.normal(size=200))

    def left(early_stopping):
        model = refined(early_stopping=early_stopping).fit(X, y)
        assert abs(model.path_["r2_train"].iloc[0]) < 1e-5 and (model.path_["r2_train"].diff().iloc[1:] > 0).all()
        return np.var(model.predict(X) - truth) / np.var(truth)

    squares = [left(early_stopping) for early_stopping in (True, False)]
    monkeypatch.setattr(SWATRegressor, "_loss", SmoothAbsoluteError(0.01))
    for before, early_stopping in zip(squares, (True, False), strict=True):
        assert left(early_stopping) < 0.05 < 0.2 < before


def test_same_loss_by_iteration_gives_the_same_networks(refined, table, monkeypatch):
    """Squared error through the steps that other losses take: one reweighted readout, weighted equations."""

    class Squares(SquaredError):
        quadratic = False
        as_least_squares = Loss.as_least_squares
        compiled = Loss.compiled

    plain = refined().fit(*table)
    monkeypatch.setattr(SWATRegressor, "_loss", Squares())
    same = refined().fit(*table)
    assert same.path_["n_nonzero"].tolist() == plain.path_["n_nonzero"].tolist()
    np.testing.assert_allclose(same.predict(table[0]), plain.predict(table[0]), rtol=1e-4, atol=1e-4)

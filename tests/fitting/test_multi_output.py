"""Several targets: one network with as many outputs, in every stage of a fit."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

from sk_swat import LatentDescentRegressor
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.network.softnet import flatten, unflatten
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask


@pytest.fixture
def table():
    """A table of 90 rows whose three targets share what is hard about them, in units far apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    shared = np.tanh(2 * X[:, 0])
    return X, np.column_stack([shared + X[:, 1], 1e3 * shared - 500, 1e-3 * (X[:, 1] - shared)])


@pytest.fixture
def rows():
    X = torch.randn(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Table(X, torch.stack([torch.sin(X[:, 0]), X[:, 1] + X[:, 0], X[:, 2].square()]))


@pytest.fixture
def networks(hard_networks, rows):
    """Networks of two hidden layers with three outputs."""
    hidden = hard_networks(2)
    return with_readout(hidden, solve_readout(hidden.last_hidden(rows.X), rows))


@pytest.fixture
def quick(refined):
    """Factory of short fits with refinement."""
    short = {"n_restarts": 3, "n_rounds": 1, "early_stopping": "auto", "max_blocks": 4}
    return lambda **parameters: refined(**(short | parameters))


# --- stages


def test_readout_of_several_targets_is_that_of_each(hard_networks, rows):
    hidden = hard_networks(1).last_hidden(rows.X)
    together = solve_readout(hidden, rows)
    alone = [solve_readout(hidden, Table(rows.X, target)) for target in rows.y]
    torch.testing.assert_close(together.weight, torch.cat([one.weight for one in alone], dim=2))
    torch.testing.assert_close(together.bias, torch.cat([one.bias for one in alone], dim=1))
    torch.testing.assert_close(together.unexplained, torch.stack([one.unexplained for one in alone]).mean(0))


def test_errors_are_means_over_targets(networks, rows):
    outputs = networks.forward(rows.X)
    assert outputs.shape == (len(networks), 3, 30)
    expected = (outputs - rows.y).square().mean((1, 2))
    torch.testing.assert_close(rows.error(networks), expected)
    torch.testing.assert_close(rows.losses(networks).mean(1), expected)
    assert rows.constant_loss == pytest.approx(float(rows.y.var(1, correction=0).mean()))
    weighted = Table(rows.X, rows.y, torch.arange(30.0, dtype=torch.float64))
    index = torch.arange(30).repeat_interleave(torch.arange(30))
    torch.testing.assert_close(weighted.error(networks), rows[index].error(networks))


@pytest.mark.parametrize("weighted", [False, True])
def test_equations_are_the_derivatives_of_the_error(networks, rows, equations, weighted):
    if weighted:
        rows = Table(rows.X, rows.y, torch.arange(1.0, 31.0, dtype=torch.float64))
    found = equations(networks, rows)
    values = flatten(networks).requires_grad_()
    with torch.enable_grad():
        outputs = unflatten(networks, values).forward(rows.X)
        error = rows.mean((outputs - rows.y).square()).mean(1)
        error.sum().backward()
    torch.testing.assert_close(found.error, error.detach())
    torch.testing.assert_close(fit_networks(networks, RefineTask(rows), n_steps=0).error, error.detach())
    torch.testing.assert_close(2 * found.gradient, values.grad, rtol=1e-8, atol=1e-10)
    one = torch.autograd.functional.jacobian(
        lambda value: unflatten(networks, value[None].expand(len(networks), -1)).forward(rows.X)[0].flatten(),
        flatten(networks)[0],
    )
    weight = (torch.ones(30, dtype=torch.float64) if rows.weight is None else rows.weight).repeat(3)
    torch.testing.assert_close(found.matrix[0], one.T @ (weight[:, None] * one) / weight.sum(), rtol=1e-8, atol=1e-10)


def test_some_rows_keep_their_targets(rows):
    few = rows[:10]
    assert few.n_targets == 3 and few.y.shape == (3, 10) and torch.equal(few.y, rows.y[:, :10])


# --- whole fits


def test_one_network_gives_all_targets_in_their_units(table, quick):
    X, Y = table
    model = quick(random_state=0).fit(X, Y)
    assert model.network_.n_outputs == 3
    assert model.predict(X).shape == (90, 3) and model.predict(X[:1]).shape == (1, 3)
    assert model.score(X, Y) == pytest.approx(r2_score(Y, model.predict(X)))
    assert min(r2_score(Y, model.predict(X), multioutput="raw_values")) > 0.95
    by_target = 1 - np.square(model.predict(X) - Y).mean(0) / Y.var(0)
    path = model.path_[model.path_["chosen"]]
    assert float(path["r2_train"].iloc[0]) == pytest.approx(by_target.mean(), abs=1e-6)


def test_shared_neurons_cost_less_than_a_network_for_each_target(table, quick):
    X, Y = table
    alone = [quick(random_state=0).fit(X, target) for target in Y.T]
    together = quick(random_state=0).fit(X, Y)
    r2 = together.path_["r2_train"].to_numpy()
    enough = int(np.flatnonzero(r2 > 0.97)[0])
    separate = sum(int(one.path_["n_nonzero"][one.path_["r2_train"] > 0.97].iloc[0]) for one in alone)
    assert together.path_["n_nonzero"].to_numpy()[enough] < separate


def test_select_and_children_of_every_depth(table, quick):
    X, Y = table
    model = quick(random_state=0, depths=(1, 2), n_rounds=2).fit(X, Y)
    assert {1, 2} <= {candidate["depth"] for candidate in model.search_report_}
    assert model.select(max_nonzero=12).n_nonzero_ <= 12
    assert model.predict(X).shape == (90, 3)


def test_latent_search_alone(table, tiny_checkpoint):
    X, Y = table
    model = LatentDescentRegressor(
        depths=(1,), n_restarts=4, max_iter=4, tol=1.0, early_stopping=True, checkpoint=tiny_checkpoint, random_state=0
    ).fit(X, Y)
    assert model.network_.n_outputs == 3 and model.score(X, Y) > 0.2


def test_targets_that_do_not_vary_are_given_back(table, quick):
    X, Y = table
    Y[:, 1] = 7.0
    predicted = quick(random_state=1).fit(X, Y).predict(X)
    np.testing.assert_allclose(predicted[:, 1], 7.0, atol=1e-9)
    assert r2_score(Y[:, 0], predicted[:, 0]) > 0.95
    limit = quick(random_state=1).fit(X, Y).n_nonzero_ - 1  # reached by the same network without the constant
    assert quick(random_state=1, max_nonzero=limit).fit(X, Y).n_nonzero_ <= limit
    r2 = quick(random_state=1).fit(X, Y).path_["r2_validation"]
    assert r2.iloc[0] < 0.1 < 0.9 < r2.max()
    constant = quick().fit(X, np.tile([1.0, 2.0], (90, 1)))
    assert constant.predict(X[:2]).tolist() == [[1.0, 2.0]] * 2 and constant.network_.n_outputs == 2


def test_few_rows_for_many_targets(quick):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 2)), rng.normal(size=(10, 8)) + 5
    assert quick(random_state=0).fit(X, Y).predict(X).shape == (10, 8)


def test_sparse_targets_are_refused(table, quick):
    with pytest.raises((ValueError, TypeError), match="dense"):
        quick().fit(table[0], csr_matrix(table[1]))


def test_single_column_is_one_target(table, quick):
    X, Y = table
    with pytest.warns(DataConversionWarning):
        model = quick(random_state=0).fit(X, Y[:, :1])
    np.testing.assert_array_equal(model.predict(X), quick(random_state=0).fit(X, Y[:, 0]).predict(X))


def test_weights_count_for_several_targets(table, quick):
    X, Y = table
    times = np.random.default_rng(0).integers(0, 3, size=90)
    weighted = quick(random_state=0).fit(X, Y, sample_weight=times)
    again = quick(random_state=0).fit(X.repeat(times, axis=0), Y.repeat(times, axis=0))
    np.testing.assert_array_equal(weighted.predict(X), again.predict(X))


def test_decoded_readout_is_refused(table):
    with pytest.raises(ValueError, match="readout must be 'ridge' for several targets, got 'decoded'"):
        LatentDescentRegressor(readout="decoded", random_state=0).fit(*table)


def test_random_networks_take_several_targets(table):
    from benchmarks.baselines.random_networks import RandomNetworkRegressor

    X, Y = table
    model = RandomNetworkRegressor(depths=(1, 2), n_restarts=2, n_rounds=1, random_state=0).fit(X, Y)
    assert model.predict(X).shape == (90, 3) and model.score(X, Y) > 0.9


def test_network_without_outputs_of_its_own_has_the_numbers_of_its_targets(networks):
    assert flatten(networks).shape[1] == sum(part[0].numel() for part in (*networks.weights, *networks.biases))
    assert networks.n_outputs == 3 and networks.to_sparse(0).n_outputs == 3

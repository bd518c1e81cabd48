"""Wide tables: what each network sees of them, and whether the columns that matter are found."""

import numpy as np
import pytest
import torch
from sklearn.inspection import permutation_importance

from sk_swat import SWATRegressor
from sk_swat.datasets import make_planted_mlp
from sk_swat.network.path import Path
from sk_swat.refine import _core
from sk_swat.refine.columns import ColumnView, column_chance, column_view
from sk_swat.refine.compiled import CompiledBatch
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import prune
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n_rows, n_columns, seed=0):
    return torch.randn(n_rows, n_columns, dtype=torch.float64, generator=generator(seed))


def on_table(networks, columns, n_columns):
    """Networks of three inputs on three columns of a wide table."""
    return ColumnView(torch.tensor(columns), n_columns).widen(networks)


def informative(n_rows, n_columns, kind, seed=0, noise=0.1):
    """Table of which columns 3, 11, 17, 25 and 31 matter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    a, b, c, d, e = X[:, [3, 11, 17, 25, 31]].T
    y = {
        "additive": np.tanh(2 * a) + np.sin(2 * b) + 2 * np.exp(-c * c) + 0.7 * d + np.abs(e),
        "products": a * b + c * d + 0.5 * e,  # four of them matter in interaction alone
    }[kind]
    return X, y / y.std() + noise * rng.normal(size=n_rows)


# --- chances


@pytest.mark.parametrize("function", [torch.tanh, torch.square, torch.abs])
def test_column_that_matters_alone_is_likely_and_no_other_is_left_out(function):
    X = normal(400, 12)
    chance = column_chance(Table(X, function(X[:, 5])))
    assert chance[5] > 0.4  # by chance it would be a twelfth
    assert float(chance.sum()) == pytest.approx(1)
    assert chance.min() >= 0.2 / 12 - 1e-12


def test_columns_that_matter_in_their_product_alone_are_likely():
    X = normal(600, 100)
    chance = column_chance(Table(X, X[:, 5] * X[:, 70]))
    assert chance[5] > 0.3 and chance[70] > 0.3


def test_noise_makes_no_column_likely():
    X = normal(600, 100)
    chance = column_chance(Table(X, normal(600, 1, seed=1)[:, 0]))
    assert chance.max() < 0.5  # a test or two passes its bound by chance
    assert (chance > 0.02).sum() <= 4


def test_one_outlier_makes_no_column_likely():
    X, y = normal(600, 50), normal(600, 1, seed=1)[:, 0]
    X[0, 7], y[0] = 1e6, 1e6
    assert column_chance(Table(X, y))[7] < 0.05


def test_chances_follow_the_residuals_and_all_targets():
    X = normal(400, 30)
    rows = Table(X, torch.stack([X[:, 3], X[:, 9]]))
    both = column_chance(rows)
    assert both[3] > 0.2 and both[9] > 0.2
    rest = column_chance(rows, torch.stack([X[:, 20], 0 * X[:, 9]]))
    assert rest[20] > 0.5 and rest[3] < 0.05


def test_weight_of_two_is_a_row_that_comes_twice(hard_networks):
    X = normal(300, 40)
    y, count = torch.tanh(X[:, 7] * X[:, 9]), torch.arange(300) % 3
    counted, repeated = Table(X, y, count.double()), Table(X.repeat_interleave(count, 0), y.repeat_interleave(count))
    torch.testing.assert_close(column_chance(counted), column_chance(repeated))
    networks = on_table(hard_networks(1, n_networks=3), [1, 4, 9], 40)
    seen = [column_view(networks, rows, torch.full((40,), 1 / 40), generator()) for rows in (counted, repeated)]
    assert torch.equal(seen[0].columns, seen[1].columns)


def test_constant_columns_and_targets_do_no_harm():
    X = normal(50, 20)
    X[:, 4] = 0.0
    chance = column_chance(Table(X, torch.zeros(50, dtype=torch.float64)))
    torch.testing.assert_close(chance, torch.full_like(chance, 1 / 20))
    assert torch.isfinite(column_chance(Table(X, X[:, 1]))).all()


# --- what each network sees


def test_narrow_table_is_seen_as_a_whole(hard_networks):
    rows = Table(normal(60, 16), normal(60, 1)[:, 0])
    networks = on_table(hard_networks(1), [1, 4, 9], 16)
    assert column_view(networks, rows, column_chance(rows), generator()) is None


def test_network_sees_what_it_uses_and_what_its_residuals_ask_for(hard_networks):
    X = normal(500, 60)
    networks = on_table(hard_networks(2, n_networks=4), [1, 4, 9], 60)
    output = networks[:1].forward(X)[0]
    rows = Table(X, output + 0.5 * X[:, 33] * output.std() + 0.5 * (X[:, 34] ** 2 - 1) * output.std())
    view = column_view(networks, rows, torch.full((60,), 1 / 60), generator())
    assert view.columns.shape[0] == 4 and all(len(set(row)) == len(row) for row in view.columns.tolist())
    assert {1, 4, 9, 33, 34} <= set(view.columns[0].tolist())
    assert all({1, 4, 9} <= set(row) for row in view.columns.tolist())
    torch.testing.assert_close(view.widen(view.narrow(networks)).forward(X), networks.forward(X))
    assert not torch.equal(column_view(networks, rows, torch.full((60,), 1 / 60), generator(1)).columns, view.columns)


def test_partner_of_a_column_in_use_is_seen_although_it_says_nothing_alone(hard_networks):
    """A product of two columns, of which the network has one: the other pulls at the weights of its neurons."""
    X = normal(800, 60)
    networks = on_table(hard_networks(1, n_inputs=1, n_networks=1, mix=("tanh",)), [7], 60)
    rows = Table(X, networks.forward(X)[0] + 0.4 * X[:, 7] * X[:, 40])
    found = column_view(networks, rows, torch.full((60,), 1 / 60), generator())
    assert 40 in found.columns[0].tolist()


def test_pull_is_the_derivative_by_the_first_biases(hard_networks):
    networks, X = hard_networks(2), normal(20, 3)
    networks.mask[0][0, 1] = 0.0
    y = normal(20, 1, seed=3)[:, 0]
    pulls = torch.from_numpy(_core.pull(*CompiledBatch.of(networks, Table(X, y)).arguments, _core.How()))
    pull, residuals = pulls[:, : networks.mask[0].shape[1]], pulls[:, -1]
    assert pulls.shape == (5, sum(mask.shape[1] for mask in networks.mask) + 1, 20) and not pull[0, 1].any()
    bias = networks.biases[0].clone().requires_grad_()
    moved = networks.replace(biases=(bias, *networks.biases[1:]))
    (gradient,) = torch.autograd.grad(-0.5 * (moved.forward(X) - y).square().sum(), bias)
    torch.testing.assert_close(pull.sum(2) * networks.mask[0], gradient)
    torch.testing.assert_close(residuals, y - networks.forward(X))


@pytest.mark.parametrize("weighted", [False, True])
def test_networks_on_columns_of_their_own_are_fitted_and_pruned_as_alone(hard_networks, weighted):
    X, networks = normal(80, 20), hard_networks(1, n_networks=3)
    columns = torch.tensor([[0, 5, 9], [2, 3, 4], [11, 5, 19]])
    weight = torch.arange(80, dtype=torch.float64) % 3 + 1 if weighted else None
    rows = Table(X, torch.tanh(X[:, 5]) + 0.3 * X[:, 3], weight)
    view = ColumnView(columns, 20)
    together = fit_networks(networks, RefineTask(view.rows(rows)), n_steps=5)
    alone = [
        fit_networks(networks[i : i + 1], RefineTask(ColumnView(columns[i], 20).rows(rows)), n_steps=5).error
        for i in range(3)
    ]
    torch.testing.assert_close(together.error, torch.cat(alone))

    def prune_some(task, some):
        found = {}
        prune(
            some,
            task,
            lambda nets, size, error, origin: found.update(
                {(int(o), int(s)): float(e) for o, s, e in zip(origin, size, error, strict=True)}
            ),
        )
        return found

    all_three = prune_some(RefineTask(view.rows(rows)), together.networks)
    for i in range(3):
        one = prune_some(RefineTask(ColumnView(columns[i], 20).rows(rows)), together.networks[i : i + 1])
        assert one == {(0, size): pytest.approx(error) for (origin, size), error in all_three.items() if origin == i}


# --- choice among the networks of a wide table


class Reading:
    """What a path asks of a network."""

    def __init__(self, n_inputs, n_features_in):
        self.n_nonzero, self.n_neurons, self.used_features = 2 * n_inputs + 2, 1, list(range(n_inputs))
        self.n_features_in = n_features_in


@pytest.mark.parametrize(("n_columns", "error", "chosen"), [(17, 0.002, 1), (17, 0.0005, 2), (16, 0.002, 2)])
def test_more_columns_of_a_wide_table_must_gain_more_than_a_standard_error(n_columns, error, chosen):
    networks = [Reading(n, n_columns) for n in (0, 5, 9)]
    r2 = np.array([0.0, 0.990, 0.991])
    path = Path(networks, r2, r2, np.full((3, 3), error))
    assert path.choose(1e-5, 1e-5) == chosen
    assert path.choose(1e-5, 1e-5, max_nonzero=12) == 1
    assert path.choose(1e-5, 1e-5, min_r2=0.9905) == 2


# --- the whole fit


def test_columns_that_matter_in_interaction_alone_are_found_among_forty():
    X, y = informative(500, 40, "products")
    model = SWATRegressor(depths=(1,), n_rounds=2, early_stopping=True, random_state=0).fit(X, y)
    found = set(np.flatnonzero(model.support_))
    assert found >= {3, 11, 17, 25, 31} and len(found) <= 7
    fresh, truth = informative(500, 40, "products", seed=1, noise=0.0)
    assert model.score(fresh, truth) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["additive", "products"])
@pytest.mark.parametrize("n_columns", [200, 1000])
def test_five_columns_are_found_among_many(kind, n_columns):
    X, y = informative(1000, n_columns, kind)
    model = SWATRegressor(random_state=0).fit(X, y)
    found = set(np.flatnonzero(model.support_))
    assert found >= {3, 11, 17, 25, 31} and len(found) <= 7
    fresh, truth = informative(1000, n_columns, kind, seed=1, noise=0.0)
    assert model.score(fresh, truth) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_support_and_permutation_importance_agree_on_planted_networks(seed):
    task = make_planted_mlp(n_features=4, n_train=600, noise=0.05, random_state=seed)
    rng = np.random.default_rng(seed)
    X, fresh = (np.c_[rng.uniform(-1, 1, size=(len(part), 8)), part] for part in (task.X_train, task.X_test))
    model = SWATRegressor(random_state=0).fit(X, task.y_train)
    importance = permutation_importance(model, fresh, task.y_test, n_repeats=5, random_state=0).importances_mean
    assert ((importance != 0) == model.support_).all()
    assert (importance[8:] > 0.002).all() and (np.abs(importance[:8]) < 0.002).all()

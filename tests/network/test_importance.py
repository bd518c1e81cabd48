"""Shares of a network's variance by column, against variances worked out by hand, and in scikit-learn's selectors."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sk_swat import SparseMLP, SWATCompressor
from sk_swat.network.importance import variance_shares


def product(n_columns=2):
    """x0 x1 / 4 as ((x0 + x1)^2 - (x0 - x1)^2) / 16, of neurons that are nearly squares near zero."""
    first = np.zeros((n_columns, 2))
    first[:2] = [[0.01, 0.01], [0.01, -0.01]]
    return SparseMLP([first, [[-625.0], [625.0]]], [np.zeros(2), [0.0]], [["gaussian", "gaussian"]])


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("seed", range(3))
def test_shares_of_a_sum_are_those_of_the_variances(seed, scale):
    rng = np.random.default_rng(seed)
    spread, weights = rng.uniform(0.5, 2.0, size=4), np.array([1.0, -2.0, 0.0, 0.5])
    X = rng.normal(5.0, 1.0, size=(5000, 4)) * spread
    (shares,) = variance_shares([SparseMLP([scale * weights[:, None]], [[3 * scale]], [])], X, seed=seed)
    expected = np.square(weights * spread)[weights != 0]
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.03)
    assert shares.sum() == pytest.approx(1)


def test_what_columns_do_together_counts_for_each():
    X = np.random.default_rng(0).normal(size=(4000, 2))
    (shares,) = variance_shares([product()], X)  # no share of its own, all of it together
    np.testing.assert_allclose(shares, [0.5, 0.5], atol=0.03)
    assert np.corrcoef(product().predict(X), X[:, 0] * X[:, 1])[0, 1] > 0.99


def test_even_functions_and_rare_entries_are_seen():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=2000), rng.random(2000) < 0.02])
    network = SparseMLP([[[1.0, 0.0], [0.0, 1.0]], [[1.0], [10.0]]], [np.zeros(2), [0.0]], [["gaussian", "identity"]])
    (shares,) = variance_shares([network], X)
    variances = np.exp(-(X[:, 0] ** 2)).var(), (10 * X[:, 1]).var()
    np.testing.assert_allclose(shares, np.array(variances) / sum(variances), atol=0.02)


def test_outputs_count_alike_and_constant_ones_not_at_all():
    X = np.random.default_rng(0).normal(size=(3000, 2))
    weights = [[1.0, 0.0, 0.0], [0.0, 1e9, 0.0]]  # each output reads one column, the third none
    (shares,) = variance_shares([SparseMLP([weights], [[0.0, 1.0, 2.0]], [])], X)
    np.testing.assert_allclose(shares, [0.5, 0.5])


def test_networks_that_do_not_vary_have_zeros():
    X = np.random.default_rng(0).normal(size=(50, 2))
    dead = SparseMLP([[[1.0], [0.0]], [[0.0]]], [[0.0], [3.0]], [["tanh"]])
    flat = SparseMLP([[[1.0], [1.0]]], [[0.0]], [])
    constant, unseen, alone = variance_shares([SparseMLP.constant(2, 1.0), dead, flat], np.ones((50, 2)))
    assert len(constant) == len(unseen) == 0 and alone.tolist() == [0.0, 0.0]
    assert variance_shares([flat], X[:1])[0].tolist() == [0.0, 0.0]


def test_weights_count_rows_and_zero_weights_leave_them_out():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(500, 2)) * [1.0, 0.0], rng.normal(size=(500, 2)) * [0.0, 1.0]]
    network = SparseMLP([[[1.0], [1.0]]], [[0.0]], [])
    for share in (0.0, 0.3, 1.0):
        (shares,) = variance_shares([network], X, np.repeat([1 - share, share], 500) + 0.0)
        np.testing.assert_allclose(shares, [1 - share, share], atol=0.06)


def test_values_beyond_float64_are_no_obstacle():
    network = SparseMLP([[[1e308], [1.0]]], [[0.0]], [])
    X = np.array([[1.0, 1.0], [-1.0, 2.0], [0.5, 3.0]])
    assert variance_shares([network], X)[0].tolist() == [1.0, 0.0]


def test_only_columns_in_use_are_copied():
    X = np.broadcast_to(np.random.default_rng(0).normal(size=(4000, 1)), (4000, 10**7))  # 300 GB if it were copied
    coef = np.zeros((10**7, 1))
    coef[5] = 1.0
    assert variance_shares([SparseMLP([coef], [[0.0]], [])], X)[0].tolist() == [1.0]


def test_many_networks_are_looked_at_on_fewer_rows():
    X = np.random.default_rng(0).normal(size=(100, 3))
    network = SparseMLP([[[1.0], [2.0], [3.0]]], [[0.0]], [])
    few, many = variance_shares([network], X), variance_shares([network] * 50, X, most_products=100)
    np.testing.assert_allclose(many[7], few[0], atol=0.25)
    assert all(np.array_equal(one, many[0]) for one in many) and not np.array_equal(many[0], few[0])


# --- of estimators


def test_regressor_has_the_shares_of_the_network_it_runs(refined, table):
    model = refined(n_rounds=1).fit(*table)
    for index, network in enumerate(model.networks_):
        found = model.select(index=index).feature_importances_
        assert found.shape == (3,) and np.flatnonzero(found).tolist() == network.used_features.tolist()
        assert found.sum() == pytest.approx(1.0 if len(network.used_features) else 0.0)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.feature_importances_, model.feature_importances_)
    assert np.array_equal(refined(n_rounds=1).fit(*table).select(index=-1).feature_importances_, found)
    with pytest.raises(AttributeError):
        _ = copy.copy(refined()).feature_importances_


def test_shares_are_those_of_the_function(refined):
    X = np.random.default_rng(0).normal(size=(400, 4))
    y = 3 * np.tanh(X[:, 0]) + X[:, 2]
    found = refined().fit(X, y).feature_importances_
    expected = np.array([(3 * np.tanh(X[:, 0])).var(), 0, X[:, 2].var(), 0])
    np.testing.assert_allclose(found, expected / expected.sum(), atol=0.06)


@pytest.mark.parametrize("y", [np.full(80, 2.0), np.c_[np.full(80, 2.0), np.full(80, 3.0)]])
def test_constant_target_has_zeros(refined, table, y):
    assert refined().fit(table[0], y).feature_importances_.tolist() == [0.0] * 3


def test_several_targets_with_a_constant_one(refined, table):
    X, y = table
    model = refined(n_rounds=0).fit(X, np.c_[y, np.full(len(y), 3.0), -5 * y]).select(index=-1)
    assert model.feature_importances_.sum() == pytest.approx(1)
    assert (model.feature_importances_ > 0).tolist() == model.support_.tolist()


def test_weighted_rows_count_as_repeated_ones(refined, table):
    X, y = table
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = refined(n_rounds=0).fit(X, y, sample_weight=weight)
    repeated = refined(n_rounds=0).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert np.array_equal(weighted.feature_importances_, repeated.feature_importances_)


def test_compressor_has_shares_too(table, tiny_checkpoint):
    teacher = SparseMLP([[[1.0], [0.5], [0.0]], [[2.0]]], [[0.1], [3.0]], [["tanh"]])
    settings = {"depths": (1,), "n_restarts": 2, "n_rounds": 0, "split": False, "random_state": 0}
    model = SWATCompressor(teacher, checkpoint=str(tiny_checkpoint), **settings).fit(table[0])
    assert model.feature_importances_.sum() == pytest.approx(1) and model.feature_importances_[2] < 0.05
    constant = SWATCompressor(SparseMLP.constant(3, 1.0), random_state=0, checkpoint=str(tiny_checkpoint)).fit(table[0])
    assert constant.feature_importances_.tolist() == [0.0] * 3


def test_columns_are_selected_in_a_pipeline(refined):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 4)), columns=["a", "noise", "b", "other"])
    y = 2 * X["a"] - X["b"] + 0.01 * rng.normal(size=200)
    model = make_pipeline(SelectFromModel(refined(), threshold=0.05), LinearRegression())
    assert model.fit(X, y).score(X, y) > 0.99
    assert model[0].get_feature_names_out().tolist() == ["a", "b"]
    fitted = refined().fit(X, y)
    best = SelectFromModel(fitted, prefit=True, max_features=1, threshold=-np.inf).fit(X)
    assert best.get_feature_names_out().tolist() == ["a"]

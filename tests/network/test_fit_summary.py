"""What a network keeps of the rows it was fitted to."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from sk_swat import SparseMLP, SWATCompressor
from sk_swat.network.fit_summary import FitSummary

SUMMARY = FitSummary([2004.0, 3.0], [11.5, 0.0], [0.3], [1.2], [0.5, 1e-5])


@pytest.fixture
def network():
    return SparseMLP(
        [[[1.0, 0.0], [0.0, 0.0]], [[2.0], [1.0]]], [[0.0, 1.0], [3.0]], [["tanh"] * 2], None, None, SUMMARY
    )


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: SparseMLP.from_json(one.to_json()),
        lambda one: one.prune(),
        lambda one: one.with_names(["a", "b"]),
    ],
)
def test_summary_stays_with_the_network(network, copied):
    assert copied(network).fit_summary == SUMMARY


def test_summary_does_not_count_in_comparisons(network):
    assert network == network.with_fit_summary(None)


def test_scaled_network_has_the_summary_of_the_new_units(network):
    rng = np.random.default_rng(0)
    X, y = rng.normal([2004.0, 3.0], [11.5, 2.0], size=(50, 2)), rng.normal(size=50)
    inside = FitSummary(X.mean(axis=0), X.std(axis=0), [y.mean()], [y.std()], [0.1])
    scaled = network.with_fit_summary(inside).with_scaling([5.0, 6.0], [2.0, 0.5], -3.0, 10.0).fit_summary
    X, y = X * [2.0, 0.5] + [5.0, 6.0], 10.0 * y - 3.0
    np.testing.assert_allclose(scaled.mean, X.mean(axis=0))
    np.testing.assert_allclose(scaled.spread, X.std(axis=0))
    np.testing.assert_allclose([scaled.target_mean[0], scaled.target_spread[0]], [y.mean(), y.std()])
    assert scaled.rounding_losses == ()  # those of other numbers
    assert network.with_inputs(np.eye(2)).fit_summary is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [1.0]}, "`mean` of a fit summary must hold 2 numbers, got 1"),
        ({"target_spread": [1.0, 2.0]}, "`target_spread` of a fit summary must hold 1 numbers, got 2"),
        ({"spread": [1.0, -2.0]}, r"`spread` of a fit summary must hold numbers of at least 0, got -2\.0"),
        ({"target_mean": [np.nan]}, "`target_mean` of a fit summary must hold finite numbers, got nan"),
        ({"mean": None}, "`mean` of a fit summary must hold finite numbers: "),
    ],
)
def test_impossible_summary_is_refused(network, change, message):
    with pytest.raises(ValueError, match=message):
        network.with_fit_summary(replace(SUMMARY, **change))


@pytest.mark.parametrize("n_targets", [1, 2])
def test_fit_keeps_means_and_spreads_with_every_network(refined, table, n_targets):
    X, y = table[0] * [1.0, 100.0, 0.01] + [0.0, 5000.0, 0.0], table[1]
    y = np.c_[y + 7.0, np.full(len(y), 4.0)][:, :n_targets]
    model = refined(n_rounds=0).fit(X, y[:, 0] if n_targets == 1 else y)
    found = model.network_.fit_summary
    assert [replace(one.fit_summary, rounding_losses=()) for one in model.networks_] == (
        [replace(found, rounding_losses=())] * len(model.networks_)
    )
    np.testing.assert_allclose(found.spread, X.std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.mean[1], X[:, 1].mean(), rtol=1e-9)
    np.testing.assert_allclose(found.target_mean, y.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.target_spread, y.std(axis=0), rtol=1e-9, atol=1e-15)
    again = model.select(max_nonzero=3).network_.fit_summary
    assert replace(again, rounding_losses=()) == replace(found, rounding_losses=())


def test_spreads_count_rows_by_their_weights(refined, table):
    X, y = table
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    found = refined(n_rounds=0).fit(X, y, sample_weight=weight).network_.fit_summary
    np.testing.assert_allclose(found.spread, X.repeat(weight, axis=0).std(axis=0))
    np.testing.assert_allclose(found.target_mean[0], y.repeat(weight).mean())


def test_compressor_keeps_means_and_spreads(table, tiny_checkpoint):
    X = table[0]
    teacher = SparseMLP([[[1.0], [0.5], [0.0]], [[2.0]]], [[0.1], [3.0]], [["tanh"]])
    settings = {"depths": (1,), "n_restarts": 2, "n_rounds": 0, "split": False, "random_state": 0}
    model = SWATCompressor(teacher, checkpoint=str(tiny_checkpoint), **settings).fit(X)
    found = model.network_.fit_summary
    np.testing.assert_allclose(found.spread, X.std(axis=0))
    np.testing.assert_allclose(found.target_mean[0], teacher.predict(X).mean())


def test_summary_of_a_path_is_stored_once(refined):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 300))
    model = refined(n_rounds=0).fit(X, X[:, 0] + X[:, 1] ** 2)
    assert len(model.networks_) > 2
    plain = copy.deepcopy(model)
    plain._path = plain._path.with_networks([one.with_fit_summary(None) for one in plain._path.networks])
    plain.network_ = plain.network_.with_fit_summary(None)
    assert len(pickle.dumps(model)) - len(pickle.dumps(plain)) < 2.5 * 2 * 300 * 9

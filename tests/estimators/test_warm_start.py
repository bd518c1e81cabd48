"""Fits that go on from the network of an earlier one."""

import pickle

import numpy as np
import pytest
import torch

from sk_swat import SWATRegressor
from sk_swat.network.hard import batch_of
from sk_swat.network.scaling import Standardisation, standardise


@pytest.fixture
def rows():
    """400 rows, of which the first 150 cover half of the range."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(400, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, 3.0]
    X[:150, 0] = -np.abs(X[:150, 0])
    return X, 100 + 7 * np.tanh(2 * X[:, 0]) + 0.3 * (X[:, 1] - 50) + 0.05 * rng.normal(size=400)


def test_network_is_the_same_function_in_standardised_units(rows):
    X, y = rows
    model = SWATRegressor(depths=(2,), n_restarts=4, n_rounds=0, random_state=0).fit(X, y)
    scaling = Standardisation.of(X[:150], y[:150])
    network = standardise(model.network_, scaling)
    inputs = scaling.inputs(X)
    np.testing.assert_allclose(network.predict(inputs), scaling.target(model.predict(X)), atol=1e-9)
    batch = batch_of([network, network], 8)
    assert batch.mask[0].shape == (2, 8)
    outputs = batch.forward(torch.tensor(inputs))
    np.testing.assert_allclose(outputs[1].numpy(), network.predict(inputs), atol=1e-12)


@pytest.mark.parametrize("depths", [(1,), (1, 2)])
def test_fit_goes_on_when_rows_were_added(refined, rows, depths):
    X, y = rows
    model = refined(warm_start=True, depths=depths, n_rounds=3).fit(X[:150], y[:150])
    old, latent = model.network_, model.latent_
    model.set_params(n_rounds=0, n_restarts=1).fit(X, y)  # hardly anything new
    afresh = refined(depths=depths, n_rounds=0, n_restarts=1).fit(X, y)
    variance = np.var(y)
    same_size = model.select(max_nonzero=old.n_nonzero)
    assert same_size.latent_.shape == latent.shape
    error = np.mean((same_size.predict(X) - y) ** 2) / variance
    assert error < 0.9 * np.mean((old.predict(X) - y) ** 2) / variance
    assert error < 0.5 * np.mean((afresh.select(max_nonzero=old.n_nonzero).predict(X) - y) ** 2) / variance


def test_more_rounds_never_lose_what_there_was(refined, rows):
    model = refined(warm_start=True, n_rounds=1).fit(*rows)
    for _ in range(3):
        size, before = model.n_nonzero_, np.mean((model.predict(rows[0]) - rows[1]) ** 2)
        model.fit(*rows).select(max_nonzero=size)
        assert np.mean((model.predict(rows[0]) - rows[1]) ** 2) < 1.02 * before


def test_candidates_hold_the_previous_start_as_well(refined, table):
    model = refined(warm_start=True).fit(*table).fit(*table)
    assert len(model.candidates_["depth"]) == 5


@pytest.mark.parametrize(
    "change",
    [{"activations": ("leaky_relu",)}, {"depths": (2,)}],
    ids=["activations", "depths"],
)
def test_network_that_may_no_longer_be_found_is_not_kept(refined, rows, change):
    model = refined(warm_start=True, activations=("tanh",)).fit(*rows)
    model.set_params(**change).fit(*rows)
    for network in model.networks_[1:]:
        assert network.depth in model.depths
        assert {name for layer in network.activations for name in layer} <= set(model.activations)


def test_other_tables_begin_afresh(refined, rows):
    X, y = rows
    expected = refined().fit(X[:, :2], y).predict(X[:, :2])
    model = refined(warm_start=True).fit(X, y).fit(X[:, :2], y)
    np.testing.assert_array_equal(model.predict(X[:, :2]), expected)
    both = np.c_[y, X[:, 0]]
    assert refined(warm_start=True).fit(X, y).fit(X, both).predict(X).shape == (400, 2)
    assert refined(warm_start=True).fit(X, both).fit(X, y).predict(X).shape == (400,)
    constant = refined(warm_start=True).fit(X, y).fit(X, np.full(400, 3.0))
    assert constant.fit(X, y).score(X, y) > 0.5


def test_pickled_fit_goes_on(refined, rows):
    model = refined(warm_start=True).fit(*rows)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.fit(*rows).predict(rows[0]), model.fit(*rows).predict(rows[0]))

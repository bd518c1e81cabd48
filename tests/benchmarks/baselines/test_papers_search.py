"""PapersSearchRegressor: the descent of the papers alone, and the networks it leaves."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from benchmarks.baselines import papers_search
from benchmarks.baselines.papers_search import PapersSearchRegressor
from benchmarks.baselines.random_networks import RandomNetworkRegressor
from benchmarks.models import MODELS
from sk_swat import LatentDescentRegressor, SWATRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    return X, np.tanh(2 * X[:, 0] - X[:, 1]) + 0.5 * np.sin(4 * X[:, 0]) * X[:, 1]


@pytest.fixture(scope="module")
def fitted(table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return PapersSearchRegressor(depths=(1, 2), n_restarts=8, max_iter=60, random_state=0).fit(*table)


def test_search_is_that_of_the_papers(table, monkeypatch):
    """Normal latents, gradient steps, decoded output layer, four decoders, three activations, no refinement."""
    searched = []

    class Spy(LatentDescentRegressor):
        def fit(self, X, y):
            searched.append(self)
            return super().fit(X, y)

    monkeypatch.setattr(papers_search, "LatentDescentRegressor", Spy)
    MODELS["papers' search"](3).set_params(max_iter=1, n_restarts=1).fit(*table)
    assert [one.depths for one in searched] == [(1,), (2,), (3,), (4,)]
    for one in searched:
        assert (one.init, one.readout, one.n_generations) == ("random", "decoded", 0)
        assert one.activations == ("sigmoid", "tanh", "leaky_relu")
        assert one.max_iter == 1
    assert len({one.random_state for one in searched}) == 1  # all are judged on the same rows


def test_gradient_steps_help(table):
    one = PapersSearchRegressor(depths=(2,), n_restarts=8, random_state=0)
    still, moved = (clone(one).set_params(max_iter=steps).fit(*table) for steps in (0, 60))
    assert moved.score(*table) > still.score(*table) + 0.2


def test_larger_networks_of_the_path_are_better_on_held_out_rows(fitted):
    sizes, r2 = np.array(fitted.path_["n_nonzero"]), np.array(fitted.path_["r2_validation"])
    assert len(sizes) > 1
    assert (np.diff(sizes) > 0).all() and (np.diff(r2) > 0).all()


def test_selection_keeps_to_the_limit_and_predicts(fitted, table):
    for size in np.array(fitted.path_["n_nonzero"]).tolist():
        model = copy.copy(fitted)
        assert model.select(max_nonzero=size, sparsity=0, compactness=0).n_nonzero_ == size
        np.testing.assert_array_equal(model.predict(table[0]), model.network_.predict(table[0]))


def test_selection_without_conditions_is_that_of_fit(fitted):
    model = copy.copy(fitted)
    model.select(index=0)
    assert model.select().network_ == fitted.network_


def test_same_seed_gives_the_same_path(fitted, table):
    assert clone(fitted).fit(*table).networks_ == fitted.networks_


def test_fitted_model_pickles_and_has_importances(fitted, table):
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copied.predict(table[0]), fitted.predict(table[0]))
    assert copied.feature_importances_.sum() == pytest.approx(1, abs=0.2)


def test_negative_price_is_refused(table):
    with pytest.raises(ValueError, match="sparsity"):
        PapersSearchRegressor(sparsity=-1.0, random_state=0).fit(*table)


def test_random_networks_have_the_defaults_of_the_regressor():
    """Rounds, blocks, starts and prices: nothing but the space differs."""
    assert RandomNetworkRegressor().get_params() == SWATRegressor().get_params()
    ours, random = (MODELS[name](3) for name in ("SWATRegressor", "random networks"))
    assert type(random) is RandomNetworkRegressor
    assert ours.get_params() == random.get_params()

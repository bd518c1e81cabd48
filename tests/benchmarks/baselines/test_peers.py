"""Peers: found if installed, named if not, counted as documented; the real ones run where they are installed."""

import random
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from benchmarks.baselines.peer_wrappers import KANRegressor, LassoNetPathRegressor
from benchmarks.baselines.peers import PEERS, count_peer_parameters, make_peer
from sk_swat.cli.comparison import last_step

SHORT = {
    "ExplainableBoostingRegressor": {"outer_bags": 2, "max_rounds": 100},
    "LassoNetRegressor": {"hidden_dims": (10,), "path_multiplier": 1.5},
    "KAN": {"max_iter": 5, "penalties": (0.0,), "hidden": 3},
    "OperonRegressor": {"max_evaluations": 5000, "population_size": 100},
}


class Mean(RegressorMixin, BaseEstimator):
    """Stands for a peer."""

    def __init__(self, random_state=None, allowed_symbols="", max_evaluations=0, **_):
        self.random_state = random_state
        self.allowed_symbols = allowed_symbols
        self.max_evaluations = max_evaluations

    @classmethod
    def _get_param_names(cls):
        return ["allowed_symbols", "max_evaluations", "random_state"]


@pytest.fixture
def modules(monkeypatch):
    """Make peers importable as fakes (a class) or not at all (None)."""

    def install(name, found):
        peer = PEERS[name]
        parts = peer.module.split(".")
        for depth in range(1, len(parts) + 1):
            module = None if found is None else ModuleType(".".join(parts[:depth]))
            monkeypatch.setitem(sys.modules, ".".join(parts[:depth]), module)
        if found is not None:
            setattr(sys.modules[peer.module], peer.name, found)

    return install


@pytest.mark.parametrize("name", PEERS)
def test_missing_package_is_named(name, modules):
    modules(name, None)
    package = PEERS[name].package
    with pytest.raises(
        ImportError, match=f"{PEERS[name].name} needs the package `{package}`; install {package}, or sk_swat with"
    ):
        make_peer(name)


def test_module_without_the_class_is_not_the_peer(modules, monkeypatch):
    """Another package of the same module name, as there are several called kan."""
    modules("KAN", Mean)
    monkeypatch.delattr(sys.modules["kan"], "KAN")
    with pytest.raises(ImportError, match="KAN needs the package `pykan`"):
        make_peer("KAN")


def test_unknown_name_and_wrong_seed_are_refused(modules):
    with pytest.raises(ValueError, match=r"`name` must name some of ExplainableBoostingRegressor, .*, got 'XGBoost'"):
        make_peer("XGBoost")
    modules("OperonRegressor", Mean)
    with pytest.raises(TypeError, match="`random_state` must be an integer"):
        make_peer("OperonRegressor", random_state=None)


def test_settings_and_seed_reach_the_peer(modules):
    modules("OperonRegressor", Mean)
    model = make_peer("OperonRegressor", random_state=7, max_evaluations=5)
    regressor = last_step(model)
    assert isinstance(regressor, Mean) and "StandardScaler" in repr(model)
    assert (regressor.random_state, regressor.max_evaluations) == (7, 5)
    assert "sin" in regressor.allowed_symbols


def test_parameters_of_a_boosting_are_scores_edges_and_intercept():
    # two columns of 4 and 3 bins and their pair at a coarser resolution; the second column is categorical
    model = SimpleNamespace(
        term_scores_=[np.zeros(4), np.zeros(3), np.zeros((3, 3))],
        bins_=[[np.array([0.5]), np.array([])], [{"a": 1}]],
        intercept_=0.25,
    )
    assert count_peer_parameters(model) == 4 + 3 + 9 + 1 + 0 + 1 + 1


def test_parameters_of_a_formula_are_its_leaves():
    nodes = [SimpleNamespace(Arity=arity) for arity in (0, 0, 2, 0, 1, 2)]  # a b * c sin +
    assert count_peer_parameters(SimpleNamespace(model_=SimpleNamespace(Nodes=nodes))) == 3


def test_parameters_of_anything_else_are_refused():
    with pytest.raises(TypeError, match=r"`model` must be one of ExplainableBoostingRegressor, .*fitted, got Ridge"):
        count_peer_parameters(Ridge())


# --- the real ones


@pytest.fixture(scope="module")
def wavy():
    rng = np.random.default_rng(0)
    X = rng.uniform(-5, 15, size=(300, 3))
    return X, 100 + 20 * np.tanh(X[:, 0] / 4) + X[:, 1]


def real(name, **parameters):
    pytest.importorskip(PEERS[name].module, exc_type=ImportError)
    return make_peer(name, random_state=1, **(SHORT[name] | parameters))


SLOW_ONES = [pytest.param(name, marks=pytest.mark.slow if "Lasso" in name else ()) for name in PEERS]


@pytest.mark.parametrize("name", SLOW_ONES)
def test_peer_learns_repeats_itself_is_quiet_and_leaves_the_generators_alone(name, wavy, capfd, tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    X, y = wavy
    model = real(name)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    assert model.fit(X[:200], y[:200]) is model
    prediction = model.predict(X)
    assert prediction.shape == (300,) and prediction.dtype.kind == "f"
    assert r2_score(y[200:], prediction[200:]) > 0.8
    np.testing.assert_allclose(
        clone(model).fit(X[:200], y[:200]).predict(X), prediction, rtol=1e-2 if name == "KAN" else 1e-6
    )
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), states[2]) and torch.get_default_dtype() == torch.float32
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_parameters_of_a_real_boosting(wavy):
    model = real("ExplainableBoostingRegressor", interactions=0, max_bins=8).fit(*wavy)
    # three columns of 8 bins each, one of them for missing values, and one more for unknown ones
    edges = sum(len(resolutions[0]) for resolutions in model.bins_)
    assert count_peer_parameters(model) == sum(len(scores) for scores in model.term_scores_) + edges + 1


@pytest.mark.slow
def test_parameters_of_a_real_lassonet(wavy):
    model = real("LassoNetRegressor").fit(*wavy)
    network = last_step(model).network_
    n_parameters = count_peer_parameters(model)
    assert 0 < n_parameters <= 3 * 10 + 10 + 10 + 1 + 3
    network.skip.weight.data[0, 0] = 0.0
    network.layers[0].weight.data[:, 0] = 0.0
    assert count_peer_parameters(model) < n_parameters


def test_parameters_of_a_real_kan(wavy):
    model = real("KAN").fit(*wavy)
    # 3 x 3 + 3 edges, each with 5 + 3 coefficients and two scales
    assert count_peer_parameters(model) == 12 * (8 + 2)


def test_parameters_of_a_real_formula(wavy):
    model = real("OperonRegressor").fit(*wavy)
    regressor = last_step(model)
    text = regressor.get_model_string(regressor.model_, 3)
    n_variables = text.count("X")
    assert n_variables <= count_peer_parameters(model) <= regressor.stats_["model_length"]


@pytest.mark.parametrize("name", ["KAN", pytest.param("LassoNetRegressor", marks=pytest.mark.slow)])
def test_constant_target_is_repeated(name, wavy):
    model = real(name).fit(wavy[0][:40], np.full(40, 3.0))
    np.testing.assert_allclose(model.predict(wavy[0]), 3.0, atol=0.2)


def test_kan_keeps_the_better_of_its_penalties(wavy):
    X, y = wavy
    sparse, plain, both = (real("KAN", penalties=penalties).fit(X, y) for penalties in ((100.0,), (0.0,), (0.0, 100.0)))
    np.testing.assert_allclose(both.predict(X), plain.predict(X), rtol=1e-2)
    assert not np.allclose(sparse.predict(X), plain.predict(X), rtol=0.05)


@pytest.mark.parametrize("wrapper", [KANRegressor, LassoNetPathRegressor])
def test_wrapper_refuses_a_wrong_share_of_rows(wrapper, wavy):
    with pytest.raises(ValueError, match="`validation_fraction` must be a number in"):
        wrapper(validation_fraction=1.0).fit(*wavy)

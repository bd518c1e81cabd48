"""SWATCompressor: teachers of every kind, what is kept and reported, and clear errors."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor

from sk_swat import SparseMLP, SWATCompressor

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


@pytest.fixture(scope="module")
def compress(tiny_checkpoint):
    """Factory of compressors that take about a second with the tiny autoencoder."""
    short = {"depths": (1,), "n_restarts": 4, "n_rounds": 0, "n_generated": 100, "random_state": 0}

    def make(estimator, **parameters):
        return SWATCompressor(estimator, **(short | {"checkpoint": str(tiny_checkpoint)} | parameters))

    return make


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(300, 2))
    return X, np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1]


@pytest.fixture(scope="module")
def fresh():
    return np.random.default_rng(1).uniform(-2, 2, size=(200, 2))


def mlp(hidden_layer_sizes=(20,), **parameters):
    settings = {"activation": "tanh", "solver": "lbfgs", "max_iter": 300, "random_state": 0} | parameters
    return MLPRegressor(hidden_layer_sizes=hidden_layer_sizes, **settings)


@pytest.fixture(scope="module")
def teacher(rows):
    return mlp().fit(*rows)


@pytest.fixture(scope="module")
def fitted(compress, teacher, rows):
    """A fitted compressor; tests that change it take a copy."""
    return compress(teacher).fit(rows[0])


def sequential(*widths, n_in=2, n_out=1):
    sizes = [n_in, *widths]
    hidden = [
        part
        for shape in zip(sizes, widths, strict=False)
        for part in (torch.nn.Linear(*shape), torch.nn.Tanh(), torch.nn.Dropout(0.1))
    ]
    model = torch.nn.Sequential(*hidden, torch.nn.Linear(sizes[-1], n_out))
    with torch.no_grad():
        for part in model.parameters():
            part *= 2.5
    return model


def fidelity(teacher, compressor, X):
    return r2_score(teacher.predict(X), compressor.predict(X))


# --- teachers


def test_network_is_compressed_faithfully(fitted, teacher, fresh):
    assert fitted.n_nonzero_before_ == 3 * 20 + 21
    assert fidelity(teacher, fitted, fresh) > 0.99
    assert fitted.n_nonzero_ < fitted.n_nonzero_before_
    assert fitted.estimator_ is teacher


def test_any_regressor_is_a_teacher(compress, rows, fresh):
    teacher = HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(*rows)
    model = compress(teacher, n_generated=None).fit(rows[0])
    assert model.n_nonzero_before_ is None
    assert model.subnetworks_ == []
    assert set(model.path_["origin"]) == {"latent space"}
    assert fidelity(teacher, model, fresh) > 0.7


@pytest.mark.usefixtures("seeded")
def test_sequential_is_compressed_in_evaluation_mode(compress, rows, fresh):
    teacher = sequential(12, 12)
    model = compress(teacher).fit(rows[0])
    with torch.no_grad():
        expected = copy.deepcopy(teacher).eval()(torch.from_numpy(fresh).float())[:, 0].numpy()
    assert r2_score(expected, model.predict(fresh)) > 0.98
    assert teacher.training


def test_network_of_many_layers_goes_to_two(compress, rows, fresh):
    rng = np.random.default_rng(3)
    sizes = [2, *[7] * 9, 1]
    coefs = [rng.normal(size=shape) * 1.4 / np.sqrt(shape[0]) for shape in pairwise(sizes)]
    teacher = SparseMLP(coefs, [0.3 * rng.normal(size=n) for n in sizes[1:]], [["tanh"] * 7] * 9)
    model = compress(teacher, depths=(2,), n_generated=500, n_rounds=1).fit(rows[0])
    assert model.depth_ <= 2
    assert [part["name"] for part in model.subnetworks_] == ["layers 1 to 5", "layers 6 to 9"]
    assert fidelity(teacher, model, fresh) > 0.99


def test_rare_events_are_not_taken_for_noise(compress):
    X = np.random.default_rng(0).uniform(-2, 2, size=(300, 1))
    teacher = SparseMLP([[[9.0]], [[1.0]]], [[-12.0], [0.0]], [["gaussian"]])  # not zero for one row in twenty
    assert compress(teacher).fit(X).depth_ == 1


def test_small_network_finds_itself_again(compress, rows, fresh):
    teacher = SparseMLP([[[1.5, 0.0], [0.0, -2.0]], [[1.0], [2.0]]], [[0.3, 0.0], [1.0]], [["tanh", "sine"]])
    model = compress(teacher).fit(rows[0])
    path = model.path_
    assert "encoded teacher" in set(path["origin"])
    best = path["n_nonzero"][path["r2_validation"] > 1 - 1e-9]
    assert best.min() <= teacher.n_nonzero + 1  # the shift of a column may need a bias
    assert fidelity(teacher, model, fresh) > 0.9999


def three_outputs(rows, width):
    X, y = rows
    return mlp((width,)).fit(X, np.column_stack([y, X[:, 0] ** 2, 1e3 * X[:, 1]]))


def test_several_outputs_share_one_network(compress, rows, fresh):
    teacher = three_outputs(rows, 12)
    model = compress(teacher).fit(rows[0])
    assert model.predict(fresh).shape == (200, 3)
    assert fidelity(teacher, model, fresh) > 0.98


def test_wide_teacher_of_several_outputs_is_split_by_neurons_too(compress, rows, fresh):
    teacher = three_outputs(rows, 30)
    model = compress(teacher).fit(rows[0])
    splits = {part["split"] for part in model.subnetworks_}
    assert splits == {"neurons (1 x 2)", "neurons (1 x 3)", "outputs (depth 1)"}
    assert fidelity(teacher, model, fresh) > 0.9  # three targets through a tiny random autoencoder


def test_outputs_that_do_not_vary_stay_exact(compress, rows, fresh):
    teacher = SparseMLP(
        [np.eye(2), [[1.0, 0.0, 0.0], [1.0, 0.0, 2.0]]], [[0.0, 0.0], [0.0, 7.5, 0.0]], [["tanh", "sine"]]
    )
    model = compress(teacher).fit(rows[0])
    np.testing.assert_array_equal(model.predict(fresh)[:, 1], 7.5)
    assert fidelity(teacher, model, fresh) > 0.99
    constant = compress(SparseMLP.constant(2, 3.0)).fit(rows[0])
    np.testing.assert_array_equal(constant.predict(fresh), 3.0)
    assert constant.fidelity_ == 1.0 and list(constant.path_["origin"]) == ["constant"]


def test_table_that_does_not_vary_gives_a_constant(compress, teacher):
    X = np.ones((20, 2))
    model = compress(teacher).fit(X)
    np.testing.assert_allclose(model.predict(X), teacher.predict(X))


def test_fidelity_of_a_constant_is_that_of_what_the_teacher_says(compress, teacher, rows):
    model = compress(teacher, objective="accuracy").fit(rows[0], np.full(300, 2.0))
    assert model.fidelity_ == pytest.approx(r2_score(teacher.predict(rows[0]), np.full(300, 2.0)))
    assert model.fidelity_ <= 0


@pytest.mark.parametrize("objective", ["fidelity", "accuracy"])
def test_only_varying_output_of_several_is_searched(compress, rows, objective):
    X, y = rows
    teacher = LinearRegression().fit(X, np.c_[np.full(300, 3.0), y, np.full(300, -1.0)])
    model = compress(teacher, objective=objective).fit(X, np.c_[np.full(300, 3.0), y, np.full(300, -1.0)])
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted[:, [0, 2]], [[3.0, -1.0]] * 300, atol=1e-9)
    assert r2_score(y if objective == "accuracy" else teacher.predict(X)[:, 1], predicted[:, 1]) > 0.5


# --- settings


def test_targets_are_not_read_for_fidelity(compress, teacher, rows, fitted):
    again = compress(teacher).fit(rows[0], np.random.default_rng(0).normal(size=300))
    assert again.network_ == fitted.network_


def test_accuracy_fits_the_targets_and_not_the_teacher(compress, rows, fresh):
    X, y = rows
    teacher = mlp().fit(X, y + X[:, 1])  # knows something else
    faithful = compress(teacher).fit(X, y)
    accurate = compress(teacher, objective="accuracy").fit(X, y)
    expected = np.sin(2 * fresh[:, 0]) + fresh[:, 0] * fresh[:, 1]
    assert r2_score(expected, accurate.predict(fresh)) > 0.9 > r2_score(expected, faithful.predict(fresh))
    assert accurate.fidelity_ < 0.9 < faithful.fidelity_
    assert accurate.fidelity_ == pytest.approx(r2_score(teacher.predict(X), accurate.predict(X)))


@pytest.mark.slow
def test_accuracy_holds_rows_out_of_a_longer_table(compress):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 2))
    exact = np.column_stack([np.tanh(X[:, 0]) + X[:, 1], X[:, 0] - np.tanh(2 * X[:, 1])])
    y = exact + 0.3 * rng.normal(size=exact.shape)
    model = compress(mlp((10,)).fit(X, y), objective="accuracy").fit(X, y)
    assert r2_score(exact, model.predict(X)) > 0.97
    assert all(part["r2"] > 0.95 for part in model.subnetworks_)  # of the outputs of the teacher, in the same order


def test_split_adds_what_comes_from_the_teacher(fitted, compress, teacher, rows):
    alone = compress(teacher, split=False).fit(rows[0])
    assert alone.subnetworks_ == []
    assert set(alone.path_["origin"]) == {"latent space"}
    assert set(fitted.path_["origin"]) & {"pruned teacher", "split by neurons (1 x 2)"}
    assert len(fitted.subnetworks_) == 2
    assert all(part["r2"] > 0.9 and part["n_after"] <= 8 for part in fitted.subnetworks_)
    assert [part["n_before"] for part in fitted.subnetworks_] != [20, 20]
    assert sum(part["n_before"] for part in fitted.subnetworks_) == 20


def test_generated_rows_make_up_for_few(compress, teacher, rows, fresh):
    few = rows[0][:25]
    without, with_more = (compress(teacher, n_generated=n).fit(few) for n in (0, 1000))
    assert fidelity(teacher, with_more, fresh) > fidelity(teacher, without, fresh)


def test_limit_and_prices_choose(fitted, compress, teacher, rows):
    limited = compress(teacher, max_nonzero=12).fit(rows[0])
    assert limited.n_nonzero_ <= 12
    dear = compress(teacher, sparsity=0.01).fit(rows[0])
    assert dear.n_nonzero_ < fitted.n_nonzero_
    assert dear.networks_ == fitted.networks_


def test_activations_are_restricted(compress, teacher, rows):
    model = compress(teacher, activations=("sine",)).fit(rows[0])
    assert {name for network in model.networks_ for layer in network.activations for name in layer} == {"sine"}
    assert len(model.subnetworks_) == 2


def test_equal_seeds_give_equal_networks_on_any_number_of_threads(compress, teacher, rows, fitted):
    assert compress(teacher, n_jobs=2).fit(rows[0]).networks_ == fitted.networks_
    assert compress(teacher, random_state=1).fit(rows[0]).networks_ != fitted.networks_


def test_time_limit_ends_the_search_early(compress, teacher, rows):
    model = compress(teacher, time_limit=1e-3, n_rounds=50).fit(rows[0])
    assert np.isfinite(model.predict(rows[0])).all()
    assert not any(stage["name"].startswith("round") for stage in model.fit_report_)


# --- what is kept


def test_fidelity_is_that_of_held_out_rows(fitted, teacher, fresh):
    path = fitted.path_
    assert fitted.fidelity_ == path["r2_validation"][path["chosen"]].item()
    assert fitted.fidelity(fresh) == pytest.approx(fidelity(teacher, fitted, fresh))


def test_select_moves_along_the_path(fitted, fresh):
    model = copy.deepcopy(fitted)
    before = model.fidelity_
    model.select(max_nonzero=10)
    assert model.n_nonzero_ <= 10
    assert model.fidelity_ < before
    model.select(min_r2=0.95)
    assert model.fidelity_ >= 0.95
    assert len(model.coefs_) == model.depth_ + 1


def test_stages_of_the_fit_are_recorded(fitted):
    names = [stage["name"] for stage in fitted.fit_report_]
    assert names == ["latent search", "split", "polish and prune", "last polish"]
    gains = [stage["r2_after"] for stage in fitted.fit_report_[:-1]]
    assert gains == sorted(gains)
    assert [record["depth"] for record in fitted.search_report_] == [1]


def test_report_compares_before_and_after(fitted, teacher, rows, fresh):
    y = np.sin(2 * fresh[:, 0]) + fresh[:, 0] * fresh[:, 1]
    table = fitted.report(fresh, y)
    assert isinstance(table, pd.DataFrame)
    assert list(table["model"]) == ["MLPRegressor", "SparseMLP"]
    assert list(table["n_nonzero"]) == [81, fitted.n_nonzero_]
    assert list(table["fidelity"]) == [1.0, pytest.approx(fitted.fidelity(fresh))]
    assert table["r2"].tolist() == [pytest.approx(r2_score(y, one.predict(fresh))) for one in (teacher, fitted)]
    assert table["n_bytes"][1] == len(pickle.dumps(fitted.network_)) < table["n_bytes"][0]
    assert (table["seconds"] > 0).all()
    assert "r2" not in fitted.report(fresh)


def test_exports_and_displays_work_as_on_a_regressor(fitted, fresh):
    plt = pytest.importorskip("matplotlib.pyplot")
    from sk_swat.displays import NetworkDisplay, PathDisplay

    assert "tanh" in fitted.to_c() or "sin" in fitted.to_c()
    scope = {}
    exec(fitted.to_python(), scope)
    module = fitted.to_torch()
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(fresh)).numpy().ravel(), fitted.predict(fresh), rtol=1e-6)
    for display in (NetworkDisplay, PathDisplay):
        display.from_estimator(fitted)
    plt.close("all")
    assert "svg" in fitted._repr_html_()


@pytest.mark.usefixtures("seeded")
def test_pickle_and_clone(fitted, compress, teacher, rows, fresh):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(fresh), fitted.predict(fresh))
    assert again.fidelity(fresh) == fitted.fidelity(fresh)
    frozen = clone(compress(FrozenEstimator(teacher))).fit(rows[0])
    assert frozen.networks_ == fitted.networks_
    network = fitted.network_
    assert clone(compress(network)).estimator == network
    assert isinstance(clone(compress(sequential(3))).estimator, torch.nn.Sequential)


def test_column_names_are_taken_over(compress, rows):
    X = pd.DataFrame(rows[0], columns=["width", "height"])
    teacher = HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(X, rows[1])
    model = compress(teacher).fit(X)
    assert model.network_.feature_names == ("width", "height")
    assert model.fidelity(X) > 0.5
    assert model.report(X)["fidelity"][1] == model.fidelity(X)


def test_target_names_are_those_of_what_is_fitted(compress, rows):
    X, y = rows
    price = pd.Series(y, name="price")
    teacher = SparseMLP([[[1.0], [2.0]]], [[0.5]], [], target_names=["cost"])
    assert compress(teacher).fit(X).network_.target_names == ("cost",)
    assert compress(teacher).fit(X, price).network_.target_names == ("cost",)  # y is not read
    assert compress(teacher, objective="accuracy").fit(X, price).network_.target_names == ("price",)
    again = compress(compress(teacher).fit(X)).fit(X)
    assert again.target_names_in_.tolist() == ["cost"] and "\ncost = " in str(again.network_)
    assert compress(Ridge().fit(X, y)).fit(X).network_.target_names is None


# --- estimators that are not fitted


def test_unfitted_estimator_is_fitted_to_the_targets(compress, rows):
    template = LinearRegression()
    model = compress(template).fit(*rows)
    assert not hasattr(template, "coef_")
    np.testing.assert_allclose(model.estimator_.coef_, LinearRegression().fit(*rows).coef_)
    assert model.fidelity_ > 0.999


def test_grid_search_runs_over_parameters_of_the_teacher(compress, rows):
    search = GridSearchCV(compress(Ridge()), {"estimator__alpha": [1e-3, 1e6]}, cv=2)
    search.fit(rows[0], rows[0] @ [1.0, 2.0])
    assert search.best_params_ == {"estimator__alpha": 1e-3}


def test_unfitted_estimator_needs_targets(compress, rows):
    with pytest.raises(NotFittedError, match="estimator must be fitted, got an unfitted Ridge; fit it first"):
        compress(Ridge()).fit(rows[0])


# --- faults


@pytest.mark.usefixtures("seeded")
def test_columns_must_be_those_of_the_teacher(compress, teacher, rows):
    with pytest.raises(ValueError, match="X must have the 2 columns that the estimator takes, got 3"):
        compress(teacher).fit(np.ones((20, 3)))
    with pytest.raises(ValueError, match="X must have the 4 columns"):
        compress(sequential(3, n_in=4)).fit(rows[0])
    named = pd.DataFrame(rows[0], columns=["a", "b"])
    with pytest.raises(ValueError, match=r"fitted to, \['a', 'b'\], in this order, got \['b', 'a'\]"):
        compress(LinearRegression().fit(named, rows[1])).fit(named[["b", "a"]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "speed"}, "objective must be one of 'fidelity', 'accuracy', got 'speed'"),
        ({"split": "yes"}, "split must be one of True, False"),
        ({"n_generated": -1}, "n_generated must be an integer of at least 0, got -1"),
        ({"n_rounds": -1}, "n_rounds must be an integer of at least 0"),
        ({"depths": (5,)}, "depths must hold integers from 1 to 4"),
        ({"max_nonzero": 0}, "max_nonzero must be an integer of at least 1"),
        ({"validation_fraction": 1.0}, "validation_fraction must be a number in"),
    ],
)
def test_wrong_parameters_are_named(compress, teacher, rows, parameters, message):
    with pytest.raises((ValueError, TypeError), match=message):
        compress(teacher, **parameters).fit(rows[0])


def test_accuracy_needs_targets_of_the_right_shape(compress, teacher, rows):
    X, y = rows
    with pytest.raises(ValueError, match="objective='accuracy' requires y to be passed"):
        compress(teacher, objective="accuracy").fit(X)
    with pytest.raises(ValueError, match=r"shape of the teacher's predictions, \(300,\), got \(300, 2\)"):
        compress(teacher, objective="accuracy").fit(X, np.column_stack([y, y]))


@pytest.mark.usefixtures("seeded")
def test_unsupported_layer_is_an_error(compress, rows):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 1))
    with pytest.raises(TypeError, match="LayerNorm"):
        compress(model).fit(rows[0])


def test_failed_fit_leaves_the_compressor_as_it_was(fitted, fresh):
    model = copy.deepcopy(fitted)
    with pytest.raises(ValueError, match="columns"):
        model.fit(np.ones((20, 3)))
    np.testing.assert_array_equal(model.predict(fresh), fitted.predict(fresh))
    assert vars(model).keys() == vars(fitted).keys()


def test_unfitted_compressor_says_so(compress, teacher, fresh):
    for call in (lambda model: model.predict(fresh), lambda model: model.fidelity(fresh), lambda model: model.path_):
        with pytest.raises(NotFittedError):
            call(compress(teacher))

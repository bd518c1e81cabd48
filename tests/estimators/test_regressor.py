"""SWATRegressor: what fit leaves behind, that it repeats itself, and that every parameter shows."""

import inspect
import io
import itertools
import logging
import re
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from sk_swat import LatentDescentRegressor, SparseMLP, SWATRegressor
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.refine.table import Table


def same(a, b):
    """Bit for bit the same network."""
    return a.network_ == b.network_


def numpy_state():
    return np.random.get_state()[1].copy()  # noqa: NPY002


def documented_names(section):
    """Names and types of one section of the regressor's docstring."""
    text = inspect.getdoc(SWATRegressor).split(f"\n{section}\n{'-' * len(section)}\n")[1]
    text = re.split(r"\n\w[\w ]*\n-+\n", text)[0]
    return dict(re.findall(r"^(\w+) : (.+)$", text, flags=re.MULTILINE))


# --- what fit leaves behind


def test_documented_attributes_exist_with_their_shapes(refined, table):
    X, y = table
    model = refined(depths=(1, 2), n_restarts=2).fit(X, y)
    fitted = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    made_when_asked = {"path_", "networks_", "feature_importances_"}
    assert fitted | made_when_asked == documented_names("Attributes").keys() - {"feature_names_in_", "target_names_in_"}
    assert not fitted & made_when_asked and all(hasattr(model, name) for name in made_when_asked)
    assert isinstance(model.network_, SparseMLP)
    sizes = (3, *model.hidden_layer_sizes_, 1)
    assert [coef.shape for coef in model.coefs_] == list(itertools.pairwise(sizes))
    assert [intercept.shape for intercept in model.intercepts_] == [(size,) for size in sizes[1:]]
    assert tuple(len(names) for names in model.activations_) == model.hidden_layer_sizes_
    assert model.depth_ == len(model.hidden_layer_sizes_) and model.n_features_in_ == 3
    assert model.latent_.shape == (8, 8)
    assert isinstance(model.best_loss_, float)
    rows = {len(column) for column in model.candidates_.values()}
    assert rows == {4}
    assert [report["depth"] for report in model.search_report_] == [1, 2]


def test_descent_has_a_curve_beside_the_attributes_of_the_other_regressor(refined, quick, table):
    fits = refined(n_rounds=0).fit(*table), quick(max_iter=6).fit(*table)
    other, own = ({name for name in vars(model) if name.endswith("_") and name[0] != "_"} for model in fits)
    assert own - other == {"loss_curve_"} and other <= own
    assert fits[1].loss_curve_.shape == (fits[1].n_iter_,) == (6,)


def test_objective_follows_a_choice_with_other_prices(quick, table):
    model = quick(max_iter=6).fit(*table)
    model.select(sparsity=0.1)
    assert model.best_loss_ == model.path_["objective"].iloc[0] > 1.0


def test_candidates_and_report_agree_with_the_chosen_network(quick, table):
    model = quick(depths=(1, 2), n_restarts=3, max_iter=8).fit(*table)
    candidates = model.candidates_
    (chosen,) = np.flatnonzero(candidates["chosen"])
    assert candidates["objective"][chosen] == model.best_loss_ == candidates["objective"].min()
    assert (candidates["objective"] <= candidates["start_objective"]).all()
    assert (candidates["step"] <= 8).all()
    assert candidates["n_neurons"][chosen] >= sum(model.hidden_layer_sizes_)
    for report in model.search_report_:
        objective = candidates["objective"][candidates["depth"] == report["depth"]]
        assert report["objective"] == objective.min() <= report["start_objective"]
        assert report["stop_reason"] in ("settled", "max_iter") and report["dropped"] == []
        assert set(report["seconds"]) == {"starts", "descent"} and min(report["seconds"].values()) > 0


def test_network_holds_finite_parameters_and_exact_zeros(quick, table):
    model = quick(sparsity=0.01, max_iter=10, random_state=1).fit(*table)
    arrays = model.coefs_ + model.intercepts_
    assert all(np.isfinite(array).all() and array.dtype == np.float64 for array in arrays)
    assert model.n_nonzero_ == sum(np.count_nonzero(array) for array in arrays)
    assert any((coef == 0).any() for coef in model.coefs_)
    assert model.support_.dtype == bool and model.support_.shape == (model.n_features_in_,)
    assert np.flatnonzero(model.support_).tolist() == model.network_.used_features.tolist()
    # no living number is a rounding remainder
    assert min(np.abs(array[array != 0]).min() for array in arrays) > 1e-6


def test_predict_runs_the_network_on_raw_units(quick, table):
    X, y = table
    X, y = X * [1e3, 1e-2, 1] + [5e3, 0, -7], 40 * y - 3
    model = quick().fit(X, y)
    prediction = model.predict(X)
    assert prediction.shape == (80,) and prediction.dtype == np.float64
    assert np.array_equal(prediction, model.network_.predict(X))
    assert model.score(X, y) > 0.5


def test_one_row_is_predicted_as_many_are(quick, table):
    X, y = table
    model = quick().fit(X, y)
    single = np.concatenate([model.predict(row[None]) for row in X])
    np.testing.assert_allclose(single, model.predict(X), rtol=1e-12, atol=1e-12)


def test_fit_and_predict_write_neither_X_nor_y(quick, table):
    X, y = (part.copy() for part in table)
    X.setflags(write=False)
    y.setflags(write=False)
    quick().fit(X, y).predict(X)
    assert np.array_equal(X, table[0]) and np.array_equal(y, table[1])


def test_defaults_in_the_docstring_are_those_of_the_signature():
    parameters = inspect.signature(SWATRegressor).parameters
    assert list(documented_names("Parameters")) == list(parameters)
    for name, text in documented_names("Parameters").items():
        default = re.search(r"default=(.+)$", text)
        assert default, name
        assert eval(default[1]) == parameters[name].default, name


def test_parameters_are_keywords_and_stored_as_they_came():
    depths = [1, 2]
    assert SWATRegressor(depths=depths).depths is depths
    with pytest.raises(TypeError):
        SWATRegressor((1, 2))


def test_diabetes_is_fitted_by_a_small_network():
    X, y = load_diabetes(return_X_y=True)
    model = SWATRegressor(depths=(1,), n_rounds=1, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.4
    assert model.n_nonzero_ < 60 and len(model.predict(X[:3])) == 3


# --- it repeats itself


@pytest.mark.usefixtures("seeded")
def test_same_data_and_seed_give_the_same_network_whatever_ran_before(quick, table):
    X, y = table
    first = quick(depths=(1, 2)).fit(X, y)
    quick(random_state=5, readout="decoded").fit(X[:, :1], X[:, 1])
    torch.rand(10)
    np.random.rand(10)  # noqa: NPY002
    model = quick(depths=(1, 2))
    for _ in range(2):
        assert same(model.fit(X, y), first)
    assert same(clone(first).fit(X, y), first)
    assert not same(quick(depths=(1, 2), random_state=1).fit(X, y), first)


def test_network_does_not_depend_on_n_jobs(quick, table):
    models = [quick(depths=(1, 2, 3), n_jobs=n_jobs).fit(*table) for n_jobs in (None, 1, 2, -1)]
    assert all(same(model, models[0]) for model in models)


def test_depths_are_a_set(quick, table):
    first = quick(depths=(1, 2)).fit(*table)
    for depths in ([2, 1], np.array([1, 2, 2]), {1, 2}, range(1, 3)):
        assert same(quick(depths=depths).fit(*table), first)
    assert same(quick(depths=2).fit(*table), quick(depths=(2,)).fit(*table))


def test_random_state_instance_moves_on(quick, table):
    one, other = np.random.RandomState(0), np.random.RandomState(0)
    first, second = quick(random_state=one).fit(*table), quick(random_state=one).fit(*table)
    assert same(quick(random_state=other).fit(*table), first)
    assert same(quick(random_state=other).fit(*table), second)
    assert not same(first, second)


def test_global_state_stays_untouched(quick, table):
    before = numpy_state(), torch.random.get_rng_state(), torch.get_num_threads()
    quick(n_jobs=2, depths=(1, 2)).fit(*table)
    assert np.array_equal(numpy_state(), before[0])
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert torch.get_num_threads() == before[2]
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert torch.get_default_device() == torch.device("cpu")


def test_number_of_threads_changes_no_more_than_rounding(quick, table):
    scores = []
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            scores.append(quick(max_iter=2, n_generations=0).fit(*table).score(*table))
    finally:
        torch.set_num_threads(before)
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.parametrize(("x_unit", "y_unit"), [(1.0, 1e-8), (1.0, 1e8), (1e-9, 1.0), (1e9, 1.0), (1e-9, 1e8)])
def test_units_do_not_matter(quick, table, x_unit, y_unit):
    X, y = table
    plain = quick().fit(X, y)
    scaled = quick().fit(x_unit * X, y_unit * y)
    assert scaled.score(x_unit * X, y_unit * y) == pytest.approx(plain.score(X, y), abs=1e-4)
    assert scaled.hidden_layer_sizes_ == plain.hidden_layer_sizes_


# --- every parameter shows


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_depths_restricts_the_depth(quick, table, depth):
    model = quick(depths=(depth,)).fit(*table)
    assert model.depth_ in (depth, 0)
    assert set(model.candidates_["depth"]) == {depth}


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_a_single_activation_is_the_only_one(quick, table, name):
    model = quick(activations=(name,), depths=(1, 2)).fit(*table)
    assert {used for names in model.activations_ for used in names} <= {name}
    assert bool(model.hidden_layer_sizes_) == (name != "identity") and model.support_.any()  # a line has no neurons
    assert same(quick(activations=name, depths=(1, 2)).fit(*table), model)


def test_activations_restricts_the_choice(quick, table):
    pair = quick(activations=("tanh", "gaussian"), max_iter=0).fit(*table)
    assert {used for names in pair.activations_ for used in names} <= {"tanh", "gaussian"}


@pytest.mark.parametrize(
    ("price", "values", "size"),
    [("sparsity", (0.0, 1e-2, 1e-1), "n_nonzero"), ("compactness", (0.0, 1e-1), "n_neurons")],
)
@pytest.mark.parametrize("data", ["smooth", "diabetes"])
def test_higher_prices_give_smaller_networks(table, price, values, size, data):
    # Latent searches at two prices meet different networks, so the order is certain only where prices weigh more than
    # that; among the same networks it is exact, see test_search and test_path.
    X, y = table if data == "smooth" else load_diabetes(return_X_y=True)
    sizes = []
    for value in values:
        settings = {"depths": (1,), "n_restarts": 2, "max_iter": 10, "n_generations": 1, "tol": 1.0}
        model = LatentDescentRegressor(random_state=0, **settings)
        sizes.append(getattr(model.set_params(**{price: value}).fit(X, y).network_, size))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


@pytest.mark.parametrize("n_restarts", [1, 5, 60])
def test_n_restarts_is_the_number_of_candidates_of_a_depth(quick, table, n_restarts):
    model = quick(n_restarts=n_restarts, max_iter=1).fit(*table)
    assert len(model.candidates_["depth"]) == n_restarts
    assert model.candidates_["restart"].tolist() == list(range(n_restarts))


def test_without_steps_the_starts_are_hardened_as_they_are(quick, table):
    model = quick(max_iter=0).fit(*table)
    assert model.n_iter_ == 0 and model.loss_curve_.shape == (0,)
    assert np.array_equal(model.candidates_["objective"], model.candidates_["start_objective"])
    assert (model.candidates_["step"] == 0).all()


def test_more_steps_give_a_better_objective(quick, table):
    few = {"activations": ("sigmoid", "tanh", "leaky_relu")}  # a random decoder offers little
    none, many = quick(max_iter=0, **few).fit(*table), quick(max_iter=30, tol=0.2, **few).fit(*table)
    assert many.n_iter_ > 10
    assert many.best_loss_ < none.best_loss_


def test_learning_rate_sets_how_far_the_latent_moves(quick, table):
    start = quick(n_restarts=1, max_iter=0).fit(*table)
    still, moved = (quick(n_restarts=1, learning_rate=rate).fit(*table) for rate in (1e-9, 0.05))
    np.testing.assert_allclose(still.latent_, start.latent_, atol=1e-6)
    assert still.loss_curve_[0] == moved.loss_curve_[0]
    assert still.loss_curve_[-1] != moved.loss_curve_[-1]


def test_large_tol_ends_the_descent_early_and_a_short_one_warns(quick, table):
    assert quick(max_iter=60, tol=1.0).fit(*table).n_iter_ < 60


def test_search_that_still_improves_warns(quick, table, monkeypatch):
    def settings(model):  # the fit alone decides, and improves
        own = original(model)
        return replace(own, latent=replace(own.latent, thresholds=(0.0,)))

    original = LatentDescentRegressor._settings
    monkeypatch.setattr(LatentDescentRegressor, "_settings", settings)
    with pytest.warns(
        ConvergenceWarning, match=r"depth 1 still improved by more than tol=0 when max_iter=2 was"
    ) as got:
        quick(max_iter=2, tol=0, random_state=2).fit(*table)
    assert got[0].filename == __file__  # it points at the call of fit
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(max_iter=2, tol=1.0, random_state=2).fit(*table)
        quick(max_iter=0, tol=0).fit(*table)


def test_random_starts_differ_from_the_banks_and_work(quick, table):
    X, y = table
    random = quick(init="random").fit(X, y)
    assert not same(random, quick().fit(X, y))
    assert random.search_report_[0]["selection_objective"][0] >= random.best_loss_ * 0.5
    assert len(random.search_report_[0]["selection_objective"]) == 1
    assert random.score(X, y) > 0


@pytest.mark.parametrize("n_generations", [0, 1, 5])
def test_n_generations_lengthens_the_selection_and_never_worsens_it(quick, table, n_generations):
    curve = quick(n_generations=n_generations).fit(*table).search_report_[0]["selection_objective"]
    assert len(curve) == n_generations + 1
    assert curve == sorted(curve, reverse=True)


def test_decoded_readout_is_not_fitted(quick, table):
    X, y = table
    ridge, decoded = quick().fit(X, y), quick(readout="decoded", max_iter=20).fit(X, y)
    # with the fitted one, the residual is orthogonal to a constant
    assert abs(np.mean(ridge.predict(X) - y)) < 1e-3 * y.std()
    assert abs(np.mean(decoded.predict(X) - y)) > 1e-3 * y.std()


def test_early_stopping_holds_rows_out(quick, table, monkeypatch):
    X, y = np.repeat(table[0], 3, axis=0), np.repeat(table[1], 3)
    X = X + np.arange(len(X))[:, None] / len(X)  # rows that are equal would be merged
    fractions = []

    def spy(table, share, seed):
        fractions.append(share)
        return split(table, share, seed)

    split = Table.split
    monkeypatch.setattr(Table, "split", spy)
    quick().fit(X[:199], y[:199])
    quick().fit(X[:200], y[:200])
    quick(early_stopping=False).fit(X, y)
    quick(early_stopping=True, validation_fraction=0.3).fit(X[:50], y[:50])
    assert fractions == [None, 0.1, None, 0.3]


def test_held_out_rows_change_the_objective(quick, table):
    losses = {
        quick(early_stopping=stopping, validation_fraction=fraction).fit(*table).best_loss_
        for stopping, fraction in ((False, 0.1), (True, 0.1), (True, 0.4))
    }
    assert len(losses) == 3


def test_checkpoint_takes_a_path(quick, table, tiny_checkpoint):
    bundled = quick(checkpoint=None).fit(*table)
    tiny = quick(checkpoint=tiny_checkpoint).fit(*table)
    assert bundled.latent_.shape[1] > tiny.latent_.shape[1] == 8
    assert same(tiny, quick(checkpoint=str(tiny_checkpoint)).fit(*table))


def test_device_is_checked(quick, table):
    assert same(quick(device="cpu").fit(*table), quick().fit(*table))
    wanted = "device must name a torch device of this machine that holds numbers, got 'abacus'"
    with pytest.raises(ValueError, match=wanted):
        quick(device="abacus").fit(*table)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("n_columns", [3, 12])
def test_warm_start_searches_on_from_where_it_was(quick, seed, n_columns):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, n_columns))
    y = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2]
    model = quick(warm_start=True, depths=(1, 2), max_iter=30, random_state=seed).fit(X, y)
    loss, latent, score = model.best_loss_, model.latent_, model.score(X, y)
    model.set_params(max_iter=0).fit(X, y)
    assert model.best_loss_ <= loss * (1 + 1e-5)
    assert np.array_equal(model.latent_, latent) and model.score(X, y) == pytest.approx(score, abs=1e-4)
    assert len(model.candidates_["depth"]) == 5  # the earlier one beside two new ones for each depth
    model.set_params(max_iter=10).fit(X, y)
    assert model.best_loss_ <= loss * (1 + 1e-5)


def test_without_warm_start_a_second_fit_starts_afresh(quick, table):
    X, y = table
    model = quick(warm_start=True, max_iter=20).fit(X, y)
    model.set_params(warm_start=False, max_iter=0).fit(X, y)
    assert same(model, quick(max_iter=0).fit(X, y))
    # a table of other columns starts afresh as well
    model = quick(warm_start=True).fit(X, y).fit(X[:, :2], y)
    assert same(model, quick().fit(X[:, :2], y))


def test_verbose_logs_one_line_a_depth(quick, table, caplog):
    quick(verbose=1, depths=(1, 2)).fit(*table)
    *lines, search, readout = [record.getMessage() for record in caplog.records if record.name == "sk_swat"]
    assert [line.split(":")[0] for line in lines] == ["depth 1", "depth 2"]
    assert all(re.search(r"best objective \d\.\d+ after \d+ steps \((settled|max_iter)\), \d+\.\d s", s) for s in lines)
    assert search.startswith("latent search: R^2 0.00000 to ") and readout.startswith("readout: R^2 ")
    caplog.clear()
    quick().fit(*table)
    assert not caplog.records


def test_verbose_shows_its_lines_without_any_logging_set_up(quick, table, capsys, monkeypatch):
    logger = logging.getLogger("sk_swat")
    monkeypatch.setattr(logger, "propagate", False)
    quick(verbose=True).fit(*table)
    assert capsys.readouterr().out.count("depth 1: best objective") == 1
    assert not logger.handlers and logger.level == logging.NOTSET


def test_fitted_regressor_holds_neither_autoencoder_nor_tensors(quick, table):
    model = quick(warm_start=True, checkpoint=None).fit(*table)
    content = io.BytesIO()
    joblib.dump(model, content)
    assert b"torch" not in content.getvalue()


def test_failed_refit_leaves_the_regressor_as_it_was(quick, table, monkeypatch):
    X, y = table
    model = quick().fit(X, y)
    before, expected = dict(vars(model)), model.predict(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((5, 2), np.nan), y[:5])
    monkeypatch.setattr("sk_swat.estimators.table_regressor.search_report", lambda _: 1 / 0)  # when half is set
    with pytest.raises(ZeroDivisionError):
        model.fit(X[:, :2], y)
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict(X), expected)

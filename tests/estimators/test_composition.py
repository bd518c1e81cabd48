"""SWATRegressor inside scikit-learn: pipelines, searches, ensembles, data frames, and files."""

import pickle
from copy import deepcopy

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from sk_swat import LatentDescentRegressor, SWATRegressor

PREDICT_AND_IMPORT = """
import joblib, pickle
import numpy as np
rows = np.load(sys.argv[2])
for path in sys.argv[3:]:
    with open(path, "rb") as file:
        model = (joblib if path.endswith("joblib") else pickle).load(file)
    np.save(path + ".npy", model.predict(rows))
try:
    import torch
except ImportError:
    print("without torch")
"""


@pytest.fixture(scope="module")
def frame(table):
    return pd.DataFrame(table[0], columns=["width", "height", "age"]), table[1]


# --- scikit-learn's meta-estimators


def test_pipeline_predicts_what_its_steps_do(quick, table):
    X, y = table
    pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), quick()).fit(X, y)
    assert pipeline.score(X, y) > 0.3
    assert np.array_equal(pipeline.predict(X), pipeline[-1].predict(pipeline[:-1].transform(X)))


def test_pandas_output_of_a_transformer_names_the_columns(quick, table, frame):
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), quick()).fit(*frame)
    assert pipeline[-1].feature_names_in_.tolist() == ["width", "height", "age"]
    plain = make_pipeline(StandardScaler(), quick()).fit(*table)
    np.testing.assert_allclose(pipeline.predict(frame[0]), plain.predict(table[0]), rtol=1e-12)
    assert pipeline.set_output(transform="pandas") is pipeline


def test_column_transformer_feeds_mixed_columns(quick, frame):
    X, y = frame
    X = X.assign(colour=np.resize(["red", "green"], len(X)))
    encode = ColumnTransformer([("colour", OneHotEncoder(), ["colour"])], remainder="passthrough")
    assert make_pipeline(encode, quick()).fit(X, y).predict(X).shape == (80,)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_over_prices(quick, table, n_jobs):
    X, y = table
    grid = {"sparsity": [0.0, 0.3], "compactness": [1e-4, 0.1]}
    search = GridSearchCV(quick(), grid, cv=2, n_jobs=n_jobs).fit(X, y)
    assert search.best_params_["sparsity"] == 0.0
    assert search.best_estimator_.network_ == quick(**search.best_params_).fit(X, y).network_
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_halving_grid_search(quick, table):
    search = HalvingGridSearchCV(quick(), {"sparsity": [1e-4, 1e-2, 0.3]}, cv=2, random_state=0, min_resources=20)
    X, y = table
    assert search.fit(X, y).n_iterations_ == 2
    assert search.best_estimator_.network_ == quick(**search.best_params_).fit(X, y).network_


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation_does_not_depend_on_n_jobs(quick, table, n_jobs):
    scores = cross_val_score(quick(), *table, cv=3, n_jobs=n_jobs)
    np.testing.assert_allclose(scores, cross_val_score(quick(), *table, cv=3), atol=1e-6)
    assert cross_val_predict(quick(), *table, cv=2).shape == (80,)


def test_transformed_target(quick, table):
    X, y = table[0], np.exp(table[1])
    model = TransformedTargetRegressor(quick(), func=np.log, inverse_func=np.exp).fit(X, y)
    np.testing.assert_allclose(model.predict(X), np.exp(quick().fit(X, table[1]).predict(X)), rtol=1e-6)


def test_bagging(quick, table):
    X, y = table
    bag = BaggingRegressor(quick(), n_estimators=3, max_features=2, random_state=0).fit(X, y)
    assert len({model.network_.to_json() for model in bag.estimators_}) == 3
    assert bag.predict(X).shape == (80,)


def test_stacking_and_voting(quick, table):
    X, y = table
    members = [("swat", quick()), ("line", LinearRegression())]
    assert StackingRegressor(members, final_estimator=LinearRegression(), cv=2).fit(X, y).score(X, y) > 0.3
    voting = VotingRegressor(members).fit(X, y)
    expected = (quick().fit(X, y).predict(X) + LinearRegression().fit(X, y).predict(X)) / 2
    np.testing.assert_allclose(voting.predict(X), expected, rtol=1e-6, atol=1e-9)


def test_multi_output_fits_a_network_for_each_target(quick, table):
    X, y = table
    model = MultiOutputRegressor(quick()).fit(X, np.column_stack([y, -y]))
    assert model.predict(X).shape == (80, 2)
    assert model.estimators_[0].network_ == quick().fit(X, y).network_


def test_permutation_importance_of_an_idle_column_is_small(quick):
    X = np.random.default_rng(0).normal(size=(80, 2))
    model = SWATRegressor(depths=(1,), n_restarts=4, n_rounds=0, random_state=0)
    importance = permutation_importance(model.fit(X, X[:, 0]), X, X[:, 0], n_repeats=3, random_state=0).importances_mean
    assert importance[0] > 1 and abs(importance[1]) < 0.05


def test_clone_has_the_parameters_and_nothing_fitted(quick, table):
    model = quick(depths=[1, 2], sparsity=0.01).fit(*table)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        copy.predict(table[0])


def test_repr_shows_only_what_was_changed():
    assert repr(SWATRegressor(sparsity=0.01)) == "SWATRegressor(sparsity=0.01)"


# --- tables


def test_data_frame_gives_names_and_the_same_network(quick, table, frame):
    model = quick().fit(*frame)
    assert model.feature_names_in_.tolist() == ["width", "height", "age"]
    assert model.network_ == quick().fit(*table).network_
    np.testing.assert_allclose(model.predict(frame[0]), quick().fit(*table).predict(table[0]), rtol=1e-12)
    assert quick().fit(frame[0], pd.Series(frame[1], index=range(5, 85))).network_ == model.network_
    assert not hasattr(quick().fit(*table), "feature_names_in_")


@pytest.fixture(scope="module")
def of_another_target(refined, table):
    """A regressor after a fit of a target with a name."""
    return refined(n_restarts=2, n_rounds=0).fit(table[0], pd.Series(table[1], name="of an earlier fit"))


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (lambda y: pd.Series(y, name="price"), ["price"]),
        (lambda y: pd.DataFrame({"price": y}), ["price"]),
        (lambda y: pd.DataFrame({"price": y, "cost": 2.0, "weight": -y}), ["price", "cost", "weight"]),
        (lambda y: pd.Series(y), None),
        (lambda y: pd.Series(y, name=3), None),
        (lambda y: pd.DataFrame({"price": y, 2: -y}), None),
        (lambda y: y, None),
    ],
)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_targets_keep_their_names(of_another_target, table, target, names):
    X, y = table
    model = deepcopy(of_another_target).fit(X, target(y))
    found = [None if network.target_names is None else list(network.target_names) for network in model.networks_]
    assert found == [names] * len(found) and list(model.network_.target_names or []) == (names or [])
    assert (list(model.target_names_in_) if names else hasattr(model, "target_names_in_")) == (names or False)
    text = str(pickle.loads(pickle.dumps(model)).select(max_nonzero=8).network_)
    assert all(f"\n{name} = " in text for name in names or ["y0" if "y0 =" in text else "y"])


def test_wrong_names_at_predict_are_refused(quick, frame):
    X, y = frame
    model = quick().fit(X, y)
    for wrong in (X.rename(columns={"age": "weight"}), X[["height", "width", "age"]], X.drop(columns="age")):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(wrong)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X.to_numpy())


def test_column_vector_as_target_warns_as_in_scikit_learn(quick, table):
    X, y = table
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        model = quick().fit(X, y[:, None])
    assert model.network_ == quick().fit(X, y).network_
    assert model.predict(X).shape == (80,)


def test_memory_layout_and_strides_do_not_matter(quick, table):
    X, y = table
    expected = quick().fit(X, y)
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    for other in (np.asfortranarray(X), wide):
        assert quick().fit(other, y).network_ == expected.network_
        np.testing.assert_allclose(expected.predict(other), expected.predict(X), rtol=1e-12)


# --- files


def test_saved_regressors_predict_in_a_fresh_process_without_torch(quick, table, tmp_path, run_without_torch):
    X, y = table
    rows, predicted = tmp_path / "rows.npy", {}
    np.save(rows, X)
    for warm_start in (False, True):
        model = quick(depths=(1, 2), warm_start=warm_start).fit(X, y)
        for module in (pickle, joblib):
            path = tmp_path / f"{warm_start}.{module.__name__}"
            with path.open("wb") as file:
                module.dump(model, file)
            predicted[path] = model.predict(X)
    assert run_without_torch(PREDICT_AND_IMPORT, rows, *predicted).strip() == "without torch"
    for path, expected in predicted.items():
        assert np.array_equal(np.load(f"{path}.npy"), expected)


def test_pickle_is_small_and_goes_on(table):
    X, y = np.repeat(table[0], 4, axis=1), table[1]  # more columns than slots
    settings = {"n_restarts": 8, "max_iter": 4, "tol": 1.0, "n_generations": 0}
    model = LatentDescentRegressor(warm_start=True, random_state=0, **settings)
    content = pickle.dumps(model.fit(X, y))
    assert len(content) < 20_000
    copy = pickle.loads(content)
    assert copy.network_ == model.network_ and np.array_equal(copy.predict(X), model.predict(X))
    assert copy.set_params(max_iter=0).fit(X, y).best_loss_ <= model.best_loss_ * (1 + 1e-5)

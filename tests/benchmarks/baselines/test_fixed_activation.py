"""FixedActivationRegressor: one search per activation, and the choice among them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import check_estimator

from benchmarks.baselines.fixed_activation import FixedActivationRegressor
from sk_swat import SWATRegressor

NAMES = ("sigmoid", "tanh", "leaky_relu")


@pytest.fixture(scope="module")
def make(refined):
    def make(activations=NAMES, random_state=0, **parameters):
        quick = refined(**({"n_restarts": 2, "n_rounds": 0} | parameters))
        return FixedActivationRegressor(activations, estimator=quick, random_state=random_state)

    return make


@pytest.fixture(scope="module")
def fitted(make, table):
    return make().fit(*table)


@pytest.fixture
def model(fitted):
    return fitted.select()


def all_rows(fitted):
    """Size, validation R^2 and activation of every network of the single fits."""
    return [
        (size, r2, name)
        for name, one in fitted.regressors_.items()
        for size, r2 in zip(one.path_["n_nonzero"], one.path_["r2_validation"], strict=True)
    ]


def test_every_activation_is_searched_alone_with_the_same_settings_and_seed(fitted):
    assert tuple(fitted.regressors_) == NAMES
    assert len({one.random_state for one in fitted.regressors_.values()}) == 1
    for name, one in fitted.regressors_.items():
        assert one.activations == (name,)
        assert one.n_restarts == fitted.estimator.n_restarts
        assert {neuron for network in one.networks_ for layer in network.activations for neuron in layer} == {name}


def test_single_fit_is_that_of_the_plain_regressor(fitted, table):
    alone = clone(fitted.regressors_["tanh"]).fit(*table)
    assert alone.networks_ == fitted.regressors_["tanh"].networks_


def test_best_validation_r2_is_kept_at_each_size(model):
    rows, path = all_rows(model), model.path_
    assert path["n_nonzero"].tolist() == sorted({size for size, _, _ in rows})
    for size, r2, name in zip(path["n_nonzero"], path["r2_validation"], path["searched"], strict=True):
        assert r2 == max(other for other_size, other, _ in rows if other_size == size)
        assert (size, r2, name) in rows
    assert len(set(path["searched"])) > 1  # otherwise this table would test little


def test_network_is_one_of_the_winning_fit(model):
    assert model.network_ in model.regressors_[model.activation_].networks_
    assert model.n_nonzero_ == model.network_.n_nonzero
    assert {name for layer in model.network_.activations for name in layer} <= {model.activation_}
    assert model.networks_[int(np.flatnonzero(model.path_["chosen"])[0])] == model.network_


def test_prediction_is_that_of_the_network(model, table):
    X, y = table
    assert np.array_equal(model.predict(X), model.network_.predict(X))
    assert model.score(X, y) > 0.8


def test_default_choice_has_the_best_objective_of_all_fits(model):
    assert model.path_["objective"].min() <= min(one.best_loss_ for one in model.regressors_.values())
    assert model.path_["objective"][model.path_["chosen"]].item() == model.path_["objective"].min()


def test_largest_size_limits_the_choice_and_the_best_r2_within_it_wins(model):
    for limit in sorted({size for size, _, _ in all_rows(model)}):
        model.select(max_nonzero=limit, sparsity=0, compactness=0)
        best = max((r2, name) for size, r2, name in all_rows(model) if size <= limit)
        row = model.path_[model.path_["chosen"]]
        assert model.n_nonzero_ <= limit
        assert row["r2_validation"].item() == best[0]


def test_winner_at_a_size_is_the_best_of_what_the_fits_select(model):
    for limit in (5, 8, 12, 20):
        model.select(max_nonzero=limit, sparsity=0, compactness=0)
        singles = {}
        for name, one in model.regressors_.items():
            path = clone_select(one, max_nonzero=limit)
            singles[name] = path["r2_validation"][path["chosen"]].item()
        assert singles[model.activation_] == max(singles.values())


def clone_select(regressor, **conditions):
    path = regressor.select(sparsity=0, compactness=0, **conditions).path_
    regressor.select()
    return path


def test_least_r2_gives_the_smallest_network_of_any_activation(model):
    reached = float(np.quantile([r2 for _, r2, _ in all_rows(model)], 0.6))
    model.select(min_r2=reached)
    assert model.n_nonzero_ == min(size for size, r2, _ in all_rows(model) if r2 >= reached)


def test_high_prices_give_small_networks_and_select_returns_to_the_default(model):
    before = model.network_, model.activation_
    assert model.select(sparsity=1.0).n_nonzero_ < before[0].n_nonzero
    assert model.select(compactness=1.0).network_.n_neurons < before[0].n_neurons
    assert (model.select().network_, model.activation_) == before


def test_selection_leaves_the_single_fits_alone(model):
    before = [one.network_ for one in model.regressors_.values()]
    model.select(max_nonzero=5)
    assert [one.network_ for one in model.regressors_.values()] == before


def test_unreachable_conditions_are_refused(model):
    smallest = min(size for size, _, _ in all_rows(model))
    if smallest > 1:
        with pytest.raises(ValueError, match=f"max_nonzero must be at least {smallest}"):
            model.select(max_nonzero=smallest - 1)
    with pytest.raises(ValueError, match="min_r2 must be at most"):
        model.select(min_r2=1.0)
    with pytest.raises(ValueError, match="max_nonzero must be an integer of at least 1, got 0"):
        model.select(max_nonzero=0)
    with pytest.raises(ValueError, match="sparsity must be a number"):
        model.select(sparsity=-1)


def test_estimators_limit_holds_from_the_start(make, table):
    model = make(("tanh", "sigmoid"), max_nonzero=6).fit(*table)
    assert model.n_nonzero_ <= 6


def test_same_seed_repeats_and_none_takes_the_estimators(make, table):
    first = make(("tanh",)).fit(*table)
    for same in (0, None, np.random.RandomState(0)):  # the estimator's is 0 as well
        assert make(("tanh",), random_state=same).fit(*table).networks_ == first.networks_
    assert make(("tanh",), random_state=1).fit(*table).networks_ != first.networks_


def test_names_of_columns_are_kept(make, table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = make(("tanh",)).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.network_.feature_names == ("a", "b", "c")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)


def test_parameters_of_the_estimator_can_be_set_and_stay(make, table):
    model = make(("tanh",)).set_params(estimator__n_restarts=1)
    parameters = model.get_params()
    model.fit(*table)
    assert model.regressors_["tanh"].n_restarts == 1
    assert model.get_params() == parameters
    assert model.estimator.activations == SWATRegressor().activations


def test_wrong_arguments_are_refused(make, table):
    with pytest.raises(ValueError, match="`activations` must hold names from"):
        make(("relu",)).fit(*table)
    with pytest.raises(TypeError, match="`estimator` must be a SWATRegressor or None, got Ridge"):
        FixedActivationRegressor(estimator=Ridge()).fit(*table)
    with pytest.raises(ValueError, match=r"random_state must be None, an integer .*got 'x'"):
        make(random_state="x").fit(*table)
    with pytest.raises(NotFittedError):
        make().predict(table[0])
    with pytest.raises(NotFittedError):
        make().select()


@pytest.mark.slow
@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
def test_scikit_learns_checks_pass(make):
    check_estimator(make(("tanh", "sigmoid"), n_restarts=1), on_skip=None)

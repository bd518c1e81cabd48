"""Regressors to compare with: their parameters counted by hand, and what a timed fit says."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from sk_swat import SWATRegressor
from sk_swat.cli.comparison import count_parameters, make_model, time_fit
from sk_swat.cli.demo import load_table


@pytest.fixture
def data():
    return load_table("Himmelblau", n_train=60)


def test_counts_of_linear_model_and_mlp_by_hand(data):
    assert count_parameters(Ridge().fit(data.X_train, data.y_train)) == 2 + 1
    model = make_model("MLPRegressor", hidden_layer_sizes=(5,), max_iter=1)
    time_fit(model, data)
    assert count_parameters(model) == (2 * 5 + 5) + (5 + 1)


def test_count_of_boosting_is_that_of_a_stump_by_hand():
    X, y = np.arange(100.0)[:, np.newaxis], np.repeat([0.0, 1.0], 50)
    model = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=2, random_state=0).fit(X, y)
    assert count_parameters(model) == 1 + 3 * (2 + 1 + 1)  # start value, then one split and two leaves a tree


def test_count_of_swat_leaves_out_zeros(data, quick):
    model = quick(tol=1e-3)
    time_fit(model, data)
    arrays = model.coefs_ + model.intercepts_
    assert count_parameters(model) == sum(np.count_nonzero(array) for array in arrays)


def test_count_refuses_other_models():
    with pytest.raises(TypeError, match=r"model must be one of SWATRegressor, .*got SWATRegressor\(\)"):
        count_parameters(SWATRegressor())


def test_early_stop_is_an_answer_and_no_warning(data):
    mlp = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seconds, converged = time_fit(mlp, data)
    assert seconds > 0
    assert not converged
    assert time_fit(Ridge(), data)[1]


def test_other_warnings_pass_through(data):
    class Warner:
        def fit(self, X, y):
            warnings.warn("early", ConvergenceWarning, stacklevel=2)
            warnings.warn("something else", UserWarning, stacklevel=2)

    with pytest.warns(UserWarning, match="something else"):
        assert not time_fit(Warner(), data)[1]

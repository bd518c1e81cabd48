"""Odd tables and wrong arguments: either a sensible network or a message that says what was wrong."""

import re
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array

from sk_swat import LatentDescentRegressor, SWATRegressor

# --- odd tables that are fitted


def smooth(n_rows=60, n_columns=2, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_rows, n_columns))
    return X, np.tanh(2 * X[:, 0])


@pytest.mark.parametrize("value", [0.0, 3.7, -1e300, 1e-300])
def test_constant_target_is_predicted_exactly(quick, value):
    X, _ = smooth()
    model = quick().fit(X, np.full(60, value))
    assert (model.predict(X + 5) == value).all()
    assert model.n_nonzero_ == (value != 0) and model.hidden_layer_sizes_ == () and model.depth_ == 0
    assert model.latent_ is None and model.best_loss_ == model.sparsity * model.n_nonzero_ and model.n_iter_ == 0
    assert model.loss_curve_.shape == (0,) and model.search_report_ == []
    assert {len(column) for column in model.candidates_.values()} == {0}


def test_table_without_a_varying_column_gives_the_mean(quick):
    y = np.arange(10.0)
    model = quick().fit(np.full((10, 3), 2.5), y)
    np.testing.assert_allclose(model.predict(np.zeros((4, 3))), 4.5)


def test_constant_column_gets_no_weight(quick):
    X, y = smooth()
    X = np.column_stack([np.full(60, 0.1), X, np.full(60, 1e9)])
    model = quick().fit(X, y)
    assert (model.coefs_[0][[0, 3]] == 0).all()
    assert model.score(X, y) > 0.5


def test_one_row_is_a_constant(quick):
    model = quick().fit([[1.0, 2.0]], [5.0])
    assert model.predict([[3.0, 4.0]]).tolist() == [5.0]


def test_two_rows_are_met(quick):
    X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([-2.0, 8.0])
    for stopping in (False, "auto"):
        model = quick(early_stopping=stopping).fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        assert model.score(X, y) > -1e-6


def test_duplicated_rows_are_fitted_as_single_ones(quick):
    X, y = smooth(30)
    model = quick().fit(np.tile(X, (5, 1)), np.tile(y, 5))
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("unit", [1e-8, 1e8, 1e-150, 1e150])
def test_target_of_any_scale_gives_the_same_fit(quick, unit):
    X, y = smooth()
    expected = quick().fit(X, y).predict(X)
    np.testing.assert_allclose(quick().fit(X, unit * y).predict(X) / unit, expected, atol=0.02)


def test_columns_of_wildly_different_scale_give_the_same_fit(quick):
    X, y = smooth()
    units = np.array([1e-9, 1e9])
    expected = quick().fit(X, y).score(X, y)
    assert quick().fit(X * units, y).score(X * units, y) == pytest.approx(expected, abs=1e-3)


def test_column_far_from_zero_is_still_seen(quick):
    X, y = smooth()
    assert quick().fit(X + 1e6, y).score(X + 1e6, y) == pytest.approx(quick().fit(X, y).score(X, y), abs=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.int8, np.uint8, bool, object])
def test_other_dtypes_are_taken_as_numbers(quick, dtype):
    X, _ = smooth()
    X = (X * 3).round() if dtype not in (bool, np.uint8) else (X > 0).astype(float)
    y = np.tanh(X[:, 0])
    model = quick().fit(X.astype(dtype), y)
    assert model.predict(X.astype(dtype)).dtype == np.float64
    np.testing.assert_allclose(model.predict(X.astype(dtype)), quick().fit(X, y).predict(X), atol=0.05)


def test_lists_are_taken_as_arrays(quick):
    X, y = smooth(20)
    assert quick().fit(X.tolist(), y.tolist()).network_ == quick().fit(X, y).network_


@pytest.mark.parametrize("n_columns", [1, 2, 7, 8, 9, 12, 30])
def test_any_number_of_columns_works(quick, n_columns):
    X, y = smooth(80, n_columns)
    model = quick(depths=(1, 2)).fit(X, y)
    assert model.predict(X).shape == (80,) and model.n_features_in_ == n_columns
    assert model.score(X, y) > 0


@pytest.mark.parametrize("n_columns", [12, 30, 100])
def test_informative_column_is_found_among_more_columns_than_slots(n_columns):
    X, _ = smooth(150, n_columns)
    y = np.tanh(2 * X[:, n_columns - 2])
    settings = {"depths": (1,), "n_restarts": 2, "max_iter": 15, "tol": 1.0, "n_generations": 2}
    model = LatentDescentRegressor(random_state=0, **settings).fit(X, y)
    assert n_columns - 2 in model.network_.used_features
    fresh = np.random.default_rng(1).normal(size=(500, n_columns))
    assert model.score(fresh, np.tanh(2 * fresh[:, n_columns - 2])) > 0.9


def test_huge_numbers_are_predicted_without_a_warning(quick):
    huge = np.full((5, 2), 1e308)
    bounded, any_activation = quick(activations=("sigmoid", "tanh")).fit(*smooth()), quick().fit(*smooth())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(bounded.predict(huge)).all()
        assert any_activation.predict(huge).shape == (5,)  # the sine of a sum beyond float64 is not a number


def test_outliers_do_not_break_the_search(quick):
    X, y = smooth()
    X[0], y[0] = 1e12, 1e12
    model = quick().fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_fewer_rows_than_parameters_work(quick):
    X, y = smooth(5, 12)
    assert np.isfinite(quick(depths=(1, 4)).fit(X, y).predict(X)).all()


# --- tables that are refused


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["X", "y", "predict"])
def test_missing_and_infinite_numbers_are_refused(quick, bad, where):
    X, y = smooth()
    model = quick().fit(X, y)
    broken_X, broken_y = X.copy(), y.copy()
    broken_X[3, 1], broken_y[3] = bad, bad
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        if where == "X":
            model.fit(broken_X, y)
        elif where == "y":
            model.fit(X, broken_y)
        else:
            model.predict(broken_X)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros(5), np.zeros(5), "Expected 2D array, got 1D array"),
        (np.zeros((5, 2, 2)), np.zeros(5), "Found array with dim 3"),
        (np.zeros((5, 2)), np.zeros(4), "inconsistent numbers of samples"),
        (np.zeros((0, 2)), np.zeros(0), r"0 sample\(s\)"),
        (np.zeros((5, 0)), np.zeros(5), r"0 feature\(s\)"),
        (np.zeros((5, 2)), np.zeros((5, 2, 2)), "Found array with dim 3"),
        (np.zeros((5, 2)), np.zeros((5, 0)), r"0 feature\(s\)|y must have at least one column"),
        (np.zeros((5, 2)), None, "requires y to be passed"),
        (np.full((5, 2), "a"), np.zeros(5), "could not convert string to float|dtype='numeric'"),
        (np.zeros((5, 2), dtype=complex), np.zeros(5), "Complex data not supported"),
        (np.zeros((5, 2)), np.zeros(5, dtype=complex), "Complex data not supported"),
        (np.zeros((5, 2)), ["a"] * 5, "y must hold real numbers .*, got values of type <U1: could not convert string"),
        (np.zeros((5, 2)), ["1", "2", "3", "4", "inf"], "y must hold real numbers .*, got inf"),
        (np.zeros((5, 2)), np.arange(5).astype("datetime64[D]"), r"y must .*, got values of type datetime64\[D\]"),
        (np.zeros((5, 2)), np.arange(5).astype([("value", float)]), "y must hold real numbers .*, got values of type"),
        (np.zeros((5, 2)), csr_array(np.eye(5)), "y must be a dense array, got a sparse matrix; use y.toarray()"),
    ],
)
def test_wrong_shapes_and_types_are_refused(quick, X, y, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y)


def test_range_beyond_all_bounds_is_refused(quick):
    column = 1.7e308 * np.linspace(-1, 1, 10)
    with pytest.raises(ValueError, match=r"X and y must vary by less than 1e\+300"):
        quick().fit(column[:, None], np.arange(10.0))
    with pytest.raises(ValueError, match=r"X and y must vary by less than 1e\+300"):
        quick().fit(np.arange(10.0)[:, None], column)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="needs numbers beyond float64")
def test_target_beyond_float64_is_refused(quick):
    with pytest.raises(ValueError, match=r"y must hold real numbers that float64 holds as finite ones, got 1e\+400"):
        quick().fit(np.arange(10.0)[:, None], np.arange(10) * np.longdouble("1e400"))


@pytest.mark.parametrize("scale", [1e-301, 1e-310, 5e-324])
def test_target_that_varies_too_little_is_refused(quick, scale):
    X, y = np.arange(10.0)[:, None], scale * np.arange(10.0)
    with pytest.raises(ValueError, match=r"y must be constant or vary by more than 1e-300"):
        quick().fit(X, y)
    with pytest.raises(ValueError, match=r"y must be constant or vary by more than 1e-300"):
        quick().fit(X, np.column_stack([y, X]))


def test_wrong_number_of_columns_at_predict_is_refused(quick):
    model = quick().fit(*smooth())
    for shape in ((4, 1), (4, 3)):
        with pytest.raises(ValueError, match=rf"X has {shape[1]} features, but LatentDescentRegressor is expecting 2"):
            model.predict(np.zeros(shape))
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(np.zeros(2))


# --- parameters


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("depths", (), ValueError),
        ("depths", 0, ValueError),
        ("depths", (0, 2), ValueError),
        ("depths", (5,), ValueError),
        ("depths", (1.0,), ValueError),
        ("depths", (True,), ValueError),
        ("depths", ("1",), ValueError),
        ("depths", "12", TypeError),
        ("depths", 1.5, TypeError),
        ("depths", None, TypeError),
        ("activations", (), ValueError),
        ("activations", "relu", ValueError),
        ("activations", ("tanh", "softplus"), ValueError),
        ("activations", ("tanh", "tanh"), ValueError),
        ("activations", ("tanh", 3), TypeError),
        ("activations", None, TypeError),
        ("sparsity", -1e-9, ValueError),
        ("sparsity", np.nan, ValueError),
        ("sparsity", np.inf, ValueError),
        ("sparsity", "1", TypeError),
        ("sparsity", None, TypeError),
        ("sparsity", True, TypeError),
        ("compactness", -1, ValueError),
        ("compactness", np.inf, ValueError),
        ("compactness", [0.1], TypeError),
        ("max_nonzero", 0, ValueError),
        ("max_nonzero", 10.0, TypeError),
        ("max_nonzero", True, TypeError),
        ("one_standard_error", 1, ValueError),
        ("one_standard_error", None, ValueError),
        ("n_rounds", -1, ValueError),
        ("n_rounds", 1.0, TypeError),
        ("n_rounds", None, TypeError),
        ("max_blocks", 0, ValueError),
        ("max_blocks", 1.5, TypeError),
        ("time_limit", 0, ValueError),
        ("time_limit", -1.5, ValueError),
        ("time_limit", np.nan, ValueError),
        ("time_limit", np.inf, ValueError),
        ("time_limit", "10", TypeError),
        ("n_restarts", 0, ValueError),
        ("n_restarts", 2.0, TypeError),
        ("n_restarts", None, TypeError),
        ("max_iter", -1, ValueError),
        ("max_iter", 10.0, TypeError),
        ("max_iter", True, TypeError),
        ("learning_rate", 0, ValueError),
        ("learning_rate", -0.1, ValueError),
        ("learning_rate", np.nan, ValueError),
        ("learning_rate", "adaptive", TypeError),
        ("tol", -1e-3, ValueError),
        ("tol", None, TypeError),
        ("init", "zeros", ValueError),
        ("init", None, ValueError),
        ("n_generations", -1, ValueError),
        ("n_generations", 1.5, TypeError),
        ("readout", "lasso", ValueError),
        ("readout", True, ValueError),
        ("early_stopping", "always", ValueError),
        ("early_stopping", 1, ValueError),
        ("early_stopping", None, ValueError),
        ("validation_fraction", 0, ValueError),
        ("validation_fraction", 1, ValueError),
        ("validation_fraction", 1.5, ValueError),
        ("validation_fraction", "0.1", TypeError),
        ("checkpoint", 5, TypeError),
        ("checkpoint", "absent.safetensors", FileNotFoundError),
        ("device", "abacus", ValueError),
        ("device", 0, TypeError),
        ("device", None, TypeError),
        ("n_jobs", 0, ValueError),
        ("n_jobs", 1.5, TypeError),
        ("n_jobs", "all", TypeError),
        ("random_state", -1, ValueError),
        ("random_state", 0.5, ValueError),
        ("random_state", "seed", ValueError),
        ("warm_start", "yes", ValueError),
        ("warm_start", 1, ValueError),
        ("warm_start", None, ValueError),
        ("verbose", -1, ValueError),
        ("verbose", "loud", TypeError),
        ("verbose", None, TypeError),
    ],
)
def test_wrong_parameter_is_named_with_its_value(quick, parameter, value, error):
    X, y = smooth(10)
    with pytest.raises(error) as caught:
        quick(**{parameter: value}).fit(X, y)
    message = str(caught.value)
    assert parameter in message
    shown = (
        "softplus" if value == ("tanh", "softplus") else "none" if (parameter, value) == ("activations", ()) else None
    )
    element = "got 3" if value == ("tanh", 3) else None
    wanted = element or shown or (str(value) if error is FileNotFoundError else repr(value))
    assert wanted in message


def test_every_parameter_has_a_wrong_value_above():
    cases = test_wrong_parameter_is_named_with_its_value.pytestmark[0].args[1]
    both = SWATRegressor(), LatentDescentRegressor()
    assert {case[0] for case in cases} == set().union(*(model.get_params() for model in both))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("init", np.str_("bank")),
        ("early_stopping", np.bool_(False)),
        ("one_standard_error", np.bool_(True)),
        ("max_nonzero", np.int64(100)),
        ("max_nonzero", None),
        ("n_rounds", np.int64(1)),
        ("max_blocks", np.int64(1)),
        ("time_limit", np.float32(100)),
        ("n_generations", np.int64(1)),
        ("warm_start", np.bool_(False)),
        ("sparsity", np.float32(0.001)),
        ("sparsity", 0),
        ("n_restarts", np.int64(2)),
        ("depths", np.array([1])),
        ("depths", 1),
        ("activations", ["tanh"]),
        ("verbose", False),
        ("n_jobs", -1),
        ("random_state", np.int64(3)),
    ],
)
def test_values_from_parameter_grids_are_accepted(quick, parameter, value):
    quick(**{parameter: value}).fit(*smooth(20))


def test_wrong_parameter_is_told_before_the_table_is_looked_at(quick):
    with pytest.raises(ValueError, match="sparsity"):
        quick(sparsity=-1).fit(np.full((3, 1), np.nan), None)


def test_search_without_refinement_is_named():
    with pytest.raises(TypeError, match="got refine=False; LatentDescentRegressor is the search"):
        SWATRegressor(refine=False)
    with pytest.raises(TypeError, match="got refine=False; LatentDescentRegressor is the search"):
        SWATRegressor().set_params(refine=False, depths=(1,))


def test_parameter_unknown_to_the_regressor_is_refused():
    with pytest.raises(TypeError, match="alpha"):
        SWATRegressor(alpha=1)
    with pytest.raises(ValueError, match="Invalid parameter 'alpha'"):
        SWATRegressor().set_params(alpha=1)


def test_too_few_rows_to_hold_some_out_are_told(quick):
    X, y = smooth(2)
    with pytest.raises(ValueError, match=re.escape("early_stopping needs at least one row besides the held-out ones")):
        quick(early_stopping=True, validation_fraction=0.9).fit(X, y)


@pytest.mark.usefixtures("seeded")
def test_depth_beyond_the_checkpoints_is_told(quick, tmp_path, tiny_config, tiny_bank):
    from dataclasses import replace

    from sk_swat.latent.autoencoder import Autoencoder
    from sk_swat.latent.checkpoint import save_checkpoint

    path = tmp_path / "shallow.safetensors"
    save_checkpoint(path, Autoencoder(replace(tiny_config, max_depth=2)), tiny_bank, {})
    with pytest.raises(ValueError, match=r"depths must hold integers from 1 to 2, got \(1, 3\)"):
        quick(checkpoint=path, depths=(1, 3)).fit(*smooth())


def test_damaged_checkpoint_is_told_by_fit(quick, tmp_path, tiny_checkpoint):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_checkpoint.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"checkpoint '.*cut.safetensors' is damaged"):
        quick(checkpoint=path).fit(*smooth())

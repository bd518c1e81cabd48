"""Columns and targets that vary little beside their size: kept as far as float64 goes, and named where it ends."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from sk_swat import SWATCompressor
from sk_swat.network.scaling import Standardisation, column_scales

OFFSETS = [1.0, -1e6, 1e13, 1e15, -1e16, 1e-280, 1e300, -1.7e308]


def smooth(n_rows=120, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_rows, 2))
    return X, np.tanh(X[:, 0]) + 0.5 * X[:, 1]


def move(values, offset, steps):
    """Standardised values near an offset, their spread so many steps of float64."""
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    return offset + values * steps * np.spacing(abs(offset))


def r2(model, X, y):
    """R^2 of differences to the first target, which are exact."""
    wanted, given = y - y[0], model.predict(X) - y[0]
    unit = np.abs(wanted).max()
    wanted, given = wanted / unit, given / unit
    return 1 - np.mean(np.square(given - wanted)) / np.var(wanted)


def exact_moments(column, weight):
    """Mean, and variance in units of the squared step at the column's size."""
    values, total = [Fraction(float(value)) for value in column], sum(map(Fraction, weight))
    mean = sum(Fraction(w) * value for w, value in zip(weight, values, strict=True)) / total
    step = Fraction(float(np.spacing(np.abs(column).max())))
    variance = sum(Fraction(w) * ((v - mean) / step) ** 2 for w, v in zip(weight, values, strict=True)) / total
    return mean, float(variance) ** 0.5, step


@settings(max_examples=200)
@given(
    offset=st.floats(-1e300, 1e300, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-280),
    steps=st.floats(0.1, 1e17),
    n_rows=st.integers(2, 40),
    weighted=st.booleans(),
    kind=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**16),
)
def test_moments_are_exact_to_the_digits_that_float64_holds(offset, steps, n_rows, weighted, kind, seed):
    rng = np.random.default_rng(seed)
    if kind is np.float32:
        offset = np.sign(offset) * min(max(abs(offset), 1e-20), 1e20)
    size = abs(offset) or 1.0
    column = (offset + rng.normal(size=n_rows) * steps * np.spacing(size)).astype(kind)
    weight = rng.integers(1, 4, n_rows).astype(float) if weighted else None
    (mean,), (scale,) = column_scales(column[:, None], weight)
    wanted, spread, step = exact_moments(column.astype(float), np.ones(n_rows) if weight is None else weight)
    assert abs(Fraction(float(mean)) - wanted) <= max(n_rows * step, Fraction(1, 10**12) * abs(wanted))
    if spread >= 4.001:
        assert float(Fraction(float(scale)) / step) == pytest.approx(spread, rel=1e-2)
    if spread <= 3.999:
        assert scale == 0


def test_ordinary_columns_keep_their_bits():
    # from the sums themselves: whatever is done for narrow columns leaves others alone
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 1e-5, 1e7] + [0.0, 1e3, -1.0]
    X = np.column_stack([X, 1e15 + X[:, 0]])
    unit = np.abs(X).max(axis=0)
    mean = (X / unit).sum(axis=0) / 50
    spread = np.sqrt(np.square(X / unit - mean).sum(axis=0) / 50)
    offset, scale = column_scales(X)
    assert (offset[:3] == (mean * unit)[:3]).all() and (scale[:3] == (spread * unit)[:3]).all()


@pytest.mark.filterwarnings("ignore:.*rounding in float64 costs:UserWarning")  # a curved network, of eight steps
@pytest.mark.parametrize("steps", [8, 1e4])
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("moving", ["X", "y", "both"])
def test_what_float64_tells_apart_is_fitted(quick, offset, steps, moving):
    X, y = smooth()
    X = X if moving == "y" else move(X, offset, steps)
    y = y if moving == "X" else move(y, offset, steps)
    model = quick().fit(X, y)  # all other warnings are errors
    step = np.spacing(abs(offset))
    near_x, near_y = X if moving == "y" else (X - offset) / step, y if moving == "X" else (y - offset) / step
    plain = r2(quick().fit(near_x, near_y), near_x, near_y)  # the same digits, without the offset
    assert r2(model, X, y) > plain - 10 / steps**2 - 1e-3
    # sums of a few steps are rounded in the order that the layout of the rows asks for
    assert model.path_["r2_train"][0] == pytest.approx(r2(model, X, y), abs=1e-4 + 1 / steps**2)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e10, 1e14])
@pytest.mark.parametrize("spread", [1e-299, 1e-30, 1.0, 1e200, 1e290])
def test_any_spread_at_any_offset_is_fitted(quick, offset, spread):
    X, y = smooth()
    plain = r2(quick().fit(X, y), X, y)
    X, y = (offset + X) * spread, (offset + y / y.std()) * spread
    assert r2(quick().fit(X, y), X, y) > plain - 2e-2


def test_refined_path_is_judged_by_what_its_networks_give_in_raw_units(refined):
    X, y = smooth()
    model = refined().fit(move(X, 1e15, 8), y)
    for network, told in zip(model.networks_, model.path_["r2_train"], strict=True):
        assert r2(network, move(X, 1e15, 8), y) == pytest.approx(told, abs=1e-2)


@pytest.mark.parametrize("offset", [1e15, -1e16])
def test_unresolved_target_is_its_mean_and_named(quick, offset):
    X, y = smooth()
    y = move(np.sort(y), offset, 2)
    with pytest.warns(UserWarning, match=r"^y: float64 cannot tell such values well apart, so their mean stands"):
        model = quick().fit(X, y)
    middle = y[0] + (y - y[0]).mean()
    assert (model.predict(X) == middle).all() and middle != y[0]
    assert model.path_["r2_train"][0] == 0


def test_unresolved_columns_are_named(quick):
    X, y = smooth()
    table = pd.DataFrame({"temperature": X[:, 0], "time": move(X[:, 1], 1e15, 1), "same": 0.1})
    with pytest.warns(UserWarning, match=r"^column 'time': float64"):
        model = quick().fit(table, y)
    assert not model.support_[[1, 2]].any()
    with pytest.warns(UserWarning, match=r"^column 1: float64"):
        quick().fit(table.to_numpy(), y)
    with pytest.warns(UserWarning, match=r"^column 0, column 1: float64"):
        model = quick().fit(np.column_stack([move(X, 1e15, 2), 1e-302 * X[:, 0] * 0]), y)
    np.testing.assert_allclose(model.predict(X[:1].repeat(2, axis=1)[:, :3]), y.mean())
    with pytest.warns(UserWarning, match=r"^column 0: float64.*and 1e-300"):
        quick().fit(np.column_stack([1e-302 * X[:, 0], X[:, 1]]), y)
    with pytest.warns(UserWarning, match=r"^column 0, column 1, column 2, column 3, column 4 and 3 more: float64"):
        quick().fit(move(np.tile(X, 4), 1e15, 2), y)


def test_unresolved_target_among_several_is_its_mean(quick):
    X, y = smooth()
    narrow = move(y, 1e15, 2)
    with pytest.warns(UserWarning, match=r"^column 1 of y: float64"):
        model = quick().fit(X, np.column_stack([y, narrow, np.full(120, 0.1)]))
    found = model.predict(X)
    assert (found[:, 1] == narrow[0] + (narrow - narrow[0]).mean()).all() and (found[:, 2] == 0.1).all()
    assert np.ptp(found[:, 0]) > 0


def test_weights_count_in_the_mean_of_an_unresolved_target(quick):
    X = np.arange(8.0)[:, None]
    y = 1e15 + np.array([0.0, 0.125, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25])
    with pytest.warns(UserWarning, match=r"^y: float64"):
        model = quick().fit(X, y, sample_weight=[50, 1, 1, 1, 1, 1, 1, 1])
    assert model.predict(X[:1]) == 1e15
    with pytest.warns(UserWarning, match=r"^y: float64"):
        model = quick().fit(X, y, sample_weight=[1, 1, 10, 10, 10, 10, 10, 10])
    assert model.predict(X[:1]) == 1e15 + 0.25


@pytest.mark.parametrize("value", [0.1, 1e15 + 0.125, -1.7e308])
def test_columns_and_targets_that_are_truly_constant_are_silent(quick, value):
    X, y = smooth()
    same = np.full(120, value)
    quick().fit(np.column_stack([X, same]), y)
    assert (quick().fit(X, same).predict(X) == value).all()
    weight = np.random.default_rng(0).uniform(0.1, 1, 120)
    assert (quick().fit(X, same, sample_weight=weight).predict(X) == value).all()


def test_mean_of_a_huge_target_does_not_overflow(quick):
    y = 1.5e308 * (1 + 1e-9 * np.arange(10.0))
    assert np.isfinite(quick().fit(np.ones((10, 1)), y).predict(np.ones((1, 1)))).all()


def test_rounding_that_costs_accuracy_is_said(refined, tiny_checkpoint):
    X, _ = smooth()
    y = np.sin(4 * X[:, 0])
    X = pd.DataFrame(move(X, 1e15, 5), columns=["a", "b"])
    message = r"^column 'a', column 'b': these vary so little beside their size that rounding in float64 costs R\^2 0\."
    with pytest.warns(UserWarning, match=message):
        refined(checkpoint=None, n_restarts=8).fit(X, y)


def test_float32_columns_are_told_apart_as_float64(quick):
    X, y = smooth()
    near = move(X.astype(np.float32).astype(float), 1e6, 1e9).astype(np.float32)
    scaling = Standardisation.of(near, y)
    exact = [np.std(near[:, i].astype(float) - float(near[0, i])) for i in range(2)]
    np.testing.assert_allclose(scaling.x_scale, exact, rtol=1e-6)
    quick().fit(near, y)


@settings(max_examples=25)
@given(
    x_offset=st.sampled_from([0.0, *OFFSETS]),
    y_offset=st.sampled_from([0.0, *OFFSETS[:-2]]),
    x_steps=st.floats(0.5, 1e6),
    y_steps=st.floats(0.5, 1e6),
    n_targets=st.integers(1, 3),
    weighted=st.booleans(),
    seed=st.integers(0, 99),
)
@example(x_offset=1e300, y_offset=1e-280, x_steps=673.0, y_steps=818.0, n_targets=1, weighted=False, seed=0)
def test_a_fit_is_as_good_as_it_says_or_warns(quick, x_offset, y_offset, x_steps, y_steps, n_targets, weighted, seed):
    X, y = smooth(60, seed)
    targets = np.column_stack([y, X[:, 0], y + X[:, 1]])[:, :n_targets]
    X = move(X, x_offset, x_steps) if x_offset else X
    targets = move(targets, y_offset, y_steps) if y_offset else targets
    weight = np.random.default_rng(seed).uniform(1, 2, 60) if weighted else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("ignore", DataConversionWarning)  # of one target in two dimensions
        model = quick().fit(X, targets, sample_weight=weight)
    found = model.predict(X).reshape(60, -1)
    told = [
        r2_score((old - old[0]) / unit, (new - old[0]) / unit, sample_weight=weight)
        for old, new, unit in zip(targets.T, found.T, np.abs(targets - targets[0]).max(axis=0), strict=True)
    ]
    words = [str(one.message) for one in caught]
    assert all("float64" in one for one in words)
    if not words:
        assert np.mean(told) == pytest.approx(model.path_["r2_train"][0], abs=2e-2)
    if y_offset and y_steps < 3.5:
        assert any("y" in one for one in words)
    if not words and (not x_offset or x_steps > 10) and (not y_offset or y_steps > 10):
        assert np.mean(told) > 0.3


def test_compressor_keeps_and_names_the_same(tiny_checkpoint):
    short = {"depths": (1,), "n_restarts": 4, "n_rounds": 0, "n_generated": 100, "random_state": 0}
    short["checkpoint"] = str(tiny_checkpoint)
    X, y = smooth()
    near = move(X, 1e15, 100)
    teacher = LinearRegression().fit(X, y)
    teacher_near = LinearRegression().fit(near - 1e15, y)

    class Near:
        def predict(self, rows):
            return teacher_near.predict(rows - 1e15)

    assert SWATCompressor(Near(), **short).fit(near).fidelity(near) > 0.9
    with pytest.warns(UserWarning, match=r"^column 0, column 1: float64"):
        SWATCompressor(Near(), **short).fit(move(X, 1e15, 2))
    teacher.intercept_ = 1e16
    with pytest.warns(UserWarning, match=r"^predictions of the estimator: float64"):
        small = SWATCompressor(teacher, **short).fit(X)
    labels = teacher.predict(X)
    assert (small.predict(X) == labels[0] + (labels - labels[0]).mean()).all()
    with pytest.warns(UserWarning, match=r"^y: float64"):
        SWATCompressor(teacher, objective="accuracy", **short).fit(X, move(y, 1e16, 2))

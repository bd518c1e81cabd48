"""Any input at all to what fit is made of: weights, scaling, targets, and networks that come as text."""

import json
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.extra import numpy as npst

from sk_swat import SparseMLP
from sk_swat.fitting.limits import RowLimits
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.scaling import Standardisation
from sk_swat.network.targets import real_target
from sk_swat.network.text import FIELDS
from sk_swat.refine.counting import count_rows

HOME = tempfile.TemporaryDirectory()  # otherwise collecting these tests leaves a folder of hypothesis behind
set_hypothesis_home_dir(HOME.name)
FUZZ = settings(max_examples=200, suppress_health_check=list(HealthCheck))
MERGED = RowLimits.merged
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def tables(n_columns=3, elements=FINITE):
    shapes = st.tuples(st.integers(1, 8), st.integers(1, n_columns))
    return shapes.flatmap(lambda shape: npst.arrays(np.float64, shape, elements=elements))


@FUZZ
@given(X=tables(), data=st.data())
def test_any_finite_table_is_standardised_or_refused(X, data):
    y = data.draw(npst.arrays(np.float64, len(X), elements=FINITE))
    weight = data.draw(st.none() | npst.arrays(np.float64, len(X), elements=st.floats(1, 1e6)))
    try:
        scaling = Standardisation.of(X, y, weight).check()
    except ValueError as error:
        assert "vary" in str(error)
        return
    inputs = scaling.inputs(X)
    assert np.isfinite(inputs).all() and np.isfinite(scaling.x_offset).all() and (scaling.x_scale >= 0).all()
    count = np.ones(len(X)) if weight is None else weight
    columns = inputs[:, scaling.varying]
    if scaling.y_scale > 0:
        columns = np.column_stack([columns, scaling.target(y)])
    mean = np.average(columns, axis=0, weights=count)
    spread = np.sqrt(np.average(np.square(columns - mean), axis=0, weights=count))
    # a spread of the least size that counts as one, 1e-13 of the largest value, has three digits
    np.testing.assert_allclose(spread, 1, atol=2e-2)
    assert (np.abs(mean) < 0.12).all()


@FUZZ
@given(X=tables(2, st.integers(0, 2).map(float)), data=st.data())
def test_rows_count_as_often_as_their_weights_say_in_any_order(X, data):
    y = data.draw(npst.arrays(np.float64, len(X), elements=st.integers(0, 1).map(float)))
    weight = data.draw(npst.arrays(np.int64, len(X), elements=st.integers(0, 3)))
    assume(weight.any())
    order = np.array(data.draw(st.permutations(range(len(X)))))
    repeated = count_rows(np.repeat(X, weight, axis=0), np.repeat(y, weight), None, MERGED)
    for rows in (np.arange(len(X)), order):
        found = count_rows(X[rows], y[rows], weight[rows], MERGED)
        counts = [np.ones(len(part[0])) if part[2] is None else part[2] for part in (found, repeated)]
        assert counts[0].sum() == counts[1].sum() == weight.sum()
        summaries = [
            sorted(map(tuple, np.column_stack([part[0], part[1], count]).tolist()))
            for part, count in zip((found, repeated), counts, strict=True)
        ]
        assert summaries[0] == summaries[1]


@FUZZ
@given(X=tables(2), data=st.data())
def test_any_weights_are_refused_or_give_finite_ones_of_at_least_the_number_of_rows(X, data):
    weight = data.draw(npst.arrays(np.float64, len(X), elements=st.floats()))
    y = data.draw(npst.arrays(np.float64, len(X), elements=FINITE))
    try:
        with np.errstate(invalid="ignore"):  # scikit-learn adds them up to find the infinite ones
            rows, targets, counted = count_rows(X, y, weight, MERGED)
    except ValueError as error:
        assert "weight" in str(error).lower()
        return
    assert 1 <= len(rows) == len(targets) <= len(X)
    if counted is not None:
        assert np.isfinite(counted).all() and (counted > 0).all() and counted.sum() >= len(rows) * (1 - 1e-12)


@FUZZ
@given(y=npst.arrays(npst.scalar_dtypes() | st.just(np.dtype(object)), npst.array_shapes(max_dims=2, max_side=5)))
def test_any_target_becomes_finite_numbers_or_is_refused(y):
    try:
        target = real_target(y)
    except ValueError as error:
        assert str(error).startswith("y must hold real numbers")
    else:
        assert target.dtype == np.float64 and target.shape == y.shape and target.flags.c_contiguous
        assert np.isfinite(target).all()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-3, 3)
    | st.text(max_size=3)
    | st.sampled_from(ACTIVATION_NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@FUZZ
@given(key=st.sampled_from(["schema", "version", *FIELDS]), value=JSON)
def test_stored_network_with_any_wrong_entry_is_refused_or_as_it_was(key, value):
    document = SparseMLP([[[1.0], [2.0]], [[3.0]]], [[0.0], [1.0]], [["tanh"]]).to_dict()
    changed = document | {key: value}
    try:
        network = SparseMLP.from_json(json.dumps(changed))
    except ValueError as error:
        assert "must" in str(error)
    else:
        assert network.to_dict() == changed


@FUZZ
@given(text=st.text() | st.binary() | JSON.map(json.dumps))
def test_any_other_text_is_no_network(text):
    with pytest.raises(ValueError, match="must"):
        SparseMLP.from_json(text)

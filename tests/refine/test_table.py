"""One table from raw rows to tensors: every number is standardised as it would be alone, whatever share is taken."""

import pickle

import numpy as np
import pytest
import torch

from sk_swat.refine.table import Table


@pytest.fixture(params=[1, 3], ids=["one target", "three targets"])
def raw(request):
    """Fifty rows of five columns, of which one does not vary, with weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(3.0, 2.0, size=(50, 5))
    X[:, 2] = 7.0
    y = rng.normal(-1.0, 5.0, size=(50, request.param))
    return Table.of(X, y[:, 0] if request.param == 1 else y, rng.integers(1, 4, size=50))


def test_standardised_rows_are_those_of_the_scaling_in_the_order_of_the_split(raw):
    fitted, held = raw.split(0.2, seed=0)
    assert len(held) == 10 and sorted([*fitted, *held]) == list(range(50))
    table = raw.standardise(fitted, held)
    assert table.y.shape == (len(raw.y), 40) and table.n_held == 10
    for part, index in ((table, fitted), (table.held, held)):
        np.testing.assert_array_equal(part.X, raw.units.inputs(raw.X[index]))
        np.testing.assert_array_equal(part.y, np.atleast_2d(raw.units.target(raw.raw_y[index]).T))
        np.testing.assert_array_equal(part.weight, raw.weight[index])
    np.testing.assert_array_equal(table.columns, [0, 1, 3, 4])


def test_shares_of_a_standardised_table_are_what_these_rows_are_alone(raw):
    fitted, held = raw.split(0.2, seed=0)
    table = raw.standardise(fitted, held)
    first, alone = table.first(8), raw.standardise(fitted[:8], held[:8])
    part, columns = table.part(30, 4, np.array([3, 0])), [3, 0]
    both = raw.standardise(np.r_[fitted[:30], held[:4]])
    for name in ("X", "y", "weight"):
        np.testing.assert_array_equal(getattr(first, name), getattr(alone, name))
        np.testing.assert_array_equal(getattr(first.held, name), getattr(alone.held, name))
    np.testing.assert_array_equal(part.X, both.X[:, columns])
    np.testing.assert_array_equal(part.y, both.y)
    np.testing.assert_array_equal(part.weight, both.weight)


def test_without_a_share_no_row_is_held_out(raw):
    fitted, held = raw.split(None, seed=0)
    table = raw.standardise(fitted, held)
    assert table.held is None and table.n_held == 0 and table.first(3).held is None and len(table) == 50


def test_tensors_of_a_share_are_sent_without_the_other_rows(raw):
    table = raw.standardise(*raw.split(0.5, seed=0))
    few = table.first(2).tensors(torch.float64)
    assert few.X.dtype == few.held.weight.dtype == torch.float64
    np.testing.assert_array_equal(few.X, table.X[:2])
    assert len(pickle.dumps(few.X)) < len(pickle.dumps(table.tensors(torch.float64).X))
    single = few.to(torch.float32)
    assert single.X.dtype == single.y.dtype == single.weight.dtype == single.held.X.dtype == torch.float32


def test_all_rows_but_one_may_be_held_out(raw):
    assert [len(part) for part in raw.split(0.98, seed=0)] == [1, 49]
    with pytest.raises(ValueError, match=r"at least one row besides the held-out ones, got 50 rows and .*=0\.99"):
        raw.split(0.99, seed=0)

"""Cost of long tables: memory, types, and what more rows give."""

import tracemalloc

import numpy as np
import pytest

from benchmarks.cost import make_cost_task
from sk_swat.fitting import starts


@pytest.fixture(scope="module")
def long_table():
    """400 000 rows in float32: 13 MB."""
    task, _ = make_cost_task(400_000, 8)
    return task


def allocation(call):
    """Most bytes that NumPy and Python held at once during a call, beside what was there before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_makes_no_copy_of_a_long_table(refined, long_table, dtype):
    X = long_table.X_train.astype(dtype)
    refined(n_rounds=0).fit(X[:2000], long_table.y_train[:2000])  # what is loaded once
    used = allocation(lambda: refined(n_rounds=0).fit(X, long_table.y_train))
    # the target in float64, an order of the rows, and chunks; a float64 copy of X alone is 64 bytes a row
    assert used < 60 * len(X) < 64 * len(X)


def test_fit_copies_a_table_in_fortran_order_once(refined, long_table):
    X = np.asfortranarray(long_table.X_train)
    refined(n_rounds=0).fit(X[:2000], long_table.y_train[:2000])
    used = allocation(lambda: refined(n_rounds=0).fit(X, long_table.y_train))
    assert used < X.nbytes + 60 * len(X)


def test_prediction_needs_no_more_than_chunks(refined, long_table):
    model = refined(n_rounds=0).fit(long_table.X_train[:2000], long_table.y_train[:2000])
    used = allocation(lambda: model.predict(long_table.X_train))
    assert used < 40 * len(long_table.X_train)  # 8 are the result


def test_float32_and_float64_give_the_same_network(refined, long_table):
    X, y = long_table.X_train[:5000], long_table.y_train[:5000]
    single, double = (refined().fit(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(single.predict(X), double.predict(X), rtol=1e-4, atol=1e-4)


def test_search_looks_at_more_rows_of_a_long_table(refined, long_table, monkeypatch):
    seen = []
    real = starts.polish_candidates

    def spy(candidates, task, *args, **kwargs):
        seen.append(len(task.rows))
        return real(candidates, task, *args, **kwargs)

    monkeypatch.setattr(starts, "polish_candidates", spy)
    for n_rows in (1000, 6000, 20_000, 400_000):
        refined(n_rounds=0, n_restarts=1).fit(long_table.X_train[:n_rows], long_table.y_train[:n_rows])
    assert seen == [768, 768, 2250, 6144]

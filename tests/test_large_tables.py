"""Cost of long tables: memory, types, and what more rows give."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import sk_swat
from benchmarks import cost


@pytest.fixture(scope="module")
def long_table():
    """400 000 rows in float32: 13 MB."""
    task, _ = cost.make_cost_task(400_000, 8)
    return task


def allocated(call):
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
    used = allocated(lambda: refined(n_rounds=0).fit(X, long_table.y_train))
    # the target in float64, an order of the rows, and chunks; a float64 copy of X alone is 64 bytes a row
    assert used < 60 * len(X) < 64 * len(X)


def test_fit_copies_a_table_in_fortran_order_once(refined, long_table):
    X = np.asfortranarray(long_table.X_train)
    refined(n_rounds=0).fit(X[:2000], long_table.y_train[:2000])
    used = allocated(lambda: refined(n_rounds=0).fit(X, long_table.y_train))
    assert used < X.nbytes + 60 * len(X)


def test_prediction_needs_no_more_than_chunks(refined, long_table):
    model = refined(n_rounds=0).fit(long_table.X_train[:2000], long_table.y_train[:2000])
    used = allocated(lambda: model.predict(long_table.X_train))
    assert used < 40 * len(long_table.X_train)  # 8 are the result


def test_float32_and_float64_give_the_same_network(refined, long_table):
    X, y = long_table.X_train[:5000], long_table.y_train[:5000]
    single, double = (refined().fit(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(single.predict(X), double.predict(X), rtol=1e-4, atol=1e-4)


def test_search_looks_at_more_rows_of_a_long_table(refined, long_table, monkeypatch):
    seen = []
    real = sk_swat.search.table.refine

    def spy(candidates, problem, *args, **kwargs):
        seen.append(len(problem.rows))
        return real(candidates, problem, *args, **kwargs)

    monkeypatch.setattr("sk_swat.search.table.refine", spy)
    for n_rows in (1000, 6000, 20_000, 400_000):
        refined(n_rounds=0, n_restarts=1).fit(long_table.X_train[:n_rows], long_table.y_train[:n_rows])
    assert seen == [768, 768, 2250, 6144]


def test_cost_task_is_what_it_says():
    task, informative = cost.make_cost_task(60_000, 12, random_state=3)
    again, _ = cost.make_cost_task(60_000, 12, random_state=3)
    np.testing.assert_array_equal(task.X_train, again.X_train)
    assert task.X_train.dtype == np.float32 and task.X_train.shape == (60_000, 12) and len(informative) == 5
    assert task.X_test.shape == (20_000, 12)
    assert np.var(task.y_train) == pytest.approx(1.04 * np.var(task.y_test), rel=0.05)


def test_costs_are_measured_and_written(tmp_path, capsys):
    out = tmp_path / "cost.md"
    (found, _) = cost.bench_cost([60, 120], [2, 10**6], out=out)
    assert found.n_rows == 60 and found.seconds > 0 and found.peak_mb > 50 and found.found <= 2
    printed = capsys.readouterr().out
    assert "60 x 1000000: left out" in printed and out.read_text() in printed
    assert out.read_text().count("\n") == 4
    with pytest.raises(ValueError, match=r"rows must be at least 10 and columns at least 2, got \(5,\) and \(2,\)"):
        cost.bench_cost([5], [2])


@pytest.mark.slow
def test_a_million_rows_take_less_than_two_minutes_and_two_gigabytes():
    code = "from benchmarks.cost import measure_cost as m; f = m(1_000_000, 8); print(f.seconds, f.peak_mb, f.r2)"
    root = str(Path(sk_swat.__file__).parents[1])
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    seconds, megabytes, r2 = map(float, ran.stdout.split())
    assert seconds < 120 and megabytes < 2000
    assert r2 >= cost.measure_cost(50_000, 8).r2 - 0.001

"""What fits cost: the tables, and what is measured and written."""

import numpy as np
import pytest

from benchmarks import cost
from benchmarks.experiments import Choice, run_experiment


def test_cost_task_is_what_it_says():
    task, informative = cost.make_cost_task(60_000, 12, random_state=3)
    again, _ = cost.make_cost_task(60_000, 12, random_state=3)
    np.testing.assert_array_equal(task.X_train, again.X_train)
    assert task.X_train.dtype == np.float32 and task.X_train.shape == (60_000, 12) and len(informative) == 5
    assert task.X_test.shape == (20_000, 12)
    assert np.var(task.y_train) == pytest.approx(1.04 * np.var(task.y_test), rel=0.05)


def test_costs_are_measured_and_written(tmp_path):
    out = tmp_path / "cost.md"
    lines = []
    found = run_experiment("cost", Choice(["60x2", "120x2"]), summary=out, sink=lines.append)
    (first, second) = found.itertuples()
    assert (first.n_rows, second.n_rows, first.n_columns) == (60, 120, 2)
    assert first.seconds > 0 and first.peak_mb > 50 and first.found <= 2
    assert out.read_text() == cost.summary(found) + "\n" and out.read_text().count("\n") == 4


def test_largest_tables_are_left_out():
    assert {"1000000x8", "10000x1000", "1000x2"} < set(cost.SIZES)
    assert not {"1000000x50", "100000x1000"} & set(cost.SIZES)


@pytest.mark.slow
def test_a_million_rows_take_less_than_two_minutes_and_two_gigabytes():
    million, fewer = cost.sizes(["1000000x8", "50000x8"], seed=0)
    (found,) = cost.measure(million, "SWATRegressor", {})
    assert found["seconds"] < 120 and found["peak_mb"] < 2000
    assert found["r2"] >= cost.measure_here(fewer, "SWATRegressor")["r2"] - 0.001

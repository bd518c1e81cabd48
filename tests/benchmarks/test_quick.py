import os
import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import quick
from benchmarks.experiments import Choice, run_experiment
from benchmarks.meters import in_fresh_process, peak_memory
from benchmarks.quick import COLUMNS, TASKS, measure_here, summary
from benchmarks.runner import read_results
from benchmarks.tasks import Task, load_task
from sk_swat import SWATRegressor
from sk_swat.cli.comparison import MODELS, count_parameters, make_model, time_fit
from sk_swat.datasets import cornn_names


@pytest.fixture
def short(monkeypatch, tiny_checkpoint):
    """Make models whose fits take a moment."""
    settings = {
        "SWATRegressor": {
            "depths": (1,),
            "n_restarts": 1,
            "n_rounds": 1,
            "checkpoint": str(tiny_checkpoint),
        },
        "MLPRegressor": {"max_iter": 20},
        "HistGradientBoostingRegressor": {"max_iter": 5},
    }

    def make(name, random_state=0):
        return make_model(name, random_state=random_state, **settings.get(name, {}))

    monkeypatch.setattr(quick, "make_model", make)
    monkeypatch.setattr(quick, "_MANY_ROWS", 500)
    return make


def measurement(task="a", model="SWATRegressor", **changes):
    fields = dict(
        selection="",
        seed=0,
        split=0,
        first_fit_s=3.0,
        fit_s=2.0,
        r2=0.5,
        n_parameters=10,
        predict_row_us=10.0,
        predict_many_ms=4.0,
        pickle_kb=1.5,
        peak_mb=200.0,
        converged=True,
    )
    return {"task": task, "model": model} | fields | changes


def table_and_lines(*rows):
    """The printed table, and the lines below it."""
    table, lines = summary(pd.DataFrame(rows)).split("\n\n")
    return table.split("\n"), lines.split("\n")


def test_ten_cornn_functions_and_diabetes():
    assert len(set(TASKS)) == 11
    assert set(TASKS) - set(cornn_names()) == {"diabetes"}


@pytest.mark.parametrize("name", MODELS)
def test_measurement_is_complete_and_scores_test_rows(name, short):
    task = load_task("Himmelblau", n_train=60)
    found = measure_here(task, name)
    model = short(name)
    time_fit(model, task)
    assert {"task", "model", "seed", "split", *found} == set(COLUMNS)
    assert found["r2"] == pytest.approx(model.score(task.X_test, task.y_test), rel=1e-12)
    assert found["n_parameters"] == count_parameters(model)
    assert min(found[name] for name in COLUMNS[5:] if name.endswith(("_s", "_us", "_ms", "_kb", "_mb"))) > 0


def test_the_seed_of_the_task_is_that_of_both_fits(short, monkeypatch):
    seeds = []
    monkeypatch.setattr(quick, "make_model", lambda name, random_state: seeds.append(random_state) or short("Ridge"))
    measure_here(load_task("Himmelblau", n_train=60, random_state=3), "Ridge")
    assert seeds == [3]


def test_fresh_process_measures_its_own_memory():
    rows = np.full((100, 2), 0.5)
    task = Task("flat", rows, rows, np.arange(100.0), np.arange(100.0))
    ballast = np.ones(40_000_000)  # 320 MB held by this process must not count
    found = in_fresh_process(measure_here, task, "Ridge")
    assert 20 < found["peak_mb"] < peak_memory() / 1e6 - ballast.nbytes / 2e6


def test_quick_benchmark_writes_what_it_measured(tmp_path):
    lines, out, page = [], tmp_path / "bench.csv", tmp_path / "bench.md"
    found = run_experiment("quick", Choice(["Booth"], ["Ridge"], n_train=50), out=out, summary=page, sink=lines.append)
    assert list(zip(found["task"], found["model"], strict=True)) == [("Booth", "Ridge")]
    assert lines[0].startswith("[1/1, 0 s left] Booth split 0 seed 0, Ridge: fit_s ")
    assert lines[-1] == "\n" + summary(found) and page.read_text() == summary(found) + "\n"
    pd.testing.assert_frame_equal(read_results(out, COLUMNS), found)
    again = run_experiment("quick", Choice(["Booth"], ["Ridge"], n_train=50), out=out, sink=lines.append)
    assert lines[-2] == f"1 of 1 measurements are in {out}"
    pd.testing.assert_frame_equal(again, found)


def test_table_has_even_lines_and_stars_early_stops():
    lines, _ = table_and_lines(measurement(), measurement(converged=False, task="longer name"))
    assert len({len(line) for line in lines}) == 1
    assert re.fullmatch(r"[|\-: ]+", lines[1])
    assert "*" not in lines[2]
    assert "2.00*" in lines[3]


def test_summary_is_medians_and_the_ratio_task_by_task():
    rows = [
        measurement("a", fit_s=1.0, r2=0.1, predict_row_us=10, pickle_kb=3.0, peak_mb=100),
        measurement("b", fit_s=3.0, r2=0.3, predict_row_us=20, pickle_kb=2.0, peak_mb=300, converged=False),
        measurement("a", "MLPRegressor", predict_row_us=40),
        measurement("b", "MLPRegressor", predict_row_us=200),
    ]
    _, (swat, mlp, ratio) = table_and_lines(*rows)
    assert swat == (
        "SWATRegressor: median fit 2.00 s, median R^2 0.2000, median parameters 10, largest pickle 3.0 kB, "
        "largest peak memory 300 MB, stopped early (*) on 1 of 2 tasks"
    )
    assert mlp.startswith("MLPRegressor: median fit 2.00 s")
    assert "takes 7.0 times as long" in ratio  # median of 4 and 10
    assert "times" not in summary(pd.DataFrame(rows[:2]))


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
def test_peak_memory_grows_with_what_is_held():
    before = peak_memory()
    ballast = np.ones(int(before / 8) + 10_000_000)
    assert peak_memory() >= ballast.nbytes


@pytest.mark.slow
def test_all_quick_models_on_two_tasks():
    found = run_experiment("quick", Choice(["Booth", "diabetes"], n_train=200), sink=list)
    assert len(found) == 6
    swat = found[found["model"] == SWATRegressor.__name__]
    assert (swat["first_fit_s"] > swat["fit_s"]).all()

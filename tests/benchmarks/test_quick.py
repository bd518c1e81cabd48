import csv
import os
import re

import numpy as np
import pytest

from benchmarks import quick as benchmark
from benchmarks.memory import peak_memory
from benchmarks.quick import TASKS, bench_quick, measure
from benchmarks.quick_report import Measurement, markdown_table, summarise, write_measurements
from benchmarks.tasks import Task, load_task
from sk_swat.comparison import MODELS, count_numbers, make_model, timed_fit
from sk_swat.datasets import cornn_names


@pytest.fixture(scope="module")
def tiny_swat(tiny_checkpoint):
    """Settings of a search that takes a moment."""
    return {"depths": (1,), "n_restarts": 1, "max_iter": 5, "n_generations": 1, "checkpoint": str(tiny_checkpoint)}


def measurement(task="a", model="SWATRegressor", **changes):
    fields = dict(
        first_fit_s=3.0,
        fit_s=2.0,
        r2=0.5,
        n_numbers=10,
        predict_row_us=10.0,
        predict_many_ms=4.0,
        pickle_kb=1.5,
        peak_mb=200.0,
        converged=True,
    )
    return Measurement(task, model, **(fields | changes))


@pytest.fixture
def task():
    return load_task("Himmelblau", n_train=60)


def test_ten_cornn_functions_and_diabetes():
    assert len(set(TASKS)) == 11
    assert set(TASKS) - set(cornn_names()) == {"diabetes"}


@pytest.mark.parametrize("name", MODELS)
def test_measurement_is_complete_and_scores_test_rows(name, task, tiny_swat, monkeypatch):
    monkeypatch.setattr(benchmark, "_MANY_ROWS", 500)
    settings = {
        "SWATRegressor": tiny_swat,
        "MLPRegressor": {"max_iter": 20},
        "HistGradientBoostingRegressor": {"max_iter": 5},
    }.get(name, {})
    found = measure(task, name, parameters=settings)
    model = make_model(name, **settings)
    timed_fit(model, task)
    assert found.r2 == pytest.approx(model.score(task.X_test, task.y_test), rel=1e-12)
    assert (found.task, found.model, found.n_numbers) == ("Himmelblau", name, count_numbers(model))
    assert min(found.fit_s, found.first_fit_s, found.predict_row_us, found.predict_many_ms, found.pickle_kb) > 0


def test_fresh_process_measures_its_own_memory():
    rows = np.full((100, 2), 0.5)
    task = Task("flat", rows, rows, np.arange(100.0), np.arange(100.0), ("x", "y"))
    ballast = np.ones(40_000_000)  # 320 MB held by this process must not count
    found = benchmark._measure_in_fresh_process(task, "Ridge", 0, None)
    assert 20 < found.peak_mb < peak_memory() / 1e6 - ballast.nbytes / 2e6


def test_bench_quick_writes_what_it_measured(tmp_path):
    lines = []
    found = bench_quick(["Booth"], ["Ridge"], n_train=50, out=tmp_path / "bench.csv", sink=lines.append)
    assert [(item.task, item.model) for item in found] == [("Booth", "Ridge")]
    assert lines[0].startswith("[1/1] Booth, Ridge: fit ")
    assert lines[-1] == "\n" + markdown_table(found) + "\n\n" + summarise(found)
    with (tmp_path / "bench.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["r2"]) == found[0].r2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["Lasso"]}, "models must name some of SWATRegressor, .*got 'Lasso'"),
        ({"tasks": ["Rigde"]}, "name must be one of the 54 CORNN functions"),
        ({"parameters": {"SWAT": {}}}, "parameters must name some of"),
        ({"out": "bench.txt"}, r"out must end in .csv or .md, got 'bench.txt'"),
        ({"n_train": 1}, "n_train must be at least 2"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(arguments, message, monkeypatch):
    monkeypatch.setattr(benchmark, "_measure_in_fresh_process", lambda *a: pytest.fail("measured"))
    with pytest.raises(ValueError, match=message):
        bench_quick(**arguments)


def test_missing_folder_is_said_before_anything_is_measured(tmp_path):
    with pytest.raises(FileNotFoundError, match="out must lie in an existing folder"):
        bench_quick(out=tmp_path / "none" / "bench.md")


def test_table_has_even_lines_and_stars_early_stops():
    lines = markdown_table([measurement(), measurement(converged=False, task="longer name")]).split("\n")
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
    swat, mlp, ratio = summarise(rows).split("\n")
    assert swat == (
        "SWATRegressor: median fit 2.00 s, median R^2 0.2000, median numbers 10, largest pickle 3.0 kB, "
        "largest peak memory 300 MB, stopped early (*) on 1 of 2 tasks"
    )
    assert mlp.startswith("MLPRegressor: median fit 2.00 s")
    assert "takes 7.0 times as long" in ratio  # median of 4 and 10
    assert "times" not in summarise(rows[:2])


def test_markdown_file_holds_table_and_summary(tmp_path):
    write_measurements([measurement()], tmp_path / "bench.md")
    text = (tmp_path / "bench.md").read_text()
    assert text == markdown_table([measurement()]) + "\n\n" + summarise([measurement()]) + "\n"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
def test_peak_memory_grows_with_what_is_held():
    before = peak_memory()
    ballast = np.ones(int(before / 8) + 10_000_000)
    assert peak_memory() >= ballast.nbytes


@pytest.mark.slow
def test_all_quick_models_on_two_tasks(tiny_swat):
    found = bench_quick(["Booth", "diabetes"], n_train=200, parameters={"SWATRegressor": tiny_swat}, sink=list)
    assert len(found) == 6
    assert all(item.first_fit_s > item.fit_s for item in found if item.model == "SWATRegressor")

"""The runner: what is run, what a file holds, and where a later call goes on."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from benchmarks import accuracy
from benchmarks.experiments import by_size
from benchmarks.runner import Runner, jobs_of, place, read_results
from benchmarks.tasks import load_task

COLUMNS = ("task", "model", "selection", "seed", "split", "error", "size")
MODELS = ["several", "one"]
CALLS = []


def selection_names(task, model, selections):
    return ("", *selections) if model == "several" else ("",)


def measure(task, model, selections):
    """Count the calls; some model has no network of 5."""
    CALLS.append((task.name, task.seed, model))
    if len(CALLS) == 4 and task.name == "crash":
        raise KeyboardInterrupt
    error = 1 / (3 + len(CALLS))
    rows = [{"selection": name, "error": error, "size": 7} for name in selection_names(task, model, selections)]
    return [row | {"error": math.nan, "size": 0} if row["selection"] == "<=5" else row for row in rows]


HARNESS = SimpleNamespace(
    COLUMNS=COLUMNS, TOLD=("error",), MODELS={}, place=place, selection_names=selection_names, measure=measure
)


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def tasks(*names, seed=0):
    return [SimpleNamespace(name=name, seed=seed, split=0) for name in names]


def run(tasks, models=MODELS, sizes=(), out=None, sink=list, n_jobs=1):
    return Runner(HARNESS, jobs_of(HARNESS, tasks, models, by_size(sizes)), out).run(n_jobs, sink)


def test_file_is_tidy_and_holds_all_digits(tmp_path):
    out = tmp_path / "sizes.csv"
    found = run(tasks("a"), sizes=[5, 30], out=out)
    header, *lines = out.read_text().splitlines()
    assert header == ",".join(COLUMNS)
    assert [tuple(line.split(",")[1:3]) for line in lines] == [
        *(("several", name) for name in ("", "<=5", "<=30")),
        ("one", ""),
    ]
    assert lines[1].endswith(",nan,0")
    pd.testing.assert_frame_equal(read_results(out, COLUMNS), found, check_exact=True)


@pytest.mark.parametrize("error", [math.inf, 1e-300, 0.1 + 0.2, 1.0])
def test_errors_are_read_as_they_were_written(error, tmp_path, monkeypatch):
    rows = [{"selection": "", "error": error, "size": 1}]
    monkeypatch.setattr(HARNESS, "measure", lambda *arguments: rows)
    run(tasks("a"), ["one"], out=tmp_path / "r.csv")
    assert read_results(tmp_path / "r.csv", COLUMNS)["error"].tolist() == [error]


def test_progress_says_where_and_what(tmp_path):
    lines = []
    run(tasks("a", seed=4), ["one"], sink=lines.append)
    assert lines == ["[1/1, 0 s left] a split 0 seed 4, one: error 0.25"]


def test_complete_measurements_are_not_run_again_and_half_written_ones_are(calls, tmp_path):
    out = tmp_path / "sizes.csv"
    before = run(tasks("a", "b"), sizes=[15, 30], out=out)
    assert len(calls) == 4
    pd.testing.assert_frame_equal(run(tasks("a", "b"), sizes=[15, 30], out=out), before)
    assert len(calls) == 4

    text = out.read_text().splitlines(keepends=True)
    out.write_text("".join(text[:7])[:-8])  # the first task whole, of the second the chosen network and half a line
    lines = []
    after = run(tasks("a", "b", "c"), sizes=[15, 30], out=out, sink=lines.append)
    assert calls[4:] == [(task, 0, model) for task in "bc" for model in MODELS]
    assert lines[0] == f"2 of 6 measurements are in {out}"
    assert [line.split("] ")[1].split(":")[0] for line in lines[1:]] == [
        f"{task} split 0 seed 0, {model}" for task in "bc" for model in MODELS
    ]
    pd.testing.assert_frame_equal(after[:4], before[:4])
    assert after["task"].tolist() == ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    pd.testing.assert_frame_equal(read_results(out, COLUMNS), after)
    assert not list(tmp_path.glob("*.part"))


def test_only_models_with_missing_lines_run_again(calls, tmp_path):
    out = tmp_path / "sizes.csv"
    run(tasks("a"), ["one"], out=out)
    run(tasks("a"), sizes=[15], out=out)  # the model of one size has no others: nothing is missing
    assert len(calls) == 2
    run(tasks("a"), sizes=[30], out=out)  # another size is another look at a new fit
    assert len(calls) == 3
    held = read_results(out, COLUMNS)
    assert list(zip(held["model"], held["selection"], strict=True)) == [
        ("one", ""),
        ("several", ""),
        ("several", "<=30"),
    ]
    found = run([*tasks("a"), *tasks("a", seed=1)], ["one"], out=out)
    assert len(calls) == 4
    assert found["seed"].tolist() == [0, 1]
    assert read_results(out, COLUMNS)["seed"].tolist() == [0, 0, 0, 1]


def test_crash_keeps_the_lines_before_it(tmp_path):
    out = tmp_path / "sizes.csv"
    with pytest.raises(KeyboardInterrupt):
        run(tasks("a", "crash"), out=out)
    held = read_results(out, COLUMNS)
    assert list(zip(held["task"], held["model"], strict=True)) == [("a", "several"), ("a", "one"), ("crash", "several")]


def test_foreign_file_is_refused_and_kept(calls, tmp_path):
    out = tmp_path / "mine.csv"
    out.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="out must be a new file or one with the columns task, model"):
        run(tasks("a"), out=out)
    assert out.read_text() == "a,b\n1,2\n"
    assert not calls


def test_empty_file_is_a_new_one(tmp_path):
    (tmp_path / "new.csv").write_text("")
    assert read_results(tmp_path / "new.csv", COLUMNS).empty
    assert len(run(tasks("a"), ["one"], out=tmp_path / "new.csv")) == 1


@pytest.mark.slow
def test_processes_side_by_side_find_the_same():
    models = ["MLPRegressor-7-7", "HistGradientBoostingRegressor"]
    rows = [load_task(name, n_train=60) for name in ("Booth", "Matyas")]
    jobs = jobs_of(accuracy, rows, models, {})
    one, two = (Runner(accuracy, jobs).run(n_jobs, list) for n_jobs in (1, 2))
    same = ["task", "model", "selection", "n_nonzero"]
    pd.testing.assert_frame_equal(one[same], two[same])
    assert one["test_mse"].tolist() == pytest.approx(two["test_mse"].tolist(), rel=1e-6)

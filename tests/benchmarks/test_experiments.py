import dataclasses

import numpy as np
import pandas as pd
import pytest

from benchmarks import accuracy
from benchmarks.accuracy import COLUMNS
from benchmarks.experiments import EXPERIMENTS, Choice, by_price
from benchmarks.experiments import run_experiment as run
from benchmarks.models import MODELS, TIMED_MODELS
from benchmarks.runner import read_results
from benchmarks.summary import summary_table
from benchmarks.tables import table_folds
from benchmarks.tasks import check_split, load_task
from sk_swat.datasets import cornn_names


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "tables"
    path.mkdir()
    for name in ("one", "two"):
        (path / f"{name}.csv").write_text("a,target\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20)))
    return path


@pytest.fixture
def measured(monkeypatch):
    """Measure and audit nothing; holds the tasks, models and selections that would have been."""
    calls = []

    def measure(task, model, selections):
        names = list(accuracy.selection_names(task, model, selections))
        calls.append((task, model, names))
        values = (1.0, 0.5, 9, 3, 1, 1.0, 0.1, 9.0)
        return [{"selection": name} | dict(zip(COLUMNS[5:], values, strict=True)) for name in names]

    monkeypatch.setattr(accuracy, "measure", measure)
    monkeypatch.setattr(accuracy, "audit", lambda task, model, selections: calls.append((task, model, "audit")))
    return calls


def equal(one, other):
    parts = ("X_train", "X_test", "y_train", "y_test")
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts) and (
        (one.name, one.split, one.seed) == (other.name, other.split, other.seed)
    )


def made(name, seed=0, **rows):
    return EXPERIMENTS[name].make(EXPERIMENTS[name].tasks, seed, Choice(**rows))


def run_experiment(name, **arguments):
    """Run with a choice made of the arguments that belong to it."""
    fields = {field.name for field in dataclasses.fields(Choice)}
    choice = Choice(**{key: value for key, value in arguments.items() if key in fields})
    return run(name, choice, **{key: value for key, value in arguments.items() if key not in fields})


# --- what the experiments are


def test_names_of_models_are_known():
    for experiment in EXPERIMENTS.values():
        assert set(experiment.models) <= set(experiment.harness.MODELS)
    assert EXPERIMENTS["latent-time"].models == TIMED_MODELS


def test_cornn_has_all_functions():
    tasks = made("cornn", n_train=60)
    assert tuple(task.name for task in tasks) == cornn_names()
    assert all((len(task.y_train), len(task.y_test)) == (60, 20) for task in tasks)


def test_tables_have_the_models_that_are_not_of_the_papers():
    own, all_models = EXPERIMENTS["tables"].models, EXPERIMENTS["cornn"].models
    assert set(all_models) - set(own) == {
        "SWATRegressor, 20 rounds",
        "papers' activations",
        "papers' search",
        "fixed activation",
        "DARTS+ADMM",
    }


def test_planted_tasks_are_those_of_the_paper():
    tasks = made("planted", seed=3, n_train=90)
    names = [f"planted {shape} {kind}" for shape in ("2x14", "3x35") for kind in ("sigmoid", "leaky_relu", "linear")]
    assert [task.name for task in tasks] == names
    for task in tasks:
        check_split(task)
        assert (task.seed, task.X_train.shape, task.X_test.shape) == (3, (90, 3), (30, 3))
    lines = [task for task in tasks if task.name.endswith("linear")]
    for task in lines:  # the linear ones are planes
        X = np.column_stack([task.X_train, np.ones(90)])
        assert np.linalg.lstsq(X, task.y_train, rcond=None)[1] < 1e-20


def test_networks_are_selected_by_price():
    assert list(by_price()) == [f"sparsity=1e-0{digit}" for digit in (7, 6, 5, 4, 3, 2)]
    assert by_price()["sparsity=1e-04"] == {"sparsity": 1e-4, "compactness": 0}


# --- a run


def test_each_seed_makes_the_tasks_anew(measured):
    found = run_experiment("cornn", tasks=["Booth"], models=["Ridge"], seeds=(0, 4), n_train=30, sink=list)
    assert list(zip(found["task"], found["seed"], strict=True)) == [("Booth", 0), ("Booth", 4)]
    for (task, _, _), seed in zip(measured, (0, 4), strict=True):
        assert equal(task, load_task("Booth", n_train=30, random_state=seed))


def test_each_seed_shuffles_the_folds_anew(measured, folder):
    run_experiment("tables", tables=folder, tasks=["two"], models=["Ridge"], seeds=(0, 4), n_folds=2, sink=list)
    expected = [task for seed in (0, 4) for task in table_folds(folder / "two.csv", n_folds=2, random_state=seed)]
    assert [(task.split, task.seed) for task in expected] == [(0, 0), (1, 0), (0, 4), (1, 4)]
    assert all(equal(task, other) for (task, _, _), other in zip(measured, expected, strict=True))


def test_models_and_sizes_default_to_those_of_the_experiment(measured, folder):
    run_experiment("tables", tables=folder, n_folds=2, models=["SWATRegressor", "Ridge", "Ridge"], sink=list)
    assert [(task.name, task.split, model) for task, model, _ in measured] == [
        (name, split, model) for name in ("one", "two") for split in (0, 1) for model in ("SWATRegressor", "Ridge")
    ]
    assert [names for _, _, names in measured[:2]] == [["", "<=30", "<=50"], [""]]
    measured.clear()
    run_experiment("planted", tasks=["planted 2x14 sigmoid"], sizes=[20, 15, 20], n_train=30, sink=list)
    assert [(model, names) for _, model, names in measured] == [
        (f"depth {depth}", ["", "<=15", "<=20"]) for depth in (1, 2, 3, 4)
    ]


def test_prices_are_of_six_functions_and_one_model(measured):
    run_experiment("prices", n_train=30, sink=list)
    assert len({task.name for task, _, _ in measured}) == len(measured) == 6
    assert {model for _, model, _ in measured} == {"SWATRegressor"}
    assert measured[0][2] == ["", *by_price()]


def test_latent_time_takes_functions_or_tables(measured, folder):
    latent = ["latent 1 s", "random 1 s"]
    run_experiment("latent-time", tasks=["Booth"], models=latent, n_train=30, sink=list)
    run_experiment("latent-time", tasks=["one"], tables=folder, models=latent, n_folds=2, sink=list)
    assert [(task.name, model) for task, model, _ in measured] == [
        (name, model) for name in ("Booth", "one", "one") for model in latent
    ]


def test_results_of_all_seeds_are_in_one_file_that_a_later_call_continues(measured, tmp_path):
    settings = {"tasks": ["Booth"], "models": ["Ridge"], "n_train": 30, "out": tmp_path / "r.csv", "sink": list}
    first = run_experiment("cornn", seeds=(0,), **settings)
    both = run_experiment("cornn", seeds=(0, 1), **settings)
    assert len(measured) == 2
    pd.testing.assert_frame_equal(both[:1], first)
    pd.testing.assert_frame_equal(read_results(tmp_path / "r.csv", COLUMNS), both)


def test_audit_comes_first_on_the_first_task(measured):
    lines = []
    models = ["latent 1 s", "Ridge", "SWATRegressor"]
    run_experiment("cornn", tasks=["Booth", "Leon"], models=models, n_train=30, audit=True, sink=lines.append)
    assert [(task.name, model) for task, model, what in measured if what == "audit"] == [
        ("Booth", "Ridge"),
        ("Booth", "SWATRegressor"),
    ]
    assert [what == "audit" for _, _, what in measured] == [True] * 2 + [False] * 6
    assert lines[0] == "latent 1 s: not audited, because the clock ends its fit"


def test_leak_ends_the_run_before_anything_is_measured(measured, monkeypatch, tmp_path):
    def audit(task, model, selections):
        if model == "SWATRegressor":
            raise ValueError("Predictions must not depend on test rows")

    monkeypatch.setattr(accuracy, "audit", audit)
    lines, out = [], tmp_path / "r.csv"
    settings = {"tasks": ["Booth"], "n_train": 30, "models": ["Ridge", "SWATRegressor"], "audit": True, "out": out}
    with pytest.raises(ValueError, match="must not depend on test rows"):
        run_experiment("cornn", sink=lines.append, **settings)
    assert lines == ["Ridge: audited on Booth"]
    assert not measured and not out.exists()


def test_summary_is_printed_and_written(measured, tmp_path):
    lines, path = [], tmp_path / "summary.md"
    found = run_experiment("cornn", tasks=["Booth"], models=["Ridge"], n_train=30, summary=path, sink=lines.append)
    assert lines == ["[1/1, 0 s left] Booth split 0 seed 0, Ridge: test_fvu 0.5, fit_s 1", "\n" + summary_table(found)]
    assert path.read_text() == summary_table(found) + "\n"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("corn", {}, "name must name some of cornn, tables, .*compress, quick, speed, cost, got 'corn'"),
        ("cornn", {"models": ["Lasso"]}, "models must name some of SWATRegressor, .*got 'Lasso'"),
        ("cornn", {"tasks": ["Boooth"]}, "Did you mean 'Booth'"),
        ("planted", {"tasks": ["Booth"]}, "tasks must name some of planted 2x14 sigmoid, .*got 'Booth'"),
        ("cornn", {"sizes": [10, 0]}, "sizes must be at least 1, got 0"),
        ("prices", {"sizes": [10]}, r"sizes must be None for 'prices', which has none, got \[10\]"),
        ("cornn", {"out": "sizes.md"}, r"out must end in .csv, got 'sizes.md'"),
        ("cornn", {"summary": "sizes.csv"}, r"summary must end in .md, got 'sizes.csv'"),
        ("cornn", {"out": "none/sizes.csv"}, "out must lie in an existing folder"),
        ("tables", {}, "tables must be a folder of CSV files for this experiment, got None"),
        ("tables", {"tables": "none"}, "tables must be an existing folder"),
        ("cornn", {"tables": "none"}, "tables must be None for functions, got 'none'"),
        ("planted", {"tables": "none"}, "tables must be None for planted networks, got 'none'"),
        ("cornn", {"n_train": 1}, "n_train must be an integer of at least 2"),
        ("quick", {"n_train": 1}, "n_train must be an integer of at least 2"),
        ("quick", {"models": ["Lasso"]}, "models must name some of SWATRegressor, .*got 'Lasso'"),
        ("quick", {"tasks": ["Rigde"]}, "name must be one of the 54 CORNN functions"),
        ("quick", {"tables": "none"}, "tables must be None for functions, got 'none'"),
        ("cost", {"tasks": ["5x2"]}, "tasks must be such as 1000x8, with at least 10 rows and 2 columns, got '5x2'"),
        ("cost", {"tasks": ["1000"]}, "tasks must be such as 1000x8, .*got '1000'"),
        ("cornn", {"n_train": 3, "tasks": ["Booth"]}, "test targets of 'Booth' must vary"),
        ("cornn", {"seeds": [0, -1]}, r"seeds must be from 0 to 2\*\*32 - 1, got -1"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(name, arguments, message, measured):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run_experiment(name, sink=list, audit=name not in ("quick", "cost"), **arguments)
    assert not measured


def test_unknown_table_is_said(folder):
    with pytest.raises(ValueError, match="tasks must name some of one, two, got 'Booth'"):
        run_experiment("tables", tasks=["Booth"], tables=folder)


@pytest.mark.parametrize("kind", ["functions", "tables"])
def test_test_rows_never_reach_fit(kind, folder, monkeypatch):
    seen = []

    class Mean:
        coef_, intercept_ = np.empty(0), 0.0

        def fit(self, X, y):
            seen.append((X, y))

        def predict(self, X):
            return np.zeros(len(X))

    monkeypatch.setattr(accuracy, "_warm_up", lambda: None)
    monkeypatch.setitem(MODELS, "Ridge", lambda seed: Mean())
    if kind == "tables":
        tasks = table_folds(folder / "one.csv")
        found = run_experiment("tables", tasks=["one"], models=["Ridge"], tables=folder, sink=list)
    else:
        tasks = [load_task("Booth", n_train=60)]
        found = run_experiment("cornn", tasks=["Booth"], models=["Ridge"], n_train=60, sink=list)
    assert len(seen) == len(found) == len(tasks)
    for (X, y), task in zip(seen, tasks, strict=True):
        assert np.array_equal(X, task.X_train)
        assert np.array_equal(y, task.y_train)
        assert not {tuple(row) for row in X} & {tuple(row) for row in task.X_test}

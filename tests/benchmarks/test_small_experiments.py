"""Small tables, and the steps of the papers' search: tasks, what is asked, and that the stored results go on."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor

from benchmarks import papers_steps, small_tables
from benchmarks.experiments import EXPERIMENTS, Choice, run_experiment
from benchmarks.runner import Runner, jobs_of

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def jobs(name, **choice):
    experiment = EXPERIMENTS[name]
    tasks = experiment.make(experiment.tasks, 0, Choice(**choice))
    return jobs_of(experiment.harness, tasks, experiment.models, {})


@pytest.mark.parametrize("name", ["small-tables", "papers-steps"])
def test_stored_results_are_those_of_the_command(name):
    """Nothing is left to run, and the file holds no other rows."""
    all_jobs = jobs(name)
    runner = Runner(EXPERIMENTS[name].harness, all_jobs, RESULTS / f"{name.replace('-', '_')}.csv")
    assert not runner.pending
    assert set(runner.known) == {job.key for job in all_jobs}


def test_folds_are_the_same_for_all_seeds_and_noise_is_not():
    tasks = small_tables.make_small_tables(small_tables.TASKS, 0)
    diabetes, noise = ([task for task in tasks if task.name == name] for name in small_tables.TASKS)
    assert [(task.seed, task.split) for task in diabetes] == [(seed, fold) for seed in range(3) for fold in range(5)]
    assert all(np.array_equal(diabetes[i].X_test, diabetes[i + 5].X_test) for i in range(10))
    assert sum(len(task.y_test) for task in diabetes[:5]) == 442
    assert len({task.y_train.tobytes() for task in noise}) == len(noise) == 24
    assert {task.X_train.shape for task in noise} == {(50, 10)}
    assert {task.seed for task in small_tables.make_small_tables(["noise"], 1)} == set(range(24, 48))


def test_what_chance_does_not_change_is_measured_once():
    models = [(job.place["table"], job.place["model"], job.place["seed"]) for job in jobs("small-tables")]
    assert models.count(("diabetes", "Ridge", 0)) == 5 and ("diabetes", "Ridge", 1) not in models
    assert models.count(("diabetes", "MLPRegressor", 1)) == 5
    assert {model for table, model, _ in models if table == "noise"} == {"SWATRegressor"}


def test_small_tables_are_measured_and_continued(monkeypatch, tmp_path):
    made = []
    monkeypatch.setitem(small_tables.MODELS, "SWATRegressor", lambda random_state: made.append(random_state) or Sized())
    out, lines = tmp_path / "small.csv", []
    for _ in range(2):
        found = run_experiment("small-tables", Choice(["noise"], ["SWATRegressor"]), out=out, sink=lines.append)
    assert made == list(range(24)) == found["seed"].tolist()
    assert found["n_nonzero"].tolist() == [1] * 24 and (found["r2"] <= 0).all()
    assert "24 of 24 measurements are in" in lines[-2]


class Sized(DummyRegressor):
    n_nonzero_ = 1


def test_papers_search_gets_the_latents_and_steps_of_its_name(monkeypatch):
    model = papers_steps.MODELS["24x100"](3)
    assert (model.n_restarts, model.max_iter, model.random_state) == (24, 100, 3)
    monkeypatch.setitem(papers_steps.MODELS, "24x100", lambda seed: Sized())
    found = run_experiment("papers-steps", Choice(["tanh"], ["24x100"], n_train=90), sink=list)
    assert found[["task", "latents", "steps", "seed", "n_nonzero"]].values.tolist() == [["tanh", 24, 100, 0, 1]]
    assert found["test_fvu"].item() == pytest.approx(1, abs=0.2)

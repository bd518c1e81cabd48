import inspect

import numpy as np
import pytest

from sk_swat.cli.comparison import MODELS
from sk_swat.cli.demo import DemoRow, comparison_table, fit_and_score, load_table, run_demo


@pytest.fixture(scope="module")
def tiny_swat(tiny_checkpoint):
    """Settings of a search that takes a moment."""
    return {"depths": (1,), "n_restarts": 1, "n_rounds": 1, "checkpoint": str(tiny_checkpoint)}


def test_diabetes_keeps_a_quarter_for_testing():
    task = load_table("diabetes")
    assert (len(task.y_train), len(task.y_test)) == (331, 111)
    assert task.feature_names[:2] == ["age", "sex"]
    assert not {tuple(row) for row in task.X_train} & {tuple(row) for row in task.X_test}


def test_seed_changes_the_split():
    assert np.array_equal(load_table("diabetes").y_test, load_table("diabetes", random_state=0).y_test)
    assert not np.array_equal(load_table("diabetes").y_test, load_table("diabetes", random_state=1).y_test)


def test_score_is_that_of_the_test_rows():
    task = load_table("diabetes")
    model, row = fit_and_score("Ridge", task)
    residual = task.y_test - model.predict(task.X_test)
    assert row.r2 == pytest.approx(1 - np.mean(residual**2) / np.var(task.y_test), rel=1e-12)
    assert (row.model, row.n_parameters, row.converged) == ("Ridge", 11, True)


def test_table_says_which_fit_stopped_early():
    rows = [DemoRow("Ridge", 11, 0.5, 0.01, True), DemoRow("MLPRegressor", 401, -1234.5, 1234.5, False)]
    header, _, ridge, mlp = comparison_table(rows).split("\n")
    assert header.split() == ["model", "parameters", "test", "R^2", "fit", "s"]
    assert ridge.split() == ["Ridge", "11", "0.5000", "0.01"]
    assert mlp.split()[:4] == ["MLPRegressor", "401", "-1234.5000", "1234.50"]
    assert mlp.endswith("stopped before it converged")


@pytest.fixture(scope="module")
def demo_run(tiny_swat):
    """Rows and text of a demonstration with a tiny search."""
    texts = []
    rows = run_demo(n_train=300, parameters=tiny_swat, sink=texts.append)
    return rows, "\n".join(texts)


def test_demo_measures_all_models_on_both_tables(demo_run):
    rows, _ = demo_run
    assert {table: [row.model for row in found] for table, found in rows.items()} == {
        "diabetes": list(MODELS),
        "Himmelblau": list(MODELS),
    }


def test_demo_prints_networks_and_tables_in_plain_text(demo_run):
    rows, text = demo_run
    assert text.isascii()
    assert max(map(len, text.split("\n"))) <= 100
    assert text.count("SparseMLP: ") == 2
    for found in rows.values():
        assert comparison_table(found) in text


def test_demo_is_repeatable(demo_run, tiny_swat):
    task = load_table("Himmelblau", n_train=300)
    _, row = fit_and_score("SWATRegressor", task, parameters=tiny_swat)
    (first, *_) = demo_run[0]["Himmelblau"]
    assert (row.r2, row.n_parameters) == (first.r2, first.n_parameters)


def test_demo_uses_the_default_search():
    assert inspect.signature(run_demo).parameters["parameters"].default is None

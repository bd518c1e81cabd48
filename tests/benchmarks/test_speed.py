"""Wall time of fits beside two regressors."""

import pandas as pd
import pytest

from benchmarks.experiments import Choice, run_experiment
from benchmarks.speed import MODELS, summary

RIVALS = ["MLPRegressor-100", "HistGradientBoostingRegressor"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_model_is_timed_once_on_each_task():
    choice = Choice(tasks=["Booth"], models=["n_rounds=0", *RIVALS], n_train=90)
    found = run_experiment("speed", choice, sink=lambda text: None)
    assert found["model"].tolist() == ["n_rounds=0", *RIVALS]
    assert (found[["fit_s", "test_fvu", "n_parameters", "predict_row_us"]] > 0).all(axis=None)


def test_more_rounds_are_asked_for_by_name():
    assert {name: MODELS[name](0).n_rounds for name in MODELS if "=" in name} == {
        f"n_rounds={n}": n for n in (0, 2, 4, 16, 32)
    }


def test_ratios_are_medians_over_tasks_and_errors_geometric_means():
    seconds = {"SWATRegressor": (4.0, 9.0, 20.0), RIVALS[0]: (2.0, 3.0, 2.0), RIVALS[1]: (1.0, 1.0, 1.0)}
    lines = [
        {"task": task, "model": model, "fit_s": value, "test_fvu": 0.01 * 10**task, "n_parameters": 7}
        for model, values in seconds.items()
        for task, value in enumerate(values)
    ]
    text = summary(pd.DataFrame(lines).assign(predict_row_us=5.0))
    row = next(line for line in text.splitlines() if "SWATRegressor" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "SWATRegressor",
        "3",
        "9.00",
        "3",
        "9",
        "0.1",
        "7",
        "5.0",
    ]

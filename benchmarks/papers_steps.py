"""How many latents and steps the papers' search needs, on functions planted by three sparse networks.

None of these functions is one of the CORNN suite, on which the search is measured with what was chosen here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markdown import two, write_table
from benchmarks.models import MODELS as REGRESSORS
from benchmarks.runner import Row, Selections, one_choice
from benchmarks.tasks import Task
from sk_swat.cli.comparison import time_fit

__all__ = ["COLUMNS", "MODELS", "PLANTED", "TOLD", "measure", "place", "selection_names", "summary"]

# latents: moved with each decoder; steps: of gradient descent; cpu_s: CPU seconds of the fit
COLUMNS = ("task", "latents", "steps", "seed", "test_fvu", "n_nonzero", "cpu_s")
TOLD = ("test_fvu", "cpu_s")
_BOTH: Mapping[str, Any] = {"n_features": 2, "intercepts": True}
PLANTED: Mapping[str, Mapping[str, Any]] = {
    "tanh": {"depth": 2, "n_nonzero": 25, "activation": "tanh", "random_state": 5, **_BOTH},
    "sigmoid": {"depth": 1, "n_nonzero": 25, "activation": "sigmoid", "random_state": 6, **_BOTH},
    "gaussian": {"depth": 2, "n_nonzero": 30, "activation": "gaussian", "random_state": 7, **_BOTH},
}
_TRIED = {f"{latents}x{steps}": (latents, steps) for latents, steps in ((8, 300), (8, 1000), (24, 100), (24, 300))}
selection_names = one_choice


def _papers_search(latents: int, steps: int) -> Callable[[int], Any]:
    return lambda seed: REGRESSORS["papers' search"](seed).set_params(n_restarts=latents, max_iter=steps)


MODELS = {name: _papers_search(*tried) for name, tried in _TRIED.items()}


def place(task: Task, model: str) -> Row:
    latents, steps = _TRIED[model]
    return {"task": task.name, "latents": latents, "steps": steps, "seed": task.seed}


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    regressor = MODELS[model](task.seed)
    cpu_s, _ = time_fit(regressor, task, time.process_time)
    fvu = 1 - regressor.score(task.X_test, task.y_test)
    return [{"test_fvu": fvu, "n_nonzero": regressor.n_nonzero_, "cpu_s": cpu_s}]


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Write a row for each trial: geometric means of the FVU over seeds, for each function, and CPU seconds."""
    tasks = list(found["task"].unique())
    rows = [["latents", "steps", *(f"FVU, {task}" for task in tasks), "CPU s (median)"]]
    for (latents, steps), own in found.groupby(["latents", "steps"]):
        means = np.exp(np.log(own["test_fvu"]).groupby(own["task"]).mean())
        rows.append([str(latents), str(steps), *(two(means[task]) for task in tasks), two(own["cpu_s"].median())])
    return write_table(rows, n_left=0)

"""Compress networks that exist, beside magnitude pruning: fidelity, accuracy, size and time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from benchmarks.markdown import write_table
from benchmarks.meters import median_seconds
from benchmarks.models import MODELS as REGRESSORS
from benchmarks.runner import Row, Selections, place
from benchmarks.tasks import Task
from sk_swat.cli.comparison import time_fit
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["COLUMNS", "MODELS", "NINE_LAYERS", "TOLD", "measure", "nine_layers", "place", "selection_names", "summary"]

# selection: "<=50" for the most accurate network of at most 50 parameters, "any size" for that of the whole path, as
# held-out rows say. n_before: parameters of the teacher; n_nonzero, depth: parameters and hidden layers of the network.
# fidelity: R^2 between the predictions of both on the test rows; nan if there is no such network. teacher_r2, r2: R^2
# of both on the test targets. fit_s: CPU seconds of the compression, which all selections share; the teacher's own fit
# is not counted. teacher_predict_s, predict_s: seconds of one call for all test rows, median of five.
COLUMNS = (
    *("task", "split", "seed", "model", "selection", "n_before", "n_nonzero", "depth"),
    *("fidelity", "teacher_r2", "r2", "fit_s", "teacher_predict_s", "predict_s"),
)
TOLD = ("fidelity", "n_nonzero", "fit_s")
NINE_LAYERS = tuple(f"nine layers {number}" for number in range(10))
_TEACHER = "MLPRegressor-100"
_PRUNING = "magnitude pruning"
_ANY_SIZE = "any size"
_N_PREDICT_CALLS = 5
_PAPER_ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu")
_EXACT = 1e-6  # smaller shares of variance left count as this
_WANTED = 0.99  # fidelity
_MAY_LOSE = 0.01  # R^2 on the target


def _swat(**parameters: Any) -> Callable[..., Any]:
    def make(teacher: Any, seed: int, depths: Sequence[int], sizes: Sequence[int]) -> Any:
        from sk_swat.estimators.compressor import SWATCompressor

        return SWATCompressor(teacher, depths=depths, random_state=seed, **parameters)

    return make


def _magnitude_pruning(**schedule: Any) -> Callable[..., Any]:
    def make(teacher: Any, seed: int, depths: Sequence[int], sizes: Sequence[int]) -> Any:
        from benchmarks.baselines.pruning import PrunedTeacherRegressor, Schedule

        return PrunedTeacherRegressor(teacher, sizes=sizes, schedule=Schedule(n_train_steps=100, **schedule))

    return make


# name -> maker of a compressor from a teacher, a seed, the depths wanted and the sizes asked for
MODELS = {
    "SWATCompressor": _swat(),
    "SWATCompressor, no rounds": _swat(n_rounds=0),
    "SWATCompressor, not split": _swat(split=False),
    _PRUNING: _magnitude_pruning(),
    "magnitude pruning, one price": _magnitude_pruning(l2=(3e-4,)),
}


def nine_layers(name: str, seed: int, n_train: int) -> tuple[SparseMLP, Task]:
    """Draw a network with nine layers of seven neurons on two inputs, one activation a layer, and rows of it."""
    from sk_swat.pretraining.corpus import random_networks

    rng = np.random.default_rng([seed, NINE_LAYERS.index(name)])
    drawn = random_networks(rng, 1, 2, [7] * 9, _PAPER_ACTIVATIONS, 1.0).to_sparse(0)
    names = [(str(name),) * 7 for name in rng.choice(_PAPER_ACTIVATIONS, 9)]
    teacher = SparseMLP(drawn.coefs, drawn.intercepts, names)
    X = rng.uniform(-1, 1, size=(n_train + max(1, n_train // 3), 2))
    y = teacher.predict(X)
    return teacher, Task(name, X[:n_train], X[n_train:], y[:n_train], y[n_train:], seed=seed)


def selection_names(task: Task, model: str, selections: Selections) -> tuple[str, ...]:
    return (*selections, _ANY_SIZE)


def measure(task: Task, model: str, selections: Selections) -> list[Row]:
    """Fit the teacher to the training rows, compress it on them without their targets, and score on the test rows.

    A network of nine layers is its own teacher. Selections are limits on the parameters.
    """
    teacher: Any
    depths: tuple[int, ...]
    if task.name in NINE_LAYERS:
        teacher = nine_layers(task.name, task.seed, len(task.y_train))[0]
        depths, n_before = (2,), teacher.n_nonzero
    else:
        from sk_swat.compress.teachers import teacher_of

        teacher = REGRESSORS[_TEACHER](task.seed)
        time_fit(teacher, task)
        depths, n_before = (1, 2), teacher_of(teacher).n_nonzero or 0
    taught = teacher.predict(task.X_test)
    teacher_s = median_seconds(lambda: teacher.predict(task.X_test), _N_PREDICT_CALLS)
    sizes = tuple(arguments["max_nonzero"] for arguments in selections.values())
    compressor = MODELS[model](teacher, task.seed, depths, sizes)
    begin = time.process_time()
    compressor.fit(task.X_train)
    seconds = time.process_time() - begin
    largest = max(network.n_nonzero for network in compressor.networks_)
    rows = []
    for name in selection_names(task, model, selections):
        row = {"selection": name, "n_before": n_before, "n_nonzero": 0, "depth": 0, "fidelity": math.nan}
        row |= {"teacher_r2": _r2(task.y_test, taught), "r2": math.nan, "fit_s": seconds}
        row |= {"teacher_predict_s": teacher_s, "predict_s": math.nan}
        try:
            limit = selections[name]["max_nonzero"] if name in selections else largest
            compressor.select(max_nonzero=limit, sparsity=0, compactness=0)
        except ValueError:  # no network is that small
            pass
        else:
            own = compressor.predict(task.X_test)
            row |= {"n_nonzero": compressor.n_nonzero_, "depth": compressor.network_.depth}
            row |= {"fidelity": _r2(taught, own), "r2": _r2(task.y_test, own)}
            row["predict_s"] = median_seconds(lambda: compressor.predict(task.X_test), _N_PREDICT_CALLS)
        rows.append(row)
    return rows


def _r2(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(target, predicted)) if np.isfinite(predicted).all() else -math.inf


def summary(found: pd.DataFrame, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Say for each model and selection how often it is faithful, and compare it with magnitude pruning, if measured.

    Folds and seeds of a task count as tasks.
    """
    places = ["task", "seed", "split", "selection"]
    found = found[np.isfinite(found["fidelity"])]
    found = found.assign(rest=np.log((1 - found["fidelity"]).clip(_EXACT)), log_s=np.log(found["fit_s"]))
    pruned = found[found["model"] == _PRUNING].set_index(places)[["rest", "log_s"]]
    header = ["model", "networks", "tasks", f"fidelity > {_WANTED:g}", "as good", "fidelity", "parameters", "fit s"]
    rows = [header + ["better", "rest / pruned", "time / pruned"] * (len(pruned) > 0)]
    for (model, selection), own in found.groupby(["model", "selection"], sort=False):
        faithful, as_good = own["fidelity"] > _WANTED, own["r2"] >= own["teacher_r2"] - _MAY_LOSE
        row = [model, selection, str(len(own)), str(faithful.sum()), str(as_good.sum())]
        row.append(f"{own['fidelity'].median():.5f}")
        row += [f"{own[name].median():.3g}" for name in ("n_nonzero", "fit_s")]
        if len(pruned):
            ratio = (own.set_index(places)[["rest", "log_s"]] - pruned).dropna()
            means = [f"{math.exp(ratio[name].mean()):.3g}" if len(ratio) else "-" for name in ratio]
            row += [f"{(ratio['rest'] < 0).sum()}/{len(ratio)}", *means]
        rows.append(row)
    return (
        f"{write_table(rows, n_left=2)}\n\n"
        "fidelity: R^2 between the predictions of teacher and network on test rows, median over tasks. as good: R^2\n"
        f"on the test targets at most {_MAY_LOSE:g} below the teacher's. fit s: CPU seconds of the compression.\n"
        f"better: tasks on which 1 - fidelity is smaller than that of {_PRUNING} at the same limit. rest, time:\n"
        f"geometric mean of the ratios of 1 - fidelity (at least {_EXACT:g}) and of the CPU seconds."
    )

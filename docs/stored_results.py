"""What the files in docs/results/ say, for the figures and tables of the pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.markdown import two
from benchmarks.paired import Comparison, compare
from benchmarks.summary import SMALLEST_FVU

RESULTS = Path(__file__).parent / "results"
SWAT, RANDOM, PAPERS, BOOSTING = "SWATRegressor", "random networks", "papers' search", "HistGradientBoostingRegressor"
MLP, DARTS, PRUNED = "MLPRegressor-100", "DARTS+ADMM", "PrunedMLP"
SIZES = ("<=15", "<=30", "<=50")
LIMITS = {"at most 15 parameters": "<=15", "30": "<=30", "50": "<=50", "100": "<=100"}


@cache
def frame(name: str) -> pd.DataFrame:
    """Lines of a file of results."""
    return pd.read_csv(RESULTS / f"{name}.csv", dtype={"selection": str}).fillna({"selection": ""})


@cache
def results(name: str, seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    """Lines of a file of results, of some seeds."""
    return frame(name).query("seed in @seeds")


@cache
def by_task(name: str, model: str, selection: str = "") -> pd.DataFrame:
    """Means over folds of one model, by task, of seed 0; without tasks for which it has no such network."""
    lines = frame(name).query("model == @model and selection == @selection and seed == 0")
    if lines.empty:
        raise ValueError(f"{name}.csv must hold {model!r} with the selection {selection!r}.")
    means = lines.groupby("task")[["test_fvu", "test_mse", "n_nonzero", "fit_s"]].agg(lambda x: x.mean(skipna=False))
    return means.dropna()


def fvu(name: str, model: str, selection: str = "") -> float:
    """Geometric mean of the FVU over tasks."""
    return math.exp(np.log(by_task(name, model, selection)["test_fvu"].clip(lower=SMALLEST_FVU)).mean())


def median_size(name: str, model: str, selection: str = "") -> float:
    """Median size over tasks."""
    return by_task(name, model, selection)["n_nonzero"].median()


def seconds(name: str, model: str) -> float:
    """Median time of a fit over tasks."""
    return by_task(name, model)["fit_s"].median()


def times(name: str, model: str, other: str = MLP) -> float:
    """Median over tasks of the time of a fit, in those of another model."""
    return (by_task(name, model)["fit_s"] / by_task(name, other)["fit_s"]).median()


@cache
def against(name: str, model: str, other: str, selection: str = "", seeds: tuple[int, ...] = (0,)) -> Comparison:
    """One model against another, task by task, on all tasks on which both have such a network."""
    return compare(results(name, seeds), model, other, selection)


def ratio(name: str, model: str, other: str, selection: str = "") -> float:
    """Geometric mean of the ratios of FVU."""
    return against(name, model, other, selection).ratio


def beats_darts(model: str) -> int:
    """Functions on which a network of a model has fewer parameters and a lower error than that of DARTS+ADMM."""
    theirs = by_task("cornn", DARTS, "<=50")
    better = pd.Series(False, index=theirs.index)
    for selection in ("", "<=15", "<=20", "<=30", "<=50"):
        ours = by_task("cornn", model, selection).reindex(theirs.index)
        better |= (ours["n_nonzero"] < theirs["n_nonzero"]) & (ours["test_mse"] < theirs["test_mse"])
    return int(better.sum())


def one(name: str, model: str, selection: str, task: str, column: str = "test_fvu") -> float:
    """Figure of one task."""
    return by_task(name, model, selection).loc[task, column]


def scatter() -> float:
    """Median over functions of the factor between the FVUs of two seeds."""
    lines = frame("cornn_one_block").query("model == @SWAT and selection == ''")
    logs = np.log(lines.pivot(index="task", columns="seed", values="test_fvu").clip(lower=SMALLEST_FVU))
    return math.exp(abs(logs[0] - logs[1]).median())


def compressions(name: str, model: str, selection: str, tasks: str = "") -> pd.DataFrame:
    """Compressions by one model at one size, by task and fold; ten networks of nine layers have names of their own."""
    lines = frame(name).query("model == @model and selection == @selection")
    lines = lines[lines["task"].str.startswith("nine layers") == (tasks == "nine layers")]
    return lines.set_index(["task", "split"]).dropna(subset="fidelity")


def rest(name: str, model: str, other: str, selection: str) -> pd.Series:
    """What one compressor leaves unexplained, as ratio to another, by task and fold."""
    ours, others = (1 - compressions(name, each, selection)["fidelity"].clip(upper=1 - 1e-6) for each in (model, other))
    return (ours / others).dropna()


def geometric(values: pd.Series) -> float:
    """Geometric mean."""
    return math.exp(np.log(values).mean())


def small(model: str) -> float:
    """Mean R^2 on the diabetes table over folds and seeds."""
    return frame("small_tables").query("table == 'diabetes' and model == @model")["r2"].mean()


def noise_sizes() -> pd.Series:
    """Sizes of the networks for tables of noise."""
    return frame("small_tables").query("table == 'noise'")["n_nonzero"]


def cost(rows: int, columns: int) -> float:
    """CPU seconds of a fit in docs/bench_cost.md."""
    table = pd.read_csv(RESULTS.parent / "bench_cost.md", sep="|", skipinitialspace=True, skiprows=[1])
    table = table.rename(columns=str.strip)
    return table.query("rows == @rows and columns == @columns")["CPU s"].item()


def price(task: str, exponent: int, column: str = "n_nonzero") -> float:
    """Figure of the network at a price of 10 to the exponent."""
    return one("prices", SWAT, f"sparsity=1e-{-exponent:02d}", task, column)


def purchases() -> pd.Series:
    """Parameters that the lowest price buys beyond the default one, by function."""
    lowest, default = (by_task("prices", SWAT, f"sparsity=1e-{n:02d}")["n_nonzero"] for n in (7, 5))
    return lowest - default


def wins(limit: str, kind: str) -> list[int]:
    """Wins or losses of the latent space in fits of so many seconds, at 15, 30 and 50 parameters."""
    return [getattr(against("latent_time", f"latent {limit} s", f"random {limit} s", each), kind) for each in SIZES]


def prior(steps: int) -> list[float]:
    """Bank by normal draws after so many polishing steps, for all sizes."""
    return [ratio("latent_starts", "bank", "prior", f"<={n}, {steps} steps") for n in (15, 20, 30, 50, 100)]


def around_one(found: Sequence[Comparison]) -> bool:
    """Whether the intervals of all ratios hold 1."""
    return all(one.low <= 1 <= one.high for one in found)


def time_ratios(name: str, limit: str, selections: Sequence[str]) -> list[Comparison]:
    """Latent by random networks in fits of so many seconds."""
    return [against(name, f"latent {limit} s", f"random {limit} s", each) for each in selections]


def factor(value: float) -> str:
    """A ratio, with three digits at most."""
    return f"{value:.2f}" if 0.1 <= value < 10 else f"{value:.0f}" if value >= 10 else two(value)

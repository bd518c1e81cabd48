"""Figures of the benchmark, drawn from its results and written to files that are the same each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.drawing import (
    DOWNWARDS,
    ERROR_LABEL,
    SIZE_LABEL,
    SWAT,
    Mark,
    NothingToDraw,
    around,
    drawing,
    mean_results,
    new_figure,
    outer_legend,
    save_figure,
    small_multiples,
    tidy,
)
from benchmarks.latent_figures import depth_panels, latent_records, latent_time, price_sizes, surfaces
from benchmarks.paired import compare
from sk_swat.displays.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CORNN_20", "FIGURES", "cornn_activations", "cornn_all", "cornn_sizes", "draw_figures"]

# Four functions of each kind: bowls and valleys, several scales, kinks and cones, waves, ripples and peaks.
CORNN_20 = (
    *("Booth", "Rosenbrock", "Three-Hump Camel", "Zakharov"),
    *("Adjiman", "McCormick", "Himmelblau", "Goldstein-Price"),
    *("Ridge", "Schwefel 2.22", "Bukin N.6", "Ackley"),
    *("Bird", "Egg Crate", "Alpine N.2", "Rastrigin"),
    *("Michalewicz", "Drop-Wave", "Xin-She Yang N.2", "Easom"),
)
_PAPERS, _FIXED = "papers' activations", "fixed activation"
_MSE_LABEL = "mean squared error on test rows"
_MARKS: Mapping[str, Mark] = {
    SWAT: Mark("SWATRegressor", BLUE, "o"),
    "DARTS+ADMM": Mark("DARTS + ADMM pruning", VERMILION, "s"),
    "PrunedMLP": Mark("pruned MLP", GREEN, "v"),
    _FIXED: Mark("one activation for all", PURPLE, "D"),
    "random networks": Mark("random starts", ORANGE, "^"),
    "papers' search": Mark("papers' own search", SKY, "P"),
    "MLPRegressor-7-7": Mark("MLP of 7 + 7 neurons", BLACK, "+"),
    "MLPRegressor-50": Mark("MLP of 50 neurons", BLACK, "x"),
    "MLPRegressor-100": Mark("MLP of 100 neurons", BLACK, "*"),
}
_SMALL_MODELS = (SWAT, "DARTS+ADMM", "PrunedMLP", _FIXED, "random networks", "papers' search")  # of several sizes


@drawing()
def cornn_sizes(results: pd.DataFrame) -> Figure:
    """Draw test MSE against size on the functions of `CORNN_20` (arXiv 2506.08270, Fig. 4)."""
    figure, panels = small_multiples(mean_results(results, "test_mse"), CORNN_20, _MARKS, (SWAT,), 4, 1.35)
    figure.supxlabel(SIZE_LABEL)
    figure.supylabel(f"{_MSE_LABEL} (targets scaled to [-1, 1])")
    outer_legend(figure, panels, 3)
    return figure


@drawing()
def cornn_all(results: pd.DataFrame, max_nonzero: int = 50) -> Figure:
    """Draw the network of each method of at most so many parameters on all tasks (arXiv 2506.08270, Fig. 5).

    The selection "<=50" is made without test rows. A method without so small a network has no dot.
    """
    means = mean_results(results[results["selection"] == f"<={max_nonzero}"], "test_mse")
    found = {(task, model): pair for (task, model, _), pair in means.items() if model in _SMALL_MODELS}
    if not found:
        raise NothingToDraw(f"results must hold networks with the selection '<={max_nonzero}'.")
    tasks = sorted({task for task, _ in found}, key=lambda task: (found.get((task, SWAT), (0, math.inf))[1], task))
    figure = new_figure(1.2 + 0.15 * len(tasks))
    errors, sizes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for zorder, model in zip(DOWNWARDS, _SMALL_MODELS, strict=False):
        rows = [row for row, task in enumerate(tasks) if (task, model) in found]
        size, error = np.array([found[tasks[row], model] for row in rows]).reshape(-1, 2).T
        label, colour, marker = _MARKS[model]
        for axes, values in ((errors, error), (sizes, size)):
            if rows:
                axes.plot(values, rows, color=colour, marker=marker, linestyle="none", label=label, zorder=zorder)
    errors.set_xlim(around(np.array([error for _, error in found.values()])))
    tidy(errors, x=(1,))
    tidy(sizes)
    errors.set(
        xlabel=f"{_MSE_LABEL}\n(targets scaled to [-1, 1])",
        yticks=range(len(tasks)),
        yticklabels=tasks,
        ylim=(len(tasks) - 0.4, -0.6),
    )
    sizes.set(xlabel=SIZE_LABEL.replace(" (", "\n("), xlim=(0, 1.06 * max_nonzero))
    outer_legend(figure, [errors], 3)
    return figure


@drawing()
def cornn_activations(results: pd.DataFrame, max_nonzero: int = 30) -> Figure:
    """Draw FVU with an activation for each neuron against that with one for all (arXiv 2506.08270, section V)."""
    means = mean_results(results[results["selection"] == f"<={max_nonzero}"], "test_fvu")
    tasks = [task for task, model, _ in means if model == _PAPERS and (task, _FIXED, f"<={max_nonzero}") in means]
    if not tasks:
        raise NothingToDraw(f"results must hold '{_PAPERS}' and '{_FIXED}' with the selection '<={max_nonzero}'.")
    fixed, free = ([means[task, model, f"<={max_nonzero}"][1] for task in tasks] for model in (_FIXED, _PAPERS))
    figure = new_figure(4.4, 4.4)
    axes = figure.subplots()
    limits = around(np.array([fixed, free]))
    axes.plot(limits, limits, color="0.4", linewidth=1)
    axes.plot(fixed, free, color=BLUE, marker="o", linestyle="none")
    tidy(axes, x=(1,), y=(1,))
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set(xlabel=f"{ERROR_LABEL}, one activation for all")
    axes.set(ylabel=f"{ERROR_LABEL}, an activation for each neuron")
    found = compare(results, _PAPERS, _FIXED, f"<={max_nonzero}")
    interval = f"mean ratio {found.ratio:.2f} (95% interval {found.low:.2f} to {found.high:.2f})"
    axes.set_title(f"{found.n_tasks} functions, at most {max_nonzero} parameters\n{interval}")
    return figure


FIGURES: Mapping[str, Mapping[str, Callable[[pd.DataFrame], Figure]]] = {  # by experiment and file
    "cornn": {"cornn_sizes.svg": cornn_sizes, "cornn_all.svg": cornn_all, "cornn_activations.svg": cornn_activations},
    "planted": {"planted.svg": depth_panels, "surfaces.png": lambda results: surfaces()},
    "prices": {"prices.svg": price_sizes},
    "latent-time": {"latent_time.svg": lambda results: latent_time(latent_records(results))},
}


def draw_figures(results: pd.DataFrame, experiment: str, folder: str | Path) -> list[Path]:
    """Draw the figures of an experiment into files of a folder, but those for which the results hold nothing."""
    paths = []
    for name, make in FIGURES[experiment].items():
        with suppress(NothingToDraw):
            save_figure(make(results), Path(folder) / name)
            paths.append(Path(folder) / name)
    return paths

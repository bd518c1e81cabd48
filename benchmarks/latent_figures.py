"""Figures of the search: by depth, sparsity price and time, and what the autoencoder keeps of a function."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.drawing import (
    ERROR_LABEL,
    LINES,
    SIZE_LABEL,
    SWAT,
    Mark,
    NothingToDraw,
    drawing,
    mean_results,
    new_figure,
    outer_legend,
    small_multiples,
    tidy,
)
from benchmarks.paired import compare
from sk_swat.displays.palette import BLACK, GREEN, ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sk_swat.network.softnet import SoftNetworks

__all__ = ["Ratio", "depth_panels", "latent_records", "latent_time", "price_sizes", "surfaces"]

_EDGE = 3**0.5  # inputs of the corpus have unit variance: uniform ones end here
_N_GRID = 41
_RATIO_LABEL = "test error with latent starts,\nas a multiple of that with random starts"
_DEPTHS: Mapping[str, Mark] = {
    "depth 1": Mark("1 hidden layer", SKY, "o"),
    "depth 2": Mark("2 hidden layers", ORANGE, "s"),
    "depth 3": Mark("3 hidden layers", GREEN, "^"),
    "depth 4": Mark("4 hidden layers", BLACK, "D"),
}


@drawing()
def depth_panels(results: pd.DataFrame) -> Figure:
    """Draw FVU against size for networks of 1 to 4 layers (arXiv 2410.08339, Figs. 3 and 5).

    The number after the x of a task such as "planted 2x14 sigmoid" is the size of the planted network: a vertical line.
    """
    tasks = list(results["task"].unique())
    figure, panels = small_multiples(mean_results(results, "test_fvu"), tasks, _DEPTHS, _DEPTHS, 3, 2.0)
    for axes in panels:
        size = re.search(r"\d+x(\d+)", axes.get_title())
        if size:
            axes.axvline(
                int(size[1]), color="0.4", linestyle="--", linewidth=1, zorder=0.5, label="size of the planted network"
            )
    figure.supxlabel(SIZE_LABEL)
    figure.supylabel(ERROR_LABEL)
    outer_legend(figure, panels, 3)
    return figure


@drawing()
def price_sizes(results: pd.DataFrame) -> Figure:
    """Draw the size of the chosen network against the sparsity price (arXiv 2410.08339, Fig. 4)."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (task, model, selection), (size, _) in mean_results(results, "test_fvu").items():
        if model == SWAT and selection.startswith("sparsity="):
            curves[task].append((float(selection.removeprefix("sparsity=")), size))
    if not curves:
        raise NothingToDraw(f"results must hold '{SWAT}' with selections such as 'sparsity=1e-04'.")
    figure = new_figure(3.4 + 0.17 * (len(curves) // 4))
    axes = figure.subplots()
    for number, (task, points) in enumerate(curves.items()):
        colour, marker = LINES[number % len(LINES)]
        style = ("-", "--", ":", "-.")[number // len(LINES) % 4]
        axes.plot(*zip(*sorted(points), strict=True), color=colour, marker=marker, linestyle=style, label=task)
    tidy(axes, x=(1,), y=(1, 2, 5))
    axes.set(xlabel="sparsity: price of one parameter, in R²", ylabel=SIZE_LABEL)
    outer_legend(figure, [axes], 4)
    return figure


class Ratio(NamedTuple):
    """Error of latent starts by that of random starts in equal seconds, with a bootstrap interval."""

    seconds: float
    selection: str
    ratio: float
    low: float
    high: float


def latent_records(results: pd.DataFrame) -> list[Ratio]:
    """Compare models such as "latent 0.5 s" and "random 0.5 s" by seconds and, where there are several, size."""
    selections = {str(model): set(own) for model, own in results.groupby("model")["selection"]}
    seconds = [name[7:-2] for name in selections if re.fullmatch(r"latent [\d.]+ s", name)]
    records = []
    for time in sorted(seconds, key=float):
        latent, random = f"latent {time} s", f"random {time} s"
        both = selections[latent] & selections.get(random, set())
        for selection in sorted(both - {""} or both, key=_by_size):
            found = compare(results, latent, random, selection)
            if found.n_tasks:
                records.append(Ratio(float(time), selection, found.ratio, found.low, found.high))
    return records


def _by_size(selection: str) -> tuple[int, str]:
    return len(selection), selection


@drawing()
def latent_time(records: Sequence[Ratio]) -> Figure:
    """Draw the ratio of latent to random starts against seconds, one line for each size.

    Lines are a little side by side so that their intervals do not hide each other. Without an interval (nan) the point
    stands alone; a ratio that is not finite is left out.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
    from matplotlib.transforms import ScaledTranslation

    records = [item for item in records if math.isfinite(item.ratio)]
    if not records:
        raise NothingToDraw("results must hold models such as 'latent 0.5 s' and 'random 0.5 s'.")
    figure = new_figure(3.4)
    axes = figure.subplots()
    axes.axhline(1, color="0.4", linewidth=1)
    tidy(axes, x=(1,), y=(1, 2, 3, 5, 7))
    selections = sorted({item.selection for item in records}, key=_by_size)
    for number, selection in enumerate(selections):
        colour, marker = LINES[number % len(LINES)]
        aside = ScaledTranslation((6 * number - 3 * (len(selections) - 1)) / 72, 0, figure.dpi_scale_trans)
        chosen = sorted((item for item in records if item.selection == selection), key=lambda item: item.seconds)
        seconds, ratio, low, high = np.array([(r.seconds, r.ratio, r.low, r.high) for r in chosen]).T
        label = (
            f"at most {selection[2:]} parameters" if selection.startswith("<=") else selection or "size chosen by fit"
        )
        style: dict[str, Any] = {"color": colour, "transform": axes.transData + aside}
        axes.plot(seconds, ratio, marker=marker, label=label, **style)
        axes.vlines(seconds, low, high, linewidth=1, **style)
    times = sorted({item.seconds for item in records})
    axes.xaxis.set_major_locator(FixedLocator(times))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    ends = [1.0, *(value for r in records for value in (r.ratio, r.low, r.high) if math.isfinite(value))]
    axes.set(xlim=(times[0] / 1.25, times[-1] * 1.25), ylim=(min(ends) / 1.1, max(ends) * 1.1))
    axes.set(xlabel="time limit of the fit in seconds", ylabel=_RATIO_LABEL)
    outer_legend(figure, [axes], 3)
    return figure


@drawing()
def surfaces(checkpoint: str | Path | None = None, n_pairs: int = 4, random_state: int = 0) -> Figure:
    """Draw functions of networks never trained on beside what the decoders keep of them (arXiv 2410.08339, Fig. 2).

    Each row holds a fitted network of two inputs, of 1 to 4 layers in turn: the first that its seed gives, encoded
    once, and decoded and hardened at each depth. Beyond the range of the source, contours are clipped.
    """
    import torch

    from sk_swat.latent.checkpoint import load_checkpoint
    from sk_swat.pretraining.objective import functional_fvu

    if n_pairs < 1:
        raise ValueError(f"n_pairs must be at least 1, got {n_pairs}.")
    autoencoder = load_checkpoint(checkpoint).autoencoder
    ticks = np.linspace(-_EDGE, _EDGE, _N_GRID)
    X = torch.zeros(_N_GRID**2, autoencoder.config.max_width)
    X[:, :2] = torch.as_tensor(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), dtype=X.dtype)
    depths = autoencoder.depths
    figure = new_figure(0.2 + 1.5 * n_pairs)
    grid = figure.subplots(n_pairs, 1 + len(depths), sharex=True, sharey=True, squeeze=False)
    for row, panels in enumerate(grid):
        source = _fresh_network(random_state, depths[row % len(depths)], row // len(depths))
        with torch.no_grad():
            output = source.forward(X)
            raw = autoencoder.decode(autoencoder.encode(source), source.input_mask)
            decoded = {depth: raw[depth].soften().harden() for depth in depths}
            shown = [output[0], *(networks.forward(X)[0] for networks in decoded.values())]
            fvus = [float(functional_fvu(networks, X, output)) for networks in decoded.values()]
        levels = np.linspace(float(output.min()), float(output.max()), 11)
        titles = [f"network\n{_layers(source.depth)}"]
        titles += [f"decoded to {_layers(depth)}\n1 - R² = {fvu:.2g}" for depth, fvu in zip(depths, fvus, strict=True)]
        for axes, values, title in zip(panels, shown, titles, strict=True):
            surface = values.numpy().reshape(_N_GRID, _N_GRID)
            axes.contourf(ticks, ticks, surface, levels=levels, cmap="cividis", extend="both")
            axes.set(title=title, xticks=[], yticks=[], aspect="equal")
    return figure


def _layers(depth: int) -> str:
    return f"{depth} layer" + "s" * (depth > 1)


def _fresh_network(random_state: int, depth: int, number: int) -> SoftNetworks:
    from sk_swat.pretraining.corpus import fit_chunk
    from sk_swat.pretraining.evaluation import EVALUATION_SEED

    for chunk in itertools.count(1000 * number):
        networks = fit_chunk((EVALUATION_SEED + random_state, depth, chunk), depth, n_networks=8)
        networks = networks[networks.input_mask.sum(1) == 2]
        if len(networks):
            return networks[:1]
    raise AssertionError("chunks never end")

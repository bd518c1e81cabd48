"""What all figures share: a style that does not depend on the caller's settings, axes, legends, files and means."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sk_swat.displays.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 6.25  # inches: an SVG of 600 px
_TEXT = 8  # points
DOWNWARDS = np.linspace(2.5, 2.1, 9)  # the first of several models is drawn on top
_SMALLEST_DRAWN = 1e-12  # smaller errors are drawn there
SWAT = "SWATRegressor"
SIZE_LABEL = "non-zero parameters (weights and biases)"
ERROR_LABEL = "share of variance left unexplained\non test rows (1 - R²)"
LINES = tuple(zip((BLUE, VERMILION, GREEN, PURPLE, ORANGE, BLACK, SKY), "os^DvXP", strict=True))

Means = Mapping[tuple[str, str, str], tuple[float, float]]  # by task, model and selection: size and error


class Mark(NamedTuple):
    """How a model looks in every figure: its name in legends, colour (Okabe-Ito) and marker."""

    label: str
    colour: str
    marker: str


class NothingToDraw(ValueError):
    """The results hold nothing that belongs into the figure."""


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with matplotlib's default style and small text; also a decorator. The caller's settings come back."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("Figures need the package matplotlib; install sk_swat with its 'plot' extra.") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        names = ("font.size", "axes.titlesize", "axes.labelsize", "figure.labelsize", "legend.fontsize")
        settings: dict[Any, Any] = dict.fromkeys(names, _TEXT)
        settings |= {"lines.markersize": 4, "lines.linewidth": 1.2, "svg.hashsalt": "sk_swat"}
        matplotlib.rcParams.update(settings)
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make an empty figure of so many inches whose parts keep clear of each other."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes, *, x: Sequence[float] | None = None, y: Sequence[float] | None = None) -> None:
    """Add a grid and small tick labels; with `x` or `y` a logarithmic axis with ticks at these multiples of decades."""
    if x is not None:
        axes.set_xscale("log")
        _log_ticks(axes.xaxis, x)
    if y is not None:
        axes.set_yscale("log")
        _log_ticks(axes.yaxis, y)
    axes.tick_params(labelsize=_TEXT)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def around(values: np.ndarray) -> tuple[float, float]:
    """Limits of a logarithmic axis for these values; matplotlib's own fail for values equal but for rounding."""
    low, high = values.min(), values.max()
    margin = 1.2 * (high / low) ** 0.06
    return low / margin, high * margin


def _log_ticks(axis: Axis, multiples: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=multiples, numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def plain(value: float) -> str:
    """Write a tick label: 0.1, 1e-4; exponents in mathematical text would be too small."""
    return f"{value:g}" if value == 0 or abs(value) >= 0.01 else f"{value:.0e}".replace("e-0", "e-")


def outer_legend(figure: Figure, labelled: Iterable[Axes], n_columns: int) -> None:
    """Put one legend above all axes, with each label once."""
    handles = {line.get_label(): line for axes in labelled for line in axes.get_lines()}
    shown = {label: line for label, line in handles.items() if not str(label).startswith("_")}
    figure.legend(shown.values(), list(map(str, shown)), loc="outside upper center", ncols=n_columns, frameon=False)


def mean_results(results: pd.DataFrame, error: str) -> Means:
    """Size (median) and error (geometric mean) over seeds and splits, by task, model and selection.

    `error` is "test_mse" or "test_fvu"; less than 1e-12 counts as that. Networks whose error is not finite for one of
    the seeds or splits are left out, as in paired comparisons.
    """
    logs = np.log(results[error].astype(float).clip(_SMALLEST_DRAWN))
    lines = results.assign(size=results["n_nonzero"].clip(1), error=logs.where(np.isfinite(logs)))
    groups = lines.groupby(["task", "model", "selection"], sort=False)
    means = pd.DataFrame({"size": groups["size"].median(), "error": np.exp(groups["error"].mean())})
    means = means[groups["error"].count() == groups.size()]
    return {place: (size, error) for place, size, error in means.itertuples()}


def _curve(means: Means, task: str, model: str) -> np.ndarray:
    """Sizes and errors, of shape (2, n_points), of the "<=" selections; of the model as fitted if it has none."""
    found = {item: pair for item, pair in means.items() if item[:2] == (task, model)}
    sized = {pair for (_, _, selection), pair in found.items() if selection.startswith("<=")}
    points = sized or {pair for (_, _, selection), pair in found.items() if not selection}
    return np.array(sorted(points)).reshape(-1, 2).T


def small_multiples(
    means: Means, tasks: Iterable[str], marks: Mapping[str, Mark], lines: Iterable[str], n_columns: int, height: float
) -> tuple[Figure, list[Axes]]:
    """Error against size, a panel for each task; the models in `lines` get lines, the others points."""
    curves = {(task, model): _curve(means, task, model) for task in tasks for model in marks}
    tasks = list(dict.fromkeys(task for (task, _), curve in curves.items() if curve.size))
    if not tasks:
        raise NothingToDraw(f"results must hold some of the models {', '.join(marks)} on tasks of this figure.")
    n_columns = min(n_columns, len(tasks))
    n_rows = -(-len(tasks) // n_columns)
    figure = new_figure(0.8 + height * n_rows)
    grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(tasks) :]:
        axes.remove()
    panels = list(grid.flat[: len(tasks)])
    for axes in panels[-n_columns:]:  # the lowest of each column
        axes.xaxis.set_tick_params(labelbottom=True)
    points = np.hstack(list(curves.values()))
    panels[0].set(xlim=around(points[0]), ylim=around(points[1]))
    for axes, task in zip(panels, tasks, strict=True):
        for zorder, (model, (label, colour, marker)) in zip(DOWNWARDS, marks.items(), strict=False):
            if curves[task, model].size:
                style: dict[str, Any] = {"linestyle": "-" if model in lines else "none", "zorder": zorder}
                axes.plot(*curves[task, model], color=colour, marker=marker, label=label, **style)
        axes.set_title(task)
        tidy(axes, x=(1,), y=(1,))
    return figure, panels


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure to an SVG or PNG (150 dpi) file without a date: the same figure gives the same bytes."""
    path = Path(path)
    file = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with drawing():
        figure.savefig(file, format=path.suffix[1:], dpi=150, metadata=metadata)
    path.write_bytes(file.getvalue())

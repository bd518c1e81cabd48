"""Figures of the benchmark, drawn from its results and written to files that are the same each time."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.paired import compare
from benchmarks.results import Result
from sk_swat.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = ["CORNN_20", "NothingToDraw", "cornn_activations", "cornn_all", "cornn_sizes", "draw_figures", "save_figure"]

# Four functions of each kind: bowls and valleys, several scales, kinks and cones, waves, ripples and peaks.
CORNN_20 = (
    *("Booth", "Rosenbrock", "Three-Hump Camel", "Zakharov"),
    *("Adjiman", "McCormick", "Himmelblau", "Goldstein-Price"),
    *("Ridge", "Schwefel 2.22", "Bukin N.6", "Ackley"),
    *("Bird", "Egg Crate", "Alpine N.2", "Rastrigin"),
    *("Michalewicz", "Drop-Wave", "Xin-She Yang N.2", "Easom"),
)
WIDTH = 6.25  # inches: an SVG of 600 px
_TEXT = 8  # points
_DOWNWARDS = np.linspace(2.5, 2.1, 9)  # the first of several models is drawn on top
_SMALLEST_DRAWN = 1e-12  # smaller errors are drawn there
SWAT, _PAPERS, _FIXED = "SWATRegressor", "papers' activations", "fixed activation"
SIZE_LABEL = "non-zero parameters (weights and biases)"
ERROR_LABEL = "share of variance left unexplained\non test rows (1 - R²)"
_MSE_LABEL = "mean squared error on test rows"

Means = Mapping[tuple[str, str, str], tuple[float, float]]  # by task, model and selection: numbers and error


class Mark(NamedTuple):
    """How a model looks in every figure: its name in legends, colour (Okabe-Ito) and marker."""

    label: str
    colour: str
    marker: str


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
LINES = tuple(zip((BLUE, VERMILION, GREEN, PURPLE, ORANGE, BLACK, SKY), "os^DvXP", strict=True))


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


def mean_results(results: Iterable[Result], error: str) -> Means:
    """Numbers (median) and error (geometric mean) over seeds and splits, by task, model and selection.

    Parameters
    ----------
    results : iterable of Result
        Networks whose error is not finite for one of the seeds or splits are left out, as in paired comparisons.
    error : {"test_mse", "test_fvu"}
        Which error; less than 1e-12 counts as that.
    """
    groups = defaultdict(list)
    for item in results:
        groups[item.task, item.model, item.selection].append((max(item.n_nonzero, 1), getattr(item, error)))
    means = {}
    for place, pairs in groups.items():
        numbers, errors = np.array(pairs).T
        if np.isfinite(errors).all():
            logs = np.log(np.maximum(errors, _SMALLEST_DRAWN))
            means[place] = float(np.median(numbers)), float(np.exp(logs.mean()))
    return means


def _curve(means: Means, task: str, model: str) -> np.ndarray:
    """Numbers and errors, of shape (2, n_points), of the "<=" selections; of the model as fitted if it has none."""
    found = {item: pair for item, pair in means.items() if item[:2] == (task, model)}
    sized = {pair for (_, _, selection), pair in found.items() if selection.startswith("<=")}
    points = sized or {pair for (_, _, selection), pair in found.items() if not selection}
    return np.array(sorted(points)).reshape(-1, 2).T


def small_multiples(
    means: Means, tasks: Iterable[str], marks: Mapping[str, Mark], lines: Iterable[str], n_columns: int, height: float
) -> tuple[Figure, list[Axes]]:
    """Error against numbers, a panel for each task; the models in `lines` get lines, the others points."""
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
        for zorder, (model, (label, colour, marker)) in zip(_DOWNWARDS, marks.items(), strict=False):
            if curves[task, model].size:
                style: dict[str, Any] = {"linestyle": "-" if model in lines else "none", "zorder": zorder}
                axes.plot(*curves[task, model], color=colour, marker=marker, label=label, **style)
        axes.set_title(task)
        tidy(axes, x=(1,), y=(1,))
    return figure, panels


@drawing()
def cornn_sizes(results: Sequence[Result]) -> Figure:
    """Draw test MSE against numbers on 20 functions (arXiv 2506.08270, Fig. 4).

    Parameters
    ----------
    results : sequence of Result
        Of the functions in ``CORNN_20``; other tasks are left out. Means over seeds, see :func:`mean_results`.
    """
    figure, panels = small_multiples(mean_results(results, "test_mse"), CORNN_20, _MARKS, (SWAT,), 4, 1.35)
    figure.supxlabel(SIZE_LABEL)
    figure.supylabel(f"{_MSE_LABEL} (targets scaled to [-1, 1])")
    outer_legend(figure, panels, 3)
    return figure


@drawing()
def cornn_all(results: Sequence[Result], max_nonzero: int = 50) -> Figure:
    """Draw the network of each method of at most so many numbers on all tasks (arXiv 2506.08270, Fig. 5).

    Parameters
    ----------
    results : sequence of Result
        With the selection "<=50", which is made without test rows. A method without so small a network has no dot.
    max_nonzero : int, default=50
        Largest number of numbers.
    """
    means = mean_results((item for item in results if item.selection == f"<={max_nonzero}"), "test_mse")
    found = {(task, model): pair for (task, model, _), pair in means.items() if model in _SMALL_MODELS}
    if not found:
        raise NothingToDraw(f"results must hold networks with the selection '<={max_nonzero}'.")
    tasks = sorted({task for task, _ in found}, key=lambda task: (found.get((task, SWAT), (0, math.inf))[1], task))
    figure = new_figure(1.2 + 0.15 * len(tasks))
    errors, sizes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for zorder, model in zip(_DOWNWARDS, _SMALL_MODELS, strict=False):
        rows = [row for row, task in enumerate(tasks) if (task, model) in found]
        numbers, error = np.array([found[tasks[row], model] for row in rows]).reshape(-1, 2).T
        label, colour, marker = _MARKS[model]
        for axes, values in ((errors, error), (sizes, numbers)):
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
def cornn_activations(results: Sequence[Result], max_nonzero: int = 30) -> Figure:
    """Draw FVU with an activation for each neuron against that with one for all (arXiv 2506.08270, section V).

    Parameters
    ----------
    results : sequence of Result
        Of the models "papers' activations" and "fixed activation", with the selection "<=30".
    max_nonzero : int, default=30
        Largest number of numbers.
    """
    means = mean_results((item for item in results if item.selection == f"<={max_nonzero}"), "test_fvu")
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


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure to an SVG or PNG (150 dpi) file without a date: the same figure gives the same bytes."""
    path = Path(path)
    file = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with drawing():
        figure.savefig(file, format=path.suffix[1:], dpi=150, metadata=metadata)
    path.write_bytes(file.getvalue())


def draw_figures(results: Sequence[Result], experiment: str, folder: str | Path) -> list[Path]:
    """Draw the figures of one experiment into files; those for which the results hold nothing are left out.

    Parameters
    ----------
    results : sequence of Result
        What the experiment measured; "surfaces" needs none.
    experiment : str
        Which figures: those of "cornn", "planted", "prices", "latent-time" or "surfaces" (part of "planted"); the other
        experiments have none.
    folder : str or path
        Existing folder; files of the same names are replaced.

    Returns
    -------
    paths : list of path
        Files written.
    """
    from benchmarks.latent_figures import latent_records, latent_time, planted_depths, price_sizes, surfaces

    makers: Mapping[str, Mapping[str, Callable[[], Figure]]] = {
        "cornn": {
            "cornn_sizes.svg": lambda: cornn_sizes(results),
            "cornn_all.svg": lambda: cornn_all(results),
            "cornn_activations.svg": lambda: cornn_activations(results),
        },
        "planted": {"planted.svg": lambda: planted_depths(results), "surfaces.png": surfaces},
        "prices": {"prices.svg": lambda: price_sizes(results)},
        "latent-time": {"latent_time.svg": lambda: latent_time(latent_records(results))},
        "surfaces": {"surfaces.png": surfaces},
        "tables": {},
        "latent-parts": {},
        "latent-starts": {},
    }
    if experiment not in makers:
        raise ValueError(f"experiment must be one of {', '.join(makers)}, got {experiment!r}.")
    paths = []
    for name, make in makers[experiment].items():
        with suppress(NothingToDraw):
            save_figure(make(), Path(folder) / name)
            paths.append(Path(folder) / name)
    return paths

"""Picture of a fit: the error after each of its stages, and what the latent search did at each depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.displays._common import axes_or_new, log_axis, network_of, not_too_small, panels
from sk_swat.displays.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["LossCurveDisplay"]

_HEIGHT, _LONG_NAMES = 3.1, 0.9  # inches of a row of panels, and of the names of the stages
_DEPTH_STYLES = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (ORANGE, "D", ":"))
_SIZE_STYLES = ((SKY, "v"), (BLUE, "o"), (GREEN, "^"), (ORANGE, "s"), (PURPLE, "D"))
_LINE: dict[str, Any] = {"markersize": 4, "linewidth": 1.2}
_SLANTED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8, "handlelength": 1.8, "handletextpad": 0.4}
_LEGEND |= {"columnspacing": 1, "loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0}  # above all lines


@dataclass(repr=False, eq=False)
class LossCurveDisplay:
    """How the error falls during a fit: after each stage and, where there were gradient steps, after each of these.

    The first panel shows 1 - R^2, the share of variance left unexplained, after each stage of the fit, on the rows of
    the search: of the best network of at most 10, 20, 30, 50 and 100 non-zero parameters, and of the largest one.
    Lines that still fall in the last rounds say that more of them (`n_rounds`) may pay. The last polish is measured on
    all fitted rows, so that its error may be a little higher. Sizes without a network of their own are left out.

    Two more panels are drawn if the latent search did more than rank starts (as without refinement): the best
    objective of each depth, among the starts, after each generation of selection, after hard decisions, and after the
    gradient descent; and the soft objective of the start from which the network descends. Errors are on logarithmic
    scales; values of 1e-12 or less are drawn at 1e-12.

    Parameters
    ----------
    search_report : list of dict
        As ``SWATRegressor.search_report_``; may be empty.
    fit_report : list of dict
        As ``SWATRegressor.fit_report_``; may be empty.
    loss_curve : array-like of shape (n_iter,), default=()
        As ``LatentDescentRegressor.loss_curve_``; empty if there was no descent.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes in whose place the panels lie; it is empty.
    axes_ : dict of matplotlib Axes
        The panels that were drawn: "stages", "search", "descent".
    figure_ : matplotlib Figure
        The figure.
    stage_lines_ : dict of matplotlib Line2D
        Errors by stage, by the largest size; of the largest network by None.
    search_lines_ : list of matplotlib Line2D
        Objective of each depth.
    loss_line_ : matplotlib Line2D or None
        Objective of the descent.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> stages = [{"name": "latent search", "seconds": 0.2, "r2_before": 0.0, "r2_after": 0.9, "r2_by_size": {}}]
    >>> display = LossCurveDisplay([], stages, [0.5, 0.2, 0.1]).plot(Figure().subplots())
    >>> sorted(display.axes_)
    ['descent', 'stages']
    """

    search_report: Sequence[Mapping[str, Any]]
    fit_report: Sequence[Mapping[str, Any]]
    loss_curve: ArrayLike = ()

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> LossCurveDisplay:
        """Draw the fit of an estimator.

        Parameters
        ----------
        estimator : SWATRegressor
            Fitted regressor.
        ax : matplotlib Axes, default=None
            Where to draw, an axes of ``plt.subplots``; None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The drawn picture.
        """
        network_of(estimator)
        return cls(estimator.search_report_, estimator.fit_report_, getattr(estimator, "loss_curve_", ())).plot(ax)

    def plot(self, ax: Axes | None = None) -> LossCurveDisplay:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, an axes of ``plt.subplots``, which is emptied and divided into the panels. None makes a new
            figure, 600 px wide at 96 dots per inch.

        Returns
        -------
        self : LossCurveDisplay
            The drawn picture.
        """
        curve = np.asarray(self.loss_curve, dtype=np.float64)
        moved = any(len(report["selection_objective"]) > 1 or report["n_iter"] for report in self.search_report)
        upper = ["stages"] if len(self.fit_report) else []
        lower = [name for name, there in (("search", moved), ("descent", len(curve))) if there]
        rows = [row for row in (upper, lower) if row]
        if not rows:
            raise ValueError("There is no search to draw: the target or all columns were constant.")
        self.ax_ = axes_or_new(ax, "LossCurveDisplay", _HEIGHT * len(rows) + _LONG_NAMES)
        self.figure_ = self.ax_.figure
        drawn = panels(self.ax_, [_HEIGHT + _LONG_NAMES * (row is upper) for row in rows], [len(row) for row in rows])
        self.axes_ = {
            name: axes for row, names in zip(drawn, rows, strict=True) for name, axes in zip(names, row, strict=True)
        }
        self.stage_lines_ = self._draw_stages() if "stages" in self.axes_ else {}
        self.search_lines_ = self._draw_search() if "search" in self.axes_ else []
        self.loss_line_ = self._draw_descent(curve) if "descent" in self.axes_ else None
        return self

    def _draw_search(self) -> list[Line2D]:
        ax = self.axes_["search"]
        n_generations = max(len(report["selection_objective"]) for report in self.search_report) - 1
        moved = any(report["n_iter"] for report in self.search_report)
        generations = [f"generation {i}" for i in range(1, n_generations + 1)]
        if n_generations > 4:  # there is room for the first and the last
            generations[1:-1] = [""] * (n_generations - 2)
        moments = ["starts", *generations, "hard decisions", *["descent"] * moved]
        lines, drawn = [], []
        for number, report in enumerate(self.search_report):
            values = np.full(len(moments), np.nan)
            selection = report["selection_objective"]
            values[: len(selection)] = selection
            values[n_generations + 1] = report["start_objective"]
            if moved:
                values[-1] = report["objective"]
            values = np.where(np.isfinite(values), not_too_small(values), np.nan)  # inf: no start was usable
            colour, marker, style = _DEPTH_STYLES[number % len(_DEPTH_STYLES)]
            label = str(report["depth"])
            lines += ax.plot(values, color=colour, marker=marker, linestyle=style, label=label, **_LINE)
            drawn.append(values)
        _tidy(ax, "latent search, by hidden layers", pad=18)
        ax.set(ylabel="objective: 1 - R² plus prices", yscale="log", xlim=(-0.4, len(moments) - 0.6))
        ax.set_xticks(range(len(moments)), moments, **_SLANTED)
        log_axis(ax.yaxis, np.concatenate(drawn))
        ax.legend(ncols=4, **_LEGEND)
        return lines

    def _draw_descent(self, curve: np.ndarray) -> Line2D:
        ax = self.axes_["descent"]
        from matplotlib.ticker import MaxNLocator

        values = not_too_small(curve)
        (line,) = ax.plot(np.arange(1, len(curve) + 1), values, color=BLUE, linewidth=1.2)
        _tidy(ax, "gradient descent of one start")
        ax.set(xlabel="gradient step", ylabel="soft objective", yscale="log")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        log_axis(ax.yaxis, values)
        return line

    def _draw_stages(self) -> dict[int | None, Line2D]:
        ax = self.axes_["stages"]
        stages = self.fit_report
        largest = np.array([1 - stages[0]["r2_before"], *(1 - stage["r2_after"] for stage in stages)])
        lines: dict[int | None, Line2D] = {}
        for (size, errors), (colour, marker) in zip(self._errors_by_size(largest).items(), _SIZE_STYLES, strict=False):
            known = np.flatnonzero(np.isfinite(errors))
            (lines[size],) = ax.plot(known, not_too_small(errors[known]), color=colour, marker=marker, **_LINE)
            lines[size].set_label(f"at most {size} parameters")
        look: dict[str, Any] = {"color": BLACK, "linestyle": "--", "marker": ".", "zorder": 1.9}
        (lines[None],) = ax.plot(not_too_small(largest), label="largest network", **_LINE | look)
        names = ["constant", *(f"{stage['name']}, {stage['seconds']:.1f} s" for stage in stages)]
        _tidy(ax, "error after each stage of the fit", pad=34)
        ax.set(
            ylabel="share of variance left\nunexplained (1 - R², fitted rows)",
            yscale="log",
            xlim=(-0.4, len(names) - 0.6),
        )
        ax.set_xticks(range(len(names)), names, **_SLANTED)
        log_axis(ax.yaxis, np.concatenate([np.asarray(line.get_ydata()) for line in lines.values()]))
        ax.legend(ncols=3, **_LEGEND)
        return lines

    def _errors_by_size(self, largest: np.ndarray) -> dict[int, np.ndarray]:
        """Errors of the best networks of each size, nan where a stage has no record; no two lines are the same."""
        sizes = sorted({size for stage in self.fit_report for size in stage["r2_by_size"]})
        known = {
            size: np.array([largest[0], *(1 - stage["r2_by_size"].get(size, np.nan) for stage in self.fit_report)])
            for size in sizes
        }
        others = [largest]
        for size, errors in reversed(known.copy().items()):
            there = np.isfinite(errors)
            if any(np.array_equal(errors[there], other[there]) for other in others):
                del known[size]
            others.append(errors)
        return known


def _tidy(ax: Axes, title: str, pad: float = 6) -> None:
    ax.set_title(title, fontsize=9, loc="left", pad=pad)
    ax.xaxis.label.set_fontsize(9)
    ax.yaxis.label.set_fontsize(9)
    ax.tick_params(labelsize=8)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)

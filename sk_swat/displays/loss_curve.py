"""Picture of a search: what the latent search found at each depth, and what each stage of the fit gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.displays._common import FAINT, axes_or_new, fitted_network, log_axis, not_too_small, panels
from sk_swat.palette import BLACK, BLUE, GREEN, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["LossCurveDisplay"]

_HEIGHT, _SLANTED_HEIGHT = 2.5, 3.1  # inches of the upper panels, without and with slanted labels
_STAGE_HEIGHT = 0.22  # inches of one stage
_DEPTH_STYLES = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (ORANGE, "D", ":"))


class LossCurveDisplay:
    """What a fit gained: the latent search of each depth, the descent if there was one, and all stages.

    The panel of the latent search shows the best objective of each depth: among the starts ("screened"), after each
    generation of selection, of the hardened starts, and after the descent. That of the descent shows the soft
    objective of the start from which the network descends. That of the stages shows 1 - R^2 of the largest network
    before (ring) and after (dot) each stage, and its seconds. The last polish may use other rows than the stages
    before it. Errors are on logarithmic scales; values of 1e-12 or less are drawn at 1e-12.

    Parameters
    ----------
    search_report : list of dict
        As ``SWATRegressor.search_report_``; may be empty.
    fit_report : list of dict
        As ``SWATRegressor.fit_report_``; may be empty.
    loss_curve : array-like of shape (n_iter,), default=()
        As ``SWATRegressor.loss_curve_``; empty if there was no descent.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes in whose place the panels lie; it is empty.
    axes_ : dict of matplotlib Axes
        The panels that were drawn: "search", "descent", "stages".
    figure_ : matplotlib Figure
        The figure.
    search_lines_ : list of matplotlib Line2D
        Objective of each depth.
    loss_line_ : matplotlib Line2D or None
        Objective of the descent.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> stages = [{"name": "latent search", "seconds": 0.2, "r2_before": 0.0, "r2_after": 0.9}]
    >>> display = LossCurveDisplay([], stages, [0.5, 0.2, 0.1]).plot(Figure().subplots())
    >>> sorted(display.axes_)
    ['descent', 'stages']
    """

    def __init__(
        self,
        search_report: Sequence[Mapping[str, Any]],
        fit_report: Sequence[Mapping[str, Any]],
        loss_curve: ArrayLike = (),
    ) -> None:
        self.search_report = search_report
        self.fit_report = fit_report
        self.loss_curve = loss_curve

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> LossCurveDisplay:
        """Draw the search of a fitted estimator.

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
        fitted_network(estimator)
        return cls(estimator.search_report_, estimator.fit_report_, estimator.loss_curve_).plot(ax)

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
        upper = [name for name, there in (("search", len(self.search_report)), ("descent", len(curve))) if there]
        lower = ["stages"] if len(self.fit_report) else []
        rows = [row for row in (upper, lower) if row]
        if not rows:
            raise ValueError("There is no search to draw: the target or all columns were constant.")
        slanted = any(len(report["selection_objective"]) > 1 or report["n_iter"] for report in self.search_report)
        heights = [_SLANTED_HEIGHT if slanted else _HEIGHT] * bool(upper) + [
            0.9 + _STAGE_HEIGHT * len(self.fit_report)
        ] * bool(lower)
        self.ax_ = axes_or_new(ax, "LossCurveDisplay", sum(heights))
        self.figure_ = self.ax_.figure
        drawn = panels(self.ax_, heights, [len(row) for row in rows])
        self.axes_ = {
            name: axes for row, names in zip(drawn, rows, strict=True) for name, axes in zip(names, row, strict=True)
        }
        self.search_lines_ = self._draw_search() if "search" in self.axes_ else []
        self.loss_line_ = self._draw_descent(curve) if "descent" in self.axes_ else None
        if "stages" in self.axes_:
            self._draw_stages()
        return self

    def _draw_search(self) -> list[Line2D]:
        ax = self.axes_["search"]
        n_generations = max(len(report["selection_objective"]) for report in self.search_report) - 1
        moved = any(report["n_iter"] for report in self.search_report)
        generations = [f"generation {i}" for i in range(1, n_generations + 1)]
        if n_generations > 4:  # there is room for the first and the last
            generations[1:-1] = [""] * (n_generations - 2)
        moments = ["screened", *generations, "hardened", *["descended"] * moved]
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
            lines += ax.plot(
                values, color=colour, marker=marker, linestyle=style, markersize=4, linewidth=1.2, label=label
            )
            drawn.append(values)
        _tidy(ax, "latent search by depth", pad=18)
        ax.set(ylabel="objective", yscale="log", xlim=(-0.4, len(moments) - 0.6))
        slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(moments) > 2 else {}
        ax.set_xticks(range(len(moments)), moments, **slanted)
        log_axis(ax.yaxis, np.concatenate(drawn))
        # between title and axes, where no line can lie
        small: dict[str, Any] = {"fontsize": 8, "handlelength": 1.8, "handletextpad": 0.4, "columnspacing": 1}
        ax.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, **small)
        return lines

    def _draw_descent(self, curve: np.ndarray) -> Line2D:
        ax = self.axes_["descent"]
        from matplotlib.ticker import MaxNLocator

        values = not_too_small(curve)
        (line,) = ax.plot(np.arange(1, len(curve) + 1), values, color=BLUE, linewidth=1.2)
        _tidy(ax, "gradient descent")
        ax.set(xlabel="gradient step", ylabel="soft objective", yscale="log")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        log_axis(ax.yaxis, values)
        return line

    def _draw_stages(self) -> None:
        ax = self.axes_["stages"]
        before, after = (
            not_too_small([1 - stage[name] for stage in self.fit_report]) for name in ("r2_before", "r2_after")
        )
        rows = np.arange(len(before))
        ax.hlines(rows, before, after, colors=FAINT, linewidth=2.5, zorder=2)
        ring: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": BLACK, "markersize": 6}
        ax.plot(before, rows, linestyle="none", marker="o", label="before", zorder=3, **ring)
        ax.plot(after, rows, linestyle="none", marker="o", color=BLUE, markersize=4, label="after", zorder=4)
        _tidy(ax, "stages of the fit")
        names = [f"{stage['name']}, {stage['seconds']:.1f} s" for stage in self.fit_report]
        ax.set(xlabel="1 - R² of the largest network", xscale="log", yticks=rows, yticklabels=names)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        log_axis(ax.xaxis, np.concatenate([before, after]))
        small: dict[str, Any] = {"fontsize": 8, "handlelength": 1, "handletextpad": 0.3, "columnspacing": 1}
        ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, **small)


def _tidy(ax: Axes, title: str, pad: float = 6) -> None:
    ax.set_title(title, fontsize=9, loc="left", pad=pad)
    ax.xaxis.label.set_fontsize(9)
    ax.yaxis.label.set_fontsize(9)
    ax.tick_params(labelsize=8)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)

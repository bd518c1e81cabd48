"""Legend of a drawn network: what lines, dots and curves mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.displays._layout import LARGEST_TEXT, activation_curve
from sk_swat.displays.palette import BLACK, BLUE, VERMILION
from sk_swat.network.sparse_mlp import SparseMLP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

_COLUMN = 95.0  # points that one entry may take
_ROW = 15.0
_GAP = 6.0  # above the legend


def _entries(network: SparseMLP) -> list[tuple[str, str]]:
    """Kind and name of what needs an explanation in this network."""
    weights = np.concatenate([coef.ravel() for coef in network.coefs])
    biases = np.concatenate(network.intercepts)
    entries = []
    for kind, values in (("weight", weights), ("bias", biases)):
        entries += [("+" + kind, f"positive {kind}")] * bool((values > 0).any())
        entries += [("-" + kind, f"negative {kind}")] * bool((values < 0).any())
    names = dict.fromkeys(name for layer in network.activations for name in layer)
    entries += [("width", "")] * bool(np.count_nonzero(weights) > 1)
    return entries + [(name, name) for name in names]


def _columns(network: SparseMLP, width: float) -> int:
    return max(1, min(4, int(width / _COLUMN), len(_entries(network))))


def legend_height(network: SparseMLP, width: float) -> float:
    """Height in points of the legend of a network in so wide a picture."""
    return _ROW * -(-len(_entries(network)) // _columns(network, width)) + _GAP


def draw_legend(ax: Axes, network: SparseMLP, width: float, thicker: str) -> Legend:
    """Explain the lines, dots and curves of a network at the bottom of axes of so many points.

    `thicker` says what a thicker line means.
    """
    from matplotlib.lines import Line2D
    from matplotlib.path import Path

    ring: dict[str, Any] = {"marker": "o", "markersize": 12, "color": "none", "markeredgecolor": "0.25"}
    samples: dict[str, Any] = {
        "+weight": Line2D([], [], color=BLUE, linewidth=2),
        "-weight": Line2D([], [], color=VERMILION, linewidth=2, linestyle=(0, (2.5, 1.25))),
        "width": Line2D([], [], color="0.5", linewidth=3),
        "+bias": Line2D([], [], color="none", marker="o", markersize=5, markerfacecolor=BLUE, markeredgecolor=BLUE),
        "-bias": Line2D(
            [], [], color="none", marker="o", markersize=5, markerfacecolor="white", markeredgecolor=VERMILION
        ),
    }
    entries = [(kind, thicker if kind == "width" else text) for kind, text in _entries(network)]
    for kind, _ in entries:
        if kind not in samples:
            curve = Path(activation_curve(kind))
            line = Line2D([], [], color="none", marker=curve, markersize=8, fillstyle="none", markeredgecolor=BLACK)
            samples[kind] = (Line2D([], [], markerfacecolor="white", **ring), line)
    return ax.legend(
        [samples[kind] for kind, _ in entries],
        [text for _, text in entries],
        loc="lower center",
        ncols=_columns(network, width),
        fontsize=LARGEST_TEXT,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.8,
        labelspacing=0.5,
        columnspacing=1.4,
    )

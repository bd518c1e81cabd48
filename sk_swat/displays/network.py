"""Picture of a network: inputs, neurons with their activations, weights, outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.displays._common import (
    FAINT,
    POINTS,
    WIDTH,
    check_axes,
    chosen_r2,
    extent,
    network_of,
    r2_line,
    require_matplotlib,
    text_width,
)
from sk_swat.displays._layout import CURVE, LARGEST_TEXT, Layout, activation_curve, lay_out, natural_height
from sk_swat.displays._legend import draw_legend, legend_height
from sk_swat.displays._names import check_output_names
from sk_swat.displays._spreads import strengths
from sk_swat.displays.palette import BLACK, BLUE, VERMILION
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.network.text import size_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NetworkDisplay"]

_LEGEND_SHARE = 0.4  # of the height that a legend may take
_TITLE_TEXT = LARGEST_TEXT + 1
_TITLE_LINE = 14.0
_MARGIN = 6.0
_BIAS_RADIUS = 2.6
_WIDTH_MEANS = {"spread": "thicker: larger effect", "weight": "thicker: larger weight"}


@dataclass(repr=False, eq=False)
class NetworkDisplay:
    """Picture of a network, from the inputs at the left to the outputs at the right.

    Each hidden neuron is a circle with the curve of its activation and a grey line at the value 0. Positive weights
    are solid blue lines, negative ones dashed vermilion lines. The width shows how much a weight moves what it adds to:
    its size times the standard deviation of its input (into an output: in standard deviations of the output), in
    proportion to the largest of the same layer. A dot on top of a circle is a bias, hollow if it is negative. Inputs
    that the network does not read are grey; more than 12 of them are one line of text. The drawn network is the pruned
    one, with neurons in the order of its arrays.

    Without rows, standard deviations of the columns are those of the fit, which the network keeps; those of neurons
    come from 1024 rows drawn from independent normal columns with the means and standard deviations of the
    fit, always the same ones. Columns of a network that was not fitted count as standardised.

    Parameters
    ----------
    network : SparseMLP
        The network.
    output_names : sequence of str, default=None
        Names of the outputs; None for those of the network.
    widths : {"spread", "weight"}, default="spread"
        What widths show: weight times standard deviation of its input, or weights as they are. These depend on the
        units: a column of large numbers has small weights.
    X : array-like of shape (n_samples, n_features_in), default=None
        Rows whose standard deviations count, of columns and of hidden neurons; None takes those of the fit.
    r2_train, r2_validation : float, default=nan
        R^2 of the network, for the title; nan is left out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture; lengths in it are points (1/72 inch) of the size it had when it was drawn.
    figure_ : matplotlib Figure
        The figure.
    edges_ : matplotlib LineCollection
        One line for each non-zero weight, layer by layer.
    neurons_ : list of matplotlib Circle
        Circles of the hidden neurons, layer by layer.
    texts_ : list of matplotlib Text
        Names of inputs and outputs.
    legend_ : matplotlib Legend or None
        What lines, dots and curves mean; None if there is no room for it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sk_swat import SparseMLP
    >>> network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]], ["age", "height"])
    >>> display = NetworkDisplay.from_network(network, ax=Figure().subplots())
    >>> [text.get_text() for text in display.texts_]
    ['age', 'height', 'y']
    """

    network: SparseMLP
    _: KW_ONLY
    output_names: Sequence[str] | None = None
    widths: str = "spread"
    X: ArrayLike | None = None
    r2_train: float = math.nan
    r2_validation: float = math.nan

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | None = None,
        *,
        widths: str = "spread",
        output_names: Sequence[str] | None = None,
        ax: Axes | None = None,
    ) -> NetworkDisplay:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : SWATRegressor
            Fitted regressor.
        X : array-like of shape (n_samples, n_features), default=None
            Rows whose standard deviations count; None takes those of the fit.
        widths : {"spread", "weight"}, default="spread"
            What widths show: weight times standard deviation of its input, or weights as they are.
        output_names : sequence of str, default=None
            Names of the outputs; None for those of the network.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : NetworkDisplay
            The drawn picture.
        """
        network = network_of(estimator)
        train, validation = chosen_r2(estimator)
        shown = cls(network, output_names=output_names, widths=widths, X=X, r2_train=train, r2_validation=validation)
        return shown.plot(ax)

    @classmethod
    def from_network(
        cls,
        network: SparseMLP,
        *,
        output_names: Sequence[str] | None = None,
        widths: str = "spread",
        X: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> NetworkDisplay:
        """Draw a network; the parameters are those of the class and of :meth:`plot`."""
        return cls(network, output_names=output_names, widths=widths, X=X).plot(ax)

    def plot(self, ax: Axes | None = None) -> NetworkDisplay:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw: texts are made to fit its present size. None makes a new figure, 600 px wide at 96 dots
            per inch and as high as the network needs.

        Returns
        -------
        self : NetworkDisplay
            The drawn picture.
        """
        require_matplotlib("NetworkDisplay")
        if not isinstance(self.network, SparseMLP):
            raise TypeError(f"`network` must be a SparseMLP, got {type(self.network).__name__}.")
        network = self.network.prune()
        names = check_output_names(self.output_names, network)
        sizes = strengths(network, self.widths, self.X)
        ax = self._new_axes(network) if ax is None else check_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        width, height = extent(ax)
        ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
        ax.set_axis_off()
        ax.set_title("\n".join(self._title(network, width)), fontsize=_TITLE_TEXT, linespacing=1.2)
        bottom = legend_height(network, width)
        if bottom > _LEGEND_SHARE * height:
            bottom, self.legend_ = 0.0, None
        else:
            self.legend_ = draw_legend(ax, network, width, _WIDTH_MEANS[self.widths])
        layout = lay_out(network, width, bottom, height - _MARGIN, text_width, output_names=names, strengths=sizes)
        self._draw(layout)
        return self

    def _title(self, network: SparseMLP, width: float) -> list[str]:
        lines: list[str] = []
        size = size_text(network)
        if text_width(size, _TITLE_TEXT) > width:
            size = size.replace(" (weights and biases)", "").replace("non-zero ", "").replace("hidden ", "")
        for text in (r2_line(self.r2_train, self.r2_validation), size):
            for number, part in enumerate(filter(None, text.split(", "))):
                if number and text_width(f"{lines[-1]}, {part}", _TITLE_TEXT) <= width:
                    lines[-1] += f", {part}"
                else:
                    lines.append(part)
        return lines

    def _new_axes(self, network: SparseMLP) -> Axes:
        import matplotlib.pyplot as plt

        wide = WIDTH * POINTS
        inner_wide = wide - 2 * _MARGIN
        inner_high = natural_height(network) + legend_height(network, inner_wide) + _MARGIN
        high = inner_high + _TITLE_LINE * len(self._title(network, inner_wide)) + 2 * _MARGIN
        figure = plt.figure(figsize=(WIDTH, high / POINTS))
        return figure.add_axes((_MARGIN / wide, _MARGIN / high, inner_wide / wide, inner_high / high))

    def _draw(self, layout: Layout) -> None:
        from matplotlib.collections import LineCollection
        from matplotlib.patches import Circle

        ax = self.ax_
        positive = [edge.weight > 0 for edge in layout.edges]
        widths = [edge.width for edge in layout.edges]
        self.edges_ = LineCollection(
            [(edge.start, edge.end) for edge in layout.edges],
            colors=[BLUE if up else VERMILION for up in positive],
            linewidths=widths,
            # dashes are in units of the width: these are equally long in all lines
            linestyles=["-" if up else (0, (5 / w, 2.5 / w)) for up, w in zip(positive, widths, strict=True)],
            capstyle="butt",
            zorder=1,
        )
        ax.add_collection(self.edges_, autolim=False)
        for node in layout.inputs:
            colour = BLACK if node.used else FAINT
            ax.add_patch(Circle((node.x, node.y), node.radius, facecolor=colour, edgecolor="none", zorder=2))
        rim: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.25", "linewidth": 1, "zorder": 2}
        self.neurons_ = [Circle((node.x, node.y), node.radius, **rim) for node in layout.hidden]
        for circle in [*self.neurons_, *(Circle((node.x, node.y), node.radius, **rim) for node in layout.outputs)]:
            ax.add_patch(circle)
        curves, zeros = [], []
        for node in layout.hidden:
            assert node.activation is not None
            centre, reach = np.array([node.x, node.y]), CURVE * node.radius
            curves.append(centre + reach * activation_curve(node.activation))
            zeros.append(centre + reach * np.array([[-1, 0], [1, 0]]))
        ax.add_collection(LineCollection(zeros, colors="0.65", linewidths=0.8, zorder=3), autolim=False)
        ax.add_collection(LineCollection(curves, colors=BLACK, linewidths=1.3, zorder=4), autolim=False)
        for node in layout.hidden + layout.outputs:
            if node.bias:
                radius = min(_BIAS_RADIUS, (0.5 if node.activation is None else 0.22) * node.radius)
                face = BLUE if node.bias > 0 else "white"
                edge = BLUE if node.bias > 0 else VERMILION
                dot = Circle((node.x, node.y + node.radius), radius, facecolor=face, edgecolor=edge, zorder=5)
                ax.add_patch(dot)
        self.texts_ = [
            ax.text(
                label.x,
                label.y,
                label.text,
                ha="right" if label.ends else "left",
                va="center_baseline",
                fontsize=layout.text_size,
                color=BLACK if label.used or not label.ends else FAINT,
                parse_math=False,  # a name may hold dollar signs
                usetex=False,
            )
            for label in layout.labels
        ]

"""Where the parts of a drawn network lie: plain numbers, for matplotlib and for SVG alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sk_swat.displays._names import TextWidth, short_names
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.names import feature_labels
from sk_swat.network.sparse_mlp import SparseMLP

LARGEST_TEXT = 8.0  # points
CURVE = 0.65  # size of a neuron's curve, in its radii
MOST_UNUSED = 12  # more unused inputs are one line of text
_RADIUS = 12.0  # points, as all lengths below
_OUTPUT_RADIUS = 5.0
_INPUT_RADIUS = 2.5
_GAP = 6.0  # between a node and its name
_WIDTHS = (0.5, 3.0)  # of the thinnest and the thickest edge
_LEFT_SHARE, _RIGHT_SHARE = 0.34, 0.2  # of the width that names may take
_PITCH = {"input": (14.0, 30.0), "hidden": (32.0, 70.0), "output": (20.0, 60.0)}  # natural and largest distance


@dataclass(frozen=True)
class Node:
    """A circle: an input, a hidden neuron (with an activation) or an output; inputs have no bias."""

    x: float
    y: float
    radius: float
    activation: str | None = None
    bias: float = 0.0
    used: bool = True


@dataclass(frozen=True)
class Label:
    """A name that ends at x (inputs, ``ends`` is True) or begins there (outputs), centred at y."""

    text: str
    full: str
    x: float
    y: float
    ends: bool
    used: bool = True


@dataclass(frozen=True)
class Edge:
    """A weight that is not zero: a line from rim to rim."""

    start: tuple[float, float]
    end: tuple[float, float]
    weight: float
    width: float


@dataclass(frozen=True)
class Layout:
    """Parts of a drawn network, in points from the lower left corner."""

    inputs: list[Node]
    hidden: list[Node]
    outputs: list[Node]
    labels: list[Label]
    edges: list[Edge]
    text_size: float


def activation_curve(name: str) -> np.ndarray:
    """Return points of an activation function for a square from -1 to 1, of shape (n_points, 2).

    Examples
    --------
    >>> activation_curve("identity")[[0, -1]]
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    x = np.linspace(-1, 1, 41)
    activation = ACTIVATIONS[name]
    return np.column_stack([x, activation.value(activation.reach * x)])


def natural_height(network: SparseMLP) -> float:
    """Height in points at which a pruned network is easy to read."""
    heights = [len(_input_rows(network)) * _PITCH["input"][0], network.n_outputs * _PITCH["output"][0]]
    return max(*heights, *(size * _PITCH["hidden"][0] for size in network.hidden_layer_sizes), 90.0)


def lay_out(
    network: SparseMLP,
    width: float,
    bottom: float,
    top: float,
    text_width: TextWidth,
    *,
    output_names: Sequence[str],
    strengths: Sequence[np.ndarray],
) -> Layout:
    """Place a pruned network between x = 0 and `width`, and y = `bottom` and `top`, in points.

    Neurons keep their order, from top to bottom. The widths of the edges show the strengths, which are at least 0,
    layer by layer. Names that are too long lose letters in their middle.
    """
    rows = _input_rows(network)
    input_y = _spread(len(rows), "input", bottom, top)
    output_y = _spread(network.n_outputs, "output", bottom, top)
    size = min(LARGEST_TEXT, *(0.72 * _pitch(input_y, bottom, top), 0.72 * _pitch(output_y, bottom, top)))
    left = short_names([name for name, _ in rows], size, _LEFT_SHARE * width, text_width)
    right = short_names(output_names, size, _RIGHT_SHARE * width, text_width)
    first = max(text_width(name, size) for name in left) + _GAP + _INPUT_RADIUS
    last = width - max(text_width(name, size) for name in right) - _GAP - _OUTPUT_RADIUS
    columns = np.linspace(first, last, network.depth + 2)

    used = set(network.used_features.tolist())
    small = min(_INPUT_RADIUS, 0.2 * _pitch(input_y, bottom, top))
    places = {
        column: Node(first, y, small, used=column in used)
        for (_, column), y in zip(rows, input_y, strict=True)
        if column is not None
    }
    layers: list[dict[int, Node]] = [places]
    thinner = 1.0  # in small pictures
    for x, names, biases in zip(columns[1:-1], network.activations, network.intercepts[:-1], strict=True):
        layer_y = _spread(len(names), "hidden", bottom, top)
        radius = min(_RADIUS, 0.4 * _pitch(layer_y, bottom, top), 0.25 * (columns[1] - columns[0]))
        thinner = min(thinner, max(radius / _RADIUS, 0.4))
        drawn = zip(layer_y, names, biases.tolist(), strict=True)
        layers.append({j: Node(x, y, radius, name, bias) for j, (y, name, bias) in enumerate(drawn)})
    radius = min(_OUTPUT_RADIUS, 0.4 * _pitch(output_y, bottom, top))
    biases = network.intercepts[-1].tolist()
    layers.append(
        {j: Node(last, y, radius, bias=bias) for j, (y, bias) in enumerate(zip(output_y, biases, strict=True))}
    )

    labels = [
        Label(text, full, first - _GAP - _INPUT_RADIUS, y, True, column in used)
        for text, (full, column), y in zip(left, rows, input_y, strict=True)
    ]
    labels += [
        Label(text, full, last + _GAP + _OUTPUT_RADIUS, y, False)
        for text, full, y in zip(right, output_names, output_y, strict=True)
    ]
    return Layout(
        inputs=list(places.values()),
        hidden=[node for layer in layers[1:-1] for node in layer.values()],
        outputs=list(layers[-1].values()),
        labels=labels,
        edges=_edges(network, layers, strengths, thinner),
        text_size=size,
    )


def _input_rows(network: SparseMLP) -> list[tuple[str, int | None]]:
    """Name and column of each line at the left; many unused columns share the last line."""
    names = feature_labels(network)
    used = network.used_features.tolist()
    n_unused = network.n_features_in - len(used)
    if n_unused <= MOST_UNUSED:
        return [(name, column) for column, name in enumerate(names)]
    return [*((names[column], column) for column in used), (f"{n_unused} unused inputs", None)]


def _spread(n: int, kind: str, bottom: float, top: float) -> np.ndarray:
    """Heights of n nodes, from the highest, centred."""
    pitch = min(_PITCH[kind][1], (top - bottom) / n)
    return (bottom + top) / 2 + pitch * ((n - 1) / 2 - np.arange(n))


def _pitch(y: np.ndarray, bottom: float, top: float) -> float:
    return float(y[0] - y[1]) if len(y) > 1 else top - bottom


def _edges(
    network: SparseMLP, layers: list[dict[int, Node]], strengths: Sequence[np.ndarray], thinner: float
) -> list[Edge]:
    edges = []
    for coef, strength, starts, ends in zip(network.coefs, strengths, layers[:-1], layers[1:], strict=True):
        thin, thick = _WIDTHS
        widths = thinner * (thin + (thick - thin) * strength / (strength.max() or 1.0))
        for i, j in np.argwhere(coef).tolist():
            start, end = _rim_to_rim(starts[i], ends[j])
            edges.append(Edge(start, end, float(coef[i, j]), float(widths[i, j])))
    return edges


def _rim_to_rim(first: Node, second: Node) -> tuple[tuple[float, float], tuple[float, float]]:
    along = np.array([second.x - first.x, second.y - first.y])
    along /= np.hypot(*along)
    start, end = first.radius * along, -second.radius * along
    return (first.x + start[0], first.y + start[1]), (second.x + end[0], second.y + end[1])

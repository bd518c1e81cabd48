"""A network as a piece of HTML for notebooks: a small SVG and a table; it needs no matplotlib."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_swat.displays._common import network_of
from sk_swat.displays._layout import CURVE, Edge, Label, Node, activation_curve, lay_out, natural_height
from sk_swat.displays._spreads import strengths
from sk_swat.displays.palette import BLUE, VERMILION
from sk_swat.displays.text import MOST_WRITTEN, formula, headlines
from sk_swat.network.names import feature_labels, target_labels
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["network_html"]

_WIDTH = 450.0  # points: 600 px
_MARGIN = 4.0
_MOST_WEIGHTS = 400  # of larger networks only the size is shown
_COLUMNS = ("layer", "neuron", "activation", "incoming weights (effect: weight times spread of its input)", "bias")
_LETTER = 0.68  # width of a letter, in heights of the font; a wide one counts twice


def network_html(estimator: Any) -> str:
    """Show the network of a fitted estimator as HTML: R^2, size, columns in use, a picture, formula, all weights.

    Positive weights are solid blue lines, negative ones dashed vermilion lines, with widths as in
    :class:`NetworkDisplay`; a dot on a circle is a bias, hollow if it is negative. Texts have the colour of the page.
    The table of weights says in brackets what their widths show. Of networks with more than 100 non-zero parameters
    the formula is left out, of those with more than 400 weights picture and table as well.

    Parameters
    ----------
    estimator : SWATRegressor
        Fitted regressor.

    Returns
    -------
    text : str
        One ``div`` without scripts and styles of its own. Names of columns are escaped.
    """
    network = network_of(estimator).prune()
    first, *more = map(html.escape, headlines(estimator, network))
    shown = [f"<div>{'<br>'.join([f'<b>{first}</b>', *more])}</div>"]
    few = sum(int((coef != 0).sum()) for coef in network.coefs) <= _MOST_WEIGHTS
    sizes = strengths(network)
    if few:
        shown.append(_svg(network, sizes))
    if network.n_nonzero <= MOST_WRITTEN:
        shown.append(f'<pre style="white-space: pre-wrap; margin: 0.5em 0">{html.escape(formula(network))}</pre>')
    if few:
        shown.append(f"<details><summary>all weights</summary>{_table(network, sizes)}</details>")
    return f'<div class="sk-swat-network" style="overflow-x: auto; margin: 0.5em 0">{"".join(shown)}</div>'


def _svg(network: SparseMLP, sizes: list[np.ndarray]) -> str:
    height = natural_height(network) + 2 * _MARGIN
    names = target_labels(network)
    layout = lay_out(network, _WIDTH, _MARGIN, height - _MARGIN, _text_width, output_names=names, strengths=sizes)
    parts = [_line(edge) for edge in layout.edges]
    for node in layout.inputs + layout.hidden + layout.outputs:
        parts += _circle(node, filled=node in layout.inputs)
    parts += [_text(label, layout.text_size) for label in layout.labels]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH * 4 / 3:.0f}" height="{height * 4 / 3:.0f}" '
        f'viewBox="{-_MARGIN:g} 0 {_WIDTH + 2 * _MARGIN:g} {height:g}" role="img" aria-label="network" '
        'font-family="sans-serif">'
        f'<g transform="translate(0 {height:g})">{"".join(parts)}</g></svg>'
    )


def _line(edge: Edge) -> str:
    (x1, y1), (x2, y2) = edge.start, edge.end
    colour, dashes = (BLUE, "") if edge.weight > 0 else (VERMILION, ' stroke-dasharray="5 2.5"')
    return (
        f'<line x1="{x1:.1f}" y1="{-y1:.1f}" x2="{x2:.1f}" y2="{-y2:.1f}" stroke="{colour}" '
        f'stroke-width="{edge.width:.2f}"{dashes}><title>{edge.weight:.4g}</title></line>'
    )


def _circle(node: Node, filled: bool) -> Iterator[str]:
    look = 'fill="currentColor"' if filled else 'fill="none" stroke="currentColor"'
    faint = "" if node.used else ' opacity="0.45"'
    about = f"{node.activation or 'output'}, bias {node.bias:.4g}"
    title = "" if filled else f"<title>{about}</title>"
    yield f'<circle cx="{node.x:.1f}" cy="{-node.y:.1f}" r="{node.radius:.1f}" {look}{faint}>{title}</circle>'
    if node.activation is not None:
        reach = CURVE * node.radius
        points = " ".join(
            f"{node.x + reach * x:.1f},{-node.y - reach * y:.1f}" for x, y in activation_curve(node.activation)
        )
        left, right = node.x - reach, node.x + reach
        yield (
            f'<line x1="{left:.1f}" y1="{-node.y:.1f}" x2="{right:.1f}" y2="{-node.y:.1f}" stroke="currentColor" '
            f'stroke-width="0.6" opacity="0.4"/><polyline points="{points}" fill="none" stroke="currentColor" '
            'stroke-width="1.3"/>'
        )
    if node.bias:
        look = f'fill="{BLUE}"' if node.bias > 0 else f'fill="none" stroke="{VERMILION}"'
        yield f'<circle cx="{node.x:.1f}" cy="{-node.y - node.radius:.1f}" r="2.4" {look}/>'


def _text(label: Label, size: float) -> str:
    anchor, faint = ("end" if label.ends else "start"), "" if label.used or not label.ends else ' opacity="0.45"'
    return (
        f'<text x="{label.x:.1f}" y="{-label.y:.1f}" font-size="{size:.1f}" text-anchor="{anchor}" '
        f'dominant-baseline="central" fill="currentColor"{faint}>{html.escape(label.text)}'
        f"<title>{html.escape(label.full)}</title></text>"
    )


def _text_width(text: str, size: float) -> float:
    return _LETTER * size * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _table(network: SparseMLP, sizes: list[np.ndarray]) -> str:
    sources = feature_labels(network)
    rows = []
    for number, (coef, biases) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
        last = number == network.depth
        kinds = ["identity"] * network.n_outputs if last else network.activations[number]
        for j, (kind, bias) in enumerate(zip(kinds, biases.tolist(), strict=True)):
            size = sizes[number]
            incoming = coef[:, j].nonzero()[0]
            weights = [f"{html.escape(sources[i])}: {coef[i, j]:.4g} ({size[i, j]:.2g})" for i in incoming]
            place = "output" if last else str(number + 1)
            cells = (place, str(j + 1), kind, ", ".join(weights), f"{bias:.4g}")
            rows.append("".join(f"<td>{cell}</td>" for cell in cells))
        sources = [f"{kind} {j + 1}" for j, kind in enumerate(kinds)]
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"

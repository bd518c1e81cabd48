"""A network as text: equations for reading, and plain dicts that JSON can hold."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.fit_summary import FitSummary
from sk_swat.network.names import feature_labels, target_labels
from sk_swat.network.neurons import Neuron, neuron_layers, weighted_sum
from sk_swat.utils.labels import plain_text

if TYPE_CHECKING:
    from sk_swat.network.sparse_mlp import SparseMLP

SCHEMA_NAME = "sk_swat.SparseMLP"
SCHEMA_VERSION = 1
_LISTS = ("coefs", "intercepts", "activations", "feature_names", "target_names")
FIELDS = (*_LISTS, "fit_summary")  # arguments of the constructor

_NAMES = ("feature_names", "target_names")
_LINE = 100  # letters
_DIGITS = 4  # at least, unless fewer are asked for


def describe_network(network: SparseMLP, digits: int | str = "auto") -> str:
    """Write a network for reading: its size in a line, then its equations as in :func:`equations_text`."""
    return f"SparseMLP: {size_text(network)}\n{equations_text(network, digits)}"


def size_text(network: SparseMLP) -> str:
    """Sizes of a network, in one line."""
    n_hidden = sum(network.hidden_layer_sizes)
    hidden = _count(n_hidden, "hidden neuron")
    if network.n_neurons < n_hidden:
        hidden += f" ({network.n_neurons} alive)"
    return (
        f"{_count(network.n_nonzero, 'non-zero parameter')} (weights and biases), {hidden}, "
        f"reads {len(network.used_features)} of {_count(network.n_features_in, 'column')}"
    )


def equations_text(network: SparseMLP, digits: int | str = "auto") -> str:
    """Write a network neuron by neuron: ``h1_2`` is neuron 2 of hidden layer 1; below them what the functions are.

    Numbers have the given significant digits, from 1 to 15; "auto" takes 4, or as many as a formula has by default if
    these are more.
    """
    from sk_swat.network.rounding import check_digits, enough_digits, round_network

    chosen = max(_DIGITS, enough_digits(network) or 0) if digits == "auto" else digits
    network, centres = round_network(network, check_digits(chosen))
    *hidden, outputs = neuron_layers(network)
    names = map(plain_text, feature_labels(network))
    operands = [_difference(name, centre) for name, centre in zip(names, centres, strict=True)]
    lines = []
    for number, layer in enumerate(hidden, start=1):
        results = [f"h{number}_{j}" for j in range(1, len(layer) + 1)]
        lines += [_equation(name, one, operands) for name, one in zip(results, layer, strict=True)]
        operands = results
    results = list(map(plain_text, target_labels(network)))
    lines += [_equation(name, one, operands) for name, one in zip(results, outputs, strict=True)]
    used = {name for layer in network.activations for name in layer}
    explained = [one for one in ACTIVATIONS.values() if one.name in used and one.formula not in ("z", f"{one.name}(z)")]
    formulas = [f"{one.name}(z) = {one.formula}" for one in explained]
    return "\n".join([*lines, *(["", *formulas] if formulas else [])])


def formula_text(network: SparseMLP) -> str:
    """Write a network in one line, rounded as formulas are by default: an equation for each output.

    A neuron stands where it is used; one that is used several times has a name, h1, h2 ..., and an equation at the end.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> formula_text(SparseMLP([[[1.5], [0.0]], [[2.0]]], [[0.0], [3.0]], [["sine"]], ["time", "mass"], ["height"]))
    'height = 2 * sine(1.5 * time) + 3'
    >>> formula_text(SparseMLP([[[1.5]], [[2.0, 4.0]]], [[0.0], [0.0, 1.0]], [["tanh"]]))
    'y0 = 2 * h1; y1 = 4 * h1 + 1; h1 = tanh(1.5 * x0)'
    """
    from sk_swat.network.rounding import round_formula

    formula, labels = round_formula(network, "auto"), feature_labels(network)
    places = zip(formula.columns, formula.centres, strict=True)
    operands = [_difference(plain_text(labels[column]), centre) for column, centre in places]
    sums = [Neuron.of("", weights, bias) for weights, bias in zip(formula.weights, formula.biases, strict=True)]
    uses = np.count_nonzero(formula.weights[:, len(formula.columns) :], axis=0)
    named: list[str] = []
    for activation, total, n_uses in zip(formula.activations, sums, uses, strict=False):
        value = f"{activation}({_sum_text(total, operands)})"
        if n_uses > 1:
            named.append(f"h{len(named) + 1} = {value}")
            value = f"h{len(named)}"
        operands.append(value)
    outputs = zip(target_labels(network), sums[len(formula.activations) :], strict=True)
    return "; ".join([*(f"{plain_text(name)} = {_sum_text(total, operands)}" for name, total in outputs), *named])


def _difference(name: str, centre: float) -> str:
    return f"({name} {'-' if centre > 0 else '+'} {abs(centre):.15g})" if centre else name


def _sum_text(neuron: Neuron, operands: Sequence[str]) -> str:
    return weighted_sum(neuron, operands, lambda number: f"{number:.15g}")


def _equation(name: str, neuron: Neuron, operands: Sequence[str]) -> str:
    total = _sum_text(neuron, operands)
    value = total if neuron.activation == "identity" else f"{neuron.activation}({total})"
    return textwrap.fill(
        f"{name} = {value}", _LINE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def network_to_dict(network: SparseMLP) -> dict[str, Any]:
    """Turn a network into lists, strings and numbers that JSON can hold without loss."""
    names = {key: getattr(network, key) for key in _NAMES}
    return {
        "schema": SCHEMA_NAME,
        "version": SCHEMA_VERSION,
        "coefs": [coef.tolist() for coef in network.coefs],
        "intercepts": [intercept.tolist() for intercept in network.intercepts],
        "activations": [list(layer) for layer in network.activations],
        **{key: None if value is None else list(value) for key, value in names.items()},
        "fit_summary": None if network.fit_summary is None else network.fit_summary.to_dict(),
    }


def fields_from_dict(document: Mapping[str, Any]) -> dict[str, Any]:
    """Take the constructor's arguments out of what `network_to_dict` wrote, possibly after a way through JSON.

    Only the outer form is checked here; the constructor checks shapes and numbers.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"a stored network must be a dict, got {type(document).__name__}.")
    if document.get("schema") != SCHEMA_NAME:
        raise ValueError(f"`schema` must be {SCHEMA_NAME!r}, got {document.get('schema')!r}.")
    if document.get("version") != SCHEMA_VERSION:
        raise ValueError(
            f"`version` must be {SCHEMA_VERSION}, got {document.get('version')!r}; "
            "a network of a newer version needs a newer sk_swat."
        )
    expected = {"schema", "version", *FIELDS}
    if set(document) != expected:
        raise ValueError(f"a stored network must have the keys {sorted(expected)}, got {sorted(map(str, document))}.")
    for key in _LISTS:
        value = document[key]
        if not isinstance(value, list) and not (key in _NAMES and value is None):
            raise ValueError(f"`{key}` of a stored network must be a list, got {value!r}.")
    summary = document["fit_summary"]
    return {key: document[key] for key in _LISTS} | {
        "fit_summary": None if summary is None else FitSummary.from_dict(summary)
    }

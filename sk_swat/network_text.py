"""A network as text: a readable description, and plain dicts that JSON can hold."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.activations import ACTIVATION_NAMES

if TYPE_CHECKING:
    from sk_swat.network import SparseMLP

SCHEMA_NAME = "sk_swat.SparseMLP"
SCHEMA_VERSION = 1

_FIELDS = ("coefs", "intercepts", "activations", "feature_names")
_NAME_WIDTH = max(map(len, ACTIVATION_NAMES))


def describe_network(network: SparseMLP) -> str:
    """Write a network for reading: a header, then every neuron with its activation and its numbers.

    Parameters
    ----------
    network : SparseMLP
        Any network, pruned or not.

    Returns
    -------
    text : str
        Several lines without a final line break. Weights of a neuron are its incoming non-zero weights.
    """
    n_hidden = sum(network.hidden_layer_sizes)
    hidden = _count(n_hidden, "hidden neuron")
    if network.n_neurons < n_hidden:
        hidden += f" ({network.n_neurons} alive)"
    lines = [
        f"SparseMLP: {_count(network.n_features_in, 'input')} ({len(network.used_features)} used), "
        f"{hidden}, {_count(network.n_nonzero, 'non-zero number')}"
    ]
    if network.feature_names is not None and len(network.used_features):
        used = ", ".join(network.feature_names[i] for i in network.used_features)
        lines.append(textwrap.fill(f"inputs used: {used}", 88, subsequent_indent="  "))
    for number, names in enumerate(network.activations):
        lines.append(f"hidden layer {number + 1}: {_count(len(names), 'neuron')}")
        lines += _neuron_lines(network, number, names)
    lines.append(f"output layer: {_count(network.n_outputs, 'output')}")
    lines += _neuron_lines(network, network.depth, ("identity",) * network.n_outputs)
    return "\n".join(lines)


def _neuron_lines(network: SparseMLP, layer: int, names: tuple[str, ...]) -> list[str]:
    n_weights = np.count_nonzero(network.coefs[layer], axis=0)
    index_width = max(3, len(str(len(names))))
    return [
        f"{j + 1:>{index_width}}  {name:<{_NAME_WIDTH}}  {_count(int(n_weights[j]), 'weight')}"
        + (" + bias" if network.intercepts[layer][j] else "")
        for j, name in enumerate(names)
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def network_to_dict(network: SparseMLP) -> dict[str, Any]:
    """Turn a network into lists, strings and numbers that JSON can hold without loss.

    Parameters
    ----------
    network : SparseMLP
        Any network.

    Returns
    -------
    document : dict
        Keys ``schema``, ``version``, ``coefs``, ``intercepts``, ``activations`` and ``feature_names``.
    """
    names = network.feature_names
    return {
        "schema": SCHEMA_NAME,
        "version": SCHEMA_VERSION,
        "coefs": [coef.tolist() for coef in network.coefs],
        "intercepts": [intercept.tolist() for intercept in network.intercepts],
        "activations": [list(layer) for layer in network.activations],
        "feature_names": None if names is None else list(names),
    }


def fields_from_dict(document: Mapping[str, Any]) -> dict[str, Any]:
    """Take the constructor's arguments out of what `network_to_dict` wrote.

    Only the outer form is checked here; the constructor checks shapes and numbers.

    Parameters
    ----------
    document : dict
        What `network_to_dict` returned, possibly after a way through JSON.

    Returns
    -------
    fields : dict
        Values for ``coefs``, ``intercepts``, ``activations`` and ``feature_names``.
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
    expected = {"schema", "version", *_FIELDS}
    if set(document) != expected:
        raise ValueError(f"a stored network must have the keys {sorted(expected)}, got {sorted(map(str, document))}.")
    for key in _FIELDS:
        value = document[key]
        if not isinstance(value, list) and not (key == "feature_names" and value is None):
            raise ValueError(f"`{key}` of a stored network must be a list, got {value!r}.")
    return {key: document[key] for key in _FIELDS}

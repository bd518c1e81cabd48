"""Networks and paths as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from sk_swat.activations import ACTIVATIONS
from sk_swat.export.neurons import Neuron, exported_network, neuron_layers
from sk_swat.export.source import weighted_sum
from sk_swat.network import SparseMLP
from sk_swat.path import Path

__all__ = ["network_text", "path_text", "r2_text", "size_text"]


def size_text(network: SparseMLP) -> str:
    """Sizes of a network, in one line."""
    numbers, neurons = _count(network.n_nonzero, "number"), _count(network.n_neurons, "hidden neuron")
    return f"{numbers}, {neurons}, reads {len(network.used_features)} of {_count(network.n_features_in, 'column')}"


def r2_text(path: Path, row: int) -> str:
    """R^2 of one network of a path, in one line."""
    validation = path.r2_validation[row]
    judged = "no validation" if np.isnan(validation) else f"{validation:.4f} in validation"
    return f"R^2: {path.r2_train[row]:.4f} on the fitted rows, {judged}"


def network_text(network: SparseMLP, target_names: Sequence[str], digits: int) -> str:
    """Write a network neuron by neuron.

    Parameters
    ----------
    network : SparseMLP
        With names of its columns.
    target_names : sequence of n_outputs str
        Names of the outputs.
    digits : int
        Significant digits of the numbers, at least 1.

    Returns
    -------
    text : str
        One equation for each neuron, ``h1_2`` being neuron 2 of hidden layer 1; below them what the functions are.
    """
    network = exported_network(network)
    operands = [" ".join(name.split()) for name in network.feature_names or ()]
    *hidden, outputs = neuron_layers(network)
    lines = []
    for number, layer in enumerate(hidden, start=1):
        results = [f"h{number}_{j}" for j in range(1, len(layer) + 1)]
        lines += [_equation(name, one, operands, digits) for name, one in zip(results, layer, strict=True)]
        operands = results
    lines += [_equation(name, one, operands, digits) for name, one in zip(target_names, outputs, strict=True)]
    used = {name for layer in network.activations for name in layer} - {"identity", "tanh"}
    formulas = [f"{name}(z) = {ACTIVATIONS[name].formula}" for name in ACTIVATIONS if name in used]
    return "\n".join([*lines, *(["", *formulas] if formulas else [])])


def path_text(path: Path, shown: int) -> str:
    """Write a path as a table, one line for each network, with a star before the one that is shown."""
    lines = ["  numbers  neurons  columns  depth  R^2 fitted  R^2 validation"]
    for row, network in enumerate(path.networks):
        lines.append(
            f"{'*' if row == shown else ' '}{network.n_nonzero:>8}{network.n_neurons:>9}"
            f"{len(network.used_features):>9}{network.depth:>7}{path.r2_train[row]:>12.4f}"
            f"{path.r2_validation[row]:>16.4f}"
        )
    return "\n".join(lines)


def _equation(name: str, neuron: Neuron, operands: Sequence[str], digits: int) -> str:
    total = weighted_sum(neuron, operands, lambda number: f"{number:.{digits}g}")
    value = total if neuron.activation == "identity" else f"{neuron.activation}({total})"
    return textwrap.fill(
        f"{name} = {value}", 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

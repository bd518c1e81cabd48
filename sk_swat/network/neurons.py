"""A network neuron by neuron, without its zeros, and the sums that neurons read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["Neuron", "neuron_layers", "weighted_sum"]

_GROUP = 100  # terms of one sum without parentheses: compilers recurse through longer ones


@dataclass(frozen=True)
class Neuron:
    """Activation, bias, and pairs of an index in the layer before (or a column) and a weight that is not zero."""

    activation: str
    inputs: tuple[tuple[int, float], ...]
    bias: float

    @classmethod
    def of(cls, activation: str, weights: NDArray[np.float64], bias: float) -> Neuron:
        """Make a neuron of one weight for each neuron of the layer before."""
        return cls(activation, tuple((int(i), float(weights[i])) for i in np.flatnonzero(weights)), float(bias))


def neuron_layers(network: SparseMLP) -> list[list[Neuron]]:
    """List the neurons of every hidden layer, and then the outputs, which have the activation "identity".

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> neuron_layers(SparseMLP([[[0.0], [2.0]]], [[3.0]], []))
    [[Neuron(activation='identity', inputs=((1, 2.0),), bias=3.0)]]
    """
    names = (*network.activations, ("identity",) * network.n_outputs)
    return [
        [Neuron.of(activation, coef[:, j], intercept[j]) for j, activation in enumerate(layer)]
        for layer, coef, intercept in zip(names, network.coefs, network.intercepts, strict=True)
    ]


def weighted_sum(neuron: Neuron, operands: Sequence[str], literal: Callable[[float], str]) -> str:
    """Write the argument of a neuron's activation as people, C and Python read it; the bias stands last.

    There is an operand for each neuron of the layer before; `literal` writes a number of at least 0. Long sums are in
    groups in parentheses.

    Examples
    --------
    >>> weighted_sum(Neuron("tanh", ((0, 2.0), (2, -0.5)), 3.0), ["x[0]", "x[1]", "x[2]"], repr)
    '2.0 * x[0] - 0.5 * x[2] + 3.0'
    """
    terms = [(weight, f" * {operands[index]}") for index, weight in neuron.inputs]
    if neuron.bias or not terms:
        terms.append((neuron.bias, ""))
    groups = [_sum(terms[start : start + _GROUP], literal) for start in range(0, len(terms), _GROUP)]
    return groups[0] if len(groups) == 1 else " + ".join(f"({group})" for group in groups)


def _sum(terms: Sequence[tuple[float, str]], literal: Callable[[float], str]) -> str:
    text = " ".join(("- " if number < 0 else "+ ") + literal(abs(number)) + factor for number, factor in terms)
    return text.removeprefix("+ ") if text.startswith("+") else "-" + text.removeprefix("- ")

"""A network as a sympy expression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sk_swat.activations import LEAKY_SLOPE
from sk_swat.export.neurons import Neuron, exported_network, neuron_layers
from sk_swat.labels import feature_labels
from sk_swat.network import SparseMLP
from sk_swat.parameters import check_integer

if TYPE_CHECKING:  # sympy is imported by the first call
    import sympy

    _Linear = dict[sympy.Expr, sympy.Expr]  # term -> coefficient; the term 1 has the bias

__all__ = ["formulas", "import_sympy", "to_sympy"]

_DIGITS = 15  # that every float64 has


def to_sympy(model: object, *, digits: int | None = None) -> Any:
    """Turn the network into a sympy expression.

    A neuron appears wherever it is used, so the formula of a deep and dense network is long; ``sympy.lambdify`` is much
    faster with ``cse=True``. Neurons with the activation "identity" are merged into the sums after them. A sigmoid is
    written as ``(1 + tanh(z / 2)) / 2``, because sympy takes the bias out of an exponential, where it may overflow.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export. Columns in use must have different names.
    digits : int, default=None
        Round all numbers of the formula to so many significant digits, from 1 to 15; None keeps all bits (printing
        shows 15 digits).

    Returns
    -------
    formula : sympy.Expr, or list of sympy.Expr if there are several outputs
        Its symbols are ``sympy.Symbol(name)`` of the columns in use, whatever their names; x0, x1 ... without names.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> network = SparseMLP([[[1.25], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]], ["age", "mass"])
    >>> to_sympy(network)
    2.0*tanh(1.25*age - 0.5) + 3.0
    >>> to_sympy(network, digits=2)
    2.0*tanh(1.2*age - 0.5) + 3.0
    """
    import_sympy("to_sympy")
    network = exported_network(model)
    outputs = formulas(network, digits)
    return outputs[0] if network.n_outputs == 1 else outputs


def import_sympy(function: str) -> Any:
    """Import sympy, or say which function needs it and how to install it."""
    try:
        import sympy
    except ImportError as error:
        raise ImportError(f"{function} needs the package sympy; install sk_swat[export].") from error
    return sympy


def formulas(network: SparseMLP, digits: int | None, *, exponential_sigmoid: bool = False) -> list[sympy.Expr]:
    """Build one expression for each output.

    Parameters
    ----------
    network : SparseMLP
        Pruned network.
    digits : int or None
        Significant digits, from 1 to 15; None keeps all bits.
    exponential_sigmoid : bool, default=False
        Write a sigmoid as ``1 / (1 + exp(-z))``: for reading, not for evaluation.

    Returns
    -------
    outputs : list of sympy.Expr
        In the order of the outputs.
    """
    import sympy

    if digits is not None and check_integer("digits", digits, 1) > _DIGITS:
        raise ValueError(f"digits must be an integer from 1 to {_DIGITS}, got {digits!r}.")
    values: list[_Linear] = [{symbol: sympy.Integer(1)} for symbol in _symbols(network)]
    *hidden, outputs = neuron_layers(network)
    for layer in hidden:
        values = [
            _activated(neuron.activation, _weighted_sum(neuron, values), digits, exponential_sigmoid)
            for neuron in layer
        ]
    return [_expression(_weighted_sum(neuron, values), digits) for neuron in outputs]


def _symbols(network: SparseMLP) -> list[sympy.Symbol]:
    import sympy

    names = feature_labels(network)
    for name, count in Counter(names[i] for i in network.used_features).items():
        if count > 1:
            raise ValueError(f"a formula needs different names of the columns in use, got {name!r} {count} times.")
    return [sympy.Symbol(name) for name in names]


def _weighted_sum(neuron: Neuron, values: Sequence[_Linear]) -> _Linear:
    import sympy

    one = sympy.Integer(1)
    total: _Linear = {}
    for index, weight in neuron.inputs:
        for term, coefficient in values[index].items():
            total[term] = total.get(term, 0) + sympy.Float(weight) * coefficient
    if neuron.bias:
        total[one] = total.get(one, 0) + sympy.Float(neuron.bias)
    return total


def _activated(activation: str, total: _Linear, digits: int | None, exponential_sigmoid: bool) -> _Linear:
    """Apply an activation; unevaluated, so that sympy leaves the sums as they are."""
    import sympy

    one, half = sympy.Integer(1), sympy.Float(0.5)
    if activation == "identity":
        return total
    if activation == "sigmoid" and not exponential_sigmoid:
        argument = _expression({term: half * coefficient for term, coefficient in total.items()}, digits)
        return {sympy.tanh(argument, evaluate=False): half, one: half}
    z = _expression(total, digits)
    match activation:
        case "sigmoid":
            value = 1 / (1 + sympy.exp(-z, evaluate=False))
        case "tanh":
            value = sympy.tanh(z, evaluate=False)
        case "leaky_relu":
            value = sympy.Max(z, sympy.Float(LEAKY_SLOPE) * z, evaluate=False)
        case "sine":
            value = sympy.sin(z, evaluate=False)
        case "gaussian":
            value = sympy.exp(-sympy.Pow(z, 2, evaluate=False), evaluate=False)
        case _:
            raise AssertionError(activation)
    return {value: one}


def _expression(total: _Linear, digits: int | None) -> sympy.Expr:
    import sympy

    return sympy.Add(*(_rounded(coefficient, digits) * term for term, coefficient in total.items()))


def _rounded(number: sympy.Expr, digits: int | None) -> sympy.Expr:
    import sympy

    if abs(number) == sympy.Float(1):
        return sympy.Integer(int(number))  # prints as a sign alone
    return number if digits is None else sympy.Float(f"{Decimal(str(number)):.{digits - 1}e}")

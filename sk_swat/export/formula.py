"""A network as a sympy expression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.export.models import network_to_export
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.names import feature_labels
from sk_swat.network.rounding import round_formula
from sk_swat.network.sparse_mlp import SparseMLP

if TYPE_CHECKING:  # sympy is imported by the first call
    import sympy

__all__ = ["formulas", "import_sympy", "to_sympy"]

_LARGEST_WHOLE = 1e15  # centre that is written without a power of ten


def to_sympy(model: object, *, digits: int | str | None = "auto") -> Any:
    """Turn the network into a sympy expression.

    A neuron appears wherever it is used, so the formula of a deep and dense network is long; ``sympy.lambdify`` is much
    faster with ``cse=True``. Neurons with the activation "identity" are merged into the sums after them. A sigmoid is
    written as ``tanh(z / 2) / 2 + 1 / 2``, because sympy takes the bias out of an exponential, where it may overflow. A
    column that varies little around a large mean, such as a year, stands as its distance from a round number close to
    the mean, if the network knows the mean from a fit.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export. Columns in use must have different names.
    digits : int, "auto" or None, default="auto"
        Significant digits to which all numbers are rounded, from 1 to 15; the bias of an output that varies little
        around a large mean has as many more as the mean needs. "auto" takes the least number that costs less than 1e-4
        of R^2 on the fitted rows; a network that was not fitted keeps all bits, as with None (printing shows 15
        digits).

    Returns
    -------
    formula : sympy.Expr, or list of sympy.Expr if there are several outputs
        Its symbols are ``sympy.Symbol(name)`` of the columns in use, whatever their names; x0, x1 ... without names.

    Warns
    -----
    UserWarning
        If fewer digits are asked for than "auto" would take, with the R^2 that is lost.

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
    network = network_to_export(model)
    outputs = formulas(network, digits)
    return outputs[0] if network.n_outputs == 1 else outputs


def import_sympy(function: str) -> Any:
    """Import sympy, or say which function needs it and how to install it."""
    try:
        import sympy
    except ImportError as error:
        raise ImportError(f"{function} needs the package sympy; install sk_swat[export].") from error
    return sympy


def formulas(network: SparseMLP, digits: object, *, to_read: bool = False) -> list[sympy.Expr]:
    """Build one expression for each output of a pruned network, rounded as in :func:`round_formula`.

    `to_read` takes each activation's form for reading: a sigmoid as ``1 / (1 + exp(-z))``.
    """
    import sympy

    formula, symbols = round_formula(network, digits), _symbols(network)
    terms = [_centre(symbols[i], centre) for i, centre in zip(formula.columns, formula.centres, strict=True)]
    sums = list(zip(formula.weights, formula.biases, strict=True))
    for name, (weights, bias) in zip(formula.activations, sums, strict=False):
        total = partial(_sum, weights, bias, terms)
        terms.append((ACTIVATIONS[name].latex if to_read else ACTIVATIONS[name].sympy)(sympy, total))
    return [_sum(weights, bias, terms) for weights, bias in sums[len(formula.activations) :]]


def _symbols(network: SparseMLP) -> list[sympy.Symbol]:
    import sympy

    names = feature_labels(network)
    for name, count in Counter(names[i] for i in network.used_features).items():
        if count > 1:
            raise ValueError(f"a formula needs different names of the columns in use, got {name!r} {count} times.")
    return [sympy.Symbol(name) for name in names]


def _sum(weights: np.ndarray, bias: float, terms: Sequence[sympy.Expr], factor: float = 1.0) -> sympy.Expr:
    """Sum up unevaluated, so that sympy leaves it as it is; the factor is multiplied into the numbers."""
    import sympy

    weights, bias = factor * weights, factor * bias

    def product(weight: float, term: sympy.Expr) -> sympy.Expr:
        # unevaluated, for sympy would multiply a factor into the sum of a centred column, and square one in a gaussian
        plain = term.is_Symbol or (term.is_Add and abs(weight) == 1)
        return term if weight == 1 else sympy.Mul(_number(weight), term, evaluate=plain)

    products = [product(*pair) for pair in zip(weights.tolist(), terms, strict=False) if pair[0]]
    return sympy.Add(*products, *([_number(bias)] if bias else []))


def _number(value: float) -> sympy.Expr:
    import sympy

    return sympy.Integer(int(value)) if abs(value) == 1 else sympy.Float(value)  # 1 prints as a sign alone


def _centre(symbol: sympy.Symbol, centre: float) -> sympy.Expr:
    import sympy

    whole = centre.is_integer() and abs(centre) < _LARGEST_WHOLE
    return symbol - (sympy.Integer(int(centre)) if whole else sympy.Float(centre))

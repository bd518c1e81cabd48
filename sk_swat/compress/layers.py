"""A dense network of any width and activation as NumPy layers: evaluated, rescaled, and looked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sk_swat.network.activations import activate
from sk_swat.network.scaling import Standardisation
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["Layer", "as_sparse", "count_nonzero", "forward", "fuse", "hidden_values", "in_search_units", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """A linear map and what follows it.

    Parameters
    ----------
    coef : ndarray of shape (n_in, n_out)
        Weights.
    intercept : ndarray of shape (n_out,)
        Biases.
    function : callable or None
        Maps an array of shape (n_rows, n_out) to one of the same shape, each column by itself; None after the last
        layer.
    names : tuple of str
        For each neuron the nearest activation of ``ACTIVATIONS``; empty after the last layer.
    exact : bool, default=True
        Whether these activations are the neurons' own.
    """

    coef: np.ndarray
    intercept: np.ndarray
    function: Callable[[np.ndarray], np.ndarray] | None = None
    names: tuple[str, ...] = ()
    exact: bool = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Evaluate the layer."""
        inside = values @ self.coef + self.intercept
        return inside if self.function is None else self.function(inside)


def layers_of(network: SparseMLP) -> tuple[Layer, ...]:
    """Layers of a SparseMLP."""
    hidden = [
        Layer(coef, intercept, partial(_by_column, names=names), names)
        for coef, intercept, names in zip(network.coefs, network.intercepts, network.activations, strict=False)
    ]
    return (*hidden, Layer(network.coefs[-1], network.intercepts[-1]))


def _by_column(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    which = np.array(names)
    result = np.empty_like(values)
    for name in set(names):
        result[:, which == name] = activate(name, values[:, which == name])
    return result


def forward(layers: Sequence[Layer], X: np.ndarray) -> np.ndarray:
    """Evaluate a network: outputs of shape (n_rows, n_outputs)."""
    for layer in layers:
        X = layer(X)
    return X


def hidden_values(layers: Sequence[Layer], X: np.ndarray) -> list[np.ndarray]:
    """Evaluate a network: outputs of every layer, the last one included, each of shape (n_rows, n_out)."""
    values = []
    for layer in layers:
        values.append(X := layer(X))
    return values


def count_nonzero(layers: Sequence[Layer]) -> int:
    """Non-zero weights and biases."""
    return sum(int(np.count_nonzero(part)) for layer in layers for part in (layer.coef, layer.intercept))


def fuse(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Give the same function with no two linear maps in a row, and a linear map at the end.

    Parameters
    ----------
    layers : sequence of Layer
        `function` may be None anywhere.
    """
    result: list[Layer] = []
    for layer in layers:
        if result and result[-1].function is None:
            before = result.pop()
            layer = replace(
                layer, coef=before.coef @ layer.coef, intercept=before.intercept @ layer.coef + layer.intercept
            )
        result.append(layer)
    if result[-1].function is not None:
        n_outputs = len(result[-1].intercept)
        result.append(Layer(np.eye(n_outputs), np.zeros(n_outputs)))
    return tuple(result)


def in_search_units(layers: Sequence[Layer], scaling: Standardisation) -> tuple[Layer, ...]:
    """Layers that take standardised columns and give standardised targets, which must vary."""
    first, last = layers[0], layers[-1]
    first = replace(
        first, coef=first.coef * scaling.divisor[:, None], intercept=first.intercept + scaling.x_offset @ first.coef
    )
    layers = [first, *layers[1:]]
    last = layers[-1]
    layers[-1] = replace(
        last, coef=last.coef / scaling.y_scale, intercept=(last.intercept - scaling.y_offset) / scaling.y_scale
    )
    return tuple(layers)


def as_sparse(layers: Sequence[Layer]) -> SparseMLP:
    """Network with the nearest activations: the function itself where they are exact, else something near it."""
    return SparseMLP(
        [layer.coef for layer in layers],
        [layer.intercept for layer in layers],
        [layer.names for layer in layers[:-1]],
    )

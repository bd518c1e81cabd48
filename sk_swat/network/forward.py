"""The arrays of a network arranged for fast evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sk_swat.network.activations import ACTIVATIONS

_Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class _HiddenLayer:
    weights: NDArray[np.float64]  # of shape (n_out, n_in), neurons sorted by activation
    bias: NDArray[np.float64]  # of shape (n_out,)
    bias_column: NDArray[np.float64]  # of shape (n_out, 1)
    shared: _Function | None  # the activation if all neurons have the same
    groups: list[tuple[slice, _Function]]  # else each activation but identity with its neurons
    scalars: list[Callable[[float], float]]  # the activation of each neuron


class ForwardPlan:
    """Evaluation of one network with few numpy calls.

    Neurons of a layer are sorted by activation, so that each activation works on one contiguous slice;
    samples are columns, so that these slices are contiguous in memory. For a single sample the numpy calls
    themselves take the time, so mixed layers go through scalar functions. Input columns without weights
    are left out.

    The arguments are valid layers in the form that ``SparseMLP`` stores.
    """

    def __init__(
        self,
        coefs: Sequence[NDArray[np.float64]],
        intercepts: Sequence[NDArray[np.float64]],
        activations: Sequence[Sequence[str]],
    ) -> None:
        used = (coefs[0] != 0).any(axis=1)
        order = np.flatnonzero(used).tolist()  # of the rows of the next layer's weights
        self._columns = None if used.all() else np.flatnonzero(used)
        self._hidden = []
        for coef, intercept, names in zip(coefs[:-1], intercepts[:-1], activations, strict=True):
            rows, order = order, _order_by_activation(names)
            weights = np.ascontiguousarray(coef[np.ix_(rows, order)].T)
            self._hidden.append(_hidden_layer(weights, intercept[order], [names[j] for j in order]))
        self._last_weights = np.ascontiguousarray(coefs[-1][order].T)
        self._last_bias = intercepts[-1]

    def outputs(self, X: NDArray[np.generic]) -> NDArray[np.float64]:
        """Evaluate the network on X of any real type: a new float64 array of shape (n_samples, n_outputs)."""
        inputs = np.asarray(X if self._columns is None else X[:, self._columns], dtype=np.float64)
        return self._one_row(inputs[0]) if len(inputs) == 1 else self._many_rows(inputs)

    def _many_rows(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        a = X.T
        for layer in self._hidden:
            a = layer.weights.dot(a)
            a += layer.bias_column
            if layer.shared is not None:
                a = layer.shared(a)
            else:
                for part, function in layer.groups:
                    a[part] = function(a[part])
        y: NDArray[np.float64] = a.T.dot(self._last_weights.T)
        y += self._last_bias
        return y

    def _one_row(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        for layer in self._hidden:
            x = layer.weights.dot(x)  # the method, unlike the operator, has next to no overhead
            x += layer.bias
            if layer.shared is not None:
                x = layer.shared(x)
            else:
                x = np.array([function(z) for function, z in zip(layer.scalars, x.tolist(), strict=True)])
        y: NDArray[np.float64] = self._last_weights.dot(x)
        y += self._last_bias
        return y.reshape(1, -1)


def _order_by_activation(names: Sequence[str]) -> list[int]:
    order = list(ACTIVATIONS)
    return sorted(range(len(names)), key=lambda j: order.index(names[j]))


def _hidden_layer(weights: NDArray[np.float64], bias: NDArray[np.float64], names: list[str]) -> _HiddenLayer:
    starts = {name: names.index(name) for name in names}
    groups: list[tuple[slice, _Function]] = [
        (slice(start, start + names.count(name)), ACTIVATIONS[name].value)
        for name, start in starts.items()
        if name != "identity"
    ]
    shared = ACTIVATIONS[names[0]].value if len(starts) == 1 else None
    scalars = [ACTIVATIONS[name].scalar for name in names]
    return _HiddenLayer(weights, bias, bias[:, np.newaxis], shared, groups, scalars)

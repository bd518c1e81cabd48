"""The activation functions a neuron may have, in one registry with a fixed order.

Everything that counts, encodes, evaluates or exports activations takes names and order from here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_swat.utils.labels import short_repr

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]
ScalarFunction = Callable[[float], float]

LEAKY_SLOPE = 0.01
"""Slope of ``leaky_relu`` for negative arguments."""

_GAUSSIAN_REACH = 30.0  # exp(-30**2) is exactly 0 in float64; beyond it z**2 could overflow


@dataclass(frozen=True)
class Activation:
    """One activation function with its derivative.

    Attributes
    ----------
    name : str
        Name in the registry.
    function : callable
        Maps an ndarray of float64 to a float64 array of the same shape, element by element.
        It may return its argument itself (``identity`` does), so copy before writing into the result.
    derivative : callable
        First derivative of `function` with respect to z, with the same rules.
    scalar : callable
        The function for one Python float, several times faster than an array of one element.
    formula : str
        The function of z as text, for documentation and printing.
    """

    name: str
    function: Function
    derivative: Function
    scalar: ScalarFunction
    formula: str


def _identity(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return z


def _identity_derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ones_like(z)


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    # only exp of non-positive numbers: no overflow, and small values keep all their digits
    decay = np.exp(-np.abs(z))
    return np.maximum(decay, z >= 0) / (1.0 + decay)  # decay <= 1, so the numerator is 1 where z >= 0


def _sigmoid_scalar(z: float) -> float:
    decay = math.exp(-abs(z))
    return (decay if z < 0 else 1.0) / (1.0 + decay)


def _sigmoid_derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
    decay = np.exp(-np.abs(z))
    return decay / np.square(1.0 + decay)


def _tanh_derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.tanh(z)
    return (1.0 - t) * (1.0 + t)


def _leaky_relu(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(z, LEAKY_SLOPE * z)


def _leaky_relu_scalar(z: float) -> float:
    return LEAKY_SLOPE * z if z < 0 else z


def _leaky_relu_derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(z > 0, 1.0, LEAKY_SLOPE)


def _sine_scalar(z: float) -> float:
    return math.sin(z) if math.isfinite(z) else math.nan


def _gaussian(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.square(np.minimum(np.abs(z), _GAUSSIAN_REACH)))


def _gaussian_scalar(z: float) -> float:
    return math.exp(-z * z)


def _gaussian_derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
    near = np.minimum(np.maximum(z, -_GAUSSIAN_REACH), _GAUSSIAN_REACH)
    return -2.0 * near * np.exp(-np.square(near))


_REGISTERED = (
    Activation("identity", _identity, _identity_derivative, float, "z"),
    Activation("sigmoid", _sigmoid, _sigmoid_derivative, _sigmoid_scalar, "1 / (1 + exp(-z))"),
    Activation("tanh", np.tanh, _tanh_derivative, math.tanh, "tanh(z)"),
    Activation("leaky_relu", _leaky_relu, _leaky_relu_derivative, _leaky_relu_scalar, f"max(z, {LEAKY_SLOPE} z)"),
    Activation("sine", np.sin, np.cos, _sine_scalar, "sin(z)"),
    Activation("gaussian", _gaussian, _gaussian_derivative, _gaussian_scalar, "exp(-z^2)"),
)

ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _REGISTERED}
"""Every activation by its name, in the order of `ACTIVATION_NAMES`."""

ACTIVATION_NAMES: tuple[str, ...] = ("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
"""The names in the order used wherever activations have an index (one-hot codes, logits)."""

assert tuple(ACTIVATIONS) == ACTIVATION_NAMES


def activate(name: str, z: ArrayLike) -> NDArray[np.float64]:
    """Apply the activation called `name` to every element of z.

    Parameters
    ----------
    name : str
        One of `ACTIVATION_NAMES`.
    z : array-like of any shape
        Weighted sums with bias, dimensionless.

    Returns
    -------
    a : ndarray of float64, of the shape of z
        Outputs of the neurons; for ``identity`` this may be z itself.

    Examples
    --------
    >>> activate("leaky_relu", np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"`name` must be one of {ACTIVATION_NAMES}, got {name!r}.")
    return ACTIVATIONS[name].function(np.asarray(z, dtype=np.float64))


def check_activations(names: str | Iterable[str]) -> tuple[str, ...]:
    """Validate a choice of activations and bring it into the registry's order.

    The order in which a user lists the names has no meaning, so it is not kept.

    Parameters
    ----------
    names : str or iterable of str
        One name, or several different ones, from `ACTIVATION_NAMES`.

    Returns
    -------
    chosen : tuple of str
        The same names in the order of `ACTIVATION_NAMES`.

    Examples
    --------
    >>> check_activations(["sine", "tanh"])
    ('tanh', 'sine')
    """
    if isinstance(names, str):
        names = (names,)
    if not isinstance(names, Iterable) or (isinstance(names, np.ndarray) and not names.ndim):
        raise TypeError(f"`activations` must be a name or an iterable of names, got {short_repr(names)}.")
    listed = tuple(names)
    if not listed:
        raise ValueError(f"`activations` must hold at least one of {ACTIVATION_NAMES}, got none.")
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"`activations` must hold names (str), got {short_repr(name)}.")
        if name not in ACTIVATIONS:
            raise ValueError(f"`activations` must hold names from {ACTIVATION_NAMES}, got {short_repr(name)}.")
    if len(set(listed)) < len(listed):
        raise ValueError(f"`activations` must hold each name once, got {short_repr(listed)}.")
    return tuple(name for name in ACTIVATION_NAMES if name in listed)

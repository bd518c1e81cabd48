"""The activations a neuron may have, in one registry: whoever counts, evaluates or exports them asks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_swat.network.activation import Activation
from sk_swat.utils.labels import short_repr

if TYPE_CHECKING:
    import torch

__all__ = ["ACTIVATIONS", "ACTIVATION_NAMES", "LEAKY_SLOPE", "activate", "check_activations"]

LEAKY_SLOPE = 0.01
"""Slope of ``leaky_relu`` for negative arguments."""

_GAUSSIAN_REACH = 30.0  # exp(-30**2) is exactly 0 in float64; beyond it z**2 could overflow


class _Identity(Activation):
    name = "identity"
    formula = "z"
    reach = 1.0
    reflection = (0.0, -1.0)
    python = "z"
    c = "z"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return z

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        return z

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.ones_like(z)

    def onnx(self, graph: Any, z: str) -> str:
        return z

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        return total()


class _Sigmoid(Activation):
    # only exp of non-positive numbers: no overflow, and small values keep all their digits
    name = "sigmoid"
    formula = "1 / (1 + exp(-z))"
    reach = 6.0
    reflection = (1.0, -1.0)
    python = "math.exp(min(z, 0.0)) / (1.0 + math.exp(-abs(z)))"
    c = "const double decay = exp(-fabs(z));\nreturn (z < 0 ? decay : 1.0) / (1.0 + decay);"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        decay = np.exp(-np.abs(z))
        return np.maximum(decay, z >= 0) / (1.0 + decay)  # decay <= 1, so the numerator is 1 where z >= 0

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        return z.sigmoid()

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return a * (1 - a)

    def onnx(self, graph: Any, z: str) -> str:
        # the operator Sigmoid gives 0 for z < -18 in some runtimes
        decay = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
        numerator = graph.node("Exp", graph.node("Min", z, graph.scalar(0.0)))
        return graph.node("Div", numerator, graph.node("Add", decay, graph.scalar(1.0)))

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        # sympy takes the bias out of an exponential, where it may overflow, but not out of a tanh
        half = sympy.Rational(1, 2)
        return half + half * sympy.tanh(sympy.Mul(half, total(), evaluate=False), evaluate=False)

    def latex(self, sympy: Any, total: Callable[..., Any]) -> Any:
        return 1 / (1 + sympy.exp(total(-1.0), evaluate=False))


class _Tanh(Activation):
    name = "tanh"
    formula = "tanh(z)"
    reflection = (0.0, -1.0)
    python = "math.tanh(z)"
    c = "tanh(z)"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.tanh(z)

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        return z.tanh()

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return 1 - a * a

    def onnx(self, graph: Any, z: str) -> str:
        return graph.node("Tanh", z)

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        return sympy.tanh(total(), evaluate=False)


class _LeakyReLU(Activation):
    name = "leaky_relu"
    formula = f"max(z, {LEAKY_SLOPE} z)"
    reach = 1.0
    slopes = (LEAKY_SLOPE, 1.0)
    python = f"{LEAKY_SLOPE} * z if z < 0.0 else z"
    c = f"z < 0 ? {LEAKY_SLOPE} * z : z"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(z, LEAKY_SLOPE * z)

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.leaky_relu(z, LEAKY_SLOPE)

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.where(z > 0, torch.ones_like(z), LEAKY_SLOPE)

    def onnx(self, graph: Any, z: str) -> str:
        # the operator LeakyRelu keeps its slope in 32 bits and exists for double from opset 16 on
        return graph.node("Max", z, graph.node("Mul", z, graph.scalar(LEAKY_SLOPE)))

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        return sympy.Max(total(), total(LEAKY_SLOPE), evaluate=False)


class _Sine(Activation):
    name = "sine"
    formula = "sin(z)"
    reach = math.pi
    reflection = (0.0, -1.0)
    python = "math.sin(z) if math.isfinite(z) else math.nan"
    c = "sin(z)"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sin(z)

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        return z.sin()

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return z.cos()

    def onnx(self, graph: Any, z: str) -> str:
        return graph.node("Sin", z)

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        return sympy.sin(total(), evaluate=False)


class _Gaussian(Activation):
    name = "gaussian"
    formula = "exp(-z^2)"
    reach = 2.5
    reflection = (0.0, 1.0)
    python = "math.exp(-z * z)"
    c = "exp(-z * z)"

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(-np.square(np.minimum(np.abs(z), _GAUSSIAN_REACH)))

    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        return (-z * z).exp()

    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return -2 * z * a

    def onnx(self, graph: Any, z: str) -> str:
        return graph.node("Exp", graph.node("Neg", graph.node("Mul", z, z)))  # exp(-inf) is 0

    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        square = sympy.Pow(total(), 2, evaluate=False)
        return sympy.exp(sympy.Mul(-1, square, evaluate=False), evaluate=False)


ACTIVATION_NAMES = ("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
"""The six that fits choose from by default, and that the bundled autoencoder knows; the first of the registry."""

ACTIVATIONS: dict[str, Activation] = {
    one.name: one for one in (_Identity(), _Sigmoid(), _Tanh(), _LeakyReLU(), _Sine(), _Gaussian())
}
"""All activations by name; their order is that of one-hot codes, shares and logits."""

assert tuple(ACTIVATIONS)[: len(ACTIVATION_NAMES)] == ACTIVATION_NAMES


def activate(name: str, z: ArrayLike) -> NDArray[np.float64]:
    """Apply the activation called `name` to every element of z; for ``identity`` the result may be z itself.

    Examples
    --------
    >>> activate("leaky_relu", np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"`name` must be one of {tuple(ACTIVATIONS)}, got {name!r}.")
    return ACTIVATIONS[name].value(np.asarray(z, dtype=np.float64))


def check_activations(names: str | Iterable[str]) -> tuple[str, ...]:
    """Validate a choice of one name or several different ones, and bring it into the registry's order.

    The order in which a user lists the names has no meaning, so it is not kept.

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
        raise ValueError(f"`activations` must hold at least one of {tuple(ACTIVATIONS)}, got none.")
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"`activations` must hold names (str), got {short_repr(name)}.")
        if name not in ACTIVATIONS:
            raise ValueError(f"`activations` must hold names from {tuple(ACTIVATIONS)}, got {short_repr(name)}.")
    if len(set(listed)) < len(listed):
        raise ValueError(f"`activations` must hold each name once, got {short_repr(listed)}.")
    return tuple(name for name in ACTIVATIONS if name in listed)

"""What there is to know of one activation: a class says it to NumPy, torch, pictures and all exports."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # networks run without torch
    import torch

__all__ = ["Activation"]


class Activation(ABC):
    """One activation function f(z).

    A subclass that has all that is abstract here, as an instance in :data:`sk_swat.network.activations.ACTIVATIONS`, is
    all that networks, fits, pictures and exports need. Infinite arguments must give the limit, or nan if there is none,
    everywhere.

    Attributes
    ----------
    reach : float, default=3.0
        Pictures show the function from -reach to reach.
    reflection : tuple of (float, float) or None, default=None
        Offset and sign (1 or -1) if ``f(-z) = offset + sign * f(z)``: such neurons can be reflected.
    slopes : tuple of (float, float) or None, default=None
        Slopes below and above zero if f is made of two different straight lines through zero: such neurons can be
        scaled, and do what identity neurons do where no row crosses zero.
    """

    reach: float = 3.0
    reflection: tuple[float, float] | None = None
    slopes: tuple[float, float] | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in the registry, an identifier."""

    @property
    @abstractmethod
    def formula(self) -> str:
        """The function of z as text, for documentation and printing."""

    @property
    @abstractmethod
    def python(self) -> str:
        """Python expression of the float z that needs the module math alone, and raises for no z."""

    @property
    @abstractmethod
    def c(self) -> str:
        """C99 expression of the double z, or lines of which the last one returns.

        For type float every ``double`` becomes ``float``, ``exp(`` becomes ``expf(`` and ``1.0`` becomes ``1.0f``.
        """

    @abstractmethod
    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the function to every element; may return z itself, so copy before writing into the result."""

    @cached_property
    def scalar(self) -> Callable[[float], float]:
        """The function for one Python float, several times faster than `value` of an array of one element."""
        function: Callable[[float], float] = eval(f"lambda z: {self.python}", {"math": math})
        return function

    @abstractmethod
    def torch_value(self, z: torch.Tensor) -> torch.Tensor:
        """Apply the function to every element of a Tensor of any real type."""

    @abstractmethod
    def torch_derivative(self, z: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        """Give the derivative at z, where the function has the value a."""

    @abstractmethod
    def onnx(self, graph: Any, z: str) -> str:
        """Add nodes to a ``sk_swat.export.onnx.Graph``, and return the name of the last one's output."""

    @abstractmethod
    def sympy(self, sympy: Any, total: Callable[..., Any]) -> Any:
        """Give an unevaluated expression of the module sympy; ``total()`` is z, ``total(2.0)`` its numbers times 2."""

    def latex(self, sympy: Any, total: Callable[..., Any]) -> Any:
        """Give a sympy expression to read rather than evaluate."""
        return self.sympy(sympy, total)

"""What the C exports must know of C: names, number literals, functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sk_swat.network.activations import LEAKY_SLOPE

__all__ = ["CReal", "check_c_name"]

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual
"""  # of C99, and in the last line of C23


def check_c_name(name: object) -> str:
    """Return a name that C functions may begin with; TypeError or ValueError otherwise.

    Examples
    --------
    >>> check_c_name("pump_3")
    'pump_3'
    """
    wanted = "`name` must be a C identifier (letters, digits and underscores, a letter first) and no keyword"
    if not isinstance(name, str):
        raise TypeError(f"{wanted}, got {name!r}.")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in _KEYWORDS.split():
        raise ValueError(f"{wanted}, got {name!r}.")
    return name


@dataclass(frozen=True)
class CReal:
    """A floating-point type of C.

    Parameters
    ----------
    dtype : {"double", "float"}
        The type.
    prefix : str
        Begin of the names of the static functions.
    """

    dtype: str
    prefix: str

    def literal(self, value: float) -> str:
        """Shortest literal that is read back as the nearest number of the type (up to 17 digits, float: 9)."""
        if self.dtype == "double":
            return repr(float(value))
        smallest, largest = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
        if value and not smallest <= abs(value) <= largest:
            raise ValueError(
                f"dtype='float' holds numbers of size {smallest:.1e} to {largest:.1e}, the network has {value:g}; "
                "use dtype='double'."
            )
        return str(np.float32(value)) + "f"

    def call(self, activation: str, argument: str) -> str:
        """Apply an activation to an expression."""
        library = {"tanh": "tanh", "sine": "sin"}
        if activation == "identity":
            return argument
        if activation in library:
            return f"{self._function(library[activation])}({argument})"
        return f"{self.prefix}_{activation}({argument})"

    def definitions(self, activations: Iterable[str]) -> list[str]:
        """Lines of static functions for those activations that math.h does not have."""
        exp, one = self._function("exp"), self.literal(1.0)
        bodies = {
            # only exp of non-positive numbers: no overflow, and small values keep all their digits
            "sigmoid": [
                f"const {self.dtype} decay = {exp}(-{self._function('fabs')}(z));",
                f"return (z < 0 ? decay : {one}) / ({one} + decay);",
            ],
            "leaky_relu": [f"return z < 0 ? {self.literal(LEAKY_SLOPE)} * z : z;"],
            "gaussian": [f"return {exp}(-z * z);"],
        }
        lines = []
        for activation in sorted(set(activations) & set(bodies)):
            lines += [f"static {self.dtype} {self.prefix}_{activation}({self.dtype} z)", "{"]
            lines += [f"    {line}" for line in bodies[activation]]
            lines += ["}", ""]
        return lines

    def _function(self, name: str) -> str:
        return name if self.dtype == "double" else name + "f"

"""What the C exports must know of C: names, number literals, functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sk_swat.network.activations import ACTIVATIONS

__all__ = ["CReal", "check_c_name"]

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual
"""  # of C99, and in the last line of C23


def check_c_name(name: object) -> str:
    """Return a name that C functions may begin with; TypeError or ValueError otherwise."""
    wanted = "`name` must be a C identifier (letters, digits and underscores, a letter first) and no keyword"
    if not isinstance(name, str):
        raise TypeError(f"{wanted}, got {name!r}.")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in _KEYWORDS.split():
        raise ValueError(f"{wanted}, got {name!r}.")
    return name


@dataclass(frozen=True)
class CReal:
    """A floating-point type of C, and the begin of the names of the static functions."""

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
        """Apply an activation to an expression: by itself, by a function of math.h or by one of :meth:`definitions`."""
        source = self._source(activation)
        if source == "z":
            return argument
        library = re.fullmatch(r"(\w+)\(z\)", source)
        return f"{library[1] if library else f'{self.prefix}_{activation}'}({argument})"

    def definitions(self, activations: Iterable[str]) -> list[str]:
        """Lines of static functions for those activations that math.h does not have."""
        lines = []
        for activation in sorted(set(activations)):
            head = f"{self.prefix}_{activation}"
            if self.call(activation, "z") == f"{head}(z)":
                source = self._source(activation)
                body = source.splitlines() if "return " in source else [f"return {source};"]
                lines += [
                    f"static {self.dtype} {head}({self.dtype} z)",
                    "{",
                    *(f"    {line}" for line in body),
                    "}",
                    "",
                ]
        return lines

    def _source(self, activation: str) -> str:
        source = ACTIVATIONS[activation].c
        if self.dtype == "float":
            source = re.sub(r"\b(\w+)\(", r"\1f(", source).replace("double", "float")
            source = re.sub(r"\b\d+\.\d+(e[+-]?\d+)?", r"\g<0>f", source)
        return source

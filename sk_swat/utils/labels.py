"""How messages show names and values: short, and with escapes for what cannot be printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["escape", "first_few", "plain_text", "short_repr", "shorten"]

_LONGEST = 60  # characters of a value in a message


def escape(text: str) -> str:
    r"""Write escapes for what cannot be printed, line ends and tabs apart.

    Examples
    --------
    >>> escape("of \x1b[2J the\n")
    'of \\x1b[2J the\n'
    """
    return re.sub(r"[^\n\t -~]", lambda one: one[0] if one[0].isprintable() else ascii(one[0])[1:-1], text)


def plain_text(name: str) -> str:
    r"""Write a name in one line: single spaces, and escapes for what cannot be printed.

    Examples
    --------
    >>> plain_text("mass\n  of \x1b the\tbody")
    'mass of \\x1b the body'
    """
    return escape(" ".join(name.split()))


def shorten(text: str, width: int) -> str:
    """Leave out the middle of a text of more letters than that, and say so.

    Examples
    --------
    >>> shorten("x" * 10_000, 12)
    'xxxxxx ... (9991 more) ... xxx'
    """
    if len(text) <= width:
        return text
    begin, end = text[: width // 2], text[-(width // 4) :]
    return f"{begin} ... ({len(text) - len(begin) - len(end)} more) ... {end}"


def short_repr(value: Any) -> str:
    r"""Representation of a value for a message: with escapes for what cannot be printed, and short, whatever the value.

    Examples
    --------
    >>> short_repr("mass\n"), short_repr(10**400)
    ("'mass\\n'", '100000000000000000000000000000 ... (356 more) ... 000000000000000')
    """
    try:
        return shorten(repr(value), _LONGEST)
    except Exception:  # an integer of more than 4300 digits, or an object of somebody else
        return f"a {type(value).__name__} that cannot be shown"


def first_few(things: Sequence[Any], write: Callable[[Any], str] = short_repr, few: int = 5) -> str:
    """Write the first of many for a message, and how many more there are.

    Examples
    --------
    >>> first_few(["a", "b", "c"], few=2)
    "'a', 'b' and 1 more"
    """
    first, n_more = ", ".join(map(write, things[:few])), len(things) - few
    return f"{first} and {n_more} more" if n_more > 0 else first

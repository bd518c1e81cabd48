"""What columns and outputs are called where they have no names, and how messages show what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sk_swat.network import SparseMLP

__all__ = ["feature_labels", "plain_text", "shown", "target_labels"]

_LONGEST = 60  # characters of a value in a message


def feature_labels(network: SparseMLP) -> list[str]:
    """Names of the input columns; x0, x1 and so on if they have none."""
    return list(network.feature_names or (f"x{i}" for i in range(network.n_features_in)))


def target_labels(network: SparseMLP) -> list[str]:
    """Names of the outputs; if they have none, y, or y0, y1 and so on for several."""
    if network.target_names is not None:
        return list(network.target_names)
    return ["y"] if network.n_outputs == 1 else [f"y{j}" for j in range(network.n_outputs)]


def plain_text(name: str) -> str:
    r"""Write a name in one line: single spaces, and escapes for what cannot be printed.

    Examples
    --------
    >>> plain_text("mass\n  of \x1b the\tbody")
    'mass of \\x1b the body'
    """
    shown = " ".join(name.split())
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in shown)


def shown(value: Any) -> str:
    """Representation of a value for a message, cut if it is long, whatever the value.

    Examples
    --------
    >>> shown(10**400)
    '100000000000000000000000000000000000000000000000000000000000...'
    """
    try:
        text = repr(value)
    except Exception:  # an integer of more than 4300 digits, or an object of somebody else
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

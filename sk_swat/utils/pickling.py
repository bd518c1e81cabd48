"""What pickles say of themselves: the version of their format, so that other ones are told instead of misread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["FORMAT_VERSION", "add_version", "read_state"]

FORMAT_VERSION = 2  # of the states of all classes; raised when one of them changes
_KEY = "sk_swat_format"


def add_version(state: dict[str, Any]) -> dict[str, Any]:
    """Copy of an object's state with the version of its format."""
    return state | {_KEY: FORMAT_VERSION}


def read_state(kind: str, state: Any, needed: Iterable[str]) -> dict[str, Any]:
    """Give back what :func:`add_version` was given; ValueError if its version is another, or parts are missing.

    `kind` names the class in the message, `needed` says what the state must hold.
    """
    remedy = (
        "fit again, or load it with the version of sk_swat that wrote it and take the network over with to_json and "
        "SparseMLP.from_json."
    )
    version = state.get(_KEY) if isinstance(state, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(f"a pickled {kind} must be of format version {FORMAT_VERSION}, got {version}; {remedy}")
    missing = [name for name in needed if name not in state]
    if missing:
        raise ValueError(f"a pickled {kind} must hold {', '.join(missing)}, but does not; {remedy}")
    return {name: value for name, value in state.items() if name != _KEY}

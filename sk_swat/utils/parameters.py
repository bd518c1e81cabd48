"""Checks of the estimator's parameters, with messages that say what must hold and what came."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sk_swat.utils.labels import short_repr

__all__ = ["check_choice", "check_depths", "check_integer", "check_number", "draw_seed"]

_LARGEST_INTEGER = 2**63 - 1


def check_number(
    name: str, value: Any, low: float, high: float = float("inf"), low_open: bool = False, high_open: bool = False
) -> float:
    """Return a real number within bounds; TypeError or ValueError otherwise."""
    left, right = "(" if low_open else "[", ")" if high_open or high == float("inf") else "]"
    wanted = f"{name} must be a number in {left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{wanted}, got {short_repr(value)} of type {type(value).__name__}.")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"{wanted}, and float64 must hold it, got {short_repr(value)}.") from error
    inside = (number > low if low_open else number >= low) and (number < high if right == ")" else number <= high)
    if not inside:
        raise ValueError(f"{wanted}, got {short_repr(value)}.")
    return number


def check_integer(name: str, value: Any, low: int | None = None, high: int = _LARGEST_INTEGER) -> int:
    """Return an integer, from `low`, if there is such a bound, to `high`; TypeError or ValueError otherwise."""
    wanted = f"{name} must be an integer" + ("" if low is None else f" of at least {low}")
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{wanted}, got {short_repr(value)} of type {type(value).__name__}.")
    if low is not None and value < low:
        raise ValueError(f"{wanted}, got {short_repr(value)}.")
    if abs(number := int(value)) > high:
        raise ValueError(f"{wanted}{' and' if low is not None else ' of'} at most {high}, got {short_repr(value)}.")
    return number


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return one of the choices; ValueError otherwise."""
    choices = tuple(choices)
    # NumPy's strings and booleans come from grids of parameters; 1 and 0 stand for no boolean
    if not any(_kind(value) is _kind(choice) and value == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {short_repr(value)}.")
    return value


def _kind(value: Any) -> type:
    if isinstance(value, bool | np.bool_):
        return bool
    return str if isinstance(value, str) else type(value)


def check_depths(depths: Any, largest: int) -> tuple[int, ...]:
    """Return numbers of hidden layers, from 1 to the largest, in rising order, each once."""
    wanted = f"depths must hold integers from 1 to {largest}"
    values = (depths,) if isinstance(depths, Integral) else depths
    if (
        isinstance(values, str)
        or not isinstance(values, Iterable)
        or (isinstance(values, np.ndarray) and not values.ndim)
    ):
        raise TypeError(f"{wanted}, got {short_repr(depths)}.")
    values = tuple(values)
    if not values or not all(
        isinstance(v, Integral) and not isinstance(v, bool) and 1 <= int(v) <= largest for v in values
    ):
        raise ValueError(f"{wanted}, got {short_repr(depths)}.")
    return tuple(sorted({int(value) for value in values}))


def draw_seed(random_state: Any) -> int:
    """Draw a seed from 0 to 2**31 - 2 from a ``random_state`` in scikit-learn's sense; ValueError if it is none."""
    try:
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            "random_state must be None, an integer from 0 to 2**32 - 1 or a RandomState instance, "
            f"got {short_repr(random_state)}."
        ) from error

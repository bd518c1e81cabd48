"""Warnings of columns and targets that vary little beside their size, where float64 runs out of digits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sk_swat.network.scaling import FEWEST_STEPS, SMALLEST_SCALE, Standardisation, is_close, not_constant
from sk_swat.refine.table import Table

__all__ = ["warn_of_rounding", "warn_of_unresolved"]

_COSTLY = 0.05  # in R^2
_MOST_NAMED = 5  # columns in one message


def warn_of_unresolved(estimator: Any, table: Table, target: str = "y") -> None:
    """Warn if only the mean of a column or target counts, though it varies.

    Parameters
    ----------
    estimator : estimator
        It knows the names of the columns and targets, if they have any.
    table : Table
        All its rows.
    target : str, default="y"
        What a target without a name is called.
    """
    label = target if len(table.y) == 1 else f"column {{}} of {target}"
    columns = not_constant(table.X, np.flatnonzero(table.units.x_scale == 0))
    outputs = not_constant(table.y.T, np.flatnonzero(~table.varies))
    if len(columns) or len(outputs):
        warnings.warn(
            f"{_list_names(estimator, columns, outputs, label)}: float64 cannot tell such values well apart, so their "
            f"mean stands for them. Spreads must be at least {FEWEST_STEPS} steps of float64 at that size, and "
            f"{SMALLEST_SCALE:g}; subtract a number near the values before they are rounded, or scale them.",
            stacklevel=5,
        )


def warn_of_rounding(estimator: Any, cost: float, scaling: Standardisation, target: str = "y") -> None:
    """Warn if rounding in raw units costs R^2.

    Parameters
    ----------
    estimator, target
        As in :func:`warn_of_unresolved`.
    cost : float
        What it costs the best network, in R^2.
    scaling : Standardisation
        Of the table.
    """
    if cost > _COSTLY:
        label = f"column {{}} of {target}" if np.ndim(scaling.y_scale) else target
        columns = np.flatnonzero(is_close(scaling.x_offset, scaling.x_scale))
        outputs = np.flatnonzero(is_close(scaling.y_offset, scaling.y_scale))
        warnings.warn(
            f"{_list_names(estimator, columns, outputs, label)}: these vary so little beside their size that rounding "
            f"in float64 costs R^2 {cost:.2g}; subtract a number near the values before they are rounded.",
            stacklevel=5,
        )


def _list_names(estimator: Any, columns: np.ndarray, outputs: np.ndarray, label: str) -> str:
    names, target_names = (getattr(estimator, f"{kind}_names_in_", None) for kind in ("feature", "target"))
    found = [f"column {i if names is None else repr(str(names[i]))}" for i in columns]
    found += [label.format(i) if target_names is None else f"target {str(target_names[i])!r}" for i in outputs]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(found[:_MOST_NAMED]) + more

"""Targets: their names, and their values in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

__all__ = ["real_target", "target_names"]


def target_names(y: Any) -> np.ndarray | None:
    """Names of the targets: that of a Series, or those of the columns of a data frame; None unless all are strings.

    Examples
    --------
    >>> import pandas as pd
    >>> target_names(pd.Series([1.0, 2.0], name="price"))
    array(['price'], dtype=object)
    """
    names = list(y.columns) if hasattr(y, "columns") else [getattr(y, "name", None)]
    if not names or not all(isinstance(name, str) and name for name in names):
        return None
    return np.array(names, dtype=object)


def real_target(y: Any) -> np.ndarray:
    """Bring a target that scikit-learn let pass to a float64 array in C order.

    ValueError if it is sparse, holds something else than real numbers, or numbers beyond float64.
    """
    if issparse(y):
        raise ValueError("y must be a dense array, got a sparse matrix; use y.toarray().")
    wanted = "y must hold real numbers that float64 holds as finite ones"
    if y.dtype.kind not in "biufOUS":
        raise ValueError(f"{wanted}, got values of type {y.dtype}.")
    try:
        with np.errstate(over="ignore"):
            target = np.ascontiguousarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{wanted}, got values of type {y.dtype}: {error}.") from error
    if not np.isfinite(target).all():
        raise ValueError(f"{wanted}, got {y[~np.isfinite(target)][0]!s}.")
    return target

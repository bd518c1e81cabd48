"""Rows that count, and how often: weights are checked, and equal rows become one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight

__all__ = ["count_rows"]

_LEAST_SHARE = 1e-20  # of the largest weight: rows with less count for nothing
_MOST_COUNTED = 1e15


def count_rows(
    X: np.ndarray, y: np.ndarray, sample_weight: ArrayLike | None, most_merged: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give the rows that count, and how much each of them does.

    Rows of weight zero, or below 1e-20 of the largest one, are left out. If rows differ in weight, or some are equal,
    equal ones become one with the sum of their weights, and all are sorted: a fit then cannot tell a weight of two from
    a row that comes twice. Weights with a sum below the number of rows are scaled up to it, since a fit trusts rows
    according to their number.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Targets.
    sample_weight : array-like of shape (n_samples,) or None
        Weights, at least 0, not all 0 and with a sum below 1e15.
    most_merged : int
        Longest table in which equal rows are looked for.

    Returns
    -------
    X, y : ndarray
        The same arrays where all rows count once, otherwise new ones.
    weight : ndarray of shape (n_rows,) or None
        Weights, with a sum of at least n_rows; None where all rows count once.
    """
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError(f"sample_weight must be above zero for at least one row, got {len(weight)} zeros.")
        kept = weight > _LEAST_SHARE * weight.max()
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
        if (weight == weight[0]).all() and weight[0] <= 1:
            weight = None
        else:
            if weight.max() < 1:
                weight = weight / weight.max()
            weight = weight * max(1.0, len(weight) / weight.sum())
            if not weight.sum() < _MOST_COUNTED:
                raise ValueError(
                    f"sample_weight must have a sum below {_MOST_COUNTED:g}, got {weight.sum():g}; divide it by some "
                    "number."
                )
    if len(X) > most_merged or (weight is None and not _some_equal(X, y)):
        return X, y, weight
    first, which = np.unique(np.column_stack([X, y]), axis=0, return_index=True, return_inverse=True)[1:]
    total = np.bincount(which.reshape(-1), weights=weight).astype(np.float64)
    return X[first], y[first], total


def _some_equal(X: np.ndarray, y: np.ndarray) -> bool:
    """Say whether any two rows may be equal, without a copy of the table."""
    return len({hash((row.tobytes(), target.tobytes())) for row, target in zip(X, y, strict=True)}) < len(X)

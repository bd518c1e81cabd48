"""Standardise columns and target for the search, in a way that survives any finite scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_swat.network import SparseMLP

__all__ = ["Standardisation", "column_scales", "standardised"]

_CENTRED = 0.1  # standard deviations
_CHUNK_ROWS = 65_536  # of a table that are looked at together, so that no copy of it is made
_SMALLEST_SCALE = 1e-300  # of a column: weights are divided by it; and of a target that varies
_LARGEST_SCALE = 1e300  # of a column and of the target: weights are products of scales


def column_scales(X: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column, without overflow or underflow on the way.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Finite numbers.
    weight : ndarray of shape (n_rows,), default=None
        How often each row counts; None stands for once.

    Returns
    -------
    offset, scale : ndarray of shape (n_columns,)
        A column that does not vary beyond rounding has scale 0.
    """
    parts = [slice(start, start + _CHUNK_ROWS) for start in range(0, len(X), _CHUNK_ROWS)]
    peak = np.max([np.abs(X[part]).max(axis=0) for part in parts], axis=0).astype(np.float64)
    unit = np.where(peak > 0, peak, 1.0)

    def mean_of(values: Callable[[slice], np.ndarray]) -> np.ndarray:
        if weight is not None:
            return np.sum([weight[part] @ values(part) for part in parts], axis=0) / weight.sum()
        return np.sum([values(part).sum(axis=0) for part in parts], axis=0) / len(X)

    mean = mean_of(lambda part: X[part] / unit)
    spread = np.sqrt(mean_of(lambda part: np.square(X[part] / unit - mean)))
    spread[spread < 1e-13] = 0.0  # relative to the largest value: rounding, not variation
    return np.where(spread > 0, mean * unit, X[0]), spread * unit


@dataclass(frozen=True)
class Standardisation:
    """Offsets and scales of a table and its target.

    Parameters
    ----------
    x_offset, x_scale : ndarray of shape (n_columns,)
        Mean and standard deviation; scale 0 for a column that does not vary, or by less than 1e-300. A mean of at
        most a tenth of the standard deviation counts as 0: without a shift, biases of zero stay zero in raw units.
    y_offset, y_scale : float, or ndarray of shape (n_targets,)
        The same for the target, or several.
    """

    x_offset: np.ndarray
    x_scale: np.ndarray
    y_offset: Any
    y_scale: Any

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Standardisation:
        """Standardisation of the given rows, each counted as often as its weight says."""
        x_offset, x_scale = column_scales(X, weight)
        x_scale[x_scale < _SMALLEST_SCALE] = 0.0
        y_offsets, y_scales = column_scales(y.reshape(len(y), -1), weight)
        y_offsets = _unless_centred(y_offsets, y_scales)
        y_offset, y_scale = (y_offsets, y_scales) if y.ndim == 2 else (float(y_offsets[0]), float(y_scales[0]))
        return cls(_unless_centred(x_offset, x_scale), x_scale, y_offset, y_scale)

    @classmethod
    def checked(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Standardisation:
        """Standardisation of the given rows; ValueError if a column or target varies too much or too little."""
        scaling = cls.of(X, y, weight)
        if max(scaling.x_scale.max(), np.max(scaling.y_scale)) > _LARGEST_SCALE:
            raise ValueError(f"X and y must vary by less than {_LARGEST_SCALE:g}; scale the columns that do not.")
        y_scale = np.atleast_1d(scaling.y_scale)
        if np.any((y_scale > 0) & (y_scale < _SMALLEST_SCALE)):
            raise ValueError(f"y must be constant or vary by more than {_SMALLEST_SCALE:g}, got less; scale it.")
        return scaling

    def of_columns(self, columns: np.ndarray) -> Standardisation:
        """Standardisation of a table with these columns alone."""
        return replace(self, x_offset=self.x_offset[columns], x_scale=self.x_scale[columns])

    @property
    def varying(self) -> np.ndarray:
        """Indices of the columns that vary."""
        return np.flatnonzero(self.x_scale > 0)

    @property
    def divisor(self) -> np.ndarray:
        """Scales with 1 in place of 0, of shape (n_columns,)."""
        return np.where(self.x_scale > 0, self.x_scale, 1.0)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Standardised columns; those that do not vary become 0."""
        # in halves, as the difference of two large numbers may overflow
        return np.where(self.x_scale > 0, (0.5 * X - 0.5 * self.x_offset) / (0.5 * self.divisor), 0.0)

    def target(self, y: np.ndarray) -> np.ndarray:
        """Standardised targets, which have to vary."""
        return (0.5 * y - 0.5 * self.y_offset) / (0.5 * self.y_scale)


def standardised(network: SparseMLP, scaling: Standardisation) -> SparseMLP:
    """Let a network in raw units read and write standardised ones: what ``with_scaling`` does, undone."""
    x_scale, y_scale = 1 / scaling.divisor, 1 / scaling.y_scale
    return network.with_scaling(-scaling.x_offset * x_scale, x_scale, -scaling.y_offset * y_scale, y_scale)


def _unless_centred(offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where((np.abs(offset) <= _CENTRED * scale) & (scale > 0), 0.0, offset)

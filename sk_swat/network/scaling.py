"""Standardise columns and target for the search, in a way that survives any finite scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = [
    "FEWEST_STEPS",
    "SMALLEST_SCALE",
    "Standardisation",
    "column_scales",
    "is_close",
    "not_constant",
    "standardise",
]

_CENTRED = 0.1  # standard deviations
_CHUNK = 2**18  # entries of a table that are looked at together, so that no copy of it is made: two megabytes
SMALLEST_SCALE = 1e-300  # of a column: weights are divided by it; and of a target that varies
_CLOSE = 1e-13  # of the largest value: columns with less spread are near the limit of float64
FEWEST_STEPS = 4  # of float64 in the spread of a column; of fewer, rounding leaves less than nine tenths
_LARGEST_SCALE = 1e300  # of a column and of the target: weights are products of scales


def column_scales(X: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column of finite numbers, without overflow or underflow on the way.

    `weight` says how often each row counts. A column whose standard deviation is below four steps of float64 (at its
    largest value) has scale 0: predictions are rounded to such steps.
    """
    mean, spread, unit = _moments(X, weight)
    offset, scale = mean * unit, spread * unit
    close = np.flatnonzero(spread < _CLOSE)
    offset[close], scale[close] = X[0, close], 0.0
    close = not_constant(X, close)
    if len(close):  # sums have lost the last digits of such columns, differences keep them
        first = X[0, close].astype(np.float64)
        mean, spread, step = _moments(X[:, close] - first, weight)
        offset[close] = first + mean * step
        spread = spread * step
        scale[close] = np.where(spread >= FEWEST_STEPS * np.spacing(unit[close]), spread, 0.0)
    return offset, scale


def not_constant(X: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Give those of some columns, by their indices, that hold more than one value."""
    return among[np.any([(X[part][:, among] != X[0, among]).any(axis=0) for part in _parts(X)], axis=0)]


def is_close(offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Say which columns vary, but by less than 1e-13 of their size: rounding shows when a network reads them."""
    return (scale > 0) & (scale < _CLOSE * np.abs(offset))


def _moments(X: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column, both in units of its largest value, and these units."""
    parts = _parts(X)
    peak = np.max([np.abs(X[part]).max(axis=0) for part in parts], axis=0).astype(np.float64)
    unit = np.where(peak > 0, peak, 1.0)

    def mean_of(values: Callable[[slice], np.ndarray]) -> np.ndarray:
        if weight is not None:
            return np.sum([weight[part] @ values(part) for part in parts], axis=0) / weight.sum()
        return np.sum([values(part).sum(axis=0) for part in parts], axis=0) / len(X)

    mean = mean_of(lambda part: X[part] / unit)
    return mean, np.sqrt(mean_of(lambda part: np.square(X[part] / unit - mean))), unit


def _parts(X: np.ndarray) -> list[slice]:
    n_rows = max(1, _CHUNK // max(1, X.shape[1]))
    return [slice(start, start + n_rows) for start in range(0, len(X), n_rows)]


@dataclass(frozen=True)
class Standardisation:
    """Offsets and scales of the columns of a table, and of its target or targets.

    A scale is the standard deviation; it is 0 for a column that does not vary, by less than 1e-300, or by less than
    float64 can tell (see :func:`column_scales`). A mean of at most a tenth of the standard deviation counts as 0:
    without a shift, biases of zero stay zero in raw units.
    """

    x_offset: np.ndarray
    x_scale: np.ndarray
    y_offset: Any
    y_scale: Any

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Standardisation:
        """Standardisation of the given rows, each counted as often as its weight says."""
        x_offset, x_scale = column_scales(X, weight)
        x_scale[x_scale < SMALLEST_SCALE] = 0.0
        y_offsets, y_scales = column_scales(y.reshape(len(y), -1), weight)
        y_offsets = _zero_if_centred(y_offsets, y_scales)
        y_offset, y_scale = (y_offsets, y_scales) if y.ndim == 2 else (float(y_offsets[0]), float(y_scales[0]))
        return cls(_zero_if_centred(x_offset, x_scale), x_scale, y_offset, y_scale)

    def check(self) -> Standardisation:
        """Give it back; ValueError if a column or target varies too much or too little."""
        if max(self.x_scale.max(), np.max(self.y_scale)) > _LARGEST_SCALE:
            raise ValueError(f"X and y must vary by less than {_LARGEST_SCALE:g}; scale the columns that do not.")
        y_scale = np.atleast_1d(self.y_scale)
        if np.any((y_scale > 0) & (y_scale < SMALLEST_SCALE)):
            raise ValueError(f"y must be constant or vary by more than {SMALLEST_SCALE:g}, got less; scale it.")
        return self

    @property
    def varying(self) -> np.ndarray:
        """Indices of the columns that vary."""
        return np.flatnonzero(self.x_scale > 0)

    @property
    def close(self) -> bool:
        """Whether rounding in raw units may show in some column or target."""
        return bool(np.any(is_close(self.x_offset, self.x_scale)) or np.any(is_close(self.y_offset, self.y_scale)))

    @property
    def divisor(self) -> np.ndarray:
        """Scales with 1 in place of 0, of shape (n_columns,)."""
        return np.where(self.x_scale > 0, self.x_scale, 1.0)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Standardised columns; those that do not vary become 0."""
        # in halves, as the difference of two large numbers may overflow
        inputs = np.multiply(X, 0.5, dtype=np.float64)
        inputs -= 0.5 * self.x_offset
        inputs /= 0.5 * self.divisor
        inputs[..., self.x_scale == 0] = 0.0
        return inputs

    def target(self, y: np.ndarray) -> np.ndarray:
        """Standardised targets, which have to vary."""
        return (0.5 * y - 0.5 * self.y_offset) / (0.5 * self.y_scale)


def standardise(network: SparseMLP, scaling: Standardisation) -> SparseMLP:
    """Let a network in raw units read and write standardised ones: what ``with_scaling`` does, undone."""
    x_scale, y_scale = 1 / scaling.divisor, 1 / scaling.y_scale
    return network.with_scaling(-scaling.x_offset * x_scale, x_scale, -scaling.y_offset * y_scale, y_scale)


def _zero_if_centred(offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where((np.abs(offset) <= _CENTRED * scale) & (scale > 0), 0.0, offset)

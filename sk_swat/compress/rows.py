"""Rows around those of a table: a teacher can label as many as one likes."""

from __future__ import annotations

import numpy as np

__all__ = ["rows_around"]

_NEAREST = 8  # partners of a row
_BEYOND = 0.5  # share of the distance to the partner
_FEW_VALUES = 12  # a column with at most so many different values keeps to them


def rows_around(X: np.ndarray, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows on the lines through pairs of near rows of a table: between them, and up to half as far beyond.

    Columns with at most twelve different values are not mixed: such a value is that of one of the two rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        At least two rows.
    n_rows : int
        Rows to draw.
    rng : numpy.random.Generator
        Source of all random choices.

    Returns
    -------
    drawn : ndarray of shape (n_rows, n_features)
        They may leave the range of a column by half the distance of two near rows.
    """
    from sklearn.neighbors import NearestNeighbors

    scale = X.std(axis=0)
    unit = (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    n_near = min(_NEAREST, len(X) - 1)
    near = NearestNeighbors(n_neighbors=n_near).fit(unit).kneighbors(return_distance=False)
    first = rng.integers(len(X), size=n_rows)
    second = near[first, rng.integers(n_near, size=n_rows)]
    share = rng.uniform(-_BEYOND, 1 + _BEYOND, size=(n_rows, 1))
    drawn = X[first] + share * (X[second] - X[first])
    few = np.array([len(np.unique(column)) <= _FEW_VALUES for column in X.T])
    drawn[:, few] = np.where(rng.random((n_rows, int(few.sum()))) < 0.5, X[first][:, few], X[second][:, few])
    return drawn

"""Rows of a compression: those of a table, and as many around them as one likes, since a teacher can label them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sk_swat.compress.teachers import Teacher
from sk_swat.fitting.settings import Settings
from sk_swat.refine.table import Table

__all__ = ["rows_around", "taught_table"]

_FEWEST_HELD = 10
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


def taught_table(
    table: Table, labels: np.ndarray, teacher: Teacher, settings: Settings, faithful: bool, n_generated: int | None
) -> tuple[Table, np.ndarray, int]:
    """Put rows into random order: those that are fitted, new ones around them, and held-out ones last.

    Parameters
    ----------
    table : Table
        Rows as they came, in raw units.
    labels : ndarray of shape (n_rows, n_outputs)
        What the teacher says of them.
    teacher : Teacher
        Labels new rows.
    settings : Settings
        How many are held out.
    faithful : bool
        Whether the targets are the labels; new rows are drawn, and some are held out, in any case.
    n_generated : int or None
        New rows; None draws what is missing.

    Returns
    -------
    taught : Table
        All rows in raw units, with the scaling of those that were there.
    labels : ndarray
        What the teacher says of them.
    n_held : int
        How many are held out.
    """
    n_rows, rng = len(table), np.random.default_rng([settings.seed, 3])
    order = rng.permutation(n_rows)
    share = settings.validation_fraction if faithful else settings.held_share(n_rows, settings.limits.held_out)
    n_held = 0 if share is None else min(max(_FEWEST_HELD, math.ceil(share * n_rows)), n_rows // 2)
    fitted, held = order[n_held:], order[:n_held]
    more = table.X[:0]
    if faithful and len(fitted) > 1:
        n_more = max(0, settings.limits.taught - len(fitted)) if n_generated is None else n_generated
        more = rows_around(table.X[fitted], n_more, rng) if n_more else more
    said = [labels[fitted], teacher.labels(more)] if len(more) else [labels[fitted]]
    known = np.concatenate([*said, labels[held]])
    y = known if faithful else table.raw_y[np.r_[fitted, held]]
    return replace(table, X=np.concatenate([table.X[fitted], more, table.X[held]]), y=y.T), known, n_held

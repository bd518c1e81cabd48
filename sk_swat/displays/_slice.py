"""Rows for a slice through a table: one or two columns vary, the others are held at their medians."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def check_table(X: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Bring X to a float64 array; say what is wrong if y does not have one number for each row."""
    table, shape = np.asarray(X, dtype=np.float64), np.shape(y)
    if table.ndim != 2 or shape != table.shape[:1] or not table.size:
        raise ValueError(
            "`X` and `y` must have shapes (n_samples, n_features) and (n_samples,), none of them 0, got "
            f"{table.shape} and {shape}."
        )
    return table


def column_names(X: Any, n_columns: int) -> list[str]:
    """Names of the columns of X, or "x0", "x1" and so on."""
    return [str(name) for name in getattr(X, "columns", [f"x{i}" for i in range(n_columns)])]


def check_features(features: Any, names: list[str]) -> list[int]:
    """Return the indices of the one or two columns that a user names, by index or name; of all columns for None.

    Examples
    --------
    >>> check_features(["age", -1], ["sex", "age", "size"])
    [1, 2]
    """
    if features is None:
        if len(names) > 2:
            raise ValueError(f"`features` must name the one or two columns to draw, as `X` has {len(names)} columns.")
        return list(range(len(names)))
    listed = [features] if isinstance(features, str | int | np.integer) else list(features)
    columns = []
    for feature in listed:
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"`features` must hold names of columns of `X`, got {feature!r}.")
            columns.append(names.index(feature))
        else:
            if not -len(names) <= feature < len(names):
                raise ValueError(f"`features` must hold indices below {len(names)}, got {feature}.")
            columns.append(int(feature) % len(names))
    if len(columns) not in (1, 2) or len(set(columns)) < len(columns):
        raise ValueError(f"`features` must hold one or two different columns, got {features!r}.")
    return columns


def slice_rows(table: np.ndarray, columns: list[int], resolution: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Grid of each drawn column, over its range, and rows for all points, the last column varying fastest."""
    grid = [np.linspace(table[:, j].min(), table[:, j].max(), resolution) for j in columns]
    points = np.meshgrid(*grid, indexing="ij")
    rows = np.repeat(np.median(table, axis=0)[np.newaxis], points[0].size, axis=0)
    rows[:, columns] = np.column_stack([values.ravel() for values in points])
    return grid, rows


def like(X: Any, values: np.ndarray) -> Any:
    """Make a table with the column names of X, if X is a pandas DataFrame."""
    return type(X)(values, columns=X.columns) if hasattr(X, "iloc") else values

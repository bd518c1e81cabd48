"""Tables of a folder of CSV files as regression tasks, split by cross-validation."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tasks import Task

__all__ = ["Table", "list_tables", "read_table", "table_folds"]


@dataclass(frozen=True)
class Table:
    """A table as it stands in its file.

    Parameters
    ----------
    name : str
        Name of the file without its ending.
    columns : ndarray of object, of shape (n_samples, n_columns)
        Inputs: floats in columns of numbers, strings in columns of text.
    text : list of int
        Which columns are text.
    y : ndarray of shape (n_samples,)
        Target.
    feature_names : list of str
        Names of the columns.
    """

    name: str
    columns: np.ndarray
    text: list[int]
    y: np.ndarray
    feature_names: list[str]


def list_tables(folder: str | Path) -> dict[str, Path]:
    """Find the tables of a folder.

    Parameters
    ----------
    folder : str or path
        Its CSV files are the tables.

    Returns
    -------
    paths : dict of path
        For the name of each table its file, in alphabetical order.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"tables must be an existing folder, got '{folder}'.")
    paths = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not paths:
        raise ValueError(f"tables must be a folder with CSV files, got '{folder}'.")
    return paths


def read_table(path: str | Path) -> Table:
    """Read a CSV file with a header, whose last column is the target.

    A column is text if any of its cells is not a number.

    Parameters
    ----------
    path : str or path
        Comma-separated, in UTF-8, without missing values.

    Returns
    -------
    table : Table
        Its content.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        lines = [(reader.line_num, row) for row in reader if row]
    if len(lines) < 3 or len(lines[0][1]) < 2:
        raise ValueError(f"'{path}' must hold a header, two rows and two columns.")
    (_, names), *lines = lines
    for number, row in lines:
        if len(row) != len(names):
            raise ValueError(f"'{path}' must hold {len(names)} cells in each line, got {len(row)} in line {number}.")
    *inputs, y = (_read_column(path, names[i], [row[i] for _, row in lines]) for i in range(len(names)))
    if y.dtype != np.float64:
        raise ValueError(f"'{path}' must hold numbers in its last column, {names[-1]!r}.")
    columns = np.empty((len(y), len(inputs)), dtype=object)
    for i, column in enumerate(inputs):
        columns[:, i] = column
    text = [i for i, column in enumerate(inputs) if column.dtype != np.float64]
    return Table(path.stem, columns, text, y, names[:-1])


def _read_column(path: Path, name: str, cells: list[str]) -> np.ndarray:
    try:
        column = np.array([float(cell) for cell in cells])
        complete = bool(np.isfinite(column).all())
    except ValueError:
        column = np.array(cells, dtype=object)
        complete = all(cell.strip() for cell in cells)
    if not complete:
        raise ValueError(f"'{path}' must hold no missing or infinite values, got some in column {name!r}.")
    return column


def table_folds(path: str | Path, *, n_folds: int = 5, random_state: int = 0) -> list[Task]:
    """Make the tasks of a shuffled cross-validation.

    Rows with equal inputs stay together, so that no test row is a training row. Text columns are one-hot encoded by
    the categories of the training rows; a category that only the test rows have gives zeros.

    Parameters
    ----------
    path : str or path
        File of the table, see :func:`read_table`.
    n_folds : int, default=5
        Number of folds, at least 2 and at most one for each row, equal ones counted once.
    random_state : int, default=0
        Seed of the shuffle.

    Returns
    -------
    tasks : list of n_folds Task
        Inputs are floats, encoded columns first. Every row is a test row once.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import OneHotEncoder

    table, tasks = read_table(path), []
    groups = _equal_rows(table.columns)
    if not 2 <= n_folds <= groups.max() + 1:
        raise ValueError(
            f"n_folds must be from 2 to the {groups.max() + 1} different rows of {table.name!r}, got {n_folds}."
        )
    folds = GroupKFold(n_folds, shuffle=True, random_state=random_state)
    for split, (train, test) in enumerate(folds.split(table.columns, groups=groups)):
        if np.ptp(table.y[test]) == 0:
            raise ValueError(f"The target of {table.name!r} must vary within each fold; take fewer folds.")
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        encoder = ColumnTransformer([("text", one_hot, table.text)], remainder="passthrough")
        tasks.append(
            Task(
                name=table.name,
                X_train=encoder.fit_transform(table.columns[train]).astype(np.float64),
                X_test=encoder.transform(table.columns[test]).astype(np.float64),
                y_train=table.y[train],
                y_test=table.y[test],
                feature_names=tuple(encoder.get_feature_names_out(table.feature_names)),
                split=split,
                seed=random_state,
            )
        )
    return tasks


def _equal_rows(columns: np.ndarray) -> np.ndarray:
    """Give each row a number from 0 on, and equal rows the same one."""
    numbers: dict[tuple[float | str, ...], int] = {}
    return np.array([numbers.setdefault(tuple(row), len(numbers)) for row in columns])

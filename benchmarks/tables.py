"""Tables of a folder of CSV files as regression tasks, split by cross-validation."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.tasks import Task

__all__ = ["list_tables", "read_table", "table_folds"]


def list_tables(folder: str | Path) -> dict[str, Path]:
    """Find the CSV files of a folder: for the name of each table its file, in alphabetical order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"tables must be an existing folder, got '{folder}'.")
    paths = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not paths:
        raise ValueError(f"tables must be a folder with CSV files, got '{folder}'.")
    return paths


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a comma-separated file in UTF-8 with a header and no missing values; columns are float64 or text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if len(table) < 2 or len(table.columns) < 2:
        raise ValueError(f"'{path}' must hold a header, two rows and two columns.")
    for name in table:
        with suppress(ValueError):
            table[name] = table[name].astype(np.float64)
        numbers = table[name].dtype == np.float64
        if not (np.isfinite(table[name]) if numbers else table[name].fillna("").str.strip() != "").all():
            raise ValueError(f"'{path}' must hold no missing or infinite values, got some in column {name!r}.")
    if table.dtypes.iloc[-1] != np.float64:
        raise ValueError(f"'{path}' must hold numbers in its last column, {table.columns[-1]!r}.")
    return table


def table_folds(path: str | Path, *, n_folds: int = 5, random_state: int = 0) -> list[Task]:
    """Make the tasks of a shuffled cross-validation; every row is a test row once.

    Rows with equal inputs stay together, so that no test row is a training row. Text columns are one-hot encoded, and
    come first, by the categories of the training rows; a category that only the test rows have gives zeros.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import OneHotEncoder

    name, table, tasks = Path(path).stem, read_table(path), []
    X, y = table.iloc[:, :-1], table.iloc[:, -1].to_numpy()
    groups = X.groupby(list(X), sort=False).ngroup().to_numpy()  # one number for equal rows
    if not 2 <= n_folds <= groups.max() + 1:
        raise ValueError(f"n_folds must be from 2 to the {groups.max() + 1} different rows of {name!r}, got {n_folds}.")
    text = [column for column in X if X[column].dtype != np.float64]
    folds = GroupKFold(n_folds, shuffle=True, random_state=random_state)
    for split, (train, test) in enumerate(folds.split(X, groups=groups)):
        if np.ptp(y[test]) == 0:
            raise ValueError(f"The target of {name!r} must vary within each fold; take fewer folds.")
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        encoder = ColumnTransformer([("text", one_hot, text)], remainder="passthrough")
        parts = encoder.fit_transform(X.iloc[train]), encoder.transform(X.iloc[test])
        inputs = [np.asarray(part, dtype=np.float64) for part in parts]
        tasks.append(Task(name, inputs[0], inputs[1], y[train], y[test], split, random_state))
    return tasks

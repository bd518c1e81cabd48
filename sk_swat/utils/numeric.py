"""Tables must hold numbers: dates and texts are refused with the name of their column and the way out."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from sk_swat.utils.labels import short_repr

__all__ = ["refuse_dates", "validate_numbers"]

# names of the types of columns in NumPy, pandas (also its Arrow and sparse ones), Polars and torch
_DATE_TYPE = re.compile(r"(sparse\[)?(date|time|period|duration)", re.IGNORECASE)
_NUMBER_TYPE = re.compile(r"(torch\.)?((u?int|float|complex)\d+|bool(ean)?)", re.IGNORECASE)
_DATES = (np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta)


def validate_numbers(estimator: Any, X: Any, *y: Any, **how: Any) -> Any:
    """Do scikit-learn's ``validate_data``, but refuse dates, and name the column that holds no numbers."""
    tables = tuple(zip(("X", "y"), (X, *y), strict=False))
    for name, table in tables:
        refuse_dates(table, name)
    try:
        return validate_data(estimator, X, *y, **how)
    except (TypeError, ValueError) as error:
        for name, table in tables:
            _explain(table, name, error)
        raise


def refuse_dates(table: Any, name: str) -> None:
    """Raise ValueError if a table holds dates, times or durations: as integers they would depend on their resolution.

    `name` is what the table is called in the message if it has no columns.
    """
    for label, values, kind in _columns(table, name):
        if _holds_dates(values, kind):
            raise ValueError(
                f"{label} must hold numbers, got values of type {kind}; turn dates and durations into numbers first, "
                "for example days since a date, or columns for month and weekday."
            )


def _explain(table: Any, name: str, error: Exception) -> None:
    """Raise an error that names the first column that cannot be converted to numbers, if there is one."""
    for label, values, _ in _columns(table, name):
        for value in np.asarray(values, dtype=object).ravel():
            try:
                float(value)
            except (TypeError, ValueError) as reason:
                if not isinstance(value, str | bytes):
                    raise type(reason)(f"{reason}; {label} must hold numbers.") from error
                way_out = ", for example with scikit-learn's OneHotEncoder or OrdinalEncoder" if name == "X" else ""
                got = f"got text (could not convert string to float: {short_repr(str(value))})"
                raise ValueError(f"{label} must hold numbers, {got}; turn it into numbers first{way_out}.") from error


def _columns(table: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Columns whose type is not one of numbers, each with what it is called and its type."""
    if table is None or issparse(table):
        return
    of = "" if name == "X" else f" of {name}"
    if hasattr(table, "dtypes") and hasattr(table, "columns"):  # a data frame
        for i, (column, kind) in enumerate(zip(table.columns, table.dtypes, strict=True)):
            if not _is_number(kind):
                values = table.iloc[:, i] if hasattr(table, "iloc") else table[:, i]
                yield f"column {short_repr(str(column)) if isinstance(column, str) else i}{of}", values, kind
        return
    if not hasattr(table, "dtype"):
        try:
            table = np.asarray(table)
        except (TypeError, ValueError):  # ragged: scikit-learn says so
            return
    if _is_number(table.dtype):
        return
    if table.ndim == 1:
        yield name, table, table.dtype
    elif table.ndim == 2:
        for i in range(table.shape[1]):
            yield f"column {i}{of}", table[:, i], table.dtype


def _is_number(kind: Any) -> bool:
    return getattr(kind, "kind", "") in ("b", "i", "u", "f", "c") or bool(_NUMBER_TYPE.fullmatch(str(kind)))


def _holds_dates(values: Any, kind: Any) -> bool:
    categories = getattr(kind, "categories", None)
    if categories is not None and hasattr(categories, "dtype"):  # of a categorical column
        values, kind = categories, categories.dtype
    if _DATE_TYPE.match(getattr(kind, "name", None) or str(kind)):
        return True
    if getattr(kind, "kind", "O") != "O":
        return False
    kinds = set(map(type, np.asarray(values, dtype=object).ravel()))
    return any(issubclass(one, _DATES) or one.__name__ == "Period" for one in kinds)

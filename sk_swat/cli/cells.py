"""Cells of a CSV file as numbers, and sentences about those that are none."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping

import numpy as np

from sk_swat.cli.csv_file import EMPTY
from sk_swat.utils.labels import first_few, short_repr

__all__ = ["Cells"]

_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b.*|\d{4}-\d\d|\d{1,2}:\d\d(:\d\d.*)?|-?\d+ days\b.*", re.DOTALL)
_MARKED = re.compile(r"[+-]?\d*([.,'\s]\d+)+([eE][+-]?\d+)?")

# What columns must hold, and what to do where they do not.
_FILLED = ("a number in every row", "fill it in, or leave such rows out")
_ONE_MARK = ("numbers with one decimal mark, the same everywhere", "write 1234.5, not 1,234.5 or 1234,5")
_NO_DATE = ("numbers, not dates or times", "write days or seconds since a fixed moment, or leave them out")
_FINITE = ("finite numbers", "leave such rows out")


class Cells:
    """Cells of some columns, read with one of the decimal marks.

    `values` have the shape (n_rows, n_columns), and are nan where no number is. `rows` come with their lines in the
    file; rows without cells are empty lines, the others must have `width` cells. `columns` gives the position of each
    column to read by its name, and `advice` what to do where it holds text. `n_faults` counts the cells that are
    neither numbers nor empty by right; `comma` is the first one with a decimal comma.
    """

    def __init__(
        self,
        rows: Iterable[tuple[int, list[str]]],
        width: int,
        columns: Mapping[str, int],
        advice: Mapping[str, str],
        decimal: str,
        may_be_empty: bool,
    ) -> None:
        self._width, self._columns, self._advice = width, columns, advice
        self._decimal, self._may_be_empty = decimal, may_be_empty
        self._faults: dict[tuple[str, str], dict[str, list]] = {}  # first cell, its line and the count, by column
        self._ragged: list[tuple[int, int]] = []  # lines with their numbers of cells
        self.n_faults = 0
        self.comma: str | None = None
        numbers, n_rows, empty_lines = array("d"), 0, []
        for line, row in rows:
            if not row:
                empty_lines.append((line, 0))
                continue
            self._ragged += empty_lines  # those at the end of the file do not matter
            empty_lines.clear()
            if len(row) == width:
                numbers.extend(self._numbers(line, [row[position] for position in columns.values()]))
                n_rows += 1
            else:
                self._ragged.append((line, len(row)))
        self.values = np.array(numbers).reshape(n_rows, len(columns))

    @property
    def has_other_marks(self) -> bool:
        """Whether cells may be numbers with the other decimal mark."""
        return _ONE_MARK in self._faults

    def problems(self) -> list[str]:
        """Say what is wrong: a sentence for each kind of fault, with the first columns, cells and lines."""
        found = []
        if self._ragged:
            got = first_few(self._ragged, lambda one: f"{one[1] or 'none'} in line {one[0]}")
            rule = f"every line must have one cell for each of the {self._width} names in the header"
            found.append(f"{rule}, got {got}; complete such lines, or take them out")
        for (rule, advice), columns in self._faults.items():
            if len(columns) == 1:
                ((name, fault),) = columns.items()
                found.append(f"column {short_repr(name)} must hold {rule}, got {_first_of(fault)}; {advice}")
            else:
                got = first_few(list(columns.items()), lambda one: f"{_first_of(one[1])} for {short_repr(one[0])}")
                found.append(f"{len(columns)} columns must hold {rule}, got {got}; {advice}")
        if not found and not len(self.values):
            found.append("rows must stand below the header, but there are none")
        return found

    def _numbers(self, line: int, cells: list[str]) -> list[float]:
        """Cells of a row as numbers."""
        joined, plain = "\0".join(cells), cells
        if self._decimal == ",":
            plain = joined.replace(".", "?").replace(",", ".").split("\0")  # a point belongs to no number
            self.comma = self.comma or next((cell for cell in cells if "," in cell), None)
        try:
            values = list(map(float, plain))
        except ValueError:
            values = [math.nan]
        if math.isfinite(sum(values)) and "_" not in joined:  # for Python, 1_000 is a number
            return values
        return [self._number(line, *one) for one in zip(self._columns, cells, plain, strict=True)]

    def _number(self, line: int, name: str, cell: str, plain: str) -> float:
        """One cell as a number; nan, and the fault is kept, if it is none."""
        value = _float(plain)
        if math.isfinite(value):
            return value
        cell = cell.strip()
        if cell.lower() in EMPTY:
            if self._may_be_empty:
                return math.nan
            kind = _FILLED
        elif _DATE.fullmatch(cell):
            kind = _NO_DATE
        elif _MARKED.fullmatch(cell):
            kind = _ONE_MARK
        else:
            kind = _FINITE if math.isinf(value) else ("numbers", self._advice[name])
        self._faults.setdefault(kind, {}).setdefault(name, [cell, line, 0])[-1] += 1
        self.n_faults += 1
        return math.nan


def _first_of(fault: list) -> str:
    cell, line, count = fault
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{short_repr(cell) if cell else 'an empty cell'} in line {line}{more}"


def _float(cell: str) -> float:
    """Read a number; nan for what is none."""
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return math.nan

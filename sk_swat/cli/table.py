"""CSV files as tables of numbers, with messages that name the column and the line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import numpy as np

__all__ = ["SEPARATORS", "Table", "read_table", "write_table"]

_DELIMITERS = (",", ";", "\t")
_MISSING = {"", "-", "?", "n/a", "na", "nan", "none", "null"}
SEPARATORS = "Cells must be separated by commas, semicolons or tabs."
_FEW = 10  # names that a message lists


@dataclass(frozen=True)
class Table:
    """A table as it stands in its file: the cells are text until numbers are asked for.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str
        Names of the columns, all different.
    rows : list of list of str
        One cell for each name.
    lines : list of int
        Line of the file on which each row ends; the header begins on line 1.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def columns(self, words: Sequence[str], what: str) -> list[str]:
        """Names of columns that an option has named, each once.

        Parameters
        ----------
        words : sequence of str
            A name each, or several with commas between them.
        what : str
            The option, for the message.
        """
        found = []
        for word in words:
            found += [word] if word in self.names else [part.strip() for part in word.split(",")]
        self.check_columns(found, f"{what} must name columns of '{self.path}'")
        return list(dict.fromkeys(found))

    def check_columns(self, names: Sequence[str], rule: str) -> None:
        """Raise ValueError, with the broken rule, unless the table has all these columns."""
        missing = [name for name in names if name not in self.names]
        if missing:
            there = ", ".join(map(repr, self.names[:_FEW])) + (" and others" if len(self.names) > _FEW else "")
            close = get_close_matches(missing[0], self.names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" {SEPARATORS}" if len(self.names) == 1 else ""
            raise ValueError(
                f"{rule}, but it has no {', '.join(map(repr, missing[:_FEW]))}; its columns are {there}.{hint}"
            )

    def numbers(self, names: Sequence[str], advice: str = "code it in numbers") -> np.ndarray:
        """Columns as numbers.

        Parameters
        ----------
        names : sequence of str
            Columns of the table.
        advice : str, default="code it in numbers"
            What to do about a column of text.

        Returns
        -------
        values : ndarray of float64, of shape (n_rows, n_names)
            Finite.

        Raises
        ------
        ValueError
            If a cell is missing, no number, or not finite.
        """
        values = np.empty((len(self.rows), len(names)))
        for j, name in enumerate(names):
            index = self.names.index(name)
            cells = [row[index] for row in self.rows]
            try:
                values[:, j] = list(map(float, cells))
            except ValueError:
                self._refuse(name, cells, advice)
            if "_" in "".join(cells) or not np.isfinite(values[:, j]).all():  # for Python, 1_000 is a number
                self._refuse(name, cells, advice)
        return values

    def _refuse(self, name: str, cells: Sequence[str], advice: str) -> None:
        """Say where the first cell is that is no number, and what to do about it."""
        bad = [row for row, cell in enumerate(cells) if not _is_finite(cell)]
        cell, more = cells[bad[0]].strip(), len(bad) - 1
        place = f"in line {self.lines[bad[0]]}" + (f" (and {more} more)" if more else "")
        got = repr(cell if len(cell) <= 40 else cell[:40] + "...") if cell else "an empty cell"
        if cell.lower() in _MISSING:
            what, hint = "a number in every row", "fill it in, or leave such rows out"
        elif re.fullmatch(r"[+-]?\d*,\d+", cell):
            what, hint = "numbers with a decimal point", "write 1.5 instead of 1,5"
        elif _is_number(cell):
            what, hint = "finite numbers", "leave such rows out"
        else:
            what, hint = "numbers", advice
        raise ValueError(f"column {name!r} of '{self.path}' must hold {what}, got {got} {place}; {hint}.")


def read_table(path: str | Path) -> Table:
    """Read a CSV file with a header.

    Parameters
    ----------
    path : str or Path
        In UTF-8, with commas, semicolons or tabs between the cells.

    Returns
    -------
    table : Table
        Its content, at least one row.

    Raises
    ------
    OSError
        If the file is not there or cannot be read.
    ValueError
        If it is no such table.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"a table must be a CSV file, but '{path}' is a folder.")
    if not path.exists():
        raise FileNotFoundError(f"a table must be a CSV file, but there is none at '{path}'.")
    text = _decoded(path)
    if not text.strip():
        raise ValueError(f"'{path}' must hold a header and rows, but it is empty.")
    rows, lines = [], []
    for row, line in _rows(text, _delimiter(text), path):
        rows.append(row)
        lines.append(line)
    while not rows[-1]:  # empty lines at the end
        rows.pop()
    header = _checked_header(rows[0], path)
    for row, line in zip(rows[1:], lines[1:], strict=False):
        if len(row) != len(header):
            got = f"{len(row)} cells" if row else "an empty line"
            raise ValueError(
                f"every line of '{path}' must have {len(header)} cells, one for each name in the header, got {got} in "
                f"line {line}; complete the line or take it out."
            )
    if len(rows) < 2:
        raise ValueError(f"'{path}' must hold rows below its header, but there are none.")
    return Table(path, header, rows[1:], lines[1 : len(rows)])


def write_table(names: Sequence[str], values: np.ndarray) -> str:
    """Write numbers as CSV text, with a header; reading them back gives the same numbers.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    values : ndarray of shape (n_rows, n_names)
        The numbers.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(values.tolist())
    return text.getvalue()


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"'{path}' must be text in UTF-8, got the byte 0x{content[error.start]:02x} in line {line}; save it as CSV "
            "in UTF-8."
        ) from error


def _rows(text: str, delimiter: str, path: Path) -> Iterator[tuple[list[str], int]]:
    """Rows with the lines on which they end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            yield row, reader.line_num
    except csv.Error as error:
        raise ValueError(
            f"'{path}' must be a CSV file, but line {reader.line_num} cannot be read ({error})."
        ) from error


def _delimiter(text: str) -> str:
    """Find what separates the cells: the first two lines have as many of them, and the header has the most."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        counts: list[int] = []
        with suppress(ValueError):  # a line that cannot be read; read_table says so
            counts += (len(row) for row, _ in islice(_rows(text, delimiter, Path()), 2))
        return len(counts) == 2 and counts[0] == counts[1] > 1, counts[0] if counts else 0

    return max(_DELIMITERS, key=fitness)


def _checked_header(cells: Sequence[str], path: Path) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in cells)
    rule = f"the first line of '{path}' must hold the names of the columns"
    if all(map(_is_number, names)):
        got = f"numbers ({', '.join(names[:3])} ...)" if names else "an empty line"
        raise ValueError(f"{rule}, got {got}; add a line of names.")
    for position, name in enumerate(names, start=1):
        if not name:
            raise ValueError(f"{rule}, but column {position} has none; give it one, or write the file without it.")
        if names.index(name) + 1 < position:
            raise ValueError(
                f"{rule}, all different, got {name!r} for the columns {names.index(name) + 1} and {position}; "
                "rename one of them."
            )
    return names


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _is_finite(cell: str) -> bool:
    return _is_number(cell) and math.isfinite(float(cell))

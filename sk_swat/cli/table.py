"""Tables of numbers in CSV files: everything that is wrong with a file is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from sk_swat.cli.cells import Cells
from sk_swat.cli.csv_file import SEPARATORS, CSVFile, read_csv_file
from sk_swat.utils.labels import first_few, short_repr

__all__ = ["CSVTable", "read_table", "write_table"]

_INDEX = re.compile(r"(Unnamed: \d+(\.\d+)?)?")  # name of a data frame's index
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class CSVTable:
    """A table in a file, whose cells are read when numbers are asked for.

    `index` has the names of the first columns that came from a data frame's index: the header has no name for them.
    `note` is told, in words, how the file was understood where that is not plain.
    """

    file: CSVFile
    names: tuple[str, ...]
    index: tuple[str, ...]
    note: Callable[[str], None]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    def columns(self, words: Sequence[str]) -> list[str]:
        """Names in the words of an option, each once: a word is a name, or several with commas between them."""
        found = []
        for word in words:
            found += [word] if word in self._positions else [part.strip() for part in word.split(",")]
        return list(dict.fromkeys(found))

    def missing(self, names: Sequence[str], rule: str) -> list[str]:
        """Say, if so, that the rule is broken because some of these names belong to no column."""
        missing = [name for name in names if name not in self._positions]
        if not missing:
            return []
        near = get_close_matches(missing[0][:60], [name for name in self.names[:500] if len(name) <= 60], n=1)
        hint = f"; did you mean {short_repr(near[0])}?" if near else ""
        if len(self.names) == 1 and not near:
            hint = f". {SEPARATORS[:-1]}"
        return [f"{rule}, but there is no {first_few(missing)}; the columns are {first_few(self.names)}{hint}"]

    def numbers(
        self, advice: Mapping[str, str], *, problems: Sequence[str] = (), may_be_empty: bool = False
    ) -> np.ndarray:
        """Columns as finite numbers, of shape (n_rows, n_columns), with nan for an empty cell where cells may be empty.

        `advice` says what to do if a column holds text, by its name; names that no column has are passed over.
        ValueError says everything that is wrong, after the problems that are known already. Decimal commas are
        understood where commas do not separate the cells.
        """
        columns = {name: self._positions[name] for name in advice if name in self._positions}

        def cells(decimal: str) -> Cells:
            rows = islice(self.file.rows(), 1, None)
            return Cells(rows, len(self.names), columns, advice, decimal, may_be_empty)

        commas_are_free = self.file.separator != "," or len(self.names) == 1
        marks = ",." if commas_are_free and self._begins_with_decimal_commas(columns.values()) else ".,"
        read = cells(marks[0])
        if read.has_other_marks and commas_are_free:
            read = min(read, cells(marks[1]), key=lambda one: one.n_faults)
        if found := [*problems, *read.problems()]:
            raise _unusable(self.file.path, found)
        if read.comma is not None:
            self.note(f"'{self.file.path}' has decimal commas: {read.comma} is read as {read.comma.replace(',', '.')}.")
        return read.values

    def _begins_with_decimal_commas(self, positions: Collection[int]) -> bool:
        """Look at the first rows, so that most files are read once."""
        rows = [row for _, row in islice(self.file.rows(), 1, 20) if len(row) == len(self.names)]
        return any(_DECIMAL_COMMA.fullmatch(row[i]) for row in rows for i in positions)


def read_table(path: str | Path, note: Callable[[str], None]) -> CSVTable:
    """Read the header of a CSV file. ValueError says what is wrong with it; for `note` see :class:`CSVTable`."""
    file = read_csv_file(path)
    if file.encoding == "cp1252":
        note(f"'{file.path}' is not in UTF-8; it is read as Latin-1 (code page 1252).")
    names = [name.strip() for name in next(file.rows())[1]]
    n_index = next((i for i, name in enumerate(names) if not _INDEX.fullmatch(name)), 0)
    given = set(names)
    for i in range(n_index):
        if not names[i]:
            names[i] = f"Unnamed: {i}"  # as pandas calls it
            while names[i] in given:
                names[i] += ".1"
            given.add(names[i])
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names, start=1):
        places.setdefault(name, []).append(position)
    got = [
        f"{short_repr(name) if name else 'none'} for {'column' if len(at) == 1 else 'the columns'} {first_few(at, str)}"
        for name, at in places.items()
        if len(at) > 1 or not name
    ]
    if all(map(_is_number, names)):
        got = [f"numbers ({first_few(names)})" if names else "an empty line"]
    if got:
        rule = "the first line must hold the names of the columns, all different"
        raise _unusable(file.path, [f"{rule}, got {first_few(got, str)}; give each column a name, or leave it out"])
    return CSVTable(file, tuple(names), tuple(names[:n_index]), note)


def write_table(names: Sequence[str], values: np.ndarray) -> str:
    """Write numbers as CSV text, with a header; nan becomes an empty cell. Reading them back gives the same numbers."""
    import pandas as pd

    return pd.DataFrame(values, columns=list(names)).to_csv(index=False, lineterminator="\n")


def _unusable(path: Path, problems: Sequence[str]) -> ValueError:
    sentences = " ".join(f"{one[0].upper()}{one[1:]}{'' if one.endswith('?') else '.'}" for one in problems)
    return ValueError(f"'{path}' cannot be used. {sentences}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

"""CSV files as rows of cells: packed or not, in the usual encodings, with the usual separators."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

__all__ = ["EMPTY", "SEPARATORS", "CSVFile", "read_csv_file"]

SEPARATORS = "Cells must be separated by commas, semicolons, tabs or vertical bars."
_SEPARATORS = (",", ";", "\t", "|")
_DAMAGE = (EOFError, OSError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_NUMBER = re.compile(r"[+-]?\d*[.,]?\d*([eE][+-]?\d+)?")  # with any mark
# empty cells, in lower case
EMPTY = {"", "-", ".", "?", "#n/a", "#na", "<na>", "n/a", "na", "nan", "-nan", "nat", "none", "null"}
_KINDS = "text in UTF-8, UTF-16 or Latin-1, or such a file packed by gzip, bzip2, xz or zip"


@dataclass(frozen=True)
class CSVFile:
    """A file of cells: its content, unpacked, with the encoding and what stands between the cells."""

    path: Path
    content: bytes = field(repr=False)
    encoding: str
    separator: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Rows, each with the line on which it ends; an empty line is a row without cells."""
        text = io.TextIOWrapper(io.BytesIO(self.content), self.encoding, newline="")
        reader = csv.reader(text, delimiter=self.separator, skipinitialspace=True, strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise ValueError(
                f"'{self.path}' must be a CSV file, but line {reader.line_num} cannot be read ({error})."
            ) from error


def read_csv_file(path: str | Path) -> CSVFile:
    """Read a file, and find out how it is packed, encoded and separated.

    It may be text in UTF-8, UTF-16 with a byte order mark, or Latin-1 (as Windows has it: code page 1252), packed by
    gzip, bzip2, xz or zip or not. What separates the cells gives the first two rows as many of them, and numbers below
    the header.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"a table must be a CSV file, but '{path}' is a folder.")
    if not path.exists():
        raise FileNotFoundError(f"a table must be a CSV file, but there is none at '{path}'.")
    content = _unpack(path)
    encoding = _encoding(content)
    if encoding is None:
        raise ValueError(f"'{path}' must be {_KINDS}, but it is another kind of file; save it as CSV in UTF-8.")
    if not content.decode(encoding).strip():
        raise ValueError(f"'{path}' must hold a header and rows, but it is empty.")
    return max((CSVFile(path, content, encoding, one) for one in _SEPARATORS), key=_fitness)


def _unpack(path: Path) -> bytes:
    """Content of a file; how it is packed is seen in its first bytes."""
    content = path.read_bytes()
    unpack = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress, b"PK\3\4": _only_file}
    for begin, function in unpack.items():
        if content.startswith(begin):
            try:
                return function(content)
            except _DAMAGE as error:
                raise ValueError(
                    f"'{path}' must be {_KINDS}, but it cannot be unpacked ({error}); save it as CSV, or pack it again."
                ) from error
    return content


def _only_file(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise ValueError(f"one file is needed in it, not {len(names)}")
        return archive.read(names[0])


def _encoding(content: bytes) -> str | None:
    """Find the encoding of a text; None if it is none."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            strange = set(map(chr, range(32))) - set("\t\n\r\f") if encoding == "cp1252" else {"\0"}
            return None if any(one in text for one in strange) else encoding
    return None


def _fitness(file: CSVFile) -> tuple[bool, bool, bool, float, int]:
    """Judge a separator: the better it fits, the larger, with the weightiest reason first."""
    rows: list[list[str]] = []
    with suppress(ValueError):  # a line that cannot be read; who reads all rows is told so
        rows += (row for _, row in islice(file.rows(), 2))
    header, row = (*rows, [], [])[:2]
    equal, several = len(header) == len(row), min(len(header), len(row)) > 1
    cells = [cell.strip() for cell in row]
    numbers = sum(bool(_NUMBER.fullmatch(cell)) or cell.lower() in EMPTY for cell in cells) / max(1, len(cells))
    return equal and several, several, equal, numbers, len(header)

"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["aligned"]


def aligned(rows: Sequence[Sequence[str]], n_left: int = 1) -> str:
    """Write rows of cells, the first of them titles, as a markdown table with lines of equal length.

    The first `n_left` columns are aligned on the left, the others on the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width if i < n_left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines = []
    for row in [rows[0], rule, *rows[1:]]:
        cells = enumerate(zip(row, widths, strict=True))
        lines.append(f"| {' | '.join(cell.ljust(w) if i < n_left else cell.rjust(w) for i, (cell, w) in cells)} |")
    return "\n".join(lines)

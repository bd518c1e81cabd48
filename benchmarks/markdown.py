"""Tables in Markdown, and how figures are written in them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

__all__ = ["two", "write_table"]


def write_table(rows: Sequence[Sequence[str]], n_left: int = 1) -> str:
    """Write rows of cells, the first of them titles; columns but the first `n_left` are aligned on the right."""
    sides = ["left" if column < n_left else "right" for column in range(len(rows[0]))]
    table = pd.DataFrame(rows[1:], columns=rows[0])
    return table.to_markdown(index=False, tablefmt="pipe", colalign=sides, disable_numparse=True)


def two(value: float) -> str:
    """Write a figure with two digits that count, without a power of ten."""
    return f"{value:.{max(0, 1 - math.floor(math.log10(abs(value))))}f}" if value else "0"

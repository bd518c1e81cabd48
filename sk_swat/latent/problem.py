"""What a latent search is given: standardised rows, and the columns from which networks choose."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.refine.columns import column_chance
from sk_swat.refine.rows import Rows
from sk_swat.utils.deadline import Deadline

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """Rows of the data in the units of the search (mean 0, variance 1), in float32.

    Parameters
    ----------
    rows : Rows
        Rows the search fits.
    held : Rows or None
        Held-out rows by which candidates are compared as well; None without early stopping.
    columns : Tensor of int
        Columns that vary, from which starts choose.
    chance : Tensor of shape (n_columns,), default=None
        With which they choose each column; None takes :func:`sk_swat.refine.columns.column_chance`, anew for each draw.
    """

    rows: Rows
    held: Rows | None
    columns: torch.Tensor
    chance: torch.Tensor | None = None

    @classmethod
    def of(cls, rows: Rows, held: Rows | None, columns: torch.Tensor, deadline: Deadline | None = None) -> Problem:
        """Give a problem with the chances of its columns, or what is known of them when the deadline passes."""
        return cls(rows, held, columns, column_chance(rows, deadline=deadline))

    def to(self, device: str) -> Problem:
        """Give the same problem on a device."""
        held = None if self.held is None else self.held.to(device)
        chance = None if self.chance is None else self.chance.to(device)
        return Problem(self.rows.to(device), held, self.columns.to(device), chance)

    def ranking_rows(self, n_rows: int) -> Problem:
        """Give the first rows alone, without held-out ones, for quick comparisons."""
        return Problem(self.rows[:n_rows], None, self.columns, self.chance)

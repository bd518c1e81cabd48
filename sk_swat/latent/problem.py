"""What a search is given: standardised rows, the prices, and how long to look."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.refine.columns import column_chance
from sk_swat.refine.rows import Rows
from sk_swat.utils.deadline import Deadline

__all__ = ["Problem", "SearchConfig"]


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


@dataclass(frozen=True)
class SearchConfig:
    """Settings of the search of one depth; see SWATRegressor for the public ones.

    Parameters
    ----------
    sparsity, compactness : float
        Price in R^2 of one non-zero number and of one living neuron.
    allowed : tuple of bool
        Which activations may be chosen, in the order of ``ACTIVATIONS``.
    n_restarts, max_iter : int
        Starts that descend, and their gradient steps.
    learning_rate : float
        First step size of Adam on the latents.
    tol : float
        Smallest improvement of the objective, as a share of it, that counts.
    init : {"bank", "random"}
        Where starts come from.
    n_generations : int
        Generations of selection among latents before the descent (bank only).
    readout : {"ridge", "decoded"}
        Whether the output layer is fitted to the data or taken from the decoder.
    n_screened, n_decoded : int
        Decoded networks of the bank ranked on a few rows, and how many of them are ranked on more.
    n_children, n_parents : int
        New latents in each generation, and survivors.
    n_ranking_rows : int
        Rows by which candidates are ranked.
    thresholds : tuple of float
        Multiples of the learned weight threshold at which networks are hardened; the best is kept.
    small_share, small_price : float
        Share of the starts that are chosen at a higher price of a number, and what is added to the price.
    """

    sparsity: float
    compactness: float
    allowed: tuple[bool, ...]
    n_restarts: int
    max_iter: int
    learning_rate: float
    tol: float
    init: str
    n_generations: int
    readout: str
    n_screened: int = 2048
    n_decoded: int = 512
    n_children: int = 256
    n_parents: int = 48
    n_ranking_rows: int = 256
    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 24.0)
    small_share: float = 0.0
    small_price: float = 3e-4

    @property
    def linear(self) -> bool:
        """Whether identity neurons are allowed."""
        return self.allowed[ACTIVATION_NAMES.index("identity")]

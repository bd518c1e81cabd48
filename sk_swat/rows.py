"""Rows of a table in the units of the search, and how much each of them counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from sk_swat.softnet import SoftNetworks

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Inputs, targets and weights.

    Parameters
    ----------
    X : Tensor of shape (n_rows, n_columns) or (n_networks, n_rows, n_columns)
        Inputs, shared by all networks or one set for each.
    y : Tensor of shape (n_rows,) or (n_networks, n_rows)
        Targets.
    weight : Tensor of shape (n_rows,), default=None
        How often each row counts, in the type of y. None stands for once; with weights of one, results are the same up
        to rounding.
    """

    X: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.y.shape[-1]

    def __getitem__(self, index: Any) -> Rows:
        """Take some of the rows, by a slice, a mask or indices."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.X[..., index, :], self.y[..., index], weight)

    def to(self, kind: torch.dtype | torch.device | str) -> Rows:
        """Copy in another type, or on another device."""
        return Rows(self.X.to(kind), self.y.to(kind), None if self.weight is None else self.weight.to(kind))

    @property
    def count(self) -> float:
        """Number of rows, each counted as often as its weight says."""
        return float(len(self)) if self.weight is None else float(self.weight.sum(dtype=torch.float64))

    @property
    def variance(self) -> float:
        """Variance of shared targets."""
        if self.weight is None:
            return float(self.y.var(correction=0))
        return float(self.mean((self.y - self.mean(self.y)).square()))

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the rows, which are the last dimension of the values, in float64."""
        return (values if self.weight is None else values * self.weight).sum(-1, dtype=torch.float64)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the rows, which are the last dimension of the values."""
        return values.mean(-1) if self.weight is None else values @ (self.weight / self.weight.sum())

    def error(self, networks: SoftNetworks) -> torch.Tensor:
        """Mean squared error of each network, of shape (n_networks,)."""
        return self.mean((networks.forward(self.X) - self.y).square())

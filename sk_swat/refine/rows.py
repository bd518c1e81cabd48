"""Rows of a table in the units of the search, and how much each of them counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from sk_swat.network.softnet import SoftNetworks

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Inputs, targets and weights.

    Parameters
    ----------
    X : Tensor of shape (n_rows, n_columns) or (n_networks, n_rows, n_columns)
        Inputs, shared by all networks or one set for each.
    y : Tensor of shape (n_rows,), (n_targets, n_rows) or (n_networks, n_rows)
        Targets: one, several, or one for each network (for fits of numbers alone).
    weight : Tensor of shape (n_rows,), default=None
        How often each row counts, in the type of y. None stands for once; with weights of one, results are the same up
        to rounding.
    n_targets : int, default=1
        Number of targets, at least 1: outputs of the networks.
    """

    X: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor | None = None
    n_targets: int = 1

    def __len__(self) -> int:
        return self.y.shape[-1]

    def __getitem__(self, index: Any) -> Rows:
        """Take some of the rows, by a slice, a mask or indices."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.X[..., index, :], self.y[..., index], weight, self.n_targets)

    def of_networks(self, index: torch.Tensor) -> Rows:
        """Rows for some of the networks, where each has inputs of its own."""
        return self if self.X.ndim == 2 else Rows(self.X[index], self.y, self.weight, self.n_targets)

    def to(self, kind: torch.dtype | torch.device | str) -> Rows:
        """Copy in another type, or on another device."""
        weight = None if self.weight is None else self.weight.to(kind)
        return Rows(self.X.to(kind), self.y.to(kind), weight, self.n_targets)

    @property
    def count(self) -> float:
        """Number of rows, each counted as often as its weight says."""
        return float(len(self)) if self.weight is None else float(self.weight.sum(dtype=torch.float64))

    @property
    def n_observations(self) -> float:
        """Number of residuals that a fit has: each counted row gives one for each target."""
        return self.count * self.n_targets

    @property
    def variance(self) -> float:
        """Variance of shared targets, the mean over several."""
        if self.weight is None and self.n_targets == 1:
            return float(self.y.var(correction=0))
        return float(self.mean((self.y - self.mean(self.y)[..., None]).square()).mean())

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the rows, which are the last dimension of the values."""
        return values.mean(-1) if self.weight is None else values @ (self.weight / self.weight.sum())

    def squared_errors(self, networks: SoftNetworks) -> torch.Tensor:
        """Squared error of each row, the mean over several targets, of shape (n_networks, n_rows)."""
        squares = (networks.forward(self.X) - self.y).square()
        return squares if self.n_targets == 1 else squares.mean(1)

    def error(self, networks: SoftNetworks) -> torch.Tensor:
        """Mean squared error of each network, of shape (n_networks,)."""
        return self.mean(self.squared_errors(networks))

    def one_after_the_other(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Targets, of shape (..., n_targets * n_rows), and weights: of the first target, the second, and so on."""
        if self.n_targets == 1:
            return self.y, self.weight
        return self.y.flatten(), None if self.weight is None else self.weight.repeat(self.n_targets)

"""Rows of a table in the units of the search, how much each of them counts, and the loss of a residual."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.losses import Loss, SquaredError

__all__ = ["Rows", "weighted_mean"]


def weighted_mean(values: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean over the last dimension, with weights of shape (n_rows,), or (n_networks, n_rows) for 3-D values."""
    if weight is None:
        return values.mean(-1)
    share = weight / weight.sum(-1, keepdim=True)
    return values @ share if share.ndim == 1 else (values @ share[:, :, None]).squeeze(2)


@dataclass(frozen=True)
class Rows:
    """Inputs, targets, weights, and the loss that a fit of them minimises.

    Parameters
    ----------
    X : Tensor of shape (n_rows, n_columns) or (n_networks, n_rows, n_columns)
        Inputs, shared by all networks or one set for each.
    y : Tensor of shape (n_targets, n_rows) or (n_networks, n_targets, n_rows)
        Targets, at least one, shared by all networks or a set for each. Shape (n_rows,) becomes (1, n_rows).
    weight : Tensor of shape (n_rows,), default=None
        How often each row counts, in the type of y. None stands for once; with weights of one, results are the same up
        to rounding.
    loss : Loss, default=SquaredError()
        Loss of each residual.
    """

    X: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor | None = None
    loss: Loss = field(default_factory=SquaredError)

    def __post_init__(self) -> None:
        if self.y.ndim == 1:
            object.__setattr__(self, "y", self.y[None])

    def __len__(self) -> int:
        return self.y.shape[-1]

    def __getitem__(self, index: Any) -> Rows:
        """Take some of the rows, by a slice, a mask or indices."""
        weight = None if self.weight is None else self.weight[index]
        return replace(self, X=self.X[..., index, :], y=self.y[..., index], weight=weight)

    def of_networks(self, index: torch.Tensor | slice) -> Rows:
        """Rows for some of the networks, where each has inputs or targets of its own."""
        X, y = (shared if shared.ndim == 2 else shared[index] for shared in (self.X, self.y))
        return replace(self, X=X, y=y)

    def to(self, kind: torch.dtype | torch.device | str) -> Rows:
        """Copy in another type, or on another device."""
        weight = None if self.weight is None else self.weight.to(kind)
        return replace(self, X=self.X.to(kind), y=self.y.to(kind), weight=weight)

    @property
    def n_targets(self) -> int:
        """Number of targets: outputs of the networks."""
        return self.y.shape[-2]

    @property
    def count(self) -> float:
        """Number of rows, each counted as often as its weight says."""
        return float(len(self)) if self.weight is None else float(self.weight.sum(dtype=torch.float64))

    @property
    def n_observations(self) -> float:
        """Number of residuals that a fit has: each counted row gives one for each target."""
        return self.count * self.n_targets

    @property
    def constant_loss(self) -> float:
        """Mean loss of the best constants; for squared error the variance of the targets."""
        return self.loss.of_constant(self)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the rows, which are the last dimension of the values."""
        return weighted_mean(values, self.weight)

    def losses(self, networks: SoftNetworks) -> torch.Tensor:
        """Loss of each row, the mean over the targets, of shape (n_networks, n_rows)."""
        output = networks.forward(self.X).reshape(len(networks), self.n_targets, len(self))
        return self.loss.value(output - self.y).mean(1)

    def error(self, networks: SoftNetworks) -> torch.Tensor:
        """Mean loss of each network, of shape (n_networks,)."""
        return self.mean(self.losses(networks))

    def one_after_the_other(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Targets, of shape (..., n_targets * n_rows), and weights: of the first target, the second, and so on."""
        return self.y.flatten(-2), None if self.weight is None else self.weight.repeat(self.n_targets)

"""Weight pruning by ADMM: weights are drawn towards a sparse copy of themselves while they go on fitting the rows."""

from __future__ import annotations

from typing import Any

import torch
from skorch.callbacks import Callback

from benchmarks.baselines.masked_mlp import MaskedMLP, MaskedNet, run
from benchmarks.baselines.raw_units import RawUnits

__all__ = ["ADMMNet", "Consensus", "prune_by_admm"]


class Consensus(Callback):
    """Sparse copy Z and scaled dual variables U of a run, updated after each epoch (arXiv 1804.03294).

    Parameters
    ----------
    units : RawUnits
        Counts the numbers.
    size : int
        Most numbers of the sparse copy.
    rho : float
        Strength of the pull at first.
    rho_growth : float, default=1.0
        Factor of rho after each epoch; the scaled dual variables are divided by it.
    """

    def __init__(self, units: RawUnits, size: int, rho: float, rho_growth: float = 1.0) -> None:
        self.units = units
        self.size = size
        self.rho = rho
        self.rho_growth = rho_growth

    def on_train_begin(self, net: ADMMNet, **kwargs: Any) -> None:
        """Begin at the projection of the weights."""
        numbers = net.module_.numbers.detach()
        self.dual = torch.zeros_like(numbers)
        self.sparse = self._projected(net.module_, numbers)

    def on_epoch_end(self, net: ADMMNet, **kwargs: Any) -> None:
        """Project, then add to the dual variables what still parts weights and sparse copy."""
        numbers = net.module_.numbers.detach()
        self.sparse = self._projected(net.module_, numbers + self.dual)
        self.dual = (self.dual + numbers - self.sparse) / self.rho_growth
        self.rho *= self.rho_growth

    def _projected(self, module: MaskedMLP, values: torch.Tensor) -> torch.Tensor:
        return torch.where(self.units.largest_mask(module, values, self.size), values, 0.0)

    def pull(self, numbers: torch.Tensor) -> torch.Tensor:
        """``rho / 2 ||W - Z + U||^2`` for the weights W."""
        return self.rho / 2 * (numbers - self.sparse + self.dual).square().sum()


class ADMMNet(MaskedNet):
    """MaskedNet that minimises ``loss(W) + rho / 2 ||W - Z + U||^2`` in each epoch (arXiv 1804.03294).

    Parameters
    ----------
    module : MaskedMLP
        The network, trained in place.
    consensus : Consensus
        Moves Z and U between the epochs.
    **kwargs
        Passed to `MaskedNet`.
    """

    def __init__(self, module: MaskedMLP, *, consensus: Consensus, **kwargs: Any) -> None:
        self.consensus = consensus
        super().__init__(module, **({"callbacks": [("consensus", consensus)]} | kwargs))

    def get_loss(self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Mean squared error and pull towards the sparse copy."""
        return super().get_loss(y_pred, y_true, *args, **kwargs) + self.consensus.pull(self.module_.numbers)


def prune_by_admm(
    module: MaskedMLP,
    X: torch.Tensor,
    y: torch.Tensor,
    units: RawUnits,
    size: int,
    *,
    rho: float,
    rho_growth: float = 1.0,
    l2: float = 0.0,
    n_rounds: int,
    n_steps: int,
    n_finetune_steps: int,
) -> None:
    """Prune a trained module to a size, in place: ADMM, hard projection, and fine-tuning of what is left.

    Parameters
    ----------
    module : MaskedMLP
        Numbers outside its mask stay zero.
    X, y : Tensor of shape (n_rows, n_inputs), Tensor of shape (n_rows, 1)
        Standardised rows.
    units : RawUnits
        Counts the numbers.
    size : int
        Most non-zero numbers in raw units.
    rho, rho_growth : float
        Strength of the pull at first, and its factor from one round to the next.
    l2 : float, default=0.0
        Price of the sum of all squared weights and biases during ADMM.
    n_rounds, n_steps, n_finetune_steps : int
        ADMM rounds, iterations of L-BFGS in each, and of the fine-tuning.
    """
    consensus = Consensus(units, size, rho, rho_growth)
    run(ADMMNet(module, consensus=consensus, n_steps=n_steps, max_epochs=n_rounds, l2=l2), X, y)
    module.set_mask(units.largest_mask(module, module.numbers + consensus.dual, size) & (module.mask > 0))
    run(MaskedNet(module, n_steps=n_finetune_steps), X, y)

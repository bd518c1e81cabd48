"""Weight pruning by ADMM (arXiv 1804.03294): weights are drawn towards a sparse copy while they go on fitting."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch

from benchmarks.baselines.masked_mlp import MaskedMLP, train
from benchmarks.baselines.raw_units import RawUnits
from sk_swat.utils.parameters import check_integer, check_number

if TYPE_CHECKING:
    from benchmarks.baselines.sized import StandardRows

__all__ = ["ADMM", "Consensus"]


class Consensus:
    """Sparse copy Z, of at most `size` parameters, and scaled dual variables U of the weights W of a module.

    Z begins at their projection; `rho` is the strength of the pull.
    """

    def __init__(self, module: MaskedMLP, units: RawUnits, size: int, rho: float) -> None:
        self.module, self.units, self.size, self.rho = module, units, size, rho
        vector = module.vector.detach()
        self.dual = torch.zeros_like(vector)
        self.sparse = self._project(vector)

    def update(self, rho_growth: float) -> None:
        """Project, then add to the dual variables what still parts weights and sparse copy; rho grows."""
        vector = self.module.vector.detach()
        self.sparse = self._project(vector + self.dual)
        self.dual = (self.dual + vector - self.sparse) / rho_growth  # they are scaled by rho
        self.rho *= rho_growth

    def _project(self, values: torch.Tensor) -> torch.Tensor:
        return torch.where(self.units.largest_mask(self.module, values, self.size), values, 0.0)

    def pull(self, vector: torch.Tensor) -> torch.Tensor:
        """``rho / 2 ||W - Z + U||^2`` for the weights W."""
        return self.rho / 2 * (vector - self.sparse + self.dual).square().sum()


@dataclass(frozen=True)
class ADMM:
    rho: float = 1e-2  # strength of the pull at first, for a mean squared error in units of the target's variance
    rho_growth: float = 1.2  # its factor from one round to the next
    n_rounds: int = 15  # for each size
    n_steps: int = 30  # iterations of L-BFGS in each round
    n_finetune_steps: int = 300  # iterations at each size after pruning

    def check(self) -> None:
        check_number("rho", self.rho, 0)
        check_number("rho_growth", self.rho_growth, 0, low_open=True)
        for field in fields(self)[2:]:
            check_integer(field.name, getattr(self, field.name), 1)

    def prune(self, module: MaskedMLP, rows: StandardRows, units: RawUnits, size: int, l2: float = 0.0) -> None:
        """Prune a trained module in place to at most `size` non-zero parameters in raw units.

        ADMM, in which `l2` is the price of the sum of all squared weights and biases, then a hard projection, and
        fine-tuning of what is left. Parameters outside the module's mask stay zero.
        """
        consensus = Consensus(module, units, size, self.rho)
        for _ in range(self.n_rounds):
            train(module, *rows, self.n_steps, l2, consensus.pull)
            consensus.update(self.rho_growth)
        module.set_mask(units.largest_mask(module, module.vector + consensus.dual, size) & (module.mask > 0))
        train(module, *rows, self.n_finetune_steps)

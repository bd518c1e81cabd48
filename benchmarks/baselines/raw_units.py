"""Sizes as they count: parameters of the network in raw units, with the scaling folded in and without what is dead."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.baselines.masked_mlp import MaskedMLP
from sk_swat.network.scaling import Standardisation
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["RawUnits"]


class RawUnits:
    """Between standardised rows, on which networks are trained, and raw ones, for which their size counts.

    A shift of a column makes the bias of every neuron that reads it non-zero in raw units, and a shift of the target
    that of the output. Such biases count whatever they are in standardised units, so pruning leaves them alone. Columns
    that do not vary are not read.
    """

    def __init__(self, scaling: Standardisation) -> None:
        self.scaling = scaling
        self._columns = scaling.varying
        self._shifted = torch.from_numpy(scaling.x_offset[self._columns] != 0)

    def inputs(self, X: np.ndarray) -> torch.Tensor:
        """Standardised columns that vary, of shape (n_rows, n_varying)."""
        return torch.from_numpy(np.ascontiguousarray(self.scaling.inputs(X)[:, self._columns]))

    def target(self, y: np.ndarray) -> torch.Tensor:
        """Standardised target, of shape (n_rows, 1)."""
        return torch.from_numpy(self.scaling.target(y))[:, None]

    def network(self, module: MaskedMLP, vector: torch.Tensor | None = None) -> SparseMLP:
        """Give the network of a module, or of other parameters in its shape, in raw units and pruned."""
        scaling, columns = self.scaling, self._columns
        folded = module.to_sparse(vector).with_scaling(
            scaling.x_offset[columns], scaling.x_scale[columns], scaling.y_offset, scaling.y_scale
        )
        return folded.prune().with_inputs(np.eye(len(scaling.x_scale))[:, columns])

    def largest_mask(self, module: MaskedMLP, values: torch.Tensor, size: int) -> torch.Tensor:
        """Keep as many of the largest values as possible: the network has at most `size` parameters in raw units.

        Projection onto the sparse networks (Zhang et al. 2018, arXiv 1804.03294), over all layers together. Those
        without a path to the output do not count. The mask is True for parameters that stay.
        """
        order = values.detach().abs().argsort(descending=True, stable=True)
        fits, above = 0, len(order) + 1  # how many of the largest values fit, and how many do not
        while above - fits > 1:
            middle = (fits + above) // 2
            if self.size(module, self._mask(module, order[:middle])) <= size:
                fits = middle
            else:
                above = middle
        return self._mask(module, order[:fits])

    def size(self, module: MaskedMLP, mask: torch.Tensor) -> int:
        """Non-zero parameters in raw units of a network with this mask, whatever their values."""
        generic = 1 + torch.linspace(0, 1, len(mask), dtype=torch.float64)  # sums of which do not cancel
        scaling, columns = self.scaling, self._columns
        folded = module.to_sparse(generic * mask).with_scaling(
            -1.0 * (scaling.x_offset[columns] != 0), 1.0, 1.0 * (scaling.y_offset != 0), 1.0
        )
        return folded.prune().n_nonzero

    def _mask(self, module: MaskedMLP, kept: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros(len(module.vector), dtype=torch.bool)
        mask[kept] = True
        layers = module.layers(mask)  # views
        layers[0][1][:] |= layers[0][0][self._shifted].any(0)
        if self.scaling.y_offset != 0:
            layers[-1][1][:] = True
        return mask

"""The linear readout of many networks at once: ridge regression of the target on the last hidden layer.

For a given hidden part the best output layer costs a solve of a few equations; it ranks thousands of candidates in
a fraction of a second (and is what makes the comparison of hidden parts fair).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.rows import Rows

__all__ = ["Readout", "solve_readout", "with_readout"]


@dataclass(frozen=True)
class Readout:
    """Output layers: weights (n, width, n_targets), bias (n, n_targets), and the FVU (n,) on the rows of the fit."""

    weight: torch.Tensor
    bias: torch.Tensor
    fvu: torch.Tensor


def solve_readout(hidden: torch.Tensor, rows: Rows, ridge: float = 1e-4) -> Readout:
    """Fit the output layer of every network.

    Parameters
    ----------
    hidden : Tensor of shape (n_networks, n_rows, width)
        Outputs of the last hidden layer.
    rows : Rows
        Targets and weights of these rows; their inputs are not read.
    ridge : float, default=1e-4
        Added to the correlation matrix, whose diagonal is 1.

    Returns
    -------
    readout : Readout
        Zero weights for neurons that do not vary; an FVU of infinity where the hidden layer is not finite.
    """
    finite = torch.isfinite(hidden).all(dim=(1, 2))
    hidden = torch.where(finite[:, None, None], hidden, 0.0)
    targets = rows.y.reshape(rows.n_targets, -1)
    mean = hidden.mean(1) if rows.weight is None else rows.mean(hidden.mT)
    y_mean = rows.mean(targets)
    centred, centred_y = hidden - mean[:, None, :], targets - y_mean[:, None]
    weighted = centred if rows.weight is None else centred * rows.weight[:, None]
    gram = (weighted.mT @ centred / rows.count).double()
    moment = (weighted.mT @ centred_y.mT / rows.count).double()
    scale = gram.diagonal(dim1=1, dim2=2).sqrt()
    varies = scale > 1e-5 * (1 + mean.abs())
    unit = torch.where(varies, 1 / scale.clamp_min(1e-30), 0.0)
    correlation, moment = gram * unit[:, :, None] * unit[:, None, :], moment * unit[:, :, None]
    added = torch.full_like(scale, ridge, dtype=torch.float32).masked_fill(~varies, 1.0)
    solution = torch.linalg.solve(correlation + torch.diag_embed(added), moment)
    variance = rows.mean(centred_y.square()).double().clamp_min(1e-30)
    gain = 2 * (solution * moment).sum(1) - (solution * (correlation @ solution)).sum(1)
    fvu = torch.where(finite, (1 - gain / variance).clamp_min(0).mean(1), torch.inf)
    weight = (solution * unit[:, :, None]).to(hidden.dtype)
    return Readout(weight, y_mean - (weight * mean[:, :, None]).sum(1), fvu.to(hidden.dtype))


def with_readout(networks: SoftNetworks, readout: Readout) -> SoftNetworks:
    """Put the fitted output layers in the place of the decoded ones."""
    return networks.replace(
        weights=(*networks.weights[:-1], readout.weight), biases=(*networks.biases[:-1], readout.bias)
    )

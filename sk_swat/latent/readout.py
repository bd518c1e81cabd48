"""The linear readout of many networks at once: regression of the targets on the last hidden layer.

For a given hidden part the best output layer costs a solve of a few equations; it ranks thousands of networks in
a fraction of a second (and is what makes the comparison of hidden parts fair).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table, weighted_mean

__all__ = ["Readout", "solve_readout", "with_readout"]

_REWEIGHTED = 8  # ridge regressions for a loss that is not quadratic


@dataclass(frozen=True)
class Readout:
    """Output layers: weights (n, width, n_targets), bias (n, n_targets), and what they leave on the rows of the fit.

    `unexplained`, of shape (n,), is the mean loss as a share of the best constant's: for squared error the fraction of
    variance unexplained, the mean over the targets.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    unexplained: torch.Tensor


def solve_readout(hidden: torch.Tensor, rows: Table, ridge: float = 1e-4) -> Readout:
    """Fit the output layer of every network to what its last hidden layer gives, of shape (n_networks, n_rows, width).

    The ridge is added to the correlation matrix, whose diagonal is 1. Neurons that do not vary get zero weights; where
    the hidden layer is not finite, infinitely much is unexplained. The inputs of the rows are not read.
    """
    finite = torch.isfinite(hidden).all(dim=(1, 2))
    hidden = torch.where(finite[:, None, None], hidden, 0.0)
    weight, bias, unexplained = _ridge_regression(hidden, rows.y, rows.weight, rows.count, ridge)
    if not rows.loss.quadratic:
        weight, bias, unexplained = _reweight(hidden, rows, ridge, weight, bias)
    return Readout(weight, bias, torch.where(finite, unexplained, torch.inf).to(hidden.dtype))


def _ridge_regression(
    hidden: torch.Tensor, targets: torch.Tensor, row_weight: torch.Tensor | None, count: float, ridge: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights, biases and unexplained variance.

    Targets have shape (n_targets, n_rows), with weights of shape (n_rows,) and sum `count`; or each network has its
    own: shapes (n_networks, n_targets, n_rows) and (n_networks, n_rows).
    """
    mean, y_mean = (weighted_mean(part, row_weight) for part in (hidden.mT, targets))
    centred, centred_y = hidden - mean[:, None, :], targets - y_mean[..., None]
    weighted = centred if row_weight is None else centred * row_weight[..., None]
    gram = (weighted.mT @ centred / count).double()
    moment = (weighted.mT @ centred_y.mT / count).double()
    scale = gram.diagonal(dim1=1, dim2=2).sqrt()
    varies = scale > 1e-5 * (1 + mean.abs())
    unit = torch.where(varies, 1 / scale.clamp_min(1e-30), 0.0)
    correlation, moment = gram * unit[:, :, None] * unit[:, None, :], moment * unit[:, :, None]
    added = torch.full_like(scale, ridge, dtype=torch.float32).masked_fill(~varies, 1.0)
    solution = torch.linalg.solve(correlation + torch.diag_embed(added), moment)
    variance = weighted_mean(centred_y.square(), row_weight).double().clamp_min(1e-30)
    gain = 2 * (solution * moment).sum(1) - (solution * (correlation @ solution)).sum(1)
    weight = (solution * unit[:, :, None]).to(hidden.dtype)
    bias = y_mean - (weight * mean[:, :, None]).sum(1)
    return weight, bias, (1 - gain / variance).clamp_min(0).mean(1)


def _reweight(
    hidden: torch.Tensor, rows: Table, ridge: float, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fit output layers to another loss than squared error: each time by the squares that are like it there."""
    for _ in range(_REWEIGHTED):
        output = torch.baddbmm(bias[:, None, :], hidden, weight).mT
        residual, row_weight = rows.loss.as_least_squares(output - rows.y, rows.weight)
        assert row_weight is not None
        row_weight = row_weight * (rows.count / row_weight.sum(2, keepdim=True))
        parts = [
            _ridge_regression(hidden, (output - residual)[:, [target]], row_weight[:, target], rows.count, ridge)
            for target in range(rows.n_targets)
        ]
        weight, bias = torch.cat([part[0] for part in parts], 2), torch.cat([part[1] for part in parts], 1)
    output = torch.baddbmm(bias[:, None, :], hidden, weight).mT
    return weight, bias, rows.mean(rows.loss.value(output - rows.y)).mean(1) / max(rows.constant_loss, 1e-30)


def with_readout(networks: SoftNetworks, readout: Readout) -> SoftNetworks:
    """Put the fitted output layers in the place of the decoded ones."""
    return networks.replace(
        weights=(*networks.weights[:-1], readout.weight), biases=(*networks.biases[:-1], readout.bias)
    )

"""Which fitted networks are worth keeping: those that other functions need.

A network is useful if, on random functions it was not fitted to, it is often among the best after a linear readout. A
bank of a few thousand useful networks serves as well as one many times its size.
"""

from __future__ import annotations

import numpy as np
import torch

from sk_swat.network.equivalence import permute_inputs
from sk_swat.network.softnet import SoftNetworks
from sk_swat.pretraining.corpus import draw_inputs
from sk_swat.pretraining.functions import random_function

__all__ = ["usefulness"]

_ROWS = 192
_ORIENTATIONS = 4  # permutations and reflections of the inputs tried for each network
_SIZES = (12, 16, 20, 30, 10_000)  # limits on the non-zero parameters of a network; each has winners of its own
_WINNERS = 4  # best networks of a function and size that score a point
_BATCH = 2048


def usefulness(networks: SoftNetworks, n_inputs: int, seed: int, n_functions: int = 512) -> torch.Tensor:
    """Count how often each network, all hard, of one depth and with so many input slots in use, wins.

    For each random function and size limit, the best networks score a point.
    """
    rng = np.random.default_rng([seed, n_inputs])
    X = draw_inputs(rng, _ROWS, n_inputs)
    targets = np.stack([random_function(rng, X) for _ in range(n_functions)], axis=1)
    y = torch.as_tensor(targets - targets.mean(0), dtype=torch.float32)
    slots = networks.input_mask.shape[1]
    rows = torch.zeros(_ROWS, slots)
    rows[:, :n_inputs] = torch.as_tensor(X, dtype=torch.float32)
    parts = (*networks.weights, *networks.biases)
    size = torch.stack([(part != 0).flatten(1).sum(1) for part in parts]).sum(0)
    fvu = torch.full((len(networks), n_functions), torch.inf)
    for chunk in torch.arange(len(networks)).split(_BATCH):
        for _ in range(_ORIENTATIONS):
            order = np.tile(np.arange(slots), (len(chunk), 1))
            order[:, :n_inputs] = rng.permuted(order[:, :n_inputs], axis=1)
            sign = torch.as_tensor(rng.choice([-1.0, 1.0], (len(chunk), slots)), dtype=torch.float32)
            turned = permute_inputs(networks[chunk], torch.as_tensor(order), sign)
            fvu[chunk] = torch.minimum(fvu[chunk], _readout_fvu(turned.last_hidden(rows), y))
    points = torch.zeros(len(networks), dtype=torch.int64)
    for limit in _SIZES:
        small = (size <= limit).nonzero().squeeze(1)
        if len(small) > _WINNERS:
            winners = fvu[small].topk(_WINNERS, dim=0, largest=False).indices
            points.index_add_(0, small[winners.flatten()], torch.ones(winners.numel(), dtype=torch.int64))
    return points


def _readout_fvu(hidden: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """FVU of the ridge readouts of networks for many centred targets, of shape (n_networks, n_targets)."""
    centred = hidden - hidden.mean(1, keepdim=True)
    scale = centred.square().mean(1, keepdim=True).sqrt()
    unit = torch.where(scale > 1e-5, centred / scale.clamp_min(1e-12), 0.0)
    gram = (unit.mT @ unit / hidden.shape[1]).double()
    moment = (unit.mT @ y / hidden.shape[1]).double()
    gram.diagonal(dim1=1, dim2=2).add_(1e-4)
    solution = torch.linalg.solve(gram, moment)
    gain = (2 * solution * moment - solution * (gram @ solution)).sum(1)
    return (1 - gain / y.square().mean(0)).clamp_min(0).nan_to_num(torch.inf).float()

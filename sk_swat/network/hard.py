"""Found networks as batches of tensors, so that a search can go on from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["batch_of", "widest"]


def widest(network: SparseMLP) -> int:
    """Neurons of the widest hidden layer; 0 without any."""
    return max(network.hidden_layer_sizes, default=0)


def batch_of(networks: Sequence[SparseMLP], width: int) -> SoftNetworks:
    """Write networks of one depth, at most so wide, as a batch of hard networks in float64."""
    depth = networks[0].depth
    n_in, n_out, n = networks[0].n_features_in, networks[0].n_outputs, len(networks)
    sizes = [n_in, *[width] * depth, n_out]
    weights = [torch.zeros(n, *shape, dtype=torch.float64) for shape in pairwise(sizes)]
    biases = [torch.zeros(n, size, dtype=torch.float64) for size in sizes[1:]]
    order = list(ACTIVATIONS)
    activation = [torch.zeros(n, width, len(ACTIVATIONS), dtype=torch.float64) for _ in range(depth)]
    mask = [torch.zeros(n, width, dtype=torch.float64) for _ in range(depth)]
    for index, network in enumerate(networks):
        for layer, (coef, intercept) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
            weights[layer][index, : len(coef), : coef.shape[1]] = torch.tensor(coef)
            biases[layer][index, : len(intercept)] = torch.tensor(intercept)
        for layer, names in enumerate(network.activations):
            kinds = torch.tensor([order.index(name) for name in names], dtype=torch.int64)
            activation[layer][index, :, 0] = 1.0  # of missing neurons
            activation[layer][index, : len(names), 0] = 0.0
            activation[layer][index, torch.arange(len(names)), kinds] = 1.0
            mask[layer][index, : len(names)] = 1.0
    return SoftNetworks(
        tuple(weights), tuple(biases), tuple(activation), tuple(mask), torch.ones(n, n_in, dtype=torch.float64)
    )

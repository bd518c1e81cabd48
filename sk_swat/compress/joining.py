"""Put subnetworks together into one network: side by side, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["chain", "side_by_side"]


def side_by_side(networks: Sequence[SparseMLP], outputs: Sequence[Sequence[int]], n_outputs: int) -> SparseMLP:
    """Add networks of one depth that see the same columns.

    Parameters
    ----------
    networks : sequence of SparseMLP
        At least one hidden layer each.
    outputs : sequence of sequence of int
        For each network the columns of the sum to which its outputs are added.
    n_outputs : int
        Number of those columns.

    Returns
    -------
    network : SparseMLP
        The neurons of all of them; nothing connects those of different networks.
    """
    embedded = [
        (np.eye(n_outputs)[list(own)], network) for own, network in zip(outputs, networks, strict=True)
    ]  # (n_own, n_outputs)
    coefs = [np.hstack([network.coefs[0] for network in networks])]
    intercepts = [np.concatenate([network.intercepts[0] for network in networks])]
    for layer in range(1, networks[0].depth):
        coefs.append(_block_diagonal([network.coefs[layer] for network in networks]))
        intercepts.append(np.concatenate([network.intercepts[layer] for network in networks]))
    coefs.append(np.vstack([network.coefs[-1] @ place for place, network in embedded]))
    intercepts.append(np.sum([network.intercepts[-1] @ place for place, network in embedded], axis=0))
    activations = [
        tuple(name for network in networks for name in network.activations[layer]) for layer in range(networks[0].depth)
    ]
    return SparseMLP(coefs, intercepts, activations)


def _block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    result = np.zeros((sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks)))
    row = column = 0
    for block in blocks:
        result[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return result


def chain(networks: Sequence[SparseMLP]) -> SparseMLP:
    """Run networks one after the other; the linear maps between them become one.

    Parameters
    ----------
    networks : sequence of SparseMLP
        Each takes the outputs of the one before.

    Returns
    -------
    network : SparseMLP
        Its depth is the sum of theirs.
    """
    first, *others = networks
    coefs, intercepts, activations = list(first.coefs), list(first.intercepts), list(first.activations)
    for network in others:
        joint = network.coefs[0]
        intercepts[-1] = intercepts[-1] @ joint + network.intercepts[0]
        coefs[-1] = coefs[-1] @ joint
        coefs += network.coefs[1:]
        intercepts += network.intercepts[1:]
        activations += network.activations
    return SparseMLP(coefs, intercepts, activations)

"""Optimal Brain Surgeon: what a network loses without some of its numbers, after the others have made up for it.

At a minimum with curvature H (the Gauss-Newton matrix), removing the numbers S and moving the others to the new
minimum raises the error by w_S' (H^-1_SS)^-1 w_S (Hassibi and Stork, 1993). Candidates are single numbers and whole
rows of a weight matrix (all that leaves a neuron or an input). They are compared by what they cost for every number
that goes, because a neuron that is cut off takes its other numbers along.
"""

from __future__ import annotations

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.free_parameters import FreeParameters, NormalEquations

__all__ = ["choose_removals", "inverse_curvature", "row_saliencies", "saliencies"]

_RELATIVE_RIDGE = 1e-7  # of the diagonal, so that the matrix can be inverted


def inverse_curvature(numbers: FreeParameters, equations: NormalEquations, ridge: torch.Tensor) -> torch.Tensor:
    """Inverse of the Gauss-Newton matrix with a ridge, of shape (n_networks, n_free, n_free)."""
    matrix = equations.matrix.clone()
    diagonal = matrix.diagonal(dim1=1, dim2=2)
    diagonal += _RELATIVE_RIDGE * diagonal + ridge[:, None] + ~numbers.valid
    inverse, failed = torch.linalg.inv_ex(matrix)
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return torch.where((failed == 0)[:, None, None], inverse, identity)  # then numbers go by their magnitude


def saliencies(values: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
    """Rise of the mean squared error without each number, w^2 / (H^-1)_ii, of shape (n_networks, n_free)."""
    return values.square() / inverse.diagonal(dim1=1, dim2=2).clamp_min(1e-30)


def row_saliencies(
    numbers: FreeParameters, networks: SoftNetworks, values: torch.Tensor, inverse: torch.Tensor, layer: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rise of the error without all numbers that leave a neuron, or an input for layer 0.

    What leads into the neuron goes as well, so it is held: it cannot make up for the loss.

    Returns
    -------
    rise : Tensor of shape (n_networks, n_in)
        Infinite for a neuron that nothing leaves.
    members : Tensor of int, of shape (n_networks, n_in, n_out)
        Indices of these numbers among the free ones, -1 where there is none.
    """
    n, n_free = values.shape
    start = sum(part[0].numel() for part in (*networks.weights[:layer], *networks.biases[:layer]))
    n_in, n_out = networks.weights[layer].shape[1:]
    n_parameters = sum(part[0].numel() for part in (*networks.weights, *networks.biases))
    index = torch.arange(n_free, device=values.device).expand(n, -1)
    position = torch.full((n, n_parameters), -1, device=values.device)
    position.scatter_(1, numbers.place, torch.where(numbers.valid, index, -1))
    members = position[:, start : start + n_in * n_out].reshape(n, n_in, n_out)
    held = members.new_empty(n, n_in, 0)
    if layer > 0:  # weights into each neuron, and its bias
        n_before = networks.weights[layer - 1][0].numel() + n_in
        held = position[:, start - n_before : start].reshape(n, -1, n_in).mT.sort(dim=2, descending=True)[0]
        held = held[:, :, : int((held >= 0).sum(2).max())]
    group = torch.cat([members, held], dim=2)
    there, column = group >= 0, group.clamp_min(0)
    network = torch.arange(n, device=values.device)[:, None, None]
    block = inverse[network[..., None], column[:, :, :, None], column[:, :, None, :]]
    block = torch.where(there[:, :, :, None] & there[:, :, None, :], block, 0.0) + torch.diag_embed((~there).to(block))
    weight = values[network, column] * there
    weight[:, :, n_out:] = 0.0
    solution = torch.linalg.solve_ex(block, weight[..., None])[0].squeeze(-1)
    rise = (weight * solution).sum(2)
    return torch.where((members >= 0).any(2) & torch.isfinite(rise), rise, torch.inf), members


def _taken_along(networks: SoftNetworks) -> torch.Tensor:
    """Numbers that vanish with each number, itself included, in the order of flatten.

    With the last weight out of a neuron go all that lead into it; with the last one into it, all that leave it.
    """
    weights = [(weight != 0).double() for weight in networks.weights]
    biases = [(bias != 0).double() for bias in networks.biases]
    parts = []
    for layer, weight in enumerate(weights):
        count = torch.ones_like(weight)
        if layer > 0:
            inward = weights[layer - 1].sum(1) + biases[layer - 1]
            count = count + torch.where(weight.sum(2) == 1, inward, 0.0)[:, :, None]
        if layer < networks.depth:
            outward = weights[layer + 1].sum(2) + biases[layer]
            count = count + torch.where(weight.sum(1) == 1, outward, 0.0)[:, None, :]
        parts += [count.flatten(1), torch.ones_like(biases[layer])]
    return torch.cat(parts, dim=1)


def choose_removals(
    numbers: FreeParameters,
    networks: SoftNetworks,
    values: torch.Tensor,
    inverse: torch.Tensor,
    wanted: torch.Tensor,
    removable: torch.Tensor,
) -> torch.Tensor:
    """Choose the numbers to remove from each network.

    Parameters
    ----------
    numbers, networks, values
        Networks, and their free numbers of shape (n_networks, n_free).
    inverse : Tensor of shape (n_networks, n_free, n_free)
        See :func:`inverse_curvature`.
    wanted : Tensor of shape (n_networks,)
        How many numbers should go, those that are taken along included; one candidate goes in any case.
    removable : Tensor of bool, of shape (n_parameters,) or (n_networks, n_parameters)
        Numbers that may go.

    Returns
    -------
    removed : Tensor of bool, of shape (n_networks, n_free)
        The single numbers that cost least for each number that goes, or one whole row if that costs less.
    """
    count = _taken_along(networks).gather(1, numbers.place)
    candidate = numbers.valid & removable.expand(len(values), -1).gather(1, numbers.place)
    rows = [row_saliencies(numbers, networks, values, inverse, layer) for layer in range(networks.depth + 1)]
    price = torch.nn.functional.pad(saliencies(values, inverse), (0, 1))
    for rise, members in rows[1:]:  # the last number that leaves a neuron
        alone = (members >= 0).sum(2) == 1
        price.scatter_(1, torch.where(alone, members.amax(2), price.shape[1] - 1), torch.where(alone, rise, 0.0))
    rate = torch.where(candidate, price[:, :-1] / count, torch.inf)
    order = rate.argsort(dim=1, stable=True)
    taken = count.gather(1, order).cumsum(1) <= wanted[:, None]
    taken[:, 0] = True
    removed = torch.zeros_like(candidate).scatter(1, order, taken) & candidate
    highest = torch.where(removed, rate, -torch.inf).amax(1)
    n, n_free = values.shape
    for layer in range(networks.depth + 1):  # with one output, a row of the last layer is a single number
        rise, members = rows[layer]
        n_members = (members >= 0).sum(2)
        gone = n_members.double()
        if layer > 0:
            gone = gone + (networks.weights[layer - 1] != 0).sum(1) + (networks.biases[layer - 1] != 0)
        lowest, row = torch.where(n_members > 1, rise / gone.clamp_min(1), torch.inf).min(1)
        member = members[torch.arange(n, device=row.device), row]
        whole = torch.zeros(n, n_free + 1, dtype=torch.bool, device=row.device)
        whole = whole.scatter(1, torch.where(member >= 0, member, n_free), True)[:, :n_free]
        better = (lowest < highest) & (whole <= candidate).all(1)
        removed = torch.where(better[:, None], whole, removed)
        highest = torch.where(better, lowest, highest)
    return removed

"""What pruning removes next; by default what Optimal Brain Surgeon finds cheapest.

At a minimum with curvature H (the Gauss-Newton matrix), removing the parameters S and moving the others to the new
minimum raises the loss by w_S' (H^-1_SS)^-1 w_S (Hassibi and Stork, 1993). What may go is single parameters and whole
rows of a weight matrix (all that leaves a neuron or an input). They are compared by what they cost for every parameter
that goes, because a neuron that is cut off takes its other parameters along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from sk_swat.network.softnet import SoftNetworks, unflatten
from sk_swat.refine.free_parameters import FreeParameters, NormalEquations

__all__ = ["Criterion", "OptimalBrainSurgeon", "inverse_curvature", "row_saliencies", "saliencies"]

_RELATIVE_RIDGE = 1e-7  # of the diagonal, so that the matrix can be inverted


class Criterion(ABC):
    """What pruning removes next."""

    @abstractmethod
    def removals(
        self,
        parameters: FreeParameters,
        equations: NormalEquations,
        ridge: torch.Tensor,
        wanted: torch.Tensor,
        removable: torch.Tensor,
    ) -> torch.Tensor:
        """Choose the parameters to remove from each network.

        Parameters
        ----------
        parameters : FreeParameters
            Networks with their free parameters, `parameters.start`.
        equations : NormalEquations
            Loss, gradient and curvature at these.
        ridge : Tensor of shape (n_networks,)
            Weight of the squared parameters in the sum that a fit minimises.
        wanted : Tensor of shape (n_networks,)
            How many parameters should go, those that are taken along included; at least one goes in any case.
        removable : Tensor of bool, of shape (n_networks, n_free)
            Parameters that may go, at least one of each network.

        Returns
        -------
        removed : Tensor of bool, of shape (n_networks, n_free)
        """


class OptimalBrainSurgeon(Criterion):
    """The single parameters that cost least for each one that goes, or one whole row if that costs less."""

    def removals(
        self,
        parameters: FreeParameters,
        equations: NormalEquations,
        ridge: torch.Tensor,
        wanted: torch.Tensor,
        removable: torch.Tensor,
    ) -> torch.Tensor:
        """Choose; see :class:`Criterion`."""
        inverse = inverse_curvature(parameters, equations, ridge)
        networks, values = parameters.networks, parameters.start
        count = _count_what_goes(networks).gather(1, parameters.place)
        rows = [row_saliencies(parameters, inverse, layer) for layer in range(networks.depth + 1)]
        price = torch.nn.functional.pad(saliencies(values, inverse), (0, 1))
        for rise, members in rows[1:]:  # the last weight that leaves a neuron
            alone = (members >= 0).sum(2) == 1
            price.scatter_(1, torch.where(alone, members.amax(2), price.shape[1] - 1), torch.where(alone, rise, 0.0))
        rate = torch.where(removable, price[:, :-1] / count, torch.inf)
        order = rate.argsort(dim=1, stable=True)
        taken = count.gather(1, order).cumsum(1) <= wanted[:, None]
        taken[:, 0] = True
        removed = torch.zeros_like(removable).scatter(1, order, taken) & removable
        highest = torch.where(removed, rate, -torch.inf).amax(1)
        n, n_free = values.shape
        for layer in range(networks.depth + 1):  # with one output, a row of the last layer is a single weight
            rise, members = rows[layer]
            n_members = (members >= 0).sum(2)
            gone = n_members.double()
            if layer > 0:
                gone = gone + (networks.weights[layer - 1] != 0).sum(1) + (networks.biases[layer - 1] != 0)
            lowest, row = torch.where(n_members > 1, rise / gone.clamp_min(1), torch.inf).min(1)
            member = members[torch.arange(n, device=row.device), row]
            whole = torch.zeros(n, n_free + 1, dtype=torch.bool, device=row.device)
            whole = whole.scatter(1, torch.where(member >= 0, member, n_free), True)[:, :n_free]
            better = (lowest < highest) & (whole <= removable).all(1)
            removed = torch.where(better[:, None], whole, removed)
            highest = torch.where(better, lowest, highest)
        return removed


def inverse_curvature(parameters: FreeParameters, equations: NormalEquations, ridge: torch.Tensor) -> torch.Tensor:
    """Inverse of the Gauss-Newton matrix with a ridge, of shape (n_networks, n_free, n_free)."""
    matrix = equations.matrix.clone()
    diagonal = matrix.diagonal(dim1=1, dim2=2)
    diagonal += _RELATIVE_RIDGE * diagonal + ridge[:, None] + ~parameters.valid
    inverse, failed = torch.linalg.inv_ex(matrix)
    identity = torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return torch.where((failed == 0)[:, None, None], inverse, identity)  # then parameters go by their magnitude


def saliencies(values: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
    """Rise of the mean loss without each parameter, w^2 / (H^-1)_ii, of shape (n_networks, n_free)."""
    return values.square() / inverse.diagonal(dim1=1, dim2=2).clamp_min(1e-30)


def row_saliencies(parameters: FreeParameters, inverse: torch.Tensor, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rise of the loss without all weights that leave a neuron, or an input for layer 0; and which weights these are.

    What leads into the neuron goes as well, so it is held: it cannot make up for the loss. The rise, of shape
    (n_networks, n_in), is infinite for a neuron that nothing leaves. Members, of shape (n_networks, n_in, n_out), are
    indices among the free parameters, -1 where there is none.
    """
    networks, values = parameters.networks, parameters.start
    n, n_free = values.shape
    index = torch.arange(n_free, device=values.device).expand(n, -1)
    position = torch.full((n, parameters.n_parameters), -1, device=values.device)
    places = unflatten(networks, position.scatter(1, parameters.place, torch.where(parameters.valid, index, -1)))
    members = places.weights[layer]
    n_in, n_out = members.shape[1:]
    held = members.new_empty(n, n_in, 0)
    if layer > 0:  # weights into each neuron, and its bias
        before = torch.cat([places.weights[layer - 1], places.biases[layer - 1][:, None]], dim=1)
        held = before.mT.sort(dim=2, descending=True)[0]
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


def _count_what_goes(networks: SoftNetworks) -> torch.Tensor:
    """How many parameters vanish with each of them, itself included, in the order of flatten.

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

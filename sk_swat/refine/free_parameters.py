"""Hard networks as lists of their free parameters: loss, Jacobian and normal equations of a whole batch.

A network of thirty parameters has a Jacobian of thirty columns, however wide the layers are that it lives in. A column
is the product of two rows: what the parameter multiplies (an input, a neuron, or 1), and how the output moves with the
neuron it feeds. Rows of data are taken in chunks, so memory stays bounded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks, flatten, unflatten
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["FreeParameters", "NormalEquations"]

_CHUNK_ENTRIES = 1_000_000  # of a chunk's Jacobian: 8 MB in float64
_FEWEST_ROWS = 64  # of a chunk
_MOST_ENTRIES = 4_000_000  # of a Jacobian, where so few rows have more: then networks are taken in groups


@dataclass(frozen=True)
class NormalEquations:
    """What a Gauss-Newton step needs, over the free parameters, in float64, and the mean loss of each network.

    With curvature C and gradient g of the loss, `matrix`, of shape (n_networks, n_free, n_free), is J'CJ / 2n, and
    `gradient`, of shape (n_networks, n_free), is J'g / 2n; for squared error J'J / n and J'r / n.
    """

    matrix: torch.Tensor
    gradient: torch.Tensor
    error: torch.Tensor


class FreeParameters:
    """Hard networks of which some parameters may move; all others are exactly zero.

    Parameters
    ----------
    networks : SoftNetworks
        Hard networks: one activation a neuron, masks of 0 and 1.
    free : Tensor of bool, of shape (n_networks, n_parameters), default=None
        Parameters that may move, in the order of :func:`flatten`. None frees the non-zero ones. Those of masked
        neurons never move.

    Attributes
    ----------
    networks : SoftNetworks
        As given.
    place : Tensor of int, of shape (n_networks, n_free)
        Where each free parameter stands in the order of :func:`flatten`, increasing; networks with fewer of them than
        others are filled up.
    valid : Tensor of bool, of shape (n_networks, n_free)
        False for the fillings.
    start : Tensor of shape (n_networks, n_free)
        Their values as given, in float64; 0 for the fillings.
    n_parameters : int
        Parameters of a network, free or not.
    """

    def __init__(self, networks: SoftNetworks, free: torch.Tensor | None = None) -> None:
        self.networks = networks
        parameters = flatten(networks)
        free = (parameters != 0 if free is None else free.bool()) & self._between_living()
        n_free = max(1, int(free.sum(1).max())) if len(free) else 1
        self.place = (~free).to(torch.uint8).argsort(dim=1, stable=True)[:, :n_free]
        self.valid = free.gather(1, self.place)
        self._all_valid = bool(self.valid.all())
        self.start = parameters.double().gather(1, self.place) * self.valid
        source, target = self._ends()
        self._source, self._target = source[self.place], target[self.place]
        self.n_parameters = parameters.shape[1]
        self._neurons: dict[int, list[dict[str, torch.Tensor]]] = {}

    def __len__(self) -> int:
        return len(self.place)

    def with_values(self, values: torch.Tensor) -> SoftNetworks:
        """Networks with the given free parameters, of shape (n_networks, n_free); all others are zero."""
        return unflatten(self.networks, self._spread(values))

    def among(self, mask: torch.Tensor) -> torch.Tensor:
        """Which of the free parameters are in a mask of shape (n_parameters,) or (n_networks, n_parameters)."""
        return self.valid & mask.expand(len(self), -1).gather(1, self.place)

    def full_mask(self, kept: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`among`: bool of shape (n_networks, n_parameters) from one of shape (n_networks, n_free)."""
        mask = torch.zeros(len(self), self.n_parameters, dtype=torch.bool, device=kept.device)
        return mask.scatter(1, self.place, kept & self.valid)

    def mean_loss(self, values: torch.Tensor, rows: Table, deadline: Deadline | None = None) -> torch.Tensor:
        """Loss of k sets of free parameters, of shape (k, n_networks, n_free), as a Tensor of shape (k, n_networks).

        Raises TimeIsUp if the deadline passes between two chunks of rows.
        """
        n_sets = len(values)
        parameters = torch.cat([self._spread(one) for one in values]).to(rows.X.dtype)
        total = torch.zeros(values.shape[:2], dtype=torch.float64, device=values.device)
        for part in self._chunks(rows, deadline):
            output = self._forward(parameters, part.X, n_sets)[0].flatten(1).unflatten(0, (n_sets, -1))
            y, weight = part.one_after_the_other()
            total += _sum(rows.loss.value(output - y), weight)
        return total / rows.n_observations

    def jacobian(self, values: torch.Tensor, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give outputs, of shape (n_networks, n_rows), and derivatives, of shape (n_networks, n_free, n_rows).

        Of several outputs, the rows of the first come before those of the second, and so on.
        """
        output, rows, deltas = self._with_deltas(values, X)
        n_rows = output.shape[1]
        first = torch.arange(len(self), device=values.device)[:, None]
        left, right = torch.cat(rows, dim=1), torch.cat(deltas, dim=1)
        derivatives = left.reshape(-1, n_rows).index_select(0, (first * left.shape[1] + self._source).flatten())
        derivatives *= right.reshape(-1, n_rows).index_select(0, (first * right.shape[1] + self._target).flatten())
        derivatives = derivatives.reshape(len(self), -1, n_rows)
        return output, derivatives if self._all_valid else derivatives.mul_(self.valid[:, :, None])

    def normal_equations(self, values: torch.Tensor, rows: Table, deadline: Deadline | None = None) -> NormalEquations:
        """Gauss-Newton matrix and gradient at the given free parameters, of shape (n_networks, n_free).

        Raises TimeIsUp if the deadline passes between two chunks of rows, or two groups of networks.
        """
        n_free = values.shape[1]
        matrix = values.new_zeros(len(self), n_free, n_free)
        gradient, error = torch.zeros_like(values), values.new_zeros(len(self))
        for index, group in self._groups(rows):
            for part in self._chunks(rows.of_networks(index), deadline):
                output, derivatives = group.jacobian(values[index], part.X)
                y, weight = part.one_after_the_other()
                error[index] += _sum(rows.loss.value(output - y), weight)
                residual, weight = rows.loss.as_least_squares(output - y, weight)
                weighted = derivatives if weight is None else derivatives * weight[..., None, :]
                matrix[index] += weighted @ derivatives.mT
                gradient[index] += (weighted @ residual[:, :, None]).squeeze(2)
        n = rows.n_observations
        return NormalEquations(matrix / n, gradient / n, error / n)

    def pull_on_first_layer(self, rows: Table) -> tuple[torch.Tensor, torch.Tensor]:
        """How the loss pulls at the output, and at what enters the first hidden layer.

        Returns
        -------
        residuals : Tensor of shape (n_networks, n_rows)
            Derivative of minus half of the loss of each row with respect to the output, summed over the targets; for
            squared error target less output.
        pull : Tensor of shape (n_networks, width, n_rows)
            The same with respect to the input of each neuron. Neither is weighted.
        """
        output, _, deltas = self._with_deltas(self.start, rows.X)
        residuals = -0.5 * rows.loss.gradient(output - rows.one_after_the_other()[0])
        pull = (deltas[0] * residuals[:, None, :]).unflatten(2, (rows.n_targets, -1)).sum(2)
        return residuals.unflatten(1, (rows.n_targets, -1)).sum(1), pull

    def _with_deltas(
        self, values: torch.Tensor, X: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """Give outputs, rows that parameters multiply, and derivatives of the outputs by what enters each layer.

        All have one entry for each row of the first output, then of the second, and so on.
        """
        parameters = self._spread(values).to(X.dtype)
        output, rows, slopes = self._forward(parameters, X, derivative=True)
        networks, n_outputs = unflatten(self.networks, parameters), output.shape[1]
        if n_outputs > 1:
            rows, slopes = ([part.repeat(1, 1, n_outputs) for part in parts] for parts in (rows, slopes))
        own = torch.eye(n_outputs, dtype=output.dtype, device=output.device).repeat_interleave(output.shape[2], dim=1)
        deltas = [own.expand(len(output), -1, -1)]
        for layer in reversed(range(networks.depth)):
            deltas.append(torch.bmm(networks.weights[layer + 1], deltas[-1]) * slopes[layer])
        return output.flatten(1), rows, deltas[::-1]

    def _spread(self, values: torch.Tensor) -> torch.Tensor:
        empty = values.new_zeros(len(self), self.n_parameters)
        return empty.scatter(1, self.place, values * self.valid)

    def _chunk_rows(self, rows: Table) -> int:
        return max(_FEWEST_ROWS, _CHUNK_ENTRIES // (len(self) * self.place.shape[1] * rows.n_targets))

    def _chunks(self, rows: Table, deadline: Deadline | None) -> Iterator[Table]:
        size = self._chunk_rows(rows)
        for start in range(0, len(rows), size):
            if deadline is not None:
                deadline.check()
            yield rows[start : start + size]

    def _groups(self, rows: Table) -> Iterator[tuple[slice, FreeParameters]]:
        """Networks that may be taken together: all of them, unless the Jacobian of a chunk would be too large."""
        of_each = min(len(rows), self._chunk_rows(rows)) * self.place.shape[1] * rows.n_targets
        size = max(1, _MOST_ENTRIES // of_each)
        if size >= len(self):
            yield slice(None), self
            return
        for start in range(0, len(self), size):
            index = slice(start, start + size)
            yield index, self._part(index)

    def _part(self, index: slice) -> FreeParameters:
        """Give some of the networks, with as many fillings as all have."""
        part = copy.copy(self)
        part.networks = self.networks[index]
        for name in ("place", "valid", "start", "_source", "_target"):
            setattr(part, name, getattr(self, name)[index])
        part._neurons = {}
        return part

    def _between_living(self) -> torch.Tensor:
        """Weights between living neurons, and their biases."""
        networks = self.networks
        outputs = torch.ones_like(networks.biases[-1])
        ends = [networks.input_mask > 0, *(mask > 0 for mask in networks.mask), outputs > 0]
        parts = []
        for before, after in pairwise(ends):
            parts += [(before[:, :, None] & after[:, None, :]).flatten(1), after]
        return torch.cat(parts, dim=1)

    def _ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Row of what each parameter multiplies (inputs, neurons layer by layer, 1), and row of the neuron it feeds."""
        source, target, before, after = [], [], 0, 0
        one = sum(weight.shape[1] for weight in self.networks.weights)
        device = self.networks.weights[0].device
        for weight in self.networks.weights:
            n_in, n_out = weight.shape[1:]
            inputs = torch.arange(n_in, device=device).repeat_interleave(n_out) + before
            source += [inputs, torch.full((n_out,), one, device=device)]
            target += [torch.arange(n_out, device=device).repeat(n_in + 1) + after]
            before, after = before + n_in, after + n_out
        return torch.cat(source), torch.cat(target)

    def _living_by_activation(self, n_sets: int) -> list[dict[str, torch.Tensor]]:
        """Living neurons of each layer that have an activation, as flat indices (set, network, neuron)."""
        if n_sets not in self._neurons:
            self._neurons[n_sets] = []
            for share, mask in zip(self.networks.activation, self.networks.mask, strict=True):
                kind = torch.where(mask > 0, share.argmax(-1), -1).repeat(n_sets, 1).flatten()
                groups = {name: (kind == index).nonzero().squeeze(1) for index, name in enumerate(ACTIVATIONS)}
                self._neurons[n_sets].append({name: neurons for name, neurons in groups.items() if len(neurons)})
        return self._neurons[n_sets]

    def _forward(
        self, parameters: torch.Tensor, X: torch.Tensor, n_sets: int = 1, derivative: bool = False
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """Give outputs; rows that parameters multiply, layer by layer and 1 at last; slopes of every layer on request.

        Outputs have shape (n_networks, n_outputs, n_rows), all others (n_networks, width, n_rows).
        """
        networks, neurons_of = unflatten(self.networks, parameters), self._living_by_activation(n_sets)
        inputs = X.mT if X.ndim == 2 or n_sets == 1 else X.mT.repeat(n_sets, 1, 1)
        rows, slopes = [inputs.expand(len(parameters), -1, -1)], []
        for layer in range(networks.depth):
            z = torch.baddbmm(networks.biases[layer][:, :, None], networks.weights[layer].mT, rows[-1])
            value = torch.zeros_like(z)
            slope = torch.zeros_like(z) if derivative else None
            for name, neurons in neurons_of[layer].items():
                activation = ACTIVATIONS[name]
                inside = z.flatten(0, 1).index_select(0, neurons)
                outside = activation.torch_value(inside)
                value.flatten(0, 1).index_copy_(0, neurons, outside)
                if slope is not None:
                    slope.flatten(0, 1).index_copy_(0, neurons, activation.torch_derivative(inside, outside))
            rows.append(value)
            if slope is not None:
                slopes.append(slope)
        output = torch.baddbmm(networks.biases[-1][:, :, None], networks.weights[-1].mT, rows[-1])
        if derivative:
            rows.append(torch.ones_like(output[:, :1]))
        return output, rows, slopes


def _sum(values: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Sum over the last dimension, in float64."""
    return (values if weight is None else values * weight).sum(-1, dtype=torch.float64)

"""Batches of small networks as tensors, and the one differentiable forward pass.

A batch holds networks of one depth, padded to one width. Soft networks have activation weights that sum to one and
masks between 0 and 1; hard ones have one-hot activations and masks of 0 or 1. Pretraining, search and refinement all
evaluate networks through :meth:`SoftNetworks.forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["SoftNetworks", "concatenate", "mix_activations"]

Record = TypeVar("Record", bound="DataclassInstance")


def mix_activations(
    z: torch.Tensor, share: torch.Tensor, used: Sequence[int], derivative: bool = False
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weighted sum of the activations of every neuron, and on request its derivative with respect to z, else None.

    `z`, value and derivative have shape (n_networks, n_rows, width); `share`, of shape (n_networks, width,
    n_activations), sums to one. `used` lists the activations with a share above zero anywhere; others are not computed.
    """
    if torch.is_grad_enabled() and (z.requires_grad or share.requires_grad):
        if derivative:
            raise ValueError("derivative=True is for fitted parameters; call it under torch.no_grad().")
        return _Mix.apply(z, share, tuple(used)), None
    value = torch.zeros_like(z)
    slope = torch.zeros_like(z) if derivative else None
    activations = list(ACTIVATIONS.values())
    for index in used:
        weight, part = share[:, None, :, index], activations[index].torch_value(z)
        value.addcmul_(weight, part)
        if slope is not None:
            slope.addcmul_(weight, activations[index].torch_derivative(z, part))
    return value, slope


class _Mix(torch.autograd.Function):
    """Weighted sum of activations with its gradient in closed form: half the time of the composed operations."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, share: torch.Tensor, used: tuple[int, ...]) -> torch.Tensor:
        value = torch.zeros_like(z)
        activations, parts = list(ACTIVATIONS.values()), []
        for index in used:
            parts.append(activations[index].torch_value(z))
            value.addcmul_(share[:, None, :, index], parts[-1])
        ctx.save_for_backward(z, share, *parts)
        ctx.used = used
        return value

    @staticmethod
    @once_differentiable  # the saved parts carry no graph: a second derivative would be wrong, so it is an error
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        z, share, *parts = ctx.saved_tensors
        slope, share_gradient = torch.zeros_like(z), torch.zeros_like(share)
        activations = list(ACTIVATIONS.values())
        for index, part in zip(ctx.used, parts, strict=True):
            slope.addcmul_(share[:, None, :, index], activations[index].torch_derivative(z, part))
            share_gradient[:, :, index] = (gradient * part).sum(1)
        return gradient * slope, share_gradient, None


@dataclass(frozen=True)
class SoftNetworks:
    """A batch of networks with the same number of hidden layers and of outputs.

    Parameters
    ----------
    weights : tuple of depth + 1 Tensors, of shape (n_networks, n_in, n_out)
        Layer weights; n_out of the last is the number of outputs, as a rule 1.
    biases : tuple of depth + 1 Tensors, of shape (n_networks, n_out)
        Layer biases.
    activation : tuple of depth Tensors, of shape (n_networks, width, n_activations)
        Share of each activation, in the order of ``ACTIVATIONS``; rows sum to one.
    mask : tuple of depth Tensors, of shape (n_networks, width)
        1 for a living neuron, 0 for a missing one, anything between while soft.
    input_mask : Tensor of shape (n_networks, n_in)
        1 for the input slots in use.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...]
    activation: tuple[torch.Tensor, ...]
    mask: tuple[torch.Tensor, ...]
    input_mask: torch.Tensor

    def __len__(self) -> int:
        return self.weights[0].shape[0]

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.mask)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.weights[-1].shape[-1]

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> SoftNetworks:
        """Apply a function to every tensor (indexing, moving to a device, changing dtype)."""
        return apply_to_tensors(self, function)

    def combine(
        self, other: SoftNetworks, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> SoftNetworks:
        """Apply a function to each pair of tensors of two batches of the same shapes."""
        partner = iter(other.tensors())
        return self.map(lambda tensor: function(tensor, next(partner)))

    def tensors(self) -> list[torch.Tensor]:
        """All tensors, in the order of the fields."""
        values = (getattr(self, item.name) for item in fields(self))
        return [part for value in values for part in (value if isinstance(value, tuple) else (value,))]

    def __getitem__(self, index: torch.Tensor | slice) -> SoftNetworks:
        return self.map(lambda tensor: tensor[index])

    def replace(self, **changes: Any) -> SoftNetworks:
        """Copy with some parts replaced."""
        return replace(self, **changes)

    def connect(self, inputs: torch.Tensor) -> SoftNetworks:
        """Fold an input layer into the first one: networks on the columns of a table instead of the input slots.

        `inputs`, of shape (n_networks, n_columns, n_slots), is what each slot sees of the columns.
        """
        first = inputs @ self.weights[0]
        columns = first.new_ones(len(self), inputs.shape[1])
        return self.replace(weights=(first, *self.weights[1:]), input_mask=columns)

    def activations_in_use(self) -> list[int]:
        """List the indices of the activations with a share above zero in any network."""
        total = torch.stack([part.detach().sum(dim=(0, 1)) for part in self.activation]).sum(0)
        return [index for index, share in enumerate(total.tolist()) if not share <= 0]  # NaN may stand for any

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Evaluate all networks, on inputs of shape (n_rows, n_in), or (n_networks, n_rows, n_in) with rows of each.

        The output has shape (n_networks, n_rows), or (n_networks, n_outputs, n_rows) for several outputs.
        """
        hidden = self.last_hidden(X)
        return torch.baddbmm(self.biases[-1][:, None, :], hidden, self.weights[-1]).mT.squeeze(1)

    def last_hidden(self, X: torch.Tensor) -> torch.Tensor:
        """Evaluate up to the last hidden layer, of shape (n_networks, n_rows, width): what a linear readout sees."""
        used = self.activations_in_use()
        hidden = X.expand(len(self), *X.shape[-2:])
        for layer in range(self.depth):
            z = torch.baddbmm(self.biases[layer][:, None, :], hidden, self.weights[layer])
            hidden = mix_activations(z, self.activation[layer], used)[0] * self.mask[layer][:, None, :]
        return hidden

    def harden(self, threshold: float | torch.Tensor = 0.0, mask_threshold: float = 0.5) -> SoftNetworks:
        """Take the hard decisions: one activation a neuron, masks of 0 or 1, small weights to exact zero.

        Weights and biases of at most the threshold, one for all or of shape (n_networks,), become 0, as do all weights
        into and out of a neuron whose mask is below `mask_threshold`.
        """
        first = self.weights[0]
        threshold = torch.as_tensor(threshold, dtype=first.dtype, device=first.device).reshape(-1, 1)
        alive = [self.input_mask] + [(mask >= mask_threshold).to(mask.dtype) for mask in self.mask]
        alive.append(torch.ones_like(self.biases[-1]))
        weights, biases = [], []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            kept = alive[layer][:, :, None] * alive[layer + 1][:, None, :] * (weight.abs() > threshold[:, :, None])
            weights.append(torch.where(kept > 0, weight, 0.0))
            biases.append(torch.where((alive[layer + 1] > 0) & (bias.abs() > threshold), bias, 0.0))
        one_hot = [
            torch.nn.functional.one_hot(part.argmax(-1), part.shape[-1]).to(part.dtype) for part in self.activation
        ]
        return SoftNetworks(tuple(weights), tuple(biases), tuple(one_hot), tuple(alive[1:-1]), self.input_mask)

    def to_sparse(self, index: int) -> SparseMLP:
        """One hard network of the batch as a plain NumPy network on the input slots (not pruned)."""
        names = np.asarray(list(ACTIVATIONS))
        kept = [np.arange(self.weights[0].shape[1])]
        kept += [np.flatnonzero(mask[index].numpy(force=True) > 0) for mask in self.mask]
        kept.append(np.arange(self.weights[-1].shape[-1]))
        if any(len(part) == 0 for part in kept[1:]):  # a layer without neurons: the network is a constant
            alone = self.map(lambda tensor: tensor[index][None].double())
            constant = alone.forward(alone.input_mask.new_zeros(1, len(kept[0]))).numpy(force=True)[0, ..., 0]
            return SparseMLP.constant(len(kept[0]), constant)
        coefs = [
            weight[index].numpy(force=True).astype(np.float64)[np.ix_(kept[layer], kept[layer + 1])]
            for layer, weight in enumerate(self.weights)
        ]
        intercepts = [
            bias[index].numpy(force=True).astype(np.float64)[kept[layer + 1]] for layer, bias in enumerate(self.biases)
        ]
        activations = [
            tuple(names[part[index].argmax(-1).numpy(force=True)[kept[layer + 1]]].tolist())
            for layer, part in enumerate(self.activation)
        ]
        return SparseMLP(coefs, intercepts, activations)


def apply_to_tensors(record: Record, function: Callable[[torch.Tensor], torch.Tensor]) -> Record:
    """Copy of a dataclass of tensors and tuples of tensors, with the function applied to each."""
    changes = {}
    for item in fields(record):
        value = getattr(record, item.name)
        changes[item.name] = tuple(function(part) for part in value) if isinstance(value, tuple) else function(value)
    return replace(record, **changes)


def concatenate(batches: Sequence[SoftNetworks]) -> SoftNetworks:
    """Join batches of one depth and width into one."""

    def join(name: str) -> Any:
        parts = [getattr(batch, name) for batch in batches]
        if isinstance(parts[0], tuple):
            return tuple(torch.cat(layer) for layer in zip(*parts, strict=True))
        return torch.cat(parts)

    return SoftNetworks(**{item.name: join(item.name) for item in fields(SoftNetworks)})


def flatten(networks: SoftNetworks) -> torch.Tensor:
    """All weights and biases of each network, layer by layer, as a Tensor of shape (n_networks, n_parameters)."""
    parts = []
    for weight, bias in zip(networks.weights, networks.biases, strict=True):
        parts += [weight.flatten(1), bias]
    return torch.cat(parts, dim=1)


def unflatten(networks: SoftNetworks, parameters: torch.Tensor) -> SoftNetworks:
    """Networks like these with the given weights and biases, in the order of :func:`flatten`."""
    weights, biases = split_layers(parameters, [weight.shape[1:] for weight in networks.weights])
    return networks.replace(weights=weights, biases=biases)


def split_layers(
    parameters: torch.Tensor, shapes: Sequence[Sequence[int]]
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """Weights and biases of layers of the given shapes (n_in, n_out), in the order of :func:`flatten`."""
    weights, biases, start = [], [], 0
    for n_in, n_out in shapes:
        weights.append(parameters[:, start : start + n_in * n_out].unflatten(1, (n_in, n_out)))
        start += (n_in + 1) * n_out
        biases.append(parameters[:, start - n_out : start])
    return tuple(weights), tuple(biases)


def first_slots(n_used: torch.Tensor, n_slots: int) -> torch.Tensor:
    """Input masks with 1 for the first `n_used` slots of each network, as a Tensor of shape (n_networks, n_slots)."""
    return (torch.arange(n_slots, device=n_used.device) < n_used[:, None]).float()

"""Latents of fitted networks, from which searches start, and what they decode to.

Latents are kept in eight bits, a hundredth of their size. The networks are those that the decoder of their own depth
makes of them, in half precision: they can be ranked by the thousand without running the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks, first_slots, flatten, split_layers

__all__ = ["Bank", "Decode"]

# takes latents, input masks and a depth, gives hard networks on the input slots
Decode = Callable[[torch.Tensor, torch.Tensor, int], SoftNetworks]

_MISSING = 255  # in place of the activation of a neuron that is not there


@dataclass(frozen=True)
class Bank:
    """Latents and decoded networks, by depth.

    Parameters
    ----------
    latent : Tensor of int8, of shape (n_latents, n_rows, d_latent)
        Latents, in units of `scale`.
    scale : Tensor of float16, of shape (n_latents, n_rows)
        Unit of each row of a latent.
    depth : Tensor of uint8, of shape (n_latents,)
        Hidden layers of the encoded network, ascending.
    n_inputs : Tensor of uint8, of shape (n_latents,)
        Input slots of the encoded network, from the first on.
    restored : Tensor of bool, of shape (n_latents, max_depth)
        Whether the decoder of each depth, 1 first, restores the network.
    numbers : tuple of max_depth Tensors of float16, of shape (n_latents of the depth, n_parameters)
        Weights and biases of the decoded networks, in the order of :func:`sk_swat.network.softnet.flatten`.
    activation : tuple of max_depth Tensors of uint8, of shape (n_latents of the depth, depth, width)
        Activations of their neurons, in the order of ``ACTIVATIONS``; 255 for a neuron that is not there.
    """

    latent: torch.Tensor
    scale: torch.Tensor
    depth: torch.Tensor
    n_inputs: torch.Tensor
    restored: torch.Tensor
    numbers: tuple[torch.Tensor, ...]
    activation: tuple[torch.Tensor, ...]

    def __len__(self) -> int:
        return len(self.depth)

    @classmethod
    def from_latents(
        cls,
        latent: torch.Tensor,
        depth: torch.Tensor,
        n_inputs: torch.Tensor,
        restored: torch.Tensor,
        decode: Decode,
    ) -> Bank:
        """Round latents, sort them by depth, and decode them."""
        order = depth.argsort(stable=True)
        latent, depth, n_inputs, restored = latent[order], depth[order], n_inputs[order], restored[order]
        rounded, scale = round_latents(latent)
        input_mask = first_slots(n_inputs, latent.shape[1])
        numbers, activation = [], []
        for layers in range(1, restored.shape[1] + 1):
            own = (depth == layers).nonzero().squeeze(1)
            one_more = torch.cat([own, own.new_zeros(1)])  # decoders take no empty batch
            given = _in_units(rounded[one_more], scale[one_more])
            networks = decode(given, input_mask[one_more], layers)[:-1]
            numbers.append(flatten(networks).half())
            kinds = torch.stack([part.argmax(2) for part in networks.activation], dim=1)
            alive = torch.stack(networks.mask, dim=1) > 0
            activation.append(torch.where(alive, kinds, _MISSING).to(torch.uint8))
        return cls(
            rounded,
            scale,
            depth.to(torch.uint8),
            n_inputs.to(torch.uint8),
            restored,
            tuple(numbers),
            tuple(activation),
        )

    def latents(self, index: torch.Tensor) -> torch.Tensor:
        """Float32 latents of the given entries."""
        return _in_units(self.latent[index], self.scale[index])

    def of_depth(self, depth: int) -> torch.Tensor:
        """Give the indices of the entries of a depth."""
        return (self.depth == depth).nonzero().squeeze(1)

    def networks(self, depth: int, index: torch.Tensor) -> SoftNetworks:
        """Hard networks on the input slots, in float32, of some entries of a depth, counted from the first of them."""
        values, kinds = self.numbers[depth - 1][index].float(), self.activation[depth - 1][index].long()
        width, n_slots = kinds.shape[2], self.latent.shape[1]
        shapes = [(n_slots, width), *[(width, width)] * (depth - 1), (width, 1)]
        weights, biases = split_layers(values, shapes)
        mask = (kinds != _MISSING).float()
        one_hot = torch.nn.functional.one_hot(torch.where(kinds == _MISSING, 0, kinds), len(ACTIVATIONS)).float()
        input_mask = first_slots(self.n_inputs[self.of_depth(depth)[index]], n_slots)
        return SoftNetworks(weights, biases, one_hot.unbind(1), mask.unbind(1), input_mask)

    def uses_only(self, depth: int, allowed: torch.Tensor) -> torch.Tensor:
        """Which entries of a depth use none but the allowed activations, a bool Tensor over them."""
        kinds = self.activation[depth - 1].long()
        may = torch.cat([allowed, allowed.new_ones(_MISSING + 1 - len(allowed))])
        return may[kinds].all(2).all(1)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name, those of a depth with its number behind a dot."""
        named: dict[str, torch.Tensor] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                named |= {f"{item.name}.{depth}": part for depth, part in enumerate(value, start=1)}
            else:
                named[item.name] = value
        return named

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Bank:
        """Take apart what :meth:`tensors` gave."""
        n_depths = tensors["restored"].shape[1]

        def part(name: str) -> torch.Tensor | tuple[torch.Tensor, ...]:
            if name in tensors:
                return tensors[name]
            return tuple(tensors[f"{name}.{depth}"] for depth in range(1, n_depths + 1))

        return cls(**{item.name: part(item.name) for item in fields(cls)})  # type: ignore[arg-type]


def _in_units(latent: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return latent.float() * scale.float()[:, :, None]


def round_latents(latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents in eight bits, and the unit of each row in half precision."""
    scale = (latent.abs().amax(2) / 127).clamp_min(1e-4).half()
    return (latent / scale.float()[:, :, None]).round().clamp(-127, 127).to(torch.int8), scale

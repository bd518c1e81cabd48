"""Variations of networks in the latent space: encode, mix with the bank, add noise, decode, solve the readout."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.autoencoder import bounded
from sk_swat.checkpoint import Checkpoint
from sk_swat.equivalence import canonical, fold_constants, padded
from sk_swat.search.problem import Problem
from sk_swat.search.readout import solve_readout, with_readout
from sk_swat.softnet import SoftNetworks

__all__ = ["Children", "latent_children"]

_NOISE = 0.1  # standard deviation of the change of a latent, whose entries have about unit variance
_CROSSED = 0.25  # share of the rows of a latent that come from a network of the bank
_TRIED = 8  # children of each parent that are decoded and ranked by their readout


@dataclass(frozen=True)
class Children:
    """Decoded networks on the columns of X, with the latent and input layer each decodes from."""

    networks: SoftNetworks
    latent: torch.Tensor
    inputs: torch.Tensor


def latent_children(
    parents: SoftNetworks,
    problem: Problem,
    checkpoint: Checkpoint,
    allowed: torch.Tensor,
    generator: torch.Generator,
    depth: int | None = None,
) -> Children:
    """Give every parent one child: the best of a few variations of its latent.

    Parameters
    ----------
    parents : SoftNetworks
        Hard networks of one depth on the columns of X, at most as wide as the autoencoder's. Of their columns those
        with the largest weights fill the input slots.
    problem : Problem
        Rows on which readouts are solved and children are ranked.
    checkpoint : Checkpoint
        Autoencoder and bank.
    allowed : Tensor of bool, of shape (n_activations,)
        Activations that may be chosen.
    generator : torch.Generator
        Source of all random choices.
    depth : int, default=None
        Decoder to use; None takes that of the parents' depth.
    """
    autoencoder, n = checkpoint.autoencoder, len(parents)
    depth = parents.depth if depth is None else depth
    slots = autoencoder.config.max_width
    inputs = _input_layer(parents, slots)
    first = inputs.mT @ parents.weights[0].float()
    seen = inputs.sum(1)
    on_slots = parents.map(lambda part: part.float()).replace(weights=(first, *parents.weights[1:]), input_mask=seen)
    written = canonical(padded(on_slots.map(lambda part: part.float()), slots))
    with torch.no_grad():
        latent = autoencoder.encode(written).repeat(_TRIED, 1, 1)
        input_mask = written.input_mask.repeat(_TRIED, 1)
        latent = _varied(latent, input_mask, depth, checkpoint, generator)
        raw = autoencoder.decode(latent, input_mask, [depth])[depth]
        networks = raw.soften(allowed=allowed).harden().connected(inputs.repeat(_TRIED, 1, 1))
        readout = solve_readout(networks.last_hidden(problem.X), problem.y)
        networks = fold_constants(with_readout(networks, readout))
        best = readout.fvu.nan_to_num(torch.inf, torch.inf).reshape(_TRIED, n).argmin(0)
        chosen = best * n + torch.arange(n, device=best.device)
    return Children(networks[chosen], latent[chosen], inputs)


def _varied(
    latent: torch.Tensor, input_mask: torch.Tensor, depth: int, checkpoint: Checkpoint, generator: torch.Generator
) -> torch.Tensor:
    """Take some rows from networks of the bank with no more inputs, and add noise."""
    bank, device = checkpoint.bank, latent.device
    fits = (bank.depth == depth) | bank.restored[:, depth - 1]
    usable = fits & (bank.n_inputs <= input_mask.sum(1, keepdim=True))
    chance = torch.where(usable.any(1, keepdim=True), usable.float(), 1.0)
    other = bank.latents(torch.multinomial(chance, 1, generator=generator).squeeze(1))
    crossed = torch.rand(latent.shape[:2], generator=generator, device=device, dtype=torch.float32) < _CROSSED
    latent = torch.where((crossed & usable.any(1, keepdim=True))[:, :, None], other, latent)
    noise = torch.randn(latent.shape, generator=generator, device=device, dtype=torch.float32)
    return bounded(latent + _NOISE * noise)


def _input_layer(networks: SoftNetworks, slots: int) -> torch.Tensor:
    """Give each input slot one column that the network uses, those of the largest weights if there are too many."""
    strength = networks.weights[0].float().abs().sum(2)
    n_columns = strength.shape[1]
    value, column = strength.sort(dim=1, descending=True, stable=True)
    inputs = strength.new_zeros(len(networks), n_columns, slots)
    n_used = min(slots, n_columns)
    slot = torch.arange(n_used, device=column.device).expand(len(networks), -1)
    network = torch.arange(len(networks), device=column.device)[:, None].expand_as(slot)
    inputs[network, column[:, :n_used], slot] = (value[:, :n_used] > 0).float()
    return inputs

"""Variations of networks in the latent space: encode, move, decode twice, and take over what has changed.

A latent does not restore every parameter of the network it was encoded from. So a child is not what its own latent
decodes to, but its parent, changed by the difference between what the moved latent and the parent's decode to.
"""

from __future__ import annotations

import torch

from sk_swat.latent.autoencoder import bound
from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.equivalence import canonical_form, deepen, fold_constants, pad
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table

__all__ = ["best_children", "can_deepen", "input_layer", "latent_children", "repeat_batch", "with_one_output"]

_NOISE = 0.1  # standard deviation of the change of a latent, whose entries have about unit variance
_CROSSED = 0.25  # share of the rows of a latent that come from a network of the bank
_TRIED = 8  # children of each parent that are ranked by their readout
_RANKED_ON = 256  # rows; more choose no better


def latent_children(
    parents: SoftNetworks,
    table: Table,
    checkpoint: Checkpoint,
    allowed: torch.Tensor,
    generator: torch.Generator,
    depth: int | None = None,
) -> SoftNetworks:
    """Give every parent one child: the best of a few variations in the latent space.

    Latents of children are those of their parents with noise and with some rows from networks of the bank. Neurons
    that keep their activation keep their parameters, changed by as much as the decoded ones change; others are as
    decoded. Deeper children come from parents with a layer put in between, if leaky_relu, by which that is done, is
    allowed and there is one output. Otherwise, and if they are less deep, they are what the decoder of their depth
    makes of their latents.

    Parameters
    ----------
    parents : SoftNetworks
        Hard networks of one depth on the columns of X, at most as wide as the autoencoder's. Of their columns those
        with the largest weights fill the input slots; the parameters of the others stay.
    table : Table
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
    autoencoder, slots = checkpoint.autoencoder, checkpoint.autoencoder.config.max_width
    depth = parents.depth if depth is None else depth
    parents = parents.map(lambda part: part.float())
    while parents.depth < depth and can_deepen(parents, allowed):
        parents = deepen(parents)
    parents = canonical_form(pad(parents, slots, parents.weights[0].shape[1]))
    inputs = input_layer(parents, slots)
    input_mask = inputs.sum(1)
    on_slots = with_one_output(parents).replace(input_mask=input_mask)
    on_slots = on_slots.replace(weights=(inputs.mT @ on_slots.weights[0], *on_slots.weights[1:]))

    def decode(latent: torch.Tensor, input_mask: torch.Tensor, inputs: torch.Tensor) -> SoftNetworks:
        raw = autoencoder.decode(latent, input_mask, [depth])[depth]
        return raw.soften(allowed=allowed).harden().connect(inputs)

    with torch.no_grad():
        latent = autoencoder.encode(on_slots)
        start, mask, layer = (repeat_batch(part, _TRIED) for part in (latent, input_mask, inputs))
        children = decode(_vary(start, mask, depth, checkpoint, generator), mask, layer)
        if parents.depth == depth:
            before = decode(latent, input_mask, inputs)
            old, before = (each.map(lambda part: repeat_batch(part, _TRIED)) for each in (parents, before))
            children = _change(old, before, children)
        return best_children(children, len(parents), table)


def can_deepen(networks: SoftNetworks, allowed: torch.Tensor) -> bool:
    """Whether :func:`sk_swat.network.equivalence.deepen` may add a layer: an allowed neuron, and one output."""
    return networks.n_outputs == 1 and bool(allowed[ACTIVATION_NAMES.index("leaky_relu")])


def best_children(children: SoftNetworks, n_parents: int, table: Table) -> SoftNetworks:
    """Solve the readouts, and keep the best child of each parent; parent i has every n_parents-th child from i on."""
    some = table[:_RANKED_ON]
    readout = solve_readout(children.last_hidden(some.X), some)
    children = fold_constants(with_readout(children, readout))
    best = readout.unexplained.nan_to_num(torch.inf, torch.inf).reshape(-1, n_parents).argmin(0)
    return children[best * n_parents + torch.arange(n_parents, device=best.device)]


def with_one_output(networks: SoftNetworks) -> SoftNetworks:
    """Networks that the encoder takes: several outputs become one, with as large weights."""
    if networks.n_outputs == 1:
        return networks
    weight, bias = networks.weights[-1].square().mean(2, keepdim=True).sqrt(), networks.biases[-1].mean(1, keepdim=True)
    return networks.replace(weights=(*networks.weights[:-1], weight), biases=(*networks.biases[:-1], bias))


def repeat_batch(part: torch.Tensor, times: int) -> torch.Tensor:
    """Repeat a whole batch so many times, as :func:`best_children` takes it."""
    return part.repeat(times, *[1] * (part.ndim - 1))


def _change(networks: SoftNetworks, before: SoftNetworks, after: SoftNetworks) -> SoftNetworks:
    """Change networks as `before` changes to `after`; parameters of zero stay zero between neurons that stay."""
    weights, biases, activation, mask = [], [], [], []
    stays = torch.ones_like(networks.input_mask, dtype=torch.bool)
    for layer, (weight, bias) in enumerate(zip(networks.weights, networks.biases, strict=True)):
        source, stays = stays, torch.ones_like(bias, dtype=torch.bool)
        if layer < networks.depth:
            kinds = [each.activation[layer].argmax(2) for each in (before, after)]
            stays = (kinds[0] == kinds[1]) & (before.mask[layer] == after.mask[layer])
            activation.append(torch.where(stays[:, :, None], networks.activation[layer], after.activation[layer]))
            mask.append(torch.where(stays, networks.mask[layer], after.mask[layer]))
        kept = torch.where(weight != 0, weight + after.weights[layer] - before.weights[layer], 0.0)
        weights.append(torch.where(source[:, :, None] & stays[:, None, :], kept, after.weights[layer]))
        biases.append(torch.where(stays, bias + after.biases[layer] - before.biases[layer], after.biases[layer]))
    return SoftNetworks(tuple(weights), tuple(biases), tuple(activation), tuple(mask), networks.input_mask).harden()


def _vary(
    latent: torch.Tensor, input_mask: torch.Tensor, depth: int, checkpoint: Checkpoint, generator: torch.Generator
) -> torch.Tensor:
    """Take some rows from networks of the bank with no more inputs, and add noise."""
    bank, device = checkpoint.bank, latent.device
    fits = (bank.depth == depth) | bank.restored[:, depth - 1]
    n_inputs, other = input_mask.sum(1), latent.clone()
    for n_used in n_inputs.unique():
        rows, usable = (
            (n_inputs == n_used).nonzero().squeeze(1),
            (fits & (bank.n_inputs <= n_used)).nonzero().squeeze(1),
        )
        if len(usable):
            drawn = torch.randint(len(usable), (len(rows),), generator=generator, device=device)
            other[rows] = bank.latents(usable[drawn])
    crossed = torch.rand(latent.shape[:2], generator=generator, device=device, dtype=torch.float32) < _CROSSED
    latent = torch.where(crossed[:, :, None], other, latent)
    noise = torch.randn(latent.shape, generator=generator, device=device, dtype=torch.float32)
    return bound(latent + _NOISE * noise)


def input_layer(networks: SoftNetworks, slots: int) -> torch.Tensor:
    """Give each input slot one column that the network uses, those of the largest weights if there are too many."""
    strength = networks.weights[0].abs().sum(2)
    n_columns = strength.shape[1]
    value, column = strength.sort(dim=1, descending=True, stable=True)
    inputs = strength.new_zeros(len(networks), n_columns, slots)
    n_used = min(slots, n_columns)
    slot = torch.arange(n_used, device=column.device).expand(len(networks), -1)
    network = torch.arange(len(networks), device=column.device)[:, None].expand_as(slot)
    inputs[network, column[:, :n_used], slot] = (value[:, :n_used] > 0).float()
    return inputs

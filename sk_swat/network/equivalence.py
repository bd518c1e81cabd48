"""Rewrite hard networks without changing their functions: reflect, reorder, remove, deepen, pad, trim.

Neurons of a layer may be permuted, odd and sigmoid neurons reflected, neurons that see no input folded into the next
bias. Writing every network in one canonical way leaves the autoencoder one network per function to learn instead of
thousands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks, concatenate, mix_activations

__all__ = ["canonical_form", "deepen", "fold_constants", "join", "pad", "permute_inputs", "straighten", "trim"]

_CANONICAL_PASSES = 4  # signs and scales of neighbouring layers depend on each other; four passes settle most
_PASS_SHIFT = 6.0  # a standardised output plus 6 stays on the linear side of leaky_relu


def pad(networks: SoftNetworks, width: int, n_inputs: int | None = None) -> SoftNetworks:
    """Widen hidden layers to `width` with masked neurons, and the input to `n_inputs` (or `width`) unused slots."""
    n_inputs = width if n_inputs is None else n_inputs

    def grow(tensor: torch.Tensor, *sizes: int) -> torch.Tensor:
        shape = (tensor.shape[0], *sizes)
        out = tensor.new_zeros(shape)
        out[tuple(slice(0, size) for size in tensor.shape)] = tensor
        return out

    activation = []
    for part in networks.activation:
        wide = grow(part, width, part.shape[-1])
        wide[:, part.shape[1] :, 0] = 1.0
        activation.append(wide)
    return SoftNetworks(
        weights=tuple(
            grow(part, width if layer else n_inputs, width if layer < networks.depth else part.shape[2])
            for layer, part in enumerate(networks.weights)
        ),
        biases=(*(grow(part, width) for part in networks.biases[:-1]), networks.biases[-1]),
        activation=tuple(activation),
        mask=tuple(grow(part, width) for part in networks.mask),
        input_mask=grow(networks.input_mask, n_inputs),
    )


def permute_inputs(networks: SoftNetworks, order: torch.Tensor, sign: torch.Tensor) -> SoftNetworks:
    """Permute and reflect the inputs: slot i then does what slot ``order[i]`` did to ``sign[i] * x``.

    `order` has one permutation for each network, `sign` 1 or -1 for each slot; both have shape (n_networks, n_in).
    """
    first = networks.weights[0]
    first = first.gather(1, order[:, :, None].expand_as(first)) * sign[:, :, None]
    return networks.replace(weights=(first, *networks.weights[1:]), input_mask=networks.input_mask.gather(1, order))


def trim(networks: SoftNetworks) -> SoftNetworks:
    """Leave out places of missing neurons: each hidden layer is as wide as that of the widest network."""
    for layer, alive in enumerate(networks.mask):
        width = max(1, int((alive > 0).sum(1).max()))
        kept = (alive > 0).to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :width]
        networks = _with_neurons(networks, layer, kept)
    return networks


def _with_neurons(networks: SoftNetworks, layer: int, index: torch.Tensor) -> SoftNetworks:
    """Take neurons of a hidden layer in another order, or some of them; `index` has shape (n_networks, n_neurons)."""
    weights, biases = list(networks.weights), list(networks.biases)
    activation, mask = list(networks.activation), list(networks.mask)
    weights[layer] = weights[layer].gather(2, index[:, None, :].expand(-1, weights[layer].shape[1], -1))
    weights[layer + 1] = weights[layer + 1].gather(1, index[:, :, None].expand(-1, -1, weights[layer + 1].shape[2]))
    biases[layer], mask[layer] = biases[layer].gather(1, index), mask[layer].gather(1, index)
    activation[layer] = activation[layer].gather(1, index[:, :, None].expand(-1, -1, activation[layer].shape[2]))
    return SoftNetworks(tuple(weights), tuple(biases), tuple(activation), tuple(mask), networks.input_mask)


def join(batches: Sequence[SoftNetworks]) -> SoftNetworks:
    """Join batches of one depth, on the same columns, into one as wide as the widest of them."""
    width = max(part.shape[1] for batch in batches for part in batch.mask)
    narrow = any(part.shape[1] < width for batch in batches for part in batch.mask)
    if narrow:
        batches = [pad(batch, width, batch.weights[0].shape[1]) for batch in batches]
    return concatenate(batches)


def fold_constants(networks: SoftNetworks) -> SoftNetworks:
    """Remove neurons that cannot reach the output, and fold those that see no input into the next biases."""
    weights, biases, mask = list(networks.weights), list(networks.biases), list(networks.mask)
    used = networks.activations_in_use()
    alive = networks.input_mask
    for layer in range(networks.depth):
        weights[layer] = weights[layer] * alive[:, :, None]
        sees = (weights[layer] != 0).any(1).to(biases[layer].dtype) * mask[layer]
        constant = mix_activations(biases[layer][:, None, :], networks.activation[layer], used)[0][:, 0]
        constant = constant * mask[layer] * (1 - sees)
        biases[layer + 1] = biases[layer + 1] + torch.einsum("bi,bij->bj", constant, weights[layer + 1])
        mask[layer] = alive = sees
    weights[-1] = weights[-1] * alive[:, :, None]
    for layer in reversed(range(networks.depth)):
        mask[layer] = mask[layer] * (weights[layer + 1] != 0).any(2).to(mask[layer].dtype)
        weights[layer] = weights[layer] * mask[layer][:, None, :]
        biases[layer] = biases[layer] * mask[layer]
    return networks.replace(weights=tuple(weights), biases=tuple(biases), mask=tuple(mask))


def straighten(networks: SoftNetworks, X: torch.Tensor) -> SoftNetworks:
    """Make identity neurons of those neurons of hard networks whose kink, as that of leaky_relu, no row of X crosses.

    On these rows the networks stay the same up to rounding; beyond them they may change.
    """
    weights, activation = list(networks.weights), list(networks.activation)
    hidden = X.expand(len(networks), *X.shape[-2:])
    used = networks.activations_in_use()
    slopes = X.new_tensor([one.slopes or (math.nan, math.nan) for one in ACTIVATIONS.values()])
    identity = X.new_tensor([name == "identity" for name in ACTIVATIONS])
    for layer in range(networks.depth):
        z = torch.baddbmm(networks.biases[layer][:, None, :], hidden, networks.weights[layer])
        hidden = mix_activations(z, networks.activation[layer], used)[0] * networks.mask[layer][:, None, :]
        low, high = torch.aminmax(z, dim=1)
        below, above = slopes[activation[layer].argmax(-1)].unbind(-1)
        straight = ~below.isnan() & ((low >= 0) | (high <= 0))
        slope = torch.where(high <= 0, below, above)[:, :, None]
        weights[layer + 1] = torch.where(straight[:, :, None], slope * weights[layer + 1], weights[layer + 1])
        activation[layer] = torch.where(straight[..., None], identity, activation[layer])
    return networks.replace(weights=tuple(weights), activation=tuple(activation))


def canonical_form(
    networks: SoftNetworks, order_noise: float = 0.0, generator: torch.Generator | None = None
) -> SoftNetworks:
    """Write hard networks in canonical form.

    Odd and sigmoid neurons are reflected so that their outgoing weights sum to a positive number, even ones so that
    their incoming weights do; neurons with a kink, such as leaky_relu, are scaled to equally large incoming and
    outgoing weights; the neurons of a layer are sorted by the size of their weights, missing ones last. Signs and
    scales of neighbouring layers depend on each other and are settled in a few passes: with several hidden layers a few
    networks still change when passed in again.

    `order_noise` is the standard deviation of a normal number added to the logarithm of the sorting key: 0 sorts
    exactly, large values give a random permutation of the neurons (augmentation).
    """
    for _ in range(_CANONICAL_PASSES):
        networks = _reflect_and_balance(networks)
    return _sort(networks, order_noise, generator)


def _reflect_and_balance(networks: SoftNetworks) -> SoftNetworks:
    """One pass from the last hidden layer to the first, whose signs the sums of the layer before depend on."""
    weights, biases = list(networks.weights), list(networks.biases)
    known = ACTIVATIONS.values()
    tables = [[(one.reflection or (0.0, 0.0))[part] for one in known] for part in (0, 1)]
    tables.append([float(one.slopes is not None) for one in known])
    for layer in reversed(range(networks.depth)):
        kind = networks.activation[layer].argmax(-1)
        incoming, outgoing = weights[layer].sum(1), weights[layer + 1].sum(2)
        offset, sign, kinked = (incoming.new_tensor(table)[kind] for table in tables)
        reflected = (sign < 0) & (outgoing < 0) | (sign > 0) & (incoming < 0)
        flip_in = 1 - 2 * reflected.to(incoming)
        flip_out = torch.where(sign > 0, 1.0, flip_in)
        # sigmoid(z) = 1 - sigmoid(-z): reflecting a sigmoid neuron adds its old outgoing weights to the next bias
        shift = torch.where(flip_in < 0, offset * networks.mask[layer], 0.0)
        biases[layer + 1] = biases[layer + 1] + torch.einsum("bi,bij->bj", shift, weights[layer + 1])
        norm_in, norm_out = _norms(weights, biases, layer)
        balance = torch.where(kinked > 0, (norm_out / norm_in).sqrt(), 1.0)
        weights[layer] = weights[layer] * (flip_in * balance)[:, None, :]
        biases[layer] = biases[layer] * flip_in * balance
        weights[layer + 1] = weights[layer + 1] * (flip_out / balance)[:, :, None]
    return networks.replace(weights=tuple(weights), biases=tuple(biases))


def _sort(networks: SoftNetworks, order_noise: float, generator: torch.Generator | None) -> SoftNetworks:
    """Sort the neurons of each layer by the size of their weights, missing ones last."""
    for layer in range(networks.depth):
        norm_in, norm_out = _norms(networks.weights, networks.biases, layer)
        key = (norm_in.log() + norm_out.log()) + 100 * networks.mask[layer]
        if order_noise:
            noise = torch.randn(key.shape, generator=generator, device=key.device, dtype=key.dtype)
            key = key + order_noise * noise.clamp(-4, 4)
        networks = _with_neurons(networks, layer, key.argsort(dim=1, descending=True, stable=True))
    return networks


def _norms(
    weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], layer: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Size of each neuron's incoming weights and bias, and of its outgoing weights."""
    norm_in = (weights[layer].square().sum(1) + biases[layer].square()).clamp_min(1e-12).sqrt()
    return norm_in, weights[layer + 1].square().sum(2).clamp_min(1e-12).sqrt()


def deepen(networks: SoftNetworks) -> SoftNetworks:
    """Add one hidden layer that passes the output on, so that a deeper decoder has a target for every network.

    The new layer holds one leaky_relu neuron, shifted so far that a standardised output stays on its linear side:
    the function is unchanged where the output lies above -6.
    """
    width = networks.mask[-1].shape[1]
    last, bias = networks.weights[-1], networks.biases[-1]
    hidden = last.new_zeros(len(networks), width, width)
    hidden[:, :, :1] = last
    hidden_bias = bias.new_zeros(len(networks), width)
    hidden_bias[:, :1] = bias + _PASS_SHIFT
    activation = torch.zeros_like(networks.activation[-1])
    activation[..., 0] = 1.0
    activation[:, 0] = torch.nn.functional.one_hot(
        torch.tensor(list(ACTIVATIONS).index("leaky_relu"), device=last.device), activation.shape[-1]
    ).to(activation.dtype)
    mask = torch.zeros_like(networks.mask[-1])
    mask[:, 0] = 1.0
    readout = last.new_zeros(len(networks), width, 1)
    readout[:, 0] = 1.0
    return SoftNetworks(
        weights=(*networks.weights[:-1], hidden, readout),
        biases=(*networks.biases[:-1], hidden_bias, torch.full_like(bias, -_PASS_SHIFT)),
        activation=(*networks.activation, activation),
        mask=(*networks.mask, mask),
        input_mask=networks.input_mask,
    )

"""Make networks larger without changing what they compute, so that a fit has something new to work with."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sk_swat.network.softnet import SoftNetworks

__all__ = ["widen"]

_BIAS_SCALE = 0.7  # standard deviation of a new neuron's bias; its input has variance one


def widen(
    networks: SoftNetworks, allowed: Sequence[bool], n_new: torch.Tensor | int, generator: torch.Generator
) -> SoftNetworks:
    """Give every hidden layer new neurons that nothing listens to yet.

    Weights into a new neuron are normal with variance 1 / (number of living neurons or inputs before it), those out
    of it are zero: the function stays, and a fit that frees them has new directions to go. Each layer gets `n_new`
    neurons (for all networks, or for each) of allowed activations, or as many as there is room for.
    """
    first = networks.weights[0]
    n, device, dtype = len(networks), first.device, first.dtype
    wanted = torch.as_tensor(n_new, device=device).expand(n)[:, None]
    kinds = torch.tensor(allowed, device=device).nonzero().squeeze(1)
    weights, biases = list(networks.weights), list(networks.biases)
    activation, mask = list(networks.activation), list(networks.mask)
    before = networks.input_mask

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=device, dtype=torch.float32).to(dtype)

    for layer in range(networks.depth):
        missing = mask[layer] <= 0
        new = missing & (missing.cumsum(1) <= wanted)
        scale = before / before.sum(1, keepdim=True).clamp_min(1).sqrt()
        incoming = normal(*weights[layer].shape) * scale[:, :, None]
        weights[layer] = torch.where(new[:, None, :], incoming, weights[layer])
        biases[layer] = torch.where(new, _BIAS_SCALE * normal(*new.shape), biases[layer])
        weights[layer + 1] = torch.where(new[:, :, None], 0.0, weights[layer + 1])
        drawn = kinds[torch.randint(len(kinds), new.shape, generator=generator, device=device)]
        one_hot = torch.nn.functional.one_hot(drawn, activation[layer].shape[-1]).to(activation[layer].dtype)
        activation[layer] = torch.where(new[:, :, None], one_hot, activation[layer])
        mask[layer] = torch.where(new, 1.0, mask[layer])
        before = mask[layer]
    return SoftNetworks(tuple(weights), tuple(biases), tuple(activation), tuple(mask), networks.input_mask)

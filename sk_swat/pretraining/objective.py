"""What pretraining minimises: weight reconstruction first, then the difference between functions.

The functional loss follows arXiv 2506.08270, section III: outputs of the decoded network against outputs of the
source on random inputs, for every decoder, with the minimum over the decoders. Here it is the logarithm of the
fraction of variance unexplained (FVU), so that hard networks do not drown the easy ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from sk_swat.latent.autoencoder import Autoencoder
from sk_swat.latent.layout import RawNetworks
from sk_swat.network.equivalence import canonical_form, deepen, permute_inputs
from sk_swat.network.softnet import SoftNetworks

__all__ = ["ObjectiveConfig", "augment", "functional_fvu", "pretraining_loss", "reconstruction_loss"]


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights of the terms and strength of the augmentation."""

    fvu_offset: float = 2e-3  # added to the FVU before the logarithm: smaller errors count as nothing
    # of the functional loss, against 1 for the decoder of the source's own depth
    deeper_weight: float = 0.5
    shallower_weight: float = 0.2  # run on every fourth network
    best_weight: float = 0.3  # of the minimum over the decoders that were run
    # smallest and largest standard deviation of the noise added to the latent while training, drawn log-uniformly for
    # each network: little noise asks for exact weights, much of it for a smooth latent space
    latent_noise: tuple[float, float] = (0.01, 0.15)
    weight_jitter: float = 0.1  # standard deviation of the logarithm by which weights of a source are changed
    order_noise: float = 0.05  # randomness of the order of neurons (see network.equivalence.canonical_form)
    n_inputs_drawn: int = 64  # random inputs on which functions are compared


def augment(networks: SoftNetworks, generator: torch.Generator, config: ObjectiveConfig) -> SoftNetworks:
    """Other functions of the same kind: permuted and reflected inputs, reflected output, jittered weights."""
    device, (n, slots) = networks.input_mask.device, networks.input_mask.shape

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, device=device)

    # real slots stay in front: they sort by a number below 1, unused slots by one above
    order = (uniform(n, slots) + 2 * (1 - networks.input_mask)).argsort(1)
    sign = torch.where(uniform(n, slots) < 0.5, -1.0, 1.0)
    networks = permute_inputs(networks, order, sign)
    flip = torch.where(uniform(n, 1) < 0.5, -1.0, 1.0)

    def jitter(part: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(part.shape, generator=generator, device=device)
        return part * torch.exp(config.weight_jitter * noise)

    weights = [jitter(part) for part in networks.weights]
    biases = [jitter(part) for part in networks.biases]
    weights[-1], biases[-1] = weights[-1] * flip[:, :, None], biases[-1] * flip
    networks = networks.replace(weights=tuple(weights), biases=tuple(biases))
    return canonical_form(networks, config.order_noise, generator)


def reconstruction_loss(raw: RawNetworks, matrix: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Difference between what a decoder wrote and what it should have written, for each network.

    `matrix` and `real` are networks of the decoder's depth, as :meth:`MatrixLayout.write` gives them. The loss is the
    mean squared error of the compressed weights and biases, plus the mean cross-entropies of the activations of living
    neurons and of the masks.
    """
    codes, choices, masks = raw.layout.kinds(raw.depth)
    entries = real[..., codes]
    squared = (entries * (raw.columns[..., codes] - matrix[..., codes]).square()).sum((1, 2)) / entries.sum((1, 2))
    shape = (raw.depth, len(raw.layout.activations))
    surprise = -F.log_softmax(raw.columns[..., choices].unflatten(-1, shape), -1)
    surprise = (surprise * matrix[..., choices].unflatten(-1, shape)).sum((1, 2, 3)) / matrix[..., masks].sum((1, 2))
    mask_loss = F.binary_cross_entropy_with_logits(raw.columns[..., masks], matrix[..., masks], reduction="none")
    return squared + surprise + mask_loss.mean((1, 2))


def functional_fvu(decoded: SoftNetworks, X: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """Fraction of the variance of `output`, of shape (n_networks, n_rows), that decoded networks do not explain."""
    variance = output.var(1, correction=0).clamp_min(1e-6)
    return (decoded.forward(X) - output).square().mean(1) / variance


def pretraining_loss(
    autoencoder: Autoencoder,
    sources: dict[int, SoftNetworks],
    X: torch.Tensor,
    config: ObjectiveConfig,
    reconstruction_share: float,
    generator: torch.Generator,
    autocast: bool = False,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Loss of one batch, and the mean log10 FVU of the same-depth decoder by depth.

    `sources` are canonical hard networks by depth, in the order of their depths, and X the random inputs on which
    functions are compared. The reconstruction has the weight `reconstruction_share`, the functional loss 1. With
    `autocast` encoder and decoders run in bfloat16.
    """
    layout = autoencoder.layout
    written = [layout.write(networks) for networks in sources.values()]
    masks = torch.cat([networks.input_mask for networks in sources.values()])
    outputs = torch.cat([networks.forward(X) for networks in sources.values()])
    source_depth = torch.cat([X.new_full((len(networks),), depth) for depth, networks in sources.items()])
    with torch.autocast(X.device.type, torch.bfloat16, enabled=autocast):
        latent = autoencoder.encode_matrix(*(torch.cat(parts) for parts in zip(*written, strict=True)))
        low, high = config.latent_noise
        share = torch.rand(len(latent), 1, 1, generator=generator, device=latent.device)
        noise = torch.randn(latent.shape, generator=generator, device=latent.device) * low * (high / low) ** share
        decoded = autoencoder.decode(latent + noise, masks)

    total, log_fvu = X.new_zeros(()), {}
    best = torch.full_like(source_depth, torch.inf)
    targets: list[SoftNetworks] = []  # all sources up to the decoder's depth, written with that depth
    for decoder, raw in decoded.items():
        targets = [deepen(networks) for networks in targets]
        if decoder in sources:
            targets.append(sources[decoder])
        # decoding to a shallower depth is hard and of little use: every fourth network
        rows = torch.arange(len(raw), device=X.device)
        rows = rows[(source_depth <= decoder) | (rows % 4 == 0)]
        fvu = functional_fvu(raw[rows].soften(), X, outputs[rows])
        depth = source_depth[rows]
        weight = torch.where(depth == decoder, 1.0, config.deeper_weight)
        weight = torch.where(depth > decoder, config.shallower_weight, weight)
        total = total + (weight * (fvu + config.fvu_offset).log()).sum()
        best = best.index_copy(0, rows, torch.minimum(best[rows], fvu))
        if targets:
            wanted = [layout.write(networks, decoder=True) for networks in targets]
            here = slice(0, sum(map(len, targets)))
            loss = reconstruction_loss(raw[here], *(torch.cat(parts) for parts in zip(*wanted, strict=True)))
            total = total + reconstruction_share * (weight[here] * loss).sum()
        log_fvu[f"log10_fvu_{decoder}"] = fvu[depth == decoder].detach().log10().mean()
    total = total + config.best_weight * (best + config.fvu_offset).log().sum()
    return total / len(latent), {name: float(value) for name, value in log_fvu.items()}

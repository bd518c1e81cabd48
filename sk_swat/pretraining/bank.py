"""The bank of a checkpoint: latents of corpus networks that the trained autoencoder decodes faithfully."""

from __future__ import annotations

import torch

from sk_swat.autoencoder import Autoencoder
from sk_swat.checkpoint import Bank
from sk_swat.pretraining.corpus import Corpus
from sk_swat.pretraining.objective import functional_fvu

__all__ = ["make_bank"]


def make_bank(
    autoencoder: Autoencoder, corpus: Corpus, n_per_depth: int, seed: int = 0, largest_fvu: float = 0.2
) -> Bank:
    """Encode corpus networks and keep those that come back.

    Parameters
    ----------
    autoencoder : Autoencoder
        Trained autoencoder, on the CPU.
    corpus : Corpus
        Fitted networks to choose from.
    n_per_depth : int
        Networks of each depth that are kept, drawn at random among the faithful ones; fewer if there are fewer.
    seed : int, default=0
        Of the draw.
    largest_fvu : float, default=0.2
        A network whose own-depth decoding leaves more of its variance unexplained is not faithful.
    """
    generator = torch.Generator().manual_seed(seed)
    X = (2 * torch.rand(128, autoencoder.config.max_width, generator=generator) - 1) * 3**0.5
    latents, depths, n_inputs, restored = [], [], [], []
    for depth, networks in corpus.by_depth.items():
        order = torch.randperm(len(networks), generator=generator)
        kept = 0
        for chunk in order.split(2048):
            part = networks[chunk]
            with torch.no_grad():
                latent = autoencoder.encode(part)
                output = part.forward(X)
                fvus = [
                    functional_fvu(raw.soften().harden(), X, output)
                    for raw in autoencoder.decode(latent, part.input_mask).values()
                ]
                comes_back = torch.stack(fvus, dim=1) <= largest_fvu
            faithful = comes_back[:, depth - 1]
            faithful = faithful & (faithful.cumsum(0) <= n_per_depth - kept)
            kept += int(faithful.sum())
            latents.append(latent[faithful])
            restored.append(comes_back[faithful])
            n_inputs.append(part.input_mask[faithful].sum(1))
            depths.append(torch.full((int(faithful.sum()),), depth))
            if kept == n_per_depth:
                break
    return Bank.from_latents(torch.cat(latents), torch.cat(depths), torch.cat(n_inputs), torch.cat(restored))

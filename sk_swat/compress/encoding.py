"""Candidates that come from a network itself: encode it, decode it to other depths, fit the readout."""

from __future__ import annotations

import torch

from sk_swat.latent.autoencoder import bound
from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.children import input_layer, with_one_output
from sk_swat.latent.run import Candidate
from sk_swat.latent.screening import fit_readouts
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.equivalence import canonical_form, fold_constants
from sk_swat.network.hard import batch_of, widest
from sk_swat.network.softnet import SoftNetworks, concatenate
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.table import Table

__all__ = ["as_candidates", "fits_matrix", "network_candidates", "restore"]

_NOISES = (0.0, 0.05, 0.1, 0.2)  # standard deviations of the change of a latent; entries have about unit variance
_TRIED = 16  # latents for each of them


def fits_matrix(network: SparseMLP, checkpoint: Checkpoint) -> bool:
    """Whether the encoder can read a network: not too deep and not too wide."""
    config = checkpoint.autoencoder.config
    return 1 <= network.depth <= config.max_depth and widest(network) <= config.max_width


def restore(
    network: SparseMLP,
    table: Table,
    checkpoint: Checkpoint,
    depth: int,
    search: SearchConfig,
    generator: torch.Generator,
    n_kept: int,
) -> list[Candidate]:
    """Encode a network, move its latent a little, and decode it to a depth.

    Parameters
    ----------
    network : SparseMLP
        Takes standardised columns and gives standardised targets; see :func:`fits_matrix`.
    table : Table
        Rows on which readouts are fitted and candidates ranked.
    checkpoint : Checkpoint
        Autoencoder.
    depth : int
        Decoder to use.
    search : SearchConfig
        Prices, and which activations may be chosen.
    generator : torch.Generator
        Source of all random choices.
    n_kept : int
        Candidates to give, best first.
    """
    autoencoder, slots = checkpoint.autoencoder, checkpoint.autoencoder.config.max_width
    parent = canonical_form(batch_of([network], slots).map(lambda part: part.float()))
    inputs = input_layer(parent, slots)
    input_mask = inputs.sum(1)
    on_slots = with_one_output(parent).replace(input_mask=input_mask)
    on_slots = on_slots.replace(weights=(inputs.mT @ on_slots.weights[0], *on_slots.weights[1:]))
    with torch.no_grad():
        latent = autoencoder.encode(on_slots)
        # the latent itself once
        noise = torch.tensor(_NOISES, dtype=torch.float32).repeat_interleave(_TRIED)[_TRIED - 1 :]
        moved = torch.randn(len(noise), *latent.shape[1:], generator=generator, dtype=torch.float32)
        latents = bound(latent + noise[:, None, None] * moved)
        raw = autoencoder.decode(latents, input_mask.expand(len(latents), -1), [depth])[depth]
        soft = raw.soften(allowed=torch.tensor(search.allowed))
        if depth < network.depth:  # shallower decoders leave most neurons out: the readout shall decide
            soft = concatenate([soft, soft.replace(mask=tuple(torch.ones_like(part) for part in soft.mask))])
        decoded = soft.harden().connect(inputs.expand(len(soft), -1, -1))
    return _best(decoded, table, search, n_kept)


def network_candidates(networks: list[SparseMLP], width: int, table: Table, search: SearchConfig) -> list[Candidate]:
    """Candidates of networks of any depths as they are, with fitted readouts; none of those with other activations."""
    found: list[Candidate] = []
    for depth in sorted({network.depth for network in networks}):
        batch = batch_of([network for network in networks if network.depth == depth], width)
        kept = _uses_only(batch, torch.tensor(search.allowed))
        if kept.any():
            found += _best(batch[kept].map(lambda part: part.float()), table, search, int(kept.sum()))
    return found


def _uses_only(networks: SoftNetworks, allowed: torch.Tensor) -> torch.Tensor:
    """Which networks use none but the allowed activations."""
    other = ~allowed
    parts = zip(networks.activation, networks.mask, strict=True)
    return ~torch.stack([(share[:, :, other].sum(2) * mask > 0).any(1) for share, mask in parts]).any(0)


def _best(networks: SoftNetworks, table: Table, search: SearchConfig, n_kept: int) -> list[Candidate]:
    with torch.no_grad():
        networks, score, _ = fit_readouts(networks, table, search)
        networks = fold_constants(networks)
    score = score.nan_to_num(torch.inf, torch.inf)
    order = score.argsort(stable=True)[:n_kept]
    return as_candidates(networks[order], score[order])


def as_candidates(networks: SoftNetworks, score: torch.Tensor) -> list[Candidate]:
    """Candidates without latents; those whose score is not finite are left out."""
    return [
        Candidate(
            network=networks[i : i + 1],
            restart=i,
            start_objective=float(score[i]),
            objective=float(score[i]),
            n_nonzero=int(sum((part[i] != 0).sum() for part in (*networks.weights, *networks.biases))),
            n_neurons=int(sum(part[i].sum() for part in networks.mask)),
        )
        for i in torch.isfinite(score).nonzero().squeeze(1).tolist()
    ]

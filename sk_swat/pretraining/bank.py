"""The bank of a checkpoint: latents of networks that the autoencoder decodes faithfully and that functions need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from sk_swat.latent.autoencoder import Autoencoder
from sk_swat.latent.bank import Bank, Decode, round_latents
from sk_swat.latent.checkpoint import load_checkpoint, save_checkpoint
from sk_swat.network.softnet import SoftNetworks
from sk_swat.pretraining.corpus import Corpus, make_dense_corpus
from sk_swat.pretraining.objective import functional_fvu
from sk_swat.pretraining.usefulness import usefulness
from sk_swat.utils.torch_state import usual_torch

__all__ = ["BANK_CHUNKS", "BANK_SIZES", "decoder", "make_bank", "renew_bank"]

BANK_SIZES: Mapping[int, int] = {1: 3500, 2: 4000, 3: 500, 4: 500}  # latents by depth
BANK_CHUNKS: Mapping[int, int] = {1: 200, 2: 220, 3: 40, 4: 40}  # of networks to choose from, see dense_chunk
BANK_SEED = 91  # of these chunks; far from those of training corpora, which have other shapes
_BATCH = 2048


def make_bank(
    autoencoder: Autoencoder,
    corpus: Corpus,
    n_per_depth: int | Mapping[int, int],
    seed: int = 0,
    largest_fvu: float = 0.2,
) -> Bank:
    """Encode the networks of a corpus and keep those that come back, the most useful ones first.

    `n_per_depth` says how many of each depth are kept, if so many come back; every number of inputs keeps the share it
    has among those that come back. A network whose own-depth decoding leaves more than `largest_fvu` of its variance
    unexplained does not. `seed` is that of the rows on which networks are compared, and of the functions that say which
    are useful.
    """
    generator = torch.Generator().manual_seed(seed)
    X = (2 * torch.rand(128, autoencoder.config.max_width, generator=generator) - 1) * 3**0.5
    latents, depths, n_inputs, restored = [], [], [], []
    for depth, networks in corpus.by_depth.items():
        wanted = n_per_depth if isinstance(n_per_depth, int) else n_per_depth.get(depth, 0)
        latent, comes_back = _encode(autoencoder, networks, X, largest_fvu)
        kept = _most_useful(networks, comes_back[:, depth - 1], wanted, seed)
        latents.append(latent[kept])
        restored.append(comes_back[kept])
        n_inputs.append(networks.input_mask[kept].sum(1))
        depths.append(torch.full((len(kept),), depth))
    if not sum(map(len, latents)):
        raise ValueError(
            f"The autoencoder must restore some networks with an FVU of at most {largest_fvu:g}, but it restores none; "
            "train it longer."
        )
    parts = torch.cat(latents), torch.cat(depths), torch.cat(n_inputs), torch.cat(restored)
    return Bank.from_latents(*parts, decoder(autoencoder))


def _encode(
    autoencoder: Autoencoder, networks: SoftNetworks, X: torch.Tensor, largest_fvu: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents as a bank keeps them, and whether the decoder of each depth restores the network."""
    latents, comes_back = [], []
    for chunk in torch.arange(len(networks)).split(_BATCH):
        part = networks[chunk]
        with torch.no_grad():
            rounded, scale = round_latents(autoencoder.encode(part))
            latents.append(rounded.float() * scale.float()[:, :, None])
            output = part.forward(X)
            decoded = autoencoder.decode(latents[-1], part.input_mask)
            fvus = [functional_fvu(raw.soften().harden(), X, output) for raw in decoded.values()]
        comes_back.append(torch.stack(fvus, dim=1) <= largest_fvu)
    return torch.cat(latents), torch.cat(comes_back)


def _most_useful(networks: SoftNetworks, faithful: torch.Tensor, wanted: int, seed: int) -> torch.Tensor:
    """Choose the networks to keep: of each number of inputs its share, the most useful ones."""
    n_inputs = networks.input_mask.sum(1).long()
    kept, n_before, n_faithful = [], 0, int(faithful.sum())
    wanted = min(wanted, n_faithful)
    for number in n_inputs[faithful].unique().tolist():
        index = (faithful & (n_inputs == number)).nonzero().squeeze(1)
        n_after = n_before + len(index)
        n_kept = round(wanted * n_after / n_faithful) - round(wanted * n_before / n_faithful)
        if n_kept < len(index):
            points = usefulness(networks[index], number, seed)
            index = index[points.argsort(descending=True, stable=True)]
        kept.append(index[:n_kept])
        n_before = n_after
    return torch.cat(kept) if kept else n_inputs[:0]


def decoder(autoencoder: Autoencoder) -> Decode:
    """Make hard networks of latents by an autoencoder."""

    def decode(latent: torch.Tensor, input_mask: torch.Tensor, depth: int) -> SoftNetworks:
        with torch.no_grad():
            return autoencoder.decode(latent, input_mask, [depth])[depth].soften().harden()

    return decode


@usual_torch()
def renew_bank(
    out: str | Path,
    checkpoint: str | Path | None = None,
    *,
    n_chunks: Mapping[int, int] = BANK_CHUNKS,
    n_per_depth: Mapping[int, int] = BANK_SIZES,
    seed: int = BANK_SEED,
    n_jobs: int = 1,
) -> Bank:
    """Write a checkpoint with the autoencoder of another one (None: the bundled one) and a new bank.

    `n_chunks` and `n_per_depth` say, by depth, to how many chunks of 96 functions networks are fitted, and how many are
    kept; `seed` names the networks, which `n_jobs` processes fit.
    """
    loaded = load_checkpoint(checkpoint)
    bank = make_bank(loaded.autoencoder, make_dense_corpus(seed, n_chunks, n_jobs), n_per_depth, seed)
    save_checkpoint(out, loaded.autoencoder, bank, loaded.summary | {"n_bank": len(bank)})
    return bank

"""How good an autoencoder is: on fresh fitted networks, from seeds it was never trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from tabulate import tabulate

from sk_swat.latent.autoencoder import Autoencoder, bound
from sk_swat.latent.checkpoint import Bank, load_checkpoint
from sk_swat.network.equivalence import canonical_form
from sk_swat.pretraining.bank import decoder
from sk_swat.pretraining.corpus import Corpus, make_corpus
from sk_swat.pretraining.objective import functional_fvu
from sk_swat.utils.torch_state import usual_torch

__all__ = ["Quality", "evaluate_autoencoder", "measure_quality"]

EVALUATION_SEED = 20_000_000  # added to the seed: training and held-out corpora have smaller numbers
_ALIVE = 0.1  # standard deviation of the output of a living network


@dataclass(frozen=True)
class Quality:
    """Figures of an autoencoder."""

    # FVU of the hardened decoded network, by source depth and decoder depth
    median: dict[tuple[int, int], float]
    p90: dict[tuple[int, int], float]
    best_median: dict[int, float]  # of the smallest FVU over the decoders, by source depth; key 0: over all sources
    n_networks: dict[int, int]  # fresh ones, by depth
    alive: dict[str, float]  # share of starts whose hardened decoded network varies, by kind of start
    # Spearman correlation of latent distance and function distance: between a network and itself with latent noise of
    # 0.02 to 1, and between pairs of networks of two inputs
    local_correlation: float
    global_correlation: float

    def table(self) -> str:
        """Figures as Markdown."""
        depths = sorted(self.n_networks)
        headers = ["source depth", "networks", *(f"decoder {depth}" for depth in depths), "best of all"]
        rows = [
            [source, self.n_networks[source]]
            + [f"{self.median[source, depth]:.4f} / {self.p90[source, depth]:.3f}" for depth in depths]
            + [f"{self.best_median[source]:.4f}"]
            for source in depths
        ]
        lines = [tabulate(rows, headers, tablefmt="github", disable_numparse=True), ""]
        lines += ["Median / 90th percentile of the FVU of the hardened decoded network.", ""]
        lines.append(f"Best of all decoders, median over all sources: {self.best_median[0]:.4f}.")
        lines += [f"Alive, {kind}: {100 * share:.1f} %." for kind, share in self.alive.items()]
        lines.append(
            f"Rank correlation of latent and function distance: {self.local_correlation:.3f} around a network, "
            f"{self.global_correlation:.3f} between networks."
        )
        return "\n".join(lines)


@usual_torch()
def evaluate_autoencoder(
    checkpoint: str | Path | None = None, *, seed: int = 0, n_chunks: int = 8, n_jobs: int = 1
) -> str:
    """Measure a checkpoint (None: the bundled one) on fresh networks, and give the table as Markdown.

    `seed` names these networks: for each depth so many chunks of about 120, which `n_jobs` processes fit.
    """
    loaded = load_checkpoint(checkpoint)
    fresh = make_corpus(EVALUATION_SEED + seed, n_chunks, n_jobs=n_jobs)
    return measure_quality(loaded.autoencoder, loaded.bank, fresh, seed).table()


@torch.no_grad()
def measure_quality(autoencoder: Autoencoder, bank: Bank, fresh: Corpus, seed: int = 0) -> Quality:
    """Measure an autoencoder and its bank on networks from seeds it was never trained on.

    `seed` is that of the inputs, latents and noise drawn here.
    """
    generator = torch.Generator().manual_seed(seed)
    X = (2 * torch.rand(256, autoencoder.config.max_width, generator=generator) - 1) * 3**0.5
    median, p90, best_median, best_all = {}, {}, {}, []
    for source, drawn in fresh.by_depth.items():
        networks = canonical_form(drawn)
        output = networks.forward(X)
        decoded = autoencoder.decode(autoencoder.encode(networks), networks.input_mask)
        fvus = {depth: functional_fvu(raw.soften().harden(), X, output).numpy() for depth, raw in decoded.items()}
        for depth, values in fvus.items():
            median[source, depth] = float(np.median(values))
            p90[source, depth] = float(np.quantile(values, 0.9))
        best_all.append(np.min(list(fvus.values()), axis=0))
        best_median[source] = float(np.median(best_all[-1]))
    best_median[0] = float(np.median(np.concatenate(best_all)))
    return Quality(
        median=median,
        p90=p90,
        best_median=best_median,
        n_networks={depth: len(networks) for depth, networks in fresh.by_depth.items()},
        alive=_alive_shares(autoencoder, bank, X, generator),
        local_correlation=_local_correlation(autoencoder, fresh, X, generator),
        global_correlation=_global_correlation(autoencoder, fresh, X, generator),
    )


def _alive_shares(
    autoencoder: Autoencoder, bank: Bank, X: torch.Tensor, generator: torch.Generator, n_starts: int = 1000
) -> dict[str, float]:
    """Share of living networks among starts of the search: bank latents (as the default does) and normal ones."""
    slots = torch.arange(autoencoder.config.max_width)
    index = torch.randint(len(bank), (n_starts,), generator=generator)
    bank_mask = (slots < bank.n_inputs[index].long()[:, None]).float()
    shape = (n_starts, autoencoder.config.max_width, autoencoder.config.d_latent)
    kinds = {
        "starts from the bank": (bank.latents(index), bank_mask),
        "normal latents": (bound(torch.randn(shape, generator=generator)), (slots < 2).float().expand(n_starts, -1)),
    }
    shares = {}
    for kind, (latent, mask) in kinds.items():
        alive = []
        for depth, raw in autoencoder.decode(latent, mask).items():
            varies = raw.soften().harden().forward(X).std(1, correction=0) > _ALIVE
            # the search decodes a bank latent where it is restored
            alive.append(varies[bank.restored[index, depth - 1]] if kind == "starts from the bank" else varies)
        shares[kind] = float(torch.cat(alive).float().mean())
    return shares


def _local_correlation(autoencoder: Autoencoder, fresh: Corpus, X: torch.Tensor, generator: torch.Generator) -> float:
    latent_distance, function_distance, decode = [], [], decoder(autoencoder)
    for drawn in fresh.by_depth.values():
        networks = canonical_form(drawn)
        latent = autoencoder.encode(networks)
        scale = 0.02 * 50 ** torch.rand(len(latent), 1, 1, generator=generator)
        moved = bound(latent + scale * torch.randn(latent.shape, generator=generator))
        there, here = (decode(one, networks.input_mask, networks.depth).forward(X) for one in (moved, latent))
        latent_distance.append((moved - latent).square().sum((1, 2)).sqrt())
        function_distance.append((there - here).square().mean(1).sqrt())
    return float(spearmanr(torch.cat(latent_distance), torch.cat(function_distance)).statistic)


def _global_correlation(autoencoder: Autoencoder, fresh: Corpus, X: torch.Tensor, generator: torch.Generator) -> float:
    latent_distance, function_distance = [], []
    for drawn in fresh.by_depth.values():
        networks = canonical_form(drawn)
        networks = networks[networks.input_mask.sum(1) == 2]
        if len(networks) < 2:
            continue
        latent, output = autoencoder.encode(networks), networks.forward(X)
        first, second = torch.randint(len(networks), (2, 1000), generator=generator)
        latent_distance.append((latent[first] - latent[second]).square().sum((1, 2)).sqrt())
        function_distance.append((output[first] - output[second]).square().mean(1).sqrt())
    return float(spearmanr(torch.cat(latent_distance), torch.cat(function_distance)).statistic)

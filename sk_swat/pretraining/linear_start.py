"""Start the autoencoder's shortcuts from linear algebra: principal components in, weighted least squares out.

Whole networks hang on exact weights: a small error in the weights of a fitted network can leave much of its function
unexplained. The linear part of the autoencoder copies weights exactly from the first step on;
training then adds what is not linear (and what stands up to noise).
"""

from __future__ import annotations

import torch

from sk_swat.latent.autoencoder import Autoencoder, RowLinear
from sk_swat.network.softnet import SoftNetworks
from sk_swat.pretraining.corpus import Corpus

__all__ = ["start_linearly"]

_LOGIT = 6.0  # size of the logits that activations and masks are regressed on
_RIDGE = 1e-6
_RARE = 0.03  # components with less than this share of the largest variance are not whitened further


@torch.no_grad()
def start_linearly(autoencoder: Autoencoder, corpus: Corpus, n_networks: int = 6000) -> None:
    """Set the shortcuts of encoder and decoders; the transformer layers stay as they are, and silent.

    `n_networks` canonical networks of each depth are used, evenly spread over the corpus.
    """
    sources = {
        depth: networks[torch.linspace(0, len(networks) - 1, min(n_networks, len(networks))).long()]
        for depth, networks in corpus.by_depth.items()
    }
    written = [torch.cat(autoencoder.layout.write(networks), dim=-1) for networks in sources.values()]
    _set_encoder(autoencoder, torch.cat(written))
    latents = {
        depth: autoencoder.encode_matrix(*rows.chunk(2, dim=-1)) for depth, rows in zip(sources, written, strict=True)
    }
    for depth, networks in sources.items():
        _set_decoder(autoencoder, depth, latents[depth], *_target(autoencoder, networks))


def _set_encoder(autoencoder: Autoencoder, written: torch.Tensor) -> None:
    """Principal components of each row, half whitened, scaled to unit mean variance."""
    shortcut, size = autoencoder.encoder_shortcut, autoencoder.config.d_latent
    for row in range(written.shape[1]):
        rows = written[:, row].double()
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
        values, vectors = values.flip(0)[:size], vectors.flip(1)[:, :size]
        # rare components are not blown up: where they do occur they would be far out
        scaled = vectors * values.clamp_min(_RARE * values[0]) ** (-0.25)
        weight = scaled / (rows @ scaled).std(0, correction=0).square().mean().sqrt()
        shortcut.weight[row, :, : weight.shape[1]] = weight.float()
        shortcut.bias[row, : weight.shape[1]] = -(mean @ weight).float()


def _target(autoencoder: Autoencoder, networks: SoftNetworks) -> tuple[torch.Tensor, torch.Tensor]:
    """Say what the decoder of the networks' depth should write, and where it matters."""
    matrix, real = autoencoder.layout.write(networks, decoder=True)
    _, choices, masks = autoencoder.layout.kinds(networks.depth)
    for block in (choices, masks):
        matrix[..., block] = _LOGIT * (2 * matrix[..., block] - 1)
    return matrix, real


def _set_decoder(
    autoencoder: Autoencoder, decoder: int, latent: torch.Tensor, target: torch.Tensor, entries: torch.Tensor
) -> None:
    """Weighted ridge regression of every column of every row on that row's latent."""
    shortcut = autoencoder.shortcuts[str(decoder)]
    assert isinstance(shortcut, RowLinear)
    for row in range(latent.shape[1]):
        features = torch.cat([latent[:, row], latent.new_ones(len(latent), 1)], dim=1).double()
        for column in range(target.shape[2]):
            kept = entries[:, row, column] > 0
            if kept.sum() == 0:
                continue
            part = features[kept]
            gram = part.T @ part / len(part) + _RIDGE * torch.eye(part.shape[1], dtype=part.dtype)
            moment = part.T @ target[kept, row, column].double() / len(part)
            solution = torch.linalg.solve(gram, moment).float()
            shortcut.weight[row, :, column], shortcut.bias[row, column] = solution[:-1], solution[-1]

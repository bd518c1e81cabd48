"""The multi-scale autoencoder of small networks: one encoder, one decoder for each depth.

The tokens are the rows of the matrix form (arXiv 2506.08270, section III), eight by default. The latent of a network
is one vector of about unit variance for each row; the decoders share their first layers, which read the latent, and
each ends in layers of its own, which write a network of its depth. Linear shortcuts carry single weights past the
transformer layers, whose normalisations would blur their size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from torch import nn

from sk_swat.latent.layout import MatrixLayout, RawNetworks
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.softnet import SoftNetworks

__all__ = ["Autoencoder", "AutoencoderConfig", "bound"]

LATENT_BOUND = 12.0  # of single entries of a latent, whose standard deviation is about 1


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the autoencoder; stored in every checkpoint.

    Parameters
    ----------
    max_width : int, default=8
        Neurons a layer may have, and input slots.
    max_depth : int, default=4
        Largest number of hidden layers, and number of decoders.
    activations : tuple of str
        Activations in the order of the one-hot columns.
    d_model : int, default=128
        Size of a token inside encoder and decoders.
    d_latent : int, default=96
        Size of a token of the latent.
    n_encoder_layers, n_trunk_layers, n_head_layers : int
        Transformer layers of the encoder, of the part the decoders share, and of each decoder alone.
    n_attention_heads : int, default=4
        Attention heads of every layer.
    """

    max_width: int = 8
    max_depth: int = 4
    activations: tuple[str, ...] = ACTIVATION_NAMES
    d_model: int = 128
    d_latent: int = 96
    n_encoder_layers: int = 3
    n_trunk_layers: int = 2
    n_head_layers: int = 1
    n_attention_heads: int = 4

    def to_dict(self) -> dict[str, object]:
        """Plain values, for a checkpoint's header."""
        return {**asdict(self), "activations": list(self.activations)}

    @property
    def layout(self) -> MatrixLayout:
        """Matrix form of the networks this autoencoder reads and writes."""
        return MatrixLayout(self.max_width, self.max_depth, self.activations)


def bound(latent: torch.Tensor) -> torch.Tensor:
    """Keep every entry of a latent within [-12, 12]; those of encoded networks have about unit variance."""
    return latent.clamp(-LATENT_BOUND, LATENT_BOUND)


class _Block(nn.Module):
    """Pre-norm transformer layer; for eight tokens plain products are faster than a fused attention kernel."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_attention = nn.LayerNorm(d_model)
        self.query_key_value = nn.Linear(d_model, 3 * d_model)
        self.attention_out = nn.Linear(d_model, d_model)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(d_model), nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        n, rows, d_model = tokens.shape
        parts = self.query_key_value(self.norm_attention(tokens)).view(n, rows, 3, self.n_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).flatten(1, 2)
        weights = torch.softmax((query @ key.mT).float() * (d_model // self.n_heads) ** -0.5, dim=-1)
        mixed = (weights.to(value.dtype) @ value).view(n, self.n_heads, rows, -1).transpose(1, 2).flatten(2)
        tokens = tokens + self.attention_out(mixed)
        return tokens + self.feedforward(tokens)


def _layers(config: AutoencoderConfig, n_layers: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(config.d_model, config.n_attention_heads) for _ in range(n_layers)))


class RowLinear(nn.Module):
    """Linear map with weights of its own for every row of the matrix; starts at zero."""

    def __init__(self, n_rows: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_rows, n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_rows, n_out))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map tokens of shape (n, n_rows, n_in) to (n, n_rows, n_out), in float32."""
        with torch.autocast(tokens.device.type, enabled=False):
            return torch.bmm(tokens.float().transpose(0, 1), self.weight).transpose(0, 1) + self.bias


def _silent(layer: nn.Linear) -> nn.Linear:
    """Let a layer start at zero, so that the shortcuts alone speak at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Autoencoder(nn.Module):
    """Encoder and decoders of small networks.

    Parameters
    ----------
    config : AutoencoderConfig, default=None
        Sizes; None takes the defaults.
    """

    def __init__(self, config: AutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AutoencoderConfig()
        self.layout = config.layout
        shape = (config.max_width, config.d_model)
        self.encoder_in = nn.Linear(2 * self.layout.n_columns(), config.d_model)
        self.encoder_rows = nn.Parameter(0.1 * torch.randn(shape))
        self.encoder = _layers(config, config.n_encoder_layers)
        self.encoder_out = nn.Sequential(
            nn.LayerNorm(config.d_model), _silent(nn.Linear(config.d_model, config.d_latent))
        )
        self.encoder_shortcut = RowLinear(config.max_width, 2 * self.layout.n_columns(), config.d_latent)
        self.decoder_in = nn.Linear(config.d_latent, config.d_model)
        self.decoder_rows = nn.Parameter(0.1 * torch.randn(shape))
        self.trunk = _layers(config, config.n_trunk_layers)
        self.heads, self.shortcuts = nn.ModuleDict(), nn.ModuleDict()
        for depth in self.depths:
            out = _silent(nn.Linear(config.d_model, self.layout.n_columns(depth)))
            self.heads[str(depth)] = nn.Sequential(
                _layers(config, config.n_head_layers), nn.LayerNorm(config.d_model), out
            )
            self.shortcuts[str(depth)] = RowLinear(config.max_width, config.d_latent, self.layout.n_columns(depth))

    @property
    def depths(self) -> range:
        """Depths a decoder exists for."""
        return range(1, self.config.max_depth + 1)

    def encode_matrix(self, matrix: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Latents of networks in matrix form, as :meth:`MatrixLayout.write` gives it."""
        written = torch.cat([matrix, real], dim=-1)
        tokens = self.encoder_in(written) + self.encoder_rows
        return bound(self.encoder_out(self.encoder(tokens)).float() + self.encoder_shortcut(written))

    def encode(self, networks: SoftNetworks) -> torch.Tensor:
        """Latents of hard networks in canonical form (see :func:`sk_swat.network.equivalence.canonical_form`).

        Parameters
        ----------
        networks : SoftNetworks
            Canonical hard networks padded to `max_width`, with outputs of mean 0 and variance 1.

        Returns
        -------
        latent : Tensor of shape (n_networks, max_width, d_latent)
            Entries of about unit variance, within [-12, 12].
        """
        return self.encode_matrix(*self.layout.write(networks))

    def decode(
        self, latent: torch.Tensor, input_mask: torch.Tensor, depths: Iterable[int] | None = None
    ) -> dict[int, RawNetworks]:
        """Decode latents to networks of the given depths.

        Parameters
        ----------
        latent : Tensor of shape (n_networks, max_width, d_latent)
            Entries beyond 12 in size are clipped.
        input_mask : Tensor of shape (n_networks, max_width)
            1 for the input slots in use; weights out of the others are not decoded.
        depths : iterable of int, default=None
            Decoders to run; None runs all.
        """
        latent = bound(latent)
        features = self.trunk(self.decoder_in(latent) + self.decoder_rows)
        decoded = {}
        for depth in self.depths if depths is None else depths:
            columns = self.heads[str(depth)](features).float() + self.shortcuts[str(depth)](latent)
            decoded[depth] = RawNetworks(columns, input_mask, depth, self.layout)
        return decoded

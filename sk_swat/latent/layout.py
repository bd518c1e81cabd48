"""The matrix form of a network: which column of the encoded matrix holds what.

One row per neuron index (and per input slot), as in Fig. 3 of arXiv 2506.08270. Side by side stand the weights out
of the input slots and, for every hidden layer, the bias, the activation one-hot, the neuron mask and the weights out
of that row's neuron; the bias of the output stands last. A second channel of the same shape says which entries are
real. This is the only module in which a column number appears; everyone else asks for a block by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks

__all__ = ["MatrixLayout", "RawNetworks", "compress", "expand"]

_FORBIDDEN, _UNKNOWN = -1e9, -5e8  # logits of activations that may not be chosen, and that no decoder proposes
_LARGEST_CODE = 4.5  # sinh(4.5) is about 45: no decoded weight is larger


def compress(weight: torch.Tensor) -> torch.Tensor:
    """Map weights to the numbers written in the matrix: linear near zero, logarithmic for large ones."""
    return torch.asinh(weight)


def expand(code: torch.Tensor) -> torch.Tensor:
    """Undo :func:`compress`; codes beyond 4.5 in size are clipped, so that no weight exceeds 45."""
    return torch.sinh(code.clamp(-_LARGEST_CODE, _LARGEST_CODE))


@dataclass(frozen=True)
class MatrixLayout:
    """Shape and column blocks of the matrix form.

    Parameters
    ----------
    max_width : int, default=8
        Neurons a hidden layer may have, and input slots; the number of rows.
    max_depth : int, default=4
        Largest number of hidden layers.
    activations : tuple of str
        Names of the activations, in the order of the one-hot columns.
    """

    max_width: int = 8
    max_depth: int = 4
    activations: tuple[str, ...] = field(default=ACTIVATION_NAMES)

    @property
    def n_rows(self) -> int:
        """Number of rows of the matrix: one per neuron index."""
        return self.max_width

    @cached_property
    def encoder_columns(self) -> dict[str, slice]:
        """Column blocks of the encoder's matrix, wide enough for every depth."""
        return self._blocks(self.max_depth, last_width=self.max_width)

    def decoder_columns(self, depth: int) -> dict[str, slice]:
        """Column blocks of what the decoder of this depth writes."""
        return self._blocks(depth, last_width=1)

    def _blocks(self, depth: int, last_width: int) -> dict[str, slice]:
        layers = range(1, depth + 1)
        widths = {"weights_0": self.max_width}
        widths |= {f"weights_{layer}": self.max_width if layer < depth else last_width for layer in layers}
        widths |= {f"bias_{layer}": 1 for layer in layers} | {"output_bias": 1}
        widths |= {f"activation_{layer}": len(self.activations) for layer in layers}
        widths |= {f"mask_{layer}": 1 for layer in layers}
        stops = np.cumsum(list(widths.values())).tolist()
        return {name: slice(stop - width, stop) for (name, width), stop in zip(widths.items(), stops, strict=True)}

    def n_columns(self, depth: int | None = None) -> int:
        """Columns of the decoder's matrix of this depth, or of the encoder's (None)."""
        blocks = self.encoder_columns if depth is None else self.decoder_columns(depth)
        return max(block.stop for block in blocks.values())

    def kinds(self, depth: int) -> tuple[slice, slice, slice]:
        """Columns of the decoder's matrix that hold weights and biases, activations, and masks."""
        blocks = self.decoder_columns(depth)
        first_activation, first_mask = blocks["activation_1"].start, blocks["mask_1"].start
        return (
            slice(0, first_activation),
            slice(first_activation, first_mask),
            slice(first_mask, first_mask + depth),
        )

    def write(self, networks: SoftNetworks, decoder: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Write hard networks of one depth into a matrix.

        Parameters
        ----------
        networks : SoftNetworks
            One-hot activations and masks of 0 or 1, padded to `max_width`.
        decoder : bool, default=False
            Write the columns of the decoder of the networks' depth instead of the encoder's.

        Returns
        -------
        matrix : Tensor of shape (n_networks, n_rows, n_columns)
            Compressed weights and biases, one-hot activations and masks; zero where nothing is.
        real : Tensor of shape (n_networks, n_rows, n_columns)
            1 for the entries that belong to a living neuron or a real input, and for the masks, else 0.
        """
        depth = networks.depth
        columns = self.decoder_columns(depth) if decoder else self.encoder_columns
        matrix = networks.weights[0].new_zeros(len(networks), self.n_rows, self.n_columns(depth if decoder else None))
        real = torch.zeros_like(matrix)

        def put(name: str, values: torch.Tensor, entries: torch.Tensor) -> None:
            start, (rows, width) = columns[name].start, values.shape[1:]
            matrix[:, :rows, start : start + width] = values * entries
            real[:, :rows, start : start + width] = entries.expand_as(values)

        output = networks.weights[-1].new_ones(len(networks), 1)
        living = [networks.input_mask, *networks.mask, output]
        for layer, weight in enumerate(networks.weights):
            put(f"weights_{layer}", compress(weight), living[layer][:, :, None] * living[layer + 1][:, None, :])
        for layer in range(1, depth + 1):
            alive = living[layer][:, :, None]
            put(f"bias_{layer}", compress(networks.biases[layer - 1])[:, :, None], alive)
            put(f"activation_{layer}", networks.activation[layer - 1][..., : len(self.activations)], alive)
            put(f"mask_{layer}", alive, torch.ones_like(alive))
        put("output_bias", compress(networks.biases[-1])[:, :, None], output[:, :, None])
        return matrix, real


@dataclass(frozen=True)
class RawNetworks:
    """What the decoder of one depth wrote, before any softmax or sigmoid.

    Parameters
    ----------
    columns : Tensor of shape (n_networks, n_rows, layout.n_columns(depth))
        Output of the decoder.
    input_mask : Tensor of shape (n_networks, max_width)
        1 for the input slots in use; weights out of the others read as zero.
    depth : int
        Number of hidden layers.
    layout : MatrixLayout
        Meaning of the columns.
    """

    columns: torch.Tensor
    input_mask: torch.Tensor
    depth: int
    layout: MatrixLayout

    def __len__(self) -> int:
        return self.columns.shape[0]

    def __getitem__(self, index: torch.Tensor | slice) -> RawNetworks:
        return replace(self, columns=self.columns[index], input_mask=self.input_mask[index])

    @property
    def mask_logits(self) -> torch.Tensor:
        """Logits of the neuron masks, of shape (n_networks, max_width, depth)."""
        return self.columns[..., self.layout.kinds(self.depth)[2]]

    def soften(self, temperature: float = 1.0, allowed: torch.Tensor | None = None) -> SoftNetworks:
        """Turn codes and logits into soft networks.

        Parameters
        ----------
        temperature : float, default=1.0
            Divides the activation logits before the softmax; towards 0 the choice becomes hard.
        allowed : Tensor of bool, of shape (n_activations,), default=None
            Activations of the registry that may be chosen; None allows all. Those that the decoder does not know
            are chosen only where it knows none of the allowed ones.
        """
        codes, choices, _ = self.layout.kinds(self.depth)
        blocks = self.layout.decoder_columns(self.depth)
        numbers = expand(self.columns[..., codes])
        logits = self.columns[..., choices].unflatten(-1, (self.depth, -1))
        n_unknown = len(ACTIVATIONS) - logits.shape[-1]
        logits = torch.nn.functional.pad(logits, (0, n_unknown), value=_UNKNOWN)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, _FORBIDDEN)
        weights = [numbers[..., blocks[f"weights_{layer}"]] for layer in range(self.depth + 1)]
        weights[0] = weights[0] * self.input_mask[:, :, None]
        biases = [numbers[..., blocks[f"bias_{layer}"].start] for layer in range(1, self.depth + 1)]
        return SoftNetworks(
            weights=tuple(weights),
            biases=(*biases, numbers[:, :1, blocks["output_bias"].start]),
            activation=torch.softmax(logits / temperature, dim=-1).unbind(2),
            mask=torch.sigmoid(self.mask_logits).unbind(2),
            input_mask=self.input_mask,
        )

"""What the descent minimises, term by term.

    FVU + sparsity * (relaxed number of non-zero numbers) + compactness * (relaxed number of living neurons)

The terms are those of arXiv 2506.08270, section IV, with weights a user can reason about: prices in R^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.layout import RawNetworks
from sk_swat.search.readout import solve_readout, with_readout
from sk_swat.search.starts import connect
from sk_swat.softnet import SoftNetworks

__all__ = ["Softness", "fvu", "gated_networks", "relaxed_neurons", "relaxed_numbers", "softness_at"]


@dataclass(frozen=True)
class Softness:
    """How soft the decisions still are at a step.

    Parameters
    ----------
    temperature : float
        Of the softmax over activations; falls from 1 to 0.05.
    gate_sharpness : float
        Slope of the gates that close small weights; 200 in the paper.
    mask_sharpness : float
        Factor of the mask logits; grows late, so that neurons are not lost early.
    count_width : float
        Size of a weight that counts as half a number.
    """

    temperature: float
    gate_sharpness: float
    mask_sharpness: float
    count_width: float


def softness_at(progress: float) -> Softness:
    """Softness after a share of the steps, in [0, 1]: activations are decided first, then weights, then neurons."""
    early, late = min(1.0, progress / 0.6), max(0.0, (progress - 0.4) / 0.6)
    return Softness(
        temperature=0.05**early,
        gate_sharpness=20.0 * 10.0**early,
        mask_sharpness=20.0**late,
        count_width=0.3 * (1 / 6) ** early,
    )


def gated_networks(
    raw: RawNetworks, inputs: torch.Tensor, threshold: torch.Tensor, softness: Softness, allowed: torch.Tensor
) -> SoftNetworks:
    """Soft networks on the columns of X, with gates on hidden weights: W~ = W sigmoid(s (|W| - t)).

    Parameters
    ----------
    raw : RawNetworks
        Decoded networks.
    inputs : Tensor of shape (n_networks, n_columns, n_slots)
        Input layers.
    threshold : Tensor of shape (n_networks,)
        Learned weight threshold t of each network.
    softness : Softness
        Current softness.
    allowed : Tensor of bool, of shape (n_activations,)
        Activations that may be chosen.
    """
    networks = connect(raw.soften(softness.temperature, allowed), inputs)
    t = threshold[:, None, None]
    hidden = [part * torch.sigmoid(softness.gate_sharpness * (part.abs() - t)) for part in networks.weights[:-1]]
    masks = torch.sigmoid(softness.mask_sharpness * raw.mask_logits).unbind(2)
    return networks.replace(weights=(*hidden, networks.weights[-1]), mask=masks)


def fvu(networks: SoftNetworks, X: torch.Tensor, y: torch.Tensor, solve: bool) -> torch.Tensor:
    """Fraction of variance unexplained, of shape (n_networks,), with the best or the decoded output layer.

    The target is standardised over the whole table, so the mean squared error is the FVU. The best output
    layer is solved without gradient: at its optimum the gradient through it vanishes.
    """
    if solve:
        with torch.no_grad():
            readout = solve_readout(networks.last_hidden(X), y)
        networks = with_readout(networks, readout)
    return (networks.forward(X) - y).square().mean(1)


def relaxed_numbers(networks: SoftNetworks, width: float) -> torch.Tensor:
    """Relaxed count of non-zero numbers: w^2 / (w^2 + width^2) for a weight between living neurons, 1 a bias."""
    living = [networks.input_mask, *networks.mask, torch.ones_like(networks.biases[-1])]
    total = torch.ones_like(networks.biases[-1][:, 0])
    for layer, weight in enumerate(networks.weights):
        part = weight.square() / (weight.square() + width**2)
        total = total + (part * living[layer][:, :, None] * living[layer + 1][:, None, :]).sum((1, 2))
    return total + relaxed_neurons(networks)


def relaxed_neurons(networks: SoftNetworks) -> torch.Tensor:
    """Sum of the soft masks of each network."""
    return torch.stack([mask.sum(1) for mask in networks.mask]).sum(0)

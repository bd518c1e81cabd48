"""What the descent minimises, term by term.

    mean loss + sparsity * (soft count of non-zero parameters) + compactness * (soft count of living neurons)

The terms are those of arXiv 2506.08270, section IV, with weights a user can reason about: prices in R^2. Targets are
standardised over the whole table, so their mean squared error on a sample of it is taken as 1 - R^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.latent.layout import RawNetworks
from sk_swat.latent.readout import solve_readout
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table

__all__ = [
    "Softness",
    "count_neurons",
    "hard_objective",
    "hard_sizes",
    "mean_loss",
    "soft_size",
    "softness_at",
    "with_gates",
]


@dataclass(frozen=True)
class Softness:
    """How soft the decisions still are at a step."""

    temperature: float  # of the softmax over activations; falls from 1 to 0.05
    gate_sharpness: float  # slope of the gates that close small weights; 200 in the paper
    mask_sharpness: float  # factor of the mask logits; grows late, so that neurons are not lost early
    count_width: float  # size of a weight that counts as half a parameter


def softness_at(progress: float) -> Softness:
    """Softness after a share of the steps, in [0, 1]: activations are decided first, then weights, then neurons."""
    early, late = min(1.0, progress / 0.6), max(0.0, (progress - 0.4) / 0.6)
    return Softness(
        temperature=0.05**early,
        gate_sharpness=20.0 * 10.0**early,
        mask_sharpness=20.0**late,
        count_width=0.3 * (1 / 6) ** early,
    )


def with_gates(
    raw: RawNetworks, inputs: torch.Tensor, threshold: torch.Tensor, softness: Softness, allowed: torch.Tensor
) -> SoftNetworks:
    """Soft networks on the columns of X, with gates on hidden weights: W~ = W sigmoid(s (|W| - t)).

    `inputs` are input layers of shape (n_networks, n_columns, n_slots), `threshold` holds the learned t of each
    network, `allowed` says which activations may be chosen.
    """
    networks = raw.soften(softness.temperature, allowed).connect(inputs)
    t = threshold[:, None, None]
    hidden = [part * torch.sigmoid(softness.gate_sharpness * (part.abs() - t)) for part in networks.weights[:-1]]
    masks = torch.sigmoid(softness.mask_sharpness * raw.mask_logits).unbind(2)
    return networks.replace(weights=(*hidden, networks.weights[-1]), mask=masks)


def mean_loss(networks: SoftNetworks, rows: Table, solve: bool) -> torch.Tensor:
    """Mean loss of soft networks, of shape (n_networks,), with the best or the decoded output layer.

    The best output layer is solved without gradient: at its optimum the gradient through it vanishes.
    """
    hidden, weight, bias = networks.last_hidden(rows.X), networks.weights[-1], networks.biases[-1]
    if solve:
        with torch.no_grad():
            readout = solve_readout(hidden, rows)
        weight, bias = readout.weight, readout.bias
    output = torch.baddbmm(bias[:, None, :], hidden, weight).mT
    return rows.mean(rows.loss.value(output - rows.y)).mean(1)


def hard_sizes(networks: SoftNetworks, counted: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Count the parameters and the living neurons of hard networks, each of shape (n_networks,).

    Weights of at most `counted` in size do not count. Every living neuron and every output have one bias: in the units
    of the data there is one.
    """
    weights = torch.stack([(weight.abs() > counted).sum((1, 2)) for weight in networks.weights]).sum(0)
    neurons = count_neurons(networks)
    return weights + neurons + networks.n_outputs, neurons


def hard_objective(
    networks: SoftNetworks,
    table: Table,
    config: SearchConfig,
    error: torch.Tensor,
    counted: float = 0.0,
    n_fitted: torch.Tensor | None = None,
) -> torch.Tensor:
    """Exact objective of hard networks on the columns of X, of shape (n_networks,).

    The loss is estimated for new rows: `error`, that on the fitted rows, times (n + k) / (n - k), Akaike's final
    prediction error with k fitted parameters (`n_fitted`; None stands for all) and n rows, averaged with the loss on
    the held-out rows if there are any. With fewer than two rows a parameter the fit says nothing: its loss counts as
    at least 1. Weights of at most `counted` in size are free.
    """
    size, neurons = hard_sizes(networks, counted)
    fitted = size if n_fitted is None else n_fitted
    n_rows, n_held = table.n_observations, 0.0 if table.held is None else table.held.n_observations
    credible = torch.where(2 * fitted > n_rows, error.clamp_min(1.0), error)
    total = credible * (n_rows + fitted) / (n_rows - fitted).clamp_min(0.5) * n_rows
    if table.held is not None:
        total = total + table.held.error(networks) * n_held
    return total / (n_rows + n_held) + config.sparsity * size + config.compactness * neurons


def soft_size(networks: SoftNetworks, width: float) -> torch.Tensor:
    """Soft count of non-zero parameters: w^2 / (w^2 + width^2) for a weight between living neurons, 1 a bias."""
    living = [networks.input_mask, *networks.mask, torch.ones_like(networks.biases[-1])]
    total = torch.full_like(networks.biases[-1][:, 0], networks.n_outputs)
    for layer, weight in enumerate(networks.weights):
        part = weight.square() / (weight.square() + width**2)
        total = total + (part * living[layer][:, :, None] * living[layer + 1][:, None, :]).sum((1, 2))
    return total + count_neurons(networks)


def count_neurons(networks: SoftNetworks) -> torch.Tensor:
    """Sum of the soft masks of each network."""
    return torch.stack([mask.sum(1) for mask in networks.mask]).sum(0)

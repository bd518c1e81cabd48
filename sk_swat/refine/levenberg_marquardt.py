"""Levenberg-Marquardt for many small networks at once.

Every network of a batch minimises its own mean squared error with its own damping. The Jacobian is in closed form;
frozen numbers (exact zeros of the start) stay exactly zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.softnet import SoftNetworks, mix_activations

__all__ = ["LMResult", "fit_networks", "flatten", "jacobian", "normal_equations", "unflatten"]


def flatten(networks: SoftNetworks) -> torch.Tensor:
    """All weights and biases of each network, layer by layer, as a Tensor of shape (n_networks, n_parameters)."""
    parts = []
    for weight, bias in zip(networks.weights, networks.biases, strict=True):
        parts += [weight.flatten(1), bias]
    return torch.cat(parts, dim=1)


def unflatten(networks: SoftNetworks, parameters: torch.Tensor) -> SoftNetworks:
    """Networks like these with the given weights and biases, in the order of :func:`flatten`."""
    weights, biases, start = [], [], 0
    for weight, bias in zip(networks.weights, networks.biases, strict=True):
        size = weight[0].numel()
        weights.append(parameters[:, start : start + size].reshape(weight.shape))
        biases.append(parameters[:, start + size : start + size + bias.shape[1]])
        start += size + bias.shape[1]
    return networks.replace(weights=tuple(weights), biases=tuple(biases))


def jacobian(networks: SoftNetworks, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Evaluate networks and differentiate their outputs with respect to every weight and bias.

    Parameters
    ----------
    networks : SoftNetworks
        Hard or soft networks.
    X : Tensor of shape (n_rows, n_in) or (n_networks, n_rows, n_in)
        Inputs.

    Returns
    -------
    output : Tensor of shape (n_networks, n_rows)
    derivatives : Tensor of shape (n_networks, n_rows, n_parameters)
        In the order of :func:`flatten`.
    """
    used, depth = networks.used_activations(), networks.depth
    hidden, slopes = [X.expand(len(networks), *X.shape[-2:])], []
    for layer in range(depth):
        z = torch.baddbmm(networks.biases[layer][:, None, :], hidden[-1], networks.weights[layer])
        value, slope = mix_activations(z, networks.activation[layer], used, derivative=True)
        assert slope is not None
        mask = networks.mask[layer][:, None, :]
        hidden.append(value * mask)
        slopes.append(slope * mask)
    output = torch.baddbmm(networks.biases[-1][:, None, :], hidden[-1], networks.weights[-1]).squeeze(-1)
    parts, delta = [], torch.ones_like(output)[:, :, None]  # delta: d output / d z of the layer
    for layer in reversed(range(depth + 1)):
        parts += [delta, (hidden[layer][:, :, :, None] * delta[:, :, None, :]).flatten(2)]
        if layer:
            delta = (delta @ networks.weights[layer].mT) * slopes[layer - 1]
    return output, torch.cat(parts[::-1], dim=2)


def normal_equations(
    networks: SoftNetworks, X: torch.Tensor, y: torch.Tensor, free: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gauss-Newton matrix J'J / n and gradient J'r / n over the free numbers, and the mean squared error."""
    output, derivatives = jacobian(networks, X)
    derivatives = derivatives * free[:, None, :]
    residual = output - y
    n_rows = output.shape[1]
    gauss_newton = derivatives.mT @ derivatives / n_rows
    gradient = (derivatives.mT @ residual[:, :, None]).squeeze(-1) / n_rows
    return gauss_newton, gradient, residual.square().mean(1)


@dataclass(frozen=True)
class LMResult:
    """Fitted networks with their mean squared error, of shape (n_networks,), and the number of accepted steps."""

    networks: SoftNetworks
    error: torch.Tensor
    accepted: torch.Tensor


def fit_networks(
    networks: SoftNetworks,
    X: torch.Tensor,
    y: torch.Tensor,
    *,
    n_steps: int = 30,
    ridge: float = 1e-6,
    damping: float = 1e-2,
    free: torch.Tensor | None = None,
) -> LMResult:
    """Fit every network to its target by Levenberg-Marquardt.

    Minimises ``mean((f(X) - y)^2) + ridge * |parameters|^2``. A step that does not lower this is not taken, and
    the damping of that network grows; a non-finite step counts as such.

    Parameters
    ----------
    networks : SoftNetworks
        Hard starting networks.
    X : Tensor of shape (n_rows, n_in) or (n_networks, n_rows, n_in)
        Inputs.
    y : Tensor of shape (n_rows,) or (n_networks, n_rows)
        Targets.
    n_steps : int, default=30
        Number of steps tried.
    ridge : float, default=1e-6
        Weight of the squared parameters, which keeps them moderate.
    damping : float, default=1e-2
        First damping, relative to the diagonal of the Gauss-Newton matrix.
    free : Tensor of bool, of shape (n_networks, n_parameters), default=None
        Numbers that may move; all others are set to zero. None frees the non-zero ones.
    """
    parameters = flatten(networks)
    free = (parameters != 0 if free is None else free).to(parameters.dtype)
    parameters = parameters * free
    floor = 1e-9 if parameters.dtype == torch.float64 else 1e-6
    damp = torch.full_like(parameters[:, 0], damping)
    accepted = torch.zeros_like(damp, dtype=torch.int64)
    error = torch.full_like(damp, torch.inf)
    for _ in range(n_steps):
        matrix, gradient, error = normal_equations(unflatten(networks, parameters), X, y, free)
        matrix.diagonal(dim1=1, dim2=2).add_(ridge * free + (1 - free))
        gradient = gradient + ridge * parameters
        diagonal = matrix.diagonal(dim1=1, dim2=2).clone()
        matrix.diagonal(dim1=1, dim2=2).add_(damp[:, None] * diagonal.clamp_min(floor))
        factor, failed = torch.linalg.cholesky_ex(matrix)
        step = torch.cholesky_solve(gradient[:, :, None], factor).squeeze(-1)
        trial = parameters - step * free
        new_error = (unflatten(networks, trial).forward(X) - y).square().mean(1)
        old_loss = error + ridge * parameters.square().sum(1)
        new_loss = new_error + ridge * trial.square().sum(1)
        better = (new_loss < old_loss) & (failed == 0)  # False for NaN
        parameters = torch.where(better[:, None], trial, parameters)
        error = torch.where(better, new_error, error)
        damp = torch.where(better, damp * 0.3, damp * 5.0).clamp(floor, 1e8)
        accepted += better
    return LMResult(unflatten(networks, parameters), error, accepted)

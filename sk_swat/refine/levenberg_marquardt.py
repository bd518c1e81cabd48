"""Levenberg-Marquardt for many small networks at once.

Every network of a batch minimises its own mean loss with its own damping; see
:class:`sk_swat.refine.free_parameters.FreeParameters` for what moves and what stays zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.free_parameters import FreeParameters, NormalEquations
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline, TimeIsUp

__all__ = ["LMResult", "damped_steps", "fit_networks"]

_TRIED = (0.2, 1.0, 5.0)  # multiples of the damping tried in every step; the best one is kept
_AFTER_FAILURE = 30.0  # factor of the damping when none of them helped
_LEAST_DAMPING, _MOST_DAMPING = 1e-9, 1e8
_LEAST_DIAGONAL = 1e-9


@dataclass(frozen=True)
class LMResult:
    """Fitted networks with their mean loss and damping, each of shape (n_networks,), and accepted steps."""

    networks: SoftNetworks
    error: torch.Tensor
    damping: torch.Tensor
    accepted: torch.Tensor


def fit_networks(
    networks: SoftNetworks,
    rows: Table,
    *,
    n_steps: int = 30,
    ridge: float | torch.Tensor = 1e-6,
    damping: float | torch.Tensor = 1e-1,
    free: torch.Tensor | None = None,
    deadline: Deadline | None = None,
) -> LMResult:
    """Fit every network to its target by Levenberg-Marquardt.

    Minimises ``mean(loss(f(X) - y)) + ridge * |parameters|^2``. Each step tries three dampings and keeps the best; a
    step that does not lower the sum is not taken, and the damping of that network grows. A non-finite step counts as
    such. Linear equations are solved in float64, whatever the networks hold.

    Parameters
    ----------
    networks : SoftNetworks
        Hard starting networks.
    rows : Table
        What to fit.
    n_steps : int, default=30
        Number of steps tried.
    ridge : float or Tensor of shape (n_networks,), default=1e-6
        Weight of the squared parameters, which keeps them moderate.
    damping : float or Tensor of shape (n_networks,), default=1e-1
        First damping, relative to the diagonal of the Gauss-Newton matrix.
    free : Tensor of bool, of shape (n_networks, n_parameters), default=None
        Parameters that may move; all others are set to zero. None frees the non-zero ones.
    deadline : Deadline, default=None
        When to stop before all steps are done. A step that is under way is left: networks are as after the last whole
        one, or as given, with their losses.
    """
    deadline = deadline or Deadline()
    parameters = FreeParameters(networks, free)
    values = parameters.start

    def one_each(number: float | torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(number, dtype=torch.float64, device=values.device).expand(len(values)).clone()

    ridge, damp = one_each(ridge), one_each(damping)
    accepted = torch.zeros_like(damp, dtype=torch.int64)
    error = parameters.mean_loss(values[None], rows)[0]
    multiples = damp.new_tensor(_TRIED)[:, None]
    index = torch.arange(len(values), device=values.device)
    for _ in range(n_steps):
        tried = damp * multiples
        try:
            equations = parameters.normal_equations(values, rows, deadline)
            trials = values - damped_steps(equations, values, ridge, tried, parameters.valid)
            errors = parameters.mean_loss(trials, rows, deadline)
        except TimeIsUp:
            break
        losses = (errors + ridge * trials.square().sum(2)).nan_to_num(torch.inf, torch.inf)
        best = losses.argmin(0)
        better = losses[best, index] < error + ridge * values.square().sum(1)  # False for NaN
        values = torch.where(better[:, None], trials[best, index], values)
        error = torch.where(better, errors[best, index], error)
        damp = torch.where(better, tried[best, index], damp * _AFTER_FAILURE).clamp(_LEAST_DAMPING, _MOST_DAMPING)
        accepted += better
    dtype = networks.weights[0].dtype
    return LMResult(parameters.with_values(values.to(dtype)), error.to(dtype), damp, accepted)


def damped_steps(
    equations: NormalEquations, values: torch.Tensor, ridge: torch.Tensor, damping: torch.Tensor, moving: torch.Tensor
) -> torch.Tensor:
    """Solve (matrix + ridge + damping * diagonal) step = gradient + ridge * values for each network and damping.

    `damping` has shape (n_dampings, n_networks), the steps (n_dampings, n_networks, n_free): they lead from `values`
    to ``values - step``. Parameters that do not move have a step of zero, and so has a network whose equations have no
    solution.
    """
    matrix = torch.where(moving[:, :, None] & moving[:, None, :], equations.matrix, 0.0)
    matrix.diagonal(dim1=1, dim2=2).add_(torch.where(moving, ridge[:, None], 1.0))
    scale = matrix.diagonal(dim1=1, dim2=2).clamp_min(_LEAST_DIAGONAL)
    matrix = matrix + torch.diag_embed(damping[:, :, None] * scale)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    slope = torch.where(moving, equations.gradient + ridge[:, None] * values, 0.0)
    step = torch.cholesky_solve(slope[:, :, None].expand(len(damping), -1, -1, -1), factor).squeeze(3)
    return torch.where((failed == 0)[:, :, None], step, 0.0)

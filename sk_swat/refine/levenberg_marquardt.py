"""Levenberg-Marquardt for many small networks, each with its own damping, in the compiled core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine import _core
from sk_swat.refine.compiled import CompiledBatch, how
from sk_swat.refine.task import RefineTask

__all__ = ["LMResult", "fit_networks"]


@dataclass(frozen=True)
class LMResult:
    """Fitted networks with their mean loss and damping, each of shape (n_networks,), and accepted steps."""

    networks: SoftNetworks
    error: torch.Tensor
    damping: torch.Tensor
    accepted: torch.Tensor


def fit_networks(
    networks: SoftNetworks,
    task: RefineTask,
    *,
    n_steps: int = 30,
    ridge: float | torch.Tensor = 1e-6,
    damping: float | torch.Tensor = 1e-1,
    free: torch.Tensor | None = None,
) -> LMResult:
    """Fit every network to its target by Levenberg-Marquardt.

    Minimises ``mean(loss(f(X) - y)) + ridge * |parameters|^2``. Each step tries three dampings and keeps the best; a
    step that does not lower the sum is not taken, and the damping of that network grows. A non-finite step counts as
    such. All is computed in float64, whatever the networks hold.

    Parameters
    ----------
    networks : SoftNetworks
        Hard starting networks.
    task : RefineTask
        Rows to fit, and when to stop before all steps are done. A step that is under way is left: networks are as after
        the last whole one, or as given, with their losses.
    n_steps : int, default=30
        Number of steps tried.
    ridge : float or Tensor of shape (n_networks,), default=1e-6
        Weight of the squared parameters, which keeps them moderate.
    damping : float or Tensor of shape (n_networks,), default=1e-1
        First damping, relative to the diagonal of the Gauss-Newton matrix.
    free : Tensor of bool, of shape (n_networks, n_parameters), default=None
        Parameters that may move, in the order of :func:`sk_swat.network.softnet.flatten`; all others are set to zero.
        None frees the non-zero ones. Those of masked neurons never move.
    """
    batch = CompiledBatch.of(networks, task.rows)

    def one_each(number: float | torch.Tensor) -> np.ndarray:
        return torch.as_tensor(number, dtype=torch.float64).expand(len(networks)).clone().numpy()

    values, error, last, accepted = _core.fit(
        *batch.arguments,
        batch.marks(free),
        n_steps,
        one_each(ridge),
        one_each(damping),
        how(task.n_threads, task.deadline),
    )
    dtype = networks.weights[0].dtype
    return LMResult(
        batch.with_values(values),
        torch.from_numpy(error).to(dtype),
        torch.from_numpy(last),
        torch.from_numpy(accepted),
    )

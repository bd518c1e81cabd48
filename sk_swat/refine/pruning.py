"""Prune many networks step by step, and hand over every network met on the way.

A round chooses what goes (:mod:`sk_swat.refine.saliency`), moves the other numbers at once to where the quadratic
model has its new minimum (with several dampings, the best is kept, so that a bad model does no harm), removes what
no longer reaches the output, and polishes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sk_swat.equivalence import fold_constants
from sk_swat.refine.free_numbers import FreeNumbers, NormalEquations
from sk_swat.refine.levenberg_marquardt import damped_steps, fit_networks
from sk_swat.refine.saliency import choose_removals, inverse_curvature
from sk_swat.refine.task import RefineTask, removable, sizes
from sk_swat.softnet import SoftNetworks

__all__ = ["Sink", "prune"]

# takes networks, their sizes, their errors, and which of the given networks each one comes from
Sink = Callable[[SoftNetworks, torch.Tensor, torch.Tensor, torch.Tensor], None]

_ONE_AT_A_TIME = 24  # numbers; larger networks lose several in a round
_SHARE = 0.06  # of the numbers of a larger network that go in a round
_FIRST_DAMPING = 1e-1
_DAMPINGS = (1e-3, 1.0, 10.0)  # multiples of the damping tried for the step that makes up for a removal


def prune(
    networks: SoftNetworks, task: RefineTask, sink: Sink, *, n_polish: int = 2, smallest: int = 3
) -> None:
    """Remove number after number.

    Parameters
    ----------
    networks : SoftNetworks
        Hard networks of one depth, polished.
    task : RefineTask
        Rows, and when to stop.
    sink : callable
        Called in every round with all networks as they then are.
    n_polish : int, default=2
        Levenberg-Marquardt steps after each removal.
    smallest : int, default=1
        Networks of this size or less are not pruned further.
    """
    may_go = removable(networks, task)
    damping = torch.full((len(networks),), _FIRST_DAMPING, dtype=torch.float64, device=task.y.device)
    origin = torch.arange(len(networks), device=task.y.device)
    while len(networks):
        numbers = FreeNumbers(networks)
        equations = numbers.normal_equations(numbers.start, task.X, task.y)
        size = sizes(networks, task)
        sink(networks, size, equations.error, origin)
        alive = (size > smallest) & torch.isfinite(equations.error) & (numbers.valid & may_go[numbers.place]).any(1)
        if task.deadline.passed():
            return
        if not alive.all():
            kept = alive.nonzero().squeeze(1)
            networks, damping, origin = networks[kept], damping[kept], origin[kept]
            continue
        ridge = task.ridge(equations.error)
        wanted = torch.where(size <= _ONE_AT_A_TIME, 1, (_SHARE * size).ceil())
        inverse = inverse_curvature(numbers, equations, ridge)
        removed = choose_removals(numbers, networks, numbers.start, inverse, wanted, may_go)
        values = _without(numbers, equations, removed, ridge, damping, task)
        networks = fold_constants(numbers.networks(values.to(task.X.dtype)))
        if n_polish:
            result = fit_networks(networks, task.X, task.y, n_steps=n_polish, ridge=ridge, damping=damping)
            networks, damping = result.networks, result.damping.clamp(1e-6, 1.0)


def _without(
    numbers: FreeNumbers,
    equations: NormalEquations,
    removed: torch.Tensor,
    ridge: torch.Tensor,
    damping: torch.Tensor,
    task: RefineTask,
) -> torch.Tensor:
    """Set numbers to zero, and move the others so as to make up for it where that helps."""
    values, kept = numbers.start, numbers.valid & ~removed
    zeroed = torch.where(removed, 0.0, values)
    # the gradient where the numbers have gone, by the quadratic model
    gradient = equations.gradient - (equations.matrix @ (values - zeroed)[:, :, None]).squeeze(2)
    there = NormalEquations(equations.matrix, gradient, equations.error)
    tried = damping * damping.new_tensor(_DAMPINGS)[:, None]
    trials = torch.cat([zeroed[None], zeroed - damped_steps(there, zeroed, ridge, tried, kept)])
    loss = numbers.mean_squared_error(trials, task.X, task.y) + ridge * trials.square().sum(2)
    best = loss.nan_to_num(torch.inf, torch.inf).argmin(0)
    return trials[best, torch.arange(len(best), device=best.device)]

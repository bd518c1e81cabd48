"""Prune many networks step by step, and hand over every network met on the way.

A round chooses what goes (:mod:`sk_swat.refine.criteria`), moves the other parameters at once to where the quadratic
model has its new minimum (with several dampings, the best is kept, so that a bad model does no harm), removes what
no longer reaches the output, and polishes. A network whose loss leaps in a round takes the round again with
others, and keeps the better outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sk_swat.network.equivalence import fold_constants
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.free_parameters import FreeParameters, NormalEquations
from sk_swat.refine.levenberg_marquardt import damped_steps, fit_networks
from sk_swat.refine.task import RefineTask, removable, sizes
from sk_swat.utils.deadline import TimeIsUp

__all__ = ["Sink", "prune"]

# takes networks, their sizes, their mean losses, and which of the given networks each one comes from
Sink = Callable[[SoftNetworks, torch.Tensor, torch.Tensor, torch.Tensor], None]

_ONE_AT_A_TIME = 24  # parameters; larger networks lose several in a round
_SHARE = 0.12
_CLIFF = 4.0  # factor of the loss in one round above which other removals are tried
_FIRST_DAMPING = 1e-1
_DAMPINGS = (1e-3, 1.0, 10.0)  # multiples of the damping tried for the step that makes up for a removal


def prune(
    networks: SoftNetworks,
    task: RefineTask,
    sink: Sink,
    *,
    n_polish: int = 2,
    smallest: int | torch.Tensor = 1,
    share: float = _SHARE,
) -> None:
    """Remove parameter after parameter.

    Parameters
    ----------
    networks : SoftNetworks
        Hard networks of one depth, polished.
    task : RefineTask
        Rows, what goes first, and when to stop. A round that is under way then is left; what is there before it is
        handed over.
    sink : callable
        Called in every round with all networks as they then are: nothing disconnected, each with fewer
        weights and biases than before, and of no larger size.
    n_polish : int, default=2
        Levenberg-Marquardt steps after each removal.
    smallest : int or Tensor of int, of shape (n_networks,), default=1
        Networks of this size or less are not pruned further.
    share : float, default=0.12
        Of the parameters of a network larger than 24 that go in a round.
    """
    networks = fold_constants(networks)
    may_go = removable(networks, task)
    damping = torch.full((len(networks),), _FIRST_DAMPING, dtype=torch.float64, device=task.rows.y.device)
    origin = torch.arange(len(networks), device=task.rows.y.device)
    smallest = torch.as_tensor(smallest, device=task.rows.y.device).expand(len(networks))
    handed_over = False
    while len(networks):
        own = task.of_networks(origin)
        try:
            state = _State.of(networks, damping, own)
        except TimeIsUp:
            if not handed_over:
                sink(networks, sizes(networks, own), own.rows.error(networks).double(), origin)
            return
        if not handed_over:
            sink(networks, state.size, state.error, origin)
        alive = (state.size > smallest[origin]) & torch.isfinite(state.error) & state.has_any(may_go)
        handed_over = not bool(alive.all())
        if handed_over:  # the others go on
            kept = alive.nonzero().squeeze(1)
            networks, damping, origin = networks[kept], damping[kept], origin[kept]
            continue
        try:
            networks, damping = _round(state, may_go.expand(len(networks), -1), own, n_polish, share)
        except TimeIsUp:
            return


def _round(
    state: _State, allowed: torch.Tensor, task: RefineTask, n_polish: int, share: float
) -> tuple[SoftNetworks, torch.Tensor]:
    """Shrink each network; those whose loss leaps a second time, in another way, and keep the better outcome."""
    networks, damping, error, gone = _shrink(state, allowed, task, n_polish, share)
    others = allowed & ~gone
    fallen = ((error > _CLIFF * state.error) & state.has_any(others)).nonzero().squeeze(1)
    if len(fallen):
        theirs = task.of_networks(fallen)
        again = _State.of(state.networks[fallen], state.damping[fallen], theirs)
        other, other_damping, other_error, _ = _shrink(again, others[fallen], theirs, n_polish, share)
        better = (other_error < error[fallen]).nonzero().squeeze(1)
        index = fallen[better]
        networks = networks.combine(other[better], lambda old, new: old.index_copy(0, index, new))
        damping = damping.index_copy(0, index, other_damping[better])
    return networks, damping


@dataclass(frozen=True)
class _State:
    """Networks at the beginning of a round."""

    parameters: FreeParameters
    damping: torch.Tensor
    equations: NormalEquations
    size: torch.Tensor

    @classmethod
    def of(cls, networks: SoftNetworks, damping: torch.Tensor, task: RefineTask) -> _State:
        parameters = FreeParameters(networks)
        equations = parameters.normal_equations(parameters.start, task.rows, task.deadline)
        return cls(parameters, damping, equations, sizes(networks, task))

    @property
    def networks(self) -> SoftNetworks:
        return self.parameters.networks

    @property
    def error(self) -> torch.Tensor:
        return self.equations.error

    def has_any(self, allowed: torch.Tensor) -> torch.Tensor:
        """Which networks have a parameter that may go."""
        return self.parameters.among(allowed).any(1)


def _shrink(
    state: _State, allowed: torch.Tensor, task: RefineTask, n_polish: int, share: float
) -> tuple[SoftNetworks, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Remove what costs least from each network, and polish; networks, dampings, losses, a mask of what has gone."""
    task.deadline.check()
    parameters, equations = state.parameters, state.equations
    ridge = task.ridge(equations.error)
    wanted = torch.where(state.size <= _ONE_AT_A_TIME, 1, (share * state.size.float()).ceil())
    removed = task.criterion.removals(parameters, equations, ridge, wanted, parameters.among(allowed))
    values = _values_without(removed, state, ridge, task)
    networks = fold_constants(parameters.with_values(values.to(task.rows.y.dtype)))
    result = fit_networks(
        networks, task.rows, n_steps=n_polish, ridge=ridge, damping=state.damping, deadline=task.deadline
    )
    return result.networks, result.damping.clamp(1e-6, 1.0), result.error.double(), parameters.full_mask(removed)


def _values_without(removed: torch.Tensor, state: _State, ridge: torch.Tensor, task: RefineTask) -> torch.Tensor:
    """Set parameters to zero, and move the others so as to make up for it where that helps."""
    parameters, equations = state.parameters, state.equations
    values, kept = parameters.start, parameters.valid & ~removed
    zeroed = torch.where(removed, 0.0, values)
    # the gradient where the parameters have gone, by the quadratic model
    gradient = equations.gradient - (equations.matrix @ (values - zeroed)[:, :, None]).squeeze(2)
    there = NormalEquations(equations.matrix, gradient, equations.error)
    tried = state.damping * state.damping.new_tensor(_DAMPINGS)[:, None]
    trials = torch.cat([zeroed[None], zeroed - damped_steps(there, zeroed, ridge, tried, kept)])
    loss = parameters.mean_loss(trials, task.rows, task.deadline) + ridge * trials.square().sum(2)
    best = loss.nan_to_num(torch.inf, torch.inf).argmin(0)
    return trials[best, torch.arange(len(best), device=best.device)]

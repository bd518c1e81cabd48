"""Gradient descent of all starts of one depth at once, and the hard networks met on the way.

Every start moves by itself: the loss is a sum over starts and Adam works on each parameter by itself. Now and then all
starts are hardened, at several weight thresholds, and each keeps the best hard network it has been.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sk_swat.latent.autoencoder import Autoencoder
from sk_swat.latent.layout import RawNetworks
from sk_swat.latent.objective import (
    Softness,
    count_neurons,
    hard_objective,
    mean_loss,
    soft_size,
    softness_at,
    with_gates,
)
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.settings import SearchConfig
from sk_swat.latent.starts import Starts
from sk_swat.network.equivalence import fold_constants
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["Descent", "HardBest", "descend"]

_LARGEST_THRESHOLD = 3.0
_CHECKS = 8  # times the starts are hardened during the descent
_PATIENCE = 2  # checks without a better hard network that end the descent, once everything is decided
_PLAIN = ("objective", "latent", "inputs", "threshold", "step")  # parts of a HardBest
_INPUT_THRESHOLD = 0.02  # weights of a learned input layer below this are cut


@dataclass(frozen=True)
class HardBest:
    """Best hard networks so far, one for each start, on the columns of X.

    `objective` has shape (n_starts,) and is infinite where every hard network was non-finite; `latent`, `inputs`,
    `threshold` (the learned one) and `step` tell where each was met.
    """

    objective: torch.Tensor
    networks: SoftNetworks
    latent: torch.Tensor
    inputs: torch.Tensor
    threshold: torch.Tensor
    step: torch.Tensor

    def or_better(self, other: HardBest) -> HardBest:
        """For each start the better of the two."""
        better = other.objective < self.objective

        def pick(old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
            return torch.where(better.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        parts = {name: pick(getattr(self, name), getattr(other, name)) for name in _PLAIN}
        return HardBest(networks=self.networks.combine(other.networks, pick), **parts)


@dataclass(frozen=True)
class Descent:
    """Best hard network of each start, and how the descent went.

    `start_objective` is that of the hardened starts before any step, `loss_curve`, of shape (n_iter, n_starts), the
    soft objective at each step. Starts in `dropped` stopped being finite; they keep the best network met before. It is
    `settled` if the best network of all starts improved by no more than `tol` at the last check.
    """

    best: HardBest
    start_objective: torch.Tensor
    loss_curve: torch.Tensor
    dropped: list[int]
    n_iter: int
    stop_reason: str  # "max_iter", "settled" or "deadline"
    settled: bool


class _Position:
    """What moves: latents, weight thresholds and, with more columns than slots, input layers."""

    def __init__(self, starts: Starts) -> None:
        learns_inputs = starts.inputs.shape[1] > starts.inputs.shape[2]
        self.latent = starts.latent.clone().requires_grad_()
        self.inputs = starts.inputs.clone().requires_grad_(learns_inputs)
        self.log_threshold = starts.threshold.log().requires_grad_()
        self.input_mask = starts.input_mask
        self.moving = [self.latent, self.log_threshold] + [self.inputs] * learns_inputs

    @property
    def threshold(self) -> torch.Tensor:
        """Learned weight threshold t of each start, in (0, 3]."""
        return self.log_threshold.exp().clamp_max(_LARGEST_THRESHOLD)

    def stand_still(self, stopped: torch.Tensor) -> None:
        """Clear the gradients of the given starts."""
        for part in self.moving:
            keep = ~stopped.reshape(-1, *[1] * (part.ndim - 1))
            assert part.grad is not None
            part.grad = torch.where(keep, part.grad.nan_to_num(0, 0, 0), 0.0)


class _Landscape:
    """The objective over positions, soft and hard."""

    def __init__(self, table: Table, autoencoder: Autoencoder, depth: int, config: SearchConfig) -> None:
        self.table, self.autoencoder, self.depth, self.config = table, autoencoder, depth, config
        self.allowed = torch.tensor(config.allowed)

    def _decode(self, position: _Position) -> RawNetworks:
        return self.autoencoder.decode(position.latent, position.input_mask, [self.depth])[self.depth]

    def soft(self, position: _Position, softness: Softness) -> torch.Tensor:
        """Relaxed objective of each start."""
        config, raw = self.config, self._decode(position)
        networks = with_gates(raw, position.inputs, position.threshold, softness, self.allowed)
        solve = config.readout == "ridge"
        error = mean_loss(networks, self.table, solve)
        n_targets = self.table.n_targets
        if solve:  # every living neuron will have an output weight, whatever was decoded
            networks = networks.replace(
                weights=(*networks.weights[:-1], torch.ones_like(networks.weights[-1]).expand(-1, -1, n_targets))
            )
        size, neurons = soft_size(networks, softness.count_width), count_neurons(networks)
        # a parameter also costs what Akaike's final prediction error says: 2 / n of the unexplained variance
        price = config.sparsity + 2 * error.detach() / self.table.n_observations
        return error + price * size + config.compactness * neurons

    @torch.no_grad()
    def harden(self, position: _Position, step: int, deadline: Deadline) -> HardBest:
        """Best hard network of each start over a grid of weight thresholds; over the first of them if time is up."""
        cut = torch.where(position.inputs.abs() > _INPUT_THRESHOLD, position.inputs, 0.0)
        soft = self._decode(position).soften(allowed=self.allowed).connect(cut)
        latent, steps = position.latent.detach().clone(), torch.full(position.threshold.shape, step)
        best: HardBest | None = None
        for multiple in self.config.thresholds:
            if best is not None and deadline.passed():
                break
            networks = soft.harden(multiple * position.threshold)
            if self.config.readout == "ridge":
                readout = solve_readout(networks.last_hidden(self.table.X), self.table)
                networks = with_readout(networks, readout)
                error = readout.unexplained * self.table.constant_loss
            else:
                error = mean_loss(networks, self.table, solve=False)
            networks = fold_constants(networks)  # what does nothing costs nothing
            objective = hard_objective(networks, self.table, self.config, error).nan_to_num(torch.inf, torch.inf)
            found = HardBest(objective, networks, latent, cut, position.threshold, steps)
            best = found if best is None else best.or_better(found)
        assert best is not None
        return best


def descend(
    starts: Starts,
    table: Table,
    autoencoder: Autoencoder,
    depth: int,
    config: SearchConfig,
    deadline: Deadline | None = None,
) -> Descent:
    """Move the starts downhill in the latent space of the decoder of this depth, then decide."""
    deadline = deadline or Deadline()
    landscape, position = _Landscape(table, autoencoder, depth, config), _Position(starts)
    optimizer = torch.optim.Adam(position.moving, lr=config.learning_rate)
    best = landscape.harden(position, 0, deadline)
    start_objective = best.objective
    stopped = torch.zeros_like(best.objective, dtype=torch.bool)
    curve: list[torch.Tensor] = []
    every, stale, last_gain = max(1, config.max_iter // _CHECKS), 0, 0.0
    while len(curve) < config.max_iter and stale < _PATIENCE and not deadline.passed():
        progress = len(curve) / config.max_iter
        optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - 0.98 * progress)
        optimizer.zero_grad()
        loss = landscape.soft(position, softness_at(progress))
        curve.append(loss.detach())
        stopped |= ~torch.isfinite(loss.detach())
        torch.where(stopped, 0.0, loss).sum().backward()
        position.stand_still(stopped)
        optimizer.step()
        if len(curve) % every == 0 or len(curve) == config.max_iter:
            before = best.objective
            best = best.or_better(landscape.harden(position, len(curve), deadline))
            # nan: no finite network before and after, or nothing left to gain
            any_gain = float((1 - best.objective / before).nan_to_num(0.0).max())
            last_gain = float((1 - best.objective.min() / before.min()).nan_to_num(0.0))
            stale = stale + 1 if progress >= 0.6 and any_gain <= config.tol else 0
    return Descent(
        best=best,
        start_objective=start_objective,
        loss_curve=torch.stack(curve) if curve else start_objective.new_zeros(0, len(starts)),
        dropped=stopped.nonzero().squeeze(1).tolist(),
        n_iter=len(curve),
        stop_reason="settled" if stale >= _PATIENCE else "max_iter" if len(curve) == config.max_iter else "deadline",
        settled=last_gain <= config.tol,
    )

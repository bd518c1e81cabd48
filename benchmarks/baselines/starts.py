"""Starts alone, without the rest of a fit: what a pretrained latent space is worth before anything else happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_swat.fitting.search import in_raw_units
from sk_swat.latent.checkpoint import Checkpoint, load_checkpoint
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.run import one_torch_thread
from sk_swat.latent.screening import draw_inputs
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.equivalence import fold_constants, pad
from sk_swat.network.softnet import SoftNetworks, concatenate, first_slots
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.pretraining.corpus import random_networks
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import sizes
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.parameters import check_choice, draw_seed
from sk_swat.utils.torch_state import usual_torch

__all__ = ["StartsRegressor"]

_SPACES = ("bank", "prior", "random")
_CANDIDATES, _POLISHED = 2048, 24  # draws of each depth, with replacement from the bank; of all together
_ROWS, _RANKING_ROWS = 768, 256
_SHAPES = 64  # among the random networks


class StartsRegressor(RegressorMixin, BaseEstimator):
    """Best of many starts after ascending numbers of Levenberg-Marquardt `steps`, for limits `sizes` on its parameters.

    Candidates with the best linear readouts are polished together; no parameter is added or removed.
    Candidates have `depths` of hidden layers and come from a `space`: the bank of the bundled autoencoder, decoded
    normal latents ("prior"), or dense random networks of all shapes that are small enough (normal weights divided by
    the root of the fan-in, and scales drawn for each). After fit, `networks_` holds a network by size limit and steps,
    where the space has networks that small; `network_` is the selected one, at first that of the largest size and most
    steps.
    """

    def __init__(
        self,
        space: str = "bank",
        depths: Sequence[int] = (1, 2),
        sizes: Sequence[int] = (15, 20, 30, 50, 100),
        steps: Sequence[int] = (0, 5, 15, 40),
        random_state: Any = 0,
    ) -> None:
        self.space = space
        self.depths = depths
        self.sizes = sizes
        self.steps = steps
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> StartsRegressor:
        """Draw, rank and polish candidates on at most 768 rows."""
        space = check_choice("space", self.space, _SPACES)
        table, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        if list(self.steps) != sorted(set(self.steps)) or not self.steps or self.steps[0] < 0:
            raise ValueError(f"steps must hold ascending numbers from 0 on, got {self.steps}.")
        whole = Table.of(table, np.asarray(target, dtype=np.float64))
        if whole.is_constant:
            raise ValueError("X and y must vary, got a constant target or no column that varies.")
        seed, scaling = draw_seed(self.random_state), whole.units
        rng = np.random.default_rng([seed, _SPACES.index(space)])
        some = np.random.default_rng(seed).permutation(len(whole))[:_ROWS]
        task = RefineTask(
            whole.standardise(some).tensors(torch.float64),
            x_centred=not scaling.x_offset.any(),
            y_centred=scaling.y_offset == 0,
        )
        rows = task.rows.to(torch.float32)
        draw = _Draw(space, rows, task, load_checkpoint(), rng)
        self.networks_ = {}
        with usual_torch(), one_torch_thread(), torch.no_grad():
            for size in self.sizes:
                groups = [group for depth in self.depths if (group := draw(size, depth)) is not None]
                for steps, networks in _polish(groups, rows, task, self.steps):
                    best = min(networks, key=lambda one: _error(one, task))
                    self.networks_[size, steps] = in_raw_units(best, scaling)
        if not self.networks_:
            raise ValueError(f"sizes must allow some network, got {self.sizes}: none of the space is that small.")
        return self.select(*max(self.networks_))

    def select(self, max_nonzero: int, n_steps: int) -> StartsRegressor:
        check_is_fitted(self, "networks_")
        if (max_nonzero, n_steps) not in self.networks_:
            raise ValueError(
                f"max_nonzero and n_steps must be a pair of sizes and steps for which there is a network, got "
                f"{max_nonzero} and {n_steps}."
            )
        self.network_: SparseMLP = self.networks_[max_nonzero, n_steps]
        self.n_nonzero_ = self.network_.n_nonzero
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self, "network_")
        return self.network_.predict(validate_data(self, X, dtype=np.float64, reset=False))


class _Draw:
    def __init__(
        self, space: str, rows: Table, task: RefineTask, checkpoint: Checkpoint, rng: np.random.Generator
    ) -> None:
        self.space, self.rows, self.task, self.checkpoint, self.rng = space, rows, task, checkpoint, rng
        self.generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        self.n_slots = checkpoint.autoencoder.config.max_width
        self.n_inputs = min(len(rows.columns), self.n_slots)

    def __call__(self, size: int, depth: int) -> SoftNetworks | None:
        """Candidates of at most so many parameters; None if the space has none."""
        networks = getattr(self, f"_{self.space}")(size, depth)
        if networks is None:
            return None
        networks = fold_constants(networks)
        small = (sizes(networks, self.task) <= size).nonzero().squeeze(1)
        if not len(small):
            return None
        networks = networks[small[torch.randint(len(small), (_CANDIDATES,), generator=self.generator)]]
        drawn = draw_inputs(self.rows, networks.input_mask, self.generator)
        return networks.connect(drawn.layers())

    def _bank(self, size: int, depth: int) -> SoftNetworks:
        bank = self.checkpoint.bank
        fits = bank.n_inputs[bank.of_depth(depth)] <= self.n_inputs
        return bank.networks(depth, fits.nonzero().squeeze(1))

    def _prior(self, size: int, depth: int) -> SoftNetworks:
        autoencoder = self.checkpoint.autoencoder
        shape = (_CANDIDATES, self.n_slots, autoencoder.config.d_latent)
        mask = first_slots(torch.full((_CANDIDATES,), self.n_inputs), self.n_slots)
        latent = torch.randn(shape, generator=self.generator, dtype=torch.float32)
        return autoencoder.decode(latent, mask, [depth])[depth].soften().harden()

    def _random(self, size: int, depth: int) -> SoftNetworks | None:
        shapes = [
            widths
            for index in np.ndindex(*[self.n_slots - 1] * depth)
            if _dense_size(self.n_inputs, widths := [2 + i for i in index]) <= size
        ]
        if not shapes:
            return None
        parts = []
        for _ in range(_SHAPES):
            widths = shapes[self.rng.integers(len(shapes))]
            n_drawn = _CANDIDATES // _SHAPES
            drawn = random_networks(self.rng, n_drawn, self.n_inputs, widths, ACTIVATION_NAMES, density=1.0)
            parts.append(pad(drawn, self.n_slots))
        return concatenate(parts)


def _dense_size(n_inputs: int, widths: Sequence[int]) -> int:
    return sum((before + 1) * after for before, after in pairwise([n_inputs, *widths, 1]))


def _error(network: SoftNetworks, task: RefineTask) -> float:
    value = float(task.rows.error(network))
    return value if np.isfinite(value) else np.inf


def _polish(
    groups: Sequence[SoftNetworks], rows: Table, task: RefineTask, steps: Sequence[int]
) -> Iterator[tuple[int, list[SoftNetworks]]]:
    """Polish the candidates with the best readouts; all of them after each number of steps."""
    if not groups:
        return
    few = rows[:_RANKING_ROWS]
    readouts = [solve_readout(group.last_hidden(few.X), few) for group in groups]
    score = torch.cat([readout.unexplained for readout in readouts]).nan_to_num(torch.inf)
    best = torch.zeros_like(score, dtype=torch.bool)
    best[score.argsort(stable=True)[:_POLISHED]] = True
    chosen = []
    for group, readout, kept in zip(groups, readouts, best.split([len(group) for group in groups]), strict=True):
        if kept.any():
            chosen.append(with_readout(group, readout)[kept.nonzero().squeeze(1)].map(lambda part: part.double()))
    dampings = [torch.full((len(group),), 1e-1, dtype=torch.float64) for group in chosen]
    done = 0
    for wanted in steps:
        for i, networks in enumerate(chosen if wanted > done else ()):
            ridge = task.ridge(task.rows.error(networks).clamp(1e-4, 1.0))
            fitted = fit_networks(networks, task, n_steps=wanted - done, ridge=ridge, damping=dampings[i])
            chosen[i], dampings[i] = fitted.networks, fitted.damping
        done = wanted
        yield wanted, [group[i : i + 1] for group in chosen for i in range(len(group))]

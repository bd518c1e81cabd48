"""Compress subnetworks by themselves, put them together, and polish and prune the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from sk_swat.compress.encoding import fits_matrix, restore
from sk_swat.compress.joining import chain, side_by_side
from sk_swat.compress.layers import as_sparse
from sk_swat.compress.splitting import Split, Subnetwork
from sk_swat.fitting.seen import polish
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.run import RunOptions
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.hard import batch_of, widest
from sk_swat.network.scaling import Standardisation, is_close
from sk_swat.network.softnet import SoftNetworks, concatenate, flatten
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import column_chance, column_view, with_chances
from sk_swat.refine.front import Front
from sk_swat.refine.growth import widen
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import prune
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import TimeIsUp
from sk_swat.utils.seeds import seed_of

__all__ = ["Joined", "compress_parts", "polish_and_prune"]

_N_CANDIDATES, _N_ENCODED = 4, 2  # networks of a subnetwork that are polished
_N_ROWS = 256  # on which they are
_FIRST_STEPS, _MORE_STEPS = 6, 10
_WHOLE_STEPS = 15
_SHARE = 0.04  # of the parameters of a whole that go in a round of pruning
_MOST_PARAMETERS = 600  # of a whole
_ROWS_A_PARAMETER = 5  # on which a whole is polished and pruned, shared by the outputs
_NEGLIGIBLE = 1e-12  # variance of targets that do not vary, as a share of their squares


@dataclass(frozen=True)
class Joined:
    """A network put together of compressed subnetworks.

    Parameters
    ----------
    network : SparseMLP
        In search units.
    origin : str
        How it was made.
    parts : list of dict
        For each subnetwork "split", "name", "n_inputs", "n_outputs", "n_before", "n_after" (neurons) and "r2".
    """

    network: SparseMLP
    origin: str
    parts: list[dict[str, Any]]


def compress_parts(
    split: Split, space: LatentProposals, search: SearchConfig, seed: int, task: RefineTask
) -> Joined | None:
    """Compress each subnetwork against its own activations, and put the results together.

    Parameters
    ----------
    split : Split
        The subnetworks.
    space : LatentProposals
        Where smaller ones come from, and by which those that fit the matrix form are encoded.
    search : SearchConfig
        Settings of the latent search.
    seed : int
        Source of all random choices.
    task : RefineTask
        Its deadline is kept.

    Returns
    -------
    joined : Joined or None
        None if the time was up before all subnetworks were compressed.
    """
    stages: list[SparseMLP] = []
    parts: list[dict[str, Any]] = []
    for stage, n_outputs in zip(split.stages, split.n_between, strict=True):
        found = []
        for part in stage:
            try:
                network, r2 = _smaller(part, split.depth, space, search, seed_of(seed, len(parts)) >> 1, task)
            except TimeIsUp:
                return None
            found.append(network)
            parts.append(
                {
                    "split": split.name,
                    "name": part.name,
                    "n_inputs": part.inputs.shape[1],
                    "n_outputs": part.targets.shape[1],
                    "n_before": part.n_before,
                    "n_after": sum(network.hidden_layer_sizes),
                    "r2": r2,
                }
            )
        stages.append(side_by_side(found, [part.outputs for part in stage], n_outputs))
    return Joined(chain(stages), f"split by {split.name}", parts)


@torch.no_grad()
def _smaller(
    part: Subnetwork,
    depth: int,
    space: LatentProposals,
    search: SearchConfig,
    seed: int,
    task: RefineTask,
) -> tuple[SparseMLP, float]:
    """Network of this depth in the part's own units, and its R^2 on all rows."""
    task.deadline.check()
    scaling = _scaling(part)
    if scaling is None:
        return _constant(part, depth), 1.0
    rows = Table(part.inputs, part.targets.T, scaling=scaling).standardise().tensors(torch.float64)
    some = rows[:_N_ROWS]
    table = with_chances(some.to(torch.float32), task.deadline)
    config = replace(search, n_restarts=_N_CANDIDATES, small_share=0.0)
    options = RunOptions(deadline=task.deadline)
    found = space.search(table, (depth,), config, seed, options)[0].candidates
    generator = torch.Generator().manual_seed(seed)
    if part.layers is not None and fits_matrix(network := as_sparse(part.layers), space.checkpoint):
        on_standard = network.with_scaling(*_inverse(scaling))
        found = found + restore(on_standard, table, space.checkpoint, depth, config, generator, _N_ENCODED)
    networks = concatenate([one.network for one in found]).map(lambda tensor: tensor.double())
    chance = column_chance(some, deadline=task.deadline)
    for n_steps, n_kept in ((_FIRST_STEPS, 2), (_MORE_STEPS, 1)):
        view = column_view(networks, some, chance, generator, task.deadline)
        seen = some if view is None else view.rows(some)
        networks = widen(networks if view is None else view.narrow(networks), search.allowed, 2, generator)
        result = fit_networks(
            networks,
            replace(task, rows=seen),
            n_steps=n_steps,
            ridge=task.ridge(seen.error(networks).clamp(1e-4, 1.0)),
            free=torch.ones_like(flatten(networks), dtype=torch.bool),
        )
        best = result.error.nan_to_num(torch.inf, torch.inf).argsort(stable=True)[:n_kept]
        networks = result.networks[best]
        if view is not None:
            networks = view.widen(networks, best)
    error = float(rows.error(networks)) / rows.constant_loss
    return networks.to_sparse(0).with_scaling(*_folding(scaling)), 1 - error


def _scaling(part: Subnetwork) -> Standardisation | None:
    """Standardise the inputs one by one and the targets together, as small ones matter less; None if nothing varies."""
    own = Standardisation.of(part.inputs, part.targets)
    own = replace(own, x_scale=np.where(is_close(own.x_offset, own.x_scale), 0.0, own.x_scale))  # a teacher's rounding
    variance = np.mean(np.square(own.y_scale))
    if variance <= _NEGLIGIBLE * np.mean(np.square(part.targets)) or not len(own.varying):
        return None
    return replace(own, y_scale=np.full(part.targets.shape[1], np.sqrt(variance)))


def _folding(scaling: Standardisation) -> tuple[Any, Any, Any, Any]:
    """Arguments of ``with_scaling`` that lead from standardised units to raw ones."""
    return scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale


def _inverse(scaling: Standardisation) -> tuple[Any, Any, Any, Any]:
    """Arguments of ``with_scaling`` that lead back."""
    x_scale, y_scale = 1 / scaling.divisor, 1 / scaling.y_scale
    return -scaling.x_offset * x_scale, x_scale, -scaling.y_offset * y_scale, y_scale


def _constant(part: Subnetwork, depth: int) -> SparseMLP:
    """Network of one idle neuron a layer, for targets that do not vary."""
    n_in, n_out = part.inputs.shape[1], part.targets.shape[1]
    coefs = [np.zeros((n_in, 1)), *[np.zeros((1, 1))] * (depth - 1), np.zeros((1, n_out))]
    return SparseMLP(coefs, [*[np.zeros(1)] * depth, part.targets.mean(axis=0)], [("identity",)] * depth)


@torch.no_grad()
def polish_and_prune(wholes: Sequence[Joined], task: RefineTask) -> Front:
    """Polish wholes on the rows, and prune them step by step.

    Parameters
    ----------
    wholes : sequence of Joined
        Of any depths and widths; those of one shape share the work.
    task : RefineTask
        Rows of the search, in float64.

    Returns
    -------
    front : Front
        Every network met before the deadline; `candidate` is the index of the whole it comes from.
    """
    front = Front()
    shapes = [(one.network.depth, widest(one.network)) for one in wholes]
    for shape in sorted(set(shapes)):
        if task.deadline.passed():
            break
        index = [i for i, own in enumerate(shapes) if own == shape]
        networks = _thin(batch_of([wholes[i].network for i in index], shape[1]))
        n_nonzero = int((flatten(networks) != 0).sum(1).max())
        n_rows = max(_N_ROWS, _ROWS_A_PARAMETER * n_nonzero // task.rows.n_targets)
        part = replace(task, rows=task.rows[:n_rows])
        networks = polish(networks, part, _WHOLE_STEPS).networks
        origins = torch.tensor(index)
        prune(networks, part, partial(_add, front, origins, task), share=_SHARE)
    return front


def _thin(networks: SoftNetworks) -> SoftNetworks:
    """Leave the largest parameters of each layer where there are too many to be polished; each keeps the same share."""
    n_most = int((flatten(networks) != 0).sum(1).max())
    if n_most <= _MOST_PARAMETERS:
        return networks

    def largest(part: torch.Tensor) -> torch.Tensor:
        size = part.flatten(1).abs()
        n_kept = math.ceil(_MOST_PARAMETERS / n_most * int((size > 0).sum(1).max()))
        least = size.topk(max(1, n_kept), dim=1).values[:, -1].reshape(-1, *[1] * (part.ndim - 1))
        return torch.where(part.abs() >= least, part, 0.0)

    return networks.replace(weights=tuple(map(largest, networks.weights)), biases=tuple(map(largest, networks.biases)))


def _add(
    front: Front,
    origins: torch.Tensor,
    task: RefineTask,
    networks: SoftNetworks,
    size: torch.Tensor,
    error: torch.Tensor,
    origin: torch.Tensor,
) -> None:
    """Take over what pruning hands over, with errors on all rows of the search."""
    front.add(networks, size, task.rows.error(networks), origins[origin])

"""The last steps of a path: polish on all rows in float64, judge by rows not used for it, fold the scaling.

Every network of the front is polished on the fitted rows, evaluated on rows that had no part in that (the held-out
ones, or each fold of a cross-validation in turn), and polished once more on all rows. The path is thus independent of
which of its networks is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sk_swat.network import SparseMLP
from sk_swat.refine.front import Front, Member
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.task import RefineTask
from sk_swat.scaling import Standardisation
from sk_swat.softnet import SoftNetworks, concatenate

__all__ = ["PathNetwork", "finished_path", "in_raw_units"]

_POLISH_STEPS, _FOLD_STEPS, _LAST_STEPS = 6, 6, 3
_N_FOLDS = 5
_GAINS = (0.02, 0.05, 0.1, 0.2)  # shares by which the error must fall from one network to the next
_LONGEST = 40  # networks of a path
_DAMPING = 1e-2


@dataclass(frozen=True)
class PathNetwork:
    """One network of a path, in raw units.

    Parameters
    ----------
    network : SparseMLP
        Pruned, with the scaling folded in.
    start : int
        Candidate it descends from.
    train_fvu : float
        Fraction of variance unexplained on the rows of the last polish.
    validation_errors : ndarray of shape (n_validation_rows,)
        Squared errors, in units of the target's variance, on rows that were not fitted.
    """

    network: SparseMLP
    start: int
    train_fvu: float
    validation_errors: np.ndarray


def finished_path(
    front: Front, task: RefineTask, n_held: int, scaling: Standardisation, seed: int
) -> list[PathNetwork]:
    """Polish, judge and fold the networks of a front.

    Parameters
    ----------
    front : Front
        Networks of the search.
    task : RefineTask
        All rows in float64, the held-out ones last.
    n_held : int
        Number of held-out rows; with 0 networks are judged by five-fold cross-validation (of the polish, for the
        structure found on all rows).
    scaling : Standardisation
        Of the raw table.
    seed : int
        Of the folds.

    Returns
    -------
    path : list of PathNetwork
        By size; each has a smaller training error than all smaller ones.
    """
    members = next(
        (found for gain in _GAINS if len(found := front.members(gain)) <= _LONGEST), front.members(_GAINS[-1])
    )
    members = [_double(member) for member in members]
    n_rows = len(task.y)
    if n_held:
        fitted = slice(0, n_rows - n_held)
        part = replace(task, X=task.X[fitted], y=task.y[fitted])
        members = _polished(members, part, _POLISH_STEPS)
        validation = _squared_errors(members, task.X[n_rows - n_held :], task.y[n_rows - n_held :])
    else:
        members = _polished(members, task, _POLISH_STEPS)
        validation = _cross_validated(members, task, seed)
    members = _polished(members, task, _LAST_STEPS)
    train = _squared_errors(members, task.X, task.y).mean(1) / float(task.y.var(correction=0))
    path = [
        PathNetwork(in_raw_units(member.network, scaling), member.start, float(fvu), errors)
        for member, fvu, errors in zip(members, train, validation, strict=True)
        if np.isfinite(fvu) and np.isfinite(errors).all()
    ]
    path.sort(key=lambda one: (one.network.n_nonzero, one.train_fvu))
    best = np.minimum.accumulate([np.inf, *(one.train_fvu for one in path)])
    return [one for one, before in zip(path, best, strict=False) if one.train_fvu < before]


def _double(member: Member) -> Member:
    return replace(member, network=member.network.map(lambda part: part.double()))


def _by_depth(
    members: Sequence[Member], work: Callable[[SoftNetworks], Sequence[SoftNetworks | np.ndarray]]
) -> list[SoftNetworks | np.ndarray]:
    """Work on the networks of each depth together; results in the order of the members."""
    results: list[SoftNetworks | np.ndarray | None] = [None] * len(members)
    for depth in sorted({member.depth for member in members}):
        index = [i for i, member in enumerate(members) if member.depth == depth]
        for i, result in zip(index, work(concatenate([members[i].network for i in index])), strict=True):
            results[i] = result
    return [result for result in results if result is not None]


def _polished(members: Sequence[Member], task: RefineTask, n_steps: int) -> list[Member]:
    def work(networks: SoftNetworks) -> list[SoftNetworks]:
        fitted = _fitted(networks, task, n_steps)
        return [fitted[i : i + 1] for i in range(len(fitted))]

    return [replace(one, network=found) for one, found in zip(members, _by_depth(members, work), strict=True)]


def _fitted(networks: SoftNetworks, task: RefineTask, n_steps: int) -> SoftNetworks:
    ridge = task.ridge((networks.forward(task.X) - task.y).square().mean(1))
    return fit_networks(
        networks, task.X, task.y, n_steps=n_steps, ridge=ridge, damping=_DAMPING, deadline=task.deadline
    ).networks


def _squared_errors(members: Sequence[Member], X: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    def work(networks: SoftNetworks) -> np.ndarray:
        return (networks.forward(X) - y).square().numpy(force=True)

    return np.stack(_by_depth(members, work))


def _cross_validated(members: Sequence[Member], task: RefineTask, seed: int) -> np.ndarray:
    """Squared error of every row by networks polished on the rows of the other folds."""
    n_rows = len(task.y)
    fold = torch.as_tensor(np.random.default_rng([seed, 2]).permutation(n_rows) % min(_N_FOLDS, n_rows))
    errors = np.full((len(members), n_rows), np.inf)
    for number in fold.unique():
        inside, outside = fold == number, fold != number
        part = replace(task, X=task.X[outside], y=task.y[outside])
        errors[:, inside.numpy()] = _squared_errors(
            _polished(members, part, _FOLD_STEPS) if len(part.y) else members, task.X[inside], task.y[inside]
        )
    return errors


def in_raw_units(network: SoftNetworks, scaling: Standardisation) -> SparseMLP:
    """Fold the scaling into a batch of one, and leave out what does nothing."""
    folded = network.to_sparse(0).with_scaling(scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale)
    return folded.pruned()

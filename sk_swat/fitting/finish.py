"""The last steps of a path: polish on all rows in float64, judge by rows not used for it, fold the scaling.

Every network of the front is polished on the fitted rows, evaluated on held-out ones (without any, its size is judged
by cross-validation), and polished once more on all rows. The path does not depend on which of its networks is chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from sk_swat.network.equivalence import join, straighten
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import SoftNetworks
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Member
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.rows import Rows
from sk_swat.refine.task import RefineTask

__all__ = ["PathNetwork", "by_depth", "finished_path", "in_raw_units", "judged_path", "with_rounding"]

_POLISH_STEPS, _LAST_STEPS = 18, 9
_STEPS_BETWEEN = 3  # polishing steps between two looks at the held-out rows
_ROWS_A_NUMBER = 2  # networks with fewer rows for each number are left out of the path
_DAMPING = 1e-2
_WIDTH_STEP = 8  # neurons
Result = TypeVar("Result")


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
        Losses on rows that were not fitted, as shares of the best constant's mean loss.
    validation_weight : ndarray of shape (n_validation_rows,), default=None
        How often each of these rows counts; None stands for once.
    rounding : float, default=0.0
        What rounding in raw units costs the most accurate network of the path, in R^2; errors contain it.
    """

    network: SparseMLP
    start: int
    train_fvu: float
    validation_errors: np.ndarray
    validation_weight: np.ndarray | None = None
    rounding: float = 0.0


def finished_path(
    members: Sequence[Member],
    view: ColumnView,
    task: RefineTask,
    n_held: int,
    scaling: Standardisation,
    searched: Rows,
    judge: Callable[[Sequence[int]], np.ndarray],
    linear: bool = True,
) -> list[PathNetwork]:
    """Polish, judge and fold networks.

    Parameters
    ----------
    members : sequence of Member
        Networks of the search, in float64.
    view : ColumnView
        Columns that they use.
    task : RefineTask
        All rows of these columns in float64, the held-out ones last.
    n_held : int
        Number of held-out rows.
    scaling : Standardisation
        Of the raw table.
    searched : Rows
        Rows of the search, of the same columns in float64; without held-out rows they are those of the validation.
    judge : callable
        Cross-validation: gives their squared errors for increasing sizes, of shape (n_sizes, n_rows).

    Returns
    -------
    path : list of PathNetwork
        By size; each has a smaller training error than all smaller ones.
    """
    rows, n_fitted = task.rows, len(task.rows) - n_held
    credible = [member for member in members if _ROWS_A_NUMBER * member.size <= rows.n_observations]
    members = [replace(member, network=view.narrow(member.network)) for member in credible or members[:1]]
    if linear:
        members = [replace(member, network=straighten(member.network, rows.X)) for member in members]
    if n_held:
        held, begin = rows[n_fitted:], time.perf_counter()
        validation = _losses(members, held)
        to_judge = (time.perf_counter() - begin) * len(rows) / n_held  # seconds in which all rows are evaluated
        task = replace(task, deadline=task.deadline.earlier(to_judge))
        part = replace(task, rows=rows[:n_fitted])
        for _ in range(_POLISH_STEPS // _STEPS_BETWEEN):  # a network stops where its held-out error begins to rise
            if task.deadline.passed():
                break
            further = _polished(members, part, _STEPS_BETWEEN)
            errors = _losses(further, held)
            better = _means(errors, held) < _means(validation, held)
            members = [new if good else old for old, new, good in zip(members, further, better, strict=True)]
            validation = np.where(better[:, None], errors, validation)
    else:
        members = _polished(members, task, _POLISH_STEPS)
    members = _polished(members, task, _LAST_STEPS)
    if not n_held:  # a size may be judged by other networks than the one that is kept, which is no better than it fits
        held, validation = searched, judge([member.size for member in members])
        least, judged = (_means(errors, searched) for errors in (_losses(members, searched), validation))
        validation = validation * np.maximum(1.0, least / np.maximum(judged, 1e-300))[:, None]
    validation = validation / rows.loss.unit(rows)
    weight = None if held.weight is None else held.weight.numpy()
    # a target may not vary on the rows drawn from a long table, while its variance on all rows is 1
    train = _means(_losses(members, rows), rows) / (rows.constant_loss or 1.0)
    path = [
        PathNetwork(in_raw_units(view.widen(member.network), scaling), member.start, float(fvu), errors, weight)
        for member, fvu, errors in zip(members, train, validation, strict=True)
        if np.isfinite(fvu) and np.isfinite(errors).all()
    ]
    path = with_rounding(path, rows, scaling, view.columns.numpy())
    path.sort(key=lambda one: (one.network.n_nonzero, one.train_fvu))
    best = np.minimum.accumulate([np.inf, *(one.train_fvu for one in path)])
    return [one for one, before in zip(path, best, strict=False) if one.train_fvu < before]


def by_depth(members: Sequence[Member], work: Callable[[SoftNetworks], Sequence[Result]]) -> list[Result]:
    """Work on the networks of each depth and about one width together; results in the order of the members."""
    results: dict[int, Result] = {}
    shapes = [(member.depth, _breadth(member)) for member in members]
    for shape in sorted(set(shapes)):
        index = [i for i, own in enumerate(shapes) if own == shape]
        results |= dict(zip(index, work(join([members[i].network for i in index])), strict=True))
    return [results[i] for i in range(len(members))]


def _breadth(member: Member) -> int:
    """Width of the widest layer in steps: small networks would wait for the numbers of large ones in their batch."""
    return -(-max(mask.shape[1] for mask in member.network.mask) // _WIDTH_STEP)


def _polished(members: Sequence[Member], task: RefineTask, n_steps: int) -> list[Member]:
    def work(networks: SoftNetworks) -> list[SoftNetworks]:
        fitted = networks if task.deadline.passed() else _fitted(networks, task, n_steps)
        return [fitted[i : i + 1] for i in range(len(fitted))]

    return [replace(one, network=found) for one, found in zip(members, by_depth(members, work), strict=True)]


def _fitted(networks: SoftNetworks, task: RefineTask, n_steps: int) -> SoftNetworks:
    ridge = task.ridge(task.rows.error(networks))
    return fit_networks(
        networks, task.rows, n_steps=n_steps, ridge=ridge, damping=_DAMPING, deadline=task.deadline
    ).networks


def _losses(members: Sequence[Member], rows: Rows) -> np.ndarray:
    def work(networks: SoftNetworks) -> list[np.ndarray]:
        return list(rows.losses(networks).numpy(force=True))

    return np.stack(by_depth(members, work))


def _means(errors: np.ndarray, rows: Rows) -> np.ndarray:
    """Mean over these rows of errors of shape (n_networks, n_rows)."""
    return rows.mean(torch.from_numpy(errors)).numpy()


def judged_path(path: Sequence[PathNetwork]) -> Path:
    """Path of networks that were all judged by the same rows."""
    return Path.judged(
        [one.network for one in path],
        [one.train_fvu for one in path],
        np.stack([one.validation_errors for one in path]),
        path[0].validation_weight,
    )


def with_rounding(
    path: list[PathNetwork], rows: Rows, scaling: Standardisation, columns: np.ndarray
) -> list[PathNetwork]:
    """Judge networks as they are in raw units, where columns or targets vary so little that rounding shows.

    Parameters
    ----------
    path : list of PathNetwork
        Judged in the units of the search.
    rows : Rows
        Standardised rows, in float64, with some of the columns.
    scaling : Standardisation
        Of the raw table.
    columns : ndarray of int, of shape (n_seen,)
        Which columns these are; the networks read no others.
    """
    if not scaling.close or not path:
        return path
    X = np.zeros((len(rows), len(scaling.x_offset)))
    X[:, columns] = scaling.x_offset[columns] + scaling.divisor[columns] * rows.X.numpy()
    found = []
    for one in path:
        errors = torch.from_numpy(scaling.target(one.network.predict(X)).T) - rows.y
        fvu = float(rows.mean(rows.loss.value(errors)).mean()) / (rows.constant_loss or 1.0)
        validation = one.validation_errors + max(0.0, fvu - one.train_fvu)
        found.append(replace(one, train_fvu=fvu, validation_errors=validation))
    cost = min(one.train_fvu for one in found) - min(one.train_fvu for one in path)
    return [replace(one, rounding=cost) for one in found]


def in_raw_units(network: SoftNetworks, scaling: Standardisation) -> SparseMLP:
    """Fold the scaling into a batch of one, and leave out what does nothing or folds into something else."""
    folded = network.to_sparse(0).with_scaling(scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale)
    return folded.simplified()

"""The last stage of a fit: polish on all rows in float64, judge by rows not used for it, fold the scaling."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sk_swat.fitting.batches import by_depth
from sk_swat.fitting.cross_validation import N_FOLDS, fold_errors
from sk_swat.fitting.search import DTYPE, Ending, Found, Outcome, Search, in_raw_units
from sk_swat.network.equivalence import straighten
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import SoftNetworks
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.columns import ColumnView
from sk_swat.refine.front import Front, Member
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

__all__ = ["LastPolish", "PathNetwork", "found_path", "spread", "with_rounding"]

_POLISH_STEPS, _LAST_STEPS = 18, 9
_STEPS_BETWEEN = 3  # polishing steps between two looks at the held-out rows
_ROWS_A_PARAMETER = 2  # networks with fewer rows for each parameter are left out of the path
_DAMPING = 1e-2
_GAINS = (0.02, 0.05, 0.1, 0.2)  # shares by which the error must fall from one network to the next
_LONGEST = 40  # networks of a path before blocks are added


@dataclass(frozen=True)
class PathNetwork:
    """One network of a path, in raw units.

    Parameters
    ----------
    network : SparseMLP
        Pruned, with the scaling folded in.
    candidate : int
        Index of the candidate it descends from.
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
    candidate: int
    train_fvu: float
    validation_errors: np.ndarray
    validation_weight: np.ndarray | None = None
    rounding: float = 0.0


class LastPolish(Ending):
    """Polish every network of the front on all rows, and judge it by rows not used for that.

    With held-out rows a network stops where their error begins to rise, and is polished once more on all rows; without
    any, its size is judged by cross-validation. The path does not depend on which of its networks is chosen.
    """

    name = "last polish"

    def parts(self, search: Search) -> Sequence[str]:
        """Folds of the cross-validation."""
        n_folds = 0 if search.table.n_held else min(N_FOLDS, len(search.task.rows))
        return [f"fold {number + 1}" for number in range(n_folds)]

    def n_rows(self, members: Sequence[Member], search: Search) -> int:
        """Rows on which networks are polished."""
        return search.settings.limits.polished

    def run(self, front: Front, search: Search, outcome: Outcome) -> Found:
        """Polish, judge, and fold the scaling."""
        table = search.table
        members = [*spread(front), *spread(search.sums)]
        n_rows = self.n_rows(members, search)
        n_held = min(table.n_held, max(1, n_rows // 4))
        view = ColumnView.in_use([member.network for member in members])
        columns = view.columns.numpy()
        rows = table.part(max(1, n_rows - n_held), n_held, columns).tensors(DTYPE)
        task = replace(search.task, rows=rows, deadline=search.last_deadline)
        members = _credible(members, view, task, linear=search.settings.latent.linear)
        if n_held:
            members, held, errors = _judge_by_held_rows(members, task, n_held)
        else:
            members = _polish(_polish(members, task, _POLISH_STEPS), task, _LAST_STEPS)
            held = table.part(len(search.task.rows), 0, columns).tensors(DTYPE)
            errors = _judge_by_folds(members, held, search)
        errors = errors / task.rows.loss.unit(task.rows)
        path = _in_raw_units(members, errors, held, view, task.rows, table.units)
        outcome.r2_after, outcome.network = 1 - path[-1].train_fvu, path[-1].network
        outcome.take_by_size((one.network.n_nonzero, 1 - one.train_fvu) for one in path)
        return found_path(path)


def spread(front: Front) -> list[Member]:
    """Members of a front, not too many."""
    return next((found for gain in _GAINS if len(found := front.members(gain)) <= _LONGEST), front.members(_GAINS[-1]))


def found_path(path: Sequence[PathNetwork]) -> Found:
    """Path of networks that were all judged by the same rows."""
    judged = Path.from_errors(
        [one.network for one in path],
        [one.train_fvu for one in path],
        np.stack([one.validation_errors for one in path]),
        path[0].validation_weight,
    )
    return Found(judged, [one.candidate for one in path], path[0].rounding)


def _credible(members: Sequence[Member], view: ColumnView, task: RefineTask, linear: bool) -> list[Member]:
    """Networks on the columns in use, without those that have few rows for each parameter."""
    credible = [member for member in members if _ROWS_A_PARAMETER * member.size <= task.rows.n_observations]
    members = [replace(member, network=view.narrow(member.network)) for member in credible or members[:1]]
    if linear:
        members = [replace(member, network=straighten(member.network, task.rows.X)) for member in members]
    return members


def _judge_by_held_rows(members: list[Member], task: RefineTask, n_held: int) -> tuple[list[Member], Table, np.ndarray]:
    """Polish on the first rows until the error on the others, the last `n_held`, begins to rise; then on all."""
    rows, n_fitted, begin = task.rows, len(task.rows) - n_held, time.perf_counter()
    held = rows[n_fitted:]
    validation = _losses(members, held)
    to_judge = (time.perf_counter() - begin) * len(rows) / n_held  # seconds in which all rows are evaluated
    task = replace(task, deadline=task.deadline.earlier(to_judge))
    part = replace(task, rows=rows[:n_fitted])
    for _ in range(_POLISH_STEPS // _STEPS_BETWEEN):  # a network stops where its held-out error begins to rise
        if task.deadline.passed():
            break
        further = _polish(members, part, _STEPS_BETWEEN)
        errors = _losses(further, held)
        better = _means(errors, held) < _means(validation, held)
        members = [new if good else old for old, new, good in zip(members, further, better, strict=True)]
        validation = np.where(better[:, None], errors, validation)
    return _polish(members, task, _LAST_STEPS), held, validation


def _judge_by_folds(members: Sequence[Member], rows: Table, search: Search) -> np.ndarray:
    """Errors of the networks that cross-validation finds for each size; none is smaller than that of the kept one."""
    task, settings = replace(search.task, deadline=search.last_deadline), search.settings
    sizes = [member.size for member in members]
    errors = fold_errors(sizes, search.candidates, task, settings.seed, settings.n_jobs, search.progress.end_part)
    # a size may be judged by other networks than the one that is kept, which is no better than it fits
    least, judged = (_means(part, rows) for part in (_losses(members, rows), errors))
    return errors * np.maximum(1.0, least / np.maximum(judged, 1e-300))[:, None]


def _in_raw_units(
    members: Sequence[Member],
    errors: np.ndarray,
    held: Table,
    view: ColumnView,
    rows: Table,
    scaling: Standardisation,
) -> list[PathNetwork]:
    """Networks by size, each with a smaller training error than all smaller ones."""
    weight = None if held.weight is None else held.weight.numpy()
    # a target may not vary on the rows drawn from a long table, while its variance on all rows is 1
    train = _means(_losses(members, rows), rows) / (rows.constant_loss or 1.0)
    path = [
        PathNetwork(in_raw_units(view.widen(member.network), scaling), member.candidate, float(fvu), own, weight)
        for member, fvu, own in zip(members, train, errors, strict=True)
        if np.isfinite(fvu) and np.isfinite(own).all()
    ]
    path = with_rounding(path, rows, scaling, view.columns.numpy())
    path.sort(key=lambda one: (one.network.n_nonzero, one.train_fvu))
    best = np.minimum.accumulate([np.inf, *(one.train_fvu for one in path)])
    return [one for one, before in zip(path, best, strict=False) if one.train_fvu < before]


def _polish(members: Sequence[Member], task: RefineTask, n_steps: int) -> list[Member]:
    def work(networks: SoftNetworks) -> list[SoftNetworks]:
        fitted = networks if task.deadline.passed() else _fit_networks(networks, task, n_steps)
        return [fitted[i : i + 1] for i in range(len(fitted))]

    return [replace(one, network=found) for one, found in zip(members, by_depth(members, work), strict=True)]


def _fit_networks(networks: SoftNetworks, task: RefineTask, n_steps: int) -> SoftNetworks:
    ridge = task.ridge(task.rows.error(networks))
    return fit_networks(networks, task, n_steps=n_steps, ridge=ridge, damping=_DAMPING).networks


def _losses(members: Sequence[Member], rows: Table) -> np.ndarray:
    def work(networks: SoftNetworks) -> list[np.ndarray]:
        return list(rows.losses(networks).numpy(force=True))

    return np.stack(by_depth(members, work))


def _means(errors: np.ndarray, rows: Table) -> np.ndarray:
    """Mean over these rows of errors of shape (n_networks, n_rows)."""
    return rows.mean(torch.from_numpy(errors)).numpy()


def with_rounding(
    path: list[PathNetwork], rows: Table, scaling: Standardisation, columns: np.ndarray
) -> list[PathNetwork]:
    """Judge networks as they are in raw units, where columns or targets vary so little that rounding shows.

    Parameters
    ----------
    path : list of PathNetwork
        Judged in the units of the search.
    rows : Table
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

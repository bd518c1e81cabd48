"""Judge sizes, not networks: cross-validation of the whole way from the candidates to a front.

On a small table the structure of a network is fitted as much as its parameters are. So the candidates are polished and
pruned anew on the rows of all folds but one, and the networks of each size are evaluated on the rows of that one. A
network of the path gets the errors of the networks of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from sk_swat.fitting.batches import by_depth
from sk_swat.fitting.starts import polish_candidates
from sk_swat.latent.run import Candidate
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.task import RefineTask
from sk_swat.utils.parallel import run_parallel

__all__ = ["N_FOLDS", "fold_errors"]

N_FOLDS = 5  # or as many as there are rows
_N_CANDIDATES = 8  # of each depth
_N_PRUNED = 4  # of each depth
_POLISH_STEPS = 4


def fold_errors(
    sizes: Sequence[int],
    candidates: Sequence[Candidate],
    task: RefineTask,
    seed: int,
    n_jobs: int | None,
    judged: Callable[[], None] | None = None,
) -> np.ndarray:
    """Loss of every row, for each size, by networks that were found without it.

    Parameters
    ----------
    sizes : sequence of int
        Sizes, increasing.
    candidates : sequence of Candidate
        Of all depths; some of them are polished and pruned anew.
    task : RefineTask
        Rows.
    seed : int
        Source of all random choices.
    n_jobs : int or None
        Folds that are worked on at a time, as in joblib.
    judged : callable, default=None
        Called when a fold is done.

    Returns
    -------
    errors : ndarray of shape (n_sizes, n_rows)
        For each size those of the best network of at most that size.
    """
    n_rows = len(task.rows)
    fold = np.random.default_rng([seed, 2]).permutation(n_rows) % min(N_FOLDS, n_rows)
    some = [one for depth in _depths(candidates) for one in _of(candidates, depth)]
    folds = [fold == number for number in range(fold.max() + 1)]
    works = [partial(_fold, sizes, some, task, seed, torch.as_tensor(inside)) for inside in folds]
    errors = np.empty((len(sizes), n_rows))
    ended = None if judged is None else lambda _: judged()
    for inside, found in zip(folds, run_parallel(works, n_jobs, ended, task.deadline.stop), strict=True):
        errors[:, inside] = found
    return errors


def _fold(
    sizes: Sequence[int],
    candidates: Sequence[Candidate],
    task: RefineTask,
    seed: int,
    inside: torch.Tensor,
) -> np.ndarray:
    """Losses of the rows of one fold, for each size."""
    outside = ~inside if not inside.all() else inside  # all: a single row
    part = replace(task, rows=task.rows[outside])
    members = polish_candidates(candidates, part, seed, n_jobs=1, n_pruned=_N_PRUNED).members()
    known = by_depth(members, partial(_errors, part=part, task=task, inside=inside))
    smaller = (max((i for i, member in enumerate(members) if member.size <= size), default=0) for size in sizes)
    return np.stack([known[i] for i in smaller])


def _errors(networks: SoftNetworks, part: RefineTask, task: RefineTask, inside: torch.Tensor) -> list[np.ndarray]:
    """Polish networks on a part of the rows; losses of each on other rows."""
    ridge = task.ridge(part.rows.error(networks))
    fitted = fit_networks(networks, part, n_steps=_POLISH_STEPS, ridge=ridge, damping=1e-2).networks
    return list(task.rows[inside].losses(fitted).numpy(force=True))


def _depths(candidates: Sequence[Candidate]) -> list[int]:
    return sorted({candidate.depth for candidate in candidates})


def _of(candidates: Sequence[Candidate], depth: int) -> list[Candidate]:
    """Take some candidates of a depth, spread over their order: large ones come first, small ones last."""
    own = [candidate for candidate in candidates if candidate.depth == depth]
    chosen = np.unique(np.linspace(0, len(own) - 1, min(_N_CANDIDATES, len(own))).round().astype(int))
    return [own[index] for index in chosen]

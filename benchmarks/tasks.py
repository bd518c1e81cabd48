"""Regression tasks: a table and one split, and what makes a split honest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils import Bunch

from sk_swat.cli.demo import load_table

__all__ = ["Task", "canary", "check_split", "load_task", "make_task", "shuffle_targets"]


@dataclass(frozen=True)
class Task:
    """A regression table with one split; the seed is that of the split or of the sampled points, and of fits."""

    name: str
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    split: int = 0
    seed: int = 0


def load_task(name: str, *, random_state: int = 0, n_train: int = 3750) -> Task:
    """Make a task of a table of :func:`sk_swat.cli.demo.load_table`, the same for every model."""
    return make_task(name, load_table(name, random_state=random_state, n_train=n_train), random_state)


def make_task(name: str, data: Bunch, seed: int) -> Task:
    """Make a task of what a function of sk_swat.datasets gave for a seed."""
    return Task(name, data.X_train, data.X_test, data.y_train, data.y_test, seed=seed)


def check_split(task: Task) -> None:
    """Raise a ValueError if a test row has the inputs of a training row, or if the test targets do not vary."""
    known = {row.tobytes() for row in _bytewise(task.X_train)}
    twice = sum(row.tobytes() in known for row in _bytewise(task.X_test))
    if twice:
        raise ValueError(
            f"The test rows of {task.name!r} must not be training rows, but {twice} of {len(task.X_test)} are; keep "
            "equal rows on one side of the split."
        )
    if np.ptp(task.y_test) == 0:
        raise ValueError(f"The test targets of {task.name!r} must vary; take more rows.")


def _bytewise(X: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(X, dtype=np.float64) + 0.0  # -0 becomes 0


def canary(task: Task, random_state: int = 0) -> Task:
    """Replace test targets and the inputs of test rows 1, 3, ...: predictions for the others must not change."""
    rng = np.random.default_rng(random_state)
    X_test = task.X_test.copy()
    X_test[1::2] = rng.permuted(X_test[1::2], axis=0) + rng.normal(size=X_test[1::2].shape) * X_test.std(axis=0)
    y_test = rng.normal(task.y_test.mean(), 10 * task.y_test.std() + 1, size=task.y_test.shape)
    return replace(task, X_test=X_test, y_test=y_test)


def shuffle_targets(task: Task, random_state: int = 0) -> Task:
    """Shuffle the training targets: a model that still predicts the test targets knows them from elsewhere."""
    return replace(task, y_train=np.random.default_rng(random_state).permutation(task.y_train))

"""Split a network into subnetworks, and say what each of them computes on the rows.

A split is a chain of stages, one for each hidden layer of the result. A stage covers consecutive hidden layers of the
teacher, from the sums that enter the first to the sums that leave the last, so that what lies between two stages is
linear. Those sums are written in at most eight principal coordinates, the inputs and outputs of subnetworks. A stage
whose last layer is wide is a sum of several subnetworks, one for each group of its neurons; or the outputs of the
whole are shared out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from sk_swat.compress.layers import Layer, hidden_values

__all__ = ["Split", "Subnetwork", "split_layers_into_stages", "split_outputs", "splits_of"]

_MOST_COORDINATES = 8  # as many as the matrix form has input slots
_LEFT_OUT = 1e-4  # share of the variance between two stages that may be lost
_CLUSTERED_ROWS = 256
_GROUPS = (2, 3)  # of neurons; each becomes at most eight
_MOST_OUTPUT_GROUPS = 4


@dataclass(frozen=True)
class Subnetwork:
    """A function that is to be compressed by itself.

    Parameters
    ----------
    name : str
        Which part of the teacher it is.
    inputs : ndarray of shape (n_rows, n_in)
        What it sees on the rows.
    targets : ndarray of shape (n_rows, n_out)
        What it gives there.
    outputs : tuple of int
        Columns of the stage's outputs to which its own are added.
    n_before : int
        Neurons that it has now.
    layers : tuple of Layer or None
        The function itself, where it is a network that can be cut out; None for a share of one.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    outputs: tuple[int, ...]
    n_before: int
    layers: tuple[Layer, ...] | None = None


@dataclass(frozen=True)
class Split:
    """Subnetworks to be put together.

    Parameters
    ----------
    name : str
        How the teacher is split: "layers", "neurons" or "outputs", or a combination.
    stages : list of list of Subnetwork
        Stages follow each other; the subnetworks of one are added.
    n_between : list of int
        Outputs of each stage.
    depth : int
        Hidden layers that each subnetwork gets.
    """

    name: str
    stages: list[list[Subnetwork]]
    n_between: list[int]
    depth: int = 1


def splits_of(
    layers: Sequence[Layer] | None, X: np.ndarray, y: np.ndarray, depths: Sequence[int], max_width: int, seed: int
) -> list[Split]:
    """All ways in which a teacher is split; none if it is small.

    Parameters
    ----------
    layers : sequence of Layer or None
        The teacher in search units, if it is a network.
    X : ndarray of shape (n_rows, n_columns)
        Standardised rows.
    y : ndarray of shape (n_rows, n_outputs)
        Outputs of the teacher there.
    depths : sequence of int
        Hidden layers of the results.
    max_width : int
        Widest hidden layer of a subnetwork.
    seed : int
        Of the groups.
    """
    found = []
    if layers is not None and len(layers) > 1:
        n_hidden = len(layers) - 1
        widest = max(len(layer.intercept) for layer in layers[:-1])
        for depth in sorted({min(depth, n_hidden) for depth in depths}):
            if 1 < depth < n_hidden:
                found.append(split_layers_into_stages(layers, X, y, depth, 1, max_width, seed))
            found += [
                split_layers_into_stages(layers, X, y, depth, n, max_width, seed)
                for n in _GROUPS
                if n * max_width < widest
            ]
    if y.shape[1] > 1:
        found += [split_outputs(X, y, depth, layers) for depth in depths]
    return found


def split_layers_into_stages(
    layers: Sequence[Layer], X: np.ndarray, y: np.ndarray, n_stages: int, n_groups: int, max_width: int, seed: int
) -> Split:
    """Cut a network into stages of consecutive layers, and wide ones into groups of neurons.

    Parameters
    ----------
    layers, X, y, max_width, seed
        As in :func:`splits_of`.
    n_stages : int
        At most the number of hidden layers.
    n_groups : int
        Groups of neurons of a stage; fewer where they would have room for as many neurons as there are.
    """
    values = hidden_values(layers[:-1], X)  # of each hidden layer
    n_hidden = len(values)
    stages: list[list[Subnetwork]] = []
    n_between = []
    inputs, enter = X, None
    for number, covered in enumerate(np.array_split(np.arange(n_hidden), n_stages)):
        first, last = int(covered[0]), int(covered[-1])
        following = layers[last + 1]
        if number == n_stages - 1:
            mean, basis = np.zeros(y.shape[1]), np.eye(y.shape[1])
        else:
            mean, basis = _principal(values[last] @ following.coef)
        out = following.coef @ basis  # from the neurons of the last layer to the outputs of the stage
        bias = (following.intercept if number == n_stages - 1 else -mean) @ basis
        name = f"layers {first + 1} to {last + 1}" if first < last else f"layer {first + 1}"
        n_before = sum(values[i].shape[1] for i in covered)
        outputs = tuple(range(basis.shape[1]))
        n_own = min(n_groups, (values[last].shape[1] - 1) // max_width)  # fewer neurons than before, all in all
        if n_own > 1:
            group = _groups(values[last] * np.linalg.norm(out, axis=1), n_own, seed)
            stage = []
            for which in range(group.max() + 1):
                own = group == which
                share = values[last][:, own] @ out[own] + (bias if which == 0 else 0.0)
                n_left = n_before - int((~own).sum())
                stage.append(Subnetwork(f"{name}, group {which + 1}", inputs, share, outputs, n_left))
        else:
            cut = [*layers[first : last + 1], Layer(out, bias)]
            if enter is not None:
                entered = layers[first]  # as a function of the coordinates in which the sums that enter are written
                cut[0] = Layer(enter[1].T, enter[0], entered.function, entered.names, entered.exact)
            stage = [Subnetwork(name, inputs, values[last] @ out + bias, outputs, n_before, tuple(cut))]
        stages.append(stage)
        n_between.append(basis.shape[1])
        if number < n_stages - 1:
            enter = (mean + following.intercept, basis)
            inputs = values[last] @ out + bias
    kind = " and ".join(["layers"] * (n_stages < n_hidden or n_groups == 1) + ["neurons"] * (n_groups > 1))
    return Split(f"{kind} ({n_stages} x {n_groups})" if n_groups > 1 else kind, stages, n_between)


def _principal(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and principal directions (n_columns, n_kept) that hold nearly all variance."""
    mean = values.mean(axis=0)
    _, size, directions = np.linalg.svd(values - mean, full_matrices=False)
    share = np.cumsum(size**2) / max(np.sum(size**2), 1e-300)
    n_kept = int(np.searchsorted(share, 1 - _LEFT_OUT)) + 1
    return mean, directions[: min(n_kept, _MOST_COORDINATES, len(size))].T


def _groups(shares: np.ndarray, n_groups: int, seed: int) -> np.ndarray:
    """Put neurons that move alike, or opposite, into one group; gives the group of each, from 0 on without gaps."""
    rows = shares[:: max(1, len(shares) // _CLUSTERED_ROWS)]
    centred = rows - rows.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    largest = np.linalg.svd(unit, full_matrices=False)[2][0]
    unit = unit * np.where(largest < 0, -1.0, 1.0)
    label = KMeans(min(n_groups, unit.shape[1]), n_init=1, random_state=seed).fit_predict(unit.T)
    return np.unique(label, return_inverse=True)[1]


def split_outputs(X: np.ndarray, y: np.ndarray, depth: int, layers: Sequence[Layer] | None = None) -> Split:
    """Share out the outputs: a subnetwork for each of at most four groups."""
    groups = np.array_split(np.arange(y.shape[1]), min(_MOST_OUTPUT_GROUPS, y.shape[1]))
    n_before = 0 if layers is None else sum(len(layer.intercept) for layer in layers[:-1])
    stage = []
    for own in groups:
        cut = None
        if layers is not None:
            last = layers[-1]
            cut = (*layers[:-1], Layer(last.coef[:, own], last.intercept[own]))
        name = "output" if len(own) == 1 else "outputs"
        which = ", ".join(str(i) for i in own)
        stage.append(Subnetwork(f"{name} {which}", X, y[:, own], tuple(own.tolist()), n_before, cut))
    return Split(f"outputs (depth {depth})", [stage], [y.shape[1]], depth)

"""What the arrays and names of a network must look like, and the messages when they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_swat.network.activations import ACTIVATIONS


def freeze(values: ArrayLike, ndim: int, name: str) -> NDArray[np.float64]:
    """Copy finite real numbers into a read-only float64 array; negative zeros become plain zeros."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array of {ndim} dimension(s), got ragged lists.") from error
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"`{name}` must be a non-empty {ndim}-dimensional array, got shape {array.shape}.")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"`{name}` must hold real numbers, got values of type {array.dtype}.")
    array = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must hold finite numbers, got {array[~np.isfinite(array)][0]}.")
    array += 0.0  # -0.0 becomes 0.0
    array.setflags(write=False)
    return array


def vector(values: ArrayLike, length: int, name: str, positive: bool = False) -> NDArray[np.float64]:
    """Bring one number, or one per column, to a finite float64 array of shape (length,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((), (length,)):
        raise ValueError(f"`{name}` must be a number or have shape ({length},), got shape {array.shape}.")
    bad = ~np.isfinite(array) | (positive & (array <= 0))
    if bad.any():
        kind = "finite and positive" if positive else "finite"
        raise ValueError(f"`{name}` must be {kind}, got {array[bad][0]}.")
    return np.broadcast_to(array, (length,))


def activation_names(names: Iterable[str], name: str) -> tuple[str, ...]:
    """Bring the activations of one layer to a tuple of known names."""
    listed = _strings(name, names, "names, one per neuron")
    for one in listed:
        if one not in ACTIVATIONS:
            raise ValueError(f"`{name}` must hold names from {tuple(ACTIVATIONS)}, got {one!r}.")
    return listed


def check_names(key: str, names: Iterable[str] | None, number: int, what: str) -> tuple[str, ...] | None:
    """Bring names to a tuple with one str for each of so many columns or outputs."""
    if names is None:
        return None
    listed = _strings(key, names, "str or None")
    if len(listed) != number:
        raise ValueError(f"`{key}` must hold {number} names, one per {what}, got {len(listed)}.")
    return listed


def _strings(key: str, names: Iterable[str], wanted: str) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"`{key}` must be a sequence of {wanted}, got {names!r}.")
    listed = tuple(names)
    for one in listed:
        if not isinstance(one, str):
            raise TypeError(f"`{key}` must hold names (str), got {one!r}.")
    return tuple(map(str, listed))


def check_layers(
    coefs: Sequence[NDArray[np.float64]],
    intercepts: Sequence[NDArray[np.float64]],
    activations: Sequence[Sequence[str]],
) -> None:
    """Say what is wrong if the layers do not fit together."""
    n_layers = len(coefs)
    if n_layers == 0 or len(intercepts) != n_layers or len(activations) != n_layers - 1:
        raise ValueError(
            "`coefs` and `intercepts` must hold one array per layer (at least one) and `activations` one "
            f"tuple per hidden layer, got {n_layers}, {len(intercepts)} and {len(activations)}."
        )
    for i, coef in enumerate(coefs):
        n_out = coef.shape[1]
        if i and coef.shape[0] != coefs[i - 1].shape[1]:
            raise ValueError(
                f"`coefs[{i}]` must have as many rows as `coefs[{i - 1}]` has columns "
                f"({coefs[i - 1].shape[1]}), got {coef.shape[0]}."
            )
        if intercepts[i].shape != (n_out,):
            raise ValueError(
                f"`intercepts[{i}]` must have shape ({n_out},) as `coefs[{i}]` has {n_out} columns, "
                f"got {intercepts[i].shape}."
            )
        if i < n_layers - 1 and len(activations[i]) != n_out:
            raise ValueError(f"`activations[{i}]` must hold {n_out} names, one per neuron, got {len(activations[i])}.")

"""Write a network with fewer parameters and the same function: what identity neurons pass on can be folded away.

An identity neuron is a linear map between two linear maps. Its bias may move into the biases of the neurons that it
feeds, several of them may be rewritten together, and a layer that holds nothing else is no layer at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layers", "fold"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layers:
    """Weights and biases of each layer, and the activations of the hidden ones, as ``SparseMLP`` holds them."""

    coefs: tuple[Array, ...]
    intercepts: tuple[Array, ...]
    activations: tuple[tuple[str, ...], ...]

    @property
    def n_nonzero(self) -> int:
        """Non-zero weights and biases."""
        return sum(int(np.count_nonzero(part)) for part in chain(self.coefs, self.intercepts))

    @property
    def finite(self) -> bool:
        """Whether float64 holds all of them."""
        return all(bool(np.isfinite(part).all()) for part in chain(self.coefs, self.intercepts))

    def with_layer(
        self, layer: int, into: Array, bias: Array, names: Sequence[str], out: Array, next_bias: Array
    ) -> Layers:
        """Exchange one hidden layer: the weights into its neurons and out of them, and the biases of both sides."""
        coefs, intercepts = list(self.coefs), list(self.intercepts)
        coefs[layer : layer + 2], intercepts[layer : layer + 2] = [into, out], [bias, next_bias]
        activations = (*self.activations[:layer], tuple(names), *self.activations[layer + 1 :])
        return Layers(tuple(coefs), tuple(intercepts), activations)


def fold(layers: Layers) -> Layers:
    """Fold identity neurons of a network without dead neurons wherever that saves a weight or a bias.

    What would leave the range of float64 is not folded.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            before = layers.n_nonzero
            for layer in range(len(layers.activations)):
                layers = _fold_biases(layers, layer)
                for other in _with_fewer_neurons(layers, layer):
                    layers = _smaller(layers, _fold_biases(other, layer))
            for layer in reversed(range(len(layers.activations))):
                layers = _smaller(layers, _without_layer(layers, layer))
            if layers.n_nonzero == before:
                return layers


def _smaller(layers: Layers, other: Layers | None) -> Layers:
    return other if other is not None and other.finite and other.n_nonzero < layers.n_nonzero else layers


def _identities(layers: Layers, layer: int) -> NDArray[np.intp]:
    return np.flatnonzero([name == "identity" for name in layers.activations[layer]])


def _fold_biases(layers: Layers, layer: int) -> Layers:
    """Move biases of identity neurons on, if the neurons that they feed get fewer new biases than that saves.

    A set of biases is worth moving if it is larger than the set of targets that have none yet. Each bias looks for such
    a target of its own (a matching, by augmenting paths); one that finds none moves together with all those that it
    competes with. On to another identity neuron, a bias moves even if nothing is saved yet.
    """
    out = layers.coefs[layer + 1]
    own = [int(j) for j in _identities(layers, layer) if layers.intercepts[layer][j] != 0]
    new = layers.intercepts[layer + 1] == 0
    targets = {j: np.flatnonzero((out[j] != 0) & new).tolist() for j in own}
    holder: dict[int, int] = {}  # of each target: the bias that it would save room for

    def finds_target(j: int, seen: set[int]) -> bool:
        for target in targets[j]:
            if target not in seen:
                seen.add(target)
                if target not in holder or finds_target(holder[target], seen):
                    holder[target] = j
                    return True
        return False

    moved: set[int] = set()
    for j in own:
        seen: set[int] = set()
        if not finds_target(j, seen):
            moved |= {j, *(holder[target] for target in seen)}
    linear = set(_identities(layers, layer + 1)) if layer + 1 < len(layers.activations) else set()
    left = {target for j in own if j not in moved for target in targets[j]} - {t for j in moved for t in targets[j]}
    moved |= {j for j in own if set(targets[j]) & left <= linear and len(set(targets[j]) & left) == 1}
    if not moved:
        return layers
    share = np.zeros(len(out))
    share[list(moved)] = layers.intercepts[layer][list(moved)]
    other = layers.with_layer(
        layer,
        layers.coefs[layer],
        np.where(share != 0, 0.0, layers.intercepts[layer]),
        layers.activations[layer],
        out,
        layers.intercepts[layer + 1] + share @ out,
    )
    return other if other.finite else layers


def _with_fewer_neurons(layers: Layers, layer: int) -> Iterator[Layers]:
    """Rewrite groups of identity neurons with one neuron for each target, or one for each source."""
    linear = _identities(layers, layer)
    into, out = layers.coefs[layer][:, linear], layers.coefs[layer + 1][linear]
    groups = [linear]
    for connected in (into.T != 0, out != 0):  # neurons that see the same sources, or feed the same targets
        which = np.unique(connected, axis=0, return_inverse=True)[1].reshape(-1) if len(linear) else linear
        groups += [linear[which == number] for number in np.unique(which)]
    for group in groups:
        if len(group):
            yield _rewrite(layers, layer, group, by_target=True)
            yield _rewrite(layers, layer, group, by_target=False)


def _rewrite(layers: Layers, layer: int, group: NDArray[np.intp], by_target: bool) -> Layers:
    """Replace some identity neurons: by one that sums up for each target, or one that hands on each source."""
    into, out = layers.coefs[layer], layers.coefs[layer + 1]
    product = _product(into[:, group], out[group])
    if by_target:
        used = np.flatnonzero((product != 0).any(axis=0))
        new_into, new_out = product[:, used], np.eye(product.shape[1])[used]
    else:
        used = np.flatnonzero((product != 0).any(axis=1))
        new_into, new_out = np.eye(len(product))[:, used], product[used]
    rest = np.setdiff1d(np.arange(len(out)), group)
    names = [layers.activations[layer][j] for j in rest]
    bias = layers.intercepts[layer]
    next_bias = layers.intercepts[layer + 1] + bias[group] @ out[group]
    return layers.with_layer(
        layer,
        np.hstack([into[:, rest], new_into]),
        np.concatenate([bias[rest], np.zeros(len(used))]),
        [*names, *["identity"] * len(used)],
        np.vstack([out[rest], new_out]),
        next_bias,
    )


def _product(into: Array, out: Array) -> Array:
    """Weights of two layers in one; infinite, which is not folded, if a term may be too small for float64."""
    least = [np.min(np.abs(part), axis=axis, initial=np.inf, where=part != 0) for part, axis in ((into, 0), (out, 1))]
    if np.any(least[0] * least[1] < np.finfo(np.float64).tiny):
        return np.full((len(into), out.shape[1]), np.inf)
    return into @ out


def _without_layer(layers: Layers, layer: int) -> Layers | None:
    """Multiply the weights into and out of a layer of identity neurons; None if it has other ones."""
    if set(layers.activations[layer]) != {"identity"}:
        return None
    joint = _product(layers.coefs[layer], layers.coefs[layer + 1])
    bias = layers.intercepts[layer] @ layers.coefs[layer + 1] + layers.intercepts[layer + 1]
    return replace(
        layers,
        coefs=(*layers.coefs[:layer], joint, *layers.coefs[layer + 2 :]),
        intercepts=(*layers.intercepts[:layer], bias, *layers.intercepts[layer + 2 :]),
        activations=(*layers.activations[:layer], *layers.activations[layer + 1 :]),
    )

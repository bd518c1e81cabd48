"""Networks in plain NumPy, as slow and simple as can be, and random ones: what the compiled core is compared with."""

from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from sk_swat.refine import _core


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


# value and slope of each kind of activation
ACTIVATIONS = (
    (lambda z: z, np.ones_like),
    (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
    (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    (np.sin, np.cos),
    (lambda z: np.exp(-(z**2)), lambda z: -2 * z * np.exp(-(z**2))),
)


@dataclass
class PlainNetwork:
    """One network: sizes of its layers, values of all places, kinds of all neurons (-1 where there is none)."""

    sizes: list
    values: np.ndarray
    kinds: np.ndarray

    def layers(self, values):
        """First place of each layer, its weights (n_in, n_out) and its biases."""
        at = 0
        for n_in, n_out in pairwise(self.sizes):
            weights = values[at : at + n_in * n_out].reshape(n_in, n_out)
            yield at, weights, values[at + n_in * n_out : at + (n_in + 1) * n_out]
            at += (n_in + 1) * n_out

    def alive(self):
        """Which columns, neurons of each layer and outputs there are."""
        hidden = np.split(self.kinds >= 0, np.cumsum(self.sizes[1:-1])[:-1]) if len(self.sizes) > 2 else []
        return [np.ones(self.sizes[0], bool), *hidden, np.ones(self.sizes[-1], bool)]

    def places(self, free=None):
        """Which places move: those that are free (or not zero) and lead from what is there to what is there."""
        moves = self.values != 0 if free is None else np.asarray(free, bool)
        alive = self.alive()
        ends = np.zeros_like(moves)
        for (_, weights, biases), before, after in zip(self.layers(ends), alive, alive[1:], strict=False):
            weights[:] = before[:, None] & after
            biases[:] = after
        return np.flatnonzero(moves & ends)

    def outputs(self, X, values):
        """Outputs (n_outputs, n_rows), and value and slope of the neurons of each layer, (n_neurons, n_rows)."""
        h, hidden = X.T, []
        kinds = np.split(self.kinds, np.cumsum(self.sizes[1:-1]))
        for (_, weights, biases), kinds_here in zip(self.layers(values), kinds, strict=False):
            z = weights.T @ h + biases[:, None]
            if len(hidden) == len(self.sizes) - 2:
                return z, hidden
            h, slope = np.zeros_like(z), np.zeros_like(z)
            for j in np.flatnonzero(kinds_here >= 0):
                h[j], slope[j] = (function(z[j]) for function in ACTIVATIONS[kinds_here[j]])
            hidden.append((h, slope))

    def derivatives(self, X, values, places):
        """Derivatives of the outputs, (n_outputs, n_places, n_rows): each is carried forward from its layer."""
        _, hidden = self.outputs(X, values)
        layers = list(self.layers(values))
        result = np.zeros((self.sizes[-1], len(places), len(X)))
        for number, place in enumerate(places):
            layer = max(i for i, (at, _, _) in enumerate(layers) if at <= place)
            at, weights, _ = layers[layer]
            source, target = divmod(place - at, weights.shape[1])
            before = X.T if layer == 0 else hidden[layer - 1][0]
            d = np.zeros((weights.shape[1], len(X)))
            d[target] = 1.0 if source == len(weights) else before[source]
            for (_, slope), (_, following, _) in zip(hidden[layer:], layers[layer + 1 :], strict=False):
                d = following.T @ (slope * d)
            result[:, number] = d
        return result

    def moving(self, free=None):
        """Places that move, and the values with all others at zero."""
        places = self.places(free)
        values = np.zeros_like(self.values)
        values[places] = self.values[places]
        return places, values

    def equations(self, X, y, weight=None, free=None):
        """Gauss-Newton matrix, half the gradient, and the loss: all are means over rows and targets."""
        places, values = self.moving(free)
        weight = np.ones(len(X)) if weight is None else weight
        J = self.derivatives(X, values, places)
        residual = self.outputs(X, values)[0] - y
        n = weight.sum() * len(y)
        matrix = np.einsum("opr,oqr,r->pq", J, J, weight) / n
        return matrix, np.einsum("opr,or,r->p", J, residual, weight) / n, (weight * residual**2).sum() / n


def random_batch(sizes, n_networks=1, *, seed=0, missing=0.0, density=1.0):
    """Values and kinds of random networks; some neurons are missing, some parameters are zero."""
    rng = np.random.default_rng([seed, *sizes])
    values, kinds = [], []
    for _ in range(n_networks):
        parts = []
        for n_in, n_out in pairwise(sizes):
            parts += [rng.normal(size=n_in * n_out) / np.sqrt(n_in), 0.5 * rng.normal(size=n_out)]
        values.append(np.concatenate(parts))
        kinds.append(rng.integers(0, 6, size=sum(sizes[1:-1])))
    values, kinds = np.array(values), np.array(kinds, dtype=np.int32).reshape(n_networks, -1)
    values[rng.random(values.shape) > density] = 0.0
    kinds[rng.random(kinds.shape) < missing] = -1
    return values, kinds


def random_table(n_rows, n_columns, n_outputs=1, *, seed=0, weighted=False):
    """Columns (n_rows, n_columns), targets (n_outputs, n_rows) and weights of rows or None."""
    rng = np.random.default_rng([seed, n_rows, n_columns])
    X = rng.uniform(-2, 2, size=(n_rows, n_columns))
    mixed = X @ rng.normal(size=(n_columns, n_outputs)) / np.sqrt(n_columns)
    y = np.sin(mixed).T + 0.3 * mixed.T**2
    return X, y, rng.uniform(0.5, 3, size=n_rows) if weighted else None


def fit(sizes, values, kinds, rows, *, n_steps=10, ridge=1e-6, how=None, free=None):
    """Call the core's Levenberg-Marquardt with the same settings for all networks."""
    each = np.ones(len(values))
    how = _core.How() if how is None else how
    return _core.fit(sizes, values, kinds, rows, free, n_steps, ridge * each, 0.1 * each, how)


def prune(sizes, values, kinds, rows, *, smallest=1, share=0.12, criterion=None, how=None):
    """Call the core's pruning with the same settings for all networks."""
    ends = np.full(len(values), smallest)
    how = _core.How() if how is None else how
    return _core.prune(sizes, values, kinds, rows, ends, 2, share, True, True, criterion, how)


@pytest.fixture(scope="session")
def plain():
    """Plain networks, random ones, random tables, and calls of the core with defaults."""
    return SimpleNamespace(
        Network=PlainNetwork, batch=random_batch, table=random_table, activations=ACTIVATIONS, fit=fit, prune=prune
    )

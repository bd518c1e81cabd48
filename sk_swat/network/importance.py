"""How much of a network's variance goes through each input column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["variance_shares"]

_MOST_PAIRS, _FEWEST_PAIRS = 4096, 64
_PRODUCTS = 20_000_000  # of weights and inputs, a tenth of a second or two


def variance_shares(
    networks: Sequence[SparseMLP],
    X: np.ndarray,
    weight: np.ndarray | None = None,
    seed: int = 0,
    most_products: int = _PRODUCTS,
) -> list[np.ndarray]:
    """Share of each network's variance that goes through each column it uses: normalised total effects.

    The total effect of column j (Sobol's, by the formula of Jansen) is ``mean((f(x) - f(x'))**2) / 2``, where x' is the
    row x with the entry of column j taken from another row. Effects of one output are divided by their sum, and the
    mean over the outputs that vary is taken.

    Each array of shares is that of the network's `used_features`, with the sum 1; or only zeros if it does not vary on
    the rows, which `weight` counts. Pairs of rows are chosen by `seed`: 4096 of them, down to 64 where the products of
    weights and inputs would be more than `most_products`.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(1000, 3)) * [1.0, 10.0, 1.0]
    >>> (shares,) = variance_shares([SparseMLP([[[2.0], [0.1], [0.0]]], [[5.0]], [])], X)  # 2 x0 + 0.1 x1
    >>> shares.round(1)  # variances 4 and 1
    array([0.8, 0.2])
    """
    products = sum(len(network.used_features) * network.n_nonzero for network in networks)
    n_pairs = int(np.clip(most_products // max(1, products), _FEWEST_PAIRS, _MOST_PAIRS))
    chances = None if weight is None else weight / weight.sum()
    rows, others = np.random.default_rng([seed, 4]).choice(len(X), (2, n_pairs), p=chances)
    return [_shares(network, X, rows, others) for network in networks]


def _shares(network: SparseMLP, X: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    used = network.used_features
    if not len(used):
        return np.zeros(0)
    network = SparseMLP((network.coefs[0][used], *network.coefs[1:]), network.intercepts, network.activations)
    before, after = (X[np.ix_(index, used)] for index in (rows, others))
    y = network.predict(before)
    changes = np.empty((len(used), len(rows), network.n_outputs))
    for j in range(len(used)):
        changed = before.copy()
        changed[:, j] = after[:, j]
        with np.errstate(all="ignore"):
            changes[j] = np.nan_to_num(np.abs(network.predict(changed) - y)).reshape(len(rows), -1)
    largest = changes.max(axis=(0, 1))  # squares of the changes themselves may overflow
    varies = largest > 0
    if not varies.any():
        return np.zeros(len(used))
    effects = np.square(changes[..., varies] / largest[varies]).mean(axis=1)
    shares: np.ndarray = (effects / effects.sum(axis=0)).mean(axis=1)
    return shares

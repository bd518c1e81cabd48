"""How much each weight moves what it adds to: its size times the spread of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.network.activations import activate
from sk_swat.network.scaling import column_scales
from sk_swat.network.sparse_mlp import SparseMLP

WIDTHS = ("spread", "weight")
_N_DRAWN = 1024  # rows that stand for the fitted ones


def strengths(network: SparseMLP, widths: str = "spread", X: ArrayLike | None = None) -> list[np.ndarray]:
    """Size of each weight for pictures and tables: its absolute value, times the standard deviation of its input.

    Those of the last layer are in standard deviations of their output, so that no unit counts; with `widths` "weight"
    the standard deviations are left out.

    Standard deviations of the columns are those of the rows of X or, without X, those of the fit that the network keeps
    (`SparseMLP.fit_summary`). Those of neurons are of their outputs on these rows; without X, on 1024 rows that are
    drawn from independent normal columns with the means and standard deviations of the fit, always the same ones.
    Columns of a network without X and without a fit count as standardised (mean 0, standard deviation 1).

    Examples
    --------
    >>> network = SparseMLP([[[0.3], [-4.0]]], [[1.0]], [])
    >>> [strength.ravel() for strength in strengths(network, X=[[-10, 0], [10, 0], [-10, 2], [10, 2]])]
    [array([0.6, 0.8])]
    """
    if widths not in WIDTHS:
        raise ValueError(f"`widths` must be one of {', '.join(map(repr, WIDTHS))}, got {widths!r}.")
    absolute = list(map(np.abs, network.coefs))
    if widths == "weight":
        return absolute
    rows, spread = _drawn_rows(network) if X is None else _given_rows(network, X)
    sizes = [absolute[0] * spread[:, np.newaxis]]
    coef = network.coefs[0][network.used_features]
    for number, names in enumerate(network.activations):
        with np.errstate(all="ignore"):  # a large argument of exp is none of the reader's business
            total = rows @ coef + network.intercepts[number]
            rows = np.column_stack([activate(name, total[:, j]) for j, name in enumerate(names)])
        coef = network.coefs[number + 1]
        sizes.append(absolute[number + 1] * column_scales(rows)[1][:, np.newaxis])
    output_spread = column_scales(rows @ coef + network.intercepts[-1])[1]
    sizes[-1] = sizes[-1] / np.where(output_spread > 0, output_spread, 1.0)
    return [np.nan_to_num(size, posinf=np.finfo(np.float64).max) for size in sizes]


def _given_rows(network: SparseMLP, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the columns in use, and the standard deviations of all columns."""
    rows = np.asarray(X, dtype=np.float64)
    n_inputs = network.n_features_in
    if rows.ndim != 2 or rows.shape[1] != n_inputs or not len(rows) or not np.isfinite(rows).all():
        raise ValueError(f"`X` must hold rows of {n_inputs} finite number(s), got an array of shape {rows.shape}.")
    return rows[:, network.used_features], column_scales(rows)[1]


def _drawn_rows(network: SparseMLP) -> tuple[np.ndarray, np.ndarray]:
    """Give the same for rows that are drawn as the fit's means and standard deviations say."""
    summary, used = network.fit_summary, network.used_features
    mean, spread = np.zeros(network.n_features_in), np.ones(network.n_features_in)
    if summary is not None:
        mean, spread = np.array(summary.mean), np.array(summary.spread)
    drawn = np.random.default_rng(0).standard_normal((_N_DRAWN, len(used)))
    return mean[used] + spread[used] * drawn, spread

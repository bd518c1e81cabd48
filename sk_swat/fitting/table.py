"""What a fit knows of its rows: which of them count, how often, their units, and which are held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight

from sk_swat.fitting.limits import RowLimits
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.sparse_mlp import SparseMLP

if TYPE_CHECKING:  # torch is imported by the first search
    import torch

    from sk_swat.refine.losses import Loss
    from sk_swat.refine.rows import Rows

__all__ = ["Table", "count_rows"]

_LEAST_SHARE = 1e-20  # of the largest weight: rows with less count for nothing
_MOST_COUNTED = 1e15


def _no_rows() -> np.ndarray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Table:
    """Rows of a fit in raw units; made by :meth:`of`.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Inputs.
    y : ndarray of shape (n_targets, n_rows)
        Targets.
    weight : ndarray of shape (n_rows,) or None
        How often each row counts; None stands for once.
    scaling : Standardisation
        Units of the search.
    fitted, held : ndarray of int
        Rows that are fitted and rows by which networks are judged, both in random order; see :meth:`split`.
    loss : Loss, default=None
        What a fit minimises; None stands for the squared error.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    scaling: Standardisation
    fitted: np.ndarray = field(default_factory=_no_rows)
    held: np.ndarray = field(default_factory=_no_rows)
    loss: Loss | None = None

    @classmethod
    def of(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: ArrayLike | None = None,
        most_merged: int = RowLimits.merged,
    ) -> Table:
        """Count rows (see :func:`count_rows`), and find their units."""
        X, y, weight = count_rows(X, y, sample_weight, most_merged)
        scaling = Standardisation.of(X, y, weight).check()
        return cls(X, np.atleast_2d(y.T), weight, scaling)

    @property
    def raw_y(self) -> np.ndarray:
        """Targets as scikit-learn has them, of shape (n_rows,) or (n_rows, n_targets)."""
        return self.y[0] if len(self.y) == 1 else self.y.T

    @property
    def varies(self) -> np.ndarray:
        """Which targets vary, of shape (n_targets,)."""
        return np.atleast_1d(self.scaling.y_scale) > 0

    @property
    def is_constant(self) -> bool:
        """Whether no target, or no column, varies: there is nothing to search."""
        return not self.varies.any() or not len(self.scaling.varying)

    @property
    def means(self) -> np.ndarray:
        """Mean of every target, of shape (n_targets,)."""
        return column_scales(self.y.T, self.weight)[0]

    def varying(self) -> Table:
        """Give the same rows without the targets that do not vary; see :meth:`with_constants`."""
        if self.varies.all():
            return self
        left = self.y.T[:, self.varies]
        left = left[:, 0] if left.shape[1] == 1 else left
        return replace(self, y=np.atleast_2d(left.T), scaling=Standardisation.of(self.X, left, self.weight))

    def with_constants(self, path: Path) -> Path:
        """Add the targets that do not vary, as biases, to networks of the others."""
        if self.varies.all():
            return path
        varies, means = self.varies, self.means

        def complete(network: SparseMLP) -> SparseMLP:
            coef = np.zeros((len(network.coefs[-1]), len(varies)))
            coef[:, varies] = network.coefs[-1]
            intercept = np.where(varies, 0.0, means)
            intercept[varies] = network.intercepts[-1]
            coefs, intercepts = [*network.coefs[:-1], coef], [*network.intercepts[:-1], intercept]
            return SparseMLP(coefs, intercepts, network.activations, network.feature_names)

        return path.with_networks([complete(network) for network in path.networks])

    def split(self, share: float | None, seed: int) -> Table:
        """Put the rows into random order, and hold a share of them out; None holds out none."""
        n_rows = len(self.X)
        n_held = 0 if share is None else math.ceil(share * n_rows)
        if n_held >= n_rows:
            raise ValueError(
                f"early_stopping needs at least one row besides the held-out ones, got {n_rows} rows and "
                f"validation_fraction={share:g}; set early_stopping=False or a smaller fraction."
            )
        order = np.random.default_rng([seed, 0]).permutation(n_rows)
        return replace(self, fitted=order[n_held:], held=order[:n_held])

    def rows(self, index: np.ndarray, dtype: torch.dtype, columns: np.ndarray | None = None) -> Rows:
        """Give some rows, standardised, as tensors, with all columns or some."""
        import torch

        from sk_swat.refine.losses import SquaredError
        from sk_swat.refine.rows import Rows

        if columns is None:
            part, scaling = self.X[index], self.scaling
        else:
            # column after column, as the sums of a fit are rounded, and without a copy of whole rows
            part, scaling = self.X.T[np.ix_(columns, index)].T, self.scaling.of_columns(columns)
        target = scaling.target(self.raw_y[index])
        weight = None if self.weight is None else torch.tensor(self.weight[index], dtype=dtype)
        inputs = torch.tensor(scaling.inputs(part), dtype=dtype)
        return Rows(inputs, torch.tensor(target.T, dtype=dtype), weight, self.loss or SquaredError())


def count_rows(
    X: np.ndarray, y: np.ndarray, sample_weight: ArrayLike | None, most_merged: int = RowLimits.merged
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give the rows that count, and how much each of them does.

    Rows of weight zero, or below 1e-20 of the largest one, are left out. If rows differ in weight, or some are equal,
    equal ones become one with the sum of their weights, and all are sorted: a fit then cannot tell a weight of two from
    a row that comes twice. Weights with a sum below the number of rows are scaled up to it, since a fit trusts rows
    according to their number.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Targets.
    sample_weight : array-like of shape (n_samples,) or None
        Weights, at least 0, not all 0 and with a sum below 1e15.
    most_merged : int, default=20_000
        Longest table in which equal rows are looked for.

    Returns
    -------
    X, y : ndarray
        The same arrays where all rows count once, otherwise new ones.
    weight : ndarray of shape (n_rows,) or None
        Weights, with a sum of at least n_rows; None where all rows count once.
    """
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError(f"sample_weight must be above zero for at least one row, got {len(weight)} zeros.")
        kept = weight > _LEAST_SHARE * weight.max()
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
        if (weight == weight[0]).all() and weight[0] <= 1:
            weight = None
        else:
            if weight.max() < 1:
                weight = weight / weight.max()
            weight = weight * max(1.0, len(weight) / weight.sum())
            if not weight.sum() < _MOST_COUNTED:
                raise ValueError(
                    f"sample_weight must have a sum below {_MOST_COUNTED:g}, got {weight.sum():g}; divide it by some "
                    "number."
                )
    if len(X) > most_merged or (weight is None and not _some_equal(X, y)):
        return X, y, weight
    first, which = np.unique(np.column_stack([X, y]), axis=0, return_index=True, return_inverse=True)[1:]
    total = np.bincount(which.reshape(-1), weights=weight).astype(np.float64)
    return X[first], y[first], total


def _some_equal(X: np.ndarray, y: np.ndarray) -> bool:
    """Say whether any two rows may be equal, without a copy of the table."""
    return len({hash((row.tobytes(), target.tobytes())) for row, target in zip(X, y, strict=True)}) < len(X)

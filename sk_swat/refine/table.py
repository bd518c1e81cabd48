"""What a fit knows of its rows: inputs, targets, how often each row counts, its loss, and which rows are held out.

A fit begins with a table in raw units, in arrays (:meth:`Table.of`). Once it is split, the rows that the fit looks at
are standardised (:meth:`Table.standardise`), and each stage takes its share of them as tensors (:meth:`Table.tensors`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.counting import count_rows
from sk_swat.refine.losses import Loss, SquaredError

if TYPE_CHECKING:  # torch is imported by the first search
    import torch

    from sk_swat.network.softnet import SoftNetworks

__all__ = ["Table", "weighted_mean"]


def weighted_mean(values: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean over the last dimension, with weights of shape (n_rows,), or (n_networks, n_rows) for 3-D values."""
    if weight is None:
        return values.mean(-1)
    share = weight / weight.sum(-1, keepdim=True)
    return values @ share if share.ndim == 1 else (values @ share[:, :, None]).squeeze(2)


@dataclass(frozen=True)
class Table:
    """Rows, in raw units or in those of the search, in arrays or in tensors.

    Parameters
    ----------
    X : ndarray or Tensor of shape (n_rows, n_columns) or (n_networks, n_rows, n_columns)
        Inputs, shared by all networks or one set for each.
    y : ndarray or Tensor of shape (n_targets, n_rows) or (n_networks, n_targets, n_rows)
        Targets, at least one, shared by all networks or a set for each. Shape (n_rows,) becomes (1, n_rows).
    weight : ndarray or Tensor of shape (n_rows,), default=None
        How often each row counts, in the type of y. None stands for once; with weights of one, results are the same up
        to rounding.
    loss : Loss, default=SquaredError()
        Loss of each residual.
    scaling : Standardisation, default=None
        How raw units become those of the search, and which columns vary. None: all vary, and nobody asks for raw units.
    held : Table, default=None
        Held-out rows, in the same units, by which networks are judged. None without early stopping.
    chance : Tensor of shape (n_columns,), default=None
        With which starts choose each column; None takes :func:`sk_swat.refine.columns.column_chance`, anew for each
        draw.
    """

    X: Any
    y: Any
    weight: Any = None
    loss: Loss = field(default_factory=SquaredError)
    scaling: Standardisation | None = None
    held: Table | None = None
    chance: Any = None

    def __post_init__(self) -> None:
        if self.y.ndim == 1:
            object.__setattr__(self, "y", self.y[None])

    def __len__(self) -> int:
        return int(self.y.shape[-1])

    def __getitem__(self, index: Any) -> Table:
        """Take some of the rows, by a slice, a mask or indices, without held-out ones."""
        weight = None if self.weight is None else self.weight[index]
        return replace(self, X=self.X[..., index, :], y=self.y[..., index], weight=weight, held=None)

    # --- in raw units

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, sample_weight: ArrayLike | None = None, most_merged: int = 0) -> Table:
        """Count rows (see :func:`sk_swat.refine.counting.count_rows`), and find the units of the search.

        Targets have shape (n_samples,) or (n_samples, n_targets), as in scikit-learn.
        """
        X, y, weight = count_rows(X, y, sample_weight, most_merged)
        return cls(X, y.T, weight, scaling=Standardisation.of(X, y, weight).check())

    @property
    def units(self) -> Standardisation:
        """Its scaling, which the table of a fit has."""
        assert self.scaling is not None
        return self.scaling

    @property
    def raw_y(self) -> np.ndarray:
        """Targets as scikit-learn has them, of shape (n_rows,) or (n_rows, n_targets)."""
        return self.y[0] if len(self.y) == 1 else self.y.T

    @property
    def varies(self) -> np.ndarray:
        """Which targets vary, of shape (n_targets,)."""
        return np.atleast_1d(self.units.y_scale) > 0

    @property
    def is_constant(self) -> bool:
        """Whether no target, or no column, varies: there is nothing to search."""
        return not self.varies.any() or not len(self.units.varying)

    @property
    def means(self) -> np.ndarray:
        """Mean of every target, of shape (n_targets,)."""
        return column_scales(self.y.T, self.weight)[0]

    def without_constants(self) -> Table:
        """Give the same rows without the targets that do not vary; see :meth:`with_constants`."""
        if self.varies.all():
            return self
        left = self.y.T[:, self.varies]
        left = left[:, 0] if left.shape[1] == 1 else left
        return replace(self, y=left.T, scaling=Standardisation.of(self.X, left, self.weight))

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

    def split(self, share: float | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Give indices of the rows to fit, and of a share that is held out, in random order; None holds out none."""
        n_held = 0 if share is None else math.ceil(share * len(self))
        if n_held >= len(self):
            raise ValueError(
                f"early_stopping needs at least one row besides the held-out ones, got {len(self)} rows and "
                f"validation_fraction={share:g}; set early_stopping=False or a smaller fraction."
            )
        order = np.random.default_rng([seed, 0]).permutation(len(self))
        return order[n_held:], order[:n_held]

    def standardise(self, fitted: np.ndarray | slice = slice(None), held: np.ndarray | slice = slice(0)) -> Table:
        """Give rows in the units of the search, in this order: some to fit, and held-out ones if there are any."""
        X, y = self.units.inputs(self.X[fitted]), self.units.target(self.raw_y[fitted])
        weight = None if self.weight is None else self.weight[fitted]
        apart = self.standardise(held) if len(self.y[0, held]) else None
        return replace(self, X=X, y=y.T, weight=weight, held=apart)

    # --- in the units of the search

    @property
    def columns(self) -> np.ndarray:
        """Indices of the columns that vary."""
        return np.arange(self.X.shape[-1]) if self.scaling is None else self.scaling.varying

    @property
    def n_held(self) -> int:
        """Number of held-out rows."""
        return 0 if self.held is None else len(self.held)

    def first(self, n_rows: int) -> Table:
        """Give the first rows, and as many of the held-out ones."""
        return replace(self[:n_rows], held=None if self.held is None else self.held[:n_rows])

    def part(self, n_fitted: int, n_held: int, columns: np.ndarray) -> Table:
        """Give some rows, then held-out ones, with some of the columns: arrays, column after column.

        The sums of a fit are rounded in that order.
        """
        parts = [self[:n_fitted], *([] if self.held is None else [self.held[:n_held]])]
        X = np.concatenate([np.take(part.X.T, columns, axis=0) for part in parts], axis=1).T
        y = np.concatenate([part.y for part in parts], axis=1)
        weight = None if self.weight is None else np.concatenate([part.weight for part in parts])
        return Table(X, y, weight, self.loss)

    def tensors(self, dtype: torch.dtype) -> Table:
        """Copy arrays into tensors: these take nothing of other rows along when they are sent to other processes."""
        import torch

        X, y = (torch.tensor(part, dtype=dtype) for part in (self.X, self.y))
        weight = None if self.weight is None else torch.tensor(self.weight, dtype=dtype)
        return replace(self, X=X, y=y, weight=weight, held=None if self.held is None else self.held.tensors(dtype))

    def to(self, kind: torch.dtype | torch.device | str) -> Table:
        """Copy tensors into another type, or to another device."""
        parts = {name: getattr(self, name) for name in ("X", "y", "weight", "held", "chance")}
        return replace(self, **{name: part.to(kind) for name, part in parts.items() if part is not None})

    def of_networks(self, index: torch.Tensor | slice) -> Table:
        """Rows for some of the networks, where each has inputs or targets of its own."""
        X, y = (shared if shared.ndim == 2 else shared[index] for shared in (self.X, self.y))
        return replace(self, X=X, y=y)

    @property
    def n_targets(self) -> int:
        """Number of targets: outputs of the networks."""
        return int(self.y.shape[-2])

    @property
    def count(self) -> float:
        """Number of rows, each counted as often as its weight says."""
        return float(len(self)) if self.weight is None else float(self.weight.double().sum())

    @property
    def n_observations(self) -> float:
        """Number of residuals that a fit has: each counted row gives one for each target."""
        return self.count * self.n_targets

    @property
    def constant_loss(self) -> float:
        """Mean loss of the best constants; for squared error the variance of the targets."""
        return self.loss.of_constant(self)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the rows, which are the last dimension of the values."""
        return weighted_mean(values, self.weight)

    def losses(self, networks: SoftNetworks) -> torch.Tensor:
        """Loss of each row, the mean over the targets, of shape (n_networks, n_rows)."""
        output = networks.forward(self.X).reshape(len(networks), self.n_targets, len(self))
        return self.loss.value(output - self.y).mean(1)

    def error(self, networks: SoftNetworks) -> torch.Tensor:
        """Mean loss of each network, of shape (n_networks,)."""
        return self.mean(self.losses(networks))

    def one_after_the_other(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Targets, of shape (..., n_targets * n_rows), and weights: of the first target, the second, and so on."""
        return self.y.flatten(-2), None if self.weight is None else self.weight.repeat(self.n_targets)

"""Losses: what a fit minimises. The best constant, readouts and Gauss-Newton steps follow from three functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # tables hold their loss, and are made before torch is imported
    import torch

    from sk_swat.refine.table import Table

__all__ = ["Loss", "SquaredError"]

_REWEIGHTED = 50  # rounds in which a constant is fitted


class Loss(ABC):
    """What a fit minimises: the mean, over rows and targets, of a function of the residual (output less target).

    Targets of a search have variance 1, and prices are prices in R^2. So the function should be about 0 at 0 and 1 at
    -1 and 1: then an error as large as the target's standard deviation costs as much as with squared error.

    Attributes
    ----------
    quadratic : bool
        Whether a readout is solved by one ridge regression; otherwise it is reweighted.
    """

    quadratic = False

    @abstractmethod
    def value(self, residual: torch.Tensor) -> torch.Tensor:
        """Loss of each residual, of the same shape; at least 0, and differentiable by torch."""

    @abstractmethod
    def gradient(self, residual: torch.Tensor) -> torch.Tensor:
        """Differentiate the value."""

    @abstractmethod
    def curvature(self, residual: torch.Tensor) -> torch.Tensor:
        """Curvature that steps use, above 0 everywhere: the second derivative, or more where that is small.

        ``gradient / residual``, with its limit at 0, suits a loss that grows more slowly than a square: a step can then
        never be too long.
        """

    def as_least_squares(
        self, residual: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Residuals and weights of rows with which weighted squares have this loss's gradient and curvature."""
        curvature = self.curvature(residual)
        half = 0.5 * curvature
        return self.gradient(residual) / curvature, half if weight is None else half * weight

    def compiled(self) -> Callable[[np.ndarray], tuple[np.ndarray, ...]] | None:
        """Give what the compiled core calls for value, gradient and curvature; None if it has the loss."""
        import torch

        def evaluate(residual: np.ndarray) -> tuple[np.ndarray, ...]:
            given = torch.from_numpy(residual)
            return tuple(part(given).numpy() for part in (self.value, self.gradient, self.curvature))

        return evaluate

    def constant(self, rows: Table) -> torch.Tensor:
        """Output that suits each target best if it is the same for all rows, of shape (n_targets,)."""
        best = rows.mean(rows.y)
        for _ in range(_REWEIGHTED):
            residual = best[:, None] - rows.y
            best = best - rows.mean(self.gradient(residual)) / rows.mean(self.curvature(residual))
        return best

    def of_constant(self, rows: Table) -> float:
        """Mean loss of the best constant."""
        return float(rows.mean(self.value(self.constant(rows)[:, None] - rows.y)).mean())

    def unit(self, rows: Table) -> float:
        """Mean loss on other rows of the same table that counts as a score of 0."""
        return self.of_constant(rows)

    def score(self, loss: float, rows: Table) -> float:
        """Share of the best constant's mean loss that is gone (R^2 for squared error); 0 if that loses nothing."""
        constant = self.of_constant(rows)
        return 1 - loss / constant if constant > 0 else 0.0


class SquaredError(Loss):
    """The square of the residual; its score is R^2."""

    quadratic = True

    def value(self, residual: torch.Tensor) -> torch.Tensor:
        """Square it."""
        return residual.square()

    def gradient(self, residual: torch.Tensor) -> torch.Tensor:
        """Twice the residual."""
        return 2 * residual

    def curvature(self, residual: torch.Tensor) -> torch.Tensor:
        """Two, everywhere."""
        return residual.new_full(residual.shape, 2.0)

    def compiled(self) -> None:
        """None: the core has it."""

    def as_least_squares(
        self, residual: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give back what came."""
        return residual, weight

    def constant(self, rows: Table) -> torch.Tensor:
        """Mean of each target."""
        return rows.mean(rows.y.squeeze(0)).reshape(-1)

    def of_constant(self, rows: Table) -> float:
        """Variance, the mean over the targets."""
        y = rows.y.squeeze(0)  # sums of one target are rounded in another order than those of several
        if rows.weight is None and y.ndim == 1:
            return float(y.var(correction=0))
        return float(rows.mean((y - rows.mean(y)[..., None]).square()).mean())

    def unit(self, rows: Table) -> float:
        """Variance of a target on the whole table, of which these rows may be a few."""
        return 1.0

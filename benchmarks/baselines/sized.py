"""Base of the regressors that train one small network for each of several sizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_swat.network import SparseMLP
from sk_swat.parameters import check_integer, drawn_seed
from sk_swat.scaling import Standardisation

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits

__all__ = ["SizedRegressor", "check_listed", "check_sizes"]


class SizedRegressor(ABC, RegressorMixin, BaseEstimator):
    """Regressor whose fit trains a network for each of `sizes`; subclasses say how.

    Parameters
    ----------
    sizes : sequence of int
        Most non-zero weights and biases of each network, counted in the units of X and y; each at least 1.
    random_state : int, RandomState instance or None
        Source of all random choices; an integer makes fits repeatable.

    Attributes
    ----------
    network_ : SparseMLP
        The chosen network, in the units of X and y; after `fit` the largest.
    networks_ : list of SparseMLP
        One for each size, small to large. Where a smaller one fits the rows better, it stands for the larger too.
    n_nonzero_ : int
        Non-zero weights and biases of the chosen network.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.
    """

    sizes: Sequence[int]
    random_state: Any

    def fit(self, X: ArrayLike, y: ArrayLike) -> SizedRegressor:
        """Train the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in any units; finite.
        y : array-like of shape (n_samples,)
            Target, in any units; finite.

        Returns
        -------
        self : SizedRegressor
            The fitted regressor; its network is the largest.
        """
        sizes = check_sizes(self.sizes)
        self._check_parameters()
        seed = drawn_seed(self.random_state)
        table, target = validate_data(self, X, y, dtype=np.float64, order="C", y_numeric=True)
        target = np.ascontiguousarray(target, dtype=np.float64)
        scaling = Standardisation.checked(table, target)
        if scaling.y_scale == 0 or not len(scaling.varying):
            constant = SparseMLP.constant(table.shape[1], scaling.y_offset)
            networks = [constant] * len(sizes)
        else:
            networks = self._trained(table, target, scaling, sizes, seed)
        names = getattr(self, "feature_names_in_", None)
        self.networks_ = [network.with_names(names) for network in networks]
        return self.select()

    def _trained(
        self, X: np.ndarray, y: np.ndarray, scaling: Standardisation, sizes: tuple[int, ...], seed: int
    ) -> list[SparseMLP]:
        import torch

        from benchmarks.baselines.masked_mlp import mean_squared_error
        from benchmarks.baselines.raw_units import RawUnits
        from sk_swat.search.run import one_torch_thread
        from sk_swat.torch_state import usual_torch

        units = RawUnits(scaling)
        with usual_torch(), one_torch_thread():
            rows = units.inputs(X), units.target(y)
            modules = self._modules(*rows, units, sizes, torch.Generator().manual_seed(seed))
            networks: list[SparseMLP] = []
            least = np.inf
            for module in modules:
                error = mean_squared_error(module, *rows)
                networks.append(units.network(module) if error < least or not networks else networks[-1])
                least = min(least, error)
        return networks

    @abstractmethod
    def _modules(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        units: RawUnits,
        sizes: tuple[int, ...],
        generator: torch.Generator,
    ) -> list[MaskedMLP]:
        """Train one module for each size, small to large, on standardised rows."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise ValueError or TypeError unless the parameters are valid."""

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Run the chosen network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in the units of fit.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Float64 predictions, in the units of the target.
        """
        check_is_fitted(self, "network_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.network_.predict(X)

    def select(
        self, *, max_nonzero: int | None = None, sparsity: float | None = None, compactness: float | None = None
    ) -> SizedRegressor:
        """Switch to the largest network of at most a given size.

        Parameters
        ----------
        max_nonzero : int, default=None
            Largest number of non-zero weights and biases, at least 1; None sets no limit.
        sparsity, compactness : float, default=None
            Not read: the networks are trained for sizes, not chosen by prices. They are here so that a call for
            ``SWATRegressor.select`` works as well.

        Returns
        -------
        self : SizedRegressor
            The regressor; its parameters stay.
        """
        check_is_fitted(self, "networks_")
        fitting = self.networks_
        if max_nonzero is not None:
            limit = check_integer("max_nonzero", max_nonzero, 1)
            fitting = [network for network in fitting if network.n_nonzero <= limit]
            if not fitting:
                smallest = min(network.n_nonzero for network in self.networks_)
                raise ValueError(
                    f"max_nonzero must be at least {smallest}, the size of the smallest network, got {max_nonzero}."
                )
        self.network_ = fitting[-1]
        self.n_nonzero_ = self.network_.n_nonzero
        return self


def check_listed(name: str, values: Any, wanted: str) -> tuple[Any, ...]:
    """Return the values as a tuple; TypeError unless they can be listed, ValueError if there are none."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence of {wanted}, got {values!r}.")
    listed = tuple(values)
    if not listed:
        raise ValueError(f"{name} must hold {wanted}, got none.")
    return listed


def check_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the sizes in rising order, each once; TypeError or ValueError unless all are integers of at least 1.

    Examples
    --------
    >>> check_sizes([30, 15, 30])
    (15, 30)
    """
    wanted = "sizes must hold integers of at least 1"
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(f"{wanted}, got {sizes!r}.")
    values = tuple(sizes)
    if not values or any(isinstance(v, bool) or not isinstance(v, Integral) or v < 1 for v in values):
        raise ValueError(f"{wanted}, got {sizes!r}.")
    return tuple(sorted({int(value) for value in values}))

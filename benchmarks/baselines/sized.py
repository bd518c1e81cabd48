"""Base of the regressors that train one small network for each of several sizes."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_swat.network.scaling import Standardisation
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_integer, check_number, draw_seed

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits

    StandardRows = tuple[torch.Tensor, torch.Tensor]  # inputs (n_rows, n_inputs) and targets (n_rows, 1)

__all__ = ["BestBySize", "SizedRegressor", "check_listed", "check_prices", "check_sizes"]


class SizedRegressor(ABC, RegressorMixin, BaseEstimator):
    """Regressor whose fit trains a network for each of `sizes`; subclasses say how.

    `sizes` are the most non-zero weights and biases of each network, counted in the units of X and y; each at least 1.
    `random_state` is the source of all random choices; an integer makes fits repeatable. After fit, `networks_` holds
    a network for each size, small to large; where a smaller one fits the rows better, it stands for the larger too.
    `network_` is the chosen one, at first the largest.
    """

    sizes: Sequence[int]
    random_state: Any

    def fit(self, X: ArrayLike, y: ArrayLike) -> SizedRegressor:
        """Train the networks on finite X of shape (n_samples, n_features) and y of shape (n_samples,)."""
        sizes = check_sizes(self.sizes)
        self._check_parameters()
        seed = draw_seed(self.random_state)
        table, target = validate_data(self, X, y, dtype=np.float64, order="C", y_numeric=True)
        target = np.ascontiguousarray(target, dtype=np.float64)
        scaling = Standardisation.of(table, target).check()
        if scaling.y_scale == 0 or not len(scaling.varying):
            constant = SparseMLP.constant(table.shape[1], scaling.y_offset)
            networks = [constant] * len(sizes)
        else:
            networks = self._train(table, target, scaling, sizes, seed)
        names = getattr(self, "feature_names_in_", None)
        self.networks_ = [network.with_names(names) for network in networks]
        return self.select()

    def _train(
        self, X: np.ndarray, y: np.ndarray, scaling: Standardisation, sizes: tuple[int, ...], seed: int
    ) -> list[SparseMLP]:
        import torch

        from benchmarks.baselines.masked_mlp import mean_squared_error
        from benchmarks.baselines.raw_units import RawUnits
        from sk_swat.latent.run import one_torch_thread
        from sk_swat.utils.torch_state import usual_torch

        units = RawUnits(scaling)
        with usual_torch(), one_torch_thread():
            rows = units.inputs(X), units.target(y)
            networks: list[SparseMLP] = []
            least = np.inf
            for module in self._modules(rows, units, sizes, torch.Generator().manual_seed(seed)):
                error = mean_squared_error(module, *rows)
                networks.append(units.network(module) if error < least or not networks else networks[-1])
                least = min(least, error)
        return networks

    @abstractmethod
    def _modules(
        self, rows: StandardRows, units: RawUnits, sizes: tuple[int, ...], generator: torch.Generator
    ) -> list[MaskedMLP]:
        """Train one module for each size, small to large."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise ValueError or TypeError unless the parameters are valid."""

    def predict(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self, "network_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.network_.predict(X)

    def select(
        self, *, max_nonzero: int | None = None, sparsity: float | None = None, compactness: float | None = None
    ) -> SizedRegressor:
        """Switch to the largest network of at most a given size; None sets no limit.

        Prices are not read: the networks are trained for sizes. They are here so that a call for
        ``SWATRegressor.select`` works as well.
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


class BestBySize:
    """The module of each size that fits the rows best, of those offered."""

    def __init__(self, rows: StandardRows) -> None:
        self.rows = rows
        self.errors: dict[int, float] = {}
        self.modules: dict[int, MaskedMLP] = {}

    def offer(self, size: int, module: MaskedMLP) -> None:
        """Keep a copy of a module if it is the best of its size."""
        from benchmarks.baselines.masked_mlp import mean_squared_error

        error = mean_squared_error(module, *self.rows)
        if size not in self.modules or error < self.errors[size]:
            self.errors[size], self.modules[size] = error, copy.deepcopy(module)


def check_prices(prices: Any) -> None:
    """Raise unless they are a sequence of numbers of at least 0, one at least."""
    for price in check_listed("l2", prices, "numbers of at least 0"):
        check_number("l2", price, 0)


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
    values = check_listed("sizes", sizes, "integers of at least 1")
    return tuple(sorted({check_integer("sizes", value, 1) for value in values}))

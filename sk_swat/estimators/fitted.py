"""What a fitted regressor keeps: a path of networks, and the one of them that predicts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sk_swat.network.importance import variance_shares
from sk_swat.network.path import Path
from sk_swat.network.rounding import summarise
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.network.text import formula_text
from sk_swat.refine.table import Table
from sk_swat.utils.labels import short_repr
from sk_swat.utils.numeric import validate_numbers
from sk_swat.utils.parameters import check_choice, check_integer, check_number
from sk_swat.utils.pickling import add_version, read_state

if TYPE_CHECKING:  # imported when a table is asked for
    import pandas as pd

__all__ = ["PathMixin", "undo_on_error"]

_ROUNDED_ROWS, _ROUNDED_ROWS_IN_TIME = 20_000, 1000  # on which losses of rounding are measured, without limit and with
_FITTED = ("network_", "n_features_in_", "_path", "_row", "_prices", "_shares")  # what the methods below read


class PathMixin:
    """Prediction, choice among the networks of a path, and the attributes that describe the chosen one.

    For estimators with the parameters `sparsity`, `compactness` and `max_nonzero`, and perhaps `one_standard_error`.
    """

    _path: Path
    _shares: list[np.ndarray]
    _row: int
    _prices: tuple[float, float]
    network_: SparseMLP
    n_features_in_: int
    time_limit: float | None

    def predict(self, X: ArrayLike, *, index: int | None = None) -> np.ndarray:
        """Run the chosen network, or another one of the path.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in the units of fit.
        index : int, default=None
            Row of `path_`, as for `select`; None takes the chosen network.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Float64 predictions, in the units of the target. Not finite where a sum is too large for float64.
        """
        check_is_fitted(self, "network_")
        if not self._plainly_valid(X):
            X = validate_numbers(self, X, dtype=[np.float64, np.float32], reset=False)
        return (self.network_ if index is None else self._path.networks[self._path.row(index)]).predict(X)

    def select(
        self,
        *,
        index: int | None = None,
        max_nonzero: int | None = None,
        min_r2: float | None = None,
        sparsity: float | None = None,
        compactness: float | None = None,
    ) -> Any:
        """Switch to another network of the path: a row of `path_`, or what `fit` would have chosen with these settings.

        `network_`, `path_` and what describes the network follow; the records of the search stay those of the fit.

        Parameters
        ----------
        index : int, default=None
            Row of `path_`, from 0 (the smallest network); negative ones count from the largest network. It comes alone.
        max_nonzero : int, default=None
            Largest number of non-zero parameters, at least 1; None takes that of the estimator.
        min_r2 : float, default=None
            Take the smallest network whose validation R^2 reaches this value.
        sparsity, compactness : float, default=None
            Prices of a parameter and of a neuron, at least 0; None takes those of the estimator.

        Returns
        -------
        self : estimator
            The regressor; its parameters stay.
        """
        check_is_fitted(self, "network_")
        conditions = {"max_nonzero": max_nonzero, "min_r2": min_r2, "sparsity": sparsity, "compactness": compactness}
        given = [f"{name}={short_repr(value)}" for name, value in conditions.items() if value is not None]
        if index is not None and given:
            raise ValueError(
                f"index must come without other conditions, got index={short_repr(index)}, {', '.join(given)}."
            )
        least = None if min_r2 is None else check_number("min_r2", min_r2, -math.inf)
        own: Any = self
        limit = own.max_nonzero if max_nonzero is None else max_nonzero
        limit = None if limit is None else check_integer("max_nonzero", limit, 1)
        prices = (
            check_number("sparsity", own.sparsity if sparsity is None else sparsity, 0),
            check_number("compactness", own.compactness if compactness is None else compactness, 0),
        )
        careful = bool(check_choice("one_standard_error", getattr(own, "one_standard_error", False), (True, False)))
        if index is None:
            chosen = self._path.choose(*prices, max_nonzero=limit, min_r2=least, one_standard_error=careful)
        else:
            chosen = self._path.row(index)
        with undo_on_error(self):
            self._keep_row(chosen, prices)
        return self

    @property
    def path_(self) -> pd.DataFrame:
        """Networks of the path: a DataFrame of one row each, by size."""
        check_is_fitted(self, "network_")
        return self._path.frame(*self._prices, self._row, equation=self._equations())

    @property
    def networks_(self) -> list[SparseMLP]:
        """Networks of the path, in the order of `path_`."""
        check_is_fitted(self, "network_")
        return [self._with_names(network) for network in self._path.networks]

    @property
    def feature_importances_(self) -> np.ndarray:
        """Share of the network's variance that goes through each column; see the class."""
        check_is_fitted(self, "network_")
        shares = np.zeros(self.n_features_in_)
        shares[self.network_.used_features] = self._shares[self._row]
        return shares

    def path_to_latex(self, **options: Any) -> str:
        """LaTeX text of a table of all networks of the path; see :func:`sk_swat.export.path_to_latex`."""
        from sk_swat.export.latex import path_to_latex

        return path_to_latex(self, **options)

    def _equations(self) -> list[str]:
        return [formula_text(network) for network in self.networks_]

    def _html_repr(self) -> str:
        """Show the estimator in notebooks, and above it the network once it is fitted."""
        shown = super()._html_repr()  # type: ignore[misc]  # of BaseEstimator
        if not hasattr(self, "network_"):
            return shown
        from sk_swat.displays.html import network_html

        return network_html(self) + shown

    def __str__(self) -> str:
        if not hasattr(self, "network_"):
            return repr(self)
        from sk_swat.displays.text import estimator_text

        return estimator_text(self)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()  # of BaseEstimator
        return add_version(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        own: Any = self
        needed = [*own._get_param_names(), *(_FITTED if "network_" in state else ())]
        super().__setstate__(read_state(type(self).__name__, state, needed))  # type: ignore[misc]  # of BaseEstimator

    def _plainly_valid(self, X: Any) -> bool:
        """Say in a microsecond that validate_data would pass X unchanged; False only means: ask it."""
        return (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.char in "df"
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
            and _finite_sum(X)
        )

    def _keep_row(self, row: int, prices: tuple[float, float]) -> None:
        """Make one network of the path the fitted one."""
        network = self._path.networks[row]
        self._row, self._prices = row, prices
        self.best_loss_ = float(self._path.objective(*prices)[row])
        self.coefs_ = list(network.coefs)
        self.intercepts_ = list(network.intercepts)
        self.activations_ = list(network.activations)
        self.hidden_layer_sizes_ = network.hidden_layer_sizes
        self.n_nonzero_ = network.n_nonzero
        self.support_ = np.isin(np.arange(network.n_features_in), network.used_features)
        self.depth_ = network.depth
        self.network_ = self._with_names(network)

    def _keep_summary(self, table: Table, seed: int) -> None:
        """Keep what networks do on the fitted rows, and let them carry the summary of the fit."""
        self._shares = variance_shares(self._path.networks, table.X, table.weight, seed)
        n_rows = _ROUNDED_ROWS if getattr(self, "time_limit", None) is None else _ROUNDED_ROWS_IN_TIME
        X, y, weight, scaling = table.X, table.raw_y, table.weight, table.units
        networks = summarise(self._path.networks, X, y, weight, scaling, seed, n_rows)
        self._path = self._path.with_networks(networks)
        self.network_ = self._with_names(self._path.networks[self._row])

    def _with_names(self, network: SparseMLP) -> SparseMLP:
        return network.with_names(*(getattr(self, key, None) for key in ("feature_names_in_", "target_names_in_")))

    def _keep_target_names(self, names: np.ndarray | None) -> None:
        if names is None:
            vars(self).pop("target_names_in_", None)
        else:
            self.target_names_in_ = names


@contextmanager
def undo_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator all its attributes back if the block does not end well; a half-made fit is worth nothing."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        estimator.__dict__ = before  # one step, which no second interrupt can cut in two
        raise


def _finite_sum(X: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum())

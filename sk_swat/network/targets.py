"""Targets: their names, their values in float64, and those that do not vary, which are no more than biases."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from sk_swat.network.path import Path
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["path_with_constants", "real_target", "target_names", "varying_targets"]


def target_names(y: Any) -> np.ndarray | None:
    """Names of the targets: that of a Series, or those of the columns of a data frame; None unless all are strings.

    Examples
    --------
    >>> import pandas as pd
    >>> target_names(pd.Series([1.0, 2.0], name="price"))
    array(['price'], dtype=object)
    """
    names = list(y.columns) if hasattr(y, "columns") else [getattr(y, "name", None)]
    if not names or not all(isinstance(name, str) and name for name in names):
        return None
    return np.array(names, dtype=object)


def real_target(y: Any) -> np.ndarray:
    """Bring a target that scikit-learn let pass to a float64 array in C order.

    ValueError if it is sparse, holds something else than real numbers, or numbers beyond float64.
    """
    if issparse(y):
        raise ValueError("y must be a dense array, got a sparse matrix; use y.toarray().")
    wanted = "y must hold real numbers that float64 holds as finite ones"
    if y.dtype.kind not in "biufOUS":
        raise ValueError(f"{wanted}, got values of type {y.dtype}.")
    try:
        with np.errstate(over="ignore"):
            target = np.ascontiguousarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{wanted}, got values of type {y.dtype}: {error}.") from error
    if not np.isfinite(target).all():
        raise ValueError(f"{wanted}, got {y[~np.isfinite(target)][0]!s}.")
    return target


def varying_targets(y: np.ndarray, varies: np.ndarray) -> np.ndarray:
    """Columns of `y` that vary, of shape (n_rows,) if it is one; `varies` has shape (n_targets,)."""
    left = y[:, varies]
    return left[:, 0] if left.shape[1] == 1 else left


def path_with_constants(path: Path, varies: np.ndarray, constants: np.ndarray) -> Path:
    """Add outputs to the networks of a path, which have one for each True of `varies`; `constants` are the others."""

    def with_all_outputs(network: SparseMLP) -> SparseMLP:
        coef = np.zeros((len(network.coefs[-1]), len(varies)))
        coef[:, varies] = network.coefs[-1]
        intercept = np.where(varies, 0.0, constants)
        intercept[varies] = network.intercepts[-1]
        return SparseMLP(
            [*network.coefs[:-1], coef],
            [*network.intercepts[:-1], intercept],
            network.activations,
            network.feature_names,
        )

    return path.with_networks([with_all_outputs(network) for network in path.networks])

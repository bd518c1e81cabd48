"""Scalers of scikit-learn that move and scale columns and do nothing else: a network takes them in."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["is_linear", "network_within", "offset_and_scale", "regressor_within"]

_SCALERS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)


def is_linear(transformer: Any) -> bool:
    """Whether a fitted transformer moves and scales columns and does nothing else."""
    if isinstance(transformer, FunctionTransformer):
        return transformer.func is None and transformer.inverse_func is None
    return isinstance(transformer, _SCALERS) and not getattr(transformer, "clip", False)


def offset_and_scale(transformer: Any) -> tuple[Any, Any]:
    """Give what a linear transformer subtracts from each column, and by what it then divides: arrays, or 0 and 1."""
    if isinstance(transformer, MinMaxScaler):
        scale = 1 / transformer.scale_
        return transformer.data_min_ - transformer.feature_range[0] * scale, scale
    moves = getattr(transformer, "with_mean", True)
    offset = getattr(transformer, "center_", getattr(transformer, "mean_", None)) if moves else None
    scale = getattr(transformer, "scale_", None)
    return 0.0 if offset is None else np.asarray(offset), 1.0 if scale is None else np.asarray(scale)


def regressor_within(model: Any) -> Any:
    """Last step of a pipeline, fitted regressor of a meta-estimator, and so on inwards."""
    if isinstance(model, Pipeline):
        return regressor_within(model.steps[-1][1])
    for name in ("regressor_", "best_estimator_"):
        if hasattr(model, name):
            return regressor_within(getattr(model, name))
    return regressor_within(model.estimator) if isinstance(model, FrozenEstimator) else model


def network_within(model: Any) -> SparseMLP | None:
    """Network of a fitted model in the units of the model, with all scalers around it folded in.

    A model is a SparseMLP, something with one as its `network_`, or a pipeline, a TransformedTargetRegressor, a grid
    search or a FrozenEstimator with one inside. None if there is none, or if something else than linear scalers is
    around it.
    """
    own = model if isinstance(model, SparseMLP) else getattr(model, "network_", None)
    if isinstance(own, SparseMLP):
        return own
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps[:-1] if step not in (None, "passthrough")]
        network = network_within(model.steps[-1][1]) if all(map(is_linear, steps)) else None
        for step in reversed(steps):
            network = network and network.with_scaling(*offset_and_scale(step), 0.0, 1.0)
    elif isinstance(model, TransformedTargetRegressor) and is_linear(model.transformer_):
        network = network_within(model.regressor_)
        network = network and network.with_scaling(0.0, 1.0, *offset_and_scale(model.transformer_))
    elif isinstance(model, FrozenEstimator):
        return network_within(model.estimator)
    else:
        return network_within(model.best_estimator_) if hasattr(model, "best_estimator_") else None
    names = getattr(model, "feature_names_in_", None)
    return network and network.with_names(network.feature_names if names is None else names, network.target_names)

"""What a teacher is: something that predicts, and whose layers can be read if it is a network.

Networks are read out of MLPRegressor, torch's Sequential, SparseMLP and anything that keeps one as `network_`; linear
scalers before them and after them are folded in. Every other fitted regressor teaches by its predictions alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from inspect import isclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline

from sk_swat.compress.layers import Layer, count_nonzero, fuse, layers_of
from sk_swat.network.activations import LEAKY_SLOPE
from sk_swat.network.linear_steps import is_linear, offset_and_scale
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["Teacher", "is_torch_module", "teacher_of"]

_WANTED = "estimator must be a regressor, a torch.nn.Sequential of Linear and activation layers or a SparseMLP"
_Function = Callable[[np.ndarray], np.ndarray]
# of scikit-learn: name -> (function, nearest activation of the package)
_SKLEARN: dict[str, tuple[_Function, str]] = {
    "identity": (lambda z: z, "identity"),
    "logistic": (expit, "sigmoid"),
    "tanh": (np.tanh, "tanh"),
    "relu": (lambda z: np.maximum(z, 0.0), "leaky_relu"),
}
# of torch: class -> nearest activation of the package; torch itself computes them
_TORCH = {
    "Identity": "identity",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Hardtanh": "tanh",
    "Softsign": "tanh",
    "ReLU": "leaky_relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "leaky_relu",
    "SELU": "leaky_relu",
    "GELU": "leaky_relu",
    "SiLU": "leaky_relu",
    "Softplus": "leaky_relu",
}
_IDLE = ("Identity", "Dropout")  # modules that do nothing to a prediction


@dataclass(frozen=True)
class Teacher:
    """A model to be compressed.

    Parameters
    ----------
    predict : callable
        Maps float64 rows of shape (n_rows, n_features) to predictions of shape (n_rows,) or (n_rows, n_outputs).
    layers : tuple of Layer or None
        The network, in raw units; None for other models.
    n_features_in : int or None
        Columns it takes; None if it does not say.
    feature_names : ndarray of str or None
        Their names, if it knows them.
    target_names : ndarray of str or None
        Names of its outputs, if it knows them.
    n_nonzero : int or None
        Non-zero weights and biases of a network, a scaler folded in; None for other models.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    layers: tuple[Layer, ...] | None
    n_features_in: int | None
    feature_names: np.ndarray | None
    target_names: np.ndarray | None
    n_nonzero: int | None

    def with_outputs(self, kept: np.ndarray) -> Teacher:
        """Give some of the outputs alone; `kept` is of bool, of shape (n_outputs,)."""
        layers = self.layers
        if layers is not None:
            last = layers[-1]
            layers = (*layers[:-1], replace(last, coef=last.coef[:, kept], intercept=last.intercept[kept]))
        return replace(self, predict=lambda X: self.labels(X)[:, kept], layers=layers)

    def labels(self, X: np.ndarray) -> np.ndarray:
        """Predictions as float64, of shape (n_rows,) for one output; ValueError unless they are finite numbers."""
        with _usual_state():
            values = np.asarray(self.predict(X), dtype=np.float64)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim not in (1, 2) or len(values) != len(X):
            raise ValueError(
                f"estimator must predict one row for each row of X, got predictions of shape {values.shape} for "
                f"{len(X)} rows."
            )
        if not np.isfinite(values).all():
            raise ValueError("estimator must predict finite numbers for the rows of X, got nan or infinity.")
        return values


def teacher_of(model: Any) -> Teacher:
    """Make a teacher of a fitted model.

    Parameters
    ----------
    model : estimator, torch.nn.Sequential or SparseMLP
        Regressors must be fitted; of other objects with `predict` that is assumed.

    Raises
    ------
    TypeError
        If it is nothing that predicts numbers, or a torch module with layers that cannot be read.
    """
    if isclass(model):
        raise TypeError(f"{_WANTED}, got the class {model.__name__}; make an instance of it.")
    layers = _layers(model)
    if layers is None and (is_classifier(model) if isinstance(model, BaseEstimator) else not hasattr(model, "predict")):
        raise TypeError(f"{_WANTED}, got {model!r}.")
    n_features = getattr(model, "n_features_in_", None) if layers is None else len(layers[0].coef)
    return Teacher(
        predict=_torch_predict(model) if is_torch_module(model) else _sklearn_predict(model),
        layers=layers,
        n_features_in=None if n_features is None else int(n_features),
        feature_names=_names(model, "feature_names"),
        target_names=_names(model, "target_names"),
        n_nonzero=None if layers is None else count_nonzero(layers),
    )


def _names(model: Any, kind: str) -> np.ndarray | None:
    names = getattr(model, kind if isinstance(model, SparseMLP) else f"{kind}_in_", None)
    return None if names is None else np.asarray(names, dtype=object)


def _sklearn_predict(model: Any) -> _Function:
    """Predict from arrays, with names for a model that was fitted with some: it warns without them."""
    names = _names(model, "feature_names")
    if names is None:
        return lambda X: model.predict(X)
    import pandas as pd  # that model was fitted to a table of some data frame

    return lambda X: model.predict(pd.DataFrame(X, columns=names))


def _torch_predict(module: Any) -> _Function:
    """Run a torch module in its own type and on its own device, as it predicts after training."""
    import torch

    kind = next(module.parameters())

    def predict(X: np.ndarray) -> np.ndarray:
        training = [part for part in module.modules() if part.training]
        module.eval()
        try:
            with torch.no_grad():
                return module(torch.from_numpy(X).to(kind)).double().numpy(force=True)
        finally:
            for part in training:
                part.training = True

    return predict


def _layers(model: Any) -> tuple[Layer, ...] | None:
    """Layers of a network in raw units, or None."""
    if isinstance(model, SparseMLP):
        return layers_of(model)
    if is_torch_module(model):
        return fuse(_torch_layers(model))
    if isinstance(model, MLPRegressor):
        return _mlp_layers(model)
    if isinstance(getattr(model, "network_", None), SparseMLP):
        return layers_of(model.network_)
    if isinstance(model, FrozenEstimator):
        return _layers(model.estimator)
    if isinstance(model, Pipeline):
        before = [step for step in model[:-1] if step not in (None, "passthrough")]
        found = _layers(model[-1]) if all(map(is_linear, before)) else None
        return found and fuse([*map(_scaling_layer, before), *found])
    if isinstance(model, TransformedTargetRegressor):
        found = _layers(model.regressor_) if is_linear(model.transformer_) else None
        if found is None:
            return None
        offset, scale = _arrays(model.transformer_, len(found[-1].intercept))
        return fuse([*found, Layer(np.diag(scale), offset)])
    if hasattr(model, "best_estimator_"):
        return _layers(model.best_estimator_)
    return None


def _mlp_layers(model: MLPRegressor) -> tuple[Layer, ...] | None:
    if model.out_activation_ != "identity":  # such as "exp" of a Poisson loss
        return None
    function, name = _SKLEARN[model.activation]
    exact = model.activation != "relu"
    parts = [
        (np.asarray(c, np.float64), np.asarray(b, np.float64))
        for c, b in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    hidden = [Layer(coef, bias, function, (name,) * len(bias), exact) for coef, bias in parts[:-1]]
    return (*hidden, Layer(*parts[-1]))


def is_torch_module(model: Any) -> bool:
    """Whether the model is a torch module; False without importing torch if nobody has."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _usual_state() -> AbstractContextManager[None]:
    """Torch as it usually is, for a model that uses it; without importing torch if nobody has."""
    if "torch" not in sys.modules:
        return nullcontext()
    from sk_swat.utils.torch_state import usual_torch

    return usual_torch()


def _torch_layers(model: Any) -> list[Layer]:
    import torch

    wanted = f"a torch module must be a Sequential of Linear layers and activations out of {', '.join(_TORCH)}"
    layers: list[Layer] = []
    for place, part in _flatten(model, wanted):
        kind = type(part).__name__
        if isinstance(part, torch.nn.Linear):
            coef = part.weight.detach().cpu().double().numpy().T
            bias = np.zeros(coef.shape[1]) if part.bias is None else part.bias.detach().cpu().double().numpy()
            layers.append(Layer(coef, bias))
        elif kind in _IDLE:
            continue
        elif kind in _TORCH and layers:
            layers[-1] = _follow(layers[-1], part, kind)
        else:
            raise TypeError(f"{wanted}, and begin with a Linear one, got {part!r} at place {place}.")
    if not layers:
        raise TypeError(f"{wanted}, got none of them.")
    return layers


def _flatten(model: Any, wanted: str) -> Sequence[tuple[str, Any]]:
    """Modules without children in the order of the forward pass, with their places."""
    import torch

    if not isinstance(model, torch.nn.Sequential):
        raise TypeError(f"{wanted}, got a {type(model).__name__}; an object with predict(X) can be a teacher as well.")
    found = []
    for place, part in model.named_children():
        if isinstance(part, torch.nn.Sequential):
            found += [(f"{place}.{inner}", one) for inner, one in _flatten(part, wanted)]
        else:
            found.append((place, part))
    return found


def _follow(layer: Layer, module: Any, kind: str) -> Layer:
    """Layer with an activation after it, or after the activation that it has."""
    import torch

    inner = layer.function

    def function(values: np.ndarray) -> np.ndarray:
        values = values if inner is None else inner(values)
        with torch.no_grad():
            return module(torch.from_numpy(values)).numpy()

    exact = inner is None and (
        kind in ("Sigmoid", "Tanh") or (kind == "LeakyReLU" and module.negative_slope == LEAKY_SLOPE)
    )
    return Layer(layer.coef, layer.intercept, function, (_TORCH[kind],) * len(layer.intercept), exact)


def _scaling_layer(transformer: Any) -> Layer:
    """Layer of a linear transformer."""
    offset, scale = _arrays(transformer, transformer.n_features_in_)
    return Layer(np.diag(1 / scale), -offset / scale)


def _arrays(transformer: Any, n_columns: int) -> tuple[np.ndarray, ...]:
    return tuple(np.broadcast_to(part, n_columns) for part in offset_and_scale(transformer))

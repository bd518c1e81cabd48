"""Regressors to compare with: made by name, at default settings, fitted by the clock, and their parameters counted."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

__all__ = ["MODELS", "check_names", "count_parameters", "last_step", "make_model", "time_fit"]

# Each model is imported when it is made, so that a process holds only its own.


def _swat(random_state: int, **parameters: Any) -> Any:
    from sk_swat.estimators.regressor import SWATRegressor

    return SWATRegressor(random_state=random_state, **parameters)


def _mlp(random_state: int, **parameters: Any) -> Any:
    from sklearn.neural_network import MLPRegressor

    settings = {"hidden_layer_sizes": (100,), "max_iter": 2000} | parameters  # at the default of 200 it warns
    return _scale_inputs(MLPRegressor(random_state=random_state, **settings))


def _ridge(random_state: int, **parameters: Any) -> Any:  # without chance
    from sklearn.linear_model import RidgeCV

    return _scale_inputs(RidgeCV(**({"alphas": np.logspace(-3, 3, 13)} | parameters)))


def _boosting(random_state: int, **parameters: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(random_state=random_state, **parameters)


def _scale_inputs(regressor: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), regressor)


MODELS: Mapping[str, Callable[..., Any]] = {
    "SWATRegressor": _swat,
    "MLPRegressor": _mlp,
    "Ridge": _ridge,
    "HistGradientBoostingRegressor": _boosting,
}


def make_model(name: str, *, random_state: int = 0, **parameters: Any) -> Any:
    """Make an unfitted regressor, a key of ``MODELS``, at its default settings but for those given.

    The exceptions: MLPRegressor may take 2000 epochs, and it and Ridge get standardised inputs. "Ridge" is RidgeCV,
    which chooses its penalty among 13 values from 0.001 to 1000.
    """
    check_names("models", [name], MODELS)
    return MODELS[name](random_state, **parameters)


def time_fit(model: Any, data: Any, clock: Callable[[], float] = time.perf_counter) -> tuple[float, bool]:
    """Fit a model to the training rows; give the seconds, and False if it warned that it stopped early.

    Other warnings are passed on. The clock is that of the wall, or of this process (``time.process_time``).
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = clock()
        model.fit(data.X_train, data.y_train)
        seconds = clock() - start
    others = [item for item in caught if not issubclass(item.category, ConvergenceWarning)]
    for item in others:
        warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return seconds, len(others) == len(caught)


def count_parameters(model: Any) -> int:
    """Count the parameters that a fitted regressor stores to predict.

    SWATRegressor and others with `n_nonzero_`: non-zero weights and biases. MLPRegressor: all weights and biases.
    Linear models: coefficients and intercept. HistGradientBoostingRegressor: two (column, threshold) for each
    split and one for each leaf, and the start value; links between nodes are not counted. A scaler before the regressor
    is not counted either: it could be folded into the weights.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> count_parameters(Ridge().fit([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]], [0.0, 1.0, 2.0]))
    3
    """
    regressor = last_step(model)
    if hasattr(regressor, "n_nonzero_"):
        return int(regressor.n_nonzero_)
    if hasattr(regressor, "coefs_"):
        return sum(array.size for array in regressor.coefs_ + regressor.intercepts_)
    if hasattr(regressor, "_predictors"):  # private, but scikit-learn shows its trees nowhere else
        leaves = [tree.nodes["is_leaf"] for trees in regressor._predictors for tree in trees]
        return 1 + sum(int(np.where(is_leaf, 1, 2).sum()) for is_leaf in leaves)
    if hasattr(regressor, "coef_"):
        return int(np.size(regressor.coef_) + np.size(regressor.intercept_))
    raise TypeError(f"model must be one of {', '.join(MODELS)}, fitted, got {regressor!r}.")


def last_step(model: Any) -> Any:
    """Give the regressor at the end of a pipeline, or the regressor itself."""
    return model[-1] if isinstance(model, Pipeline) else model


def check_names(argument: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raise a ValueError that lists the known names unless all names are among them."""
    known = list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"{argument} must name some of {', '.join(known)}, got {name!r}.")

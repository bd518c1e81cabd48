"""Wrappers of peers that are torch modules without scikit-learn's ways: pykan's KAN, and the path of LassoNet."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_swat.utils.parameters import check_integer, check_number

__all__ = ["KANRegressor", "LassoNetPathRegressor", "require"]


def require(package: str, module: str, name: str) -> Any:
    """Import a name from the module of an optional package; ImportError says which package is missing."""
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"{name} needs the package `{package}`; install {package}, or sk_swat with its 'peers' extra ({error})."
        ) from error


class _OnStandardisedTarget(RegressorMixin, BaseEstimator):
    """What the two wrappers of torch modules share: held-out rows, the scale of the target, and its way back."""

    validation_fraction: float
    random_state: Any
    _dtype: type[np.floating] = np.float32

    def _fit_module(self, X: np.ndarray, y: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, seed: int) -> Any:
        raise NotImplementedError

    def fit(self, X: ArrayLike, y: ArrayLike) -> Any:
        check_number("`validation_fraction`", self.validation_fraction, 0, 1, low_open=True, high_open=True)
        table, target = validate_data(self, X, y, dtype=self._dtype, y_numeric=True, ensure_min_samples=2)
        target = np.asarray(target, dtype=np.float64)
        self.offset_, self.scale_ = float(target.mean()), float(target.std()) or 1.0
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        scaled = ((target - self.offset_) / self.scale_).astype(self._dtype)
        X_fit, X_val, y_fit, y_val = train_test_split(
            table, scaled, test_size=self.validation_fraction, random_state=seed
        )
        with _contain(seed, self._dtype):
            self.network_ = self._fit_module(X_fit, y_fit, X_val, y_val, seed)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict float64 values of shape (n_samples,), in the units of the target."""
        import torch

        check_is_fitted(self)
        table = np.ascontiguousarray(validate_data(self, X, dtype=self._dtype, reset=False))
        with torch.no_grad():
            outputs = self.network_(torch.from_numpy(table)).numpy()
        return self.offset_ + self.scale_ * outputs.reshape(-1).astype(np.float64)


class KANRegressor(_OnStandardisedTarget):
    """Kolmogorov-Arnold network of pykan: a spline on each edge (Liu et al., arXiv 2404.19756).

    Hidden neurons, grid, degree and optimiser are those of pykan's first example, and so are the penalties of a sparse
    network, none and 0.01. As it overfits small tables within a few steps, held-out rows are looked at after each: the
    best network of all steps and `penalties` is kept, and five steps in a row without improvement end those of a
    penalty. The intervals of the splines are laid anew every five steps, as pykan does. It cannot be pickled, and two
    fits of one seed agree only to two or three digits, even on one thread.
    """

    _dtype = np.float64  # as in pykan's example

    def __init__(
        self,
        *,
        hidden: int = 5,
        penalties: tuple[float, ...] = (0.0, 0.01),
        max_iter: int = 50,
        validation_fraction: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.penalties = penalties
        self.max_iter = max_iter
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _fit_module(self, X: np.ndarray, y: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, seed: int) -> Any:
        import torch

        hidden, max_iter = (check_integer(f"`{name}`", getattr(self, name), 1) for name in ("hidden", "max_iter"))
        penalties = [check_number("`penalties`", penalty, 0) for penalty in self.penalties]
        rows = {"train_input": X, "train_label": y[:, None], "test_input": X_val, "test_label": y_val[:, None]}
        dataset = {key: torch.from_numpy(np.ascontiguousarray(values)) for key, values in rows.items()}

        lowest, kept = np.inf, None
        for penalty in penalties:
            shape = {"width": [X.shape[1], hidden, 1], "grid": 5, "k": 3}
            network = require("pykan", "kan", "KAN")(**shape, seed=seed, auto_save=False)
            best, failures = np.inf, 0
            for step in range(max_iter):
                network.fit(dataset, steps=1, lamb=penalty, update_grid=step % 5 == 0)
                with torch.no_grad():
                    error = float(((network(dataset["test_input"]) - dataset["test_label"]) ** 2).mean())
                best, failures = (error, 0) if error < best else (best, failures + 1)
                if error < lowest:
                    lowest, kept = error, deepcopy(network.state_dict())
                if failures == 5:
                    break
        if kept is None:
            raise ValueError("`penalties` must hold one with which the training does not diverge; try others.")
        network.load_state_dict(kept)
        return network


class LassoNetPathRegressor(_OnStandardisedTarget):
    """LassoNet: a ReLU network whose columns are dropped along a path of penalties (Lemhadri et al., JMLR 2021).

    ``LassoNetRegressor.fit`` ends without any column. This takes the network of its path with the least error on
    held-out rows, as in the paper; all else is the default of the package. `path_multiplier` is the factor from one
    penalty to the next; larger ones are quicker. `validation_fraction` of the rows say when training stops and which
    network is chosen.
    """

    def __init__(
        self,
        *,
        hidden_dims: tuple[int, ...] = (100,),
        path_multiplier: float = 1.02,
        validation_fraction: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.hidden_dims = hidden_dims
        self.path_multiplier = path_multiplier
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _fit_module(self, X: np.ndarray, y: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, seed: int) -> Any:
        check_number("`path_multiplier`", self.path_multiplier, 1, low_open=True)
        whole = require("lassonet", "lassonet", "LassoNetRegressor")(
            hidden_dims=tuple(self.hidden_dims),
            path_multiplier=self.path_multiplier,
            device="cpu",
            verbose=0,
            torch_seed=seed,
        )
        path = whole.path(X, y, X_val=X_val, y_val=y_val, return_state_dicts=True, disable_lambda_warning=True)
        return whole.load(min(path, key=lambda item: item.val_loss)).model.eval()


@contextlib.contextmanager
def _contain(seed: int, dtype: type[np.floating]) -> Iterator[None]:
    """Keep what a peer prints, and what it does to the global generators and torch's default dtype, to itself."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_default_dtype()  # noqa: NPY002
    with (
        torch.random.fork_rng(devices=[]),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),  # progress bars
    ):
        try:
            torch.manual_seed(seed)
            torch.set_default_dtype(getattr(torch, dtype.__name__))
            yield
        finally:
            torch.set_default_dtype(states[2])
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002

"""Magnitude pruning, little by little: of a dense MLP, which anyone would try first, and of a network that exists."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.baselines.sized import BestBySize, SizedRegressor, check_listed, check_prices
from sk_swat.compress.layers import as_sparse, in_search_units
from sk_swat.compress.teachers import teacher_of
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.utils.parameters import check_choice, check_integer

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits
    from benchmarks.baselines.sized import StandardRows

__all__ = ["PrunedMLPRegressor", "PrunedTeacherRegressor", "Schedule", "gradual_sizes"]


@dataclass(frozen=True)
class Schedule:
    """How a network is trained and pruned by magnitude; counts are iterations of L-BFGS where nothing else is said."""

    # Prices of the sum of all squared weights and biases during training and pruning, for a mean squared error in units
    # of the target's variance; magnitudes say more with a price (Han et al., section 3.1). Each prunes a network down
    # to all sizes; at each size the one that fits the rows best is kept. Fine-tuning is without a price.
    l2: Sequence[float] = (1e-3, 3e-4, 1e-4)
    n_train_steps: int = 300  # before pruning; of several starts, those of the best after each halving
    n_prune_steps: int = 30  # steps from the dense network to the smallest size
    n_retrain_steps: int = 30  # after each of these steps
    n_finetune_steps: int = 300  # at each of the sizes that are asked for

    def check(self) -> None:
        check_prices(self.l2)
        for field in fields(self)[1:]:
            check_integer(field.name, getattr(self, field.name), 1)

    def prune(
        self, train_one: Callable[[float], MaskedMLP], rows: StandardRows, units: RawUnits, sizes: Sequence[int]
    ) -> list[MaskedMLP]:
        """Prune the module that `train_one` makes for each price, and keep the best module of each size.

        The weights and biases nearest to zero go, over all layers together, and the others are trained on (Han et al.
        2015, arXiv 1506.02626, section 3); how many go at each step follows Zhu and Gupta (2017, arXiv 1710.01878,
        eq. 1).
        """
        from benchmarks.baselines.masked_mlp import train

        best = BestBySize(rows)
        for l2 in self.l2:
            module = train_one(l2)
            steps = gradual_sizes(units.size(module, module.mask), min(sizes), self.n_prune_steps)
            for size in sorted({*steps, *sizes}, reverse=True):
                module.set_mask(units.largest_mask(module, module.vector, size))
                train(module, *rows, self.n_retrain_steps, l2)
                if size in sizes:
                    tuned = copy.deepcopy(module)
                    train(tuned, *rows, self.n_finetune_steps)
                    best.offer(size, tuned)
        return [best.modules[size] for size in sizes]


class PrunedMLPRegressor(SizedRegressor):
    """Dense MLP, trained by L-BFGS and pruned by magnitude, gradually and with retraining after each step.

    Columns and target are standardised, and the scaling is folded into the networks. All hidden neurons have the same
    `activation`. For each price of the `schedule`, the best of `n_starts` random dense networks is kept by successive
    halving.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> short = Schedule(n_train_steps=20)
    >>> PrunedMLPRegressor((3,), sizes=(10,), n_starts=1, schedule=short, random_state=0).fit(X, y).n_nonzero_
    10
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (7, 7),
        activation: str = "tanh",
        *,
        sizes: Sequence[int] = (15, 30, 50),
        n_starts: int = 2,
        schedule: Schedule | None = None,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.sizes = sizes
        self.n_starts = n_starts
        self.schedule = schedule
        self.random_state = random_state

    def _check_parameters(self) -> None:
        for width in check_listed("hidden_layer_sizes", self.hidden_layer_sizes, "integers of at least 1"):
            check_integer("hidden_layer_sizes", width, 1)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_integer("n_starts", self.n_starts, 1)
        self._schedule = self.schedule or Schedule()
        self._schedule.check()

    def _modules(
        self, rows: StandardRows, units: RawUnits, sizes: tuple[int, ...], generator: torch.Generator
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.masked_mlp import MaskedMLP, best_start

        widths, schedule = tuple(self.hidden_layer_sizes), self._schedule

        def train_one(l2: float) -> MaskedMLP:
            names, n_inputs = [self.activation] * len(widths), rows[0].shape[1]
            starts = [MaskedMLP(n_inputs, widths, names, generator) for _ in range(self.n_starts)]
            return best_start(starts, *rows, schedule.n_train_steps, l2)

        return schedule.prune(train_one, rows, units, sizes)


class PrunedTeacherRegressor(SizedRegressor):
    """A fitted network of one output, pruned by magnitude and fine-tuned to its own predictions.

    What compressing one usually means. Columns and predictions are standardised while that happens. Activations that
    the package does not have are replaced by the nearest one (relu by leaky_relu) and all parameters trained before
    anything is pruned. `estimator` is one that `SWATCompressor` can read, with one activation a layer. Without a
    `schedule`, there are 100 iterations before pruning.

    >>> from sk_swat import SparseMLP
    >>> teacher = SparseMLP([np.eye(2), np.ones((2, 1))], [np.zeros(2), np.zeros(1)], [["tanh", "tanh"]])
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> PrunedTeacherRegressor(teacher, sizes=(3,)).fit(X).n_nonzero_
    3
    """

    random_state = 0  # nothing is random

    def __init__(
        self, estimator: Any, *, sizes: Sequence[int] = (15, 30, 50), schedule: Schedule | None = None
    ) -> None:
        self.estimator = estimator
        self.sizes = sizes
        self.schedule = schedule

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> PrunedTeacherRegressor:
        """Prune the network on rows of shape (n_samples, n_features), in its units; targets are not read."""
        super().fit(X, teacher_of(self.estimator).labels(np.asarray(X, dtype=np.float64)))
        return self

    def _check_parameters(self) -> None:
        self._schedule = self.schedule or Schedule(n_train_steps=100)
        self._schedule.check()

    def _modules(
        self, rows: StandardRows, units: RawUnits, sizes: tuple[int, ...], generator: torch.Generator
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.masked_mlp import train

        def train_one(l2: float) -> MaskedMLP:
            module = self._module(units, generator)
            train(module, *rows, self._schedule.n_train_steps, l2)
            return module

        return self._schedule.prune(train_one, rows, units, sizes)

    def _module(self, units: RawUnits, generator: torch.Generator) -> MaskedMLP:
        """Write the network on the varying standardised columns."""
        import torch

        from benchmarks.baselines.masked_mlp import MaskedMLP

        layers, varying = teacher_of(self.estimator).layers, units.scaling.varying
        if layers is None or any(len(set(layer.names)) > 1 for layer in layers) or len(layers[-1].intercept) > 1:
            raise ValueError(
                "estimator must be a network of one output with one activation a layer, "
                f"got a {type(self.estimator).__name__}."
            )
        network = as_sparse(in_search_units(layers, units.scaling))
        module = MaskedMLP(len(varying), network.hidden_layer_sizes, [one.names[0] for one in layers[:-1]], generator)
        coefs = [network.coefs[0][varying], *network.coefs[1:]]
        parts = [part.ravel() for pair in zip(coefs, network.intercepts, strict=True) for part in pair]
        module.vector.data.copy_(torch.from_numpy(np.concatenate(parts)))
        return module


def gradual_sizes(first: int, last: int, n_steps: int) -> list[int]:
    """Sizes after each of `n_steps` of gradual pruning, which removes many parameters at first and few at the end.

    They fall from `first`, which is left out, to `last`; there are none if nothing has to go.

    >>> gradual_sizes(85, 15, 5)
    [51, 30, 19, 16, 15]
    """
    shares = (last + (first - last) * (1 - step / n_steps) ** 3 for step in range(1, n_steps + 1))
    return sorted({round(share) for share in shares if round(share) < first}, reverse=True)

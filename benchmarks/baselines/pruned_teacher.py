"""A network that exists, pruned by magnitude and fine-tuned: what compressing one usually means."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.baselines.dense_pruning import gradual_sizes
from benchmarks.baselines.sized import SizedRegressor, check_listed
from sk_swat.compress.layers import as_sparse, in_search_units
from sk_swat.compress.teachers import teacher_of
from sk_swat.parameters import check_integer, check_number
from sk_swat.scaling import Standardisation

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits

__all__ = ["PrunedTeacherRegressor"]


class PrunedTeacherRegressor(SizedRegressor):
    """A fitted network of one output, pruned by magnitude little by little and fine-tuned to its own predictions.

    The weights and biases nearest to zero go, over all layers together, and the others are trained on (Han et al.
    2015, arXiv 1506.02626); how many go at each step follows Zhu and Gupta (2017, arXiv 1710.01878, eq. 1). Columns
    and predictions are standardised while that happens. Activations that the package does not have are replaced by the
    nearest one (relu by leaky_relu) and all numbers trained before anything is pruned.

    Parameters
    ----------
    estimator : estimator, torch.nn.Sequential or SparseMLP
        A network that `SWATCompressor` can read, fitted, with one activation a layer.
    sizes : sequence of int, default=(15, 30, 50)
        Most non-zero weights and biases of each network; each at least 1.
    l2 : sequence of float, default=(1e-3, 3e-4, 1e-4)
        Prices of the sum of all squared numbers while pruning; each makes a schedule, and at each size the network that
        fits best is kept. Fine-tuning is without a price.
    n_train_steps : int, default=100
        Iterations of L-BFGS before pruning.
    n_prune_steps : int, default=30
        Steps of the schedule from the teacher to the smallest size.
    n_retrain_steps : int, default=30
        Iterations after each step of the schedule.
    n_finetune_steps : int, default=300
        Iterations at each of `sizes`.
    random_state : int, RandomState instance or None, default=None
        Not read: nothing is random.

    Attributes
    ----------
    network_ : SparseMLP
        The chosen network, in the units of X; after `fit` the largest.
    networks_ : list of SparseMLP
        One for each size, small to large.
    n_nonzero_ : int
        Non-zero weights and biases of the chosen network.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_swat import SparseMLP
    >>> teacher = SparseMLP([np.eye(2), np.ones((2, 1))], [np.zeros(2), np.zeros(1)], [["tanh", "tanh"]])
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> PrunedTeacherRegressor(teacher, sizes=(3,), random_state=0).fit(X).n_nonzero_
    3
    """

    def __init__(
        self,
        estimator: Any,
        *,
        sizes: Sequence[int] = (15, 30, 50),
        l2: Sequence[float] = (1e-3, 3e-4, 1e-4),
        n_train_steps: int = 100,
        n_prune_steps: int = 30,
        n_retrain_steps: int = 30,
        n_finetune_steps: int = 300,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sizes = sizes
        self.l2 = l2
        self.n_train_steps = n_train_steps
        self.n_prune_steps = n_prune_steps
        self.n_retrain_steps = n_retrain_steps
        self.n_finetune_steps = n_finetune_steps
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> PrunedTeacherRegressor:
        """Prune the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the units of the estimator.
        y : array-like, default=None
            Not read.

        Returns
        -------
        self : PrunedTeacherRegressor
            The fitted regressor; its network is the largest.
        """
        super().fit(X, teacher_of(self.estimator).labels(np.asarray(X, dtype=np.float64)))
        return self

    def _check_parameters(self) -> None:
        for price in check_listed("l2", self.l2, "numbers of at least 0"):
            check_number("l2", price, 0)
        for name in ("n_train_steps", "n_prune_steps", "n_retrain_steps", "n_finetune_steps"):
            check_integer(name, getattr(self, name), 1)

    def _modules(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        units: RawUnits,
        sizes: tuple[int, ...],
        generator: torch.Generator,
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.masked_mlp import MaskedNet, mean_squared_error, run

        best: dict[int, MaskedMLP] = {}
        for l2 in self.l2:
            module = self._module(units.scaling, generator)
            run(MaskedNet(module, n_steps=self.n_train_steps, l2=l2), X, y)
            steps = gradual_sizes(units.size(module, module.mask), min(sizes), self.n_prune_steps)
            for size in sorted({*steps, *sizes}, reverse=True):
                module.set_mask(units.largest_mask(module, module.numbers, size))
                run(MaskedNet(module, n_steps=self.n_retrain_steps, l2=l2), X, y)
                if size in sizes:
                    tuned = copy.deepcopy(module)
                    run(MaskedNet(tuned, n_steps=self.n_finetune_steps), X, y)
                    if size not in best or mean_squared_error(tuned, X, y) < mean_squared_error(best[size], X, y):
                        best[size] = tuned
        return [best[size] for size in sizes]

    def _module(self, scaling: Standardisation, generator: torch.Generator) -> MaskedMLP:
        """Write the network on the varying standardised columns."""
        import torch

        from benchmarks.baselines.masked_mlp import MaskedMLP

        layers = teacher_of(self.estimator).layers
        if layers is None or any(len(set(layer.names)) > 1 for layer in layers) or len(layers[-1].intercept) > 1:
            raise ValueError(
                "estimator must be a network of one output with one activation a layer, "
                f"got a {type(self.estimator).__name__}."
            )
        network = as_sparse(in_search_units(layers, scaling))
        names = [layer.names[0] for layer in layers[:-1]]
        module = MaskedMLP(len(scaling.varying), network.hidden_layer_sizes, names, generator)
        coefs = [network.coefs[0][scaling.varying], *network.coefs[1:]]
        parts = [part.ravel() for pair in zip(coefs, network.intercepts, strict=True) for part in pair]
        module.numbers.data.copy_(torch.from_numpy(np.concatenate(parts)))
        return module

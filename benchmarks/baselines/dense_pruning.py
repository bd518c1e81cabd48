"""A dense MLP, trained and pruned little by little: what anyone would try first."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.baselines.sized import SizedRegressor, check_listed
from sk_swat.activations import ACTIVATION_NAMES
from sk_swat.parameters import check_choice, check_integer, check_number

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits

__all__ = ["PrunedMLPRegressor", "gradual_sizes"]


class PrunedMLPRegressor(SizedRegressor):
    """Dense MLP, trained by L-BFGS and pruned by magnitude, gradually and with retraining after each step.

    The weights and biases nearest to zero go, over all layers together, and the others are trained on (Han et al.
    2015, arXiv 1506.02626, section 3); how many go at each step follows Zhu and Gupta (2017, arXiv 1710.01878,
    eq. 1). Columns and target are standardised, and the scaling is folded into the networks.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(7, 7)
        Neurons of each hidden layer of the dense network.
    activation : str, default="tanh"
        Activation of all hidden neurons; a name from ``ACTIVATION_NAMES``.
    sizes : sequence of int, default=(15, 30, 50)
        Most non-zero weights and biases of each network, counted in the units of X and y; each at least 1.
    n_starts : int, default=2
        Random dense networks for each price, of which the best is kept by successive halving.
    l2 : sequence of float, default=(1e-3, 3e-4, 1e-4)
        Prices of the sum of all squared weights and biases during training and pruning, for a mean squared error in
        units of the target's variance; magnitudes say more with a price (Han et al., section 3.1). Each makes a dense
        network and prunes it down to all sizes; at each size the one that fits the rows best is kept. Fine-tuning is
        without a price.
    n_train_steps : int, default=300
        Iterations of the best dense network after each halving; every halving shares out as many.
    n_prune_steps : int, default=30
        Steps of the schedule from the dense network to the smallest size.
    n_retrain_steps : int, default=30
        Iterations after each step of the schedule.
    n_finetune_steps : int, default=300
        Iterations at each of `sizes`.
    random_state : int, RandomState instance or None, default=None
        Source of the starts; an integer makes fits repeatable.

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

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = PrunedMLPRegressor((3,), sizes=(10,), n_starts=1, n_train_steps=20, random_state=0).fit(X, y)
    >>> model.n_nonzero_
    10
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (7, 7),
        activation: str = "tanh",
        *,
        sizes: Sequence[int] = (15, 30, 50),
        n_starts: int = 2,
        l2: Sequence[float] = (1e-3, 3e-4, 1e-4),
        n_train_steps: int = 300,
        n_prune_steps: int = 30,
        n_retrain_steps: int = 30,
        n_finetune_steps: int = 300,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.sizes = sizes
        self.n_starts = n_starts
        self.l2 = l2
        self.n_train_steps = n_train_steps
        self.n_prune_steps = n_prune_steps
        self.n_retrain_steps = n_retrain_steps
        self.n_finetune_steps = n_finetune_steps
        self.random_state = random_state

    def _check_parameters(self) -> None:
        widths = check_listed("hidden_layer_sizes", self.hidden_layer_sizes, "integers of at least 1")
        for width in widths:
            check_integer("hidden_layer_sizes", width, 1)
        for price in check_listed("l2", self.l2, "numbers of at least 0"):
            check_number("l2", price, 0)
        check_choice("activation", self.activation, ACTIVATION_NAMES)
        for name in ("n_starts", "n_train_steps", "n_prune_steps", "n_retrain_steps", "n_finetune_steps"):
            check_integer(name, getattr(self, name), 1)

    def _modules(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        units: RawUnits,
        sizes: tuple[int, ...],
        generator: torch.Generator,
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.masked_mlp import MaskedMLP, MaskedNet, best_start, mean_squared_error, run

        widths = tuple(self.hidden_layer_sizes)
        names = [self.activation] * len(widths)
        best: dict[int, MaskedMLP] = {}
        for l2 in self.l2:
            starts = [MaskedMLP(X.shape[1], widths, names, generator) for _ in range(self.n_starts)]
            module = best_start(starts, X, y, self.n_train_steps, l2)
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


def gradual_sizes(first: int, last: int, n_steps: int) -> list[int]:
    """Sizes after each step of gradual pruning, which removes many numbers at first and few at the end.

    Parameters
    ----------
    first, last : int
        Size of the dense network, and of the smallest.
    n_steps : int
        Number of steps.

    Returns
    -------
    sizes : list of int
        Falling, each once, `first` left out; empty if nothing has to go.

    Examples
    --------
    >>> gradual_sizes(85, 15, 5)
    [51, 30, 19, 16, 15]
    """
    shares = (last + (first - last) * (1 - step / n_steps) ** 3 for step in range(1, n_steps + 1))
    return sorted({round(share) for share in shares if round(share) < first}, reverse=True)

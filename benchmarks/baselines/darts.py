"""DARTS + ADMM: differentiable architecture search, then pruning; what SWAT-NN (arXiv 2506.08270) is compared with.

The steps: search depth, widths and activations in a supernet; train the chosen network from scratch; prune it by ADMM
to each size. The relaxation of the widths, L-BFGS and the prices of squares are choices made here.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.baselines.sized import SizedRegressor, check_listed
from sk_swat.activations import check_activations
from sk_swat.parameters import check_integer, check_number

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits
    from benchmarks.baselines.supernet import Architecture

__all__ = ["DARTSRegressor"]

_RHO_GROWTH = 1.2  # from one round of ADMM to the next


class DARTSRegressor(SizedRegressor):
    """Differentiable architecture search and ADMM weight pruning.

    A supernet learns depth, widths and one activation per layer on validation rows while its weights learn from the
    others (DARTS, first order, arXiv 1806.09055). The chosen network is trained from scratch on all rows by L-BFGS.
    For each size, large to small, ADMM (arXiv 1804.03294) draws the weights and biases of the next larger network
    towards the largest ones that may stay, the others are set to zero, and those that stay are trained on. Columns
    and target are standardised, and the scaling is folded into the networks.

    Parameters
    ----------
    sizes : sequence of int, default=(15, 30, 50)
        Most non-zero weights and biases of each network, counted in the units of X and y; each at least 1.
    activations : sequence of str, default=("sigmoid", "tanh", "leaky_relu")
        Activations a layer may choose; names from ``ACTIVATION_NAMES``.
    max_depth : int, default=4
        Most hidden layers.
    max_width : int, default=7
        Most neurons of a layer.
    validation_fraction : float, default=0.5
        Share of the rows by which the search judges architectures, in (0, 1); the networks are trained on all.
    n_searches : int, default=4
        Searches from different random weights.
    n_search_steps : int, default=600
        Bilevel updates of each search, on batches of 256 rows.
    n_trial_steps : int, default=150
        Iterations of L-BFGS on the training rows after which the found architectures, each also with all layers at
        `max_width`, are compared by their error on the validation rows; the better half is trained on, for twice as
        many, until one is left.
    n_starts : int, default=2
        Random networks of the chosen architecture for each price, of which the best is kept by successive halving.
    n_train_steps : int, default=400
        Iterations of the best of them after each halving; every halving shares out as many.
    l2 : sequence of float, default=(1e-3, 3e-4)
        Prices of the sum of all squared weights and biases during training and ADMM, for a mean squared error in
        units of the target's variance. Each makes a dense network and prunes it down to all sizes; at each size the
        one that fits the rows best is kept. Fine-tuning is without a price.
    rho : float, default=1e-2
        Strength of ADMM's pull in its first round, for a mean squared error in units of the target's variance.
    n_admm_rounds : int, default=15
        Rounds of ADMM for each size.
    n_admm_steps : int, default=30
        Iterations in each round.
    n_finetune_steps : int, default=300
        Iterations at each size after pruning.
    random_state : int, RandomState instance or None, default=None
        Source of all random choices; an integer makes fits repeatable.

    Attributes
    ----------
    network_ : SparseMLP
        The chosen network, in the units of X and y; after `fit` the largest.
    networks_ : list of SparseMLP
        One for each size, small to large. Where a smaller one fits the rows better, it stands for the larger too.
    n_nonzero_ : int
        Non-zero weights and biases of the chosen network.
    architecture_ : Architecture or None
        Widths and activations that the search chose; None if target or table do not vary.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> quick = {"n_search_steps": 5, "n_trial_steps": 5, "n_train_steps": 5, "n_admm_rounds": 2}
    >>> model = DARTSRegressor(sizes=(20,), random_state=0, **quick)
    >>> model.fit(X, y).n_nonzero_ <= 20
    True
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (15, 30, 50),
        activations: Sequence[str] = ("sigmoid", "tanh", "leaky_relu"),
        max_depth: int = 4,
        max_width: int = 7,
        validation_fraction: float = 0.5,
        n_searches: int = 4,
        n_search_steps: int = 600,
        n_trial_steps: int = 150,
        n_starts: int = 2,
        n_train_steps: int = 400,
        l2: Sequence[float] = (1e-3, 3e-4),
        rho: float = 1e-2,
        n_admm_rounds: int = 15,
        n_admm_steps: int = 30,
        n_finetune_steps: int = 300,
        random_state: Any = None,
    ) -> None:
        self.sizes = sizes
        self.activations = activations
        self.max_depth = max_depth
        self.max_width = max_width
        self.validation_fraction = validation_fraction
        self.n_searches = n_searches
        self.n_search_steps = n_search_steps
        self.n_trial_steps = n_trial_steps
        self.n_starts = n_starts
        self.n_train_steps = n_train_steps
        self.l2 = l2
        self.rho = rho
        self.n_admm_rounds = n_admm_rounds
        self.n_admm_steps = n_admm_steps
        self.n_finetune_steps = n_finetune_steps
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_activations(self.activations)
        counts = (
            "max_depth",
            "max_width",
            "n_searches",
            "n_search_steps",
            "n_trial_steps",
            "n_starts",
            "n_train_steps",
        )
        for name in (*counts, "n_admm_rounds", "n_admm_steps", "n_finetune_steps"):
            check_integer(name, getattr(self, name), 1)
        check_number("validation_fraction", self.validation_fraction, 0, 1, low_open=True, high_open=True)
        for price in check_listed("l2", self.l2, "numbers of at least 0"):
            check_number("l2", price, 0)
        check_number("rho", self.rho, 0)
        self.architecture_: Architecture | None = None

    def _modules(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        units: RawUnits,
        sizes: tuple[int, ...],
        generator: torch.Generator,
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.admm import prune_by_admm
        from benchmarks.baselines.masked_mlp import MaskedMLP, best_start, mean_squared_error

        self.architecture_ = chosen = self._search(X, y, generator)
        best: dict[int, MaskedMLP] = {}
        for l2 in self.l2:
            starts = [MaskedMLP(X.shape[1], chosen.widths, chosen.activations, generator) for _ in range(self.n_starts)]
            module = best_start(starts, X, y, self.n_train_steps, l2)
            for size in reversed(sizes):
                prune_by_admm(
                    module,
                    X,
                    y,
                    units,
                    size,
                    rho=self.rho,
                    rho_growth=_RHO_GROWTH,
                    l2=l2,
                    n_rounds=self.n_admm_rounds,
                    n_steps=self.n_admm_steps,
                    n_finetune_steps=self.n_finetune_steps,
                )
                if size not in best or mean_squared_error(module, X, y) < mean_squared_error(best[size], X, y):
                    best[size] = copy.deepcopy(module)
        return [best[size] for size in sizes]

    def _search(self, X: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> Architecture:
        """Search several times, and keep what learns best in a short training, as in arXiv 1806.09055."""
        import torch

        from benchmarks.baselines.masked_mlp import MaskedMLP, MaskedNet, mean_squared_error, run
        from benchmarks.baselines.supernet import SearchNet, Supernet

        names = check_activations(self.activations)
        n_validation = min(max(1, round(self.validation_fraction * len(X))), len(X) - 1)
        order = torch.randperm(len(X), generator=generator)
        X, y = X[order], y[order]
        supernet = Supernet(self.n_searches, X.shape[1], self.max_depth, self.max_width, names, generator)
        net = SearchNet(supernet, n_steps=self.n_search_steps, n_validation=n_validation, generator=generator)
        run(net, X.float(), y.float())
        # widths suffer most from being decided at once at the end, and pruning decides them anyway
        found = supernet.discretise()
        found += [replace(one, widths=(self.max_width,) * len(one.widths)) for one in found]
        trials = {one: MaskedMLP(X.shape[1], one.widths, one.activations, generator) for one in dict.fromkeys(found)}
        n_train, n_steps = len(X) - n_validation, self.n_trial_steps
        while len(trials) > 1:
            errors = {}
            for one, module in trials.items():
                run(MaskedNet(module, n_steps=n_steps), X[:n_train], y[:n_train])
                errors[one] = mean_squared_error(module, X[n_train:], y[n_train:])
            ranked = sorted(errors, key=lambda one: errors[one])
            trials = {one: trials[one] for one in ranked[: len(ranked) // 2]}
            n_steps *= 2
        return next(iter(trials))

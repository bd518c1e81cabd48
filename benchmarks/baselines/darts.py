"""DARTS + ADMM: differentiable architecture search, then pruning; what SWAT-NN (arXiv 2506.08270) is compared with.

The steps: search depth, widths and activations in a supernet; train the chosen network from scratch; prune it by ADMM
to each size. The relaxation of the widths, L-BFGS and the prices of squares are choices made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from benchmarks.baselines.sized import BestBySize, SizedRegressor, check_prices
from sk_swat.network.activations import check_activations
from sk_swat.utils.parameters import check_integer, check_number

if TYPE_CHECKING:
    import torch

    from benchmarks.baselines.admm import ADMM
    from benchmarks.baselines.masked_mlp import MaskedMLP
    from benchmarks.baselines.raw_units import RawUnits
    from benchmarks.baselines.sized import StandardRows
    from benchmarks.baselines.supernet import Architecture

__all__ = ["DARTSRegressor", "Search"]


@dataclass(frozen=True)
class Search:
    """How an architecture is searched, and the chosen one trained."""

    max_depth: int = 4  # most hidden layers
    max_width: int = 7  # most neurons of a layer
    n_searches: int = 4  # from different random weights
    n_search_steps: int = 600  # bilevel updates of each search, on batches of 256 rows
    # Iterations of L-BFGS on the training rows after which the found architectures, each also with all layers at
    # `max_width`, are compared by their error on the validation rows; the better half is trained on, for twice as many,
    # until one is left.
    n_trial_steps: int = 150
    n_starts: int = 2  # random networks of the chosen architecture for each price, of which halving keeps the best
    n_train_steps: int = 400  # iterations of the best of them after each halving; every halving shares out as many
    validation_fraction: float = 0.5  # of the rows, by which architectures are judged; the networks are trained on all
    # Prices of the sum of all squared weights and biases during training and ADMM, for a mean squared error in units of
    # the target's variance. Each makes a dense network and prunes it down to all sizes; at each size the one that fits
    # the rows best is kept. Fine-tuning is without a price.
    l2: Sequence[float] = (1e-3, 3e-4)

    def check(self) -> None:
        for field in fields(self)[:-2]:
            check_integer(field.name, getattr(self, field.name), 1)
        check_number("validation_fraction", self.validation_fraction, 0, 1, low_open=True, high_open=True)
        check_prices(self.l2)


class DARTSRegressor(SizedRegressor):
    """Differentiable architecture search and ADMM weight pruning.

    A supernet learns depth, widths and one activation per layer on validation rows while its weights learn from the
    others (DARTS, first order, arXiv 1806.09055). The chosen network is trained from scratch on all rows by L-BFGS.
    For each size, large to small, ADMM (arXiv 1804.03294) draws the weights and biases of the next larger network
    towards the largest ones that may stay, the others are set to zero, and those that stay are trained on. Columns
    and target are standardised, and the scaling is folded into the networks. After fit, `architecture_` holds the
    widths and activations that the search chose, or None if target or table do not vary.

    >>> from benchmarks.baselines.admm import ADMM
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> quick = Search(n_search_steps=5, n_trial_steps=5, n_train_steps=5)
    >>> model = DARTSRegressor(sizes=(20,), search=quick, admm=ADMM(n_rounds=2), random_state=0)
    >>> model.fit(X, y).n_nonzero_ <= 20
    True
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (15, 30, 50),
        activations: Sequence[str] = ("sigmoid", "tanh", "leaky_relu"),
        search: Search | None = None,
        admm: ADMM | None = None,
        random_state: Any = None,
    ) -> None:
        self.sizes = sizes
        self.activations = activations
        self.search = search
        self.admm = admm
        self.random_state = random_state

    def _check_parameters(self) -> None:
        from benchmarks.baselines.admm import ADMM

        check_activations(self.activations)
        self._settings, self._admm = self.search or Search(), self.admm or ADMM()
        self._settings.check()
        self._admm.check()
        self.architecture_: Architecture | None = None

    def _modules(
        self, rows: StandardRows, units: RawUnits, sizes: tuple[int, ...], generator: torch.Generator
    ) -> list[MaskedMLP]:
        from benchmarks.baselines.masked_mlp import MaskedMLP, best_start

        self.architecture_ = chosen = self._choose(*rows, generator)
        n_inputs, settings, best = rows[0].shape[1], self._settings, BestBySize(rows)
        for l2 in settings.l2:
            starts = [
                MaskedMLP(n_inputs, chosen.widths, chosen.activations, generator) for _ in range(settings.n_starts)
            ]
            module = best_start(starts, *rows, settings.n_train_steps, l2)
            for size in reversed(sizes):
                self._admm.prune(module, rows, units, size, l2)
                best.offer(size, module)
        return [best.modules[size] for size in sizes]

    def _choose(self, X: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> Architecture:
        """Search several times, and keep what learns best in a short training, as in arXiv 1806.09055."""
        import torch

        from benchmarks.baselines.masked_mlp import MaskedMLP, mean_squared_error, train
        from benchmarks.baselines.supernet import BilevelSearch, Supernet

        names, settings = check_activations(self.activations), self._settings
        n_validation = min(max(1, round(settings.validation_fraction * len(X))), len(X) - 1)
        order = torch.randperm(len(X), generator=generator)
        X, y = X[order], y[order]
        shape = (X.shape[1], settings.max_depth, settings.max_width)
        supernet = Supernet(settings.n_searches, *shape, names, generator)
        BilevelSearch(supernet, generator).run(X.float(), y.float(), settings.n_search_steps, n_validation)
        # widths suffer most from being decided at once at the end, and pruning decides them anyway
        found = supernet.discretise()
        found += [replace(one, widths=(settings.max_width,) * len(one.widths)) for one in found]
        trials = {one: MaskedMLP(X.shape[1], one.widths, one.activations, generator) for one in dict.fromkeys(found)}
        n_train, n_steps = len(X) - n_validation, settings.n_trial_steps
        while len(trials) > 1:
            errors = {}
            for one, module in trials.items():
                train(module, X[:n_train], y[:n_train], n_steps)
                errors[one] = mean_squared_error(module, X[n_train:], y[n_train:])
            ranked = sorted(errors, key=lambda one: errors[one])
            trials = {one: trials[one] for one in ranked[: len(ranked) // 2]}
            n_steps *= 2
        return next(iter(trials))

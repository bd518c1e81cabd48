"""The path of a fit: one row for each network on the front of size and accuracy, and the choice among them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_integer

if TYPE_CHECKING:  # imported when a table is asked for
    import pandas as pd

__all__ = ["Path"]

_ROUNDING = 1e-14  # of an R^2
_FEW_COLUMNS = 16  # of wider tables no network sees all columns at once


class Path:
    """Networks by size, in raw units, with the figures by which one is chosen, of shape (n_networks,).

    `r2_train` is R^2 on the fitted rows, increasing; `r2_validation` that on rows that were not fitted, nan if there
    were none: R^2 on the fitted ones then decides. `standard_error`, of shape (n_networks, n_networks), is that of the
    difference in validation R^2 between each two networks; 0 or nan where it is not known.
    """

    def __init__(
        self,
        networks: Sequence[SparseMLP],
        r2_train: np.ndarray,
        r2_validation: np.ndarray,
        standard_error: np.ndarray,
    ) -> None:
        self.networks = list(networks)
        self.r2_train = np.asarray(r2_train, dtype=np.float64)
        self.r2_validation = np.asarray(r2_validation, dtype=np.float64)
        self.standard_error = np.asarray(standard_error, dtype=np.float64)
        self.n_nonzero = np.array([network.n_nonzero for network in self.networks])
        self.n_neurons = np.array([network.n_neurons for network in self.networks])
        self.n_inputs = np.array([len(network.used_features) for network in self.networks])

    @classmethod
    def from_errors(
        cls,
        networks: Sequence[SparseMLP],
        train_fvu: Sequence[float],
        errors: np.ndarray,
        weight: np.ndarray | None = None,
    ) -> Path:
        """Make a path of losses, all as shares of the best constant's mean loss (for squared error the variance).

        `train_fvu` has mean losses on the fitted rows, `errors`, of shape (n_networks, n_rows), losses on validation
        rows; `weight` says how often each of these counts.
        """
        fvu = np.average(errors, axis=1, weights=weight)
        n_rows = errors.shape[1] if weight is None else weight.sum()
        standard_error = np.zeros((len(errors), len(errors)))
        for row, others in enumerate(errors):
            difference = errors - others
            mean = np.average(difference, axis=1, weights=weight)
            variance = np.average(np.square(difference - mean[:, None]), axis=1, weights=weight)
            standard_error[row] = np.sqrt(variance / max(1, n_rows - 1))
        r2_train = 1 - np.asarray(train_fvu)
        r2_train[np.abs(r2_train) < _ROUNDING] = 0.0  # of the constant; pandas would write all others as powers of ten
        return cls(networks, r2_train, 1 - fvu, standard_error)

    def with_networks(self, networks: Sequence[SparseMLP]) -> Path:
        """Give the path with other networks in the places of its own."""
        return Path(networks, self.r2_train, self.r2_validation, self.standard_error)

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def _r2(self) -> np.ndarray:
        return np.where(np.isnan(self.r2_validation), self.r2_train, self.r2_validation)

    def objective(self, sparsity: float, compactness: float) -> np.ndarray:
        """1 - R^2 by which networks are judged + sparsity * parameters + compactness * neurons, of shape (n_networks,).

        Infinite where it is beyond float64.
        """
        with np.errstate(over="ignore"):
            return 1 - self._r2 + sparsity * self.n_nonzero + compactness * self.n_neurons

    def _cheapest(self, among: np.ndarray, sparsity: float, compactness: float) -> int:
        """One of the networks with these indices that has the smallest objective, however large the prices are."""
        halvings = max(0, math.frexp(max(sparsity, compactness))[1])
        part = np.ldexp(1 - self._r2, -halvings) + math.ldexp(sparsity, -halvings) * self.n_nonzero
        part = part + math.ldexp(compactness, -halvings) * self.n_neurons
        rest = self.objective(min(sparsity, 1.0), min(compactness, 1.0))  # a huge price hides what is added to it
        return int(among[np.lexsort((rest[among], part[among]))[0]])

    def choose(
        self,
        sparsity: float,
        compactness: float,
        *,
        max_nonzero: int | None = None,
        min_r2: float | None = None,
        one_standard_error: bool = False,
    ) -> int:
        """Index of the network with the smallest objective that meets the conditions.

        If the constant network's validation R^2 is within one standard error of the best one's, the table may as well
        be noise, and the constant is taken. For the same reason a network on a table of more than 16 columns gives way
        to the one that reads the fewest of them and is within one standard error: of many columns some always seem to
        matter. Neither holds if `min_r2` is given, or if there are no validation rows.

        `sparsity` and `compactness` are prices in R^2 of a non-zero parameter and of a neuron; `max_nonzero` is the
        largest size. With `min_r2` the smallest network is taken that has so much R^2 on validation rows.
        `one_standard_error` takes the smallest network whose validation R^2 is within one standard error of the best
        one's, unless the objective prefers a smaller one.
        """
        fits = np.ones(len(self), dtype=bool) if max_nonzero is None else self.n_nonzero <= max_nonzero
        if not fits.any():
            raise ValueError(
                f"max_nonzero must be at least {self.n_nonzero.min()}, the size of the smallest network of the path, "
                f"got {max_nonzero}."
            )
        if min_r2 is not None:
            reached = fits & (self._r2 >= min_r2)
            if not reached.any():
                limit = "" if max_nonzero is None else f" with at most {max_nonzero} non-zero parameters"
                raise ValueError(
                    f"min_r2 must be at most {self._r2[fits].max():.6g}, the best validation R^2 of the path"
                    f"{limit}, got {min_r2:g}."
                )
            return int(np.flatnonzero(reached)[0])
        chosen = self._cheapest(np.flatnonzero(fits), sparsity, compactness)
        best = int(np.where(fits, self._r2, -np.inf).argmax())
        near = self._r2 >= self._r2[best] - np.nan_to_num(self.standard_error[best])
        smallest_near = int(np.flatnonzero(fits & near)[0])
        if one_standard_error or not self.n_inputs[smallest_near]:
            chosen = min(chosen, smallest_near)
        if self.networks[chosen].n_features_in > _FEW_COLUMNS:
            near = self._r2 >= self._r2[chosen] - np.nan_to_num(self.standard_error[chosen])
            narrow = np.flatnonzero(fits & near)
            narrowest = narrow[self.n_inputs[narrow] == self.n_inputs[narrow].min()]
            chosen = self._cheapest(narrowest, sparsity, compactness)
        return chosen

    def row(self, index: Any) -> int:
        """Check the index of a network; negative ones count from the largest network."""
        row = check_integer("index", index)
        if not -len(self) <= row < len(self):
            raise ValueError(
                f"index must be a row of path_, from 0 to {len(self) - 1} (or from -{len(self)} to -1, counted from "
                f"the largest network), got {index!r}."
            )
        return row % len(self)

    def frame(self, sparsity: float, compactness: float, chosen: int, **texts: Sequence[str]) -> pd.DataFrame:
        """Table of the path as a user sees it, with more columns of texts; see ``SWATRegressor.path_``."""
        import pandas as pd

        # where a line is too short, pandas leaves out the columns in the middle: the longest stand there
        columns = {
            "n_nonzero": self.n_nonzero,
            "depth": np.array([network.depth for network in self.networks]),
            "n_inputs": self.n_inputs,
            "n_neurons": self.n_neurons,
            "activations": [_activations(network) for network in self.networks],
            **texts,
            "objective": self.objective(sparsity, compactness),
            "r2_train": self.r2_train,
            "r2_validation": self.r2_validation,
            "chosen": np.arange(len(self)) == chosen,
        }
        return pd.DataFrame(columns)


def _activations(network: SparseMLP) -> str:
    """Neurons of each activation, such as "3 tanh, 1 sine"."""
    counts = Counter(name for layer in network.activations for name in layer)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())

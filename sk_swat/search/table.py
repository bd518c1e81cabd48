"""From a table to a network in its units: split, search, choose, refit the readout, fold the scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sk_swat.checkpoint import Checkpoint
from sk_swat.network import SparseMLP
from sk_swat.scaling import Standardisation
from sk_swat.search.problem import Problem, SearchConfig
from sk_swat.search.readout import solve_readout, with_readout
from sk_swat.search.run import Candidate, DepthSearch, search_depths
from sk_swat.search.starts import Starts

__all__ = ["TableSearch", "previous_starts", "search_table"]


@dataclass(frozen=True)
class TableSearch:
    """Result of :func:`search_table`: the network in raw units, the candidate it came from, and the records."""

    network: SparseMLP
    chosen: Candidate
    searches: list[DepthSearch]

    @property
    def candidates(self) -> list[Candidate]:
        """Candidates of all depths."""
        return [candidate for search in self.searches for candidate in search.candidates]


def search_table(
    X: np.ndarray,
    y: np.ndarray,
    scaling: Standardisation,
    checkpoint: Checkpoint,
    depths: Sequence[int],
    config: SearchConfig,
    *,
    validation_fraction: float | None,
    seed: int,
    n_jobs: int | None = None,
    device: str = "cpu",
    previous: dict[int, Starts] | None = None,
) -> TableSearch:
    """Find a network for a table whose target varies.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Raw inputs, at least one of them varying.
    y : ndarray of shape (n_rows,)
        Raw target.
    scaling : Standardisation
        Of these rows.
    checkpoint, depths, config, seed, n_jobs, device, previous
        As in :func:`search_depths`.
    validation_fraction : float or None
        Share of the rows that is held out; None holds out none.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(y))
    n_held = 0 if validation_fraction is None else int(np.ceil(validation_fraction * len(y)))
    if n_held >= len(y):
        raise ValueError(
            f"early_stopping needs at least one row besides the held-out ones, got {len(y)} rows and "
            f"validation_fraction={validation_fraction:g}; set early_stopping=False or a smaller fraction."
        )

    def rows(index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, target = scaling.inputs(X[index]), scaling.target(y[index])
        return torch.tensor(inputs, dtype=torch.float32), torch.tensor(target, dtype=torch.float32)

    X_fitted, y_fitted = rows(order[n_held:][: config.n_rows])
    X_held, y_held = rows(order[:n_held][: config.n_rows]) if n_held else (None, None)
    problem = Problem(X_fitted, y_fitted, X_held, y_held, columns=torch.tensor(scaling.varying))
    searches = search_depths(problem, checkpoint, depths, config, seed, n_jobs, device, previous)
    candidates = [candidate for search in searches for candidate in search.candidates]
    if not candidates:
        raise ValueError(
            "no start gave a finite network; the table may hold extreme outliers (more than 1e18 standard deviations)."
        )
    chosen = min(candidates, key=lambda candidate: candidate.objective)
    network = chosen.network.map(lambda part: part.double())
    if config.readout == "ridge":
        X_all = torch.tensor(scaling.inputs(X), dtype=torch.float64)
        readout = solve_readout(network.last_hidden(X_all), torch.tensor(scaling.target(y), dtype=torch.float64))
        network = with_readout(network, readout)
    folded = network.to_sparse(0).with_scaling(scaling.x_offset, scaling.divisor, scaling.y_offset, scaling.y_scale)
    return TableSearch(folded.pruned(), chosen, searches)


def previous_starts(depth: int, latent: np.ndarray, inputs: np.ndarray, threshold: float) -> dict[int, Starts]:
    """One earlier latent, its input layer and its weight threshold, as a start of its depth."""
    layer = torch.tensor(inputs)[None]
    used = (layer != 0).any(1).float()
    start = Starts.unscored(torch.tensor(latent)[None], layer, used)
    return {depth: replace(start, threshold=torch.full_like(start.threshold, threshold))}

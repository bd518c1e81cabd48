"""Settings of a fit, in one record that every stage reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sk_swat.fitting.limits import RowLimits
from sk_swat.network.path import Path
from sk_swat.refine.losses import Loss, SquaredError

if TYPE_CHECKING:  # torch is imported by the first search
    from sk_swat.latent.settings import SearchConfig
    from sk_swat.refine.criteria import Criterion

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Checked settings of a fit; see the estimators for those that are parameters of theirs.

    Parameters
    ----------
    depths : tuple of int
        Hidden layers.
    latent : SearchConfig
        Of the latent search.
    seed : int
        Source of all random choices.
    sparsity, compactness, max_nonzero, one_standard_error
        By which one network of the path is chosen.
    n_rounds, max_blocks : int
        Rounds along the path, and most decoded networks that one network is the sum of.
    time_limit : float or None
        Seconds.
    early_stopping : bool or "auto"
        Whether rows are held out; "auto" does so for tables that are long enough.
    validation_fraction : float
        Share of the rows that is held out.
    device : str
        Torch device of the latent search.
    n_jobs : int or None
        As in joblib; for fits and prunes None stands for the cores that are allowed.
    limits : RowLimits
        Rows that each stage looks at.
    loss : Loss
        What a fit minimises.
    criterion : Criterion or None
        What pruning removes next; None stands for Optimal Brain Surgeon.
    """

    depths: tuple[int, ...]
    latent: SearchConfig
    seed: int
    sparsity: float
    compactness: float
    max_nonzero: int | None = None
    one_standard_error: bool = False
    n_rounds: int = 0
    max_blocks: int = 1
    time_limit: float | None = None
    early_stopping: bool | str = "auto"
    validation_fraction: float = 0.1
    device: str = "cpu"
    n_jobs: int | None = None
    limits: RowLimits = field(default_factory=RowLimits)
    loss: Loss = field(default_factory=SquaredError)
    criterion: Criterion | None = None

    def choose(self, path: Path) -> int:
        """Index of the network of a path that these settings choose."""
        return path.choose(
            self.sparsity,
            self.compactness,
            max_nonzero=self.max_nonzero,
            one_standard_error=self.one_standard_error,
        )

    def held_share(self, n_rows: int, held_out_from: int) -> float | None:
        """Share of so many different rows that is held out; None where sizes are judged by cross-validation."""
        holds = n_rows >= held_out_from if self.early_stopping == "auto" else bool(self.early_stopping)
        return self.validation_fraction if holds else None

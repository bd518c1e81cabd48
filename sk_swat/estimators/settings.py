"""Check the parameters of an estimator, and turn them into the settings of the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sk_swat.fitting.limits import RowLimits
from sk_swat.network.activations import ACTIVATIONS, check_activations
from sk_swat.network.path import Path
from sk_swat.utils.labels import short_repr
from sk_swat.utils.parameters import check_choice, check_depths, check_integer, check_number

__all__ = ["Settings", "checked_settings"]

_MOST_RESTARTS = 1_000_000  # all of them are held in memory
_MOST_PRICE = 1e30  # in the search, whose numbers are float32; R^2 counts for nothing long before
_LARGEST_DEPTH = 4  # checked before a checkpoint is loaded; a checkpoint may hold fewer decoders
# by refine: the latent search alone has to be long; before a refinement it needs many starts and few steps
_AUTOMATIC = {
    True: {"n_restarts": 24, "max_iter": 0, "n_generations": 0},
    False: {"n_restarts": 8, "max_iter": 100, "n_generations": 4},
}
# A path must not depend on the prices by which one of its networks is chosen: its search has prices of its own. Small
# weights may stay, since pruning is yet to come.
_PATH_SEARCH = {"sparsity": 1e-5, "compactness": 1e-5, "small_share": 0.5, "n_children": 128, "thresholds": (1.0,)}


@dataclass(frozen=True)
class Settings:
    """Checked parameters: depths, `search` for SearchConfig, and those that concern the path."""

    depths: tuple[int, ...]
    search: dict[str, Any]
    refine: bool
    n_rounds: int
    max_blocks: int
    sparsity: float
    compactness: float
    max_nonzero: int | None
    one_standard_error: bool
    time_limit: float | None
    limits: RowLimits

    def choose(self, path: Path) -> int:
        """Index of the network of a path that these settings choose."""
        return path.choose(
            self.sparsity,
            self.compactness,
            max_nonzero=self.max_nonzero,
            one_standard_error=self.one_standard_error,
        )

    def hold_out(self, early_stopping: bool | str, n_rows: int) -> bool:
        """Whether rows are held out."""
        if early_stopping != "auto":
            return bool(early_stopping)
        return n_rows >= (self.limits.held_out if self.refine else self.limits.held_out_latent)


def checked_settings(estimator: Any, limits: RowLimits | None = None) -> Settings:
    """Check every parameter of a SWATRegressor; TypeError or ValueError if one is wrong."""
    allowed = check_activations(estimator.activations)
    refine = bool(check_choice("refine", estimator.refine, (True, False)))
    check_choice("early_stopping", estimator.early_stopping, (True, False, "auto"))
    check_number("validation_fraction", estimator.validation_fraction, 0, 1, low_open=True, high_open=True)
    if not isinstance(estimator.device, str):
        raise TypeError(f"device must be a name such as 'cpu' or 'cuda', got {short_repr(estimator.device)}.")
    check_choice("warm_start", estimator.warm_start, (True, False))
    verbose = estimator.verbose
    check_integer("verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0)
    if estimator.n_jobs is not None and check_integer("n_jobs", estimator.n_jobs) == 0:
        raise ValueError("n_jobs must be None or an integer other than 0, got 0.")

    def automatic(name: str, low: int, *high: int) -> int:
        value = getattr(estimator, name)
        return _AUTOMATIC[refine][name] if value is None else check_integer(name, value, low, *high)

    def optional(name: str, check: Any, low: int, **how: bool) -> Any:
        value = getattr(estimator, name)
        return None if value is None else check(name, value, low, **how)

    sparsity = check_number("sparsity", estimator.sparsity, 0)
    compactness = check_number("compactness", estimator.compactness, 0)
    search = {
        "allowed": tuple(name in allowed for name in ACTIVATIONS),
        "sparsity": min(sparsity, _MOST_PRICE),
        "compactness": min(compactness, _MOST_PRICE),
        "n_restarts": automatic("n_restarts", 1, _MOST_RESTARTS),
        "max_iter": automatic("max_iter", 0),
        "learning_rate": check_number("learning_rate", estimator.learning_rate, 0, low_open=True),
        "tol": check_number("tol", estimator.tol, 0),
        "init": check_choice("init", estimator.init, ("bank", "random")),
        "n_generations": automatic("n_generations", 0),
        "readout": check_choice("readout", estimator.readout, ("ridge", "decoded")),
    }
    return Settings(
        depths=check_depths(estimator.depths, _LARGEST_DEPTH),
        search=search | _PATH_SEARCH if refine else search,
        refine=refine,
        n_rounds=check_integer("n_rounds", estimator.n_rounds, 0),
        max_blocks=check_integer("max_blocks", estimator.max_blocks, 1),
        sparsity=sparsity,
        compactness=compactness,
        max_nonzero=optional("max_nonzero", check_integer, 1),
        one_standard_error=bool(check_choice("one_standard_error", estimator.one_standard_error, (True, False))),
        time_limit=optional("time_limit", check_number, 0, low_open=True),
        limits=limits or RowLimits(),
    )

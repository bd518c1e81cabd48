"""The parameters of all estimators: one table of rules, and how they become the settings of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from sk_swat.fitting.settings import Settings
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.activations import ACTIVATIONS, check_activations
from sk_swat.utils.labels import short_repr
from sk_swat.utils.parameters import check_choice, check_depths, check_integer, check_number, draw_seed

__all__ = ["RULES", "check_parameters", "make_settings"]

_MOST_RESTARTS = 1_000_000  # all of them are held in memory
_MOST_GENERATED = 100_000_000  # rows, held in memory
_MOST_PRICE = 1e30  # in the search, whose numbers are float32; R^2 counts for nothing long before
_LARGEST_DEPTH = 4  # checked before a checkpoint is loaded; a checkpoint may hold fewer decoders
Rule = Callable[[str, Any], Any]  # takes name and value, gives the value or raises TypeError or ValueError


def _number(low: float, high: float = float("inf"), **ends: bool) -> Rule:
    return lambda name, value: check_number(name, value, low, high, **ends)


def _integer(low: int, *high: int) -> Rule:
    return lambda name, value: check_integer(name, value, low, *high)


def _choice(*choices: Any) -> Rule:
    return lambda name, value: check_choice(name, value, choices)


def _optional(rule: Rule) -> Rule:
    return lambda name, value: None if value is None else rule(name, value)


def _flag(name: str, value: Any) -> bool:
    return bool(check_choice(name, value, (True, False)))


def _device(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a name such as 'cpu' or 'cuda', got {short_repr(value)}.")
    return value


def _verbose(name: str, value: Any) -> int:
    return check_integer(name, int(value) if isinstance(value, bool) else value, 0)


def _n_jobs(name: str, value: Any) -> int | None:
    if value is not None and check_integer(name, value) == 0:
        raise ValueError(f"{name} must be None or an integer other than 0, got 0.")
    return value


RULES: dict[str, Rule] = {
    "objective": _choice("fidelity", "accuracy"),
    "depths": lambda name, value: check_depths(value, _LARGEST_DEPTH),
    "activations": lambda name, value: check_activations(value),
    "sparsity": _number(0),
    "compactness": _number(0),
    "max_nonzero": _optional(_integer(1)),
    "one_standard_error": _flag,
    "split": _flag,
    "n_generated": _optional(_integer(0, _MOST_GENERATED)),
    "n_rounds": _integer(0),
    "max_blocks": _integer(1),
    "time_limit": _optional(_number(0, low_open=True)),
    "n_restarts": _integer(1, _MOST_RESTARTS),
    "max_iter": _integer(0),
    "learning_rate": _number(0, low_open=True),
    "tol": _number(0),
    "init": _choice("bank", "random"),
    "n_generations": _integer(0),
    "readout": _choice("ridge", "decoded"),
    "early_stopping": _choice(True, False, "auto"),
    "validation_fraction": _number(0, 1, low_open=True, high_open=True),
    "device": _device,
    "n_jobs": _n_jobs,
    "warm_start": _flag,
    "verbose": _verbose,
}


def check_parameters(estimator: Any) -> dict[str, Any]:
    """Check every parameter that has a rule; TypeError or ValueError if one is wrong."""
    names = estimator.get_params(deep=False)
    return {name: rule(name, getattr(estimator, name)) for name, rule in RULES.items() if name in names}


def make_settings(estimator: Any, **latent: Any) -> Settings:
    """Make the settings of a fit.

    Parameters
    ----------
    estimator : estimator
        Its parameters are checked.
    **latent
        Settings of the latent search that do not follow the estimator's parameters of that name.
    """
    values = check_parameters(estimator)
    allowed = tuple(name in values["activations"] for name in ACTIVATIONS)
    own = {field.name: values[field.name] for field in fields(SearchConfig) if field.name in values}
    own |= {name: min(own[name], _MOST_PRICE) for name in ("sparsity", "compactness")}
    return Settings(
        latent=SearchConfig(allowed, **(own | latent)),
        seed=draw_seed(estimator.random_state),
        limits=estimator._limits,
        loss=estimator._loss,
        criterion=estimator._criterion,
        **{field.name: values[field.name] for field in fields(Settings) if field.name in values},
    )

"""Models whose accuracy is measured, by name, and what they are asked afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.baselines.peers import PEERS, make_peer
from sk_swat.cli.comparison import last_step, make_model
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["MODELS", "PART_MODELS", "START_MODELS", "TIMED_MODELS", "ends_by_clock", "has_sizes", "hidden_shape"]

Maker = Callable[[int], Any]  # takes a seed, gives an unfitted regressor

_PAPER_ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu")
_BY_LBFGS = {"activation": "tanh", "solver": "lbfgs", "max_iter": 3000}
_SIZES = (15, 20, 30, 50)  # of the baselines that prune to given sizes


def _model(name: str, **parameters: Any) -> Maker:
    return lambda seed: make_model(name, random_state=seed, **parameters)


def _swat(**parameters: Any) -> Maker:
    return _model("SWATRegressor", **parameters)


def _baseline(module: str, name: str, **parameters: Any) -> Maker:
    """Make a regressor of `benchmarks.baselines`, which is imported then."""
    return lambda seed: getattr(import_module(f"benchmarks.baselines.{module}"), name)(random_state=seed, **parameters)


def _random(**parameters: Any) -> Maker:
    return _baseline("random_networks", "RandomNetworkRegressor", **parameters)


def _mlp(*sizes: int, **parameters: Any) -> Maker:
    def make(seed: int) -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        settings = {"max_iter": 200} | parameters  # scikit-learn's default, not that of make_model
        mlp = make_model("MLPRegressor", random_state=seed, hidden_layer_sizes=sizes, **settings)
        return TransformedTargetRegressor(mlp, transformer=StandardScaler())

    return make


def _peer(name: str) -> Maker:
    return lambda seed: make_peer(name, random_state=seed)


# latent and random networks in equal seconds; rounds go on until the time is over
_TIMED = {
    f"{name} {seconds:g} s": space(time_limit=seconds, n_rounds=1000)
    for seconds in (0.5, 1.0, 2.0, 5.0)
    for name, space in (("latent", _swat), ("random", _random))
}
# parts of the latent search, each with two seconds
_UNRANKED, _DESCENDING = (
    partial(_baseline, "starting_ways", name) for name in ("UnrankedRegressor", "DescendingRegressor")
)
_VARIANTS: Mapping[str, Callable[..., Maker]] = {
    "bank starts": _swat,
    "unscreened prior draws": _UNRANKED,
    "30 gradient steps": _DESCENDING,
    "depth 1 alone": partial(_swat, depths=(1,)),
    "depths 1 to 4": partial(_swat, depths=(1, 2, 3, 4)),
}
_PARTS = {f"{name} 2 s": make(time_limit=2.0, n_rounds=1000) for name, make in _VARIANTS.items()}
TIMED_MODELS, PART_MODELS, START_MODELS = tuple(_TIMED), tuple(_PARTS), ("bank", "prior", "random")
MODELS: Mapping[str, Maker] = {
    "SWATRegressor": _swat(),
    "SWATRegressor, 20 rounds": _swat(n_rounds=20),
    "papers' activations": _swat(activations=_PAPER_ACTIVATIONS),
    "papers' search": _baseline("papers_search", "PapersSearchRegressor"),
    "fixed activation": _baseline("fixed_activation", "FixedActivationRegressor"),
    "random networks": _random(),
    "PrunedMLP": _baseline("pruning", "PrunedMLPRegressor", sizes=_SIZES),
    "DARTS+ADMM": _baseline("darts", "DARTSRegressor", sizes=_SIZES),
    "Ridge": _model("Ridge"),
    "MLPRegressor-7-7": _mlp(7, 7, **_BY_LBFGS),
    "MLPRegressor-50": _mlp(50, **_BY_LBFGS),
    "MLPRegressor-100": _mlp(100),
    "HistGradientBoostingRegressor": _model("HistGradientBoostingRegressor"),
    **_TIMED,
    **_PARTS,
    **{space: _baseline("starts", "StartsRegressor", space=space) for space in START_MODELS},
    **{f"depth {depth}": _swat(depths=(depth,)) for depth in (1, 2, 3, 4)},
    **{name: _peer(name) for name in PEERS},  # making one says what to install
}


def has_sizes(model: Any) -> bool:
    """Say whether one fit of a model has networks of several sizes."""
    return hasattr(model, "select")


def ends_by_clock(model: Any) -> bool:
    """Say whether the clock ends the fit of a model, so that it gives other networks each time."""
    return getattr(model, "time_limit", None) is not None


def hidden_shape(model: Any) -> tuple[int, int]:
    """Say how many hidden neurons and layers a fitted regressor has, or the one at the end of a pipeline.

    Of a SparseMLP as `network_`, neurons count that see an input and reach the output. Regressors without have 0 and 0.
    """
    regressor = last_step(model)
    network = getattr(regressor, "network_", None)
    if isinstance(network, SparseMLP):
        return network.n_neurons, network.depth
    widths = [coefs.shape[1] for coefs in getattr(regressor, "coefs_", ())][:-1]
    return sum(widths), len(widths)

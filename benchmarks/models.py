"""Models that are benchmarked, by name, and which of their networks are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.baselines.peers import PEERS, make_peer
from sk_swat.comparison import last_step, make_model
from sk_swat.network import SparseMLP

__all__ = ["BENCHMARK_MODELS", "PART_MODELS", "START_MODELS", "TIMED_MODELS", "Maker", "hidden_shape", "sized", "timed"]

Maker = Callable[[int], Any]  # takes a seed, gives an unfitted regressor

_PAPER_ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu")
_BY_LBFGS = {"activation": "tanh", "solver": "lbfgs", "max_iter": 3000}
_SIZES = (15, 20, 30, 50)  # of the baselines that prune to given sizes


def _swat(**parameters: Any) -> Maker:
    return lambda random_state: make_model("SWATRegressor", random_state=random_state, **parameters)


def _random(**parameters: Any) -> Maker:
    def make(random_state: int) -> Any:
        from benchmarks.baselines.random_networks import RandomNetworkRegressor

        return RandomNetworkRegressor(random_state=random_state, **parameters)

    return make


def _fixed(random_state: int) -> Any:
    from benchmarks.baselines.fixed_activation import FixedActivationRegressor

    return FixedActivationRegressor(random_state=random_state)


def _papers(random_state: int) -> Any:
    from benchmarks.baselines.papers_search import PapersSearchRegressor

    return PapersSearchRegressor(random_state=random_state)


def _darts(random_state: int) -> Any:
    from benchmarks.baselines.darts import DARTSRegressor

    return DARTSRegressor(sizes=_SIZES, random_state=random_state)


def _pruned(random_state: int) -> Any:
    from benchmarks.baselines.dense_pruning import PrunedMLPRegressor

    return PrunedMLPRegressor(sizes=_SIZES, random_state=random_state)


def _mlp(*sizes: int, **parameters: Any) -> Maker:
    def make(random_state: int) -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        settings = {"max_iter": 200} | parameters  # scikit-learn's default, not that of make_model
        mlp = make_model("MLPRegressor", random_state=random_state, hidden_layer_sizes=sizes, **settings)
        return TransformedTargetRegressor(mlp, transformer=StandardScaler())

    return make


def _plain(name: str) -> Maker:
    return lambda random_state: make_model(name, random_state=random_state)


def _peer(name: str) -> Maker:
    return lambda random_state: make_peer(name, random_state=random_state)


def _timed() -> dict[str, Maker]:
    """Give latent and random networks equal seconds; rounds go on until the time is over."""
    return {
        f"{name} {seconds:g} s": space(time_limit=seconds, n_rounds=1000)
        for seconds in (0.5, 1.0, 2.0, 5.0)
        for name, space in (("latent", _swat), ("random", _random))
    }


def _parts() -> dict[str, Maker]:
    """Vary the parts of the latent search, each with two seconds."""
    variants: dict[str, dict[str, Any]] = {
        "bank starts": {},
        "unscreened prior draws": {"init": "random"},
        "30 gradient steps": {"max_iter": 30},
        "depth 1 alone": {"depths": (1,)},
        "depths 1 to 4": {"depths": (1, 2, 3, 4)},
    }
    return {f"{name} 2 s": _swat(time_limit=2.0, n_rounds=1000, **parameters) for name, parameters in variants.items()}


def _starts(space: str) -> Maker:
    def make(random_state: int) -> Any:
        from benchmarks.baselines.starts import StartsRegressor

        return StartsRegressor(space, random_state=random_state)

    return make


TIMED_MODELS = tuple(_timed())
PART_MODELS = tuple(_parts())
START_MODELS = ("bank", "prior", "random")
BENCHMARK_MODELS: Mapping[str, Maker] = {
    "SWATRegressor": _swat(),
    "SWATRegressor, 20 rounds": _swat(n_rounds=20),
    "papers' activations": _swat(activations=_PAPER_ACTIVATIONS),
    "papers' search": _papers,
    "fixed activation": _fixed,
    "random networks": _random(),
    "PrunedMLP": _pruned,
    "DARTS+ADMM": _darts,
    "Ridge": _plain("Ridge"),
    "MLPRegressor-7-7": _mlp(7, 7, **_BY_LBFGS),
    "MLPRegressor-50": _mlp(50, **_BY_LBFGS),
    "MLPRegressor-100": _mlp(100),
    "HistGradientBoostingRegressor": _plain("HistGradientBoostingRegressor"),
    **_timed(),
    **_parts(),
    **{space: _starts(space) for space in START_MODELS},
    **{f"depth {depth}": _swat(depths=(depth,)) for depth in (1, 2, 3, 4)},
    **{name: _peer(name) for name in PEERS},  # making one says what to install
}


def sized(model: Any) -> bool:
    """Say whether one fit of a model has networks of several sizes."""
    return hasattr(model, "select")


def timed(model: Any) -> bool:
    """Say whether the clock ends the fit of a model, so that it gives other networks each time."""
    return getattr(model, "time_limit", None) is not None


def hidden_shape(model: Any) -> tuple[int, int]:
    """Say how many hidden neurons and layers a fitted regressor has.

    Parameters
    ----------
    model : estimator
        Fitted; also a pipeline that ends with a regressor.

    Returns
    -------
    n_neurons : int
        Regressors with a SparseMLP as `network_`: hidden neurons that see an input and reach the output.
        MLPRegressor: all hidden neurons. Others: 0.
    depth : int
        Hidden layers; 0 for regressors without.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> hidden_shape(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]))
    (0, 0)
    """
    regressor = last_step(model)
    network = getattr(regressor, "network_", None)
    if isinstance(network, SparseMLP):
        return network.n_neurons, network.depth
    widths = [coefs.shape[1] for coefs in getattr(regressor, "coefs_", ())][:-1]
    return sum(widths), len(widths)

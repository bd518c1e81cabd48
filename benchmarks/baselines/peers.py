"""Regressors of other packages that also give small or readable models; none is needed to use sk_swat.

Tried with interpret-core 0.7.8, lassonet 0.0.21, pykan 0.2.8 (which needs matplotlib, pandas, PyYAML and tqdm without
saying so) and pyoperon 0.6.2, together with torch 2.13.0 and scikit-learn 1.9.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from benchmarks.baselines.peer_wrappers import KANRegressor, LassoNetPathRegressor, require
from sk_swat.cli.comparison import check_names, last_step
from sk_swat.utils.parameters import check_integer

__all__ = ["PEERS", "Peer", "count_peer_parameters", "make_peer"]


class Peer(NamedTuple):
    """What a peer is called on the package index, the module that holds it, and that module's name of it."""

    package: str
    module: str
    name: str


PEERS: Mapping[str, Peer] = {
    "ExplainableBoostingRegressor": Peer("interpret-core", "interpret.glassbox", "ExplainableBoostingRegressor"),
    "LassoNetRegressor": Peer("lassonet", "lassonet", "LassoNetRegressor"),
    "KAN": Peer("pykan", "kan", "KAN"),
    "OperonRegressor": Peer("pyoperon", "pyoperon.sklearn", "SymbolicRegressor"),
}

# Symbols, length and steps of pyoperon's own example; population, tournament and one objective as in SRBench 2021
# (cavalab/srbench), with a fifth of its 500 000 evaluations. `generations` only must not end the run before them.
_OPERON = {"allowed_symbols": "add,sub,mul,aq,sin,constant,variable", "max_length": 50, "optimizer_iterations": 5}
_OPERON |= {"population_size": 500, "tournament_size": 5, "max_evaluations": 100_000, "generations": 10_000}


def make_peer(name: str, *, random_state: int = 0, **parameters: Any) -> Any:
    """Make an unfitted peer at published or default settings, silent and on one process.

    ImportError names a package that is missing. All but the boosting get standardised inputs, KAN and LassoNet also a
    standardised target. "ExplainableBoostingRegressor": defaults of the package. "LassoNetRegressor": see
    `LassoNetPathRegressor`. "KAN": see `KANRegressor`. "OperonRegressor": symbolic regression, 500 formulas of at most
    50 nodes of + - * sin and x / sqrt(1 + y^2), constants fitted in 5 steps, 100 000 evaluations. `parameters` are
    settings that differ.
    """
    check_names("`name`", [name], PEERS)
    check_integer("`random_state`", random_state, 0)
    found = require(*PEERS[name])
    if name == "ExplainableBoostingRegressor":  # it bins its inputs, so their scale does not matter
        return found(random_state=random_state, **({"n_jobs": 1} | parameters))
    if name == "OperonRegressor":
        return make_pipeline(StandardScaler(), found(random_state=random_state, **(_OPERON | parameters)))
    own = {"KAN": KANRegressor, "LassoNetRegressor": LassoNetPathRegressor}[name]
    return make_pipeline(StandardScaler(), own(random_state=random_state, **parameters))


def count_peer_parameters(model: Any) -> int:
    """Count the parameters that a fitted peer stores to predict, without those of a scaler.

    ExplainableBoostingRegressor: all scores of bins (those for missing and unknown values as well), all edges of bins,
    and the intercept. LassoNetRegressor: non-zero weights and biases. KAN: coefficients of the splines and both scales
    of each edge; knots are not counted. OperonRegressor: constants, and variables, each of which has a coefficient;
    operators are not counted.
    """
    regressor = last_step(model)
    if hasattr(regressor, "term_scores_"):
        # for each column, one list of edges (a dict of categories) for each resolution in use
        edges = sum(len(cuts) for resolutions in regressor.bins_ for cuts in resolutions)
        return sum(scores.size for scores in regressor.term_scores_) + edges + int(np.size(regressor.intercept_))
    if isinstance(regressor, KANRegressor):
        check_is_fitted(regressor)
        layers = regressor.network_.act_fun
        return sum(part.numel() for layer in layers for part in (layer.coef, layer.scale_base, layer.scale_sp))
    if isinstance(regressor, LassoNetPathRegressor):
        check_is_fitted(regressor)
        return sum(int(np.count_nonzero(part.numpy())) for part in regressor.network_.cpu_state_dict().values())
    if hasattr(regressor, "model_") and hasattr(regressor.model_, "Nodes"):
        return sum(node.Arity == 0 for node in regressor.model_.Nodes)
    raise TypeError(f"`model` must be one of {', '.join(PEERS)}, fitted, got {regressor!r}.")

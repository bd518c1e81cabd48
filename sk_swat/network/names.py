"""What columns and outputs are called, also where they have no names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["feature_labels", "target_labels"]


def feature_labels(network: SparseMLP) -> list[str]:
    """Names of the input columns; x0, x1 and so on if they have none."""
    return list(network.feature_names or (f"x{i}" for i in range(network.n_features_in)))


def target_labels(network: SparseMLP) -> list[str]:
    """Names of the outputs; if they have none, y, or y0, y1 and so on for several."""
    if network.target_names is not None:
        return list(network.target_names)
    return ["y"] if network.n_outputs == 1 else [f"y{j}" for j in range(network.n_outputs)]

"""Paths as text for a terminal."""

from __future__ import annotations

import numpy as np

from sk_swat.network.path import Path

__all__ = ["path_text", "r2_text"]


def r2_text(path: Path, row: int) -> str:
    """R^2 of one network of a path, in one line."""
    validation = path.r2_validation[row]
    judged = "no validation" if np.isnan(validation) else f"{validation:.4f} in validation"
    return f"R^2: {path.r2_train[row]:.4f} on the fitted rows, {judged}"


def path_text(path: Path, shown: int) -> str:
    """Write a path as a table, one line for each network, with a star before the one that is shown."""
    lines = ["  numbers  neurons  columns  depth  R^2 fitted  R^2 validation"]
    for row, network in enumerate(path.networks):
        lines.append(
            f"{'*' if row == shown else ' '}{network.n_nonzero:>8}{network.n_neurons:>9}"
            f"{len(network.used_features):>9}{network.depth:>7}{path.r2_train[row]:>12.4f}"
            f"{path.r2_validation[row]:>16.4f}"
        )
    return "\n".join(lines)

"""Paths as text for a terminal."""

from __future__ import annotations

import numpy as np
from tabulate import tabulate

from sk_swat.network.path import Path

__all__ = ["path_text", "r2_text"]


def r2_text(path: Path, row: int) -> str:
    """R^2 of one network of a path, in one line."""
    validation = path.r2_validation[row]
    judged = "no validation" if np.isnan(validation) else f"{validation:.4f} in validation"
    return f"R^2: {path.r2_train[row]:.4f} on the fitted rows, {judged}"


def path_text(path: Path, shown: int) -> str:
    """Write a path as a table, one line for each network, with a star before the one that is shown."""
    headers = ("", "parameters", "neurons", "columns", "depth", "R^2 fitted", "R^2 validation")
    rows = [
        ("*" if row == shown else "", one.n_nonzero, one.n_neurons, len(one.used_features), one.depth, *scores)
        for row, (one, *scores) in enumerate(zip(path.networks, path.r2_train, path.r2_validation, strict=True))
    ]
    return tabulate(rows, headers, tablefmt="plain", floatfmt=".4f")

"""What a user wants to know first of a fitted estimator: accuracy, size, columns in use, formula."""

from __future__ import annotations

from typing import Any

from sk_swat.displays._common import chosen_r2, network_of, r2_line
from sk_swat.network.names import feature_labels
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.network.text import size_text
from sk_swat.utils.labels import plain_text

__all__ = ["estimator_text", "formula", "headlines"]

MOST_WRITTEN = 100  # non-zero parameters: longer formulas are not shown unasked
_MOST_NAMES = 12


def estimator_text(estimator: Any) -> str:
    """Write a fitted estimator for printing: R^2, size, columns in use, formula, and last its parameters.

    Formulas of more than 100 non-zero parameters are left out.
    """
    network = network_of(estimator)
    first, *more = headlines(estimator, network)
    lines = [f"{type(estimator).__name__}: {first}", *more, ""]
    if network.n_nonzero <= MOST_WRITTEN:
        lines += [formula(network), ""]
    return "\n".join([*lines, repr(estimator)])


def headlines(estimator: Any, network: SparseMLP) -> list[str]:
    """R^2 (where it is known), size, and the columns in use, a line each."""
    lines = [r2_line(*chosen_r2(estimator)), size_text(network)]
    used = network.used_features.tolist()
    if used:
        labels = feature_labels(network)
        names = ", ".join(plain_text(labels[column]) for column in used[:_MOST_NAMES])
        more = f" and {len(used) - _MOST_NAMES} more" if len(used) > _MOST_NAMES else ""
        lines.append(f"columns read: {names}{more}")
    return [line for line in lines if line]


def formula(network: SparseMLP) -> str:
    """Equations of a network, as printing it shows them below its size."""
    return network.describe().partition("\n")[2]

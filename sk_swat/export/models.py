"""The network of a model: what all exports read."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sk_swat.network.linear_steps import network_within, regressor_within
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["needs_converter", "network_to_export"]


def network_to_export(model: object) -> SparseMLP:
    """Give the network of a model without the neurons that do not matter, on the inputs of the model.

    Models are those of :func:`sk_swat.network.linear_steps.network_within`; all others raise TypeError.
    """
    if isinstance(model, BaseEstimator):
        check_is_fitted(model)
    network = network_within(model)
    if network is None:
        wanted = "`model` must be a SparseMLP or a fitted SWATRegressor"
        if not needs_converter(model):
            raise TypeError(f"{wanted}, got {model!r}.")
        raise TypeError(
            f"{wanted}, got a {type(model).__name__} with more than linear scalers around one; export the "
            f"{type(regressor_within(model)).__name__} inside, which takes what the steps before it give, or the whole "
            "with to_onnx."
        )
    return network.prune()


def needs_converter(model: object) -> bool:
    """Whether a fitted model has a network inside with more than linear scalers around it."""
    if isinstance(model, SparseMLP) or not isinstance(model, BaseEstimator):
        return False
    check_is_fitted(model)
    return network_within(model) is None and network_within(regressor_within(model)) is not None

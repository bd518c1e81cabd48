"""What all exports read: the pruned network of a model, neuron by neuron, without its zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["Neuron", "exported_network", "needs_converter", "neuron_layers"]


@dataclass(frozen=True)
class Neuron:
    """One neuron with its numbers.

    Attributes
    ----------
    activation : str
        Name from ``ACTIVATIONS``; outputs have "identity".
    inputs : tuple of (int, float)
        Index in the layer before (of the first layer: input column) and weight, for each weight that is not zero.
    bias : float
        Bias, possibly zero.
    """

    activation: str
    inputs: tuple[tuple[int, float], ...]
    bias: float


def exported_network(model: object) -> SparseMLP:
    """Take the network out of a model and leave out the neurons that do not matter.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        A network, or anything with one as its `network_`; a pipeline or TransformedTargetRegressor with one inside, if
        nothing but linear scalers is around it.

    Returns
    -------
    network : SparseMLP
        The pruned network, on raw inputs.

    Examples
    --------
    >>> exported_network(SparseMLP([[[1.0, 0.0]], [[2.0], [0.0]]], [[0.0, 1.0], [3.0]], [["tanh", "sine"]]))
    SparseMLP(n_features_in=1, hidden_layer_sizes=(1,), n_outputs=1, n_nonzero=3)
    """
    if isinstance(model, BaseEstimator):
        check_is_fitted(model)
    network = model if isinstance(model, SparseMLP) else getattr(model, "network_", None)
    if not isinstance(network, SparseMLP):
        network = _folded(model)
    return network.pruned()


def needs_converter(model: object) -> bool:
    """Whether a fitted model has a network inside with more than linear scalers around it."""
    from sk_swat.network.linear_steps import network_within, regressor_within

    if isinstance(model, SparseMLP) or not isinstance(model, BaseEstimator):
        return False
    check_is_fitted(model)
    return network_within(model) is None and network_within(regressor_within(model)) is not None


def _folded(model: object) -> SparseMLP:
    """Network inside a model, in the units of the model."""
    from sk_swat.network.linear_steps import network_within, regressor_within

    network = network_within(model)
    if network is None:
        wanted = "`model` must be a SparseMLP or a fitted SWATRegressor"
        if not needs_converter(model):
            raise TypeError(f"{wanted}, got {model!r}.")
        inner = regressor_within(model)
        raise TypeError(
            f"{wanted}, got a {type(model).__name__} with more than linear scalers around one; export the "
            f"{type(inner).__name__} inside, which takes what the steps before it give, or the whole with to_onnx."
        )
    return network


def neuron_layers(network: SparseMLP) -> list[list[Neuron]]:
    """List the neurons of every layer.

    Parameters
    ----------
    network : SparseMLP
        Any network, as a rule pruned.

    Returns
    -------
    layers : list of depth + 1 lists of Neuron
        Hidden layers, then the outputs.

    Examples
    --------
    >>> neuron_layers(SparseMLP([[[0.0], [2.0]]], [[3.0]], []))
    [[Neuron(activation='identity', inputs=((1, 2.0),), bias=3.0)]]
    """
    names = (*network.activations, ("identity",) * network.n_outputs)
    return [
        [_neuron(activation, coef[:, j], intercept[j]) for j, activation in enumerate(layer)]
        for layer, coef, intercept in zip(names, network.coefs, network.intercepts, strict=True)
    ]


def _neuron(activation: str, weights: np.ndarray, bias: np.float64) -> Neuron:
    inputs = ((int(i), float(weights[i])) for i in np.flatnonzero(weights))
    return Neuron(activation, tuple(inputs), float(bias))

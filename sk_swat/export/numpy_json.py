"""A network as JSON text for other programs."""

from __future__ import annotations

from sk_swat.export.models import network_to_export

__all__ = ["to_numpy_json"]


def to_numpy_json(model: object) -> str:
    """Write the pruned network as JSON, in the form of :meth:`sk_swat.SparseMLP.to_json`.

    ``SparseMLP.from_json`` reads it back without loss; the example shows the lines that run it without sk_swat. Keys:
    "coefs" (for each layer a matrix of shape (n_in, n_out), with zeros), "intercepts", "activations" (for each hidden
    layer one name per neuron), "feature_names" and "target_names" (or null), "schema" and "version".

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export.

    Returns
    -------
    text : str
        JSON in one line, in ASCII.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> text = to_numpy_json(SparseMLP([[[1.0], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]]))

    Only NumPy is needed to run it:

    >>> import json
    >>> import numpy as np
    >>> functions = {
    ...     "identity": lambda z: z, "tanh": np.tanh, "sine": np.sin,
    ...     "sigmoid": lambda z: np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z))),
    ...     "leaky_relu": lambda z: np.where(z < 0, 0.01 * z, z), "gaussian": lambda z: np.exp(-(z**2))}
    >>> def run(network, X):
    ...     for coef, intercept, names in zip(network["coefs"], network["intercepts"], network["activations"] + [[]]):
    ...         X = X @ np.array(coef) + np.array(intercept)
    ...         for j, name in enumerate(names):
    ...             X[:, j] = functions[name](X[:, j])
    ...     return X
    >>> run(json.loads(text), np.array([[0.5, 7.0]]))
    array([[3.]])
    """
    return network_to_export(model).to_json()

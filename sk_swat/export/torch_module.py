"""A network as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sk_swat.export.models import network_to_export

if TYPE_CHECKING:  # torch is imported by the first call
    import torch

__all__ = ["to_torch"]


def to_torch(model: object) -> torch.nn.Sequential:
    """Turn the network into a plain ``torch.nn.Sequential`` in float64.

    Its modules are "columns" (picks the input columns in use), then "hidden1", "activations1" and so on, and "output".
    The linear modules hold weights and biases as parameters. Absent weights are zeros in there, which training would
    move. Inputs must be float64, which is not torch's default; ``.float()`` makes it a float32 module.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export.

    Returns
    -------
    module : torch.nn.Sequential
        Maps shape (n_samples, n_features) to (n_samples,), or (n_samples, n_outputs) for several outputs.

    Examples
    --------
    >>> import torch
    >>> from sk_swat import SparseMLP
    >>> module = to_torch(SparseMLP([[[1.0], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]]))
    >>> module
    Sequential(
      (columns): InputColumns([0])
      (hidden1): Linear(in_features=1, out_features=1, bias=True)
      (activations1): NeuronActivations(('tanh',))
      (output): Linear(in_features=1, out_features=1, bias=True)
      (squeeze): Flatten(start_dim=0, end_dim=-1)
    )
    >>> module(torch.tensor([[0.5, 7.0]], dtype=torch.float64)).tolist()
    [3.0]
    """
    from sk_swat.export.torch_layers import sequential

    return sequential(network_to_export(model))

"""The torch modules of an exported network."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["InputColumns", "NeuronActivations", "sequential"]


class InputColumns(torch.nn.Module):
    """Picks columns by their indices, so that those without a weight are not read."""

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self.columns = list(columns)
        self.register_buffer("index", torch.tensor(self.columns, dtype=torch.long, device="cpu"), persistent=False)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map shape (n_samples, n_features) to (n_samples, n_columns)."""
        return X.index_select(1, self.get_buffer("index"))

    def extra_repr(self) -> str:
        """Columns, for printing."""
        return str(self.columns)


class NeuronActivations(torch.nn.Module):
    """Applies its own activation, given by name, to each neuron of a layer."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map shape (n_samples, n_neurons) to the same shape."""
        if len(set(self.names)) == 1:
            return ACTIVATIONS[self.names[0]].torch_value(z)
        columns = [ACTIVATIONS[name].torch_value(z[:, j]) for j, name in enumerate(self.names)]
        return torch.stack(columns, dim=1)

    def extra_repr(self) -> str:
        """Names, for printing."""
        return str(self.names)


def sequential(network: SparseMLP) -> torch.nn.Sequential:
    """Make the module of a pruned network, in float64 on the CPU."""
    used = network.used_features
    coefs = (network.coefs[0][used], *network.coefs[1:])
    linear = [_linear(coef, bias) for coef, bias in zip(coefs, network.intercepts, strict=True)]
    modules: list[tuple[str, torch.nn.Module]] = [("columns", InputColumns(used.tolist()))]
    for number, names in enumerate(network.activations, start=1):
        modules.append((f"hidden{number}", linear[number - 1]))
        modules.append((f"activations{number}", NeuronActivations(names)))
    modules.append(("output", linear[-1]))
    if network.n_outputs == 1:
        modules.append(("squeeze", torch.nn.Flatten(0)))
    return torch.nn.Sequential(OrderedDict(modules))


def _linear(coef: np.ndarray, intercept: np.ndarray) -> torch.nn.Linear:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the empty weights of a constant
        # without the random start, which would draw from the global generator
        module = torch.nn.utils.skip_init(torch.nn.Linear, *coef.shape, dtype=torch.float64, device="cpu")
    module.weight.data = torch.tensor(coef.T, dtype=torch.float64, device="cpu")
    module.bias.data = torch.tensor(intercept, dtype=torch.float64, device="cpu")
    return module

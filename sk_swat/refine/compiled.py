"""Batches of networks and rows in the form that the compiled core takes, and back.

The core (`sk_swat/refine/core`, in C++) works on one network at a time, as a list of its parameters, in float64 and in
threads. A batch goes there as one array of all its weights and biases, in the order of
:func:`sk_swat.network.softnet.flatten`, and one of its activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks, flatten, unflatten
from sk_swat.refine import _core
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import n_threads_here

__all__ = ["CompiledBatch", "how"]

_MOST_THREADS = 1 << 16  # more than any machine has cores: n_jobs may be any number, an int of the core may not


@dataclass(frozen=True)
class CompiledBatch:
    """Hard networks of one shape, and the rows of each or of all, as arguments of the core's functions.

    Parameters
    ----------
    networks : SoftNetworks
        As given.
    sizes : list of int
        Inputs, places of each hidden layer, outputs.
    values : ndarray of shape (n_networks, n_parameters)
        Weights and biases.
    kinds : ndarray of int32, of shape (n_networks, n_neurons)
        Index of each neuron's activation; -1 for a masked one.
    rows : list of _core.Rows
        One for all networks, or one for each.
    """

    networks: SoftNetworks
    sizes: list[int]
    values: np.ndarray
    kinds: np.ndarray
    rows: list[Any]

    @classmethod
    def of(cls, networks: SoftNetworks, rows: Table) -> CompiledBatch:
        """Copy what the core needs."""
        sizes = [weight.shape[1] for weight in networks.weights] + [networks.n_outputs]
        kinds = [
            torch.where(mask > 0, share.argmax(-1), -1)
            for share, mask in zip(networks.activation, networks.mask, strict=True)
        ]
        flat = torch.cat(kinds, dim=1) if kinds else torch.zeros(len(networks), 0)
        values = (flatten(networks) * _on_living_inputs(networks)).to(torch.float64)
        return cls(networks, sizes, values.numpy(), flat.to(torch.int32).numpy(), _core_rows(rows))

    @property
    def arguments(self) -> tuple[list[int], np.ndarray, np.ndarray, list[Any]]:
        """What all functions of the core take first."""
        return self.sizes, self.values, self.kinds, self.rows

    def marks(self, free: torch.Tensor | None) -> np.ndarray | None:
        """Say which parameters are free; the weights that leave unused inputs never are."""
        if free is None:
            return None
        moving = (free.bool() & (_on_living_inputs(self.networks) > 0)).to(torch.uint8)
        return moving.contiguous().numpy()

    def with_values(self, values: np.ndarray) -> SoftNetworks:
        """Put other weights and biases into the networks."""
        return unflatten(self.networks, torch.from_numpy(values).to(self.networks.weights[0].dtype))

    def descendants(self, values: np.ndarray, kinds: np.ndarray, origin: torch.Tensor) -> SoftNetworks:
        """Networks that have lost parameters and neurons, each with the origin it descends from."""
        parents = self.networks[origin]
        mask = torch.from_numpy(kinds >= 0).to(parents.weights[0].dtype)
        widths = [part.shape[1] for part in parents.mask]
        left = unflatten(parents, torch.from_numpy(values).to(parents.weights[0].dtype))
        return left.replace(mask=mask.split(widths, dim=1))


def how(n_threads: int = 1, deadline: Deadline | None = None) -> Any:
    """How the core works: in how many threads at most, and until when."""
    stop = None if deadline is None else deadline.passed
    return _core.How(n_threads=min(n_threads, n_threads_here(), _MOST_THREADS), stop=stop)


def _on_living_inputs(networks: SoftNetworks) -> torch.Tensor:
    """Mark with 1 all parameters but the weights that leave unused inputs."""
    ones = networks.map(torch.ones_like)
    first = networks.input_mask[:, :, None] * ones.weights[0]
    return flatten(ones.replace(weights=(first, *ones.weights[1:])))


def _core_rows(rows: Table) -> list[Any]:
    """One set of rows for all networks, or one for each of those that have inputs or targets of their own."""
    X, y = rows.X.double(), rows.y.double()
    weight = None if rows.weight is None else rows.weight.double().numpy()
    functions = rows.loss.compiled(), _other_activations
    if X.ndim == 2 and y.ndim == 2:
        return [_core.Rows(_array(X), _array(y), weight, *functions)]
    n = max(part.shape[0] for part in (X, y) if part.ndim == 3)
    pairs = zip(X.expand(n, -1, -1), y.expand(n, -1, -1), strict=True)
    return [_core.Rows(_array(own_X), _array(own_y), weight, *functions) for own_X, own_y in pairs]


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.numpy())


def _other_activations(kind: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and derivative of an activation that the core does not know."""
    activation, inside = list(ACTIVATIONS.values())[kind], torch.from_numpy(z)
    value = activation.torch_value(inside)
    return value.numpy(), activation.torch_derivative(inside, value).numpy()

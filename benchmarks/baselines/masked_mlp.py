"""A plain MLP with one activation per layer and a fixed mask over its weights and biases, and its training.

All weights and biases lie in one vector, so that pruning ranks them together and a projection is one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import minimize

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["MaskedMLP", "best_start", "mean_squared_error", "train"]

_MEMORY = 30  # pairs of steps and gradient changes that L-BFGS keeps


class MaskedMLP(torch.nn.Module):
    """Fully connected layers with a linear output, in float64; masked parameters are exactly zero and stay so.

    The generator draws weights, uniform as in Glorot and Bengio (2010), eq. 16, and biases of the first layer, uniform
    in [-1, 1]; other biases begin at 0. There is one activation for each hidden layer.
    """

    mask: torch.Tensor

    def __init__(
        self, n_inputs: int, widths: Sequence[int], activations: Sequence[str], generator: torch.Generator
    ) -> None:
        super().__init__()
        sizes = [n_inputs, *widths, 1]
        self.activations = tuple(activations)
        self.shapes = tuple(pairwise(sizes))
        parts = []
        for layer, (n_in, n_out) in enumerate(self.shapes):
            parts.append(_uniform(n_in * n_out, (6 / (n_in + n_out)) ** 0.5, generator))
            parts.append(_uniform(n_out, float(layer == 0), generator))
        self.vector = torch.nn.Parameter(torch.cat(parts))
        self.register_buffer("mask", torch.ones_like(self.vector.data))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Give outputs of shape (n_rows, 1) for X of shape (n_rows, n_inputs)."""
        layers = self.layers(self.vector * self.mask)
        for (weights, bias), name in zip(layers, self.activations, strict=False):
            X = ACTIVATIONS[name].torch_value(torch.addmm(bias, X, weights))
        weights, bias = layers[-1]
        return torch.addmm(bias, X, weights)

    def layers(self, vector: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Cut a vector like `vector` into weights (n_in, n_out) and biases (n_out,) of each layer."""
        parts = iter(vector.split([n for n_in, n_out in self.shapes for n in (n_in * n_out, n_out)]))
        return [(next(parts).view(shape), next(parts)) for shape in self.shapes]

    @torch.no_grad()
    def set_mask(self, mask: torch.Tensor) -> None:
        """Keep the parameters where `mask`, of the shape of `vector`, is True; the others become zero."""
        self.mask.copy_(mask)
        self.vector.mul_(self.mask)

    def to_sparse(self, vector: torch.Tensor | None = None) -> SparseMLP:
        """Give the network, or one of the same shape with other parameters, as plain arrays."""
        with torch.no_grad():
            layers = self.layers(self.vector * self.mask if vector is None else vector)
        names = [[name] * shape[1] for name, shape in zip(self.activations, self.shapes, strict=False)]
        return SparseMLP([weights.numpy() for weights, _ in layers], [bias.numpy() for _, bias in layers], names)


def _uniform(n: int, reach: float, generator: torch.Generator) -> torch.Tensor:
    return reach * (2 * torch.rand(n, dtype=torch.float64, generator=generator) - 1)


def train(
    module: MaskedMLP,
    X: torch.Tensor,
    y: torch.Tensor,
    n_steps: int,
    l2: float = 0.0,
    penalty: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> None:
    """Minimise the mean squared error on standardised rows by SciPy's L-BFGS (Liu and Nocedal 1989), in place.

    `l2` is the price of the sum of all squared weights and biases; `penalty`, of the parameters, is added as well. The
    module ends at the best parameters, and keeps its own if nothing is finite. At equal time this went further than
    ``torch.optim.LBFGS``, whose own arithmetic takes longer than evaluating a network this small.
    """
    vector = module.vector
    start = vector.detach().numpy().copy()

    def evaluate(values: np.ndarray) -> tuple[float, np.ndarray]:
        vector.data.copy_(torch.from_numpy(values))
        with torch.enable_grad():
            loss = torch.nn.functional.mse_loss(module(X), y)
            if l2:
                loss = loss + l2 * vector.square().sum()
            if penalty is not None:
                loss = loss + penalty(vector)
            (gradient,) = torch.autograd.grad(loss, [vector])
        return loss.item(), gradient.numpy()

    options = {"maxiter": n_steps, "maxcor": _MEMORY, "ftol": 1e-13, "gtol": 1e-9, "maxfun": 10**9}
    with np.errstate(all="ignore"):
        found = minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
    better = np.isfinite(found.fun) and np.isfinite(found.x).all()
    vector.data.copy_(torch.from_numpy(found.x if better else start))


def mean_squared_error(module: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    """Mean squared error, infinite instead of nan."""
    with torch.no_grad():
        return float((module(X) - y).square().mean().nan_to_num(torch.inf))


def best_start(
    modules: Sequence[MaskedMLP], X: torch.Tensor, y: torch.Tensor, n_steps: int, l2: float = 0.0
) -> MaskedMLP:
    """Train modules by turns, keeping the better half each time, and give the last one.

    Successive halving (Jamieson and Talwalkar 2016): every round shares out the same number of iterations, and the
    last module gets `n_steps` of its own.
    """
    modules = list(modules)
    while True:
        for module in modules:
            train(module, X, y, max(1, n_steps // len(modules)), l2)
        if len(modules) == 1:
            return modules[0]
        modules.sort(key=lambda module: mean_squared_error(module, X, y))
        modules = modules[: (len(modules) + 1) // 2]

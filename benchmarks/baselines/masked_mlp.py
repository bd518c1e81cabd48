"""A plain MLP with one activation per layer and a fixed mask over its weights and biases, and its training.

All weights and biases lie in one vector, so that pruning ranks them together and a projection is one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from skorch import NeuralNet

from sk_swat.network import SparseMLP
from sk_swat.softnet import TORCH_ACTIVATIONS

__all__ = ["LBFGS", "AllRows", "MaskedMLP", "MaskedNet", "best_start", "mean_squared_error", "run"]

_MEMORY = 30  # pairs of steps and gradient changes that L-BFGS keeps


class MaskedMLP(torch.nn.Module):
    """Fully connected layers with a linear output, in float64; masked numbers are exactly zero and stay so.

    Parameters
    ----------
    n_inputs : int
        Number of input columns.
    widths : sequence of int
        Neurons of each hidden layer.
    activations : sequence of str
        For each hidden layer a name from ``ACTIVATION_NAMES``.
    generator : torch.Generator
        Source of the weights, uniform as in Glorot and Bengio (2010), eq. 16, and of the biases of the first layer,
        uniform in [-1, 1]; other biases begin at 0.
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
        self.numbers = torch.nn.Parameter(torch.cat(parts))
        self.register_buffer("mask", torch.ones_like(self.numbers.data))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Give outputs of shape (n_rows, 1) for X of shape (n_rows, n_inputs)."""
        layers = self.layers(self.numbers * self.mask)
        for (weights, bias), name in zip(layers, self.activations, strict=False):
            X = TORCH_ACTIVATIONS[name][0](torch.addmm(bias, X, weights))
        weights, bias = layers[-1]
        return torch.addmm(bias, X, weights)

    def layers(self, numbers: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Cut a vector like `numbers` into weights (n_in, n_out) and biases (n_out,) of each layer."""
        parts = iter(numbers.split([n for n_in, n_out in self.shapes for n in (n_in * n_out, n_out)]))
        return [(next(parts).view(shape), next(parts)) for shape in self.shapes]

    @torch.no_grad()
    def set_mask(self, mask: torch.Tensor) -> None:
        """Keep the numbers where `mask`, of the shape of `numbers`, is True; the others become zero."""
        self.mask.copy_(mask)
        self.numbers.mul_(self.mask)

    def to_sparse(self, numbers: torch.Tensor | None = None) -> SparseMLP:
        """Give the network, or one of the same shape with other numbers, as plain arrays."""
        with torch.no_grad():
            layers = self.layers(self.numbers * self.mask if numbers is None else numbers)
        names = [[name] * shape[1] for name, shape in zip(self.activations, self.shapes, strict=False)]
        return SparseMLP([weights.numpy() for weights, _ in layers], [bias.numpy() for _, bias in layers], names)


def _uniform(n: int, reach: float, generator: torch.Generator) -> torch.Tensor:
    return reach * (2 * torch.rand(n, dtype=torch.float64, generator=generator) - 1)


class LBFGS(torch.optim.Optimizer):
    """SciPy's L-BFGS (Liu and Nocedal 1989) as a torch optimiser of one float64 parameter.

    One step runs `max_iter` iterations. At equal time it went further than ``torch.optim.LBFGS``, whose own
    arithmetic takes longer than evaluating a network this small.

    Parameters
    ----------
    params : iterable
        One parameter, as PyTorch passes it.
    max_iter : int
        Iterations of a step.
    lr : float, default=1.0
        Not read; skorch passes it to every optimiser.
    """

    def __init__(self, params: Any, max_iter: int, lr: float = 1.0) -> None:
        super().__init__(params, {"max_iter": max_iter, "lr": lr})

    def step(self, closure: Callable[[], torch.Tensor]) -> torch.Tensor:  # type: ignore[override]
        """Minimise; the parameter ends at the best point, where it also stays if nothing is finite."""
        group = self.param_groups[0]
        (numbers,) = group["params"]
        start = numbers.detach().numpy().copy()

        def evaluate(values: np.ndarray) -> tuple[float, np.ndarray]:
            numbers.data.copy_(torch.from_numpy(values))
            with torch.enable_grad():
                loss = closure()
            return loss.item(), numbers.grad.numpy()

        options = {"maxiter": group["max_iter"], "maxcor": _MEMORY, "ftol": 1e-13, "gtol": 1e-9, "maxfun": 10**9}
        with np.errstate(all="ignore"):
            found = minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
        better = np.isfinite(found.fun) and np.isfinite(found.x).all()
        loss, _ = evaluate(found.x if better else start)
        return torch.tensor(loss)


class AllRows:
    """All rows as the one batch of an epoch."""

    def __init__(self, dataset: Any, batch_size: int) -> None:
        self.batch = (dataset.X, dataset.y)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        yield self.batch


class MaskedNet(NeuralNet):
    """Skorch net that trains a given module in place, on all rows, by L-BFGS.

    Parameters
    ----------
    module : MaskedMLP
        The network.
    n_steps : int
        Iterations of an epoch.
    l2 : float, default=0.0
        Price of the sum of all squared weights and biases, beside the mean squared error.
    **kwargs
        Passed to :class:`skorch.NeuralNet`.
    """

    def __init__(self, module: MaskedMLP, *, n_steps: int, l2: float = 0.0, **kwargs: Any) -> None:
        self.n_steps = n_steps
        self.l2 = l2
        settings: dict[str, Any] = {
            "criterion": torch.nn.MSELoss,
            "optimizer": LBFGS,
            "optimizer__max_iter": n_steps,
            "max_epochs": 1,
            "iterator_train": AllRows,
            "train_split": None,
            "verbose": 0,
        }
        super().__init__(module, **(settings | kwargs))

    def get_loss(self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Mean squared error and penalty."""
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        return loss + self.l2 * self.module_.numbers.square().sum() if self.l2 else loss


def run(net: NeuralNet, X: torch.Tensor, y: torch.Tensor) -> NeuralNet:
    """Train a net as its `fit` does, except that an interrupt of the user ends more than this one training."""
    net.initialize()
    net.notify("on_train_begin", X=X, y=y)
    net.fit_loop(X, y)
    net.notify("on_train_end", X=X, y=y)
    return net


def mean_squared_error(module: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    """Mean squared error, infinite instead of nan."""
    with torch.no_grad():
        return float((module(X) - y).square().mean().nan_to_num(torch.inf))


def best_start(
    modules: Sequence[MaskedMLP], X: torch.Tensor, y: torch.Tensor, n_steps: int, l2: float = 0.0
) -> MaskedMLP:
    """Train modules by turns, keeping the better half each time, and the last one longest.

    Successive halving (Jamieson and Talwalkar 2016): every round shares out the same number of iterations, and
    the last module gets `n_steps` of its own.

    Parameters
    ----------
    modules : sequence of MaskedMLP
        Different starts, trained in place.
    X, y : Tensor of shape (n_rows, n_inputs), Tensor of shape (n_rows, 1)
        Standardised rows.
    n_steps : int
        Iterations of each round.
    l2 : float, default=0.0
        As in `MaskedNet`.
    """
    modules = list(modules)
    while True:
        for module in modules:
            run(MaskedNet(module, n_steps=max(1, n_steps // len(modules)), l2=l2), X, y)
        if len(modules) == 1:
            return modules[0]
        modules.sort(key=lambda module: mean_squared_error(module, X, y))
        modules = modules[: (len(modules) + 1) // 2]

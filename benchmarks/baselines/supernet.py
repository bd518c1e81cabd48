"""Differentiable architecture search for an MLP: a network of all choices at once, and its bilevel training.

Weights learn from training rows and the choices from validation rows, turn by turn, as in DARTS (Liu, Simonyan and
Yang 2019, arXiv 1806.09055).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import mix_activations

__all__ = ["Architecture", "BilevelSearch", "Supernet"]


@dataclass(frozen=True)
class Architecture:
    """What a search decides: the width of each hidden layer, and its activation."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]


class Supernet(torch.nn.Module):
    """Several independent MLPs whose depth, widths and activations are mixtures, in float32.

    Each choice is relaxed to a softmax over its candidates (arXiv 1806.09055, eq. 2): a layer's activation is a
    weighted mean of all; its neuron j is on with the probability that the layer has at least j neurons; and the
    output is a weighted mean of linear readouts, one from each layer. `n_copies` searches side by side differ in their
    random weights; all choices begin undecided.

    `architecture` holds logits of the "depth" (n_copies, max_depth), "width" (n_copies, max_depth, max_width) and
    "activation" (n_copies, max_depth, n_activations); `layers` and `readouts` the weights of each layer, and of the
    output behind it, each (n_copies, n_in + 1, n_out), biases in the last row.
    """

    def __init__(
        self,
        n_copies: int,
        n_inputs: int,
        max_depth: int,
        max_width: int,
        activations: Sequence[str],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.activations = tuple(activations)
        self.used = [list(ACTIVATIONS).index(name) for name in activations]

        def layer(n_in: int, n_out: int) -> torch.nn.Parameter:
            uniform = torch.rand(n_copies, n_in + 1, n_out, dtype=torch.float32, generator=generator)
            return torch.nn.Parameter((6 / (n_in + n_out)) ** 0.5 * (2 * uniform - 1))

        n_in = [n_inputs, *[max_width] * (max_depth - 1)]
        self.layers = torch.nn.ParameterList([layer(n, max_width) for n in n_in])
        self.readouts = torch.nn.ParameterList([layer(max_width, 1) for _ in n_in])
        shapes = {"depth": (max_depth,), "width": (max_depth, max_width), "activation": (max_depth, len(activations))}
        self.architecture = torch.nn.ParameterDict(
            {name: torch.zeros(n_copies, *shape, dtype=torch.float32) for name, shape in shapes.items()}
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Give mixed outputs of shape (n_copies, n_rows, 1) for X of shape (n_rows, n_inputs)."""
        logits = self.architecture
        depth = logits["depth"].softmax(1)
        chosen = logits["activation"].softmax(2)
        shares = chosen.new_zeros(*chosen.shape[:2], len(ACTIVATIONS)).index_copy(2, torch.tensor(self.used), chosen)
        gates = logits["width"].softmax(2).flip(2).cumsum(2).flip(2)  # P(width >= j) for neuron j
        X = X.expand(len(depth), *X.shape)
        outputs: torch.Tensor | float = 0.0
        for d, (weights, readout) in enumerate(zip(self.layers, self.readouts, strict=True)):
            z = torch.baddbmm(weights[:, -1:], X, weights[:, :-1])
            mixed, _ = mix_activations(z, shares[:, d, None].expand(-1, z.shape[2], -1), self.used)
            X = gates[:, d, None] * mixed
            readout = depth[:, d, None, None] * readout
            outputs = outputs + torch.baddbmm(readout[:, -1:], X, readout[:, :-1])
        assert isinstance(outputs, torch.Tensor)
        return outputs

    def discretise(self) -> list[Architecture]:
        """Take the most probable candidate of each choice (arXiv 1806.09055, section 2.4), for each copy."""
        depths = (self.architecture["depth"].argmax(1) + 1).tolist()
        widths = (self.architecture["width"].argmax(2) + 1).tolist()
        names = [[self.activations[i] for i in one] for one in self.architecture["activation"].argmax(2).tolist()]
        return [
            Architecture(tuple(width[:depth]), tuple(name[:depth]))
            for depth, width, name in zip(depths, widths, names, strict=True)
        ]


class BilevelSearch:
    """First-order bilevel training of a supernet (arXiv 1806.09055, algorithm 1 with xi = 0), in place.

    `lr` is the step size of the weights, at first, and `architecture_lr` that of the choices.
    """

    def __init__(
        self, supernet: Supernet, generator: torch.Generator, lr: float = 1e-2, architecture_lr: float = 3e-3
    ) -> None:
        self.supernet, self.generator = supernet, generator
        choices = list(supernet.architecture.parameters())
        weights = [*supernet.layers, *supernet.readouts]
        # as in DARTS, section A.1.1, with its weight decay
        self.choices = torch.optim.Adam(choices, lr=architecture_lr, betas=(0.5, 0.999), weight_decay=1e-3)
        self.weights = torch.optim.Adam(weights, lr=lr)

    def run(self, X: torch.Tensor, y: torch.Tensor, n_steps: int, n_validation: int) -> None:
        """Move the choices by the validation loss, then the weights by the training loss, so many times.

        The last `n_validation` rows are for validation, at least one; rows are in random order and float32. Each update
        sees 256 rows of both kinds, or all there are.
        """
        n_train = len(X) - n_validation
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(self.weights, T_max=n_steps)
        for _ in range(n_steps):
            training = self.batch(X[:n_train], y[:n_train])
            validation = self.batch(X[n_train:], y[n_train:])
            self.move(self.choices, *validation)
            self.move(self.weights, *training)
            cosine.step()

    def batch(self, X: torch.Tensor, y: torch.Tensor, size: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw random rows, with replacement; all there are if there are no more."""
        if len(X) <= size:
            return X, y
        rows = torch.randint(len(X), (size,), generator=self.generator)
        return X[rows], y[rows]

    def loss(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Sum of the copies' mean squared errors: each copy learns as if it were alone."""
        return (self.supernet(X) - y).square().mean((1, 2)).sum()

    def move(self, optimizer: torch.optim.Optimizer, X: torch.Tensor, y: torch.Tensor) -> None:
        """Take one step with the parameters of one of the two optimisers."""
        parameters = [value for group in optimizer.param_groups for value in group["params"]]
        with torch.enable_grad():
            gradients = torch.autograd.grad(self.loss(X, y), parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()

"""Differentiable architecture search for an MLP: a network of all choices at once, and its bilevel training.

Weights learn from training rows and the choices from validation rows, turn by turn, as in DARTS (Liu, Simonyan and
Yang 2019, arXiv 1806.09055).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import LRScheduler

from sk_swat.activations import ACTIVATION_NAMES
from sk_swat.softnet import mix_activations

__all__ = ["Architecture", "SearchBatches", "SearchNet", "Supernet"]


@dataclass(frozen=True)
class Architecture:
    """What a search decides: the width of each hidden layer, and its activation."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]


class Supernet(torch.nn.Module):
    """Several independent MLPs whose depth, widths and activations are mixtures, in float32.

    Each choice is relaxed to a softmax over its candidates (arXiv 1806.09055, eq. 2): a layer's activation is a
    weighted mean of all; its neuron j is on with the probability that the layer has at least j neurons; and the
    output is a weighted mean of linear readouts, one from each layer.

    Parameters
    ----------
    n_copies : int
        Searches side by side, which differ in their random weights.
    n_inputs, max_depth, max_width : int
        Input columns, most hidden layers, and most neurons of one.
    activations : sequence of str
        Names from ``ACTIVATION_NAMES``, in their order.
    generator : torch.Generator
        Source of the weights; all choices begin undecided.

    Attributes
    ----------
    architecture : ParameterDict
        Logits of the "depth" (n_copies, max_depth), "width" (n_copies, max_depth, max_width) and "activation"
        (n_copies, max_depth, n_activations).
    layers, readouts : ParameterList
        Weights of each layer, and of the output behind it; each (n_copies, n_in + 1, n_out), biases in the last row.
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
        self.used = [ACTIVATION_NAMES.index(name) for name in activations]

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
        shares = chosen.new_zeros(*chosen.shape[:2], len(ACTIVATION_NAMES)).index_copy(
            2, torch.tensor(self.used), chosen
        )
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


class SearchBatches:
    """Pairs of a random batch of training rows and one of validation rows.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        All rows, in random order.
    batch_size : int
        Rows of each batch, or all there are.
    n_steps : int
        Pairs in an epoch.
    n_validation : int
        How many rows, at the end, are for validation; at least 1, and fewer than there are.
    generator : torch.Generator
        Source of the batches.
    """

    def __init__(
        self, dataset: Any, batch_size: int, n_steps: int, n_validation: int, generator: torch.Generator
    ) -> None:
        n_train = len(dataset) - n_validation
        self.parts = [(dataset.X[:n_train], dataset.y[:n_train]), (dataset.X[n_train:], dataset.y[n_train:])]
        self.batch_size = batch_size
        self.n_steps = n_steps
        self.generator = generator

    def __iter__(self) -> Iterator[list[tuple[torch.Tensor, torch.Tensor]]]:
        for _ in range(self.n_steps):
            yield [self._batch(X, y) for X, y in self.parts]

    def _batch(self, X: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if len(X) <= self.batch_size:
            return X, y
        rows = torch.randint(len(X), (self.batch_size,), generator=self.generator)
        return X[rows], y[rows]


class SearchNet(NeuralNet):
    """Skorch net whose training step is the first-order bilevel update (arXiv 1806.09055, algorithm 1 with xi = 0).

    Parameters
    ----------
    module : Supernet
        The network, trained in place.
    n_steps : int
        Updates, all in one epoch.
    n_validation : int
        Rows at the end of the table on which the architecture is judged.
    generator : torch.Generator
        Source of the batches.
    architecture_optimizer : type, default=torch.optim.Adam
        Optimiser of the choices, with the settings ``architecture_optimizer__...``.
    **kwargs
        Passed to :class:`skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: Supernet,
        *,
        n_steps: int,
        n_validation: int,
        generator: torch.Generator,
        architecture_optimizer: Any = torch.optim.Adam,
        **kwargs: Any,
    ) -> None:
        self.n_steps = n_steps
        self.n_validation = n_validation
        self.generator = generator
        self.architecture_optimizer = architecture_optimizer
        settings: dict[str, Any] = {
            "criterion": torch.nn.MSELoss,
            "optimizer": torch.optim.Adam,
            "lr": 1e-2,
            "architecture_optimizer__lr": 3e-3,
            "architecture_optimizer__betas": (0.5, 0.999),  # as in DARTS, section A.1.1, with its weight decay
            "architecture_optimizer__weight_decay": 1e-3,
            "callbacks": [("cosine", LRScheduler("CosineAnnealingLR", T_max=n_steps, step_every="batch"))],
            "max_epochs": 1,
            "batch_size": 256,
            "iterator_train": SearchBatches,
            "iterator_train__n_steps": n_steps,
            "iterator_train__n_validation": n_validation,
            "iterator_train__generator": generator,
            "train_split": None,
            "verbose": 0,
        }
        super().__init__(module, **(settings | kwargs))

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> SearchNet:
        """Give weights and choices an optimiser each."""
        named = list(self.module_.named_parameters())
        for prefix, wanted in (("optimizer", False), ("architecture_optimizer", True)):
            part = [(name, value) for name, value in named if name.startswith("architecture.") is wanted]
            groups, settings = self.get_params_for_optimizer(prefix, part)
            setattr(self, prefix + "_", getattr(self, prefix)(*groups, **settings))
        return self

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Move the choices by the validation loss, then the weights by the training loss."""
        training, validation = batch
        self._move(self.architecture_optimizer_, validation)
        return self._move(self.optimizer_, training)

    def get_loss(self, y_pred: torch.Tensor, y_true: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Sum of the copies' mean squared errors: each copy learns as if it were alone."""
        return (y_pred - y_true).square().mean((1, 2)).sum()

    def _move(self, optimizer: torch.optim.Optimizer, batch: Any) -> dict[str, torch.Tensor]:
        parameters = [value for group in optimizer.param_groups for value in group["params"]]
        X, y = batch
        y_pred = self.infer(X)
        loss = self.get_loss(y_pred, y, X=X, training=True)
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        return {"loss": loss, "y_pred": y_pred}

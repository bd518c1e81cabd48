"""Pretraining as a skorch net: seeded batch by batch, and resumable at any moment.

Batches, noise and schedule depend only on the seed and the number of the step, so that a run that was killed goes
on from its last checkpoint as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import GradientNormClipping

from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.network.softnet import SoftNetworks
from sk_swat.pretraining.callbacks import EpochMeans, Patience, ResumableState, Schedule
from sk_swat.pretraining.corpus import Corpus
from sk_swat.pretraining.linear_start import start_linearly
from sk_swat.pretraining.objective import ObjectiveConfig, augment, functional_fvu, pretraining_loss
from sk_swat.utils.seeds import seed_of

__all__ = ["AutoencoderNet", "TrainingConfig", "pretrain"]


@dataclass(frozen=True)
class TrainingConfig:
    """Length, speed and seed of the pretraining."""

    n_epochs: int = 58  # in all, those before an interruption included; each ends with a state on disk
    steps_per_epoch: int = 100
    batch_size: int = 256  # source networks a step, equally many of each depth
    learning_rate: float = 4e-4  # largest one: after the warm-up, falling to 1/50 in the cool-down
    shortcut_share: float = 0.1  # learning rate of the shortcuts, which start from linear algebra, over the others'
    n_warmup_steps: int = 200  # of linearly growing learning rate
    cooldown_share: float = 0.6  # of the training, at its end, with falling learning rate
    reconstruction_share: tuple[float, float] = (1.0, 0.1)  # its weight at the start, and from the middle on
    patience: int = 50  # epochs without a better held-out loss before the training stops
    n_heldout: int = 256  # networks of each depth that are evaluated after every epoch
    autocast: bool = True  # encoder and decoders run in bfloat16
    seed: int = 0
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)

    @property
    def n_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.n_epochs * self.steps_per_epoch

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, constant, linear cool-down to 1/50."""
        warm = min(1.0, (step + 1) / self.n_warmup_steps)
        left = (self.n_steps - step) / (self.cooldown_share * self.n_steps)
        return self.learning_rate * warm * min(1.0, max(0.02, left))

    def reconstruction_share_at(self, step: int) -> float:
        """Weight of the reconstruction: falls linearly until the middle of the training."""
        first, last = self.reconstruction_share
        return first + (last - first) * min(1.0, 2 * step / self.n_steps)


class _Steps(torch.utils.data.Dataset):
    """Numbers of the steps of the current epoch; a batch is made from its number."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.epoch = 0

    def __len__(self) -> int:
        return self.n_steps

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index >= self.n_steps:
            raise IndexError(index)
        return torch.tensor([self.epoch * self.n_steps + index]), torch.tensor([0])


class AutoencoderNet(NeuralNet):
    """Skorch net that trains an :class:`Autoencoder` on a :class:`Corpus`, and judges it on held-out networks."""

    def __init__(self, *args: Any, training: TrainingConfig, corpus: Corpus, heldout: Corpus, **kwargs: Any) -> None:
        self.training = training
        self.corpus = corpus
        self.heldout = heldout
        super().__init__(*args, **kwargs)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Loss and gradients of one step, all randomness taken from the step's number."""
        self._set_training(True)
        step, config = int(batch[0]), self.training
        generator = torch.Generator(self.device).manual_seed(seed_of(config.seed, step + 1))
        with torch.no_grad():
            sources = {
                depth: augment(self._draw(networks, generator), generator, config.objective)
                for depth, networks in self.corpus.by_depth.items()
            }
            X = _random_inputs(config.objective.n_inputs_drawn, config.autoencoder.max_width, generator)
        share = config.reconstruction_share_at(step)
        loss, parts = pretraining_loss(self.module_, sources, X, config.objective, share, generator, config.autocast)
        loss.backward()
        for name, value in parts.items():
            self.history.record_batch(name, value)
        return {"loss": loss, "y_pred": loss.detach()}

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Mean logarithm of the same-depth FVU on held-out networks, without latent noise."""
        self._set_training(False)
        autoencoder: Any = self.module_
        generator = torch.Generator(self.device).manual_seed(seed_of(self.training.seed, 0))
        X = _random_inputs(128, self.training.autoencoder.max_width, generator)
        losses = []
        with torch.no_grad():
            for depth, networks in self.heldout.by_depth.items():
                part = networks[: self.training.n_heldout].map(lambda tensor: tensor.to(self.device))
                decoded = autoencoder.decode(autoencoder.encode(part), part.input_mask, [depth])[depth]
                fvu = functional_fvu(decoded.soften(), X, part.forward(X))
                self.history.record_batch(f"heldout_fvu_{depth}", float(fvu.median()))
                losses.append((fvu + self.training.objective.fvu_offset).log().mean())
        loss = torch.stack(losses).mean()
        return {"loss": loss, "y_pred": loss}

    def _draw(self, networks: SoftNetworks, generator: torch.Generator) -> SoftNetworks:
        n = self.training.batch_size // len(self.corpus.by_depth)
        return networks[torch.randint(len(networks), (n,), generator=generator, device=self.device)]


def _random_inputs(n_rows: int, n_inputs: int, generator: torch.Generator) -> torch.Tensor:
    """Uniform or normal inputs of unit variance, one kind a batch."""
    device = generator.device
    normal = torch.randn(n_rows, n_inputs, generator=generator, device=device)
    uniform = (2 * torch.rand(n_rows, n_inputs, generator=generator, device=device) - 1) * 3**0.5
    return torch.where(torch.rand((), generator=generator, device=device) < 0.6, uniform, normal)


def pretrain(
    corpus: Corpus,
    heldout: Corpus,
    config: TrainingConfig,
    folder: str | Path,
    device: str = "cpu",
    sink: Callable[..., None] | None = None,
) -> Autoencoder:
    """Train an autoencoder, going on from the folder's last state if it has one; in evaluation mode, on the CPU.

    ``training.pt`` (module, optimiser, history) is rewritten after every epoch, and so is the log ``training.csv``. The
    configuration must equal that of an earlier run in the folder but for `n_epochs`, `patience` and `n_heldout`. `sink`
    takes the lines of the training's log; None prints nothing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state, patience = ResumableState(folder / "training.pt"), Patience(config.patience)
    begun = state.path.exists()
    with torch.random.fork_rng(devices=[]):  # data loaders draw from the caller's generator too: it is put back
        torch.manual_seed(config.seed)  # of the initial weights
        autoencoder = Autoencoder(config.autoencoder)
        if not begun:
            start_linearly(autoencoder, corpus)
        net = AutoencoderNet(
            autoencoder,
            criterion=object,  # none: the step gives the loss
            optimizer=torch.optim.AdamW,
            optimizer__param_groups=[("*shortcut*", {"share": config.shortcut_share}), ("*", {"share": 1.0})],
            optimizer__weight_decay=0.01,
            optimizer__betas=(0.9, 0.98),
            lr=config.learning_rate,
            training=config,
            corpus=Corpus({d: n.map(lambda tensor: tensor.to(device)) for d, n in corpus.by_depth.items()}),
            heldout=heldout,
            batch_size=1,
            iterator_train__shuffle=False,
            train_split=lambda dataset, y=None: (dataset, _Steps(1)),
            # patience last: the others see the final epoch too
            callbacks=[Schedule(), GradientNormClipping(1.0), EpochMeans(), state, patience],
            callbacks__print_log__sink=sink if sink is not None else lambda *line: None,
            verbose=1,  # else skorch keeps from `print` what it gives to other sinks
            device=device,
        ).initialize()
        if begun:
            state.restore(net)
        left = config.n_epochs - len(net.history)
        if left > 0 and not patience.is_spent(net):
            net.partial_fit(_Steps(config.steps_per_epoch), epochs=left)
            if len(net.history) < config.n_epochs and not patience.is_spent(net):
                raise KeyboardInterrupt("pretraining was interrupted; the same call goes on from the last epoch.")
    return net.module_.cpu().eval()

"""Pretraining as a skorch net: seeded batch by batch, and resumable at any moment.

Batches, noise and schedule depend only on the seed and the number of the step, so that a run that was killed goes
on from its last checkpoint as if nothing had happened. Several processes (one for each GPU, by accelerate) share the
steps of an epoch: each takes one at a time, and the update follows the mean of their gradients.
"""

from __future__ import annotations

import csv
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, GradientNormClipping
from skorch.hf import AccelerateMixin
from skorch.history import History

from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.network.softnet import SoftNetworks
from sk_swat.pretraining.corpus import Corpus
from sk_swat.pretraining.linear_start import start_linearly
from sk_swat.pretraining.objective import ObjectiveConfig, augment, functional_fvu, pretraining_loss

__all__ = ["AutoencoderNet", "TrainingConfig", "pretrain"]


@dataclass(frozen=True)
class TrainingConfig:
    """Length, speed and seed of the pretraining.

    Parameters
    ----------
    n_epochs : int, default=58
        Epochs in all, those before an interruption included. An epoch ends with a checkpoint.
    steps_per_epoch : int, default=100
        Steps an epoch. Each is an update of the weights; several processes take one each, and make one update of them.
    batch_size : int, default=256
        Source networks a step, equally many of each depth.
    learning_rate : float, default=4e-4
        Largest step size of AdamW, reached after `n_warmup_steps` and falling to 1/50 in the cool-down.
    shortcut_share : float, default=0.1
        Learning rate of the shortcuts, which start from linear algebra, as a share of that of the other weights.
    n_warmup_steps : int, default=200
        Steps of linearly growing learning rate.
    cooldown_share : float, default=0.6
        Share of the training, at its end, with falling learning rate.
    reconstruction_share : tuple of float, default=(1.0, 0.1)
        Weight of the reconstruction at the start and from the middle of the training on.
    patience : int, default=50
        Epochs without a better held-out loss before the training stops.
    n_heldout : int, default=256
        Held-out networks of each depth that are evaluated after every epoch.
    autocast : bool, default=True
        Run encoder and decoders in bfloat16.
    seed : int, default=0
        Names the run.
    """

    n_epochs: int = 58
    steps_per_epoch: int = 100
    batch_size: int = 256
    learning_rate: float = 4e-4
    shortcut_share: float = 0.1
    n_warmup_steps: int = 200
    cooldown_share: float = 0.6
    reconstruction_share: tuple[float, float] = (1.0, 0.1)
    patience: int = 50
    n_heldout: int = 256
    autocast: bool = True
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


class _Loss(torch.nn.Module):
    """An autoencoder and its loss in one: what spreads a module over processes watches the call of the module."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, *args: Any) -> tuple[torch.Tensor, dict[str, float]]:
        return pretraining_loss(self.autoencoder, *args)


class AutoencoderNet(NeuralNet):
    """Skorch net that trains an :class:`Autoencoder` on a :class:`Corpus`.

    Its module is the autoencoder with its loss.

    Parameters
    ----------
    training : TrainingConfig
        Configuration.
    corpus, heldout : Corpus
        Networks to train on, and networks never trained on.
    **kwargs
        Passed to :class:`skorch.NeuralNet`.
    """

    def __init__(self, *args: Any, training: TrainingConfig, corpus: Corpus, heldout: Corpus, **kwargs: Any) -> None:
        self.training = training
        self.corpus = corpus
        self.heldout = heldout
        super().__init__(*args, **kwargs)

    @property
    def autoencoder_(self) -> Autoencoder:
        """What is trained."""
        loss: Any = self.module_
        return getattr(loss, "module", loss).autoencoder  # several processes put a wrapper around it

    @property
    def place(self) -> torch.device:
        """Device of the training."""
        return torch.device(self.device)

    @property
    def n_processes(self) -> int:
        """Processes that share the steps."""
        return 1

    def backward(self, loss: torch.Tensor) -> None:
        """Compute the gradients."""
        loss.backward()

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Loss and gradients of one step, all randomness taken from the step's number."""
        self._set_training(True)
        step, config = int(batch[0]), self.training
        generator = torch.Generator(self.place).manual_seed(_seed_of(config.seed, step))
        with torch.no_grad():
            sources = {
                depth: augment(self._draw(networks, generator), generator, config.objective)
                for depth, networks in self.corpus.by_depth.items()
            }
            X = _random_inputs(config.objective.n_inputs_drawn, config.autoencoder.max_width, generator)
        share = config.reconstruction_share_at(step)
        loss, parts = self.module_(sources, X, config.objective, share, generator, config.autocast)
        self.backward(loss)
        for name, value in parts.items():
            self.history.record_batch(name, value)
        return {"loss": loss, "y_pred": loss.detach()}

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Mean logarithm of the same-depth FVU on held-out networks, without latent noise."""
        self._set_training(False)
        autoencoder, generator = self.autoencoder_, torch.Generator(self.place)
        generator.manual_seed(_seed_of(self.training.seed, -1))
        X = _random_inputs(128, self.training.autoencoder.max_width, generator)
        losses = []
        with torch.no_grad():
            for depth, networks in self.heldout.by_depth.items():
                part = networks[: self.training.n_heldout].map(lambda tensor: tensor.to(self.place))
                decoded = autoencoder.decode(autoencoder.encode(part), part.input_mask, [depth])[depth]
                fvu = functional_fvu(decoded.soften(), X, part.forward(X))
                self.history.record_batch(f"heldout_fvu_{depth}", float(fvu.median()))
                losses.append((fvu + self.training.objective.fvu_offset).log().mean())
        loss = torch.stack(losses).mean()
        return {"loss": loss, "y_pred": loss}

    def _draw(self, networks: SoftNetworks, generator: torch.Generator) -> SoftNetworks:
        n = self.training.batch_size // len(self.corpus.by_depth)
        return networks[torch.randint(len(networks), (n,), generator=generator, device=self.place)]


class _SharedNet(AccelerateMixin, AutoencoderNet):
    """The same in several processes, which share the steps."""

    train_step_single = AutoencoderNet.train_step_single  # the mixin's own knows only the forward of a module

    @property
    def place(self) -> torch.device:
        return self.accelerator.device

    @property
    def n_processes(self) -> int:
        return int(self.accelerator.num_processes)

    def backward(self, loss: torch.Tensor) -> None:
        self.accelerator.backward(loss)

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Give all processes the same number, so that they lose patience together."""
        step = super().validation_step(batch, **fit_params)
        return step | {"loss": self.accelerator.reduce(step["loss"], "mean")}


def _seed_of(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step + 1]).generate_state(1)[0])


def _random_inputs(n_rows: int, n_inputs: int, generator: torch.Generator) -> torch.Tensor:
    """Uniform or normal inputs of unit variance, one kind a batch."""
    device = generator.device
    normal = torch.randn(n_rows, n_inputs, generator=generator, device=device)
    uniform = (2 * torch.rand(n_rows, n_inputs, generator=generator, device=device) - 1) * 3**0.5
    return torch.where(torch.rand((), generator=generator, device=device) < 0.6, uniform, normal)


class _Schedule(Callback):
    """Set the learning rate by the number of the step, and tell the data set the epoch."""

    def on_epoch_begin(self, net: AutoencoderNet, dataset_train: Any = None, **kwargs: Any) -> None:
        dataset_train.epoch = len(net.history) - 1

    def on_batch_begin(self, net: AutoencoderNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        if training:
            for group in net.optimizer_.param_groups:
                step = int(batch[0])
                first = step - step % net.n_processes  # of those that are taken together: one rate for all processes
                group["lr"] = group["share"] * net.training.learning_rate_at(first)


class _EpochMeans(Callback):
    """Record the epoch's means of what the steps recorded, for the printed log and the CSV file."""

    def on_epoch_end(self, net: AutoencoderNet, **kwargs: Any) -> None:
        net.history.record("lr", net.optimizer_.param_groups[-1]["lr"])
        for depth in net.corpus.by_depth:
            for name in (f"log10_fvu_{depth}", f"heldout_fvu_{depth}"):
                values = [batch[name] for batch in net.history[-1]["batches"] if name in batch]
                net.history.record(name, float(np.mean(values)))
        for batch in net.history[-1]["batches"]:  # only the means are kept: the history stays small
            batch.clear()


_MAY_CHANGE = ("n_epochs", "patience", "n_heldout")  # settings that a continued training may have otherwise


class _ResumableState(Callback):
    """Write module, optimiser and history to one file, so that a kill leaves the old or the new one whole.

    Of several processes one writes.
    """

    def __init__(self, path: Path, writes: bool) -> None:
        self.path = path
        self.writes = writes

    def on_epoch_end(self, net: AutoencoderNet, **kwargs: Any) -> None:
        if not self.writes:
            return
        state = {
            "module": net.autoencoder_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": json.dumps(net.history.to_list(), default=float),
            "config": asdict(net.training),
        }
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.path)
        _write_log(self.path.with_suffix(".csv"), net.history)

    def restore(self, net: AutoencoderNet) -> None:
        """Continue from the file."""
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            earlier, history = dict(state["config"]), json.loads(state["history"])
            module, optimizer = state["module"], state["optimizer"]
        except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.path} must hold a training state written by pretrain, but it cannot be read ({error}); "
                "delete it to start again."
            ) from error
        wanted = asdict(net.training)
        other = [name for name in wanted if name not in _MAY_CHANGE and earlier.get(name) != wanted[name]]
        if other:
            raise ValueError(
                f"{self.path} was written with other settings: {', '.join(f'{k}={earlier.get(k)}' for k in other)}; "
                "give the same ones, or another folder."
            )
        net.autoencoder_.load_state_dict(module)
        net.optimizer_.load_state_dict(optimizer)
        net.history = History(history)


class _Patience(Callback):
    """Stop when the held-out loss has not fallen for some epochs, those before an interruption included."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_epoch_end(self, net: AutoencoderNet, **kwargs: Any) -> None:
        if self.is_spent(net):
            raise KeyboardInterrupt  # how a callback tells skorch to end the training

    def is_spent(self, net: AutoencoderNet) -> bool:
        losses = np.array([epoch["valid_loss"] for epoch in net.history.to_list()])
        losses = np.where(np.isnan(losses), np.inf, losses)
        return bool(len(losses) and len(losses) - 1 - np.argmin(losses) >= self.patience)


def _write_log(path: Path, history: History) -> None:
    rows = [{key: value for key, value in row.items() if key != "batches"} for row in history.to_list()]
    part = path.with_suffix(".csv.part")
    with open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)


def _silent(*line: Any) -> None:
    """Take a line of the log, and print nothing."""


def pretrain(
    corpus: Corpus,
    heldout: Corpus,
    config: TrainingConfig,
    folder: str | Path,
    device: str = "cpu",
    sink: Callable[..., None] | None = None,
    accelerator: Any = None,
) -> Autoencoder:
    """Train an autoencoder, going on from the folder's last checkpoint if it has one.

    Parameters
    ----------
    corpus, heldout : Corpus
        Networks to train on, and networks never trained on.
    config : TrainingConfig
        Configuration; must equal that of an earlier run in the folder but for `n_epochs`, `patience` and `n_heldout`.
    folder : str or Path
        Where ``training.pt`` (module, optimiser, history; rewritten after every epoch) and the log
        ``training.csv`` go; made if it does not exist.
    device : str, default="cpu"
        Torch device; with an accelerator it is the accelerator's.
    sink : callable, default=None
        Takes the lines of the training's log; None prints nothing.
    accelerator : accelerate.Accelerator, default=None
        Shares the steps of an epoch, whose number must be a multiple of that of the processes, among the processes that
        were started with ``accelerate launch``. All of them make the same call and see the same folder; the first one
        writes and logs. None trains in this process alone.

    Returns
    -------
    autoencoder : Autoencoder
        In evaluation mode, on the CPU.
    """
    n_processes = 1 if accelerator is None else accelerator.num_processes
    is_first = accelerator is None or accelerator.is_main_process
    if config.steps_per_epoch % n_processes:
        raise ValueError(
            f"steps_per_epoch must be a multiple of the number of processes, got {config.steps_per_epoch} steps and "
            f"{n_processes} processes."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = _ResumableState(folder / "training.pt", writes=is_first)
    begun = state.path.exists()
    callbacks: list[Any] = [
        _Schedule(),
        GradientNormClipping(1.0),
        _EpochMeans(),
        state,
    ]
    patience = _Patience(config.patience)
    callbacks.append(patience)  # last: the others see the final epoch too
    make, place, where = AutoencoderNet, torch.device(device), {"device": device}
    if accelerator is not None:
        make, place, where = _SharedNet, accelerator.device, {"accelerator": accelerator}
    with torch.random.fork_rng(devices=[]):  # data loaders draw from the caller's generator too: it is put back
        torch.manual_seed(config.seed)  # of the initial weights
        autoencoder = Autoencoder(config.autoencoder)
        if not begun:
            start_linearly(autoencoder, corpus)
        net = make(
            _Loss(autoencoder),
            criterion=object,  # none: the module gives the loss
            optimizer=torch.optim.AdamW,
            optimizer__param_groups=[("*shortcut*", {"share": config.shortcut_share}), ("*", {"share": 1.0})],
            optimizer__weight_decay=0.01,
            optimizer__betas=(0.9, 0.98),
            lr=config.learning_rate,
            training=config,
            corpus=Corpus({d: n.map(lambda tensor: tensor.to(place)) for d, n in corpus.by_depth.items()}),
            heldout=heldout,
            batch_size=1,
            iterator_train__shuffle=False,
            train_split=lambda dataset, y=None: (dataset, _Steps(1)),
            callbacks=callbacks,
            callbacks__print_log__sink=sink if sink is not None and is_first else _silent,
            verbose=1,  # else skorch keeps from `print` what it gives to other sinks
            **where,
        ).initialize()
        if begun:
            state.restore(net)
        left = config.n_epochs - len(net.history)
        if left > 0 and not patience.is_spent(net):
            net.partial_fit(_Steps(config.steps_per_epoch), epochs=left)
            if len(net.history) < config.n_epochs and not patience.is_spent(net):
                raise KeyboardInterrupt("pretraining was interrupted; the same call goes on from the last epoch.")
    return net.autoencoder_.cpu().eval()

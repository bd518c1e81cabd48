"""What happens around the steps and epochs of the pretraining: learning rate, log, state on disk, early end."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

__all__ = ["EpochMeans", "Patience", "ResumableState", "Schedule"]


class Schedule(Callback):
    """Set the learning rate by the number of the step, and tell the data set the epoch."""

    def on_epoch_begin(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        """Tell the data set the epoch."""
        dataset_train.epoch = len(net.history) - 1

    def on_batch_begin(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Set the learning rates."""
        if training:
            for group in net.optimizer_.param_groups:
                group["lr"] = group["share"] * net.training.learning_rate_at(int(batch[0]))


class EpochMeans(Callback):
    """Record the epoch's means of what the steps recorded, for the printed log and the CSV file."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the means."""
        net.history.record("lr", net.optimizer_.param_groups[-1]["lr"])
        for depth in net.corpus.by_depth:
            for name in (f"log10_fvu_{depth}", f"heldout_fvu_{depth}"):
                values = [batch[name] for batch in net.history[-1]["batches"] if name in batch]
                net.history.record(name, float(np.mean(values)))
        for batch in net.history[-1]["batches"]:  # only the means are kept: the history stays small
            batch.clear()


_MAY_CHANGE = ("n_epochs", "patience", "n_heldout")  # settings that a continued training may have otherwise


class ResumableState(Callback):
    """Write module, optimiser and history to one file, so that a kill leaves the old or the new one whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Write the file, and the log beside it."""
        state = {
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": json.dumps(net.history.to_list(), default=float),
            "config": asdict(net.training),
        }
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.path)
        _write_log(self.path.with_suffix(".csv"), net.history)

    def restore(self, net: NeuralNet) -> None:
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
        net.module_.load_state_dict(module)
        net.optimizer_.load_state_dict(optimizer)
        net.history = History(history)


class Patience(Callback):
    """Stop when the held-out loss has not fallen for some epochs, those before an interruption included."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End the training if the patience is spent."""
        if self.is_spent(net):
            raise KeyboardInterrupt  # how a callback tells skorch to end the training

    def is_spent(self, net: NeuralNet) -> bool:
        """Whether the last epochs of the history, as many as that, bring no gain."""
        losses = np.array([epoch["valid_loss"] for epoch in net.history.to_list()])
        losses = np.where(np.isnan(losses), np.inf, losses)
        return bool(len(losses) and len(losses) - 1 - np.argmin(losses) >= self.patience)


def _write_log(path: Path, history: History) -> None:
    part = path.with_suffix(".csv.part")
    pd.DataFrame(history.to_list()).drop(columns="batches").to_csv(part, index=False)
    os.replace(part, path)

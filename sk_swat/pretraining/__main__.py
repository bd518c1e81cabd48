"""``python -m sk_swat.pretraining``: make an autoencoder, measure it, and give it a new bank of starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sk_swat.cli.command import Command, Commands, run

_PATH = click.Path(path_type=Path)
_jobs = click.option("--jobs", "n_jobs", type=int, default=1, help="Processes side by side.")
_autoencoder = click.option("--checkpoint", type=_PATH, metavar="FILE", help="Autoencoder (default: the bundled one).")


def _seed(what: str, default: int = 0) -> Callable[[Any], Any]:
    return click.option("--seed", type=int, default=default, help=f"Seed of {what}.")


@click.group(
    "python -m sk_swat.pretraining",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
    example="evaluate --chunks 2",
)
def app() -> None:
    """Pretrain the autoencoder that SWATRegressor searches with."""


@app.command("train", cls=Command, example="runs/first --epochs 2 --corpus-parts 1 --chunks 2")
@click.argument("folder", type=_PATH, metavar="FOLDER")
@click.option("--epochs", "n_epochs", type=int, default=58, help="Epochs of 100 steps.")
@click.option("--corpus-parts", "n_corpus_parts", type=int, default=2, help="Parts of the corpus.")
@click.option("--chunks", "n_chunks", type=int, default=40, help="Chunks of each part.")
@click.option("--device", default="cpu", help="Torch device, such as cpu or cuda.")
@click.option("--bank", "n_bank", type=int, default=1024, help="Latents of each depth that searches may start from.")
@_seed("corpus and training")
@_jobs
def train(folder: Path, n_epochs: int, seed: int, **arguments: Any) -> None:
    """Pretrain an autoencoder, and write its checkpoint.

    FOLDER keeps corpus, states and checkpoint; the same command continues there. It takes hours.
    """
    from sk_swat.pretraining.run import run_pretraining
    from sk_swat.pretraining.training import TrainingConfig

    run_pretraining(folder, config=TrainingConfig(n_epochs=n_epochs, seed=seed), sink=click.echo, **arguments)


@app.command("evaluate", cls=Command, example="--checkpoint runs/first/checkpoint.safetensors --out quality.md")
@_autoencoder
@click.option("--chunks", "n_chunks", type=int, default=8, help="Chunks of held-out networks.")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the table to a file.")
@_seed("held-out networks")
@_jobs
def evaluate(checkpoint: Path | None, out: Path | None, **arguments: Any) -> None:
    """Measure how well unseen networks are restored."""
    from sk_swat.pretraining.evaluation import evaluate_autoencoder

    text = evaluate_autoencoder(checkpoint, **arguments)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


@app.command(
    "bank", cls=Command, example="runs/first/with-bank.safetensors --checkpoint runs/first/checkpoint.safetensors"
)
@click.argument("out", type=_PATH, metavar="FILE")
@_autoencoder
@_seed("the fitted networks", default=91)
@_jobs
def bank(**arguments: Any) -> None:
    """Give an autoencoder a new bank of starts.

    FILE is the checkpoint to write; half an hour on two cores.
    """
    from sk_swat.pretraining.bank import renew_bank

    click.echo(f"{len(renew_bank(**arguments))} latents")


if __name__ == "__main__":  # processes side by side import this module, too
    sys.exit(run(app))

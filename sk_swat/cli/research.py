"""Commands for the method itself: demonstration, benchmarks, and the making of the autoencoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sk_swat.cli.command import Command, several

__all__ = ["bench_cost", "bench_quick", "benchmark", "demo", "evaluate_autoencoder", "make_bank", "pretrain"]

_PATH = click.Path(path_type=Path)
_jobs = click.option("--jobs", "n_jobs", type=int, default=1, help="Processes side by side.")
_autoencoder = click.option("--checkpoint", type=_PATH, metavar="FILE", help="Autoencoder (default: the bundled one).")


def _seed(destination: str, what: str, default: int = 0) -> Callable[[Any], Any]:
    return click.option("--seed", destination, type=int, default=default, help=f"Seed of {what}.")


def _rows(what: str) -> Callable[[Any], Any]:
    return click.option("--rows", "n_train", type=int, default=3750, help=f"Training rows of {what}.")


@click.command("demo", cls=Command, example="--seed 1")
@_seed("random_state", "splits and fits")
def demo(**arguments: Any) -> None:
    """Fit a real table and a test function.

    Prints the found networks, beside three regressors of scikit-learn.
    """
    from sk_swat.demo import run_demo

    run_demo(**arguments)


@click.command("bench-quick", cls=Command, example="--tasks Himmelblau diabetes --out bench.csv")
@several("--tasks", metavar="NAME...", help="diabetes or CORNN functions (default: all eleven).")
@several("--models", metavar="NAME...", help="Regressors (default: SWATRegressor MLPRegressor Ridge).")
@_rows("a CORNN function")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the measurements to a .csv or .md file.")
@_seed("random_state", "splits and fits")
def bench_quick(**arguments: Any) -> None:
    """Measure time, accuracy and size on eleven tasks.

    Memory, too; about five minutes on two cores.
    """
    from sk_swat.benchmark.quick import bench_quick

    bench_quick(**arguments)


@click.command("bench-cost", cls=Command, example="--rows 1000 100000 --columns 8 200 --out cost.md")
@several("--rows", type=int, metavar="N...", help="Numbers of rows (default: 1000 to 1000000).")
@several("--columns", type=int, metavar="N...", help="Numbers of columns (default: 2 to 1000).")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the table to a .md file.")
@_seed("random_state", "tables and fits")
def bench_cost(**arguments: Any) -> None:
    """Measure time and memory against rows and columns.

    A table for each pair of sizes, unless it is very large; about ten minutes on two cores.
    """
    from sk_swat.benchmark.cost import bench_cost

    bench_cost(**arguments)


@click.command(
    "benchmark",
    cls=Command,
    example="cornn --tasks Booth Himmelblau --models SWATRegressor Ridge --sizes 20 50 --seeds 0 1 --out cornn.csv",
)
@click.argument("name", metavar="EXPERIMENT")
@several("--tasks", metavar="NAME...", help="Functions, tables or planted networks (default: those of the experiment).")
@several("--models", metavar="NAME...", help="Regressors (default: those of the experiment).")
@several("--sizes", type=int, metavar="N...", help="Most numbers of a network (default: those of the experiment).")
@several("--seeds", type=int, default=(0,), metavar="N...", help="Seeds of rows, folds and fits.")
@click.option("--tables", type=_PATH, metavar="FOLDER", help="Its CSV files, target last; for tables and latent ones.")
@click.option("--folds", "n_folds", type=int, default=5, help="Folds of each table.")
@_rows("a function or planted network")
@click.option(
    "--out",
    type=_PATH,
    metavar="FILE",
    help="CSV file of the results of this experiment; continued if it exists (same tables, folds and rows).",
)
@click.option("--figures", type=_PATH, metavar="FOLDER", help="Also draw the figures (needs matplotlib).")
@click.option("--summary", type=_PATH, metavar="FILE", help="Also write the summary to a .md file.")
@click.option("--audit", is_flag=True, help="First make sure, on one task, that no model knows test rows.")
@_jobs
def benchmark(**arguments: Any) -> None:
    """Measure models on many tasks, at given sizes.

    EXPERIMENT is cornn (54 test functions), tables (those of a folder), planted (random sparse networks found again),
    prices (size against sparsity), latent-time (latent and random networks in equal time), latent-parts (parts of the
    latent search in two seconds), latent-starts (starts after equal polishing) or compress (networks that exist,
    compressed and pruned by magnitude). Each takes hours.
    """
    from sk_swat.benchmark.experiments import run_experiment

    run_experiment(**arguments)


@click.command(
    "evaluate-autoencoder", cls=Command, example="--checkpoint runs/first/checkpoint.safetensors --out quality.md"
)
@_autoencoder
@click.option("--chunks", "n_chunks", type=int, default=8, help="Chunks of held-out networks.")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the table to a file.")
@_seed("seed", "held-out networks")
@_jobs
def evaluate_autoencoder(checkpoint: Path | None, out: Path | None, **arguments: Any) -> None:
    """Measure how well unseen networks are restored."""
    from sk_swat.pretraining.evaluation import evaluate_autoencoder

    text = evaluate_autoencoder(checkpoint, **arguments)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


@click.command(
    "make-bank",
    cls=Command,
    example="runs/first/with-bank.safetensors --checkpoint runs/first/checkpoint.safetensors",
)
@click.argument("out", type=_PATH, metavar="FILE")
@_autoencoder
@_seed("seed", "the fitted networks", default=91)
@_jobs
def make_bank(**arguments: Any) -> None:
    """Give an autoencoder a new bank of starts.

    FILE is the checkpoint to write; half an hour on two cores.
    """
    from sk_swat.pretraining.bank import renew_bank

    click.echo(f"{len(renew_bank(**arguments))} latents")


@click.command("pretrain", cls=Command, example="runs/first --epochs 2 --corpus-parts 1 --chunks 2")
@click.argument("folder", type=_PATH, metavar="FOLDER")
@click.option("--epochs", "n_epochs", type=int, default=58, help="Epochs of 100 steps.")
@click.option("--corpus-parts", "n_corpus_parts", type=int, default=2, help="Parts of the corpus.")
@click.option("--chunks", "n_chunks", type=int, default=40, help="Chunks of each part.")
@click.option("--device", default="cpu", help="Torch device, such as cpu or cuda.")
@click.option("--checkpoint", type=_PATH, metavar="FILE", help="File to write (default: inside FOLDER).")
@click.option("--bank", "n_bank", type=int, default=1024, help="Latents of each depth that searches may start from.")
@_seed("seed", "corpus and training")
@_jobs
def pretrain(folder: Path, n_epochs: int, seed: int, **arguments: Any) -> None:
    """Pretrain an autoencoder, and write its checkpoint.

    FOLDER keeps corpus, states and checkpoint; the same command continues there. It takes hours.
    """
    from sk_swat.pretraining.run import run_pretraining
    from sk_swat.pretraining.training import TrainingConfig

    run_pretraining(folder, config=TrainingConfig(n_epochs=n_epochs, seed=seed), sink=click.echo, **arguments)

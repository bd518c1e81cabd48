"""Command line: each command is one call into the library, which is imported when the command runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]

_PROGRAM = "python -m sk_swat"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments after the program's name; None takes those of the process.

    Returns
    -------
    status : int
        0, or 2 after a mistake of the user, or where a package is missing; it is then said in one line on standard
        error.
    """
    arguments = vars(_parser().parse_args(argv))
    command, run = arguments.pop("command"), arguments.pop("run")
    try:
        run(**arguments)
    except (ValueError, TypeError, OSError, ImportError) as error:
        reason = " ".join(str(error).split())  # on one line
        sys.stderr.write(f"{_PROGRAM} {command}: error: {reason}\n")
        return 2
    return 0


def _demo(**arguments: Any) -> None:
    from sk_swat.demo import run_demo

    run_demo(**arguments)


def _bench_quick(**arguments: Any) -> None:
    from sk_swat.benchmark.quick import bench_quick

    bench_quick(**arguments)


def _benchmark(**arguments: Any) -> None:
    from sk_swat.benchmark.experiments import run_experiment

    run_experiment(**arguments)


def _pretrain(folder: Path, n_epochs: int, seed: int, **arguments: Any) -> None:
    from sk_swat.pretraining.run import run_pretraining
    from sk_swat.pretraining.training import TrainingConfig

    run_pretraining(folder, config=TrainingConfig(n_epochs=n_epochs, seed=seed), sink=print, **arguments)


def _make_bank(**arguments: Any) -> None:
    from sk_swat.pretraining.bank import renew_bank

    print(f"{len(renew_bank(**arguments))} latents")


def _evaluate_autoencoder(checkpoint: Path | None, out: Path | None, **arguments: Any) -> None:
    from sk_swat.pretraining.evaluation import evaluate_autoencoder

    text = evaluate_autoencoder(checkpoint, **arguments)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description="Tiny sparse neural networks for regression, found in a latent space."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _command(commands, "demo", _demo, "fit a real table and a test function, beside scikit-learn", "--seed 1")
    _add_seed(demo, "random_state", "splits and fits")

    bench = _command(
        commands,
        "bench-quick",
        _bench_quick,
        "measure time, accuracy, size and memory on eleven tasks (about five minutes on two cores)",
        "--tasks Himmelblau diabetes --out bench.csv",
    )
    bench.add_argument("--tasks", nargs="+", metavar="NAME", help="diabetes or CORNN functions (default: all eleven)")
    bench.add_argument(
        "--models", nargs="+", metavar="NAME", help="regressors (default: SWATRegressor MLPRegressor Ridge)"
    )
    _add_rows(bench, "a CORNN function")
    bench.add_argument("--out", type=Path, metavar="FILE", help="also write the measurements to a .csv or .md file")
    _add_seed(bench, "random_state", "splits and fits")

    benchmark = _command(
        commands,
        "benchmark",
        _benchmark,
        "run an experiment: measure models on many tasks, at given sizes (hours)",
        "cornn --tasks Booth Himmelblau --models SWATRegressor Ridge --sizes 20 50 --seeds 0 1 --out cornn.csv",
    )
    benchmark.add_argument(
        "name",
        metavar="EXPERIMENT",
        help="cornn (54 test functions), tables (those of a folder), planted (random sparse networks found again), "
        "prices (size against sparsity), latent-time (latent and random networks in equal time), "
        "latent-parts (parts of the latent search in two seconds) or latent-starts (starts after equal polishing)",
    )
    benchmark.add_argument(
        "--tasks", nargs="+", metavar="NAME", help="functions, tables or planted networks (default: the experiment's)"
    )
    benchmark.add_argument("--models", nargs="+", metavar="NAME", help="regressors (default: the experiment's)")
    benchmark.add_argument(
        "--sizes", nargs="+", type=int, metavar="N", help="most numbers of a network (default: the experiment's)"
    )
    benchmark.add_argument(
        "--seeds", nargs="+", type=int, metavar="N", default=(0,), help="seeds of rows, folds and fits (default: 0)"
    )
    benchmark.add_argument(
        "--tables", type=Path, metavar="FOLDER", help="its CSV files, target last; for tables and the latent ones"
    )
    benchmark.add_argument(
        "--folds", dest="n_folds", type=int, default=5, help="folds of each table (default: %(default)s)"
    )
    _add_rows(benchmark, "a function or planted network")
    benchmark.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".csv file of the results of this experiment; continued if it exists (same tables, folds and rows)",
    )
    benchmark.add_argument("--figures", type=Path, metavar="FOLDER", help="also draw the figures (needs matplotlib)")
    benchmark.add_argument("--summary", type=Path, metavar="FILE", help="also write the summary to a .md file")
    benchmark.add_argument(
        "--audit", action="store_true", help="first make sure, on one task, that no model knows test rows"
    )
    _add_jobs(benchmark)

    pretrain = _command(
        commands,
        "pretrain",
        _pretrain,
        "pretrain an autoencoder and write its checkpoint (hours)",
        "runs/first --epochs 2 --corpus-parts 1 --chunks 2",
    )
    pretrain.add_argument("folder", type=Path, metavar="FOLDER", help="where corpus, states and checkpoint are kept")
    pretrain.add_argument(
        "--epochs", dest="n_epochs", type=int, default=58, help="epochs of 100 steps (default: %(default)s)"
    )
    pretrain.add_argument(
        "--corpus-parts", dest="n_corpus_parts", type=int, default=2, help="parts of the corpus (default: %(default)s)"
    )
    pretrain.add_argument(
        "--chunks", dest="n_chunks", type=int, default=40, help="chunks of each part (default: %(default)s)"
    )
    pretrain.add_argument("--device", default="cpu", help="torch device, such as cpu or cuda (default: %(default)s)")
    pretrain.add_argument("--checkpoint", type=Path, metavar="FILE", help="file to write (default: inside FOLDER)")
    pretrain.add_argument(
        "--bank",
        dest="n_bank",
        type=int,
        default=1024,
        help="latents of each depth that searches may start from (default: %(default)s)",
    )
    _add_seed(pretrain, "seed", "corpus and training")
    _add_jobs(pretrain)

    bank = _command(
        commands,
        "make-bank",
        _make_bank,
        "give an autoencoder a new bank of latents to start from (half an hour on two cores)",
        "runs/first/with-bank.safetensors --checkpoint runs/first/checkpoint.safetensors",
    )
    bank.add_argument("out", type=Path, metavar="FILE", help="checkpoint to write")
    bank.add_argument("--checkpoint", type=Path, metavar="FILE", help="autoencoder (default: the bundled one)")
    bank.add_argument("--seed", type=int, default=91, help="seed of the fitted networks (default: %(default)s)")
    _add_jobs(bank)

    evaluate = _command(
        commands,
        "evaluate-autoencoder",
        _evaluate_autoencoder,
        "measure how well an autoencoder restores networks it has not seen",
        "--checkpoint runs/first/checkpoint.safetensors --out quality.md",
    )
    evaluate.add_argument("--checkpoint", type=Path, metavar="FILE", help="autoencoder (default: the bundled one)")
    evaluate.add_argument(
        "--chunks", dest="n_chunks", type=int, default=8, help="chunks of held-out networks (default: %(default)s)"
    )
    evaluate.add_argument("--out", type=Path, metavar="FILE", help="also write the table to a file")
    _add_seed(evaluate, "seed", "held-out networks")
    _add_jobs(evaluate)
    return parser


def _command(commands: Any, name: str, run: Callable[..., None], summary: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example: {_PROGRAM} {name} {example}",
    )
    parser.set_defaults(run=run)
    return parser


def _add_seed(parser: argparse.ArgumentParser, destination: str, what: str) -> None:
    parser.add_argument("--seed", dest=destination, type=int, default=0, help=f"seed of {what} (default: %(default)s)")


def _add_rows(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--rows", dest="n_train", type=int, default=3750, help=f"training rows of {what} (default: %(default)s)"
    )


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", dest="n_jobs", type=int, default=1, help="processes side by side (default: %(default)s)"
    )

"""``python -m benchmarks``: measure models on many tasks, and what a fit costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sk_swat.cli.command import Command, Commands, run, several

_PATH = click.Path(path_type=Path)


def _seed(what: str) -> Callable[[Any], Any]:
    return click.option("--seed", "random_state", type=int, default=0, help=f"Seed of {what}.")


def _rows(what: str) -> Callable[[Any], Any]:
    return click.option("--rows", "n_train", type=int, default=3750, help=f"Training rows of {what}.")


@click.group(
    "python -m benchmarks",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
    example="cornn --tasks Booth Himmelblau --models SWATRegressor Ridge --sizes 20 50 --out cornn.csv",
)
def app() -> None:
    """Benchmarks of sk_swat, from a checkout.

    Each experiment takes hours, and continues from the results in its file.
    """


def _experiment(name: str, what: str, example: str) -> None:
    """Add the command of an experiment."""

    @app.command(name, cls=Command, example=example, help=what)
    @several("--tasks", metavar="NAME...", help="Functions, tables or planted networks (default: all of these).")
    @several("--models", metavar="NAME...", help="Regressors (default: those of the experiment).")
    @several("--sizes", type=int, metavar="N...", help="Most numbers of a network (default: those of the experiment).")
    @several("--seeds", type=int, default=(0,), metavar="N...", help="Seeds of rows, folds and fits.")
    @click.option("--tables", type=_PATH, metavar="FOLDER", help="Its CSV files, target last, instead of functions.")
    @click.option("--folds", "n_folds", type=int, default=5, help="Folds of each table.")
    @_rows("a function or planted network")
    @click.option("--out", type=_PATH, metavar="FILE", help="CSV file of the results; continued if it exists.")
    @click.option("--figures", type=_PATH, metavar="FOLDER", help="Also draw the figures (needs matplotlib).")
    @click.option("--summary", type=_PATH, metavar="FILE", help="Also write the summary to a .md file.")
    @click.option("--audit", is_flag=True, help="First make sure, on one task, that no model knows test rows.")
    @click.option("--jobs", "n_jobs", type=int, default=1, help="Processes side by side.")
    def command(**arguments: Any) -> None:
        from benchmarks.experiments import run_experiment

        run_experiment(name, **arguments)


_experiment("cornn", "Accuracy at given sizes on 54 test functions.", "--tasks Booth --seeds 0 1 --out cornn.csv")
_experiment("tables", "The same on a folder of tables.", "--tables FOLDER --out tables.csv --summary tables.md")
_experiment("planted", "Find random sparse networks again.", "--sizes 20 50 --figures docs/figures")
_experiment("prices", "Size and accuracy against the sparsity price.", "--tasks Himmelblau --rows 500")
_experiment("latent-time", "Latent and random networks in equal time.", "--tables FOLDER --folds 2 --jobs 2")
_experiment("latent-parts", "Parts of the latent search, in two seconds.", "--out latent_parts.csv")
_experiment("latent-starts", "Starts alone, after equal polishing.", "--tables FOLDER --folds 2")
_experiment("compress", "Networks that exist, compressed and pruned.", "--tasks Booth --models SWATCompressor")


@app.command("quick", cls=Command, example="--tasks Himmelblau diabetes --out bench.csv")
@several("--tasks", metavar="NAME...", help="diabetes or CORNN functions (default: all eleven).")
@several("--models", metavar="NAME...", help="Regressors (default: SWATRegressor MLPRegressor Ridge).")
@_rows("a CORNN function")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the measurements to a .csv or .md file.")
@_seed("splits and fits")
def quick(**arguments: Any) -> None:
    """Time, accuracy, size and memory on eleven tasks.

    About five minutes on two cores.
    """
    from benchmarks.quick import bench_quick

    bench_quick(**arguments)


@app.command("cost", cls=Command, example="--rows 1000 100000 --columns 8 200 --out cost.md")
@several("--rows", type=int, metavar="N...", help="Numbers of rows (default: 1000 to 1000000).")
@several("--columns", type=int, metavar="N...", help="Numbers of columns (default: 2 to 1000).")
@click.option("--out", type=_PATH, metavar="FILE", help="Also write the table to a .md file.")
@_seed("tables and fits")
def cost(**arguments: Any) -> None:
    """Time and memory against rows and columns.

    A table for each pair of sizes, unless it is very large; about ten minutes on two cores.
    """
    from benchmarks.cost import bench_cost

    bench_cost(**arguments)


if __name__ == "__main__":  # the processes of a benchmark import this module, too
    sys.exit(run(app))

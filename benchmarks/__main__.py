"""``python -m benchmarks``: measure models on many tasks, and what a fit costs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click

from sk_swat.cli.command import Command, Commands, run, several

_PATH = click.Path(path_type=Path)
_COMMANDS = {  # name, what it measures, and an example
    "cornn": ("Accuracy at given sizes on 54 test functions.", "--tasks Booth --seeds 0 1 --out cornn.csv"),
    "tables": ("The same on a folder of tables.", "--tables FOLDER --out tables.csv --summary tables.md"),
    "small-tables": ("The diabetes data, and tables of noise.", "--tasks noise --out small_tables.csv"),
    "papers-steps": ("Latents and steps of the papers' search.", "--tasks tanh --out papers_steps.csv"),
    "planted": ("Find random sparse networks again.", "--sizes 20 50 --figures docs/figures"),
    "prices": ("Size and accuracy against the sparsity price.", "--tasks Himmelblau --rows 500"),
    "latent-starts": ("Starts alone, after equal polishing.", "--tables FOLDER --folds 2"),
    "latent-time": ("Latent and random networks in equal time.", "--models 'latent 1 s' 'random 1 s' --jobs 2"),
    "latent-parts": ("Parts of the latent search, in two seconds.", "--out latent_parts.csv"),
    "compress": ("Networks that exist, compressed and pruned.", "--tasks Booth --models SWATCompressor"),
    "quick": ("Time, memory, size and accuracy on 11 tasks.", "--tasks Himmelblau diabetes --summary quick.md"),
    "speed": ("Wall time of fits beside two regressors.", "--tasks Booth Himmelblau --out speed.csv"),
    "cost": ("Time and memory against rows and columns.", "--tasks 1000x8 100000x200 --out cost.csv"),
}


@click.group(
    "python -m benchmarks",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
    example="cornn --tasks Booth Himmelblau --models SWATRegressor Ridge --sizes 20 50 --out cornn.csv",
)
def app() -> None:
    """Benchmarks of sk_swat, from a checkout.

    quick, cost, small-tables and papers-steps take minutes, the others hours. Each continues from the results in its
    file.
    """


def _add(name: str, what: str, example: str) -> None:
    @app.command(name, cls=Command, example=example, help=what)
    @several("--tasks", metavar="NAME...", help="Functions, tables, networks or sizes (default: those of the command).")
    @several("--models", metavar="NAME...", help="Regressors (default: those of the command).")
    @several("--sizes", type=int, metavar="N...", help="Most parameters of a network (default: those of the command).")
    @several("--seeds", type=int, default=(0,), metavar="N...", help="Seeds of rows, folds and fits.")
    @click.option("--rows", "n_train", type=int, default=3750, help="Training rows of a function or planted network.")
    @click.option("--tables", type=_PATH, metavar="FOLDER", help="Its CSV files, target last, instead of functions.")
    @click.option("--folds", "n_folds", type=int, default=5, help="Folds of each table.")
    @click.option("--out", type=_PATH, metavar="FILE", help="CSV file of the results; continued if it exists.")
    @click.option("--figures", type=_PATH, metavar="FOLDER", help="Also draw the figures (needs matplotlib).")
    @click.option("--summary", type=_PATH, metavar="FILE", help="Also write the summary to a .md file.")
    @click.option("--audit", is_flag=True, help="First make sure, on one task, that no model knows test rows.")
    @click.option("--jobs", "n_jobs", type=int, default=1, help="Processes side by side.")
    def command(**arguments: Any) -> None:
        from benchmarks.experiments import Choice, run_experiment

        chosen = {field.name: arguments.pop(field.name) for field in dataclasses.fields(Choice)}
        run_experiment(name, Choice(**chosen), **arguments)


for name, (what, example) in _COMMANDS.items():
    _add(name, what, example)

if __name__ == "__main__":  # the processes of a benchmark import this module, too
    sys.exit(run(app))

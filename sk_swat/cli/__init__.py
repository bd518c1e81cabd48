"""The command line ``sk-swat``: each command is a call into the library, which is imported when the command runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sk_swat import __version__
from sk_swat.cli.command import Command, Commands, run
from sk_swat.cli.data import export, fit, predict, show

__all__ = ["app", "main"]


@click.group(
    "sk-swat",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
    example="fit data.csv --target y --out model.json",
)
@click.version_option(__version__, prog_name="sk_swat")
def app() -> None:
    """Tiny sparse neural networks for regression, found in a latent space."""


for command in (fit, predict, show, export):
    app.add_command(command)


@app.command("demo", cls=Command, example="--seed 1")
@click.option("--seed", "random_state", type=int, default=0, help="Seed of splits and fits.")
def demonstrate(**arguments: Any) -> None:
    """Fit a real table and a test function.

    Prints the found networks, beside three regressors of scikit-learn.
    """
    from sk_swat.cli.demo import run_demo

    run_demo(**arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of ``sk-swat``; see :func:`sk_swat.cli.command.run`."""
    return run(app, argv)

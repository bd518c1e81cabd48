"""The command line ``sk-swat``: each command is a call into the library, which is imported when the command runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sk_swat import __version__
from sk_swat.cli.command import Commands
from sk_swat.cli.data import export, fit, predict, show
from sk_swat.cli.research import bench_cost, bench_quick, benchmark, demo, evaluate_autoencoder, make_bank, pretrain

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
for command in (demo, bench_quick, bench_cost, benchmark, evaluate_autoencoder, make_bank, pretrain):
    app.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments after the program's name; None takes those of the process.

    Returns
    -------
    status : int
        0, or 2 after a mistake of the user, or where a package is missing; it is then said on standard error. 1 after
        an interruption.
    """
    try:
        app.main(None if argv is None else list(argv), prog_name="sk-swat")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0

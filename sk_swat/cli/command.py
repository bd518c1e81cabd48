"""What the commands have in common: what is said on a terminal, an example in the help, options with several values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from sk_swat.utils.labels import escape, plain_text, shorten

__all__ = ["CommaSeparated", "Command", "Commands", "Mistake", "remark", "run", "say", "several"]

_LONGEST = 2000  # letters of a message


def say(text: str) -> None:
    """Write lines to standard output; of names and values no control characters reach the terminal."""
    click.echo(escape(text))


def remark(kind: str, text: object) -> None:
    """Write a note or a warning to standard error, in one line."""
    click.echo(f"{kind}: {_one_line(text)}", err=True)


def _one_line(text: object) -> str:
    return shorten(plain_text(str(text)), _LONGEST)


class Mistake(click.ClickException):
    """A mistake of the user, which is said in one line that begins with the name of the command."""

    exit_code = 2

    def __init__(self, command: str, error: Exception) -> None:
        super().__init__(_one_line(error) or type(error).__name__)
        self.command = command

    def show(self, file: Any = None) -> None:
        """Write the line to standard error."""
        click.echo(f"{self.command}: error: {self.message}", file=file, err=file is None)


class _OurMistake(Mistake):
    """Any other error, said in one line, too."""

    exit_code = 1

    def __init__(self, context: click.Context, error: Exception) -> None:
        text = f"{type(error).__name__}: {_one_line(error)}"
        module = str(context.find_root().info_name).split()[-1].replace("-", "_")
        advice = f"please report it, with what `python -X dev -m {module}` and the same arguments say"
        super().__init__(context.command_path, RuntimeError(f"this should not happen ({text}); {advice}."))


class _WithExample(click.Command):
    """A command with an example at the end of its help: the arguments of a typical call."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, on a line of its own, however long."""
        formatter.write_paragraph()
        formatter.write(f"Example: {ctx.command_path} {self.example}\n")


class Commands(_WithExample, click.Group):
    """Commands in the order in which they are used, not in that of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(self.commands)


class Command(_WithExample):
    """A command; an error is one line and status 2, or 1 if it is not one that a user can cause."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let options made by :func:`several` take all words up to the next option."""
        many = {name for option in self.params if isinstance(option, _Several) for name in option.opts}
        words: list[str] = []
        option = None
        for word in args:
            if option is not None and words[-1] != option and not word.startswith("-"):
                words.append(option)
            if word.startswith("-"):
                option = word if word in many else None
            words.append(word)
        return super().parse_args(ctx, words)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, click.ClickException, click.Abort, click.exceptions.Exit):  # click ends the program
            raise
        except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
            raise Mistake(ctx.command_path, error) from error
        except Exception as error:
            if sys.flags.dev_mode:
                raise
            raise _OurMistake(ctx, error) from error


class _Several(click.Option):
    """An option with one or more values, as in ``--sizes 20 50``."""


def several(*names: str, **settings: Any) -> Callable[[Any], Any]:
    """Option with one or more values; gives a tuple, or None if it is left out and has no default."""
    return click.option(
        *names, cls=_Several, multiple=True, callback=lambda ctx, option, values: values or None, **settings
    )


class CommaSeparated(click.ParamType):
    """Values of one kind with commas between them, as in ``--depths 1,2``; gives a tuple."""

    name = "list"

    def __init__(self, kind: click.ParamType) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the text, and convert each part."""
        if not isinstance(value, str):
            return value
        return tuple(self.kind.convert(part.strip(), param, ctx) for part in value.split(","))


def run(app: click.Group, argv: Sequence[str] | None = None) -> int:
    """Run one command of a program, whose name is that of the group, and give its status.

    It is 0, or 2 after a mistake of the user, or where a package is missing; it is then said on standard error. 1 after
    an interruption, or an error of ours. Without `argv` the arguments are those of the process.
    """
    try:
        app.main(None if argv is None else list(argv), prog_name=app.name)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0

"""What the commands have in common: mistakes said in one line, an example in the help, options with several values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["CommaSeparated", "Command", "Commands", "Mistake", "several"]


class Mistake(click.ClickException):
    """A mistake of the user, which is said in one line.

    Parameters
    ----------
    command : str
        The program's name with that of the command.
    error : Exception
        What was wrong.
    """

    exit_code = 2

    def __init__(self, command: str, error: Exception) -> None:
        super().__init__(" ".join(str(error).split()))
        self.command = command

    def show(self, file: Any = None) -> None:
        """Write the line to standard error."""
        click.echo(f"{self.command}: error: {self.message}", file=file, err=file is None)


class _WithExample(click.Command):
    """A command with an example at the end of its help.

    Parameters
    ----------
    example : str
        Arguments of a typical call.
    """

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
    """A command; errors that a user can cause are one line and status 2."""

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
        except BrokenPipeError:  # the reader has seen enough; click ends the program
            raise
        except (ValueError, TypeError, OSError, ImportError) as error:
            raise Mistake(ctx.command_path, error) from error


class _Several(click.Option):
    """An option with one or more values, as in ``--sizes 20 50``."""


def several(*names: str, **settings: Any) -> Callable[[Any], Any]:
    """Option with one or more values; gives a tuple, or None if it is left out and has no default."""
    return click.option(
        *names, cls=_Several, multiple=True, callback=lambda ctx, option, values: values or None, **settings
    )


class CommaSeparated(click.ParamType):
    """Values with commas between them, as in ``--depths 1,2``; gives a tuple.

    Parameters
    ----------
    kind : click type
        Of each value.
    """

    name = "list"

    def __init__(self, kind: click.ParamType) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the text, and convert each part."""
        if not isinstance(value, str):
            return value
        return tuple(self.kind.convert(part.strip(), param, ctx) for part in value.split(","))

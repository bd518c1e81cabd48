"""The commands as a whole, and the demonstration."""

import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sk_swat
from sk_swat.cli import app, demo, main
from sk_swat.cli.command import Command, CommaSeparated, several

COMMANDS = ("fit", "predict", "show", "export", "demo")


def parse(*words):
    """Arguments that a command would get."""
    program = app.make_context("sk-swat", list(words))
    return app.commands[words[0]].make_context(words[0], list(words[1:]), parent=program).params


def help_of(*words):
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    return " ".join(result.output.split())


def test_help_imports_no_large_package_and_lists_the_commands_in_order():
    code = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(Path(sk_swat.__file__).parents[1])!r})\n"
        "sys.argv = ['sk_swat', '--help']\n"
        "try:\n"
        "    runpy.run_module('sk_swat', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print([name in sys.modules for name in ('numpy', 'pandas', 'sklearn', 'torch')], end.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[False, False, False, False] 0\n")
    places = [done.stdout.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_version_is_that_of_the_package():
    assert CliRunner().invoke(app, ["--version"]).output == f"sk_swat, version {sk_swat.__version__}\n"


def test_short_descriptions_are_whole_sentences():
    listed = CliRunner().invoke(app, ["-h"]).output.split("Commands:\n")[1].split("\n\n")[0]
    assert all(line.endswith(".") and not line.endswith("...") for line in listed.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_ends_with_an_example_that_parses(command):
    assert app.commands[command].example
    text = help_of(command)
    example = text.split(f"Example: sk-swat {command} ")[1].split()
    assert parse(command, *example)
    assert CliRunner().invoke(app, [command, "-h"]).output.split() == text.split()


def test_help_of_the_program_ends_with_an_example_that_parses():
    assert parse(*help_of().split("Example: sk-swat ")[1].split())


def test_demo_passes_the_seed(monkeypatch):
    assert parse("demo") == {"random_state": inspect.signature(demo.run_demo).parameters["random_state"].default}
    calls = []
    monkeypatch.setattr(demo, "run_demo", lambda **arguments: calls.append(arguments))
    assert main(["demo", "--seed", "3"]) == 0
    assert calls == [{"random_state": 3}]


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError])
def test_user_mistake_is_one_line_and_status_2(kind, monkeypatch, capsys):
    def fail(**arguments):
        raise kind("seed must be kind,\n  got 3.")

    monkeypatch.setattr(demo, "run_demo", fail)
    assert main(["demo"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "sk-swat demo: error: seed must be kind, got 3.\n"
    assert captured.out == ""


@pytest.mark.parametrize("error", [AssertionError("odd"), RuntimeError("sizes"), ZeroDivisionError(), KeyError("a")])
def test_any_other_error_is_one_line_and_status_1(error, monkeypatch, capsys):
    def fail(**arguments):
        raise error

    monkeypatch.setattr(demo, "run_demo", fail)
    assert main(["demo"]) == 1
    said = f"this should not happen ({type(error).__name__}: {error}); please report it, with what"
    printed = capsys.readouterr().err
    assert printed.startswith(f"sk-swat demo: error: {said}") and "`python -X dev -m sk_swat`" in printed
    code = "import sys\nfrom sk_swat.cli import demo\ndemo.run_demo = lambda **a: 1 / 0\nsys.argv[1:] = ['demo']\n"
    root = str(Path(sk_swat.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r})\n{code}from sk_swat.cli import main\nmain()"
    told = subprocess.run([sys.executable, "-X", "dev", "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert told.returncode == 1 and told.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_message_is_short_and_without_control_characters(monkeypatch, capsys):
    def fail(**arguments):
        raise ValueError("\x1b[2J\x07\x9b" + "x" * 10**6 + "; do this.")

    monkeypatch.setattr(demo, "run_demo", fail)
    assert main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sk-swat demo: error: \\x1b[2J\\x07\\x9bxxx") and said.endswith("; do this.\n")
    assert len(said) < 2000 and "more) ..." in said and said[:-1].isprintable()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, BrokenPipeError])
def test_interruption_and_closed_pipe_are_status_1_without_a_traceback(kind, monkeypatch, capsys):
    def fail(**arguments):
        raise kind(32, "Broken pipe")

    monkeypatch.setattr(demo, "run_demo", fail)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # click replaces what nobody reads any more
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err.strip() == ("Aborted!" if kind is KeyboardInterrupt else "")


@pytest.mark.parametrize("arguments", [[], ["fitt"], ["fit"], ["demo", "--seed", "x"], ["demo", "--sed", "1"]])
def test_wrong_usage_is_status_2_and_shows_the_usage(arguments, capsys):
    assert main(arguments) == 2
    assert "Usage: sk-swat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a", ("a", None, None, False)),
        ("a --sizes 1 2 --yes", ("a", (1, 2), None, True)),
        ("a --sizes 1 2 --names b", ("a", (1, 2), ("b",), False)),
        ("--sizes 1 2 -- a", ("a", (1, 2), None, False)),
        ("--sizes=1 a", ("a", (1,), None, False)),
        ("--yes a --sizes 1 --sizes 2 3", ("a", (1, 2, 3), None, True)),
        ("a --names b b", ("a", None, ("b", "b"), False)),
    ],
)
def test_options_take_several_words(words, expected):
    @click.command(cls=Command, example="")
    @click.argument("one")
    @several("--sizes", type=int)
    @several("--names")
    @click.option("--yes", is_flag=True)
    def command(**arguments):
        seen.append(arguments)

    seen = []
    command.main(words.split(), standalone_mode=False)
    assert seen == [dict(zip(("one", "sizes", "names", "yes"), expected, strict=True))]


def test_comma_separated_values_are_converted_one_by_one():
    kind = CommaSeparated(click.INT)
    assert kind.convert("1, 2", None, None) == (1, 2)
    assert kind.convert((3,), None, None) == (3,)
    with pytest.raises(click.BadParameter, match="'x' is not a valid integer"):
        kind.convert("1,x", None, None)

"""``python -m benchmarks``: its commands pass what they are given."""

import inspect
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import experiments
from benchmarks.__main__ import app
from benchmarks.experiments import Choice, run_experiment
from sk_swat.cli.command import run

COMMANDS = tuple(experiments.EXPERIMENTS)


def main(words):
    return run(app, words)


@pytest.fixture
def called(monkeypatch):
    """Replace the call; holds the arguments of the one that was made."""
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))

    monkeypatch.setattr(experiments, "run_experiment", record)
    return calls


def parse(*words):
    """Arguments that a command would get."""
    program = app.make_context(app.name, list(words))
    return app.commands[words[0]].make_context(words[0], list(words[1:]), parent=program).params


def test_there_is_a_command_for_each_experiment():
    assert tuple(app.commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_ends_with_an_example_that_parses(command):
    result = CliRunner().invoke(app, [command, "--help"], prog_name=app.name)
    assert result.exit_code == 0
    example = " ".join(result.output.split()).split(f"Example: {app.name} {command} ")[1].split()
    assert parse(command, *example)


@pytest.mark.parametrize("command", ["tables", "quick"])
def test_command_passes_its_flags(command, called):
    tasks = ["--tasks", "servo", "--tables", "folder", "--models", "MLPRegressor-50", "--sizes", "20", "50"]
    flags = ["--seeds", "1", "2", "--folds", "3", "--rows", "60", "--jobs", "2", "--out", "s.csv", "--summary", "s.md"]
    assert main([command, *tasks, *flags, "--figures", "pictures", "--audit"]) == 0
    ((positional, arguments),) = called
    choice = Choice(("servo",), ("MLPRegressor-50",), (20, 50), (1, 2), 60, Path("folder"), 3)
    assert positional == (command, choice)
    assert arguments == {
        "out": Path("s.csv"),
        "summary": Path("s.md"),
        "figures": Path("pictures"),
        "n_jobs": 2,
        "audit": True,
    }


def test_flags_default_to_the_defaults_of_the_functions(called):
    assert main(["cornn"]) == 0
    ((positional, arguments),) = called
    assert positional == ("cornn", Choice())
    defaults = {name: p.default for name, p in inspect.signature(run_experiment).parameters.items()}
    assert arguments == {name: defaults[name] for name in arguments}


def test_unknown_experiment_is_said(capsys):
    assert main(["corn"]) == 2
    assert "No such command 'corn'" in capsys.readouterr().err


def test_unknown_task_is_said_by_the_command(capsys):
    assert main(["quick", "--tasks", "Himelblau"]) == 2
    assert "Did you mean 'Himmelblau'" in capsys.readouterr().err


def test_missing_package_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kan", None)  # importing it fails
    assert main(["cornn", "--tasks", "Booth", "--models", "KAN"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "install pykan, or sk_swat with its 'peers' extra" in error

"""``python -m benchmarks``: its commands pass what they are given."""

import inspect
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cost, experiments, quick
from benchmarks.__main__ import app
from sk_swat.cli.command import run

COMMANDS = (*experiments.EXPERIMENTS, "quick", "cost")


def main(words):
    return run(app, words)


@pytest.fixture
def called(monkeypatch):
    """Replace the library calls; holds the arguments of the one that was made."""
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))

    monkeypatch.setattr(quick, "bench_quick", record)
    monkeypatch.setattr(cost, "bench_cost", record)
    monkeypatch.setattr(experiments, "run_experiment", record)
    return calls


def parsed(*words):
    """Arguments that a command would get."""
    program = app.make_context(app.name, list(words))
    return app.commands[words[0]].make_context(words[0], list(words[1:]), parent=program).params


def test_experiments_come_first():
    assert tuple(app.commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_ends_with_an_example_that_parses(command):
    result = CliRunner().invoke(app, [command, "--help"], prog_name=app.name)
    assert result.exit_code == 0
    example = " ".join(result.output.split()).split(f"Example: {app.name} {command} ")[1].split()
    assert parsed(command, *example)


def test_quick_passes_its_flags(called):
    flags = ["--tasks", "Booth", "diabetes", "--models", "Ridge", "--rows", "50", "--out", "b.md", "--seed", "1"]
    assert main(["quick", *flags]) == 0
    ((_, arguments),) = called
    assert arguments == {
        "tasks": ("Booth", "diabetes"),
        "models": ("Ridge",),
        "n_train": 50,
        "out": Path("b.md"),
        "random_state": 1,
    }


def test_experiment_passes_its_flags(called):
    tasks = ["--tasks", "servo", "--tables", "folder", "--models", "MLPRegressor-50", "--sizes", "20", "50"]
    flags = ["--seeds", "1", "2", "--folds", "3", "--rows", "60", "--jobs", "2", "--out", "s.csv", "--summary", "s.md"]
    flags += ["--figures", "pictures"]
    assert main(["tables", *tasks, *flags, "--audit"]) == 0
    ((name, arguments),) = called
    assert name == ("tables",)
    assert arguments == {
        "tasks": ("servo",),
        "tables": Path("folder"),
        "models": ("MLPRegressor-50",),
        "sizes": (20, 50),
        "seeds": (1, 2),
        "n_folds": 3,
        "n_train": 60,
        "out": Path("s.csv"),
        "summary": Path("s.md"),
        "figures": Path("pictures"),
        "n_jobs": 2,
        "audit": True,
    }


def test_cost_passes_its_flags(called):
    assert main(["cost", "--rows", "50", "60", "--columns", "2", "--out", "c.md"]) == 0
    ((_, arguments),) = called
    assert arguments == {"rows": (50, 60), "columns": (2,), "out": Path("c.md"), "random_state": 0}


@pytest.mark.parametrize(
    ("command", "function"),
    [("quick", quick.bench_quick), ("cost", cost.bench_cost), ("cornn", experiments.run_experiment)],
)
def test_flags_default_to_the_defaults_of_the_functions(command, function):
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    arguments = parsed(command)
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

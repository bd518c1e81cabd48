"""``python -m sk_swat.pretraining``: its commands pass what they are given."""

import inspect
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sk_swat.cli.command import run as run_program
from sk_swat.pretraining import bank, evaluation, run
from sk_swat.pretraining.__main__ import app
from sk_swat.pretraining.training import TrainingConfig


def main(words):
    return run_program(app, words)


@pytest.fixture
def called(monkeypatch):
    """Replace the three library calls; holds the arguments of the one that was made."""
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))
        return "| quality |"

    monkeypatch.setattr(run, "run_pretraining", record)
    monkeypatch.setattr(bank, "renew_bank", record)
    monkeypatch.setattr(evaluation, "evaluate_autoencoder", record)
    return calls


def parse(*words):
    """Arguments that a command would get."""
    program = app.make_context(app.name, list(words))
    return app.commands[words[0]].make_context(words[0], list(words[1:]), parent=program).params


@pytest.mark.parametrize("command", ["train", "evaluate", "bank"])
def test_help_of_each_command_ends_with_an_example_that_parses(command):
    result = CliRunner().invoke(app, [command, "--help"], prog_name=app.name)
    assert result.exit_code == 0
    example = " ".join(result.output.split()).split(f"Example: {app.name} {command} ")[1].split()
    assert parse(command, *example)


def test_train_passes_its_flags(called):
    flags = ["--epochs", "2", "--corpus-parts", "1", "--chunks", "4", "--jobs", "3", "--device", "cuda", "--bank", "7"]
    assert main(["train", "folder", *flags, "--seed", "5"]) == 0
    ((positional, arguments),) = called
    assert positional == (Path("folder"),)
    assert arguments == {
        "config": TrainingConfig(n_epochs=2, seed=5),
        "n_corpus_parts": 1,
        "n_chunks": 4,
        "n_bank": 7,
        "n_jobs": 3,
        "device": "cuda",
        "sink": click.echo,
    }


def test_bank_passes_its_flags_and_counts_the_latents(called, capsys):
    assert main(["bank", "b.safetensors", "--checkpoint", "a.safetensors", "--seed", "4", "--jobs", "2"]) == 0
    expected = {"out": Path("b.safetensors"), "checkpoint": Path("a.safetensors"), "seed": 4, "n_jobs": 2}
    assert called == [((), expected)]
    assert capsys.readouterr().out == f"{len('| quality |')} latents\n"


def test_evaluate_prints_and_writes_the_table(called, capsys, tmp_path):
    out = tmp_path / "quality.md"
    assert main(["evaluate", "--chunks", "2", "--out", str(out)]) == 0
    assert called == [((None,), {"seed": 0, "n_chunks": 2, "n_jobs": 1})]
    assert capsys.readouterr().out == out.read_text() == "| quality |\n"


@pytest.mark.parametrize(
    ("words", "functions"),
    [
        (["train", "folder"], [run.run_pretraining, TrainingConfig]),
        (["bank", "file"], [bank.renew_bank]),
        (["evaluate"], [evaluation.evaluate_autoencoder]),
    ],
)
def test_flags_default_to_the_defaults_of_the_library(words, functions):
    defaults = {name: p.default for f in functions for name, p in inspect.signature(f).parameters.items()}
    arguments = parse(*words)
    for name in ("folder", "out"):
        arguments.pop(name, None)
    assert arguments == {name: defaults[name] for name in arguments}


def test_mistake_is_one_line_with_the_name_of_the_command(capsys):
    assert main(["evaluate", "--checkpoint", "none.safetensors"]) == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("python -m sk_swat.pretraining evaluate: error: checkpoint must be") and said.count("\n") == 1
    )

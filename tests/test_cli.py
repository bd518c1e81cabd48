import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from sk_swat import cli, demo
from sk_swat.benchmark import experiments, quick
from sk_swat.pretraining import evaluation, run
from sk_swat.pretraining.training import TrainingConfig

COMMANDS = ("demo", "bench-quick", "benchmark", "pretrain", "evaluate-autoencoder")


@pytest.fixture
def called(monkeypatch):
    """Replace the five library calls; holds the arguments of the one that was made."""
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))
        return "| quality |"

    monkeypatch.setattr(demo, "run_demo", record)
    monkeypatch.setattr(quick, "bench_quick", record)
    monkeypatch.setattr(experiments, "run_experiment", record)
    monkeypatch.setattr(run, "run_pretraining", record)
    monkeypatch.setattr(evaluation, "evaluate_autoencoder", record)
    return calls


def test_help_needs_no_torch_and_lists_the_commands():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['sk_swat', '--help']\n"
        "try:\n"
        "    runpy.run_module('sk_swat', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print('torch' in sys.modules, end.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False 0\n")
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_gives_an_example_that_parses(command, capsys, called):
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    words = " ".join(capsys.readouterr().out.split())
    example = words.split(f"example: python -m sk_swat {command} ")[1].split()
    namespace = vars(cli._parser().parse_args([command, *example]))
    assert namespace["command"] == command


def test_demo_passes_the_seed(called):
    assert cli.main(["demo", "--seed", "3"]) == 0
    assert called == [((), {"random_state": 3})]


def test_bench_quick_passes_its_flags(called):
    flags = ["--tasks", "Booth", "diabetes", "--models", "Ridge", "--rows", "50", "--out", "b.md", "--seed", "1"]
    assert cli.main(["bench-quick", *flags]) == 0
    ((_, arguments),) = called
    assert arguments == {
        "tasks": ["Booth", "diabetes"],
        "models": ["Ridge"],
        "n_train": 50,
        "out": Path("b.md"),
        "random_state": 1,
    }


def test_benchmark_passes_its_flags(called):
    tasks = ["--tasks", "servo", "--tables", "folder", "--models", "MLPRegressor-50", "--sizes", "20", "50"]
    flags = ["--seeds", "1", "2", "--folds", "3", "--rows", "60", "--jobs", "2", "--out", "s.csv", "--summary", "s.md"]
    flags += ["--figures", "pictures"]
    assert cli.main(["benchmark", "tables", *tasks, *flags, "--audit"]) == 0
    ((_, arguments),) = called
    assert arguments == {
        "name": "tables",
        "tasks": ["servo"],
        "tables": Path("folder"),
        "models": ["MLPRegressor-50"],
        "sizes": [20, 50],
        "seeds": [1, 2],
        "n_folds": 3,
        "n_train": 60,
        "out": Path("s.csv"),
        "summary": Path("s.md"),
        "figures": Path("pictures"),
        "n_jobs": 2,
        "audit": True,
    }


def test_benchmark_help_names_the_experiments_and_an_unknown_one_is_said(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["benchmark", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} (" in words for name in experiments.EXPERIMENTS)
    assert cli.main(["benchmark", "corn"]) == 2
    assert f"name must name some of {', '.join(experiments.EXPERIMENTS)}, got 'corn'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "functions"),
    [
        (["demo"], [demo.run_demo]),
        (["bench-quick"], [quick.bench_quick]),
        (["benchmark", "cornn"], [experiments.run_experiment]),
        (["pretrain", "folder"], [run.run_pretraining, TrainingConfig]),
        (["evaluate-autoencoder"], [evaluation.evaluate_autoencoder]),
    ],
)
def test_flags_default_to_the_defaults_of_the_library(words, functions):
    defaults = {name: p.default for f in functions for name, p in inspect.signature(f).parameters.items()}
    arguments = vars(cli._parser().parse_args(words))
    for name in ("command", "run", "folder", "name", "out"):
        arguments.pop(name, None)
    assert arguments == {name: defaults[name] for name in arguments}


def test_pretrain_passes_its_flags(called):
    flags = ["--epochs", "2", "--corpus-parts", "1", "--chunks", "4", "--jobs", "3", "--device", "cuda", "--bank", "7"]
    assert cli.main(["pretrain", "folder", *flags, "--checkpoint", "c.safetensors", "--seed", "5"]) == 0
    ((positional, arguments),) = called
    assert positional == (Path("folder"),)
    assert arguments == {
        "config": TrainingConfig(n_epochs=2, seed=5),
        "n_corpus_parts": 1,
        "n_chunks": 4,
        "n_bank": 7,
        "n_jobs": 3,
        "device": "cuda",
        "checkpoint": Path("c.safetensors"),
        "sink": print,
    }


def test_evaluate_autoencoder_prints_and_writes_the_table(called, capsys, tmp_path):
    out = tmp_path / "quality.md"
    assert cli.main(["evaluate-autoencoder", "--chunks", "2", "--out", str(out)]) == 0
    assert called == [((None,), {"seed": 0, "n_chunks": 2, "n_jobs": 1})]
    assert capsys.readouterr().out == out.read_text() == "| quality |\n"


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError])
def test_user_mistake_is_one_line_and_status_2(kind, monkeypatch, capsys):
    def fail(**arguments):
        raise kind("seed must be kind,\n  got 3.")

    monkeypatch.setattr(demo, "run_demo", fail)
    assert cli.main(["demo"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "python -m sk_swat demo: error: seed must be kind, got 3.\n"
    assert captured.out == ""


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    def fail(**arguments):
        raise AssertionError

    monkeypatch.setattr(demo, "run_demo", fail)
    with pytest.raises(AssertionError):
        cli.main(["demo"])


def test_unknown_task_is_said_by_the_command(capsys):
    assert cli.main(["bench-quick", "--tasks", "Himelblau"]) == 2
    assert "Did you mean 'Himmelblau'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fit"], ["demo", "--seed", "x"]])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "usage: python -m sk_swat" in capsys.readouterr().err


def test_missing_package_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kan", None)  # importing it fails
    assert cli.main(["benchmark", "cornn", "--tasks", "Booth", "--models", "KAN"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "install pykan, or sk_swat with its 'peers' extra" in error

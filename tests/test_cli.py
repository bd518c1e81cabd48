"""The commands as a whole, and those for the method itself."""

import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sk_swat
from sk_swat import demo
from sk_swat.benchmark import experiments, quick
from sk_swat.cli import app, main
from sk_swat.cli.command import Command, CommaSeparated, several
from sk_swat.pretraining import bank, evaluation, run
from sk_swat.pretraining.training import TrainingConfig

COMMANDS = (
    "fit",
    "predict",
    "show",
    "export",
    "demo",
    "bench-quick",
    "benchmark",
    "evaluate-autoencoder",
    "make-bank",
    "pretrain",
)


@pytest.fixture
def called(monkeypatch):
    """Replace the six library calls; holds the arguments of the one that was made."""
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))
        return "| quality |"

    monkeypatch.setattr(demo, "run_demo", record)
    monkeypatch.setattr(quick, "bench_quick", record)
    monkeypatch.setattr(experiments, "run_experiment", record)
    monkeypatch.setattr(run, "run_pretraining", record)
    monkeypatch.setattr(bank, "renew_bank", record)
    monkeypatch.setattr(evaluation, "evaluate_autoencoder", record)
    return calls


def parsed(*words):
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
    assert parsed(command, *example)
    assert CliRunner().invoke(app, [command, "-h"]).output.split() == text.split()


def test_help_of_the_program_ends_with_an_example_that_parses():
    assert parsed(*help_of().split("Example: sk-swat ")[1].split())


def test_demo_passes_the_seed(called):
    assert main(["demo", "--seed", "3"]) == 0
    assert called == [((), {"random_state": 3})]


def test_bench_quick_passes_its_flags(called):
    flags = ["--tasks", "Booth", "diabetes", "--models", "Ridge", "--rows", "50", "--out", "b.md", "--seed", "1"]
    assert main(["bench-quick", *flags]) == 0
    ((_, arguments),) = called
    assert arguments == {
        "tasks": ("Booth", "diabetes"),
        "models": ("Ridge",),
        "n_train": 50,
        "out": Path("b.md"),
        "random_state": 1,
    }


def test_benchmark_passes_its_flags(called):
    tasks = ["--tasks", "servo", "--tables", "folder", "--models", "MLPRegressor-50", "--sizes", "20", "50"]
    flags = ["--seeds", "1", "2", "--folds", "3", "--rows", "60", "--jobs", "2", "--out", "s.csv", "--summary", "s.md"]
    flags += ["--figures", "pictures"]
    assert main(["benchmark", "tables", *tasks, *flags, "--audit"]) == 0
    ((_, arguments),) = called
    assert arguments == {
        "name": "tables",
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


def test_pretrain_passes_its_flags(called):
    flags = ["--epochs", "2", "--corpus-parts", "1", "--chunks", "4", "--jobs", "3", "--device", "cuda", "--bank", "7"]
    assert main(["pretrain", "folder", *flags, "--checkpoint", "c.safetensors", "--seed", "5"]) == 0
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
        "sink": click.echo,
    }


def test_make_bank_passes_its_flags_and_counts_the_latents(called, capsys):
    assert main(["make-bank", "b.safetensors", "--checkpoint", "a.safetensors", "--seed", "4", "--jobs", "2"]) == 0
    expected = {"out": Path("b.safetensors"), "checkpoint": Path("a.safetensors"), "seed": 4, "n_jobs": 2}
    assert called == [((), expected)]
    assert capsys.readouterr().out == f"{len('| quality |')} latents\n"


def test_evaluate_autoencoder_prints_and_writes_the_table(called, capsys, tmp_path):
    out = tmp_path / "quality.md"
    assert main(["evaluate-autoencoder", "--chunks", "2", "--out", str(out)]) == 0
    assert called == [((None,), {"seed": 0, "n_chunks": 2, "n_jobs": 1})]
    assert capsys.readouterr().out == out.read_text() == "| quality |\n"


@pytest.mark.parametrize(
    ("words", "functions"),
    [
        (["demo"], [demo.run_demo]),
        (["bench-quick"], [quick.bench_quick]),
        (["benchmark", "cornn"], [experiments.run_experiment]),
        (["pretrain", "folder"], [run.run_pretraining, TrainingConfig]),
        (["make-bank", "file"], [bank.renew_bank]),
        (["evaluate-autoencoder"], [evaluation.evaluate_autoencoder]),
    ],
)
def test_flags_default_to_the_defaults_of_the_library(words, functions):
    defaults = {name: p.default for f in functions for name, p in inspect.signature(f).parameters.items()}
    arguments = parsed(*words)
    for name in ("folder", "name", "out"):
        arguments.pop(name, None)
    assert arguments == {name: defaults[name] for name in arguments}


def test_benchmark_help_names_the_experiments_and_an_unknown_one_is_said(capsys):
    words = help_of("benchmark").replace("- ", "-")  # lines are broken at hyphens, too
    assert all(f"{name} (" in words for name in experiments.EXPERIMENTS)
    assert main(["benchmark", "corn"]) == 2
    assert f"name must name some of {', '.join(experiments.EXPERIMENTS)}, got 'corn'" in capsys.readouterr().err


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
    assert capsys.readouterr().err.startswith(f"sk-swat demo: error: {said}")
    code = "import sys, sk_swat.demo\nsk_swat.demo.run_demo = lambda **a: 1 / 0\nsys.argv = ['sk-swat', 'demo']\n"
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


def test_unknown_task_is_said_by_the_command(capsys):
    assert main(["bench-quick", "--tasks", "Himelblau"]) == 2
    assert "Did you mean 'Himmelblau'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fitt"], ["fit"], ["demo", "--seed", "x"], ["demo", "--sed", "1"]])
def test_wrong_usage_is_status_2_and_shows_the_usage(arguments, capsys):
    assert main(arguments) == 2
    assert "Usage: sk-swat" in capsys.readouterr().err


def test_missing_package_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "kan", None)  # importing it fails
    assert main(["benchmark", "cornn", "--tasks", "Booth", "--models", "KAN"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "install pykan, or sk_swat with its 'peers' extra" in error


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

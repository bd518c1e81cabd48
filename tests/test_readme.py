"""The README's Python blocks run as they are, one after the other, and print what they promise."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sk_swat.datasets import load_cornn

README = Path(__file__).parents[1] / "README.md"
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
_R2, _SIZE = r"R\^2 on new rows: (\S+)", r"^(\d+) non-zero parameters"


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def first(pattern, text):
    return float(re.search(pattern, text, flags=re.MULTILINE).group(1))


def form(text):
    """The text without its numbers, line breaks and signs: what stays if only the last digits of numbers change."""
    return re.sub(r"[-+\s]+", " ", _NUMBER.sub("#", text))


@pytest.fixture(scope="module")
def run():
    """What each of the Python blocks prints, and the names that they leave."""
    names, printed = {}, []
    for block in blocks("python"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(block, "README.md", "exec"), names)
        printed.append(out.getvalue())
    return printed, names


def test_python_blocks_run_in_order_and_fit_well(run):
    printed, names = run
    assert len(printed) == 3
    assert "r2_validation" in printed[1]
    assert names["model"].n_nonzero_ == names["model"].networks_[names["model"].path_["chosen"].argmax()].n_nonzero
    assert first(_R2, printed[0]) > 0.95


def test_first_block_prints_what_stands_below_it(run):
    """Another processor rounds otherwise, and may find another network: it must be as good and as small."""
    (shown,), got = blocks("text"), run[0][0]
    assert first(_R2, got) == pytest.approx(first(_R2, shown), abs=2e-3)
    if form(got) == form(shown):
        numbers = [np.array(_NUMBER.findall(text), dtype=float) for text in (got, shown)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.01, abs=0.001)
    else:
        assert first(_SIZE, got) == pytest.approx(first(_SIZE, shown), abs=12)
        assert got.splitlines()[-1] == shown.splitlines()[-1]


def test_formula_of_the_readme_is_as_good_as_it_says():
    """The printed numbers alone, run in NumPy, give the printed R^2."""
    (shown,) = blocks("text")
    task = load_cornn("Himmelblau")
    names = {"tanh": np.tanh, "sine": np.sin, "gaussian": lambda z: np.exp(-(z**2))}
    names |= {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z)}
    names |= {"x0": task.X_test[:, 0], "x1": task.X_test[:, 1]}
    equations = re.findall(r"^(\w+) = ((?:.|\n    )*)", shown, flags=re.MULTILINE)
    for name, value in equations:
        names[name] = eval(value.replace("\n", " "), {}, names)
    assert r2_score(task.y_test, names["y"]) == pytest.approx(first(_R2, shown), abs=2e-4)
    assert first(_SIZE, shown) == sum(len(_NUMBER.findall(value)) for _, value in equations)


def test_both_commands_are_given_with_the_tested_versions():
    commands = blocks("bash")
    assert any("python -m sk_swat demo" in command for command in commands)
    assert any("python -m pytest" in command for command in commands)
    assert all("-c constraints.txt" in command for command in commands)

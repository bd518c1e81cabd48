"""Commands on the user's data: fit, predict, show and export."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sk_swat
from sk_swat import SparseMLP
from sk_swat.cli import app, main
from sk_swat.cli.table import read_table, write_table
from sk_swat.cli.text import path_text, r2_text
from sk_swat.estimators.model_file import load_model
from sk_swat.fitting.rounds import Round
from sk_swat.network.path import Path as NetworkPath
from sk_swat.network.text import equations_text, size_text


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def succeed(*words):
    """Standard output of a command that works."""
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def fail(*words):
    """The one line that a command with a mistake writes."""
    result = run(*words)
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"sk-swat {words[0]}: error: ")
    return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    """Table with a text column and two targets, as data.csv."""
    path = tmp_path_factory.mktemp("cli")
    X, y = table
    with (path / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["town", "a", "b, in mm", "c", "y", "z"])
        for x, value in zip(X.tolist(), y.tolist(), strict=True):
            writer.writerow(["Ulm", *x, value, 2 - value * x[0]])
    return path


@pytest.fixture(scope="module")
def quickly(tiny_checkpoint):
    """Arguments of a fit that takes a second."""
    return ["--checkpoint", tiny_checkpoint, "--depths", "1", "--rounds", "1"]


@pytest.fixture(scope="module")
def fitted(folder, quickly):
    """Model file of a fit of y, and what the command printed."""
    printed = succeed(
        "fit", folder / "data.csv", "--target", "y", "--drop", "town,z", *quickly, "--out", folder / "y.json"
    )
    return folder / "y.json", printed


@pytest.fixture(scope="module")
def model(fitted):
    return fitted[0]


# --- fit


def test_fit_is_that_of_the_regressor_and_its_file_has_all_networks(model, table, tiny_checkpoint):
    stored = load_model(model)
    expected = sk_swat.SWATRegressor(depths=(1,), n_rounds=1, checkpoint=str(tiny_checkpoint), random_state=0)
    expected.fit(*table)
    assert stored.path.networks == expected.networks_ and stored.network() == expected.network_
    assert np.array_equal(stored.path.r2_validation, expected.path_["r2_validation"])
    assert (stored.feature_names, stored.target_names) == (("a", "b, in mm", "c"), ("y",))
    assert stored.source == "data.csv, 80 rows"


def test_fit_prints_rows_columns_r2_and_the_network(fitted):
    path, printed = fitted
    stored = load_model(path)
    network, row = stored.network(), stored.chosen
    assert printed.startswith("data.csv, 80 rows, 3 columns, target y\n")
    assert (
        f"R^2: {stored.path.r2_train[row]:.4f} on the fitted rows, {stored.path.r2_validation[row]:.4f} in" in printed
    )
    assert f"{size_text(network)}; " in printed and f"'{path}' holds {len(stored.path)} networks" in printed
    assert printed.endswith(f"\n{equations_text(network)}\n")


def test_fit_takes_its_defaults_from_the_regressor():
    arguments = app.commands["fit"].make_context("fit", ["d.csv", "--target", "y", "--out", "m.json"]).params
    for name in ("data", "targets", "features", "drop", "out", "force", "quiet", "verbose"):
        del arguments[name]
    assert arguments.pop("random_state") == 0  # a command gives the same result each time
    defaults = sk_swat.SWATRegressor().get_params()
    assert arguments == {name: defaults[name] for name in arguments}


def test_fit_hands_its_parameters_to_the_regressor(folder, quickly, tmp_path):
    flags = [
        "--max-nonzero",
        "9",
        "--sparsity",
        "1e-3",
        "--activations",
        "tanh,sine",
        "--seed",
        "3",
        "--time-limit",
        "50",
    ]
    data = ["fit", folder / "data.csv", "--target", "z", "--features", "a,c"]
    assert succeed(*data, *quickly, *flags, "--jobs", "2", "--quiet", "--out", tmp_path / "m.json") == ""
    stored = load_model(tmp_path / "m.json")
    expected = {"max_nonzero": 9, "sparsity": 1e-3, "activations": ["tanh", "sine"], "random_state": 3, "n_rounds": 1}
    expected |= {"time_limit": 50.0, "depths": [1], "n_jobs": 2}
    assert {name: stored.parameters[name] for name in expected} == expected
    assert stored.feature_names == ("a", "c") and stored.network().n_nonzero <= 9
    used = {name for network in stored.path.networks for layer in network.activations for name in layer}
    assert used <= {"tanh", "sine"}


def test_several_targets_are_fitted_and_predicted_together(folder, quickly, tmp_path):
    out = tmp_path / "both.json"
    targets = ["--target", "z", "--target", "y"]
    succeed("fit", folder / "data.csv", *targets, "--features", "a", "--features", "b, in mm", *quickly, "--out", out)
    stored = load_model(out)
    assert (stored.feature_names, stored.target_names) == (("a", "b, in mm"), ("z", "y"))
    rows = list(csv.reader(succeed("predict", out, folder / "data.csv").splitlines()))
    X = read_table(folder / "data.csv", print).numbers({"a": "", "b, in mm": ""})
    assert rows[0] == ["z", "y"]
    assert np.array_equal(np.array(rows[1:], dtype=float), stored.network().predict(X))
    shown = succeed("show", out, "--max-nonzero", "12")
    assert "\nz = " in shown and "\ny = " in shown and f"{stored.path.n_nonzero.max()}" in shown


def test_constant_column_and_constant_target_are_fine(tmp_path, quickly):
    (tmp_path / "data.csv").write_text("a,one,y,two\n" + "".join(f"{i},1,{3 * i},2\n" for i in range(30)))
    data = ["fit", tmp_path / "data.csv", *quickly, "--quiet"]
    succeed(*data, "--target", "y", "--out", tmp_path / "y.json")
    assert load_model(tmp_path / "y.json").network().used_features.tolist() == [0]
    succeed(*data, "--target", "two", "--out", tmp_path / "two.json")
    (tmp_path / "new.csv").write_text("other\nx\nx\n")  # the network reads nothing
    assert succeed("predict", tmp_path / "two.json", tmp_path / "new.csv") == "two\n2.0\n2.0\n"


def test_log_goes_to_standard_error_and_only_if_asked_for(folder, quickly, tmp_path):
    data = ["fit", folder / "data.csv", "--target", "y", "--drop", "town,z", *quickly]
    loud = run(*data, "--out", tmp_path / "a.json", "--verbose")
    calm = run(*data, "--out", tmp_path / "b.json")
    assert "polish and prune: R^2 " in loud.stderr and calm.stderr == ""
    assert loud.stdout == calm.stdout.replace("b.json", "a.json")


def test_ctrl_c_keeps_the_best_and_is_one_line(folder, quickly, tmp_path, monkeypatch):
    original, pressed = Round.run, []

    def press(*arguments):
        if not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(Round, "run", press)
    data = ["fit", folder / "data.csv", "--target", "y", "--drop", "town,z", *quickly, "--rounds", "50"]
    result = run(*data, "--quiet", "--out", tmp_path / "m.json")
    assert result.exit_code == 0 and pressed
    assert result.stderr == "warning: The fit was interrupted; the best networks found until then are kept.\n"
    assert load_model(tmp_path / "m.json").path.r2_train.max() > 0.9


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--target", "w"],
            "--target must name columns, but there is no 'w'; the columns are 'town', 'a', 'b, in mm', ",
        ),
        (
            ["--target", "y", "--drop", "town, d"],
            "'{data}' cannot be used. --drop must name columns, but there is no 'd'",
        ),
        (["--target", "y", "--features", "a,y"], "--features must not name a target, got 'y'."),
        (["--target", "y", "--features", "a", "--drop", "c"], "give --features or --drop, not both."),
        (
            ["--target", "y"],
            "'{data}' cannot be used. Column 'town' must hold numbers, got 'Ulm' in line 2 (and 79 more); leave it out",
        ),
        (["--target", "town", "--features", "a"], "got 'Ulm' in line 2 (and 79 more); a target must be a number."),
        (["--target", "y,z", "--drop", "town,a,c", "--drop", "b, in mm"], "A column to predict from is needed besides"),
        (["--target", "y", "--features", "a", "--depths", "5"], "depths must hold integers from 1 to 4, got (5,)."),
        (["--target", "y", "--features", "a", "--activations", "relu"], "`activations` must hold names from"),
        (["--target", "y", "--features", "a", "--checkpoint", "none"], "but there is none at 'none'"),
    ],
)
def test_mistakes_of_a_fit_are_one_line_and_no_file(flags, message, folder, tmp_path):
    data = folder / "data.csv"
    assert message.format(data=data) in fail("fit", data, *flags, "--out", tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


def test_existing_model_is_kept_unless_forced(folder, quickly, tmp_path):
    out = tmp_path / "m.json"
    out.write_text("precious")
    data = ["fit", folder / "data.csv", "--target", "y", "--features", "a", *quickly, "--out", out]
    assert "exists already; give another name, or overwrite it with --force" in fail(*data)
    assert out.read_text() == "precious"
    succeed(*data, "--force")
    assert load_model(out).feature_names == ("a",) and list(tmp_path.iterdir()) == [out]


def test_place_of_the_model_is_checked_before_the_table_is_read(tmp_path):
    assert "the folder of the file to write must exist" in fail(
        "fit", tmp_path / "none.csv", "--target", "y", "--out", tmp_path / "none" / "m.json"
    )


# --- predict


def test_predictions_are_those_of_the_network_to_the_last_bit(model, folder, table):
    header, *rows = succeed("predict", model, folder / "data.csv").splitlines()
    assert header == "y"
    assert np.array_equal(np.array(rows, dtype=float), load_model(model).network().predict(table[0]))


def test_columns_are_found_by_name_and_others_are_ignored(model, folder, table, tmp_path):
    X, _ = table
    assert load_model(model).network().used_features.tolist() == [0, 1]
    text = write_table(["c", "b, in mm", "a"], X[:, ::-1]).splitlines()
    (tmp_path / "turned.csv").write_text("\n".join(f"{line},text" for line in text))
    (tmp_path / "fewer.csv").write_text(write_table(["b, in mm", "a"], X[:, [1, 0]]))
    expected = succeed("predict", model, folder / "data.csv")
    assert succeed("predict", model, tmp_path / "turned.csv") == expected
    assert succeed("predict", model, tmp_path / "fewer.csv") == expected  # the network does not read c
    (tmp_path / "too_few.csv").write_text(write_table(["c", "a"], X[:, [2, 0]]))
    assert (
        "The columns that the network reads must be there, but there is no 'b, in mm'; the columns are 'c', "
        in fail("predict", model, tmp_path / "too_few.csv")
    )


def test_predictions_go_to_a_file_that_is_not_overwritten(model, folder, tmp_path):
    out = tmp_path / "predictions.csv"
    words = ["predict", model, folder / "data.csv", "--out", out]
    assert succeed(*words) == ""
    assert out.read_text() == succeed("predict", model, folder / "data.csv")
    out.write_text("precious")
    assert "exists already" in fail(*words) and out.read_text() == "precious"
    succeed(*words, "--force")
    assert out.read_text().startswith("y\n")


def test_smaller_network_predicts_if_asked_for(model, folder, table):
    rows = succeed("predict", model, folder / "data.csv", "--max-nonzero", "4").splitlines()[1:]
    network = load_model(model).network(4)
    assert network.n_nonzero <= 4 < load_model(model).network().n_nonzero
    assert np.array_equal(np.array(rows, dtype=float), network.predict(table[0]))


@pytest.mark.parametrize("cell", ["2024-01-01", "Paris", "inf"])
def test_bad_cell_of_new_data_is_said(cell, model, tmp_path):
    (tmp_path / "new.csv").write_text(f'a,"b, in mm"\n1,2\n3,{cell}\n')
    said = fail("predict", model, tmp_path / "new.csv")
    assert "Column 'b, in mm' must hold" in said and f"got '{cell}' in line 3; " in said


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NaN", "<NA>"])
def test_empty_cell_gives_an_empty_prediction_on_its_line_and_a_warning(cell, model, folder, tmp_path):
    header, *rows = (folder / "data.csv").read_text().splitlines()
    for place in (2, 5):  # a, which the network reads, and y, which it does not
        rows[place] = ",".join(
            cell if position in (1, 4) else one for position, one in enumerate(rows[place].split(","))
        )
    (tmp_path / "new.csv").write_text("\n".join([header, *rows]))
    result = run("predict", model, tmp_path / "new.csv")
    expected = succeed("predict", model, folder / "data.csv").splitlines()
    expected[3] = expected[6] = '""'  # a line without anything would be no row
    assert result.exit_code == 0 and result.stdout.splitlines() == expected
    assert result.stderr == "warning: 2 of 80 lines have no prediction: cells are empty in 'a' (2).\n"
    predicted = pd.read_csv(io.StringIO(result.stdout))["y"]
    assert predicted.isna().to_numpy().nonzero()[0].tolist() == [2, 5] and len(predicted) == 80


def test_all_predictions_may_be_empty(model, tmp_path):
    (tmp_path / "new.csv").write_text('a,"b, in mm"\n,\n1,\n')
    result = run("predict", model, tmp_path / "new.csv")
    assert (result.exit_code, result.stdout) == (0, 'y\n""\n""\n')
    assert "2 of 2 lines have no prediction: cells are empty in 'a' (1), 'b, in mm' (2)" in result.stderr


def test_everything_that_is_wrong_is_said_at_once(model, folder, tmp_path, quickly):
    path = tmp_path / "data.csv"
    path.write_text("town,a,b,day,y\nUlm,1,,2024-01-01,3\nBonn,2,inf,2024-01-02,4\n1,2,3,4,5,6\n7,x,9,8,z\n")
    said = fail("fit", path, "--target", "y", "--target", "w", "--drop", "v", "--out", tmp_path / "m.json")
    for part in (
        "--target must name columns, but there is no 'w'",
        "--drop must name columns, but there is no 'v'",
        "Every line must have one cell for each of the 5 names in the header, got 6 in line 4; ",
        "2 columns must hold numbers, got 'Ulm' in line 2 (and 1 more) for 'town', 'x' in line 5 for 'a'; leave it out",
        "Column 'b' must hold a number in every row, got an empty cell in line 2; fill it in",
        "Column 'b' must hold finite numbers, got 'inf' in line 3; ",
        "Column 'day' must hold numbers, not dates or times, got '2024-01-01' in line 2 (and 1 more); write days",
        "Column 'y' must hold numbers, got 'z' in line 5; a target must be a number.",
    ):
        assert part in said, part
    path.write_text("c,a\n1,x\n")
    said = fail("predict", model, path)
    assert "there is no 'b, in mm'; " in said and "Column 'a' must hold numbers, got 'x' in line 2; code it" in said


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_index_of_a_data_frame_is_no_input_unless_it_is_named(index, quickly, tmp_path, table):
    X, y = table
    frame = pd.DataFrame(np.c_[X[:, :2], y], columns=["a", "b", "y"])
    frame.to_csv(tmp_path / "data.csv", index_label=index)
    words = ["fit", tmp_path / "data.csv", "--target", "y", *quickly, "--out", tmp_path / "m.json", "--force"]
    result = run(*words)
    assert result.exit_code == 0 and load_model(tmp_path / "m.json").feature_names == ("a", "b")
    assert "note: 'Unnamed: 0' is taken for a data frame's index, not for an input; --features can" in result.stderr
    assert run(*words, "--quiet").stderr == "" == run(*words, "--drop", "Unnamed: 0").stderr
    assert succeed("predict", tmp_path / "m.json", tmp_path / "data.csv").count("\n") == 81
    assert run(*words, "--features", "Unnamed: 0,a").stderr == ""
    assert load_model(tmp_path / "m.json").feature_names == ("Unnamed: 0", "a")


def test_tables_of_another_country_and_packed_ones_are_fitted_and_predicted(quickly, tmp_path, table):
    X, y = table
    frame = pd.DataFrame(np.c_[X[:, :2], y], columns=["größe", "b", "y"])
    path = tmp_path / "data.csv.gz"
    frame.to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")
    result = run("fit", path, "--target", "y", *quickly, "--out", tmp_path / "m.json")
    latin, comma = result.stderr.splitlines()
    assert latin == f"note: '{path}' is not in UTF-8; it is read as Latin-1 (code page 1252)."
    assert comma.startswith(f"note: '{path}' has decimal commas: ")
    frame.to_csv(tmp_path / "plain.csv", index=False)
    result = run("predict", tmp_path / "m.json", path)
    assert result.exit_code == 0
    assert result.stdout == succeed("predict", tmp_path / "m.json", tmp_path / "plain.csv")


# --- hostile names


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\ud800"


@pytest.fixture(scope="module")
def hostile(model, tmp_path_factory):
    """Model file whose names and words hold control characters, and a table for it."""
    folder = tmp_path_factory.mktemp("hostile")
    document = json.loads(model.read_text())
    document["feature_names"] = [f"{HOSTILE}{name}" for name in "abc"]
    document["target_names"] = [f"{HOSTILE}\ny"]
    document |= {"source": HOSTILE, "written_by": HOSTILE}
    (folder / "m.json").write_text(json.dumps(document))
    document["feature_names"] = [HOSTILE] * 3
    (folder / "bad.json").write_text(json.dumps(document))
    document["format"] = HOSTILE
    (folder / "other.json").write_text(json.dumps(document))
    text = HOSTILE[:-1]  # UTF-8 has no lone surrogates
    (folder / "data.csv").write_text(f"{text},b,c\n1,{text},3\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "show {0}/m.json",
        *(f"export {{0}}/m.json --to {language}" for language in ("c", "python", "json", "latex", "sympy")),
        "predict {0}/m.json {0}/data.csv",
        "show {0}/bad.json",
        "show {0}/other.json",
        "fit {0}/data.csv --target c --out {0}/new.json",
        "fit {0}/data.csv --target nothing --out {0}/new.json",
    ],
)
def test_no_control_character_reaches_the_terminal(words, hostile):
    result = run(*words.format(hostile).split())
    assert result.exit_code in (0, 2) and "Traceback" not in result.output
    assert "\\x1b" in result.output or "u001b" in result.output or words.startswith("export")
    shown = result.output.replace("\n", "").replace("\t", "")
    assert shown.isprintable(), [one for one in shown if not one.isprintable()]


def test_fit_prints_names_without_control_characters(quickly, tmp_path):
    rows = "".join(f"{i},{i % 5},{i % 7}\n" for i in range(40))
    (tmp_path / "data.csv").write_text(f"\x1b[31ma,{'x' * 10_000},\x9b31my\n{rows}", encoding="utf-8")
    printed = succeed("fit", tmp_path / "data.csv", "--target", "\x9b31my", *quickly, "--out", tmp_path / "m.json")
    assert "target \\x9b31my\n" in printed and printed.replace("\n", "").isprintable()


def test_predictions_in_the_terminal_have_plain_names_and_files_the_true_ones(model, folder, tmp_path):
    document = json.loads(model.read_text()) | {"target_names": ["\x1b[31my"]}
    (tmp_path / "m.json").write_text(json.dumps(document))
    words = ["predict", tmp_path / "m.json", folder / "data.csv"]
    assert succeed(*words).startswith("\\x1b[31my\n")
    succeed(*words, "--out", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().startswith("\x1b[31my\n")


def test_messages_stay_short_whatever_the_names(model, tmp_path):
    names = [f"{'x' * 10_000}{number}" for number in range(300)]
    path, document = tmp_path / "long.csv", json.loads(model.read_text())
    path.write_text(f"{','.join(names)}\n{','.join(['text'] * 300)}\n{','.join(['text'] * 300)}\n")
    said = [fail("fit", path, "--target", name, "--out", tmp_path / "m.json") for name in (names[0], "y", "z" * 10_000)]
    assert all("and 294 more" in one or "and 295 more" in one for one in said)
    path.write_text(f"{','.join([*names, *names])}\n{','.join(['1'] * 600)}\n")
    said.append(fail("fit", path, "--target", "y", "--out", tmp_path / "m.json"))
    for key, value in (("feature_names", names), ("target_names", names), ("format", names), ("chosen", names)):
        (tmp_path / "bad.json").write_text(json.dumps(document | {key: value}))
        said.append(fail("show", tmp_path / "bad.json"))
    assert max(map(len, said)) < 2000


# --- show


def test_show_gives_sizes_neurons_formula_and_path(model):
    stored = load_model(model)
    shown = succeed("show", model)
    assert shown.startswith(f"y.json: y, fitted to data.csv, 80 rows by sk_swat {sk_swat.__version__}\n")
    assert r2_text(stored.path, stored.chosen) in shown
    assert equations_text(stored.network()) in shown
    assert f"\nFormula\ny = {stored.network().to_sympy()}\n" in shown
    assert shown.endswith(f"\n{path_text(stored.path, stored.chosen)}\n")


def test_show_takes_a_smaller_network_and_fewer_digits(model):
    stored, shown = load_model(model), succeed("show", model, "--max-nonzero", "4", "--digits", "2")
    assert equations_text(stored.network(4), 2) in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("*"))
    assert int(line[1:].split()[0]) == stored.network(4).n_nonzero <= 4


def test_show_without_sympy_says_how_to_get_it(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)  # importing it fails
    shown = succeed("show", model)
    assert "\nFormula\nneeds the package sympy: pip install 'sk_swat[export]'\n" in shown and "h1_1 = " in shown


def test_text_of_a_network_is_what_it_computes():
    network = SparseMLP(
        [[[1.23456, 0.0], [-2.0, 0.5]], [[3.0, 0.0], [0.0, -1.0]]],
        [[0.0, 1.0], [-4.0, 0.0]],
        [["gaussian", "identity"]],
        ["a", "b\nc\x1b"],
        ["u\r\n", "v"],
    )
    assert equations_text(network, 3).splitlines() == [
        "h1_1 = gaussian(1.23 * a - 2 * b c\\x1b)",
        "h1_2 = 0.5 * b c\\x1b + 1",
        "u = 3 * h1_1 - 4",
        "v = -1 * h1_2",
        "",
        "gaussian(z) = exp(-z^2)",
    ]
    assert equations_text(SparseMLP.constant(2, 1.5), 3) == "y = 1.5"


def test_long_equation_is_broken_and_path_has_one_line_each():
    network = SparseMLP([np.ones((40, 1))], [[0.0]], [], [f"column_{i}" for i in range(40)])
    lines = equations_text(network, 3).splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 100
    path = NetworkPath([SparseMLP.constant(40, 1.0), network], [0.0, 1.0], [np.nan, np.nan], np.zeros((2, 2)))
    assert [line[:16].split() for line in path_text(path, 1).splitlines()] == [["parameters"], ["1"], ["*", "40"]]
    assert r2_text(path, 1) == "R^2: 1.0000 on the fitted rows, no validation"


# --- export


@pytest.mark.parametrize(
    ("flags", "method", "options"),
    [
        (["c"], "to_c", {}),
        (
            ["c", "--dtype", "float", "--name", "pump", "--tables"],
            "to_c",
            {"dtype": "float", "name": "pump", "tables": True},
        ),
        (["python", "--name", "pump"], "to_python", {"name": "pump"}),
        (["json"], "to_numpy_json", {}),
        (["latex"], "to_latex", {}),
        (["latex", "--digits", "2"], "to_latex", {"digits": 2}),
        (["sympy"], "to_sympy", {}),
        (["sympy", "--digits", "3"], "to_sympy", {"digits": 3}),
    ],
)
@pytest.mark.filterwarnings("ignore:Rounded to digits")
def test_export_writes_what_the_library_gives(flags, method, options, model, tmp_path):
    for size in (None, 4):
        limit = [] if size is None else ["--max-nonzero", size]
        expected = str(getattr(load_model(model).network(size), method)(**options)).rstrip("\n") + "\n"
        assert succeed("export", model, "--to", *flags, *limit) == expected
        assert succeed("export", model, "--to", *flags, *limit, "--out", tmp_path / f"{size}.txt") == ""
        assert (tmp_path / f"{size}.txt").read_text() == expected


@pytest.mark.parametrize("words", [["show"], ["export", "--to", "sympy"]])
def test_digits_that_lose_accuracy_are_said_in_one_line(words, model):
    (line,) = run(*words, model, "--digits", 1).stderr.splitlines()
    assert line.startswith("warning: Rounded to digits=1, the formula loses ")
    assert run(*words, model).stderr == ""


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_onnx_goes_to_a_file_or_a_pipe(dtype, model, tmp_path):
    pytest.importorskip("onnx")
    words = ["export", model, "--to", "onnx", "--dtype", dtype]
    succeed(*words, "--out", tmp_path / "m.onnx")
    expected = load_model(model).network().to_onnx(dtype=dtype).SerializeToString()
    assert (tmp_path / "m.onnx").read_bytes() == run(*words).stdout_bytes == expected


def test_onnx_is_not_written_to_a_terminal(model, monkeypatch, capsys):
    pytest.importorskip("onnx")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["export", str(model), "--to", "onnx"]) == 2
    assert capsys.readouterr() == ("", "sk-swat export: error: onnx is not for reading; give a file with --out.\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["json", "--dtype", "float"], "--dtype is for --to c and onnx, not for json."),
        (["onnx", "--name", "pump"], "--name is for --to c and python, not for onnx."),
        (["python", "--tables"], "--tables is for --to c, not for python."),
        (["c", "--digits", "3"], "--digits is for --to latex and sympy, not for c."),
        (["c", "--name", "1x"], "`name` must be a C identifier"),
    ],
)
def test_option_of_another_format_is_said(flags, message, model):
    assert message in fail("export", model, "--to", *flags)


def test_export_keeps_an_existing_file(model, tmp_path):
    (tmp_path / "m.c").write_text("precious")
    assert "exists already" in fail("export", model, "--to", "c", "--out", tmp_path / "m.c")
    assert (tmp_path / "m.c").read_text() == "precious"


@pytest.mark.parametrize("command", [["predict"], ["show"], ["export", "--to", "c"]])
def test_other_json_is_said_by_every_command(command, tmp_path):
    path, data = tmp_path / "m.json", tmp_path / "data.csv"
    path.write_text(json.dumps({"format": "sk_swat model", "version": 2}))
    data.write_text("a\n1\n")
    name, *flags = command
    assert "a newer version needs a newer sk_swat" in fail(name, path, *([data] if name == "predict" else []), *flags)


# --- the whole way


def test_reading_commands_do_without_torch(model, folder, tmp_path, run_without_torch):
    commands = [["predict", model, folder / "data.csv"], ["show", model], ["export", model, "--to", "onnx"]]
    commands[2] += ["--out", tmp_path / "m.onnx"]
    commands += [["export", model, "--to", language] for language in ("c", "python", "json", "latex", "sympy")]
    code = (
        "import json\nfrom sk_swat.cli import main\n"
        "assert [main(words) for words in json.loads(sys.argv[2])] == [0] * 8 and 'torch' not in sys.modules"
    )
    printed = run_without_torch(code, json.dumps([[str(word) for word in words] for words in commands]))
    assert printed == "".join(succeed(*words) for words in [*commands[:2], *commands[3:]])
    assert (tmp_path / "m.onnx").is_file()


def test_fit_show_predict_and_export_as_a_user_runs_them(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(60, 2))
    values = np.c_[X, np.tanh(2 * X[:, 0])]
    (tmp_path / "data.csv").write_text(write_table(["speed", "noise", "drag"], values))
    root = str(Path(sk_swat.__file__).parents[1])

    def command(*words):
        environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
        ran = subprocess.run(
            [sys.executable, "-m", "sk_swat", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    command("fit", "data.csv", "--target", "drag", "--rounds", "0", "--depths", "1", "--out", "drag.json")
    assert "1 hidden neuron, reads 1 of 2 columns" in command("show", "drag.json", "--max-nonzero", "4")
    predicted = np.array(command("predict", "drag.json", "data.csv").splitlines()[1:], dtype=float)
    assert 1 - np.square(predicted - values[:, 2]).mean() / values[:, 2].var() > 0.999
    names = {}
    exec(command("export", "drag.json", "--to", "python"), names)
    assert np.allclose([names["predict"](row) for row in X], predicted, rtol=1e-12)

"""What can be exported, and what the C, Python and JSON texts look like and refuse."""

import ast
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sk_swat import SWATRegressor, export
from sk_swat.export import to_c, to_numpy_json, to_python
from sk_swat.export.c_language import check_c_name
from sk_swat.export.source import comment_text
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)
EXPORTS = [getattr(export, name) for name in export.__all__ if name not in ("path_to_latex", "register_converter")]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


def network_of(activations=("tanh", "sigmoid"), names=("a", "b", "c"), n_outputs=1):
    """Three columns, the last unused; one hidden layer; awkward numbers."""
    n = len(activations)
    return SparseMLP(
        [np.outer([0.1, -1 / 3, 0.0], np.arange(1, n + 1)), np.full((n, n_outputs), 2 / 7)],
        [np.linspace(-0.7, 0.9, n), np.pi * np.arange(1, n_outputs + 1)],
        [activations],
        names,
    )


@pytest.fixture
def network():
    return network_of()


# what can be exported


def test_public_names_are_functions_with_examples():
    assert sorted(export.__all__) == export.__all__
    assert all(callable(function) and ">>>" in function.__doc__ for function in EXPORTS)


@pytest.mark.parametrize("function", EXPORTS)
def test_regressor_is_exported_as_its_network(function):
    X = pd.DataFrame({"width": [1.0, 2.0, 3.0], "class": [4.0, 5.0, 7.0]})
    model = SWATRegressor(random_state=0).fit(X, [5.0, 5.0, 5.0])
    assert model.network_.feature_names == ("width", "class")
    assert str(function(model)) == str(function(model.network_))


@pytest.mark.parametrize("function", EXPORTS)
def test_neurons_without_effect_are_left_out(function):
    network = SparseMLP(
        [[[1.0, 0.0, 1.0]], [[2.0], [3.0], [0.0]]], [[0.0, 0.0, 1.0], [10.0]], [("tanh", "gaussian", "sine")]
    )
    assert str(function(network)) == str(function(SparseMLP([[[1.0]], [[2.0]]], [[0.0], [13.0]], [("tanh",)])))


@pytest.mark.parametrize("function", EXPORTS)
def test_every_export_is_a_method_as_well(function):
    text = str(function(network_of()))
    method = getattr(network_of(), function.__name__)
    assert str(method()) == text and function.__name__ in method.__doc__
    assert hasattr(SWATRegressor, function.__name__)


@pytest.mark.parametrize("function", EXPORTS)
def test_regressor_without_fit_is_refused(function):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        function(SWATRegressor())


@pytest.mark.parametrize("function", EXPORTS)
@pytest.mark.parametrize("model", [None, "network", SWATRegressor, SparseMLP, np.zeros(3)])
def test_other_objects_are_refused(function, model):
    with pytest.raises(TypeError, match="`model` must be a SparseMLP or a fitted SWATRegressor, got "):
        function(model)


# names in comments


ODD = ["*/", "/*", "a*/*/b", "/*/", "??/", "????/", "back\\", "line\nbreak", "\r\t\x00", "\u202egnirts", "m\u00b2", ""]


@pytest.mark.parametrize("name", ODD)
def test_comment_ends_neither_itself_nor_its_line(name):
    text = comment_text(name)
    assert text.isascii() and all(char.isprintable() for char in text)
    assert not any(mark in text for mark in ("*/", "/*", "??"))
    assert re.search(r"(?<!\\)(\\\\)*\\$", text) is None  # an even number of backslashes at the end


def test_comments_list_the_columns(network):
    lines = [" x[0]  a\n", " x[1]  b\n", " x[2]  c  (not used)\n"]
    for text in (to_c(network), to_python(network)):
        assert all(line in text for line in lines)
    named = network_of(n_outputs=2).with_names(None, ["price", "*/ system(); /*"])
    for text in (to_c(named), to_python(named)):
        assert " y[0]  price\n" in text and " y[1]  * / system(); / *\n" in text
    assert "y[0]  " not in to_c(network)
    nameless = to_c(network_of(names=None))
    assert " x[0]\n" in nameless and " x[2]  (not used)\n" in nameless


def test_odd_names_survive_compilers_and_python(tmp_path):
    network = SparseMLP([np.ones((len(ODD), 1))], [[1.0]], [], ODD)
    build(tmp_path, ["gcc", "-std=c99"], {"network.c": to_c(network)})
    path = tmp_path / "coding.py"
    path.write_text(to_python(SparseMLP([[[1.0]]], [[0.0]], [], ["coding: utf-7"])), encoding="ascii")
    subprocess.run([sys.executable, str(path)], check=True, timeout=60)


# C


def build(folder, compiler, files, program=None):
    """Write files, and compile the sources among them."""
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs {compiler[0]}")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    goal = ["-fsyntax-only"] if program is None else ["-o", program]
    language = ["-x", "c++"] if compiler[0] == "g++" else []
    command = [*compiler, *WARNINGS, *goal, *language, *files, *(["-lm"] if program else [])]
    subprocess.run(command, cwd=folder, check=True, timeout=120)


CALLER = """
#define PUMP_DECLARATION_ONLY
#include "pump.c"
#include "pump.c"
#include <stdio.h>
int main(void)
{
    double x[PUMP_N_FEATURES] = {0.5, -2.0, 1e300}, y[PUMP_N_OUTPUTS];
    pump_predict(x, y);
    printf("%.17g %.17g", y[0], y[1]);
    return 0;
}
"""


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("compiler", [["gcc", "-std=c99"], ["gcc", "-std=c99", "-O2"], ["g++", "-std=c++11"]], ids=str)
def test_file_is_its_own_header(tmp_path, compiler, tables):
    network = network_of(NAMES, n_outputs=2)
    build(tmp_path, compiler, {"pump.c": to_c(network, name="pump", tables=tables), "main.c": CALLER}, "main")
    printed = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True, timeout=60).stdout
    np.testing.assert_allclose(list(map(float, printed.split())), network.predict([[0.5, -2.0, 1e300]])[0], rtol=1e-12)


def test_cpp_calls_what_c_compiled(tmp_path):
    build(tmp_path, ["gcc", "-std=c99", "-c"], {"pump.c": to_c(network_of(n_outputs=2), name="pump")}, "pump.o")
    build(tmp_path, ["g++", "-std=c++11", "-c"], {"main.cpp": CALLER}, "main.o")
    subprocess.run(["g++", "main.o", "pump.o", "-o", "main"], cwd=tmp_path, check=True, timeout=120)


@pytest.mark.parametrize(("sizes", "at_most"), [((3, 4, 1), 1.0), ((6, 8, 1), 0.6), ((8, 12, 1), 0.45)])
def test_tables_save_memory(tmp_path, sizes, at_most):
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=pair) for pair in pairwise(sizes)]
    names = [list(rng.choice(NAMES, size)) for size in sizes[1:-1]]
    network = SparseMLP(coefs, [rng.normal(size=size) for size in sizes[1:]], names)
    taken = []
    for tables in (False, True):
        file = {"network.c": to_c(network, dtype="float", tables=tables)}
        build(tmp_path, ["gcc", "-std=c99", "-Os", "-c"], file, "network.o")
        told = subprocess.run(
            ["size", "network.o"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
        )
        taken.append(sum(map(int, told.stdout.splitlines()[1].split()[:3])))  # code and constants, data, zeros
    assert taken[1] < at_most * taken[0]


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_c_needs_math_alone_and_holds_the_nonzero_parameters(dtype, tables):
    network = network_of(("tanh", "identity"))
    text = to_c(network, dtype=dtype, tables=tables)
    assert re.findall("#include (.*)", text) == ["<math.h>"] and "alloc" not in text
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?f?\b(?![.\]])", text[text.index("<math.h>") :])
    real = np.float32 if dtype == "float" else np.float64
    found = sorted(real(number.removesuffix("f")) for number in numbers if "." in number)
    stored = np.concatenate([array.ravel() for array in network.coefs + network.intercepts])
    np.testing.assert_array_equal(found, np.sort(np.abs(stored[stored != 0]).astype(real)))


def test_float_source_has_no_double():
    text = to_c(network_of(NAMES), dtype="float")
    assert "double" not in text and "tanhf(" in text and "fabsf(" in text


@pytest.mark.parametrize("function", [lambda n, v: to_c(n, name=v), lambda n, v: to_python(n, name=v)])
@pytest.mark.parametrize("name", ["1a", "a b", "", "a-b", "a;", "\u00fc", "a\n", "for", "if"])
def test_name_that_is_no_identifier_is_refused(network, function, name):
    with pytest.raises(ValueError, match=f"`name` must be .* identifier .* got {re.escape(repr(name))}"):
        function(network, name)


@pytest.mark.parametrize("name", ["int", "restrict", "bool", "nullptr", "_a", "__a"])
def test_reserved_name_is_refused_in_c(name):
    with pytest.raises(ValueError, match=f"must be a C identifier .* got '{name}'"):
        check_c_name(name)


@pytest.mark.parametrize("function", [to_c, to_python])
def test_name_that_is_no_text_is_refused(network, function):
    with pytest.raises(TypeError, match=r"`name` must be .* got 3"):
        function(network, name=3)


def test_unknown_c_type_is_refused(network):
    with pytest.raises(ValueError, match="dtype must be one of 'double', 'float', got 'half'"):
        to_c(network, dtype="half")


@pytest.mark.parametrize("value", [1e-300, 1e300, 1e-39, -3.5e38])
@pytest.mark.parametrize("tables", [False, True])
def test_number_beyond_float_is_refused(value, tables):
    network = SparseMLP([[[value], [1.0]]], [[0.0]], [])
    with pytest.raises(ValueError, match=r"dtype='float' holds numbers of size 1\.2e-38 to 3\.4e\+38, the network has"):
        to_c(network, dtype="float", tables=tables)
    to_c(network, tables=tables)


# Python


def function_of(source, name="predict"):
    space = {}
    exec(source, space)
    return space[name]


def test_python_uses_math_and_builtins_alone():
    tree = ast.parse(to_python(network_of(NAMES)))
    assert [type(part) for part in tree.body] == [ast.Import, ast.FunctionDef]
    assert [alias.name for alias in tree.body[0].names] == ["math"]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {name for name in called if not name.startswith("math.")} <= {"float", "len", "ValueError", "abs", "min"}


def test_python_function_takes_any_sequence_and_gives_floats():
    one, three = (
        function_of(to_python(network_of())),
        function_of(to_python(network_of(n_outputs=3), name="three"), "three"),
    )
    for x in ([1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], dtype=np.float32)):
        assert type(one(x)) is float
        assert [type(value) for value in three(x)] == [float] * 3 and type(three(x)) is tuple


@pytest.mark.parametrize("x", [[], [1.0, 2.0], np.ones((1, 3))])
def test_python_function_refuses_another_number_of_columns(network, x):
    with pytest.raises(ValueError, match=f"x must hold 3 numbers, got {len(x)}"):
        function_of(to_python(network))(x)


def test_python_sum_of_thousands_of_terms_compiles():
    network = SparseMLP([np.linspace(-1, 1, 5000)[:, np.newaxis]], [[0.5]], [])
    assert function_of(to_python(network))(np.ones(5000)) == pytest.approx(0.5, abs=1e-10)


@pytest.mark.parametrize("name", ["math", "float", "len", "ValueError", "class", "None", "print"])
def test_name_that_python_needs_is_refused(network, name):
    with pytest.raises(ValueError, match=f"no built-in name and not 'math', got '{name}'"):
        to_python(network, name=name)


# JSON


def test_json_is_that_of_the_network(network):
    assert to_numpy_json(network) == network.prune().to_json()
    assert SparseMLP.from_json(to_numpy_json(network)) == network
    assert SparseMLP.from_json(to_numpy_json(network)).feature_names == ("a", "b", "c")

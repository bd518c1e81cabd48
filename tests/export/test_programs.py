"""Every export against SparseMLP.predict, with extreme numbers and odd names.

Every format computes networks in which every two of depth, activation, number of outputs and size of the numbers meet.
"""

import shutil
import subprocess
from itertools import combinations, pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
import torch

from sk_swat.export import to_c, to_numpy_json, to_python, to_sympy, to_torch
from sk_swat.network.activations import ACTIVATIONS, activate
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)
GCC = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wdouble-promotion"]
ODD_NAMES = ("int", "not used", "lambda */ /* ??/ \\", "quo\"te's\nline \u00b5 %_&{}")
SETS = {name: (name,) for name in NAMES} | {"mixed": NAMES}
DEPTHS, N_OUTPUTS, REGIMES = range(5), (1, 3), ("plain", "tiny", "huge")
# first layer, inputs and last layer are multiplied with these; by dtype, because a float has a smaller range
SCALES = {
    "double": {"plain": (1, 1, 1), "tiny": (1e-300, 1e300, 1e200), "huge": (1e5, 1e200, 1)},
    "float": {"plain": (1, 1, 1), "tiny": (1e-30, 1e30, 1e20), "huge": (1e5, 1e20, 1)},
}
TOLERANCE = {"double": 1e-9, "float": 1e-5}


def every_pair(grid):
    """Few rows of a grid: every two values that stand in one row of the grid stand in one of these as well."""
    pairs = {row: {*combinations(enumerate(row), 2)} for row in grid}
    missing, rows = set().union(*pairs.values()), []
    while missing:
        rows.append(max(pairs, key=lambda row: len(pairs[row] & missing)))
        missing -= pairs[rows[-1]]
    return rows


GRID = list(product(DEPTHS, SETS, N_OUTPUTS, REGIMES))
GRID = [row for row in GRID if row[1] != "sine" or row[3] != "huge"]  # sin(1e200) is noise
KEYS = every_pair(GRID)


def sparse_weights(rng, n_in, n_out):
    """Normal weights; one in four is zero, in a pattern that leaves every neuron alive."""
    kept = np.add.outer(np.arange(n_in), 2 * np.arange(n_out)) % 4 != 3
    return rng.normal(size=(n_in, n_out)) / np.sqrt(n_in) * kept


def make_case(dtype, depth, activation, n_outputs, regime):
    """A network of 4 columns, the second unused, and 6 rows with NaN in that column; the first row has zeros."""
    rng = np.random.default_rng([depth, list(SETS).index(activation), n_outputs, REGIMES.index(regime)])
    names = [name for name in SETS[activation] if name != "sine" or regime != "huge"]
    sizes = (4, *(3, 3, 2, 2)[:depth], n_outputs)
    coefs = [sparse_weights(rng, *pair) for pair in pairwise(sizes)]
    intercepts = [rng.normal(size=size) for size in sizes[1:]]
    coefs[0][1] = 0
    first, inputs, last = SCALES[dtype][regime]
    coefs[0] *= first
    if regime == "huge":
        intercepts[0] *= 1e4
    coefs[-1] *= last
    intercepts[-1] *= last
    activations = [[names[code] for code in rng.integers(len(names), size=size)] for size in sizes[1:-1]]
    network = SparseMLP(coefs, intercepts, activations, ODD_NAMES)
    assert network.prune().depth == depth
    X = rng.normal(size=(6, 4)) * inputs
    X[0], X[:, 1] = 0, np.nan
    if dtype == "float":
        X = X.astype(np.float32).astype(np.float64)
    scale = 1 if regime == "plain" else size_without_cancellation(network, X)
    return SimpleNamespace(network=network, X=X, scale=scale)


def size_without_cancellation(network, X):
    """Sum of the sizes of the terms of y: rounding errors are relative to it where large terms cancel."""
    size = np.nan_to_num(np.abs(X))
    for layer, (coef, intercept) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
        size = size @ np.abs(coef) + np.abs(intercept)
        if layer < network.depth:
            bounded = [np.abs(activate(name, [-1e30, 1e30])).max() <= 1 for name in network.activations[layer]]
            size[:, bounded] = np.minimum(size[:, bounded], 1)
    return size


def neuron_case(activation):
    """One neuron on one column, on inputs that are or become infinite or not a number."""
    network = SparseMLP([[[1e10]], [[2.0]]], [[0.5], [3.0]], [[activation]])
    return SimpleNamespace(network=network, X=np.array([[1.7e308], [-1.7e308], [np.inf], [-np.inf], [np.nan], [0.0]]))


def wide_case():
    """Sums longer than a compiler likes in one piece, and tables longer than a byte can index."""
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=(300, 2)), [[1.0], [-1.0]]]
    network = SparseMLP([coefs[0] / 30, coefs[1]], [[-0.1, 0.0], [0.0]], [["tanh", "sigmoid"]])
    return SimpleNamespace(network=network, X=rng.normal(size=(6, 300)).astype(np.float32).astype(np.float64), scale=1)


def constant_case(n_outputs):
    network = SparseMLP([np.zeros((3, n_outputs))], [np.arange(n_outputs)], [])
    return SimpleNamespace(network=network, X=np.full((6, 3), np.nan), scale=1)


def make_cases(dtype):
    cases = {key: make_case(dtype, *key) for key in KEYS}
    cases |= {("neuron", name): neuron_case(name) for name in NAMES}
    return cases | {"wide": wide_case()} | {("constant", n): constant_case(n) for n in (1, 3)}


CASES = {dtype: make_cases(dtype) for dtype in ("double", "float")}


def expected(case):
    return case.network.predict(case.X).reshape(len(case.X), -1)


# running the exports; each gives an array of shape (n_samples, n_outputs)


def run_python(case):
    space = {}
    exec(to_python(case.network), space)
    return np.array([space["predict"](row) for row in case.X]).reshape(len(case.X), -1)


def run_json(case):
    return SparseMLP.from_json(to_numpy_json(case.network)).predict(case.X).reshape(len(case.X), -1)


def run_torch(case):
    with torch.no_grad():
        return to_torch(case.network)(torch.from_numpy(case.X)).numpy().reshape(len(case.X), -1)


def run_sympy(case):
    network, formulas = case.network, to_sympy(case.network)
    names = network.feature_names or [f"x{i}" for i in range(network.n_features_in)]
    symbols, columns = [sympy.Symbol(names[i]) for i in network.used_features], case.X[:, network.used_features].T
    function = sympy.lambdify(symbols, formulas if network.n_outputs > 1 else [formulas], "numpy", cse=True)
    with np.errstate(all="ignore"):
        return np.stack([np.broadcast_to(values, len(case.X)) for values in function(*columns)], axis=1)


C_MAIN = """
#include <stdio.h>
typedef struct {{ void (*predict)(const {dtype} *x, {dtype} *y); size_t n_features, n_outputs; }} network;
static const network networks[] = {{ {entries} }};
int main(void)
{{
    static {dtype} x[1000], y[10];
    size_t k, row;
    for (k = 0; k < sizeof networks / sizeof networks[0]; k++)
        for (row = 0; row < 6; row++) {{
            if (fread(x, sizeof *x, networks[k].n_features, stdin) != networks[k].n_features) return 1;
            networks[k].predict(x, y);
            fwrite(y, sizeof *y, networks[k].n_outputs, stdout);
        }}
    return 0;
}}
"""


def run_c(cases, dtype, tables, folder):
    """Compile all networks into one program and run it once."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    texts = [to_c(c.network, dtype=dtype, name=f"n{k}", tables=tables) for k, c in enumerate(cases)]
    entries = [f"{{n{k}_predict, N{k}_N_FEATURES, N{k}_N_OUTPUTS}}" for k in range(len(cases))]
    source, program = folder / "networks.c", folder / "networks"
    source.write_text("".join(texts) + C_MAIN.format(dtype=dtype, entries=", ".join(entries)), encoding="ascii")
    subprocess.run([*GCC, "-O1", str(source), "-o", str(program), "-lm"], check=True, timeout=300)
    real = np.dtype("f8" if dtype == "double" else "f4")
    with np.errstate(over="ignore"):
        inputs = b"".join(case.X.astype(real).tobytes() for case in cases)
    outputs = subprocess.run([str(program)], input=inputs, capture_output=True, check=True, timeout=60).stdout
    ends = np.cumsum([6 * case.network.n_outputs for case in cases])
    parts = np.split(np.frombuffer(outputs, dtype=real).astype(np.float64), ends[:-1])
    return [part.reshape(6, -1) for part in parts]


C_FORMATS = [("double", False), ("double", True), ("float", False), ("float", True)]


@pytest.fixture(scope="module", params=C_FORMATS, ids=["double", "double tables", "float", "float tables"])
def c_results(request, tmp_path_factory):
    dtype, tables = request.param
    cases = CASES[dtype]
    results = run_c(list(cases.values()), dtype, tables, tmp_path_factory.mktemp("c"))
    return dtype, dict(zip(cases, results, strict=True))


RUNNERS = {"python": run_python, "json": run_json, "torch": run_torch, "sympy": run_sympy}


def assert_equal(found, case, tolerance):
    target = expected(case)
    assert np.isfinite(target).all()
    assert (np.abs(found - target) <= tolerance * np.maximum(case.scale, np.abs(target))).all()


def test_every_two_of_depth_activation_outputs_and_size_meet():
    columns = [sorted({row[column] for row in GRID}, key=str) for column in range(4)]
    assert [len(values) for values in columns] == [5, len(NAMES) + 1, 2, 3]
    met = {(i, row[i], j, row[j]) for row in KEYS for i, j in combinations(range(4), 2)}
    for i, j in combinations(range(4), 2):
        for one, other in product(columns[i], columns[j]):
            assert ((i, one, j, other) in met) != ((one, other) == ("sine", "huge"))
    assert len(KEYS) < len(GRID) / 4


with_keys = pytest.mark.parametrize("key", KEYS, ids=lambda key: "-".join(map(str, key)))


@with_keys
def test_c_equals_predict(c_results, key):
    dtype, results = c_results
    assert_equal(results[key], CASES[dtype][key], TOLERANCE[dtype])


@with_keys
@pytest.mark.parametrize("form", RUNNERS)
def test_export_equals_predict(form, key):
    assert_equal(RUNNERS[form](CASES["double"][key]), CASES["double"][key], TOLERANCE["double"])


OTHERS = ["wide", ("constant", 1), ("constant", 3)]


@pytest.mark.parametrize("key", OTHERS, ids=str)
def test_wide_and_constant_c_equals_predict(c_results, key):
    dtype, results = c_results
    assert_equal(results[key], CASES[dtype][key], TOLERANCE[dtype])


@pytest.mark.parametrize("key", OTHERS, ids=str)
@pytest.mark.parametrize("form", RUNNERS)
def test_wide_and_constant_export_equals_predict(form, key):
    assert_equal(RUNNERS[form](CASES["double"][key]), CASES["double"][key], 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_c_treats_infinity_and_nan_as_predict_does(c_results, name):
    dtype, results = c_results
    case = CASES[dtype]["neuron", name]
    np.testing.assert_allclose(results["neuron", name], expected(case), rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["python", "json", "torch"])
def test_export_treats_infinity_and_nan_as_predict_does(form, name):
    case = CASES["double"]["neuron", name]
    np.testing.assert_allclose(RUNNERS[form](case), expected(case), rtol=1e-9)


def test_sine_of_large_arguments_equals_predict():
    network = SparseMLP([[[1e3]], [[1.0]]], [[0.0], [0.0]], [["sine"]])
    case = SimpleNamespace(network=network, X=np.array([[1e1], [1e3], [1e6], [1e9], [-1e12]]), scale=1)
    for run in RUNNERS.values():
        assert_equal(run(case), case, 1e-9)

"""Networks in one line, and paths as tables in LaTeX."""

import re
import sys
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sk_swat import SparseMLP, SWATRegressor
from sk_swat.export import path_to_latex, to_latex
from sk_swat.network.activations import ACTIVATIONS, activate
from sk_swat.network.fit_summary import FitSummary
from sk_swat.network.text import formula_text

NAMES = tuple(ACTIVATIONS)


def random_network(seed):
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.integers(1, 5, size=rng.integers(0, 4)), int(rng.integers(1, 4))]
    coefs = [rng.normal(size=pair) * (rng.random(pair) < 0.6) for pair in pairwise(sizes)]
    names = [list(rng.choice(NAMES, size)) for size in sizes[1:-1]]
    return SparseMLP(coefs, [rng.normal(size=size) for size in sizes[1:]], names)


def compute(text, X, names):
    """Values of the outputs by what the text says."""
    values = {name: lambda z, name=name: activate(name, np.asarray(z, dtype=float)) for name in NAMES}
    values |= {f"x{i}": X[:, i] for i in range(X.shape[1])}
    equations = [part.split(" = ") for part in text.split("; ")]
    for name, right in [*equations[len(names) :], *equations[: len(names)]]:
        values[name] = np.broadcast_to(eval(right, {}, values), len(X))
    return np.stack([values[name] for name in names], axis=1)


@pytest.mark.parametrize("seed", range(40))
def test_line_computes_what_the_network_does(seed):
    network, X = random_network(seed), np.random.default_rng(seed).normal(size=(9, 3))
    names = ["y"] if network.n_outputs == 1 else [f"y{j}" for j in range(network.n_outputs)]
    text = formula_text(network)
    np.testing.assert_allclose(compute(text, X, names), network.predict(X).reshape(9, -1), rtol=1e-9, atol=1e-9)
    assert "\n" not in text


def test_line_grows_with_the_parameters_alone():
    sizes = [2, 8, 8, 8, 8, 1]  # written where they are used, neurons of the first layer would stand there 512 times
    pairs = list(pairwise(sizes))
    dense = SparseMLP([np.full(pair, 1.5) for pair in pairs], [np.ones(out) for _, out in pairs], [["tanh"] * 8] * 4)
    assert len(formula_text(dense)) < 20 * dense.n_nonzero


def test_line_has_names_and_takes_large_means_out():
    summary = FitSummary([2004.0, 1.0], [11.5, 1.0], [5e6], [10.0], [0.9, 1e-5])
    network = SparseMLP([[[0.12345], [1.0]]], [[5e6 - 250.0]], [], ["model\nyear", "b"], ["price"], summary)
    assert formula_text(network) == "price = 0.12 * (model year - 2000) + 1 * b + 4999996.9"
    assert formula_text(SparseMLP.constant(2, [1.5, -2.0]).with_names(None, ["u", "v"])) == "u = 1.5; v = -2"


def test_line_is_written_without_sympy(refined, table, monkeypatch):
    model = refined(n_rounds=0).fit(table[0], pd.Series(table[1], name="price"))
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert model.path_["equation"].str.startswith("price = ").all()


def test_equations_of_a_path_predict_what_its_networks_do(refined, table):
    X, y = table
    model = refined().fit(X, y)
    for index, text in enumerate(model.path_["equation"]):
        lost = np.square(compute(text, X, ["y"])[:, 0] - y).mean() - np.square(model.predict(X, index=index) - y).mean()
        assert lost / y.var() < 2e-4


# --- LaTeX


@pytest.mark.parametrize("weight", [1.0, -1.0, 2.5])
def test_factors_keep_their_digits_within_a_gaussian(weight):
    network = SparseMLP([[[1.768]], [[weight]]], [[0.0], [1.0]], [["gaussian"]])
    assert r"\left(1.768 x_{0}\right)^{2}" in to_latex(network)  # not the square of the factor, 3.125824


def test_table_has_a_row_for_each_network(refined, table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a_b", "c", "d"])
    model = refined(n_rounds=0).fit(frame, pd.Series(y, name="price"))
    begin, head, *rows, end = model.path_to_latex().split("\n")
    assert (begin, end) == (r"\begin{array}{crrrl}", r"\end{array}") and head.endswith(r"\\ \hline")
    assert len(rows) == len(model.networks_) and all(row.endswith(r" \\") for row in rows[:-1])
    for row, one, network in zip(rows, model.path_.itertuples(), model.networks_, strict=True):
        star, size, train, validation, formula = row.removesuffix(r" \\").split("& ")
        assert star.strip() == (r"\ast" if one.chosen else "") and int(size) == one.n_nonzero
        assert (float(train), float(validation)) == (round(one.r2_train, 4), round(one.r2_validation, 4))
        assert formula == to_latex(network) and formula.startswith(r"\mathrm{price} = ")
    limited = model.path_to_latex(max_nonzero=5, digits=None).split("\n")[2:-1]
    assert len(limited) == (model.path_["n_nonzero"] <= 5).sum() and not limited[-1].endswith("\\")


def test_table_without_validation_and_of_several_targets(quick, table):
    X, y = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = quick(early_stopping=False).fit(X, np.c_[y, -y])
    text = path_to_latex(model)
    assert re.search(r"& \\text\{-\} & \\begin\{aligned\}\n\\hat\{y\}_\{1\} &= ", text)
    assert text.count("{aligned}") == 2


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (SWATRegressor(), NotFittedError, "not fitted"),
        (SparseMLP.constant(1, 1.0), TypeError, "`model` must be a fitted SWATRegressor or SWATCompressor, got Sparse"),
    ],
)
def test_table_of_what_has_no_path_is_refused(model, error, message):
    with pytest.raises(error, match=message):
        path_to_latex(model)


def test_table_of_no_network_is_refused():
    model = SWATRegressor(random_state=0).fit([[1.0], [2.0]], [3.0, 3.0])
    with pytest.raises(ValueError, match="max_nonzero must be an integer of at least 1, got 0"):
        model.path_to_latex(max_nonzero=0)
    two = SWATRegressor(random_state=0).fit([[1.0], [2.0]], [[3.0, 1.0], [3.0, 1.0]])
    with pytest.raises(ValueError, match="max_nonzero must be at least 2, the size of the smallest network"):
        two.path_to_latex(max_nonzero=1)

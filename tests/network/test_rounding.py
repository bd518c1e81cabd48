"""What rounding a formula costs, and that the digits chosen by default are the fewest that do."""

import copy
import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from sk_swat import SparseMLP
from sk_swat.export import to_latex, to_sympy
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.rounding import Formula, round_network, rounding_losses, short_centre, summarise
from sk_swat.network.scaling import Standardisation

NAMES = tuple(ACTIVATIONS)
LIMIT = 1e-4  # of R^2
UNITS = {  # mean and spread of three columns and of the target
    "standard": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 0.0, 1.0),
    "years": ([2004.0, 1953.0, 0.0], [11.5, 30.0, 1.0], 0.0, 1.0),
    "offsets of a million": ([1e6, -1e6, 1e6], [1.0, 3.0, 100.0], 1e6, 1.0),
    "timestamps": ([1.7e9, 1.7e9, 0.0], [1e3, 1e7, 1.0], -1.7e9, 10.0),
    "mixed": ([101325.0, 1e-9, 2004.0], [300.0, 1e-12, 11.5], 5e-9, 1e-8),
}
SETS = {name: (name,) for name in NAMES} | {"mixture": NAMES}


def fit(units="years", depth=1, names=NAMES, n_outputs=1, seed=0, noise=0.1, n_rows=200):
    """A network with a summary, the rows that count as fitted, and their targets: what it predicts, and noise."""
    rng = np.random.default_rng([seed, depth, n_outputs])
    mean, spread, target_mean, target_spread = UNITS[units]
    sizes = (3, *(3, 3, 2, 2)[:depth], n_outputs)
    network = SparseMLP(
        [rng.normal(size=pair) for pair in pairwise(sizes)],
        [rng.normal(size=size) for size in sizes[1:]],
        [[names[code] for code in rng.integers(len(names), size=size)] for size in sizes[1:-1]],
        ["a", "b", "c"],
    ).with_scaling(mean, spread, target_mean, target_spread)
    X = np.array(mean) + np.array(spread) * rng.normal(size=(n_rows, 3))
    y = network.predict(X).reshape(n_rows, -1)
    y = y + noise * y.std(axis=0) * rng.normal(size=y.shape)
    y = y[:, 0] if n_outputs == 1 else y
    return summarise([network], X, y, None, Standardisation.of(X, y), 0, n_rows)[0], X, y


def evaluate(network, X, **options):
    """Predictions of the formula that sympy gets."""
    formulas = to_sympy(network, **options)
    function = sympy.lambdify([*map(sympy.Symbol, "abc")], formulas, "numpy", cse=True)
    columns = function(*X.T)
    shape = (len(X),)
    return np.broadcast_to(columns, shape) if network.n_outputs == 1 else np.stack(columns, axis=1)


def loss(network, X, y, **options):
    return r2_score(y, network.predict(X)) - r2_score(y, evaluate(network, X, **options))


def needed_digits(network):
    return len(network.fit_summary.rounding_losses)


def check_digits(network, X, y):
    """The formula loses less than 1e-4 of R^2 by default, and more with one digit fewer, of which a warning tells."""
    enough = needed_digits(network)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss(network, X, y) < LIMIT
        assert to_sympy(network) == to_sympy(network, digits=enough)
    if enough > 1:
        with pytest.warns(UserWarning, match=rf"loses .* R\^2 .*; digits={enough} or 'auto' loses less than 0\.0001"):
            lost = loss(network, X, y, digits=enough - 1)
        assert lost >= LIMIT
        np.testing.assert_allclose(network.fit_summary.rounding_losses[-2], lost, rtol=1e-3)
    return enough


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("activation", SETS)
@pytest.mark.parametrize("depth", range(5))
def test_default_digits_are_the_fewest_that_cost_next_to_nothing(depth, activation, units):
    check_digits(*fit(units, depth, SETS[activation]))


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("n_outputs", [2, 3])
def test_default_digits_of_several_outputs(n_outputs, units):
    check_digits(*fit(units, 2, n_outputs=n_outputs))


@pytest.mark.parametrize("units", UNITS)
def test_offsets_and_units_need_no_more_digits(units):
    """A year, a time stamp or a target of a million is centred: what remains has the digits of standard units."""
    for seed in range(5):
        plain = needed_digits(fit("standard", names=("tanh", "sine"), seed=seed)[0])
        assert needed_digits(fit(units, names=("tanh", "sine"), seed=seed)[0]) <= plain + 1


def test_formula_of_a_year_is_centred():
    network = fit("years", 1, ("tanh",))[0]
    for text in (str(to_sympy(network)), to_latex(network)):
        assert "2000" in text and "1950" in text and "2004" not in text
    assert "(a - 2000)" in str(to_sympy(network, digits=None))
    assert "(a - 2000)" not in str(to_sympy(network.with_fit_summary(None)))


def test_bias_of_a_far_target_keeps_what_its_mean_needs():
    network, X, y = fit("offsets of a million", 1, ("tanh",))
    bias = to_sympy(network, digits=3).as_coeff_Add()[0]
    assert abs(bias - 1e6) < 100 and bias != sympy.Float(1e6)
    assert loss(network, X, y, digits=3) < 1e-2


@pytest.mark.parametrize("digits", [2, None])
@pytest.mark.parametrize("activation", SETS)
@pytest.mark.parametrize("depth", range(5))
@pytest.mark.filterwarnings("ignore:Rounded to digits")
def test_formula_is_what_sympy_evaluates(depth, activation, digits):
    network, X, _ = fit("mixed", depth, SETS[activation], n_outputs=2)
    formula = Formula.of(network)
    found = (formula if digits is None else formula.round(digits)).predict(X)
    np.testing.assert_allclose(found, evaluate(network, X, digits=digits), rtol=1e-9)
    if digits is None:
        np.testing.assert_allclose(found, network.predict(X), rtol=1e-6)


def test_losses_count_rows_by_their_weights():
    network, X, y = fit()
    weight = np.random.default_rng(0).integers(1, 4, size=len(y)).astype(float)
    repeated = rounding_losses(network, X.repeat(weight.astype(int), axis=0), y.repeat(weight.astype(int)))
    np.testing.assert_allclose(rounding_losses(network, X, y, weight), repeated, rtol=1e-9)
    assert repeated != rounding_losses(network, X, y)


def test_losses_of_a_long_table_are_those_of_some_of_its_rows():
    network, X, y = fit(n_rows=2000)
    scaling = Standardisation.of(X, y)

    def losses(seed, most_rows):
        return summarise([network], X, y, None, scaling, seed, most_rows)[0].fit_summary.rounding_losses

    assert losses(0, 2000) == losses(1, 2000) == network.fit_summary.rounding_losses
    assert losses(0, 500) == losses(0, 500) != losses(1, 500)
    np.testing.assert_allclose(losses(0, 500)[0], losses(0, 2000)[0], rtol=0.5)


def test_target_that_does_not_vary_is_written_in_full_and_costs_nothing():
    X, value = np.random.default_rng(0).normal(size=(50, 1)), np.pi
    network = SparseMLP([[[1.0, 0.0]]], [[0.0, value]], [])
    y = np.c_[X[:, 0], np.full(50, value)]
    (found,) = summarise([network], X, y, None, Standardisation.of(X, y[:, 0]), 0, 50)
    assert found.fit_summary.rounding_losses == (0.0,)
    assert to_sympy(found) == [sympy.Symbol("x0"), sympy.Float(value)]


def test_network_that_no_rounding_spares_keeps_all_bits():
    """A sine far out depends on every bit of its argument."""
    network = SparseMLP([[[1.0]], [[1.0]]], [[1e15 / 3], [0.0]], [["sine"]])
    X = np.random.default_rng(0).normal(size=(50, 1))
    y = network.predict(X)
    (found,) = summarise([network], X, y, None, Standardisation.of(X, y), 0, 50)
    assert needed_digits(found) == 15 and found.fit_summary.rounding_losses[-1] > LIMIT
    assert to_sympy(found) == to_sympy(found, digits=None)
    with pytest.warns(UserWarning, match=r"digits=15, .*; digits=None keeps all bits"):
        to_sympy(found, digits=15)


def test_predictions_that_are_not_finite_are_no_error():
    network = SparseMLP([[[1e300]]], [[0.0]], [])
    X = np.array([[1.0], [1e200]])
    (found,) = summarise([network], X, np.array([0.0, 1.0]), None, Standardisation.of(X, X[:, 0]), 0, 50)
    assert needed_digits(found) == 15 and np.isfinite(found.fit_summary.rounding_losses).all()


def test_network_without_a_fit_keeps_all_bits_and_does_not_warn():
    network = fit()[0].with_fit_summary(None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_sympy(network) == to_sympy(network, digits=None)
        to_sympy(network, digits=1)
    with pytest.raises(ValueError, match="must have a summary"):
        rounding_losses(network, np.zeros((2, 3)), np.zeros(2))


@pytest.mark.parametrize("function", [to_sympy, to_latex])
def test_unknown_word_for_digits_is_refused(function):
    with pytest.raises(ValueError, match="digits must be an integer from 1 to 15, 'auto' or None, got 'few'"):
        function(fit()[0], digits="few")


@given(mean=st.floats(-1e15, 1e15), spread=st.floats(1e-3, 1e15))
def test_centre_is_near_the_mean_and_short(mean, spread):
    centre = short_centre(mean, spread)
    if abs(mean) <= 10 * spread:
        assert centre == 0
    else:
        assert abs(centre - mean) <= spread / 2
        digits = len(f"{centre:.14e}".lstrip("-").split("e")[0].replace(".", "").rstrip("0"))
        assert digits == 1 or abs(float(f"{mean:.{digits - 2}e}") - mean) > spread / 2


# fits


@pytest.fixture(scope="module")
def years(refined):
    """A fit to a year and a time stamp, with the rows."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(1990, 2020, 120), 1.7e9 + rng.normal(0, 1e4, 120), rng.normal(size=120)]
    y = 5e5 + np.tanh((X[:, 0] - 2004) / 5) + (X[:, 1] - 1.7e9) / 1e4
    return refined().fit(X, y), X, y


def test_every_network_of_a_path_knows_its_digits(years):
    model, X, y = years
    for network in model.networks_:
        check_digits(network.with_names(["a", "b", "c"]), X, y)
    assert len({needed_digits(network) for network in model.networks_}) > 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_know_them_as_well(years, copied):
    model = years[0]
    twin = copied(model).select(max_nonzero=4)
    assert twin.to_latex() == copy.deepcopy(model).select(max_nonzero=4).to_latex() != model.to_latex()


def test_printed_network_is_centred_and_rounded_as_its_formula_is():
    for seed in range(3):
        network = fit("years", 1, ("tanh", "sigmoid"), seed=seed)[0]
        digits = max(4, needed_digits(network))
        numbers = {abs(float(number)) for number in to_sympy(network, digits=digits).atoms(sympy.Float)}
        for printed in (str(network), network.describe(digits=digits)):
            assert "(a - 2000)" in printed and "(b - 1950)" in printed
            assert all(f"{number:.15g}" in printed for number in numbers)
        assert network.describe(digits=1) != printed


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("depth", range(5))
def test_rounded_layers_are_the_network(depth, units):
    network, X, _ = fit(units, depth, n_outputs=2)
    whole, centres = round_network(network, 15)
    np.testing.assert_allclose(whole.predict(X - centres), network.predict(X), rtol=1e-6)
    part, centres = round_network(network, 6)
    assert r2_score(network.predict(X), part.predict(X - centres)) > 0.999
    for coef in part.coefs:
        np.testing.assert_array_equal(coef, np.vectorize(lambda number: float(f"{number:.5e}"))(coef))


def test_describe_refuses_impossible_digits():
    for digits, error in ((0, ValueError), (16, ValueError), ("few", ValueError), (2.5, TypeError)):
        with pytest.raises(error, match="digits must be an integer"):
            fit()[0].describe(digits=digits)


def test_time_limit_takes_fewer_rows_for_the_losses(refined, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 1))
    counts = []

    def count(network, X, *arguments):
        counts.append(len(X))
        return (0.0,)

    monkeypatch.setattr("sk_swat.network.rounding.rounding_losses", count)
    for limit in (None, 60.0):
        refined(time_limit=limit, n_rounds=0).fit(X, np.tanh(X[:, 0]))
    assert set(counts) == {1500, 1000} and counts == sorted(counts, reverse=True)

"""Every numeric parameter answers an impossible value with an error that names it, however odd the value."""

import warnings
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from sk_swat import SparseMLP, SWATCompressor
from sk_swat.network.path import Path
from sk_swat.utils.parameters import check_choice, check_integer, check_number

NUMBERS = ["sparsity", "compactness", "validation_fraction", "learning_rate", "tol", "time_limit"]
INTEGERS = ["max_nonzero", "n_rounds", "max_blocks", "n_restarts", "max_iter", "n_generations", "n_jobs", "verbose"]
MAY_BE_NONE = {"max_nonzero", "time_limit", "n_restarts", "max_iter", "n_generations", "n_jobs", "n_generated"}
OF_COMPRESSOR = {
    *("sparsity", "compactness", "validation_fraction", "time_limit", "max_nonzero", "n_rounds", "n_restarts"),
    *("n_jobs", "verbose", "n_generated"),
}


class Endless:
    """A value whose representation is an error."""

    def __repr__(self):
        raise RuntimeError("no")


ODD = {
    "huge": 10**400,
    "beyond the digits that Python prints": 10**5000,
    "huge and negative": -(10**400),
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "Decimal": Decimal(10) ** 400,
    "Fraction": Fraction(10**400),
    "small Fraction below 0": Fraction(-(10**400), 3),
    "numpy nan": np.float32("nan"),
    "numpy infinity": np.float64("inf"),
    "longdouble": np.longdouble("1e400"),
    "numpy negative": np.int64(-(2**63)),
    "text": "1",
    "bytes": b"1",
    "None": None,
    "array": np.array([1.0, 2.0]),
    "array of one": np.array(1.0),
    "long list": [1] * 10_000,
    "complex": 1j,
    "numpy boolean": np.True_,
    "without representation": Endless(),
}


def must_refuse(kind, name):
    """Whether a parameter must refuse this value."""
    if kind == "None":
        return name not in MAY_BE_NONE
    if kind == "numpy negative":
        return name != "n_jobs"
    return True


def cases(names):
    return [(name, kind) for name in names for kind in ODD if must_refuse(kind, name)]


def table():
    X = np.random.default_rng(0).normal(size=(30, 2))
    return X, X[:, 0]


@pytest.mark.parametrize(("name", "kind"), cases(NUMBERS + INTEGERS))
def test_regressor_names_the_parameter(quick, name, kind):
    with pytest.raises((TypeError, ValueError), match=rf"^{name} must be ") as caught:
        quick(**{name: ODD[kind]}).fit(*table())
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(("name", "kind"), cases(sorted(OF_COMPRESSOR)))
def test_compressor_names_the_parameter(name, kind):
    X, y = table()
    teacher = LinearRegression().fit(X, y)
    with pytest.raises((TypeError, ValueError), match=rf"^{name} must be ") as caught:
        SWATCompressor(teacher, **{name: ODD[kind]}).fit(X)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in ("index", "max_nonzero", "min_r2", "sparsity", "compactness")
        for kind in ODD
        if kind != "None" and (name, kind) not in {("min_r2", "numpy negative"), ("min_r2", "minus infinity")}
    ],
)
def test_select_names_the_parameter(fitted, name, kind):
    with pytest.raises((TypeError, ValueError), match=rf"^{name} must be ") as caught:
        fitted.select(**{name: ODD[kind]})
    assert len(str(caught.value)) < 250


@pytest.fixture(scope="module")
def fitted(refined):
    return refined().fit(*table())


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["depths", "activations", "early_stopping", "warm_start", "init", "readout"])
def test_other_parameters_are_named_as_well(quick, name, kind):
    if (name, kind) == ("depths", "long list"):
        pytest.skip("holds depths")
    if (name, kind) in {
        ("warm_start", "numpy boolean"),
        ("early_stopping", "numpy boolean"),
    }:
        pytest.skip("NumPy's booleans come from grids of parameters")
    with pytest.raises((TypeError, ValueError), match=rf"^`?{name}`? must ") as caught:
        quick(**{name: ODD[kind]}).fit(*table())
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "kind", [kind for kind in ODD if kind not in {"None", "numpy boolean", "without representation"}]
)
def test_random_state_is_named(quick, kind):
    with pytest.raises(ValueError, match=r"^random_state must be None, an integer from 0 to 2\*\*32 - 1 or"):
        quick(random_state=ODD[kind]).fit(*table())


@pytest.mark.parametrize("value", [True, np.True_])
def test_booleans_are_no_numbers(value):
    for check in (check_number, check_integer):
        with pytest.raises(TypeError, match=r"^tol must be a"):
            check("tol", value, 0)


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.int8(1), np.uint64(2**63), Fraction(1, 3), 7])
def test_numbers_of_any_type_pass(value):
    assert check_number("tol", value, 0) == float(value)
    if isinstance(value, Integral) and value < 2**63:
        assert check_integer("n_rounds", value, 0) == value
    assert isinstance(value, Real)


def test_integers_end_where_int64_does():
    assert check_integer("max_nonzero", 2**63 - 1, 1) == 2**63 - 1
    with pytest.raises(
        ValueError, match=r"^max_nonzero must be an integer of at least 1 and at most 9223372036854775807"
    ):
        check_integer("max_nonzero", 2**63, 1)
    with pytest.raises(ValueError, match=r"^n_jobs must be an integer of at most 5, got -6"):
        check_integer("n_jobs", -6, high=5)
    with pytest.raises(ValueError, match=r"^objective must be one of 'a', got a Endless that cannot be shown"):
        check_choice("objective", Endless(), ("a",))


@pytest.mark.parametrize(
    "device", ["meta", "cpu:7", "cpu:-1", "cpu:00", "cuda:10000", "vulkan", "hpu", "gpu", "", "é", "c\0"]
)
def test_devices_that_hold_no_numbers_are_named(quick, device):
    X, y = table()
    with pytest.raises(ValueError, match=r"^device must name a torch device of this machine") as caught:
        quick(device=device).fit(X, y)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"^device must name a torch device of this machine"):
        SWATCompressor(LinearRegression().fit(X, y), device=device, random_state=0).fit(X)


def test_the_first_cpu_device_is_the_cpu(quick):
    X, y = table()
    assert quick(device="cpu:0").fit(X, y).network_ == quick().fit(X, y).network_


@pytest.mark.parametrize("path", [True, False])
@pytest.mark.parametrize(("name", "paid"), [("sparsity", "n_nonzero"), ("compactness", "n_neurons")])
def test_a_fit_with_a_huge_price_takes_the_network_with_least_of_what_it_buys(quick, refined, path, name, paid):
    model = (refined if path else quick)(**{name: 1e308}).fit(*table())  # warnings are errors
    assert np.isfinite(model.predict(table()[0])).all()
    assert not path or model.path_[paid][model.path_["chosen"]].item() == model.path_[paid].min()


def chain(sizes):
    """Networks of one column with so many parameters, each with so many neurons."""
    return [
        SparseMLP([np.ones((1, neurons)), np.ones((neurons, 1))], [np.full(neurons, 0.5), [0.5]], [["tanh"] * neurons])
        if neurons
        else SparseMLP.constant(1, 1.0)
        for neurons in sizes
    ]


@pytest.mark.parametrize("sizes", [[0, 1, 2, 3], [2, 3, 4], [1, 2]])
@pytest.mark.parametrize("sparsity", [0.0, 1e-5, 1.0, 1e20, 1e300, 1e308, np.finfo(float).max])
@pytest.mark.parametrize("compactness", [0.0, 1e-5, 1.0, 1e20, 1e300, 1e308, np.finfo(float).max])
def test_choice_is_exact_for_any_prices(sizes, sparsity, compactness):
    networks = chain(sizes)
    r2 = np.linspace(0.3, 0.9, len(networks))
    path = Path(networks, r2, r2, np.zeros((len(networks),) * 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = path.choose(sparsity, compactness)
        path.frame(sparsity, compactness, chosen)
    prices = [
        1 - Fraction(fit) + Fraction(sparsity) * one.n_nonzero + Fraction(compactness) * one.n_neurons
        for fit, one in zip(r2, networks, strict=True)
    ]
    assert chosen == prices.index(min(prices))


def test_a_huge_price_of_neurons_leaves_the_choice_among_as_many(quick):
    first, second = chain([2])[0], chain([2])[0]
    smaller = SparseMLP(first.coefs, [[0.5, 0.0], [0.5]], first.activations)
    r2 = np.array([0.5, 0.9])
    path = Path([smaller, second], r2, r2, np.zeros((2, 2)))
    assert path.choose(1e-5, 1e308) == 1 and path.choose(1e308, 0.0) == 0


def test_select_with_huge_prices_takes_the_smallest_network(fitted):
    smallest = fitted.path_["n_nonzero"].min()
    assert fitted.select(sparsity=1e308).n_nonzero_ == smallest
    assert fitted.select(sparsity=1e308, compactness=1e308).n_nonzero_ == smallest
    assert fitted.path_["objective"].max() > 1e300
    fitted.select(sparsity=1e-5, compactness=1e-5)


def test_more_jobs_than_pieces_cost_no_threads(quick):
    X, y = table()
    model = quick(depths=(1, 2), n_jobs=2**31).fit(X, y)
    assert model.network_ == quick(depths=(1, 2)).fit(X, y).network_

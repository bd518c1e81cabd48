"""The torch module, the sympy expression and the LaTeX formula, and what they refuse."""

import copy
import pickle
import sys
import warnings

import numpy as np
import pytest
import sympy
import torch

from sk_swat.export import to_latex, to_sympy, to_torch
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)


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


# torch


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_torch_module_has_the_shapes_of_predict(n_outputs):
    network = network_of(n_outputs=n_outputs)
    for n_samples in (0, 1, 5):
        found = to_torch(network)(torch.zeros(n_samples, 3, dtype=torch.float64))
        assert found.shape == network.predict(np.zeros((n_samples, 3))).shape and found.dtype == torch.float64


def test_torch_weights_are_parameters_of_the_columns_in_use(network):
    module = to_torch(network)
    shapes = {name: tuple(part.shape) for name, part in module.named_parameters()}
    assert shapes == {"hidden1.weight": (2, 2), "hidden1.bias": (2,), "output.weight": (1, 2), "output.bias": (1,)}
    assert all(part.requires_grad and part.dtype == torch.float64 for part in module.parameters())
    np.testing.assert_array_equal(module.hidden1.weight.detach().numpy().T, network.coefs[0][:2])


def test_torch_gradient_is_that_of_finite_differences():
    network = network_of(NAMES)
    X = torch.tensor([[0.3, -0.8, 5.0]], dtype=torch.float64, requires_grad=True)
    to_torch(network)(X).sum().backward()
    steps = 1e-6 * np.eye(3)
    slopes = (network.predict(X.detach().numpy() + steps) - network.predict(X.detach().numpy() - steps)) / 2e-6
    np.testing.assert_allclose(X.grad[0].numpy(), slopes, atol=1e-8)


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_torch_module_can_be_copied_and_stored(network, copied):
    module, X = to_torch(network_of(NAMES)), torch.ones(2, 3, dtype=torch.float64)
    assert torch.equal(copied(module)(X), module(X))
    blank = to_torch(network_of(NAMES[::-1]))
    blank.load_state_dict(module.state_dict())


def test_torch_module_leaves_the_global_generator_and_device_alone(network):
    state = torch.get_rng_state()
    with torch.device("meta"):
        module = to_torch(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert {part.device.type for part in (*module.parameters(), *module.buffers())} == {"cpu"}


def test_torch_module_of_a_constant_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_torch(SparseMLP.constant(2, 3.5))(torch.zeros(4, 2, dtype=torch.float64)).tolist() == [3.5] * 4


# sympy


def test_symbols_are_named_as_the_columns():
    names = ("lambda", "two words", "idle")
    formula = to_sympy(network_of(("sigmoid", "sine", "leaky_relu"), names))
    assert formula.free_symbols == {sympy.Symbol("lambda"), sympy.Symbol("two words")}
    assert to_sympy(network_of(names=None)).free_symbols == set(sympy.symbols("x0 x1"))


def test_several_outputs_give_a_list():
    formulas = to_sympy(network_of(n_outputs=3))
    assert len(formulas) == 3 and all(isinstance(formula, sympy.Expr) for formula in formulas)


def test_numbers_of_a_formula_are_rounded():
    network = network_of(NAMES)
    for digits in (1, 3, 15):
        numbers = [abs(float(number)) for number in to_sympy(network, digits=digits).atoms(sympy.Float)]
        assert numbers == pytest.approx([float(f"{number:.{digits - 1}e}") for number in numbers], rel=1e-14)
    x = {sympy.Symbol("a"): 0.3, sympy.Symbol("b"): -0.8}
    exact, rounded = (float(to_sympy(network, digits=digits).subs(x)) for digits in (None, 4))
    assert exact == pytest.approx(network.predict([[0.3, -0.8, 0.0]])[0], rel=1e-12)
    assert exact != rounded and exact == pytest.approx(rounded, rel=1e-3)


def test_formula_can_be_differentiated():
    formula = to_sympy(network_of(("sigmoid", "gaussian", "sine", "tanh")))
    x = {sympy.Symbol("a"): 0.3, sympy.Symbol("b"): -0.8}
    slope = float(formula.diff(sympy.Symbol("a")).subs(x))
    ends = [float(formula.subs({**x, sympy.Symbol("a"): 0.3 + step})) for step in (-1e-6, 1e-6)]
    assert slope == pytest.approx((ends[1] - ends[0]) / 2e-6, rel=1e-6)


def test_formula_with_large_bias_does_not_overflow():
    """A year in a sigmoid: exp(bias) would be infinite."""
    network = SparseMLP([[[5.0]], [[1.0]]], [[-5 * 2000.0], [0.0]], [["sigmoid"]], ["year of birth"])
    run = sympy.lambdify(sympy.Symbol("year of birth"), to_sympy(network))
    assert [run(1990.0), run(2000.0), run(2010.0)] == pytest.approx([0.0, 0.5, 1.0], abs=1e-12)


def test_identity_neurons_merge_into_one_sum():
    network = SparseMLP([[[2.0, 1.0]], [[3.0], [4.0]]], [[1.0, 0.0], [-5.0]], [["identity"] * 2], ["a"])
    assert to_sympy(network) == sympy.Float(10.0) * sympy.Symbol("a") - 2.0


@pytest.mark.parametrize("function", [to_sympy, to_latex])
def test_columns_of_one_name_are_refused_if_in_use(function):
    with pytest.raises(ValueError, match="different names of the columns in use, got 'a' 2 times"):
        function(network_of(names=("a", "a", "b")))
    function(network_of(names=("a", "b", "b")))


@pytest.mark.parametrize("function", [to_sympy, to_latex])
@pytest.mark.parametrize(
    ("digits", "error", "message"),
    [
        (0, ValueError, "digits must be an integer of at least 1, got 0"),
        (16, ValueError, "digits must be an integer from 1 to 15, got 16"),
        (2.5, TypeError, "digits must be an integer of at least 1, got 2.5 of type float"),
        (True, TypeError, "digits must be an integer of at least 1, got True of type bool"),
    ],
)
def test_impossible_digits_are_refused(network, function, digits, error, message):
    with pytest.raises(error, match=message):
        function(network, digits=digits)


@pytest.mark.parametrize("function", [to_sympy, to_latex])
def test_missing_sympy_names_the_extra(network, function, monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    message = rf"{function.__name__} needs the package sympy; install sk_swat\[export\]"
    with pytest.raises(ImportError, match=message):
        function(network)


# LaTeX


def one_column(activation="tanh", name="t", weight=1.5, bias=0.25):
    return SparseMLP([[[weight]], [[2.0]]], [[bias], [0.0]], [[activation]], None if name is None else [name])


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        ("identity", r"3.0 t + 0.5"),
        ("sigmoid", r"\frac{2.0}{e^{- 1.5 t - 0.25} + 1}"),
        ("tanh", r"2.0 \tanh{\left(1.5 t + 0.25 \right)}"),
        ("leaky_relu", r"2.0 \max\left(0.015 t + 0.0025, 1.5 t + 0.25\right)"),
        ("sine", r"2.0 \sin{\left(1.5 t + 0.25 \right)}"),
        ("gaussian", r"2.0 e^{- \left(1.5 t + 0.25\right)^{2}}"),
    ],
)
def test_latex_of_each_activation(activation, text):
    assert to_latex(one_column(activation)) == rf"\hat{{y}} = {text}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (None, "x_{0}"),
        ("age", r"\mathrm{age}"),
        ("body_mass %&#$", r"\mathrm{body\_mass\ \%\&\#\$}"),
        ("a{b}", r"\mathrm{a\{b\}}"),
        ("^~\\", r"\mathrm{\wedge{}\sim{}\backslash{}}"),
        ("x-y'", r"\mathrm{x\text{-}y\text{'}}"),
        ("a\nb\x00", r"\mathrm{a\ b?}"),
    ],
)
def test_latex_escapes_column_names(name, text):
    assert to_latex(one_column("identity", name)) == rf"\hat{{y}} = 3.0 {text} + 0.5"


def test_latex_rounds_and_writes_powers_of_ten():
    assert to_latex(one_column("identity", weight=1 / 3e9, bias=1 / 3), digits=4) == (
        r"\hat{y} = 6.667 \cdot 10^{-10} t + 0.6667"
    )
    assert to_latex(one_column("identity", weight=1e9 / 3, bias=0.0), digits=2) == r"\hat{y} = 6.7 \cdot 10^{8} t"


def test_latex_of_several_outputs_and_of_constants():
    network = SparseMLP([[[1.0, -1.0, 0.0]]], [[0.0, 0.5, 2.0]], [], ["t"])
    assert to_latex(network).splitlines() == [
        r"\begin{aligned}",
        r"\hat{y}_{1} &= t \\",
        r"\hat{y}_{2} &= 0.5 - t \\",
        r"\hat{y}_{3} &= 2.0",
        r"\end{aligned}",
    ]
    assert to_latex(SparseMLP.constant(2, 0.0)) == r"\hat{y} = 0"
    named = network.with_names(["t"], ["u", "net_worth", "\u00b5"])
    assert [line.split(" &=")[0] for line in to_latex(named).splitlines()[1:-1]] == [
        "u",
        r"\mathrm{net\_worth}",
        "\\mathrm{\u00b5}",
    ]
    assert to_latex(SparseMLP.constant(2, 0.0).with_names(None, ["price"])) == r"\mathrm{price} = 0"

"""The activation registry against formulas written out a second time, here for complex numbers."""

import cmath
import math

import numpy as np
import pytest

from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS, LEAKY_SLOPE, activate, check_activations

COMPLEX_FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "tanh": cmath.tanh,
    "leaky_relu": lambda z: z if z.real > 0 else 0.01 * z,
    "sine": cmath.sin,
    "gaussian": lambda z: cmath.exp(-z * z),
}
POINTS = [-5.0, -1.3, -0.4, 1e-3, 0.2, 0.7, 1.0, 2.5, 6.0]
EXTREMES = np.array([-np.inf, -1.7e308, -1e200, -1e3, -40.0, 40.0, 1e3, 1e200, 1.7e308, np.inf])


def test_names_keep_their_order():
    assert ACTIVATION_NAMES == ("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
    assert tuple(ACTIVATIONS) == ACTIVATION_NAMES
    assert all(ACTIVATIONS[name].name == name and ACTIVATIONS[name].formula for name in ACTIVATION_NAMES)
    assert LEAKY_SLOPE == 0.01


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_function_follows_its_formula(name):
    expected = [COMPLEX_FORMULAS[name](complex(z)).real for z in POINTS]
    np.testing.assert_allclose(activate(name, POINTS), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_derivative_equals_complex_step(name):
    step = 1e-30
    expected = [COMPLEX_FORMULAS[name](complex(z, step)).imag / step for z in POINTS]
    np.testing.assert_allclose(ACTIVATIONS[name].derivative(np.array(POINTS)), expected, rtol=1e-11)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_scalar_equals_function(name):
    z = np.concatenate([EXTREMES[:-1], np.linspace(-50, 50, 1001), [0.0, -0.0, np.nan]])[1:]
    expected = ACTIVATIONS[name].function(z)
    np.testing.assert_allclose([ACTIVATIONS[name].scalar(v) for v in z.tolist()], expected, rtol=1e-14)


@pytest.mark.parametrize(("name", "low", "high"), [("sigmoid", 0.0, 1.0), ("tanh", -1.0, 1.0), ("gaussian", 0.0, 0.0)])
def test_extreme_arguments_reach_the_limits_without_warning(name, low, high):
    expected = np.where(EXTREMES < 0, low, high)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(ACTIVATIONS[name].function(EXTREMES), expected, atol=1e-17)
        np.testing.assert_allclose(ACTIVATIONS[name].derivative(EXTREMES), 0.0, atol=1e-17)


def test_sine_of_infinity_is_nan_for_one_number():
    assert math.isnan(ACTIVATIONS["sine"].scalar(math.inf))


def test_sigmoid_keeps_all_digits_of_small_values():
    assert activate("sigmoid", -300.0) == pytest.approx(math.exp(-300.0), rel=1e-14, abs=0)


def test_leaky_relu_at_zero_has_the_slope_of_the_negative_side():
    assert ACTIVATIONS["leaky_relu"].derivative(np.array([0.0]))[0] == LEAKY_SLOPE


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_activate_keeps_shape_and_gives_float64(name):
    a = activate(name, np.zeros((2, 3, 1), dtype=np.float32))
    assert a.shape == (2, 3, 1) and a.dtype == np.float64


def test_activate_names_the_unknown_activation():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'tanh'.* got 'relu'"):
        activate("relu", 0.0)


def test_check_activations_orders_by_registry():
    assert check_activations("sine") == ("sine",)
    assert check_activations(["gaussian", "tanh"]) == ("tanh", "gaussian")
    assert check_activations(reversed(ACTIVATION_NAMES)) == ACTIVATION_NAMES


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ((), ValueError, "must hold at least one of .* got none"),
        ("relu", ValueError, "must hold names from .* got 'relu'"),
        (["tanh", "Tanh"], ValueError, "must hold names from .* got 'Tanh'"),
        (["tanh", "sine", "tanh"], ValueError, "must hold each name once, got"),
        (["tanh", 3], TypeError, r"must hold names \(str\), got 3"),
        (None, TypeError, "must be a name or an iterable of names, got None"),
    ],
)
def test_check_activations_says_what_must_hold(names, error, message):
    with pytest.raises(error, match=f"`activations` {message}"):
        check_activations(names)

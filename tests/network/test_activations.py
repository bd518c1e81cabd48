"""The activation registry against formulas written out a second time, here for complex numbers."""

import cmath
import math

import numpy as np
import pytest
import torch

from sk_swat.network.activation import Activation
from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS, LEAKY_SLOPE, activate, check_activations

NAMES = tuple(ACTIVATIONS)
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
    assert NAMES[:6] == ACTIVATION_NAMES
    assert all(ACTIVATIONS[name].name == name and ACTIVATIONS[name].formula for name in NAMES)
    assert LEAKY_SLOPE == 0.01


@pytest.mark.parametrize("entry", sorted(Activation.__abstractmethods__))
def test_activation_that_lacks_an_entry_cannot_be_made(entry):
    whole = type(ACTIVATIONS["tanh"])
    lacking = type("Lacking", (whole,), {entry: getattr(Activation, entry)})
    with pytest.raises(TypeError, match=f"abstract method '?{entry}"):
        lacking()


@pytest.mark.parametrize("name", NAMES)
def test_function_follows_its_formula(name):
    expected = [COMPLEX_FORMULAS[name](complex(z)).real for z in POINTS]
    np.testing.assert_allclose(activate(name, POINTS), expected, rtol=1e-13)  # the plain formula rounds, too


@pytest.mark.parametrize("name", NAMES)
def test_torch_value_equals_that_of_numpy(name):
    z = np.concatenate([np.linspace(-8, 8, 161), [-700.0, 700.0, 1e-9, -1e-9]])
    found = ACTIVATIONS[name].torch_value(torch.as_tensor(z))
    np.testing.assert_allclose(found, activate(name, z), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", NAMES)
def test_derivative_equals_complex_step(name):
    step, z = 1e-30, torch.tensor(POINTS, dtype=torch.float64)
    expected = [COMPLEX_FORMULAS[name](complex(point, step)).imag / step for point in POINTS]
    found = ACTIVATIONS[name].torch_derivative(z, ACTIVATIONS[name].torch_value(z))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_scalar_equals_function(name):
    z = np.concatenate([EXTREMES[:-1], np.linspace(-50, 50, 1001), [0.0, -0.0, np.nan]])[1:]
    expected = activate(name, z)
    np.testing.assert_allclose([ACTIVATIONS[name].scalar(v) for v in z.tolist()], expected, rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_reflection_and_slopes_are_those_of_the_function(name):
    z = np.array(POINTS)
    if ACTIVATIONS[name].reflection is not None:
        offset, sign = ACTIVATIONS[name].reflection
        assert sign in (-1, 1) and (offset == 0 or sign == -1)
        np.testing.assert_allclose(activate(name, -z), offset + sign * activate(name, z), atol=1e-15)
    if ACTIVATIONS[name].slopes is not None:
        np.testing.assert_allclose(activate(name, z), np.where(z < 0, *np.outer(ACTIVATIONS[name].slopes, z)))
    assert {one for one in ACTIVATION_NAMES if ACTIVATIONS[one].reflection is None} == {"leaky_relu"}
    assert {one for one in ACTIVATION_NAMES if ACTIVATIONS[one].slopes is not None} == {"leaky_relu"}


@pytest.mark.parametrize(("name", "low", "high"), [("sigmoid", 0.0, 1.0), ("tanh", -1.0, 1.0), ("gaussian", 0.0, 0.0)])
def test_extreme_arguments_reach_the_limits_without_warning(name, low, high):
    expected = np.where(EXTREMES < 0, low, high)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(activate(name, EXTREMES), expected, atol=1e-17)


def test_sine_of_infinity_is_nan_for_one_number():
    assert math.isnan(ACTIVATIONS["sine"].scalar(math.inf))


def test_sigmoid_keeps_all_digits_of_small_values():
    assert activate("sigmoid", -300.0) == pytest.approx(math.exp(-300.0), rel=1e-14, abs=0)


def test_leaky_relu_at_zero_has_the_slope_of_the_negative_side():
    zero = torch.zeros(1, dtype=torch.float64)
    assert ACTIVATIONS["leaky_relu"].torch_derivative(zero, zero).item() == LEAKY_SLOPE


@pytest.mark.parametrize("name", NAMES)
def test_activate_keeps_shape_and_gives_float64(name):
    a = activate(name, np.zeros((2, 3, 1), dtype=np.float32))
    assert a.shape == (2, 3, 1) and a.dtype == np.float64


def test_activate_names_the_unknown_activation():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'tanh'.* got 'relu'"):
        activate("relu", 0.0)


def test_check_activations_orders_by_registry():
    assert check_activations("sine") == ("sine",)
    assert check_activations(["gaussian", "tanh"]) == ("tanh", "gaussian")
    assert check_activations(reversed(NAMES)) == NAMES


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

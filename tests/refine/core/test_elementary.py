"""exp, sin, cos and tanh of the core against mpmath."""

import mpmath
import numpy as np
import pytest

from sk_swat.refine import _core

SMALLEST_NORMAL = np.finfo(float).tiny
RNG = np.random.default_rng(0)


def powers(low, high, n):
    """Numbers of both signs whose logarithms are spread evenly."""
    return 10.0 ** RNG.uniform(low, high, n) * RNG.choice([-1, 1], n)


ANGLES = np.concatenate(
    [
        10 * RNG.normal(size=1000),
        RNG.uniform(-1.7e6, 1.7e6, 1000),  # beyond 1.6e6 arguments are reduced in another way
        np.pi / 2 * RNG.integers(-(10**6), 10**6, 1000),
        np.nextafter(np.pi / 2 * np.arange(1, 1000), np.inf),
        powers(6, 308, 1000),
        powers(-307, 0, 300),
        # the argument in whose neighbourhood a double comes closest to a multiple of pi / 2
        [6381956970095103.0 * 2.0**797, 1.6e6, np.nextafter(1.6e6, 2e6), np.finfo(float).max],
    ]
)
ARGUMENTS = {
    "exp": np.concatenate([RNG.uniform(-708.3, 709.78, 2000), RNG.normal(size=1000), powers(-300, 0, 300)]),
    "sin": ANGLES,
    "cos": ANGLES,
    "tanh": np.concatenate([RNG.normal(size=2000), RNG.uniform(-25, 25, 1000), powers(-307, 0, 500)]),
}
ZERO, INF, NAN = 0.0, np.inf, np.nan
LIMITS = {
    "exp": [(ZERO, 1), (-ZERO, 1), (INF, INF), (-INF, 0), (NAN, NAN), (710, INF), (1e308, INF), (-746, 0), (-1e308, 0)],
    "sin": [
        (ZERO, ZERO),
        (-ZERO, ZERO),  # -0 + 0 is 0
        (INF, NAN),
        (-INF, NAN),
        (NAN, NAN),
    ],
    "cos": [(ZERO, 1), (-ZERO, 1), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "tanh": [(ZERO, ZERO), (-ZERO, -ZERO), (INF, 1), (-INF, -1), (NAN, NAN), (1e308, 1), (-1e308, -1)],
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_relative_error_is_below_four_tenths_of_a_quadrillionth(name):
    x = ARGUMENTS[name]
    got = _core.elementary(name, x, _core.How())
    with mpmath.workprec(120):
        truth = [getattr(mpmath, name)(mpmath.mpf(float(one))) for one in x]
        error = [abs((mpmath.mpf(float(g)) - t) / t) for g, t in zip(got, truth, strict=True)]
    worst = int(np.argmax(error))
    assert error[worst] < 4e-16, x[worst]
    assert np.all(np.abs(got) >= SMALLEST_NORMAL)


@pytest.mark.parametrize("name", LIMITS)
def test_limits_signs_of_zero_and_nan(name):
    x, limits = np.array(LIMITS[name], dtype=float).T
    for kernels in _core.kernel_names():
        got = _core.elementary(name, np.ascontiguousarray(x), _core.How(kernels))
        np.testing.assert_array_equal(got, limits)
        known = ~np.isnan(limits)
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(limits)[known])


def test_results_below_the_normal_numbers_have_the_error_of_their_spacing():
    x = np.linspace(-745, -708.4, 500)
    with mpmath.workprec(120):
        truth = [mpmath.exp(mpmath.mpf(float(one))) for one in x]
        error = [abs(float(g - t)) for g, t in zip(_core.elementary("exp", x, _core.How()), truth, strict=True)]
    assert max(error) <= 2**-1074
    tiny = np.array([5e-324, -5e-324, 1e-310, -2e-308])
    assert np.abs(_core.elementary("tanh", tiny, _core.How()) - tiny).max() <= 2**-1074
    np.testing.assert_array_equal(_core.elementary("sin", tiny, _core.How()), tiny)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_instruction_set_gives_the_same_bits(name):
    special = [one for one, _ in LIMITS[name] if not np.isnan(one)]
    x = np.concatenate([ARGUMENTS[name], special, np.linspace(-750, 750, 5001)])
    with np.errstate(invalid="ignore"):
        got = {kernels: _core.elementary(name, x, _core.How(kernels)) for kernels in _core.kernel_names()}
    known = ~np.isnan(got["baseline"])  # the bits of nan are free
    for found in got.values():
        np.testing.assert_array_equal(found, got["baseline"])
        assert found[known].tobytes() == got["baseline"][known].tobytes()


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 127, 128, 129])
def test_length_may_be_any(n):
    x = np.linspace(-3, 3, n)
    np.testing.assert_allclose(_core.elementary("tanh", x, _core.How()), np.tanh(x), rtol=1e-15)


def test_unknown_function_is_named():
    with pytest.raises(ValueError, match="function must be exp, sin, cos or tanh, got 'log'"):
        _core.elementary("log", np.zeros(1), _core.How())

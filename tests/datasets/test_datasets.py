import pickle
from math import cos, e, exp, pi, sin, sqrt

import numpy as np
import pytest

from sk_swat.datasets import cornn_function, cornn_names, load_cornn

# Values by hand, or minima from the literature where the suite's form is the textbook's.
# The tolerance is that of the digits given.
HAND_VALUES = [
    ("Ackley", (0, 0), 0.0),
    ("Ackley", (1, 0), 20 * (1 - exp(-0.2 * sqrt(0.5)))),
    ("Ackley N.2", (0, 0), -200.0),
    ("Ackley N.2", (3, 4), -200 / e),
    ("Ackley N.3", (0, 0), -200 + 5 * e),
    ("Ackley N.3", (3, 4), -200 / e + 5 * exp(cos(9) + sin(12))),
    ("Ackley N.4", (0, 0), 3.0),
    ("Ackley N.4", (3, 4), 5 * exp(-0.2) + 3 * cos(6) + 3 * sin(8)),
    ("Adjiman", (1, 0), -1.0),
    ("Alpine N.1", (pi, 10), 0.1 * pi + abs(10 * sin(10) + 1)),
    ("Alpine N.2", (pi / 2, pi / 2), pi / 2),
    ("Bartels Conn", (0, 0), 1.0),
    ("Bartels Conn", (1, -2), 3 + sin(1) - cos(2)),
    ("Beale", (3, 0.5), 0.0),
    ("Beale", (0, 0), 14.203125),
    ("Bird", (0, 0), e),
    ("Bird", (pi / 2, pi), exp(4) - 1 + pi**2 / 4),
    ("Bohachevsky N.1", (0, 0), 0.0),
    ("Bohachevsky N.1", (1, 0.25), 1 + 0.125 + 0.3 + 0.4 + 0.7),
    ("Bohachevsky N.2", (0, 0), 0.0),
    ("Bohachevsky N.2", (1, 0.25), 1 + 0.125 - 0.3 + 0.3),
    ("Booth", (1, 3), 0.0),
    ("Booth", (0, 0), 74.0),
    ("Brent", (-10, -10), 0.0),
    ("Brent", (0, 0), 201.0),
    ("Brown", (0, 0), 0.0),
    ("Brown", (0.5, -1), 1.0625),
    ("Bukin N.6", (-10, 1), 0.0),
    ("Bukin N.6", (-5, 0), 50.05),
    ("Cross-In-Tray", (0, 5), -0.0001),
    ("Deckkers-Aarts", (0, 15), 22475003.90625),
    ("Drop-Wave", (0, 0), -1.0),
    ("Drop-Wave", (3, 4), -(1 + cos(60)) / 14.5),
    ("Easom", (pi, pi), -1.0),
    ("Easom", (0, pi), exp(-(pi**2))),
    ("Egg Crate", (0, 0), 0.0),
    ("Egg Crate", (pi / 2, pi), 1.25 * pi**2 + 25),
    ("Egg Holder", (0, 0), -47 * sin(sqrt(47))),
    ("Egg Holder", (6, 3), -50 * sin(sqrt(53)) - 6 * sin(sqrt(44))),
    ("Exponential", (0, 0), -1.0),
    ("Exponential", (1, -1), -1 / e),
    ("Goldstein-Price", (0, -1), 399.0),
    ("Goldstein-Price", (1, 1), 644.0),
    ("Griewank", (0, 0), 0.0),
    ("Griewank", (pi, sqrt(2) * pi), 3 * pi**2 / 4000),
    ("Himmelblau", (3, 2), 0.0),
    ("Himmelblau", (0, 0), 170.0),
    ("Holder-Table", (pi / 2, 0), -exp(0.5)),
    ("Keane", (0, 0), 0.0),
    ("Keane", (3, 4), -(sin(1) ** 2) * sin(7) ** 2 / 5),
    ("Leon", (1, 1), 0.0),
    ("Leon", (2, 1), 4901.0),
    ("Levi N.13", (1, 1), 0.0),
    ("Levi N.13", (0.5, 0.25), 1 + 0.25 * 1.5 + 0.5625 * 2),
    ("Matyas", (0, 0), 0.0),
    ("Matyas", (10, -10), 100.0),
    ("McCormick", (0, 0), 1.0),
    ("McCormick", (1, -1), 1.0),
    ("Michalewicz", (pi / 2, 0), -(sin(pi / 4) ** 20)),
    ("Michalewicz", (0, pi / 2), -1.0),
    ("Periodic", (0, 0), 0.9),
    ("Periodic", (pi / 2, -pi / 2), 3 - 0.1 * exp(-(pi**2) / 2)),
    ("Qing", (1, 2), 0.0),
    ("Qing", (-2, 4), 13.0),
    ("Rastrigin", (0, 0), 0.0),
    ("Rastrigin", (0.5, 2), 0.25 + 20 + 4),
    ("Ridge", (-5, 0), -5.0),
    ("Ridge", (1, -2), 3.0),
    ("Rosenbrock", (1, 1), 0.0),
    ("Rosenbrock", (0, 2), 401.0),
    ("Salomon", (0, 0), 0.0),
    ("Salomon", (0.3, 0.4), 2.05),
    ("Schaffer N.2", (0, 0), 0.0),
    ("Schaffer N.2", (1, 2), 0.5 + (sin(3) ** 2 - 0.5) / 1.005**2),
    ("Schaffer N.3", (0, 0), sin(1) ** 2),
    ("Schaffer N.3", (1, 2), 0.5 + (sin(cos(3)) ** 2 - 0.5) / 1.005**2),
    ("Schwefel 2.20", (3, -4), 7.0),
    ("Schwefel 2.22", (3, -4), 19.0),
    ("Schwefel 2.23", (1, -2), 1025.0),
    # sum of cos j, j = 1..5, in closed form
    ("Shubert", (0, 0), (sin(2.5) * cos(3) / sin(0.5)) ** 2),
    ("Shubert", (pi, 0), (cos(1) - cos(2) + cos(3) - cos(4) + cos(5)) * sin(2.5) * cos(3) / sin(0.5)),
    (
        "Shubert 3",
        (pi, 0),
        (sin(1) - 2 * sin(2) + 3 * sin(3) - 4 * sin(4) + 5 * sin(5))
        + (sin(1) + 2 * sin(2) + 3 * sin(3) + 4 * sin(4) + 5 * sin(5)),
    ),
    ("Sphere", (3, -4), 25.0),
    ("Styblinski-Tang", (1, 2), -16.5),
    ("Styblinski-Tang", (0, -1), (1 + 1 - 16 + 0.2) / 2),
    ("Sum Squares", (1, -2), 9.0),
    ("Three-Hump Camel", (0, 0), 0.0),
    ("Three-Hump Camel", (1, 2), 6.95 + 1 / 6),
    ("Xin-She Yang N.2", (0, 0), 0.0),
    ("Xin-She Yang N.2", (-sqrt(pi / 2), 0), sqrt(pi / 2) / e),
    ("Xin-She Yang N.3", (0, 0), -1.0),
    ("Xin-She Yang N.3", (pi / 2, 2 * pi), exp(-((pi / 30) ** 10) - (2 * pi / 15) ** 10)),
    ("Xin-She Yang N.4", (0, 0), -1.0),
    ("Xin-She Yang N.4", (pi**2 / 4, 0), (sin(pi**2 / 4) ** 2 - exp(-(pi**4) / 16)) / e),
    ("Zakharov", (0, 0), 0.0),
    ("Zakharov", (2, -3), 13 + 4 + 16),
]

LITERATURE_MINIMA = [
    ("Adjiman", (2.0, 0.10578), -2.02181),
    ("Bird", (4.70104, 3.15294), -106.764537),
    ("Cross-In-Tray", (1.34941, -1.34941), -2.06261),
    ("Egg Holder", (512.0, 404.2319), -959.6407),
    ("Holder-Table", (8.05502, 9.66459), -19.2085),
    ("Keane", (0.0, 1.39325), -0.673668),
    ("McCormick", (-0.54719, -1.54719), -1.9132),
    ("Michalewicz", (2.20291, 1.570796), -1.8013),
    ("Schaffer N.3", (0.0, 1.253115), 0.00156685),
]

# Domains that are not one interval for both axes, and some that are, typed from the suite's table.
DOMAINS = {
    "Adjiman": ((-1, 2), (-1, 1)),
    "Bukin N.6": ((-15, -5), (-3, 3)),
    "McCormick": ((-1.5, 4), (-3, 3)),
    "Brent": ((-20, 0), (-20, 0)),
    "Drop-Wave": ((-5.2, 5.2), (-5.2, 5.2)),
    "Egg Holder": ((-512, 512), (-512, 512)),
    "Himmelblau": ((-6, 6), (-6, 6)),
    "Keane": ((0, 10), (0, 10)),
    "Michalewicz": ((0, pi), (0, pi)),
    "Xin-She Yang N.3": ((-2 * pi, 2 * pi), (-2 * pi, 2 * pi)),
    "Zakharov": ((-5, 10), (-5, 10)),
}


def test_suite_has_54_functions_and_each_has_a_hand_value():
    names = cornn_names()
    assert isinstance(names, tuple)
    assert len(names) == len(set(names)) == 54
    assert {name for name, _, _ in HAND_VALUES} == set(names)


@pytest.mark.parametrize(("name", "point", "expected"), HAND_VALUES)
def test_function_takes_its_hand_value(name, point, expected):
    assert cornn_function(name)([point])[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("name", "point", "expected"), LITERATURE_MINIMA)
def test_function_takes_its_published_minimum_inside_its_domain(name, point, expected):
    function = cornn_function(name)
    assert function([point])[0] == pytest.approx(expected, rel=5e-5)
    for coordinate, (low, high) in zip(point, function.domain, strict=True):
        assert low <= coordinate <= high


@pytest.mark.parametrize("name", cornn_names())
def test_function_is_finite_float64_and_quiet_on_its_whole_domain(name):
    function = cornn_function(name)
    axes = [np.linspace(low, high, 101) for low, high in function.domain]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    with np.errstate(all="raise", under="ignore"):
        values = function(grid)
    assert values.shape == (101 * 101,)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert values.min() < values.max()


@pytest.mark.parametrize("name", cornn_names())
def test_evaluation_treats_rows_separately(name):
    function = cornn_function(name)
    low, high = np.array(function.domain).T
    points = np.random.default_rng(0).uniform(low, high, size=(7, 2))
    one_by_one = [function(point[np.newaxis])[0] for point in points]
    np.testing.assert_allclose(function(points), one_by_one, rtol=1e-12)


@pytest.mark.parametrize("name", cornn_names())
def test_domain_is_two_ordered_intervals_and_source_is_named(name):
    function = cornn_function(name)
    assert function.name == name
    assert "2109.05606" in function.source
    assert len(function.domain) == 2
    for low, high in function.domain:
        assert isinstance(low, float)
        assert low < high


@pytest.mark.parametrize("name", DOMAINS)
def test_domain_is_the_suites(name):
    assert cornn_function(name).domain == DOMAINS[name]


def test_only_three_functions_have_different_intervals_on_the_axes():
    uneven = {name for name in cornn_names() if len(set(cornn_function(name).domain)) == 2}
    assert uneven == {"Adjiman", "Bukin N.6", "McCormick"}


def test_unknown_name_is_refused_with_close_matches():
    with pytest.raises(ValueError, match=r"got 'himelblau'\. Did you mean 'Himmelblau'"):
        cornn_function("himelblau")
    with pytest.raises(ValueError, match=r"Did you mean 'Schaffer N\.[23]' or 'Schaffer N\.[23]'"):
        load_cornn("Schaffer")
    with pytest.raises(ValueError, match="cornn_names"):
        cornn_function("0123456789")
    with pytest.raises(TypeError, match="name must be a string, got 3"):
        cornn_function(3)


def test_function_refuses_other_than_two_columns():
    with pytest.raises(ValueError, match="X must have 2 columns, got 3"):
        cornn_function("Sphere")(np.zeros((4, 3)))


def test_function_survives_pickling():
    function = pickle.loads(pickle.dumps(cornn_function("Keane")))
    assert function == cornn_function("Keane")
    assert function([[3.0, 4.0]]) == cornn_function("Keane")([[3.0, 4.0]])


def test_default_split_has_the_published_sizes():
    data = load_cornn("Himmelblau")
    assert data.X_train.shape == (3750, 2)
    assert data.y_train.shape == (3750,)
    assert data.X_test.shape == (1250, 2)
    assert data.y_test.shape == (1250,)
    assert len(data.feature_names) == 2
    assert "Himmelblau" in data.DESCR


@pytest.mark.parametrize("name", cornn_names())
def test_inputs_are_scaled_by_the_domain_and_the_target_by_its_training_range(name):
    data = load_cornn(name, random_state=3)
    for X in (data.X_train, data.X_test):
        assert X.dtype == np.float64
        assert -1 <= X.min() < -0.99
        assert 0.99 < X.max() <= 1
    assert data.y_train.min() == -1
    assert data.y_train.max() == 1
    assert np.isfinite(data.y_test).all()


@pytest.mark.parametrize("name", ["McCormick", "Bukin N.6", "Deckkers-Aarts", "Easom"])
def test_scaling_undone_gives_the_raw_function(name):
    data = load_cornn(name, random_state=1)
    domain = data.function.domain
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        low, high = np.array(domain).T
        raw = low + (X + 1) / 2 * (high - low)
        unscaled = data.target_offset + data.target_scale * y
        np.testing.assert_allclose(unscaled, cornn_function(name)(raw), rtol=1e-9, atol=1e-9 * data.target_scale)


def test_equal_seeds_give_equal_data_and_other_seeds_other_data():
    first, again, other = (load_cornn("Bird", n_train=50, n_test=9, random_state=seed) for seed in (5, 5, 6))
    for key in ("X_train", "y_train", "X_test", "y_test"):
        np.testing.assert_array_equal(first[key], again[key])
        assert not np.array_equal(first[key], other[key])


def test_smaller_training_set_is_the_beginning_of_the_larger_and_the_test_rows_stay():
    small, large = load_cornn("Bird", n_train=40), load_cornn("Bird", n_train=90)
    np.testing.assert_array_equal(small.X_train, large.X_train[:40])
    np.testing.assert_array_equal(small.X_test, large.X_test)


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(2)])
def test_global_random_state_stays_untouched(random_state):
    before = np.random.get_state()  # noqa: NPY002
    load_cornn("Booth", n_train=10, n_test=5, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


def test_no_seed_gives_different_data_each_time():
    first, second = (load_cornn("Booth", n_train=10, n_test=5, random_state=None) for _ in range(2))
    assert not np.array_equal(first.X_train, second.X_train)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_train": 1}, ValueError, "n_train must be an integer of at least 2, got 1"),
        ({"n_test": 0}, ValueError, "n_test must be an integer of at least 1, got 0"),
        ({"n_train": 10.0}, TypeError, "n_train must be an integer of at least 2, got 10.0"),
        ({"n_test": True}, TypeError, "n_test must be an integer of at least 1, got True"),
    ],
)
def test_impossible_sizes_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        load_cornn("Booth", **settings)


def test_training_targets_without_a_range_are_refused():
    # Two far points of Easom's flat plain: their values all but vanish next to the test targets.
    message = r"training targets of 'Easom' must span a range, got .*raise n_train"
    with pytest.raises(ValueError, match=message):
        load_cornn("Easom", n_train=2, random_state=0)

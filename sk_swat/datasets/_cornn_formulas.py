"""The 54 formulas of the CORNN suite by name, each with its domain.

Names, domains and formulas follow the published data of the suite (arXiv 2109.05606). Where those data differ
from the usual textbook form, the data win and a comment says so.
"""

from collections.abc import Callable

import numpy as np
from numpy import cos, exp, hypot, pi, sin, sqrt

Interval = tuple[float, float]
Domain = tuple[Interval, Interval]
Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _square(low: float, high: float) -> Domain:
    return (low, high), (low, high)


def _r2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + y**2


def _ackley(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    waves = exp((cos(2 * pi * x) + cos(2 * pi * y)) / 2)
    return -20 * exp(-0.2 * sqrt(_r2(x, y) / 2)) - waves + 20 + np.e


def _bird(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return sin(x) * exp((1 - cos(y)) ** 2) + cos(y) * exp((1 - sin(x)) ** 2) + (x - y) ** 2


def _cross_in_tray(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bump = exp(abs(100 - hypot(x, y) / pi))
    return -0.0001 * (abs(sin(x) * sin(y) * bump) + 1) ** 0.1


def _deckkers_aarts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    r2 = _r2(x, y)
    return 1e5 * r2 - r2**2 + 1e-5 * r2**4


def _egg_holder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    shifted = y + 47
    return -shifted * sin(sqrt(abs(shifted + x / 2))) - x * sin(sqrt(abs(x - shifted)))


def _goldstein_price(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    first = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    # +4y as in the suite's data; the textbook has +48y.
    second = 18 - 32 * x + 12 * x**2 + 4 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * first) * (30 + (2 * x - 3 * y) ** 2 * second)


def _keane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # No absolute value, as in the suite's data. 0/0 at the origin, where the limit is 0.
    radius = hypot(x, y)
    waves = sin(x - y) ** 2 * sin(x + y) ** 2
    return -np.divide(waves, radius, out=np.zeros_like(radius), where=radius > 0)


def _levi_13(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along_x = (x - 1) ** 2 * (1 + sin(3 * pi * y) ** 2)
    along_y = (y - 1) ** 2 * (1 + sin(2 * pi * y) ** 2)
    return sin(3 * pi * x) ** 2 + along_x + along_y


def _shubert_waves(u: np.ndarray) -> np.ndarray:
    # Terms not weighted by j, as in the suite's data; the textbook has j cos((j + 1) x + j).
    return np.sum([cos((j + 1) * u + j) for j in range(1, 6)], axis=0)


def _shubert_3_waves(u: np.ndarray) -> np.ndarray:
    return np.sum([j * sin((j + 1) * u + j) for j in range(1, 6)], axis=0)


def _xin_she_yang_4(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    waves = sin(x) ** 2 + sin(y) ** 2 - exp(-_r2(x, y))
    return waves * exp(-(sin(sqrt(abs(x))) ** 2 + sin(sqrt(abs(y))) ** 2))


FORMULAS: dict[str, tuple[Domain, Formula]] = {
    "Ackley": (_square(-32.0, 32.0), _ackley),
    "Ackley N.2": (_square(-32.0, 32.0), lambda x, y: -200 * exp(-0.2 * hypot(x, y))),
    "Ackley N.3": (
        _square(-32.0, 32.0),
        lambda x, y: -200 * exp(-0.2 * hypot(x, y)) + 5 * exp(cos(3 * x) + sin(3 * y)),
    ),
    "Ackley N.4": (_square(-35.0, 35.0), lambda x, y: exp(-0.2) * hypot(x, y) + 3 * (cos(2 * x) + sin(2 * y))),
    "Adjiman": (((-1.0, 2.0), (-1.0, 1.0)), lambda x, y: cos(x) * sin(y) - x / (y**2 + 1)),
    "Alpine N.1": (_square(0.0, 10.0), lambda x, y: abs(x * sin(x) + 0.1 * x) + abs(y * sin(y) + 0.1 * y)),
    "Alpine N.2": (_square(0.0, 10.0), lambda x, y: sqrt(x) * sin(x) * sqrt(y) * sin(y)),
    "Bartels Conn": (_square(-500.0, 500.0), lambda x, y: abs(_r2(x, y) + x * y) + abs(sin(x)) + abs(cos(y))),
    "Beale": (
        _square(-4.5, 4.5),
        lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    ),
    "Bird": (_square(-2 * pi, 2 * pi), _bird),
    "Bohachevsky N.1": (
        _square(-100.0, 100.0),
        lambda x, y: x**2 + 2 * y**2 - 0.3 * cos(3 * pi * x) - 0.4 * cos(4 * pi * y) + 0.7,
    ),
    "Bohachevsky N.2": (
        _square(-100.0, 100.0),
        lambda x, y: x**2 + 2 * y**2 - 0.3 * cos(3 * pi * x) * cos(4 * pi * y) + 0.3,
    ),
    "Booth": (_square(-10.0, 10.0), lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2),
    "Brent": (_square(-20.0, 0.0), lambda x, y: (x + 10) ** 2 + (y + 10) ** 2 + exp(-_r2(x, y))),
    "Brown": (_square(-1.0, 1.0), lambda x, y: (x**2) ** (y**2 + 1) + (y**2) ** (x**2 + 1)),
    "Bukin N.6": (
        ((-15.0, -5.0), (-3.0, 3.0)),
        lambda x, y: 100 * sqrt(abs(y - 0.01 * x**2)) + 0.01 * abs(x + 10),
    ),
    "Cross-In-Tray": (_square(-10.0, 10.0), _cross_in_tray),
    "Deckkers-Aarts": (_square(-20.0, 20.0), _deckkers_aarts),
    "Drop-Wave": (_square(-5.2, 5.2), lambda x, y: -(1 + cos(12 * hypot(x, y))) / (0.5 * _r2(x, y) + 2)),
    "Easom": (_square(-50.0, 50.0), lambda x, y: -cos(x) * cos(y) * exp(-((x - pi) ** 2) - (y - pi) ** 2)),
    "Egg Crate": (_square(-5.0, 5.0), lambda x, y: _r2(x, y) + 25 * (sin(x) ** 2 + sin(y) ** 2)),
    "Egg Holder": (_square(-512.0, 512.0), _egg_holder),
    "Exponential": (_square(-1.0, 1.0), lambda x, y: -exp(-_r2(x, y) / 2)),
    "Goldstein-Price": (_square(-2.0, 2.0), _goldstein_price),
    "Griewank": (_square(-600.0, 600.0), lambda x, y: 1 + _r2(x, y) / 4000 - cos(x) * cos(y / sqrt(2))),
    "Himmelblau": (_square(-6.0, 6.0), lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2),
    "Holder-Table": (_square(-10.0, 10.0), lambda x, y: -abs(sin(x) * cos(y) * exp(abs(1 - hypot(x, y) / pi)))),
    "Keane": (_square(0.0, 10.0), _keane),
    "Leon": (_square(0.0, 10.0), lambda x, y: 100 * (y - x**3) ** 2 + (1 - x) ** 2),
    "Levi N.13": (_square(-10.0, 10.0), _levi_13),
    "Matyas": (_square(-10.0, 10.0), lambda x, y: 0.26 * _r2(x, y) - 0.48 * x * y),
    "McCormick": (((-1.5, 4.0), (-3.0, 3.0)), lambda x, y: sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1),
    "Michalewicz": (
        _square(0.0, pi),
        lambda x, y: -sin(x) * sin(x**2 / pi) ** 20 - sin(y) * sin(2 * y**2 / pi) ** 20,
    ),
    "Periodic": (_square(-10.0, 10.0), lambda x, y: 1 + sin(x) ** 2 + sin(y) ** 2 - 0.1 * exp(-_r2(x, y))),
    # First powers inside the squares, as in the suite's data; the textbook has x² and y² there.
    "Qing": (_square(-500.0, 500.0), lambda x, y: (x - 1) ** 2 + (y - 2) ** 2),
    "Rastrigin": (
        _square(-5.12, 5.12),
        lambda x, y: 20 + x**2 - 10 * cos(2 * pi * x) + y**2 - 10 * cos(2 * pi * y),
    ),
    "Ridge": (_square(-5.0, 5.0), lambda x, y: x + abs(y)),  # the suite writes (y²)^½
    "Rosenbrock": (_square(-5.0, 10.0), lambda x, y: 100 * (y - x**2) ** 2 + (1 - x) ** 2),
    "Salomon": (_square(-100.0, 100.0), lambda x, y: 1 - cos(2 * pi * hypot(x, y)) + 0.1 * hypot(x, y)),
    "Schaffer N.2": (
        _square(-100.0, 100.0),
        lambda x, y: 0.5 + (sin(x**2 - y**2) ** 2 - 0.5) / (1 + 0.001 * _r2(x, y)) ** 2,
    ),
    "Schaffer N.3": (
        _square(-100.0, 100.0),
        lambda x, y: 0.5 + (sin(cos(abs(x**2 - y**2))) ** 2 - 0.5) / (1 + 0.001 * _r2(x, y)) ** 2,
    ),
    "Schwefel 2.20": (_square(-100.0, 100.0), lambda x, y: abs(x) + abs(y)),
    "Schwefel 2.22": (_square(-100.0, 100.0), lambda x, y: abs(x) + abs(y) + abs(x) * abs(y)),
    "Schwefel 2.23": (_square(-10.0, 10.0), lambda x, y: x**10 + y**10),
    "Shubert": (_square(-10.0, 10.0), lambda x, y: _shubert_waves(x) * _shubert_waves(y)),
    "Shubert 3": (_square(-10.0, 10.0), lambda x, y: _shubert_3_waves(x) + _shubert_3_waves(y)),
    "Sphere": (_square(-5.12, 5.12), _r2),
    # 5 to the power x, as in the suite's data; the textbook has 5x.
    "Styblinski-Tang": (
        _square(-5.0, 5.0),
        lambda x, y: (x**4 - 16 * x**2 + 5**x + y**4 - 16 * y**2 + 5**y) / 2,
    ),
    "Sum Squares": (_square(-10.0, 10.0), lambda x, y: x**2 + 2 * y**2),
    "Three-Hump Camel": (_square(-5.0, 5.0), lambda x, y: 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2),
    "Xin-She Yang N.2": (
        _square(-2 * pi, 2 * pi),
        lambda x, y: (abs(x) + abs(y)) * exp(-(sin(x**2) + sin(y**2))),
    ),
    "Xin-She Yang N.3": (
        _square(-2 * pi, 2 * pi),
        lambda x, y: exp(-((x / 15) ** 10 + (y / 15) ** 10)) - 2 * exp(-_r2(x, y)) * cos(x) ** 2 * cos(y) ** 2,
    ),
    "Xin-She Yang N.4": (_square(-10.0, 10.0), _xin_she_yang_4),
    "Zakharov": (_square(-5.0, 10.0), lambda x, y: _r2(x, y) + (0.5 * x + y) ** 2 + (0.5 * x + y) ** 4),
}

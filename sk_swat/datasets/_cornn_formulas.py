"""The 54 formulas of the CORNN suite, each registered under its name with its domain.

Names, domains and formulas follow the published data of the suite (arXiv 2109.05606). Where those data differ
from the usual textbook form, the data win and a comment says so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Interval = tuple[float, float]
Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Entry(NamedTuple):
    """One function of the suite: its formula on two coordinate arrays, its domain as x and y interval."""

    formula: Formula
    domain: tuple[Interval, Interval]


FORMULAS: dict[str, Entry] = {}


def _cornn(name: str, x: Interval, y: Interval | None = None) -> Callable[[Formula], Formula]:
    def register(formula: Formula) -> Formula:
        FORMULAS[name] = Entry(formula, (x, x if y is None else y))
        return formula

    return register


def _sq_norm(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + y**2


@_cornn("Ackley", (-32.0, 32.0))
def _ackley(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    radial = 20 * np.exp(-0.2 * np.sqrt(_sq_norm(x, y) / 2))
    waves = np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 2)
    return -radial - waves + 20 + np.e


@_cornn("Ackley N.2", (-32.0, 32.0))
def _ackley_2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -200 * np.exp(-0.2 * np.hypot(x, y))


@_cornn("Ackley N.3", (-32.0, 32.0))
def _ackley_3(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -200 * np.exp(-0.2 * np.hypot(x, y)) + 5 * np.exp(np.cos(3 * x) + np.sin(3 * y))


@_cornn("Ackley N.4", (-35.0, 35.0))
def _ackley_4(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.exp(-0.2) * np.hypot(x, y) + 3 * (np.cos(2 * x) + np.sin(2 * y))


@_cornn("Adjiman", (-1.0, 2.0), (-1.0, 1.0))
def _adjiman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.cos(x) * np.sin(y) - x / (y**2 + 1)


@_cornn("Alpine N.1", (0.0, 10.0))
def _alpine_1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(x * np.sin(x) + 0.1 * x) + np.abs(y * np.sin(y) + 0.1 * y)


@_cornn("Alpine N.2", (0.0, 10.0))
def _alpine_2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(x) * np.sin(x) * np.sqrt(y) * np.sin(y)


@_cornn("Bartels Conn", (-500.0, 500.0))
def _bartels_conn(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(_sq_norm(x, y) + x * y) + np.abs(np.sin(x)) + np.abs(np.cos(y))


@_cornn("Beale", (-4.5, 4.5))
def _beale(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@_cornn("Bird", (-2 * np.pi, 2 * np.pi))
def _bird(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    waves = np.sin(x) * np.exp((1 - np.cos(y)) ** 2) + np.cos(y) * np.exp((1 - np.sin(x)) ** 2)
    return waves + (x - y) ** 2


@_cornn("Bohachevsky N.1", (-100.0, 100.0))
def _bohachevsky_1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + 2 * y**2 - 0.3 * np.cos(3 * np.pi * x) - 0.4 * np.cos(4 * np.pi * y) + 0.7


@_cornn("Bohachevsky N.2", (-100.0, 100.0))
def _bohachevsky_2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + 2 * y**2 - 0.3 * np.cos(3 * np.pi * x) * np.cos(4 * np.pi * y) + 0.3


@_cornn("Booth", (-10.0, 10.0))
def _booth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


@_cornn("Brent", (-20.0, 0.0))
def _brent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x + 10) ** 2 + (y + 10) ** 2 + np.exp(-_sq_norm(x, y))


@_cornn("Brown", (-1.0, 1.0))
def _brown(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x**2) ** (y**2 + 1) + (y**2) ** (x**2 + 1)


@_cornn("Bukin N.6", (-15.0, -5.0), (-3.0, 3.0))
def _bukin_6(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 100 * np.sqrt(np.abs(y - 0.01 * x**2)) + 0.01 * np.abs(x + 10)


@_cornn("Cross-In-Tray", (-10.0, 10.0))
def _cross_in_tray(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bump = np.exp(np.abs(100 - np.hypot(x, y) / np.pi))
    return -0.0001 * (np.abs(np.sin(x) * np.sin(y) * bump) + 1) ** 0.1


@_cornn("Deckkers-Aarts", (-20.0, 20.0))
def _deckkers_aarts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    r2 = _sq_norm(x, y)
    return 1e5 * r2 - r2**2 + 1e-5 * r2**4


@_cornn("Drop-Wave", (-5.2, 5.2))
def _drop_wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -(1 + np.cos(12 * np.hypot(x, y))) / (0.5 * _sq_norm(x, y) + 2)


@_cornn("Easom", (-50.0, 50.0))
def _easom(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.cos(x) * np.cos(y) * np.exp(-((x - np.pi) ** 2) - (y - np.pi) ** 2)


@_cornn("Egg Crate", (-5.0, 5.0))
def _egg_crate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _sq_norm(x, y) + 25 * (np.sin(x) ** 2 + np.sin(y) ** 2)


@_cornn("Egg Holder", (-512.0, 512.0))
def _egg_holder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    shifted = y + 47
    return -shifted * np.sin(np.sqrt(np.abs(shifted + x / 2))) - x * np.sin(np.sqrt(np.abs(x - shifted)))


@_cornn("Exponential", (-1.0, 1.0))
def _exponential(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.exp(-_sq_norm(x, y) / 2)


@_cornn("Goldstein-Price", (-2.0, 2.0))
def _goldstein_price(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    first = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    # +4y as in the suite's data; the textbook has +48y.
    second = 18 - 32 * x + 12 * x**2 + 4 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * first) * (30 + (2 * x - 3 * y) ** 2 * second)


@_cornn("Griewank", (-600.0, 600.0))
def _griewank(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 1 + _sq_norm(x, y) / 4000 - np.cos(x) * np.cos(y / np.sqrt(2))


@_cornn("Himmelblau", (-6.0, 6.0))
def _himmelblau(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@_cornn("Holder-Table", (-10.0, 10.0))
def _holder_table(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.abs(np.sin(x) * np.cos(y) * np.exp(np.abs(1 - np.hypot(x, y) / np.pi)))


@_cornn("Keane", (0.0, 10.0))
def _keane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # No absolute value, as in the suite's data. 0/0 at the origin, where the limit is 0.
    radius = np.hypot(x, y)
    waves = np.sin(x - y) ** 2 * np.sin(x + y) ** 2
    return -np.divide(waves, radius, out=np.zeros_like(radius), where=radius > 0)


@_cornn("Leon", (0.0, 10.0))
def _leon(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 100 * (y - x**3) ** 2 + (1 - x) ** 2


@_cornn("Levi N.13", (-10.0, 10.0))
def _levi_13(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along_x = (x - 1) ** 2 * (1 + np.sin(3 * np.pi * y) ** 2)
    along_y = (y - 1) ** 2 * (1 + np.sin(2 * np.pi * y) ** 2)
    return np.sin(3 * np.pi * x) ** 2 + along_x + along_y


@_cornn("Matyas", (-10.0, 10.0))
def _matyas(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.26 * _sq_norm(x, y) - 0.48 * x * y


@_cornn("McCormick", (-1.5, 4.0), (-3.0, 3.0))
def _mccormick(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1


@_cornn("Michalewicz", (0.0, np.pi))
def _michalewicz(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along_x = np.sin(x) * np.sin(x**2 / np.pi) ** 20
    along_y = np.sin(y) * np.sin(2 * y**2 / np.pi) ** 20
    return -along_x - along_y


@_cornn("Periodic", (-10.0, 10.0))
def _periodic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 1 + np.sin(x) ** 2 + np.sin(y) ** 2 - 0.1 * np.exp(-_sq_norm(x, y))


@_cornn("Qing", (-500.0, 500.0))
def _qing(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # First powers inside the squares, as in the suite's data; the textbook has x² and y² there.
    return (x - 1) ** 2 + (y - 2) ** 2


@_cornn("Rastrigin", (-5.12, 5.12))
def _rastrigin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 20 + x**2 - 10 * np.cos(2 * np.pi * x) + y**2 - 10 * np.cos(2 * np.pi * y)


@_cornn("Ridge", (-5.0, 5.0))
def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x + np.abs(y)  # the suite writes (y²)^½


@_cornn("Rosenbrock", (-5.0, 10.0))
def _rosenbrock(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


@_cornn("Salomon", (-100.0, 100.0))
def _salomon(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    radius = np.hypot(x, y)
    return 1 - np.cos(2 * np.pi * radius) + 0.1 * radius


@_cornn("Schaffer N.2", (-100.0, 100.0))
def _schaffer_2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.5 + (np.sin(x**2 - y**2) ** 2 - 0.5) / (1 + 0.001 * _sq_norm(x, y)) ** 2


@_cornn("Schaffer N.3", (-100.0, 100.0))
def _schaffer_3(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.5 + (np.sin(np.cos(np.abs(x**2 - y**2))) ** 2 - 0.5) / (1 + 0.001 * _sq_norm(x, y)) ** 2


@_cornn("Schwefel 2.20", (-100.0, 100.0))
def _schwefel_2_20(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(x) + np.abs(y)


@_cornn("Schwefel 2.22", (-100.0, 100.0))
def _schwefel_2_22(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(x) + np.abs(y) + np.abs(x) * np.abs(y)


@_cornn("Schwefel 2.23", (-10.0, 10.0))
def _schwefel_2_23(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**10 + y**10


@_cornn("Shubert", (-10.0, 10.0))
def _shubert(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Terms not weighted by j, as in the suite's data; the textbook has j cos((j + 1) x + j).
    def waves(u: np.ndarray) -> np.ndarray:
        return np.sum([np.cos((j + 1) * u + j) for j in range(1, 6)], axis=0)

    return waves(x) * waves(y)


@_cornn("Shubert 3", (-10.0, 10.0))
def _shubert_3(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    def waves(u: np.ndarray) -> np.ndarray:
        return np.sum([j * np.sin((j + 1) * u + j) for j in range(1, 6)], axis=0)

    return waves(x) + waves(y)


@_cornn("Sphere", (-5.12, 5.12))
def _sphere(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _sq_norm(x, y)


@_cornn("Styblinski-Tang", (-5.0, 5.0))
def _styblinski_tang(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # 5 to the power x, as in the suite's data; the textbook has 5x.
    return (x**4 - 16 * x**2 + 5**x + y**4 - 16 * y**2 + 5**y) / 2


@_cornn("Sum Squares", (-10.0, 10.0))
def _sum_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + 2 * y**2


@_cornn("Three-Hump Camel", (-5.0, 5.0))
def _three_hump_camel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2


@_cornn("Xin-She Yang N.2", (-2 * np.pi, 2 * np.pi))
def _xin_she_yang_2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.abs(x) + np.abs(y)) * np.exp(-(np.sin(x**2) + np.sin(y**2)))


@_cornn("Xin-She Yang N.3", (-2 * np.pi, 2 * np.pi))
def _xin_she_yang_3(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    plateau = np.exp(-((x / 15) ** 10 + (y / 15) ** 10))
    return plateau - 2 * np.exp(-_sq_norm(x, y)) * np.cos(x) ** 2 * np.cos(y) ** 2


@_cornn("Xin-She Yang N.4", (-10.0, 10.0))
def _xin_she_yang_4(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    waves = np.sin(x) ** 2 + np.sin(y) ** 2 - np.exp(-_sq_norm(x, y))
    return waves * np.exp(-(np.sin(np.sqrt(np.abs(x))) ** 2 + np.sin(np.sqrt(np.abs(y))) ** 2))


@_cornn("Zakharov", (-5.0, 10.0))
def _zakharov(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slope = 0.5 * x + y
    return _sq_norm(x, y) + slope**2 + slope**4

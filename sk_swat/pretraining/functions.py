"""A broad family of random target functions for the pretraining corpus.

Every function takes inputs of about unit variance and is built from a few random directions or single inputs:
smooth (random Fourier features), polynomial, kinked, periodic, radial, products, sums of one-dimensional functions,
ridge functions and compositions of these. None of them comes from a benchmark.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["FAMILIES", "random_function"]

_Values = np.ndarray


def _directions(rng: np.random.Generator, X: _Values, n: int) -> _Values:
    """Project X on n random directions of unit variance; half of the time on single inputs."""
    n_inputs = X.shape[1]
    if rng.random() < 0.5:
        weights = np.eye(n_inputs)[rng.integers(n_inputs, size=n)].T * rng.choice([-1.0, 1.0], size=n)
    else:
        weights = rng.normal(size=(n_inputs, n)) * (rng.random((n_inputs, n)) < rng.uniform(0.4, 1.0))
        weights[rng.integers(n_inputs, size=n), np.arange(n)] += 0.5
        weights /= np.sqrt((weights**2).sum(0))
    return X @ weights


def smooth(rng: np.random.Generator, X: _Values) -> _Values:
    """Sample of a Gaussian process with a random length scale, by random Fourier features."""
    n_features, scale = 48, np.exp(rng.uniform(np.log(0.25), np.log(1.5))) / np.sqrt(X.shape[1]) ** 0.7
    relevance = np.exp(rng.normal(scale=0.7, size=(X.shape[1], 1)))
    frequency = rng.normal(scale=scale, size=(X.shape[1], n_features)) * relevance
    return np.cos(X @ frequency + rng.uniform(0, 2 * np.pi, n_features)) @ rng.normal(size=n_features)


def polynomial(rng: np.random.Generator, X: _Values) -> _Values:
    """Sum of random monomials of degree up to 4 in a few directions."""
    Z = _directions(rng, X, int(rng.integers(1, 4)))
    total = Z @ rng.normal(size=Z.shape[1]) * rng.uniform(0, 1)
    for _ in range(rng.integers(1, 5)):
        powers = rng.multinomial(rng.integers(2, 5), np.full(Z.shape[1], 1 / Z.shape[1]))
        total = total + rng.normal() * np.prod(Z**powers, axis=1)
    return total


def kinks(rng: np.random.Generator, X: _Values) -> _Values:
    """Absolute values, maxima and roots of random directions."""
    Z = _directions(rng, X, int(rng.integers(1, 5))) - rng.normal(scale=0.5)
    kind = rng.integers(4)
    if kind == 0:
        return np.abs(Z) @ rng.normal(size=Z.shape[1])
    if kind == 1:
        return (Z + rng.normal(size=Z.shape[1])).max(axis=1)
    if kind == 2:
        return np.sqrt(np.abs(Z)) @ rng.normal(size=Z.shape[1])
    return np.maximum(Z, 0) @ rng.normal(size=Z.shape[1])


def periodic(rng: np.random.Generator, X: _Values) -> _Values:
    """Sine waves along a few directions, on a slope or a bowl, sometimes with a falling amplitude."""
    Z = _directions(rng, X, int(rng.integers(1, 4)))
    frequency = np.exp(rng.uniform(np.log(0.7), np.log(4.0), size=Z.shape[1]))
    waves = np.sin(Z * frequency + rng.uniform(0, 2 * np.pi, Z.shape[1])) @ rng.normal(size=Z.shape[1])
    if rng.random() < 0.3:
        waves = waves * np.exp(-rng.uniform(0.1, 1.0) * (Z**2).sum(1))
    trend = rng.normal() * Z[:, 0] if rng.random() < 0.5 else rng.normal() * (Z**2).sum(1) / 2
    return waves + rng.choice([0.0, 0.5, 1.5]) * trend


def radial(rng: np.random.Generator, X: _Values) -> _Values:
    """Bumps, cones and rings around a random centre."""
    n_used = int(rng.integers(1, min(X.shape[1], 4) + 1))
    Z = X[:, rng.choice(X.shape[1], n_used, replace=False)] - rng.normal(scale=0.5, size=n_used)
    r2 = (Z**2 * np.exp(rng.normal(scale=0.4, size=n_used))).sum(1) / n_used
    kind = rng.integers(4)
    if kind == 0:
        return np.exp(-rng.uniform(0.3, 2.5) * r2)
    if kind == 1:
        return np.sqrt(r2 + 1e-6)
    if kind == 2:
        return r2 ** rng.uniform(1.0, 2.5)
    return np.cos(rng.uniform(1.0, 3.0) * np.sqrt(r2)) * np.exp(-rng.uniform(0.0, 0.5) * r2)


def _curve(rng: np.random.Generator, z: _Values) -> _Values:
    """One-dimensional building block of random kind and scale."""
    z = z * np.exp(rng.uniform(np.log(0.5), np.log(2.5))) + rng.normal(scale=0.5)
    kind = rng.integers(8)
    forms: tuple[Callable[[], _Values], ...] = (
        lambda: z,
        lambda: z**2,
        lambda: np.tanh(z),
        lambda: np.sin(z),
        lambda: np.abs(z),
        lambda: np.exp(-(z**2)),
        lambda: np.exp(np.clip(z, -4, 2.5)),
        lambda: z**3,
    )
    return forms[kind]()


def additive(rng: np.random.Generator, X: _Values) -> _Values:
    """Sum of curves, each of one direction."""
    Z = _directions(rng, X, int(rng.integers(1, min(X.shape[1], 5) + 2)))
    return sum((rng.normal() * _standard(_curve(rng, z)) for z in Z.T), start=np.zeros(len(X)))


def product(rng: np.random.Generator, X: _Values) -> _Values:
    """Product of two or three curves, perhaps on a slope."""
    Z = _directions(rng, X, int(rng.integers(2, 4)))
    value = np.prod([_standard(_curve(rng, z)) + rng.choice([0.0, 1.0]) for z in Z.T], axis=0)
    return value + rng.choice([0.0, 1.0]) * (Z @ rng.normal(size=Z.shape[1]))


def ridge(rng: np.random.Generator, X: _Values) -> _Values:
    """Curve of a single direction: one relevant dimension."""
    return _curve(rng, _directions(rng, X, 1)[:, 0])


def composition(rng: np.random.Generator, X: _Values) -> _Values:
    """Curve of a random function of the other families, plus another one."""
    simple = (smooth, polynomial, additive, radial, kinks)
    inner = _standard(simple[rng.integers(len(simple))](rng, X))
    other = _standard(simple[rng.integers(len(simple))](rng, X))
    return _standard(_curve(rng, inner)) + rng.choice([0.0, 0.5, 1.0]) * other


def _standard(values: _Values) -> _Values:
    centred = values - values.mean()
    return centred / max(centred.std(), 1e-9)


FAMILIES: tuple[Callable[[np.random.Generator, _Values], _Values], ...] = (
    smooth,
    polynomial,
    kinks,
    periodic,
    radial,
    additive,
    product,
    ridge,
    composition,
)


def random_function(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Values of a random function of a random family on rows of about zero mean and unit variance.

    They have mean 0 and variance 1, and are clipped to 5 standard deviations; 30 % of the functions carry normal noise
    of up to 0.3 standard deviations. A function that is constant on X is replaced by a new draw.
    """
    n_inputs = X.shape[1]
    for _ in range(100):
        n_used = n_inputs if rng.random() < 0.6 else int(rng.integers(1, n_inputs + 1))  # few relevant inputs
        columns = rng.choice(n_inputs, n_used, replace=False)
        values = FAMILIES[rng.integers(len(FAMILIES))](rng, X[:, columns])
        if np.isfinite(values).all() and values.std() > 1e-6:
            y = np.clip(_standard(values), -5, 5)
            if rng.random() < 0.3:
                y = y + rng.uniform(0, 0.3) * rng.normal(size=len(y))
            return _standard(y)
    raise RuntimeError("no random function varied on X; X must hold rows that differ.")

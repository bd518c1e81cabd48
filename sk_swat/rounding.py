"""A network as a formula whose numbers can be rounded, and what that costs.

Rounding a network's own numbers may ruin it: of a column that varies little around a large mean, such as a year, the
products with the weights are large and cancel against the biases. In the formula such a column stands as its distance
from a short round number; the bias of such an output is rounded as its distance from one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sk_swat.activations import activate
from sk_swat.fit_summary import FitSummary
from sk_swat.network import SparseMLP
from sk_swat.parameters import check_integer
from sk_swat.scaling import Standardisation, column_scales

__all__ = ["Formula", "rounded_formula", "rounding_losses", "short_centre", "summarised"]

_DIGITS = 15  # that every float64 has
_LOSS = 1e-4  # of R^2: rounding that costs less does not count
_FAR = 10.0  # spreads from zero: means beyond are taken out
_MOST_ROWS = 20_000  # on which losses are measured


def short_centre(mean: float, spread: float) -> float:
    """Round number whose distance from the values of a column, or a target, is of the size of their spread.

    Parameters
    ----------
    mean, spread : float
        Mean and standard deviation, in the same units.

    Returns
    -------
    centre : float
        0 if the mean is at most ten spreads from 0; otherwise the mean with as few significant digits as are enough to
        stay within half a spread of it.

    Examples
    --------
    >>> short_centre(2004.3, 11.5), short_centre(2004.3, 3.2), short_centre(40.0, 15.0)
    (2000.0, 2004.0, 0.0)
    """
    if abs(mean) <= _FAR * spread:
        return 0.0
    shorter = (_rounded(mean, digits) for digits in range(1, _DIGITS + 1))
    return next((centre for centre in shorter if abs(centre - mean) <= spread / 2), mean)


@dataclass(frozen=True)
class Formula:
    """Sums and activations, one after the other; what identity neurons do is part of the sums after them.

    The terms of a sum are the columns in use, less their centres, and then the neurons.

    Parameters
    ----------
    columns : ndarray of int, of shape (n_columns,)
        Indices of the columns in use.
    centres : ndarray of shape (n_columns,)
        What to subtract from each of them; 0 for most.
    activations : tuple of n_neurons str
        Activation of each neuron; none is "identity".
    weights : ndarray of shape (n_neurons + n_outputs, n_columns + n_neurons)
        Factors of the terms in the sum of each neuron and then each output; 0 for terms that it does not have.
    biases : ndarray of shape (n_neurons + n_outputs,)
        What each sum has besides.
    bias_centres : ndarray of shape (n_neurons + n_outputs,)
        Numbers from which the biases are rounded; 0 for neurons.
    """

    columns: NDArray[np.intp]
    centres: NDArray[np.float64]
    activations: tuple[str, ...]
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    bias_centres: NDArray[np.float64]

    @classmethod
    def of(cls, network: SparseMLP) -> Formula:
        """Write a network as a formula, with all bits; without a summary of its fit nothing is centred."""
        network = network.pruned()
        columns, summary = network.used_features, network.fit_summary
        names = [name for layer in network.activations for name in layer if name != "identity"]
        n_columns, n_neurons, n_outputs = len(columns), len(names), network.n_outputs
        centres, bias_centres = np.zeros(n_columns), np.zeros(n_neurons + n_outputs)
        if summary is not None:
            centres[:] = [short_centre(summary.mean[i], summary.spread[i]) for i in columns]
            bias_centres[n_neurons:] = list(map(short_centre, summary.target_mean, summary.target_spread))
        weights, biases = np.zeros((n_neurons + n_outputs, n_columns + n_neurons)), np.zeros(n_neurons + n_outputs)
        # what the layer before gives: factors of the terms, and a constant
        factors, constants, found = np.eye(n_columns, n_columns + n_neurons), centres, 0
        for layer, names_of_layer in enumerate((*network.activations, ("output",) * n_outputs)):
            coef = network.coefs[layer] if layer else network.coefs[0][columns]
            factors, constants = coef.T @ factors, constants @ coef + network.intercepts[layer]
            for j, name in enumerate(names_of_layer):
                if name != "identity":
                    weights[found], biases[found] = factors[j], constants[j]
                    factors[j], constants[j] = 0.0, 0.0
                    factors[j, n_columns + found : n_columns + found + 1] = 1.0  # none for an output
                    found += 1
        return cls(columns, centres, tuple(names), weights, biases, bias_centres)

    def rounded(self, digits: int) -> Formula:
        """Round weights and biases to so many significant digits; of an output's bias, the distance from its centre."""
        biases = [_rounded(bias, digits) for bias in (self.biases - self.bias_centres).tolist()]
        weights = self.weights.copy()
        weights[weights != 0] = [_rounded(weight, digits) for weight in weights[weights != 0].tolist()]
        return replace(self, weights=weights, biases=self.bias_centres + biases)

    def predict(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Evaluate the formula as it stands; X has all columns, the result the shape (n_samples, n_outputs)."""
        n_columns, n_neurons = len(self.columns), len(self.activations)
        terms = np.empty((n_columns + n_neurons, len(X)))
        terms[:n_columns] = (X[:, self.columns].astype(np.float64) - self.centres).T
        for neuron, name in enumerate(self.activations):
            read = np.flatnonzero(self.weights[neuron])
            terms[n_columns + neuron] = activate(name, self.weights[neuron, read] @ terms[read] + self.biases[neuron])
        return (self.weights[n_neurons:] @ terms).T + self.biases[n_neurons:]


def rounding_losses(
    network: SparseMLP, X: NDArray[np.floating], y: NDArray[np.float64], weight: NDArray[np.float64] | None = None
) -> tuple[float, ...]:
    """R^2 that a network loses when the numbers of its formula are rounded.

    Parameters
    ----------
    network : SparseMLP
        With the summary of its fit.
    X, y : ndarray of shape (n_rows, n_features), ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Rows that were fitted, in raw units.
    weight : ndarray of shape (n_rows,), default=None
        How often each row counts; None stands for once.

    Returns
    -------
    losses : tuple of float
        For 1, 2, 3 ... significant digits, up to the first number of digits (at most 15) that costs less than 1e-4. The
        mean over several targets; one that does not vary counts as not lost.
    """
    summary = network.fit_summary
    if summary is None:
        raise ValueError("what rounding costs is measured in the spread of the targets; the network must have a summary.")
    formula, target = Formula.of(network), y.reshape(len(y), -1)
    spread = np.array(summary.target_spread)
    unit = np.where(spread > 0, spread, np.inf)

    def squares(found: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.square((found - target) / unit).mean(axis=1)

    losses: list[float] = []
    with np.errstate(all="ignore"):
        exact = squares(network.predict(X).reshape(target.shape))
        while len(losses) < _DIGITS and not (losses and losses[-1] < _LOSS):
            lost = squares(formula.rounded(len(losses) + 1).predict(X)) - exact
            worst = np.finfo(np.float64).max
            losses.append(float(np.nan_to_num(np.average(lost, weights=weight), nan=worst)))
    return tuple(losses)


def summarised(
    networks: Sequence[SparseMLP],
    X: NDArray[np.floating],
    y: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    scaling: Standardisation,
    seed: int,
    most_rows: int = _MOST_ROWS,
) -> list[SparseMLP]:
    """Let networks carry the summary of their fit.

    Parameters
    ----------
    networks : sequence of SparseMLP
        In raw units.
    X, y, weight
        The fitted rows, as in :func:`rounding_losses`.
    scaling : Standardisation
        Of the columns of X.
    seed : int
        Source of the choice of rows.
    most_rows : int, default=20000
        Rows, drawn at random, on which losses are measured.
    """
    target_mean, target_spread = column_scales(y.reshape(len(y), -1), weight)
    summary = FitSummary(
        scaling.x_offset.tolist(), scaling.x_scale.tolist(), target_mean.tolist(), target_spread.tolist()
    )
    if len(y) > most_rows:
        some = np.random.default_rng([seed, 5]).choice(len(y), most_rows, replace=False)
        X, y, weight = X[some], y[some], None if weight is None else weight[some]
    plain = [network.with_fit_summary(summary) for network in networks]
    losses = [rounding_losses(network, X, y, weight) for network in plain]
    return [
        network.with_fit_summary(replace(summary, rounding_losses=lost))
        for network, lost in zip(plain, losses, strict=True)
    ]


def rounded_formula(network: SparseMLP, digits: object) -> Formula:
    """Write a network as a formula with rounded numbers.

    Parameters
    ----------
    network : SparseMLP
        Any network.
    digits : int, "auto" or None
        Significant digits, from 1 to 15. "auto" takes the least number that costs less than 1e-4 of R^2 on the fitted
        rows; all bits if that is not known. None keeps all bits.

    Warns
    -----
    UserWarning
        If more than that is lost.
    """
    formula = Formula.of(network)
    losses = () if network.fit_summary is None else network.fit_summary.rounding_losses
    enough = len(losses) if losses and losses[-1] < _LOSS else None
    if digits is None or (isinstance(digits, str) and digits == "auto"):
        chosen = None if digits is None else enough
        return formula if chosen is None else formula.rounded(chosen)
    if isinstance(digits, str):
        raise ValueError(f"digits must be an integer from 1 to {_DIGITS}, 'auto' or None, got {digits!r}.")
    chosen = check_integer("digits", digits, 1)
    if chosen > _DIGITS:
        raise ValueError(f"digits must be an integer from 1 to {_DIGITS}, got {digits!r}.")
    if chosen <= len(losses) and losses[chosen - 1] >= _LOSS:
        remedy = "digits=None keeps all bits" if enough is None else f"digits={enough} or 'auto' loses less than {_LOSS:g}"
        warnings.warn(
            f"Rounded to digits={chosen}, the formula loses {losses[chosen - 1]:.2g} of the network's R^2 on the fitted "
            f"rows; {remedy}.",
            UserWarning,
            stacklevel=4,
        )
    return formula.rounded(chosen)


def _rounded(number: float, digits: int) -> float:
    return float(f"{number:.{digits - 1}e}")

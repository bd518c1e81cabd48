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

from sk_swat.network.activations import activate
from sk_swat.network.fit_summary import FitSummary
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_integer

__all__ = [
    "Formula",
    "check_digits",
    "enough_digits",
    "round_formula",
    "round_network",
    "rounding_losses",
    "short_centre",
    "summarise",
]

_DIGITS = 15  # that every float64 has
_LOSS = 1e-4  # of R^2: rounding that costs less does not count
_FAR = 10.0  # spreads from zero: means beyond are taken out


def short_centre(mean: float, spread: float) -> float:
    """Round number whose distance from the values of a column, or a target, is of the size of their spread.

    0 if the mean is at most ten spreads from 0; otherwise the mean with as few significant digits as are enough to stay
    within half a spread of it.

    Examples
    --------
    >>> short_centre(2004.3, 11.5), short_centre(2004.3, 3.2), short_centre(40.0, 15.0)
    (2000.0, 2004.0, 0.0)
    """
    if abs(mean) <= _FAR * spread:
        return 0.0
    shorter = (_round(mean, digits) for digits in range(1, _DIGITS + 1))
    return next((centre for centre in shorter if abs(centre - mean) <= spread / 2), mean)


@dataclass(frozen=True)
class Formula:
    """Sums and activations, one after the other; what identity neurons do is part of the sums after them.

    The terms of a sum are the columns in use, less their centres, and then the neurons.

    `columns` are indices, `centres` are 0 for most; no neuron has the activation "identity". Row k of `weights`, of
    shape (n_neurons + n_outputs, n_columns + n_neurons), has the factors of the terms in sum k, neurons first; `biases`
    are rounded in their distance from `bias_centres`, which are 0 for neurons.
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
        network = network.prune()
        columns = network.used_features
        names = [name for layer in network.activations for name in layer if name != "identity"]
        n_columns, n_neurons, n_outputs = len(columns), len(names), network.n_outputs
        all_centres, output_centres = _centres(network)
        centres, bias_centres = all_centres[columns], np.r_[np.zeros(n_neurons), output_centres]
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

    def round(self, digits: int) -> Formula:
        """Round weights and biases to so many significant digits; of an output's bias, the distance from its centre."""
        biases = self.bias_centres + _round_all(self.biases - self.bias_centres, digits)
        return replace(self, weights=_round_all(self.weights, digits), biases=biases)

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
    """R^2 that a network with a summary of its fit loses on fitted rows when the numbers of its formula are rounded.

    To 1, 2, 3 ... significant digits, up to the first number (at most 15) that costs less than 1e-4. It is the
    mean over several targets, of which one that does not vary counts as not lost. `weight` says how often each row
    counts.
    """
    summary = network.fit_summary
    if summary is None:
        raise ValueError(
            "what rounding costs is measured in the spread of the targets; the network must have a summary."
        )
    formula, target = Formula.of(network), y.reshape(len(y), -1)
    spread = np.array(summary.target_spread)
    unit = np.where(spread > 0, spread, np.inf)

    def squares(found: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.square((found - target) / unit).mean(axis=1)

    losses: list[float] = []
    with np.errstate(all="ignore"):
        exact = squares(network.predict(X).reshape(target.shape))
        while len(losses) < _DIGITS and not (losses and losses[-1] < _LOSS):
            lost = squares(formula.round(len(losses) + 1).predict(X)) - exact
            worst = np.finfo(np.float64).max
            losses.append(float(np.nan_to_num(np.average(lost, weights=weight), nan=worst)))
    return tuple(losses)


def summarise(
    networks: Sequence[SparseMLP],
    X: NDArray[np.floating],
    y: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    scaling: Standardisation,
    seed: int,
    most_rows: int,
) -> list[SparseMLP]:
    """Let networks in raw units carry the summary of their fit to these rows, whose columns `scaling` standardises.

    Losses are measured on at most so many rows, drawn at random from a longer table.
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


def round_formula(network: SparseMLP, digits: object) -> Formula:
    """Write a network as a formula with numbers of 1 to 15 significant digits; it warns if 1e-4 of R^2 is lost.

    "auto" takes the least number of digits that costs less than that on the fitted rows; all bits if it is not known.
    None keeps all bits.
    """
    formula, enough = Formula.of(network), enough_digits(network)
    chosen = enough if isinstance(digits, str) and digits == "auto" else digits
    if chosen is None:
        return formula
    chosen = check_digits(chosen)
    losses = () if network.fit_summary is None else network.fit_summary.rounding_losses
    if chosen <= len(losses) and losses[chosen - 1] >= _LOSS:
        remedy = (
            "digits=None keeps all bits" if enough is None else f"digits={enough} or 'auto' loses less than {_LOSS:g}"
        )
        warnings.warn(
            f"Rounded to digits={chosen}, the formula loses {losses[chosen - 1]:.2g} of the network's R^2 on the "
            f"fitted rows; {remedy}.",
            UserWarning,
            stacklevel=4,
        )
    return formula.round(chosen)


def round_network(network: SparseMLP, digits: int) -> tuple[SparseMLP, NDArray[np.float64]]:
    """Round a network layer by layer, with the identity neurons it has, for reading.

    The network takes the columns less their centres, which are returned with it, of shape (n_features,).
    """
    centres, output_centres = _centres(network)
    coefs, intercepts = list(network.coefs), list(network.intercepts)
    intercepts[0] = intercepts[0] + centres @ coefs[0]
    coefs = [_round_all(coef, digits) for coef in coefs]
    *biases, output_biases = intercepts
    shifted = _round_all(output_biases - output_centres, digits)
    intercepts = [*(_round_all(bias, digits) for bias in biases), output_centres + shifted]
    return SparseMLP(coefs, intercepts, network.activations, network.feature_names, network.target_names), centres


def enough_digits(network: SparseMLP) -> int | None:
    """Least number of digits that costs less than 1e-4 of R^2 on the fitted rows; None if it is not known."""
    losses = () if network.fit_summary is None else network.fit_summary.rounding_losses
    return len(losses) if losses and losses[-1] < _LOSS else None


def check_digits(digits: object) -> int:
    """Return a number of significant digits; TypeError or ValueError if it is none from 1 to 15."""
    if isinstance(digits, str):
        raise ValueError(f"digits must be an integer from 1 to {_DIGITS}, 'auto' or None, got {digits!r}.")
    number = check_integer("digits", digits, 1)
    if number > _DIGITS:
        raise ValueError(f"digits must be an integer from 1 to {_DIGITS}, got {digits!r}.")
    return number


def _centres(network: SparseMLP) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of all columns, 0 for those that are not in use, and of the outputs."""
    summary, used = network.fit_summary, network.used_features
    centres, output_centres = np.zeros(network.n_features_in), np.zeros(network.n_outputs)
    if summary is not None:
        centres[used] = [short_centre(summary.mean[i], summary.spread[i]) for i in used]
        output_centres[:] = list(map(short_centre, summary.target_mean, summary.target_spread))
    return centres, output_centres


def _round(number: float, digits: int) -> float:
    return float(f"{number:.{digits - 1}e}")


def _round_all(numbers: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    rounded, used = numbers.copy(), numbers != 0
    rounded[used] = [_round(number, digits) for number in numbers[used].tolist()]
    return rounded

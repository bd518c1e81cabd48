"""The found network as plain arrays: it evaluates itself, counts itself, prints itself.

It knows nothing of how it was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_swat.network.activations import activate
from sk_swat.network.checks import activation_names, check_layers, check_names, freeze, vector
from sk_swat.network.exporting import ExportMixin
from sk_swat.network.fit_summary import FitSummary
from sk_swat.network.folding import Layers, fold
from sk_swat.network.forward import ForwardPlan
from sk_swat.network.text import FIELDS, describe_network, fields_from_dict, network_to_dict
from sk_swat.utils.numeric import refuse_dates
from sk_swat.utils.pickling import add_version, read_state

_CHUNK_ROWS = 8192  # rows evaluated at once: bounds the memory, and fits the cache


@dataclass(frozen=True, init=False, repr=False, eq=False)
class SparseMLP(ExportMixin):
    """A small multilayer perceptron with exact zeros for absent weights and one activation per neuron.

    Networks do not change: arrays are read-only, and every operation returns a new network. Two networks are
    equal when weights, biases and activations are; names and the summary of the fit do not count.

    Parameters
    ----------
    coefs : sequence of depth + 1 array-likes of shape (n_in, n_out)
        Weights of each layer, finite; zero means that the connection does not exist. Without hidden layers
        (depth 0) the network is linear, or constant when all weights are zero.
    intercepts : sequence of depth + 1 array-likes of shape (n_out,)
        Biases of each layer, finite.
    activations : sequence of depth sequences of str
        For each hidden layer one name from ``ACTIVATIONS`` per neuron. The output layer is linear.
    feature_names : sequence of str or None, default=None
        Names of the input columns, for printing, pictures and exports.
    target_names : sequence of str or None, default=None
        Names of the outputs, for the same.
    fit_summary : FitSummary or None, default=None
        Means and spreads of the columns and targets it was fitted to, for exports and pictures.

    Examples
    --------
    >>> network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]])
    >>> network
    SparseMLP(n_features_in=2, hidden_layer_sizes=(1,), n_outputs=1, n_nonzero=3)
    >>> network.predict([[0.0, 5.0]])
    array([3.])
    """

    coefs: tuple[NDArray[np.float64], ...]
    intercepts: tuple[NDArray[np.float64], ...]
    activations: tuple[tuple[str, ...], ...]
    feature_names: tuple[str, ...] | None
    target_names: tuple[str, ...] | None
    fit_summary: FitSummary | None

    def __init__(
        self,
        coefs: Sequence[ArrayLike],
        intercepts: Sequence[ArrayLike],
        activations: Sequence[Sequence[str]],
        feature_names: Iterable[str] | None = None,
        target_names: Iterable[str] | None = None,
        fit_summary: FitSummary | None = None,
    ) -> None:
        fields = vars(self)  # not self.coefs = ...: networks do not change
        fields["coefs"] = tuple(freeze(c, 2, f"coefs[{i}]") for i, c in enumerate(coefs))
        fields["intercepts"] = tuple(freeze(b, 1, f"intercepts[{i}]") for i, b in enumerate(intercepts))
        fields["activations"] = tuple(activation_names(a, f"activations[{i}]") for i, a in enumerate(activations))
        check_layers(self.coefs, self.intercepts, self.activations)
        fields["feature_names"] = check_names("feature_names", feature_names, self.n_features_in, "column")
        fields["target_names"] = check_names("target_names", target_names, self.n_outputs, "output")
        if fit_summary is not None:
            fit_summary.check_sizes(self.n_features_in, self.n_outputs)
        fields["fit_summary"] = fit_summary

    @classmethod
    def constant(cls, n_features_in: int, value: ArrayLike) -> SparseMLP:
        """Network without hidden layers that gives one value, or one of each output, for all inputs."""
        values = np.atleast_1d(np.asarray(value, dtype=np.float64))
        return cls([np.zeros((n_features_in, len(values)))], [values], [])

    @property
    def n_features_in(self) -> int:
        """Number of input columns, used or not."""
        return len(self.coefs[0])

    @property
    def n_outputs(self) -> int:
        """Number of outputs, at least 1."""
        return len(self.intercepts[-1])

    @property
    def depth(self) -> int:
        """Number of hidden layers; 0 for a linear or constant network."""
        return len(self.activations)

    @property
    def hidden_layer_sizes(self) -> tuple[int, ...]:
        """Number of neurons in each hidden layer, alive or not."""
        return tuple(len(names) for names in self.activations)

    @property
    def n_nonzero(self) -> int:
        """Size: non-zero weights plus non-zero biases, over all layers of this network as it is."""
        return sum(int(np.count_nonzero(array)) for array in self.coefs + self.intercepts)

    @property
    def n_neurons(self) -> int:
        """Number of living hidden neurons: those that see an input and reach an output."""
        return sum(self.prune().hidden_layer_sizes)

    @property
    def used_features(self) -> NDArray[np.intp]:
        """Increasing indices of the input columns with a path of non-zero weights to an output."""
        reaches = np.ones(self.n_outputs, dtype=bool)
        for coef in reversed(self.coefs):
            reaches = (coef[:, reaches] != 0).any(axis=1)
        return np.flatnonzero(reaches)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)
            Inputs in the units that the weights expect. Columns without any weight are not read.

        Returns
        -------
        y : ndarray of float64, of shape (n_samples,) or (n_samples, n_outputs)
            One-dimensional if there is one output. Sums too large for float64 give inf or nan, no warning.
        """
        rows = np.asarray(X)
        if rows.dtype.kind not in "fiu":
            refuse_dates(X, "X")
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in:
            raise ValueError(f"`X` must have shape (n_samples, {self.n_features_in}), got {rows.shape}.")
        with np.errstate(all="ignore"):
            if len(rows) <= _CHUNK_ROWS:
                y = self._plan.outputs(rows)
            else:
                y = np.empty((len(rows), self.n_outputs))
                for start in range(0, len(rows), _CHUNK_ROWS):
                    part = slice(start, start + _CHUNK_ROWS)
                    y[part] = self._plan.outputs(rows[part])
        return y.reshape(-1) if self.n_outputs == 1 else y

    __call__ = predict

    @cached_property
    def _plan(self) -> ForwardPlan:
        return ForwardPlan(self.coefs, self.intercepts, self.activations)

    def prune(self) -> SparseMLP:
        """Leave out the hidden neurons that do not matter.

        Neurons that cannot reach an output go; neurons that see no input are constants and move into the
        biases of the next layer. Without any living neuron what remains is constant, of depth 0. Input
        columns always stay.

        Returns
        -------
        network : SparseMLP
            The same function of every X up to rounding; itself already pruned.
        """
        coefs, intercepts, activations = list(self.coefs), list(self.intercepts), list(self.activations)

        def keep(layer: int, kept: NDArray[np.bool_]) -> None:
            coefs[layer], coefs[layer + 1] = coefs[layer][:, kept], coefs[layer + 1][kept]
            intercepts[layer] = intercepts[layer][kept]
            activations[layer] = tuple(np.array(activations[layer], dtype=object)[kept])

        # One pass each way is enough: the second takes no incoming weight from a neuron that stays.
        for layer in range(self.depth):
            sees_input = (coefs[layer] != 0).any(axis=0)
            for j in np.flatnonzero(~sees_input):
                constant = activate(activations[layer][j], intercepts[layer][j])
                intercepts[layer + 1] = intercepts[layer + 1] + constant * coefs[layer + 1][j]
            keep(layer, sees_input)
        for layer in reversed(range(self.depth)):
            keep(layer, (coefs[layer + 1] != 0).any(axis=1))
        if not all(activations):  # a layer without neurons lets nothing through, so no layer has any
            coefs = [np.zeros((self.n_features_in, self.n_outputs))]
            intercepts, activations = intercepts[-1:], []
        return self._replace(coefs=coefs, intercepts=intercepts, activations=activations)

    def simplify(self) -> SparseMLP:
        """Leave out every parameter that can be folded into others without changing the function.

        Dead neurons go, as in `prune`; biases of identity neurons move on into biases that exist anyway; several
        identity neurons become fewer where that saves weights; a layer of identity neurons alone goes, so that a
        straight line has depth 0.

        Returns
        -------
        network : SparseMLP
            The same function of every X up to rounding, with at most as many non-zero parameters.
        """
        pruned = self.prune()
        layers = fold(Layers(pruned.coefs, pruned.intercepts, pruned.activations))
        return self._replace(**vars(layers)).prune()

    def with_scaling(
        self, x_offset: ArrayLike, x_scale: ArrayLike, y_offset: ArrayLike, y_scale: ArrayLike
    ) -> SparseMLP:
        """Fold the standardisation of inputs and outputs into the first and last layer.

        The result computes ``y_offset + y_scale * self.predict((X - x_offset) / x_scale)`` from raw X. Absent
        weights stay absent, but biases that were zero may no longer be, so `n_nonzero` can grow. The summary of the fit
        is brought to the new units, without the losses of rounding.

        Parameters
        ----------
        x_offset, x_scale : array-like of shape (n_features_in,), or float
            What to subtract from each column and then divide it by, in the units of X; scales are positive.
        y_offset, y_scale : array-like of shape (n_outputs,), or float
            Offset and positive scale of the outputs, in the units of y.

        Returns
        -------
        network : SparseMLP
            A network in raw units.
        """
        x_offset = vector(x_offset, self.n_features_in, "x_offset")
        x_scale = vector(x_scale, self.n_features_in, "x_scale", positive=True)
        y_offset = vector(y_offset, self.n_outputs, "y_offset")
        y_scale = vector(y_scale, self.n_outputs, "y_scale", positive=True)
        coefs, intercepts = list(self.coefs), list(self.intercepts)
        coefs[0] = coefs[0] / x_scale[:, np.newaxis]
        intercepts[0] = intercepts[0] - x_offset @ coefs[0]
        coefs[-1] = coefs[-1] * y_scale
        intercepts[-1] = intercepts[-1] * y_scale + y_offset
        summary = self.fit_summary
        if summary is not None:
            summary = FitSummary(
                (x_offset + x_scale * np.array(summary.mean)).tolist(),
                (x_scale * np.array(summary.spread)).tolist(),
                (y_offset + y_scale * np.array(summary.target_mean)).tolist(),
                (y_scale * np.array(summary.target_spread)).tolist(),
            )
        return self._replace(coefs=coefs, intercepts=intercepts, fit_summary=summary)

    def with_inputs(self, A: ArrayLike, feature_names: Iterable[str] | None = None) -> SparseMLP:
        """Let the network read new columns, of which its present inputs are linear combinations.

        The result computes ``self.predict(X_new @ A)``. An A of zeros and ones selects or adds columns. Nothing is
        known of the new columns, so the summary of the fit is left out.

        Parameters
        ----------
        A : array-like of shape (n_new_features, n_features_in)
            Weight of each new column in each present input.
        feature_names : sequence of str or None, default=None
            Names of the new columns; the old names are not kept.

        Returns
        -------
        network : SparseMLP
            A network of n_new_features inputs.
        """
        A = freeze(A, 2, "A")
        if A.shape[1] != self.n_features_in:
            raise ValueError(f"`A` must have shape (n_new_features, {self.n_features_in}), got {A.shape}.")
        coefs = (A @ self.coefs[0], *self.coefs[1:])
        return self._replace(coefs=coefs, feature_names=feature_names, fit_summary=None)

    def with_names(
        self, feature_names: Iterable[str] | None = None, target_names: Iterable[str] | None = None
    ) -> SparseMLP:
        """Name the input columns and the outputs anew.

        Parameters
        ----------
        feature_names : sequence of str or None, default=None
            Names of the input columns; None leaves them without.
        target_names : sequence of str or None, default=None
            Names of the outputs; None leaves them without.

        Returns
        -------
        network : SparseMLP
            The same network with these names alone.
        """
        return self._replace(feature_names=feature_names, target_names=target_names)

    def with_fit_summary(self, fit_summary: FitSummary | None) -> SparseMLP:
        """Give the same network another summary of the fit, or none."""
        return self._replace(fit_summary=fit_summary)

    def _replace(self, **fields: Any) -> SparseMLP:
        return replace(self, **fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the network as lists, strings and numbers, which JSON holds without loss."""
        return network_to_dict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SparseMLP:
        """Make a network of what `to_dict` returned; anything else raises ValueError."""
        try:
            return cls(**fields_from_dict(document))
        except TypeError as error:
            raise ValueError(f"a stored network must hold what to_dict wrote: {error}") from error

    def to_json(self) -> str:
        """Return the network as JSON text; every number survives exactly."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> SparseMLP:
        """Make a network of what `to_json` returned; anything else raises ValueError."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ValueError(f"`text` must be JSON written by to_json, got an error: {error}.") from error
        return cls.from_dict(document)

    def describe(self, *, digits: int | str = "auto") -> str:
        """Write the network for reading: its size, then one equation for each neuron, as printing it does.

        Parameters
        ----------
        digits : int or "auto", default="auto"
            Significant digits of the numbers, from 1 to 15. "auto" takes 4, or as many as a formula has by default if
            these are more.

        Returns
        -------
        text : str
            Several lines. ``h1_2`` is neuron 2 of hidden layer 1; columns and outputs without names are x0, x1 ... and
            y, or y0, y1 ... Columns that vary little around a large mean stand as the distance from a round number.

        Examples
        --------
        >>> print(SparseMLP([[[1.5], [0.0]], [[2.0]]], [[0.0], [3.0]], [["sine"]], ["time", "mass"], ["height"]))
        SparseMLP: 3 non-zero parameters (weights and biases), 1 hidden neuron, reads 1 of 2 columns
        h1_1 = sine(1.5 * time)
        height = 2 * h1_1 + 3
        <BLANKLINE>
        sine(z) = sin(z)
        """
        return describe_network(self, digits)

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return (
            f"SparseMLP(n_features_in={self.n_features_in}, hidden_layer_sizes={self.hidden_layer_sizes}, "
            f"n_outputs={self.n_outputs}, n_nonzero={self.n_nonzero})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseMLP):
            return NotImplemented
        mine, others = self.coefs + self.intercepts, other.coefs + other.intercepts
        return self.activations == other.activations and all(map(np.array_equal, mine, others))

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return add_version({name: getattr(self, name) for name in FIELDS})  # without the forward plan

    def __setstate__(self, state: dict[str, Any]) -> None:
        fields = read_state("SparseMLP", state, FIELDS)
        self.__init__(**fields)  # type: ignore[misc]  # a pickled array forgets that it is read-only

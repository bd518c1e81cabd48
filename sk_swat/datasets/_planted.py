"""Regression data from a random sparse network, as in the first paper's tasks: the answer is known."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from sklearn.utils import Bunch, check_random_state

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_choice, check_integer, check_number

__all__ = ["make_planted_mlp"]

_LARGEST_DEPTH, _LARGEST_WIDTH = 4, 7  # as in the papers
_N_REFERENCE = 2000  # rows on which a draw is judged and the scale of the target is taken
_N_DRAWS = 1000
_LEAST_SPREAD = 0.03  # standard deviation of the output over its root mean square
_LEAST_CHANGE = 0.001  # what the removal of one weight must change, in standard deviations of the output
_LARGEST_PLANE_R2 = 0.99


def make_planted_mlp(
    *,
    n_train: int = 1000,
    n_test: int = 1000,
    n_features: int = 3,
    n_nonzero: int = 14,
    depth: int = 2,
    activation: str = "sigmoid",
    intercepts: bool = False,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Draw a random sparse network, and a regression task of which it is the answer.

    The tasks of arXiv 2410.08339: 3 inputs, one activation for the whole network, no biases; 14 weights in two hidden
    layers (its Fig. 5, the default) or 35 in three (Fig. 3). Its leaky ReLU has the slope 0.1, here 0.01.

    Every parameter of the network lies on a path from an input to the output, and every input is used. Weights have
    magnitudes U(0.5, 2.5) and random signs. A draw is judged on 2000 points of its own, and thrown away when its output
    is nearly constant (standard deviation below 3 % of the root mean square), when a plane explains more than 99 % of
    it (but "identity" gives a plane at any depth), or when the removal of one parameter changes it by less than 0.1 %
    of its standard deviation (saturated or dead neurons; shifts count for "identity" alone).

    With equal seed, the network and the scale of the target do not depend on `n_train`, `n_test` and `noise`, the test
    inputs not on `n_train`, and without noise a smaller training set is the beginning of a larger one.

    Parameters
    ----------
    n_train, n_test : int, default=1000
        Number of training and test rows, at least 1.
    n_features : int, default=3
        Number of inputs, at least 1.
    n_nonzero : int, default=14
        Non-zero weights (with `intercepts`, weights and biases), at least n_features + depth and at most what dense
        layers of 7 neurons hold.
    depth : int, default=2
        Number of hidden layers, from 1 to 4. Each has 1 to 7 neurons, drawn uniformly among the widths that allow
        `n_nonzero`.
    activation : str, default="sigmoid"
        Activation of all hidden neurons, one of ``ACTIVATIONS``; the paper has "sigmoid", "leaky_relu" and
        "identity" (it says linear).
    intercepts : bool, default=False
        Let some of the non-zero parameters be biases, at random.
    noise : float, default=0.0
        Standard deviation of normal noise on all targets, training and test, in units of the standardised target;
        at least 0.
    random_state : int, RandomState or None, default=None
        Seed of network, points and noise. None seeds a new generator from the operating system; numpy's global
        generator stays untouched.

    Returns
    -------
    data : Bunch
        With the attributes

        X_train : ndarray of shape (n_train, n_features), X_test : ndarray of shape (n_test, n_features)
            Inputs, U(-1, 1).
        y_train : ndarray of shape (n_train,), y_test : ndarray of shape (n_test,)
            Targets, standardised: up to noise ``(network.predict(X) - target_offset) / target_scale``, of mean 0 and
            variance 1 on the 2000 points, and nearly so on others. To repeat a network without biases exactly, one
            needs an output bias more.
        target_offset, target_scale : float
            Outputs of the network are ``target_offset + target_scale * y``.
        feature_names : list of str
            "x0", "x1" and so on.
        network : SparseMLP
            The planted network, on X as it is; of n_nonzero parameters.
        DESCR : str
            Description of the task.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or if no sane network was drawn.

    Examples
    --------
    >>> from sk_swat.datasets import make_planted_mlp
    >>> data = make_planted_mlp(n_nonzero=35, depth=3, activation="leaky_relu", random_state=0)
    >>> data.X_train.shape, data.network.n_nonzero, data.network.depth
    ((1000, 3), 35, 3)
    >>> y = data.target_offset + data.target_scale * data.y_test
    >>> bool(abs(data.network.predict(data.X_test) - y).max() < 1e-9)
    True
    """
    n_train, n_test = check_integer("`n_train`", n_train, 1), check_integer("`n_test`", n_test, 1)
    n_features, n_nonzero = check_integer("`n_features`", n_features, 1), check_integer("`n_nonzero`", n_nonzero, 1)
    if check_integer("`depth`", depth, 1) > _LARGEST_DEPTH:
        raise ValueError(f"`depth` must be an integer from 1 to {_LARGEST_DEPTH}, got {depth}.")
    check_choice("`activation`", activation, ACTIVATIONS)
    check_choice("`intercepts`", intercepts, (True, False))
    noise = check_number("`noise`", noise, 0, high_open=True)
    widths = _possible_widths(n_features, n_nonzero, depth, intercepts)
    rng = np.random.RandomState() if random_state is None else check_random_state(random_state)

    # Seeds first, so that each part stays the same when the size of another one changes.
    drawing, testing, training = (np.random.default_rng(seed) for seed in rng.randint(2**31 - 1, size=3))
    reference = drawing.uniform(-1, 1, size=(_N_REFERENCE, n_features))
    network = _sane_network(drawing, widths, reference, n_nonzero, activation, intercepts)
    outputs = network.predict(reference)
    offset, scale = float(outputs.mean()), float(outputs.std())

    def sample(rng: np.random.Generator, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        X = rng.uniform(-1, 1, size=(n_rows, n_features))
        return X, (network.predict(X) - offset) / scale + noise * rng.normal(size=n_rows)

    (X_train, y_train), (X_test, y_test) = sample(training, n_train), sample(testing, n_test)
    return Bunch(
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        target_offset=offset,
        target_scale=scale,
        feature_names=[f"x{column}" for column in range(n_features)],
        network=network,
        DESCR=_describe(network, activation, noise, n_train, n_test),
    )


def _possible_widths(n_features: int, n_nonzero: int, depth: int, intercepts: bool) -> list[tuple[int, ...]]:
    """List the layer sizes, inputs and output included, between which `n_nonzero` connected parameters can lie."""
    possible, ranges = [], []
    for widths in product(range(1, _LARGEST_WIDTH + 1), repeat=depth):
        sizes = (n_features, *widths, 1)
        pairs = list(pairwise(sizes))
        least = sum(max(pair) for pair in pairs)  # every neuron has a weight in and a weight out
        most = sum(n_in * n_out for n_in, n_out in pairs) + intercepts * sum(sizes[1:])
        ranges.append((least, most))
        if least <= n_nonzero <= most:
            possible.append(sizes)
    if not possible:
        raise ValueError(
            f"`n_nonzero` must lie from {min(least for least, _ in ranges)} to {max(most for _, most in ranges)} for "
            f"{n_features} inputs, all of them used, and {depth} hidden layers of at most {_LARGEST_WIDTH} neurons, "
            f"got {n_nonzero}."
        )
    return possible


def _sane_network(
    rng: np.random.Generator,
    widths: list[tuple[int, ...]],
    reference: np.ndarray,
    n_nonzero: int,
    activation: str,
    intercepts: bool,
) -> SparseMLP:
    """Draw until a network passes."""
    for _ in range(_N_DRAWS):
        network = _draw(rng, widths[rng.integers(len(widths))], n_nonzero, activation, intercepts)
        y = network.predict(reference)
        varies = y.std() > _LEAST_SPREAD * np.sqrt((y**2).mean())
        if not varies or (activation != "identity" and _plane_r2(reference, y) > _LARGEST_PLANE_R2):
            continue
        if _every_weight_matters(network, reference, y):
            return network
    raise ValueError(
        f"`n_nonzero` must leave room for a network that varies, is no plane, and whose weights all matter; {_N_DRAWS} "
        f"draws gave none with n_nonzero={n_nonzero} and depth={len(widths[0]) - 2}; change them or random_state."
    )


def _draw(
    rng: np.random.Generator, sizes: tuple[int, ...], n_nonzero: int, activation: str, intercepts: bool
) -> SparseMLP:
    """Draw a network of the given layer sizes: first the fewest weights that connect all neurons, then others."""
    masks = [_cover(rng, n_in, n_out) for n_in, n_out in pairwise(sizes)]
    n_weights = sum(mask.size for mask in masks)
    chosen = np.concatenate([mask.ravel() for mask in masks] + [np.zeros(sum(sizes[1:]) * intercepts, dtype=bool)])
    chosen[rng.permutation(np.flatnonzero(~chosen))[: n_nonzero - chosen.sum()]] = True
    parameters = chosen * rng.uniform(0.5, 2.5, size=chosen.size) * rng.choice([-1.0, 1.0], size=chosen.size)
    weights = np.split(parameters[:n_weights], np.cumsum([mask.size for mask in masks])[:-1])
    biases = parameters[n_weights:] if intercepts else np.zeros(sum(sizes[1:]))
    return SparseMLP(
        [part.reshape(mask.shape) for part, mask in zip(weights, masks, strict=True)],
        np.split(biases, np.cumsum(sizes[1:])[:-1]),
        [(activation,) * width for width in sizes[1:-1]],
    )


def _cover(rng: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
    """Random max(n_in, n_out) places of an (n_in, n_out) matrix with at least one in each row and column."""
    few, many = sorted((n_in, n_out))
    partners = np.concatenate([rng.permutation(few), rng.integers(few, size=many - few)])
    mask = np.zeros((many, few), dtype=bool)
    mask[rng.permutation(many), partners] = True
    return mask if n_in == many else mask.T


def _every_weight_matters(network: SparseMLP, X: np.ndarray, y: np.ndarray) -> bool:
    """Whether the function changes, by more than a shift, when any one weight or hidden bias is removed."""
    linear = network.activations[0][0] == "identity"  # there, a hidden bias is a shift
    parts = [*network.coefs, *network.intercepts[:-1]]
    for part, array in enumerate(parts):
        for place in zip(*np.nonzero(array), strict=True):
            changed = [one.copy() for one in parts]
            changed[part][place] = 0
            coefs, intercepts = changed[: network.depth + 1], [*changed[network.depth + 1 :], network.intercepts[-1]]
            difference = SparseMLP(coefs, intercepts, network.activations).predict(X) - y
            change = np.sqrt((difference**2).mean()) if linear else difference.std()
            if not change > _LEAST_CHANGE * y.std():
                return False
    return True


def _plane_r2(X: np.ndarray, y: np.ndarray) -> float:
    columns = np.column_stack([X, np.ones(len(X))])
    residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return float(1 - residual.var() / y.var())


def _describe(network: SparseMLP, activation: str, noise: float, n_train: int, n_test: int) -> str:
    widths = " x ".join(map(str, network.hidden_layer_sizes))
    noisy = f"Normal noise of {noise:g} standard deviations is added." if noise else "There is no noise."
    return (
        f"A random sparse network of {network.n_features_in} inputs, hidden layers of {widths} neurons ({activation}) "
        f"and {network.n_nonzero} non-zero parameters, as in the tasks of arXiv 2410.08339.\n\n"
        f"{n_train} training and {n_test} test points, uniform over [-1, 1] on all axes. Targets are standardised over "
        f"that cube. {noisy}\n"
    )

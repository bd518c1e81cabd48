"""The CORNN benchmark: 54 two-dimensional functions as regression tasks."""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_array, check_random_state

from sk_swat.datasets._cornn_formulas import FORMULAS, Domain
from sk_swat.utils.parameters import check_integer

_SOURCE = "CORNN suite, Malan and Cleghorn, arXiv 2109.05606"


@dataclass(frozen=True)
class CornnFunction:
    """One function of the CORNN suite, called on raw inputs.

    Outside its domain the formula is evaluated as it stands, and may be undefined there.

    Parameters
    ----------
    name : str
        Name as the suite spells it.
    domain : tuple of two (float, float)
        Lower and upper end of the first input, then of the second, in raw units.
    source : str
        Where names, domains and formulas come from.

    Examples
    --------
    >>> from sk_swat.datasets import cornn_function
    >>> himmelblau = cornn_function("Himmelblau")
    >>> himmelblau.domain
    ((-6.0, 6.0), (-6.0, 6.0))
    >>> himmelblau([[3.0, 2.0], [0.0, 0.0]])
    array([  0., 170.])
    """

    name: str
    domain: Domain
    source: str

    def __call__(self, X: ArrayLike) -> np.ndarray:
        """Evaluate the function.

        Parameters
        ----------
        X : array-like of shape (n, 2)
            Points in raw units, not scaled to [-1, 1].

        Returns
        -------
        values : ndarray of float64, of shape (n,)
            Raw values of the function.
        """
        points = check_array(X, dtype=np.float64)
        if points.shape[1] != 2:
            raise ValueError(f"X must have 2 columns, got {points.shape[1]}.")
        return FORMULAS[self.name][1](*points.T)


def cornn_names() -> tuple[str, ...]:
    """Give the names of the 54 CORNN functions, spelt and ordered as in the suite.

    Returns
    -------
    names : tuple of str
        Every name that `cornn_function` and `load_cornn` accept.

    Examples
    --------
    >>> from sk_swat.datasets import cornn_names
    >>> len(cornn_names())
    54
    >>> cornn_names()[:3]
    ('Ackley', 'Ackley N.2', 'Ackley N.3')
    """
    return tuple(FORMULAS)


def cornn_function(name: str) -> CornnFunction:
    """Give one CORNN function by name.

    Parameters
    ----------
    name : str
        One of `cornn_names`, spelt exactly so.

    Returns
    -------
    function : CornnFunction
        Callable on raw inputs of shape (n, 2), with attributes `name`, `domain` and `source`.

    Raises
    ------
    ValueError
        If no function has this name; the message names the closest ones.

    Examples
    --------
    >>> from sk_swat.datasets import cornn_function
    >>> cornn_function("Booth")([[1.0, 3.0]])
    array([0.])
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}.")
    if name not in FORMULAS:
        known = f"one of the {len(FORMULAS)} CORNN functions"
        raise ValueError(f"name must be {known}, got {name!r}. {_hint(name)}")
    return CornnFunction(name, FORMULAS[name][0], _SOURCE)


def load_cornn(
    name: str,
    *,
    n_train: int = 3750,
    n_test: int = 1250,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Sample one CORNN function as a scaled regression task.

    Points are uniform over the domain. With equal `n_test` and seed, the test points do not depend on
    `n_train`, and a smaller training set is the beginning of a larger one; the scale of the target, though,
    is that of the training rows.

    Parameters
    ----------
    name : str
        One of `cornn_names`.
    n_train : int, default=3750
        Number of training rows, at least 2.
    n_test : int, default=1250
        Number of test rows, at least 1.
    random_state : int, RandomState or None, default=0
        Seed of the points. None seeds a new generator from the operating system; numpy's global generator
        stays untouched.

    Returns
    -------
    data : Bunch
        With the attributes

        X_train : ndarray of shape (n_train, 2), X_test : ndarray of shape (n_test, 2)
            Inputs, scaled so that the domain is [-1, 1] on both axes.
        y_train : ndarray of shape (n_train,), y_test : ndarray of shape (n_test,)
            Targets, scaled so that the training targets span [-1, 1]. Test targets can lie outside.
        target_offset, target_scale : float
            Raw values are ``target_offset + target_scale * y``.
        feature_names : list of str
            Names of the two inputs.
        function : CornnFunction
            The function itself, on raw inputs.
        DESCR : str
            Description of the task.

    Examples
    --------
    >>> from sk_swat.datasets import load_cornn
    >>> data = load_cornn("Himmelblau", n_train=100, n_test=20)
    >>> data.X_train.shape, data.y_test.shape
    ((100, 2), (20,))
    >>> float(data.y_train.min()), float(data.y_train.max())
    (-1.0, 1.0)
    """
    function = cornn_function(name)
    n_train, n_test = check_integer("n_train", n_train, 2), check_integer("n_test", n_test, 1)
    rng = np.random.RandomState() if random_state is None else check_random_state(random_state)

    # Test rows first, so that they stay the same when n_train changes.
    unit_test, unit_train = rng.uniform(size=(n_test, 2)), rng.uniform(size=(n_train, 2))
    raw_train, raw_test = _sample(function, unit_train), _sample(function, unit_test)

    low, high = raw_train.min(), raw_train.max()
    largest = max(np.abs(raw_train).max(), np.abs(raw_test).max())
    if high - low <= np.finfo(np.float64).eps * largest:
        raise ValueError(
            f"The training targets of {name!r} must span a range, got values from {low} to {high} in "
            f"{n_train} rows; raise n_train or change random_state."
        )
    offset, scale = float(low + (high - low) / 2), float((high - low) / 2)
    return Bunch(
        X_train=2 * unit_train - 1,
        # min-max form: the extremes come out as exactly -1 and 1
        y_train=2 * ((raw_train - low) / (high - low)) - 1,
        X_test=2 * unit_test - 1,
        y_test=2 * ((raw_test - low) / (high - low)) - 1,
        target_offset=offset,
        target_scale=scale,
        feature_names=["x", "y"],
        function=function,
        DESCR=_describe(function, n_train, n_test),
    )


def _sample(function: CornnFunction, unit: np.ndarray) -> np.ndarray:
    low, high = np.array(function.domain).T
    return function(low + unit * (high - low))


def _hint(name: str) -> str:
    by_folded = {known.casefold(): known for known in FORMULAS}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    if not close:
        return "cornn_names() lists them."
    return "Did you mean " + " or ".join(repr(by_folded[folded]) for folded in close) + "?"


def _describe(function: CornnFunction, n_train: int, n_test: int) -> str:
    (x_low, x_high), (y_low, y_high) = function.domain
    return (
        f"{function.name}, a function of two variables from the {function.source}.\n\n"
        f"{n_train} training and {n_test} test points, uniform over x in [{x_low:g}, {x_high:g}] and "
        f"y in [{y_low:g}, {y_high:g}]. Inputs are scaled to [-1, 1] by the domain, targets to [-1, 1] by "
        "the range of the training targets. There is no noise.\n"
    )

"""Demonstration: a real table and a test function, fitted on the spot beside three regressors of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.utils import Bunch

from sk_swat.cli.comparison import MODELS, count_numbers, make_model, timed_fit

__all__ = ["DemoRow", "comparison_table", "fit_and_score", "load_table", "run_demo"]

_TASKS = {
    "diabetes": "Diabetes progression after one year, from ten measurements of 442 patients",
    "Himmelblau": "Himmelblau, a smooth test function of two variables with four minima",
}


@dataclass(frozen=True)
class DemoRow:
    """One line of the comparison.

    Parameters
    ----------
    model : str
        Name of the regressor.
    n_numbers : int
        Numbers it stores to predict, see `count_numbers` of sk_swat.cli.comparison.
    r2 : float
        R^2 on the test rows, at most 1.
    seconds : float
        Wall time of its fit.
    converged : bool
        False if the fit warned that it stopped early.
    """

    model: str
    n_numbers: int
    r2: float
    seconds: float
    converged: bool


def load_table(name: str, *, random_state: int = 0, n_train: int = 3750) -> Bunch:
    """Load a table with its split into training and test rows.

    Parameters
    ----------
    name : str
        "diabetes" (scikit-learn's table, a quarter of the rows for testing) or the name of a CORNN function.
    random_state : int, default=0
        Seed of the split or of the sampled points, an integer.
    n_train : int, default=3750
        Training rows of a CORNN function, at least 2; test rows are a third of them. Not read for "diabetes".

    Returns
    -------
    data : Bunch
        With the keys `X_train`, `X_test`, `y_train`, `y_test` and `feature_names`.
    """
    if name == "diabetes":
        from sklearn.datasets import load_diabetes
        from sklearn.model_selection import train_test_split

        table = load_diabetes()
        parts = train_test_split(table.data, table.target, random_state=random_state)
        named = dict(zip(("X_train", "X_test", "y_train", "y_test"), parts, strict=True))
        return Bunch(**named, feature_names=table.feature_names)
    from sk_swat.datasets import load_cornn

    return load_cornn(name, n_train=n_train, n_test=max(1, n_train // 3), random_state=random_state)


def fit_and_score(
    name: str, data: Bunch, *, random_state: int = 0, parameters: Mapping[str, Any] | None = None
) -> tuple[Any, DemoRow]:
    """Fit one model to the training rows and score it on the test rows.

    Parameters
    ----------
    name : str
        A key of ``MODELS`` of sk_swat.cli.comparison.
    data : Bunch
        A table and its split, see :func:`load_table`.
    random_state : int, default=0
        Seed of the fit.
    parameters : dict, default=None
        Settings of the regressor that differ from its defaults.

    Returns
    -------
    model : estimator
        Fitted.
    row : DemoRow
        What was measured.
    """
    model = make_model(name, random_state=random_state, **(parameters or {}))
    seconds, converged = timed_fit(model, data)
    return model, DemoRow(name, count_numbers(model), float(model.score(data.X_test, data.y_test)), seconds, converged)


def comparison_table(rows: Sequence[DemoRow]) -> str:
    """Write one line for each model, under a header.

    Parameters
    ----------
    rows : sequence of DemoRow
        In the order of the lines.

    Returns
    -------
    text : str
        Plain ASCII, at most 100 columns, without a final line break.
    """
    lines = [f"{'model':<30} {'numbers':>8} {'test R^2':>9} {'fit s':>7}", "-" * 57]
    for row in rows:
        note = "" if row.converged else "  stopped before it converged"
        lines.append(f"{row.model:<30} {row.n_numbers:>8} {row.r2:>9.4f} {row.seconds:>7.2f}{note}")
    return "\n".join(lines)


def run_demo(
    random_state: int = 0,
    *,
    n_train: int = 3750,
    parameters: Mapping[str, Any] | None = None,
    sink: Callable[[str], object] = print,
) -> dict[str, list[DemoRow]]:
    """Fit SWATRegressor and three regressors of scikit-learn to two tables and print what came out.

    Nothing is stored: every number is measured during the call, on test rows that no model has seen.

    Parameters
    ----------
    random_state : int, default=0
        Seed of splits and fits.
    n_train : int, default=3750
        Training rows of the test function, at least 2.
    parameters : dict, default=None
        Settings of SWATRegressor that differ from its defaults.
    sink : callable, default=print
        Takes each piece of text.

    Returns
    -------
    rows : dict of list of DemoRow
        For each table the measurements.
    """
    found = {}
    for name, title in _TASKS.items():
        data = load_table(name, random_state=random_state, n_train=n_train)
        sink(f"{title}\n{len(data.y_train)} rows to fit, {len(data.y_test)} rows to test\n")
        rows = []
        for model_name in MODELS:
            own = parameters if model_name == "SWATRegressor" else None
            model, row = fit_and_score(model_name, data, random_state=random_state, parameters=own)
            rows.append(row)
            if model_name == "SWATRegressor":
                sink(f"{model.network_.with_names(data.feature_names)}\n")
        sink(comparison_table(rows) + "\n")
        found[name] = rows
    sink("numbers: weights and biases; for boosting two for each split and one for each leaf.")
    sink("The first fit of SWATRegressor includes loading torch and the pretrained autoencoder.")
    return found

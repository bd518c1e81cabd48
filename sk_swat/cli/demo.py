"""Demonstration: a real table and a test function, fitted on the spot beside three regressors of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.utils import Bunch
from tabulate import tabulate

from sk_swat.cli.comparison import MODELS, count_parameters, make_model, time_fit

__all__ = ["DemoRow", "comparison_table", "fit_and_score", "load_table", "run_demo"]

_TASKS = {
    "diabetes": "Diabetes progression after one year, from ten measurements of 442 patients",
    "Himmelblau": "Himmelblau, a smooth test function of two variables with four minima",
}


@dataclass(frozen=True)
class DemoRow:
    """One line of the comparison: R^2 on the test rows, seconds of the fit, and whether it ended by itself."""

    model: str
    n_parameters: int
    r2: float
    seconds: float
    converged: bool


def load_table(name: str, *, random_state: int = 0, n_train: int = 3750) -> Bunch:
    """Load "diabetes" of scikit-learn, a quarter of its rows for testing, or a CORNN function by its name.

    `n_train` are the training rows of a function, beside a third as many for testing. The keys are `X_train`, `X_test`,
    `y_train`, `y_test` and `feature_names`.
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
    """Fit a model of ``MODELS`` to the training rows, with other parameters if given, and score it on the test rows."""
    model = make_model(name, random_state=random_state, **(parameters or {}))
    seconds, converged = time_fit(model, data)
    return model, DemoRow(
        name, count_parameters(model), float(model.score(data.X_test, data.y_test)), seconds, converged
    )


def comparison_table(rows: Sequence[DemoRow]) -> str:
    """Write one line for each model, under a header, in plain ASCII and at most 100 columns."""
    cells = [
        (row.model, row.n_parameters, row.r2, row.seconds, "" if row.converged else "stopped before it converged")
        for row in rows
    ]
    return tabulate(cells, ("model", "parameters", "test R^2", "fit s", ""), floatfmt=("", "", ".4f", ".2f", ""))


def run_demo(
    random_state: int = 0,
    *,
    n_train: int = 3750,
    parameters: Mapping[str, Any] | None = None,
    sink: Callable[[str], object] = print,
) -> dict[str, list[DemoRow]]:
    """Fit SWATRegressor and three regressors of scikit-learn to two tables, and give `sink` the text of what came out.

    Nothing is stored: everything is measured during the call, on test rows that no model has seen. `parameters` are
    settings of SWATRegressor that differ from its defaults.
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
    sink("parameters: non-zero weights and biases; for boosting two for each split and one for each leaf.")
    sink("The first fit of SWATRegressor includes loading torch and the pretrained autoencoder.")
    return found

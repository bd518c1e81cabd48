"""Measure small and noisy tables: scikit-learn's diabetes data beside other regressors, and 24 tables of pure noise.

    python docs/small_tables.py docs/results/small_tables.csv

writes a line for each fit, and continues from those in the file; a few minutes. `docs/tables.md` and `README.md`
quote it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_swat import SWATRegressor
from sk_swat.cli.comparison import count_numbers

N_SEEDS, N_FOLDS, N_NOISE = 3, 5, 24
# choices along the path of one fit, by name
CHOICES: dict[str, dict[str, Any]] = {
    "SWATRegressor": {},
    "SWATRegressor, one_standard_error": {"one_standard_error": True},
    "SWATRegressor, sparsity=1e-2": {"sparsity": 1e-2},
}


def rivals(seed: int) -> dict[str, Any]:
    """Other regressors, each in the pipeline that suits it."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-3, 3, 13)))
    mlp = make_pipeline(StandardScaler(), MLPRegressor(max_iter=2000, random_state=seed))
    found = {"MLPRegressor": mlp, "HistGradientBoostingRegressor": HistGradientBoostingRegressor(random_state=seed)}
    return found | ({"Ridge": ridge} if seed == 0 else {})  # without chance


def diabetes(seed: int, fold: int) -> list[dict[str, Any]]:
    """One fold of a five-fold cross-validation, one line for each model."""
    X, y = load_diabetes(return_X_y=True)
    train, test = list(KFold(N_FOLDS, shuffle=True, random_state=0).split(X))[fold]
    lines = []
    for name, model in rivals(seed).items():
        model.fit(X[train], y[train])
        lines.append({"model": name, "r2": model.score(X[test], y[test]), "n_nonzero": count_numbers(model)})
    model = SWATRegressor(random_state=seed).fit(X[train], y[train])
    for name, choice in CHOICES.items():  # they only choose along the path
        model.set_params(**SWATRegressor().get_params() | choice).select()
        lines.append({"model": name, "r2": model.score(X[test], y[test]), "n_nonzero": model.n_nonzero_})
    return lines


def noise(seed: int, fold: int) -> list[dict[str, Any]]:
    """A table of 50 rows and 10 columns in which nothing is to be found."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(50, 10)), rng.normal(size=50)
    return [{"model": "SWATRegressor", "n_nonzero": SWATRegressor(random_state=seed).fit(X, y).n_nonzero_}]


def main(path: Path) -> None:
    """Write the lines to a CSV file."""
    lines = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {(line["table"], line["seed"], line["fold"]) for line in lines}
    plan = [("diabetes", diabetes, seed, fold) for seed in range(N_SEEDS) for fold in range(N_FOLDS)]
    plan += [("noise", noise, seed, 0) for seed in range(N_NOISE)]
    for table, measure, seed, fold in plan:
        if (table, seed, fold) not in known:
            place = {"table": table, "seed": seed, "fold": fold}
            lines += [place | line for line in measure(seed, fold)]
            pd.DataFrame(lines).to_csv(path, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

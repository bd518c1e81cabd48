"""Measure how many latents and steps the papers' search needs, on functions planted by three sparse networks.

    python docs/papers_steps.py docs/results/papers_steps.csv

writes one line for each fit, and continues from those in the file; five minutes. `docs/benchmarks.md` quotes it.
None of these functions is one of the CORNN suite.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import product
from pathlib import Path

import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from benchmarks.baselines.papers_search import PapersSearchRegressor
from sk_swat.datasets import make_planted_mlp

PLANTED = {"tanh": (2, 25, 5), "sigmoid": (1, 25, 6), "gaussian": (2, 30, 7)}  # hidden layers, numbers, seed
SEEDS = (0,)
TRIED = ((8, 300), (8, 1000), (24, 100), (24, 300))  # latents of each decoder, steps


def main(path: Path) -> None:
    """Write the lines to a CSV file."""
    lines = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {(line["task"], line["latents"], line["steps"], line["seed"]) for line in lines}
    for (task, (depth, size, draw)), (latents, steps), seed in product(PLANTED.items(), TRIED, SEEDS):
        if (task, latents, steps, seed) in known:
            continue
        sizes = {"n_train": 3750, "n_test": 1250, "n_features": 2, "n_nonzero": size}
        data = make_planted_mlp(**sizes, depth=depth, activation=task, intercepts=True, random_state=draw)
        model = PapersSearchRegressor(n_restarts=latents, max_iter=steps, random_state=seed)
        begin = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(data.X_train, data.y_train)
        cpu_s = time.process_time() - begin
        fvu = 1 - model.score(data.X_test, data.y_test)
        place = {"task": task, "latents": latents, "steps": steps, "seed": seed}
        lines.append(place | {"test_fvu": fvu, "n_nonzero": model.n_nonzero_, "cpu_s": cpu_s})
        pd.DataFrame(lines).to_csv(path, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

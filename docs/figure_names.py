"""What the pages quote, by name, each as it follows from docs/results/; see check_figures.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from check_figures import Known
from figure_tables import SUMMARIES, TABLES
from stored_results import (
    BOOSTING,
    LIMITS,
    MLP,
    RANDOM,
    SIZES,
    SWAT,
    against,
    around_one,
    beats_darts,
    compressions,
    cost,
    factor,
    frame,
    fvu,
    geometric,
    median_size,
    noise_sizes,
    one,
    price,
    prior,
    purchases,
    ratio,
    rest,
    scatter,
    seconds,
    small,
    time_ratios,
    times,
    two,
    wins,
)

from benchmarks.paired import Comparison

_S, _SM = "SWATCompressor", "magnitude pruning"
_SIG, _KINK, _LINE = (f"planted 2x14 {kind}" for kind in ("sigmoid", "leaky_relu", "linear"))


def _parkinsons(selection: str) -> pd.Series:
    return compressions("compress_tables", _S, selection).loc["parkinsons_telemonitoring", "fidelity"]


def _deep(model: str) -> pd.DataFrame:
    return compressions("compress", model, "<=20", "nine layers").query("depth <= 2")


def _speed(model: str, what: str = "fit_s") -> pd.Series:
    return frame("speed").query("model == @model").groupby("task")[what].mean()


FIGURES: dict[str, Callable[[], str]] = {
    "speed.seconds": lambda: two(_speed(SWAT).median()),
    **{
        f"speed.{name}": lambda model=model: two((_speed(SWAT) / _speed(model)).median())
        for name, model in (("mlp", MLP), ("boosting", BOOSTING))
    },
    "speed.rounds2": lambda: two((_speed(SWAT) / _speed("n_rounds=2")).median()),
    "speed.rounds16": lambda: two((_speed("n_rounds=16") / _speed(SWAT)).median()),
    **{f"cornn.random{s[2:]}": lambda s=s: factor(ratio("cornn", RANDOM, SWAT, s)) for s in SIZES},
    "cornn.mlp50": lambda: factor(fvu("cornn", "MLPRegressor-50") / fvu("cornn", SWAT, "<=50")),
    "cornn.mlp50_size": lambda: f"{median_size('cornn', 'MLPRegressor-50'):.0f}",
    "cornn.scatter": lambda: two(scatter()),
    "cornn.beats_darts": lambda: str(beats_darts(SWAT)),
    "cornn.random_beats_darts": lambda: str(beats_darts(RANDOM)),
    "cornn.alpine": lambda: two(one("cornn", SWAT, "<=50", "Alpine N.2")),
    "cornn.blocks50": lambda: factor(fvu("cornn", SWAT, "<=50") / fvu("cornn_one_block", SWAT, "<=50")),
    "one.alpine": lambda: two(one("cornn_one_block", SWAT, "<=50", "Alpine N.2")),
    "one.papers_time": lambda: two(times("cornn_one_block", "papers' activations", "fixed activation")),
    "one.rounds20_time": lambda: two(times("cornn_one_block", "SWATRegressor, 20 rounds", SWAT)),
    "one.free30": lambda: two(_free().ratio),
    "one.free30_low": lambda: two(_free().low),
    "one.free30_high": lambda: f"{_free().high:.2f}",
    **{
        f"one.six{n}": lambda n=n: two(ratio("cornn_one_block", SWAT, "papers' activations", f"<={n}"))
        for n in (15, 20, 30, 50)
    },
    **{
        f"one.seeds{n}": lambda n=n: f"{against('cornn_one_block', SWAT, RANDOM, f'<={n}', (0, 1)).ratio:.2f}"
        for n in (15, 20, 30, 50)
    },
    "tables.size": lambda: f"{median_size('tables', SWAT):.0f}",
    "tables.boosting": lambda: factor(fvu("tables", SWAT) / fvu("tables", BOOSTING)),
    "tables.boosting_size": lambda: f"{median_size('tables', BOOSTING):.0f}",
    "tables.random_boosting": lambda: factor(fvu("tables", RANDOM) / fvu("tables", BOOSTING)),
    "tables.random_size": lambda: f"{median_size('tables', RANDOM):.0f}",
    "tables.seconds": lambda: two(seconds("tables", SWAT)),
    "small.ridge": lambda: f"{small('Ridge'):.3f}",
    "small.swat": lambda: f"{small(SWAT):.3f}",
    "small.constants": lambda: str((noise_sizes() <= 1).sum()),
    "small.noise_size": lambda: str(noise_sizes().max()),
    "time.1s30": lambda: two(ratio("latent_time", "latent 1 s", "random 1 s", "<=30")),
    "time.5s30": lambda: f"{ratio('latent_time', 'latent 5 s', 'random 5 s', '<=30'):.2f}",
    **{
        f"time.{kind}_{end}": lambda kind=kind, pick=pick: str(pick(wins("1", kind)))
        for kind in ("wins", "losses")
        for end, pick in (("low", min), ("high", max))
    },
    **{
        f"starts.prior{steps}_{end}": lambda steps=steps, pick=pick: f"{pick(prior(steps)):.2f}"
        for steps in (0, 5, 40)
        for end, pick in (("low", min), ("high", max))
    },
    "planted.sigmoid2": lambda: f"{one('planted', 'depth 2', '', _SIG):.0e}".replace("e-0", "e-"),
    "planted.sigmoid2_size": lambda: f"{one('planted', 'depth 2', '', _SIG, 'n_nonzero'):.0f}",
    "planted.sigmoid1": lambda: f"{one('planted', 'depth 1', '', _SIG):.4f}",
    "planted.sigmoid1_size": lambda: f"{one('planted', 'depth 1', '', _SIG, 'n_nonzero'):.0f}",
    "planted.linear1": lambda: f"{one('planted', 'depth 1', '', _LINE, 'n_nonzero'):.0f}",
    "planted.linear4": lambda: f"{one('planted', 'depth 4', '<=50', _LINE, 'n_nonzero'):.0f}",
    "planted.kinks2": lambda: f"{one('planted', 'depth 2', '', _KINK):.3f}",
    "planted.kinks2_size": lambda: f"{one('planted', 'depth 2', '', _KINK, 'n_nonzero'):.0f}",
    "planted.kinks4": lambda: f"{one('planted', 'depth 4', '<=100', _KINK):.3f}",
    "prices.himmelblau_default": lambda: f"{price('Himmelblau', -5):.0f}",
    "prices.himmelblau_high": lambda: f"{price('Himmelblau', -2):.0f}",
    "prices.himmelblau_default_fvu": lambda: two(price("Himmelblau", -5, "test_fvu")),
    "prices.himmelblau_high_fvu": lambda: two(price("Himmelblau", -2, "test_fvu")),
    "prices.bukin_default": lambda: f"{price('Bukin N.6', -5):.0f}",
    "prices.bukin_high": lambda: f"{price('Bukin N.6', -2):.0f}",
    "prices.still_bought": lambda: str((purchases() > 0).sum()),
    "prices.most_bought": lambda: f"{purchases().max():.0f}",
    "prices.schwefel": lambda: f"{price('Schwefel 2.20', -5):.0f}",
    "cost.rows": lambda: two(cost(100_000, 8) / cost(1000, 8)),
    "compress.nearer": lambda: str((rest("compress", _S, _SM, "<=50") < 1).sum()),
    "compress.rest": lambda: two(geometric(rest("compress", _S, _SM, "<=50"))),
    "compress.time": lambda: two(_compress_time("compress", _SM)),
    "compress.tables_nearer": lambda: str((rest("compress_tables", _S, _SM, "<=50") < 1).sum()),
    "compress.tables_rest": lambda: two(geometric(rest("compress_tables", _S, _SM, "<=50"))),
    "compress.tables_time": lambda: two(_compress_time("compress_tables", _SM)),
    "compress.tables_as_good": lambda: str(
        compressions("compress_tables", _S, "<=50").eval("r2 >= teacher_r2 - 0.01").sum()
    ),
    "compress.tables_faithful": lambda: str((compressions("compress_tables", _S, "<=50")["fidelity"] > 0.99).sum()),
    "compress.predict": lambda: two(
        compressions("compress", _S, "<=50").eval("predict_s / teacher_predict_s").median()
    ),
    "compress.deep": lambda: str((_deep(_S)["fidelity"] > 0.99).sum()),
    "compress.deep_median": lambda: f"{_deep(_S)['fidelity'].median():.4f}",
    "compress.deep_pruned": lambda: str((_deep(_SM)["fidelity"] > 0.99).sum()),
    "compress.split": lambda: two(geometric(_split("<=50"))),
    "compress.split_wins": lambda: str((np.log(_split("<=50")) <= -0.02).sum()),
    "compress.split_losses": lambda: str((np.log(_split("<=50")) >= 0.02).sum()),
    "compress.split_any": lambda: two(geometric(_split("any size"))),
    "compress.split20": lambda: two(geometric(_split("<=20"))),
    "compress.split_time": lambda: two(_compress_time("compress", "SWATCompressor, not split")),
    "compress.parkinsons_low": lambda: f"{_parkinsons('<=50').min():.2f}",
    "compress.parkinsons_high": lambda: f"{_parkinsons('<=50').max():.2f}",
    "compress.parkinsons_any_low": lambda: f"{_parkinsons('any size').min():.2f}",
    "compress.parkinsons_any_high": lambda: f"{_parkinsons('any size').max():.2f}",
}


def _free() -> Comparison:
    return against("cornn_one_block", "papers' activations", "fixed activation", "<=30")


def _split(selection: str) -> pd.Series:
    return rest("compress", _S, "SWATCompressor, not split", selection)


def _compress_time(name: str, other: str) -> float:
    ours, others = (compressions(name, model, "<=50")["fit_s"] for model in (_S, other))
    return geometric((ours / others).dropna())


CLAIMS: dict[str, Callable[[], bool]] = {
    "cornn.beats_most": lambda: beats_darts(SWAT) > 27,
    "cornn.random_beats_too": lambda: beats_darts(RANDOM) >= beats_darts(SWAT) - 2,
    "cornn.easom": lambda: one("cornn", SWAT, "<=50", "Easom", "n_nonzero") <= 1,
    "tables.random_no_worse": lambda: against("tables", SWAT, RANDOM).high >= 1,
    "small.ridge_wins": lambda: all(
        small("Ridge") > small(other) for other in set(frame("small_tables")["model"]) - {"Ridge"}
    ),
    "small.mlp_ahead": lambda: small("MLPRegressor") > small(SWAT),
    "one.free_even": lambda: around_one([_free()]),
    "prices.falling": lambda: all(
        price(task, exponent + 1) <= price(task, exponent) for task in purchases().index for exponent in range(-7, -2)
    ),
    "prices.schwefel_stays": lambda: len({price("Schwefel 2.20", n) for n in range(-7, -2)}) == 1,
    "time.random_large": lambda: time_ratios("latent_time", "2", ["<=100"])[0].low > 1,
    "time.even_from_two": lambda: around_one(
        [one for limit in ("2", "5") for one in time_ratios("latent_time", limit, SIZES)]
    ),
    "time.tables_even": lambda: around_one(time_ratios("latent_time_tables", "5", list(LIMITS.values()))),
    "compress.noisy_teachers": lambda: bool(
        (compressions("compress_tables", _S, "<=50").loc["forest_fires", "teacher_r2"] < 0).all()
    ),
}

_CARD = "sk_swat/latent/checkpoints/README.md"
EXEMPT: dict[tuple[str, str], str] = {
    ("README.md", "after five seconds"): "a limit that was set",
    ("docs/architecture.md", "ran in 511 s on"): "what .ci/run printed",
    ("docs/architecture.md", "a suite of 480 s."): "an aim",
    (_CARD, "with slope 0.01"): "a definition",
    (_CARD, "of at most 0.2, with a mark"): "a limit that was set",
    (_CARD, "by 10 to 60 % of"): "a setting of the corpus",
    (_CARD, "and 30 % of them carry noise"): "a setting of the corpus",
    (_CARD, "jittered by about 10 %"): "a setting of the training",
    (_CARD, "falling from 1 to 0.1"): "a setting of the training",
    (_CARD, "deviation 0.01 to 0.15 on"): "a setting of the training",
    ("docs/benchmarks.md", "of 2.1 million parameters"): "the size of a file in the package",
    ("docs/experiments.md", "has 2.1 million parameters"): "the size of a file in the package",
    ("docs/experiments.md", "From 1e-5, the default, to 1e-2"): "settings",
    ("docs/compress.md", "is at most 0.01 below"): "a definition",
    ("docs/compress.md", "above 0.99 and at most 20"): "a definition",
    ("docs/how_it_works.md", "divided by four times the number of rows"): "a setting of the search",
    ("docs/pitfalls.md", "cost less than 1e-4 of R²"): "a setting",
    ("docs/pitfalls.md", "if it costs more than 0.05"): "a setting",
    ("docs/large_tables.md", "at most about 0.3 s late"): "a limit that was set; tests count work, not seconds",
    ("docs/latent.md", "with 95 per cent bootstrap"): "a definition",
    ("docs/latent.md", "fits of two seconds"): "a limit that was set",
    ("docs/latent.md", "so two seconds were"): "a limit that was set",
    ("docs/latent.md", "8500 of 48 000"): "a setting of the bank",
}

KNOWN = Known(FIGURES, CLAIMS, TABLES, SUMMARIES, EXEMPT)

"""Tables of the pages, each as it follows from docs/results/."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from stored_results import (
    BOOSTING,
    DARTS,
    LIMITS,
    MLP,
    PAPERS,
    PRUNED,
    RANDOM,
    RESULTS,
    SIZES,
    SWAT,
    against,
    beats_darts,
    by_task,
    compressions,
    factor,
    frame,
    fvu,
    median_size,
    results,
    times,
    two,
)

from benchmarks import papers_steps, small_tables, speed
from benchmarks.accuracy import summary as summary_of
from benchmarks.experiments import EXPERIMENTS


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def readme_table() -> str:
    """The models of the README, the strongest rivals among them."""
    names = {
        SWAT: "SWATRegressor",
        RANDOM: "the same search from random networks",
        PAPERS: "papers' search",
        PRUNED: "pruned MLP",
        DARTS: "DARTS and ADMM pruning",
    }
    wanted = [(model, selection) for model in (SWAT, RANDOM) for selection in SIZES]
    wanted += [(model, "<=50") for model in (PAPERS, PRUNED, DARTS)]
    wanted += [(model, "") for model in ("MLPRegressor-7-7", "MLPRegressor-50", MLP, BOOSTING)]
    names |= {"MLPRegressor-7-7": "MLPRegressor((7, 7), tanh, lbfgs)", MLP: "MLPRegressor((100,))"}
    names |= {"MLPRegressor-50": "MLPRegressor((50,), tanh, lbfgs)", BOOSTING: BOOSTING}
    measured = set(frame("cornn")["model"])
    rows = []
    for model, selection in wanted:
        if model not in measured:
            continue
        tasks = len(by_task("cornn", model, selection))
        limit = f", at most {selection[2:]} parameters" * bool(selection) + f", on {tasks} functions" * (tasks < 54)
        size = f"{median_size('cornn', model, selection):.0f}"
        time = two(times("cornn", model)) + ", one fit for all sizes" * (selection == "<=15")
        same = model in (SWAT, RANDOM) and selection != "<=15"
        rows.append([names[model] + limit, size, two(fvu("cornn", model, selection)), "" if same else time])
    return markdown(
        ["", "non-zero parameters (median)", "FVU", "fit time, in those of MLPRegressor((100,)) (median)"], rows
    )


def papers_text() -> str:
    """What the papers' search reaches, in words; it needs a run of its own."""
    if PAPERS not in set(frame("cornn")["model"]):
        return "It is not among the results yet."
    found = [against("cornn", PAPERS, SWAT, selection) for selection in SIZES]
    each = [
        f"{factor(pair.ratio)} with at most {selection[2:]} parameters ({pair.n_tasks} functions)"
        for selection, pair in zip(SIZES, found, strict=True)
        if pair.n_tasks
    ]
    longer, beaten = factor(times("cornn", PAPERS, SWAT)), beats_darts(PAPERS)
    return (
        f"Where it has so small a network, its FVU, as a multiple of that of SWATRegressor, is {', '.join(each)}. "
        f"A fit takes {longer} times as long. On {beaten} function{'s' * (beaten != 1)} it has fewer parameters and a "
        "lower error than DARTS+ADMM's network of at most 50."
    )


def ratio_table(name: str, first: str, rows: dict[str, tuple[str, str]], selections: dict[str, str]) -> str:
    """Ratios of FVU with their intervals: a row for each pair of models, a column for each selection."""
    cells = []
    for title, (model, other) in rows.items():
        found = [against(name, model, other, selection) for selection in selections.values()]
        cells.append([title, *(f"{cell.ratio:.2f} ({cell.low:.2f} to {cell.high:.2f})" for cell in found)])
    return markdown([first, *selections], cells)


def starts_table() -> str:
    """Bank by random starts, after so many polishing steps."""
    header = ["polishing steps", "at most 15 parameters", "20", "30", "50", "100"]
    cells = []
    for steps in (0, 5, 15, 40):
        found = [against("latent_starts", "bank", "random", f"<={n}, {steps} steps") for n in (15, 20, 30, 50, 100)]
        cells.append([str(steps), *(f"{cell.ratio:.2f} ({cell.low:.2f} to {cell.high:.2f})" for cell in found)])
    return markdown(header, cells)


def time_table(name: str) -> str:
    """Latent by random networks in fits of equal time."""
    rows = {limit: (f"latent {limit} s", f"random {limit} s") for limit in ("0.5", "1", "2", "5")}
    return ratio_table(name, "seconds", rows, LIMITS)


def parts_table() -> str:
    """Parts of the latent search by the search from the bank, in two seconds."""
    names = {
        "normal draws from the latent space, not ranked": "unscreened prior draws 2 s",
        "30 gradient steps on the latents first": "30 gradient steps 2 s",
        "one hidden layer alone": "depth 1 alone 2 s",
        "one to four hidden layers": "depths 1 to 4 2 s",
    }
    rows = {title: (model, "bank starts 2 s") for title, model in names.items()}
    return ratio_table("latent_parts", "instead", rows, LIMITS)


def compress_table() -> str:
    """Compressors on functions and tables."""
    models = {"`SWATCompressor`": "SWATCompressor", "without splits": "SWATCompressor, not split"}
    models |= {"magnitude pruning": "magnitude pruning"}
    rows = []
    for name, title in (("compress", "54 CORNN functions"), ("compress_tables", "15 tables, 2 folds each")):
        for selection in ("<=50", "<=20", "any size"):
            limit = f"at most {selection[2:]} parameters" if selection[0] == "<" else selection
            for shown, model in models.items():
                lines = compressions(name, model, selection) if model in set(frame(name)["model"]) else pd.DataFrame()
                if len(lines):
                    good = (lines["r2"] >= lines["teacher_r2"] - 0.01).sum()
                    faithful = (lines["fidelity"] > 0.99).sum()
                    figures = [f"{lines['fidelity'].median():.5f}", f"{lines['fit_s'].median():.1f}"]
                    rows.append([title, limit, shown, str(faithful), str(good), *figures])
    return markdown(
        ["tasks", "networks", "compressor", "fidelity above 0.99", "as good", "median fidelity", "seconds"], rows
    )


def summary(name: str) -> str:
    """The summary that `python -m benchmarks NAME --summary` writes of a file."""
    lines = results(name)
    models = set(lines["model"])
    pairs = [pair for pair in EXPERIMENTS[name].pairs if set(pair) <= models]
    return f"{summary_of(lines, pairs)}\n"


TABLES: dict[str, Callable[[], str]] = {
    "readme": readme_table,
    "papers": papers_text,
    "steps": lambda: papers_steps.summary(frame("papers_steps")),
    "starts": starts_table,
    "time": lambda: time_table("latent_time"),
    "time_tables": lambda: time_table("latent_time_tables"),
    "parts": parts_table,
    "compress": compress_table,
    "diabetes": lambda: small_tables.summary(frame("small_tables")),
    "autoencoder": lambda: (RESULTS / "autoencoder.md").read_text(encoding="utf-8").strip(),
}

SUMMARIES = {f"bench_{name}.md": lambda name=name: summary(name) for name in ("cornn", "tables")}
SUMMARIES["bench_speed.md"] = lambda: speed.summary(frame("speed"))

import math

import pandas as pd
import pytest

from benchmarks import paired, summary

SWAT, M = "SWATRegressor", "MLPRegressor-7-7"


def result(task="a", model=M, fvu=0.5, *, selection="", split=0, seed=0, n_nonzero=85, fit_s=1.0):
    place = {"task": task, "model": model, "selection": selection, "seed": seed, "split": split}
    return place | {"test_fvu": fvu, "n_nonzero": n_nonzero, "fit_s": fit_s}


def summary_table(found):
    return summary.summary_table(pd.DataFrame(found))


def compare(found, *arguments, **settings):
    return paired.compare(pd.DataFrame(found), *arguments, **settings)


def paired_table(found, *arguments):
    return paired.paired_table(pd.DataFrame(found), *arguments)


def rows(text):
    """Rows of a markdown table as dictionaries."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    titles, _, *cells = [[cell.strip() for cell in line] for line in lines]
    return [dict(zip(titles, row, strict=True)) for row in cells]


def by_model(text):
    return {row["model"]: row for row in rows(text)}


# --- the summary


def test_summary_by_hand():
    found = [
        result("a", SWAT, 0.02, n_nonzero=10, fit_s=6.0),
        result("b", SWAT, 1e-9, n_nonzero=30, fit_s=2.0),  # counts as 1e-6
        result("a", M, 0.01),
        result("b", M, 4e-6),
        result("a", "MLPRegressor-100", 0.5, fit_s=3.0),
        result("b", "MLPRegressor-100", 8.0, fit_s=0.5),
    ]
    assert by_model(summary_table(found))[SWAT] == {
        "model": SWAT,
        "tasks": "2",
        "FVU": "0.000141",  # sqrt(0.02 * 1e-6)
        "FVU / M": "0.707",  # sqrt(2 * 1 / 4)
        "FVU / MLP-100": "7.07e-05",  # geometric mean 2 of the other: above 1 as they are
        "wins over M": "1/2",
        "parameters": "20",
        "fit s": "4.00",
        "fit s / MLP-100": "3",  # median of 2 and 4
    }


@pytest.mark.parametrize("what", ["split", "seed"])
def test_folds_and_seeds_are_averaged_before_the_geometric_mean(what):
    found = [result(fvu=0.1, **{what: 0}), result(fvu=0.3, **{what: 1}), result("b", fvu=0.8)]
    row = by_model(summary_table(found))[M]
    assert (row["tasks"], row["FVU"]) == ("2", "0.4")  # sqrt(0.2 * 0.8)


def test_selections_of_a_model_have_rows_of_their_own():
    found = [result(model=SWAT, selection=name) for name in ("", "<=15", "sparsity=1e-04")]
    assert list(by_model(summary_table(found))) == [SWAT, f"{SWAT} <=15", f"{SWAT} sparsity=1e-04"]


def test_task_that_a_baseline_lacks_counts_without_it():
    found = [result("a", SWAT, 0.01), result("b", SWAT, 0.04), result("b", M, 0.01)]
    row = by_model(summary_table(found))[SWAT]
    assert (row["tasks"], row["FVU"], row["FVU / M"], row["wins over M"]) == ("2", "0.02", "4", "0/1")


def test_both_below_the_floor_is_no_win():
    found = [result(fvu=1e-8), result(model=SWAT, fvu=1e-9)]
    assert by_model(summary_table(found))[SWAT]["wins over M"] == "0/1"


def test_tasks_without_a_network_that_small_are_left_out_of_ratios():
    found = [
        result("a", fvu=0.1),
        result("b", fvu=0.001),
        result("a", SWAT, 0.2, selection="<=15"),
        result("b", SWAT, math.nan, selection="<=15", n_nonzero=0),
        result("a", SWAT, math.nan, selection="<=5", n_nonzero=0),
    ]
    table = by_model(summary_table(found))
    small = table[f"{SWAT} <=15"]
    assert (small["tasks"], small["FVU"], small["FVU / M"]) == ("1", "0.2", "2")
    assert (small["wins over M"], small["parameters"]) == ("0/1", "85")
    assert list(table[f"{SWAT} <=5"].values())[1:] == ["0", "-", "-", "0/0", "-", "-"]
    assert "FVU / HGB" not in small


def test_lines_are_even():
    for text in (summary_table([result(), result(model="x")]), paired_table([result(), result(model="x")], [(M, "x")])):
        assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1


# --- pairs


def pair(*fvus, tasks="abcdefgh", selection="<=50"):
    """Results of two models, "new" and "old", for pairs of FVU, a task each."""
    return [
        result(task, model, fvu, selection=selection)
        for task, both in zip(tasks, fvus, strict=False)
        for model, fvu in zip(("new", "old"), both, strict=True)
    ]


def test_comparison_by_hand():
    # twice as good, as good within 2 per cent, 8 times worse; the floor makes the fourth equal
    found = compare(pair((0.1, 0.2), (0.101, 0.1), (0.8, 0.1), (1e-9, 1e-7)), "new", "old")
    assert (found.wins, found.losses, found.ties, found.n_missing, found.n_tasks) == (1, 1, 2, 0, 4)
    assert found.ratio == pytest.approx((0.5 * 1.01 * 8 * 1) ** 0.25, rel=1e-12)
    assert found.low < found.ratio < found.high
    back = compare(pair((0.1, 0.2), (0.101, 0.1), (0.8, 0.1), (1e-9, 1e-7)), "old", "new")
    assert (back.wins, back.losses) == (1, 1)
    assert (back.ratio, back.low, back.high) == pytest.approx((1 / found.ratio, 1 / found.high, 1 / found.low))


@pytest.mark.parametrize(("ratio", "outcome"), [(1.019, "ties"), (1.021, "losses"), (0.981, "ties"), (0.979, "wins")])
def test_differences_below_two_per_cent_are_ties(ratio, outcome):
    assert getattr(compare(pair((0.1 * ratio, 0.1)), "new", "old"), outcome) == 1


def test_folds_and_seeds_of_a_task_count_once_and_are_averaged_in_logs():
    found = [
        result("a", model, fvu, selection="<=50", split=split, seed=seed)
        for split, seed, new, old in ((0, 0, 0.1, 0.2), (1, 0, 0.4, 0.1), (0, 1, 0.1, 0.2), (1, 1, 0.1, 0.1))
        for model, fvu in (("new", new), ("old", old))
    ]
    both = compare(found, "new", "old")
    assert (both.n_tasks, both.ties) == (1, 1)
    assert both.ratio == pytest.approx((0.5 * 4 * 0.5 * 1) ** 0.25)
    unpaired = [*found, result("a", "new", 1e3, selection="<=50", seed=2)]  # the other was not measured there
    assert compare(unpaired, "new", "old") == both


def test_interval_is_that_of_means_over_tasks_drawn_anew():
    # log ratios of -1 and 1 alike: the mean of n draws has the standard deviation n ** -0.5
    n = 100
    tasks = [f"{i:03}" for i in range(n)]
    ratios = [(0.1 * math.exp((-1) ** i), 0.1) for i in range(n)]
    found = compare(pair(*ratios, tasks=tasks), "new", "old")
    assert found.ratio == pytest.approx(1)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((-0.196, 0.196), abs=0.021)
    assert compare(pair(*ratios, tasks=tasks), "new", "old") == found
    other = compare(pair(*ratios, tasks=tasks), "new", "old", random_state=1)
    assert (other.ratio, other.wins) == (found.ratio, found.wins)
    assert abs(math.log(other.low / found.low)) < 0.05


def test_interval_of_equal_differences_is_a_point():
    found = compare(pair((0.1, 0.2), (0.3, 0.6)), "new", "old")
    assert (found.low, found.ratio, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_task_without_a_network_that_small_is_left_out_and_counted():
    found = compare(pair((0.1, 0.2), (math.nan, 0.2), (0.3, math.nan)), "new", "old")
    assert (found.n_tasks, found.wins, found.n_missing, found.ratio) == (1, 1, 2, pytest.approx(0.5))
    nothing = compare(pair((math.nan, 0.2)), "new", "old")
    assert (nothing.n_tasks, nothing.n_missing) == (0, 1)
    assert math.isnan(nothing.ratio) and math.isnan(nothing.low) and math.isnan(nothing.high)


def test_infinite_error_is_a_finite_loss():
    found = compare(pair((math.inf, 0.1), (math.inf, math.inf)), "new", "old")
    assert (found.losses, found.ties) == (1, 1)
    assert found.ratio == pytest.approx(math.sqrt(1e7))


def test_model_of_one_size_stands_with_that_one():
    found = [result("a", "new", 0.1, selection="<=50"), result("a", "new", 0.4), result("a", "Ridge", 0.2)]
    assert compare(found, "new", "Ridge").ratio == pytest.approx(0.5)
    assert compare(found, "new", "Ridge", "").ratio == pytest.approx(2)


def test_what_was_not_measured_is_said():
    found = pair((0.1, 0.2), selection="<=30")
    with pytest.raises(ValueError, match="selection must be one of those measured of 'new', '<=30', got '<=50'"):
        compare(found, "new", "old")
    with pytest.raises(ValueError, match="results must hold lines of 'older', got none"):
        compare(found, "new", "older", "<=30")


def test_table_has_a_row_for_each_pair_and_selection():
    found = [*pair((0.1, 0.2), selection=""), *pair((0.2, 0.1)), *pair((0.1, 0.1), selection="<=100")]
    found.append(result("a", "Ridge", 0.4))
    table = rows(paired_table(found, [("new", "old"), ("new", "Ridge")]))
    assert [(row["other"], row["networks"], row["FVU / other"]) for row in table] == [
        ("old", "chosen", "0.5"),
        ("old", "<=50", "2"),
        ("old", "<=100", "1"),
        ("Ridge", "chosen", "0.25"),
        ("Ridge", "<=50", "0.5"),
        ("Ridge", "<=100", "0.25"),
    ]
    assert [(row["tasks"], row["wins"], row["ties"], row["losses"]) for row in table[1:3]] == [
        ("1", "0", "0", "1"),
        ("1", "0", "1", "0"),
    ]
    assert table[1]["95 % interval"] == "2 to 2"
    (row,) = rows(paired_table(found, [("new", "old")], [""]))
    assert (row["networks"], row["FVU / other"]) == ("chosen", "0.5")

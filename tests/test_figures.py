"""Every measured figure of the pages follows from docs/results/, and none can be forgotten."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.accuracy import COLUMNS

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
from check_figures import Known, broken_claims, faults, loose_figures, main, pages, renew  # noqa: E402

KNOWN = Known(
    figures={"ratio": lambda: "0.86", "size": lambda: "28"},
    claims={"true": lambda: True, "false": lambda: False},
    tables={"both": lambda: "| a |\n| --- |\n| 0.5 |"},
)


def test_pages_say_what_the_results_say(capsys):
    assert main() == 0, capsys.readouterr().out


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The module that reads results, with a file of two tasks of two folds."""
    import stored_results

    lines = [
        *(("a", "new", fold, error, 10, 4.0) for fold, error in enumerate((0.05, 0.15))),
        *(("b", "new", fold, 0.4, 30, 2.0) for fold in (0, 1)),
        *((task, "old", fold, 0.2, 7, 1.0) for task in "ab" for fold in (0, 1)),
    ]
    frame = pd.DataFrame(lines, columns=["task", "model", "split", "test_fvu", "n_nonzero", "fit_s"])
    added = {"selection": "", "seed": 0, "test_mse": 0.1, "n_neurons": 1, "depth": 1, "predict_s": 0.0, "peak_mb": 1.0}
    frame = frame.assign(**added)[list(COLUMNS)]
    frame.to_csv(tmp_path / "made.csv", index=False)
    monkeypatch.setattr(stored_results, "RESULTS", tmp_path)
    caches = stored_results.frame, stored_results.results, stored_results.by_task, stored_results.against
    for function in caches:
        function.cache_clear()
    yield stored_results
    for function in caches:
        function.cache_clear()


def test_figures_of_results_by_hand(stored):
    assert stored.fvu("made", "new") == pytest.approx((0.1 * 0.4) ** 0.5)  # folds by their mean, tasks geometrically
    assert stored.median_size("made", "new") == 20
    assert (stored.seconds("made", "new"), stored.times("made", "new", "old")) == (3, 3)
    assert stored.ratio("made", "new", "old") == pytest.approx(((0.05 * 0.15) ** 0.5 / 0.2 * 2) ** 0.5)
    with pytest.raises(ValueError, match=r"made\.csv must hold 'none'"):
        stored.fvu("made", "none")


@pytest.mark.parametrize(
    ("value", "text"), [(0.000123, "0.00012"), (0.0501, "0.050"), (1.23, "1.2"), (12.6, "13"), (456.0, "456"), (0, "0")]
)
def test_two_digits_that_count(value, text):
    from stored_results import two

    assert two(value) == text


def test_readme_model_card_and_evidence_are_checked():
    names = {page.relative_to(DOCS.parent).as_posix() for page in pages()}
    assert {"README.md", "sk_swat/latent/checkpoints/README.md", "docs/benchmarks.md", "docs/latent.md"} <= names


def test_figure_that_differs_is_said_and_renewed():
    text = "It has 31<!--size--> parameters and 0.86<!--ratio--> times."
    assert faults("page", text, KNOWN) == ["page: 31 must be 28 (size)"]
    assert renew(text, KNOWN) == "It has 28<!--size--> parameters and 0.86<!--ratio--> times."
    assert faults("page", renew(text, KNOWN), KNOWN) == []


def test_table_that_differs_is_said_and_renewed():
    text = "<!--table both-->\n| a |\n| --- |\n| 0.7 |\n<!--end-->\n"
    assert faults("page", text, KNOWN) == ["page: the table both is not that of the results"]
    assert "| 0.5 |" in renew(text, KNOWN)
    assert faults("page", renew(text, KNOWN), KNOWN) == []


def test_claim_that_does_not_hold_is_said():
    text = "Ridge wins by 3 times.<!--true?--> We win ten times.<!--false?-->"
    assert broken_claims(text, KNOWN) == ["false"]
    assert faults("page", text, KNOWN) == ["page: the claim false does not hold"]


@pytest.mark.parametrize("text", ["1<!--unknown-->", "So.<!--unknown?-->", "<!--table unknown-->\n<!--end-->"])
def test_unknown_name_is_an_error(text):
    with pytest.raises(KeyError, match="unknown"):
        faults("page", text, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "A fit took four seconds in the median.",
        "It takes about ten times as long as another.",
        "It is the better one on 41 of 54 functions.",
        "An R² of 0.49 is reached.",
        "It has 96 times the error.",
        "The search needs 607 MB and 14 s.",
        "It ends at 1e-15 and below.",
        "Half of 30 per cent is lost.",
        "Its error is twice as large.",
        "| Ridge | 0.468 |",
        "The rest was measured: 0.5.<!--true?--> But 0.7 was not.",
    ],
)
def test_measured_figure_without_a_name_is_found(text):
    assert len(loose_figures(text)) >= 1
    assert any("tied to no result" in fault for fault in faults("page", text, KNOWN))


@pytest.mark.parametrize(
    "text",
    [
        "Networks of at most 15 parameters, 768 rows and 8 neurons.",
        "Set `sparsity=0.001` or $x < 0.5$; see arXiv 2506.08270 and Python 3.11.",
        "```python\nx = 0.5\n```\n",
        "    python -m sk_swat --rows 0.5 s\n",
        "It is 0.86<!--ratio--> times as large.",
        "It wins on 41 of 54.<!--true?-->",
        "[a page](at/0.5)",
    ],
)
def test_settings_code_and_named_figures_are_left_alone(text):
    assert loose_figures(text) == []


def test_exemption_holds_for_its_page_and_must_be_needed():
    known = dataclasses.replace(KNOWN, exempt={("page", "slope 0.01"): "a definition"})
    assert faults("page", "A slope 0.01 is used.", known) == []
    assert faults("other", "A slope 0.01 is used.", known) != []
    assert faults("page", "No slope is used.", known) == ["page: the exemption 'slope 0.01' is not on the page"]

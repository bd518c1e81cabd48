"""Dates and texts are refused with the name of their column, wherever a table comes in."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from sk_swat import SparseMLP, SWATCompressor

N = 12
DAYS = pd.date_range("2024-01-01", periods=N)
NUMBERS = np.random.default_rng(0).normal(size=N)
TARGET = np.tanh(NUMBERS)

DATES = {
    "datetime64": DAYS,
    "datetime64 in seconds": DAYS.to_numpy().astype("datetime64[s]"),
    "timedelta64": DAYS - DAYS[0],
    "with a missing one": DAYS.where(np.arange(N) != 3),
    "time zone": DAYS.tz_localize("Europe/Berlin"),
    "period": DAYS.to_period("M"),
    "categorical": pd.Categorical(DAYS),
    "object of Timestamp": DAYS.astype(object),
    "object of datetime64": np.array([np.datetime64(day, "s") for day in DAYS], dtype=object),
    "object of timedelta64": np.array([np.timedelta64(i, "D") for i in range(N)], dtype=object),
    "object of date": DAYS.date,
    "object of time": np.array([datetime.time(i) for i in range(N)], dtype=object),
    "object of timedelta": np.array([datetime.timedelta(days=i) for i in range(N)], dtype=object),
    "object of Period": DAYS.to_period("M").astype(object),
    "numbers and a NaT": np.array([1.0, pd.NaT] * (N // 2), dtype=object),
}
TEXTS = {
    "object": np.array(["Rome", "Oslo"] * (N // 2), dtype=object),
    "string": pd.array(["Rome", "Oslo"] * (N // 2), dtype="string"),
    "categorical": pd.Categorical(["Rome", "Oslo"] * (N // 2)),
    "mixed": np.array([1.0, "Rome"] * (N // 2), dtype=object),
    "decimal comma": np.array(["1,5", "2,5"] * (N // 2), dtype=object),
}


def frame(values):
    return pd.DataFrame({"size": NUMBERS, "odd": values})


def calls(quick, tiny_checkpoint):
    """What takes a table, each as a function of X."""
    plain, named = np.column_stack([NUMBERS, NUMBERS[::-1]]), frame(NUMBERS[::-1])

    def like(X):
        return named if hasattr(X, "columns") else plain

    teacher = LinearRegression().fit(plain, TARGET)
    short = {"depths": (1,), "n_restarts": 2, "n_rounds": 0, "n_generated": 20, "checkpoint": str(tiny_checkpoint)}
    small = {type(X): SWATCompressor(teacher, random_state=0, **short).fit(X) for X in (plain, named)}
    return {
        "fit": lambda X: quick().fit(X, TARGET),
        "predict": lambda X: quick().fit(like(X), TARGET).predict(X),
        "compress": lambda X: SWATCompressor(teacher, random_state=0, **short).fit(X),
        "predict of the compressor": lambda X: small[type(like(X))].predict(X),
        "fidelity": lambda X: small[type(like(X))].fidelity(X),
        "report": lambda X: small[type(like(X))].report(X),
    }


@pytest.fixture(scope="module")
def takes(quick, tiny_checkpoint):
    return calls(quick, tiny_checkpoint)


ENTRIES = ["fit", "predict", "compress", "predict of the compressor", "fidelity", "report"]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", DATES)
def test_dates_are_refused_with_the_name_of_their_column(takes, entry, kind):
    with pytest.raises(ValueError, match=r"^column 'odd' must hold numbers, got values of type .+; turn dates and "):
        takes[entry](frame(DATES[kind]))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", TEXTS)
def test_texts_are_refused_with_the_name_of_their_column(takes, entry, kind):
    got = "'1,5'" if kind == "decimal comma" else "'Rome'"
    message = rf"^column 'odd' must hold numbers, got text \(could not convert string to float: {got}\); turn it"
    with pytest.raises(ValueError, match=rf"{message} .*OneHotEncoder"):
        takes[entry](frame(TEXTS[kind]))


@pytest.mark.parametrize("entry", ENTRIES)
def test_columns_of_arrays_and_lists_are_named_by_their_number(takes, entry):
    days = DAYS.to_numpy()
    both = np.column_stack([NUMBERS.astype(object), np.array(list(days), dtype=object)])
    for X in (np.column_stack([days, days]), np.column_stack([days - days[0]] * 2)):
        with pytest.raises(ValueError, match=r"^column 0 must hold numbers, got values of type (date|time)"):
            takes[entry](X)
    for X in (both, both.tolist()):
        with pytest.raises(ValueError, match=r"^column 1 must hold numbers, got values of type object; turn dates"):
            takes[entry](X)
    texts = np.column_stack([NUMBERS, TEXTS["object"]])
    for X in (texts, texts.astype(str), texts.tolist()):
        with pytest.raises(
            ValueError, match=r"^column 1 must hold numbers, got text \(could not convert string to float: 'Rome'\)"
        ):
            takes[entry](X)


def test_what_is_neither_number_nor_text_is_named(quick):
    table = frame(pd.interval_range(0, N))
    with pytest.raises(
        TypeError, match=r"argument must be a string or a real number.*; column 'odd' must hold numbers"
    ):
        quick().fit(table, TARGET)
    with pytest.raises(TypeError, match=r"not 'dict'; column 1 must hold numbers"):
        quick().fit(np.column_stack([NUMBERS, [{}] * N]), TARGET)


@pytest.mark.parametrize("kind", DATES)
def test_a_target_of_dates_is_refused(quick, kind):
    X, odd = NUMBERS[:, None], DATES[kind]
    for y in (odd, pd.Series(odd)):
        with pytest.raises(ValueError, match=r"^y must hold numbers, got values of type .+; turn dates"):
            quick().fit(X, y)
    with pytest.raises(ValueError, match=r"^column 'odd' of y must hold numbers, got values of type .+; turn dates"):
        quick().fit(X, frame(odd))
    with pytest.raises(ValueError, match=r"^column 'odd' of y must hold numbers, got values of type .+; turn dates"):
        SWATCompressor(LinearRegression(), objective="accuracy", random_state=0).fit(X, frame(odd))


def test_a_target_of_texts_is_refused(quick):
    X = NUMBERS[:, None]
    with pytest.raises(ValueError, match=r"^y must hold numbers, got text \(.*'Rome'\); turn it into numbers first\."):
        quick().fit(X, TEXTS["object"])
    with pytest.raises(
        ValueError,
        match=r"^column 'odd' of y must hold numbers, got text \(could not convert string to float: 'Rome'\)",
    ):
        quick().fit(X, frame(TEXTS["object"]))
    with pytest.raises(ValueError, match=r"^y must hold real numbers.*'Rome'"):
        quick().fit(X, TEXTS["object"].astype(str))


def test_weights_and_inputs_of_networks_are_no_dates(quick):
    with pytest.raises(ValueError, match=r"^sample_weight must hold numbers, got values of type timedelta64"):
        quick().fit(NUMBERS[:, None], TARGET, sample_weight=(DAYS - DAYS[0]).to_numpy())
    network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]])
    with pytest.raises(ValueError, match=r"^column 0 must hold numbers, got values of type .+; turn dates"):
        network.predict(np.column_stack([DAYS.to_numpy()] * 2))
    with pytest.raises(ValueError, match=r"^column 'odd' must hold numbers, got values of type .+; turn dates"):
        network.predict(frame(DAYS))


def test_numbers_in_any_type_pass(quick):
    values = np.arange(1.0, N + 1)
    plain = quick().fit(np.column_stack([NUMBERS, values]), TARGET).predict(np.column_stack([NUMBERS, values]))
    text = values.astype(int).astype(str)
    for odd in (values.astype(object), text.astype(object), pd.Categorical(text), pd.array(values, dtype="Float64")):
        table = frame(odd)
        np.testing.assert_array_equal(quick().fit(table, TARGET).predict(table), plain)
    table = np.column_stack([NUMBERS, values]).tolist()
    np.testing.assert_array_equal(quick().fit(table, TARGET).predict(table), plain)
    quick().fit(frame(values % 2 == 0), TARGET.astype(object))


def test_other_mistakes_keep_their_messages(quick):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        quick().fit(frame(np.where(NUMBERS > 0, NUMBERS, np.nan)), TARGET)
    with pytest.raises(ValueError, match="Complex data not supported"):
        quick().fit(NUMBERS[:, None] * 1j, TARGET)
    with pytest.raises(ValueError, match="inhomogeneous"):
        quick().fit([[1.0], [1.0, 2.0]], [1.0, 2.0])


def test_long_names_and_texts_are_cut(quick):
    table = pd.DataFrame({"n" * 5000: ["t" * 5000] * N})
    with pytest.raises(
        ValueError, match=re.escape("nnn' must hold numbers, got text (could not convert string to float: 'ttt")
    ) as caught:
        quick().fit(table, TARGET)
    assert len(str(caught.value)) < 500
    with pytest.raises(ValueError, match="turn dates") as caught:
        quick().fit(pd.DataFrame({"n" * 5000: DAYS}), TARGET)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", ["timestamp[ns]", "date32[day]", "duration[s]", "time64[us]"])
def test_columns_of_arrow_are_refused(quick, kind):
    arrow = pytest.importorskip("pyarrow")
    known = {
        "timestamp[ns]": (arrow.timestamp("ns"), DAYS),
        "date32[day]": (arrow.date32(), DAYS.date),
        "duration[s]": (arrow.duration("s"), DAYS - DAYS[0]),
        "time64[us]": (arrow.time64("us"), DATES["object of time"]),
    }
    form, values = known[kind]
    with pytest.raises(
        ValueError,
        match=rf"^column 'odd' must hold numbers, got values of type {re.escape(kind)}\[pyarrow\]; turn dates",
    ):
        quick().fit(frame(pd.array(values, dtype=pd.ArrowDtype(form))), TARGET)


def test_columns_of_polars_are_refused(quick):
    polars = pytest.importorskip("polars")
    for odd in (DAYS.to_pydatetime(), DAYS.date, (DAYS - DAYS[0]).to_pytimedelta()):
        with pytest.raises(ValueError, match=r"^column 'odd' must hold numbers, got values of type (Date|Duration)"):
            quick().fit(polars.DataFrame({"size": NUMBERS, "odd": list(odd)}), TARGET)
    with pytest.raises(
        ValueError, match=r"^column 'odd' must hold numbers, got text \(could not convert string to float: 'Rome'\)"
    ):
        quick().fit(polars.DataFrame({"size": NUMBERS, "odd": list(TEXTS["object"])}), TARGET)

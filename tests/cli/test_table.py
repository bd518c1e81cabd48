"""CSV files of the command line, good and bad."""

import bz2
import csv
import gc
import gzip
import lzma
import time
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sk_swat.cli.csv_file import read_csv_file
from sk_swat.cli.table import read_table, write_table


def read(path, names=None, **options):
    """Columns as numbers, and what was noted."""
    notes = []
    table = read_table(path, notes.append)
    names = table.names[len(table.index) :] if names is None else names
    return table, table.numbers(dict.fromkeys(names, "drop it"), **options), notes


@pytest.fixture
def write(tmp_path):
    """Write bytes or text to a CSV file."""

    def write(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2.5\n-3e2,4\n",
        "a;b\n1;2.5\n-3e2;4\n",
        "a\tb\n1\t2.5\n-3e2\t4",
        "a,b\r\n1,2.5\r\n-3e2,4\r\n",
        "a,b\r1,2.5\r-3e2,4\r",
        b"\xef\xbb\xbfa,b\n1,2.5\n-3e2,4\n",
        ' a , "b"\n 1, "2.5"\n-3e2 ,4\n\n\n',
        "a|b\n1|2.5\n-3e2|4\n",
        "a;b\n1;2,5\n-3e2;4\n",
        "a|b\n1,0|2,5\n-3,0e2|4\n",
        "a,b\n1,2.5\n-3e2,4\n".encode("utf-16"),
        gzip.compress(b"a,b\n1,2.5\n-3e2,4\n", mtime=0),
        bz2.compress(b"a,b\n1,2.5\n-3e2,4\n"),
        lzma.compress(b"a,b\n1,2.5\n-3e2,4\n"),
    ],
)
def test_numbers_are_read_whatever_separates_and_ends_the_cells(content, write):
    path = write(content)
    table, values, _ = read(path)
    assert table.names == ("a", "b") and values.tolist() == [[1, 2.5], [-300, 4]]
    assert read(path, ["b", "a"])[1].tolist() == [[2.5, 1], [4, -300]]
    assert read(path, [])[1].shape == (2, 0)


def test_names_may_hold_separators_line_ends_and_any_letters(write):
    table = read_table(write('"length, mm","größe\n(cm)",y\n1,2,3\n4,x,6\n'), print)
    assert table.names == ("length, mm", "größe\n(cm)", "y")
    assert table.columns(["length, mm", "y"]) == ["length, mm", "y"]
    with pytest.raises(ValueError, match="got 'x' in line 4;"):  # the header takes two lines
        table.numbers({"größe\n(cm)": ""})


@pytest.mark.parametrize("row", ["1;2;3", "1,5;2,5;3", ";;"])
def test_semicolons_separate_where_commas_are_in_the_names(row, write):
    assert read_table(write(f"length, mm;mass, kg;y\n{row}\n"), print).names == ("length, mm", "mass, kg", "y")


@pytest.mark.parametrize("rows", ["1.5\n2", "1,5\n2", '"1,5"\n2', "1.5\n2\n\n\n"])
def test_one_column_is_a_table(rows, write):
    assert read(write(f"a\n{rows}\n"))[1].tolist() == [[1.5], [2]]


def test_columns_are_named_one_by_one_or_with_commas_and_counted_once(write):
    table = read_table(write("a,b,c\n1,2,3\n"), print)
    assert table.columns(["c, a", "b", "a"]) == ["c", "a", "b"] and table.columns(["a,d"]) == ["a", "d"]
    assert table.missing(["a", "b"], "rule") == []
    assert table.missing(["d"], "rule") == ["rule, but there is no 'd'; the columns are 'a', 'b', 'c'"]


def test_unknown_columns_are_all_counted_and_the_first_gets_the_closest_name(write):
    names = [f"column_{i}" for i in range(30)]
    table = read_table(write(f"{','.join(names)}\n{','.join('1' * 30)}\n"), print)
    (problem,) = table.missing(["colum_29", *map(str, range(10))], "rule")
    assert problem.startswith(
        "rule, but there is no 'colum_29', '0', '1', '2', '3' and 6 more; the columns are 'column_0'"
    )
    assert problem.endswith("'column_4' and 25 more; did you mean 'column_29'?")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold a header and rows, but it is empty"),
        (b"\n \n", "must hold a header and rows, but it is empty"),
        (b"a,b\n\n", "cannot be used. Rows must stand below the header, but there are none."),
        (b"\na,b\n1,2\n", "The first line must hold the names of the columns, all different, got an empty line; "),
        (
            b"1,2\n3,4\n",
            "The first line must hold the names of the columns, all different, got numbers ('1', '2'); give",
        ),
        (b"b,,a\n0,1,2\n", "all different, got none for column 2; give each column a name, or leave it out."),
        (b"a,b,a ,,\n1,2,3,4,5\n", "all different, got 'a' for the columns 1, 3, none for the columns 4, 5; give"),
        (b"a,b\n1,2\n3\n", "one cell for each of the 2 names in the header, got 1 in line 3; complete such lines"),
        (b"a,b\n1,2\n3,4,5\n", "one cell for each of the 2 names in the header, got 3 in line 3; complete such"),
        (b"a,b\n1,2\n\n3,4\n5\n", "2 names in the header, got none in line 3, 1 in line 5; complete such lines"),
        (b"a,b\n1,2\n" + b"3\n" * 9, "got 1 in line 3, 1 in line 4, 1 in line 5, 1 in line 6, 1 in line 7 and 4 more"),
        (b'a,b\n1,2\n"3,4\n', "must be a CSV file, but line 3 cannot be read (unexpected end of data)"),
        (
            b"a,b\n1,2\n3,\xff\x81\n",
            "must be text in UTF-8, UTF-16 or Latin-1, or such a file packed by gzip, bzip2, xz",
        ),
        ("a,b\n1,2\n".encode("utf-16-le"), "but it is another kind of file; save it as CSV in UTF-8."),
        (b"\x28\xb5\x2f\xfd\x04\x10a,b\n1,2\n", "but it is another kind of file"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "but it cannot be unpacked (Compressed file ended before"),
        (b"BZh9 and more", "but it cannot be unpacked ("),
        (b"\xfd7zXZ\0 and more", "but it cannot be unpacked ("),
        (b"PK\3\4 and more", "but it cannot be unpacked ("),
    ],
)
def test_bad_file_is_said(content, message, write):
    path = write(content)
    with pytest.raises(ValueError) as error:
        read(path)
    assert message in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "", "2", "NA"], "a number in every row, got an empty cell in line 3 (and 1 more); fill it in, or leave"),
        (["1", "n/a"], "a number in every row, got 'n/a' in line 3; fill it in, or leave such rows out."),
        (["nan", "1"], "a number in every row, got 'nan' in line 2; fill it in, or leave such rows out."),
        (["1", "2", "Paris"], "numbers, got 'Paris' in line 4; drop it."),
        (["1_000", "2"], "numbers, got '1_000' in line 2; drop it."),
        (["True", "False"], "numbers, got 'True' in line 2 (and 1 more); drop it."),
        (["x" * 100], f"numbers, got '{'x' * 29} ... (57 more) ... {'x' * 14}' in line 2; drop it."),
        (["1", "inf"], "finite numbers, got 'inf' in line 3; leave such rows out."),
        (["-1e999", "2"], "finite numbers, got '-1e999' in line 2; leave such rows out."),
        (["1.5", "1.234.567"], "numbers with one decimal mark, the same everywhere, got '1.234.567' in line 3; write"),
        (
            ["1 000", "1"],
            "numbers with one decimal mark, the same everywhere, got '1 000' in line 2; write 1234.5, not",
        ),
        (["1.5", "2.5", "2,5"], "numbers with one decimal mark, the same everywhere, got '2,5' in line 4; write"),
        (["1.5", "2,5", "2,5"], "numbers with one decimal mark, the same everywhere, got '1.5' in line 2; write"),
        (["2024-01-31", "2024-02-01"], "numbers, not dates or times, got '2024-01-31' in line 2 (and 1 more); write"),
        (["31.01.2024 12:30"], "numbers, not dates or times, got '31.01.2024 12:30' in line 2; write days or seconds"),
        (
            ["12:30:59.5"],
            "numbers, not dates or times, got '12:30:59.5' in line 2; write days or seconds since a fixed",
        ),
        (["3 days 00:10:00"], "numbers, not dates or times, got '3 days 00:10:00' in line 2; write days or seconds"),
    ],
)
def test_bad_cell_is_said_with_its_column_and_line(cells, message, write):
    path = write("a;b\n" + "".join(f"1;{cell}\n" for cell in cells))
    assert read(path, ["a"])[1].shape == (len(cells), 1)  # the other column does not matter
    with pytest.raises(ValueError) as error:
        read(path, ["a", "b"])
    assert str(error.value).startswith(f"'{path}' cannot be used. Column 'b' must hold {message}")


def test_decimal_commas_are_not_guessed_where_commas_separate_the_cells(write):
    with pytest.raises(ValueError, match="Column 'a' must hold numbers with one decimal mark, the same everywhere"):
        read(write('a,b\n"1,234",5\n'))


def test_decimal_commas_after_many_rows_are_understood_and_noted(write):
    path = write("a\tb\n" + "1\t2\n" * 500 + "-3\t1,234\n")
    _, values, notes = read(path)
    assert values[-1].tolist() == [-3, 1.234] and values[:-1].tolist() == [[1, 2]] * 500
    assert notes == [f"'{path}' has decimal commas: 1,234 is read as 1.234."]


@pytest.mark.parametrize(
    ("header", "names", "index"),
    [
        (",a", ["Unnamed: 0", "a"], 1),
        ("Unnamed: 0,a", ["Unnamed: 0", "a"], 1),
        (",,a", ["Unnamed: 0", "Unnamed: 1", "a"], 2),
        (",Unnamed: 0,a", ["Unnamed: 0.1", "Unnamed: 0", "a"], 2),
        ("Unnamed: 0.1,Unnamed: 0,a", ["Unnamed: 0.1", "Unnamed: 0", "a"], 2),
        (",0,1", ["Unnamed: 0", "0", "1"], 1),
        ("a,Unnamed: 1", ["a", "Unnamed: 1"], 0),
    ],
)
def test_first_columns_without_a_name_are_an_index(header, names, index, write):
    table = read_table(write(f"{header}\n{','.join('1' * len(names))}\n"), print)
    assert list(table.names) == names and list(table.index) == names[:index]


def test_empty_cells_are_nan_if_they_may_be_there(write):
    path = write("a;b\n1;\nNA;2,5\n")
    assert np.array_equal(read(path, may_be_empty=True)[1], [[1, np.nan], [np.nan, 2.5]], equal_nan=True)


def test_folder_and_missing_file_are_said(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"a table must be a CSV file, but '.*' is a folder"):
        read_csv_file(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"a table must be a CSV file, but there is none at '.*none.csv'"):
        read_csv_file(tmp_path / "none.csv")


def test_cell_beyond_the_limit_of_csv_is_said(write):
    with pytest.raises(ValueError, match="line 2 cannot be read"):
        read(write("a,b\n1," + "2" * (csv.field_size_limit() + 1) + "\n"))


def test_written_numbers_are_read_back_exactly(write):
    values = np.random.default_rng(0).normal(size=(20, 2)) * 10.0 ** np.arange(-10, 10)[:, None]
    text = write_table(["a", "b, c"], values)
    assert text.startswith('a,"b, c"\n')
    assert np.array_equal(read(write(text))[1], values)


def test_written_nan_is_an_empty_cell():
    assert write_table(["a", "b"], np.array([[1, np.nan]])) == "a,b\n1.0,\n"
    assert write_table(["a"], np.array([[np.nan], [2]])) == 'a\n""\n2.0\n'


def test_zip_must_hold_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
        archive.writestr("__MACOSX/._a.csv", "\0")
    assert read(tmp_path / "one.zip")[1].tolist() == [[1, 2]]
    with zipfile.ZipFile(tmp_path / "two.xlsx", "w") as archive:
        archive.writestr("a.xml", "a")
        archive.writestr("b.xml", "b")
    with pytest.raises(ValueError, match=r"cannot be unpacked \(one file is needed in it, not 2\); save it as CSV"):
        read(tmp_path / "two.xlsx")


# --- what pandas writes

LETTERS = st.characters(codec="latin-1", exclude_categories=["Cc"])
NAMES = st.text(LETTERS, min_size=1, max_size=8).map(lambda name: f"n{name}".strip())
NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53).map(float))


@st.composite
def frames(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    rows = draw(st.lists(st.lists(NUMBERS, min_size=len(names), max_size=len(names)), min_size=1, max_size=6))
    return pd.DataFrame(rows, columns=names)


@st.composite
def settings_of_to_csv(draw):
    sep = draw(st.sampled_from([",", ";", "\t", "|"]))
    compression = draw(st.sampled_from([None, "gzip", "bz2", "xz", "zip"]))
    encodings = ["utf-8", "utf-8-sig", "latin-1", "utf-16"]  # the last without its mark in some packed files
    return {
        "sep": sep,
        "decimal": draw(st.sampled_from([".", "," if sep != "," else "."])),
        "encoding": draw(st.sampled_from(encodings if compression is None else encodings[:-1])),
        "index": draw(st.booleans()),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "na_rep": draw(st.sampled_from(["", "NA", "NaN", "nan", "NULL", "<NA>", "#N/A", "?"])),
        "compression": compression,
    }


def test_words_for_empty_cells_help_to_find_what_separates(tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("a;b,;c\n0,5;NA;NA\n", encoding="utf-8")  # two cells in both rows, were commas between them
    assert read(path, may_be_empty=True)[0].names == ("a", "b,", "c")


@settings(max_examples=200)
@given(frames(), settings_of_to_csv(), st.data())
def test_what_pandas_writes_is_read_back_equal(tmp_path_factory, frame, how, data):
    assume(how["decimal"] == "." or how["index"] or frame.shape[1] > 1)  # what separates the cells cannot be seen
    path = tmp_path_factory.getbasetemp() / "frame.csv"
    frame.to_csv(path, **how)
    table, values, _ = read(path)
    assert [name for name in table.names if name not in table.index] == frame.columns.tolist()
    assert len(table.index) == how["index"] and np.array_equal(values, frame.to_numpy())
    gaps = data.draw(st.lists(st.booleans(), min_size=frame.size, max_size=frame.size))
    holed = frame.mask(np.reshape(gaps, frame.shape))
    holed.to_csv(path, **how)
    assert np.array_equal(read(path, may_be_empty=True)[1], holed.to_numpy(), equal_nan=True)
    if any(gaps):
        with pytest.raises(ValueError, match="must hold a number in every row"):
            read(path)


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text('ab1.,;\t|"\n\r -\0\x1b', max_size=40).map(str.encode))
def test_any_file_is_read_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        table, values, _ = read(path)
    except ValueError as error:
        assert len(str(error)) < 2000
    else:
        assert np.isfinite(values).all() and values.shape[1] == len(table.names) - len(table.index)


# --- wide tables


def seconds(function):
    """Processor time of a call, the best of five; no garbage is collected in it, of which earlier tests leave much."""
    spent = []
    for _ in range(5):
        gc.collect()
        gc.disable()
        begin = time.process_time()
        try:
            function()
        finally:
            spent.append(time.process_time() - begin)
            gc.enable()
    return min(spent)


@pytest.mark.parametrize("index", [False, True])
def test_time_grows_no_faster_than_the_number_of_columns(index, tmp_path):
    spent = []
    for n_columns in (10_000, 80_000):
        path = tmp_path / "wide.csv"
        names = [""] * n_columns + ["a"] if index else [f"column {i}" for i in range(n_columns)]
        path.write_text(f"{','.join(names)}\n" + f"{','.join(['1.5'] * len(names))}\n" * 3)
        spent.append(seconds(partial(read, path)))
    assert spent[1] < 27 * spent[0]  # eight times as many: 64 times as long if it were quadratic


def test_time_of_messages_grows_no_faster_than_the_number_of_columns(write):
    spent = []
    for n_columns in (10_000, 80_000):
        names = [f"a very long name {i}" for i in range(n_columns)]
        path = write(f"{','.join(names)}\n{','.join(['text'] * n_columns)}\n")

        def fail(path=path, n_columns=n_columns):
            with pytest.raises(ValueError, match="must hold numbers") as error:
                read(path, problems=read_table(path, print).missing(["a very long name"] * n_columns, "rule"))
            assert len(str(error.value)) < 2000

        spent.append(seconds(fail))
    assert spent[1] < 27 * spent[0]

"""CSV files of the command line, good and bad."""

import csv

import numpy as np
import pytest

from sk_swat.cli.table import read_table, write_table


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
    ],
)
def test_numbers_are_read_whatever_separates_and_ends_the_cells(content, write):
    table = read_table(write(content))
    assert table.names == ("a", "b")
    assert table.numbers(["a", "b"]).tolist() == [[1, 2.5], [-300, 4]]
    assert table.numbers(["b", "a"]).tolist() == [[2.5, 1], [4, -300]]
    assert table.numbers([]).shape == (2, 0)


def test_names_may_hold_separators_line_ends_and_any_letters(write):
    table = read_table(write('"length, mm","größe\n(cm)",y\n1,2,3\n4,x,6\n'))
    assert table.names == ("length, mm", "größe\n(cm)", "y")
    assert table.columns(["length, mm", "y"], "--drop") == ["length, mm", "y"]
    with pytest.raises(ValueError, match="got 'x' in line 4;"):  # the header takes two lines
        table.numbers(["größe\n(cm)"])


def test_semicolons_separate_where_commas_are_in_the_names(write):
    assert read_table(write("length, mm;mass, kg;y\n1;2;3\n")).names == ("length, mm", "mass, kg", "y")


def test_one_column_is_a_table(write):
    assert read_table(write("a\n1\n2\n")).numbers(["a"]).tolist() == [[1], [2]]


def test_columns_are_named_one_by_one_or_with_commas_and_counted_once(write):
    table = read_table(write("a,b,c\n1,2,3\n"))
    assert table.columns(["c, a", "b", "a"], "--features") == ["c", "a", "b"]
    with pytest.raises(ValueError, match=r"--drop must name columns of '.*', but it has no 'd'; its columns are 'a'"):
        table.columns(["a,d"], "--drop")


def test_unknown_column_gets_the_closest_name_and_a_wide_table_lists_few(write):
    names = [f"column_{i}" for i in range(30)]
    table = read_table(write(f"{','.join(names)}\n{','.join('1' * 30)}\n"))
    with pytest.raises(ValueError, match=r"'column_9' and others\. Did you mean 'column_29'\?") as error:
        table.columns(["colum_29"], "--target")
    assert "'column_10'" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold a header and rows, but it is empty"),
        (b"\n \n", "must hold a header and rows, but it is empty"),
        (b"a,b\n\n", "must hold rows below its header, but there are none"),
        (b"\na,b\n1,2\n", "must hold the names of the columns, got an empty line"),
        (b"1,2\n3,4\n", r"must hold the names of the columns, got numbers \(1, 2 \.\.\.\); add a line of names"),
        (b",a\n0,1\n", "but column 1 has none; give it one, or write the file without it"),
        (b"a,b,a \n1,2,3\n", "all different, got 'a' for the columns 1 and 3; rename one of them"),
        (b"a,b\n1,2\n3\n", "must have 2 cells, one for each name in the header, got 1 cells in line 3"),
        (b"a,b\n1,2\n3,4,5\n", "must have 2 cells, one for each name in the header, got 3 cells in line 3"),
        (b"a,b\n1,2\n\n3,4\n", "must have 2 cells, one for each name in the header, got an empty line in line 3"),
        (b'a,b\n1,2\n"3,4\n', r"must be a CSV file, but line 3 cannot be read \(unexpected end of data\)"),
        ("a,größe\n1,2\n".encode("latin-1"), "must be text in UTF-8, got the byte 0xf6 in line 1; save it as CSV in"),
        (b"a,b\n1,2\n3,\xff\n", "must be text in UTF-8, got the byte 0xff in line 3"),
        ("a,b\n1,2\n".encode("utf-16"), "must be text in UTF-8"),
    ],
)
def test_bad_file_is_said(content, message, write):
    path = write(content)
    with pytest.raises(ValueError, match=message) as error:
        read_table(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "", "2", "NA"], "a number in every row, got an empty cell in line 3 (and 1 more); fill it in, or leave"),
        (["1", "n/a"], "a number in every row, got 'n/a' in line 3; fill it in, or leave such rows out."),
        (["nan", "1"], "a number in every row, got 'nan' in line 2; fill it in, or leave such rows out."),
        (["1", "2", "Paris"], "numbers, got 'Paris' in line 4; drop it."),
        (["1_000", "2"], "numbers, got '1_000' in line 2; drop it."),
        (["x" * 50], f"numbers, got '{'x' * 40}...' in line 2; drop it."),
        (["1", "inf"], "finite numbers, got 'inf' in line 3; leave such rows out."),
        (["-1e999", "2"], "finite numbers, got '-1e999' in line 2; leave such rows out."),
        (["1", "-2,5"], "numbers with a decimal point, got '-2,5' in line 3; write 1.5 instead of 1,5."),
    ],
)
def test_bad_cell_is_said_with_its_column_and_line(cells, message, write):
    path = write("a;b\n" + "".join(f"1;{cell}\n" for cell in cells))
    table = read_table(path)
    assert table.numbers(["a"]).shape == (len(cells), 1)  # the other column does not matter
    with pytest.raises(ValueError) as error:
        table.numbers(["a", "b"], "drop it")
    assert str(error.value).startswith(f"column 'b' of '{path}' must hold {message}")


def test_folder_and_missing_file_are_said(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"a table must be a CSV file, but '.*' is a folder"):
        read_table(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"a table must be a CSV file, but there is none at '.*none.csv'"):
        read_table(tmp_path / "none.csv")


def test_cell_beyond_the_limit_of_csv_is_said(write):
    with pytest.raises(ValueError, match="line 2 cannot be read"):
        read_table(write("a,b\n1," + "2" * (csv.field_size_limit() + 1) + "\n"))


def test_written_numbers_are_read_back_exactly(write):
    values = np.random.default_rng(0).normal(size=(20, 2)) * 10.0 ** np.arange(-10, 10)[:, None]
    text = write_table(["a", "b, c"], values)
    assert text.startswith('a,"b, c"\n')
    assert np.array_equal(read_table(write(text)).numbers(["a", "b, c"]), values)

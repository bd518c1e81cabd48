import numpy as np
import pytest

from benchmarks.tables import list_tables, read_table, table_folds
from benchmarks.tasks import check_split


@pytest.fixture
def folder(tmp_path):
    """Two tables: numbers alone, and a text column; every input of a row is told apart by its first cell."""
    path = tmp_path / "tables"
    path.mkdir()
    rng = np.random.default_rng(0)
    numbers = [f"{i},{a:.6f},{a + i / 40:.6f}" for i, a in enumerate(rng.normal(size=40))]
    (path / "plain.csv").write_text("a,b,target\n" + "\n".join(numbers) + "\n")
    mixed = [f"{i},{'red' if i % 2 else 'green'},{i % 7}" for i in range(30)]
    (path / "mixed.csv").write_text("a,colour,target\n" + "\n".join(mixed) + "\n")
    (path / "notes.txt").write_text("no table")
    return path


def test_columns_with_any_text_are_one_hot_encoded(folder):
    table = read_table(folder / "mixed.csv")
    assert list(table) == ["a", "colour", "target"] and len(table) == 30
    assert [dtype == np.float64 for dtype in table.dtypes] == [True, False, True]
    task = table_folds(folder / "mixed.csv", n_folds=3)[0]
    assert (task.X_train.dtype, task.X_train.shape, task.X_test.shape) == (np.float64, (20, 3), (10, 3))
    green = task.X_test[:, 2] % 2 == 0
    assert np.array_equal(task.X_test[:, :2], np.column_stack([green, ~green]))
    assert np.array_equal(task.X_test[:, 2] % 7, task.y_test)


def test_every_row_is_tested_once_and_the_seed_shuffles(folder):
    tasks = table_folds(folder / "plain.csv")
    assert sorted(np.concatenate([task.X_test[:, 0] for task in tasks])) == list(range(40))
    for split, task in enumerate(tasks):
        assert (task.name, task.split, task.seed) == ("plain", split, 0)
        assert not set(task.X_train[:, 0]) & set(task.X_test[:, 0])
        assert len(task.y_train) == 32
    other = table_folds(folder / "plain.csv", random_state=1)[0]
    assert other.seed == 1
    assert not np.array_equal(tasks[0].X_test, other.X_test)
    assert np.array_equal(other.X_test, table_folds(folder / "plain.csv", random_state=1)[0].X_test)


def test_rows_with_equal_inputs_stay_on_one_side(tmp_path):
    path = tmp_path / "t.csv"
    # twelve different rows, each twice or more; zero is zero with either sign, and targets need not be equal
    rows = [(f"{'-0' if i == 12 else i % 12}", "ab"[i % 2], i) for i in range(30)]
    path.write_text("x,kind,y\n" + "".join(f"{x},{kind},{y}\n" for x, kind, y in rows))
    for seed in range(5):
        tasks = table_folds(path, n_folds=4, random_state=seed)
        assert sorted(np.concatenate([task.y_test for task in tasks])) == list(range(30))
        for task in tasks:
            check_split(task)
            assert not set(task.y_train % 12) & set(task.y_test % 12)
            assert len(set(task.y_test % 12)) == 3


def test_category_of_the_test_rows_alone_adds_no_column(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{i},{'only once' if i == 4 else 'ab'[i % 2]},{i}\n" for i in range(12)]
    path.write_text("x,kind,y\n" + "".join(rows))
    for task in table_folds(path, n_folds=3):
        holds_it = 4.0 in task.y_test
        assert task.X_train.shape[1] == (3 if holds_it else 4)
        assert (task.X_test[:, :-1].sum(axis=1) == 0).sum() == holds_it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n", "must hold a header, two rows and two columns"),
        ("y\n1\n2\n", "must hold a header, two rows and two columns"),
        ("a,y\n1,2\n1\n", "no missing or infinite values, got some in column 'y'"),
        ("a,y\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("a,y\n1,x\n1,2\n", "must hold numbers in its last column, 'y'"),
        ("a,y\n1,2\n,3\n", "no missing or infinite values, got some in column 'a'"),
        ("a,y\nred,2\nnan,inf\n", "no missing or infinite values, got some in column 'y'"),
        ("a,y\n1,2\n2,2\n3,2\n4,2\n", "must vary within each fold"),
        ("a,y\n1,2\n2,3\n1,4\n", "n_folds must be from 2 to the 2 different rows of 't', got 5"),
    ],
)
def test_table_that_cannot_serve_is_refused(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        table_folds(tmp_path / "t.csv", n_folds=2 if "vary" in message else 5)


def test_folder_must_exist_and_hold_tables(folder, tmp_path):
    assert list(list_tables(folder)) == ["mixed", "plain"]
    with pytest.raises(FileNotFoundError, match="tables must be an existing folder"):
        list_tables(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="tables must be a folder with CSV files"):
        list_tables(tmp_path / "empty")

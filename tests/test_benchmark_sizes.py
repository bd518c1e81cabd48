import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from sk_swat.benchmark import harness as benchmark_sizes
from sk_swat.benchmark.harness import SIZE_MODELS, bench_sizes, measure_sizes
from sk_swat.benchmark.quick import load_task
from sk_swat.benchmark.summary import SizeMeasurement, read_measurements, summary_table
from sk_swat.benchmark.tables import list_tables, read_table, table_folds
from sk_swat.datasets import cornn_names

SEEN = []  # what the fake was fitted to


class FakeSWAT(RegressorMixin, BaseEstimator):
    """Predicts the mean of y plus 1 / n_nonzero_; has networks of 10, 20 and 40 numbers and chooses that of 20."""

    def __init__(self, max_iter=100, n_restarts=8, depths=(1, 2)):
        self.max_iter = max_iter
        self.n_restarts = n_restarts
        self.depths = depths

    def fit(self, X, y):
        if self.max_iter:  # not the warm-up
            SEEN.append((X, y))
        self.mean_, self.n_nonzero_ = np.mean(y), 20
        return self

    def select(self, max_nonzero, sparsity, compactness):
        assert sparsity == compactness == 0
        sizes = [size for size in (10, 20, 40) if size <= max_nonzero]
        if not sizes:
            raise ValueError(f"no network is as small as {max_nonzero}")
        self.n_nonzero_ = sizes[-1]
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ + 1 / self.n_nonzero_)


@pytest.fixture
def fake(monkeypatch):
    """Put the fake in the place of SWATRegressor and the mean in that of all others."""
    SEEN.clear()
    benchmark_sizes._warm_up.cache_clear()
    models = {"SWATRegressor": lambda seed: FakeSWAT(), "MLPRegressor-7-7": lambda seed: Mean()}
    monkeypatch.setattr(benchmark_sizes, "SIZE_MODELS", models)
    yield SEEN
    benchmark_sizes._warm_up.cache_clear()


class Mean(RegressorMixin, BaseEstimator):
    """The mean of y: one number."""

    def fit(self, X, y):
        SEEN.append((X, y))
        self.coef_, self.intercept_ = np.empty(0), np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.intercept_)


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


def measurement(task="a", model="MLPRegressor-7-7", fvu=0.5, *, fold=0, n_numbers=85, fit_s=1.0):
    return SizeMeasurement(task, fold, model, 0, fvu, fvu, n_numbers, fit_s, 0.001)


def cells(text):
    """Rows of a markdown table as dictionaries, by model."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    titles, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: dict(zip(titles, row, strict=True)) for row in rows}


# --- one model on one task


def test_one_fit_serves_all_sizes_and_the_choice_is_measured_first(fake):
    task = load_task("Booth", n_train=30)
    found = measure_sizes(task, "SWATRegressor", [5, 15, 50], fold=3, random_state=7)
    assert len(fake) == 1
    assert [item.model for item in found] == ["SWATRegressor"] + [f"SWATRegressor<={size}" for size in (5, 15, 50)]
    assert [item.n_numbers for item in found] == [20, 0, 10, 40]
    assert {(item.task, item.fold, item.seed, item.fit_s) for item in found} == {("Booth", 3, 7, found[0].fit_s)}
    for item in (found[0], found[2], found[3]):
        mse = np.mean((task.y_train.mean() + 1 / item.n_numbers - task.y_test) ** 2)
        assert item.test_mse == pytest.approx(mse, rel=1e-12)
        assert item.test_fvu == pytest.approx(mse / np.var(task.y_test), rel=1e-12)
        assert min(item.fit_s, item.predict_s) > 0
    assert math.isnan(found[1].test_mse)
    assert math.isnan(found[1].test_fvu)


def test_network_that_does_not_predict_is_infinitely_wrong(fake, monkeypatch):
    monkeypatch.setattr(Mean, "predict", lambda self, X: np.full(len(X), np.nan))
    (found,) = measure_sizes(load_task("Booth", n_train=30), "MLPRegressor-7-7")
    assert found.test_fvu == math.inf


def test_warm_up_comes_before_the_first_fit_alone(fake, monkeypatch):
    settings = []

    def fit(self, X, y):
        settings.append((self.max_iter, self.n_restarts, self.depths, len(X)))
        self.mean_, self.n_nonzero_ = 0.0, 1
        return self

    monkeypatch.setattr(FakeSWAT, "fit", fit)
    for _ in range(2):
        measure_sizes(load_task("Booth", n_train=30), "SWATRegressor")
    assert settings == [(0, 1, (1,), 50), (100, 8, (1, 2), 30), (100, 8, (1, 2), 30)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MLPRegressor-7-7", {"hidden_layer_sizes": (7, 7), "activation": "tanh", "solver": "lbfgs", "max_iter": 3000}),
        ("MLPRegressor-50", {"hidden_layer_sizes": (50,), "activation": "tanh", "solver": "lbfgs", "max_iter": 3000}),
        ("MLPRegressor-100", {"hidden_layer_sizes": (100,)}),
    ],
)
def test_mlps_are_those_promised_on_standardised_data(name, expected):
    model = SIZE_MODELS[name](3)
    scaler, mlp = model.regressor[:-1], model.regressor[-1]
    assert mlp.get_params() == MLPRegressor(random_state=3, **expected).get_params()
    assert [type(step) for step in scaler] == [StandardScaler]
    assert type(model.transformer) is StandardScaler


def test_other_models_are_at_their_defaults():
    for name in ("SWATRegressor", "HistGradientBoostingRegressor"):
        model = SIZE_MODELS[name](3)
        assert type(model).__name__ == name
        assert model.get_params() == type(model)(random_state=3).get_params()


def test_numbers_of_m_by_hand_behind_its_scalers():
    (found,) = measure_sizes(load_task("Booth", n_train=60), "MLPRegressor-7-7", [5])
    assert found.n_numbers == (2 + 1) * 7 + (7 + 1) * 7 + (7 + 1)
    assert found.test_fvu < 0.01


# --- tables


def test_columns_with_any_text_are_one_hot_encoded(folder):
    table = read_table(folder / "mixed.csv")
    assert (table.text, table.feature_names, table.columns.shape) == ([1], ["a", "colour"], (30, 2))
    task = table_folds(folder / "mixed.csv", n_folds=3)[0]
    assert (task.X_train.dtype, task.X_train.shape, task.X_test.shape) == (np.float64, (20, 3), (10, 3))
    green = task.X_test[:, 2] % 2 == 0
    assert np.array_equal(task.X_test[:, :2], np.column_stack([green, ~green]))
    assert np.array_equal(task.X_test[:, 2] % 7, task.y_test)


def test_every_row_is_tested_once_and_the_seed_shuffles(folder):
    tasks = table_folds(folder / "plain.csv")
    assert sorted(np.concatenate([task.X_test[:, 0] for task in tasks])) == list(range(40))
    for task in tasks:
        assert not set(task.X_train[:, 0]) & set(task.X_test[:, 0])
        assert len(task.y_train) == 32
    assert not np.array_equal(tasks[0].X_test, table_folds(folder / "plain.csv", random_state=1)[0].X_test)


def test_category_of_the_test_rows_alone_adds_no_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,y\n" + "".join(f"{'only once' if i == 4 else 'ab'[i % 2]},{i}\n" for i in range(12)))
    for task in table_folds(path, n_folds=3):
        holds_it = 4.0 in task.y_test
        assert task.X_train.shape[1] == (2 if holds_it else 3)
        assert (task.X_test.sum(axis=1) == 0).sum() == holds_it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n", "must hold a header, two rows and two columns"),
        ("y\n1\n2\n", "must hold a header, two rows and two columns"),
        ("a,y\n1,2\n1\n", "must hold 2 cells in each line, got 1 in line 3"),
        ("a,y\n1,x\n1,2\n", "must hold numbers in its last column, 'y'"),
        ("a,y\n1,2\n,3\n", "no missing or infinite values, got some in column 'a'"),
        ("a,y\nred,2\nnan,inf\n", "no missing or infinite values, got some in column 'y'"),
        ("a,y\n1,2\n2,2\n3,2\n4,2\n", "must vary within each fold"),
        ("a,y\n1,2\n2,3\n", "n_folds must be from 2 to the 2 rows of 't', got 5"),
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


# --- the whole run


@pytest.mark.parametrize("kind", ["functions", "tables"])
def test_test_rows_never_reach_fit(kind, fake, folder):
    found = bench_sizes(
        ["plain"] if kind == "tables" else ["Booth"],
        tables=folder if kind == "tables" else None,
        n_train=60,
        sink=list,
    )
    tasks = table_folds(folder / "plain.csv") if kind == "tables" else [load_task("Booth", n_train=60)]
    assert len(fake) == 2 * len(tasks)  # each model once
    for (X, y), task in zip(fake, np.repeat(np.array(tasks, dtype=object), 2), strict=True):
        assert np.array_equal(X, task.X_train)
        assert np.array_equal(y, task.y_train)
        assert not {tuple(row) for row in X} & {tuple(row) for row in task.X_test}
    assert len(found) == len(tasks) * (5 + 1 if kind == "functions" else 4 + 1)


def test_all_functions_are_the_default(monkeypatch):
    names = []
    monkeypatch.setattr(benchmark_sizes, "load_task", lambda name, **kwargs: names.append(name))
    benchmark_sizes._functions(None, 0, 50)
    assert tuple(names) == cornn_names()


def test_file_is_tidy_and_holds_all_digits(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    found = bench_sizes(["Booth"], n_train=30, sizes=[5, 30], out=out, sink=list)
    header, *lines = out.read_text().splitlines()
    assert header == "task,fold,model,seed,test_mse,test_fvu,n_numbers,fit_s,predict_s"
    assert [line.split(",")[2] for line in lines] == [item.model for item in found]
    for item, same in zip(read_measurements(out), found, strict=True):
        assert repr(item) == repr(same)  # nan is not equal to itself


def test_complete_tasks_are_not_run_again_and_half_written_ones_are(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    settings = {"n_train": 30, "sizes": [15, 30], "out": out, "sink": list}
    before = bench_sizes(["Booth", "Matyas"], **settings)
    assert len(fake) == 4
    assert bench_sizes(["Booth", "Matyas"], **settings) == before
    assert len(fake) == 4

    text = out.read_text().splitlines(keepends=True)
    cut = "".join(text[:6])[:-20]  # Booth whole, of Matyas the chosen network and half a line
    out.write_text(cut)
    lines = []
    after = bench_sizes(["Booth", "Matyas", "Leon"], **(settings | {"sink": lines.append}))
    assert len(fake) == 4 + 4
    assert lines[0] == f"1 of 3 tasks are complete in {out}"
    assert [line.split(":")[0] for line in lines[1:3]] == ["[1/2] Matyas", "[2/2] Leon"]
    assert after[:4] == before[:4]
    assert [(item.task, item.model, item.test_mse) for item in after[4:8]] == [
        (item.task, item.model, item.test_mse) for item in before[4:]
    ]
    assert read_measurements(out) == after
    assert not list(tmp_path.glob("*.part"))


def test_only_models_with_missing_figures_run_again(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    settings = {"n_train": 30, "out": out, "sink": list}
    bench_sizes(["Booth"], ["MLPRegressor-7-7"], **settings)
    bench_sizes(["Booth"], sizes=[15], **settings)
    assert len(fake) == 2
    bench_sizes(["Booth"], sizes=[30], **settings)  # another size is another look at a new fit
    assert len(fake) == 3
    assert [item.model for item in read_measurements(out)] == [
        "MLPRegressor-7-7",
        "SWATRegressor",
        "SWATRegressor<=30",
    ]
    bench_sizes(["Booth"], ["MLPRegressor-7-7"], random_state=1, **settings)
    assert [item.seed for item in read_measurements(out)] == [0, 0, 0, 1]


def test_crash_keeps_the_tasks_before_it(fake, tmp_path, monkeypatch):
    out, fit = tmp_path / "sizes.csv", Mean.fit

    def fail_later(self, X, y):
        if len(SEEN) == 3:
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(Mean, "fit", fail_later)
    with pytest.raises(KeyboardInterrupt):
        bench_sizes(["Booth", "Matyas"], n_train=30, out=out, sink=list)
    assert {item.task for item in read_measurements(out)} == {"Booth"}


def test_foreign_file_is_refused_and_kept(fake, tmp_path):
    out = tmp_path / "mine.csv"
    out.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="out must be a new file or one with the columns task, fold"):
        bench_sizes(["Booth"], out=out)
    assert out.read_text() == "a,b\n1,2\n"


def test_empty_file_is_a_new_one(tmp_path):
    (tmp_path / "new.csv").write_text("")
    assert read_measurements(tmp_path / "new.csv") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["Ridge"]}, "models must name some of SWATRegressor, .*got 'Ridge'"),
        ({"tasks": ["Boooth"]}, "Did you mean 'Booth'"),
        ({"sizes": [10, 0]}, "sizes must be at least 1, got 0"),
        ({"out": "sizes.md"}, r"out must end in .csv, got 'sizes.md'"),
        ({"summary": "sizes.csv"}, r"summary must end in .md, got 'sizes.csv'"),
        ({"out": "none/sizes.csv"}, "out must lie in an existing folder"),
        ({"tables": "none"}, "tables must be an existing folder"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(arguments, message, monkeypatch):
    monkeypatch.setattr(benchmark_sizes, "measure_sizes", lambda *a, **k: pytest.fail("measured"))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        bench_sizes(**arguments)


def test_unknown_table_is_said(folder):
    with pytest.raises(ValueError, match="tasks must name some of mixed, plain, got 'Booth'"):
        bench_sizes(["Booth"], tables=folder)


def test_summary_is_printed_and_written(fake, folder, tmp_path):
    lines = []
    found = bench_sizes(tables=folder, n_folds=2, sizes=[30], summary=tmp_path / "sizes.md", sink=lines.append)
    assert lines[0].startswith("[1/4] mixed fold 0: FVU of SWATRegressor ")
    assert lines[-1] == "\n" + summary_table(found)
    assert (tmp_path / "sizes.md").read_text() == summary_table(found) + "\n"


@pytest.mark.slow
def test_processes_side_by_side_find_the_same(tmp_path):
    models = ["MLPRegressor-7-7", "HistGradientBoostingRegressor"]
    one, two = (bench_sizes(["Booth", "Matyas"], models, n_train=60, n_jobs=n, sink=list) for n in (1, 2))
    assert [(i.task, i.model, i.n_numbers) for i in one] == [(i.task, i.model, i.n_numbers) for i in two]
    assert [i.test_mse for i in one] == pytest.approx([i.test_mse for i in two], rel=1e-6)


# --- the summary


def test_summary_by_hand():
    rows = [
        measurement("a", "SWATRegressor", 0.02, n_numbers=10, fit_s=6.0),
        measurement("b", "SWATRegressor", 1e-9, n_numbers=30, fit_s=2.0),  # counts as 1e-6
        measurement("a", "MLPRegressor-7-7", 0.01),
        measurement("b", "MLPRegressor-7-7", 4e-6),
        measurement("a", "MLPRegressor-100", 0.5, fit_s=3.0),
        measurement("b", "MLPRegressor-100", 8.0, fit_s=0.5),
    ]
    assert cells(summary_table(rows))["SWATRegressor"] == {
        "model": "SWATRegressor",
        "tasks": "2",
        "FVU": "0.000141",  # sqrt(0.02 * 1e-6)
        "FVU / M": "0.707",  # sqrt(2 * 1 / 4)
        "FVU / MLP-100": "7.07e-05",  # geometric mean 2 of the other: above 1 as they are
        "wins over M": "1/2",
        "numbers": "20",
        "fit s": "4.00",
        "fit s / MLP-100": "3",  # median of 2 and 4
    }


def test_folds_are_averaged_before_the_geometric_mean():
    rows = [measurement(fvu=0.1, fold=0), measurement(fvu=0.3, fold=1), measurement("b", fvu=0.8)]
    assert cells(summary_table(rows))["MLPRegressor-7-7"]["FVU"] == "0.4"  # sqrt(0.2 * 0.8)


def test_both_below_the_floor_is_no_win():
    rows = [measurement(fvu=1e-8), measurement(model="SWATRegressor", fvu=1e-9)]
    assert cells(summary_table(rows))["SWATRegressor"]["wins over M"] == "0/1"


def test_tasks_without_a_network_that_small_are_left_out_of_ratios():
    small = "SWATRegressor<=15"
    rows = [
        measurement("a", fvu=0.1),
        measurement("b", fvu=0.001),
        measurement("a", small, 0.2),
        measurement("b", small, math.nan, n_numbers=0),
        measurement("a", "SWATRegressor<=5", math.nan, n_numbers=0),
    ]
    found = cells(summary_table(rows))
    assert (found[small]["tasks"], found[small]["FVU"], found[small]["FVU / M"]) == ("1", "0.2", "2")
    assert (found[small]["wins over M"], found[small]["numbers"]) == ("0/1", "85")
    assert list(found["SWATRegressor<=5"].values())[1:] == ["0", "-", "-", "0/0", "-", "-"]
    assert "FVU / HGB" not in found[small]


def test_summary_lines_are_even():
    table = [
        line for line in summary_table([measurement(), measurement(model="x")]).splitlines() if line.startswith("|")
    ]
    assert len({len(line) for line in table}) == 1

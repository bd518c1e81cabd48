"""The benchmark of compression: its tasks, what is measured, and the baseline that prunes by magnitude."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor

from benchmarks import compression
from benchmarks.baselines.pruning import PrunedTeacherRegressor, Schedule
from benchmarks.compression import COLUMNS, MODELS, NINE_LAYERS
from benchmarks.experiments import EXPERIMENTS, Choice, by_size, run_experiment
from benchmarks.runner import read_results
from sk_swat import SparseMLP
from sk_swat.datasets import cornn_names


def line(task="Booth", model="SWATCompressor", selection="<=20", fidelity=0.999, r2=0.9, fit_s=2.0):
    return dict(
        zip(COLUMNS, (task, 0, 0, model, selection, 401, 20, 1, fidelity, 0.9, r2, fit_s, 1e-4, 1e-5), strict=True)
    )


def compression_tasks(names, seed, choice):
    return EXPERIMENTS["compress"].make(names, seed, choice)


def compression_summary(lines):
    return compression.summary(pd.DataFrame(lines))


@pytest.fixture
def measured(monkeypatch):
    """Measure nothing; holds what would have been."""
    calls = []

    def measure(task, model, selections):
        calls.append((task.name, model, tuple(selections)))
        rows = [line(task.name, model, name) for name in (*selections, "any size")]
        return [{name: row[name] for name in COLUMNS[4:]} for row in rows]

    monkeypatch.setattr(compression, "measure", measure)
    return calls


# --- the baseline


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(3.0, 2.0, size=(200, 3))
    return X, np.tanh(X[:, 0] - 3) + 0.5 * X[:, 1]


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_pruned_teacher_keeps_to_the_sizes_and_to_the_teacher(rows, activation):
    X, y = rows
    teacher = MLPRegressor(
        hidden_layer_sizes=(10,), activation=activation, solver="lbfgs", max_iter=200, random_state=0
    )
    teacher.fit(X, y)
    model = PrunedTeacherRegressor(teacher, sizes=(8, 25), schedule=Schedule((3e-4,), 100, n_prune_steps=8)).fit(X)
    assert all(network.n_nonzero <= size for network, size in zip(model.networks_, (8, 25), strict=True))
    assert r2_score(teacher.predict(X), model.predict(X)) > 0.97
    assert model.select(max_nonzero=8).n_nonzero_ <= 8


def test_teacher_that_need_not_be_pruned_stays(rows):
    teacher = SparseMLP(
        [np.eye(3)[:, :2], np.eye(2), [[1.0], [2.0]]],
        [np.zeros(2), np.ones(2), np.zeros(1)],
        [["tanh"] * 2, ["sigmoid"] * 2],
    )
    model = PrunedTeacherRegressor(teacher, sizes=(50,), schedule=Schedule((0.0,), 100)).fit(rows[0])
    assert r2_score(teacher.predict(rows[0]), model.predict(rows[0])) > 0.999999
    assert model.network_.depth == 2


@pytest.mark.parametrize(
    "network",
    [
        SparseMLP([np.eye(3)[:, :2], np.ones((2, 1))], [np.zeros(2), [0.0]], [["tanh", "sine"]]),
        SparseMLP([np.eye(3), np.eye(3)], [np.zeros(3), np.zeros(3)], [["tanh"] * 3]),
    ],
)
def test_other_networks_are_refused_by_the_baseline(rows, network):
    model = PrunedTeacherRegressor(network, sizes=(5,))
    with pytest.raises(ValueError, match=r"one output with one activation a layer|1d"):
        model.fit(rows[0])


# --- tasks and measurements


def test_tasks_are_functions_and_nine_layers_or_tables(tmp_path):
    made = compression_tasks(None, 0, Choice(n_train=30))
    assert [task.name for task in made] == [*cornn_names(), *NINE_LAYERS]
    (tmp_path / "one.csv").write_text("a,target\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20)))
    made = compression_tasks(None, 0, Choice(tables=tmp_path, n_folds=2))
    assert [(task.name, task.split) for task in made] == [("one", 0), ("one", 1)]
    with pytest.raises(ValueError, match="tasks must name some of"):
        compression_tasks(["Both"], 0, Choice())


def test_networks_of_nine_layers_are_drawn_by_number_and_seed():
    first, again, other, later = (
        compression_tasks([name], seed, Choice(n_train=30))[0]
        for name, seed in (("nine layers 1", 0), ("nine layers 1", 0), ("nine layers 2", 0), ("nine layers 1", 1))
    )
    np.testing.assert_array_equal(first.y_train, again.y_train)
    assert not np.array_equal(first.y_train, other.y_train)
    assert not np.array_equal(first.y_train, later.y_train)
    assert compression.nine_layers("nine layers 1", 0, 30)[0].hidden_layer_sizes == (7,) * 9


def test_measurement_scores_the_network_against_teacher_and_target(monkeypatch):
    (task,) = compression_tasks(["Booth"], 0, Choice(n_train=120))
    known = {}

    class Half:
        """Predicts half of what the teacher does."""

        networks_ = (SparseMLP.constant(2, 1.0),)
        network_, n_nonzero_ = networks_[0], 1

        def fit(self, X):
            known["rows"] = X
            return self

        def select(self, *, max_nonzero, sparsity, compactness):
            if max_nonzero < 1:
                raise ValueError("too small")

        def predict(self, X):
            return known["teacher"].predict(X) / 2

    def make(teacher, seed, depths, sizes):
        known.update(teacher=teacher, depths=depths, sizes=sizes)
        return Half()

    monkeypatch.setitem(MODELS, "half", make)
    measured = compression.measure(task, "half", by_size([0, 20]))
    nothing, found, anyhow = (SimpleNamespace(**row) for row in measured)
    assert math.isnan(nothing.fidelity) and nothing.n_nonzero == 0
    taught = known["teacher"].predict(task.X_test)
    assert found.fidelity == pytest.approx(r2_score(taught, taught / 2))
    assert found.teacher_r2 == pytest.approx(r2_score(task.y_test, taught))
    assert found.r2 == pytest.approx(r2_score(task.y_test, taught / 2))
    assert (found.n_before, found.n_nonzero, known["depths"], known["sizes"]) == (401, 1, (1, 2), (0, 20))
    assert anyhow.selection == "any size" and anyhow.fidelity == found.fidelity
    np.testing.assert_array_equal(known["rows"], task.X_train)


def test_run_goes_on_where_it_was_left(measured, tmp_path):
    settings, out = {"tasks": ["Booth", "nine layers 3"], "n_train": 30}, tmp_path / "r.csv"

    def run(models, sizes):
        return run_experiment("compress", Choice(models=models, sizes=sizes, **settings), out=out, sink=list)

    first = run(["SWATCompressor"], [20])
    both = run(["SWATCompressor", "magnitude pruning"], [20])
    assert [call[:2] for call in measured] == [
        ("Booth", "SWATCompressor"),
        ("nine layers 3", "SWATCompressor"),
        ("Booth", "magnitude pruning"),
        ("nine layers 3", "magnitude pruning"),
    ]
    pd.testing.assert_frame_equal(both[both["model"] == "SWATCompressor"].reset_index(drop=True), first)
    held = read_results(out, COLUMNS)
    assert sorted(held.itertuples(index=False)) == sorted(both.itertuples(index=False))
    run(["SWATCompressor"], [20, 50])
    assert measured[-1][2] == ("<=20", "<=50")


def test_settings_of_the_experiment(measured, tmp_path):
    assert EXPERIMENTS["compress"].models == tuple(MODELS)
    summary, booth = tmp_path / "s.md", Choice(tasks=["Booth"], models=["SWATCompressor"], n_train=30)
    found = run_experiment("compress", booth, summary=summary, sink=list)
    assert found["selection"].tolist() == ["<=20", "<=30", "<=50", "any size"]
    assert "fidelity > 0.99" in summary.read_text()
    for what, given in (("audit", True), ("figures", tmp_path)):
        with pytest.raises(ValueError, match=f"{what} must be left out for 'compress'"):
            run_experiment("compress", booth, **{what: given})
    with pytest.raises(ValueError, match="models must name some of SWATCompressor"):
        run_experiment("compress", Choice(models=["Ridge"]))


def test_summary_counts_and_compares():
    own = [line("a", fidelity=0.999), line("b", fidelity=0.9, r2=0.889), line("c", fidelity=0.995, r2=0.891)]
    others = [one | {"model": "magnitude pruning", "fidelity": 0.99, "fit_s": 8.0} for one in own]
    nothing = own[0] | {"task": "d", "fidelity": math.nan}
    text = compression_summary([*own, *others, nothing])
    header, _, row, _ = [[cell.strip() for cell in part.split("|")[1:-1]] for part in text.splitlines()[:4]]
    cells = dict(zip(header, row, strict=True))
    assert cells["tasks"] == "3"
    assert (cells["fidelity > 0.99"], cells["as good"], cells["better"]) == ("2", "2", "2/3")
    assert float(cells["rest / pruned"]) == pytest.approx((0.1 * 10 * 0.5) ** (1 / 3), rel=1e-2)
    assert float(cells["time / pruned"]) == pytest.approx(0.25)
    assert "pruned" not in compression_summary(own).split("\n\n")[0]

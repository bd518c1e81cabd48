import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks import harness
from benchmarks.harness import audit, by_size, measure, run_tasks
from benchmarks.memory import peak_memory, reset_peak_memory
from benchmarks.models import BENCHMARK_MODELS, TIMED_MODELS, hidden_shape, sized, timed
from benchmarks.results import read_results
from benchmarks.tasks import Task, canary, check_split, load_task, shuffled
from sk_swat import SparseMLP
from sk_swat.comparison import count_numbers, timed_fit

SEEN = []  # what the fakes were fitted to
FOUND = "task,model,selection,seed,split,test_mse,test_fvu,n_nonzero,n_neurons,depth,fit_s,predict_s,peak_mb"


class FakeSWAT(RegressorMixin, BaseEstimator):
    """Predicts the mean of y plus 1 / n_nonzero_; has networks of 10, 20 and 40 numbers and chooses that of 20."""

    def __init__(self, max_iter=100, n_restarts=8, depths=(1, 2), n_rounds=4):
        self.max_iter = max_iter
        self.n_restarts = n_restarts
        self.depths = depths
        self.n_rounds = n_rounds

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


class Mean(RegressorMixin, BaseEstimator):
    """The mean of y: one number."""

    def fit(self, X, y):
        SEEN.append((X, y))
        self.coef_, self.intercept_ = np.empty(0), np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.intercept_)


@pytest.fixture
def fake(monkeypatch):
    """Put the fakes in the place of SWATRegressor and Ridge."""
    SEEN.clear()
    harness._warm_up.cache_clear()
    monkeypatch.setitem(BENCHMARK_MODELS, "SWATRegressor", lambda seed: FakeSWAT())
    monkeypatch.setitem(BENCHMARK_MODELS, "Ridge", lambda seed: Mean())
    yield SEEN
    harness._warm_up.cache_clear()


def tasks(*names, seed=0):
    return [load_task(name, n_train=30, random_state=seed) for name in names]


MODELS = ["SWATRegressor", "Ridge"]


# --- one model on one task


def test_one_fit_serves_all_sizes_and_the_choice_is_measured_first(fake):
    task = replace(load_task("Booth", n_train=30, random_state=7), split=3)
    found = measure(task, "SWATRegressor", by_size([5, 15, 50]))
    assert len(fake) == 1
    assert [item.selection for item in found] == ["", "<=5", "<=15", "<=50"]
    assert [item.n_nonzero for item in found] == [20, 0, 10, 40]
    shared = {(item.task, item.model, item.split, item.seed, item.fit_s, item.peak_mb) for item in found}
    assert shared == {("Booth", "SWATRegressor", 3, 7, found[0].fit_s, found[0].peak_mb)}
    for item in (found[0], found[2], found[3]):
        mse = np.mean((task.y_train.mean() + 1 / item.n_nonzero - task.y_test) ** 2)
        assert item.test_mse == pytest.approx(mse, rel=1e-12)
        assert item.test_fvu == pytest.approx(mse / np.var(task.y_test), rel=1e-12)
        assert min(item.fit_s, item.predict_s) > 0
    assert math.isnan(found[1].test_mse)
    assert math.isnan(found[1].test_fvu)


def test_model_without_sizes_is_measured_as_fitted_alone(fake):
    (found,) = measure(tasks("Booth")[0], "Ridge", by_size([15, 50]))
    assert (found.selection, found.n_nonzero, found.n_neurons, found.depth) == ("", 1, 0, 0)


def test_network_that_does_not_predict_is_infinitely_wrong(fake, monkeypatch):
    monkeypatch.setattr(Mean, "predict", lambda self, X: np.full(len(X), np.nan))
    (found,) = measure(tasks("Booth")[0], "Ridge")
    assert found.test_fvu == math.inf


def test_the_seed_of_the_task_is_that_of_the_fit(fake, monkeypatch):
    seeds = []
    monkeypatch.setitem(BENCHMARK_MODELS, "Ridge", lambda seed: seeds.append(seed) or Mean())
    measure(*tasks("Booth", seed=5), "Ridge")
    assert seeds == [5]


def test_warm_up_comes_before_the_first_fit_alone(fake, monkeypatch):
    settings = []

    def fit(self, X, y):
        settings.append((self.max_iter, self.n_restarts, self.depths, self.n_rounds, len(X)))
        self.mean_, self.n_nonzero_ = 0.0, 1
        return self

    monkeypatch.setattr(FakeSWAT, "fit", fit)
    for _ in range(2):
        measure(*tasks("Booth"), "SWATRegressor")
    assert settings == [(0, 1, (1,), 0, 50), (100, 8, (1, 2), 4, 30), (100, 8, (1, 2), 4, 30)]


needs_reset = pytest.mark.skipif(not reset_peak_memory(), reason="needs Linux")


@needs_reset
def test_peak_memory_begins_anew():
    ballast = np.ones(30_000_000)  # 240 MB
    held = peak_memory()
    del ballast
    assert peak_memory() > held - 1e6  # pages are counted in batches
    assert reset_peak_memory()
    assert peak_memory() < held - 200e6


@needs_reset
def test_peak_memory_of_a_fit_is_not_that_of_an_earlier_one(fake, monkeypatch):
    class Greedy(Mean):
        def fit(self, X, y):
            assert np.ones(30_000_000)[-1]
            return super().fit(X, y)

    monkeypatch.setitem(BENCHMARK_MODELS, "greedy", lambda seed: Greedy())
    ((greedy,), (modest,)) = (measure(*tasks("Booth"), model) for model in ("greedy", "Ridge"))
    assert greedy.peak_mb - modest.peak_mb > 200


# --- the models


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MLPRegressor-7-7", {"hidden_layer_sizes": (7, 7), "activation": "tanh", "solver": "lbfgs", "max_iter": 3000}),
        ("MLPRegressor-50", {"hidden_layer_sizes": (50,), "activation": "tanh", "solver": "lbfgs", "max_iter": 3000}),
        ("MLPRegressor-100", {"hidden_layer_sizes": (100,)}),
    ],
)
def test_mlps_are_those_promised_on_standardised_data(name, expected):
    model = BENCHMARK_MODELS[name](3)
    scaler, mlp = model.regressor[:-1], model.regressor[-1]
    assert mlp.get_params() == MLPRegressor(random_state=3, **expected).get_params()
    assert [type(step) for step in scaler] == [StandardScaler]
    assert type(model.transformer) is StandardScaler
    assert not sized(model)


def test_other_models_are_at_their_defaults():
    for name in ("SWATRegressor", "HistGradientBoostingRegressor"):
        model = BENCHMARK_MODELS[name](3)
        assert type(model).__name__ == name
        assert model.get_params() == type(model)(random_state=3).get_params()
        assert sized(model) == (name == "SWATRegressor")


def test_timed_models_come_in_pairs_that_the_clock_ends():
    for latent, random in zip(TIMED_MODELS[::2], TIMED_MODELS[1::2], strict=True):
        assert latent.replace("latent", "random") == random
        ours, others = (BENCHMARK_MODELS[name](3).get_params() for name in (latent, random))
        assert ours == others and latent == f"latent {ours['time_limit']:g} s"
        assert all(timed(BENCHMARK_MODELS[name](0)) for name in (latent, random))
    assert not timed(BENCHMARK_MODELS["SWATRegressor"](0)) and not timed(Ridge())


def test_size_of_m_by_hand_behind_its_scalers(fake):
    (found,) = measure(load_task("Booth", n_train=60), "MLPRegressor-7-7", by_size([5]))
    assert found.n_nonzero == (2 + 1) * 7 + (7 + 1) * 7 + (7 + 1)
    assert (found.n_neurons, found.depth) == (14, 2)
    assert found.test_fvu < 0.01


def test_neurons_of_a_sparse_network_are_the_living_ones():
    class Fitted:
        network_ = SparseMLP([[[2.0, 1.0]], [[3.0], [0.0]]], [[0.0, 1.0], [0.5]], [["tanh", "tanh"]])
        coefs_, n_nonzero_ = network_.coefs, network_.n_nonzero

    assert hidden_shape(Fitted()) == (1, 1)  # the second neuron does not reach the output
    assert count_numbers(Fitted()) == 5


# --- planted leaks


def task_in_sight():
    """The nearest task among the variables of the callers."""
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, Task):
                return value
        frame = frame.f_back
    raise AssertionError


class Nearest(Mean):
    """Predicts the target of the nearest row."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return super().fit(X, y)

    def predict(self, X):
        return self.y_[((X[:, None] - self.X_) ** 2).sum(-1).argmin(1)]


class Spy(Nearest):
    """Also learns the test rows, which it finds among the variables of its callers."""

    def fit(self, X, y):
        task = task_in_sight()
        return super().fit(np.concatenate([X, task.X_test]), np.concatenate([y, task.y_test]))


class Scaling(Nearest):
    """Shifts its predictions by the inputs of all rows that are to be predicted."""

    def predict(self, X):
        return super().predict(X) + X.mean()


class Chooser(Mean):
    """Is honest as fitted, but looks at the test targets when it chooses a network of a size."""

    def fit(self, X, y):
        self.factor_ = 1.0
        return super().fit(X, y)

    def select(self, **arguments):
        y = task_in_sight().y_test
        self.factor_ = min(np.linspace(-2, 2, 1001), key=lambda factor: np.mean((factor * self.intercept_ - y) ** 2))

    def predict(self, X):
        return self.factor_ * super().predict(X)


class Rememberer(Nearest):
    """Holds test rows from elsewhere."""

    task: Task

    def fit(self, X, y):
        return super().fit(np.concatenate([X, self.task.X_test]), np.concatenate([y, self.task.y_test]))


@pytest.mark.parametrize("leaky", [Spy, Scaling, Chooser])
def test_audit_catches_a_model_that_looks_at_test_rows(leaky, fake, monkeypatch):
    monkeypatch.setitem(BENCHMARK_MODELS, "leaky", lambda seed: leaky())
    spoken = "leaky <=15" if leaky is Chooser else "leaky"
    with pytest.raises(ValueError, match=f"must not depend on test rows, but those of '{spoken}' for 'Booth' change"):
        audit(*tasks("Booth"), "leaky", by_size([15]))


def test_audit_catches_a_harness_that_fits_all_rows(fake, monkeypatch):
    def fit_all(model, task, *clock):
        X, y = np.concatenate([task.X_train, task.X_test]), np.concatenate([task.y_train, task.y_test])
        return timed_fit(model, replace(task, X_train=X, y_train=y), *clock)

    audit(*tasks("Booth"), "Ridge")
    monkeypatch.setattr(harness, "timed_fit", fit_all)
    with pytest.raises(ValueError, match="must not depend on test rows, but those of 'Ridge'"):
        audit(*tasks("Booth"), "Ridge")


def test_audit_catches_a_choice_by_test_error_in_the_harness(fake, monkeypatch):
    def select_best(model, arguments):
        y = task_in_sight().y_test
        model.n_nonzero_ = min((10, 20, 40), key=lambda size: abs(model.mean_ + 1 / size - y.mean()))
        return True

    audit(*tasks("Booth"), "SWATRegressor", by_size([5, 15]))
    monkeypatch.setattr(harness, "_selected", select_best)
    with pytest.raises(ValueError, match="must not depend on test rows, but those of 'SWATRegressor <=5'"):
        audit(*tasks("Booth"), "SWATRegressor", by_size([5, 15]))


def test_audit_catches_a_model_that_knows_the_test_rows_from_elsewhere(fake, monkeypatch):
    (task,) = tasks("Booth")
    monkeypatch.setattr(Rememberer, "task", task, raising=False)
    monkeypatch.setitem(BENCHMARK_MODELS, "leaky", lambda seed: Rememberer())
    with pytest.raises(ValueError, match="must be unknown to a model, but 'leaky' explains those of 'Booth'"):
        audit(task, "leaky")


@pytest.mark.parametrize("name", ["nearest", "SWATRegressor", "MLPRegressor-7-7", "HistGradientBoostingRegressor"])
def test_audit_passes_honest_models(name, fake, monkeypatch):
    monkeypatch.setitem(BENCHMARK_MODELS, "nearest", lambda seed: Nearest())
    monkeypatch.setitem(
        BENCHMARK_MODELS, "MLPRegressor-7-7", lambda seed: MLPRegressor(hidden_layer_sizes=(3,), random_state=seed)
    )
    audit(*tasks("Booth"), name, by_size([5, 15, 50]))  # at 5 there is no network, either time


def test_leak_ends_the_run_before_anything_is_measured(fake, monkeypatch, tmp_path):
    monkeypatch.setitem(BENCHMARK_MODELS, "leaky", lambda seed: Spy())
    lines = []
    with pytest.raises(ValueError, match="must not depend on test rows"):
        run_tasks(tasks("Booth"), ["Ridge", "leaky"], audited=True, out=tmp_path / "r.csv", sink=lines.append)
    assert lines == ["Ridge: audited on Booth"]
    assert not (tmp_path / "r.csv").exists()


def test_models_that_the_clock_ends_are_not_audited(fake, monkeypatch):
    class Hasty(Mean):
        time_limit = 0.5

    monkeypatch.setitem(BENCHMARK_MODELS, "hasty", lambda seed: Hasty())
    lines = []
    run_tasks(tasks("Booth", "Matyas"), ["hasty", "Ridge"], audited=True, sink=lines.append)
    assert lines[:2] == ["hasty: not audited, because the clock ends its fit", "Ridge: audited on Booth"]
    assert len(fake) == 3 + 2 * 2


@pytest.mark.parametrize("leak", ["all test rows", "one row", "minus zero"])
def test_test_rows_that_are_training_rows_are_caught(leak, fake):
    (task,) = tasks("Booth")
    X_train, X_test = task.X_train.copy(), task.X_test.copy()
    if leak == "all test rows":
        X_test = X_train[:10].copy()
    elif leak == "one row":
        X_test[4] = X_train[7]
    else:
        X_train[7], X_test[4] = (0.0, 1.0), (-0.0, 1.0)
    n = 10 if leak == "all test rows" else 1
    with pytest.raises(ValueError, match=f"of 'Booth' must not be training rows, but {n} of 10 are"):
        run_tasks([task, replace(task, X_train=X_train, X_test=X_test)], ["Ridge"])
    assert not fake
    check_split(task)


def test_test_targets_must_vary(fake):
    (task,) = tasks("Booth")
    with pytest.raises(ValueError, match="test targets of 'Booth' must vary"):
        run_tasks([replace(task, y_test=np.ones(10))], ["Ridge"])


def test_canary_changes_what_no_model_may_see():
    (task,) = tasks("Booth")
    other = canary(task)
    assert np.array_equal(other.X_train, task.X_train) and np.array_equal(other.y_train, task.y_train)
    assert np.array_equal(other.X_test[::2], task.X_test[::2])
    assert not (other.X_test[1::2] == task.X_test[1::2]).any()
    assert not (other.y_test == task.y_test).any()


def test_shuffle_leaves_all_but_the_order_of_training_targets():
    (task,) = tasks("Booth")
    other = shuffled(task)
    assert np.array_equal(np.sort(other.y_train), np.sort(task.y_train))
    assert not np.array_equal(other.y_train, task.y_train)
    assert np.array_equal(other.X_train, task.X_train) and np.array_equal(other.y_test, task.y_test)


# --- many tasks and their file


def test_file_is_tidy_and_holds_all_digits(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    found = run_tasks(tasks("Booth"), MODELS, by_size([5, 30]), out=out, sink=list)
    header, *lines = out.read_text().splitlines()
    assert header == FOUND
    assert [tuple(line.split(",")[1:3]) for line in lines] == [(item.model, item.selection) for item in found]
    for item, same in zip(read_results(out), found, strict=True):
        assert repr(item) == repr(same)  # nan is not equal to itself


def test_complete_measurements_are_not_run_again_and_half_written_ones_are(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    settings = {"models": MODELS, "selections": by_size([15, 30]), "out": out, "sink": list}
    before = run_tasks(tasks("Booth", "Matyas"), **settings)
    assert len(fake) == 4
    assert run_tasks(tasks("Booth", "Matyas"), **settings) == before
    assert len(fake) == 4

    text = out.read_text().splitlines(keepends=True)
    out.write_text("".join(text[:7])[:-20])  # Booth whole, of Matyas the chosen network and half a line
    lines = []
    after = run_tasks(tasks("Booth", "Matyas", "Leon"), **(settings | {"sink": lines.append}))
    assert len(fake) == 4 + 4
    assert lines[0] == f"2 of 6 measurements are in {out}"
    assert [line.split("] ")[1].split(":")[0] for line in lines[1:]] == [
        f"{task} split 0 seed 0, {model}" for task in ("Matyas", "Leon") for model in MODELS
    ]
    assert after[:4] == before[:4]
    assert [(item.key, item.test_mse) for item in after[4:8]] == [(item.key, item.test_mse) for item in before[4:]]
    assert read_results(out) == after
    assert not list(tmp_path.glob("*.part"))


def test_only_models_with_missing_lines_run_again(fake, tmp_path):
    out = tmp_path / "sizes.csv"
    run_tasks(tasks("Booth"), ["Ridge"], out=out, sink=list)
    run_tasks(tasks("Booth"), MODELS, by_size([15]), out=out, sink=list)  # Ridge has no sizes: nothing is missing
    assert len(fake) == 2
    run_tasks(tasks("Booth"), MODELS, by_size([30]), out=out, sink=list)  # another size is another look at a new fit
    assert len(fake) == 3
    assert [(item.model, item.selection) for item in read_results(out)] == [
        ("Ridge", ""),
        ("SWATRegressor", ""),
        ("SWATRegressor", "<=30"),
    ]
    both = [*tasks("Booth"), *tasks("Booth", seed=1)]
    found = run_tasks(both, ["Ridge"], out=out, sink=list)
    assert len(fake) == 4
    assert [item.seed for item in found] == [0, 1]
    assert [item.seed for item in read_results(out)] == [0, 0, 0, 1]


def test_crash_keeps_the_lines_before_it(fake, tmp_path, monkeypatch):
    out, fit = tmp_path / "sizes.csv", Mean.fit

    def fail_later(self, X, y):
        if len(SEEN) == 3:
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(Mean, "fit", fail_later)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(tasks("Booth", "Matyas"), MODELS, out=out, sink=list)
    assert [(item.task, item.model) for item in read_results(out)] == [
        ("Booth", "SWATRegressor"),
        ("Booth", "Ridge"),
        ("Matyas", "SWATRegressor"),
    ]


def test_foreign_file_is_refused_and_kept(fake, tmp_path):
    out = tmp_path / "mine.csv"
    out.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="out must be a new file or one with the columns task, model"):
        run_tasks(tasks("Booth"), MODELS, audited=True, out=out)
    assert out.read_text() == "a,b\n1,2\n"
    assert not fake


def test_empty_file_is_a_new_one(tmp_path):
    (tmp_path / "new.csv").write_text("")
    assert read_results(tmp_path / "new.csv") == []


@pytest.mark.slow
def test_processes_side_by_side_find_the_same():
    models = ["MLPRegressor-7-7", "HistGradientBoostingRegressor"]
    rows = [load_task(name, n_train=60) for name in ("Booth", "Matyas")]
    one, two = (run_tasks(rows, models, n_jobs=n, sink=list) for n in (1, 2))
    assert [(item.key, item.n_nonzero) for item in one] == [(item.key, item.n_nonzero) for item in two]
    assert [item.test_mse for item in one] == pytest.approx([item.test_mse for item in two], rel=1e-6)

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks import accuracy
from benchmarks.accuracy import audit, audit_models, measure
from benchmarks.experiments import by_size
from benchmarks.meters import peak_memory, reset_peak_memory
from benchmarks.models import MODELS, TIMED_MODELS, ends_by_clock, has_sizes, hidden_shape
from benchmarks.runner import Runner, jobs_of
from benchmarks.tasks import Task, canary, check_split, load_task, shuffle_targets
from sk_swat import SparseMLP
from sk_swat.cli.comparison import count_parameters, time_fit

SEEN = []  # what the fakes were fitted to


class FakeSWAT(RegressorMixin, BaseEstimator):
    """Predicts the mean of y plus 1 / n_nonzero_; has networks of 10, 20 and 40 parameters and chooses that of 20."""

    def __init__(self, n_restarts=8, depths=(1, 2), n_rounds=4):
        self.n_restarts = n_restarts
        self.depths = depths
        self.n_rounds = n_rounds

    def fit(self, X, y):
        if self.n_rounds:  # not the warm-up
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
    accuracy._warm_up.cache_clear()
    monkeypatch.setitem(MODELS, "SWATRegressor", lambda seed: FakeSWAT())
    monkeypatch.setitem(MODELS, "Ridge", lambda seed: Mean())
    yield SEEN
    accuracy._warm_up.cache_clear()


def tasks(*names, seed=0):
    return [load_task(name, n_train=30, random_state=seed) for name in names]


def run_tasks(tasks, models, selections=None, *, out=None, sink=list):
    """Run all models on all tasks."""
    return Runner(accuracy, jobs_of(accuracy, tasks, models, selections or {}), out).run(sink=sink)


# --- one model on one task


def test_one_fit_serves_all_sizes_and_the_choice_is_measured_first(fake):
    task = replace(load_task("Booth", n_train=30, random_state=7), split=3)
    frame = run_tasks([task], ["SWATRegressor"], by_size([5, 15, 50]))
    assert len(fake) == 1
    assert frame["selection"].tolist() == ["", "<=5", "<=15", "<=50"]
    assert frame["n_nonzero"].tolist() == [20, 0, 10, 40]
    shared = frame[["task", "model", "split", "seed", "fit_s", "peak_mb"]].drop_duplicates().to_dict("records")
    assert len(shared) == 1 and tuple(shared[0].values())[:4] == ("Booth", "SWATRegressor", 3, 7)
    found = list(frame.itertuples())
    for item in (found[0], found[2], found[3]):
        mse = np.mean((task.y_train.mean() + 1 / item.n_nonzero - task.y_test) ** 2)
        assert item.test_mse == pytest.approx(mse, rel=1e-12)
        assert item.test_fvu == pytest.approx(mse / np.var(task.y_test), rel=1e-12)
        assert min(item.fit_s, item.predict_s) > 0
    assert math.isnan(found[1].test_mse)
    assert math.isnan(found[1].test_fvu)


def test_model_without_sizes_is_measured_as_fitted_alone(fake):
    (found,) = measure(tasks("Booth")[0], "Ridge", by_size([15, 50]))
    assert [found[name] for name in ("selection", "n_nonzero", "n_neurons", "depth")] == ["", 1, 0, 0]


def test_network_that_does_not_predict_is_infinitely_wrong(fake, monkeypatch):
    monkeypatch.setattr(Mean, "predict", lambda self, X: np.full(len(X), np.nan))
    (found,) = measure(tasks("Booth")[0], "Ridge", {})
    assert found["test_fvu"] == math.inf


def test_the_seed_of_the_task_is_that_of_the_fit(fake, monkeypatch):
    seeds = []
    monkeypatch.setitem(MODELS, "Ridge", lambda seed: seeds.append(seed) or Mean())
    measure(*tasks("Booth", seed=5), "Ridge", {})
    assert seeds[0] == 5


def test_warm_up_comes_before_the_first_fit_alone(fake, monkeypatch):
    settings = []

    def fit(self, X, y):
        settings.append((self.n_restarts, self.depths, self.n_rounds, len(X)))
        self.mean_, self.n_nonzero_ = 0.0, 1
        return self

    monkeypatch.setattr(FakeSWAT, "fit", fit)
    for _ in range(2):
        measure(*tasks("Booth"), "SWATRegressor", {})
    assert settings == [(1, (1,), 0, 50), (8, (1, 2), 4, 30), (8, (1, 2), 4, 30)]


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

    monkeypatch.setitem(MODELS, "greedy", lambda seed: Greedy())
    ((greedy,), (modest,)) = (measure(*tasks("Booth"), model, {}) for model in ("greedy", "Ridge"))
    assert greedy["peak_mb"] - modest["peak_mb"] > 200


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
    model = MODELS[name](3)
    scaler, mlp = model.regressor[:-1], model.regressor[-1]
    assert mlp.get_params() == MLPRegressor(random_state=3, **expected).get_params()
    assert [type(step) for step in scaler] == [StandardScaler]
    assert type(model.transformer) is StandardScaler
    assert not has_sizes(model)


def test_other_models_are_at_their_defaults():
    for name in ("SWATRegressor", "HistGradientBoostingRegressor"):
        model = MODELS[name](3)
        assert type(model).__name__ == name
        assert model.get_params() == type(model)(random_state=3).get_params()
        assert has_sizes(model) == (name == "SWATRegressor")


def test_timed_models_come_in_pairs_that_the_clock_ends():
    for latent, random in zip(TIMED_MODELS[::2], TIMED_MODELS[1::2], strict=True):
        assert latent.replace("latent", "random") == random
        ours, others = (MODELS[name](3).get_params() for name in (latent, random))
        assert ours == others and latent == f"latent {ours['time_limit']:g} s"
        assert all(ends_by_clock(MODELS[name](0)) for name in (latent, random))
    assert not ends_by_clock(MODELS["SWATRegressor"](0)) and not ends_by_clock(Ridge())


def test_size_of_m_by_hand_behind_its_scalers(fake):
    (found,) = measure(load_task("Booth", n_train=60), "MLPRegressor-7-7", by_size([5]))
    assert found["n_nonzero"] == (2 + 1) * 7 + (7 + 1) * 7 + (7 + 1)
    assert (found["n_neurons"], found["depth"]) == (14, 2)
    assert found["test_fvu"] < 0.01


def test_neurons_of_a_sparse_network_are_the_living_ones():
    class Fitted:
        network_ = SparseMLP([[[2.0, 1.0]], [[3.0], [0.0]]], [[0.0, 1.0], [0.5]], [["tanh", "tanh"]])
        coefs_, n_nonzero_ = network_.coefs, network_.n_nonzero

    assert hidden_shape(Fitted()) == (1, 1)  # the second neuron does not reach the output
    assert count_parameters(Fitted()) == 5


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
    monkeypatch.setitem(MODELS, "leaky", lambda seed: leaky())
    spoken = "leaky <=15" if leaky is Chooser else "leaky"
    with pytest.raises(ValueError, match=f"must not depend on test rows, but those of '{spoken}' for 'Booth' change"):
        audit(*tasks("Booth"), "leaky", by_size([15]))


def test_audit_catches_a_harness_that_fits_all_rows(fake, monkeypatch):
    def fit_all(model, task, *clock):
        X, y = np.concatenate([task.X_train, task.X_test]), np.concatenate([task.y_train, task.y_test])
        return time_fit(model, replace(task, X_train=X, y_train=y), *clock)

    audit(*tasks("Booth"), "Ridge", {})
    monkeypatch.setattr(accuracy, "time_fit", fit_all)
    with pytest.raises(ValueError, match="must not depend on test rows, but those of 'Ridge'"):
        audit(*tasks("Booth"), "Ridge", {})


def test_audit_catches_a_choice_by_test_error_in_the_harness(fake, monkeypatch):
    def select_best(model, arguments):
        y = task_in_sight().y_test
        model.n_nonzero_ = min((10, 20, 40), key=lambda size: abs(model.mean_ + 1 / size - y.mean()))
        return True

    audit(*tasks("Booth"), "SWATRegressor", by_size([5, 15]))
    monkeypatch.setattr(accuracy, "_select", select_best)
    with pytest.raises(ValueError, match="must not depend on test rows, but those of 'SWATRegressor <=5'"):
        audit(*tasks("Booth"), "SWATRegressor", by_size([5, 15]))


def test_audit_catches_a_model_that_knows_the_test_rows_from_elsewhere(fake, monkeypatch):
    (task,) = tasks("Booth")
    monkeypatch.setattr(Rememberer, "task", task, raising=False)
    monkeypatch.setitem(MODELS, "leaky", lambda seed: Rememberer())
    with pytest.raises(ValueError, match="must be unknown to a model, but 'leaky' explains those of 'Booth'"):
        audit(task, "leaky", {})


@pytest.mark.parametrize("name", ["nearest", "SWATRegressor", "MLPRegressor-7-7", "HistGradientBoostingRegressor"])
def test_audit_passes_honest_models(name, fake, monkeypatch):
    monkeypatch.setitem(MODELS, "nearest", lambda seed: Nearest())
    monkeypatch.setitem(
        MODELS, "MLPRegressor-7-7", lambda seed: MLPRegressor(hidden_layer_sizes=(3,), random_state=seed)
    )
    audit(*tasks("Booth"), name, by_size([5, 15, 50]))  # at 5 there is no network, either time


def test_models_that_the_clock_ends_are_not_audited(fake, monkeypatch):
    class Hasty(Mean):
        time_limit = 0.5

    monkeypatch.setitem(MODELS, "hasty", lambda seed: Hasty())
    lines = []
    audit_models(*tasks("Booth"), ["hasty", "Ridge"], {}, lines.append)
    assert lines == ["hasty: not audited, because the clock ends its fit", "Ridge: audited on Booth"]
    assert len(fake) == 3


@pytest.mark.parametrize("leak", ["all test rows", "one row", "minus zero"])
def test_test_rows_that_are_training_rows_are_caught(leak):
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
        check_split(replace(task, X_train=X_train, X_test=X_test))
    check_split(task)


def test_test_targets_must_vary():
    (task,) = tasks("Booth")
    with pytest.raises(ValueError, match="test targets of 'Booth' must vary"):
        check_split(replace(task, y_test=np.ones(10)))


def test_canary_changes_what_no_model_may_see():
    (task,) = tasks("Booth")
    other = canary(task)
    assert np.array_equal(other.X_train, task.X_train) and np.array_equal(other.y_train, task.y_train)
    assert np.array_equal(other.X_test[::2], task.X_test[::2])
    assert not (other.X_test[1::2] == task.X_test[1::2]).any()
    assert not (other.y_test == task.y_test).any()


def test_shuffle_leaves_all_but_the_order_of_training_targets():
    (task,) = tasks("Booth")
    other = shuffle_targets(task)
    assert np.array_equal(np.sort(other.y_train), np.sort(task.y_train))
    assert not np.array_equal(other.y_train, task.y_train)
    assert np.array_equal(other.X_train, task.X_train) and np.array_equal(other.y_test, task.y_test)

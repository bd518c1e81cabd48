"""The clock: what a deadline promises, and that every loop looks at it between two small steps.

One kind of clock ticks once for each look, so that a deadline passes after a known number of looks; the compiled core
then looks at every opportunity, where it otherwise waits for ten milliseconds. The other shows the work that torch has
done so far, and the time that the compiled core has taken: tests with that one, and the last one, depend on how fast
the machine is.
"""

import pickle
import time
from itertools import count

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor
from torch.utils._python_dispatch import TorchDispatchMode

from sk_swat import SWATCompressor, SWATRegressor
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.scaling import Standardisation
from sk_swat.network.softnet import flatten
from sk_swat.pretraining.corpus import random_networks
from sk_swat.refine import _core
from sk_swat.refine.columns import ColumnView, column_view
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import prune
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline, TimeIsUp, deadlines_of


def after_looks(n_looks):
    """A deadline that passes with the look that comes after so many."""
    return Deadline(n_looks + 0.5, clock=count().__next__)


class Looks(Deadline):
    """Never passes, and counts."""

    n_looks = 0

    def passed(self):
        self.n_looks += 1
        return False


def many_targets(n_networks, n_rows, n_targets=20):
    """Networks of 268 parameters, and rows of random numbers."""
    rng = np.random.default_rng(0)
    networks = random_networks(rng, n_networks, 10, [8], ACTIVATION_NAMES, 1.0).map(lambda part: part.double())
    last = torch.as_tensor(rng.normal(size=(n_networks, networks.weights[-1].shape[1], n_targets)))
    bias = torch.as_tensor(rng.normal(size=(n_networks, n_targets)))
    networks = networks.replace(weights=(networks.weights[0], last), biases=(networks.biases[0], bias))
    X, y = rng.normal(size=(n_rows, 10)), rng.normal(size=(n_targets, n_rows))
    return networks, Table(torch.as_tensor(X), torch.as_tensor(y))


# --- what a deadline promises


def test_deadline_passes_when_its_clock_reaches_the_end():
    deadline = after_looks(3)
    assert [deadline.passed() for _ in range(5)] == [False, False, False, True, True]
    deadline = after_looks(1)
    deadline.check()
    with pytest.raises(TimeIsUp):
        deadline.check()


def test_time_that_is_spent_is_not_given_again():
    exploring, finishing = deadlines_of(100.0, spent=80.0)
    assert exploring.passed() and not finishing.passed()
    assert all(one.passed() for one in deadlines_of(1.0, spent=1.5))
    assert not any(one.passed() for one in deadlines_of(None, spent=1e9))


def test_earlier_deadline_leaves_time_by_the_same_clock():
    now = [0.0]
    deadline = Deadline(10.0, clock=lambda: now[0])
    earlier = deadline.earlier(4.0)
    now[0] = 5.9
    assert not earlier.passed()
    now[0] = 6.1
    assert earlier.passed() and not deadline.passed()
    assert not Deadline().earlier(1e9).passed()


def test_copy_looks_at_the_clock_of_its_own_machine():
    there = pickle.loads(pickle.dumps(after_looks(1000)))
    assert not any(there.passed() for _ in range(2000))


# --- large steps are cut into small ones


@pytest.mark.usefixtures("always_look")
def test_fit_looks_at_the_clock_in_every_block_of_rows_of_every_network():
    networks, rows = many_targets(24, 130)
    deadline = Looks()
    together = fit_networks(networks, RefineTask(rows, deadline=deadline), n_steps=1)
    assert deadline.n_looks == 24 * 4 * 2  # equations and three dampings, two blocks of 128 rows or fewer
    for index in (0, 10, 23):
        alone = fit_networks(networks[index : index + 1], RefineTask(rows), n_steps=1)
        assert torch.equal(flatten(together.networks)[index], flatten(alone.networks)[0])
        assert together.error[index] == alone.error[0] and together.accepted[index] == 1


@pytest.mark.parametrize("n_looks", [0, 1, 4, 7])
@pytest.mark.usefixtures("always_look")
def test_equations_that_would_take_too_long_are_left(n_looks):
    networks, rows = many_targets(24, 130)
    stopped = fit_networks(networks, RefineTask(rows, deadline=after_looks(n_looks)), n_steps=5)
    assert torch.equal(flatten(stopped.networks), flatten(networks)) and not stopped.accepted.any()
    torch.testing.assert_close(stopped.error, rows.error(networks))


@pytest.mark.parametrize("n_looks", [0, 1, 2, 4])
@pytest.mark.usefixtures("always_look")
def test_columns_are_not_chosen_by_half_of_the_slopes(hard_networks, n_looks):
    rng = np.random.default_rng(0)
    rows = Table(torch.as_tensor(rng.normal(size=(200, 40))), torch.as_tensor(rng.normal(size=200)))
    networks = ColumnView(torch.tensor([1, 4, 9]), 40).widen(hard_networks(1, n_networks=3))
    chance, generator = torch.full((40,), 1 / 40), torch.Generator().manual_seed(0)
    with pytest.raises(TimeIsUp):
        column_view(networks, rows, chance, generator, after_looks(n_looks))
    assert column_view(networks, rows, chance, generator, after_looks(100)) is not None


def test_core_looks_every_hundredth_of_a_second():
    networks, rows = many_targets(1, 2000)
    deadline, begin = Looks(), time.perf_counter()
    fit_networks(networks, RefineTask(rows, deadline=deadline), n_steps=20)
    assert 1 <= deadline.n_looks <= 2 + (time.perf_counter() - begin) / 0.01


# --- pruning


@pytest.mark.parametrize("n_looks", [0, 1, 3, 8, 21, 55, 144, 377, 987])
@pytest.mark.usefixtures("always_look")
def test_pruning_hands_over_what_it_has_when_the_time_is_up(hard_networks, n_looks):
    networks = hard_networks(2, n_networks=3)
    rng = np.random.default_rng(0)
    rows = Table(torch.as_tensor(rng.normal(size=(50, 3))), torch.as_tensor(rng.normal(size=50)))
    calls = []
    for deadline in (after_looks(n_looks), Deadline()):
        prune(networks, RefineTask(rows, deadline=deadline), lambda *found: calls.append(found))
    (found, size, error, origin), (whole, _, _, origins) = calls
    assert len(found) == len(size) == len(error) == len(origin)
    assert (len(found) < len(whole)) == (n_looks < 900)
    torch.testing.assert_close(error, rows.error(found))
    for start in range(3):  # from each network downwards, as far as it got
        early, late = flatten(found)[origin == start], flatten(whole)[origins == start]
        assert torch.equal(early[0], flatten(networks)[start])
        assert torch.equal(early, late[: len(early)])


# --- whole fits


class WorkClock(TorchDispatchMode):
    """Shows the work that is done inside the context.

    That is elements of results and terms of products of matrices for torch, and 1e10 for each second of processor time
    that the compiled core takes, in the thread that calls it.
    """

    def __init__(self):
        super().__init__()
        self.done, self.begin, self.patch = 0, None, pytest.MonkeyPatch()

    def __enter__(self):
        for name in ("Rows", "fit", "prune", "pull"):
            self.patch.setattr(_core, name, self.timed(getattr(_core, name)))
        return super().__enter__()

    def __exit__(self, *error):
        self.patch.undo()
        return super().__exit__(*error)

    def timed(self, function):
        def call(*args):
            self.begin = time.thread_time()
            try:
                return function(*args)
            finally:
                self.done, self.begin = self(), None

        return call

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not function.is_view:
            products = [arg for arg in args if isinstance(arg, torch.Tensor)][-1:] if "mm" in function.__name__ else []
            self.done += result.numel() * (1 + sum(part.shape[-2] for part in products))
        return result

    def __call__(self):
        return self.done + (0 if self.begin is None else 1e10 * (time.thread_time() - self.begin))


def with_clock(model, clock):
    """The estimator with a clock of its own."""
    kind = type(model)
    return type(kind.__name__, (kind,), {"_clock": staticmethod(clock)})(**model.get_params(deep=False))


def normal(n_rows, n_columns, n_targets=1, seed=0):
    """Columns, and targets of which each is a function of two of them."""
    X = np.random.default_rng(seed).normal(size=(n_rows, n_columns))
    y = [np.sin(X[:, i % n_columns]) * X[:, (i + 1) % n_columns] + X[:, (2 * i) % n_columns] for i in range(n_targets)]
    return X, np.stack(y, axis=1) if n_targets > 1 else y[0]


# rows, columns, targets, parameters
TABLES = {
    "small": (80, 3, 1, {"early_stopping": False}),
    "several depths": (300, 3, 1, {"depths": (1, 2, 3)}),
    "columns": (300, 40, 1, {}),
    "targets": (200, 3, 6, {}),
    "blocks": (400, 3, 1, {"max_blocks": 3, "n_rounds": 0}),
    "starts": (200, 3, 1, {"n_restarts": 100, "n_rounds": 0}),
    "no refinement": (200, 3, 1, {"max_iter": 5, "n_generations": 1}),
    "threads": (200, 3, 1, {"n_jobs": 2, "depths": (1, 2)}),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("n_looks", [0, 3, 10, 40, 200, 1000])
@pytest.mark.usefixtures("always_look")
def test_fit_that_ends_after_any_look_gives_a_path_that_is_judged(refined, quick, name, n_looks):
    n_rows, n_columns, n_targets, parameters = TABLES[name]
    make = quick if name == "no refinement" else refined
    X, y = normal(n_rows, n_columns, n_targets)
    # the first looks tell when the fit began, and set the two deadlines; three quarters of the limit are for the search
    model = with_clock(make(time_limit=n_looks / 0.75 + 5, **parameters), count().__next__).fit(X, y)
    r2 = [r2_score(y, network.predict(X), multioutput="variance_weighted") for network in model.networks_]
    if n_targets == 1:  # R^2 of several is the mean over targets of the same variance
        np.testing.assert_allclose(model.path_["r2_train"], r2, atol=1e-6)
    assert (np.diff(model.path_["r2_train"]) > 0).all() and np.isfinite(model.path_["r2_validation"]).all()
    assert model.path_["r2_train"].iloc[-1] >= -1e-9 and model.path_["chosen"].sum() == 1
    assert "last polish" in [stage["name"] for stage in model.fit_report_] or name == "no refinement"


def test_no_time_at_all_still_gives_a_decoded_network(refined, table):
    X, y = table
    model = with_clock(refined(time_limit=1, depths=(1, 2)), count().__next__).fit(X, y)
    assert 1 < len(model.networks_) <= 3 and model.networks_[-1].n_nonzero > 1
    assert "round 1" not in {stage["name"] for stage in model.fit_report_}


def test_no_time_for_an_earlier_network_keeps_it(refined, table):
    X, y = table
    model = refined(warm_start=True).fit(X, y)
    before = model.path_["r2_train"].max()
    later = with_clock(model.set_params(time_limit=1), count().__next__)
    vars(later).update({key: value for key, value in vars(model).items() if key.endswith("_") or key[0] == "_"})
    assert later.fit(X, y).path_["r2_train"].max() > 0.5 * before


WORK = {
    "targets": (1500, 8, 20, {"early_stopping": True}),
    "long": (50_000, 8, 1, {"depths": (1, 2)}),
    "columns": (2000, 400, 1, {}),
    "columns and targets": (1000, 100, 5, {}),
    "folds": (600, 8, 4, {"early_stopping": False}),
    "starts": (1000, 8, 1, {"n_restarts": 200}),
    "no refinement": (30_000, 8, 1, {"max_iter": 2000, "n_generations": 0}),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in WORK])
@pytest.mark.parametrize("limit", [1e7, 1e9, 5e9])
def test_little_work_is_done_after_the_time_is_up(refined, quick, name, limit):
    n_rows, n_columns, n_targets, parameters = WORK[name]
    X, y = normal(n_rows, n_columns, n_targets)
    alone = name == "no refinement"
    make, whole = (quick if alone else refined), {"n_restarts": 24}
    whole |= {} if alone else {"n_rounds": 100, "max_blocks": 4}
    with WorkClock() as clock:
        with_clock(make(time_limit=limit, n_jobs=1, **(whole | parameters)), clock).fit(X, y)
    assert clock.done < limit + 2e9  # a tenth of a second, or two


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1e7, 1e9])
def test_compressor_does_little_work_after_the_time_is_up(tiny_checkpoint, limit):
    X, y = normal(1000, 5, 3)
    teacher = MLPRegressor(hidden_layer_sizes=(60, 60), solver="lbfgs", tol=1.0, random_state=0).fit(X, y)
    settings = {"n_rounds": 100, "n_jobs": 1, "random_state": 0, "checkpoint": str(tiny_checkpoint)}
    model = SWATCompressor(teacher, time_limit=limit, **settings)
    with WorkClock() as clock:
        with_clock(model, clock).fit(X)
    assert clock.done < limit + 2e9


def test_fit_of_a_teacher_does_not_count(tiny_checkpoint):
    X, y = normal(200, 3)
    now = [0.0]

    class Slow(LinearRegression):
        def fit(self, X, y):
            now[0] += 1e6
            return super().fit(X, y)

    short = {"depths": (1,), "n_restarts": 4, "n_rounds": 1, "random_state": 0, "checkpoint": str(tiny_checkpoint)}
    model = SWATCompressor(Slow(), time_limit=10.0, **short)
    model = with_clock(model, lambda: now[0]).fit(X, y)
    assert now[0] == 1e6 and "round 1" in {stage["name"] for stage in model.fit_report_}


def test_checks_of_the_table_count(refined, table, monkeypatch):
    now = [0.0]
    of = Standardisation.of

    def slow(*args):
        now[0] += 100.0
        return of(*args)

    monkeypatch.setattr(Standardisation, "of", slow)
    names = []
    for limit in (50.0, 1000.0):
        now[0] = 0.0
        model = with_clock(refined(time_limit=limit), lambda: now[0]).fit(*table)
        names.append({stage["name"] for stage in model.fit_report_})
    assert "round 1" in names[1] - names[0]


@pytest.mark.slow
@pytest.mark.parametrize(("n_rows", "n_columns", "n_targets"), [(100_000, 20, 1), (2000, 10, 20), (20_000, 2000, 1)])
def test_fit_ends_soon_after_its_limit_by_the_clock_on_the_wall(n_rows, n_columns, n_targets):
    X, y = normal(n_rows, n_columns, n_targets)
    SWATRegressor(random_state=0, time_limit=0.5).fit(X[:300], y[:300])  # loads what is loaded once
    begin = time.process_time()  # of this process alone: others may keep the machine busy
    SWATRegressor(random_state=0, time_limit=1.0, n_jobs=1).fit(X, y)
    assert time.process_time() - begin < 2.5

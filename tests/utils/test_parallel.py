"""Work in threads and processes gives what serial work gives, on one thread each and within its time."""

import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

import sk_swat
from benchmarks.baselines.random_networks import RandomNetworkRegressor
from sk_swat.latent.checkpoint import _load_bundled, load_checkpoint
from sk_swat.latent.run import search_depths
from sk_swat.refine import _core
from sk_swat.refine.compiled import how
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import n_threads_here, n_threads_of, one_torch_thread, run_parallel


@pytest.fixture
def several_threads():
    """Let torch and numpy use more than one thread here, and give the numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    with threadpool_limits(2, user_api="blas"):
        yield threads_in_use()
    torch.set_num_threads(before)


def threads_in_use():
    return torch.get_num_threads(), max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


def in_new_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def path_of(model):
    return model.networks_, model.path_["r2_validation"].tolist()


# the same result


@pytest.fixture(scope="module")
def serial(refined, table):
    """Paths of two depths, judged by held-out rows and by cross-validation."""
    return {kept: path_of(refined(depths=(1, 2), early_stopping=kept).fit(*table)) for kept in (True, False)}


@pytest.mark.parametrize(
    ("backend", "early_stopping"),
    [("loky", True), ("loky", False), ("threading", False), ("multiprocessing", False)],
)
def test_path_does_not_depend_on_where_it_is_found(refined, table, serial, backend, early_stopping):
    with joblib.parallel_config(backend=backend):
        model = refined(depths=(1, 2), early_stopping=early_stopping, n_jobs=2).fit(*table)
    assert path_of(model) == serial[early_stopping]


def test_number_of_jobs_may_come_from_the_context(refined, table, serial):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert path_of(refined(depths=(1, 2)).fit(*table)) == serial[True]


def test_latent_search_does_not_depend_on_where_it_runs(quick, table):
    expected = quick(depths=(1, 2, 3)).fit(*table)
    with joblib.parallel_config(backend="loky"):
        model = quick(depths=(1, 2, 3), n_jobs=2).fit(*table)
    assert model.network_ == expected.network_
    np.testing.assert_array_equal(model.loss_curve_, expected.loss_curve_)


def test_rival_without_autoencoder_does_not_depend_on_where_it_runs(table, tiny_checkpoint):
    def fit(**parameters):
        short = {"depths": (1, 2), "n_restarts": 4, "n_rounds": 1, "early_stopping": True, "random_state": 0}
        return RandomNetworkRegressor(checkpoint=str(tiny_checkpoint), **short, **parameters).fit(*table)

    expected = path_of(fit())
    with joblib.parallel_config(backend="loky"):
        assert path_of(fit(n_jobs=2)) == expected


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_around_parallel_fits_finds_the_same(quick, table, backend):
    grid = {"depths": [(1,), (1, 2)]}
    expected = GridSearchCV(quick(), grid, cv=2).fit(*table)
    with joblib.parallel_config(backend=backend):
        search = GridSearchCV(quick(n_jobs=2), grid, cv=2, n_jobs=2).fit(*table)
    assert search.best_estimator_.network_ == expected.best_estimator_.network_
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_results_come_in_the_order_of_the_pieces():
    pieces = [partial(late, number) for number in range(4)]
    for n_jobs in (1, 2, None):
        assert run_parallel(pieces, n_jobs) == [0, 1, 2, 3]


def late(number):
    time.sleep(0.1 if number == 0 else 0)
    return number


def test_error_in_a_piece_is_raised():
    for n_jobs in (1, 2):
        with pytest.raises(ZeroDivisionError):
            run_parallel([partial(divmod, 1, 0)] * 2, n_jobs)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_error_in_a_piece_stops_the_others(backend):
    """Joblib lets threads go on in the background."""
    asked = threading.Event()
    with joblib.parallel_config(backend=backend, n_jobs=2), pytest.raises(ZeroDivisionError):
        run_parallel([partial(divmod, 1, 0)] * 2, None, stop=asked.set)
    assert asked.is_set()


@pytest.mark.slow
def test_how_to_runs_as_it_is_written():
    text = (Path(__file__).parents[2] / "docs" / "parallel.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text[: text.index("## Ray")], flags=re.DOTALL)
    assert len(blocks) == 3
    environment = {**os.environ, "PYTHONPATH": str(Path(sk_swat.__file__).parents[1])}
    command = [sys.executable, "-c", "\n".join(blocks)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr


# deadlines


def sent(deadline):
    return pickle.loads(pickle.dumps(deadline))


def test_sent_deadline_passes_when_the_own_one_does():
    assert not sent(Deadline()).passed()
    assert not sent(Deadline(100.0)).passed()
    assert sent(Deadline(0.0)).passed()
    stopped = Deadline(100.0)
    stopped.stop()
    assert sent(stopped).passed() and sent(sent(stopped)).passed()


@pytest.mark.parametrize(
    ("waited", "day_clock_ahead", "left"),
    [(0, 0, 100), (30, 0, 70), (0, -3600, 100), (30, -3600, 100), (0, 40, 60), (200, 0, -100)],
)
def test_deadline_counts_waiting_time_and_is_never_put_off(monkeypatch, waited, day_clock_ahead, left):
    begin = time.monotonic(), time.time()
    monkeypatch.setattr(time, "monotonic", lambda: begin[0])
    monkeypatch.setattr(time, "time", lambda: begin[1])
    content = pickle.dumps(Deadline(100.0))
    there = [7.0]  # the other machine was switched on seven seconds ago
    monkeypatch.setattr(time, "monotonic", lambda: there[0])
    monkeypatch.setattr(time, "time", lambda: begin[1] + waited + day_clock_ahead)
    deadline = pickle.loads(content)
    there[0] = 7.0 + left - 1e-3
    assert not deadline.passed()
    there[0] += 2e-3
    assert deadline.passed()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_work_elsewhere_ends_in_time(hard_networks, table, backend):
    rows = Table(*(torch.tensor(part) for part in table))
    work = partial(fit_networks, hard_networks(1), RefineTask(rows, deadline=Deadline(1.0)), n_steps=10**7)
    with joblib.parallel_config(backend=backend):
        results = run_parallel([work] * 2, 2)  # without the deadline, for hours
    assert all(torch.isfinite(result.error).all() for result in results)


# what is sent


def test_bundled_checkpoint_is_sent_by_name(tiny_checkpoint):
    bundled, own = load_checkpoint(), load_checkpoint(tiny_checkpoint)
    assert len(pickle.dumps(bundled)) < 1000
    assert sent(bundled) is bundled
    copied = sent(own)
    assert copied.fingerprint == own.fingerprint != bundled.fingerprint
    for mine, theirs in zip(own.autoencoder.parameters(), copied.autoencoder.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match="install the same version of sk_swat everywhere"):
        _load_bundled("0" * 64)


def test_candidate_carries_no_batch(quick, table, tiny_checkpoint):
    rows = Table(*(torch.tensor(part, dtype=torch.float32) for part in table))
    config = quick()._settings().latent
    found = search_depths(rows, load_checkpoint(tiny_checkpoint), [1], config, 0)
    assert len(found[0].candidates) == 2
    for candidate in found[0].candidates:
        for part in (*candidate.network.weights, *candidate.network.biases, *candidate.network.activation):
            assert part.untyped_storage().nbytes() == part.numel() * part.element_size()


# one thread for each piece


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_pieces_use_one_thread_and_give_back_the_others(several_threads, n_jobs):
    assert min(several_threads) > 1
    assert run_parallel([threads_in_use] * 3, n_jobs) == [(1, 1)] * 3
    assert threads_in_use() == several_threads
    assert in_new_thread(threads_in_use) == several_threads


@pytest.mark.parametrize(("backend", "options"), [("loky", {"inner_max_num_threads": 2}), ("multiprocessing", {})])
def test_pieces_in_processes_use_one_thread(several_threads, backend, options):
    @joblib.wrap_non_picklable_objects  # sent by value: workers cannot import tests
    def in_use():
        from threadpoolctl import threadpool_info

        return torch.get_num_threads(), max(
            pool["num_threads"] for pool in threadpool_info() if "blas" in pool["prefix"]
        )

    with joblib.parallel_config(backend=backend, **options):
        outside = joblib.Parallel(n_jobs=2)(joblib.delayed(in_use)() for _ in range(2))
        inside = run_parallel([in_use] * 3, 2)
    assert all(max(threads) > 1 for threads in outside)
    assert inside == [(1, 1)] * 3


def test_pieces_of_pieces_use_one_thread(several_threads):
    @joblib.wrap_non_picklable_objects
    def nest(piece):
        return run_parallel([piece] * 2, 2)

    @joblib.wrap_non_picklable_objects
    def n_threads():
        return torch.get_num_threads()

    with joblib.parallel_config(backend="loky", inner_max_num_threads=2):
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(nest)(n_threads) for _ in range(2))
    assert found == [[1, 1], [1, 1]]


def test_thread_that_leaves_first_disturbs_no_other(several_threads):
    first_left, both_inside, found = threading.Event(), threading.Barrier(2), {}

    def first():
        with one_torch_thread():
            both_inside.wait(10)
        found["left"] = torch.get_num_threads()
        first_left.set()

    def second():
        with one_torch_thread():
            both_inside.wait(10)
            first_left.wait(10)
            found["inside"] = torch.get_num_threads()
        found["left too"] = threads_in_use()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"left": several_threads[0], "inside": 1, "left too": several_threads}
    assert in_new_thread(threads_in_use) == several_threads


def test_threads_are_given_back_after_an_error_inside_a_context_inside_another(several_threads):
    with one_torch_thread():
        with pytest.raises(KeyError), one_torch_thread():
            raise KeyError
        assert threads_in_use() == (1, 1)
    assert threads_in_use() == several_threads


def test_groups_of_many_starts_run_side_by_side_with_the_same_result(refined, table, monkeypatch):
    pieces = []
    real = run_parallel

    def spy(works, n_jobs, ended=None, stop=None):
        pieces.append(len(works))
        return real(works, n_jobs, ended, stop)

    monkeypatch.setattr("sk_swat.fitting.starts.run_parallel", spy)
    fits = [refined(n_restarts=100, n_rounds=0, n_jobs=n_jobs).fit(*table) for n_jobs in (1, 3)]
    assert pieces == [3, 3]  # of one depth: 34, 33 and 33 starts
    assert fits[0].networks_ == fits[1].networks_
    refined(n_restarts=48, n_rounds=0).fit(*table)
    assert pieces[2:] == [1]


# threads of the compiled core


@pytest.fixture
def core_threads(monkeypatch):
    """In how many threads the compiled core was allowed to work, call by call."""
    seen, real = [], _core.How

    def how(**settings):
        seen.append(settings["n_threads"])
        return real(**settings)

    monkeypatch.setattr(_core, "How", how)
    return seen


@pytest.mark.parametrize(("depths", "most"), [((1,), 3), ((1, 2), 1)])
def test_networks_do_not_depend_on_the_threads_of_the_core(refined, table, core_threads, depths, most):
    """One piece of work has all threads; several pieces beside one another have one each."""
    paths, n_threads = [], []
    for n_jobs in (1, 3):
        core_threads.clear()
        paths.append(path_of(refined(depths=depths, n_rounds=0, n_jobs=n_jobs).fit(*table)))
        n_threads.append(set(core_threads))
    assert paths[0] == paths[1]
    assert n_threads[0] == {1} and most in n_threads[1] and max(n_threads[1]) <= 3


def test_pieces_that_run_side_by_side_have_one_thread_of_the_core():
    unlimited = n_threads_here()
    assert run_parallel([n_threads_here] * 3, 2) == [1, 1, 1]
    assert run_parallel([n_threads_here] * 3, 1) == [unlimited] * 3
    assert run_parallel([n_threads_here], 2) == [unlimited]
    assert n_threads_here() == unlimited > 1000
    with pytest.raises(ZeroDivisionError):
        run_parallel([partial(divmod, 1, 0)] * 2, 2)
    assert n_threads_here() == unlimited


def test_any_number_of_jobs_is_one_that_the_core_can_take():
    n_threads = min(n_threads_of(2**40), n_threads_here())
    assert n_threads > 2**31
    how(n_threads)


def test_as_many_threads_as_jobs():
    assert [n_threads_of(n_jobs) for n_jobs in (1, 2, 5)] == [1, 2, 5]
    assert n_threads_of(-1) == joblib.cpu_count()
    with joblib.parallel_config(n_jobs=4):
        assert n_threads_of(None) == 4 and n_threads_of(2) == 2


LIMITS = """
import json, sys, threading

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, cross_validate
from threadpoolctl import threadpool_limits

from sk_swat import SWATRegressor
from sk_swat.refine import _core

settings = {"depths": (1,), "n_restarts": 2, "n_rounds": 1, "max_blocks": 1, "checkpoint": sys.argv[1]}
X = np.random.default_rng(0).normal(size=(40, 2))
y = np.sin(X[:, 0]) + X[:, 1]


class Counting(SWATRegressor):
    def fit(self, X, y):
        from sk_swat.refine import _core

        if not hasattr(_core, "seen"):
            _core.seen, real = {}, _core.How

            def how(**settings):
                _core.seen[threading.get_ident()].append(settings["n_threads"])
                return real(**settings)

            _core.How = how
        self.seen_ = _core.seen[threading.get_ident()] = []
        return super().fit(X, y)

    def score(self, X, y):
        return max(self.seen_)


def threads(model):
    return max(model.fit(X, y).seen_)


def in_folds(model, **how):
    return max(cross_validate(model, X, y, cv=2, **how)["test_score"])


model = Counting(random_state=0, early_stopping=True, **settings)
found = {"alone": threads(model), "one job": threads(Counting(n_jobs=1, **settings))}
with threadpool_limits(1):
    found["threadpoolctl 1"] = threads(model)
with threadpool_limits(2):
    found["threadpoolctl 2"] = threads(model)
with joblib.parallel_config(n_jobs=1):
    found["context of one job"] = threads(model)
found["folds here"] = in_folds(model)
for backend in ("loky", "threading"):
    with joblib.parallel_config(backend=backend):
        found[backend] = in_folds(model, n_jobs=2)
found["after"] = threads(model)
search = GridSearchCV(model, {"n_restarts": [1, 2]}, cv=2, n_jobs=2, refit=False).fit(X, y)
found["grid"] = search.cv_results_["mean_test_score"].max()
print(json.dumps({name: float(n) for name, n in found.items()}))
"""


def test_without_a_number_of_jobs_the_core_uses_the_cores_that_are_allowed(tiny_checkpoint):
    """OMP_NUM_THREADS counts, threadpoolctl, and the pieces of work of joblib around the fit, which get one thread."""

    def run(n_allowed):
        environment = {**os.environ, "OMP_NUM_THREADS": str(n_allowed)}
        environment["PYTHONPATH"] = str(Path(sk_swat.__file__).parents[1])
        command = [sys.executable, "-W", "ignore", "-c", LIMITS, str(tiny_checkpoint)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    found = run(3)
    unlimited = ("alone", "folds here", "after")
    assert [found.pop(name) for name in unlimited] == [3, 3, 3]
    assert found.pop("threadpoolctl 2") == 2
    assert set(found.values()) == {1} and len(found) == 6
    assert {name: n for name, n in run(1).items() if n != 1} == {"threadpoolctl 2": 2}

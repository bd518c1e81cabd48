"""What is told of a fit while it runs: stages, networks, requests to stop, log, bar, scikit-learn's callbacks."""

import copy
import json
import logging
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_swat
from benchmarks.baselines.random_networks import RandomNetworkRegressor
from sk_swat.fitting import search as search_module
from sk_swat.fitting.progress import Watcher, add_watcher

STAGES = ["latent search", "polish and prune", "round 1", "last polish"]


class Recorder(Watcher):
    """Writes down what it is told; asks for the end of the search after a stage or part."""

    def __init__(self, stop_after=None):
        self.events, self.networks, self.threads, self.n_stages = [], {}, set(), None
        self.stop_after = stop_after

    def tell(self, kind, name):
        self.events.append((kind, name))
        self.threads.add(threading.get_ident())
        return name == self.stop_after

    def begin_search(self, n_stages):
        self.n_stages = n_stages
        self.tell("begin", "search")

    def begin_stage(self, name, parts=()):
        self.parts = list(parts)
        self.tell("begin", name)

    def end_part(self, search=None):
        name = self.parts.pop(0)
        assert search is None or name == f"depth {search.depth}"
        return self.tell("end", name)

    def end_stage(self, stage, network):
        self.networks[stage.name] = network()
        return self.tell("end", stage.name)

    def end_search(self):
        self.tell("end", "search")


def watch(model, table, **options):
    recorder = Recorder(**options)
    with add_watcher(recorder):
        model.fit(*table)
    return recorder


def same(model, other):
    return model.network_.to_json() == other.network_.to_json()


# --- watchers


def test_watcher_is_told_of_every_stage_and_part_in_order(refined, table):
    recorder = watch(refined(depths=(1, 2)), table)
    parts = {"latent search": ["depth 1", "depth 2"]}
    told = [("begin", "search")]
    for stage in STAGES:
        told += [("begin", stage), *(("end", part) for part in parts.get(stage, [])), ("end", stage)]
    assert recorder.events == [*told, ("end", "search")]
    assert recorder.n_stages == len(STAGES)


def test_folds_of_the_cross_validation_are_parts_of_the_last_polish(refined, table):
    events = watch(refined(early_stopping=False), table).events
    last = events.index(("begin", "last polish"))
    assert events[last + 1 : -2] == [("end", f"fold {number}") for number in range(1, 6)]
    few = tuple(part[:3] for part in table)
    assert [name for _, name in watch(refined(early_stopping=False), few).events if "fold" in name][-1] == "fold 3"


def test_without_refinement_there_are_the_latent_search_and_the_readout(quick, table):
    recorder = watch(quick(depths=(1, 2)), table)
    assert recorder.n_stages == 2
    ended = [name for kind, name in recorder.events if kind == "end"]
    assert ended == ["depth 1", "depth 2", "latent search", "readout", "search"]


def test_told_networks_have_the_r2_of_their_stage(refined, table):
    X, y = table
    model = refined(early_stopping=False)  # all rows are searched, so R^2 can be found again
    networks = watch(model, table).networks
    assert list(networks) == STAGES
    for row in model.fit_report_:
        assert r2_score(y, networks[row["name"]].predict(X)) == pytest.approx(row["r2_after"], abs=1e-5)
    told, kept = networks["last polish"].to_dict(), model.networks_[-1].to_dict()
    assert told == kept | {"fit_summary": None}  # which comes after all stages


def test_watchers_are_told_by_one_thread_whatever_n_jobs_is(refined, table):
    models = [refined(depths=(1, 2), n_jobs=n_jobs) for n_jobs in (1, 2)]
    alone, together = (watch(model, table) for model in models)
    assert alone.events == together.events
    assert together.threads == {threading.get_ident()}
    assert same(*models)


@pytest.mark.parametrize("stop_after", ["depth 1", "latent search", "polish and prune", "round 1"])
def test_search_ends_when_a_watcher_asks_for_it(refined, table, stop_after):
    model = refined(depths=(1, 2), n_rounds=50)
    recorder = watch(model, table, stop_after=stop_after)
    rounds = [row["name"] for row in model.fit_report_ if row["name"].startswith("round")]
    assert rounds == (["round 1"] if stop_after == "round 1" else [])
    assert recorder.events[-1] == ("end", "search")
    assert np.isfinite(model.predict(table[0])).all() and model.score(*table) > -1e-9


def test_watcher_follows_the_fits_inside_the_block_alone(quick, table):
    recorder = Recorder()
    quick().fit(*table)
    with add_watcher(recorder):
        make_pipeline(StandardScaler(), quick()).fit(*table)
    seen = len(recorder.events)
    quick().fit(*table)
    assert len(recorder.events) == seen > 0


# --- log


@pytest.mark.parametrize("kind", ["quick", "refined"])
def test_log_lines_come_when_the_stages_end(kind, request, table, caplog):
    heard = {}

    class Listener(Watcher):
        def end_part(self, search=None):
            heard[f"depth {search.depth}"] = caplog.messages[-1]
            return False

        def end_stage(self, stage, network):
            heard[stage.name] = caplog.messages[-1]
            return False

    with add_watcher(Listener()):
        request.getfixturevalue(kind)(depths=(1, 2), verbose=1).fit(*table)
    assert list(heard.values()) == caplog.messages
    assert all(line.startswith(f"{name}: ") for name, line in heard.items())


def test_log_of_random_networks_names_the_depths_as_well(tiny_checkpoint, table, caplog):
    short = {"n_restarts": 4, "n_rounds": 0, "early_stopping": True, "random_state": 0, "checkpoint": tiny_checkpoint}
    RandomNetworkRegressor(**short, depths=(1, 2), verbose=1).fit(*table)
    assert [line.split(":")[0] for line in caplog.messages[:3]] == ["depth 1", "depth 2", "latent search"]


def test_nothing_is_shown_by_default(refined, table, capfd):
    refined().fit(*table)
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("sk_swat").handlers


# --- scikit-learn's callbacks


@pytest.fixture
def callback():
    """The module sklearn.callback, which came with scikit-learn 1.9."""
    return pytest.importorskip("sklearn.callback")


class Hooks:
    """A callback that writes down its calls, and answers or fails at one of them."""

    def __init__(self, stop_after=None, fail_at=None):
        self.calls, self.stop_after, self.fail_at = [], stop_after, fail_at

    def tell(self, kind, context):
        self.calls.append((kind, context.task_name))
        if (kind, context.task_name) == self.fail_at:
            raise RuntimeError(f"failed at {kind} of {context.task_name}")
        return kind == "end" and context.task_name == self.stop_after

    def setup(self, estimator, context):
        self.tell("setup", context)

    def on_fit_task_begin(self, estimator, context):
        self.tell("begin", context)

    def on_fit_task_end(self, estimator, context):
        return self.tell("end", context)

    def teardown(self, estimator, context):
        self.tell("teardown", context)


class Keeper(Hooks):
    """Keeps the fitted estimators that it is given, by task."""

    def __init__(self):
        super().__init__()
        self.estimators = {}

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        assert fitted_estimator is not estimator
        self.estimators[context.task_name] = fitted_estimator


@pytest.mark.parametrize("depths", [(1,), (1, 2)])
def test_progress_bar_is_shown_and_ends_at_100_percent(callback, refined, table, capsys, depths):
    pytest.importorskip("rich")
    refined(depths=depths).set_callbacks(callback.ProgressBar()).fit(*table)
    shown = capsys.readouterr().out
    assert "SWATRegressor - fit" in shown and "SWATRegressor - latent search #0" in shown
    assert set(re.findall(r"(\d+)%", shown)) == {"100"}


def test_progress_bar_of_a_constant_target_ends_at_100_percent(callback, refined, table, capsys):
    pytest.importorskip("rich")
    refined().set_callbacks(callback.ProgressBar()).fit(table[0], np.ones(80))
    assert re.findall(r"SWATRegressor - fit .* (\d+)%", capsys.readouterr().out) == ["100"]


def test_every_task_begins_and_ends_once(callback, refined, table):
    hooks = Hooks()
    refined(depths=(1, 2)).set_callbacks(hooks).fit(*table)
    parts = [("begin", "depth 1"), ("end", "depth 1"), ("begin", "depth 2"), ("end", "depth 2")]
    stages = [("begin", "latent search"), *parts, ("end", "latent search")]
    for stage in STAGES[1:]:
        stages += [("begin", stage), ("end", stage)]
    assert hooks.calls == [("setup", "fit"), ("begin", "fit"), *stages, ("end", "fit"), ("teardown", "fit")]


@pytest.mark.parametrize("weighted", [False, True])
def test_monitor_scores_the_networks_of_the_stages_and_the_fitted_one(callback, refined, table, weighted):
    X, y = pd.DataFrame(table[0], columns=["a", "b", "c"]), table[1]
    weight = np.linspace(0, 2, 80) if weighted else None
    monitor = callback.ScoringMonitor(scoring="r2")
    model = refined(early_stopping=False).set_callbacks(monitor).fit(X, y, sample_weight=weight)
    scores = {row["task_name"]: row["r2"] for row in monitor.get_logs().data}
    assert scores.pop("fit") == model.score(X, y, sample_weight=weight)
    reported = {row["name"]: row["r2_after"] for row in model.fit_report_}
    assert scores == pytest.approx(reported, abs=1e-5)
    assert scores["latent search"] < scores["polish and prune"] <= scores["round 1"]


def test_estimators_for_callbacks_give_constant_targets_as_well(callback, refined, table):
    X, y = table
    keeper = Keeper()
    model = refined().set_callbacks(keeper).fit(X, np.column_stack([y, np.full(80, 3.0), -y]))
    for estimator in keeper.estimators.values():
        if estimator is not None:
            assert np.all(estimator.predict(X)[:, 1] == 3.0)
    assert keeper.estimators["last polish"].network_.to_json() == model.networks_[-1].to_json()


def test_estimators_for_callbacks_are_whole_and_stay_as_they_are(callback, refined, table):
    keeper = Keeper()
    model = refined().set_callbacks(keeper).fit(*table)
    assert [name for name, found in keeper.estimators.items() if found is None] == ["depth 1"]
    earlier = keeper.estimators["latent search"]
    predicted = earlier.predict(table[0])
    model.fit(table[0], -table[1])
    assert np.array_equal(earlier.predict(table[0]), predicted)
    latent = keeper.estimators["latent search"]  # of a regressor that was fitted before
    assert not np.array_equal(latent.predict(table[0]), predicted)
    assert latent.n_nonzero_ == latent.network_.n_nonzero and list(latent.path_["chosen"]) == [True]
    assert latent.select(max_nonzero=latent.n_nonzero_).get_params() == model.get_params()
    assert latent.n_iter_ == 0 and latent.fit_report_ == []  # not those of an earlier fit


def test_no_network_is_made_for_callbacks_that_want_none(callback, refined, table, monkeypatch):
    made = []
    original = search_module.in_raw_units
    monkeypatch.setattr(search_module, "in_raw_units", lambda *one, **named: made.append(1) or original(*one, **named))
    refined().set_callbacks(Hooks()).fit(*table)
    assert not made
    refined().set_callbacks(Keeper()).fit(*table)
    assert len(made) == 3  # the network of the last polish is there already


@pytest.mark.parametrize("stop_after", ["depth 1", "polish and prune"])
def test_callback_ends_the_search_early(callback, refined, table, stop_after):
    model = refined(depths=(1, 2), n_rounds=50).set_callbacks(Hooks(stop_after=stop_after)).fit(*table)
    assert [row["name"] for row in model.fit_report_] == ["latent search", "polish and prune", "last polish"]
    assert np.isfinite(model.predict(table[0])).all() and model.score(*table) > -1e-9


def test_network_is_the_same_with_callbacks(callback, refined, quick, table):
    for make in (refined, quick):
        callbacks = [Hooks(), Keeper(), callback.ScoringMonitor(scoring="r2")]
        plain, called = make().fit(*table), make().set_callbacks(*callbacks).fit(*table)
        assert same(plain, called)
        assert np.array_equal(plain.path_["objective"], called.path_["objective"])


@pytest.fixture(scope="module")
def fitted(refined, table):
    """A regressor of two depths after a fit without rounds; tests that change it take a copy."""
    return refined(depths=(1, 2), n_rounds=0).fit(*table)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "fail_at",
    [("setup", "fit"), ("begin", "round 1"), ("end", "depth 1"), ("end", "fit"), ("teardown", "fit")],
)
def test_error_in_a_callback_leaves_the_estimator_as_it_was(callback, fitted, table, fail_at, n_jobs):
    hooks = Hooks(fail_at=fail_at)
    model = copy.deepcopy(fitted).set_params(n_jobs=n_jobs, n_rounds=int("round 1" in fail_at)).set_callbacks(hooks)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match=f"failed at {' of '.join(fail_at)}"):
        model.fit(table[0], -table[1])
    assert vars(model) == before
    assert hooks.calls[-1] == ("teardown", "fit")


def test_callbacks_are_torn_down_after_an_error_of_the_search(callback, refined, table):
    class Failing(Watcher):
        def begin_stage(self, name, parts=()):
            if name == "round 1":
                raise RuntimeError("out of luck")

    hooks = Hooks()
    model = refined().set_callbacks(hooks)
    with add_watcher(Failing()), pytest.raises(RuntimeError, match="out of luck"):
        model.fit(*table)
    assert hooks.calls[-2:] == [("end", "polish and prune"), ("teardown", "fit")]
    hooks.calls.clear()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((80, 3), np.nan), table[1])
    assert not hooks.calls  # nothing had begun


def test_clones_and_pickles_keep_their_callbacks(callback, refined, table):
    hooks = Hooks()
    monitor = callback.ScoringMonitor(scoring="r2")
    model = refined().set_callbacks(hooks, monitor).fit(*table)
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict(table[0]), model.predict(table[0]))
    assert copied._skl_callbacks[1].get_logs().data == monitor.get_logs().data
    hooks.calls.clear()
    copied.fit(*table)
    assert not hooks.calls  # those of the copy were called
    clone(model).fit(*table)
    assert hooks.calls[0] == ("setup", "fit") and hooks.calls[-1] == ("teardown", "fit")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_of_pipelines_in_a_grid_search(callback, quick, table, n_jobs, capsys):
    pytest.importorskip("rich")
    monitor = callback.ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), quick().set_callbacks(monitor))
    search = GridSearchCV(model, {"latentdescentregressor__sparsity": [1e-5, 1e-2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(*table)
    rows = monitor.get_logs().data
    assert len(rows) == (2 * 2 + 1) * 3  # each fit: the latent search, the readout, and the fit
    refit = min((row for row in rows if row["task_name"] == "fit"), key=lambda row: len(row["task_id_path"]))
    assert refit["r2"] == pytest.approx(search.best_estimator_.score(*table), abs=1e-12)
    shown = capsys.readouterr().out
    assert "LatentDescentRegressor - latent search" in shown and set(re.findall(r"(\d+)%", shown)) == {"100"}


def test_without_sklearn_callback_fits_go_as_ever(tiny_checkpoint, quick, table):
    code = """
import json, sys

class NoCallbacks:
    def find_spec(self, name, path=None, target=None):
        if name == "sklearn.callback":
            raise ImportError("an older scikit-learn")

sys.meta_path.insert(0, NoCallbacks())
sys.path.insert(0, sys.argv[1])
import numpy as np
from sk_swat import LatentDescentRegressor
from sk_swat.fitting.progress import Watcher, add_watcher

class Counter(Watcher):
    n = 0
    def end_stage(self, stage, network):
        Counter.n += 1
        return False

X, y = np.array(json.loads(sys.argv[3])), np.array(json.loads(sys.argv[4]))
with add_watcher(Counter()):
    model = LatentDescentRegressor(**json.loads(sys.argv[2])).fit(X, y)
constant = LatentDescentRegressor().fit(X, 0 * y)
print(json.dumps([hasattr(model, "set_callbacks"), Counter.n, model.network_.to_json(), constant.n_nonzero_]))
"""
    model = quick()
    parameters = {name: value for name, value in model.get_params().items() if name != "activations"}
    root = str(Path(sk_swat.__file__).parents[1])
    arguments = [root, *(json.dumps(part) for part in (parameters, table[0].tolist(), table[1].tolist()))]
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [False, 2, model.fit(*table).network_.to_json(), 0]

"""Any number of rows, of different ones and of targets, with and without weights, on either side of every limit."""

import tempfile
import warnings
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from sk_swat import LatentDescentRegressor, SWATCompressor, SWATRegressor
from sk_swat.fitting import judging
from sk_swat.fitting.judging import LastPolish
from sk_swat.fitting.limits import RowLimits
from sk_swat.fitting.search import Outcome, Search
from sk_swat.refine.counting import count_rows
from sk_swat.refine.front import Front
from sk_swat.refine.table import Table

HOME = tempfile.TemporaryDirectory()  # otherwise collecting these tests leaves a folder of hypothesis behind
set_hypothesis_home_dir(HOME.name)
# the way of a default fit of 769 to 999 different rows, of one that holds rows out, and of a long table
SMALL = RowLimits(
    merged=120,
    held_out=60,
    held_out_latent=30,
    searched=40,
    share=2,
    most_searched=50,
    grown=30,
    polished=90,
    taught=50,
)
QUICK = {"depths": (1,), "n_restarts": 2, "n_rounds": 0, "random_state": 0}


def limit(kind, limits, *arguments, **parameters):
    """An estimator with other limits."""
    return type(kind.__name__, (kind,), {"_limits": limits})(*arguments, **parameters)


def table_of(n_rows, n_different, n_columns=2, n_targets=0, seed=0):
    """Rows of smooth targets with noise; the first ones come again at the end."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_different, n_columns))
    y = np.tanh(2 * X[:, :1]) + 0.3 * X[:, -1:] ** 2 * np.arange(1, max(1, n_targets) + 1)
    y = y + 0.1 * rng.normal(size=y.shape)
    rows = np.resize(np.arange(n_different), n_rows)
    return X[rows], (y if n_targets else y[:, 0])[rows]


# --- the limits themselves


def test_each_limit_says_where_its_stage_changes():
    limits = RowLimits()
    assert [limits.n_searched(n) for n in (1, 6144, 6152, 40_000, 49_152, 10**6)] == [768, 768, 769, 5000, 6144, 6144]
    own = SWATRegressor(random_state=0)._settings()
    assert [own.held_share(n, 1000) for n in (999, 1000)] == [None, 0.1]
    assert SWATRegressor(early_stopping=True, random_state=0)._settings().held_share(2, 1000) == 0.1
    assert SWATRegressor(early_stopping=False, random_state=0)._settings().held_share(10**6, 1000) is None
    again = np.zeros((3, 1))
    assert [len(count_rows(again, again[:, 0], None, most)[0]) for most in (2, 3)] == [3, 1]


def test_default_limits_are_those_that_the_documentation_names():
    assert [field.default for field in fields(RowLimits)] == [20_000, 1000, 200, 768, 8, 6144, 4096, 20_000, 2000]
    assert SWATRegressor._limits == SWATCompressor._limits == RowLimits()


# --- errors belong to the rows they were measured on


@pytest.fixture
def judged(hard_networks, monkeypatch):
    """What the last polish makes of two networks on 30 rows with weights: path, rows of the search, held-out rows."""
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(30, 3)), rng.integers(1, 5, size=30).astype(float)
    weight[0] = 5.5  # rows are not sorted, and none is merged
    y = np.tanh(X[:, 0]) + 0.2 * rng.normal(size=30)
    networks = hard_networks(1, width=2, n_networks=2)

    def judge(share, errors=None):
        monkeypatch.setattr(judging, "fold_errors", lambda *_: errors)
        table = Table.of(X, y, weight)
        fitted, held = table.split(share, seed=0)
        search = Search(table.standardise(fitted, held), 12, None, SWATRegressor(random_state=0)._settings())
        front = Front()
        front.add(networks, torch.tensor([9, 11]), torch.tensor([1.0, 0.5]), torch.tensor([0, 0]))
        return LastPolish().run(front, search, Outcome(0.0, 0.0)), table, (fitted, held)

    return judge


def test_cross_validated_errors_keep_the_weights_of_the_rows_of_the_search(judged):
    errors = np.random.default_rng(1).uniform(5, 9, size=(2, 12))
    found, table, (fitted, _) = judged(None, errors)
    expected = 1 - np.average(errors, axis=1, weights=table.weight[fitted[:12]])
    assert 1 <= len(found.path.networks) <= 2
    assert all(np.isclose(expected, r2).any() for r2 in found.path.r2_validation)


def test_a_size_is_judged_no_better_than_its_network_fits_the_same_rows(judged):
    found, table, (fitted, _) = judged(None, np.full((2, 12), 1e-9))
    rows = fitted[:12]
    for network, r2 in zip(found.path.networks, found.path.r2_validation, strict=True):
        residuals = table.units.target(network.predict(table.X[rows])) - table.units.target(table.y[0, rows])
        assert 1 - r2 == pytest.approx(np.average(residuals**2, weights=table.weight[rows]))


def test_held_out_errors_keep_the_weights_of_the_held_out_rows(judged, monkeypatch):
    taken = []
    original = judging.found_path
    monkeypatch.setattr(judging, "found_path", lambda path: taken.extend(path) or original(path))
    _, table, (_, held) = judged(0.2)
    assert len(held) == 6
    for one in taken:
        np.testing.assert_array_equal(one.validation_weight, table.weight[held])
        assert len(one.validation_errors) == 6


# --- whole fits


def test_default_fit_of_769_to_999_different_rows_some_of_them_equal(tiny_checkpoint):
    X, y = table_of(800, 790)
    model = SWATRegressor(checkpoint=tiny_checkpoint, **QUICK).fit(X, y)
    assert np.isfinite(model.path_["r2_validation"]).all() and model.score(X, y) > 0.3


@pytest.mark.parametrize("weighted", [False, True], ids=["equal rows", "weights"])
def test_cross_validation_of_more_rows_than_are_searched(tiny_checkpoint, weighted):
    X, y = table_of(55, 55 if weighted else 50)
    weight = np.random.default_rng(0).integers(1, 4, size=len(y)) if weighted else None
    model = limit(SWATRegressor, SMALL, checkpoint=tiny_checkpoint, **QUICK).fit(X, y, weight)
    assert np.isfinite(model.path_["r2_validation"]).all() and model.score(X, y) > 0.3


def test_rare_event_that_the_rows_of_the_last_polish_lack(tiny_checkpoint):
    X, y = np.random.default_rng(0).normal(size=(300, 2)), np.zeros(300)
    y[7] = 1.0
    limits = replace(SMALL, merged=10**4)
    for seed in range(4):
        model = limit(SWATRegressor, limits, checkpoint=tiny_checkpoint, **(QUICK | {"random_state": seed}))
        model.fit(X, y)
        assert np.isfinite(model.predict(X)).all() and np.isfinite(model.path_["r2_train"]).all()


@dataclass
class Case:
    """An estimator with limits of its own, and the arguments of one or two fits."""

    model: Any
    fits: list[tuple[Any, ...]]
    told: str

    def __repr__(self):
        return self.told


REGRESSORS = [
    {},
    {"n_rounds": 1},
    {"depths": (1, 2), "n_rounds": 1},
    {"one_standard_error": True},
    {"early_stopping": True},
    {"early_stopping": True, "validation_fraction": 0.5, "max_blocks": 3},
    {"early_stopping": False, "n_rounds": 1},
    {"warm_start": True, "n_rounds": 1},
    {"warm_start": True, "early_stopping": True},
]
DESCENTS = [{"max_iter": 3, "tol": 1.0}, {"max_iter": 0, "early_stopping": True}, {"max_iter": 0, "warm_start": True}]
COMPRESSORS = [
    {},
    {"n_rounds": 1, "validation_fraction": 0.4},
    {"objective": "accuracy"},
    {"objective": "accuracy", "n_rounds": 1, "split": False},
    {"n_generated": 0},
    {"n_generated": 30},
]


@st.composite
def cases(draw):
    """Numbers of rows lie beside one of the limits, and the limits beside each other."""

    def one(choices):
        return draw(st.sampled_from(list(choices)))

    def about(number, low=1):
        return max(low, number + draw(st.integers(-2, 2)))

    base = draw(st.integers(1, 40))
    some = [1, base, 2 * base]
    limits = RowLimits(
        **{field.name: about(one(some)) for field in fields(RowLimits) if field.name != "share"}
        | {"share": one([1, 2, 8])}
    )
    seed = draw(st.integers(0, 2**16))
    n_columns, n_targets = one([1, 2, 3, 20]), one([0, 0, 2])
    kind = one(["regressor", "regressor", "descent", "compressor"])
    parameters = one({"regressor": REGRESSORS, "descent": DESCENTS, "compressor": COMPRESSORS}[kind])
    weights = None if kind == "compressor" else one([None, None, "counts", "uniform"])
    fits, told = [], [f"{kind}({parameters}), {limits}, {n_columns} columns, {n_targets} targets, weights {weights}"]
    for _ in range(2 if "warm_start" in parameters else 1):
        n_rows = about(one([limits.searched, limits.held_out, limits.polished, limits.merged, 3 * base]), low=4)
        n_rows = min(n_rows, 90)
        n_different = min(n_rows, about(one([n_rows, n_rows, limits.searched, n_rows // 2]), low=3))
        X, y = table_of(n_rows, n_different, n_columns, n_targets, seed)
        weight = None
        if weights is not None:
            rng = np.random.default_rng(seed)
            weight = rng.integers(0, 4, n_rows) + 1e-9 if weights == "counts" else rng.random(n_rows)
        fits.append((X, y) if weight is None else (X, y, weight))
        told.append(f"{n_rows} rows, {n_different} different, seed {seed}")
    if kind == "regressor":
        model = limit(SWATRegressor, limits, **(QUICK | parameters))
    elif kind == "descent":
        model = limit(LatentDescentRegressor, limits, depths=(1,), n_restarts=2, random_state=0, **parameters)
    else:
        learner = one([Ridge(), MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=20, random_state=0)])
        with warnings.catch_warnings(action="ignore"):
            teacher = learner.fit(*fits[0][:2])
        told.append(type(teacher).__name__)
        model = limit(SWATCompressor, limits, teacher, **(QUICK | parameters))
    return Case(model, fits, "; ".join(told))


def check(case, checkpoint):
    """Let every fit of a case end well, with a path that is judged wherever something judges it."""
    model = case.model.set_params(checkpoint=str(checkpoint))
    for arguments in case.fits:
        X, y = arguments[:2]
        model.fit(*arguments)
        assert model.predict(X).shape == y.shape and np.isfinite(model.predict(X)).all()
        path = model._path
        assert np.isfinite(path.r2_train).all()
        if not isinstance(model, LatentDescentRegressor):
            assert np.isfinite(path.r2_validation).all() and np.isfinite(path.standard_error).all()
        assert (np.diff(path.n_nonzero) >= 0).all() and (np.diff(path.r2_train) >= 0).all()


FUZZ = settings(suppress_health_check=list(HealthCheck))


@settings(FUZZ, max_examples=40)
@given(case=cases())
def test_any_rows_and_limits_end_in_a_path(tiny_checkpoint, case):
    check(case, tiny_checkpoint)


@pytest.mark.slow
@settings(FUZZ, max_examples=300)
@given(case=cases())
def test_any_of_many_rows_and_limits_end_in_a_path(tiny_checkpoint, case):
    check(case, tiny_checkpoint)

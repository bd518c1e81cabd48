"""Any table at all: a finite prediction of the right shape, or a message that was written on purpose."""

import ast
import functools
import random
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

import sk_swat
from sk_swat import LatentDescentRegressor

HOME = tempfile.TemporaryDirectory()  # otherwise collecting these tests leaves a folder of hypothesis behind
set_hypothesis_home_dir(HOME.name)
SK_SWAT, SKLEARN = Path(sk_swat.__file__).parent, Path(sklearn.__file__).parent

# --- numbers

COLUMNS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed": lambda rng, n: np.exp(3 * rng.normal(size=n)),
    "counts": lambda rng, n: rng.integers(-3, 4, n).astype(float),
    "binary": lambda rng, n: (rng.random(n) < 0.5).astype(float),
    "constant": lambda rng, n: np.full(n, rng.normal()),
    "zero": lambda rng, n: np.zeros(n),
    "one row differs": lambda rng, n: (np.arange(n) == rng.integers(n)).astype(float),
    "nearly constant": lambda rng, n: 1 + 1e-14 * rng.normal(size=n),
    "outlier": lambda rng, n: np.where(np.arange(n) == rng.integers(n), 1e12, rng.normal(size=n)),
    "ramp": lambda rng, n: np.linspace(-1, 1, n),
}
SCALES = [1.0, 1.0, 1.0, 1e-8, 1e8, 1e-30, 1e30, 1e-150, 1e150, 1e-300, 1e290, 1e300, 5e-324]
OFFSETS = [0.0, 0.0, 0.0, 1.0, -1e3, 1e8, 1e15]


def numbers(rng, shape, kinds, scales, offsets):
    """Columns of the given kinds, scales and offsets in turn."""
    n_rows, n_columns = shape
    columns = [
        scales[j % len(scales)] * (COLUMNS[kinds[j % len(kinds)]](rng, n_rows) + offsets[j % len(offsets)])
        for j in range(n_columns)
    ]
    return np.column_stack(columns)


# --- types


def first(a):
    return np.arange(a.size).reshape(a.shape) == 0


TYPES = {
    "float64": lambda a: a,
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "longdouble": lambda a: a.astype(np.longdouble),
    "beyond float64": lambda a: a.astype(np.longdouble) * np.longdouble(10) ** 400,
    "big endian": lambda a: a.astype(">f8"),
    "int64": lambda a: a.astype(np.int64),
    "int8": lambda a: a.astype(np.int8),
    "uint64": lambda a: a.astype(np.uint64),
    "bool": lambda a: a > 0,
    "objects": lambda a: a.astype(object),
    "large integers": lambda a: np.arange(a.size).astype(object).reshape(a.shape) ** 30,
    "None among objects": lambda a: np.where(first(a), None, a),
    "texts of numbers": lambda a: a.astype(str),
    "text among objects": lambda a: np.where(first(a), "one", a.astype(object)),
    "texts": lambda a: np.where(a > 0, "yes", "no"),
    "bytes": lambda a: np.where(a > 0, b"1", b"2"),
    "complex": lambda a: a + 1j,
    "complex objects": lambda a: (a + 1j).astype(object),
    "datetime": lambda a: np.arange(a.size).reshape(a.shape).astype("datetime64[D]"),
    "timedelta": lambda a: np.arange(a.size).reshape(a.shape).astype("timedelta64[s]"),
    "records": lambda a: a.astype([("value", float)]),
}

# --- containers

ODD_NAMES = ["gr\u00f6\u00dfe [\u00b5m]", "", " ", "x\ny", "\U0001f600", "a,b", "0", "def"]


def frame(names):
    return lambda a: pd.DataFrame(a, columns=names(a.shape[1])) if a.ndim == 2 else pd.Series(a, name="target")


def stride(a):
    wide = np.zeros((2 * len(a), *a.shape[1:]), dtype=a.dtype)
    wide[::2] = a
    return wide[::2]


def read_only(a):
    a = a.copy()
    a.setflags(write=False)
    return a


class Interface:
    """An array that is none, but says how to become one."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype=dtype)


CONTAINERS = {
    "array": lambda a: a,
    "Fortran": np.asfortranarray,
    "strided": stride,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "read-only": read_only,
    "list": lambda a: a.tolist(),
    "tuple of rows": lambda a: tuple(a),
    "names": frame(lambda n: [f"x{j}" for j in range(n)]),
    "names in another order": frame(lambda n: [f"x{j}" for j in reversed(range(n))]),
    "odd names": frame(lambda n: [ODD_NAMES[j % len(ODD_NAMES)] + "'" * j for j in range(n)]),
    "equal names": frame(lambda n: ["x"] * n),
    "numbers as names": frame(range),
    "mixed names": frame(lambda n: [j if j % 2 else str(j) for j in range(n)]),
    "two levels of names": frame(lambda n: pd.MultiIndex.from_product([["a"], range(n)])),
    "index of dates": lambda a: frame(range)(a).set_axis(pd.date_range("2000-01-01", periods=len(a))),
    "nullable": lambda a: frame(range)(a).convert_dtypes(),
    "categories": lambda a: frame(range)(a).astype("category"),
    "masked array": lambda a: np.ma.masked_array(a, mask=np.zeros(a.shape, dtype=bool)),
    "tensor": lambda a: torch.from_numpy(np.ascontiguousarray(a)),
    "own class": Interface,
    "matrix": np.asmatrix,
    "sparse": lambda a: scipy.sparse.csr_matrix(a.reshape(len(a), -1)),
    "sparse array": lambda a: scipy.sparse.coo_array(a.reshape(len(a), -1)),
    "one dimension more": lambda a: a[..., None, None],
    "flat": lambda a: a.ravel(),
    "number": lambda a: a.flat[0],
    "no rows": lambda a: a[:0],
    "no columns": lambda a: a.reshape(len(a), -1)[:, :0],
    "one row less": lambda a: a[1:],
    "ragged": lambda a: [row.tolist() * (1 + (i == 0)) for i, row in enumerate(a.reshape(len(a), -1))],
    "generator": lambda a: (row for row in a),
    "dictionary": lambda a: {"x": a},
    "text": lambda a: "a table",
    "None": lambda a: None,
}
USUAL = list(CONTAINERS)[:8]

WEIGHTS = {
    "ones": lambda rng, n: np.ones(n),
    "counts": lambda rng, n: rng.integers(0, 4, n),
    "uniform": lambda rng, n: rng.random(n),
    "one row": lambda rng, n: (np.arange(n) == rng.integers(n)).astype(float),
    "zeros": lambda rng, n: np.zeros(n),
    "all scales": lambda rng, n: 10.0 ** rng.integers(-30, 30, n),
    "tiny": lambda rng, n: 1e-300 * rng.random(n),
    "huge": lambda rng, n: 1e300 * rng.random(n),
    "negative": lambda rng, n: rng.normal(size=n),
    "nan": lambda rng, n: np.where(np.arange(n) == 0, np.nan, 1.0),
    "inf": lambda rng, n: np.where(np.arange(n) == 0, np.inf, 1.0),
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "list": lambda rng, n: rng.random(n).tolist(),
    "series": lambda rng, n: pd.Series(rng.random(n), index=range(5, 5 + n)),
    "number": lambda rng, n: 2.0,
    "column": lambda rng, n: np.ones((n, 1)),
    "too short": lambda rng, n: np.ones(n - 1),
    "texts": lambda rng, n: ["1"] * n,
    "words": lambda rng, n: ["heavy"] * n,
    "complex": lambda rng, n: np.ones(n) * 1j,
    "dates": lambda rng, n: np.arange(n).astype("datetime64[D]"),
}


# --- cases

REGRESSORS = [
    ("quick", {}),
    ("quick", {"depths": (1, 3)}),
    ("quick", {"init": "random", "n_generations": 0, "readout": "decoded"}),
    ("quick", {"early_stopping": True, "validation_fraction": 0.3}),
    ("quick", {"max_nonzero": 20, "warm_start": True}),
    ("refined", {}),
    ("refined", {"early_stopping": "auto"}),
    ("refined", {"max_blocks": 3, "validation_fraction": 0.3}),
    ("refined", {"one_standard_error": True, "n_rounds": 2, "validation_fraction": 0.4}),
    ("refined", {"depths": (2,), "max_nonzero": 8, "time_limit": 0.05}),
]
ODDITIES = ["numbers", "bad number", "rows", "type of X", "type of y", "form of X", "form of y", "weight", "new table"]


@dataclass
class Case:
    """A regressor, and the arguments of a fit and of a predict."""

    kind: str
    parameters: dict[str, Any]
    X: Any
    y: Any
    sample_weight: Any
    X_new: Any
    told: str

    def __repr__(self):
        return self.told


def dress(a, kind, container):
    """Numbers in a type and a container; as they are where there is no such thing, as a sparse matrix of texts."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return CONTAINERS[container](TYPES[kind](a))
    except (IndexError, NotImplementedError, TypeError, ValueError):
        return a


@st.composite
def cases(draw):
    """Up to three things are odd at a time, so that one refusal does not hide all others."""

    def one(choices):
        return draw(st.sampled_from(list(choices)))

    def several(choices):
        return draw(st.lists(st.sampled_from(list(choices)), min_size=1, max_size=3))

    odd = draw(st.sets(st.sampled_from(ODDITIES), max_size=3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n_rows = draw(st.one_of(st.integers(1, 4), st.integers(1, 60)))
    n_columns = draw(st.one_of(st.integers(1, 4), st.integers(1, 40)))
    n_targets = one([0, 0, 0, 1, 2, 3])  # 0: a vector
    kind, parameters = one(REGRESSORS)
    told = [f"{kind}({parameters})", f"{n_rows} rows, {n_columns} columns, {n_targets} targets", f"seed {seed}"]

    with np.errstate(all="ignore"):
        if "numbers" in odd:
            looks = [several(COLUMNS), several(SCALES), several(OFFSETS)]
            y_looks = [several(COLUMNS), several(SCALES), several(OFFSETS)]
            X = numbers(rng, (n_rows, n_columns), *looks)
            y = numbers(rng, (n_rows, max(1, n_targets)), *y_looks)
            told += [f"X of {looks}", f"y of {y_looks}"]
        else:
            X = rng.normal(size=(n_rows, n_columns))
            y = np.tanh(2 * X[:, :1]) + 0.1 * rng.normal(size=(n_rows, max(1, n_targets)))
    y = y if n_targets else y[:, 0]
    if "rows" in odd:
        again = rng.integers(0, max(1, n_rows // 3), n_rows)
        X, y = X[again], y[again]
        told.append("repeated rows")
    rows, n_new = np.arange(n_rows), n_columns
    if "new table" in odd:
        rows = rng.integers(0, n_rows, one([1, 2, 7, n_rows]))
        n_new = max(1, n_columns + one([0, 0, 0, -1, 1]))
    X_new = np.resize(X[rows], (len(rows), n_new)) if n_new != n_columns else X[rows]
    if "bad number" in odd:
        where, value = one(["X", "y", "X_new"]), one([np.nan, np.inf, -np.inf])
        a = {"X": X, "y": y, "X_new": X_new}[where]
        a.flat[rng.integers(a.size)] = value
        told.append(f"{value} in {where}")

    X_looks = one(TYPES if "type of X" in odd else ["float64"]), one(CONTAINERS if "form of X" in odd else USUAL)
    y_looks = one(TYPES if "type of y" in odd else ["float64"]), one(CONTAINERS if "form of y" in odd else USUAL)
    new_looks = (one(TYPES), one(CONTAINERS)) if "new table" in odd else X_looks
    weight = one(WEIGHTS) if "weight" in odd else None
    told += [f"X {X_looks}, y {y_looks}, weight {weight}, X_new {X_new.shape} {new_looks}"]
    return Case(
        kind,
        parameters,
        dress(X, *X_looks),
        dress(y, *y_looks),
        None if weight is None else WEIGHTS[weight](rng, n_rows),
        dress(X_new, *new_looks),
        "; ".join(told),
    )


# --- what every case must give


@functools.cache
def lines_that_raise(path):
    """Numbers of the lines of a source file that belong to a raise."""
    raises = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise)]
    return {line for node in raises for line in range(node.lineno, node.end_lineno + 1)}


def assert_meant(error):
    """The message was written by sk_swat, or comes from the checks of scikit-learn that sk_swat calls."""
    steps = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    last = max(i for i, (path, _) in enumerate(steps) if path.is_relative_to(SK_SWAT))
    path, line = steps[last]
    if last + 1 < len(steps):
        meant = steps[last + 1][0].is_relative_to(SKLEARN / "utils")
    else:
        meant = line in lines_that_raise(path)
    whole = "".join(traceback.format_exception(error))
    assert meant and isinstance(error, (ValueError, TypeError)) and len(str(error)) > 10, whole


NAMES = ("SWATRegressor", "LatentDescentRegressor")


def assert_documented(warning, refused):
    documented = [
        "A column-vector y was passed when a 1d array was expected",
        *(f"X has feature names, but {name} was fitted without feature names" for name in NAMES),
        *(f"X does not have valid feature names, but {name} was fitted with feature names" for name in NAMES),
    ]
    if refused:  # by scikit-learn's look for infinite numbers
        documented += ["overflow encountered in cast", "invalid value encountered in reduce"]
    text = str(warning.message)
    assert text.startswith(tuple(documented)), f"{warning.filename}:{warning.lineno}: {text}"


def assert_prediction(prediction, X, n_targets):
    n_rows = len(np.asarray(X))
    assert prediction.dtype == np.float64
    assert prediction.shape == ((n_rows,) if n_targets == 1 else (n_rows, n_targets))
    assert np.isfinite(prediction).all()


def mark(argument):
    """A text that changes when the argument does."""
    if scipy.sparse.issparse(argument):
        return joblib.hash([argument.data, argument.shape, argument.nnz])
    if isinstance(argument, torch.Tensor):
        return joblib.hash(argument.numpy())
    if isinstance(argument, np.ma.MaskedArray):
        return joblib.hash([argument.data, argument.mask])
    return "" if hasattr(argument, "__next__") else joblib.hash(argument)


def global_states():
    return (
        joblib.hash([np.random.get_state(), random.getstate(), torch.random.get_rng_state().numpy()]),  # noqa: NPY002
        np.geterr(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )


def outcome_of(model, case):
    """Fit, predict on the same table, predict on another one; "predicted", or what was said instead."""
    before = dict(vars(model))
    try:
        model.fit(case.X, case.y, case.sample_weight)
    except Exception as error:
        assert_meant(error)
        assert vars(model) == before
        return f"fit: {error}"
    n_targets = model.network_.n_outputs
    assert_prediction(model.predict(case.X), case.X, n_targets)
    try:
        prediction = model.predict(case.X_new)
    except Exception as error:
        assert_meant(error)
        return f"predict: {error}"
    assert_prediction(prediction, case.X_new, n_targets)
    return "predicted"


def check(case, make):
    """Let a case have one of the outcomes that are meant, without any trace of it elsewhere."""
    model = make[case.kind](**case.parameters)
    arguments = (case.X, case.y, case.sample_weight, case.X_new)
    marks, states = [mark(argument) for argument in arguments], global_states()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = outcome_of(model, case)
    for warning in caught:
        assert_documented(warning, refused=outcome != "predicted")
    assert [mark(argument) for argument in arguments] == marks
    assert global_states() == states
    return outcome


FUZZ = settings(suppress_health_check=list(HealthCheck))


@settings(FUZZ, max_examples=60)
@given(case=cases())
def test_any_table_gives_a_prediction_or_a_message(quick, refined, case):
    check(case, {"quick": quick, "refined": refined})


@pytest.mark.slow
@settings(FUZZ, max_examples=800)
@given(case=cases())
def test_any_of_many_tables_gives_a_prediction_or_a_message(quick, refined, case):
    check(case, {"quick": quick, "refined": refined})


# --- that the questions can be answered wrongly


@pytest.mark.parametrize("fault", ["int('a')", "[][0]", "np.zeros(2) @ np.zeros(3)", "torch.ones(2) @ torch.ones(3)"])
def test_an_accident_inside_the_package_is_not_taken_for_a_message(quick, table, fault, monkeypatch):
    monkeypatch.setattr("sk_swat.estimators.parameters.draw_seed", lambda state: eval(fault))
    case = Case("quick", {}, *table, None, table[0], "")
    with pytest.raises(AssertionError, match="Error"):
        check(case, {"quick": quick})


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "deed",
    [
        lambda X: X.__setitem__((0, 0), 5.0),
        lambda X: np.random.rand(),  # noqa: NPY002 (the global state is the point)
        lambda X: torch.rand(1),
        lambda X: warnings.warn("a warning", UserWarning, stacklevel=2),
    ],
)
def test_a_trace_left_behind_is_found(quick, table, deed, monkeypatch):
    predict = LatentDescentRegressor.predict
    X, y = table[0].copy(), table[1]

    def predict_and_more(self, table):
        deed(X)
        return predict(self, table)

    monkeypatch.setattr(LatentDescentRegressor, "predict", predict_and_more)
    with pytest.raises(AssertionError):
        check(Case("quick", {}, X, y, None, X, ""), {"quick": quick})

"""What comes in from Python is checked; hostile values are survived."""

import numpy as np
import psutil
import pytest

from sk_swat.refine import _core

SIZES = [2, 3, 1]  # 13 places, 3 neurons
VALUES, KINDS = np.ones((1, 13)), np.zeros((1, 3), dtype=np.int32)
X, Y = np.random.default_rng(0).normal(size=(20, 2)), np.ones((1, 20))
ROWS = _core.Rows(X, Y, None, None, None)
ONE = np.ones(1)


def call(function="fit", how=None, **changes):
    """A call that is right but for the changes."""
    settings = {"sizes": SIZES, "values": VALUES, "kinds": KINDS, "rows": [ROWS]}
    own = {
        "fit": {"free": None, "n_steps": 3, "ridge": ONE * 1e-6, "damping": ONE},
        "prune": {
            "smallest": np.ones(1, np.int64), "n_polish": 2, "share": 0.1, "x_centred": True, "y_centred": True,
            "criterion": None,
        },
    }  # fmt: skip
    settings |= own.get(function, {}) | {"how": _core.How() if how is None else how}
    if function == "equations":
        settings["free"] = None
    return getattr(_core, function)(**(settings | changes))


@pytest.mark.parametrize("function", ["fit", "prune", "outputs", "pull", "equations"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": []}, "sizes must be those of inputs, hidden layers and outputs"),
        ({"sizes": [2]}, "sizes must be those of inputs, hidden layers and outputs"),
        ({"sizes": [2, 0, 1]}, "sizes must be above zero, got 0"),
        ({"sizes": [2, -3, 1]}, "sizes must be above zero, got -3"),
        ({"sizes": [2**31 - 1, 2**31 - 1, 1]}, "networks must have fewer than 1e9 places"),
        ({"values": np.ones((1, 12))}, r"values must have shape \(n_networks, 13\), got \(1, 12\)"),
        ({"values": np.ones((2, 13))}, r"kinds must have shape \(2, 3\), got \(1, 3\)"),
        ({"kinds": np.zeros((1, 4), np.int32)}, r"kinds must have shape \(1, 3\), got \(1, 4\)"),
        ({"kinds": np.full((1, 3), 6, np.int32)}, "kinds must be below 6 where rows have no other activations, got 6"),
        ({"rows": []}, "rows must be one, or one for each network, got 0 for 1"),
        ({"rows": [None]}, "rows must be a list of Rows, got None in it"),
        ({"rows": [ROWS, ROWS]}, "rows must be one, or one for each network, got 2 for 1"),
        ({"rows": [_core.Rows(X, np.ones((2, 20)), None, None, None)]}, "got 1 outputs and 2 targets"),
        ({"rows": [_core.Rows(X[:, :1], Y, None, None, None)]}, "got 2 inputs and 1 columns"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(function, changes, message):
    with pytest.raises(ValueError, match=message):
        call(function, **changes)


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        ("fit", {"free": np.ones((1, 12), np.uint8)}, r"free must have the shape of values, got \(1, 12\)"),
        ("fit", {"free": np.ones((2, 13), np.uint8)}, "free must have the shape of values"),
        ("equations", {"free": np.ones((1, 12), np.uint8)}, "free must have the shape of values"),
        ("equations", {"free": np.ones((0, 13), np.uint8)}, "free must have the shape of values"),
        ("fit", {"ridge": np.ones(2)}, r"must have shape \(1,\), got \(2,\) and \(1,\)"),
        ("fit", {"damping": np.ones(0)}, r"ridge and damping must have shape \(1,\)"),
        ("prune", {"smallest": np.ones(3, np.int64)}, r"smallest must have shape \(1,\), got \(3,\)"),
        ("equations", {"values": np.ones((2, 13)), "kinds": np.zeros((2, 3), np.int32)}, "those of one network, got 2"),
        ("fit", {"how": _core.How("sse9")}, r"kernels must be one of those that kernel_names\(\) gives, got 'sse9'"),
        ("fit", {"how": _core.How(n_threads=0)}, "n_threads must be above zero, got 0"),
        ("fit", {"how": _core.How(n_threads=-2)}, "n_threads must be above zero, got -2"),
        ("fit", {"how": _core.How(look_every=-1.0)}, "look_every must be between 0 and 60 seconds, got -1"),
        ("fit", {"how": _core.How(look_every=float("nan"))}, "look_every must be between 0 and 60 seconds, got nan"),
    ],
)
def test_settings_that_do_not_fit_are_refused(function, changes, message):
    with pytest.raises(ValueError, match=message):
        call(function, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": np.eye(12)}, "matrix and removable must be of all 13 places"),
        ({"matrix": np.ones((13, 12))}, "matrix and removable must be of all 13 places"),
        ({"removable": np.ones(12, np.uint8)}, "matrix and removable must be of all 13 places"),
        ({"removable": np.zeros(13, np.uint8)}, "removable must have a parameter that is not zero"),
        ({"values": np.zeros((1, 13))}, "removable must have a parameter that is not zero"),
        ({"values": np.ones((2, 13)), "kinds": np.zeros((2, 3), np.int32)}, "those of one network, got 2"),
    ],
)
def test_curvatures_that_do_not_fit_are_refused(changes, message):
    settings = {"sizes": SIZES, "values": VALUES, "kinds": KINDS, "matrix": np.eye(13), "ridge": 0.0, "wanted": 1.0}
    settings |= {"removable": np.ones(13, np.uint8), "how": _core.How()}
    assert _core.removals(**settings).sum() >= 1
    with pytest.raises(ValueError, match=message):
        _core.removals(**(settings | changes))


@pytest.mark.parametrize("hostile", [np.nan, np.inf, -np.inf, 1e308])
def test_hostile_curvature_still_lets_something_go(hostile):
    for matrix in (np.full((13, 13), hostile), np.diag(np.r_[hostile, np.ones(12)])):
        for where in ("matrix", "ridge", "wanted"):
            settings = {"matrix": np.eye(13), "ridge": 0.0, "wanted": 2.0} | {
                where: matrix if where == "matrix" else hostile
            }
            removable = np.r_[np.zeros(6, np.uint8), np.ones(7, np.uint8)]
            gone = _core.removals(SIZES, VALUES, KINDS, removable=removable, how=_core.How(), **settings)
            assert gone.any() and not gone[:6].any()


@pytest.mark.parametrize("free", [np.ones((1, 12), np.uint8), np.ones((2, 13), np.uint8)])
def test_saliencies_of_a_mask_that_does_not_fit_are_refused(free):
    with pytest.raises(ValueError, match="free must have the shape of values"):
        _core.saliencies(SIZES, VALUES, KINDS, [ROWS], free, 0.0, _core.How())


@pytest.mark.parametrize(
    "changes",
    [
        {"values": np.ones(13)},
        {"values": None},
        {"values": np.array([["a"] * 13])},
        {"kinds": np.zeros(3, np.int32)},
        {"rows": [None]},
        {"rows": ROWS},
        {"sizes": [2.5, 3, 1]},
        {"sizes": [2**40, 3, 1]},
        {"n_steps": 2**40},
        {"how": 3},
    ],
)
def test_other_types_are_refused(changes):
    with pytest.raises((TypeError, ValueError)):
        call("fit", **changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((0, 2)), np.ones((1, 0))), "rows must be at least one, got none"),
        ((X, np.ones((1, 19))), r"y must have shape \(n_targets, 20\), got \(1, 19\)"),
        ((X, np.ones((0, 20))), r"y must have shape \(n_targets, 20\), got \(0, 20\)"),
        ((X, Y, np.ones(19)), r"weight must have shape \(20,\), got \(19,\)"),
    ],
)
def test_tables_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        _core.Rows(*arguments, *[None] * (5 - len(arguments)))


@pytest.mark.parametrize("function", ["fit", "prune", "outputs", "pull"])
def test_no_networks_give_no_results(function):
    none = {"values": np.ones((0, 13)), "kinds": np.zeros((0, 3), np.int32)}
    none |= {"fit": {"ridge": np.ones(0), "damping": np.ones(0)}, "prune": {"smallest": np.ones(0, np.int64)}}.get(
        function, {}
    )
    for rows in ([ROWS], []):
        for how in (_core.How(), _core.How(n_threads=4)):
            result = call(function, how=how, rows=rows, **none)
            assert all(len(one) == 0 for one in (result if isinstance(result, tuple) else [result]))


@pytest.mark.parametrize("hostile", [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
@pytest.mark.parametrize("where", ["X", "y", "weight", "values", "ridge", "damping"])
def test_hostile_numbers_are_survived_and_never_taken_for_a_success(where, hostile):
    tables = {"X": X.copy(), "y": Y.copy(), "weight": np.ones(20)}
    values, ridge, damping = np.random.default_rng(1).normal(size=(1, 13)), ONE * 1e-6, ONE.copy()
    if where in tables:
        tables[where].flat[3] = hostile
    else:
        {"values": values, "ridge": ridge, "damping": damping}[where].flat[0] = hostile
    rows = [_core.Rows(*tables.values(), None, None)]
    for kinds in range(6):
        given = {"values": values, "kinds": np.full((1, 3), kinds, np.int32), "rows": rows}
        found, error, _, accepted = call("fit", ridge=ridge, damping=damping, **given)
        outputs = call("outputs", **(given | {"values": found}))
        with np.errstate(all="ignore"):
            weight = tables["weight"]
            truth = (weight * (outputs[0] - tables["y"]) ** 2).sum() / weight.sum()
        np.testing.assert_allclose(error[0], truth, rtol=1e-9)
        if not accepted[0]:
            np.testing.assert_array_equal(found, values)
        call("prune", **given)
        call("pull", **given)
        call("equations", **given)


def test_networks_without_parameters_or_neurons_are_fitted():
    values, error, *_ = call("fit", values=np.zeros((1, 13)))
    assert not values.any() and error[0] == 1.0
    values, error, *_ = call("fit", kinds=np.full((1, 3), -1, np.int32))
    assert np.flatnonzero(values).tolist() == [12]  # the output's bias is all that is left
    assert error[0] < 1e-9
    assert call("prune", values=np.zeros((1, 13)))[2].tolist() == [0]


def test_rows_live_as_long_as_the_work_on_them():
    """A list may change while the core works on what it held."""
    rows = []

    def loss(r):
        rows.clear()
        junk.append(np.full(10 * len(X), 7.0))
        return r**2, 2 * r, np.full_like(r, 2.0)

    junk, table = [], (np.tile(X, (500, 1)), np.tile(Y, 500), None)
    expected = call("fit", rows=[_core.Rows(*table, None, None)])[1]
    rows.append(_core.Rows(*table, loss, None))
    np.testing.assert_allclose(call("fit", rows=rows)[1], expected, rtol=1e-6)
    assert not rows


def test_evaluation_that_was_stopped_gives_nothing():
    given = {"sizes": SIZES, "values": np.ones((4, 13)), "kinds": np.zeros((4, 3), np.int32), "rows": [ROWS]}
    for stop, whole in ((lambda: True, False), (lambda: False, True)):
        given["how"] = _core.How(stop=stop)
        found = _core.outputs(**given), _core.pull(**given), _core.saliencies(**given, free=None, ridge=1e-6)
        assert [one is not None for one in found] == [whole] * 3


def test_nothing_is_begun_after_an_exception():
    """Stopping must not take as long as the losses of all other networks."""
    n_calls = 0

    def loss(r):
        nonlocal n_calls
        n_calls += 1
        return r**2, 2 * r, np.full_like(r, 2.0)

    def stop():
        if n_calls >= 3:
            raise ArithmeticError
        return False

    many = {"values": np.ones((50, 13)), "kinds": np.zeros((50, 3), np.int32)}
    many |= {"ridge": np.ones(50), "damping": np.ones(50), "rows": [_core.Rows(X, Y, None, loss, None)]}
    with pytest.raises(ArithmeticError):
        call("fit", how=_core.How(stop=stop, look_every=0.0), **many)
    assert n_calls == 3


def test_loss_that_is_no_number_after_a_removal_is_a_leap():
    """Then another parameter goes instead, as when the loss is large."""

    def loss(r):
        return np.where(np.abs(r) < 2, r**2, np.nan), 2 * r, np.full_like(r, 2.0)

    table = np.zeros((1000, 2))
    table[0, 0], table[:, 1] = 5.0, 0.3 * np.sign(np.sin(np.arange(1000)))
    rows = [_core.Rows(table, table.sum(1)[None], None, loss, None)]
    given = {"sizes": [2, 1], "values": np.array([[1.0, 1.0, 0.0]]), "kinds": np.zeros((1, 0), np.int32), "rows": rows}
    values, _, size, error, _ = call("prune", **given)
    assert size.tolist() == [2, 1]
    assert values[1, 0] != 0.0  # what is cheaper by the quadratic model must stay
    assert np.isfinite(error).all()


def test_weights_of_zero_take_rows_out():
    weight = np.r_[np.ones(15), np.zeros(5)]
    truth = call("fit", rows=[_core.Rows(X[:15], Y[:, :15], None, None, None)])
    hidden = Y.copy()
    hidden[:, 15:] = 7.0
    got = call("fit", rows=[_core.Rows(X, hidden, weight, None, None)])
    np.testing.assert_allclose(got[0], truth[0], rtol=1e-9)


def test_ten_thousand_fits_leak_nothing():
    """Memory of the process, after fits that end well, by an exception, and with functions of Python."""

    def wrong(r):
        raise ArithmeticError

    failing = [_core.Rows(X, Y, None, wrong, None)]
    python = [_core.Rows(X, Y, ONE.repeat(20), lambda r: (r**2, 2 * r, np.full_like(r, 2.0)), None)]

    def fits(n):
        for i in range(n):
            how = _core.How(n_threads=2 if i % 100 == 0 else 1)
            call("fit", how=how, rows=[_core.Rows(X, Y, None, None, None)])
            if i % 10 == 0:
                call("prune", how=how)
                call("fit", rows=python)
                with pytest.raises(ArithmeticError):
                    call("fit", rows=failing, how=how)
                with pytest.raises(ValueError, match="sizes"):
                    call("fit", sizes=[])
        return psutil.Process().memory_info().rss

    before = fits(1000)
    assert fits(10_000) - before < 1e6  # 100 bytes a fit: less than the values of one network

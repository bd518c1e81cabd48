"""Pictures of networks, paths, searches and surfaces: they show the data, and nothing covers anything."""

import itertools
import math
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_swat
from sk_swat import SparseMLP, SWATRegressor
from sk_swat.displays import LossCurveDisplay, NetworkDisplay, PathDisplay, SurfaceDisplay, network_html
from sk_swat.displays._layout import activation_curve
from sk_swat.displays._spreads import strengths
from sk_swat.displays.text import estimator_text
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.fit_summary import FitSummary

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.colors import to_rgba  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

BLUE, VERMILION = "#0072B2", "#D55E00"
DISPLAYS = (NetworkDisplay, PathDisplay, LossCurveDisplay)
LONG = [f"mean daily temperature outside at station number {i} (degrees Celsius)" for i in range(20)]


def network(sizes, density=0.5, seed=0, names=None, columns=None):
    """A random network; only the first `columns` of its inputs may be used."""
    rng = np.random.default_rng(seed)
    coefs = [rng.normal(size=pair) * (rng.random(pair) < density) for pair in itertools.pairwise(sizes)]
    coefs[0][sizes[0] if columns is None else columns :] = 0
    biases = [rng.normal(size=size) * (rng.random(size) < 0.6) for size in sizes[1:]]
    activations = [[ACTIVATION_NAMES[i] for i in rng.integers(0, 6, size)] for size in sizes[1:-1]]
    return SparseMLP(coefs, biases, activations, names)


HARD = {
    "depth 4": network([5, 6, 5, 4, 3, 1]),
    "20 inputs": network([20, 8, 1], 0.4, 1),
    "30 inputs, 10 neurons, 3 outputs": network([30, 10, 3], 0.6, 2),
    "depth 4, 8 neurons a layer": network([30, 8, 8, 8, 8, 2], 0.35, 8),
    "long names": network([20, 6, 4, 1], 0.5, 4, LONG),
    "200 columns": network([200, 6, 3, 1], 0.5, 5, columns=5),
    "linear": network([6, 1], 0.7, 6),
    "linear, 40 columns": network([40, 3], 0.1, 6),
    "constant": SparseMLP.constant(3, 2.0),
    "constant of 200 columns": SparseMLP.constant(200, -2.0),
    "one neuron": network([1, 1, 1], 1.0, 7),
    "odd names": network([4, 3, 1], 1.0, 9, ["a$b$", "$\\foo$", "<b>&x", "x\ny_2^3"]),
}


@pytest.fixture(autouse=True, scope="module")
def _without_windows():
    matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="module")
def fitted(refined, table):
    """A regressor with a path, of a DataFrame with named columns."""
    X, y = table
    return refined().fit(pd.DataFrame(X, columns=["age", "height", "idle"]), y)


@pytest.fixture(scope="module")
def descended(quick, table):
    return quick().fit(*table)


def new_ax():
    return Figure(figsize=(6, 6)).subplots()


def visible_ticks(axis):
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    ticks = [tick for tick in axis.get_major_ticks() if low - slack <= tick.get_loc() <= high + slack]
    return [tick.label1 for tick in ticks if tick.label1.get_visible()]


def texts(figure):
    """Everything written in a figure."""
    found = []
    for ax in figure.axes:
        legend = ax.get_legend()
        found += [*ax.texts, *(legend.get_texts() if legend else [])]
        if ax.axison:
            found += [ax.xaxis.label, ax.yaxis.label, *visible_ticks(ax.xaxis), *visible_ticks(ax.yaxis)]
        found += [ax.title, ax._left_title, ax._right_title]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def assert_nothing_overlaps(figure):
    figure.set_dpi(96)
    figure.draw_without_rendering()
    assert round(figure.bbox.width) == 600
    boxes = [(text, text.get_window_extent()) for text in texts(figure)]
    for text, box in boxes:
        assert box.x0 >= -0.5 and box.x1 <= figure.bbox.width + 0.5, text
        assert box.y0 >= -0.5 and box.y1 <= figure.bbox.height + 0.5, text
    for (first, box), (second, other) in itertools.combinations(boxes, 2):
        slanted = first.get_rotation() == second.get_rotation() == 45
        if slanted and abs(box.y1 - other.y1) < 5:  # of one axis, parallel: their right upper corners are apart
            assert abs(box.x1 - other.x1) * math.sin(math.pi / 4) >= first.get_fontsize() * 96 / 72, (first, second)
            continue
        wide = min(box.x1, other.x1) - max(box.x0, other.x0)
        high = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert wide <= 0.5 or high <= 0.5, (first, second)


def n_weights(net):
    return sum(np.count_nonzero(coef) for coef in net.prune().coefs)


def test_the_hard_networks_are_hard():
    assert HARD["depth 4"].prune().depth == HARD["depth 4, 8 neurons a layer"].prune().depth == 4
    assert len(HARD["30 inputs, 10 neurons, 3 outputs"].used_features) == 30
    assert HARD["30 inputs, 10 neurons, 3 outputs"].n_neurons == 10
    assert len(HARD["long names"].used_features) >= 10


# ---- the network


@pytest.mark.parametrize("name", HARD)
def test_each_weight_of_the_pruned_network_is_one_edge(name):
    display = NetworkDisplay.from_network(HARD[name], ax=new_ax())
    assert len(display.edges_.get_segments()) == n_weights(HARD[name])
    assert len(display.neurons_) == HARD[name].n_neurons


@pytest.mark.parametrize("name", HARD)
def test_no_text_covers_another_text_or_neuron(name):
    display = NetworkDisplay.from_network(HARD[name])
    assert_nothing_overlaps(display.figure_)
    circles = [circle.get_window_extent() for circle in display.neurons_]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(circles, 2))
    for text in texts(display.figure_):
        assert not any(text.get_window_extent().overlaps(circle) for circle in circles), text
    assert min(text.get_fontsize() for text in texts(display.figure_)) >= 8


def test_text_fits_into_small_axes_as_well():
    figure = Figure(figsize=(6.25, 6.25))
    hard = ("20 inputs", "long names", "30 inputs, 10 neurons, 3 outputs", "200 columns")
    for ax, name in zip(figure.subplots(2, 2).flat, hard, strict=True):
        NetworkDisplay.from_network(HARD[name], ax=ax)
    assert_nothing_overlaps(figure)


def test_sign_is_colour_and_line_and_size_is_width_within_each_layer():
    net = SparseMLP([[[1.0, -2.0], [0.0, 4.0]], [[-0.1], [0.1]]], [[0, 0], [0]], [["tanh", "sine"]])
    edges = NetworkDisplay.from_network(net, widths="weight", ax=new_ax()).edges_
    colours = [BLUE, VERMILION, BLUE, VERMILION, BLUE]
    assert [tuple(colour) for colour in edges.get_colors()] == [to_rgba(colour) for colour in colours]
    assert [dashes is not None for _, dashes in edges.get_linestyle()] == [c == VERMILION for c in colours]
    widths = edges.get_linewidths()
    assert widths == pytest.approx([0.5 + 2.5 * share for share in (1 / 4, 2 / 4, 1, 1, 1)])


def widths(net, **how):
    return NetworkDisplay.from_network(net, ax=new_ax(), **how).edges_.get_linewidths()


def fit_to(net, X, y=0.0):
    """The network with a record of these rows, as a fit leaves it."""
    X, ys = np.asarray(X), np.full((1, net.n_outputs), y)
    summary = FitSummary(X.mean(axis=0), X.std(axis=0), ys.mean(axis=0), ys.std(axis=0))
    return net.with_fit_summary(summary)


@pytest.mark.parametrize("how", ["rows", "fit"])
def test_width_is_weight_times_spread_of_its_input_whatever_the_units(how):
    rng = np.random.default_rng(0)
    X = rng.normal([0, 1], [1, 3], (4000, 2))
    net = SparseMLP([[[0.5, 0.0], [0.0, 0.5]], [[1.0], [1.0]]], [[0, 0], [0]], [["identity"] * 2])
    units = np.array([1e3, 1e-6])
    other = net.with_inputs(np.diag(1 / units))

    def count_shown(net, X):
        return widths(net, X=X) if how == "rows" else widths(fit_to(net, X))

    expected = [0.5 + 2.5 * share for share in (1 / 3, 1, 1 / 3, 1)]
    assert count_shown(net, X) == pytest.approx(expected, rel=0.05)
    assert count_shown(other, X * units) == pytest.approx(count_shown(net, X))
    plain = widths(fit_to(other, X * units), widths="weight")
    assert plain == pytest.approx([0.5, 3, 3, 3], rel=1e-3)


@settings(max_examples=30)
@given(
    depth=st.integers(0, 3),
    seed=st.integers(0, 99),
    exponents=st.lists(st.integers(-150, 150), min_size=3, max_size=3),
)
def test_strengths_do_not_depend_on_units(depth, seed, exponents):
    net = network([3, *[4] * depth, 2], 0.8, seed).prune()
    X = np.random.default_rng(seed).normal([0, 1, -5], size=(200, 3))
    units = 10.0 ** np.array(exponents)
    net = fit_to(net, X)
    other = net.with_scaling(0.0, units, 0.0, 10.0 ** np.array(exponents[:2]))
    for first, second in ((strengths(net), strengths(other)), (strengths(net, X=X), strengths(other, X=X * units))):
        assert len(first) == net.depth + 1
        for one, two, coef in zip(first, second, net.coefs, strict=True):
            assert one.shape == coef.shape and np.isfinite(one).all()
            assert two == pytest.approx(one, rel=1e-6)


def test_spread_of_a_neuron_is_that_of_its_output_on_the_rows(fitted, table):
    X, net = table[0], fitted.networks_[-1].prune()
    first = SparseMLP(
        [net.coefs[0], np.eye(len(net.activations[0]))], [net.intercepts[0], 0 * net.intercepts[0]], net.activations[:1]
    )
    spreads = [X.std(axis=0), first.predict(X).reshape(len(X), -1).std(axis=0)]
    outputs = [*[1.0] * net.depth, net.predict(X).std()]
    for size, coef, spread, output in zip(strengths(net, X=X), net.coefs, spreads, outputs, strict=False):
        assert size == pytest.approx(np.abs(coef) * spread[:, np.newaxis] / output)
    drawn = strengths(net)
    assert drawn[0] == pytest.approx(np.abs(net.coefs[0]) * X.std(axis=0)[:, np.newaxis])


def test_fit_gives_the_widths_and_an_option_the_weights(fitted, table):
    fitted.select(min_r2=0.5)
    by_fit, by_rows, plain = (
        NetworkDisplay.from_estimator(fitted, ax=new_ax(), **how).edges_.get_linewidths()
        for how in ({}, {"X": table[0]}, {"widths": "weight"})
    )
    weights = np.concatenate([np.abs(coef[coef != 0]) / np.abs(coef).max() for coef in fitted.network_.prune().coefs])
    assert plain == pytest.approx(0.5 + 2.5 * weights)
    assert by_fit == pytest.approx(by_rows, abs=0.8) and by_rows != pytest.approx(plain, abs=0.2)
    fitted.select()


def test_legend_says_what_width_means():
    net = SparseMLP([[[1.0], [2.0]]], [[0.0]], [])
    for how, text in (("spread", "thicker: larger effect"), ("weight", "thicker: larger weight")):
        legend = NetworkDisplay.from_network(net, widths=how, ax=new_ax()).legend_
        assert text in [one.get_text() for one in legend.get_texts()]


def test_used_inputs_are_named_and_unused_ones_faint():
    net = SparseMLP([[[1.0], [0.0], [2.0]]], [[0]], [], ["age", "idle", "size"])
    display = NetworkDisplay.from_network(net, output_names=["price"], ax=new_ax())
    named = NetworkDisplay.from_network(net.with_names(net.feature_names, ["price"]), ax=new_ax())
    assert [text.get_text() for text in named.texts_] == [text.get_text() for text in display.texts_]
    colours = {text.get_text(): text.get_color() for text in display.texts_}
    assert list(colours) == ["age", "idle", "size", "price"]
    assert colours["age"] == colours["size"] == colours["price"] != colours["idle"]


@pytest.mark.parametrize("n_unused", [12, 13])
def test_more_than_twelve_unused_inputs_are_one_line(n_unused):
    net = network([2 + n_unused, 1], 1.0, columns=2)
    shown = [text.get_text() for text in NetworkDisplay.from_network(net, ax=new_ax()).texts_]
    if n_unused == 12:
        assert shown == [f"x{i}" for i in range(14)] + ["y"]
    else:
        assert shown == ["x0", "x1", "13 unused inputs", "y"]


def test_long_names_stay_different_and_short_ones_whole():
    names = [*LONG[:3], "wind"]
    net = network([4, 1], 1.0, names=names)
    shown = [text.get_text() for text in NetworkDisplay.from_network(net, ax=new_ax()).texts_]
    assert len(set(shown)) == 5
    assert shown[3] == "wind"
    assert all(str(i) in shown[i] and "…" in shown[i] for i in range(3))


def test_names_are_not_read_as_formulas():
    shown = [text.get_text() for text in NetworkDisplay.from_network(HARD["odd names"]).texts_]
    assert shown == ["a$b$", "$\\foo$", "<b>&x", "x y_2^3", "y"]


def test_title_holds_size_and_accuracy(fitted):
    title = NetworkDisplay.from_estimator(fitted, ax=new_ax()).ax_.get_title()
    assert f"\n{fitted.n_nonzero_} parameters, " in title
    row = fitted.path_[fitted.path_["chosen"]].iloc[0]
    found = re.match(r"R² (\S+) on validation rows, (\S+) on fitted rows", title).groups()
    assert [float(r2) for r2 in found] == pytest.approx([row["r2_validation"], row["r2_train"]], abs=1e-3)


def test_names_of_a_table_reach_the_picture(fitted):
    fitted.select(min_r2=0.5)
    shown = [text.get_text() for text in NetworkDisplay.from_estimator(fitted, ax=new_ax()).texts_]
    assert shown == ["age", "height", "idle", "y"]
    fitted.select()


def test_legend_explains_what_is_there_and_goes_where_it_has_no_room():
    net = SparseMLP([[[1.0, 2.0]], [[3.0], [1.0]]], [[-1, 0], [0]], [["tanh", "sine"]])
    legend = NetworkDisplay.from_network(net, ax=new_ax()).legend_
    words = ["positive weight", "negative bias", "thicker: larger effect", "tanh", "sine"]
    assert [text.get_text() for text in legend.get_texts()] == words
    assert NetworkDisplay.from_network(net, ax=Figure(figsize=(1, 0.6)).subplots()).legend_ is None


def test_curves_lie_in_the_circle_and_differ():
    curves = [activation_curve(name) for name in ACTIVATION_NAMES]
    assert all(np.abs(curve).max() <= 1 for curve in curves)
    assert all(np.abs(a - b).max() > 0.2 for a, b in itertools.combinations(curves, 2))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"X": [[1.0]]}, ValueError, r"`X` must hold rows of 6 finite number\(s\), got an array of shape \(1, 1\)"),
        ({"X": [[math.nan] * 6]}, ValueError, "`X` must hold rows of 6 finite"),
        ({"widths": "size"}, ValueError, "`widths` must be one of 'spread', 'weight', got 'size'"),
        ({"output_names": ["a", "b"]}, ValueError, r"`output_names` must hold 1 name\(s\)"),
        ({"ax": np.empty(2)}, TypeError, "`ax` must be one matplotlib Axes or None, got ndarray"),
    ],
)
def test_wrong_parameters_of_a_network_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        NetworkDisplay.from_network(HARD["linear"], **{"ax": new_ax(), **parameters})
    with pytest.raises(TypeError, match="`network` must be a SparseMLP, got int"):
        NetworkDisplay.from_network(3, ax=new_ax())


# ---- the path


def test_path_shows_all_networks_and_rings_the_chosen_one(fitted):
    display = PathDisplay.from_estimator(fitted, ax=new_ax())
    path = fitted.path_
    for line, name in ((display.train_line_, "r2_train"), (display.validation_line_, "r2_validation")):
        assert np.column_stack(line.get_data()) == pytest.approx(np.column_stack([path["n_nonzero"], 1 - path[name]]))
    row = path[path["chosen"]].iloc[0]
    ((size,), (error,)) = display.chosen_point_.get_data()
    assert (size, error) == (fitted.n_nonzero_, pytest.approx(1 - row["r2_validation"]))


@pytest.mark.parametrize("sparsity", [1e-5, 1e-2, 0.2])
def test_price_line_is_of_equal_worth_and_passes_through_the_chosen_network(fitted, sparsity):
    fitted.select(sparsity=sparsity)
    display = PathDisplay.from_estimator(fitted, ax=new_ax())
    sizes, errors = display.price_line_.get_data()
    worth = (1 - errors) - sparsity * sizes
    row = fitted.path_[fitted.path_["chosen"]].iloc[0]
    assert worth == pytest.approx(np.full(len(worth), row["r2_validation"] - sparsity * row["n_nonzero"]))
    at = np.flatnonzero(sizes == fitted.n_nonzero_)
    assert errors[at] == pytest.approx(display.chosen_point_.get_ydata())
    fitted.select()


def test_without_validation_the_training_decides():
    display = PathDisplay([1, 5], [0.0, 1.0], [math.nan] * 2, chosen=1, sparsity=0.1).plot(new_ax())
    assert display.validation_line_ is None
    assert display.train_line_.get_ydata() == pytest.approx([1, 1e-12])  # an exact network stays on the axis
    assert display.chosen_point_.get_ydata() == pytest.approx([1e-12])


@pytest.mark.parametrize("n", [1, 2, 40])
def test_texts_of_a_path_do_not_overlap(n):
    sizes = 7 * np.arange(1, n + 1)
    display = PathDisplay(sizes, 1 - 1.0 / sizes**2, 1 - 2.0 / sizes**2, chosen=n - 1, sparsity=1e-4).plot()
    assert_nothing_overlaps(display.figure_)


@pytest.mark.parametrize(
    ("data", "chosen", "sparsity", "message"),
    [
        (([1, 2], [0.1], [0.1, 0.2]), 0, 0, "one entry for each network"),
        (([], [], []), 0, 0, "one entry for each network"),
        (([1], [0.1], [0.1]), 1, 0, "`chosen` must lie between 0 and 0, got 1"),
        (([1], [0.1], [0.1]), 0, -1, "`sparsity` must be finite and at least 0, got -1"),
    ],
)
def test_wrong_paths_are_named(data, chosen, sparsity, message):
    with pytest.raises(ValueError, match=message):
        PathDisplay(*data, chosen=chosen, sparsity=sparsity).plot(new_ax())


# ---- the search


def report(depth, n_generations=0, n_iter=0, start=0.4):
    return {
        "depth": depth,
        "selection_objective": np.linspace(0.5, 0.3, n_generations + 1).tolist(),
        "start_objective": start,
        "objective": start / 10,
        "n_iter": n_iter,
    }


def stages(n):
    return [
        {
            "name": f"round {i}",
            "seconds": 0.5,
            "r2_before": 1 - 0.5**i,
            "r2_after": 1 - 0.5 ** (i + 1),
            "r2_by_size": {size: 1 - 0.9 ** (i * size) for size in (10, 20, 30, 50, 100)} if i != 5 else {},
        }
        for i in range(n)
    ]


def test_search_shows_each_depth_from_screening_to_descent(descended):
    display = LossCurveDisplay.from_estimator(descended, ax=new_ax())
    assert list(display.axes_) == ["stages", "search", "descent"]
    (found,) = descended.search_report_
    (line,) = display.search_lines_
    assert line.get_label() == "1"
    expected = [*found["selection_objective"], found["start_objective"], found["objective"]]
    assert line.get_ydata() == pytest.approx(expected)
    assert display.loss_line_.get_ydata() == pytest.approx(descended.loss_curve_)


def test_without_gradient_steps_the_curve_is_that_of_the_stages(fitted):
    display = LossCurveDisplay.from_estimator(fitted, ax=new_ax())
    assert list(display.axes_) == ["stages"]
    assert display.loss_line_ is None and display.search_lines_ == []
    report = fitted.fit_report_
    assert display.stage_lines_[None].get_ydata() == pytest.approx([1, *(1 - stage["r2_after"] for stage in report)])
    sizes = [size for size in display.stage_lines_ if size is not None]
    assert sizes
    for size in sizes:
        expected = [1, *(1 - stage["r2_by_size"][size] for stage in report)]
        assert display.stage_lines_[size].get_ydata() == pytest.approx(expected)
    names = [label.get_text().split(",")[0] for label in display.axes_["stages"].get_xticklabels()]
    assert names == ["constant", *(stage["name"] for stage in report)]


def test_sizes_without_a_network_of_their_own_have_no_line_and_stages_without_a_record_no_mark():
    display = LossCurveDisplay([], stages(7)).plot(new_ax())
    assert list(display.stage_lines_) == [10, 20, 30, 50, 100, None]
    assert display.stage_lines_[20].get_xdata() == pytest.approx([0, 1, 2, 3, 4, 5, 7])
    same = [stage | {"r2_by_size": {10: 0.1, 20: stage["r2_after"], 30: stage["r2_after"]}} for stage in stages(3)]
    assert list(LossCurveDisplay([], same).plot(new_ax()).stage_lines_) == [10, None]


@pytest.mark.parametrize("n_generations", [0, 4, 10])
@pytest.mark.parametrize("n_iter", [0, 100])
def test_texts_of_a_search_do_not_overlap(n_generations, n_iter):
    reports = [report(depth, n_generations, n_iter) for depth in (1, 2, 3, 4)]
    display = LossCurveDisplay(reports, stages(12), np.geomspace(1, 1e-3, n_iter)).plot()
    assert_nothing_overlaps(display.figure_)


def test_depth_without_usable_start_has_a_gap():
    display = LossCurveDisplay([report(1, n_generations=1, start=math.inf)], stages(1)).plot(new_ax())
    assert np.isnan(display.search_lines_[0].get_ydata()).tolist() == [False, False, True]


def test_fit_without_search_says_so(refined):
    constant = refined().fit([[1.0], [2.0]], [3.0, 3.0])
    with pytest.raises(ValueError, match="no search to draw"):
        LossCurveDisplay.from_estimator(constant, ax=new_ax())
    assert PathDisplay.from_estimator(constant, ax=new_ax()).chosen_point_.get_xdata() == [1]
    assert NetworkDisplay.from_estimator(constant, ax=new_ax()).neurons_ == []


def test_axes_placed_by_hand_cannot_be_divided(descended):
    with pytest.raises(ValueError, match="`ax` must lie on a grid"):
        LossCurveDisplay.from_estimator(descended, ax=Figure().add_axes((0, 0, 1, 1)))


# ---- the surface


@pytest.fixture(scope="module")
def plane():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (50, 3)) * [1, 2, 3]
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=50)
    return LinearRegression().fit(X, y), X, y


def test_curve_is_a_slice_at_the_medians(plane):
    model, X, y = plane
    display = SurfaceDisplay.from_estimator(model, X, y, features=1, grid_resolution=5, ax=new_ax())
    rows = np.tile(np.median(X, axis=0), (5, 1))
    rows[:, 1] = np.linspace(X[:, 1].min(), X[:, 1].max(), 5)
    (line,) = display.axes_["prediction"].get_lines()
    assert np.column_stack(line.get_data()) == pytest.approx(np.column_stack([rows[:, 1], model.predict(rows)]))
    assert line.get_label() == "prediction\n(other columns at medians)"
    for name, values in (("prediction", y), ("residuals", y - model.predict(X))):
        points = np.asarray(display.axes_[name].collections[0].get_offsets())
        assert points == pytest.approx(np.column_stack([X[:, 1], values]))


def test_surface_has_data_prediction_and_residuals(plane):
    model, X, y = plane
    display = SurfaceDisplay.from_estimator(model, X, y, features=[0, -1], grid_resolution=4, ax=new_ax())
    assert list(display.axes_) == ["data", "prediction", "residuals"]
    drawn = {name: ax.collections[0] for name, ax in display.axes_.items()}
    assert np.asarray(drawn["data"].get_array()) == pytest.approx(y)
    assert np.asarray(drawn["residuals"].get_array()) == pytest.approx(y - model.predict(X))
    corner = [X[:, 0].min(), np.median(X[:, 1]), X[:, 2].max()]
    assert drawn["prediction"].get_array()[-1, 0] == pytest.approx(model.predict([corner])[0])
    assert drawn["data"].get_clim() == drawn["prediction"].get_clim()
    low, high = drawn["residuals"].get_clim()
    assert low == -high


def test_names_choose_columns_of_a_table(fitted, table):
    X = pd.DataFrame(table[0], columns=["age", "height", "idle"])
    display = SurfaceDisplay.from_estimator(fitted, X, table[1], features=["height", "age"], ax=new_ax())
    assert display.axes_["data"].get_xlabel() == "height"
    assert display.axes_["data"].get_ylabel() == "age"
    with pytest.raises(ValueError, match="names of columns of `X`, got 'size'"):
        SurfaceDisplay.from_estimator(fitted, X, table[1], features="size", ax=new_ax())


def test_few_rows_are_drawn_of_many(plane):
    model, X, y = plane
    display = SurfaceDisplay.from_estimator(model, X, y, features=0, subsample=20, ax=new_ax())
    assert len(display.X) == 17  # every third


@pytest.mark.parametrize("features", [1, [0, 1]])
def test_texts_of_a_surface_do_not_overlap(features):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(1e4 * rng.normal(size=(40, 3)), columns=["a$ long $ name " * 6, *LONG[:2]])
    y = 1e-4 * rng.normal(size=40)
    display = SurfaceDisplay.from_estimator(LinearRegression().fit(X, y), X, y, features=features)
    assert_nothing_overlaps(display.figure_)


@pytest.mark.parametrize("features", [0, None])
def test_constant_columns_and_targets_are_drawn(features):
    X, y = np.zeros((5, 1 if features == 0 else 2)), np.ones(5)
    display = SurfaceDisplay.from_estimator(LinearRegression().fit(X, y), X, y, features=features)
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "`features` must name the one or two columns to draw, as `X` has 3 columns"),
        ({"features": [0, 1, 2]}, "one or two different columns"),
        ({"features": [1, 1]}, "one or two different columns"),
        ({"features": 3}, "indices below 3, got 3"),
        ({"features": 0, "grid_resolution": 1}, "`grid_resolution` must be at least 2, got 1"),
        ({"features": 0, "subsample": 0}, "`subsample` must be at least 1, got 0"),
    ],
)
def test_wrong_parameters_of_a_surface_are_named(plane, parameters, message):
    with pytest.raises(ValueError, match=message):
        SurfaceDisplay.from_estimator(*plane, **parameters, ax=new_ax())
    with pytest.raises(ValueError, match="`X` and `y` must have shapes"):
        SurfaceDisplay.from_estimator(*plane[:2], [1.0], ax=new_ax())


# ---- all of them


def draw_all(fitted, table, make_ax):
    X, y = table
    model = LinearRegression().fit(X, y)
    for display in DISPLAYS:
        yield display.from_estimator(fitted, ax=make_ax())
    yield SurfaceDisplay.from_estimator(model, X, y, features=0, ax=make_ax())
    yield SurfaceDisplay.from_estimator(model, X, y, features=[0, 1], ax=make_ax())


def test_given_axes_are_used_and_pyplot_stays_away(fitted, table, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    made = []
    for display in draw_all(fitted, table, lambda: made.append(new_ax()) or made[-1]):
        assert display.ax_ is made[-1]
        assert display.figure_ is made[-1].figure
    assert "matplotlib.pyplot" not in sys.modules


def test_without_axes_one_figure_is_made_and_settings_stay(fitted, table):
    import matplotlib.pyplot as plt

    plt.close("all")
    with matplotlib.rc_context({"font.size": 7.5}):
        before = dict(matplotlib.rcParams)
        for number, display in enumerate(draw_all(fitted, table, lambda: None), start=1):
            assert len(plt.get_fignums()) == number
            assert display.figure_.number in plt.get_fignums()
            assert display.figure_.get_size_inches()[0] == 6.25
        assert dict(matplotlib.rcParams) == before
        assert not plt.isinteractive()


def test_pictures_of_a_fit_do_not_overlap(fitted, descended, table):
    for display in itertools.chain(draw_all(fitted, table, lambda: None), draw_all(descended, table, lambda: None)):
        assert_nothing_overlaps(display.figure_)


@pytest.mark.parametrize("display", DISPLAYS)
def test_only_a_fitted_regressor_is_drawn(display):
    with pytest.raises(NotFittedError, match="a regressor of sk_swat on which fit was called"):
        display.from_estimator(SWATRegressor())
    with pytest.raises(NotFittedError, match="LinearRegression has no attribute network_"):
        display.from_estimator(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))


def test_unfitted_regressor_has_no_surface():
    with pytest.raises(NotFittedError):
        SurfaceDisplay.from_estimator(SWATRegressor(), [[0.0], [1.0]], [0.0, 1.0])


def test_missing_matplotlib_is_named(fitted, table, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    drawings = draw_all(fitted, table, lambda: None)
    with pytest.raises(ImportError, match=r"NetworkDisplay needs .* install sk_swat\[plot\]"):
        next(drawings)
    for display in DISPLAYS[1:]:
        with pytest.raises(ImportError, match=r"install sk_swat\[plot\]"):
            display.from_estimator(fitted)
    assert "<svg" in network_html(fitted)


def test_matplotlib_is_imported_by_the_first_picture():
    root = str(Path(sk_swat.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r}); import sk_swat.displays; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# ---- notebooks


class Holder(BaseEstimator):
    """An estimator with a network and no path."""

    def __init__(self, network=None):
        self.network = self.network_ = network

    def fit(self, X, y):
        return self


def svg(text):
    return ElementTree.fromstring(re.search(r"<svg.*</svg>", text, re.DOTALL).group(0))


@pytest.mark.parametrize("name", HARD)
def test_html_holds_each_weight_and_neuron(name):
    net, space = HARD[name], "{http://www.w3.org/2000/svg}"
    text = network_html(Holder(net))
    weights = [line for line in svg(text).iter(f"{space}line") if line.get("stroke") in (BLUE, VERMILION)]
    assert len(weights) == n_weights(net)
    assert len(list(svg(text).iter(f"{space}polyline"))) == net.n_neurons
    table = ElementTree.fromstring(re.search(r"<table>.*</table>", text, re.DOTALL).group(0))
    assert len(list(table)) == 1 + net.n_neurons + net.n_outputs


def test_html_escapes_names():
    names = ["<script>alert('1')</script>", '"><img src=x onerror="alert(2)">', "&amp;"]
    text = network_html(Holder(network([3, 1], 1.0, names=names)))
    assert "<script" not in text and "<img" not in text
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;" in text
    assert "&amp;amp;" in text


def test_large_networks_show_their_size_alone():
    text = network_html(Holder(network([100, 8, 1], 0.9)))
    assert "<svg" not in text and "<table" not in text
    assert "8 hidden neurons" in text


def test_notebooks_show_the_network_above_the_parameters(fitted):
    shown = fitted._repr_html_()
    assert shown.startswith(network_html(fitted))
    parts = (
        "<b>R² ",
        f"{fitted.n_nonzero_} non-zero parameters",
        "columns read: ",
        "<svg",
        "<pre",
        "all weights",
        "sk-top-container",
    )
    places = [shown.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)
    assert fitted._repr_mimebundle_()["text/html"].startswith(network_html(fitted))
    assert "sk-swat-network" not in SWATRegressor()._repr_html_()
    assert "sk-top-container" in make_pipeline(StandardScaler(), fitted)._repr_html_()
    with config_context(display="text"):
        assert not hasattr(fitted, "_repr_html_")


def test_html_of_an_unfitted_regressor_is_refused():
    with pytest.raises(NotFittedError):
        network_html(SWATRegressor())


# ---- print


def test_printing_a_fitted_estimator_shows_accuracy_size_columns_and_formula_before_the_parameters(fitted):
    fitted.select(min_r2=0.5)
    text = str(fitted)
    assert text.startswith(f"{type(fitted).__name__}: R² ")
    parts = (f"{fitted.n_nonzero_} non-zero parameters", "columns read: age", "y = ", repr(fitted))
    places = [text.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)
    assert text.endswith(repr(fitted))
    assert str(fitted.network_).partition("\n")[2] in text
    fitted.select()


def test_an_estimator_without_a_fit_is_printed_by_its_parameters():
    assert str(SWATRegressor(depths=(1,))) == repr(SWATRegressor(depths=(1,))) == "SWATRegressor(depths=(1,))"


def test_long_formulas_and_many_columns_are_not_printed():
    holder = Holder(network([100, 8, 1], 0.9))
    text = estimator_text(holder)
    assert "x11 and 88 more" in text and "h1_1" not in text
    assert len(text.splitlines()) == 4

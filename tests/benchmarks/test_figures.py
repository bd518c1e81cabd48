"""Figures of the benchmark: what is drawn are the data, and the same data give the same file."""

import itertools
import math
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import figures, latent_figures
from benchmarks.accuracy import COLUMNS
from benchmarks.drawing import NothingToDraw, drawing
from benchmarks.experiments import run_experiment
from benchmarks.figures import CORNN_20
from benchmarks.latent_figures import Ratio, latent_time, surfaces
from sk_swat.datasets import cornn_names

matplotlib = pytest.importorskip("matplotlib")


def result(task, model, selection, error, n_nonzero, seed=0):
    values = (task, model, selection, seed, 0, error, error, n_nonzero, 5, 2, 1.0, 0.001, 100.0)
    return dict(zip(COLUMNS, values, strict=True))


def on_frames(function):
    """Let a function take a list of results."""
    return lambda found, *arguments: function(pd.DataFrame(found, columns=list(COLUMNS)), *arguments)


cornn_sizes, cornn_all, cornn_activations, draw_figures, depth_panels, price_sizes, latent_records = map(
    on_frames,
    (
        figures.cornn_sizes,
        figures.cornn_all,
        figures.cornn_activations,
        figures.draw_figures,
        latent_figures.depth_panels,
        latent_figures.price_sizes,
        latent_figures.latent_records,
    ),
)


@pytest.fixture
def path():
    """Sizes and errors of one model on one function; it has no network of 15 parameters."""
    return [
        result("Himmelblau", "SWATRegressor", "", 0.5, 77),
        result("Himmelblau", "SWATRegressor", "<=50", 0.001, 48),
        result("Himmelblau", "SWATRegressor", "<=30", 0.01, 29),
        result("Himmelblau", "SWATRegressor", "<=15", math.nan, 0),
        result("Himmelblau", "MLPRegressor-50", "", 0.1, 201),
        result("Himmelblau", "DARTS+ADMM", "<=50", 0.2, 50),
        result("Himmelblau", "unknown", "<=50", 0.2, 50),
        result("a table", "SWATRegressor", "<=50", 0.2, 50),
    ]


def lines(axes):
    """Points by label; means over one seed go through a logarithm, so the last digits do not count."""
    return {line.get_label(): np.column_stack(line.get_data()).round(14).tolist() for line in axes.get_lines()}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_twenty_functions_are_of_the_suite():
    assert len(set(CORNN_20)) == 20
    assert set(CORNN_20) <= set(cornn_names())


def test_sizes_are_drawn_by_function_and_model(path):
    figure = cornn_sizes(path)
    (axes,) = figure.axes
    assert axes.get_title() == "Himmelblau"
    assert lines(axes) == {
        "SWATRegressor": [[29, 0.01], [48, 0.001]],
        "MLP of 50 neurons": [[201, 0.1]],
        "DARTS + ADMM pruning": [[50, 0.2]],
    }
    styles = {line.get_label(): line.get_linestyle() for line in axes.get_lines()}
    assert styles == {"SWATRegressor": "-", "MLP of 50 neurons": "None", "DARTS + ADMM pruning": "None"}
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert legend(figure) == ["SWATRegressor", "DARTS + ADMM pruning", "MLP of 50 neurons"]


def test_seeds_are_averaged_and_tiny_errors_stay_on_the_axis():
    found = [
        result("Booth", "SWATRegressor", "<=30", error, n, seed) for seed, (error, n) in enumerate(((1, 20), (100, 30)))
    ]
    exact = [result("Booth", "SWATRegressor", "<=50", 0.0, 0)]
    ((_, error), *_), *_ = lines(cornn_sizes(found).axes[0]).values()
    assert error == pytest.approx(10)
    assert lines(cornn_sizes(found + exact).axes[0])["SWATRegressor"] == [
        [1, pytest.approx(1e-12)],
        [25, pytest.approx(10)],
    ]
    missing = [result("Booth", "SWATRegressor", "<=30", math.nan, 0, seed=2)]
    with pytest.raises(NothingToDraw, match="SWATRegressor"):
        cornn_sizes(found + missing)


def test_panels_share_axes_and_have_numbers_below_each_column():
    figure = cornn_sizes([result(task, "SWATRegressor", "<=30", 0.1, 30) for task in CORNN_20[:6]])
    assert [axes.get_title() for axes in figure.axes] == list(CORNN_20[:6])
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    figure.draw_without_rendering()
    below = [any(label.get_visible() and label.get_text() for label in axes.get_xticklabels()) for axes in figure.axes]
    assert below == [False, False, True, True, True, True]


def test_functions_are_sorted_by_the_error_of_swat():
    found = [result(task, "SWATRegressor", "<=50", error, 40) for task, error in (("b", 0.1), ("a", 0.2), ("c", 0.01))]
    found += [result("a", "DARTS+ADMM", "<=50", 0.3, 50), result("d", "DARTS+ADMM", "<=50", 0.001, 45)]
    found += [result("b", "DARTS+ADMM", "<=50", math.inf, 50), result("b", "DARTS+ADMM", "<=30", 0.001, 30)]
    errors, sizes = cornn_all(found).axes
    assert [label.get_text() for label in errors.get_yticklabels()] == ["c", "b", "a", "d"]
    assert lines(errors) == {
        "SWATRegressor": [[0.01, 0], [0.1, 1], [0.2, 2]],
        "DARTS + ADMM pruning": [[0.3, 2], [0.001, 3]],
    }
    assert lines(sizes) == {"SWATRegressor": [[40, 0], [40, 1], [40, 2]], "DARTS + ADMM pruning": [[50, 2], [45, 3]]}


def test_activations_are_compared_where_both_have_a_network():
    found = [result(task, "papers' activations", "<=30", 0.1, 30) for task in "abc"]
    found += [
        result(task, "fixed activation", "<=30", error, 30)
        for task, error in zip("abc", (0.2, 0.8, math.nan), strict=True)
    ]
    (axes,) = cornn_activations(found).axes
    diagonal, points = axes.get_lines()
    assert np.column_stack(points.get_data()) == pytest.approx(np.array([[0.2, 0.1], [0.8, 0.1]]))
    assert np.array_equal(*diagonal.get_data())
    assert "2 functions" in axes.get_title()
    assert "ratio 0.25" in axes.get_title()


def test_planted_size_is_a_vertical_line():
    found = [result("planted 3x35 linear", f"depth {depth}", "<=50", 0.1 / depth, 40 + depth) for depth in (1, 4)]
    found += [result("other", "depth 2", "<=50", 0.1, 40)]
    first, second = depth_panels(found).axes
    assert lines(first) == {
        "1 hidden layer": [[41, 0.1]],
        "4 hidden layers": [[44, pytest.approx(0.025)]],
        "size of the planted network": [[35, 0], [35, 1]],
    }
    assert lines(second) == {"2 hidden layers": [[40, 0.1]]}


def test_sizes_are_drawn_by_price():
    found = [
        result("Booth", "SWATRegressor", f"sparsity={price}", 0.1, n) for price, n in (("1e-02", 5), ("1e-04", 50))
    ]
    (axes,) = price_sizes([*found, result("Bird", "SWATRegressor", "<=50", 0.1, 50)]).axes
    assert lines(axes) == {"Booth": [[1e-4, 50], [1e-2, 5]]}


def test_ratios_come_from_models_with_equal_seconds():
    found = [result(task, "latent 0.5 s", "<=15", 0.1, 15) for task in "abc"]
    found += [result(task, "random 0.5 s", "<=15", 0.2, 15) for task in "abc"]
    found += [result(task, f"{name} 0.5 s", "", 0.1, 60) for task in "abc" for name in ("latent", "random")]
    found += [result("a", "latent 2 s", "<=15", 0.1, 15), result("a", "SWATRegressor", "<=15", 0.1, 15)]
    (record,) = latent_records(found)
    assert (record.seconds, record.selection) == (0.5, "<=15")
    assert [record.ratio, record.low, record.high] == pytest.approx([0.5, 0.5, 0.5])


def test_ratios_are_drawn_by_time_with_their_intervals():
    records = [
        Ratio(2, "<=15", 0.6, 0.5, 0.7),
        Ratio(0.5, "<=15", 0.4, 0.3, 0.5),
        Ratio(1, "<=100", 0.9, 0.8, 1.1),
        Ratio(5, "<=100", math.nan, math.nan, math.nan),
    ]
    figure = latent_time(records)
    (axes,) = figure.axes
    drawn = lines(axes)
    assert drawn["at most 15 parameters"] == [[0.5, 0.4], [2, 0.6]]
    assert drawn["at most 100 parameters"] == [[1, 0.9]]
    assert legend(figure) == ["at most 15 parameters", "at most 100 parameters"]
    bars = [segment.tolist() for bar in axes.collections for segment in bar.get_segments()]
    assert bars == [[[0.5, 0.3], [0.5, 0.5]], [[2, 0.5], [2, 0.7]], [[1, 0.8], [1, 1.1]]]
    with pytest.raises(NothingToDraw, match="latent"):
        latent_time([])


def test_surfaces_show_source_and_decoders(tiny_checkpoint):
    figure = surfaces(tiny_checkpoint, n_pairs=1)
    titles = [axes.get_title().split() for axes in figure.axes]
    assert titles[0] == ["network", "1", "layer"]
    assert [title[:3] for title in titles[1:]] == [["decoded", "to", str(depth)] for depth in (1, 2, 3, 4)]
    assert all(axes.collections for axes in figure.axes)
    assert all(float(title[-1]) > 1e-3 for title in titles[1:])  # random numbers restore nothing
    with pytest.raises(ValueError, match="n_pairs must be at least 1, got 0"):
        surfaces(tiny_checkpoint, n_pairs=0)


@pytest.mark.parametrize("error", [1e-12, 10.000000000000002, 0.123])
def test_one_point_is_a_figure(error):
    def one(model, selection):
        return [result("Booth", model, selection, error, 30)]

    both = one("papers' activations", "<=30") + one("fixed activation", "<=30")
    cornn_sizes(one("SWATRegressor", "<=50")).draw_without_rendering()
    cornn_all(one("SWATRegressor", "<=50")).draw_without_rendering()
    cornn_activations(both).draw_without_rendering()
    depth_panels(one("depth 1", "<=50")).draw_without_rendering()
    price_sizes(one("SWATRegressor", "sparsity=1e-04")).draw_without_rendering()
    latent_time([Ratio(1, "<=50", error, error, error)]).draw_without_rendering()


def test_same_results_give_the_same_bytes(path, tmp_path):
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths = draw_figures(path, "cornn", tmp_path / name)
        written.append({file.name: file.read_bytes() for file in paths})
    assert sorted(written[0]) == ["cornn_all.svg", "cornn_sizes.svg"]  # no activations were compared
    assert written[0] == written[1]
    assert all(b"<svg" in text and b"<dc:date>" not in text for text in written[0].values())


@pytest.mark.parametrize("experiment", ["cornn", "prices", "latent-time"])
def test_without_results_nothing_is_drawn(experiment, tmp_path):
    assert draw_figures([], experiment, tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_experiment_without_figures_is_named_before_anything_is_measured(tmp_path):
    with pytest.raises(ValueError, match="figures must be left out for 'latent-starts', which has none"):
        run_experiment("latent-starts", figures=tmp_path)


def test_all_text_has_at_least_eight_points_under_any_settings(path):
    with matplotlib.rc_context({"font.size": 5}):
        figure = cornn_sizes(path)
        figure.draw_without_rendering()
        assert min(text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_text()) >= 8


def test_labels_say_what_they_count_and_do_not_meet():
    models = ("SWATRegressor", "DARTS+ADMM", "PrunedMLP", "fixed activation", "random networks", "papers' activations")
    models += ("papers' search", "MLPRegressor-7-7", "MLPRegressor-50", "MLPRegressor-100")
    found = [result(task, model, "<=50", 0.1, 40) for task in CORNN_20 for model in models]
    found += [result(task, model, "<=30", 0.1, 30) for task in CORNN_20 for model in models]
    planted = [result("planted 3x35 linear", f"depth {depth}", "<=50", 0.1, 40) for depth in (1, 2, 3, 4)]
    prices = [result("a", "SWATRegressor", f"sparsity={price:.0e}", 0.1, 40) for price in (1e-5, 1e-4)]
    for figure, words in (
        (cornn_sizes(found), ("non-zero parameters (weights and biases)", "mean squared error on test rows")),
        (cornn_all(found), ("non-zero parameters (weights and biases)", "mean squared error on test rows")),
        (cornn_activations(found), ("share of variance left unexplained on test rows (1 - R²)",)),
        (depth_panels(planted), ("non-zero parameters (weights and biases)", "share of variance left unexplained")),
        (price_sizes(prices), ("non-zero parameters (weights and biases)", "price of one parameter")),
        (latent_time([Ratio(2, "<=15", 0.6, 0.5, 0.7)]), ("test error with latent starts", "seconds")),
    ):
        figure.draw_without_rendering()
        labels = [text for axes in figure.axes for text in (axes.xaxis.label, axes.yaxis.label)]
        labels = [text for text in [*labels, figure._supxlabel, figure._supylabel] if text and text.get_text()]
        shown = " ".join(" ".join(text.get_text() for text in labels).split())
        assert all(word in shown for word in words), shown
        boxes = [part.get_window_extent() for part in (*labels, *figure.legends)]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2)), shown
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes), shown
        assert all(box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes), shown


def test_global_settings_and_pyplot_stay_untouched(path, tmp_path, monkeypatch):
    def settings():
        return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with matplotlib.rc_context({"font.size": 7.5}):
        before = settings()
        assert draw_figures(path, "cornn", tmp_path)
        assert settings() == before
    assert "matplotlib.pyplot" not in sys.modules


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="'plot' extra"), drawing():
        pass

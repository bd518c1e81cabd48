"""Weights: a weight of two is a row that comes twice, in every stage of a fit; a weight of zero is no row."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sk_swat import LatentDescentRegressor
from sk_swat.fitting.limits import RowLimits
from sk_swat.latent.readout import solve_readout
from sk_swat.latent.screening import draw_inputs
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.softnet import flatten
from sk_swat.refine.counting import count_rows
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

MERGED = RowLimits.merged
TIMES = torch.tensor([1.0, 3.0, 1.0, 2.0, 5.0] * 8, dtype=torch.float64)


@pytest.fixture
def rows():
    """Forty rows with weights, and the same rows as often as their weights say."""
    X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.sin(2 * X[:, 0]) + X[:, 1]
    index = torch.arange(40).repeat_interleave(TIMES.long())
    return Table(X, y, TIMES), Table(X[index], y[index])


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] + 0.3 * rng.normal(size=60), rng.integers(0, 4, size=60)


@pytest.fixture
def quick(refined):
    """Factory of short fits with refinement."""
    short = {"n_restarts": 2, "n_rounds": 1, "early_stopping": "auto", "max_blocks": 4}
    return lambda **parameters: refined(**(short | parameters))


def same_networks(one, other):
    return all(
        np.array_equal(a, b)
        for mine, theirs in zip(one.networks_, other.networks_, strict=True)
        for a, b in zip(mine.coefs + mine.intercepts, theirs.coefs + theirs.intercepts, strict=True)
    )


# --- stages


def test_counts_means_and_variance(rows):
    weighted, again = rows
    assert len(weighted) == 40 and weighted.count == len(again) == again.count == 96
    torch.testing.assert_close(weighted.mean(weighted.X.mT), again.X.mean(0))
    assert weighted.constant_loss == pytest.approx(float(again.y.var(correction=0)))
    part, single = weighted[torch.arange(40) % 2 == 0], weighted.to(torch.float32)
    assert part.count == float(TIMES[::2].sum()) and single.weight.dtype == torch.float32


def test_error_equations_and_readout(rows, hard_networks, equations):
    networks, (weighted, again) = hard_networks(2), rows
    torch.testing.assert_close(weighted.error(networks), again.error(networks))
    mine, theirs = (fit_networks(networks, RefineTask(each), n_steps=0).error for each in rows)
    torch.testing.assert_close(mine, theirs)
    mine, theirs = (equations(networks, each) for each in rows)
    for name in ("matrix", "gradient", "error"):
        torch.testing.assert_close(getattr(mine, name), getattr(theirs, name))
    mine, theirs = (solve_readout(networks.last_hidden(each.X), each) for each in rows)
    for name in ("weight", "bias", "unexplained"):
        torch.testing.assert_close(getattr(mine, name), getattr(theirs, name), rtol=1e-9, atol=1e-9)


def test_fits_are_the_same(rows, hard_networks):
    weighted, again = (
        fit_networks(hard_networks(1), RefineTask(each), n_steps=10, ridge=1e-3).networks for each in rows
    )
    torch.testing.assert_close(flatten(weighted), flatten(again), rtol=1e-6, atol=1e-8)


def test_columns_are_drawn_by_their_weighted_correlation(rows):
    drawn = []
    for each in rows:
        drawn.append(draw_inputs(each.to(torch.float32), torch.ones(200, 2), torch.Generator().manual_seed(0)).layers())
    assert torch.equal(*drawn)


def test_scaling_does_not_depend_on_the_parts_a_table_is_taken_in(monkeypatch):
    rng = np.random.default_rng(0)
    X, weight = rng.normal(3.0, 2.0, size=(50, 2)), rng.random(50)
    for given in (None, weight):
        whole = column_scales(X, given)
        with monkeypatch.context() as patch:
            patch.setattr("sk_swat.network.scaling._CHUNK", 14)
            parts = column_scales(X, given)
        np.testing.assert_allclose(parts, whole, rtol=1e-13)


def test_scaling_counts_weights():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(50, 2)), rng.integers(1, 4, size=50)
    for mine, theirs in zip(column_scales(X, weight), column_scales(X.repeat(weight, axis=0)), strict=True):
        np.testing.assert_allclose(mine, theirs)
    scaling = Standardisation.of(X, X[:, 0] + 1, weight)
    assert scaling.y_offset == pytest.approx(np.average(X[:, 0] + 1, weights=weight))


# --- rows that count


def test_rows_that_all_count_once_stay_as_they_are(table):
    X, y, _ = table
    for weight in (None, np.ones(60), np.full(60, 0.01)):
        kept = count_rows(X, y, weight, MERGED)
        assert kept[0] is X and kept[1] is y and kept[2] is None


def test_equal_rows_are_merged_and_their_weights_added():
    X = np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0], [1.0, 2.0]])
    y = np.array([3.0, 4.0, 3.0, 0.0])
    for weight, total in ((None, [1, 1, 2]), ([2, 1, 3, 7], [1, 7, 5])):
        merged, targets, found = count_rows(X, y, weight, MERGED)
        assert merged.tolist() == [[0.0, 5.0], [1.0, 2.0], [1.0, 2.0]]
        assert targets.tolist() == [4.0, 0.0, 3.0]
        assert found.tolist() == total


def test_small_weights_are_scaled_up_to_the_number_of_rows(table):
    X, y, times = table
    weight = count_rows(X, y, 1e-3 * times, MERGED)[2]
    assert weight.sum() == pytest.approx((times > 0).sum())
    assert count_rows(X, y, 1.0 * times, MERGED)[2].sum() == times.sum()


@pytest.mark.parametrize("weight", [np.zeros(60), np.full(60, -1.0), np.ones(59), np.full(60, np.nan)])
def test_wrong_weights_are_refused(weight, table, quick):
    X, y, _ = table
    with pytest.raises(ValueError, match=r"(?i)weight"):
        quick().fit(X, y, sample_weight=weight)


# --- whole fits


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e12])
def test_extreme_weights_do_no_harm(scale, table, quick):
    X, y, _ = table
    with np.errstate(all="ignore"):
        weight = scale * np.random.default_rng(0).random(60)
    assert np.isfinite(quick(random_state=0).fit(X, y, sample_weight=weight).predict(X)).all()
    with pytest.raises(ValueError, match=r"sample_weight must have a sum below 1e\+15"):
        quick().fit(X, y, sample_weight=1e300 * np.arange(60.0))


def test_rows_that_hardly_count_are_left_out(table, quick):
    X, y, _ = table
    kept = np.arange(60) < 40
    weighted = quick(random_state=0, early_stopping=True).fit(X, y, sample_weight=np.where(kept, 1.0, 1e-60))
    assert same_networks(weighted, quick(random_state=0, early_stopping=True).fit(X[kept], y[kept]))


def test_constant_is_exact_whatever_the_weights(table, quick):
    X, _, _ = table
    for seed in range(20):
        weight = np.random.default_rng(seed).random(60)
        assert quick().fit(X, np.full(60, 3.1), sample_weight=weight).predict(X[:1]).tolist() == [3.1]
    y = np.random.default_rng(0).random(60) - 0.48
    np.testing.assert_allclose(quick().fit(np.ones((60, 2)), y).predict(np.ones((1, 2))), y.mean())


def test_integer_weights_are_rows_that_come_again_in_any_order(table, quick):
    X, y, times = table
    weighted = quick(random_state=0).fit(X, y, sample_weight=times)
    index = np.random.default_rng(1).permutation(np.arange(60).repeat(times))
    again = quick(random_state=0).fit(X[index], y[index])
    assert same_networks(weighted, again) and len(weighted.networks_) > 2
    assert not same_networks(weighted, quick(random_state=0).fit(X, y))


def test_weight_of_zero_is_no_row(table, quick):
    X, y, _ = table
    kept = np.arange(60) % 3 > 0
    weighted = quick(random_state=0).fit(X, np.where(kept, y, 1e6), sample_weight=kept.astype(float))
    assert same_networks(weighted, quick(random_state=0).fit(X[kept], y[kept]))


def test_latent_search_alone_counts_weights(table, tiny_checkpoint):
    X, y, times = table
    short = {"depths": (1,), "n_restarts": 2, "max_iter": 3, "n_generations": 1, "tol": 1.0, "random_state": 0}
    model = LatentDescentRegressor(checkpoint=tiny_checkpoint, early_stopping=True, **short)
    weighted = clone(model).fit(X, y, sample_weight=times)
    again = model.fit(X.repeat(times, axis=0), y.repeat(times))
    np.testing.assert_array_equal(weighted.predict(X), again.predict(X))


def test_heavy_rows_are_fitted_better(table, quick):
    X, y, _ = table
    first = np.arange(60) < 30
    y = np.where(first, y, -y)  # no network fits both halves
    errors = []
    for heavy in (first, ~first):
        model = quick(random_state=0).fit(X, y, sample_weight=np.where(heavy, 100.0, 1.0))
        errors.append(np.square(model.predict(X) - y)[heavy].mean() / np.square(model.predict(X) - y)[~heavy].mean())
    assert max(errors) < 0.5

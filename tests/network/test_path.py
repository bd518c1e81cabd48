"""The path of a fit: which of its networks is chosen, against hand calculations."""

import re

import numpy as np
import pandas as pd
import pytest

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.path import Path
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)
CONSTANT = SparseMLP([[[0.0], [0.0]]], [[2.0]], [])  # 1 number
ONE_TANH = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]])  # 3 parameters
TWO_NEURONS = SparseMLP(  # 6 parameters
    [[[1.0, 0.0], [0.5, 2.0]], [[2.0], [-1.0]]], [[0.0, 0.0], [3.0]], [["tanh", "sine"]]
)
THREE_NEURONS = SparseMLP(  # 10 parameters
    [[[1.0, 0.0, 1.0], [0.5, 2.0, 0.0]], [[2.0], [-1.0], [1.0]]], [[0.1, 0.0, 0.1], [3.0]], [["tanh", "sine", "tanh"]]
)
NETWORKS = [CONSTANT, ONE_TANH, TWO_NEURONS, THREE_NEURONS]
R2_TRAIN = [0.0, 0.6, 0.9, 0.95]
R2_VALIDATION = [-0.1, 0.5, 0.8, 0.7]  # the largest network overfits


def make_path(r2_validation=R2_VALIDATION, standard_error=(0.3, 0.1, 0.0, 0.05)):
    """Path whose standard errors are those of the difference to any other network."""
    return Path(NETWORKS, R2_TRAIN, r2_validation, np.tile(standard_error, (4, 1)))


def test_sizes_are_those_of_the_networks():
    path = make_path()
    assert len(path) == 4
    assert path.n_nonzero.tolist() == [1, 3, 6, 10]
    assert path.n_neurons.tolist() == [0, 1, 2, 3]


def test_objective_is_the_unexplained_share_and_the_prices():
    # 1 - R^2 + 0.01 parameters + 0.1 neurons
    expected = [1.1 + 0.01, 0.5 + 0.03 + 0.1, 0.2 + 0.06 + 0.2, 0.3 + 0.1 + 0.3]
    np.testing.assert_allclose(make_path().objective(0.01, 0.1), expected)


@pytest.mark.parametrize(
    ("sparsity", "compactness", "chosen"),
    [
        (0.0, 0.0, 2),  # 1.1, 0.5, 0.2, 0.3
        (0.09, 0.0, 2),  # 1.19, 0.77, 0.74, 1.2
        (0.11, 0.0, 1),  # 1.21, 0.83, 0.86, 1.4
        (0.31, 0.0, 0),  # 1.41, 1.43, 2.06, 3.4
        (0.0, 0.29, 2),  # 1.1, 0.79, 0.78, 1.17
        (0.0, 0.31, 1),  # 1.1, 0.81, 0.82, 1.23
        (0.0, 0.61, 0),  # 1.1, 1.11, 1.42, 2.13
        (0.06, 0.15, 1),  # 1.16, 0.83, 0.86, 1.35
    ],
)
def test_smallest_objective_is_chosen(sparsity, compactness, chosen):
    assert make_path().choose(sparsity, compactness) == chosen


def test_smaller_network_wins_a_tie():
    assert make_path([0.5, 0.5, 0.5, 0.5]).choose(0, 0) == 0


@pytest.mark.parametrize(("max_nonzero", "chosen"), [(1, 0), (2, 0), (3, 1), (5, 1), (6, 2), (9, 2), (10, 2), (99, 2)])
def test_max_nonzero_is_a_hard_limit(max_nonzero, chosen):
    assert make_path().choose(0, 0, max_nonzero=max_nonzero) == chosen


def test_limit_below_the_smallest_network_is_told():
    path = Path(NETWORKS[1:], R2_TRAIN[1:], R2_VALIDATION[1:], np.zeros((3, 3)))
    message = "max_nonzero must be at least 3, the size of the smallest network of the path, got 2."
    with pytest.raises(ValueError, match=re.escape(message)):
        path.choose(0, 0, max_nonzero=2)


@pytest.mark.parametrize(("min_r2", "chosen"), [(-1.0, 0), (0.0, 1), (0.5, 1), (0.51, 2), (0.7, 2), (0.8, 2)])
def test_min_r2_takes_the_smallest_network_that_reaches_it(min_r2, chosen):
    # whatever the prices would choose
    assert make_path().choose(0, 0, min_r2=min_r2) == chosen
    assert make_path().choose(10, 10, min_r2=min_r2) == chosen


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"min_r2": 0.81}, "min_r2 must be at most 0.8, the best validation R^2 of the path, got 0.81."),
        (
            {"min_r2": 0.6, "max_nonzero": 5},
            "min_r2 must be at most 0.5, the best validation R^2 of the path with at most 5 non-zero parameters, "
            "got 0.6.",
        ),
    ],
)
def test_min_r2_beyond_the_path_is_told(wishes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_path().choose(0, 0, **wishes)


@pytest.mark.parametrize(
    ("standard_error", "chosen"),
    [
        ((0.0, 0.0, 0.0, 0.0), 2),
        ((0.3, 0.29, 0.0, 0.3), 2),  # 0.5 < 0.8 - 0.29
        ((0.3, 0.31, 0.0, 0.3), 1),  # 0.5 >= 0.8 - 0.31
        ((0.91, 0.0, 0.0, 0.0), 0),  # -0.1 >= 0.8 - 0.91
        ((0.0, 0.0, 0.0, 9.9), 2),  # a larger one is never taken
    ],
)
def test_one_standard_error_takes_the_smallest_network_near_the_best(standard_error, chosen):
    assert make_path(standard_error=standard_error).choose(0, 0, one_standard_error=True) == chosen


def test_one_standard_error_never_enlarges_what_the_prices_choose():
    path = make_path(standard_error=(0.0, 0.31, 0.0, 0.0))
    assert path.choose(0.31, 0.0) == path.choose(0.31, 0.0, one_standard_error=True) == 0
    assert path.choose(0.0, 0.0, one_standard_error=True) == 1 < path.choose(0.0, 0.0)


def test_one_standard_error_is_taken_from_the_best_within_the_limit():
    # of the networks with at most 6 parameters the best has 0.8, of all 0.9; 0.5 >= 0.8 - 0.31
    path = make_path([-0.1, 0.5, 0.8, 0.9], (0.0, 0.31, 0.0, 0.0))
    assert path.choose(0, 0, max_nonzero=6) == 2
    assert path.choose(0, 0, max_nonzero=6, one_standard_error=True) == 1
    assert path.choose(0, 0, one_standard_error=True) == 3


def test_constant_within_one_standard_error_of_the_best_is_taken():
    noise = [0.0, 0.1, 0.3, 0.2]
    assert make_path(noise, (0.31, 0.0, 0.0, 0.0)).choose(0.0, 0.0) == 0
    assert make_path(noise, (0.31, 0.0, 0.0, 0.0)).choose(0.0, 0.0, max_nonzero=3) == 0
    assert make_path(noise, (0.29, 0.0, 0.0, 0.0)).choose(0.0, 0.0) == 2
    assert make_path(noise, (0.29, 0.3, 0.0, 0.0)).choose(0.0, 0.0) == 2  # a small network is no constant
    assert make_path(noise, (0.31, 0.0, 0.0, 0.0)).choose(0.0, 0.0, min_r2=0.3) == 2
    assert make_path([np.nan] * 4, [np.nan] * 4).choose(0.0, 0.0) == 3


def test_standard_error_is_that_to_the_best_within_the_limit():
    rng = np.random.default_rng(0)
    shared = rng.random(50)
    errors = np.stack([shared + 0.5, shared + 0.3, 0.2 * rng.random(50), 0.2 * rng.random(50)])
    path = Path.from_errors(NETWORKS, [0.5, 0.3, 0.2, 0.1], errors)
    assert path.standard_error[2, 0] > 0.02 and path.standard_error[1, 0] < 1e-12
    assert path.choose(0, 0, max_nonzero=3) == 1  # better on every row


def test_weights_count_as_rows_that_come_again():
    errors = np.random.default_rng(0).random((4, 6))
    weight = np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
    weighted = Path.from_errors(NETWORKS, [0.4] * 4, errors, weight)
    again = Path.from_errors(NETWORKS, [0.4] * 4, errors.repeat(weight.astype(int), axis=1))
    np.testing.assert_allclose(weighted.r2_validation, again.r2_validation)
    np.testing.assert_allclose(weighted.standard_error, again.standard_error)


def test_standard_error_is_that_of_the_paired_difference():
    errors = np.array([[1.0, 2.0, 3.0, 2.0], [0.5, 1.5, 0.5, 0.5], [0.25, 0.25, 0.25, 1.25], [0.5, 0.5, 0.5, 0.75]])
    path = Path.from_errors(NETWORKS, [1.0, 0.4, 0.1, 0.05], errors)
    np.testing.assert_allclose(path.r2_train, [0.0, 0.6, 0.9, 0.95])
    np.testing.assert_allclose(path.r2_validation, [-1.0, 0.25, 0.5, 0.4375])
    for row in range(4):
        difference = errors[row] - errors[2]
        assert path.standard_error[row, 2] == pytest.approx(np.std(difference, ddof=1) / np.sqrt(4))
    assert (path.standard_error.diagonal() == 0).all() and (path.standard_error == path.standard_error.T).all()


def test_one_validation_row_is_enough():
    path = Path.from_errors(NETWORKS, [1.0, 0.4, 0.1, 0.05], np.array([[1.0], [0.5], [0.2], [0.3]]))
    assert (path.standard_error == 0).all()
    assert path.choose(0, 0, one_standard_error=True) == 2


def test_without_validation_rows_the_training_decides():
    path = Path.from_errors([TWO_NEURONS], [0.1], np.full((1, 1), np.nan))
    assert np.isnan(path.r2_validation).all()
    assert path.choose(0.1, 0.1, one_standard_error=True) == 0
    np.testing.assert_allclose(path.objective(0.01, 0.1), [0.1 + 0.06 + 0.2])
    assert path.choose(0.1, 0.1, min_r2=0.9) == 0
    with pytest.raises(ValueError, match=r"min_r2 must be at most 0\.9, "):
        path.choose(0.1, 0.1, min_r2=0.91)


def test_frame_describes_the_networks():
    frame = make_path().frame(0.01, 0.1, 2, origin=["a", "b", "c", "d"])
    assert isinstance(frame, pd.DataFrame) and frame["origin"].tolist() == ["a", "b", "c", "d"]
    assert frame["n_nonzero"].tolist() == [1, 3, 6, 10] and frame["n_neurons"].tolist() == [0, 1, 2, 3]
    assert frame["n_inputs"].tolist() == [0, 1, 2, 2]
    assert frame["depth"].tolist() == [0, 1, 1, 1]
    assert frame["activations"].tolist() == ["", "1 tanh", "1 tanh, 1 sine", "2 tanh, 1 sine"]
    assert frame["chosen"].tolist() == [False, False, True, False]
    assert frame["r2_train"].tolist() == R2_TRAIN and frame["r2_validation"].tolist() == R2_VALIDATION
    np.testing.assert_allclose(frame["objective"], make_path().objective(0.01, 0.1))


@pytest.mark.parametrize("n_networks", [1, 9, 101])
@pytest.mark.parametrize("letters", [1, 10, 30, 200])
@pytest.mark.parametrize("names", [(), ("equation",), ("origin", "equation")])
@pytest.mark.parametrize("r2", [np.nan, -1e-9, 0.123456789, -123456.789])
def test_eighty_columns_show_what_matters(n_networks, letters, names, r2, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    network = wide_network(min(letters, 12))
    path = Path([network] * n_networks, [0.5] * n_networks, [r2] * n_networks, np.zeros((n_networks, n_networks)))
    texts = {name: ["x" * letters] * n_networks for name in names}
    lines = repr(path.frame(1e-5, 1e-5, 0, **texts)).splitlines()
    assert max(map(len, lines)) <= 80
    assert {"n_nonzero", "depth", "n_inputs", "r2_train", "r2_validation", "chosen"} <= set(lines[0].split())


def wide_network(n_neurons):
    """Network with so many neurons of each activation."""
    names = [name for name in NAMES for _ in range(n_neurons)]
    return SparseMLP([np.ones((3, len(names))), np.ones((len(names), 1))], [np.ones(len(names)), [1.0]], [names])


@pytest.mark.parametrize("index", [0, 3, -1, -4, np.int32(2)])
def test_row_is_an_index_as_lists_have_it(index):
    assert make_path().row(index) == range(4)[index]


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (4, ValueError, r"index must be a row of path_, from 0 to 3 \(or from -4 to -1, .*\), got 4\."),
        (-5, ValueError, "got -5"),
        (1.0, TypeError, "index must be an integer, got 1.0 of type float"),
        (True, TypeError, "index must be an integer, got True of type bool"),
        ("chosen", TypeError, "index must be an integer, got 'chosen' of type str"),
    ],
)
def test_row_that_is_not_there_is_refused(index, error, message):
    with pytest.raises(error, match=message):
        make_path().row(index)

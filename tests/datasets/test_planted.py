"""make_planted_mlp: the drawn network is what it says, and the data are its."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from sk_swat import SparseMLP
from sk_swat.datasets import make_planted_mlp
from sk_swat.network.activations import ACTIVATION_NAMES

PAPER = [(14, 2), (35, 3)]  # arXiv 2410.08339, Fig. 5 and Fig. 3
PAPER_ACTIVATIONS = ("sigmoid", "leaky_relu", "identity")


def without(network, layer, place, kind="coefs"):
    """The network with one weight or bias removed."""
    parts = {"coefs": list(map(np.copy, network.coefs)), "intercepts": list(map(np.copy, network.intercepts))}
    parts[kind][layer][place] = 0
    return SparseMLP(parts["coefs"], parts["intercepts"], network.activations)


def all_numbers(network):
    for kind in ("coefs", "intercepts"):
        for layer, array in enumerate(getattr(network, kind)):
            for place in zip(*np.nonzero(array), strict=True):
                yield layer, place, kind


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("activation", PAPER_ACTIVATIONS)
@pytest.mark.parametrize(("n_nonzero", "depth"), PAPER)
def test_network_has_the_asked_form(n_nonzero, depth, activation, seed):
    network = make_planted_mlp(n_nonzero=n_nonzero, depth=depth, activation=activation, random_state=seed).network
    assert network.n_nonzero == n_nonzero and network.depth == depth and network.n_features_in == 3
    assert all(1 <= width <= 7 for width in network.hidden_layer_sizes)
    assert {name for layer in network.activations for name in layer} == {activation}
    assert all(np.all(intercept == 0) for intercept in network.intercepts)
    weights = np.abs(np.concatenate([coef[coef != 0] for coef in network.coefs]))
    assert weights.min() >= 0.5 and weights.max() <= 2.5


@pytest.mark.parametrize("activation", PAPER_ACTIVATIONS)
@pytest.mark.parametrize(("n_nonzero", "depth"), PAPER)
@pytest.mark.parametrize("intercepts", [False, True])
def test_every_number_is_connected_and_changes_the_function(n_nonzero, depth, activation, intercepts):
    data = make_planted_mlp(
        n_nonzero=n_nonzero, depth=depth, activation=activation, intercepts=intercepts, random_state=1
    )
    network = data.network
    assert network.prune() == network and len(network.used_features) == 3
    before = network.predict(data.X_test)
    for layer, place, kind in all_numbers(network):
        change = without(network, layer, place, kind).predict(data.X_test) - before
        assert np.sqrt((change**2).mean()) > 5e-4 * data.target_scale


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_output_varies_and_is_no_plane_unless_the_network_is_linear(activation):
    for seed in range(3):
        data = make_planted_mlp(activation=activation, random_state=seed)
        y = data.network.predict(data.X_test)
        assert y.std() > 0.02 * np.sqrt((y**2).mean())
        plane = LinearRegression().fit(data.X_test, y).score(data.X_test, y)
        assert plane == pytest.approx(1, abs=1e-12) if activation == "identity" else plane < 0.995


@pytest.mark.parametrize("seed", range(3))
def test_targets_are_the_networks_and_standardised(seed):
    data = make_planted_mlp(n_train=500, n_test=4000, random_state=seed)
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        np.testing.assert_allclose(data.target_offset + data.target_scale * y, data.network.predict(X), atol=1e-12)
    assert data.y_test.mean() == pytest.approx(0, abs=0.1)
    assert data.y_test.std() == pytest.approx(1, abs=0.1)


def test_shapes_and_ranges_are_those_of_a_task():
    data = make_planted_mlp(n_train=30, n_test=20, n_features=5, n_nonzero=40, random_state=0)
    assert data.X_train.shape == (30, 5) and data.y_train.shape == (30,)
    assert data.X_test.shape == (20, 5) and data.y_test.shape == (20,)
    assert np.abs(data.X_train).max() <= 1 and data.X_train.min() < -0.9 and data.X_train.max() > 0.9
    assert data.feature_names == ["x0", "x1", "x2", "x3", "x4"]
    assert "2410.08339" in data.DESCR and "30 training and 20 test" in data.DESCR and "no noise" in data.DESCR


def test_noise_has_the_asked_size_on_all_rows_and_nothing_else_changes():
    clean, noisy = (make_planted_mlp(n_train=4000, n_test=4000, noise=noise, random_state=3) for noise in (0.0, 0.5))
    assert clean.network == noisy.network
    for key in ("train", "test"):
        np.testing.assert_array_equal(clean[f"X_{key}"], noisy[f"X_{key}"])
        difference = noisy[f"y_{key}"] - clean[f"y_{key}"]
        assert difference.std() == pytest.approx(0.5, rel=0.05) and abs(difference.mean()) < 0.05
    assert r2_score(noisy.y_test, clean.y_test) == pytest.approx(0.8, abs=0.03)  # 1 - 0.25 / 1.25
    assert "0.5 standard deviations" in noisy.DESCR


def test_intercepts_place_some_of_the_parameters_on_biases():
    networks = [make_planted_mlp(n_nonzero=20, intercepts=True, random_state=seed).network for seed in range(4)]
    assert all(network.n_nonzero == 20 for network in networks)
    assert any((intercept != 0).any() for network in networks for intercept in network.intercepts)


@pytest.mark.parametrize(
    ("n_features", "n_nonzero", "depth", "activation"),
    [
        (3, 5, 2, "sigmoid"),
        (1, 5, 4, "sigmoid"),
        (1, 2, 1, "tanh"),
        (3, 7, 4, "leaky_relu"),
        (3, 77, 2, "leaky_relu"),  # dense: 3 x 7 + 7 x 7 + 7
        (1, 14, 1, "sine"),
    ],
)
def test_smallest_and_largest_networks_can_be_drawn(n_features, n_nonzero, depth, activation):
    data = make_planted_mlp(
        n_features=n_features, n_nonzero=n_nonzero, depth=depth, activation=activation, random_state=0
    )
    assert data.network.n_nonzero == n_nonzero and data.network.prune() == data.network


def test_equal_seeds_repeat_and_other_seeds_do_not():
    first, again, other = (make_planted_mlp(random_state=seed) for seed in (5, 5, 6))
    assert first.network == again.network and first.network != other.network
    for key in ("X_train", "y_train", "X_test", "y_test"):
        np.testing.assert_array_equal(first[key], again[key])
    assert make_planted_mlp().network != make_planted_mlp().network


def test_smaller_training_set_is_the_beginning_of_the_larger_and_the_rest_stays():
    small, large = (make_planted_mlp(n_train=n, random_state=2) for n in (40, 90))
    np.testing.assert_array_equal(small.X_train, large.X_train[:40])
    np.testing.assert_array_equal(small.y_train, large.y_train[:40])
    np.testing.assert_array_equal(small.X_test, large.X_test)
    np.testing.assert_array_equal(small.y_test, large.y_test)
    assert small.network == large.network and small.target_scale == large.target_scale
    assert make_planted_mlp(n_test=10, random_state=2).network == small.network


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(2)])
def test_global_random_state_stays_untouched(random_state):
    before = np.random.get_state()  # noqa: NPY002
    make_planted_mlp(n_train=10, n_test=5, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_train": 0}, ValueError, "`n_train` must be an integer of at least 1, got 0"),
        ({"n_test": 1.5}, TypeError, "`n_test` must be an integer of at least 1, got 1.5"),
        ({"n_features": True}, TypeError, "`n_features` must be an integer of at least 1, got True"),
        ({"n_nonzero": 4}, ValueError, r"`n_nonzero` must lie from 5 to 77 for 3 inputs.*got 4"),
        ({"n_nonzero": 78}, ValueError, r"`n_nonzero` must lie from 5 to 77 for 3 inputs.*got 78"),
        ({"n_nonzero": 93, "intercepts": True}, ValueError, r"`n_nonzero` must lie from 5 to 92 .*got 93"),
        ({"n_features": 20}, ValueError, r"`n_nonzero` must lie from 22 to .* for 20 inputs.*got 14"),
        ({"depth": 0}, ValueError, "`depth` must be an integer of at least 1, got 0"),
        ({"depth": 5}, ValueError, "`depth` must be an integer from 1 to 4, got 5"),
        ({"activation": "relu"}, ValueError, "`activation` must be one of 'identity', .*got 'relu'"),
        ({"intercepts": 1}, ValueError, "`intercepts` must be one of True, False, got 1"),
        ({"noise": -0.1}, ValueError, "`noise` must be a number in .*got -0.1"),
        ({"noise": float("inf")}, ValueError, "`noise` must be a number in .*got inf"),
        # one sigmoid neuron on one input with weights up to 2.5 is as good as a line
        (
            {"n_features": 1, "depth": 1, "n_nonzero": 2},
            ValueError,
            "1000 draws gave none with n_nonzero=2 and depth=1",
        ),
    ],
)
def test_wrong_arguments_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        make_planted_mlp(random_state=0, **settings)

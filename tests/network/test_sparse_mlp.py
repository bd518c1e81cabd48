"""SparseMLP against hand calculations, a torch network and its own definition."""

import copy
import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch

from sk_swat.network import sparse_mlp as network_module
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)
TORCH_FUNCTIONS = {name: one.torch_value for name, one in ACTIVATIONS.items()} | {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "sine": torch.sin,
    "gaussian": lambda z: torch.exp(-(z**2)),
}


def random_network(seed, density=1.0, sizes=None, names=NAMES):
    rng = np.random.default_rng(seed)
    if sizes is None:
        sizes = (
            int(rng.integers(1, 5)),
            *rng.integers(1, 6, size=rng.integers(0, 4)),
            int(rng.integers(1, 4)),
        )
    pairs = list(pairwise(sizes))
    return SparseMLP(
        [rng.normal(size=pair) * (rng.random(pair) < density) for pair in pairs],
        [rng.normal(size=n_out) * (rng.random(n_out) < 0.8) for _, n_out in pairs],
        [[names[code] for code in rng.integers(len(names), size=n_out)] for _, n_out in pairs[:-1]],
    )


def inputs(network, n_samples=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, network.n_features_in))


def torch_predict(network, X):
    a = torch.tensor(X)
    for layer in range(network.depth + 1):
        a = a @ torch.tensor(network.coefs[layer]) + torch.tensor(network.intercepts[layer])
        if layer < network.depth:
            columns = [TORCH_FUNCTIONS[name](a[:, j]) for j, name in enumerate(network.activations[layer])]
            a = torch.stack(columns, dim=1)
    return a.numpy()


@pytest.fixture
def small():
    """Two inputs, neurons tanh(x0 - 1) and gaussian(2 x0), output 3 tanh + 4 gaussian + 5."""
    return SparseMLP(
        [[[1.0, 2.0], [0.0, 0.0]], [[3.0], [4.0]]], [[-1.0, 0.0], [5.0]], [("tanh", "gaussian")], ("a", "b"), ("price",)
    )


# prediction


def test_prediction_equals_hand_calculation(small):
    X = np.array([[1.0, 7.0], [0.0, -7.0], [0.5, 0.0]])
    expected = [
        3 * 0 + 4 * np.exp(-4.0) + 5,
        -3 * np.tanh(1.0) + 4 + 5,
        -3 * np.tanh(0.5) + 4 * np.exp(-1.0) + 5,
    ]
    np.testing.assert_allclose(small.predict(X), expected, rtol=1e-14)
    np.testing.assert_allclose([small(X[i : i + 1])[0] for i in range(3)], expected, rtol=1e-14)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("density", [1.0, 0.5])
def test_prediction_equals_torch(seed, density):
    network = random_network(seed, density)
    X = inputs(network)
    expected = torch_predict(network, X)
    predicted = network.predict(X).reshape(expected.shape)
    np.testing.assert_allclose(predicted, expected, rtol=1e-10, atol=1e-12)
    one_by_one = np.vstack([network.predict(X[i : i + 1]).reshape(1, -1) for i in range(len(X))])
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_prediction_equals_torch_when_all_neurons_share_an_activation(name):
    network = random_network(3, sizes=(3, 4, 4, 2), names=(name,))
    X = inputs(network)
    np.testing.assert_allclose(network.predict(X), torch_predict(network, X), rtol=1e-10)
    np.testing.assert_allclose(network.predict(X[:1]), torch_predict(network, X[:1]), rtol=1e-10)


def test_one_output_gives_one_dimension_and_several_give_two():
    one, two = random_network(0, sizes=(3, 2, 1)), random_network(0, sizes=(3, 2, 2))
    for n_samples in (0, 1, 5):
        assert one.predict(np.ones((n_samples, 3))).shape == (n_samples,)
        assert two.predict(np.ones((n_samples, 3))).shape == (n_samples, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, object])
@pytest.mark.parametrize("n_samples", [1, 4])
def test_prediction_is_float64_for_any_real_input(dtype, n_samples):
    network = random_network(1, sizes=(3, 4, 1))
    X = np.ones((n_samples, 3)).astype(dtype)
    predicted = network.predict(X)
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, network.predict(np.ones((n_samples, 3))))


def test_many_rows_in_chunks_equal_rows_at_once(monkeypatch):
    network = random_network(2, sizes=(4, 5, 5, 2))
    X = inputs(network, 103)
    at_once = network.predict(X)
    monkeypatch.setattr(network_module, "_CHUNK_ROWS", 10)
    np.testing.assert_allclose(network.predict(X), at_once, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_samples", [1, 3])
def test_extreme_inputs_give_no_warning(name, n_samples):
    network = SparseMLP([[[1e10, -2.0], [-1e10, 5.0]], [[1.0], [-1.0]]], [[1.0, 0.0], [0.0]], [(name, "tanh")])
    assert network.predict(np.full((n_samples, 2), 1.7e308)).shape == (n_samples,)
    if name in ("sigmoid", "tanh", "gaussian"):
        assert np.isfinite(network.predict(np.array([[1.7e308, 0.0]] * n_samples))).all()


def test_columns_without_weights_are_not_read(small):
    X = np.array([[0.3, np.nan], [0.4, np.inf]])
    expected = small.predict([[0.3, 0.0], [0.4, 0.0]])
    np.testing.assert_array_equal(small.predict(X), expected)


def test_predict_leaves_X_unchanged():
    network = random_network(5, sizes=(2, 3, 1), names=("identity",))
    X = inputs(network)
    before = X.copy()
    network.predict(X)
    np.testing.assert_array_equal(X, before)


def test_constant_network_predicts_its_intercept():
    network = SparseMLP([np.zeros((3, 2))], [[1.5, -2.0]], [])
    assert network.depth == 0 and network.hidden_layer_sizes == () and network.n_neurons == 0
    np.testing.assert_array_equal(network.predict(np.ones((2, 3))), [[1.5, -2.0]] * 2)


@pytest.mark.parametrize("X", [np.ones((4, 3)), np.ones(2), np.ones((1, 2, 1))])
def test_wrong_shape_of_X_is_refused(small, X):
    with pytest.raises(ValueError, match=r"`X` must have shape \(n_samples, 2\), got \("):
        small.predict(X)


# counts


def test_counts_of_a_hand_made_network(small):
    assert (small.n_features_in, small.n_outputs, small.depth) == (2, 1, 1)
    assert small.hidden_layer_sizes == (2,) and small.n_neurons == 2
    assert small.n_nonzero == 6  # weights 1, 2, 3, 4; biases -1, 5
    assert small.used_features.tolist() == [0]


def test_input_that_ends_in_a_dead_neuron_is_not_used():
    network = SparseMLP([[[1.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]]], [[0.0, 0.0], [0.0]], [("tanh", "tanh")])
    assert network.used_features.tolist() == [0]
    assert network.n_neurons == 1 and network.n_nonzero == 3


@pytest.mark.parametrize("seed", range(20))
def test_used_features_are_those_that_move_the_output(seed):
    network = random_network(seed, 0.5, sizes=(4, 3, 3, 1), names=("tanh", "sine"))
    X = inputs(network)
    moves = []
    for column in range(4):
        moved = X.copy()
        moved[:, column] += 1.0
        moves.append(not np.allclose(network.predict(moved), network.predict(X), rtol=0, atol=1e-12))
    assert network.used_features.tolist() == np.flatnonzero(moves).tolist()


# pruning


def every_neuron_lives(network):
    return all(
        (before != 0).any(axis=0).all() and (after != 0).any(axis=1).all() for before, after in pairwise(network.coefs)
    )


@pytest.mark.parametrize("density", [0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(40))
def test_pruned_network_is_the_same_function(seed, density):
    network = random_network(seed, density)
    pruned = network.prune()
    X = inputs(network)
    np.testing.assert_allclose(pruned.predict(X), network.predict(X), rtol=1e-10, atol=1e-12)
    assert every_neuron_lives(pruned) and pruned.prune() == pruned
    assert pruned.n_features_in == network.n_features_in
    assert pruned.used_features.tolist() == network.used_features.tolist()
    assert sum(pruned.hidden_layer_sizes) == network.n_neurons


def test_constant_neuron_moves_into_the_next_bias():
    network = SparseMLP([[[1.0, 0.0]], [[2.0], [3.0]]], [[0.0, 0.0], [10.0]], [("tanh", "gaussian")])
    assert network.prune() == SparseMLP([[[1.0]], [[2.0]]], [[0.0], [13.0]], [("tanh",)])


def test_chain_of_constant_neurons_collapses_to_a_constant():
    network = SparseMLP(
        [[[0.0], [0.0]], [[2.0]], [[3.0]]], [[0.5], [0.1], [1.0]], [("sigmoid",), ("tanh",)], ("a", "b"), ["price"]
    )
    pruned = network.prune()
    assert pruned.depth == 0 and pruned.coefs[0].shape == (2, 1) and not pruned.coefs[0].any()
    expected = 3 * np.tanh(2 / (1 + np.exp(-0.5)) + 0.1) + 1
    assert pruned.intercepts[0][0] == pytest.approx(expected, rel=1e-14)
    assert (pruned.feature_names, pruned.target_names) == (("a", "b"), ("price",))


def test_neurons_that_reach_no_output_go_with_all_before_them():
    network = SparseMLP(
        [np.ones((2, 2)), [[1.0, 0.0], [0.0, 1.0]], [[1.0], [0.0]]],
        [[0.1, 0.2], [0.3, 0.4], [0.5]],
        [("tanh", "sine"), ("tanh", "sine")],
    )
    pruned = network.prune()
    assert pruned.activations == (("tanh",), ("tanh",))
    assert pruned.n_nonzero == 7


def test_network_without_living_neuron_is_constant():
    network = SparseMLP([np.ones((2, 3)), np.zeros((3, 2))], [np.ones(3), [4.0, 5.0]], [("sine",) * 3])
    assert network.prune() == SparseMLP([np.zeros((2, 2))], [[4.0, 5.0]], [])
    assert network.n_neurons == 0 and network.used_features.tolist() == []


# scaling and inputs


@pytest.mark.parametrize("seed", range(20))
def test_scaled_network_takes_raw_units(seed):
    network = random_network(seed, 0.6)
    rng = np.random.default_rng(seed)
    n_in, n_out = network.n_features_in, network.n_outputs
    x_offset, x_scale = rng.normal(size=n_in), rng.uniform(0.1, 9, size=n_in)
    y_offset, y_scale = rng.normal(size=n_out), rng.uniform(0.1, 9, size=n_out)
    X = inputs(network)
    scaled = network.with_scaling(x_offset, x_scale, y_offset, y_scale)
    expected = y_offset + y_scale * network.predict((X - x_offset) / x_scale).reshape(len(X), -1)
    np.testing.assert_allclose(scaled.predict(X).reshape(expected.shape), expected, rtol=1e-9, atol=1e-11)
    for before, after in zip(network.coefs, scaled.coefs, strict=True):
        np.testing.assert_array_equal(before == 0, after == 0)


def test_scaling_of_a_linear_network_by_hand():
    network = SparseMLP([[[3.0]]], [[1.0]], [], ("t",))
    scaled = network.with_scaling([10.0], [2.0], 100.0, 5.0)  # 100 + 5 (3 (x - 10) / 2 + 1) = 7.5 x + 30
    assert scaled == SparseMLP([[[7.5]]], [[30.0]], [])
    assert scaled.feature_names == ("t",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0], 1.0, 0.0, 1.0), r"`x_offset` must be a number or have shape \(2,\), got shape \(1,\)"),
        ((0.0, [1.0, 0.0], 0.0, 1.0), r"`x_scale` must be finite and positive, got 0\.0"),
        ((0.0, 1.0, np.nan, 1.0), "`y_offset` must be finite, got nan"),
        ((0.0, 1.0, 0.0, -2.0), r"`y_scale` must be finite and positive, got -2\.0"),
    ],
)
def test_impossible_scaling_is_refused(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        small.with_scaling(*arguments)


def test_new_inputs_are_combined_into_the_old():
    network = random_network(7, sizes=(2, 3, 1))
    A = np.array([[1.0, 0.5], [0.0, 0.0], [-2.0, 3.0]])
    X = np.random.default_rng(0).normal(size=(9, 3))
    wide = network.with_inputs(A, ["p", "q", "r"])
    np.testing.assert_allclose(wide.predict(X), network.predict(X @ A), rtol=1e-12)
    assert wide.used_features.tolist() == [0, 2] and wide.feature_names == ("p", "q", "r")
    with pytest.raises(ValueError, match=r"`A` must have shape \(n_new_features, 2\), got \(2, 3\)"):
        network.with_inputs(A.T)


def test_every_operation_keeps_the_names_that_still_hold(small):
    for network in (small, small.prune(), small.with_scaling(1.0, 2.0, 3.0, 4.0), small.with_inputs(np.eye(2))):
        assert network.target_names == ("price",)
    assert small.with_scaling(1.0, 2.0, 3.0, 4.0).feature_names == ("a", "b")
    assert small.with_inputs(np.eye(2)).feature_names is None
    named = small.with_names(["c", "d"], ["cost"])
    assert named == small and (named.feature_names, named.target_names) == (("c", "d"), ("cost",))
    assert small.with_names().feature_names is small.with_names().target_names is None


# construction


def test_arrays_are_read_only_float64_copies():
    weights = np.ones((2, 1), dtype=np.float32)
    network = SparseMLP([weights], [[-0.0]], [])
    weights[0] = 7
    assert network.coefs[0].dtype == np.float64 and network.coefs[0].tolist() == [[1.0], [1.0]]
    assert not np.signbit(network.intercepts[0][0])
    with pytest.raises(ValueError, match="read-only"):
        network.coefs[0][0] = 5.0
    with pytest.raises(AttributeError):
        network.coefs = ()


W, B = np.ones((2, 3)), np.ones(3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], [], []), ValueError, "one array per layer .* got 0, 0 and 0"),
        (([W, W.T], [B], [("tanh",) * 3]), ValueError, "one array per layer .* got 2, 1 and 1"),
        (([W], [B], [("tanh",) * 3]), ValueError, "one tuple per hidden layer, got 1, 1 and 1"),
        (
            ([W, W], [B, B], [("tanh",) * 3]),
            ValueError,
            r"`coefs\[1\]` must have as many rows .* \(3\), got 2",
        ),
        (([W], [np.ones(2)], []), ValueError, r"`intercepts\[0\]` must have shape \(3,\) .* got \(2,\)"),
        (
            ([W, W.T], [B, np.ones(2)], [("tanh",)]),
            ValueError,
            r"`activations\[0\]` must hold 3 names.* got 1",
        ),
        (
            ([W, W.T], [B, np.ones(2)], ["tanh"]),
            TypeError,
            r"`activations\[0\]` must be a sequence .* 'tanh'",
        ),
        (([W, W.T], [B, np.ones(2)], [("relu",) * 3]), ValueError, "must hold names from .* got 'relu'"),
        (([W * np.nan], [B], []), ValueError, r"`coefs\[0\]` must hold finite numbers, got nan"),
        (([W], [B * np.inf], []), ValueError, r"`intercepts\[0\]` must hold finite numbers, got inf"),
        (
            ([B], [B], []),
            ValueError,
            r"`coefs\[0\]` must be a non-empty 2-dimensional array, got shape \(3,\)",
        ),
        (
            ([np.ones((2, 0))], [[]], []),
            ValueError,
            r"must be a non-empty 2-dimensional array, got shape \(2, 0\)",
        ),
        (([[[1.0], [1.0, 2.0]]], [B], []), ValueError, r"`coefs\[0\]` must be .* got ragged lists"),
        (
            ([[["1.0"]]], [[1.0]], []),
            ValueError,
            r"`coefs\[0\]` must hold real numbers, got values of type <U3",
        ),
        (([W], [B], [], "ab"), TypeError, "`feature_names` must be a sequence of str or None, got 'ab'"),
        (([W], [B], [], [1, 2]), TypeError, r"`feature_names` must hold names \(str\), got 1"),
        (([W], [B], [], ["a"]), ValueError, "`feature_names` must hold 2 names, one per column, got 1"),
        (([W], [B], [], None, "y"), TypeError, "`target_names` must be a sequence of str or None, got 'y'"),
        (([W], [B], [], None, ["u", "v"]), ValueError, "`target_names` must hold 3 names, one per output, got 2"),
    ],
)
def test_impossible_network_is_refused_with_the_reason(arguments, error, message):
    with pytest.raises(error, match=message):
        SparseMLP(*arguments)


# equality and storage


def test_networks_are_equal_by_arrays_and_activations(small):
    assert small == SparseMLP(small.coefs, small.intercepts, small.activations)
    assert small != SparseMLP(small.coefs, small.intercepts, [("tanh", "sine")])
    assert small != SparseMLP(small.coefs, [small.intercepts[0], [5.1]], small.activations)
    assert small != small.prune().with_inputs(np.eye(3, 2))
    assert small != "network"
    with pytest.raises(TypeError, match="unhashable"):
        hash(small)


def same(network, other):
    names = (network.feature_names, network.target_names) == (other.feature_names, other.target_names)
    return network == other and names


@pytest.mark.parametrize("seed", range(10))
def test_json_keeps_every_bit(seed):
    network = random_network(seed, 0.7).with_scaling(0.1, 3.0, 1e-300, 1e200)
    assert same(SparseMLP.from_json(network.to_json()), network)
    assert same(SparseMLP.from_dict(network.to_dict()), network)


def test_json_keeps_odd_feature_names():
    network = SparseMLP([np.ones((3, 1))], [[0.0]], [], ['"quoted"', "line\nbreak", "\u00fcnit [\u00b5m]"], ["\x00"])
    assert same(SparseMLP.from_json(network.to_json()), network)


@pytest.mark.parametrize("copied", [lambda n: pickle.loads(pickle.dumps(n)), copy.deepcopy])
def test_copies_are_equal_and_read_only(small, copied):
    small.predict([[0.0, 0.0]])
    twin = copied(small)
    assert same(twin, small) and not twin.coefs[0].flags.writeable
    assert twin.predict([[0.3, 0.0]]) == small.predict([[0.3, 0.0]])


def test_predicting_does_not_enlarge_the_pickle():
    network = random_network(0, sizes=(4, 8, 8, 1))
    before = pickle.dumps(network)
    network.predict(np.zeros((2, 4)))
    assert pickle.dumps(network) == before
    assert len(before) < 8 * (4 * 8 + 8 * 8 + 8 + 17) + 1500


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "`schema` must be 'sk_swat.SparseMLP', got 'other'"),
        ({"version": 2}, "`version` must be 1, got 2"),
        ({"colour": "red"}, r"must have the keys \[.*\], got .*'colour'"),
        ({"coefs": None}, "`coefs` of a stored network must be a list, got None"),
        ({"coefs": [[[1.0, 2.0]]]}, "one array per layer"),
        ({"intercepts": [[-1.0, None], [5.0]]}, r"`intercepts\[0\]` must hold real numbers"),
        (
            {"intercepts": [[-1.0, float("nan")], [5.0]]},
            r"`intercepts\[0\]` must hold finite numbers, got nan",
        ),
        ({"activations": [["tanh", "relu"]]}, "must hold names from .* got 'relu'"),
        ({"activations": ["tanh"]}, "must be a sequence of names"),
        ({"feature_names": ["a", 2]}, r"must hold names \(str\), got 2"),
        ({"target_names": "price"}, "`target_names` of a stored network must be a list, got 'price'"),
    ],
)
def test_foreign_or_damaged_dict_is_refused(small, change, message):
    with pytest.raises(ValueError, match=message):
        SparseMLP.from_dict({**small.to_dict(), **change})


def test_dict_with_a_missing_key_is_refused(small):
    document = small.to_dict()
    del document["activations"]
    with pytest.raises(ValueError, match="must have the keys"):
        SparseMLP.from_dict(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "`text` must be JSON"), ("[1]", "must be a dict, got list"), ("{}", "`schema` must be")],
)
def test_foreign_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        SparseMLP.from_json(text)


def test_json_is_plain(small):
    document = json.loads(small.to_json())
    assert document["coefs"] == [[[1.0, 2.0], [0.0, 0.0]], [[3.0], [4.0]]]
    assert document["activations"] == [["tanh", "gaussian"]]


# printing


def test_printing_shows_every_number(small):
    assert str(small) == small.describe()
    assert small.describe().splitlines() == [
        "SparseMLP: 6 non-zero parameters (weights and biases), 2 hidden neurons, reads 1 of 2 columns",
        "h1_1 = tanh(1 * a - 1)",
        "h1_2 = gaussian(2 * a)",
        "price = 3 * h1_1 + 4 * h1_2 + 5",
        "",
        "gaussian(z) = exp(-z^2)",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_printed_equations_compute_what_the_network_does(seed):
    network = random_network(seed, 0.7)
    X = inputs(network)
    values = {
        name: lambda z, function=function: function(torch.as_tensor(z, dtype=torch.float64))
        for name, function in TORCH_FUNCTIONS.items()
    }
    values |= {f"x{i}": torch.tensor(X[:, i]) for i in range(network.n_features_in)}
    equations = [line.split(" = ") for line in network.describe(digits=15).replace("\n    ", " ").splitlines()[1:]]
    for name, right in (pair for pair in equations if len(pair) == 2 and "(z)" not in pair[0]):
        values[name] = eval(right, {}, values)
    names = ["y"] if network.n_outputs == 1 else [f"y{j}" for j in range(network.n_outputs)]
    shown = np.stack([np.broadcast_to(values[name], len(X)) for name in names], axis=1)
    np.testing.assert_allclose(shown, network.predict(X).reshape(len(X), -1), rtol=1e-10, atol=1e-10)


def test_description_tells_of_neurons_without_effect():
    network = SparseMLP([np.ones((2, 3)), [[1.0], [1.0], [0.0]]], [np.ones(3), [0.0]], [("tanh",) * 3])
    assert "3 hidden neurons (2 alive)" in network.describe()
    assert network.describe().isascii()


def test_repr_is_one_line(small):
    assert repr(small) == "SparseMLP(n_features_in=2, hidden_layer_sizes=(2,), n_outputs=1, n_nonzero=6)"

"""Folding keeps the function, and leaves no parameter that others can take over."""

from itertools import chain, combinations, pairwise

import numpy as np
import pytest
import torch

from sk_swat import SWATRegressor
from sk_swat.export import to_c, to_latex, to_onnx, to_sympy
from sk_swat.network.activations import ACTIVATIONS, activate
from sk_swat.network.equivalence import straighten
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = ("identity", "identity", "tanh", "gaussian")


def mixed_network(seed, sizes, n_inputs=3, n_outputs=1, density=0.6, bias=0.5):
    """Random network in which about half of the neurons are linear and about half of the numbers are zero."""
    rng = np.random.default_rng(seed)
    widths = [n_inputs, *sizes, n_outputs]

    def some(*shape, share):
        return rng.normal(size=shape) * (rng.random(shape) < share)

    return SparseMLP(
        [some(a, b, share=density) for a, b in pairwise(widths)],
        [some(b, share=bias) for b in widths[1:]],
        [rng.choice(NAMES, size).tolist() for size in sizes],
    )


def line(*slopes, depth=1, bias=0.5, intercept=2.0):
    """Straight line through identity neurons, each with a bias of its own."""
    coefs = [np.array(slopes, dtype=float)[:, None], *[np.array([[0.5]])] * depth]
    return SparseMLP(coefs, [np.full(1, bias)] * depth + [np.full(1, intercept)], [["identity"]] * depth)


@pytest.mark.parametrize("n_outputs", [1, 2, 5])
@pytest.mark.parametrize("sizes", [(4,), (8,), (3, 4), (4, 3, 3)])
def test_folded_network_is_the_same_function_with_no_more_parameters(sizes, n_outputs):
    X = np.random.default_rng(0).normal(size=(50, 3))
    smaller = 0
    for seed in range(60):
        network = mixed_network(seed, sizes, n_outputs=n_outputs)
        found = network.simplify()
        np.testing.assert_allclose(found.predict(X), network.predict(X), rtol=1e-9, atol=1e-11)
        assert found.n_nonzero <= network.prune().n_nonzero
        assert found.simplify() == found
        smaller += found.n_nonzero < network.prune().n_nonzero
    assert smaller > 10  # of 60


@pytest.mark.parametrize("n_outputs", [2, 4, 6])
def test_no_choice_of_biases_to_move_is_better(n_outputs):
    """Of one layer, tried out: every set of identity neurons may hand its biases on."""
    for seed in range(80):
        network = mixed_network(seed, (6,), n_outputs=n_outputs, density=0.4, bias=0.4).prune()
        if not network.depth:
            continue
        (names,), bias, out = network.activations, network.intercepts[0], network.coefs[1]
        linear = [j for j, name in enumerate(names) if name == "identity"]
        best = min(
            np.count_nonzero(np.delete(bias, chosen))
            + np.count_nonzero(network.intercepts[1] + bias[chosen] @ out[chosen])
            for size in range(len(linear) + 1)
            for chosen in map(list, combinations(linear, size))
        )
        n_weights = sum(np.count_nonzero(part) for part in network.coefs)
        assert network.simplify().n_nonzero <= n_weights + best


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("slopes", [(2.0,), (2.0, -1.0), (0.0, 3.0)])
def test_straight_line_is_its_slopes_and_its_intercept(slopes, depth):
    network = line(*slopes, depth=depth)
    found = network.simplify()
    assert found.depth == 0 and found.n_nonzero == np.count_nonzero(slopes) + 1
    X = np.random.default_rng(0).normal(size=(9, len(slopes)))
    np.testing.assert_allclose(found.predict(X), network.predict(X), rtol=1e-14)


def test_linear_neurons_of_one_target_become_one():
    network = SparseMLP(
        [[[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]], [[1.0], [-2.0], [3.0]]],
        [[0.5, 0.25, 1.0], [1.0]],
        [["identity", "identity", "tanh"]],
    )
    found = network.simplify()
    assert found.activations == (("tanh", "identity"),)
    assert found.coefs[0].tolist() == [[2.0, 1.0], [1.0, -2.0]] and found.coefs[1].tolist() == [[3.0], [1.0]]
    assert found.intercepts[0].tolist() == [1.0, 0.0] and found.intercepts[1].tolist() == [1.0]


def test_linear_neurons_of_one_source_become_one():
    weights = np.zeros((2, 3))
    weights[0, :2], weights[1, 2] = [1.0, 2.0], 1.0
    out = np.array([[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 3.0, 0.5], [1.0, 1.0, 1.0, 1.0]])
    network = SparseMLP([weights, out], [np.zeros(3), np.ones(4)], [["identity", "identity", "tanh"]])
    found = network.simplify()
    assert sorted(found.activations[0]) == ["identity", "tanh"] and found.n_nonzero == network.n_nonzero - 3


def test_bias_that_would_make_two_stays():
    network = SparseMLP(
        [[[1.0]], [[1.0, 2.0]], [[1.0], [1.0]]], [[3.0], [0.0, 0.0], [1.0]], [["identity"], ["tanh", "sine"]]
    )
    found = network.simplify()  # x + 3 would become two biases; the layer in between goes all the same
    assert found.n_nonzero <= network.n_nonzero
    X = np.linspace(-1, 1, 7)[:, None]
    np.testing.assert_allclose(found.predict(X), network.predict(X), rtol=1e-14)


def test_what_float64_cannot_hold_is_not_folded():
    network = SparseMLP([[[1e200]], [[1e200]]], [[1e200], [1.0]], [["identity"]])
    assert network.simplify() == network


def test_names_of_columns_stay():
    network = line(1.0, 2.0)
    named = SparseMLP(network.coefs, network.intercepts, network.activations, ["a", "b"])
    assert named.simplify().feature_names == ("a", "b")


def test_exports_take_a_straight_line():
    found = line(2.0, -1.0).simplify()
    assert "double" in to_c(found) and "x_{1}" in to_latex(found)
    assert float(to_sympy(found).subs({"x0": 1.0, "x1": 1.0})) == pytest.approx(found.predict([[1.0, 1.0]])[0])
    assert to_onnx(found).graph.output


def test_fit_of_a_straight_line_keeps_no_redundant_parameter(tiny_checkpoint):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(120, 2)) * [1.0, 20.0] + [5.0, 2000.0]
    y = 3.0 * X[:, 0] - 0.5 * X[:, 1] + 7.0
    model = SWATRegressor(checkpoint=tiny_checkpoint, n_restarts=4, n_rounds=1, random_state=0).fit(X, y)
    assert model.n_nonzero_ == 3 and model.score(X, y) > 1 - 1e-9
    for network in model.networks_:
        numbers = chain.from_iterable(part.ravel() for part in (*network.coefs, *network.intercepts))
        assert network.simplify().n_nonzero == network.n_nonzero == sum(value != 0 for value in numbers)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_kinks_that_no_row_crosses_are_straightened(hard_networks, depth):
    networks = hard_networks(depth, ("leaky_relu", "tanh"), n_networks=40)
    X = torch.tensor(np.random.default_rng(0).normal(size=(7, 3)))
    found = straighten(networks, X)
    torch.testing.assert_close(found.forward(X), networks.forward(X), rtol=1e-12, atol=1e-12)
    n_changed = 0
    for one in range(len(networks)):
        before, after = networks.to_sparse(one), found.to_sparse(one)
        rows = X.numpy()
        for layer in range(depth):
            z = rows @ before.coefs[layer] + before.intercepts[layer]
            one_sided = (z >= 0).all(0) | (z <= 0).all(0)
            for j, name in enumerate(before.activations[layer]):
                straight = name == "leaky_relu" and one_sided[j]
                assert after.activations[layer][j] == ("identity" if straight else name)
                n_changed += straight
            rows = np.column_stack([activate(name, z[:, j]) for j, name in enumerate(before.activations[layer])])
    assert n_changed > 5


@pytest.mark.parametrize("activations", [tuple(ACTIVATIONS), ("leaky_relu", "tanh")])
def test_fit_straightens_only_where_linear_neurons_are_allowed(tiny_checkpoint, activations):
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(150, 2))
    y = 3.0 * X[:, 0] - 0.5 * X[:, 1] + 0.01 * rng.normal(size=150)
    settings = {"n_restarts": 4, "n_rounds": 0, "random_state": 0, "checkpoint": tiny_checkpoint}
    model = SWATRegressor(activations=activations, **settings).fit(X, y)
    kinks = 0
    for network in model.networks_:
        rows = X
        for coef, bias, names in zip(network.coefs, network.intercepts, network.activations, strict=False):
            z = rows @ coef + bias
            one_sided = (z >= 0).all(0) | (z <= 0).all(0)
            kinks += sum(name == "leaky_relu" and bool(one_sided[j]) for j, name in enumerate(names))
            rows = np.column_stack([activate(name, z[:, j]) for j, name in enumerate(names)])
    assert (kinks == 0) == ("identity" in activations)
    assert {name for one in model.networks_ for names in one.activations for name in names} <= set(activations)


def test_weights_whose_product_is_too_small_for_float64_are_not_multiplied():
    network = SparseMLP([[[2e-200, 1.0]], [[3e-200], [1.0]]], [[0.0, 0.5], [0.0]], [["identity", "tanh"]])
    for one in (network, SparseMLP([[[2e-200]], [[3e-200]]], [[0.0], [0.0]], [["identity"]])):
        assert one.simplify().activations == one.activations
    far = np.array([[1e250], [-1e300]])
    np.testing.assert_allclose(
        SparseMLP([[[2e-200]], [[3e-100]]], [[0.0], [0.0]], [["identity"]]).simplify().predict(far), [6e-50, -6]
    )

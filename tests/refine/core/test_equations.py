"""Outputs, Jacobian and normal equations of the core against plain NumPy and finite differences."""

import numpy as np
import pytest

from sk_swat.refine import _core

SHAPES = [[3, 1], [2, 2], [3, 5, 1], [2, 4, 2], [3, 4, 3, 1], [2, 3, 4, 2, 3], [4, 3, 3, 3, 3, 2], [1, 1, 1]]


def close(got, truth):
    scale = max(1.0, np.abs(truth).max(initial=0.0))
    np.testing.assert_allclose(got, truth, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ["full", "sparse", "masked"])
def test_equations_and_jacobian_are_those_of_plain_numpy(plain, sizes, weighted, case):
    (values,), (kinds,) = plain.batch(
        sizes, seed=1, missing=0.0 if case == "full" else 0.3, density=0.5 if case == "sparse" else 1
    )
    free = np.random.default_rng(2).random(len(values)) < 0.6 if case == "masked" else None
    X, y, weight = plain.table(57, sizes[0], sizes[-1], weighted=weighted)
    rows = _core.Rows(X, y, weight, None, None)
    moves = None if free is None else free[None].astype(np.uint8)
    matrix, gradient, error, places, jacobian = _core.equations(
        sizes, values[None], kinds[None], [rows], moves, _core.How()
    )

    network = plain.Network(sizes, values, kinds)
    truth, moving = network.moving(free)
    order = np.argsort(places)
    assert places[order].tolist() == truth.tolist()
    close(jacobian[:, order, :57], network.derivatives(X, moving, truth))
    assert not jacobian[:, :, 57:].any()
    for got, plainly in zip(
        (matrix[np.ix_(order, order)], gradient[order], error), network.equations(X, y, weight, free), strict=True
    ):
        close(got, plainly)
    assert np.array_equal(matrix, matrix.T)


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 127, 128, 129, 1000])
@pytest.mark.parametrize("by_python", [False, True])
def test_rows_may_be_any_number(plain, n_rows, by_python):
    sizes = [2, 4, 3, 2]
    (values,), (kinds,) = plain.batch(sizes)
    X, y, weight = plain.table(n_rows, 2, 2, weighted=True)
    loss = (lambda r: (r**2, 2 * r, np.full_like(r, 2.0))) if by_python else None
    rows = _core.Rows(X, y, weight, loss, None)
    matrix, gradient, error, places, _ = _core.equations(sizes, values[None], kinds[None], [rows], None, _core.How())
    network = plain.Network(sizes, values, kinds)
    truth = network.equations(X, y, weight)
    order = np.argsort(places)
    for got, plainly in zip((matrix[np.ix_(order, order)], gradient[order], error), truth, strict=True):
        close(got, plainly)
    outputs = _core.outputs(sizes, values[None], kinds[None], [rows], _core.How())
    assert outputs.shape == (1, 2, n_rows)
    close(outputs[0], network.outputs(X, values)[0])


def test_jacobian_is_that_of_finite_differences(plain):
    sizes = [3, 4, 3, 2]
    (values,), (kinds,) = plain.batch(sizes, seed=3)
    kinds[kinds == 3] = 2  # the kink of leaky ReLU has no derivative
    X, y, _ = plain.table(40, 3, 2)
    rows = _core.Rows(X, y, None, None, None)
    *_, places, jacobian = _core.equations(sizes, values[None], kinds[None], [rows], None, _core.How())
    for number, place in enumerate(places):
        moved = np.repeat(values[None], 2, axis=0)
        moved[:, place] += (1e-6, -1e-6)
        above, below = _core.outputs(sizes, moved, np.repeat(kinds[None], 2, axis=0), [rows], _core.How())
        np.testing.assert_allclose(jacobian[:, number, :40], (above - below) / 2e-6, atol=1e-8)


@pytest.mark.parametrize("with_loss", [False, True])
def test_pull_is_half_the_descent_of_the_loss_by_each_input(plain, with_loss):
    """A row's own bias of a neuron would move its loss by that much; missing neurons pull nothing."""
    sizes = [2, 3, 2, 2]
    (values,), (kinds,) = plain.batch(sizes, seed=4)
    kinds[1] = -1
    X, y, weight = plain.table(9, 2, 2, weighted=True)

    def quartic(r):
        return r**4, 4 * r**3, 12 * r**2

    rows = _core.Rows(X, y, weight, quartic if with_loss else None, None)
    pull = _core.pull(sizes, values[None], kinds[None], [rows], _core.How())[0]
    assert pull.shape == (6, 9)
    network = plain.Network(sizes, values, kinds)
    outputs, _ = network.outputs(X, values)
    half = 2 * (outputs - y) ** 3 if with_loss else outputs - y
    biases = [6, 7, 8, 15, 16]
    d = network.derivatives(X, values, biases)  # by a bias, so by the input of its neuron
    d[:, 1] = 0.0
    close(pull[:5], -np.einsum("or,opr->pr", half, d))
    close(pull[5], -half.sum(axis=0))


def test_activations_written_in_python_are_as_good_as_compiled_ones(plain):
    sizes = [2, 6, 1]
    values, _ = plain.batch(sizes)
    kinds = np.arange(6, dtype=np.int32)[None]
    X, y, _ = plain.table(300, 2)

    def called(kind, z):
        return tuple(function(z).astype(float) for function in plain.activations[kind - 6])

    compiled = _core.Rows(X, y, None, None, None)
    written = _core.Rows(X, y, None, None, called)
    truth = _core.equations(sizes, values, kinds, [compiled], None, _core.How())
    got = _core.equations(sizes, values, kinds + 6, [written], None, _core.How())
    for one, other in zip(got, truth, strict=True):
        close(one, other)


def test_tables_in_other_orders_and_types_are_the_same(plain):
    sizes = [2, 3, 1]
    values, kinds = plain.batch(sizes)
    X, y, _ = plain.table(20, 2)
    X = X.astype(np.float32)
    first = _core.outputs(sizes, values, kinds, [_core.Rows(X.astype(float), y, None, None, None)], _core.How())
    other = _core.outputs(sizes, values, kinds, [_core.Rows(np.asfortranarray(X), y, None, None, None)], _core.How())
    assert first.tobytes() == other.tobytes()

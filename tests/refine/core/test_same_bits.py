"""Results do not depend on the instruction set or on the number of threads, to the last bit."""

import numpy as np
import pytest

from sk_swat.refine import _core

HOWS = [
    *(pytest.param(_core.How(kernels), id=kernels) for kernels in _core.kernel_names()),
    *(pytest.param(_core.How(n_threads=n), id=f"{n} threads") for n in (2, 3, 16)),
]


def quartic(r):
    return r**4, 4 * r**3, 12 * r**2 + 1


def same(got, truth):
    got, truth = (one if isinstance(one, tuple) else (one,) for one in (got, truth))
    return [np.asarray(one).tobytes() for one in got] == [np.asarray(one).tobytes() for one in truth]


@pytest.fixture(scope="module")
def results(plain):
    """Function of how to work, which gives what each function of the core finds, for several shapes."""

    def run(how):
        for sizes in ([2, 6, 1], [3, 5, 4, 2], [2, 3, 3, 3, 1], [2, 3, 2, 3, 2, 1]):
            values, kinds = plain.batch(sizes, 3, missing=0.1)
            X, y, weight = plain.table(200, sizes[0], sizes[-1], weighted=True)
            for loss in (None, quartic):
                rows = [_core.Rows(X, y, weight, loss, None)]
                yield "outputs", sizes, _core.outputs(sizes, values, kinds, rows, how)
                yield "pull", sizes, _core.pull(sizes, values, kinds, rows, how)
                yield "equations", sizes, _core.equations(sizes, values[:1], kinds[:1], rows, None, how)
                yield "fit", sizes, plain.fit(sizes, values, kinds, rows, n_steps=12, how=how)
                if loss is None:
                    yield "prune", sizes, plain.prune(sizes, values, kinds, rows, how=how)

    return run


@pytest.fixture(scope="module")
def baseline(results):
    return list(results(_core.How("baseline")))


def test_the_widest_kernels_come_first_and_the_baseline_is_always_there():
    names = _core.kernel_names()
    assert names[-1] == "baseline"
    assert names == [name for name in ("avx512", "avx2", "baseline") if name in names]


@pytest.mark.parametrize("how", HOWS)
def test_every_way_of_working_gives_the_same_bits(results, baseline, how):
    for (name, sizes, got), (_, _, truth) in zip(results(how), baseline, strict=True):
        assert same(got, truth), (name, sizes)


def test_pruned_networks_are_what_is_said_of_them(plain, baseline):
    """Sizes and errors of all networks on the way are those of plain NumPy; every network gets smaller."""
    for name, sizes, result in baseline:
        if name != "prune":
            continue
        values, kinds, size, error, origin = result
        X, y, weight = plain.table(200, sizes[0], sizes[-1], weighted=True)
        assert set(origin) == set(range(3))
        for i in range(3):
            assert (np.diff(np.count_nonzero(values[origin == i], axis=1)) < 0).all()
            assert (np.diff(size[origin == i]) <= 0).all()
        for one, its_kinds, n, told in zip(values, kinds, size, error, strict=True):
            network = plain.Network(sizes, one, its_kinds)
            outputs, _ = network.outputs(X, one)
            truth = (weight * (outputs - y) ** 2).sum() / (weight.sum() * len(y))
            assert told == pytest.approx(truth, rel=1e-9, abs=1e-12)
            assert n <= np.count_nonzero(one)  # biases of identity neurons may count in what they feed, once


def test_a_criterion_written_in_python_says_what_goes(plain):
    """By magnitude: the parameters that a criterion names are zero in the next network."""
    sizes = [2, 4, 1]
    values, kinds = plain.batch(sizes)
    kinds[:] = 2
    X, y, _ = plain.table(200, 2)
    asked = []

    def smallest(values, removable, wanted, matrix, source, target, **_):
        assert matrix.shape == (len(values), len(values)) and len(source) == len(target) == len(values)
        order = np.argsort(np.where(removable, np.abs(values), np.inf))
        gone = np.zeros(len(values), bool)
        gone[order[0]] = True
        asked.append(values[order[0]])
        return gone

    result = plain.prune(sizes, values, kinds, [_core.Rows(X, y, None, None, None)], criterion=smallest, smallest=10)
    assert len(asked) >= len(result[0]) - 1 > 3
    assert result[2][-1] <= 10

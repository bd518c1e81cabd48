"""The corpus: named by its seed, standardised, canonical, and the same however many processes make it."""

import numpy as np
import pytest
import torch

from sk_swat.latent.layout import MatrixLayout, compress, expand
from sk_swat.network.softnet import SoftNetworks, flatten
from sk_swat.pretraining import corpus as corpus_module
from sk_swat.pretraining.corpus import (
    Corpus,
    draw_inputs,
    fit_chunk,
    join_corpora,
    make_corpus,
    random_chunk,
    random_networks,
)
from sk_swat.pretraining.functions import FAMILIES, random_function
from sk_swat.refine.levenberg_marquardt import fit_networks


def parameters_of(corpus):
    return {depth: flatten(networks) for depth, networks in corpus.by_depth.items()}


def assert_same_corpus(first, second):
    assert first.by_depth.keys() == second.by_depth.keys()
    for depth, networks in first.by_depth.items():
        other = second.by_depth[depth]
        assert torch.equal(flatten(networks), flatten(other))
        assert torch.equal(networks.input_mask, other.input_mask)
        for part, same in zip(networks.activation + networks.mask, other.activation + other.mask, strict=True):
            assert torch.equal(part, same)


@pytest.fixture
def drawn_inputs(monkeypatch):
    """Inputs that chunks draw, in the order of the calls, in eight slots."""
    drawn = []

    def draw(*args):
        drawn.append(draw_inputs(*args))
        return drawn[-1]

    monkeypatch.setattr(corpus_module, "draw_inputs", draw)
    return drawn


def in_slots(X):
    wide = np.zeros((len(X), 8))
    wide[:, : X.shape[1]] = X
    return torch.as_tensor(wide, dtype=torch.float32)


# seeds and processes


def test_same_seed_gives_the_same_corpus(tiny_corpus):
    assert_same_corpus(tiny_corpus, make_corpus(seed=0, n_chunks=1, n_networks=16))


def test_corpus_does_not_depend_on_the_number_of_processes(tiny_corpus):
    assert_same_corpus(tiny_corpus, make_corpus(seed=0, n_chunks=1, n_networks=16, n_jobs=2))


def test_different_seeds_give_different_networks():
    chunks = [
        make(seed, 1, 16) for make in (random_chunk, fit_chunk) for seed in ((0, 1, 0), (1, 1, 0), (0, 1, 1), (0, 1, 2))
    ]
    outputs = [np.sort(chunk.weights[0].flatten()) for chunk in chunks]
    for first in range(len(outputs)):
        for second in range(first):
            assert len(np.intersect1d(outputs[first], outputs[second])) <= 1  # zero alone


def test_global_generators_stay_untouched():
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    make_corpus(seed=3, n_chunks=1, n_random_chunks=1, n_networks=4)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_number_of_threads_is_put_back():
    torch.set_num_threads(2)
    try:
        make_corpus(seed=0, n_chunks=0, n_random_chunks=1, n_networks=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


# what the networks are


@pytest.mark.parametrize("depth", (1, 2, 3, 4))
@pytest.mark.parametrize("make", [fit_chunk, random_chunk])
def test_outputs_are_standardised_on_the_inputs_of_the_chunk(drawn_inputs, make, depth):
    networks = make((0, depth, 0), depth, 16)
    (X,) = drawn_inputs
    assert len(networks) > 0
    output = networks.forward(in_slots(X))
    np.testing.assert_allclose(output.mean(1), 0, atol=2e-4)
    np.testing.assert_allclose(output.std(1, correction=0), 1, atol=2e-4)


def test_networks_are_hard_padded_and_read_only_their_inputs(tiny_corpus):
    assert list(tiny_corpus.by_depth) == [1, 2, 3, 4]
    for depth, networks in tiny_corpus.by_depth.items():
        assert networks.depth == depth
        for mask, activation in zip(networks.mask, networks.activation, strict=True):
            assert mask.shape == (len(networks), 8)
            assert ((mask == 0) | (mask == 1)).all()
            assert ((activation == 0) | (activation == 1)).all()
            assert (activation.sum(-1) == 1).all()
        n_inputs = networks.input_mask.sum(1).long()
        assert (networks.input_mask == (torch.arange(8) < n_inputs[:, None])).all()
        assert not (networks.weights[0] * (1 - networks.input_mask)[:, :, None]).any()


def test_every_weight_fits_the_matrix_form(tiny_corpus, tiny_heldout):
    for corpus in (tiny_corpus, tiny_heldout):
        for weights in parameters_of(corpus).values():
            torch.testing.assert_close(expand(compress(weights)), weights)


def test_missing_neurons_have_no_weights_and_living_ones_matter(tiny_corpus):
    for networks in tiny_corpus.by_depth.values():
        for layer, mask in enumerate(networks.mask):
            gone = mask == 0
            incoming, outgoing = networks.weights[layer].abs().sum(1), networks.weights[layer + 1].abs().sum(2)
            assert not (incoming + outgoing + networks.biases[layer].abs())[gone].any()
            assert incoming[~gone].all()
            assert outgoing[~gone].all()


def test_networks_of_one_layer_are_canonical(tiny_corpus):
    networks = tiny_corpus.by_depth[1]
    kind = networks.activation[0].argmax(-1)
    outgoing, mask = networks.weights[1][:, :, 0], networks.mask[0]
    reflected = ((kind == 0) | (kind == 1) | (kind == 2) | (kind == 4)) & (mask == 1)  # identity, sigmoid, tanh, sine
    assert (outgoing[reflected] > 0).all()
    norm_in = (networks.weights[0].square().sum(1) + networks.biases[0].square()).sqrt()
    size = norm_in * outgoing.abs()
    assert (size[:, :-1] >= size[:, 1:] * (1 - 1e-5)).all()
    assert (mask[:, :-1] >= mask[:, 1:]).all()


def test_networks_are_fitted_to_their_functions(monkeypatch):
    fits = []

    def fit(networks, task, **settings):
        fits.append((fit_networks(networks, task, **settings), task.rows.y))
        return fits[-1][0]

    monkeypatch.setattr(corpus_module, "fit_networks", fit)
    fit_chunk((0, 1, 0), 1, 16)
    first, last = ((result.error / y[:, 0].var(1, correction=0)).median() for result, y in fits)
    assert first < 0.5  # of the variance of the functions
    assert last < 0.6
    sizes = [(flatten(result.networks) != 0).sum(1) for result, _ in fits]
    assert (sizes[1] <= sizes[0]).all()
    assert (sizes[1] < sizes[0]).any()


def test_density_is_the_share_of_hidden_weights_that_are_not_zero():
    networks = random_networks(np.random.default_rng(0), 400, 4, [6, 6], ("tanh",), 0.3)
    for weight in networks.weights[:-1]:
        assert abs((weight != 0).double().mean() - 0.3) < 0.03
    assert networks.weights[-1].all()


def test_only_the_activations_of_the_mix_are_drawn(hard_networks):
    for name in ("sine", "leaky_relu"):
        assert hard_networks(2, (name,)).to_sparse(0).activations[0][0] == name


def test_inputs_have_unit_variance():
    rng = np.random.default_rng(0)
    for _ in range(20):
        X = draw_inputs(rng, 4000, 3)
        np.testing.assert_allclose(X.mean(0), 0, atol=0.1)
        np.testing.assert_allclose(X.std(0), 1, atol=0.1)


# files and joins


def test_saved_corpus_comes_back(tiny_corpus, tmp_path):
    tiny_corpus.save(tmp_path / "corpus.safetensors")
    back = Corpus.load(tmp_path / "corpus.safetensors")
    assert_same_corpus(tiny_corpus, back)
    assert all(isinstance(networks, SoftNetworks) for networks in back.by_depth.values())


def test_joined_corpora_hold_the_networks_of_both(tiny_corpus, tiny_heldout):
    joined = join_corpora([tiny_corpus, tiny_heldout])
    assert len(joined) == len(tiny_corpus) + len(tiny_heldout)
    X = in_slots(np.random.default_rng(0).normal(size=(10, 8)))
    for depth, networks in joined.by_depth.items():
        expected = torch.cat([part.by_depth[depth].forward(X) for part in (tiny_corpus, tiny_heldout)])
        torch.testing.assert_close(networks.forward(X), expected)


def test_corpus_can_be_written_in_the_default_matrix_form(tiny_corpus):
    for networks in tiny_corpus.by_depth.values():
        matrix, real = MatrixLayout().write(networks)
        assert torch.isfinite(matrix).all()
        assert not (matrix * (1 - real)).any()


# functions


@pytest.mark.parametrize("n_inputs", [1, 2, 8])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_function_family_is_finite_and_varies(family, n_inputs):
    rng = np.random.default_rng(0)
    X = draw_inputs(rng, 200, n_inputs)
    values = [family(rng, X) for _ in range(60)]
    assert np.isfinite(values).all()
    assert np.mean(np.std(values, axis=1) > 1e-6) > 0.8  # a constant is drawn again by random_function


@pytest.mark.parametrize("n_inputs", [1, 3, 8])
def test_random_function_is_standardised_and_named_by_its_generator(n_inputs):
    X = draw_inputs(np.random.default_rng(1), 300, n_inputs)
    for seed in range(60):
        y = random_function(np.random.default_rng(seed), X)
        assert y.shape == (300,)
        assert abs(y.mean()) < 1e-9
        assert abs(y.std() - 1) < 1e-9
        np.testing.assert_array_equal(y, random_function(np.random.default_rng(seed), X))


def test_random_functions_differ_and_reach_every_family(monkeypatch):
    X = draw_inputs(np.random.default_rng(0), 100, 2)
    rng = np.random.default_rng(0)
    values = np.array([random_function(rng, X) for _ in range(100)])
    similar = np.abs(np.corrcoef(values)) > 0.999
    assert similar.sum() - 100 < 20
    reached = set()
    counted = tuple(lambda rng, X, family=family: reached.add(family) or family(rng, X) for family in FAMILIES)
    monkeypatch.setattr("sk_swat.pretraining.functions.FAMILIES", counted)
    for _ in range(100):
        random_function(rng, X)
    assert reached == set(FAMILIES)


def test_equal_rows_are_refused():
    with pytest.raises(RuntimeError, match="rows that differ"):
        random_function(np.random.default_rng(0), np.ones((20, 2)))

"""The pretraining loss: its value for a perfect decoder, what each term moves, and what augmentation may change."""

import itertools

import numpy as np
import pytest
import torch

from sk_swat.latent.layout import MatrixLayout, RawNetworks
from sk_swat.network.equivalence import canonical_form, deepen, fold_constants, pad
from sk_swat.network.softnet import flatten
from sk_swat.pretraining.objective import (
    ObjectiveConfig,
    augment,
    functional_fvu,
    pretraining_loss,
    reconstruction_loss,
)

LAYOUT = MatrixLayout()
CALM = ObjectiveConfig(latent_noise=(1e-9, 1e-9), weight_jitter=0.0, order_noise=0.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_rows(n_rows=64, seed=0):
    return torch.randn(n_rows, 8, generator=generator(seed))


def sure_columns(networks, sure=60.0):
    """What a decoder that knows the networks would write."""
    matrix, _ = LAYOUT.write(networks, decoder=True)
    _, choices, masks = LAYOUT.kinds(networks.depth)
    matrix[..., choices] *= sure
    matrix[..., masks] = sure * (2 * matrix[..., masks] - 1)
    return matrix


def raw(networks, columns=None):
    columns = sure_columns(networks) if columns is None else columns
    return RawNetworks(columns, networks.input_mask, networks.depth, LAYOUT)


def prepare(hard_networks, depth, *mix, **settings):
    """Canonical networks in eight slots, standardised on normal inputs."""
    networks = hard_networks(depth, *mix, **settings).map(lambda tensor: tensor.float())
    networks = canonical_form(pad(fold_constants(networks), 8))
    output = networks.forward(random_rows(500, seed=9))
    scale = output.std(1, correction=0)[:, None]
    last, bias = networks.weights[-1] / scale[:, :, None], networks.biases[-1] - output.mean(1, keepdim=True)
    return networks.replace(weights=(*networks.weights[:-1], last), biases=(*networks.biases[:-1], bias / scale))


class Perfect:
    """Stands for an autoencoder that decodes sources of depth 1 without error to every depth."""

    layout = LAYOUT

    def __init__(self, networks):
        self.networks = networks

    def encode_matrix(self, matrix, real):
        return torch.zeros(len(matrix), 8, 4)

    def decode(self, latent, input_mask):
        networks, decoded = self.networks, {}
        for depth in (1, 2, 3, 4):
            decoded[depth] = raw(networks)
            networks = deepen(networks)
        return decoded


# fraction of variance unexplained


def test_fvu_of_identical_networks_is_zero_and_of_the_mean_is_one(hard_networks):
    networks, X = prepare(hard_networks, 2), random_rows()
    output = networks.forward(X)
    assert not functional_fvu(networks, X, output).any()
    mean = networks.replace(
        weights=(*networks.weights[:-1], torch.zeros_like(networks.weights[-1])),
        biases=(*networks.biases[:-1], output.mean(1, keepdim=True)),
    )
    np.testing.assert_allclose(functional_fvu(mean, X, output), 1, rtol=1e-5)


def test_fvu_equals_error_over_variance(hard_networks):
    networks, X = prepare(hard_networks, 1), random_rows()
    y = networks.forward(X).numpy()
    shifted = networks.replace(biases=(networks.biases[0], networks.biases[1] + 0.5))
    np.testing.assert_allclose(functional_fvu(shifted, X, torch.as_tensor(y)), 0.25 / y.var(1), rtol=1e-4)


# reconstruction


@pytest.mark.parametrize("depth", (1, 2, 3, 4))
def test_reconstruction_loss_of_a_perfect_decoder_is_zero(hard_networks, depth):
    networks = prepare(hard_networks, depth, density=0.6, n_inputs=5)
    loss = reconstruction_loss(raw(networks), *LAYOUT.write(networks, decoder=True))
    assert (loss.abs() < 1e-6).all()


def test_reconstruction_loss_counts_weights_of_living_neurons_alone(hard_networks):
    networks = prepare(hard_networks, 1, n_inputs=3, width=4)
    written = LAYOUT.write(networks, decoder=True)
    block = LAYOUT.decoder_columns(1)["weights_0"]
    n_real = 3 * 4 + 4 + 4 + 1  # of weights and biases: 3 inputs, 4 neurons, 1 output
    real, absent = sure_columns(networks), sure_columns(networks)
    real[:, 0, block.start] += 0.5
    absent[:, 0, block.stop - 1] += 0.5  # to the eighth neuron, which is missing
    absent[:, 7, block.start] += 0.5  # out of the eighth input, which is unused
    np.testing.assert_allclose(reconstruction_loss(raw(networks, real), *written), 0.25 / n_real, rtol=1e-4)
    assert (reconstruction_loss(raw(networks, absent), *written) < 1e-6).all()


def test_reconstruction_loss_counts_activations_of_living_neurons_alone(hard_networks):
    networks = prepare(hard_networks, 1, width=4)
    written = LAYOUT.write(networks, decoder=True)
    block = LAYOUT.decoder_columns(1)["activation_1"]
    undecided, absent = sure_columns(networks), sure_columns(networks)
    undecided[:, 0, block] = 0.0
    absent[:, 7, block] = torch.arange(6.0)
    expected = np.log(6) / 4  # one of four living neurons guesses among six
    np.testing.assert_allclose(reconstruction_loss(raw(networks, undecided), *written), expected, rtol=1e-5)
    assert (reconstruction_loss(raw(networks, absent), *written) < 1e-6).all()


def test_reconstruction_loss_counts_masks_of_all_neurons(hard_networks):
    networks = prepare(hard_networks, 1)
    written = LAYOUT.write(networks, decoder=True)
    block = LAYOUT.decoder_columns(1)["mask_1"]
    for neuron in (0, 7):  # a living and a missing one
        undecided = sure_columns(networks)
        undecided[:, neuron, block] = 0.0
        np.testing.assert_allclose(reconstruction_loss(raw(networks, undecided), *written), np.log(2) / 8, rtol=1e-5)


# the whole loss


def test_loss_of_a_perfect_autoencoder_is_the_logarithm_of_the_offset(hard_networks):
    networks = prepare(hard_networks, 1)
    config = ObjectiveConfig(fvu_offset=1e-3, deeper_weight=0.5, best_weight=0.25)
    loss, parts = pretraining_loss(Perfect(networks), {1: networks}, random_rows(), config, 1.0, generator())
    np.testing.assert_allclose(loss, (1 + 3 * 0.5 + 0.25) * np.log(1e-3), rtol=1e-3)
    assert parts["log10_fvu_1"] < -8


def test_reported_fvu_is_that_of_the_decoder_of_the_same_depth(lively_autoencoder, tiny_corpus):
    X = random_rows()
    with torch.no_grad():
        _, parts = pretraining_loss(lively_autoencoder, tiny_corpus.by_depth, X, CALM, 1.0, generator())
        for depth, networks in tiny_corpus.by_depth.items():
            latent = lively_autoencoder.encode(networks)
            decoded = lively_autoencoder.decode(latent, networks.input_mask, [depth])[depth].soften()
            fvu = functional_fvu(decoded, X, networks.forward(X))
            np.testing.assert_allclose(parts[f"log10_fvu_{depth}"], fvu.log10().mean(), rtol=1e-4)


def loss_of(lively_autoencoder, tiny_corpus, share=0.0, seed=0, autocast=False, **changes):
    weights = {"deeper_weight": 0.0, "shallower_weight": 0.0, "best_weight": 0.0, "latent_noise": (1e-9, 1e-9)}
    config = ObjectiveConfig(**weights | changes)
    with torch.no_grad():
        return pretraining_loss(
            lively_autoencoder, tiny_corpus.by_depth, random_rows(), config, share, generator(seed), autocast
        )[0].item()


def test_each_weight_adds_its_own_term(lively_autoencoder, tiny_corpus):
    X, offset = random_rows(), ObjectiveConfig().fvu_offset
    sources = tiny_corpus.by_depth
    n_all = len(tiny_corpus)
    own, deeper, shallower, best, first = [], [], [], [], 0
    with torch.no_grad():
        for depth, networks in sources.items():
            output, smallest = networks.forward(X), []
            decoded = lively_autoencoder.decode(lively_autoencoder.encode(networks), networks.input_mask)
            every_fourth = (torch.arange(len(networks)) + first) % 4 == 0  # of the whole batch
            for decoder, written in decoded.items():
                fvu = functional_fvu(written.soften(), X, output)
                if decoder < depth:
                    shallower.append((fvu + offset).log()[every_fourth].sum())
                    fvu = torch.where(every_fourth, fvu, torch.inf)
                else:
                    (own if decoder == depth else deeper).append((fvu + offset).log().sum())
                smallest.append(fvu)
            best.append((torch.stack(smallest).amin(0) + offset).log().sum())
            first += len(networks)
    own, deeper, shallower, best = (float(sum(part)) / n_all for part in (own, deeper, shallower, best))
    close = pytest.approx
    assert loss_of(lively_autoencoder, tiny_corpus) == close(own, rel=1e-4)
    assert loss_of(lively_autoencoder, tiny_corpus, deeper_weight=1.0) == close(own + deeper, rel=1e-4)
    assert loss_of(lively_autoencoder, tiny_corpus, shallower_weight=1.0) == close(own + shallower, rel=1e-4)
    assert loss_of(lively_autoencoder, tiny_corpus, best_weight=1.0) == close(own + best, rel=1e-4)


def test_reconstruction_share_adds_the_reconstruction_of_every_depth(lively_autoencoder, tiny_corpus):
    expected = 0.0
    with torch.no_grad():
        for depth, networks in tiny_corpus.by_depth.items():
            decoded = lively_autoencoder.decode(lively_autoencoder.encode(networks), networks.input_mask)
            target = networks
            for decoder in range(depth, 5):
                written = LAYOUT.write(target, decoder=True)
                weight = 1.0 if decoder == depth else 0.3
                expected += weight * reconstruction_loss(decoded[decoder], *written).sum() / len(tiny_corpus)
                target = deepen(target)
    without, half = (loss_of(lively_autoencoder, tiny_corpus, share, deeper_weight=0.3) for share in (0.0, 0.5))
    assert half - without == pytest.approx(0.5 * float(expected), rel=1e-4)


def test_latent_noise_comes_from_the_generator(lively_autoencoder, tiny_corpus):
    noisy = [loss_of(lively_autoencoder, tiny_corpus, seed=seed, latent_noise=(0.1, 0.1)) for seed in (0, 0, 1)]
    assert noisy[0] == noisy[1] != noisy[2]
    assert loss_of(lively_autoencoder, tiny_corpus, seed=0) == loss_of(lively_autoencoder, tiny_corpus, seed=1)


def test_bfloat16_changes_the_loss_only_a_little(lively_autoencoder, tiny_corpus):
    exact, rounded = (loss_of(lively_autoencoder, tiny_corpus, 1.0, autocast=autocast) for autocast in (False, True))
    assert exact != rounded
    assert rounded == pytest.approx(exact, abs=0.05)


def test_every_parameter_gets_a_gradient(lively_autoencoder, tiny_corpus):
    loss, _ = pretraining_loss(
        lively_autoencoder, tiny_corpus.by_depth, random_rows(), ObjectiveConfig(), 1.0, generator()
    )
    names, parameters = zip(*lively_autoencoder.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient is not None, name
        assert torch.isfinite(gradient).all(), name
        assert gradient.any(), name


def test_sources_may_lack_a_depth(lively_autoencoder, tiny_corpus):
    sources = {depth: tiny_corpus.by_depth[depth] for depth in (1, 3)}
    loss, _ = pretraining_loss(lively_autoencoder, sources, random_rows(), ObjectiveConfig(), 1.0, generator())
    assert torch.isfinite(loss)


# augmentation


@pytest.mark.parametrize("depth", (1, 2, 3))
def test_augmentation_without_jitter_only_permutes_and_reflects(hard_networks, depth):
    networks = prepare(hard_networks, depth, n_inputs=2, n_networks=20)
    X = random_rows(30)
    changed = augment(networks, generator(), ObjectiveConfig(weight_jitter=0.0)).forward(X)
    nearest = torch.full((20,), torch.inf)
    for order, first, second, flip in itertools.product([(0, 1), (1, 0)], (1, -1), (1, -1), (1, -1)):
        moved = X.clone()
        moved[:, :2] = X[:, order] * torch.tensor([first, second])
        nearest = torch.minimum(nearest, (flip * networks.forward(moved) - changed).abs().amax(1))
    assert (nearest < 1e-3).all()


def test_augmentation_draws_every_permutation_and_reflection(hard_networks):
    networks = prepare(hard_networks, 1, ("tanh",), n_inputs=2, n_networks=1).map(
        lambda part: part.repeat_interleave(200, 0)
    )
    X = random_rows(30)
    changed = augment(networks, generator(), CALM).forward(X)
    assert len(np.unique(changed.numpy().round(3), axis=0)) == 2 * 2 * 2 * 2


@pytest.mark.parametrize("depth", (1, 4))
def test_augmented_outputs_stay_standardised_without_jitter(hard_networks, depth):
    networks = prepare(hard_networks, depth, n_inputs=2, n_networks=20)
    grid = torch.linspace(-2, 2, 9)
    X = torch.zeros(81, 8)
    X[:, :2] = torch.cartesian_prod(grid, grid)  # the same set after permuting and reflecting inputs
    before = networks.forward(X)
    after = augment(networks, generator(), ObjectiveConfig(weight_jitter=0.0)).forward(X)
    torch.testing.assert_close(after.std(1), before.std(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after.mean(1).abs(), before.mean(1).abs(), rtol=1e-4, atol=1e-4)


def test_jitter_changes_weights_by_about_its_size_and_keeps_zeros(hard_networks):
    networks = prepare(hard_networks, 1, ("tanh",), n_inputs=1, width=2, n_networks=400)
    same, moved = (
        augment(networks, generator(), ObjectiveConfig(weight_jitter=jitter, order_noise=0.0)) for jitter in (0.0, 0.01)
    )
    assert torch.equal(flatten(moved) != 0, flatten(same) != 0)
    ratio = (flatten(moved) / flatten(same)).abs().log()[flatten(same) != 0]
    ratio = ratio[ratio.abs() < 0.1]  # but for the few networks whose two neurons changed places
    np.testing.assert_allclose(ratio.std(), 0.01, rtol=0.1)


def test_augmentation_keeps_inputs_in_front_and_neurons_alive(tiny_corpus):
    for networks in tiny_corpus.by_depth.values():
        changed = augment(networks, generator(), ObjectiveConfig())
        assert torch.equal(changed.input_mask, networks.input_mask)
        assert not (changed.weights[0] * (1 - changed.input_mask)[:, :, None]).any()
        for before, after in zip(networks.mask, changed.mask, strict=True):
            assert torch.equal(before.sum(1), after.sum(1))


def test_augmentation_is_named_by_its_generator(tiny_corpus):
    networks = tiny_corpus.by_depth[2]
    first, same, other = (flatten(augment(networks, generator(seed), ObjectiveConfig())) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)

"""The matrix form: what is written can be read back, and every column has one meaning."""

import numpy as np
import pytest
import torch

from sk_swat.latent.layout import MatrixLayout, RawNetworks, compress, expand
from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS
from sk_swat.network.equivalence import canonical_form, fold_constants, pad

DEPTHS = (1, 2, 3, 4)
LAYOUT = MatrixLayout()
X = torch.as_tensor(np.random.default_rng(0).normal(size=(25, 8)))


def write_by_a_sure_decoder(networks, sure=200.0):
    """Columns of a decoder that knows the networks: codes as written, logits far from zero."""
    matrix, _ = LAYOUT.write(networks, decoder=True)
    codes, choices, masks = LAYOUT.kinds(networks.depth)
    columns = matrix.clone()
    columns[..., choices] *= sure
    columns[..., masks] = sure * (2 * columns[..., masks] - 1)
    assert codes.start == 0
    return RawNetworks(columns, networks.input_mask, networks.depth, LAYOUT)


def sparse_networks(hard_networks, depth, **kwargs):
    """Padded networks with dead neurons and unused inputs."""
    return pad(fold_constants(hard_networks(depth, density=0.5, n_networks=20, **kwargs)), 8)


@pytest.mark.parametrize("depth", DEPTHS)
def test_function_survives_writing_and_reading(hard_networks, depth):
    networks = sparse_networks(hard_networks, depth)
    soft = write_by_a_sure_decoder(networks).soften()
    assert soft.depth == depth
    torch.testing.assert_close(soft.forward(X), networks.forward(X), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(soft.harden().forward(X), networks.forward(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("depth", DEPTHS)
def test_hard_network_survives_writing_and_reading(hard_networks, depth):
    networks = canonical_form(sparse_networks(hard_networks, depth))
    back = write_by_a_sure_decoder(networks).soften().harden()
    alive = [networks.input_mask, *networks.mask]
    for layer in range(depth):
        torch.testing.assert_close(back.mask[layer], networks.mask[layer])
        torch.testing.assert_close(back.weights[layer], networks.weights[layer], rtol=1e-12, atol=1e-12)
        living = alive[layer + 1][:, :, None]
        torch.testing.assert_close(back.activation[layer] * living, networks.activation[layer] * living)
    torch.testing.assert_close(back.biases[-1], networks.biases[-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("blocks", [LAYOUT.encoder_columns, *(LAYOUT.decoder_columns(depth) for depth in DEPTHS)])
def test_blocks_cover_every_column_once(blocks):
    columns = sorted(column for block in blocks.values() for column in range(block.start, block.stop))
    assert columns == list(range(len(columns)))


@pytest.mark.parametrize("depth", DEPTHS)
def test_number_of_columns_equals_hand_count(depth):
    # weights to 8 neurons a layer and to 1 output; bias, choice and mask of each layer; output bias
    assert LAYOUT.n_columns(depth) == 8 * depth + 1 + depth * (1 + 6 + 1) + 1
    assert LAYOUT.n_columns() == 8 * 5 + 4 * (1 + 6 + 1) + 1


@pytest.mark.parametrize("depth", DEPTHS)
def test_kinds_hold_the_blocks_they_are_named_after(depth):
    codes, choices, masks = LAYOUT.kinds(depth)
    assert (codes.start, codes.stop, choices.stop) == (0, choices.start, masks.start)
    assert masks.stop == LAYOUT.n_columns(depth)
    for name, block in LAYOUT.decoder_columns(depth).items():
        kind = {"activation": choices, "mask": masks}.get(name.split("_")[0], codes)
        assert kind.start <= block.start < block.stop <= kind.stop, name


def hand_made(hard_networks):
    """One layer of two neurons on two inputs, written into eight slots; the second neuron is dead."""
    networks = hard_networks(1, ("sine",), n_networks=1, n_inputs=2, width=2)
    networks = networks.replace(
        weights=(torch.tensor([[[1.0, 5.0], [-2.0, 5.0]]]), torch.tensor([[[3.0], [5.0]]])),
        biases=(torch.tensor([[0.5, 5.0]]), torch.tensor([[-4.0]])),
        activation=(networks.activation[0].float(),),
        mask=(torch.tensor([[1.0, 0.0]]),),
        input_mask=torch.ones(1, 2),
    )
    return pad(networks, 8)


@pytest.mark.parametrize("decoder", [False, True])
def test_entries_of_a_hand_made_network_stand_where_the_blocks_say(hard_networks, decoder):
    matrix, real = LAYOUT.write(hand_made(hard_networks), decoder=decoder)
    blocks = LAYOUT.decoder_columns(1) if decoder else LAYOUT.encoder_columns
    expected, marks = torch.zeros_like(matrix), torch.zeros_like(real)
    for name, row, column, value in [
        ("weights_0", 0, 0, np.arcsinh(1.0)),
        ("weights_0", 1, 0, np.arcsinh(-2.0)),
        ("weights_1", 0, 0, np.arcsinh(3.0)),
        ("bias_1", 0, 0, np.arcsinh(0.5)),
        ("output_bias", 0, 0, np.arcsinh(-4.0)),
        ("mask_1", 0, 0, 1.0),
        *(("activation_1", 0, column, float(name == "sine")) for column, name in enumerate(ACTIVATION_NAMES)),
    ]:
        expected[0, row, blocks[name].start + column] = value
        marks[0, row, blocks[name].start + column] = 1
    marks[0, :, blocks["mask_1"]] = 1  # whether a neuron exists is known for every row
    torch.testing.assert_close(matrix, expected)
    torch.testing.assert_close(real, marks)


def test_columns_of_deeper_layers_are_not_real(hard_networks):
    _, real = LAYOUT.write(sparse_networks(hard_networks, 2))
    for name, block in LAYOUT.encoder_columns.items():
        if name.endswith(("_3", "_4")):
            assert not real[..., block].any(), name


def test_expand_undoes_compress_and_clips_at_45():
    weight = torch.linspace(-44, 44, 89, dtype=torch.float64)
    torch.testing.assert_close(expand(compress(weight)), weight)
    limit = np.sinh(4.5)
    assert 45 < limit < 45.01
    torch.testing.assert_close(expand(compress(torch.tensor([-1e6, 1e6]))), torch.tensor([-limit, limit]).float())


def test_only_allowed_activations_get_a_share(hard_networks):
    raw = write_by_a_sure_decoder(sparse_networks(hard_networks, 2), sure=1.0)
    allowed = torch.tensor([name in ("tanh", "sine") for name in ACTIVATIONS])
    for part in raw.soften(allowed=allowed).activation:
        assert not part[..., ~allowed].any()
        torch.testing.assert_close(part.sum(-1), torch.ones_like(part[..., 0]))


def test_low_temperature_hardens_the_choice_of_activation(hard_networks):
    raw = write_by_a_sure_decoder(sparse_networks(hard_networks, 1), sure=1.0)
    soft, sharp = (raw.soften(temperature).activation[0].amax(-1) for temperature in (1.0, 0.01))
    alive = raw.soften().mask[0] > 0.6
    np.testing.assert_allclose(soft[alive], np.e / (np.e + 5), rtol=1e-9)
    assert sharp[alive].min() > 1 - 1e-12


def test_unused_inputs_read_as_zero_whatever_was_written(hard_networks):
    raw = write_by_a_sure_decoder(sparse_networks(hard_networks, 1))
    columns = raw.columns.clone()
    columns[..., LAYOUT.decoder_columns(1)["weights_0"]] += 1.0
    soft = RawNetworks(columns, raw.input_mask, 1, LAYOUT).soften()
    assert not soft.weights[0][:, 3:].any()
    assert soft.weights[0][:, :3].any()


def test_indexing_takes_networks(hard_networks):
    raw = write_by_a_sure_decoder(sparse_networks(hard_networks, 3))
    assert len(raw[4:7]) == 3
    torch.testing.assert_close(raw[4:7].soften().forward(X), raw.soften().forward(X)[4:7])

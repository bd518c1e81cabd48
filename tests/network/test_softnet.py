"""Batches of networks against the plain NumPy network, autograd and hand calculations."""

import numpy as np
import pytest
import torch

from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import SoftNetworks, concatenate, mix_activations

NAMES = tuple(ACTIVATIONS)
DEPTHS = (1, 2, 3, 4)


def code(name):
    return NAMES.index(name)


def make_soft(networks, seed=0):
    """The same numbers with shares and masks strictly between 0 and 1; hardening gives activations back."""
    generator = torch.Generator().manual_seed(seed)
    share = [0.7 * part + 0.3 / part.shape[-1] for part in networks.activation]
    mask = [torch.rand(part.shape, generator=generator, dtype=part.dtype) for part in networks.mask]
    return networks.replace(activation=tuple(share), mask=tuple(mask))


def one_neuron(mask=1.0, **shares):
    """The network 3 f(2 x - 1) + 0.5 with a mixture f."""
    activation = torch.zeros(1, 1, len(NAMES), dtype=torch.float64)
    for name, share in shares.items():
        activation[..., code(name)] = share
    numbers = [
        torch.full(shape, value, dtype=torch.float64)
        for shape, value in (
            ((1, 1, 1), 2.0),
            ((1, 1, 1), 3.0),
            ((1, 1), -1.0),
            ((1, 1), 0.5),
            ((1, 1), mask),
            ((1, 1), 1.0),
        )
    ]
    first, last, bias, output_bias, masks, inputs = numbers
    return SoftNetworks((first, last), (bias, output_bias), (activation,), (masks,), inputs)


def inputs(n_rows=20, n_inputs=3, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=(n_rows, n_inputs)))


# activations


@pytest.mark.parametrize("used", [range(len(NAMES)), [2], [0, 3, 5]])
def test_mix_gradient_equals_finite_differences(used):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    share = torch.zeros(2, 4, len(NAMES), dtype=torch.float64)
    share[..., list(used)] = torch.rand(2, 4, len(used), generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: mix_activations(z, share, used)[0], (z,))
    part = share[..., list(used)].requires_grad_()

    def of_share(part):
        return mix_activations(z.detach(), torch.zeros_like(share).index_copy(2, torch.tensor(list(used)), part), used)[
            0
        ]

    assert torch.autograd.gradcheck(of_share, (part,))


def test_mix_slope_equals_autograd():
    z = inputs()[None].requires_grad_()
    share = torch.softmax(torch.as_tensor(np.random.default_rng(1).normal(size=(1, 3, len(NAMES)))), -1)
    value, slope = mix_activations(z.detach(), share, range(len(NAMES)), derivative=True)
    same_value, none = mix_activations(z, share, range(len(NAMES)))
    (expected,) = torch.autograd.grad(same_value.sum(), z)
    assert none is None
    torch.testing.assert_close(value, same_value)
    torch.testing.assert_close(slope, expected)


def test_second_derivative_of_a_mix_is_refused_rather_than_wrong():
    z = inputs()[None].requires_grad_()
    share = torch.full((1, 3, len(NAMES)), 1 / len(NAMES), dtype=torch.float64)
    total = mix_activations(z, share, range(len(NAMES)))[0].square().sum()
    (gradient,) = torch.autograd.grad(total, z, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_slope_of_a_mix_under_autograd_is_refused():
    share = torch.full((1, 3, 6), 1 / 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="no_grad"):
        mix_activations(inputs()[None].requires_grad_(), share, range(6), derivative=True)


# forward pass


def test_soft_forward_equals_hand_calculation():
    network = one_neuron(mask=0.25, tanh=0.5, sine=0.5)
    x = np.array([-1.0, 0.0, 2.0])
    expected = 3 * 0.25 * (np.tanh(2 * x - 1) + np.sin(2 * x - 1)) / 2 + 0.5
    np.testing.assert_allclose(network.forward(torch.as_tensor(x[:, None]))[0], expected, rtol=1e-14)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", NAMES)
def test_hardened_forward_equals_sparse_prediction(hard_networks, name, depth):
    hard = make_soft(hard_networks(depth, (name,))).harden(threshold=0.05)
    X = inputs()
    output = hard.forward(X).numpy()
    for index in range(len(hard)):
        network = hard.to_sparse(index)
        assert {used for layer in network.activations for used in layer} <= {name}
        np.testing.assert_allclose(output[index], network.predict(X.numpy()), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_hardened_forward_equals_sparse_prediction_for_mixed_sparse_networks(hard_networks, depth):
    hard = make_soft(hard_networks(depth, n_networks=20, density=0.5), seed=depth).harden()
    X = inputs()
    expected = [hard.to_sparse(index).predict(X.numpy()) for index in range(len(hard))]
    np.testing.assert_allclose(hard.forward(X), expected, rtol=1e-11, atol=1e-12)


def test_each_network_may_have_its_own_rows(hard_networks):
    networks = hard_networks(2)
    X = torch.stack([inputs(seed=seed) for seed in range(len(networks))])
    alone = [networks[index : index + 1].forward(X[index])[0] for index in range(len(networks))]
    torch.testing.assert_close(networks.forward(X), torch.stack(alone))


def test_last_hidden_times_readout_is_the_output(hard_networks):
    networks, X = make_soft(hard_networks(3)), inputs()
    output = (networks.last_hidden(X) @ networks.weights[-1] + networks.biases[-1][:, None, :])[..., 0]
    torch.testing.assert_close(networks.forward(X), output)


@pytest.mark.parametrize("dead_layer", [0, 1, 2])
def test_network_with_an_empty_layer_becomes_its_constant(hard_networks, dead_layer):
    networks = hard_networks(3, n_networks=2)
    mask = list(networks.mask)
    mask[dead_layer] = torch.zeros_like(mask[dead_layer])
    hard = networks.replace(mask=tuple(mask)).harden()
    X = inputs()
    constant = hard.to_sparse(1)
    assert constant.depth == 0
    np.testing.assert_allclose(constant.predict(X.numpy()), hard.forward(X)[1], rtol=1e-12)


# hard decisions


def test_harden_zeroes_weights_and_biases_up_to_the_threshold(hard_networks):
    networks = hard_networks(2)
    thresholds = torch.linspace(0.0, 0.8, len(networks), dtype=torch.float64)
    hard = networks.harden(thresholds)
    before, after = [*networks.weights, *networks.biases], [*hard.weights, *hard.biases]
    for old, new in zip(before, after, strict=True):
        limit = thresholds.reshape(-1, *[1] * (old.ndim - 1))
        torch.testing.assert_close(new, torch.where(old.abs() > limit, old, 0.0), rtol=0, atol=0)
    assert (torch.cat([part.flatten() for part in after]) == 0).any()


def test_harden_removes_a_masked_neuron_with_all_its_weights(hard_networks):
    networks = hard_networks(2)
    mask = [torch.full_like(part, 0.5) for part in networks.mask]
    mask[0][:, 1] = 0.49
    hard = networks.replace(mask=tuple(mask)).harden(mask_threshold=0.5)
    expected = torch.ones_like(mask[0])
    expected[:, 1] = 0
    torch.testing.assert_close(hard.mask[0], expected)
    torch.testing.assert_close(hard.mask[1], torch.ones_like(mask[1]))
    for gone in (hard.weights[0][:, :, 1], hard.biases[0][:, 1], hard.weights[1][:, 1]):
        assert not gone.any()
    torch.testing.assert_close(hard.weights[0][:, :, 0], networks.weights[0][:, :, 0], rtol=0, atol=0)


def test_harden_drops_weights_out_of_unused_inputs(hard_networks):
    networks = hard_networks(1)
    input_mask = torch.ones_like(networks.input_mask)
    input_mask[:, 2] = 0
    hard = networks.replace(input_mask=input_mask).harden()
    assert not hard.weights[0][:, 2].any()
    assert hard.weights[0][:, :2].all()


def test_harden_takes_the_activation_with_the_largest_share():
    hard = one_neuron(sigmoid=0.3, gaussian=0.4, identity=0.3).harden()
    assert hard.to_sparse(0).activations == (("gaussian",),)
    np.testing.assert_array_equal(hard.activation[0][0, 0], np.eye(len(NAMES))[code("gaussian")])


def test_harden_of_a_hard_network_changes_nothing(hard_networks):
    networks = hard_networks(3, density=0.5)
    hard = networks.harden()
    torch.testing.assert_close(hard.forward(inputs()), networks.forward(inputs()), rtol=0, atol=0)


# records


def test_used_activations_are_those_with_a_share(hard_networks):
    networks = hard_networks(2, ("tanh", "gaussian"), n_networks=20)
    assert networks.activations_in_use() == [code("tanh"), code("gaussian")]
    assert make_soft(networks).activations_in_use() == list(range(len(NAMES)))
    assert hard_networks(1, ("sine",)).activations_in_use() == [code("sine")]
    undefined = one_neuron(tanh=1.0, sine=np.nan)
    assert undefined.activations_in_use() == [code("tanh"), code("sine")]
    assert undefined.forward(inputs(n_inputs=1)).isnan().all()


def test_concatenated_batches_evaluate_like_their_parts(hard_networks):
    first, second = hard_networks(2, seed=1), hard_networks(2, seed=2, n_networks=3)
    joined, X = concatenate([first, second]), inputs()
    assert len(joined) == 8
    torch.testing.assert_close(joined.forward(X), torch.cat([first.forward(X), second.forward(X)]))
    torch.testing.assert_close(joined[5:].forward(X), second.forward(X))
    torch.testing.assert_close(joined[torch.tensor([6, 0])].forward(X), joined.forward(X)[[6, 0]])


def test_map_reaches_every_tensor(hard_networks):
    single = hard_networks(2).map(lambda tensor: tensor.float())
    assert single.forward(inputs().float()).dtype == torch.float32
    assert single.input_mask.dtype == torch.float32

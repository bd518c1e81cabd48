from dataclasses import fields

import pytest
import torch

from sk_swat.latent.bank import Bank
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.softnet import concatenate, flatten
from sk_swat.pretraining.bank import decoder, make_bank
from sk_swat.pretraining.corpus import Corpus, make_dense_corpus
from sk_swat.pretraining.usefulness import usefulness

ALL = torch.ones(len(ACTIVATIONS), dtype=torch.bool)


def one_entry_a_depth(latent, autoencoder, order=(3, 1, 4, 2)):
    depth = torch.tensor(order)
    return Bank.from_latents(latent, depth, depth + 1, depth[:, None] <= torch.arange(1, 5), decoder(autoencoder))


def test_latents_come_back_to_a_hundredth_of_the_largest_of_their_row(lively_autoencoder):
    latent = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
    bank = one_entry_a_depth(latent, lively_autoencoder)
    assert bank.depth.tolist() == [1, 2, 3, 4]
    assert bank.n_inputs.tolist() == [2, 3, 4, 5]
    expected = latent[[1, 3, 0, 2]]
    error = (bank.latents(torch.arange(4)) - expected).abs()
    assert (error <= expected.abs().amax(2, keepdim=True) / 200).all()
    assert bank.latents(torch.arange(4)).dtype == torch.float32


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_networks_are_what_the_decoder_makes_of_the_latents(depth, tiny_bank, lively_autoencoder):
    index = torch.tensor([5, 0, 5])
    networks = tiny_bank.networks(depth, index)
    latent = tiny_bank.latents(tiny_bank.of_depth(depth)[index])
    with torch.no_grad():
        decoded = lively_autoencoder.decode(latent, networks.input_mask, [depth])[depth].soften().harden()
    assert networks.input_mask.sum(1).tolist() == [6, 1, 6]
    torch.testing.assert_close(flatten(networks), flatten(decoded), rtol=2**-10, atol=1e-4)
    for own, expected in zip(networks.mask, decoded.mask, strict=True):
        assert torch.equal(own, expected)
    for own, expected, alive in zip(networks.activation, decoded.activation, decoded.mask, strict=True):
        assert torch.equal(own[alive > 0], expected[alive > 0])


def test_bundled_bank_holds_what_its_autoencoder_decodes():
    loaded = load_checkpoint()
    for depth in (1, 2, 3, 4):
        index = torch.arange(0, len(loaded.bank.of_depth(depth)), 97)
        networks = loaded.bank.networks(depth, index)
        latent = loaded.bank.latents(loaded.bank.of_depth(depth)[index])
        decoded = decoder(loaded.autoencoder)(latent, networks.input_mask, depth)
        X = 2 * torch.rand(200, 8, generator=torch.Generator().manual_seed(0)) - 1
        expected, output = decoded.forward(X), networks.forward(X)
        fvu = (output - expected).square().mean(1) / expected.var(1)
        assert fvu.median() < 1e-5 and fvu.max() < 0.05


def test_entries_with_a_forbidden_activation_are_told_apart(tiny_bank):
    for depth in (1, 3):
        kinds = tiny_bank.activation[depth - 1].flatten(1)
        for name in ("tanh", "sine"):
            allowed = ALL.clone()
            allowed[list(ACTIVATIONS).index(name)] = False
            uses = (kinds == list(ACTIVATIONS).index(name)).any(1)
            assert torch.equal(tiny_bank.uses_only(depth, allowed), ~uses)
        assert tiny_bank.uses_only(depth, ALL).all()


def test_tensors_and_back(tiny_bank):
    again = Bank.from_tensors(tiny_bank.tensors())
    for item in fields(Bank):
        own, other = getattr(tiny_bank, item.name), getattr(again, item.name)
        assert len(own) == len(other)
        assert all(torch.equal(one, two) for one, two in zip(own, other, strict=True))


# --- which networks are kept


def test_network_that_is_a_hidden_layer_of_many_functions_is_more_useful_than_a_constant_one():
    (networks,) = make_dense_corpus(5, {1: 1}, n_networks=24).by_depth.values()
    n_inputs = int(networks.input_mask[0].sum())
    dead = networks[:6].replace(weights=(networks.weights[0][:6] * 1e-9, networks.weights[1][:6]))
    points = usefulness(concatenate([dead, networks]), n_inputs, seed=3, n_functions=64)
    assert points[:6].float().mean() < 0.2 * points[6:].float().mean()
    assert torch.equal(points, usefulness(concatenate([dead, networks]), n_inputs, seed=3, n_functions=64))


def test_dense_corpus_is_reproducible_and_of_the_depths_asked_for():
    corpus, again = (make_dense_corpus(7, {1: 2, 2: 1}, n_networks=8) for _ in range(2))
    assert {depth: networks.depth for depth, networks in corpus.by_depth.items()} == {1: 1, 2: 2}
    for depth, networks in corpus.by_depth.items():
        assert torch.equal(flatten(networks), flatten(again.by_depth[depth]))
        assert networks.weights[0].shape[1:] == (8, 8)


def test_bank_keeps_the_useful_ones_and_the_shares_of_inputs(tiny_corpus, lively_autoencoder, monkeypatch):
    networks = tiny_corpus.by_depth[1]
    monkeypatch.setattr(
        "sk_swat.pretraining.bank._encode",
        lambda autoencoder, own, X, limit: (
            torch.arange(len(own), dtype=torch.float32)[:, None, None].expand(-1, 8, 8) + 1,
            torch.ones(len(own), 4, dtype=torch.bool),
        ),
    )
    monkeypatch.setattr("sk_swat.pretraining.bank.usefulness", lambda own, number, seed: torch.arange(len(own)))
    bank = make_bank(lively_autoencoder, Corpus({1: networks}), {1: 4})
    kept = bank.latents(torch.arange(4))[:, 0, 0].round().long() - 1
    assert sorted(kept.tolist()) == list(range(len(networks) - 4, len(networks)))

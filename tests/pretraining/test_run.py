"""The linear start, the bank, the evaluation, and the whole pretraining in small."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
import torch

from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.network.equivalence import canonical_form
from sk_swat.pretraining import evaluation
from sk_swat.pretraining import run as run_module
from sk_swat.pretraining.bank import make_bank
from sk_swat.pretraining.corpus import Corpus, make_corpus
from sk_swat.pretraining.evaluation import EVALUATION_SEED, evaluate_autoencoder, measure_quality
from sk_swat.pretraining.linear_start import start_linearly
from sk_swat.pretraining.objective import functional_fvu
from sk_swat.pretraining.run import HELDOUT_SEED, run_pretraining
from sk_swat.pretraining.training import TrainingConfig


@pytest.fixture(scope="module")
def shallow_corpus() -> Corpus:
    drawn = make_corpus(5, n_chunks=4, n_networks=32)
    return Corpus({depth: canonical_form(networks) for depth, networks in drawn.by_depth.items() if depth <= 2})


@pytest.fixture(scope="module")
def linear_autoencoder(shallow_corpus: Corpus) -> Autoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        autoencoder = Autoencoder(
            AutoencoderConfig(d_model=16, d_latent=96, n_encoder_layers=1, n_trunk_layers=1)
        ).eval()
    start_linearly(autoencoder, shallow_corpus)
    return autoencoder


def own_depth_fvu(autoencoder: Autoencoder, corpus: Corpus, depth: int) -> torch.Tensor:
    networks = corpus.by_depth[depth]
    X = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        decoded = autoencoder.decode(autoencoder.encode(networks), networks.input_mask, [depth])[depth]
        return functional_fvu(decoded.soften().harden(), X, networks.forward(X))


@pytest.mark.parametrize("depth", [1, 2])
def test_linear_start_copies_the_networks_it_was_computed_from(linear_autoencoder, shallow_corpus, depth):
    assert own_depth_fvu(linear_autoencoder, shallow_corpus, depth).median() < 1e-3


@pytest.mark.usefixtures("seeded")
def test_without_the_linear_start_nothing_is_decoded(shallow_corpus):
    fresh = Autoencoder(AutoencoderConfig(d_model=16, d_latent=96, n_encoder_layers=1, n_trunk_layers=1)).eval()
    assert own_depth_fvu(fresh, shallow_corpus, 1).median() > 0.5


def test_encoded_networks_have_about_unit_variance(linear_autoencoder, shallow_corpus):
    with torch.no_grad():
        latent = torch.cat([linear_autoencoder.encode(networks) for networks in shallow_corpus.by_depth.values()])
    assert 0.7 < latent.std() < 1.4


@pytest.mark.usefixtures("seeded")
def test_bank_keeps_only_faithful_networks_and_as_many_as_asked(linear_autoencoder, shallow_corpus):
    bank = make_bank(linear_autoencoder, shallow_corpus, n_per_depth=10, largest_fvu=0.05)
    assert torch.bincount(bank.depth.long()).tolist() == [0, 10, 10]
    for depth in (1, 2):
        latent = bank.latents(torch.nonzero(bank.depth == depth).squeeze(1))
        assert latent.shape == (10, 8, 96)
    fresh = Autoencoder(AutoencoderConfig(d_model=16, d_latent=96)).eval()  # decodes nothing
    with pytest.raises(ValueError, match=r"must restore some networks .* but it restores none"):
        make_bank(fresh, shallow_corpus, n_per_depth=10, largest_fvu=0.05)


def test_quality_of_a_copying_autoencoder_is_good_at_its_own_depths(linear_autoencoder, shallow_corpus):
    bank = make_bank(linear_autoencoder, shallow_corpus, n_per_depth=10)
    quality = measure_quality(linear_autoencoder, bank, shallow_corpus)
    assert quality.median[1, 1] < 1e-3 and quality.median[2, 2] < 1e-3
    assert quality.median[1, 3] > 0.1  # no decoder of depth 3 was set
    assert quality.best_median[1] <= quality.median[1, 1]
    assert quality.local_correlation > 0.5
    assert quality.n_networks == {depth: len(networks) for depth, networks in shallow_corpus.by_depth.items()}
    table = quality.table()
    assert re.search(r"\n\| 1 +\| ", table) and "Alive" in table


def test_a_run_makes_a_checkpoint_that_loads_and_can_be_evaluated_and_continued(tmp_path, monkeypatch):
    for module in (run_module, evaluation):
        monkeypatch.setattr(module, "make_corpus", partial(make_corpus, n_networks=32))
    sizes = AutoencoderConfig(d_model=16, d_latent=96, n_encoder_layers=1, n_trunk_layers=1)
    lines: list[str] = []

    def config(n_epochs: int) -> TrainingConfig:
        return TrainingConfig(
            n_epochs=n_epochs, steps_per_epoch=2, batch_size=8, learning_rate=1e-4, n_heldout=8, autoencoder=sizes
        )

    def run(n_epochs: int):
        return run_pretraining(
            tmp_path,
            config=config(n_epochs),
            n_corpus_parts=1,
            n_chunks=2,
            n_bank=5,
            sink=lambda *parts: lines.append(" ".join(map(str, parts))),
        )

    path = run(1)
    loaded = load_checkpoint(path)
    assert 4 <= len(loaded.bank) <= 20
    assert loaded.summary["n_networks"]["fitted"] > 100
    part = tmp_path / "corpus-1-seed1-2x0.safetensors"
    made = part.stat().st_mtime_ns
    again = load_checkpoint(run(2))
    assert part.stat().st_mtime_ns == made  # kept, not made again
    assert again.fingerprint != loaded.fingerprint
    log = (tmp_path / "training.csv").read_text().splitlines()
    assert len(log) == 3  # a header and two epochs
    table = evaluate_autoencoder(path, n_chunks=1)
    assert table.count("\n") > 6
    assert any("corpus heldout" in line for line in lines)


def test_corpora_of_training_heldout_and_evaluation_share_no_seed():
    seeds = [
        np.random.SeedSequence([base, 1, 0]).generate_state(2).tolist() for base in (1, HELDOUT_SEED, EVALUATION_SEED)
    ]
    assert len({tuple(seed) for seed in seeds}) == 3

"""Pretraining: a run that was interrupted at any moment ends like one that was not."""

import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import sk_swat
from sk_swat.latent.autoencoder import AutoencoderConfig
from sk_swat.pretraining import training as training_module
from sk_swat.pretraining.objective import ObjectiveConfig, pretraining_loss
from sk_swat.pretraining.training import TrainingConfig, pretrain

KILLED_RUN = """
import os, signal, sys, torch
from sk_swat.latent.autoencoder import AutoencoderConfig
from sk_swat.pretraining import training
from sk_swat.pretraining.corpus import Corpus
from sk_swat.pretraining.objective import ObjectiveConfig
from sk_swat.pretraining.training import TrainingConfig

torch.set_num_threads(1)
steps, compute = [], training.pretraining_loss

def killing(*args, **kwargs):
    steps.append(1)
    if len(steps) == 9:  # in the middle of the third epoch
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(*args, **kwargs)

training.pretraining_loss = killing
corpus, heldout = (Corpus.load(path) for path in sys.argv[1:3])
training.pretrain(corpus, heldout, eval(sys.argv[4]), sys.argv[3])
"""


@pytest.fixture(scope="module")
def config(tiny_config):
    """Four epochs of four steps."""
    return TrainingConfig(
        n_epochs=4,
        steps_per_epoch=4,
        batch_size=16,
        learning_rate=3e-3,
        n_warmup_steps=3,
        n_heldout=8,
        autocast=False,
        objective=ObjectiveConfig(n_inputs_drawn=16),
        autoencoder=tiny_config,
    )


@pytest.fixture(scope="module")
def uninterrupted(config, tiny_corpus, tiny_heldout, tmp_path_factory):
    """Weights and folder of a run from beginning to end."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return pretrain(tiny_corpus, tiny_heldout, config, folder).state_dict(), folder


@pytest.fixture
def train(config, tiny_corpus, tiny_heldout, tmp_path):
    """Train in the test's folder, with some settings changed."""

    def run(folder=tmp_path, sink=None, **changes):
        return pretrain(tiny_corpus, tiny_heldout, replace(config, **changes), folder, sink=sink)

    return run


def log_of(folder):
    with open(folder / "training.csv", newline="") as file:
        return list(csv.DictReader(file))


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


class Stop(Exception):
    """Ends a run from inside."""


def stop_at(monkeypatch, step):
    calls = []

    def stopping(*args, **kwargs):
        calls.append(1)
        if len(calls) == step:
            raise Stop
        return pretraining_loss(*args, **kwargs)

    monkeypatch.setattr(training_module, "pretraining_loss", stopping)


# interruptions


@pytest.mark.parametrize("step", [2, 6, 16])
def test_run_stopped_by_an_error_goes_on_to_the_same_weights(train, uninterrupted, monkeypatch, tmp_path, step):
    stop_at(monkeypatch, step)
    with pytest.raises(Stop):
        train()
    monkeypatch.undo()
    assert_same_weights(train().state_dict(), uninterrupted[0])
    assert [row["valid_loss"] for row in log_of(tmp_path)] == [row["valid_loss"] for row in log_of(uninterrupted[1])]


def test_killed_process_goes_on_to_the_same_weights(train, config, uninterrupted, tiny_corpus, tiny_heldout, tmp_path):
    tiny_corpus.save(tmp_path / "corpus")
    tiny_heldout.save(tmp_path / "heldout")
    paths = [str(tmp_path / name) for name in ("corpus", "heldout", "run")]
    package = Path(sk_swat.__file__).parents[1]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, *paths, repr(config)],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(log_of(tmp_path / "run")) == 2
    assert_same_weights(train(tmp_path / "run").state_dict(), uninterrupted[0])
    assert len(log_of(tmp_path / "run")) == 4


def test_interruption_while_saving_leaves_the_last_state_whole(train, uninterrupted, monkeypatch, tmp_path):
    saves = []

    def save_half(state, path):
        saves.append(1)
        if len(saves) == 3:
            Path(path).write_bytes(b"half a file")
            raise Stop
        torch_save(state, path)

    torch_save = torch.save
    monkeypatch.setattr(torch, "save", save_half)
    with pytest.raises(Stop):
        train()
    monkeypatch.undo()
    assert_same_weights(train().state_dict(), uninterrupted[0])


def test_finished_run_is_not_trained_further(train, uninterrupted, monkeypatch):
    stop_at(monkeypatch, 1)
    assert_same_weights(train(uninterrupted[1]).state_dict(), uninterrupted[0])


def test_run_may_be_made_longer(train, tmp_path):
    train(n_epochs=2)
    train(n_epochs=3)
    assert [int(row["epoch"]) for row in log_of(tmp_path)] == [1, 2, 3]


# damaged and foreign files


def truncate(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def overwrite(content):
    return b"not a training state"


@pytest.mark.parametrize("damage", [truncate, empty, overwrite])
def test_damaged_state_is_refused_with_advice(train, uninterrupted, tmp_path, damage):
    content = (uninterrupted[1] / "training.pt").read_bytes()
    (tmp_path / "training.pt").write_bytes(damage(content))
    with pytest.raises(ValueError, match=r"(?s)training\.pt must hold a training state.*delete it to start again"):
        train()


@pytest.mark.parametrize("content", [{}, [1, 2], {"module": {}}])
def test_file_of_something_else_is_refused_with_advice(train, tmp_path, content):
    torch.save(content, tmp_path / "training.pt")
    with pytest.raises(ValueError, match=r"(?s)training\.pt must hold a training state.*delete it to start again"):
        train()


def test_state_of_other_sizes_is_refused(train, config, tmp_path):
    train(n_epochs=1)
    with pytest.raises(ValueError, match="other settings: autoencoder"):
        train(autoencoder=replace(config.autoencoder, d_latent=4))


# log and lines


def test_log_has_one_row_for_each_epoch(config, uninterrupted):
    rows = log_of(uninterrupted[1])
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    names = ["train_loss", "valid_loss", *(f"{kind}_fvu_{depth}" for kind in ("log10", "heldout") for depth in (1, 4))]
    for epoch, row in enumerate(rows):
        assert np.isfinite([float(row[name]) for name in names]).all()
        assert float(row["lr"]) == pytest.approx(config.learning_rate_at(4 * epoch + 3))


def test_lines_of_the_log_go_to_the_sink_alone(train, capsys):
    lines = []
    train(n_epochs=1, sink=lines.append)
    assert any("valid_loss" in line for line in lines)
    assert capsys.readouterr() == ("", "")


def test_lines_of_the_log_can_be_printed(train, capsys):
    train(n_epochs=1, sink=print)
    assert "valid_loss" in capsys.readouterr().out


def test_training_lowers_the_losses(train, tmp_path):
    train(steps_per_epoch=30, learning_rate=1e-3)
    rows = log_of(tmp_path)
    for name in ("train_loss", "valid_loss"):
        assert float(rows[-1][name]) < float(rows[0][name])


# patience


def test_training_stops_when_patience_is_spent_and_stays_stopped(train, tmp_path, monkeypatch):
    train(learning_rate=0.0, patience=2)  # the held-out loss never falls after the first epoch
    assert len(log_of(tmp_path)) == 3
    stop_at(monkeypatch, 1)
    train(learning_rate=0.0, patience=2)
    assert len(log_of(tmp_path)) == 3


def test_epochs_before_an_interruption_count_towards_patience(train, tmp_path, monkeypatch):
    stop_at(monkeypatch, 10)  # in the third epoch
    with pytest.raises(Stop):
        train(learning_rate=0.0, patience=2)
    monkeypatch.undo()
    train(learning_rate=0.0, patience=2)
    assert len(log_of(tmp_path)) == 3


# randomness and settings


def test_global_generators_stay_untouched(train):
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    train(n_epochs=1)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_weights_depend_on_the_seed_and_not_on_the_global_generator(train, tmp_path):
    runs = []
    for seed, stray in ((0, 1), (0, 2), (1, 1)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stray)
            runs.append(train(tmp_path / f"{seed}-{stray}", n_epochs=1, seed=seed).state_dict())
    assert_same_weights(runs[0], runs[1])
    assert not torch.equal(runs[0]["encoder_in.weight"], runs[2]["encoder_in.weight"])


def test_training_in_bfloat16_stays_finite(train):
    autoencoder = train(n_epochs=1, autocast=True)
    assert all(torch.isfinite(part).all() for part in autoencoder.parameters())
    assert all(part.dtype == torch.float32 for part in autoencoder.parameters())


def test_trained_autoencoder_is_returned_ready_for_use(train, config):
    autoencoder = train(n_epochs=1)
    assert not autoencoder.training
    assert autoencoder.config == config.autoencoder
    assert {part.device.type for part in autoencoder.parameters()} == {"cpu"}


def test_learning_rate_warms_up_holds_and_cools_down():
    config = TrainingConfig(n_epochs=10, steps_per_epoch=100, learning_rate=1.0, n_warmup_steps=200, cooldown_share=0.3)
    rates = [config.learning_rate_at(step) for step in (0, 99, 199, 400, 700, 850, 999)]
    np.testing.assert_allclose(rates, [1 / 200, 0.5, 1, 1, 1, 0.5, 0.02])


def test_reconstruction_share_falls_until_the_middle():
    config = TrainingConfig(n_epochs=10, steps_per_epoch=100, reconstruction_share=(1.0, 0.2))
    shares = [config.reconstruction_share_at(step) for step in (0, 250, 500, 999)]
    np.testing.assert_allclose(shares, [1.0, 0.6, 0.2, 0.2])


def test_configuration_survives_as_text(config):
    assert eval(repr(config)) == config  # the killed process relies on it
    assert isinstance(config.autoencoder, AutoencoderConfig)


@pytest.mark.gpu
def test_pretraining_runs_on_cuda(train, config, tiny_corpus, tiny_heldout, tmp_path):
    autoencoder = pretrain(tiny_corpus, tiny_heldout, config, tmp_path, device="cuda")
    assert all(part.device.type == "cpu" and torch.isfinite(part).all() for part in autoencoder.parameters())


def test_interruption_by_the_user_is_not_taken_for_the_end(train, tmp_path):
    class Interrupt(list):
        def __call__(self, *line):
            self.append(line)
            if len(self) == 3:  # in the printed log of the first epoch
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(sink=Interrupt())
    assert len(log_of(tmp_path)) < 4


def test_other_settings_in_the_same_folder_are_refused(train):
    train(n_epochs=1)
    with pytest.raises(ValueError, match="other settings: seed=0"):
        train(n_epochs=2, seed=1)

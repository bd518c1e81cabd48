"""Several processes, as accelerate starts them, train one autoencoder on shared steps."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import sk_swat
from sk_swat.pretraining import training as training_module
from sk_swat.pretraining.objective import ObjectiveConfig
from sk_swat.pretraining.training import AutoencoderNet, TrainingConfig, pretrain

SCRIPT = """
import sys, torch
from accelerate import Accelerator
from sk_swat.latent.autoencoder import AutoencoderConfig
from sk_swat.pretraining.corpus import Corpus
from sk_swat.pretraining.objective import ObjectiveConfig
from sk_swat.pretraining.training import TrainingConfig, pretrain

folder, run, config = sys.argv[1], sys.argv[2], eval(sys.argv[3])
accelerator = Accelerator(cpu=True)
assert accelerator.num_processes == 2
corpus, heldout = (Corpus.load(f"{folder}/{name}") for name in ("corpus", "heldout"))
lines = []
autoencoder = pretrain(corpus, heldout, config, run, sink=lines.append, accelerator=accelerator)
torch.save((autoencoder.state_dict(), len(lines)), f"{folder}/{accelerator.process_index}.pt")
"""


@pytest.fixture
def config(tiny_config):
    """Two updates of two steps each, at a rate that the schedule leaves alone in both."""
    return TrainingConfig(
        n_epochs=2,
        steps_per_epoch=2,
        batch_size=16,
        learning_rate=3e-3,
        n_warmup_steps=1,
        reconstruction_share=(1.0, 1.0),
        n_heldout=8,
        autocast=False,
        objective=ObjectiveConfig(n_inputs_drawn=16),
        autoencoder=tiny_config,
    )


@pytest.fixture
def train_in_two(tiny_corpus, tiny_heldout, tmp_path):
    """Train in two processes on the CPU; gives the weights of both, and how many lines each has logged."""
    pytest.importorskip("accelerate")
    tiny_corpus.save(tmp_path / "corpus")
    tiny_heldout.save(tmp_path / "heldout")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def train(config, folder):
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        ran = subprocess.run(
            [sys.executable, *launch, str(script), str(tmp_path), str(folder), repr(config)],
            env={**os.environ, "PYTHONPATH": str(Path(sk_swat.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        return [torch.load(tmp_path / f"{process}.pt") for process in range(2)]

    return train


def log_length(folder):
    return len((folder / "training.csv").read_text().splitlines()) - 1


def assert_close(first, second, rtol, atol):
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=rtol, atol=atol)


@pytest.mark.slow
def test_update_of_two_processes_is_the_mean_of_their_steps(
    config, train_in_two, tiny_corpus, tiny_heldout, tmp_path, monkeypatch
):
    class TwoAtOnce(AutoencoderNet):
        """Step 0 takes the steps 0 and 1, step 1 those after them."""

        def backward(self, loss):
            (loss / 2).backward()

        def train_step_single(self, batch, **fit_params):
            first, target = 2 * batch[0], batch[1]
            super().train_step_single((first, target), **fit_params)
            return super().train_step_single((first + 1, target), **fit_params)

    (weights, n_lines), (others, n_other_lines) = train_in_two(config, tmp_path / "two")
    assert_close(weights, others, rtol=0, atol=0)
    assert n_lines > 0 and n_other_lines == 0
    monkeypatch.setattr(training_module, "AutoencoderNet", TwoAtOnce)
    alone = pretrain(tiny_corpus, tiny_heldout, replace(config, steps_per_epoch=1), tmp_path / "alone")
    assert_close(weights, alone.state_dict(), rtol=1e-4, atol=1e-5)
    monkeypatch.undo()
    plain = pretrain(tiny_corpus, tiny_heldout, replace(config, steps_per_epoch=1), tmp_path / "plain")
    with pytest.raises(AssertionError):
        assert_close(weights, plain.state_dict(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_run_of_two_processes_goes_on_where_it_ended(config, train_in_two, tmp_path):
    (whole, _), _ = train_in_two(config, tmp_path / "whole")
    train_in_two(replace(config, n_epochs=1), tmp_path / "parts")
    assert log_length(tmp_path / "whole") == 2 and log_length(tmp_path / "parts") == 1
    (parts, _), (others, _) = train_in_two(config, tmp_path / "parts")
    assert_close(whole, parts, rtol=0, atol=0)
    assert_close(whole, others, rtol=0, atol=0)


@pytest.mark.slow
def test_processes_lose_patience_together(config, train_in_two, tmp_path):
    train_in_two(replace(config, n_epochs=6, learning_rate=0.0, patience=2), tmp_path / "run")
    assert log_length(tmp_path / "run") == 3


def test_one_process_trains_as_without_accelerate(config, tiny_corpus, tiny_heldout, tmp_path):
    accelerate = pytest.importorskip("accelerate")
    plain = pretrain(tiny_corpus, tiny_heldout, config, tmp_path / "plain")
    accelerator = accelerate.Accelerator(cpu=True)
    shared = pretrain(tiny_corpus, tiny_heldout, config, tmp_path / "shared", accelerator=accelerator)
    assert_close(plain.state_dict(), shared.state_dict(), rtol=0, atol=0)
    again = pretrain(tiny_corpus, tiny_heldout, config, tmp_path / "shared")
    assert_close(plain.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_steps_must_be_shared_evenly(config, tiny_corpus, tiny_heldout, tmp_path):
    class TwoProcesses:
        num_processes, is_main_process = 2, True

    with pytest.raises(ValueError, match="multiple of the number of processes, got 3 steps and 2 processes"):
        pretrain(tiny_corpus, tiny_heldout, replace(config, steps_per_epoch=3), tmp_path, accelerator=TwoProcesses())

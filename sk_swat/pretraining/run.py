"""The whole pretraining: corpus, training, bank, checkpoint; every part is kept in a folder and made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from sk_swat.latent.checkpoint import save_checkpoint
from sk_swat.network.equivalence import canonical_form
from sk_swat.pretraining.bank import make_bank
from sk_swat.pretraining.corpus import Corpus, join_corpora, make_corpus
from sk_swat.pretraining.training import TrainingConfig, pretrain
from sk_swat.utils.torch_state import usual_torch

__all__ = ["run_pretraining"]

HELDOUT_SEED = 10_000_000  # added to the seed: training corpora have smaller numbers


@usual_torch()
def run_pretraining(
    folder: str | Path,
    *,
    config: TrainingConfig | None = None,
    n_corpus_parts: int = 2,
    n_chunks: int = 40,
    n_bank: int = 1024,
    n_jobs: int = 1,
    device: str = "cpu",
    sink: Callable[..., None] | None = None,
) -> Path:
    """Make a checkpoint, going on where an earlier run in the folder ended.

    The folder keeps the corpus (``corpus-*.safetensors``) and the training state and log (``training.pt``,
    ``training.csv``). The corpus has `n_corpus_parts` parts; each holds, for each depth, `n_chunks` chunks of about 120
    fitted networks. The random networks have a part of their own, three tenths of that size. The bank, of `n_bank`
    latents of each depth, comes from the training corpus; :func:`sk_swat.pretraining.bank.renew_bank` makes a better
    one of networks of its own. The checkpoint is
    ``checkpoint.safetensors`` in the folder. `sink` takes the lines of the log.
    """
    folder, config = Path(folder), config or TrainingConfig()
    if not (0 <= config.seed < 1000 and 1 <= n_corpus_parts < 1000):
        raise ValueError(
            f"seed must be in [0, 999] and n_corpus_parts in [1, 999], got {config.seed} and {n_corpus_parts}: "
            "held-out corpora have numbers of their own."
        )
    folder.mkdir(parents=True, exist_ok=True)
    say = sink or (lambda *_: None)

    def corpus(name: str, seed: int, n_fitted: int, n_random: int = 0) -> Corpus:
        path = folder / f"corpus-{name}-seed{seed}-{n_fitted}x{n_random}.safetensors"
        if not path.exists():
            part = path.with_suffix(".part")
            make_corpus(seed, n_fitted, n_random, n_jobs).save(part)
            os.replace(part, path)
        loaded = Corpus.load(path)
        say(f"corpus {name}: {len(loaded)} networks")
        return Corpus({depth: canonical_form(networks) for depth, networks in loaded.by_depth.items()})

    first = 1000 * config.seed  # parts of different seeds share nothing
    heldout = corpus("heldout", HELDOUT_SEED + config.seed, max(1, n_chunks // 2))
    random = corpus("random", first + 1, 0, max(1, 3 * n_chunks // 10))
    fitted = join_corpora([corpus(str(part), first + part, n_chunks) for part in range(1, n_corpus_parts + 1)])
    autoencoder = pretrain(join_corpora([fitted, random]), heldout, config, folder, device, sink)
    bank = make_bank(autoencoder, fitted, n_bank, config.seed)
    path = folder / "checkpoint.safetensors"
    summary = {
        "training": {**asdict(config), "autoencoder": None},
        "n_networks": {"fitted": len(fitted), "random": len(random)},
        "n_bank": len(bank),
    }
    fingerprint = save_checkpoint(path, autoencoder, bank, summary)
    say(f"checkpoint {path} with fingerprint {fingerprint[:12]}")
    return path

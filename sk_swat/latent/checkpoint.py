"""The autoencoder's file: weights in half precision, a bank of latents, and a checked header.

A checkpoint is one safetensors file. Its header carries the configuration, a summary of the training and a
fingerprint of the tensors. The bundled one is found by importlib.resources and read once a process.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.latent.bank import Bank
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.utils.torch_state import usual_torch

__all__ = ["Checkpoint", "default_path", "load_checkpoint", "save_checkpoint"]

FORMAT = "sk_swat.autoencoder"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: the autoencoder in evaluation mode, the bank, and the header's summary."""

    autoencoder: Autoencoder
    bank: Bank
    summary: dict[str, Any]
    fingerprint: str

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        """Send the bundled checkpoint to another process by its fingerprint: the package there has the file too."""
        if self is load_checkpoint():
            return _load_bundled, (self.fingerprint,)
        return Checkpoint, tuple(getattr(self, item.name) for item in fields(self))


def save_checkpoint(path: str | Path, autoencoder: Autoencoder, bank: Bank, summary: dict[str, Any]) -> str:
    """Write a checkpoint; an existing file is replaced only when the new one is whole.

    Parameters
    ----------
    path : str or Path
        File to write.
    autoencoder : Autoencoder
        Trained autoencoder; its weights are rounded to half precision.
    bank : Bank
        Latents to start searches from.
    summary : dict
        JSON-able facts about the training: data, seeds, compute, quality.

    Returns
    -------
    fingerprint : str
        SHA-256 of all tensors.

    Raises
    ------
    ValueError
        If a tensor is not finite in half precision.
    """
    tensors = {f"autoencoder.{name}": part.half().contiguous() for name, part in autoencoder.state_dict().items()}
    tensors |= {f"bank.{name}": part.contiguous() for name, part in bank.tensors().items()}
    odd = [name for name, part in tensors.items() if part.is_floating_point() and not torch.isfinite(part).all()]
    if odd:
        raise ValueError(
            f"a checkpoint must hold finite numbers (in half precision: below 65520), got others in {', '.join(odd)}; "
            "train with a smaller learning rate."
        )
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "config": autoencoder.config.to_dict(),
        "fingerprint": _fingerprint(tensors),
        "summary": summary,
    }
    part = Path(path).with_suffix(".part")
    save_file(tensors, part, metadata={"sk_swat": json.dumps(header)})
    os.replace(part, path)
    return str(header["fingerprint"])


def _fingerprint(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def default_path() -> Path:
    """Path of the checkpoint inside the package."""
    return Path(str(resources.files("sk_swat.latent").joinpath("checkpoints", "swat.safetensors")))


def load_checkpoint(path: str | Path | None = None) -> Checkpoint:
    """Read and check a checkpoint, once a process for each file.

    Parameters
    ----------
    path : str or Path, default=None
        File written by :func:`save_checkpoint`; None takes the bundled one.

    Raises
    ------
    OSError
        If there is no such file (FileNotFoundError), or it cannot be read.
    ValueError
        If the file is damaged, of another kind, or of another version.
    """
    if not (path is None or isinstance(path, (str, os.PathLike))):
        raise TypeError(f"checkpoint must be a path or None, got {path!r} of type {type(path).__name__}.")
    path = default_path() if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            "checkpoint must be a file written by `python -m sk_swat.pretraining train`, but there is none at "
            f"'{path}'; give the path of one, or None for the bundled checkpoint."
        )
    status = path.stat()
    # absolute: in another folder a relative path names another file
    return _read(path.absolute(), status.st_mtime_ns, status.st_size)


def _load_bundled(fingerprint: str) -> Checkpoint:
    checkpoint = load_checkpoint()
    if checkpoint.fingerprint != fingerprint:
        raise ValueError(
            f"the bundled checkpoint must be the same in all processes, got fingerprint {checkpoint.fingerprint[:12]} "
            f"here and {fingerprint[:12]} where the work comes from; install the same version of sk_swat everywhere."
        )
    return checkpoint


@functools.lru_cache(maxsize=4)
@usual_torch()  # its tensors are for every later fit, wherever the first one is
def _read(path: Path, mtime: int, size: int) -> Checkpoint:
    try:
        content = path.read_bytes()  # not mapped: what happens to the file later must not change the tensors
    except OSError as error:
        raise OSError(
            f"checkpoint '{path}' must be a file that can be read, got '{error.strerror}'; allow it or give another."
        ) from error
    try:
        tensors = load(content)
    except (SafetensorError, KeyError) as error:  # KeyError: a type of numbers that torch does not have
        raise ValueError(f"checkpoint '{path}' is damaged or not a safetensors file ({error}); replace it.") from error
    metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
    if "sk_swat" not in metadata:
        raise ValueError(
            f"checkpoint '{path}' must have been written by `python -m sk_swat.pretraining train`, but its header says "
            "nothing of sk_swat; give another file, or None for the bundled checkpoint."
        )
    try:
        header = json.loads(metadata["sk_swat"])
        if not isinstance(header, dict):
            raise ValueError(f"got a {type(header).__name__}")
    except ValueError as error:
        raise ValueError(
            f"checkpoint '{path}' is damaged: its header is no JSON object ({error}); replace it."
        ) from error
    if (header.get("format"), header.get("version")) != (FORMAT, FORMAT_VERSION):
        raise ValueError(
            f"checkpoint '{path}' must be of format {FORMAT} version {FORMAT_VERSION}, got {header.get('format')} "
            f"version {header.get('version')}; pretrain again with this version of sk_swat."
        )
    if _fingerprint(tensors) != header.get("fingerprint"):
        raise ValueError(f"checkpoint '{path}' is damaged: its tensors do not match its fingerprint; replace it.")
    try:
        return _assemble(tensors, header)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"checkpoint '{path}' is damaged, or of another version: header and tensors do not fit ({error!r}); "
            "replace it."
        ) from error


def _assemble(tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> Checkpoint:
    config = dict(header["config"])
    known = list(config["activations"])
    if known != list(ACTIVATIONS)[: len(known)]:
        raise ValueError(f"activations must be the first of {tuple(ACTIVATIONS)}, got {tuple(known)}")
    with torch.device("meta"):  # without memory, and without a draw from the global random numbers
        autoencoder = Autoencoder(AutoencoderConfig(**{**config, "activations": tuple(known)}))
    prefix = "autoencoder."
    state = {name[len(prefix) :]: part.float() for name, part in tensors.items() if name.startswith(prefix)}
    autoencoder.load_state_dict(state, assign=True)
    autoencoder.eval().requires_grad_(False)
    bank = Bank.from_tensors({name[5:]: part for name, part in tensors.items() if name.startswith("bank.")})
    return Checkpoint(autoencoder, bank, header["summary"], header["fingerprint"])

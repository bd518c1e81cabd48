"""The pretraining corpus: sparse networks fitted to random functions, and random sparse networks.

A corpus is made in chunks. A chunk has one shape (inputs, widths) and many functions; its networks are fitted
together by batched Levenberg-Marquardt, pruned once by Optimal Brain Surgeon saliency, and fitted again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS
from sk_swat.network.equivalence import canonical_form, fold_constants, pad
from sk_swat.network.softnet import SoftNetworks, concatenate, flatten, unflatten
from sk_swat.pretraining.functions import random_function
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.pruning import saliencies
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask
from sk_swat.utils.parallel import one_torch_thread

__all__ = [
    "Corpus",
    "dense_chunk",
    "draw_inputs",
    "fit_chunk",
    "join_corpora",
    "make_corpus",
    "make_dense_corpus",
    "random_chunk",
    "random_networks",
]

WIDTH = 8  # neurons a layer and input slots, as in the default MatrixLayout
_INPUT_SHARES = np.array([0.08, 0.34, 0.16, 0.12, 0.09, 0.08, 0.06, 0.07])  # of 1 to 8 inputs
_WIDEST = {1: 8, 2: 7, 3: 6, 4: 5}  # usual largest width by depth; one chunk in six goes up to 8
_LARGEST_WEIGHT = 30.0
_ChunkTask = tuple[Callable[..., SoftNetworks], int, int]  # maker of a chunk, its depth and number
# dense networks, from which a bank is chosen: inputs as the users have them, small shapes, smooth activations first
_DENSE_INPUT_SHARES = np.array([0.06, 0.42, 0.14, 0.12, 0.08, 0.08, 0.04, 0.06])
_DENSE_WIDEST = {1: 8, 2: 6, 3: 5, 4: 5}
_DENSE_MIXES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("tanh",), 0.40),
    (("sigmoid", "tanh", "leaky_relu"), 0.25),
    (ACTIVATION_NAMES, 0.20),
    (("tanh", "sine", "gaussian"), 0.15),
)
# activation mixes and how often a chunk uses them: mostly the papers' three, each alone, and all six
_MIXES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("sigmoid", "tanh", "leaky_relu"), 0.40),
    (("tanh",), 0.12),
    (("sigmoid",), 0.08),
    (("leaky_relu",), 0.08),
    (("tanh", "sine"), 0.06),
    (("tanh", "gaussian"), 0.06),
    (("sine",), 0.05),
    (ACTIVATION_NAMES, 0.15),
)


def draw_inputs(rng: np.random.Generator, n_rows: int, n_inputs: int) -> np.ndarray:
    """Draw inputs of unit variance: uniform, normal, or uniform columns beside normal ones."""
    uniform = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n_rows, n_inputs))
    normal = np.clip(rng.normal(size=(n_rows, n_inputs)), -3.5, 3.5)
    kind = rng.random()
    if kind < 0.6:
        return uniform
    return normal if kind < 0.85 else np.where(rng.random(n_inputs) < 0.5, uniform, normal)


def _draw_shape(rng: np.random.Generator, depth: int) -> tuple[int, list[int], tuple[str, ...]]:
    n_inputs = int(rng.choice(np.arange(1, WIDTH + 1), p=_INPUT_SHARES))
    widest = WIDTH if rng.random() < 1 / 6 else _WIDEST[depth]
    widths = rng.integers(2, widest + 1, size=depth).tolist()
    mix = _MIXES[rng.choice(len(_MIXES), p=[share for _, share in _MIXES])][0]
    return n_inputs, widths, mix


def random_networks(
    rng: np.random.Generator, n_networks: int, n_inputs: int, widths: Sequence[int], mix: Sequence[str], density: float
) -> SoftNetworks:
    """Hard networks with normal weights of a random scale, divided by the root of the fan-in.

    `widths` are those of the hidden layers; each neuron takes one activation of the mix. `density` is the share of the
    weights that are not zero.
    """
    sizes = [n_inputs, *widths, 1]
    weights, biases, activation, mask = [], [], [], []
    scale = np.exp(rng.uniform(np.log(0.6), np.log(2.5), size=(n_networks, 1, 1)))
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        weight = rng.normal(size=(n_networks, n_in, n_out)) * scale / np.sqrt(max(n_in * density, 1))
        if layer < len(widths):
            weight *= rng.random(weight.shape) < density
        weights.append(weight)
        biases.append(rng.normal(scale=0.7, size=(n_networks, n_out)) * scale[:, 0])
        if layer < len(widths):
            chosen = rng.choice([list(ACTIVATIONS).index(name) for name in mix], size=(n_networks, n_out))
            activation.append(np.eye(len(ACTIVATIONS))[chosen])
            mask.append(np.ones((n_networks, n_out)))

    def tensors(parts: list[np.ndarray]) -> tuple[torch.Tensor, ...]:
        return tuple(torch.as_tensor(part, dtype=torch.float32) for part in parts)

    return SoftNetworks(
        tensors(weights), tensors(biases), tensors(activation), tensors(mask), torch.ones(n_networks, n_inputs)
    )


def _draw_targets(rng: np.random.Generator, X: np.ndarray, n_networks: int) -> torch.Tensor:
    """Values of random functions on X, of shape (n_networks, 1, n_rows)."""
    values = np.stack([random_function(rng, X) for _ in range(n_networks)])[:, np.newaxis]
    return torch.as_tensor(values, dtype=torch.float32)


def _finish(networks: SoftNetworks, X: torch.Tensor) -> SoftNetworks:
    """Scale outputs to mean 0 and variance 1 on X; drop networks of extreme weights or dead output; pad the rest."""
    networks = fold_constants(networks)
    output = networks.forward(X)
    scale = output.std(1, correction=0).clamp_min(1e-12)[:, None]
    last = networks.weights[-1] / scale[:, :, None]
    bias = (networks.biases[-1] - output.mean(1, keepdim=True)) / scale
    networks = networks.replace(weights=(*networks.weights[:-1], last), biases=(*networks.biases[:-1], bias))
    largest = flatten(networks).abs().amax(1)
    usable = (scale[:, 0] > 0.1) & torch.isfinite(largest) & (largest < _LARGEST_WEIGHT)
    return canonical_form(pad(networks[usable], WIDTH))


def _prune_once(rng: np.random.Generator, networks: SoftNetworks, X: torch.Tensor, y: torch.Tensor) -> SoftNetworks:
    """Remove a random share of the parameters with the smallest Optimal Brain Surgeon saliency."""
    parameters = flatten(networks)
    saliency = saliencies(networks, Table(X, y), ridge=1e-4)
    share = torch.as_tensor(
        rng.choice([0.0, 1.0], len(networks), p=[0.25, 0.75]) * rng.uniform(0.1, 0.6, len(networks))
    )
    rank = saliency.argsort(1).argsort(1)
    kept = rank >= (share[:, None] * parameters.shape[1])
    return unflatten(networks, torch.where(kept, parameters, 0.0))


def fit_chunk(seed: Sequence[int], depth: int, n_networks: int = 128, n_rows: int = 384) -> SoftNetworks:
    """Networks of one shape fitted to as many random functions, pruned, canonical and padded.

    The same seed gives the same networks. Those with extreme weights or a dead output are dropped, so that fewer than
    `n_networks` may come back.
    """
    rng = np.random.default_rng(list(seed))
    n_inputs, widths, mix = _draw_shape(rng, depth)
    X = draw_inputs(rng, n_rows, n_inputs)
    y = _draw_targets(rng, X, n_networks)
    start = random_networks(rng, n_networks, n_inputs, widths, mix, density=rng.choice([0.6, 1.0]))
    rows = torch.as_tensor(X, dtype=torch.float32)
    ridge = float(10 ** rng.uniform(-5, -3.5))
    fitted = fit_networks(start, RefineTask(Table(rows, y)), n_steps=14, ridge=ridge).networks
    pruned = _prune_once(rng, fitted, rows, y)
    return _finish(fit_networks(pruned, RefineTask(Table(rows, y)), n_steps=16, ridge=ridge).networks, rows)


def dense_chunk(seed: Sequence[int], depth: int, n_networks: int = 96, n_rows: int = 384) -> SoftNetworks:
    """Networks of one small dense shape fitted long to as many random functions, canonical and padded.

    What a bank is chosen from: beside the networks of :func:`fit_chunk`, which are half-way pruned, these are far
    better starts at equal size.
    """
    rng = np.random.default_rng(list(seed))
    n_inputs = int(rng.choice(np.arange(1, WIDTH + 1), p=_DENSE_INPUT_SHARES))
    widths = rng.integers(2, _DENSE_WIDEST[depth] + 1, size=depth).tolist()
    mix = _DENSE_MIXES[rng.choice(len(_DENSE_MIXES), p=[share for _, share in _DENSE_MIXES])][0]
    X = draw_inputs(rng, n_rows, n_inputs)
    rows = torch.as_tensor(X, dtype=torch.float32)
    y = _draw_targets(rng, X, n_networks)
    start = random_networks(rng, n_networks, n_inputs, widths, mix, density=1.0)
    return _finish(fit_networks(start, RefineTask(Table(rows, y)), n_steps=30, ridge=1e-5).networks, rows)


def random_chunk(seed: Sequence[int], depth: int, n_networks: int = 128) -> SoftNetworks:
    """Random sparse networks of one shape, not fitted to anything, canonical and padded (see fit_chunk)."""
    rng = np.random.default_rng([*seed, 1])
    n_inputs, widths, mix = _draw_shape(rng, depth)
    X = torch.as_tensor(draw_inputs(rng, 384, n_inputs), dtype=torch.float32)
    drawn = random_networks(rng, n_networks, n_inputs, widths, mix, density=rng.choice([0.4, 0.6, 0.8, 1.0]))
    return _finish(drawn, X)


@dataclass(frozen=True)
class Corpus:
    """Canonical hard networks by depth, padded to eight neurons and inputs, in float32."""

    by_depth: dict[int, SoftNetworks]

    def __len__(self) -> int:
        return sum(len(networks) for networks in self.by_depth.values())

    def save(self, path: str | Path) -> None:
        """Write the corpus to a safetensors file."""
        tensors = {}
        for depth, networks in self.by_depth.items():
            for item in fields(networks):
                value = getattr(networks, item.name)
                parts = value if isinstance(value, tuple) else (value,)
                for layer, part in enumerate(parts):
                    compact = torch.uint8 if item.name in ("activation", "mask", "input_mask") else torch.float32
                    tensors[f"{depth}.{item.name}.{layer}"] = part.to(compact).contiguous()
        save_file(tensors, path)

    @classmethod
    def load(cls, path: str | Path) -> Corpus:
        """Read a corpus written by :meth:`save`."""
        parts: dict[int, dict[str, list[torch.Tensor]]] = {}
        with safe_open(path, "pt") as file:
            for key in sorted(file.keys()):
                depth, name, _ = key.split(".")
                parts.setdefault(int(depth), {}).setdefault(name, []).append(file.get_tensor(key).float())

        def networks(named: dict[str, list[torch.Tensor]]) -> SoftNetworks:
            values: dict[str, Any] = {name: tuple(value) for name, value in named.items()}
            return SoftNetworks(**values | {"input_mask": named["input_mask"][0]})

        return cls({depth: networks(named) for depth, named in sorted(parts.items())})


def join_corpora(corpora: Sequence[Corpus]) -> Corpus:
    """All networks of several corpora."""
    depths = corpora[0].by_depth
    return Corpus({depth: concatenate([corpus.by_depth[depth] for corpus in corpora]) for depth in depths})


def make_dense_corpus(seed: int, n_chunks: Mapping[int, int], n_jobs: int = 1, n_networks: int = 96) -> Corpus:
    """Make chunks of dense fitted networks, so many of each depth, in parallel processes; `seed` names the corpus."""
    tasks: list[_ChunkTask] = [(dense_chunk, depth, chunk) for depth in n_chunks for chunk in range(n_chunks[depth])]
    return _make_chunks(tasks, seed, n_jobs, n_networks)


def make_corpus(
    seed: int, n_chunks: int = 40, n_random_chunks: int = 0, n_jobs: int = 1, n_networks: int = 128
) -> Corpus:
    """Make chunks of fitted and of random networks for each depth from 1 to 4, in parallel processes.

    `seed` names the corpus; different seeds share no chunk. `n_networks` are drawn for each chunk.
    """
    tasks: list[_ChunkTask] = [(fit_chunk, depth, chunk) for chunk in range(n_chunks) for depth in _WIDEST]
    tasks += [(random_chunk, depth, chunk) for chunk in range(n_random_chunks) for depth in _WIDEST]
    return _make_chunks(tasks, seed, n_jobs, n_networks)


def _make_chunks(tasks: Sequence[_ChunkTask], seed: int, n_jobs: int, n_networks: int) -> Corpus:
    """Run the makers of chunks, each with its depth and number."""
    chunks = joblib.Parallel(n_jobs=n_jobs)(
        joblib.delayed(_make_chunk)(make, (seed, depth, chunk), depth, n_networks) for make, depth, chunk in tasks
    )
    by_depth: dict[int, list[SoftNetworks]] = {}
    for (_, depth, _), networks in zip(tasks, chunks, strict=True):
        by_depth.setdefault(depth, []).append(networks)
    return Corpus({depth: concatenate(by_depth[depth]) for depth in sorted(by_depth)})


@one_torch_thread()
def _make_chunk(make: Callable[..., SoftNetworks], seed: Sequence[int], depth: int, n_networks: int) -> SoftNetworks:
    return make(seed, depth, n_networks)

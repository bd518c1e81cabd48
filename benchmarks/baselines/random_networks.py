"""The pipeline of SWATRegressor from random networks instead of latents: what the latent space has to beat."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sk_swat.estimators.regressor import SWATRegressor
from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.children import best_children, can_deepen, repeat_batch
from sk_swat.latent.objective import hard_sizes
from sk_swat.latent.run import Candidate, DepthSearch, RunOptions
from sk_swat.latent.screening import best_and_small, draw_inputs, fit_readouts, screen
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.equivalence import deepen, pad
from sk_swat.network.softnet import SoftNetworks, concatenate
from sk_swat.pretraining.corpus import random_networks
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.parallel import run_parallel

__all__ = ["RandomNetworkRegressor", "WeightSpace"]

_SHAPES = 16  # of widths and density, among the networks that are drawn together
_NOISE = 0.1  # relative standard deviation of the change of a weight in a child
_CROSSED = 0.25  # share of the neurons of a child that are drawn anew
_TRIED = 8  # children of each parent that are ranked by their readout, as many as in the latent space


class RandomNetworkRegressor(SWATRegressor):
    """SWATRegressor without the autoencoder.

    As many candidates are screened, in the same way, polished, pruned and varied; but they are random networks (normal
    weights divided by the root of the fan-in, of a random scale; random widths, density and activations), and children
    come from their parents by noise on the weights and by neurons drawn anew. Parameters and attributes are those of
    SWATRegressor; latents are empty, and `warm_start` is not read.
    """

    def _proposals(self, checkpoint: Checkpoint) -> WeightSpace:
        return WeightSpace(checkpoint.autoencoder.config.max_width)


@dataclass(frozen=True)
class WeightSpace:
    """Random networks, and random changes of weights; see :class:`sk_swat.latent.proposals.Proposals`."""

    max_width: int

    def search(
        self,
        table: Table,
        depths: Sequence[int],
        config: SearchConfig,
        seed: int,
        options: RunOptions | None = None,
    ) -> list[DepthSearch]:
        """Draw random networks and keep those with the best readouts."""
        options = options or RunOptions()
        pieces = [partial(self._search_depth, table, depth, config, seed, options.deadline) for depth in depths]
        return run_parallel(pieces, options.n_jobs, options.found, options.deadline.stop)

    def _search_depth(
        self, table: Table, depth: int, config: SearchConfig, seed: int, deadline: Deadline
    ) -> DepthSearch:
        begin = time.perf_counter()
        rng = np.random.default_rng([seed, depth])
        networks = self._draw(table, depth, config.n_screened, config.allowed, rng)
        order, score, size = screen(networks.__getitem__, torch.arange(len(networks)), table, config, deadline)
        networks, score, _ = fit_readouts(networks[order[best_and_small(score, size, config)]], table, config)
        n_nonzero, n_neurons = hard_sizes(networks)
        candidates = [
            Candidate(
                network=networks[i : i + 1],
                restart=i,
                start_objective=float(score[i]),
                objective=float(score[i]),
                n_nonzero=int(n_nonzero[i]),
                n_neurons=int(n_neurons[i]),
            )
            for i in torch.isfinite(score).nonzero().squeeze(1).tolist()
        ]
        return DepthSearch(
            depth=depth,
            candidates=candidates,
            selection_curve=[float(score.min())],
            seconds={"starts": time.perf_counter() - begin, "descent": 0.0},
        )

    def _draw(
        self, table: Table, depth: int, n_networks: int, allowed: Sequence[bool], rng: np.random.Generator
    ) -> SoftNetworks:
        """Random networks of several shapes on the columns of the table."""
        n_inputs = min(len(table.columns), self.max_width)
        mix = [name for name, may in zip(ACTIVATIONS, allowed, strict=True) if may]
        parts = []
        for share in np.array_split(np.arange(n_networks), min(_SHAPES, n_networks)):
            widths = rng.integers(2, self.max_width + 1, size=depth).tolist()
            drawn = random_networks(rng, len(share), n_inputs, widths, mix, density=rng.choice([0.6, 1.0]))
            parts.append(pad(drawn, self.max_width))
        networks = concatenate(parts)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        return networks.connect(draw_inputs(table, networks.input_mask, generator).layers())

    def children(
        self, parents: SoftNetworks, table: Table, allowed: torch.Tensor, generator: torch.Generator, depth: int
    ) -> SoftNetworks:
        """Change weights and draw neurons anew.

        Children that are less deep than their parents are random; so are deeper ones where leaky_relu, by which a layer
        is put in between, is not allowed.
        """
        n, parents = len(parents), parents.map(lambda part: part.float())
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        networks = self._draw(table, depth, n * _TRIED, allowed.tolist(), rng)
        if parents.depth == depth or (parents.depth < depth and can_deepen(parents, allowed)):
            while parents.depth < depth:
                parents = deepen(parents)
            networks = _vary(parents.map(lambda part: repeat_batch(part, _TRIED)), networks, generator)
        return best_children(networks, n, table)


def _vary(networks: SoftNetworks, others: SoftNetworks, generator: torch.Generator) -> SoftNetworks:
    """Multiply weights by about one, and take some neurons, with what goes into them, from other networks."""
    weights, biases, activation = list(networks.weights), list(networks.biases), list(networks.activation)

    def near_one(tensor: torch.Tensor) -> torch.Tensor:
        return 1 + _NOISE * torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)

    for layer in range(networks.depth):
        chance = torch.rand(biases[layer].shape, generator=generator, dtype=torch.float32)
        crossed = (chance < _CROSSED) & (networks.mask[layer] > 0) & (others.mask[layer] > 0)
        weights[layer] = torch.where(
            crossed[:, None, :], others.weights[layer], weights[layer] * near_one(weights[layer])
        )
        biases[layer] = torch.where(crossed, others.biases[layer], biases[layer] * near_one(biases[layer]))
        activation[layer] = torch.where(crossed[:, :, None], others.activation[layer], activation[layer])
    return networks.replace(weights=tuple(weights), biases=tuple(biases), activation=tuple(activation))

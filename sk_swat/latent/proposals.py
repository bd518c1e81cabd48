"""Where the networks of a fit come from: the latent space of an autoencoder, or what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.children import latent_children
from sk_swat.latent.run import DepthSearch, RunOptions, search_depths
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table

__all__ = ["LatentProposals", "Proposals"]


class Proposals(Protocol):
    """What a fit asks for: hard networks that fit the data, and variations of networks."""

    def search(
        self,
        table: Table,
        depths: Sequence[int],
        config: SearchConfig,
        seed: int,
        options: RunOptions | None = None,
    ) -> list[DepthSearch]:
        """Find candidates of every depth; see :func:`sk_swat.latent.run.search_depths`."""

    def children(
        self, parents: SoftNetworks, table: Table, allowed: torch.Tensor, generator: torch.Generator, depth: int
    ) -> SoftNetworks:
        """Give every parent one child; see :func:`sk_swat.latent.children.latent_children`."""


@dataclass(frozen=True)
class LatentProposals:
    """The latent space of a pretrained autoencoder, with its bank."""

    checkpoint: Checkpoint

    def search(
        self,
        table: Table,
        depths: Sequence[int],
        config: SearchConfig,
        seed: int,
        options: RunOptions | None = None,
    ) -> list[DepthSearch]:
        """Choose latents that fit, move them, and decode them."""
        return search_depths(table, self.checkpoint, depths, config, seed, options)

    def children(
        self, parents: SoftNetworks, table: Table, allowed: torch.Tensor, generator: torch.Generator, depth: int
    ) -> SoftNetworks:
        """Encode, vary and decode."""
        return latent_children(parents, table, self.checkpoint, allowed, generator, depth)

"""What becomes of pruned wholes: narrow ones are candidates, all that matter join the front at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from sk_swat.compress.encoding import fits_matrix, network_candidates, restore
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.run import Candidate
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.hard import batch_of, widest
from sk_swat.refine.front import Front
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

__all__ = ["front_of_wholes", "narrow_candidates"]

_N_RETURNED = 3  # candidates of each depth that come from one whole
_GAIN, _LARGE_GAIN = 0.05, 0.3  # shares by which the error must fall below that of the next smaller one
_LARGE = 100  # parameters from which on the second holds
_EXACT = 1e-4  # share of variance left, below which no larger network is kept


def narrow_candidates(
    front: Front,
    whole: int,
    table: Table,
    space: LatentProposals,
    search: SearchConfig,
    depths: Sequence[int],
    seed: int,
) -> list[Candidate]:
    """Give candidates that come from one pruned whole: what is narrow enough of it, also decoded to other depths.

    Parameters
    ----------
    front : Front
        Of pruned wholes.
    whole : int
        Which of the wholes.
    table : Table
        Rows on which readouts are fitted.
    space : LatentProposals
        Its autoencoder encodes them.
    search : SearchConfig
        Settings of the latent search.
    depths : sequence of int
        Hidden layers of candidates.
    seed : int
        Source of all random choices.
    """
    width = space.checkpoint.autoencoder.config.max_width
    networks = [member.network.to_sparse(0).prune() for member in front.members() if member.candidate == whole]
    narrow = [network for network in networks if network.depth and widest(network) <= width]
    found: list[Candidate] = []
    own = [network for network in narrow if network.depth in depths]
    if own:
        chosen = np.unique(np.linspace(0, len(own) - 1, min(_N_RETURNED, len(own))).round().astype(int))
        found += network_candidates([own[i] for i in chosen], width, table, search)
    if narrow and fits_matrix(narrow[-1], space.checkpoint):
        for depth in depths:
            if depth != narrow[-1].depth:
                generator = torch.Generator().manual_seed(seed + depth)
                found += restore(narrow[-1], table, space.checkpoint, depth, search, generator, _N_RETURNED)
    return found


def front_of_wholes(front: Front, first: int, space: LatentProposals, task: RefineTask) -> Front:
    """Give the pruned wholes that matter, no wider than need be.

    A larger one matters if its error is clearly smaller, and as long as there is an error worth speaking of.

    Parameters
    ----------
    front : Front
        Of pruned wholes.
    first : int
        Index of the first whole among the candidates of the new front.
    space : LatentProposals
        Widths are multiples of its largest one, so that networks of about the same size are polished together.
    task : RefineTask
        Rows of the search.
    """
    width = space.checkpoint.autoencoder.config.max_width
    kept, least = Front(), math.inf
    for member in front.members(_GAIN):
        gain = _GAIN if member.size <= _LARGE else _LARGE_GAIN
        network = member.network.to_sparse(0).prune()
        if network.depth and _EXACT * task.rows.constant_loss < least and member.error < (1 - gain) * least:
            least = member.error
            alone = batch_of([network], width * math.ceil(widest(network) / width))
            size, index = torch.tensor([member.size]), torch.tensor([member.candidate + first])
            kept.add(alone, size, torch.tensor([least], dtype=torch.float64), index)
    return kept

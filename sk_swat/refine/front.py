"""The best network met at each depth and size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from sk_swat.network.softnet import SoftNetworks

__all__ = ["Front", "Member"]


@dataclass(frozen=True)
class Member:
    """A network of a front: a batch of one, its size, its mean loss, and the index of the candidate it comes from."""

    network: SoftNetworks
    size: int
    error: float
    candidate: int

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.network.depth


class Front:
    """Networks, of each depth and size the one with the smallest loss so far."""

    def __init__(self) -> None:
        self._best: dict[tuple[int, int], Member] = {}

    def __len__(self) -> int:
        return len(self._best)

    def add(self, networks: SoftNetworks, size: torch.Tensor, error: torch.Tensor, candidate: torch.Tensor) -> None:
        """Let hard networks of one depth compete; those whose mean loss is not finite are not taken."""
        first: dict[int, int] = {}  # by size, the best of these networks
        errors = error.tolist()
        for index, n in enumerate(size.tolist()):
            if errors[index] < (errors[first[n]] if n in first else math.inf):
                first[n] = index
        for n, index in first.items():
            known = self._best.get((networks.depth, n))
            if known is None or errors[index] < known.error:
                alone = networks[index : index + 1].map(lambda part: part.detach().clone())
                self._best[networks.depth, n] = Member(alone, n, errors[index], int(candidate[index]))

    def join(self, other: Front) -> None:
        """Let the members of another front compete; on a tie the own ones stay."""
        for key, member in other._best.items():
            known = self._best.get(key)
            if known is None or member.error < known.error:
                self._best[key] = member

    def members(self, gain: float = 0.0) -> list[Member]:
        """Networks that no smaller or equally large one equals, by size.

        The loss must fall below that of the next smaller member by a share `gain`, in [0, 1).
        """
        chosen: list[Member] = []
        for member in sorted(self._best.values(), key=lambda one: (one.size, one.error, one.depth)):
            if not chosen or member.error < (1 - gain) * chosen[-1].error:
                chosen.append(member)
        return chosen

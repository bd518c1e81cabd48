"""Work on networks of any shapes in batches of one shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sk_swat.network.equivalence import join
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.front import Member

__all__ = ["by_depth"]

_WIDTH_STEP = 8  # neurons
Result = TypeVar("Result")


def by_depth(members: Sequence[Member], work: Callable[[SoftNetworks], Sequence[Result]]) -> list[Result]:
    """Work on the networks of each depth and about one width together; results in the order of the members."""
    results: dict[int, Result] = {}
    shapes = [(member.depth, _breadth(member)) for member in members]
    for shape in sorted(set(shapes)):
        index = [i for i, own in enumerate(shapes) if own == shape]
        results |= dict(zip(index, work(join([members[i].network for i in index])), strict=True))
    return [results[i] for i in range(len(members))]


def _breadth(member: Member) -> int:
    """Width of the widest layer in steps: small networks would wait for the parameters of large ones in their batch."""
    return -(-max(mask.shape[1] for mask in member.network.mask) // _WIDTH_STEP)

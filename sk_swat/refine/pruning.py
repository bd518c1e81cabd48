"""Prune many networks step by step, and hand over every network met on the way.

The compiled core does it, network by network. A round chooses what goes (:mod:`sk_swat.refine.criteria`), moves the
other parameters at once to where the quadratic model has its new minimum (with several dampings, the best is kept, so
that a bad model does no harm), removes what no longer reaches the output, and polishes. A network whose loss leaps in a
round takes the round again with others, and keeps the better outcome.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine import _core
from sk_swat.refine.compiled import CompiledBatch, how
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

__all__ = ["Sink", "prune", "saliencies", "sizes"]

# takes networks, their sizes, their mean losses, and which of the given networks each one comes from
Sink = Callable[[SoftNetworks, torch.Tensor, torch.Tensor, torch.Tensor], None]

_SHARE = 0.12


def prune(
    networks: SoftNetworks,
    task: RefineTask,
    sink: Sink,
    *,
    n_polish: int = 2,
    smallest: int | torch.Tensor = 1,
    share: float = _SHARE,
) -> None:
    """Remove parameter after parameter.

    Parameters
    ----------
    networks : SoftNetworks
        Hard networks of one depth, polished.
    task : RefineTask
        Rows, what goes first, and when to stop. A round that is under way then is left; what is there before it is
        handed over.
    sink : callable
        Called once with all networks met on the way, from each given one downwards: nothing disconnected, each with
        fewer weights and biases than before, and of no larger size.
    n_polish : int, default=2
        Levenberg-Marquardt steps after each removal.
    smallest : int or Tensor of int, of shape (n_networks,), default=1
        Networks of this size or less are not pruned further.
    share : float, default=0.12
        Of the parameters of a network larger than 24 that go in a round.
    """
    batch = CompiledBatch.of(networks, task.rows)
    ends = torch.as_tensor(smallest, dtype=torch.int64).expand(len(networks)).clone().numpy()
    values, kinds, size, error, origin = _core.prune(
        *batch.arguments,
        ends,
        n_polish,
        share,
        task.x_centred,
        task.y_centred,
        None if task.criterion is None else task.criterion.choose,
        how(task.n_threads, task.deadline),
    )
    index = torch.from_numpy(origin)
    sink(batch.descendants(values, kinds, index), torch.from_numpy(size), torch.from_numpy(error), index)


def sizes(networks: SoftNetworks, task: RefineTask) -> torch.Tensor:
    """Non-zero parameters of each network in raw units, of shape (n_networks,).

    Biases of identity neurons are counted where they are or where they can go, in what they feed, whichever is less.
    What else `SparseMLP.simplify` saves is still counted. A network that loses a parameter never gets larger.
    """
    batch = CompiledBatch.of(networks, task.rows)
    return torch.from_numpy(_core.count(*batch.arguments[:3], task.x_centred, task.y_centred))


def saliencies(networks: SoftNetworks, rows: Table, ridge: float) -> torch.Tensor:
    """Rise of the mean loss without each parameter alone, of shape (n_networks, n_parameters); 0 for missing neurons.

    That is w^2 / (H^-1)_ii with the Gauss-Newton matrix H (Hassibi and Stork, 1993) and a ridge.
    """
    batch = CompiledBatch.of(networks, rows)
    everything = batch.marks(torch.ones(1, 1))
    return torch.from_numpy(_core.saliencies(*batch.arguments, everything, ridge, how())).to(networks.weights[0].dtype)

"""What refinement is given: standardised rows, what is removed first, what counts as a parameter, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.criteria import Criterion, OptimalBrainSurgeon
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["RefineTask", "removable", "sizes"]

_PRIOR_VARIANCE = 4.0  # of a weight between standardised columns and neurons
_LEAST_RIDGE, _MOST_RIDGE = 1e-12, 1e-2
_IDENTITY = ACTIVATION_NAMES.index("identity")


@dataclass(frozen=True)
class RefineTask:
    """Rows to fit, in the units of the search (variance 1), and how.

    Parameters
    ----------
    rows : Table
        The rows, with the loss of a fit.
    x_centred, y_centred : bool
        Whether the raw columns and the raw target are merely scaled, not shifted: only then a zero bias of the first
        layer, or of the output, stays zero in raw units and saves a parameter.
    deadline : Deadline
        When to stop.
    criterion : Criterion, default=OptimalBrainSurgeon()
        What pruning removes next.
    """

    rows: Table
    x_centred: bool = True
    y_centred: bool = True
    deadline: Deadline = field(default_factory=Deadline)
    criterion: Criterion = field(default_factory=OptimalBrainSurgeon)

    def of_networks(self, index: torch.Tensor) -> RefineTask:
        """Task of some of the networks; see :meth:`sk_swat.refine.table.Table.of_networks`."""
        return replace(self, rows=self.rows.of_networks(index))

    def r2(self, error: float) -> float:
        """R^2 of a mean loss, or what stands for it; see :meth:`sk_swat.refine.losses.Loss.score`."""
        return self.rows.loss.score(error, self.rows)

    def ridge(self, error: torch.Tensor) -> torch.Tensor:
        """Weight of the squared parameters for networks of the given mean losses.

        The prior is normal with variance 4 for every parameter; noise is as large as the loss. With n rows that is
        loss / (4 n), for each of several targets.
        """
        ridge = error.double() / (_PRIOR_VARIANCE * self.rows.n_observations)
        return ridge.nan_to_num(_MOST_RIDGE, _MOST_RIDGE).clamp(_LEAST_RIDGE, _MOST_RIDGE)


def _costs_anyway(layer: int, depth: int, task: RefineTask) -> bool:
    """Whether a bias of this layer is non-zero in raw units even when it is zero here."""
    return (layer == 0 and not task.x_centred) or (layer == depth and not task.y_centred)


def removable(networks: SoftNetworks, task: RefineTask) -> torch.Tensor:
    """Parameters whose removal saves one, as a bool Tensor of shape (n_parameters,) in the order of flatten."""
    parts = []
    for layer, (weight, bias) in enumerate(zip(networks.weights, networks.biases, strict=True)):
        parts.append(torch.ones(weight[0].numel(), dtype=torch.bool, device=weight.device))
        saves = not _costs_anyway(layer, networks.depth, task)
        parts.append(torch.full((bias.shape[1],), saves, device=weight.device))
    return torch.cat(parts)


def sizes(networks: SoftNetworks, task: RefineTask) -> torch.Tensor:
    """Non-zero parameters of each network in raw units, of shape (n_networks,).

    Biases of identity neurons are counted where they are or where they can go, in what they feed, whichever is less.
    What else `SparseMLP.simplify` saves is still counted. A network that loses a parameter never gets larger.
    """
    total = torch.stack([(weight != 0).sum((1, 2)) for weight in networks.weights]).sum(0)
    living = [*networks.mask, torch.ones_like(networks.biases[-1])]
    staying = moved = torch.zeros_like(total)
    arriving = torch.zeros_like(networks.biases[0], dtype=torch.bool)
    for layer, bias in enumerate(networks.biases):
        counted = living[layer] > 0 if _costs_anyway(layer, networks.depth, task) else bias != 0
        staying = staying + counted.sum(1)
        counted = counted | arriving
        if layer < networks.depth:
            leaving = counted & (networks.activation[layer][..., _IDENTITY] > 0)
            counted = counted & ~leaving
            arriving = (leaving[:, :, None] & (networks.weights[layer + 1] != 0)).any(1)
        moved = moved + counted.sum(1)
    return total + torch.minimum(staying, moved)

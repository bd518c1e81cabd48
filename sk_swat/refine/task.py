"""What refinement is given: standardised rows, what is removed first, what counts as a parameter, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from sk_swat.refine.criteria import Criterion
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["RefineTask"]

_PRIOR_VARIANCE = 4.0  # of a weight between standardised columns and neurons
_LEAST_RIDGE, _MOST_RIDGE = 1e-12, 1e-2


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
    criterion : Criterion, default=None
        What pruning removes next; None takes Optimal Brain Surgeon.
    n_threads : int, default=1
        Threads in which networks are worked on at most; results do not depend on it.
    """

    rows: Table
    x_centred: bool = True
    y_centred: bool = True
    deadline: Deadline = field(default_factory=Deadline)
    criterion: Criterion | None = None
    n_threads: int = 1

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

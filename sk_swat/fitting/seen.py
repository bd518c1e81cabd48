"""Networks on the columns that each of them sees while it is polished and pruned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from sk_swat.network.softnet import SoftNetworks, flatten
from sk_swat.refine.columns import ColumnView, column_view
from sk_swat.refine.levenberg_marquardt import LMResult, fit_networks
from sk_swat.refine.pruning import Sink, prune
from sk_swat.refine.task import RefineTask

__all__ = ["Seen", "all_free", "polish"]


@dataclass(frozen=True)
class Seen:
    """Networks on the columns that each of them sees, and the task on these columns; no `view` where that is all."""

    networks: SoftNetworks
    view: ColumnView | None
    task: RefineTask

    @classmethod
    def of(cls, networks: SoftNetworks, task: RefineTask, chance: torch.Tensor, generator: torch.Generator) -> Seen:
        """Choose columns for networks that stand on all of them; TimeIsUp if the deadline passes before that."""
        view = column_view(networks, task.rows, chance, generator, task.deadline)
        if view is None:
            return cls(networks, None, task)
        return cls(view.narrow(networks), view, replace(task, rows=view.rows(task.rows)))

    def with_networks(self, networks: SoftNetworks, index: torch.Tensor | None = None) -> Seen:
        """Other networks on the same columns, or those of some of them."""
        if index is None:
            return replace(self, networks=networks)
        view = None if self.view is None else replace(self.view, columns=self.view.columns[index])
        return Seen(networks[index], view, self.task.of_networks(index))

    def on_all_columns(self, networks: SoftNetworks | None = None, origin: torch.Tensor | None = None) -> SoftNetworks:
        """Give these networks, or others on the columns of `origin`, on all columns of the table."""
        networks = self.networks if networks is None else networks
        return networks if self.view is None else self.view.widen(networks, origin)

    def prune(self, sink: Sink, **how: Any) -> None:
        """Prune; the sink gets networks on all columns."""

        def sink_on_all(found: SoftNetworks, size: torch.Tensor, error: torch.Tensor, origin: torch.Tensor) -> None:
            sink(self.on_all_columns(found, origin), size, error, origin)

        prune(self.networks, self.task, sink_on_all, **how)


def polish(networks: SoftNetworks, task: RefineTask, n_steps: int, free: torch.Tensor | None = None) -> LMResult:
    """Fit the parameters that are free, as :func:`fit_networks` has it, with a ridge that suits their error."""
    ridge = task.ridge(task.rows.error(networks).clamp(1e-4, 1.0))
    return fit_networks(networks, task, n_steps=n_steps, ridge=ridge, free=free)


def all_free(networks: SoftNetworks) -> torch.Tensor:
    """Say of every parameter that it is free: all connections among living neurons then are."""
    return torch.ones_like(flatten(networks), dtype=torch.bool)

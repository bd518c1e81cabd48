"""What pruning removes next, where that is not what Optimal Brain Surgeon finds cheapest.

The compiled core has Optimal Brain Surgeon. At a minimum with curvature H (the Gauss-Newton matrix), removing the
parameters S and moving the others to the new minimum raises the loss by w_S' (H^-1_SS)^-1 w_S (Hassibi and Stork,
1993). Candidates are single parameters and whole rows of a weight matrix (all that leaves a neuron or an input). They
are compared by what they cost for every parameter that goes, because a neuron that is cut off takes its other
parameters along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Criterion", "PruningState"]


@dataclass(frozen=True)
class PruningState:
    """One network at the beginning of a round of pruning.

    Parameters
    ----------
    values : ndarray of shape (n_parameters,)
        Non-zero weights and biases.
    source, target : ndarray of int32, of shape (n_parameters,)
        What each parameter multiplies (a column, then neurons layer by layer; -1 stands for 1), and what it leads to
        (neurons, then outputs).
    matrix, gradient : ndarray of shape (n_parameters, n_parameters), and of shape (n_parameters,)
        With curvature C and gradient g of the loss, J'CJ / 2n and J'g / 2n; for squared error J'J / n and J'r / n.
    error : float
        Mean loss.
    ridge : float
        Weight of the squared parameters in the sum that a fit minimises.
    wanted : float
        How many parameters should go, those that are taken along included; at least one goes in any case.
    removable : ndarray of bool, of shape (n_parameters,)
        Parameters that may go, at least one.
    """

    values: np.ndarray
    source: np.ndarray
    target: np.ndarray
    matrix: np.ndarray
    gradient: np.ndarray
    error: float
    ridge: float
    wanted: float
    removable: np.ndarray


class Criterion(ABC):
    """What pruning removes next."""

    @abstractmethod
    def removals(self, state: PruningState) -> np.ndarray:
        """Choose the parameters to remove, as a bool array of shape (n_parameters,)."""

    def choose(self, removable: np.ndarray, **state: Any) -> np.ndarray:
        """Answer the compiled core, which asks in every round."""
        return np.ascontiguousarray(self.removals(PruningState(removable=removable.astype(bool), **state)), bool)

"""Settings of a latent search: prices, starts, descent, and how starts are ranked."""

from __future__ import annotations

from dataclasses import dataclass

from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["SearchConfig"]


@dataclass(frozen=True)
class SearchConfig:
    """Settings of the search of one depth; see LatentDescentRegressor for the public ones.

    Parameters
    ----------
    allowed : tuple of bool
        Which activations may be chosen, in the order of ``ACTIVATIONS``.
    sparsity, compactness : float
        Price in R^2 of one non-zero parameter and of one living neuron.
    n_restarts, max_iter : int
        Starts that descend, and their gradient steps.
    learning_rate : float
        First step size of Adam on the latents.
    tol : float
        Smallest improvement of the objective, as a share of it, that counts.
    init : {"bank", "random"}
        Where starts come from.
    n_generations : int
        Generations of selection among latents before the descent (bank only).
    readout : {"ridge", "decoded"}
        Whether the output layer is fitted to the data or taken from the decoder.
    n_screened, n_decoded : int
        Decoded networks of the bank ranked on a few rows, and how many of them are ranked on more.
    n_children, n_parents : int
        New latents in each generation, and survivors.
    n_ranking_rows : int
        Rows by which starts are ranked.
    thresholds : tuple of float
        Multiples of the learned weight threshold at which networks are hardened; the best is kept.
    small_share, small_price : float
        Share of the starts that are chosen at a higher price of a parameter, and what is added to the price.
    """

    allowed: tuple[bool, ...]
    sparsity: float = 1e-5
    compactness: float = 1e-5
    n_restarts: int = 24
    max_iter: int = 0
    learning_rate: float = 0.05
    tol: float = 1e-2
    init: str = "bank"
    n_generations: int = 0
    readout: str = "ridge"
    n_screened: int = 2048
    n_decoded: int = 512
    n_children: int = 256
    n_parents: int = 48
    n_ranking_rows: int = 256
    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 24.0)
    small_share: float = 0.0
    small_price: float = 3e-4

    def allows(self, network: SparseMLP) -> bool:
        """Whether every neuron of a network has an activation that may be chosen."""
        names = {name for name, may in zip(ACTIVATIONS, self.allowed, strict=True) if may}
        return all(name in names for layer in network.activations for name in layer)

    @property
    def linear(self) -> bool:
        """Whether identity neurons are allowed."""
        return self.allowed[ACTIVATION_NAMES.index("identity")]

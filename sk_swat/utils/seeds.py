"""Seeds of parts of a fit: each part draws its own numbers, so that its result does not depend on the others."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["generator_of", "seed_of"]


def seed_of(*parts: int) -> int:
    """Give the seed from 0 to 2**32 - 1 that belongs to these integers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def generator_of(*parts: int) -> torch.Generator:
    """Make the generator that belongs to these integers."""
    return torch.Generator().manual_seed(seed_of(*parts))

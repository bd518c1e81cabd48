"""What a network keeps of the rows it was fitted to: a few numbers of each column, no rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["FitSummary"]


@dataclass(frozen=True)
class FitSummary:
    """Means and standard deviations of the columns and targets of a fit, and what rounding costs.

    A network carries it for exports and pictures; predictions do not depend on it. It holds no row of the table.

    Parameters
    ----------
    mean, spread : sequence of n_features float
        Mean and standard deviation of each input column, in its units. A mean of at most a tenth of the spread counts
        as 0, as in the fit; the spread is 0 for a column that does not vary.
    target_mean, target_spread : sequence of n_outputs float
        The same for the targets.
    rounding_losses : sequence of float, default=()
        R^2 on the fitted rows that is lost when all numbers of the formula are rounded to 1, 2, 3 ... significant
        digits, up to the least number of digits that costs less than 1e-4. Empty if it is not known.

    Examples
    --------
    >>> FitSummary([2004.0], [11.5], [0.3], [1.2])
    FitSummary(mean=(2004.0,), spread=(11.5,), target_mean=(0.3,), target_spread=(1.2,), rounding_losses=())
    """

    mean: Sequence[float]
    spread: Sequence[float]
    target_mean: Sequence[float]
    target_spread: Sequence[float]
    rounding_losses: Sequence[float] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _numbers(field.name, getattr(self, field.name)))
        for name in ("spread", "target_spread"):
            least = min(getattr(self, name), default=0.0)
            if least < 0:
                raise ValueError(f"`{name}` of a fit summary must hold numbers of at least 0, got {least}.")

    def check_sizes(self, n_features: int, n_outputs: int) -> None:
        """Raise ValueError unless it is one of so many columns and targets."""
        sizes = {"mean": n_features, "spread": n_features, "target_mean": n_outputs, "target_spread": n_outputs}
        for name, size in sizes.items():
            if len(getattr(self, name)) != size:
                raise ValueError(f"`{name}` of a fit summary must hold {size} numbers, got {len(getattr(self, name))}.")

    def to_dict(self) -> dict[str, list[float]]:
        """Return the numbers as lists, which JSON holds without loss."""
        return {field.name: list(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, document: Any) -> FitSummary:
        """Make a summary of what `to_dict` returned; anything else raises ValueError."""
        names = {field.name for field in fields(cls)}
        if not isinstance(document, Mapping) or set(document) != names:
            raise ValueError(f"a stored fit summary must be an object with the keys {', '.join(sorted(names))}.")
        return cls(**document)


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    wanted = f"`{name}` of a fit summary must hold finite numbers"
    try:
        plain = type(values) is tuple and all(type(value) is float for value in values)
        numbers = values if plain else tuple(map(float, values))  # one tuple for all networks of a path
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{wanted}: {error}.") from error
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{wanted}, got {next(one for one in numbers if not math.isfinite(one))}.")
    return numbers

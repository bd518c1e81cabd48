"""What the displays share: axes, and what they read from a fitted estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from sk_swat.network.sparse_mlp import SparseMLP

FAINT = "0.6"

WIDTH = 6.25  # inches: 600 px at 96 dots per inch
POINTS = 72  # per inch

_HINTING = 1.15  # letters drawn with few pixels are wider than their outlines
_SMALLEST_DRAWN = 1e-12  # smaller values are drawn there on logarithmic axes


def require_matplotlib(caller: str) -> None:
    """Say which extra is missing if matplotlib is."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{caller} needs the package matplotlib; install sk_swat[plot].") from error


def check_axes(ax: Any) -> Axes:
    """Return `ax` if it is one matplotlib Axes."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(f"`ax` must be one matplotlib Axes or None, got {type(ax).__name__}.")
    return ax


def axes_or_new(ax: Any, caller: str, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of so many inches if it is None."""
    require_matplotlib(caller)
    if ax is not None:
        return check_axes(ax)
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(WIDTH, height), layout="constrained").add_subplot()


def extent(ax: Axes) -> tuple[float, float]:
    """Width and height of axes in points, as they are now."""
    points = POINTS / ax.figure.dpi
    return ax.bbox.width * points, ax.bbox.height * points


def text_width(text: str, size: float) -> float:
    """Width in points, or a little more, of a text in matplotlib's font of so many points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return _HINTING * text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0]


def panels(ax: Axes, heights: Sequence[float], columns: Sequence[int]) -> list[list[Axes]]:
    """Empty axes that lie on a grid, as those of ``plt.subplots`` do, and put rows of panels in their place.

    `heights` are relative; `columns` gives the number of panels in each row.
    """
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError("`ax` must lie on a grid, as plt.subplots and add_subplot make it; it was placed by hand.")
    ax.set_axis_off()
    figure = ax.figure
    planned = figure.get_layout_engine() is not None  # a constrained layout finds the gaps
    tall, wide = (None, None) if planned else (0.7, 0.5)
    rows = place.subgridspec(len(heights), 1, height_ratios=heights, hspace=tall)
    drawn = []
    for i, n in enumerate(columns):
        if n == 1:  # takes the row itself: a constrained layout aligns such rows with each other
            drawn.append([figure.add_subplot(rows[i])])
        else:
            parts = rows[i].subgridspec(1, n, wspace=wide)
            drawn.append([figure.add_subplot(parts[j]) for j in range(n)])
    return drawn


def not_too_small(values: Any) -> np.ndarray:
    """Float64 values for a logarithmic axis; what is 1e-12 or smaller is drawn there, nan stays."""
    return np.maximum(np.asarray(values, dtype=np.float64), _SMALLEST_DRAWN)


def log_axis(axis: Axis, values: np.ndarray) -> None:
    """Give a logarithmic axis limits around the values, and plain numbers at its ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    shown = values[np.isfinite(values)]
    low, high = (shown.min(), shown.max()) if len(shown) else (0.1, 1.0)
    margin = 1.2 * (high / low) ** 0.06  # values that are equal need one as well
    low, high = low / margin, high * margin
    axis.set_view_interval(low, high, ignore=True)
    axis.set_major_locator(FixedLocator(_log_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between the limits, few enough for a small panel; at least two."""
    from matplotlib.ticker import MaxNLocator

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples, enough in (((1,), 3), ((1, 3), 3), ((1, 2, 5), 2), ((1, 1.5, 2, 3, 4, 6), 2)):
        ticks = [multiple * 10.0**decade for decade in decades for multiple in multiples]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= enough:
            return ticks[:: -(-len(ticks) // 7)]
    return [tick for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high]


def network_of(estimator: Any) -> SparseMLP:
    """Return the network of a fitted estimator; NotFittedError without one."""
    message = "%(name)s has no attribute network_: it must be a regressor of sk_swat on which fit was called."
    check_is_fitted(estimator, "network_", msg=message)
    return estimator.network_


def path_columns(estimator: Any) -> dict[str, np.ndarray]:
    """Columns of ``path_`` as arrays."""
    network_of(estimator)
    path = estimator.path_
    return {name: np.asarray(path[name]) for name in ("n_nonzero", "r2_train", "r2_validation", "chosen")}


def chosen_r2(estimator: Any) -> tuple[float, float]:
    """R^2 of the chosen network on training and on validation rows; nan if the estimator has no path."""
    if not hasattr(estimator, "path_"):
        return math.nan, math.nan
    columns = path_columns(estimator)
    row = int(columns["chosen"].argmax())
    return float(columns["r2_train"][row]), float(columns["r2_validation"][row])


def r2_text(r2: float) -> str:
    """Write R^2 with two digits of what is missing to 1, such as 0.99978; at least three decimals.

    Examples
    --------
    >>> r2_text(0.999781), r2_text(0.4), r2_text(1.0)
    ('0.99978', '0.400', '1')
    """
    missing = 1 - r2
    if missing < _SMALLEST_DRAWN:
        return "1"
    return f"{r2:.{max(3, 1 - math.floor(math.log10(missing)))}f}"


def r2_line(r2_train: float, r2_validation: float) -> str:
    """Say in one line how accurate a network is; empty if nothing is known."""
    known = ((r2_validation, "on validation rows"), (r2_train, "on fitted rows"))
    parts = [f"{r2_text(r2)} {rows}" for r2, rows in known if not math.isnan(r2)]
    return f"R² {', '.join(parts)}" if parts else ""

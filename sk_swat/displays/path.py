"""Picture of a path: size against error of all networks, the chosen one, and what the price says."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sk_swat.displays._common import axes_or_new, log_axis, not_too_small, path_columns
from sk_swat.displays.palette import BLACK, BLUE, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PathDisplay"]

_HEIGHT = 4.0  # inches


@dataclass(repr=False, eq=False)
class PathDisplay:
    """Size and error of all networks of a path, with the chosen one and the price line.

    The vertical axis is 1 - R^2, the share of the variance that a network leaves unexplained, on a logarithmic scale:
    small differences between accurate networks stay visible, and a constant lies near 1. Values of 1e-12 or less are
    drawn at 1e-12.

    The price line goes through the chosen network: on it, R^2 - sparsity * n_nonzero is the same. A network below it
    is worth its parameters; one above it is not. Networks below the line need not be chosen: their neurons may cost too
    much (compactness), or the choice had other conditions, such as `max_nonzero`.

    Parameters
    ----------
    n_nonzero : array-like of shape (n_networks,)
        Non-zero weights and biases of each network.
    r2_train : array-like of shape (n_networks,)
        R^2 on the fitted rows.
    r2_validation : array-like of shape (n_networks,)
        R^2 on other rows; nan if there were none: the line then goes through the R^2 of the fitted rows.
    chosen : int
        Index of the chosen network.
    sparsity : float
        Price of one non-zero parameter: the R^2 that it must be worth; at least 0.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        The figure.
    train_line_, validation_line_ : matplotlib Line2D or None
        Networks by size; None if no R^2 of the validation is known.
    chosen_point_ : matplotlib Line2D
        Ring around the chosen network.
    price_line_ : matplotlib Line2D
        Line of equal worth through the chosen network.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = PathDisplay([3, 9, 20], [0.5, 0.91, 0.95], [0.4, 0.9, 0.9], chosen=1, sparsity=1e-3)
    >>> display.plot(Figure().subplots()).price_line_.get_ydata()[-1].round(4)
    np.float64(0.089)
    """

    n_nonzero: ArrayLike
    r2_train: ArrayLike
    r2_validation: ArrayLike
    _: KW_ONLY
    chosen: int
    sparsity: float

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> PathDisplay:
        """Draw the path of a fitted estimator, with the price of its last choice (`fit` or `select`).

        Parameters
        ----------
        estimator : SWATRegressor
            Fitted regressor.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : PathDisplay
            The drawn picture.
        """
        columns = path_columns(estimator)
        chosen, (sparsity, _) = int(columns.pop("chosen").argmax()), estimator._prices
        return cls(**columns, chosen=chosen, sparsity=sparsity).plot(ax)

    def plot(self, ax: Axes | None = None) -> PathDisplay:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, 600 px wide at 96 dots per inch.

        Returns
        -------
        self : PathDisplay
            The drawn picture.
        """
        sizes, train, validation = self._check()
        ax = axes_or_new(ax, "PathDisplay", _HEIGHT)
        self.ax_, self.figure_ = ax, ax.figure
        self.validation_line_ = None
        style: dict[str, Any] = {"markersize": 4, "linewidth": 1.2}
        (self.train_line_,) = ax.plot(
            sizes, not_too_small(1 - train), color=ORANGE, marker="s", linestyle="--", label="on fitted rows", **style
        )
        if np.isfinite(validation).any():
            (self.validation_line_,) = ax.plot(
                sizes, not_too_small(1 - validation), color=BLUE, marker="o", label="on validation rows", **style
            )
        size, error = sizes[self.chosen], 1 - validation[self.chosen]
        if math.isnan(error):
            error = 1 - train[self.chosen]
        (self.chosen_point_,) = ax.plot(
            [size],
            not_too_small([error]),
            color="none",
            marker="o",
            markersize=11,
            markeredgecolor=BLACK,
            markeredgewidth=1.5,
            label=f"chosen: {size} parameters",
        )
        along = np.unique(np.append(np.linspace(0, sizes.max(), 301), size))
        worth = error - self.sparsity * (along - size)
        along, worth = along[worth > 0], worth[worth > 0]
        (self.price_line_,) = ax.plot(
            along,
            not_too_small(worth),
            color=VERMILION,
            linestyle=":",
            linewidth=1.5,
            label=f"equal worth at sparsity={self.sparsity:g}",
            zorder=1.5,
        )
        self._finish(sizes, np.concatenate([1 - train, 1 - validation]))
        return self

    def _check(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sizes = np.asarray(self.n_nonzero)
        train, validation = (np.asarray(r2, dtype=np.float64) for r2 in (self.r2_train, self.r2_validation))
        if sizes.ndim != 1 or not sizes.size or train.shape != sizes.shape or validation.shape != sizes.shape:
            raise ValueError(
                "`n_nonzero`, `r2_train` and `r2_validation` must be vectors of one entry for each network, got shapes "
                f"{sizes.shape}, {train.shape} and {validation.shape}."
            )
        if not 0 <= self.chosen < len(sizes):
            raise ValueError(f"`chosen` must lie between 0 and {len(sizes) - 1}, got {self.chosen}.")
        if not (math.isfinite(self.sparsity) and self.sparsity >= 0):
            raise ValueError(f"`sparsity` must be finite and at least 0, got {self.sparsity}.")
        return sizes, train, validation

    def _finish(self, sizes: np.ndarray, errors: np.ndarray) -> None:
        from matplotlib.ticker import MaxNLocator

        ax = self.ax_
        ax.set(xlabel="non-zero parameters (weights and biases)", yscale="log")
        ax.set_ylabel("share of variance left unexplained (1 - R²)")
        ax.xaxis.set_major_locator(MaxNLocator(9, integer=True, steps=[1, 2, 5, 10]))
        margin = max(0.5, 0.04 * sizes.max())
        ax.set_xlim(-margin, sizes.max() + margin)
        log_axis(ax.yaxis, not_too_small(errors))
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        # above the axes, where no curve can lie
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)

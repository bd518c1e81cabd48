"""Picture of a regressor over one or two columns: data, prediction and residuals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sk_swat.displays._common import axes_or_new, extent, panels, text_width
from sk_swat.displays._names import short_names
from sk_swat.displays._slice import check_features, check_table, column_names, like, slice_rows
from sk_swat.displays.palette import BLACK, BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SurfaceDisplay"]

_HEIGHTS = {1: 4.2, 2: 2.9}  # inches, by the number of columns
_TEXT = 9  # points
_LABEL: dict[str, Any] = {"parse_math": False, "fontsize": _TEXT}  # a name may hold dollar signs
_LABEL_SHARES = (0.28, 0.5)  # of width and height that the name of a column may take
_MARGIN = 0.04  # around the grid, in its lengths
_LARGE_RESIDUAL = 0.99  # quantile of the residuals at which the colours end


@dataclass(repr=False, eq=False)
class SurfaceDisplay:
    """Data, prediction and residuals of a regressor over one or two columns.

    With one column there are two panels: rows with the curve of the prediction, and residuals. With two there are
    three: rows coloured by the target, the predicted surface in the same colours, and rows coloured by residual (data
    minus prediction), grey for none; the largest hundredth of the residuals share the last colours.

    In a table with more columns, curve and surface are a slice: all other columns are held at their medians. Rows keep
    all their values, and so do the predictions in their residuals.

    Parameters
    ----------
    X : array-like of shape (n_samples, 1) or (n_samples, 2)
        Values of the drawn columns.
    y : array-like of shape (n_samples,)
        Target.
    predicted : array-like of shape (n_samples,)
        Prediction for each row.
    grid : sequence of one or two array-likes of shape (n_points,)
        Increasing values of each drawn column.
    surface : array-like of shape (n_points,) or (n_points, n_points)
        Prediction on the grid; the first axis belongs to the first column.
    feature_names : sequence of str
        Names of the drawn columns.
    target_name : str, default="target"
        Name of the target.
    others_at_medians : bool, default=False
        Whether curve or surface are a slice; the picture then says so.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes in whose place the panels lie; it is empty.
    axes_ : dict of matplotlib Axes
        The panels: "prediction", "residuals" and, with two columns, "data".
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.linear_model import LinearRegression
    >>> X, y = np.arange(6.0).reshape(-1, 1), np.array([0, 1, 2, 3, 4, 6])
    >>> display = SurfaceDisplay.from_estimator(LinearRegression().fit(X, y), X, y, ax=Figure().subplots())
    >>> sorted(display.axes_)
    ['prediction', 'residuals']
    """

    X: ArrayLike
    y: ArrayLike
    predicted: ArrayLike
    grid: Iterable[ArrayLike]
    surface: ArrayLike
    feature_names: Sequence[str]
    _: KW_ONLY
    target_name: str = "target"
    others_at_medians: bool = False

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        features: Any = None,
        grid_resolution: int = 100,
        subsample: int | None = 2000,
        ax: Axes | None = None,
    ) -> SurfaceDisplay:
        """Predict and draw.

        Parameters
        ----------
        estimator : regressor
            Any fitted regressor of numbers, a pipeline too.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to draw, all columns.
        y : array-like of shape (n_samples,)
            Their target; a Series lends its name.
        features : int, str or sequence of one or two of them, default=None
            Indices or names of the columns to draw, all others being held at their medians; None takes all columns,
            of which there must be one or two.
        grid_resolution : int, default=100
            Points of the grid on each axis, from the smallest to the largest value of the column; at least 2.
        subsample : int, default=2000
            Largest number of rows that are drawn, evenly taken from the table; None draws all. Medians and ranges are
            those of all rows.
        ax : matplotlib Axes, default=None
            Where to draw, an axes of ``plt.subplots``; None makes a new figure.

        Returns
        -------
        display : SurfaceDisplay
            The drawn picture.
        """
        check_is_fitted(estimator)
        table = check_table(X, y)
        for name, value, least in (("grid_resolution", grid_resolution, 2), ("subsample", subsample, 1)):
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}, got {value}.")
        names = column_names(X, table.shape[1])
        columns = check_features(features, names)
        grid, rows = slice_rows(table, columns, grid_resolution)
        surface = estimator.predict(like(X, rows)).reshape([grid_resolution] * len(columns))
        step = 1 if subsample is None else -(-len(table) // subsample)
        drawn = table[::step]
        return cls(
            drawn[:, columns],
            np.asarray(y, dtype=np.float64)[::step],
            estimator.predict(like(X, drawn)),
            grid,
            surface,
            [names[j] for j in columns],
            target_name=str(getattr(y, "name", None) or "target"),
            others_at_medians=len(columns) < len(names),
        ).plot(ax)

    def plot(self, ax: Axes | None = None) -> SurfaceDisplay:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, an axes of ``plt.subplots``, which is emptied and divided into the panels. None makes a new
            figure, 600 px wide at 96 dots per inch.

        Returns
        -------
        self : SurfaceDisplay
            The drawn picture.
        """
        X = np.asarray(self.X, dtype=np.float64)
        y, predicted, surface = (np.asarray(a, dtype=np.float64) for a in (self.y, self.predicted, self.surface))
        grid, names = [np.asarray(values) for values in self.grid], self.feature_names
        if X.ndim != 2 or X.shape[1] not in _HEIGHTS:
            raise ValueError(f"`X` must have one or two columns, got shape {X.shape}.")
        if len(names) != X.shape[1] or surface.shape != tuple(map(len, grid)) or len(grid) != X.shape[1]:
            raise ValueError("`grid`, `surface` and `feature_names` must have one axis, or name, for each column of X.")
        self.ax_ = axes_or_new(ax, "SurfaceDisplay", _HEIGHTS[X.shape[1]])
        self.figure_ = self.ax_.figure
        if X.shape[1] == 1:
            self._draw_curve(X[:, 0], y, predicted, grid[0], surface)
        else:
            self._draw_surface(X, y, predicted, grid, surface)
        return self

    def _short(self, name: str, share: float, axis: int) -> str:
        """Name that takes at most a share of the width (axis 0) or height of the picture."""
        return short_names([name], _TEXT, share * extent(self.ax_)[axis], text_width)[0]

    def _prediction_title(self) -> str:
        return "prediction\n(other columns at medians)" if self.others_at_medians else "prediction"

    def _draw_curve(
        self, x: np.ndarray, y: np.ndarray, predicted: np.ndarray, grid: np.ndarray, curve: np.ndarray
    ) -> None:
        ((upper,), (lower,)) = panels(self.ax_, (2, 1), (1, 1))
        self.axes_ = {"prediction": upper, "residuals": lower}
        dots: dict[str, Any] = {"s": _dot_size(len(x)), "color": BLUE, "alpha": 0.6, "linewidths": 0}
        upper.scatter(x, y, label="data", **dots)
        upper.plot(grid, curve, color=VERMILION, linewidth=1.8, label=self._prediction_title())
        upper.set_ylabel(self._short(self.target_name, _LABEL_SHARES[1], 1), **_LABEL)
        upper.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
        lower.scatter(x, y - predicted, **dots)
        lower.axhline(0, color=BLACK, linewidth=1)
        lower.set_ylabel("residual\n(data - prediction)", fontsize=_TEXT)
        lower.set_xlabel(self._short(self.feature_names[0], 1.0, 0), **_LABEL)
        upper.sharex(lower)
        upper.tick_params(labelbottom=False)
        for axes in (upper, lower):
            axes.grid(color="0.9", linewidth=0.6)
            axes.set_axisbelow(True)

    def _draw_surface(
        self, X: np.ndarray, y: np.ndarray, predicted: np.ndarray, grid: list[np.ndarray], surface: np.ndarray
    ) -> None:
        from matplotlib.ticker import MaxNLocator

        ((data, prediction, residuals),) = panels(self.ax_, (1,), (3,))
        self.axes_ = {"data": data, "prediction": prediction, "residuals": residuals}
        both = np.concatenate([y, surface.ravel()])
        limits: dict[str, Any] = {"cmap": "viridis", "vmin": both.min(), "vmax": both.max()}
        dots: dict[str, Any] = {"s": _dot_size(len(y)) / 2, "linewidths": 0}
        data.scatter(X[:, 0], X[:, 1], c=y, **dots, **limits)
        heights = prediction.pcolormesh(*grid, surface.T, shading="gouraud", rasterized=True, **limits)
        error = y - predicted
        large = np.quantile(np.abs(error), _LARGE_RESIDUAL) or 1.0
        points = residuals.scatter(X[:, 0], X[:, 1], c=error, cmap="cividis", vmin=-large, vmax=large, **dots)
        extend = "both" if np.abs(error).max() > large else "neither"
        bars = [
            self.figure_.colorbar(heights, ax=[data, prediction], location="bottom", aspect=40),
            self.figure_.colorbar(points, ax=residuals, location="bottom", aspect=18, extend=extend),
        ]
        first, second = (self._short(self.feature_names[axis], _LABEL_SHARES[axis], axis) for axis in (0, 1))
        for title, axes in self.axes_.items():
            axes.set(xlim=_around(grid[0]), ylim=_around(grid[1]))
            axes.set_title(self._prediction_title() if axes is prediction else title, fontsize=_TEXT)
            axes.set_xlabel(first, **_LABEL)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.tick_params(labelsize=_TEXT - 1, labelleft=axes is data)
        data.set_ylabel(second, **_LABEL)
        target = self._short(self.target_name, _LABEL_SHARES[1], 1)
        for bar, ticks, label in zip(bars, (6, 3), (target, "data - prediction"), strict=True):
            bar.locator = MaxNLocator(ticks)
            bar.update_ticks()
            bar.ax.tick_params(labelsize=_TEXT - 1)
            bar.ax.set_xlabel(label, **_LABEL)


def _around(values: np.ndarray) -> tuple[float, float]:
    """Limits of an axis from the first to the last value, which may be the same, with a margin."""
    margin = _MARGIN * (values[-1] - values[0]) or 0.5
    return values[0] - margin, values[-1] + margin


def _dot_size(n: int) -> float:
    """Area in square points: smaller for many rows."""
    return float(np.clip(12000 / max(n, 1), 5, 24))

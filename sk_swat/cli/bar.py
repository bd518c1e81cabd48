"""A bar on the terminal that follows the stages of a fit, drawn by tqdm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from sk_swat.fitting.progress import Watcher, add_watcher

if TYPE_CHECKING:
    from sk_swat.fitting.search import StageRecord
    from sk_swat.latent.run import DepthSearch
    from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["show_bar"]


class _QuietTqdm(tqdm):
    """A bar of tqdm that starts no thread: it is drawn when something has ended. Bars of others keep their thread."""

    monitor_interval = 0


class _Bar(Watcher):
    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._bar: Any = None  # of the search that runs

    def begin_search(self, n_stages: int) -> None:
        self.close()
        self._bar = _QuietTqdm(
            total=n_stages,
            file=self._stream,
            disable=None,  # where the stream is no terminal
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar:30}| {desc} [{elapsed}]",
        )
        self._n_ended, self._score = 0, ""

    def begin_stage(self, name: str, parts: Sequence[str] = ()) -> None:
        self._name, self._n_parts, self._n_parts_ended = name, len(parts), 0
        self._draw(self._n_ended)

    def end_part(self, search: DepthSearch | None = None) -> bool:
        self._n_parts_ended += 1
        self._draw(self._n_ended + self._n_parts_ended / self._n_parts)
        return False

    def end_stage(self, stage: StageRecord, network: Callable[[], SparseMLP]) -> bool:
        self._n_ended += 1
        self._score = f", best R^2 {stage.r2_after:.4f}"
        return False

    def end_search(self) -> None:
        self._draw(self._bar.total)
        self.close()

    def close(self) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, n: float) -> None:
        self._bar.n = n
        self._bar.set_description_str(self._name + self._score)


@contextmanager
def show_bar(stream: TextIO | None = None) -> Iterator[None]:
    """Show a bar for every fit inside the block, on standard error if no stream is given, and on terminals alone.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_swat import SWATRegressor
    >>> with show_bar():
    ...     model = SWATRegressor(n_restarts=2, n_rounds=0, random_state=0).fit(*load_diabetes(return_X_y=True))
    """
    bar = _Bar(stream)
    try:
        with add_watcher(bar):
            yield
    finally:
        bar.close()

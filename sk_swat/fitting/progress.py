"""How a fit tells of its progress: stages and their parts end one after another, and who watches may end the search.

The search knows nothing of who watches: it tells a :class:`Watcher`, and the log, scikit-learn's callbacks and the bar
of the command line are watchers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from sk_swat.network.sparse_mlp import SparseMLP

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import StageRecord
    from sk_swat.latent.run import DepthSearch
    from sk_swat.network.softnet import SoftNetworks
    from sk_swat.utils.deadline import Deadline

__all__ = ["Progress", "Watcher", "add_watcher", "watchers"]


class Watcher:
    """Is told what a search does; this one does not care.

    Where a method may answer, True asks the search to end soon, with the best it has. All calls come from the thread
    of the fit, one at a time.
    """

    def begin_search(self, n_stages: int) -> None:
        """Be told that a search begins; it has as many stages, or fewer if it ends early."""

    def begin_stage(self, name: str, parts: Sequence[str] = ()) -> None:
        """Be told that the next stage begins; its parts, if it has any, end in this order."""

    def end_part(self, search: DepthSearch | None = None) -> bool:
        """Be told that the next part of the stage has ended; of a depth of the latent search with its record."""
        return False

    def end_stage(self, stage: StageRecord, network: Callable[[], SparseMLP]) -> bool:
        """Be told that the stage has ended; `network` makes the most accurate network so far, in raw units."""
        return False

    def end_search(self) -> None:
        """Be told that all stages have ended."""


class Progress:
    """Tells the watchers of a search of its stages, and stops it when one of them asks for that.

    Parameters
    ----------
    watchers : sequence of Watcher
        Whom to tell, in this order.
    in_raw_units : callable
        Makes a SparseMLP of a batch of one; called when a watcher wants the network.
    deadline : Deadline
        Of the search.
    """

    def __init__(
        self, watchers: Sequence[Watcher], in_raw_units: Callable[[SoftNetworks], SparseMLP], deadline: Deadline
    ) -> None:
        self._watchers, self._in_raw_units, self._deadline = watchers, in_raw_units, deadline

    def begin_search(self, n_stages: int) -> None:
        """Tell that the search begins."""
        for watcher in self._watchers:
            watcher.begin_search(n_stages)

    def begin(self, name: str, parts: Sequence[str] = ()) -> None:
        """Tell that a stage begins."""
        for watcher in self._watchers:
            watcher.begin_stage(name, parts)

    def end_part(self, search: DepthSearch | None = None) -> None:
        """Tell that its next part has ended."""
        self._heed([watcher.end_part(search) for watcher in self._watchers])

    def end(self, stage: StageRecord, network: SoftNetworks | SparseMLP) -> None:
        """Tell that the stage has ended; `network` is the most accurate one so far, a SparseMLP if in raw units."""
        made = partial(self._hard, network)
        self._heed([watcher.end_stage(stage, made) for watcher in self._watchers])

    def end_search(self) -> None:
        """Tell that all stages have ended."""
        for watcher in self._watchers:
            watcher.end_search()

    def _hard(self, network: SoftNetworks | SparseMLP) -> SparseMLP:
        return network if isinstance(network, SparseMLP) else self._in_raw_units(network)

    def _heed(self, answers: Sequence[bool]) -> None:
        if any(answers):
            self._deadline.stop()


_watchers: ContextVar[tuple[Watcher, ...]] = ContextVar("watchers of fits", default=())


def watchers() -> tuple[Watcher, ...]:
    """Those who watch the fits of this thread."""
    return _watchers.get()


@contextmanager
def add_watcher(watcher: Watcher) -> Iterator[None]:
    """Let a watcher follow every fit of this thread inside the block, also those within other estimators."""
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)

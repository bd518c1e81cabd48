"""How many rows of a table each stage of a fit looks at: beyond, more rows hardly better a network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RowLimits"]


@dataclass(frozen=True)
class RowLimits:
    """Numbers of rows, all at least 1, from which or up to which a stage works as it does.

    Any values go together; small ones let a small table take the way of a long one.

    Parameters
    ----------
    merged : int, default=20_000
        Longest table whose equal rows are merged.
    held_out, held_out_latent : int, default=1000, 200
        Different rows from which early_stopping="auto" holds some out, by SWATRegressor and by LatentDescentRegressor.
    searched : int, default=768
        Rows of the search, and of the held-out ones that it looks at.
    share : int, default=8
        One fitted row in so many is searched on with refinement, if these are more, up to `most_searched`.
    most_searched : int, default=6144
        Noise then hides less of the structure.
    grown : int, default=4096
        Rows on which sums of networks are fitted, and most held-out rows by which they are judged.
    polished : int, default=20_000
        Rows of the last polish, at most a quarter of them held out; evenly drawn from a longer table.
    taught : int, default=2000
        Rows of a compression: with fewer the teacher labels rows around them, and a small network is polished on these.
    """

    merged: int = 20_000
    held_out: int = 1000
    held_out_latent: int = 200
    searched: int = 768
    share: int = 8
    most_searched: int = 6144
    grown: int = 4096
    polished: int = 20_000
    taught: int = 2000

    def n_searched(self, n_fitted: int) -> int:
        """Rows of a search with refinement in a table with so many rows to fit; there may be fewer."""
        return max(self.searched, min(self.most_searched, n_fitted // self.share))

    def n_used(self, n_fitted: int) -> int:
        """Most rows that any stage of a fit with refinement looks at, of those to fit and of the held-out ones."""
        return max(self.n_searched(n_fitted), self.grown, self.polished)

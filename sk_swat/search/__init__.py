"""The latent search: what is minimised (objective), where it starts (starts), how it moves (descent)."""

from sk_swat.search.problem import Problem, SearchConfig
from sk_swat.search.run import Candidate, DepthSearch, RunOptions, search_depths
from sk_swat.search.space import LatentSpace, Space
from sk_swat.search.table import TableConfig, TableSearch, previous_starts, search_table

__all__ = [
    "Candidate",
    "DepthSearch",
    "LatentSpace",
    "Problem",
    "RunOptions",
    "SearchConfig",
    "Space",
    "TableConfig",
    "TableSearch",
    "previous_starts",
    "search_depths",
    "search_table",
]

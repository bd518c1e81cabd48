"""Regression tasks to try sk_swat on."""

from sk_swat.datasets._cornn import CornnFunction, cornn_function, cornn_names, load_cornn
from sk_swat.datasets._planted import make_planted_mlp

__all__ = ["CornnFunction", "cornn_function", "cornn_names", "load_cornn", "make_planted_mlp"]

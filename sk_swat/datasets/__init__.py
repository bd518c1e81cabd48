"""Regression tasks to try sk_swat on."""

from sk_swat.datasets._cornn import CornnFunction, cornn_function, cornn_names, load_cornn

__all__ = ["CornnFunction", "cornn_function", "cornn_names", "load_cornn"]

"""Tiny, sparse, accurate neural networks for scikit-learn, found in the latent space of a pretrained autoencoder."""

from sk_swat.estimator import SWATRegressor
from sk_swat.network import SparseMLP

__all__ = ["SWATRegressor", "SparseMLP"]
__version__ = "0.1.0"

"""Tiny, sparse, accurate neural networks for scikit-learn, found in the latent space of a pretrained autoencoder."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sk_swat.estimators.compressor import SWATCompressor
    from sk_swat.estimators.latent_descent import LatentDescentRegressor
    from sk_swat.estimators.regressor import SWATRegressor
    from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["LatentDescentRegressor", "SWATCompressor", "SWATRegressor", "SparseMLP"]
__version__ = "0.1.0"

_MODULES = {
    "LatentDescentRegressor": "sk_swat.estimators.latent_descent",
    "SWATCompressor": "sk_swat.estimators.compressor",
    "SWATRegressor": "sk_swat.estimators.regressor",
    "SparseMLP": "sk_swat.network.sparse_mlp",
}


def __getattr__(name: str) -> Any:
    """Import a class when it is asked for: the command line does not wait for scikit-learn to say its version."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

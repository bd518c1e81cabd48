"""SWATRegressor with other ways to start in the latent space than the default one."""

from __future__ import annotations

from sk_swat.estimators.parameters import make_settings
from sk_swat.estimators.regressor import LATENT, SWATRegressor
from sk_swat.fitting.settings import Settings

__all__ = ["DescendingRegressor", "UnrankedRegressor"]


class UnrankedRegressor(SWATRegressor):
    """Starts are normal latents, as in the papers, instead of the best of the bank."""

    def _settings(self) -> Settings:
        return make_settings(self, **LATENT, init="random")


class DescendingRegressor(SWATRegressor):
    """Starts take 30 gradient steps through the decoder before they are polished."""

    def _settings(self) -> Settings:
        return make_settings(self, **LATENT, max_iter=30)

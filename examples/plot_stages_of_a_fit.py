"""
Stages of a fit
===============

What does each stage of a fit gain? ``fit_report_`` keeps the record, and
``LossCurveDisplay`` draws it, here for Goldstein-Price's function.
"""

from sk_swat import SWATRegressor
from sk_swat.datasets import load_cornn
from sk_swat.displays import LossCurveDisplay

task = load_cornn("Goldstein-Price")
model = SWATRegressor(n_rounds=3, random_state=0).fit(task.X_train, task.y_train)

# %%
# Each line is the best network of at most so many parameters (weights and biases). The
# latent search finds starts, which are polished and pruned. In each round, networks of
# the path are varied in the latent space, polished and pruned again. A round may
# improve the small networks and leave the largest one as it is. Lines that still fall
# in the last round say that more rounds (``n_rounds``) may pay.

LossCurveDisplay.from_estimator(model)

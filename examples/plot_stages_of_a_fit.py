"""
Stages of a fit
===============

What does each stage of a fit gain? ``search_report_`` and ``fit_report_`` keep the
record, and ``LossCurveDisplay`` draws it, here for Goldstein-Price's function.
"""

from sk_swat import SWATRegressor
from sk_swat.datasets import load_cornn
from sk_swat.displays import LossCurveDisplay

task = load_cornn("Goldstein-Price")
model = SWATRegressor(n_rounds=3, random_state=0).fit(task.X_train, task.y_train)

# %%
# Above, the best start of each depth after a ridge readout, and once more after hard
# decisions. Below, the largest network of the path before and after each stage: the
# starts are polished and pruned, and in each round networks of the path are varied in
# the latent space, polished and pruned again. A round may add small networks and leave
# the largest one as it is.

LossCurveDisplay.from_estimator(model)

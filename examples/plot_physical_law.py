r"""
A formula from noisy measurements
=================================

Can a law of physics be read off the data? The period of a pendulum of length
:math:`\ell` that swings up to the angle :math:`\theta` is

.. math:: T = 2\pi \sqrt{\ell / g} \,/\, \mathrm{agm}(1, \cos(\theta / 2)),

with the arithmetic-geometric mean, which no textbook formula of one line gives. It is
measured 400 times, with errors of one per cent.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import ellipk

from sk_swat import SWATRegressor
from sk_swat.displays.palette import BLUE, GREEN, ORANGE


def period(length: np.ndarray | float, angle: np.ndarray | float) -> np.ndarray:
    """Period in seconds for lengths in metres and largest angles in degrees."""
    modulus = np.sin(np.radians(angle) / 2) ** 2
    return 4 * np.sqrt(length / 9.81) * ellipk(modulus)


rng = np.random.default_rng(0)
X = pd.DataFrame({"l": rng.uniform(0.2, 2, 400), "a": rng.uniform(5, 140, 400)})
T = period(X["l"], X["a"]) * (1 + 0.01 * rng.normal(size=400))

# %%
# The found network is a formula. It is near the law where there were data, but it is
# **not** the law: other networks do as well, and no parameter in it means gravity.
# ``sparsity`` is the price of a parameter: what one more must be worth in R². A lower
# price gives a longer and more accurate formula.

model = SWATRegressor(depths=(1,), n_rounds=2, sparsity=1e-3, random_state=0).fit(X, T)
law = period(X["l"], X["a"])
print(f"{model.n_nonzero_} parameters, R^2 against the law {model.score(X, law):.4f}")
print(f"largest deviation from the law: {np.abs(model.predict(X) / law - 1).max():.1%}")
print(model.to_sympy())
print(model.to_latex())

# %%
# So it must not be trusted beyond the measured angles: the law goes to infinity at 180
# degrees, the network does not know.

angles = np.linspace(1, 175, 300)
figure, axes = plt.subplots(figsize=(6.25, 4.2), layout="constrained")
axes.axvspan(140, 178, color="0.92", label="not measured")
for length, color in ((0.3, BLUE), (0.9, ORANGE), (1.8, GREEN)):
    near = (X["l"] - length).abs() < 0.05
    grid = pd.DataFrame({"l": length, "a": angles})
    axes.plot(angles, period(length, angles), color=color, linewidth=1.2)
    axes.plot(angles, model.predict(grid), color=color, linestyle="--", linewidth=2)
    axes.plot(X["a"][near], T[near], color=color, marker=".", linestyle="none")
    axes.text(5, float(period(length, 5)) + 0.12, f"{length} m", color="0.2")
axes.plot([], [], color="0.2", linewidth=1.2, label="law")
axes.plot([], [], color="0.2", linestyle="--", linewidth=2, label="network")
axes.plot(
    [], [], color="0.2", marker=".", linestyle="none", label="measured, within 5 cm"
)
axes.set(xlabel="largest angle in degrees", ylabel="period in seconds", xlim=(0, 178))
figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)

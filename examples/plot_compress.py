"""
Compress a network
==================

How small can a network become before it predicts something else? The teacher here has
100 neurons and has learned Himmelblau's function. The rows need no targets: the network
itself says what is right.
"""

import matplotlib.pyplot as plt
from sklearn.neural_network import MLPRegressor

from sk_swat import SWATCompressor
from sk_swat.datasets import load_cornn

task = load_cornn("Himmelblau", n_train=1500, n_test=1000)
teacher = MLPRegressor(
    hidden_layer_sizes=(100,),
    activation="tanh",
    solver="lbfgs",
    max_iter=2000,
    random_state=0,
)
teacher.fit(task.X_train, task.y_train)

compressor = SWATCompressor(teacher, random_state=0).fit(task.X_train)

# %%
# Beside the teacher, the smallest network that leaves at most a thousandth of the
# teacher's variance unexplained:

compressor.select(min_r2=0.999).report(task.X_test, task.y_test)

# %%
# Each point is a network of the path, one for each size. Its colour says where it comes
# from: from the latent space, from the teacher as a whole, or from a split of the
# teacher into groups of neurons, each compressed by itself. The grey line is the size
# of the chosen one.

_, ax = plt.subplots(figsize=(6.25, 4.0), layout="constrained")
path = compressor.path_.iloc[1:]  # without the constant
for origin, networks in path.groupby("origin", sort=False):
    ax.plot(networks["n_nonzero"], 1 - networks["r2_validation"], "o", label=origin)
n_before = sum(part.size for part in (*teacher.coefs_, *teacher.intercepts_))
ax.axvline(n_before, color="0.5", ls="--")
ax.annotate("teacher", (0.95 * n_before, 0.3), ha="right")
ax.axvline(compressor.n_nonzero_, color="0.8", zorder=0)
ax.set(xscale="log", yscale="log", xlabel="non-zero parameters (weights and biases)")
ax.set_ylabel(
    "share of the teacher's variance left unexplained\non held-out rows (1 - R²)"
)
ax.legend(frameon=False, loc="lower left")
plt.show()

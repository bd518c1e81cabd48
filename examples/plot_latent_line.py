"""
Along a line in the latent space
================================

What lies between two networks? The bundled autoencoder turns small networks into points
of a continuous space, and points back into networks. Here two networks are fitted, one
to a wave and one to a bump; their points are joined by a line, and the points along it
are decoded.
"""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import ArrayLike

from sk_swat import SparseMLP, SWATRegressor
from sk_swat.displays.palette import BLACK, BLUE, VERMILION
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.equivalence import canonical_form, pad
from sk_swat.network.softnet import SoftNetworks

x = np.linspace(-np.sqrt(3), np.sqrt(3), 400)


def standardise(y: np.ndarray) -> np.ndarray:
    """The same curve with mean 0 and variance 1."""
    return (y - y.mean()) / y.std()


curves = {
    "wave": standardise(np.sin(2.5 * x)),
    "bump": standardise(np.exp(-4 * x**2)),
}
model = SWATRegressor(
    depths=(1,), n_rounds=1, sparsity=1e-4, early_stopping=True, random_state=0
)
networks = {name: model.fit(x[:, None], y).network_ for name, y in curves.items()}
for name, network in networks.items():
    print(name, network)

# %%
# These modules are the workshop of the package: they may change without notice. The
# encoder takes batches of networks padded to eight neurons a layer, in canonical form,
# for inputs and outputs of variance 1.

autoencoder = load_checkpoint().autoencoder
slots = autoencoder.config.max_width


def encode(network: SparseMLP) -> torch.Tensor:
    """Point of one network in the latent space, a tensor of shape (1, 8, 96)."""

    def batch_of_one(values: ArrayLike) -> torch.Tensor:
        return torch.tensor(np.array(values), dtype=torch.float32)[None]

    batch = SoftNetworks(
        weights=tuple(map(batch_of_one, network.coefs)),
        biases=tuple(map(batch_of_one, network.intercepts)),
        activation=tuple(
            batch_of_one([[name == one for one in ACTIVATION_NAMES] for name in layer])
            for layer in network.activations
        ),
        mask=tuple(torch.ones(1, len(layer)) for layer in network.activations),
        input_mask=torch.ones(1, network.n_features_in),
    )
    return autoencoder.encode(canonical_form(pad(batch, slots)))


def decode(latent: torch.Tensor) -> SparseMLP:
    """Network of one hidden layer and one input that the decoder makes of a point."""
    first_slot = torch.eye(slots)[:1]
    raw = autoencoder.decode(latent, first_slot, [1])[1]
    network = raw.soften().harden().to_sparse(0)
    return network.with_inputs(first_slot.numpy()).prune()


# %%
# The ends come back as they were (dashed: what was fitted). From step to step the
# function changes a little, and with it the architecture: see the list of neurons at
# the right. What lies half-way is like neither end, nor the mean of their curves. So a
# line through the space is no recipe for a good network, and the search tries small
# steps around many networks that fit. Offset and scale do not matter to it, since it
# solves the last layer for the data; all curves are drawn with mean 0 and variance 1.

wave, bump = map(encode, networks.values())
figure, axes = plt.subplots(figsize=(6.25, 5.4), layout="constrained")
for step in range(11):
    share = step / 10
    network = decode(torch.lerp(wave, bump, share))
    curve = standardise(network.predict(x[:, None]))
    axes.plot(
        x, 3 * step + curve, color=BLUE if share <= 0.5 else VERMILION, linewidth=1.5
    )
    kinds = Counter(network.activations[0])
    neurons = ", ".join(f"{count} {name}" for name, count in sorted(kinds.items()))
    axes.text(1.8, 3 * step, neurons, va="center", fontsize=8)
axes.plot(x, curves["wave"], color=BLACK, linestyle="--", linewidth=1)
axes.plot(x, 30 + curves["bump"], color=BLACK, linestyle="--", linewidth=1)
axes.set(xlim=(-1.75, 3.1))
axes.set_xlabel("input x; at the right, neurons of the decoded network")
axes.set_ylabel("decoded curves, by the share of the way from wave to bump")
axes.set_xticks([-1, 0, 1])
axes.set_yticks(range(0, 31, 3), [f"{step / 10:g}" for step in range(11)])
axes.spines[["top", "right"]].set_visible(False)

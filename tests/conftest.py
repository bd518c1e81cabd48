"""Tiny networks, a tiny corpus and a tiny autoencoder, shared by the tests."""

import copy
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sk_swat import LatentDescentRegressor, SWATRegressor
from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.latent.bank import Bank
from sk_swat.latent.checkpoint import save_checkpoint
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.softnet import flatten
from sk_swat.pretraining.bank import decoder
from sk_swat.pretraining.corpus import make_corpus, random_networks
from sk_swat.refine import _core
from sk_swat.refine.compiled import CompiledBatch

WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is not there")

sys.meta_path.insert(0, NoTorch())
sys.path.insert(0, sys.argv[1])
"""


@pytest.fixture(scope="session")
def run_without_torch():
    """Run Python code in a fresh process in which torch cannot be imported; arguments begin at sys.argv[2]."""
    root = str(Path(sys.modules["sk_swat"].__file__).parents[1])

    def run(code, *arguments):
        command = [sys.executable, "-c", WITHOUT_TORCH + code, root, *map(str, arguments)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread():
    """Tiny tensors are faster on one thread, and results then do not depend on the machine's number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def hard_networks():
    """Factory of random hard networks in float64; half of the weights of a sparse one are zero."""

    def make(depth, mix=ACTIVATION_NAMES, *, seed=0, n_networks=5, n_inputs=3, width=4, density=1.0):
        widths = [max(2, width - layer % 2) for layer in range(depth)]
        networks = random_networks(np.random.default_rng([seed, depth]), n_networks, n_inputs, widths, mix, density)
        return networks.map(lambda tensor: tensor.double())

    return make


@pytest.fixture(scope="session")
def equations():
    """What the compiled core knows of each network: error, matrix, gradient, Jacobian, and which parameters move.

    Parameters are in the order of flatten; those that do not move have zeros. The Jacobian has the shape (n_networks,
    n_outputs, n_parameters, n_rows).
    """

    def evaluate(networks, rows, free=None):
        n, n_parameters = flatten(networks).shape
        error, gradient, moves = torch.zeros(n).double(), torch.zeros(n, n_parameters).double(), []
        matrix = torch.zeros(n, n_parameters, n_parameters).double()
        jacobian = torch.zeros(n, networks.n_outputs, n_parameters, len(rows)).double()
        for i in range(n):
            batch = CompiledBatch.of(networks[i : i + 1], rows.of_networks(slice(i, i + 1)))
            marks = batch.marks(None if free is None else free[i : i + 1])
            found = _core.equations(*batch.arguments, marks, _core.How())
            part, slope, error[i], places, derivatives = (torch.as_tensor(np.asarray(each)) for each in found)
            matrix[i, places[:, None], places] = part
            gradient[i, places] = slope
            jacobian[i, :, places] = derivatives[:, :, : len(rows)]
            moves.append(torch.isin(torch.arange(n_parameters), places))
        return SimpleNamespace(
            error=error, matrix=matrix, gradient=gradient, jacobian=jacobian, moves=torch.stack(moves)
        )

    return evaluate


@pytest.fixture(scope="session")
def outputs():
    """Outputs that the compiled core gives, of shape (n_networks, n_outputs, n_rows)."""

    def evaluate(networks, rows):
        return torch.from_numpy(_core.outputs(*CompiledBatch.of(networks, rows).arguments, _core.How()))

    return evaluate


@pytest.fixture
def always_look(monkeypatch):
    """Let the compiled core ask whether to stop at every opportunity, not only after so many milliseconds."""
    monkeypatch.setattr(_core, "How", partial(_core.How, look_every=0.0))


@pytest.fixture(scope="session")
def tiny_config():
    """Sizes of an autoencoder that trains in a moment; the matrix form is that of the bundled one."""
    return AutoencoderConfig(d_model=16, d_latent=8, n_encoder_layers=1, n_trunk_layers=1, n_head_layers=1)


@pytest.fixture(scope="session")
def tiny_autoencoder(tiny_config):
    """An autoencoder with random weights, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Autoencoder(tiny_config).eval()


@pytest.fixture(scope="session")
def tiny_corpus():
    """One chunk of fitted networks for each depth."""
    return make_corpus(seed=0, n_chunks=1, n_networks=16)


@pytest.fixture(scope="session")
def tiny_heldout():
    """One chunk of random networks for each depth."""
    return make_corpus(seed=1, n_chunks=0, n_random_chunks=1, n_networks=16)


@pytest.fixture(scope="session")
def tiny_bank(tiny_config, lively_autoencoder):
    """Random latents, one for each depth and number of inputs."""
    generator = torch.Generator().manual_seed(0)
    depth, n_inputs = (part.flatten() for part in torch.meshgrid(torch.arange(1, 5), torch.arange(1, 9), indexing="ij"))
    latent = torch.randn(len(depth), tiny_config.max_width, tiny_config.d_latent, generator=generator)
    return Bank.from_latents(latent, depth, n_inputs, depth[:, None] <= torch.arange(1, 5), decoder(lively_autoencoder))


@pytest.fixture(scope="session")
def lively_autoencoder(tiny_autoencoder):
    """The tiny autoencoder with random numbers in the layers that start at zero as well."""
    autoencoder = copy.deepcopy(tiny_autoencoder)
    generator = torch.Generator().manual_seed(0)
    for part in autoencoder.parameters():
        if part.ndim > 1 and not part.any():
            part.data = torch.randn(part.shape, generator=generator) / part.shape[-1] ** 0.5
    return autoencoder


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, lively_autoencoder, tiny_bank):
    """File of the tiny autoencoder: searches are poor with it but take a tenth of a second."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors"
    save_checkpoint(path, lively_autoencoder, tiny_bank, {"purpose": "tests"})
    return path


@pytest.fixture(scope="session")
def quick(tiny_checkpoint):
    """Factory of fits that take a tenth of a second with the tiny autoencoder.

    They have no refinement, unless a parameter is of SWATRegressor alone. With tol=1 every improvement counts as
    settled, so that such a short search does not warn.
    """
    both = {"depths": (1,), "n_restarts": 2, "checkpoint": str(tiny_checkpoint), "random_state": 0}
    short = both | {"max_iter": 4, "n_generations": 1, "tol": 1.0}

    def make(**parameters):
        if not parameters.keys() <= LatentDescentRegressor().get_params().keys():
            return SWATRegressor(**(both | parameters))
        return LatentDescentRegressor(**(short | parameters))

    return make


@pytest.fixture(scope="session")
def refined(tiny_checkpoint):
    """Factory of regressors that make a path of networks in well under a second with the tiny autoencoder.

    They hold rows out; the cross-validation of small tables (early_stopping=False) takes three times as long.
    """
    short = {"depths": (1,), "n_restarts": 4, "n_rounds": 1, "max_blocks": 1, "early_stopping": True, "random_state": 0}

    def make(**parameters):
        return SWATRegressor(**(short | {"checkpoint": str(tiny_checkpoint)} | parameters))

    return make


@pytest.fixture(scope="session")
def table():
    """Two smooth columns and an idle one, 80 rows, with a little noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(80, 3))
    return X, np.tanh(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.05 * rng.normal(size=80)

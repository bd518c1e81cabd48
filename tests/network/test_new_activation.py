"""One activation more, which only these tests know: one class and one entry of the registry are all that it takes."""

import math
import shutil
import subprocess

import numpy as np
import onnxruntime
import pytest
import sympy
import torch

from sk_swat.displays._layout import activation_curve
from sk_swat.export import to_c, to_latex, to_numpy_json, to_onnx, to_python, to_sympy, to_torch
from sk_swat.latent.autoencoder import Autoencoder, AutoencoderConfig
from sk_swat.latent.checkpoint import load_checkpoint, save_checkpoint
from sk_swat.network.activation import Activation
from sk_swat.network.activations import ACTIVATION_NAMES, ACTIVATIONS
from sk_swat.network.equivalence import canonical_form
from sk_swat.network.hard import batch_of
from sk_swat.network.softnet import flatten, unflatten
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.refine.levenberg_marquardt import fit_networks
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

_FAR = 1e30  # where 1 + |z| is |z|, and still finite


class Softsign(Activation):
    name = "softsign"
    formula = "z / (1 + abs(z))"
    reflection = (0.0, -1.0)
    python = "math.copysign(1.0, z) if abs(z) > 1e30 else z / (1.0 + abs(z))"
    c = "fabs(z) > 1.0e30 ? (z < 0 ? -1.0 : 1.0) : z / (1.0 + fabs(z))"

    def value(self, z):
        z = np.clip(z, -_FAR, _FAR)
        return z / (1 + np.abs(z))

    def torch_value(self, z):
        z = z.clamp(-_FAR, _FAR)
        return z / (1 + z.abs())

    def torch_derivative(self, z, a):
        return (1 - a.abs()).square()

    def onnx(self, graph, z):
        z = graph.node("Clip", z, graph.scalar(-_FAR), graph.scalar(_FAR))
        return graph.node("Div", z, graph.node("Add", graph.node("Abs", z), graph.scalar(1.0)))

    def sympy(self, sympy, total):
        return total() / (1 + sympy.Abs(total()))


@pytest.fixture(autouse=True)
def softsign(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "softsign", Softsign())


@pytest.fixture
def network():
    """A hidden layer with softsign and tanh, and one of softsign alone."""
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=shape) for shape in ((2, 3), (3, 2), (2, 1))]
    intercepts = [rng.normal(size=size) for size in (3, 2, 1)]
    return SparseMLP(coefs, intercepts, [("softsign", "tanh", "softsign"), ("softsign", "softsign")], ["a", "b"])


@pytest.fixture
def X():
    return np.random.default_rng(1).normal(size=(20, 2))


def test_network_predicts_with_it(network, X):
    values = [X @ network.coefs[0] + network.intercepts[0]]
    values.append(np.where([True, False, True], values[0] / (1 + abs(values[0])), np.tanh(values[0])))
    inside = values[1] @ network.coefs[1] + network.intercepts[1]
    expected = (inside / (1 + abs(inside))) @ network.coefs[2] + network.intercepts[2]
    np.testing.assert_allclose(network.predict(X), expected[:, 0], rtol=1e-13)
    np.testing.assert_allclose([network.predict(row[None])[0] for row in X], expected[:, 0], rtol=1e-13)


def python(network, X, folder):
    space = {}
    exec(to_python(network), space)
    return [space["predict"](row) for row in X]


def c(network, X, folder, **options):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    main = "#include <stdio.h>\nint main(void) { %s x[2], y[1]; while (fread(x, sizeof x, 1, stdin))"
    main += " { network_predict(x, y); fwrite(y, sizeof y, 1, stdout); } return 0; }"
    dtype = options.get("dtype", "double")
    (folder / "main.c").write_text(to_c(network, **options) + main % dtype, encoding="ascii")
    subprocess.run(["gcc", "-std=c99", "main.c", "-o", "main", "-lm"], cwd=folder, check=True, timeout=60)
    real = np.dtype("f8" if dtype == "double" else "f4")
    ran = subprocess.run([folder / "main"], input=X.astype(real).tobytes(), capture_output=True, check=True, timeout=60)
    return np.frombuffer(ran.stdout, dtype=real)


def json(network, X, folder):
    return SparseMLP.from_json(to_numpy_json(network)).predict(X)


def onnx(network, X, folder, dtype="float"):
    model = to_onnx(network, dtype=dtype).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X.astype(np.float32 if dtype == "float" else np.float64)})[0]


def torch_module(network, X, folder):
    return to_torch(network)(torch.as_tensor(X)).detach()


def sympy_expression(network, X, folder):
    return sympy.lambdify(sympy.symbols("a b"), to_sympy(network), "numpy")(*X.T)


BACKENDS = {
    "python": (python, {}, 1e-12),
    "C": (c, {}, 1e-12),
    "C tables": (c, {"tables": True}, 1e-12),
    "C float": (c, {"dtype": "float"}, 1e-5),
    "JSON": (json, {}, 0),
    "ONNX": (onnx, {}, 1e-5),
    "ONNX double": (onnx, {"dtype": "double"}, 1e-12),
    "torch": (torch_module, {}, 1e-12),
    "sympy": (sympy_expression, {}, 1e-12),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_export_predicts_the_same(backend, network, X, tmp_path):
    run, options, tolerance = BACKENDS[backend]
    np.testing.assert_allclose(run(network, X, tmp_path, **options), network.predict(X), rtol=tolerance, atol=tolerance)


def test_texts_and_pictures_know_it(network):
    assert "softsign(z) = z / (1 + abs(z))" in str(network)
    assert r"\left|{" in to_latex(network)
    np.testing.assert_allclose(activation_curve("softsign")[-1], [1, 3 / 4])


def test_canonical_form_reflects_it(X):
    network = SparseMLP([[[1.0], [2.0]], [[-3.0]]], [[0.5], [1.0]], [["softsign"]])
    batch = batch_of([network], 1)
    changed = canonical_form(batch)
    assert changed.weights[-1].item() == 3.0 and changed.biases[0].item() == -0.5
    torch.testing.assert_close(changed.forward(torch.as_tensor(X)), batch.forward(torch.as_tensor(X)))


def test_levenberg_marquardt_fits_it(network, X):
    batch, rows = batch_of([network], 3), torch.as_tensor(np.vstack([X, 2 * X, -X]))
    noise = torch.as_tensor(np.random.default_rng(2).normal(size=(1, 25)))
    moved = unflatten(batch, flatten(batch) * (1 + 0.1 * noise))
    fitted = fit_networks(moved, RefineTask(Table(rows, batch.forward(rows)[0])), n_steps=60, ridge=0.0)
    assert fitted.error.item() < 1e-12 < (moved.forward(rows) - batch.forward(rows)).square().mean().item()


@pytest.mark.parametrize("activations", [("tanh", "softsign"), ("softsign",)])
def test_a_fit_uses_it(refined, activations):
    X = np.random.default_rng(3).normal(size=(120, 2))
    y = 4 * X[:, 0] / (1 + 4 * abs(X[:, 0])) + X[:, 1] / (1 + abs(X[:, 1]))
    model = refined(activations=activations, n_rounds=3).fit(X, y)
    used = {name for network in model.networks_ for layer in network.activations for name in layer}
    assert "softsign" in used <= set(activations) and model.score(X, y) > 0.99


def test_a_fit_without_it_finds_none(refined, table):
    model = refined().fit(*table)
    used = {name for network in model.networks_ for layer in network.activations for name in layer}
    assert used <= set(ACTIVATION_NAMES)


def test_checkpoint_that_knows_it_is_refused_where_it_is_not_registered(tmp_path, tiny_config, tiny_bank, monkeypatch):
    sizes = tiny_config.to_dict() | {"activations": tuple(ACTIVATIONS)}
    with torch.random.fork_rng(devices=[]):
        autoencoder = Autoencoder(AutoencoderConfig(**sizes))
    save_checkpoint(tmp_path / "one.safetensors", autoencoder, tiny_bank, {})
    assert load_checkpoint(tmp_path / "one.safetensors").autoencoder.config.activations[-1] == "softsign"
    monkeypatch.delitem(ACTIVATIONS, "softsign")
    (tmp_path / "one.safetensors").rename(tmp_path / "two.safetensors")  # not remembered by its name
    with pytest.raises(ValueError, match=r"activations must be the first of .*, got .*'softsign'"):
        load_checkpoint(tmp_path / "two.safetensors")


def test_python_scalar_has_the_limits():
    assert [ACTIVATIONS["softsign"].scalar(z) for z in (-math.inf, 0.0, math.inf)] == [-1, 0, 1]

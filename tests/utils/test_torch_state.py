"""A fit sees nothing of what its caller has set torch to, and leaves it as it is."""

import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
import torch

from sk_swat import SWATCompressor
from sk_swat.latent.checkpoint import _read, load_checkpoint
from sk_swat.utils.parallel import run_parallel
from sk_swat.utils.torch_state import usual_torch


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def flushes():
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def rounded_products():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")  # bfloat16, where the processor has it
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def default_device_set():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


STATES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients off": lambda: torch.set_grad_enabled(False),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "deterministic": deterministic,
    "tiny numbers flushed": flushes,
    "rounded products": rounded_products,
    "device": lambda: torch.device("meta"),
    "default device": default_device_set,
}
LOCAL = ["inference mode", "no gradients", "autocast", "tiny numbers flushed", "device"]  # states of one thread


@contextmanager
def states(*names):
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(STATES[name]())
        yield


def seen():
    """All that a caller may have set."""
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        sys.float_info.min / 2,
        torch.get_num_threads(),
    )


def numbers_of(model):
    parts = [part for network in model.networks_ for part in network.coefs + network.intercepts]
    return [*parts, model._path.r2_train, model._path.r2_validation]


def same(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def fits(quick, refined, tiny_checkpoint):
    """Calls that fit and give all numbers of the path: by gradient steps, by refinement, by folds, of a teacher."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(60, 3))
    y = np.tanh(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.05 * rng.normal(size=60)
    layers = torch.nn.Linear(3, 9), torch.nn.Tanh(), torch.nn.Linear(9, 1)
    teacher = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for part in teacher.parameters():
            part.copy_(torch.from_numpy(rng.normal(size=part.shape)))
    small = {
        "depths": (1,),
        "n_restarts": 2,
        "n_rounds": 0,
        "n_generated": 50,
        "checkpoint": str(tiny_checkpoint),
        "random_state": 0,
    }
    models = {
        "gradient steps": lambda: quick(depths=(1, 2), n_jobs=2).fit(X, y),
        "drawn starts": lambda: quick(init="random", n_generations=0, readout="decoded").fit(X, y),
        "refinement": lambda: refined(depths=(1, 2), max_blocks=2, n_jobs=2).fit(X, y),
        "folds": lambda: refined(early_stopping=False, n_restarts=2, activations=("tanh",)).fit(X, y),
        "compressor": lambda: SWATCompressor(teacher, **small).fit(X),
    }
    return {name: lambda make=make: numbers_of(make()) for name, make in models.items()}


@pytest.fixture(scope="module")
def expected(fits):
    return {name: fit() for name, fit in fits.items()}


@pytest.mark.parametrize("name", ["gradient steps", "drawn starts", "refinement", "folds", "compressor"])
@pytest.mark.parametrize("state", STATES)
def test_fit_is_the_same_in_any_state_of_torch(fits, expected, name, state):
    with states(state):
        before = seen()
        found = fits[name]()
        assert seen() == before
    assert same(found, expected[name])


def test_fit_is_the_same_in_all_states_at_once(fits, expected):
    with states(*(name for name in STATES if name != "float64")):
        found = fits["refinement"]()
    assert same(found, expected["refinement"])


def test_error_leaves_the_state_as_it_is(quick, table):
    with states(*STATES):
        before = seen()
        with pytest.raises(ValueError, match="device must name"):
            quick(device="abacus").fit(*table)
        with pytest.raises(KeyError), usual_torch(), usual_torch():
            assert seen() != before
            raise KeyError
        assert seen() == before


def test_usual_state_is_that_of_a_fresh_thread():
    found = []
    fresh = threading.Thread(target=lambda: found.append(seen()))
    fresh.start()
    fresh.join()
    with states(*(name for name in STATES if name not in ("float64", "bfloat16", "deterministic"))), usual_torch():
        assert seen()[:-3] == found[0][:-3]
        assert sys.float_info.min / 2 > 0
        products = torch.rand(64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
        exact = (products.double() @ products.double()).float()
        assert torch.allclose(products @ products, exact, rtol=1e-6)


def test_work_in_other_threads_sees_nothing_either(tiny_checkpoint):
    with states(*STATES):
        for n_jobs in (1, 2):
            told = run_parallel([_state_here] * 3, n_jobs) if n_jobs > 1 else [_usual_state_here()]
            assert told == [(False, True, False, torch.device("cpu"), True)] * len(told)


def _state_here():
    tiny = bool(sys.float_info.min / 2)
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")
    return (*modes, torch.get_default_device(), tiny)


def _usual_state_here():
    with usual_torch():
        return _state_here()


def test_fits_in_several_threads_each_in_a_state_of_its_own(fits, expected):
    found, before = {}, seen()

    def fit(state):
        with states(state):
            own = seen()
            numbers = [fits[name]() for name in ("gradient steps", "refinement")]
            found[state] = (numbers, seen() == own)

    with rounded_products():
        threads = [threading.Thread(target=fit, args=(state,)) for state in LOCAL]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torch.get_float32_matmul_precision() == "medium"
    assert seen() == before and set(found) == set(LOCAL)
    for numbers, unchanged in found.values():
        assert unchanged
        assert same(numbers[0], expected["gradient steps"]) and same(numbers[1], expected["refinement"])


# --- the checkpoint, which all fits share


def test_checkpoint_that_is_read_in_any_state_serves_every_later_fit(fits, expected, tiny_checkpoint):
    for state in STATES:
        _read.cache_clear()
        with states(state):
            checkpoint = load_checkpoint(tiny_checkpoint)
        kept = [*checkpoint.autoencoder.parameters(), *checkpoint.bank.tensors().values()]
        assert not any(part.is_inference() or part.is_meta for part in kept)
        assert {part.dtype for part in checkpoint.autoencoder.parameters()} == {torch.float32}
    assert same(fits["gradient steps"](), expected["gradient steps"])


def test_first_fit_of_a_process_may_run_in_inference_mode(tiny_checkpoint):
    code = """
import sys, warnings
import numpy as np, torch
from sk_swat import LatentDescentRegressor, SWATRegressor
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(50, 2))
y = np.tanh(X[:, 0])
def fit(kind, **parameters):
    model = kind(depths=(1,), n_restarts=2, checkpoint=sys.argv[1], random_state=0, **parameters)
    return model.fit(X, y).predict(X)
with torch.inference_mode(), torch.device("meta"), torch.autocast("cpu", dtype=torch.bfloat16):
    first = fit(SWATRegressor, n_rounds=1), fit(LatentDescentRegressor, max_iter=3)
again = fit(SWATRegressor, n_rounds=1), fit(LatentDescentRegressor, max_iter=3)
assert all(np.array_equal(a, b) for a, b in zip(first, again))
"""
    subprocess.run([sys.executable, "-c", code, str(tiny_checkpoint)], check=True, timeout=120)

"""DARTS + ADMM and the pruned dense MLP: each step against a hand calculation or a limit case."""

import copy
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from benchmarks.baselines.admm import ADMM, Consensus
from benchmarks.baselines.darts import DARTSRegressor, Search
from benchmarks.baselines.masked_mlp import MaskedMLP, best_start, mean_squared_error, train
from benchmarks.baselines.pruning import PrunedMLPRegressor, Schedule, gradual_sizes
from benchmarks.baselines.raw_units import RawUnits
from benchmarks.baselines.supernet import BilevelSearch, Supernet
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.scaling import Standardisation

CENTRED = Standardisation(np.zeros(2), np.ones(2), 0.0, 1.0)
SHIFTED = Standardisation(np.array([5.0, 0.0]), np.array([2.0, 0.5]), -3.0, 4.0)
SHORT = {"n_train_steps": 10, "l2": (1e-4,)}
DARTS = DARTSRegressor(
    search=Search(n_searches=2, n_search_steps=10, n_trial_steps=5, **SHORT),
    admm=ADMM(n_rounds=3, n_steps=5, n_finetune_steps=10),
    random_state=0,
)
PRUNED = PrunedMLPRegressor(
    schedule=Schedule(n_prune_steps=5, n_retrain_steps=5, n_finetune_steps=10, **SHORT), random_state=0
)
BOTH = pytest.mark.parametrize("model", [DARTS, PRUNED], ids=["darts", "pruned"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def module_of(widths=(3, 2), names=("tanh", "sigmoid"), n_inputs=2, seed=0):
    module = MaskedMLP(n_inputs, widths, names, generator(seed))
    with torch.no_grad():  # biases that begin at 0 too
        module.vector += 0.1 * torch.randn(module.vector.shape, dtype=torch.float64, generator=generator(seed))
    return module


@pytest.fixture(scope="module")
def rows():
    """Standardised rows of a smooth function of two columns."""
    X = torch.randn(200, 2, dtype=torch.float64, generator=generator())
    y = torch.tanh(2 * X[:, :1]) + 0.5 * X[:, 1:] ** 2
    return X, (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def raw_table():
    """A table in awkward units: a shifted column, a tiny one, one that does not vary, and a shifted target."""
    rng = np.random.default_rng(0)
    u = rng.uniform(-1, 1, size=(150, 2))
    X = np.column_stack([1000 + 3 * u[:, 0], 1e-6 * u[:, 1], np.full(150, 7.0)])
    return X, 1e4 + 50 * (np.sin(3 * u[:, 0]) + u[:, 1] ** 2)


# the masked network


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_sparse_network_computes_what_the_module_computes(name):
    module = module_of((4, 3, 2), (name, "tanh", name))
    module.set_mask(torch.rand(len(module.vector), generator=generator(1)) < 0.7)
    X = torch.randn(50, 2, dtype=torch.float64, generator=generator(2))
    expected = module(X).detach().numpy()[:, 0]
    assert module.to_sparse().predict(X.numpy()) == pytest.approx(expected, abs=1e-12)
    assert module.to_sparse().n_nonzero == int(module.mask.sum())


def test_network_in_raw_units_computes_the_unscaled_module():
    scaling = Standardisation(np.array([5.0, 9.0, 0.0]), np.array([2.0, 0.0, 0.5]), -3.0, 4.0)
    module, units = module_of(), RawUnits(scaling)
    X = 5 + np.random.default_rng(0).normal(size=(20, 3))
    expected = -3 + 4 * module(units.inputs(X)).detach().numpy()[:, 0]
    assert units.network(module).predict(X) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("by", ["lbfgs", "adam"])
def test_masked_parameters_stay_exactly_zero_through_training(rows, by):
    X, y = rows
    module = module_of((5, 4))
    mask = torch.rand(len(module.vector), generator=generator(1)) < 0.8
    module.set_mask(mask)
    before = module.vector.detach().clone()
    if by == "lbfgs":
        train(module, X, y, 20)
    else:
        adam = torch.optim.Adam(module.parameters(), lr=0.01)
        for _ in range(20):
            adam.zero_grad()
            (module(X) - y).square().mean().backward()
            adam.step()
    assert not module.vector.detach()[~mask].any()
    assert (module.vector.detach() != before).any()
    assert mean_squared_error(module, X, y) < 0.9


def test_training_reaches_the_least_squares_solution(rows):
    X, y = rows
    module = module_of((), ())
    train(module, X, y, 100)
    design = torch.cat([X, torch.ones(len(X), 1, dtype=torch.float64)], dim=1)
    assert module.vector.detach().numpy() == pytest.approx(torch.linalg.lstsq(design, y).solution[:, 0], abs=1e-6)


def test_price_of_squares_gives_the_ridge_solution(rows):
    X, y = rows
    module = module_of((), ())
    train(module, X, y, 100, l2=0.5)
    design = torch.cat([X, torch.ones(len(X), 1, dtype=torch.float64)], dim=1)
    normal = design.T @ design / len(X) + 0.5 * torch.eye(3, dtype=torch.float64)
    expected = torch.linalg.solve(normal, design.T @ y / len(X))[:, 0]
    assert module.vector.detach().numpy() == pytest.approx(expected, abs=1e-6)


def test_training_that_meets_nothing_finite_leaves_the_parameters(rows):
    X, y = rows
    module = module_of()
    before = module.vector.detach().clone()
    train(module, X, y * torch.inf, 5)
    assert torch.equal(module.vector.detach(), before)
    assert mean_squared_error(module, X, y * torch.nan) == np.inf


def test_best_start_is_no_worse_than_any_start(rows):
    alone = [module_of(seed=seed) for seed in range(3)]
    found = best_start(copy.deepcopy(alone), *rows, n_steps=30)
    for module in alone:
        train(module, *rows, 10)
    assert mean_squared_error(found, *rows) < min(mean_squared_error(module, *rows) for module in alone)


def test_an_interrupt_ends_the_whole_fit(rows):
    def interrupt(vector):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(module_of(), *rows, 5, penalty=interrupt)


# sizes


def test_projection_keeps_the_largest_parameters_of_all_layers():
    module = module_of((2,), ("tanh",))  # weights (2, 2), biases 2, weights (2, 1), bias 1
    values = torch.tensor([5.0, 0.1, -4.0, 0.2, 0.3, -0.4, 3.0, 0.05, -2.0], dtype=torch.float64)
    mask = RawUnits(CENTRED).largest_mask(module, values, 4)
    # the fifth largest, -0.4, is the bias of a neuron without a way to the output: it does not count
    assert mask.nonzero()[:, 0].tolist() == [0, 2, 5, 6, 8]


def test_projection_gives_the_places_of_dead_parameters_to_others():
    module = module_of((2,), ("tanh",))
    # the second neuron's incoming weights 9 and 8 lead nowhere, as its outgoing one is the smallest of all
    values = torch.tensor([5.0, 9.0, 4.0, 8.0, 0.3, 0.2, 3.0, 0.01, 2.0], dtype=torch.float64)
    mask = RawUnits(CENTRED).largest_mask(module, values, 4)
    assert mask.nonzero()[:, 0].tolist() == [0, 1, 2, 3, 6, 8]
    assert RawUnits(CENTRED).network(module, values * mask).n_nonzero == 4


def test_biases_that_a_shift_makes_count_are_not_pruned():
    module = module_of((2,), ("tanh",))
    values = torch.tensor([5.0, 0.1, 0.2, 4.0, 0.01, 0.02, 3.0, 2.0, 0.03], dtype=torch.float64)
    # six: weights 5, 4, 3 and 2, the bias of the neuron that reads the shifted column, and that of the output
    mask = RawUnits(SHIFTED).largest_mask(module, values, 6)
    assert mask.nonzero()[:, 0].tolist() == [0, 3, 4, 6, 7, 8]
    assert RawUnits(SHIFTED).network(module, values * mask).n_nonzero == 6


@pytest.mark.parametrize("scaling", [CENTRED, SHIFTED])
@pytest.mark.parametrize("size", [1, 2, 5, 11, 20, 40])
def test_no_projection_exceeds_its_size(scaling, size):
    for seed in range(5):
        module, units = module_of((4, 3, 2), ("sigmoid", "leaky_relu", "tanh"), seed=seed), RawUnits(scaling)
        module.set_mask(units.largest_mask(module, module.vector, size))
        assert units.network(module).n_nonzero <= size


def test_gradual_schedule_is_cubic_and_ends_at_the_smallest_size():
    assert gradual_sizes(110, 10, 4) == [52, 22, 12, 10]  # 10 + 100 (3/4)^3, (1/2)^3, (1/4)^3 and 0
    assert gradual_sizes(10, 15, 4) == []


# ADMM


def test_first_round_of_admm_is_as_by_hand():
    """One round without rows' influence: dual variables start at 0, then gather what parts W and Z."""
    module = module_of((2,), ("tanh",))
    values = torch.tensor([5.0, 0.1, -4.0, 0.2, 0.3, -0.4, 3.0, 0.05, -2.0], dtype=torch.float64)
    module.vector.data.copy_(values)
    consensus = Consensus(module, RawUnits(CENTRED), 4, rho=2.0)
    kept = torch.tensor([1, 0, 1, 0, 0, 1, 1, 0, 1], dtype=torch.float64)
    assert torch.equal(consensus.sparse, kept * values)
    rest = (1 - kept) * values
    assert consensus.pull(module.vector).item() == pytest.approx(float(rest.square().sum()))
    consensus.update(rho_growth=4.0)
    assert torch.allclose(consensus.dual, rest / 4)
    assert consensus.rho == 8


def test_penalty_is_added_to_the_loss(rows):
    """A penalty that pulls strongly draws all parameters to its own minimum."""
    module = module_of()
    train(module, *rows, 200, penalty=lambda vector: 1e6 * (vector - 0.25).square().sum())
    assert module.vector.detach().numpy() == pytest.approx(0.25, abs=1e-4)


def test_pull_of_admm_is_that_of_the_formula():
    module = module_of()
    consensus = Consensus(module, RawUnits(CENTRED), 5, rho=3.0)
    small = module.vector.detach() - consensus.sparse
    assert consensus.pull(module.vector).item() == pytest.approx(1.5 * float(small.square().sum()))


def test_admm_brings_the_weights_to_the_sparse_copy(rows):
    module = module_of((4,), ("tanh",))
    train(module, *rows, 50)
    consensus = Consensus(module, RawUnits(CENTRED), 10, rho=1e-3)
    for _ in range(30):
        train(module, *rows, 20, penalty=consensus.pull)
        consensus.update(rho_growth=1.5)
    gap = (module.vector.detach() - consensus.sparse).norm() / module.vector.detach().norm()
    assert gap < 1e-2


def test_admm_beats_cutting_at_once(rows):
    dense = module_of((6,), ("tanh",))
    train(dense, *rows, 200)
    units, cut, drawn = RawUnits(CENTRED), copy.deepcopy(dense), copy.deepcopy(dense)
    cut.set_mask(units.largest_mask(cut, cut.vector, 10))
    ADMM(rho=1e-3, rho_growth=1.2, n_rounds=20, n_steps=20, n_finetune_steps=1).prune(drawn, rows, units, 10)
    assert mean_squared_error(drawn, *rows) < mean_squared_error(cut, *rows)
    assert units.network(drawn).n_nonzero <= 10


def test_pruning_twice_leaves_what_was_zero_at_zero(rows):
    module, units = module_of((4,), ("tanh",)), RawUnits(CENTRED)
    admm = ADMM(rho=1e-3, rho_growth=1.0, n_rounds=3, n_steps=5, n_finetune_steps=5)
    admm.prune(module, rows, units, 12)
    before = module.mask.clone()
    admm.prune(module, rows, units, 6)
    assert (module.mask <= before).all()
    assert units.network(module).n_nonzero <= 6


# the search


def values_by_name(supernet):
    return {name: value.detach().clone() for name, value in supernet.named_parameters()}


@pytest.mark.parametrize(("optimizer", "moved"), [("choices", True), ("weights", False)])
def test_each_half_of_the_bilevel_update_moves_its_own_parameters_alone(rows, optimizer, moved):
    supernet = Supernet(2, 2, 3, 4, ("sigmoid", "tanh"), generator())
    search = BilevelSearch(supernet, generator())
    before = values_by_name(supernet)
    search.move(getattr(search, optimizer), *(part.float() for part in rows))
    for name, value in values_by_name(supernet).items():
        assert torch.equal(value, before[name]) is (name.startswith("architecture.") is not moved), name


def test_architecture_learns_from_validation_rows_and_weights_from_training_rows(rows):
    X, y = (part.float() for part in rows)
    after = []
    for spoilt in (None, slice(0, 100), slice(100, 200)):  # none, the training rows, the validation rows
        target = y.clone()
        if spoilt is not None:
            target[spoilt] = -3 * target[spoilt]
        supernet = Supernet(1, 2, 2, 3, ("sigmoid", "tanh"), generator())
        # so slow an architecture that the weights do not feel its moves
        search = BilevelSearch(supernet, generator(), lr=0.1, architecture_lr=1e-7)
        search.run(X, target, n_steps=3, n_validation=100)
        after.append(values_by_name(supernet))
    plain, other_training, other_validation = after
    for name in plain:
        is_choice = name.startswith("architecture.")
        if is_choice:  # three steps of Adam
            assert (plain[name] - other_training[name]).abs().max() <= 6e-7, name
        else:
            assert not torch.allclose(plain[name], other_training[name], atol=1e-2), name
            assert torch.allclose(plain[name], other_validation[name], atol=1e-4), name
    assert not torch.equal(plain["architecture.depth"], other_validation["architecture.depth"])


def test_search_moves_towards_the_planted_activation():
    X = torch.randn(400, 1, generator=generator()) * 3
    for planted in ("sine", "leaky_relu"):
        y = torch.sin(X) if planted == "sine" else torch.where(X > 0, X, 0.01 * X)
        supernet = Supernet(2, 1, 1, 2, ("leaky_relu", "sine"), generator(1))
        search = BilevelSearch(supernet, generator(), architecture_lr=3e-2)
        search.run(X, (y - y.mean()) / y.std(), n_steps=200, n_validation=200)
        assert [found.activations for found in supernet.discretise()] == [(planted,)] * 2


def test_decided_supernet_computes_the_plain_network():
    """With one-hot choices the mixture is an MLP with only the chosen layers, neurons and activations."""
    supernet = Supernet(1, 2, 3, 4, ("sigmoid", "tanh", "leaky_relu"), generator())
    for name, index in (("depth", 1), ("width", 2), ("activation", 1)):
        logits = supernet.architecture[name].data
        logits[..., index] = 100.0
    (found,) = supernet.discretise()
    assert (found.widths, found.activations) == ((3, 3), ("tanh", "tanh"))
    X = torch.randn(20, 2, generator=generator(1))
    layers = [part[0].detach() for part in supernet.layers]
    hidden = torch.tanh(X @ layers[0][:-1, :3] + layers[0][-1, :3])
    hidden = torch.tanh(hidden @ layers[1][:3, :3] + layers[1][-1, :3])
    readout = supernet.readouts[1][0].detach()
    expected = hidden @ readout[:3] + readout[-1]
    assert torch.allclose(supernet(X)[0], expected, atol=1e-5)


def test_copies_of_a_search_do_not_feel_each_other(rows):
    X, y = (part.float() for part in rows)
    supernet = Supernet(2, 2, 2, 3, ("tanh",), generator())
    loss = BilevelSearch(supernet, generator()).loss(X, y)
    alone = (supernet(X)[1] - y).square().mean()
    for one, other in zip(
        torch.autograd.grad(loss, list(supernet.layers)),
        torch.autograd.grad(alone, list(supernet.layers)),
        strict=True,
    ):
        assert torch.allclose(one[1], other[1], atol=1e-7)
        assert not other[0].any()


def test_batches_come_from_their_own_rows(monkeypatch):
    seen = []
    supernet = Supernet(1, 1, 1, 2, ("tanh",), generator())
    search = BilevelSearch(supernet, generator())
    move = search.move

    def watched(optimizer, X, y):
        seen.append((optimizer, X))
        move(optimizer, X, y)

    monkeypatch.setattr(search, "move", watched)
    X = torch.arange(1000.0)[:, None]
    search.run(X, X, n_steps=20, n_validation=600)
    assert [optimizer for optimizer, _ in seen] == [search.choices, search.weights] * 20
    validation, training = [rows for _, rows in seen[::2]], [rows for _, rows in seen[1::2]]
    assert max(float(rows.max()) for rows in training) < 400 <= min(float(rows.min()) for rows in validation)
    assert {len(rows) for rows in (*training, *validation)} == {256}
    few = X[:10]
    assert search.batch(few, few)[0] is few


# the regressors


@BOTH
def test_sizes_hold_in_raw_units(model, raw_table):
    fitted = clone(model).set_params(sizes=(20, 1, 6, 12)).fit(*raw_table)
    sizes = [network.n_nonzero for network in fitted.networks_]
    assert len(sizes) == 4 and all(size <= limit for size, limit in zip(sizes, (1, 6, 12, 20), strict=True))
    assert all(2 not in network.used_features for network in fitted.networks_)
    assert fitted.n_nonzero_ == sizes[-1]


@BOTH
def test_larger_networks_fit_the_rows_no_worse(model, raw_table):
    X, y = raw_table
    fitted = clone(model).fit(X, y)
    errors = [np.mean((network.predict(X) - y) ** 2) for network in fitted.networks_]
    assert errors == sorted(errors, reverse=True)


@BOTH
def test_select_takes_the_largest_network_that_fits(model, raw_table):
    X, y = raw_table
    fitted = clone(model).set_params(sizes=(6, 20)).fit(X, y)
    small, large = fitted.networks_
    assert fitted.network_ is large
    assert fitted.select(max_nonzero=large.n_nonzero - 1, sparsity=0, compactness=0) is fitted
    assert fitted.network_ is small and fitted.n_nonzero_ == small.n_nonzero
    assert np.array_equal(fitted.predict(X), small.predict(X))
    assert fitted.select().network_ is large
    with pytest.raises(ValueError, match=f"max_nonzero must be at least {small.n_nonzero}.*got 1"):
        fitted.select(max_nonzero=1)


@BOTH
def test_prediction_needs_the_sparse_network_alone(model, raw_table, run_without_torch, tmp_path):
    X, y = raw_table
    fitted = clone(model).set_params(sizes=(15,)).fit(X, y)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted.network_))
    np.save(tmp_path / "X.npy", X[:5])
    code = (
        "\nimport json, pickle\nimport numpy as np\n"
        "network = pickle.load(open(sys.argv[2] + '/model.pickle', 'rb'))\n"
        "print(json.dumps(network.predict(np.load(sys.argv[2] + '/X.npy')).tolist()))"
    )
    assert eval(run_without_torch(code, tmp_path)) == fitted.predict(X[:5]).tolist()
    assert fitted.predict(X).dtype == np.float64


@BOTH
def test_same_seed_same_networks_and_another_seed_others(model, raw_table):
    first, again = (clone(model).fit(*raw_table).networks_ for _ in range(2))
    other = clone(model).set_params(random_state=1).fit(*raw_table).networks_
    assert first == again
    assert first != other


@BOTH
def test_fit_leaves_global_state_alone(model, raw_table):
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    states = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    clone(model).fit(*raw_table)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (str(np.random.get_state()), random.getstate()) == states[1:]  # noqa: NPY002
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)


@BOTH
def test_other_default_dtype_and_disabled_gradients_change_nothing(model, raw_table):
    expected = clone(model).fit(*raw_table).networks_
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            found = clone(model).fit(*raw_table).networks_
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == expected


@BOTH
@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_are_enough(model, n_rows):
    X = np.arange(2.0 * n_rows).reshape(n_rows, 2) ** 2
    fitted = clone(model).fit(X, X[:, 0])
    assert np.isfinite(fitted.predict(X)).all()


@BOTH
def test_awkward_tables_give_finite_predictions_without_warnings(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    outlier = X[:, 0] + 1e12 * (np.arange(60) == 7)
    for table, target in ((X * [1e150, 1e-150], X[:, 0]), (X, outlier), (X + 1e8, 1e-200 * X[:, 1]), (X, np.ones(60))):
        fitted = clone(model).fit(table, target)
        assert np.isfinite(fitted.predict(table)).all()
        assert all(network.n_nonzero <= 50 for network in fitted.networks_)


def test_constant_target_gives_the_constant():
    fitted = clone(DARTS).fit([[1.0], [2.0]], [3.0, 3.0])
    assert fitted.predict([[9.0]]).tolist() == [3.0]
    assert [network.n_nonzero for network in fitted.networks_] == [1, 1, 1]
    assert fitted.architecture_ is None


def test_found_architecture_stays_within_its_bounds(raw_table):
    narrow = replace(DARTS.search, max_depth=2, max_width=3)
    model = clone(DARTS).set_params(search=narrow, activations=("sine",)).fit(*raw_table)
    assert len(model.architecture_.widths) <= 2 and max(model.architecture_.widths) <= 3
    assert set(model.architecture_.activations) == {"sine"}


def test_dense_shape_and_activation_are_those_of_the_parameters(raw_table):
    model = clone(PRUNED).set_params(hidden_layer_sizes=(3,), activation="gaussian", sizes=(100,)).fit(*raw_table)
    assert model.network_.hidden_layer_sizes == (3,)
    assert set(model.network_.activations[0]) == {"gaussian"}
    assert model.n_nonzero_ == 2 * 3 + 3 + 3 + 1


@BOTH
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sizes": ()}, ValueError, "sizes must hold integers of at least 1, got none"),
        ({"sizes": (15, 0)}, ValueError, "sizes must .*got 0"),
        ({"sizes": (True,)}, TypeError, "sizes must"),
        ({"sizes": 15}, TypeError, "sizes must .*got 15"),
    ],
)
def test_wrong_parameters_are_named(model, parameters, error, message):
    with pytest.raises(error, match=message):
        clone(model).set_params(**parameters).fit([[1.0], [2.0]], [1.0, 2.0])


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (DARTSRegressor(search=Search(validation_fraction=1.0)), ValueError, "validation_fraction must .*got 1.0"),
        (DARTSRegressor(search=Search(l2=())), ValueError, "l2 must"),
        (DARTSRegressor(search=Search(max_width=0)), ValueError, "max_width must .*got 0"),
        (DARTSRegressor(admm=ADMM(rho=-1)), ValueError, "rho must .*got -1"),
        (DARTSRegressor(admm=ADMM(n_finetune_steps=0)), ValueError, "n_finetune_steps must .*got 0"),
        (DARTSRegressor(activations=("relu",)), ValueError, "activations"),
        (PrunedMLPRegressor(7), TypeError, "hidden_layer_sizes must .*got 7"),
        (PrunedMLPRegressor((7, 0)), ValueError, "hidden_layer_sizes must .*got 0"),
        (PrunedMLPRegressor(activation="relu"), ValueError, "activation must .*got 'relu'"),
        (PrunedMLPRegressor(schedule=Schedule(l2=())), ValueError, "l2 must"),
        (PrunedMLPRegressor(schedule=Schedule(l2=(-1.0,))), ValueError, "l2 must .*got -1"),
        (PrunedMLPRegressor(schedule=Schedule(n_finetune_steps=0)), ValueError, "n_finetune_steps must .*got 0"),
    ],
)
def test_wrong_settings_of_one_regressor_are_named(model, error, message):
    with pytest.raises(error, match=message):
        model.fit([[1.0], [2.0]], [1.0, 2.0])


@BOTH
def test_unfitted_regressor_says_so(model):
    for call in (lambda one: one.predict([[1.0]]), lambda one: one.select(max_nonzero=5)):
        with pytest.raises(NotFittedError):
            call(clone(model))


TINY = {"n_train_steps": 5, "l2": (1e-4,)}


@pytest.mark.usefixtures("seeded")  # one check shuffles by NumPy's global state
@parametrize_with_checks(
    [
        DARTSRegressor(
            sizes=(15,),
            search=Search(max_depth=1, n_searches=1, n_search_steps=3, n_trial_steps=2, n_starts=1, **TINY),
            admm=ADMM(n_rounds=2, n_steps=2, n_finetune_steps=20),
            random_state=0,
        ),
        PrunedMLPRegressor(
            (3,),
            sizes=(15,),
            n_starts=1,
            schedule=Schedule(n_prune_steps=2, n_retrain_steps=2, n_finetune_steps=20, **TINY),
            random_state=0,
        ),
    ]
)
def test_regressor_passes_the_check(estimator, check):
    check(estimator)

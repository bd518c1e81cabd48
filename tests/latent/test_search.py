"""The latent search from inside: the terms, the schedule, the readout, the starts and the descent."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sk_swat.fitting.best_candidate import BestCandidate
from sk_swat.fitting.search import Search, find_path
from sk_swat.fitting.settings import Settings
from sk_swat.fitting.starts import Earlier, Propose
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.latent.descent import HardBest, descend
from sk_swat.latent.objective import (
    Softness,
    count_neurons,
    hard_objective,
    mean_loss,
    soft_size,
    softness_at,
    with_gates,
)
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.run import RunOptions, _candidates, search_depths
from sk_swat.latent.settings import SearchConfig
from sk_swat.latent.starts import choose_starts
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.softnet import SoftNetworks
from sk_swat.refine.table import Table

ALL = torch.ones(len(ACTIVATIONS), dtype=torch.bool)


def settings(**changes):
    """Settings of a small search."""
    values = {
        "sparsity": 1e-3,
        "compactness": 1e-3,
        "allowed": tuple(name in ("sigmoid", "tanh", "leaky_relu") for name in ACTIVATIONS),
        "n_restarts": 3,
        "max_iter": 6,
        "learning_rate": 0.05,
        "tol": 1e-3,
        "init": "bank",
        "n_generations": 1,
        "readout": "ridge",
        "n_screened": 64,
        "n_children": 32,
        "n_parents": 16,
    }
    return SearchConfig(**(values | changes))


def find(space, X, y, config, share=None, seed=0):
    """Search for a table without refinement; what it found, and its candidates."""
    table = Table.of(X, y)
    fitted, held = table.split(share, seed)
    search = Search(table.standardise(fitted, held), 768, space, Settings((1,), config, seed, 1e-5, 1e-5))
    return find_path(search, [Propose((1,))], BestCandidate(table, np.r_[held, fitted])), search.candidates


def make_table(n_columns=3, n_rows=80, n_held=0, seed=0):
    """Standardised rows of y = tanh(2 x0) + x1^2 / 2 (or x0^2, if it is alone)."""
    X = np.random.default_rng(seed).normal(size=(n_rows + n_held, n_columns))
    y = np.tanh(2 * X[:, 0]) + 0.5 * X[:, min(1, n_columns - 1)] ** 2
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    held = Table(X[n_rows:], y[n_rows:]) if n_held else None
    return Table(X[:n_rows], y[:n_rows], held=held)


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@pytest.fixture(scope="module")
def bundled():
    return load_checkpoint()


def start_of(table, checkpoint, depth=1, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    return choose_starts(table, checkpoint, depth, settings(**changes), generator)[0]


# --- what is minimised


@pytest.mark.parametrize("term", ["fvu", "size", "neurons"])
def test_steps_on_one_term_lower_it(term, tiny):
    table, softness = make_table(), softness_at(0.5)
    starts = start_of(table, tiny, depth=2)
    latent = starts.latent.clone().requires_grad_()

    def value():
        raw = tiny.autoencoder.decode(latent, starts.input_mask, [2])[2]
        networks = with_gates(raw, starts.inputs, starts.threshold, softness, ALL)
        if term == "fvu":
            return mean_loss(networks, table, solve=True)
        return soft_size(networks, softness.count_width) if term == "size" else count_neurons(networks)

    optimizer = torch.optim.SGD([latent], lr={"fvu": 0.05, "size": 0.02, "neurons": 0.2}[term])
    before = value().detach()
    for _ in range(10):
        optimizer.zero_grad()
        value().sum().backward()
        optimizer.step()
    assert (value() < before).all()


def test_temperature_falls_first_and_masks_sharpen_late():
    early, middle, late = softness_at(0.0), softness_at(0.4), softness_at(1.0)
    assert early == Softness(temperature=1.0, gate_sharpness=20.0, mask_sharpness=1.0, count_width=0.3)
    assert middle.temperature < 0.2 and middle.mask_sharpness == 1.0
    assert late.temperature == pytest.approx(0.05) and late.mask_sharpness == pytest.approx(20.0)
    assert late.gate_sharpness == pytest.approx(200.0) and late.count_width == pytest.approx(0.05)
    path = [softness_at(progress) for progress in np.linspace(0, 1, 21)]
    for name, sign in (("temperature", -1), ("gate_sharpness", 1), ("mask_sharpness", 1), ("count_width", -1)):
        assert (sign * np.diff([getattr(softness, name) for softness in path]) >= -1e-12).all()
    assert softness_at(0.6).temperature == late.temperature


def hand_network():
    """One network of 2 inputs and neurons a (tanh, alive) and b (sigmoid, dead)."""
    one_hot = torch.zeros(1, 2, len(ACTIVATIONS))
    one_hot[0, 0, 2] = one_hot[0, 1, 1] = 1
    return SoftNetworks(
        weights=(torch.tensor([[[2.0, 5.0], [0.0, 0.01]]]), torch.tensor([[[3.0], [7.0]]])),
        biases=(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5]])),
        activation=(one_hot,),
        mask=(torch.tensor([[1.0, 0.0]]),),
        input_mask=torch.ones(1, 2),
    )


def test_relaxed_counts_equal_a_hand_calculation():
    networks = hand_network()
    # living weights: 2 and 0 into a, 3 out of it; one bias for a and one for the output
    expected = 4 / (4 + 0.25) + 0 + 9 / (9 + 0.25) + 1 + 1
    torch.testing.assert_close(soft_size(networks, 0.5), torch.tensor([expected]))
    torch.testing.assert_close(count_neurons(networks), torch.tensor([1.0]))


def test_hard_objective_equals_a_hand_calculation():
    networks = hand_network().harden()
    config = settings(sparsity=0.01, compactness=0.1)
    table = make_table(n_columns=2, n_rows=20)
    error = torch.tensor([0.3])
    k = 2 + 1 + 1  # weights 2 and 3, the bias of a, the bias of the output
    expected = 0.3 * (20 + k) / (20 - k) + 0.01 * k + 0.1 * 1
    torch.testing.assert_close(hard_objective(networks, table, config, error), torch.tensor([expected]))
    held = make_table(n_columns=2, n_rows=20, n_held=5)
    squares = ((networks.forward(held.held.X) - held.held.y) ** 2).sum().item()
    expected = (0.3 * (20 + k) / (20 - k) * 20 + squares) / 25 + 0.01 * k + 0.1
    torch.testing.assert_close(hard_objective(networks, held, config, error), torch.tensor([expected]))


def test_weights_up_to_the_counted_size_are_free():
    networks, table = hand_network().harden(), make_table(n_columns=2)
    config, error = settings(sparsity=1.0, compactness=0.0), torch.zeros(1)
    assert hard_objective(networks, table, config, error).item() == 4
    assert hard_objective(networks, table, config, error, counted=2.5).item() == 3


def test_a_fit_with_fewer_than_two_rows_a_number_counts_as_useless():
    networks, config = hand_network().harden(), settings(sparsity=0.0, compactness=0.0)  # four parameters
    perfect = torch.zeros(1)
    assert hard_objective(networks, make_table(n_columns=2, n_rows=8), config, perfect).item() == 0
    few = hard_objective(networks, make_table(n_columns=2, n_rows=7), config, perfect).item()
    assert 1 < few == pytest.approx((7 + 4) / (7 - 4))
    fewer = hard_objective(networks, make_table(n_columns=2, n_rows=3), config, perfect).item()
    assert few < fewer < float("inf")


@pytest.mark.parametrize("price", ["sparsity", "compactness"])
def test_among_the_same_networks_a_higher_price_never_chooses_a_larger_one(price, bundled):
    table = make_table()
    sizes = []
    config = settings(n_restarts=48, max_iter=0, n_generations=2, sparsity=0.0, compactness=0.0)
    networks = [candidate.network for candidate in search_depths(table, bundled, [1], config, 0)[0].candidates]
    for value in (0, 1e-4, 1e-3, 1e-2, 1e-1):
        config = replace(config, **{price: value})
        errors = [mean_loss(network, table, solve=False) for network in networks]
        objective = [hard_objective(*pair[:1], table, config, pair[1]) for pair in zip(networks, errors, strict=True)]
        best = networks[int(torch.stack(objective).argmin())]
        neurons = sum(int(mask.sum()) for mask in best.mask)
        weights = sum(int((weight != 0).sum()) for weight in best.weights)
        sizes.append(neurons if price == "compactness" else weights + neurons + 1)
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]


def test_gates_close_weights_below_the_threshold(tiny):
    table = make_table()
    starts = start_of(table, tiny)
    raw = tiny.autoencoder.decode(starts.latent, starts.input_mask, [1])[1]
    sharp = softness_at(1.0)
    opened = raw.soften().connect(starts.inputs).weights[0]
    gated = with_gates(raw, starts.inputs, torch.full((3,), 0.3), sharp, ALL).weights[0]
    below, above = opened.abs() < 0.25, opened.abs() > 0.35
    assert below.any() and above.any()
    assert gated[below].abs().max() < 1e-4
    torch.testing.assert_close(gated[above], opened[above], rtol=1e-4, atol=0)


# --- readout


def test_readout_is_scikit_learns_ridge_regression():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, 60, 5, generator=generator) * torch.tensor([1.0, 0.1, 3.0, 1.0, 10.0]) + 2
    y = torch.randn(60, generator=generator)
    readout = solve_readout(hidden, Table(hidden, y), ridge=0.01)
    for index in range(4):
        columns = hidden[index].double().numpy()
        scale = columns.std(0)
        # the penalty is on standardised columns, of the mean squared error
        expected = Ridge(alpha=0.01 * len(y)).fit(columns / scale, y.double().numpy())
        np.testing.assert_allclose(readout.weight[index, :, 0], expected.coef_ / scale, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(readout.bias[index, 0], expected.intercept_, rtol=1e-4, atol=1e-5)


def test_readout_without_ridge_is_least_squares_and_its_fvu_the_measured_one():
    generator = torch.Generator().manual_seed(1)
    hidden, y = torch.randn(3, 50, 4, generator=generator).double(), torch.randn(50, generator=generator).double()
    for ridge in (0.0, 0.1):
        readout = solve_readout(hidden, Table(hidden, y), ridge)
        prediction = (hidden @ readout.weight).squeeze(-1) + readout.bias
        measured = (prediction - y).square().mean(1) / (y - y.mean()).square().mean()
        torch.testing.assert_close(readout.unexplained, measured)
    solved = solve_readout(hidden, Table(hidden, y), 0.0)
    for index in range(3):
        design = np.column_stack([hidden[index], np.ones(50)])
        expected = np.linalg.lstsq(design, y.numpy(), rcond=None)[0]
        np.testing.assert_allclose(np.append(solved.weight[index], solved.bias[index]), expected, rtol=1e-9)


def test_constant_neuron_gets_no_weight_and_a_non_finite_network_an_infinite_fvu():
    hidden = torch.randn(3, 40, 3, generator=torch.Generator().manual_seed(0))
    hidden[0, :, 1] = 7.0
    hidden[1, 5, 0] = torch.nan
    hidden[2, 5, 0] = torch.inf
    y = hidden[0, :, 0] * 2
    readout = solve_readout(hidden, Table(hidden, y))
    assert readout.weight[0, 1, 0] == 0 and readout.unexplained[0] < 1e-3
    assert readout.unexplained[1] == torch.inf and readout.unexplained[2] == torch.inf
    assert torch.isfinite(readout.weight).all()


def test_solved_readout_replaces_the_decoded_one(tiny):
    table = make_table()
    starts = start_of(table, tiny)
    raw = tiny.autoencoder.decode(starts.latent, starts.input_mask, [1])[1]
    networks = raw.soften(allowed=ALL).connect(starts.inputs)
    readout = solve_readout(networks.last_hidden(table.X), table)
    solved = mean_loss(networks, table, solve=True)
    torch.testing.assert_close(solved, mean_loss(with_readout(networks, readout), table, solve=False))
    assert (solved < mean_loss(networks, table, solve=False)).all()


# --- starts


@pytest.mark.parametrize("n_columns", [1, 3, 12, 30])
def test_folded_networks_equal_decoded_ones_behind_the_input_layer(n_columns, tiny):
    table = make_table(n_columns)
    starts = start_of(table, tiny, depth=2)
    decoded = tiny.autoencoder.decode(starts.latent, starts.input_mask, [2])[2].soften()
    expected = decoded.forward(table.X @ starts.inputs)
    torch.testing.assert_close(decoded.connect(starts.inputs).forward(table.X), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_columns", [1, 3, 8, 12])
def test_every_slot_in_use_sees_one_column_of_its_own(n_columns, tiny):
    varying = np.arange(n_columns + 1) < n_columns
    table = replace(make_table(n_columns + 1), scaling=Standardisation(0.0 * varying, 1.0 * varying, 0.0, 1.0))
    for starts in (start_of(table, tiny), start_of(table, tiny, init="random")):
        assert ((starts.inputs != 0).sum(1) == starts.input_mask).all()
        assert ((starts.inputs != 0).sum(2) <= 1).all()
        assert starts.inputs.abs().max() == 1
        assert (starts.inputs[:, n_columns] == 0).all()  # the column that is not offered
        assert (starts.input_mask.sum(1) <= min(n_columns, 8)).all()


def test_starts_are_sorted_by_score_and_as_many_as_asked_for(tiny):
    table = make_table()
    for n_restarts in (1, 3, 100):  # more than the survivors of a generation, and than the screened
        starts = start_of(table, tiny, n_restarts=n_restarts)
        assert len(starts) == n_restarts
        assert (starts.score.diff() >= 0).all()


@pytest.mark.parametrize("depth", [1, 3])
def test_selection_never_loses_the_best(depth, tiny):
    table, generator = make_table(), torch.Generator().manual_seed(0)
    starts, best = choose_starts(table, tiny, depth, settings(n_generations=6), generator)
    assert len(best) == 7
    assert best == sorted(best, reverse=True) and best[-1] < best[0]
    assert starts.score[0] == pytest.approx(best[-1])


def test_bank_without_a_fitting_network_is_told(tiny):
    bank = replace(tiny.bank, n_inputs=tiny.bank.n_inputs.clamp_min(3))
    with pytest.raises(ValueError, match="bank must hold networks of at most 2 inputs and 1 hidden layers"):
        start_of(make_table(2), replace(tiny, bank=bank))
    none = tuple(part[:0] for part in tiny.bank.numbers), tuple(part[:0] for part in tiny.bank.activation)
    deep = tiny.bank.depth > 1
    parts = {name: getattr(tiny.bank, name)[deep] for name in ("latent", "scale", "depth", "n_inputs", "restored")}
    bank = replace(tiny.bank, **parts, numbers=none[0], activation=none[1])
    with pytest.raises(ValueError, match="and 1 hidden layers, but it has none"):
        start_of(make_table(2), replace(tiny, bank=bank))


# --- descent


@pytest.mark.parametrize("readout", ["ridge", "decoded"])
def test_more_steps_never_worsen_the_best_network(readout, tiny):
    table, config = make_table(), settings(readout=readout, max_iter=30, tol=0.0)
    starts = start_of(table, tiny)
    descent = descend(starts, table, tiny.autoencoder, 1, config)
    assert descent.loss_curve.shape == (descent.n_iter, 3) and descent.n_iter > 15
    assert (descent.best.objective <= descent.start_objective).all()
    none = descend(starts, table, tiny.autoencoder, 1, replace(config, max_iter=0))
    assert torch.equal(none.start_objective, descent.start_objective)
    assert none.n_iter == 0 and none.loss_curve.shape == (0, 3) and none.settled


def test_better_of_two_is_taken_start_by_start():
    networks = hand_network()
    pair = networks.map(lambda part: torch.cat([part, part]))
    other = pair.map(lambda part: part + 1)

    def hard(objective, networks, number):
        full = torch.full((2,), float(number))
        return HardBest(torch.tensor(objective), networks, full[:, None], full[:, None], full, full)

    best = hard([1.0, torch.inf], pair, 0).or_better(hard([2.0, 3.0], other, 1))
    assert best.objective.tolist() == [1.0, 3.0]
    assert best.step.tolist() == [0.0, 1.0] and best.latent[:, 0].tolist() == [0.0, 1.0]
    assert best.threshold.tolist() == [0.0, 1.0]
    assert torch.equal(best.networks.weights[0][0], networks.weights[0][0])
    assert torch.equal(best.networks.weights[0][1], networks.weights[0][0] + 1)


def test_starts_move_by_themselves(tiny):
    table, config = make_table(), settings(tol=0.0)
    starts = start_of(table, tiny)
    together = descend(starts, table, tiny.autoencoder, 1, config)
    turned = descend(starts[torch.tensor([2, 1, 0])], table, tiny.autoencoder, 1, config)
    torch.testing.assert_close(together.loss_curve, turned.loss_curve.flip(1), rtol=0.02, atol=1e-3)
    alone = descend(starts[slice(1, 2)], table, tiny.autoencoder, 1, config)
    torch.testing.assert_close(together.loss_curve[:1, 1:2], alone.loss_curve[:1], rtol=1e-4, atol=1e-5)


def test_non_finite_start_is_dropped_and_the_others_go_on(tiny):
    table, config = make_table(), settings(max_iter=5, tol=0.0)
    starts = start_of(table, tiny)
    whole = descend(starts, table, tiny.autoencoder, 1, config)
    latent = starts.latent.clone()
    latent[1, 0, 0] = torch.nan
    injured = descend(replace(starts, latent=latent), table, tiny.autoencoder, 1, config)
    assert whole.dropped == [] and injured.dropped == [1]
    others = torch.tensor([0, 2])
    torch.testing.assert_close(injured.loss_curve[:, others], whole.loss_curve[:, others], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(injured.best.objective[others], whole.best.objective[others], rtol=1e-4, atol=1e-5)
    assert injured.loss_curve[:, 1].isnan().all()


def test_search_without_a_finite_network_has_no_candidate(tiny):
    table = make_table()
    huge = replace(table, y=1e30 * table.y)  # its square is beyond float32
    starts = start_of(table, tiny)
    descent = descend(starts, huge, tiny.autoencoder, 1, settings(max_iter=30))
    assert (descent.best.objective == torch.inf).all()
    assert descent.dropped == [0, 1, 2]
    assert descent.stop_reason == "settled" and descent.settled and descent.n_iter < 30
    assert _candidates(descent) == []


def test_search_settles_when_nothing_is_gained(tiny):
    table = make_table()
    starts = start_of(table, tiny)
    still = descend(starts, table, tiny.autoencoder, 1, settings(max_iter=60, tol=0.0, learning_rate=1e-12))
    assert still.stop_reason == "settled" and still.settled and still.n_iter < 60
    moving = descend(starts, table, tiny.autoencoder, 1, settings(max_iter=1, tol=0.0, n_restarts=1))
    assert moving.stop_reason == "max_iter"


def test_input_layer_is_learned_only_with_more_columns_than_slots(tiny):
    for n_columns, learned in ((8, False), (9, True)):
        table = make_table(n_columns)
        starts = start_of(table, tiny)
        best = descend(starts, table, tiny.autoencoder, 1, settings(max_iter=20, tol=0.0, sparsity=0.0)).best
        moved = best.step > 0
        assert moved.any()
        changed = (best.inputs != starts.inputs).flatten(1).any(1)
        assert (changed[moved] == learned).all()


# --- the whole search


def test_depths_do_not_depend_on_each_other_nor_on_the_number_of_threads(tiny):
    table, config = make_table(), settings()
    alone = [search_depths(table, tiny, [depth], config, 7)[0] for depth in (1, 2, 3)]
    for n_jobs in (None, 2):
        together = search_depths(table, tiny, [1, 2, 3], config, 7, RunOptions(n_jobs))
        for one, other in zip(alone, together, strict=True):
            assert np.array_equal(one.loss_curve, other.loss_curve)
            assert [c.objective for c in one.candidates] == [c.objective for c in other.candidates]


def test_candidate_decodes_from_its_latent_and_threshold(tiny):
    table, config = make_table(), settings(max_iter=20, tol=0.0)
    for search in search_depths(table, tiny, [1, 3], config, 0):
        for candidate in search.candidates:
            met = candidate.latent, candidate.inputs, candidate.threshold
            start = Earlier(search.depth, *met, network=None).starts()
            again = descend(start[search.depth], table, tiny.autoencoder, search.depth, replace(config, max_iter=0))
            assert float(again.best.objective[0]) == pytest.approx(candidate.objective, rel=1e-4)


def test_unknown_device_is_told(tiny):
    wanted = "device must name a torch device of this machine that holds numbers, got 'abacus'"
    with pytest.raises(ValueError, match=wanted):
        search_depths(make_table(), tiny, [1], settings(), 0, RunOptions(device="abacus"))


def test_held_out_rows_are_not_fitted(tiny):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X[:, 0] + 0.1 * X[:, 1]
    config = settings(max_iter=0, n_generations=0)
    first, other = (find(LatentProposals(tiny), X, y, config, 0.25, seed)[1] for seed in (3, 4))
    assert [c.objective for c in first] != [c.objective for c in other]
    with pytest.raises(ValueError, match=r"early_stopping needs at least one row .* got 2 rows and .*=0.9"):
        find(LatentProposals(tiny), X[:2], y[:2], config, 0.9)


@pytest.mark.parametrize(
    ("function", "n_columns"),
    [
        (lambda X: np.tanh(2 * X[:, 0]), 1),
        (lambda X: np.tanh(2 * X[:, 0]) + X[:, 1], 2),
        (lambda X: 1 / (1 + np.exp(-3 * X[:, 0])) - np.maximum(X[:, 2], 0), 3),
    ],
    ids=["tanh", "tanh-and-line", "sigmoid-and-relu"],
)
def test_planted_network_is_found(function, n_columns, bundled):
    X = np.random.default_rng(0).normal(size=(150, n_columns))
    y = function(X)
    config = settings(max_iter=10, n_screened=512, n_children=128)
    (network,) = find(LatentProposals(bundled), X, y, config)[0].path.networks
    fresh = np.random.default_rng(1).normal(size=(500, n_columns))
    error = np.mean((network.predict(fresh) - function(fresh)) ** 2) / function(fresh).var()
    assert 1 - error > 0.95
    assert network.n_nonzero <= 30


# --- scaling


@pytest.mark.parametrize("unit", [1e-290, 1e-9, 1.0, 1e9, 1e290])
def test_standardised_columns_have_mean_zero_and_variance_one(unit):
    X = unit * np.random.default_rng(0).normal(3, 2, size=(100, 2))
    standardised = Standardisation.of(X, X[:, 0]).inputs(X)
    np.testing.assert_allclose(standardised.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(standardised.std(0), 1, rtol=1e-12)


def test_column_that_varies_by_rounding_alone_is_constant():
    X = np.column_stack([np.full(10, 0.1), np.linspace(1, 1 + 4e-16, 10), np.arange(10.0) * 1e-310, np.arange(10.0)])
    scaling = Standardisation.of(X, X[:, 3])
    assert scaling.varying.tolist() == [3]
    assert (scaling.inputs(X)[:, :3] == 0).all()
    np.testing.assert_allclose(column_scales(X)[1][3], X[:, 3].std())


def test_differences_of_huge_numbers_do_not_overflow():
    column = np.full(10, -1.7e308)
    column[0] = 1.7e308
    scaling = Standardisation.of(column[:, None], column)
    assert np.isfinite(scaling.inputs(column[:, None])).all() and np.isfinite(scaling.target(column)).all()
    np.testing.assert_allclose(scaling.target(column).std(), 1)

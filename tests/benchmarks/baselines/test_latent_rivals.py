"""What the latent space is compared with, on equal terms: random networks in a whole fit, and starts alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from benchmarks.baselines import starts
from benchmarks.baselines.random_networks import RandomNetworkRegressor, WeightSpace
from benchmarks.baselines.starts import StartsRegressor
from benchmarks.models import hidden_shape
from sk_swat.cli.comparison import count_parameters
from sk_swat.latent.autoencoder import Autoencoder
from sk_swat.latent.checkpoint import load_checkpoint
from sk_swat.latent.children import latent_children
from sk_swat.latent.proposals import LatentProposals
from sk_swat.latent.readout import solve_readout, with_readout
from sk_swat.latent.run import search_depths
from sk_swat.latent.screening import best_and_small, draw_inputs, fit_readouts, screen
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.activations import ACTIVATIONS, activate
from sk_swat.network.equivalence import fold_constants, pad
from sk_swat.network.scaling import Standardisation
from sk_swat.refine.columns import with_chances
from sk_swat.refine.pruning import sizes
from sk_swat.refine.table import Table
from sk_swat.refine.task import RefineTask

ALL = (True,) * len(ACTIVATIONS)
SPACES = ("bank", "prior", "random")


def settings(**changes):
    """Settings of a search that screens few candidates and does not descend."""
    values = {
        "sparsity": 1e-3,
        "compactness": 1e-3,
        "allowed": ALL,
        "n_restarts": 6,
        "max_iter": 0,
        "learning_rate": 0.05,
        "tol": 1e-2,
        "init": "bank",
        "n_generations": 0,
        "readout": "ridge",
        "n_screened": 64,
        "n_decoded": 8,
    }
    return SearchConfig(**(values | changes))


def make_table(n_columns, n_rows=80, seed=0):
    """Standardised rows of a smooth function of the first and the last column."""
    X = torch.randn(n_rows, n_columns, generator=generator(seed))
    X = (X - X.mean(0)) / X.std(0, correction=0)
    y = torch.tanh(2 * X[:, 0]) + X[:, -1] ** 2
    return Table(X, (y - y.mean()) / y.std(correction=0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def same(networks, others):
    return all(torch.equal(a, b) for a, b in zip(networks.tensors(), others.tensors(), strict=True))


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@pytest.fixture
def parents(hard_networks):
    """Factory of parents on the columns of a table, eight neurons wide, with the best readout for its rows."""

    def make(table, depth, mix=("tanh", "sine"), n_networks=6, seed=0):
        n_columns = table.X.shape[1]
        networks = hard_networks(depth, mix, n_networks=n_networks, n_inputs=min(8, n_columns), seed=seed)
        networks = pad(networks.map(lambda part: part.float()), 8).connect(torch.eye(n_columns, 8).expand(6, -1, -1))
        return with_readout(networks, solve_readout(networks.last_hidden(table.X), table))

    return make


@pytest.fixture
def still(monkeypatch):
    """Let children be their parents, but for a new readout."""
    monkeypatch.setattr("benchmarks.baselines.random_networks._NOISE", 0.0)
    monkeypatch.setattr("benchmarks.baselines.random_networks._CROSSED", 0.0)


def children_of(networks, table, depth=None, seed=0, allowed=ALL):
    return WeightSpace(8).children(networks, table, torch.tensor(allowed), generator(seed), depth or networks.depth)


# --- a whole fit from random networks


@pytest.fixture(scope="module")
def fit_without_autoencoder(tiny_checkpoint, table):
    """Factory of fits in which any use of the autoencoder fails."""

    def fail(*arguments, **keywords):
        raise AssertionError("the autoencoder was used")

    def fit(**parameters):
        short = {"depths": (1, 2), "n_restarts": 4, "n_rounds": 1, "early_stopping": True, "random_state": 0}
        short |= {"activations": ("tanh", "sine"), "checkpoint": str(tiny_checkpoint)}
        with pytest.MonkeyPatch.context() as patch:
            for name in ("encode", "decode", "forward"):
                patch.setattr(Autoencoder, name, fail)
            return RandomNetworkRegressor(**(short | parameters)).fit(*table)

    return fit


@pytest.fixture(scope="module")
def fitted(fit_without_autoencoder):
    return fit_without_autoencoder()


def test_random_networks_give_a_path_without_the_autoencoder(fitted, table):
    assert fitted.score(*table) > 0.9
    size = [network.n_nonzero for network in fitted.networks_]
    assert len(size) > 3 and size == sorted(size) and size[0] <= 1
    assert (np.diff(fitted.path_["r2_train"]) > 0).all()
    assert fitted.latent_.size == 0 and fitted.n_iter_ == 1
    assert set(fitted.candidates_["depth"]) == {1, 2} and fitted.candidates_["chosen"].sum() == 1


def test_fit_from_random_networks_depends_on_its_seed_alone(fitted, fit_without_autoencoder):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002 (it must stay)
    again = fit_without_autoencoder(n_jobs=2)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    assert again.networks_ == fitted.networks_
    assert fit_without_autoencoder(n_rounds=0, random_state=1).networks_ != fitted.networks_


def test_networks_of_a_random_path_have_allowed_activations(fitted):
    used = {name for network in fitted.networks_ if network.depth == 1 for name in network.activations[0]}
    assert used == {"tanh", "sine"}


def test_deeper_networks_of_a_random_path_have_allowed_activations(fitted):
    used = {name for network in fitted.networks_ for layer in network.activations for name in layer}
    assert used == {"tanh", "sine"}


def test_warm_start_from_random_networks_begins_anew(fit_without_autoencoder, table):
    model = fit_without_autoencoder(warm_start=True, depths=(1,), n_rounds=0)
    first = model.networks_
    assert model.fit(*table).networks_ == first


# --- the two spaces


def test_as_many_candidates_are_screened_as_in_the_latent_space(tiny, monkeypatch):
    table, config, counts = make_table(8), settings(), []

    def counted(networks, kind, *others):
        counts.append((len(kind), networks(torch.arange(1)).depth))
        return screen(networks, kind, *others)

    monkeypatch.setattr("sk_swat.latent.starts.screen", counted)
    monkeypatch.setattr("benchmarks.baselines.random_networks.screen", counted)
    found = [space.search(table, (1, 2), config, 0) for space in (LatentProposals(tiny), WeightSpace(8))]
    assert counts == 2 * [(64, 1), (64, 2)]
    for searches in found:
        assert [search.depth for search in searches] == [1, 2]
        assert all(len(search.candidates) == config.n_restarts for search in searches)


def test_latent_space_searches_and_varies_with_its_checkpoint(tiny, parents):
    table, config, space = make_table(3), settings(), LatentProposals(tiny)
    for one, other in zip(
        space.search(table, (1, 2), config, 5)[1].candidates,
        search_depths(table, tiny, [2], config, 5)[0].candidates,
        strict=True,
    ):
        assert same(one.network, other.network) and one.objective == other.objective
    allowed, networks = torch.tensor(ALL), parents(table, 1)
    child = space.children(networks, table, allowed, generator(), 2)
    assert child.depth == 2
    assert same(child, latent_children(networks, table, tiny, allowed, generator(), 2))


@pytest.mark.parametrize("n_columns", [1, 3, 12])
def test_random_candidates_have_the_objectives_they_report(n_columns):
    table, config = make_table(n_columns), settings(n_restarts=4)
    (search,) = WeightSpace(8).search(table, [2], config, 0)
    objectives = [candidate.objective for candidate in search.candidates]
    assert search.objective == min(objectives) == objectives[0] == search.selection_curve[0]
    for candidate in search.candidates:
        network = candidate.network
        _, score, _ = fit_readouts(network, table, config)
        assert candidate.objective == pytest.approx(float(score), rel=1e-3)
        assert candidate.n_neurons == sum(int(mask.sum()) for mask in network.mask)
        weights = sum(int((weight != 0).sum()) for weight in network.weights)
        assert candidate.n_nonzero == weights + candidate.n_neurons + 1
        columns = (network.weights[0][0] != 0).any(1)
        assert int(columns.sum()) <= min(8, n_columns)


def test_random_candidates_have_allowed_activations_and_many_shapes():
    allowed = tuple(name in ("sigmoid", "sine") for name in ACTIVATIONS)
    config = settings(allowed=allowed, n_restarts=48, n_decoded=64)
    (search,) = WeightSpace(8).search(make_table(3), [2], config, 0)
    shapes, kinds = set(), set()
    for candidate in search.candidates:
        network = candidate.network
        shapes.add(tuple(int(mask.sum()) for mask in network.mask))
        for share, mask in zip(network.activation, network.mask, strict=True):
            kinds |= set(share[mask > 0].argmax(1).tolist())
    assert kinds == {1, 4}
    assert len(shapes) > 8


# --- children of random networks


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("n_columns", [1, 3, 12])
def test_without_crossing_a_little_noise_changes_a_child_little(n_columns, depth, parents, still, monkeypatch):
    table, fresh = make_table(n_columns), make_table(n_columns, seed=1).X
    networks = parents(table, depth)
    before = networks.forward(fresh)
    torch.testing.assert_close(children_of(networks, table).forward(fresh), before, rtol=1e-3, atol=1e-3)
    changes = []
    for noise in (1e-3, 1e-1):
        monkeypatch.setattr("benchmarks.baselines.random_networks._NOISE", noise)
        changes.append(float((children_of(networks, table).forward(fresh) - before).square().mean()))
    assert 0 < changes[0] < 0.01 and changes[0] < 0.1 * changes[1]


@pytest.mark.parametrize("depth", [2, 4])
def test_deeper_child_is_its_parent_before_it_is_varied(depth, parents, still):
    table = make_table(3)
    networks = parents(table, 1)
    child, before = children_of(networks, table, depth), networks.forward(table.X)
    assert child.depth == depth and before.min() > -6  # beyond, deepening bends it
    torch.testing.assert_close(child.forward(table.X), before, rtol=1e-3, atol=2e-3)
    assert all(mask.sum(1).tolist() == [1.0] * 6 for mask in child.mask[1:])


def test_shallower_child_does_not_depend_on_its_parent(parents):
    table = make_table(3)
    child, other = (children_of(parents(table, 3, seed=seed), table, 1) for seed in (0, 1))
    assert child.depth == 1 and same(child, other)
    assert not same(child, children_of(parents(table, 3), table, 1, seed=1))


def test_crossed_neurons_come_from_other_networks_with_their_activation(parents, still, monkeypatch):
    table = make_table(3)
    networks = parents(table, 2, mix=("tanh",))
    only_sine = tuple(name == "sine" for name in ACTIVATIONS)
    kinds = {}
    for share in (0.0, 0.25, 1.0):
        monkeypatch.setattr("benchmarks.baselines.random_networks._CROSSED", share)
        child = children_of(networks, table, allowed=only_sine)
        drawn = torch.cat([part.argmax(2)[mask > 0] for part, mask in zip(child.activation, child.mask, strict=True)])
        kinds[share] = float((drawn == list(ACTIVATIONS).index("sine")).float().mean())
    assert kinds[0.0] == 0 and 0.05 < kinds[0.25] < 0.5 < kinds[1.0]


def test_deeper_children_have_allowed_activations(parents):
    table, only_sine = make_table(3), tuple(name == "sine" for name in ACTIVATIONS)
    child = children_of(parents(table, 1, mix=("sine",)), table, 2, allowed=only_sine)
    kinds = torch.cat([part.argmax(2)[mask > 0] for part, mask in zip(child.activation, child.mask, strict=True)])
    assert (kinds == list(ACTIVATIONS).index("sine")).all()


def test_child_of_a_random_network_is_the_best_of_those_tried(parents, monkeypatch):
    table = make_table(3)
    networks, errors = parents(table, 2), {}
    for n_tried, n_seeds in ((1, 30), (8, 6)):
        monkeypatch.setattr("benchmarks.baselines.random_networks._TRIED", n_tried)
        found = [children_of(networks, table, seed=seed).forward(table.X) for seed in range(n_seeds)]
        errors[n_tried] = torch.stack([(output - table.y).square().mean(1) for output in found])
    assert (errors[8].mean(0) < errors[1].quantile(0.25, dim=0)).all()  # for every parent


def test_child_of_a_random_network_has_the_best_readout(parents):
    table = make_table(3)
    networks = parents(table, 2)
    unfitted = networks.replace(weights=(*networks.weights[:-1], 5 * networks.weights[-1]))
    for child in (children_of(unfitted, table), children_of(unfitted, table, 1)):
        error = (child.forward(table.X) - table.y).square().mean(1)
        torch.testing.assert_close(
            error, solve_readout(child.last_hidden(table.X), table).unexplained, rtol=0.01, atol=1e-4
        )


def test_children_of_random_networks_depend_on_the_generator_alone_and_hold_nothing_dead(parents):
    table = make_table(3)
    networks, state = parents(table, 2), torch.get_rng_state()
    first, again, other = (children_of(networks, table, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert same(first, again) and not same(first, other)
    assert same(first, fold_constants(first))


# --- starts alone


@pytest.fixture
def few(monkeypatch):
    """Fewer candidates, of which fewer are polished."""
    monkeypatch.setattr(starts, "_CANDIDATES", 128)
    monkeypatch.setattr(starts, "_POLISHED", 6)


def errors_of(model, X, y):
    """Fraction of the variance unexplained by each network, by size and steps."""
    return {key: np.mean((network.predict(X) - y) ** 2) / y.var() for key, network in model.networks_.items()}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_starts_hold_at_most_so_many_parameters_before_and_after_every_step(space, shift, few, table, monkeypatch):
    X, y = table[0] + shift, table[1] + shift
    polished, seen = starts._polish, []

    def watched(groups, table, task, steps):
        found = [sizes(group, task).max() for group in groups]
        for wanted, networks in polished(groups, table, task, steps):
            found += [sizes(network, task).max() for network in networks]
            yield wanted, networks
        seen.append(int(torch.stack(found).max()))

    monkeypatch.setattr(starts, "_polish", watched)
    model = StartsRegressor(space, depths=(1, 2), sizes=(20, 40), steps=(0, 3)).fit(X, y)
    assert 10 < seen[0] <= 20 < seen[1] <= 40
    assert set(model.networks_) == {(20, 0), (20, 3), (40, 0), (40, 3)}
    assert all(network.n_nonzero <= size for (size, _), network in model.networks_.items())


def test_starts_are_counted_by_the_selected_network(few, table):
    model = StartsRegressor("random", depths=(1, 2), sizes=(20,), steps=(0,)).fit(*table)
    assert count_parameters(model) == model.network_.n_nonzero
    assert hidden_shape(model) == (model.network_.n_neurons, model.network_.depth)


@pytest.mark.parametrize("space", SPACES)
def test_without_a_prior_no_step_raises_the_error_of_the_starts(space, few, table, monkeypatch):
    monkeypatch.setattr(RefineTask, "ridge", lambda task, error: torch.full_like(error, 1e-14))
    model = StartsRegressor(space, depths=(1,), sizes=(30,), steps=(0, 1, 2, 5, 15)).fit(*table)
    errors = np.array(list(errors_of(model, *table).values()))
    assert (errors[1:] <= errors[:-1] * (1 + 1e-6)).all()
    assert errors[-1] < 0.4 * errors[0]


def test_after_no_steps_the_output_layer_fits_best(few, table):
    X, y = table  # no more rows than the readouts are fitted to
    for space in SPACES:
        model = StartsRegressor(space, depths=(1,), sizes=(40,), steps=(0,)).fit(X, y)
        network = model.network_
        z = X @ network.coefs[0] + network.intercepts[0]
        (names,) = network.activations
        hidden = np.column_stack([activate(name, column) for name, column in zip(names, z.T, strict=True)])
        best = LinearRegression().fit(hidden, y).predict(hidden)
        assert np.mean((model.predict(X) - best) ** 2) < 0.01 * y.var()


def test_select_switches_between_the_pairs_that_there_are(few, table):
    model = StartsRegressor("bank", depths=(1,), sizes=(20, 40), steps=(0, 3), random_state=1)
    with pytest.raises(NotFittedError):
        model.select(20, 0)
    model.fit(*table)
    assert model.network_ is model.networks_[40, 3] and model.n_nonzero_ == model.network_.n_nonzero
    before = model.predict(table[0])
    assert model.select(20, 0) is model
    assert model.network_ is model.networks_[20, 0] and model.n_nonzero_ == model.network_.n_nonzero <= 20
    assert not np.allclose(model.predict(table[0]), before)
    for pair in ((30, 3), (20, 1)):
        with pytest.raises(ValueError, match=f"must be a pair of sizes and steps .* got {pair[0]} and {pair[1]}"):
            model.select(*pair)
    assert model.network_ is model.networks_[20, 0]
    with pytest.raises(ValueError, match="space must be one of 'bank', 'prior', 'random', got 'latent'"):
        StartsRegressor("latent").fit(*table)


def test_spaces_and_seeds_give_different_networks_and_the_same_seed_the_same(few, table):
    short = {"depths": (1, 2), "sizes": (30,), "steps": (0, 2)}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002 (it must stay)
    found = [StartsRegressor(space, random_state=seed, **short).fit(*table) for space in SPACES for seed in (0, 1)]
    again = [StartsRegressor(space, random_state=0, **short).fit(*table) for space in SPACES]
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    assert [model.networks_ for model in again] == [model.networks_ for model in found[::2]]
    networks = [model.networks_[30, steps] for model in found for steps in (0, 2)]
    assert all(one != other for i, one in enumerate(networks) for other in networks[:i])


def test_random_starts_use_no_checkpoint_but_its_width_and_bank_starts_no_autoencoder(few, table, tiny, monkeypatch):
    short = {"depths": (1,), "sizes": (30,), "steps": (0,)}
    before = StartsRegressor("random", **short).fit(*table)
    monkeypatch.setattr(starts, "load_checkpoint", lambda: tiny)
    assert StartsRegressor("random", **short).fit(*table).networks_ == before.networks_
    decoded = []
    monkeypatch.setattr(Autoencoder, "decode", lambda *arguments: decoded.append(1))
    StartsRegressor("bank", **(short | {"sizes": (100,)})).fit(*table)
    assert not decoded


def test_starts_read_no_column_that_does_not_vary(few, table):
    X = np.column_stack([np.full(80, 7.0), table[0]])
    for space in SPACES:
        network = StartsRegressor(space, depths=(1,), sizes=(30,), steps=(0, 2)).fit(X, table[1]).network_
        assert network.coefs[0].shape[0] == 4 and not network.coefs[0][0].any() and network.coefs[0].any()


def test_best_of_the_bank_begins_better_than_the_best_random_network():
    X = np.random.default_rng(0).uniform(-2, 2, size=(300, 2))
    gains = []
    for y in (
        np.tanh(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2,
        np.exp(-(X[:, 0] ** 2)) + X[:, 0] * X[:, 1],
        1 / (1 + (X**2).sum(1)),
    ):
        bank, random = (
            errors_of(StartsRegressor(space, depths=(1,), sizes=(30,), steps=(0,)).fit(X, y), X, y)[30, 0]
            for space in ("bank", "random")
        )
        gains.append(np.log(random / bank))
    assert np.mean(gains) > np.log(1.5)


# --- screening


def candidates(table, hard_networks, n_networks=200):
    networks = pad(hard_networks(1, n_networks=n_networks, density=0.7).map(lambda part: part.float()), 8)
    return networks.connect(draw_inputs(table, networks.input_mask, generator()).layers())


def brute_force(networks, table, config):
    """Objective by scikit-learn's regression on the hidden neurons, all rows, and the formulas of the documentation."""
    scores = []
    for hidden, mask, weight in zip(
        networks.last_hidden(table.X).numpy(), networks.mask[0], networks.weights[0], strict=True
    ):
        n_neurons = int(mask.sum())
        hidden = hidden[:, mask > 0]
        y = table.y[0].numpy()
        regression = LinearRegression().fit(hidden.astype(float), y)
        error = np.mean((regression.predict(hidden) - y) ** 2)
        n, k = len(hidden), n_neurons + 1
        varying = int((np.abs(regression.coef_[hidden.std(0) > 1e-5]) > 0.02).sum())
        size = int((weight.abs() > 0.02).sum()) + varying + n_neurons + 1
        scores.append(error * (n + k) / (n - k) + config.sparsity * size + config.compactness * n_neurons)
    return np.array(scores)


def test_best_of_a_ranking_on_all_rows_are_found(hard_networks):
    table, config = make_table(3, n_rows=256), settings(n_decoded=80)
    networks = candidates(table, hard_networks)
    index, score, size = screen(networks.__getitem__, torch.arange(200), table, config)
    assert len(index) == len(index.unique()) == len(score) == len(size) == 80
    truth = brute_force(networks, table, config)
    assert set(np.argsort(truth)[:10]) <= set(index.tolist())
    # the readout's ridge keeps collinear neurons apart, at an error of some parts in a hundred
    np.testing.assert_allclose(score.numpy()[:20], truth[index[:20]], rtol=0.05)
    assert truth[index[0]] < truth.min() * 1.02
    assert (score.diff() >= 0).all()


def test_few_rows_decide_who_is_ranked_on_more(hard_networks, monkeypatch):
    table, config, asked = make_table(3, n_rows=256), settings(n_decoded=20, n_ranking_rows=100), []

    def watched(networks, some, config):
        asked.append((len(networks), len(some)))
        return fit_readouts(networks, some, config)

    monkeypatch.setattr("sk_swat.latent.screening.fit_readouts", watched)
    screen(candidates(table, hard_networks).__getitem__, torch.arange(200), table, config)
    assert asked == [(200, 64), (20, 100)]


def test_each_kind_comes_once_before_any_comes_again(hard_networks):
    table, config = make_table(3), settings(n_decoded=40)
    networks, kind = candidates(table, hard_networks, 60), torch.arange(60) % 7
    plain, best_first, _ = screen(networks.__getitem__, torch.arange(60), table, config)
    index, score, size = screen(networks.__getitem__, kind, table, config)
    assert sorted(index.tolist()) == sorted(plain.tolist())
    assert sorted(kind[index[:7]].tolist()) == list(range(7))
    assert (score[:7].diff() >= 0).all() and (score[7:].diff() >= 0).all()
    by_network = dict(zip(plain.tolist(), best_first.tolist(), strict=True))
    assert score.tolist() == [by_network[i] for i in index.tolist()]
    for i in index[:7].tolist():  # the best of its kind
        assert by_network[i] == min(value for j, value in by_network.items() if j % 7 == i % 7)
    assert size.shape == score.shape


def test_network_that_is_not_finite_comes_last(hard_networks):
    table = make_table(3)
    networks = candidates(table, hard_networks, 10)
    networks.weights[0][4] = torch.nan
    index, score, _ = screen(networks.__getitem__, torch.arange(10), table, settings(n_decoded=10))
    assert index[-1] == 4 and not torch.isfinite(score[-1]) and torch.isfinite(score[:-1]).all()


def test_chosen_are_the_best_and_of_the_others_the_best_small_ones():
    score = torch.tensor([0.10, 0.20, 0.30, 0.31, 0.32, 0.33])
    size = torch.tensor([50.0, 50.0, 40.0, 9.0, 30.0, 10.0])
    # at a price of 0.01 more: 0.70, 0.40, 0.62, 0.43 for the last four
    config = settings(n_restarts=4, small_share=0.5, small_price=0.01)
    assert best_and_small(score, size, config).tolist() == [0, 1, 3, 5]
    assert best_and_small(score, size, settings(n_restarts=4)).tolist() == [0, 1, 2, 3]
    free = settings(n_restarts=4, small_share=0.5, small_price=0.0)
    assert best_and_small(score, size, free).tolist() == [0, 1, 2, 3]
    odd = settings(n_restarts=3, small_share=0.5, small_price=0.01)  # one small one, rounded down
    assert best_and_small(score, size, odd).tolist() == [0, 1, 3]
    assert best_and_small(score[:3], size[:3], config).tolist() == [0, 1, 2]
    assert best_and_small(score[:1], size[:1], config).tolist() == [0]


@pytest.mark.parametrize("n_columns", [3, 8, 12])
def test_every_slot_in_use_sees_one_column_of_its_own(n_columns):
    table = make_table(n_columns)
    n_used = torch.arange(500) % min(8, n_columns) + 1
    mask = (torch.arange(8) < n_used[:, None]).float()
    state = torch.get_rng_state()
    inputs = draw_inputs(table, mask, generator()).layers()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(inputs, draw_inputs(table, mask, generator()).layers())
    assert inputs.shape == (500, n_columns, 8) and set(inputs.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert torch.equal((inputs != 0).sum(1).float(), mask)
    assert (inputs != 0).sum(2).max() == 1
    assert 0.4 < (inputs[inputs != 0] > 0).float().mean() < 0.6
    assert (inputs != 0).any(0)[:, 0].all()  # every column has its turn


def test_slots_beyond_the_columns_that_vary_see_nothing():
    varying = np.isin(np.arange(5), [1, 4])
    table = replace(make_table(5), scaling=Standardisation(np.zeros(5), 1.0 * varying, 0.0, 1.0))
    inputs = draw_inputs(table, torch.ones(50, 8), generator()).layers()
    assert (inputs[:, [1, 4], :2].abs().sum((1, 2)) == 2).all()
    assert inputs.abs().sum() == 100


def test_columns_are_drawn_with_the_chances_of_the_table():
    table = make_table(5)
    assert torch.equal(
        draw_inputs(with_chances(table), torch.ones(50, 2), generator()).layers(),
        draw_inputs(table, torch.ones(50, 2), generator()).layers(),
    )
    fixed = replace(table, chance=torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]))
    for one in (fixed, fixed[:10], fixed.to("cpu")):
        drawn = draw_inputs(one, torch.ones(50, 1), generator()).layers()
        assert (drawn[:, 2] != 0).all() and drawn.abs().sum() == 50

"""What is read out of a model: its layers compute what it predicts, and what cannot be read is said."""

import numpy as np
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from sk_swat import SparseMLP
from sk_swat.compress.layers import as_sparse, count_nonzero, forward, hidden_values, in_search_units, layers_of
from sk_swat.compress.teachers import teacher_of
from sk_swat.network.scaling import Standardisation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ACTIVATIONS = [
    torch.nn.Identity(),
    torch.nn.Sigmoid(),
    torch.nn.Tanh(),
    torch.nn.Hardtanh(),
    torch.nn.Softsign(),
    torch.nn.ReLU(),
    torch.nn.LeakyReLU(0.2),
    torch.nn.ELU(),
    torch.nn.SELU(),
    torch.nn.GELU(),
    torch.nn.SiLU(),
    torch.nn.Softplus(),
]


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 3.0, size=(60, 3))
    return X, np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])


def mlp(hidden_layer_sizes=(6,), **parameters):
    return MLPRegressor(hidden_layer_sizes=hidden_layer_sizes, max_iter=20, random_state=0, **parameters)


def same(model, X):
    """Whether the layers compute what the teacher predicts, and that what the model predicts."""
    teacher = teacher_of(model)
    expected = teacher.labels(X)
    assert len(teacher.layers[0].coef) == X.shape[1]
    np.testing.assert_allclose(forward(teacher.layers, X).reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)
    return teacher


# --- scikit-learn


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("widths", [(5,), (4, 6, 3)])
def test_layers_of_an_mlp_compute_its_predictions(rows, activation, widths):
    X, y = rows
    for target in (y, y[:, 0]):
        teacher = same(mlp(widths, activation=activation).fit(X, target), X)
        assert [len(layer.names) for layer in teacher.layers] == [*widths, 0]
        assert all(layer.exact for layer in teacher.layers) == (activation != "relu")


def test_parameters_of_an_mlp_are_counted(rows):
    X, y = rows
    model = mlp((5,)).fit(X, y)
    model.coefs_[0][0, 0] = 0.0
    assert teacher_of(model).n_nonzero == (3 + 1) * 5 + (5 + 1) * 2 - 1


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()])
def test_linear_scalers_are_folded_into_the_network(rows, scaler):
    X, y = rows
    inner = make_pipeline(scaler, "passthrough", mlp())
    model = TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(X, y)
    assert same(model, X).n_nonzero == (3 + 1) * 6 + (6 + 1) * 2


def test_models_around_a_network_are_looked_into(rows, refined):
    X, y = rows
    model = mlp().fit(X, y[:, 0])
    same(FrozenEstimator(model), X)
    same(GridSearchCV(mlp(), {"alpha": [1e-4]}, cv=2).fit(X, y[:, 0]), X)
    same(refined(n_rounds=0).fit(X, y[:, 0]), X)


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(max_iter=3, random_state=0),
        Ridge(),
        make_pipeline(PolynomialFeatures(), mlp()),
        make_pipeline(MinMaxScaler(clip=True), mlp()),
        TransformedTargetRegressor(mlp(), func=np.cbrt, inverse_func=lambda y: y**3),
    ],
)
def test_other_regressors_teach_by_their_predictions(rows, model):
    X, y = rows
    teacher = teacher_of(model.fit(X, y[:, 0]))
    assert teacher.layers is None
    assert teacher.n_nonzero is None
    np.testing.assert_array_equal(teacher.labels(X), model.predict(X))


def test_output_activation_hides_the_layers(rows):
    X, y = rows
    model = mlp().fit(X, y)
    model.out_activation_ = "exp"  # as after a Poisson loss
    assert teacher_of(model).layers is None


def test_object_with_predict_is_a_teacher(rows):
    class Formula:
        def predict(self, X):
            return X[:, :1] ** 2

    assert teacher_of(Formula()).labels(rows[0]).shape == (60,)


def test_some_outputs_alone(rows):
    X, y = rows
    teacher = teacher_of(mlp().fit(X, y))
    one = teacher.with_outputs(np.array([False, True]))
    np.testing.assert_array_equal(one.labels(X), teacher.labels(X)[:, 1])
    np.testing.assert_allclose(forward(one.layers, X)[:, 0], teacher.labels(X)[:, 1])


# --- torch


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda one: type(one).__name__)
def test_layers_of_a_sequential_compute_its_outputs(rows, activation):
    inner = torch.nn.Sequential(torch.nn.Linear(4, 5, bias=False), activation, torch.nn.Dropout(0.5))
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), activation, inner, torch.nn.Linear(5, 2)).double()
    X = rows[0]
    same(model, X)
    with torch.no_grad():
        np.testing.assert_allclose(teacher_of(model).labels(X), model.eval()(torch.from_numpy(X)).numpy())


@pytest.mark.usefixtures("seeded")
def test_sequential_may_end_with_an_activation_and_have_linear_layers_in_a_row(rows):
    layers = [torch.nn.Linear(3, 4), torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Tanh(), torch.nn.Linear(5, 2)]
    teacher = same(torch.nn.Sequential(*layers, torch.nn.Sigmoid()).double(), rows[0])
    assert [layer.coef.shape for layer in teacher.layers] == [(3, 5), (5, 2), (2, 2)]
    assert teacher.layers[0].exact is False


@pytest.mark.usefixtures("seeded")
def test_sequential_keeps_its_mode_and_type(rows):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.9), torch.nn.Linear(2, 1))
    model[2].eval()
    teacher = teacher_of(model)
    np.testing.assert_array_equal(teacher.labels(rows[0]), teacher.labels(rows[0]))
    assert [part.training for part in model] == [True, True, False]
    assert model[0].weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)], r"got BatchNorm1d\(2, .* at place 1\."),
        ([torch.nn.Linear(3, 2), torch.nn.Sequential(torch.nn.Flatten())], r"got Flatten\(.*at place 1\.0\."),
        ([torch.nn.Tanh(), torch.nn.Linear(3, 2)], r"begin with a Linear one, got Tanh\(\) at place 0\."),
        ([], "got none of them"),
    ],
)
def test_unsupported_layer_is_named(layers, message):
    with pytest.raises(TypeError, match=message):
        teacher_of(torch.nn.Sequential(*layers))


@pytest.mark.usefixtures("seeded")
def test_module_that_is_no_sequential_is_refused():
    with pytest.raises(TypeError, match=r"got a Bilinear; an object with predict\(X\)"):
        teacher_of(torch.nn.Bilinear(1, 1, 1))


# --- networks of the package


def test_sparse_network_is_read_as_it_is(rows):
    network = SparseMLP(
        [np.eye(3)[:, :2], [[1.0], [-2.0]]], [[0.5, 0.0], [3.0]], [["sine", "gaussian"]], ["a", "b", "c"]
    )
    teacher = same(network, rows[0])
    assert teacher.n_nonzero == count_nonzero(teacher.layers) == network.n_nonzero
    assert list(teacher.feature_names) == ["a", "b", "c"]
    assert as_sparse(teacher.layers) == network


def test_layers_in_search_units_take_and_give_standardised_values(rows):
    X, y = rows
    teacher = teacher_of(mlp((5, 4), activation="tanh").fit(X, y))
    scaling = Standardisation.of(X, teacher.labels(X))
    inside = in_search_units(teacher.layers, scaling)
    values = hidden_values(inside, scaling.inputs(X))
    np.testing.assert_allclose(values[-1], scaling.target(teacher.labels(X)), atol=1e-9)
    np.testing.assert_allclose(values[1], hidden_values(teacher.layers, X)[1], atol=1e-9)
    np.testing.assert_allclose(as_sparse(inside).predict(scaling.inputs(X)), values[-1], atol=1e-9)


def test_layers_of_a_linear_network():
    layers = layers_of(SparseMLP([[[2.0]]], [[1.0]], []))
    assert forward(layers, np.array([[3.0]])) == [[7.0]]


# --- faults


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (None, "got None"),
        (object(), "got <object"),
        (MLPRegressor, "got the class MLPRegressor; make an instance"),
        (LogisticRegression(), r"got LogisticRegression\(\)"),
        (MLPClassifier(), r"got MLPClassifier\(\)"),
    ],
)
def test_what_predicts_no_numbers_is_refused(model, message):
    with pytest.raises(TypeError, match=f"estimator must be a regressor, a torch.*{message}"):
        teacher_of(model)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda X: np.full(len(X), np.nan), "must predict finite numbers"),
        (lambda X: X[:1, 0], r"got predictions of shape \(1,\) for 60 rows"),
        (lambda X: X[:, :, None], r"got predictions of shape \(60, 3, 1\)"),
    ],
)
def test_unusable_predictions_are_refused(rows, answer, message):
    class Odd:
        predict = staticmethod(answer)

    with pytest.raises(ValueError, match=message):
        teacher_of(Odd()).labels(rows[0])

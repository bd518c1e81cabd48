"""The exported ONNX model, run by onnxruntime, against the network's own prediction."""

import copy
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas
import pytest
import skl2onnx
from onnx.reference import ReferenceEvaluator
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType
from skl2onnx.common.exceptions import MissingShapeCalculator
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

import sk_swat
from sk_swat import export
from sk_swat.export import register_converter, to_onnx
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP

NAMES = tuple(ACTIVATIONS)
ROOT = str(Path(sk_swat.__file__).parents[1])
NUMPY = {"float": np.float32, "double": np.float64}
TOLERANCE = {"float": 1e-5, "double": 1e-9}

with_both_types = pytest.mark.parametrize("dtype", ["float", "double"])


def make_network(depth, names=NAMES, n_outputs=1, seed=0, width=7):
    """A random network of 4 inputs, of which the third is not used; half of the weights are zero."""
    rng = np.random.default_rng([seed, depth, n_outputs])
    sizes = (4, *(width - layer for layer in range(depth)), n_outputs)
    coefs = [rng.normal(size=pair) * (rng.random(pair) < 0.5) for pair in pairwise(sizes)]
    for coef in coefs:
        np.fill_diagonal(coef, 1.0)  # so that no layer is empty
    coefs[0][2] = 0
    coefs[0][1, 0] = 1.0
    intercepts = [rng.normal(size=size) for size in sizes[1:]]
    activations = [[names[(j + layer) % len(names)] for j in range(sizes[layer + 1])] for layer in range(depth)]
    return SparseMLP(coefs, intercepts, activations)


def run(proto, X):
    """Check the model, run it on X in its own type, and return its one output."""
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (column,) = session.get_inputs()
    (output,) = session.run(None, {column.name: X})
    return output


def relative_error(y, expected):
    """Largest error of each output against its largest value."""
    assert y.shape == expected.shape
    return np.max(np.abs(y - expected).max(axis=0) / np.abs(expected).max(axis=0))


def assert_equals_predict(network, X, dtype, tolerance=None):
    X = X.astype(NUMPY[dtype])
    y = run(to_onnx(network, dtype=dtype), X)
    assert y.dtype == NUMPY[dtype]
    assert relative_error(y, network.predict(X)) <= (tolerance or TOLERANCE[dtype])


def inputs(n_samples=30, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n_samples, 4))


# parity


@with_both_types
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("name", [*NAMES, "mixed"])
@pytest.mark.parametrize("depth", range(5))
def test_model_equals_predict(depth, name, n_outputs, dtype):
    names = NAMES if name == "mixed" else (name,)
    assert_equals_predict(make_network(depth, names, n_outputs), inputs(), dtype)


@with_both_types
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("n_samples", [0, 1, 20_000])
def test_batches_of_any_size_have_the_shape_of_predict(n_samples, depth, n_outputs, dtype):
    network = make_network(depth, n_outputs=n_outputs)
    X = inputs(n_samples).astype(NUMPY[dtype])
    y = run(to_onnx(network, dtype=dtype), X)
    assert y.shape == network.predict(X).shape
    np.testing.assert_allclose(y, network.predict(X), rtol=1e-3, atol=1e-5)


@with_both_types
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n_samples", [0, 1, 5])
def test_constant_network_gives_its_constant_whatever_the_input(n_samples, n_outputs, dtype):
    values = np.arange(1.0, n_outputs + 1)
    network = SparseMLP([np.ones((2, 1)), np.zeros((1, n_outputs))], [[0.0], values], [("tanh",)])
    proto = to_onnx(network, dtype=dtype)
    assert all(0 not in tensor.dims for tensor in proto.graph.initializer)
    y = run(proto, np.full((n_samples, 2), np.nan, dtype=NUMPY[dtype]))
    assert y.shape == network.predict(np.zeros((n_samples, 2))).shape
    assert (y == (values if n_outputs > 1 else 1.0)).all()


def test_unused_columns_are_not_read():
    network, X = make_network(2), inputs()
    expected = network.predict(X)
    X[:, 2] = np.nan
    assert relative_error(run(to_onnx(network, dtype="double"), X), expected) <= 1e-12


def test_model_holds_the_pruned_network():
    living = SparseMLP([[[1.0]], [[2.0]]], [[0.5], [1.0]], [("sine",)])
    dead = SparseMLP(
        [[[1.0, 0.0, 3.0]], [[2.0], [4.0], [0.0]]], [[0.5, 0.0, 1.0], [-1.0]], [("sine", "sigmoid", "tanh")]
    )
    assert to_onnx(dead).SerializeToString() == to_onnx(living).SerializeToString()


@pytest.mark.parametrize("opset", [13, 15, 17, 21])
def test_every_opset_gives_the_same_numbers(opset):
    network, X = make_network(3), inputs()
    proto = to_onnx(network, dtype="double", opset=opset)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", opset)]
    assert {node.domain for node in proto.graph.node} == {""}
    assert relative_error(run(proto, X), network.predict(X)) <= 1e-12


@with_both_types
@pytest.mark.parametrize("depth", [0, 3])
def test_another_runtime_gives_the_same_numbers(depth, dtype):
    network, X = make_network(depth, n_outputs=3), inputs().astype(NUMPY[dtype])
    (y,) = ReferenceEvaluator(to_onnx(network, dtype=dtype)).run(None, {"X": X})
    assert relative_error(y, network.predict(X)) <= TOLERANCE[dtype]


# large and small numbers


def one_neuron(name, w_in=1.0, w_out=1.0):
    return SparseMLP([[[w_in]], [[w_out]]], [[0.0], [0.0]], [(name,)])


GRID = {
    "float": np.concatenate([np.logspace(-30, 37, 135), np.linspace(1e-3, 87, 999)]),
    "double": np.concatenate([np.logspace(-300, 307, 609), np.linspace(1e-3, 707, 999)]),
}


@with_both_types
@pytest.mark.parametrize("name", NAMES)
def test_each_activation_is_exact_over_the_range_of_its_type(name, dtype):
    z = np.concatenate([-GRID[dtype], GRID[dtype]]).astype(NUMPY[dtype])[:, np.newaxis]
    y, expected = run(to_onnx(one_neuron(name), dtype=dtype), z), one_neuron(name).predict(z)
    assert np.isfinite(y).all()
    smallest = np.finfo(NUMPY[dtype]).tiny  # numbers below it have fewer digits
    np.testing.assert_allclose(y, expected, rtol=TOLERANCE[dtype], atol=smallest)


@with_both_types
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gaussian"])
def test_saturated_neurons_give_their_limits(name, dtype):
    largest = np.finfo(NUMPY[dtype]).max
    z = np.array([[-np.inf], [-largest], [largest], [np.inf]], dtype=NUMPY[dtype])
    lower, upper = {"sigmoid": (0, 1), "tanh": (-1, 1), "gaussian": (0, 0)}[name]
    network = one_neuron(name, w_in=1e3)  # the sum overflows
    smallest = np.finfo(NUMPY[dtype]).tiny  # some runtimes end exp there
    np.testing.assert_allclose(
        run(to_onnx(network, dtype=dtype), z), [lower, lower, upper, upper], rtol=0, atol=smallest
    )


@with_both_types
@pytest.mark.parametrize("name", NAMES)
def test_missing_values_stay_missing(name, dtype):
    X = np.array([[np.nan], [1.0]], dtype=NUMPY[dtype])
    assert np.isnan(run(to_onnx(one_neuron(name), dtype=dtype), X)).tolist() == [True, False]


@pytest.mark.parametrize(("dtype", "size"), [("float", 1e-30), ("float", 1e30), ("double", 1e-200), ("double", 1e200)])
@pytest.mark.parametrize("name", ["identity", "tanh", "leaky_relu", "sine"])
def test_tiny_and_huge_weights(name, dtype, size):
    network = one_neuron(name, w_in=size, w_out=1 / size)
    X = np.linspace(-3, 3, 20)[:, np.newaxis]
    assert_equals_predict(network, X / size if size > 1 else X, dtype)


@with_both_types
def test_raw_units_of_any_size(dtype):
    scale = np.array([1e-12, 1e12, 1.0, 1e3])
    network = make_network(3, n_outputs=3).with_scaling(0.0, scale, 0.0, [1e-9, 1.0, 1e9])
    assert_equals_predict(network, inputs() * scale, dtype)


def test_number_too_large_for_float_is_refused():
    network = one_neuron("tanh", w_out=-1e39)
    with pytest.raises(ValueError, match=r"below 3\.4e\+38 to be exported as float32, got 1e\+39; export it as double"):
        to_onnx(network)
    assert run(to_onnx(network, dtype="double"), np.ones((1, 1))) == network.predict([[1.0]])


# names and estimators


def test_names_of_targets_are_in_the_metadata():
    network = SparseMLP([[[1.0]]], [[0.0]], [], target_names=["price \u20ac"])
    (entry,) = to_onnx(network).metadata_props
    assert (entry.key, json.loads(entry.value)) == ("target_names", ["price \u20ac"])


def test_odd_feature_names_are_in_the_metadata():
    names = ["X", "y", 'a "b"', "line\nbreak", "µ²", "", "\ud800", "0"]
    network = SparseMLP([np.arange(8.0).reshape(8, 1)], [[0.0]], [], names)
    proto = onnx.load_from_string(to_onnx(network).SerializeToString())
    assert json.loads({entry.key: entry.value for entry in proto.metadata_props}["feature_names"]) == names
    assert_equals_predict(network, np.random.default_rng(0).normal(size=(5, 8)), "float")


def test_network_without_names_has_no_metadata():
    assert not to_onnx(make_network(1)).metadata_props


def test_fitted_estimator_is_exported_with_its_names(quick, table):
    X, y = table
    model = quick().fit(pandas.DataFrame(X, columns=["a", "b", "c"]), y)
    proto = to_onnx(model, dtype="double")
    assert proto.metadata_props[0].value == '["a", "b", "c"]'
    assert relative_error(run(proto, X), model.network_.predict(X)) <= 1e-9


def test_model_says_who_made_it_and_runs_in_old_runtimes():
    proto = to_onnx(make_network(1))
    assert (proto.producer_name, proto.producer_version) == ("sk_swat", sk_swat.__version__)
    assert proto.ir_version == 8  # of onnx 1.10, from 2021


# errors


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dtype": "float16"}, ValueError, "dtype must be one of 'float', 'double', got 'float16'"),
        ({"opset": 12}, ValueError, r"opset must lie between 13 and \d+, got 12"),
        ({"opset": 999}, ValueError, r"opset must lie between 13 and \d+, got 999"),
        ({"opset": "15"}, TypeError, "opset must be an integer, got '15'"),
    ],
)
def test_impossible_setting_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        to_onnx(make_network(1), **arguments)


@pytest.mark.parametrize(
    "model", ["network", LinearRegression().fit([[0.0]], [0.0]), make_pipeline(LinearRegression()).fit([[0.0]], [0.0])]
)
def test_object_without_network_is_refused(model):
    with pytest.raises(TypeError, match="`model` must be a SparseMLP or a fitted SWATRegressor, got "):
        to_onnx(model)


def test_unfitted_estimator_is_refused():
    with pytest.raises(NotFittedError):
        to_onnx(sk_swat.SWATRegressor())


@pytest.mark.parametrize(
    ("package", "call"), [("onnx", "to_onnx(SparseMLP.constant(1, 0.0))"), ("skl2onnx", "register_converter()")]
)
def test_missing_package_is_said_with_the_extra(package, call):
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r}); sys.modules[{package!r}] = None\n"
        "from sk_swat import SparseMLP\nfrom sk_swat.export import register_converter, to_onnx\n"
        "assert not {'onnx', 'onnxruntime', 'skl2onnx'} & {name for name in sys.modules if sys.modules[name]}\n"
        f"try: {call}\nexcept ImportError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    name = call.split("(")[0]
    assert ran.stdout.startswith(f"{name} needs the package {package}; install sk_swat with its 'export' extra: ")
    assert "sk_swat[export]" in ran.stdout


# skl2onnx


@pytest.fixture(scope="module")
def pipeline(quick, table):
    """A fitted pipeline with columns of very different scales."""
    X, y = table
    X = X * [1.0, 100.0, 0.01] + [0.0, 50.0, 1.0]
    return make_pipeline(StandardScaler(), quick()).fit(X, y), X


@pytest.fixture
def converter():
    register_converter()


@pytest.mark.usefixtures("converter")
@with_both_types
def test_pipeline_converts_in_the_type_of_its_example(pipeline, dtype):
    model, X = pipeline
    X = X.astype(NUMPY[dtype])
    y = run(skl2onnx.to_onnx(model, X[:1]), X)
    assert y.dtype == NUMPY[dtype]
    assert relative_error(y, model.predict(X).reshape(-1, 1)) <= TOLERANCE[dtype]


@pytest.mark.usefixtures("converter")
@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize(("kind", "dtype"), [(FloatTensorType, "float"), (DoubleTensorType, "double")])
def test_declared_type_of_the_input_is_kept(pipeline, kind, dtype, opset):
    model, X = pipeline
    X = X.astype(NUMPY[dtype])
    proto = skl2onnx.to_onnx(model, initial_types=[("columns", kind([None, 3]))], target_opset=opset)
    element = {"float": onnx.TensorProto.FLOAT, "double": onnx.TensorProto.DOUBLE}[dtype]
    for end in (*proto.graph.input, *proto.graph.output):
        assert end.type.tensor_type.elem_type == element
    assert relative_error(run(proto, X), model.predict(X).reshape(-1, 1)) <= TOLERANCE[dtype]
    assert run(proto, X[:0]).shape == (0, 1)


@pytest.mark.usefixtures("converter")
def test_integers_convert_to_float(quick):
    X = np.random.default_rng(0).integers(-3, 4, size=(60, 2))
    model = quick().fit(X, np.tanh(X[:, 0]) + X[:, 1])
    y = run(skl2onnx.to_onnx(model, initial_types=[("X", Int64TensorType([None, 2]))]), X)
    assert y.dtype == np.float32
    assert relative_error(y, model.predict(X).reshape(-1, 1)) <= 1e-5


@pytest.mark.usefixtures("converter")
def test_table_with_one_input_per_column_converts_behind_a_scaler(pipeline):
    model, X = pipeline
    table = pandas.DataFrame(X, columns=["a b", "c", "µ"])
    proto = skl2onnx.to_onnx(model, table[:1])
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {column.name: X[:, [j]] for j, column in enumerate(session.get_inputs())})
    assert relative_error(y, model.predict(X).reshape(-1, 1)) <= 1e-5  # skl2onnx joins the columns in 32 bits


@pytest.mark.usefixtures("converter")
@with_both_types
def test_constant_regressor_converts(dtype):
    X = np.arange(6.0).reshape(3, 2).astype(NUMPY[dtype])
    model = make_pipeline(StandardScaler(), sk_swat.SWATRegressor(random_state=0)).fit(X, [4.0, 4.0, 4.0])
    assert run(skl2onnx.to_onnx(model, X), X).tolist() == [[4.0]] * 3


@pytest.mark.usefixtures("converter")
@with_both_types
@pytest.mark.parametrize("depth", range(5))
def test_converter_takes_every_activation_and_depth(pipeline, depth, dtype):
    model = copy.deepcopy(pipeline[0])
    network = make_network(depth).with_inputs(np.eye(3, 4))
    model[-1].network_ = network
    X = pipeline[1].astype(NUMPY[dtype])
    y = run(skl2onnx.to_onnx(model, X[:1]), X)
    expected = network.predict(model[0].transform(X.astype(np.float64))).reshape(-1, 1)
    assert relative_error(y, expected) <= TOLERANCE[dtype]


@pytest.mark.usefixtures("converter")
@with_both_types
def test_several_regressors_fit_into_one_model(quick, table, dtype):
    X = table[0].astype(NUMPY[dtype])
    model = VotingRegressor([(name, quick(activations=(name,))) for name in ("tanh", "sine")]).fit(X, table[1])
    assert relative_error(run(skl2onnx.to_onnx(model, X), X), model.predict(X).reshape(-1, 1)) <= TOLERANCE[dtype]


def raw_table(table):
    """Columns of very different scales, and a target far from zero."""
    X, y = table
    return X * [1.0, 100.0, 0.01] + [0.0, 50.0, 1.0], 7.0 + 100.0 * y


LINEAR = {
    "StandardScaler": make_pipeline(StandardScaler(), None),
    "without mean": make_pipeline(StandardScaler(with_mean=False), RobustScaler(with_scaling=False), None),
    "two scalers": make_pipeline(MinMaxScaler((-1, 3)), "passthrough", MaxAbsScaler(), None),
    "identity": make_pipeline(FunctionTransformer(), RobustScaler(), None),
}


@pytest.mark.parametrize("scaled_target", [False, True])
@pytest.mark.parametrize("name", LINEAR)
def test_every_export_takes_linear_scalers_around_a_regressor(name, scaled_target, quick, table):
    X, y = raw_table(table)
    model = clone(LINEAR[name])
    model.steps[-1] = ("last", quick())
    if scaled_target:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    model.fit(pandas.DataFrame(X, columns=["a", "b", "c"]), y)
    expected = model.predict(pandas.DataFrame(X, columns=["a", "b", "c"]))
    network = SparseMLP.from_json(export.to_numpy_json(model))
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-9)
    assert network.feature_names == ("a", "b", "c")
    assert relative_error(run(to_onnx(model, dtype="double"), X), expected) <= 1e-9
    for function in (export.to_c, export.to_python, export.to_sympy, export.to_latex, export.to_torch):
        assert str(function(model)) == str(function(network))
    np.testing.assert_allclose(network.fit_summary.spread, X.std(axis=0))


@with_both_types
def test_other_steps_are_converted_in_the_shape_of_predict(quick, table, dtype):
    X, y = raw_table(table)
    X = X.astype(NUMPY[dtype])
    for target in (y, np.c_[y, y[::-1]]):
        model = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), quick()).fit(X, target)
        proto = to_onnx(model, dtype=dtype)
        assert [one.name for one in proto.graph.input] == ["X"] and [one.name for one in proto.graph.output] == ["y"]
        assert relative_error(run(proto, X), model.predict(X)) <= 10 * TOLERANCE[dtype]
        assert {one.version for one in to_onnx(model, opset=13).opset_import if not one.domain} == {13}


def test_other_exports_say_what_to_call_for_other_steps(quick, table):
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), quick()).fit(*table)
    for function in (export.to_c, export.to_python, export.to_numpy_json, export.to_sympy, export.to_torch):
        with pytest.raises(TypeError, match=r"got a Pipeline with more than .*; export the LatentDescent.* to_onnx"):
            function(model)
        function(model[-1])


def test_step_that_cannot_be_converted_is_said(quick, table):
    X, y = table
    model = TransformedTargetRegressor(quick(), func=np.log, inverse_func=np.exp).fit(X, np.exp(y))
    with pytest.raises(TypeError, match=r"got a TransformedTargetRegressor where it does not .* Export the LatentD"):
        to_onnx(model)
    model = make_pipeline(PolynomialFeatures(2), quick()).fit(X, y)  # a constant column, of another type
    with pytest.raises(TypeError, match=r"got a Pipeline where it does not \(.*inconsistent type.*\)"):
        to_onnx(model, dtype="double")
    with pytest.raises(NotFittedError):
        to_onnx(make_pipeline(StandardScaler(), quick()))


def test_pipeline_without_skl2onnx_names_the_package(quick, table, monkeypatch):
    scaled = make_pipeline(StandardScaler(), quick()).fit(*table)
    other = make_pipeline(PolynomialFeatures(2, include_bias=False), quick()).fit(*table)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    to_onnx(scaled)
    with pytest.raises(ImportError, match=r"needs the package skl2onnx; install sk_swat with its 'export' extra"):
        to_onnx(other)


def test_offset_of_a_scaler_keeps_its_bits(quick):
    """A time stamp: the scaler's function at 0 and 1 has lost them."""
    rng = np.random.default_rng(0)
    X = 1.7e9 + rng.normal(size=(60, 1))
    model = make_pipeline(StandardScaler(), quick(activations=("tanh",))).fit(X, X[:, 0] - 1.7e9)
    network = SparseMLP.from_json(export.to_numpy_json(model))
    np.testing.assert_allclose(network.predict(X), model.predict(X), atol=1e-6)


def test_converter_is_used_once_it_is_registered(pipeline, monkeypatch):
    model, X = pipeline
    monkeypatch.delitem(sklearn_operator_name_map, type(model[-1]), raising=False)
    with pytest.raises(MissingShapeCalculator):
        skl2onnx.to_onnx(model, X[:1])
    register_converter()
    register_converter()
    skl2onnx.to_onnx(model, X[:1])

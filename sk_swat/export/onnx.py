"""A network as an ONNX model of standard operators."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_swat.export.models import needs_converter, network_to_export
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_choice, check_integer

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["Graph", "add_network", "to_onnx"]

NUMPY_TYPES: dict[str, np.dtype[Any]] = {"float": np.dtype(np.float32), "double": np.dtype(np.float64)}
"""What the two types of an ONNX model are called in NumPy."""

_OLDEST_OPSET = 13  # before it, Squeeze takes its axes as an attribute


def to_onnx(model: Any, *, dtype: str = "float", opset: int = 15) -> ModelProto:
    """Write a network as an ONNX model.

    The model holds the pruned network: neurons without effect are left out, and columns without weights are not
    read. Its input ``X`` has shape (batch, n_features), in the units of ``predict``; its output ``y`` has the shape
    that ``predict`` gives, (batch,) for one output and (batch, n_outputs) for several. Batches of any size run,
    empty ones too.

    Parameters
    ----------
    model : SparseMLP or fitted estimator
        The network, or an estimator with the attribute ``network_``. A pipeline or TransformedTargetRegressor with one
        inside is taken as a whole: linear scalers are folded into the network, and other steps are converted by
        skl2onnx, from one input for all columns. For tables with text call ``skl2onnx.to_onnx`` after
        `register_converter`.
    dtype : {"float", "double"}, default="float"
        Type of input, weights, sums and output: 32 or 64 bits. All runtimes know "float". "double" equals
        ``predict`` up to rounding, and needs float64 input.
    opset : int, default=15
        Version of the operators, from 13 to the newest one that the installed onnx knows. The default runs in
        runtimes from the end of 2021 on.

    Returns
    -------
    proto : onnx.ModelProto
        The model. Names of columns and outputs, if the network has any, are in its metadata: the values of
        "feature_names" and "target_names" are JSON lists.

    Raises
    ------
    ImportError
        If onnx is not installed, or skl2onnx where it is needed.
    TypeError
        If there is no network inside, or skl2onnx cannot convert what is around it.
    ValueError
        If a number of the network is too large for 32 bits.

    Notes
    -----
    Saturated neurons stay exact: no huge argument gives nan in "sigmoid", "tanh" or "gaussian". As in ``predict``,
    sums beyond the range of the type are inf or nan; for "float" that range ends at 3.4e38, and numbers below 1e-38
    lose digits. Raw columns whose mean is large against their spread lose digits in "float", whatever the model.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> from sk_swat.export import to_onnx
    >>> network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[0.0], [3.0]], [["tanh"]], ["a", "b"])
    >>> proto = to_onnx(network)
    >>> [node.op_type for node in proto.graph.node]
    ['Gather', 'Gemm', 'Tanh', 'Gemm', 'Squeeze']
    >>> proto.metadata_props[0].key, proto.metadata_props[0].value
    ('feature_names', '["a", "b"]')

    ``onnx.save(proto, "network.onnx")`` writes the file.
    """
    try:
        from onnx import defs, helper
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the package onnx; install sk_swat with its 'export' extra: "
            f"pip install 'sk_swat[export]' ({error})."
        ) from error
    from sk_swat import __version__

    check_choice("dtype", dtype, NUMPY_TYPES)
    newest = defs.onnx_opset_version()
    if not _OLDEST_OPSET <= check_integer("opset", opset) <= newest:
        raise ValueError(f"opset must lie between {_OLDEST_OPSET} and {newest}, got {opset}.")
    if needs_converter(model):
        from sk_swat.export.skl2onnx_converter import convert_pipeline

        return convert_pipeline(model, dtype, opset)
    network = network_to_export(model)
    numpy_type = NUMPY_TYPES[dtype]
    graph = Graph(numpy_type)
    outputs = add_network(graph, network, "X", "y" if network.n_outputs > 1 else None)
    if network.n_outputs == 1:
        graph.node("Squeeze", outputs, graph.constant("column", [1]), output="y")
    element = helper.np_dtype_to_tensor_dtype(numpy_type)
    y_shape: list[Any] = ["batch"] if network.n_outputs == 1 else ["batch", network.n_outputs]
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sk_swat",
            [helper.make_tensor_value_info("X", element, ["batch", network.n_features_in])],
            [helper.make_tensor_value_info("y", element, y_shape)],
            graph.initializers,
        ),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),  # the newest one shuts out older runtimes
        producer_name="sk_swat",
        producer_version=__version__,
    )
    names = {"feature_names": network.feature_names, "target_names": network.target_names}
    helper.set_model_props(proto, {key: json.dumps(value) for key, value in names.items() if value is not None})
    return proto


class Graph:
    """Nodes and constants of an ONNX graph while it is built, floats in one type.

    `unique` makes a new name of a wanted one; without it, names that come again are numbered.
    """

    def __init__(self, dtype: np.dtype[Any], unique: Callable[[str], str] | None = None) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._dtype = dtype
        self._taken = {"X", "y"}
        self._unique = unique or self._number_names
        self._scalars: dict[float, str] = {}

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output, and return the name of that; a new one unless it is given."""
        from onnx import helper

        name = output or self._unique(operator.lower())
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, values: ArrayLike) -> str:
        """Add an array, floats in the type of the graph and integers as int64, and return its name."""
        from onnx import numpy_helper

        array = np.asarray(values)
        array = array.astype(np.int64) if array.dtype.kind == "i" else _to_type(array, self._dtype)
        unique = self._unique(name)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), unique))
        return unique

    def scalar(self, value: float) -> str:
        """Return the name of a float without dimensions, which is stored once."""
        if value not in self._scalars:
            self._scalars[value] = self.constant("scalar", np.array(value))
        return self._scalars[value]

    def _number_names(self, name: str) -> str:
        number, unique = 1, name
        while unique in self._taken:
            number += 1
            unique = f"{name}_{number}"
        self._taken.add(unique)
        return unique


def add_network(graph: Graph, network: SparseMLP, X: str, output: str | None = None) -> str:
    """Add the pruned network to a graph; `X` and what is returned are names of tensors with one row for each sample."""
    network = network.prune()
    used = network.used_features
    if not len(used):
        return _constant_rows(graph, network, X, output)
    rows: NDArray[np.intp] = used  # of the next layer's weights, in the order of its inputs
    a = X
    if len(used) < network.n_features_in:
        a = graph.node("Gather", X, graph.constant("used_features", used), axis=1)
    for coef, intercept, names in zip(network.coefs[:-1], network.intercepts[:-1], network.activations, strict=True):
        a, rows = _hidden_layer(graph, a, coef[rows], intercept, names)
    return _linear(graph, a, network.coefs[-1][rows], network.intercepts[-1], output)


def _constant_rows(graph: Graph, network: SparseMLP, X: str, output: str | None) -> str:
    """One and the same row for each row of X, without empty tensors, which not all runtimes know."""
    n_samples = graph.node("Gather", graph.node("Shape", X), graph.constant("first", [0]), axis=0)
    shape = graph.node("Concat", n_samples, graph.constant("n_outputs", [network.n_outputs]), axis=0)
    row = graph.constant("intercept", network.intercepts[-1].reshape(1, -1))
    return graph.node("Expand", row, shape, output=output)


def _hidden_layer(
    graph: Graph, a: str, coef: NDArray[np.float64], intercept: NDArray[np.float64], names: Sequence[str]
) -> tuple[str, NDArray[np.intp]]:
    """Add a layer, one matrix product for each activation; return its output and the order of its neurons."""
    groups = [np.flatnonzero(np.array(names) == name) for name in ACTIVATIONS]
    parts = [
        activation.onnx(graph, _linear(graph, a, coef[:, group], intercept[group]))
        for activation, group in zip(ACTIVATIONS.values(), groups, strict=True)
        if len(group)
    ]
    joined = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
    return joined, np.concatenate(groups)


def _linear(
    graph: Graph, a: str, coef: NDArray[np.float64], intercept: NDArray[np.float64], output: str | None = None
) -> str:
    return graph.node("Gemm", a, graph.constant("coef", coef), graph.constant("intercept", intercept), output=output)


def _to_type(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore", under="ignore"):
        converted = array.astype(dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"a network must hold numbers below {np.finfo(dtype).max:.2g} to be exported as {dtype}, got "
            f"{np.abs(array).max():g}; export it as double."
        )
    return converted

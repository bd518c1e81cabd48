"""Regressors of sk_swat in pipelines that skl2onnx converts."""

from __future__ import annotations

from typing import Any

from sk_swat.estimators.latent_descent import LatentDescentRegressor
from sk_swat.estimators.regressor import SWATRegressor
from sk_swat.export.models import network_to_export
from sk_swat.export.onnx import NUMPY_TYPES, Graph, add_network
from sk_swat.network.linear_steps import regressor_within

__all__ = ["convert_pipeline", "register_converter"]

_LONGEST_REASON = 200  # characters of a message of skl2onnx, which may name all that it can convert


def register_converter() -> None:
    """Teach skl2onnx to convert `SWATRegressor` and `LatentDescentRegressor`, alone or as the step of a pipeline.

    Call it once before ``skl2onnx.to_onnx``; further calls change nothing. Importing sk_swat registers nothing.

    The regressor computes in the type of its input: double for ``DoubleTensorType``, as skl2onnx picks for an example
    X of float64, and float for all others. Its output has that type and shape (n_samples, n_targets); as for the
    regressors of scikit-learn, that is (n_samples, 1) for one target, where ``predict`` gives (n_samples,). All columns
    come as one input; for a table with one input per column put a step before the regressor that joins them, such as a
    ``StandardScaler``.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : For networks, and for whole pipelines of one input; it calls this where it needs skl2onnx.

    Examples
    --------
    >>> import numpy as np, skl2onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_swat import SWATRegressor
    >>> from sk_swat.export import register_converter
    >>> X = np.array([[1.0], [2.0], [3.0]])
    >>> model = make_pipeline(StandardScaler(), SWATRegressor(random_state=0)).fit(X, [4.0, 4.0, 4.0])
    >>> register_converter()
    >>> proto = skl2onnx.to_onnx(model, X)
    """
    try:
        from skl2onnx import update_registered_converter
        from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes
    except ImportError as error:
        raise ImportError(
            "register_converter needs the package skl2onnx; install sk_swat with its 'export' extra: "
            f"pip install 'sk_swat[export]' ({error})."
        ) from error

    def output_shapes(operator: Any) -> None:
        calculate_linear_regressor_output_shapes(operator)  # of one target
        operator.outputs[0].type.shape[1] = network_to_export(operator.raw_operator).n_outputs

    for kind in (SWATRegressor, LatentDescentRegressor):
        update_registered_converter(kind, "SkSwat" + kind.__name__, output_shapes, _convert)


def convert_pipeline(model: Any, dtype: str, opset: int) -> Any:
    """Convert a fitted pipeline with a regressor of ours at its end; see :func:`sk_swat.export.to_onnx`."""
    register_converter()
    import skl2onnx
    from onnx import TensorProto, checker, helper
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = DoubleTensorType if dtype == "double" else FloatTensorType
    try:
        proto = skl2onnx.to_onnx(
            model, initial_types=[("X", kind([None, model.n_features_in_]))], target_opset=opset, name="sk_swat"
        )
        checker.check_model(proto, full_check=True)
    except Exception as error:  # of many types, according to the step
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise TypeError(
            f"`model` must consist of steps that skl2onnx converts from one input of numbers, got a "
            f"{type(model).__name__} where it does not ({reason}). Export the {type(regressor_within(model)).__name__} "
            "inside, or call skl2onnx.to_onnx with types of your own after sk_swat.export.register_converter()."
        ) from error
    n_outputs = regressor_within(model).network_.n_outputs
    (output,) = proto.graph.output
    before, output.name = output.name, "y"
    if n_outputs == 1:  # the shape that predict gives
        proto.graph.initializer.append(helper.make_tensor("y_column", TensorProto.INT64, [1], [1]))
        proto.graph.node.append(helper.make_node("Squeeze", [before, "y_column"], ["y"]))
        del output.type.tensor_type.shape.dim[1]
    else:
        proto.graph.node.append(helper.make_node("Identity", [before], ["y"]))
    return proto


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the network of a fitted regressor to skl2onnx's container."""
    from onnx import helper
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    column_type = operator.inputs[0].type
    numpy_type = NUMPY_TYPES["double" if isinstance(column_type, DoubleTensorType) else "float"]
    graph = Graph(numpy_type, scope.get_unique_variable_name)
    X = operator.inputs[0].full_name
    if not isinstance(column_type, FloatTensorType | DoubleTensorType):  # integers and booleans
        X = graph.node("Cast", X, to=helper.np_dtype_to_tensor_dtype(numpy_type))
    add_network(graph, network_to_export(operator.raw_operator), X, operator.outputs[0].full_name)
    for tensor in graph.initializers:
        container.add_initializer(tensor.name, tensor.data_type, list(tensor.dims), tensor)
    for node in graph.nodes:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        name = scope.get_unique_operator_name(node.op_type)
        container.add_node(node.op_type, list(node.input), list(node.output), name=name, **attributes)

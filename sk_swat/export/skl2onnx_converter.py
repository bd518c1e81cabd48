"""SWATRegressor in pipelines that skl2onnx converts."""

from __future__ import annotations

from typing import Any

from sk_swat.estimator import SWATRegressor
from sk_swat.export.neurons import exported_network
from sk_swat.export.onnx import NUMPY_TYPES, Graph, add_network

__all__ = ["register_converter"]

_ALIAS = "SkSwatRegressor"


def register_converter() -> None:
    """Teach skl2onnx to convert `SWATRegressor`, alone or as the step of a pipeline.

    Call it once before ``skl2onnx.to_onnx``; further calls change nothing. Importing sk_swat registers nothing.

    The regressor computes in the type of its input: double for ``DoubleTensorType``, as skl2onnx picks for an example
    X of float64, and float for all others. Its output has that type and, as for the regressors of scikit-learn,
    shape (n_samples, 1): ``predict`` gives (n_samples,). All columns come as one input; for a table with one input
    per column put a step before the regressor that joins them, such as a ``StandardScaler``.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : Without skl2onnx, for the network alone.

    Examples
    --------
    >>> import numpy as np, skl2onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_swat import SWATRegressor
    >>> from sk_swat.export import register_converter
    >>> X = np.array([[1.0], [2.0], [3.0]])
    >>> model = make_pipeline(StandardScaler(), SWATRegressor()).fit(X, [4.0, 4.0, 4.0])
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

    update_registered_converter(SWATRegressor, _ALIAS, calculate_linear_regressor_output_shapes, _convert)


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
    add_network(graph, exported_network(operator.raw_operator), X, operator.outputs[0].full_name)
    for tensor in graph.initializers:
        container.add_initializer(tensor.name, tensor.data_type, list(tensor.dims), tensor)
    for node in graph.nodes:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        name = scope.get_unique_operator_name(node.op_type)
        container.add_node(node.op_type, list(node.input), list(node.output), name=name, **attributes)

"""The found network in other languages: C, Python, JSON for NumPy, ONNX, torch, sympy and LaTeX.

Every function takes a :class:`~sk_swat.SparseMLP` or a fitted regressor and exports the pruned network on raw inputs;
linear scalers around a regressor are folded into it. Libraries are imported when they are needed.
"""

from sk_swat.export.c_source import to_c
from sk_swat.export.formula import to_sympy
from sk_swat.export.latex import path_to_latex, to_latex
from sk_swat.export.numpy_json import to_numpy_json
from sk_swat.export.onnx import to_onnx
from sk_swat.export.python_source import to_python
from sk_swat.export.skl2onnx_converter import register_converter
from sk_swat.export.torch_module import to_torch

__all__ = [
    "path_to_latex",
    "register_converter",
    "to_c",
    "to_latex",
    "to_numpy_json",
    "to_onnx",
    "to_python",
    "to_sympy",
    "to_torch",
]

"""The exports as methods, for networks and for regressors that hold one."""

from __future__ import annotations

from typing import Any

__all__ = ["ExportMixin"]


class ExportMixin:
    """Methods that hand the object to the functions of :mod:`sk_swat.export`, which say what the arguments are."""

    def to_c(self, **options: Any) -> str:
        """C99 source text; see :func:`sk_swat.export.to_c`."""
        from sk_swat.export.c_source import to_c

        return to_c(self, **options)

    def to_python(self, **options: Any) -> str:
        """Source text of a Python function; see :func:`sk_swat.export.to_python`."""
        from sk_swat.export.python_source import to_python

        return to_python(self, **options)

    def to_numpy_json(self) -> str:
        """JSON text that a few lines of NumPy run; see :func:`sk_swat.export.to_numpy_json`."""
        from sk_swat.export.numpy_json import to_numpy_json

        return to_numpy_json(self)

    def to_onnx(self, **options: Any) -> Any:
        """ONNX model; see :func:`sk_swat.export.to_onnx`."""
        from sk_swat.export.onnx import to_onnx

        return to_onnx(self, **options)

    def to_sympy(self, **options: Any) -> Any:
        """Sympy expression; see :func:`sk_swat.export.to_sympy`."""
        from sk_swat.export.formula import to_sympy

        return to_sympy(self, **options)

    def to_latex(self, **options: Any) -> str:
        """LaTeX text of the formula; see :func:`sk_swat.export.to_latex`."""
        from sk_swat.export.latex import to_latex

        return to_latex(self, **options)

    def to_torch(self) -> Any:
        """Plain torch module; see :func:`sk_swat.export.to_torch`."""
        from sk_swat.export.torch_module import to_torch

        return to_torch(self)

"""A network as a LaTeX formula."""

from __future__ import annotations

import math
from typing import Any

from sk_swat.export.formula import formulas, import_sympy
from sk_swat.export.models import network_to_export
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_integer

__all__ = ["path_to_latex", "to_latex"]

_SMALLEST_POWER, _LARGEST_POWER = -4, 6  # of ten; numbers beyond are written as a product with one


def to_latex(model: object, *, digits: int | str | None = "auto") -> str:
    r"""Write the formula of the network in LaTeX, for math mode.

    LaTeX with the package amsmath, MathJax and KaTeX read it. A neuron appears wherever it is used, so the formula of a
    deep and dense network is long.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export. Columns in use must have different names.
    digits : int, "auto" or None, default="auto"
        Significant digits of all numbers, as in :func:`to_sympy`; it warns in the same way. None prints 15.

    Returns
    -------
    text : str
        An equation for each output, by its name; without names for ``\hat{y}``, or ``\hat{y}_{1}``, ``\hat{y}_{2}``
        ... Names are upright, with special characters escaped; names of one letter are italic.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> network = SparseMLP([[[1.25], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]], ["body_mass", "age"], ["risk"])
    >>> print(to_latex(network))
    \mathrm{risk} = 2.0 \tanh{\left(1.25 \mathrm{body\_mass} - 0.5 \right)} + 3.0
    """
    import_sympy("to_latex")
    return _equations(network_to_export(model), digits)


def path_to_latex(model: Any, *, digits: int | str | None = "auto", max_nonzero: int | None = None) -> str:
    r"""Write the networks of a path as a table in LaTeX, for math mode: size, R^2 and formula of each.

    LaTeX with the package amsmath, MathJax and KaTeX read it. A star marks the chosen network.

    Parameters
    ----------
    model : fitted SWATRegressor or SWATCompressor
        Whose path to export. Columns in use must have different names.
    digits : int, "auto" or None, default="auto"
        Significant digits of all numbers, as in :func:`to_latex`; "auto" takes what each network needs.
    max_nonzero : int, default=None
        Largest number of weights and biases of a network in the table; None takes all.

    Returns
    -------
    text : str
        An ``array`` with one row for each network, by size. R^2 is that on the fitted rows and that in validation, a
        dash if there was none.

    Examples
    --------
    >>> from sk_swat import SWATRegressor
    >>> print(path_to_latex(SWATRegressor(random_state=0).fit([[1.0], [2.0]], [3.0, 3.0])))
    \begin{array}{crrrl}
    & \text{size} & R^2_{\text{train}} & R^2_{\text{validation}} & \text{formula} \\ \hline
    \ast & 1 & 1.0000 & 1.0000 & \hat{y} = 3.0
    \end{array}
    """
    import_sympy("path_to_latex")
    if not hasattr(type(model), "path_"):
        raise TypeError(f"`model` must be a fitted SWATRegressor or SWATCompressor, got {model!r}.")
    path = model.path_
    largest = path["n_nonzero"].max() if max_nonzero is None else check_integer("max_nonzero", max_nonzero, 1)
    if largest < path["n_nonzero"].min():
        raise ValueError(
            f"max_nonzero must be at least {path['n_nonzero'].min()}, the size of the smallest network of the path, "
            f"got {max_nonzero}."
        )
    rows = [r"& \text{size} & R^2_{\text{train}} & R^2_{\text{validation}} & \text{formula} \\ \hline"]
    for row, network in zip(path.itertuples(), model.networks_, strict=True):
        if row.n_nonzero <= largest:
            figures = [r"\text{-}" if math.isnan(r2) else f"{r2:.4f}" for r2 in (row.r2_train, row.r2_validation)]
            cells = [str(row.n_nonzero), *figures, _equations(network.prune(), digits)]
            rows.append((r"\ast & " if row.chosen else "& ") + " & ".join(cells) + r" \\")
    rows[-1] = rows[-1].removesuffix(r" \\")
    return "\n".join([r"\begin{array}{crrrl}", *rows, r"\end{array}"])


def _equations(network: SparseMLP, digits: int | str | None) -> str:
    """Equation of a pruned network, or several one below the other."""
    import sympy

    outputs = formulas(network, digits, to_read=True)
    texts = [
        sympy.latex(
            output,
            symbol_names={sympy.Symbol(name): _upright(name) for name in network.feature_names or ()},
            full_prec=False,
            min=_SMALLEST_POWER,
            max=_LARGEST_POWER,
        )
        for output in outputs
    ]
    if len(texts) == 1:
        return f"{_outputs(network)[0]} = {texts[0]}"
    rows = [f"{name} &= {text}" for name, text in zip(_outputs(network), texts, strict=True)]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _outputs(network: SparseMLP) -> list[str]:
    """Names of the outputs for math mode."""
    if network.target_names is not None:
        return list(map(_upright, network.target_names))
    return [r"\hat{y}"] if network.n_outputs == 1 else [rf"\hat{{y}}_{{{j + 1}}}" for j in range(network.n_outputs)]


def _upright(name: str) -> str:
    """Write a column name for math mode."""
    if len(name) == 1 and name.isascii() and name.isalpha():
        return name
    return rf"\mathrm{{{''.join(map(_escape, name))}}}"


def _escape(character: str) -> str:
    special = {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}", "-": r"\text{-}", "'": r"\text{'}"}
    if character in special:
        return special[character]
    if character in "_%&#${}":
        return "\\" + character
    if character.isspace():
        return r"\ "
    return character if character.isprintable() else "?"

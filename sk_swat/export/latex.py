"""A network as a LaTeX formula."""

from __future__ import annotations

from sk_swat.export.formula import formulas, import_sympy
from sk_swat.export.neurons import exported_network
from sk_swat.network import SparseMLP

__all__ = ["to_latex"]

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
    sympy = import_sympy("to_latex")
    network = exported_network(model)
    outputs = formulas(network, digits, exponential_sigmoid=True)
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
    return rf"\mathrm{{{''.join(map(_escaped, name))}}}"


def _escaped(character: str) -> str:
    special = {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}", "-": r"\text{-}", "'": r"\text{'}"}
    if character in special:
        return special[character]
    if character in "_%&#${}":
        return "\\" + character
    if character.isspace():
        return r"\ "
    return character if character.isprintable() else "?"

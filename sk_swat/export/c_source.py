"""A network as C99 source text."""

from __future__ import annotations

from sk_swat.export.c_language import CReal, check_c_name
from sk_swat.export.c_tables import table_definition
from sk_swat.export.models import network_to_export
from sk_swat.export.source import fill, headline, name_comments
from sk_swat.network.neurons import Neuron, neuron_layers, weighted_sum
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.parameters import check_choice

__all__ = ["to_c"]


def to_c(model: object, *, dtype: str = "double", name: str = "network", tables: bool = False) -> str:
    r"""Write the network as one self-contained C99 file, which C++ compilers take too.

    The file defines ``void NAME_predict(const double x[NAME_N_FEATURES], double y[NAME_N_OUTPUTS])`` (with a capital
    NAME in the macros). It needs math.h alone, allocates nothing and keeps no state. Compile it once. It is its own
    header: another file says ``#define NAME_DECLARATION_ONLY`` and then includes it. `x` and `y` must not overlap.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export.
    dtype : {"double", "float"}, default="double"
        Type of inputs, outputs and arithmetic. "float" has about seven digits, and the first layer takes raw inputs:
        columns that vary little around a large mean lose digits.
    name : str, default="network"
        Begin of all names in the file: letters, digits and underscores, a letter first.
    tables : bool, default=False
        Put the non-zero parameters into constant tables and loop over them. Smaller code for large networks; by default
        every neuron is one statement.

    Returns
    -------
    text : str
        The source, in ASCII. Numbers are written such that the compiler reads the same ones; names of
        columns and outputs are comments.

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]], ["age", "mass"])
    >>> text = to_c(network, name="bmi")
    >>> print(text[text.index("void bmi_predict(const double x[BMI_N_FEATURES], double y[BMI_N_OUTPUTS])\n{"):])
    void bmi_predict(const double x[BMI_N_FEATURES], double y[BMI_N_OUTPUTS])
    {
        const double h1_1 = tanh(1.0 * x[0] - 0.5);
        y[0] = 2.0 * h1_1 + 3.0;
    }
    <BLANKLINE>
    #endif
    """
    check_choice("dtype", dtype, ("double", "float"))
    real = CReal(dtype, check_c_name(name))
    network = network_to_export(model)
    layers = neuron_layers(network)
    if tables and len(network.used_features):  # a constant has nothing to put into tables
        definition = table_definition(network, layers, real, _signature(real))
    else:
        definition = _statements(network, layers, real)
    activations = [neuron.activation for layer in layers for neuron in layer]
    lines = [
        *_declaration(network, real),
        f"#ifndef {name.upper()}_DECLARATION_ONLY",
        "",
        "#include <math.h>",
        "",
        *real.definitions(activations),
        *definition,
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _signature(real: CReal) -> str:
    macro = real.prefix.upper()
    return f"void {real.prefix}_predict(const {real.dtype} x[{macro}_N_FEATURES], {real.dtype} y[{macro}_N_OUTPUTS])"


def _declaration(network: SparseMLP, real: CReal) -> list[str]:
    macro = real.prefix.upper()
    return [
        "/*",
        f" * {headline(network)}.",
        " *",
        " * Compile this file once. Every other file that calls it gets the declaration alone with",
        f" *     #define {macro}_DECLARATION_ONLY",
        " * before it includes this file. x and y must not overlap.",
        " *",
        *(f" * {line}" for line in name_comments(network)),
        " */",
        f"#ifndef {macro}_DECLARATION",
        f"#define {macro}_DECLARATION",
        "",
        f"#define {macro}_N_FEATURES {network.n_features_in}",
        f"#define {macro}_N_OUTPUTS {network.n_outputs}",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        f"{_signature(real)};",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]


def _statements(network: SparseMLP, layers: list[list[Neuron]], real: CReal) -> list[str]:
    """Define the function with one statement for each neuron; ``h1_2`` is neuron 2 of hidden layer 1."""
    operands = [f"x[{i}]" for i in range(network.n_features_in)]
    lines = [_signature(real), "{"]
    if not len(network.used_features):
        lines.append("    (void)x;")
    for number, layer in enumerate(layers, start=1):
        hidden = number < len(layers)
        results = [f"h{number}_{j + 1}" if hidden else f"y[{j}]" for j in range(len(layer))]
        for result, neuron in zip(results, layer, strict=True):
            value = real.call(neuron.activation, weighted_sum(neuron, operands, real.literal))
            lines.append(fill(f"const {real.dtype} {result} = {value};" if hidden else f"{result} = {value};"))
        operands = results
    return [*lines, "}"]

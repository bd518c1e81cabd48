"""The C function that loops over constant tables of the non-zero parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from sk_swat.export.c_language import CReal
from sk_swat.export.source import fill
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.neurons import Neuron
from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["table_definition"]


def table_definition(network: SparseMLP, layers: list[list[Neuron]], real: CReal, signature: str) -> list[str]:
    """Write tables and function for a network with at least one weight, given its neurons and the function's head.

    Columns in use and neurons are numbered through: columns first, then layer by layer. Value k is computed from
    values before it, so one loop over all neurons evaluates the network.
    """
    columns = network.used_features.tolist()
    neurons = [neuron for layer in layers for neuron in layer]
    sources = _sources(columns, layers)
    order = list(ACTIVATIONS)
    codes = [order.index(neuron.activation) for neuron in neurons]
    first = [0, *accumulate(len(neuron.inputs) for neuron in neurons)]
    weights = [weight for neuron in neurons for _, weight in neuron.inputs]
    name = real.prefix
    n_columns, n_neurons, n_outputs = len(columns), len(neurons), network.n_outputs
    lines = [
        *_index_table(f"{name}_column", columns, "columns of x in use"),
        *_index_table(f"{name}_first", first, "neuron k has the weights from first[k] to first[k + 1] - 1"),
        *_index_table(f"{name}_source", sources, "value that a weight belongs to: columns in use, then neurons"),
        *_table(real.dtype, f"{name}_weight", list(map(real.literal, weights)), "weights"),
        *_table(real.dtype, f"{name}_bias", [real.literal(neuron.bias) for neuron in neurons], "biases"),
    ]
    loop = [
        signature,
        "{",
        f"    {real.dtype} value[{n_columns + n_neurons}];",
        "    unsigned long i, k;",
        f"    for (i = 0; i < {n_columns}; i++)",
        f"        value[i] = x[{name}_column[i]];",
        f"    for (k = 0; k < {n_neurons}; k++) {{",
        f"        {real.dtype} z = {name}_bias[k];",
        f"        for (i = {name}_first[k]; i < {name}_first[k + 1]; i++)",
        f"            z += {name}_weight[i] * value[{name}_source[i]];",
        f"        value[{n_columns} + k] = z;",
        "    }",
        f"    for (i = 0; i < {n_outputs}; i++)",
        f"        y[i] = value[{n_columns + n_neurons - n_outputs} + i];",
        "}",
    ]
    if any(codes):
        lines += _index_table(f"{name}_activation", codes, "activation of neuron k, as in the switch below")
        loop[loop.index(f"        value[{n_columns} + k] = z;")] = (
            f"        value[{n_columns} + k] = {name}_activate({name}_activation[k], z);"
        )
        lines += _switch(real, sorted(set(codes)))
    return lines + loop


def _sources(columns: list[int], layers: list[list[Neuron]]) -> list[int]:
    """Say which value each weight is multiplied with."""
    numbers = {column: position for position, column in enumerate(columns)}
    sources, n_values = [], len(columns)
    for layer in layers:
        sources += [numbers[index] for neuron in layer for index, _ in neuron.inputs]
        numbers = dict(enumerate(range(n_values, n_values + len(layer))))
        n_values += len(layer)
    return sources


def _switch(real: CReal, codes: list[int]) -> list[str]:
    lines = [f"static {real.dtype} {real.prefix}_activate(int code, {real.dtype} z)", "{", "    switch (code) {"]
    for code in codes:
        if code:  # identity is the default
            lines.append(f"    case {code}: return {real.call(list(ACTIVATIONS)[code], 'z')};")
    return [*lines, "    default: return z;", "    }", "}", ""]


def _index_table(name: str, values: Sequence[int], comment: str) -> list[str]:
    largest = max(values)
    kind = "char" if largest < 2**8 else "short" if largest < 2**16 else "long"
    return _table(f"unsigned {kind}", name, list(map(str, values)), comment)


def _table(kind: str, name: str, entries: Sequence[str], comment: str) -> list[str]:
    return [
        f"/* {comment} */",
        f"static const {kind} {name}[{len(entries)}] = {{",
        fill(", ".join(entries), hanging=0),
        "};",
        "",
    ]

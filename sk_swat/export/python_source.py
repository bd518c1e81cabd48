"""A network as a plain Python function."""

from __future__ import annotations

import builtins
import keyword

from sk_swat.export.models import network_to_export
from sk_swat.export.source import fill, headline, name_comments
from sk_swat.network.activations import ACTIVATIONS
from sk_swat.network.neurons import neuron_layers, weighted_sum

__all__ = ["to_python"]


def to_python(model: object, *, name: str = "predict") -> str:
    """Write the network as Python source of one function, which needs nothing but the module math.

    The function takes a sequence of n_features numbers (one sample) and returns a float, or a tuple of floats if
    there are several outputs. Sums too large for a float give inf or nan, as those of ``predict`` do.

    Parameters
    ----------
    model : SparseMLP or fitted SWATRegressor
        What to export.
    name : str, default="predict"
        Name of the function: an identifier in ASCII, no keyword, built-in name or "math".

    Returns
    -------
    text : str
        The source, in ASCII. Numbers are exact; names of columns and outputs are comments (``y[0]`` is the
        first output).

    Examples
    --------
    >>> from sk_swat import SparseMLP
    >>> network = SparseMLP([[[1.0], [0.0]], [[2.0]]], [[-0.5], [3.0]], [["tanh"]], ["age", "mass"])
    >>> print(to_python(network))
    import math
    <BLANKLINE>
    <BLANKLINE>
    def predict(x):
        # Sparse neural network: n_features_in=2, hidden_layer_sizes=(1,), n_outputs=1, n_nonzero=4
        # x[0]  age
        # x[1]  mass  (not used)
        if len(x) != 2:
            raise ValueError(f"x must hold 2 numbers, got {len(x)}.")
        x0 = float(x[0])
        z = 1.0 * x0 - 0.5
        h1_1 = math.tanh(z)
        return 2.0 * h1_1 + 3.0
    <BLANKLINE>
    """
    _check_name(name)
    network = network_to_export(model)
    *hidden, outputs = neuron_layers(network)
    n_features = network.n_features_in
    lines = [
        "import math",
        "",
        "",
        f"def {name}(x):",
        *(f"    # {line}" for line in (headline(network), *name_comments(network))),
        f"    if len(x) != {n_features}:",
        f'        raise ValueError(f"x must hold {n_features} numbers, got {{len(x)}}.")',
        *(f"    x{i} = float(x[{i}])" for i in network.used_features),
    ]
    operands = [f"x{i}" for i in range(n_features)]
    for number, layer in enumerate(hidden, start=1):
        for j, neuron in enumerate(layer, start=1):
            total, result = weighted_sum(neuron, operands, repr), f"h{number}_{j}"
            if neuron.activation == "identity":
                lines.append(_statement(f"{result} = ", total))
            else:
                lines += [_statement("z = ", total), f"    {result} = {ACTIVATIONS[neuron.activation].python}"]
        operands = [f"h{number}_{j}" for j in range(1, len(layer) + 1)]
    sums = [weighted_sum(neuron, operands, repr) for neuron in outputs]
    if len(sums) == 1:
        lines.append(_statement("return ", sums[0]))
    else:
        lines += ["    return (", *(fill(f"{text},", 8, hanging=0) for text in sums), "    )"]
    return "\n".join(lines) + "\n"


def _statement(head: str, expression: str) -> str:
    """One line, or several in parentheses."""
    filled = fill(head + expression)
    return filled if "\n" not in filled else fill(f"{head}({expression})")


def _check_name(name: object) -> None:
    wanted = "`name` must be an identifier in ASCII that is no keyword, no built-in name and not 'math'"
    if not isinstance(name, str):
        raise TypeError(f"{wanted}, got {name!r}.")
    taken = keyword.iskeyword(name) or hasattr(builtins, name) or name == "math"
    if taken or not (name.isascii() and name.isidentifier()):
        raise ValueError(f"{wanted}, got {name!r}.")

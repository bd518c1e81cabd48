"""Pieces of program text that C and Python share."""

from __future__ import annotations

import re
import textwrap

from sk_swat.network.sparse_mlp import SparseMLP

__all__ = ["comment_text", "fill", "headline", "name_comments"]


def fill(text: str, indent: int = 4, hanging: int = 4) -> str:
    """Break a statement at spaces into lines of at most 110 characters where possible."""
    return textwrap.fill(
        text,
        110,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def comment_text(name: str) -> str:
    r"""Make a name safe inside a comment of C, C++ or Python: printable ASCII that ends no comment and no line.

    Backslashes and all that is not printable ASCII are escaped, and a space stands inside ``*/``, ``/*`` and ``??``.

    Examples
    --------
    >>> print(comment_text("a*/b\n??/ µ"))
    a* /b\n? ?/ \xb5
    """
    escaped = name.encode("unicode_escape").decode("ascii")
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", escaped)


def name_comments(network: SparseMLP) -> list[str]:
    """One line for each input column: its index, its name if there is one, and whether it is unused; names of outputs.

    Examples
    --------
    >>> name_comments(SparseMLP([[[1.0], [0.0]]], [[2.0]], [], ["width", "age"], ["price"]))
    ['x[0]  width', 'x[1]  age  (not used)', 'y[0]  price']
    """
    used = set(network.used_features.tolist())
    names = network.feature_names or ("",) * network.n_features_in
    columns = [
        f"x[{i}]  {comment_text(name)}".rstrip() + ("" if i in used else "  (not used)") for i, name in enumerate(names)
    ]
    return columns + [f"y[{j}]  {comment_text(name)}" for j, name in enumerate(network.target_names or ())]


def headline(network: SparseMLP) -> str:
    """Sizes of the network in one sentence without a full stop."""
    return "Sparse neural network: " + repr(network).removeprefix("SparseMLP(").removesuffix(")")

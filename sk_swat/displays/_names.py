"""Names of columns and outputs, made to fit into a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sk_swat.network.names import target_labels

if TYPE_CHECKING:
    from sk_swat.network.sparse_mlp import SparseMLP

TextWidth = Callable[[str, float], float]
"""Width in points of a text in a font of so many points."""

_LONGEST = 200  # letters that are measured
_CONTEXT = 4  # letters shown before those that tell names apart


def check_output_names(names: Sequence[str] | None, network: SparseMLP) -> list[str]:
    """Return one name for each output: those given, or those of the network."""
    if names is None:
        return target_labels(network)
    listed = [names] if isinstance(names, str) else list(names)
    if len(listed) != network.n_outputs:
        raise ValueError(
            f"`output_names` must hold {network.n_outputs} name(s), one for each output, got {len(listed)}."
        )
    return [str(name) for name in listed]


def short_names(names: Sequence[str], size: float, limit: float, text_width: TextWidth) -> list[str]:
    """Leave letters out of names, with an ellipsis, until none is wider than `limit`.

    They go from the middle. Where different names would look the same, what they begin with goes, and their ends.

    Examples
    --------
    >>> short_names(["temperature outside", "wind"], 1.0, 9.0, lambda text, size: size * len(text))
    ['temp…side', 'wind']
    >>> short_names(["station 1 (metres)", "station 2 (metres)"], 1.0, 9.0, lambda text, size: size * len(text))
    ['…ion 1 (…', '…ion 2 (…']
    """

    def shorten(name: str, cut: Callable[[str, int], str]) -> str:
        kept = min(len(name), _LONGEST)
        while kept > 1 and text_width(cut(name, kept), size) > limit:
            kept -= 1
        return cut(name, kept)

    full = [" ".join(name.split()) for name in names]  # a line break would cover the next name
    short = [shorten(name, _without_middle) for name in full]
    for text in {text for text in short if short.count(text) > 1}:
        alike = {name for name, shown in zip(full, short, strict=True) if shown == text}
        differs = (i for i, letters in enumerate(zip(*alike, strict=False)) if len(set(letters)) > 1)
        begin = max(0, next(differs, min(map(len, alike))) - _CONTEXT)
        if len(alike) > 1:
            for i in [i for i, shown in enumerate(short) if shown == text]:
                short[i] = shorten("…" + full[i][begin:], _without_end)
    return short


def _without_middle(name: str, kept: int) -> str:
    return name if kept >= len(name) else f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"


def _without_end(name: str, kept: int) -> str:
    return name if kept >= len(name) else f"{name[:kept]}…"

"""Types of the compiled core; see core/module.cpp."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Kinds = NDArray[np.int32]

class Rows:
    def __init__(
        self,
        X: _Floats,
        y: _Floats,
        weight: _Floats | None,
        loss: Callable[[_Floats], Sequence[_Floats]] | None,
        activations: Callable[[int, _Floats], Sequence[_Floats]] | None,
    ) -> None: ...

class How:
    def __init__(
        self,
        kernels: str | None = None,
        n_threads: int = 1,
        stop: Callable[[], bool] | None = None,
        look_every: float = 0.01,
    ) -> None: ...

def fit(
    sizes: Sequence[int],
    values: _Floats,
    kinds: _Kinds,
    rows: Sequence[Rows],
    free: NDArray[np.uint8] | None,
    n_steps: int,
    ridge: _Floats,
    damping: _Floats,
    how: How,
) -> tuple[_Floats, _Floats, _Floats, _Ints]: ...
def prune(
    sizes: Sequence[int],
    values: _Floats,
    kinds: _Kinds,
    rows: Sequence[Rows],
    smallest: _Ints,
    n_polish: int,
    share: float,
    x_centred: bool,
    y_centred: bool,
    criterion: Callable[..., NDArray[np.bool_]] | None,
    how: How,
) -> tuple[_Floats, _Kinds, _Ints, _Floats, _Ints]: ...
def outputs(sizes: Sequence[int], values: _Floats, kinds: _Kinds, rows: Sequence[Rows], how: How) -> _Floats: ...
def pull(sizes: Sequence[int], values: _Floats, kinds: _Kinds, rows: Sequence[Rows], how: How) -> _Floats: ...
def equations(
    sizes: Sequence[int],
    values: _Floats,
    kinds: _Kinds,
    rows: Sequence[Rows],
    free: NDArray[np.uint8] | None,
    how: How,
) -> tuple[_Floats, _Floats, float, _Ints, _Floats]: ...
def count(sizes: Sequence[int], values: _Floats, kinds: _Kinds, x_centred: bool, y_centred: bool) -> _Ints: ...
def saliencies(
    sizes: Sequence[int],
    values: _Floats,
    kinds: _Kinds,
    rows: Sequence[Rows],
    free: NDArray[np.uint8] | None,
    ridge: float,
    how: How,
) -> _Floats: ...
def removals(
    sizes: Sequence[int],
    values: _Floats,
    kinds: _Kinds,
    matrix: _Floats,
    removable: NDArray[np.uint8],
    ridge: float,
    wanted: float,
    how: How,
) -> NDArray[np.uint8]: ...
def elementary(function: str, x: _Floats, how: How) -> _Floats: ...
def kernel_names() -> list[str]: ...

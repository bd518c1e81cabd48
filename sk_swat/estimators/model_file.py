"""Fitted models as JSON files: the whole path of networks, the names of the columns, and how they were fitted.

No pickle and no torch: a file can be read by eye and by any program, and reading one runs no code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from sk_swat.network.fit_summary import FitSummary
from sk_swat.network.names import feature_labels, target_labels
from sk_swat.network.path import Path
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.utils.files import write_file
from sk_swat.utils.labels import first_few, short_repr, shorten

__all__ = ["FORMAT", "FORMAT_VERSION", "StoredModel", "load_model", "save_model"]

FORMAT = "sk_swat model"
FORMAT_VERSION = 1

_KEYS = ("written_by", "source", "feature_names", "target_names", "parameters", "fit_summary", "chosen", "path")
_PATH_KEYS = ("r2_train", "r2_validation", "standard_error", "rounding_losses", "networks")


@dataclass(frozen=True)
class StoredModel:
    """A fit as its file holds it.

    Parameters
    ----------
    feature_names : tuple of str
        Names of the columns, all different.
    target_names : tuple of str
        Names of the outputs.
    path : Path
        Networks of every size with their R^2; they carry the names of columns and outputs.
    chosen : int
        Which of them the fit has chosen.
    parameters : dict
        Parameters of the estimator; with the same ones, a fit to the same rows can be repeated.
    source : str
        Which data it was fitted to, in words.
    written_by : str
        Version of sk_swat that wrote the file.
    """

    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    path: Path
    chosen: int
    parameters: dict[str, Any]
    source: str
    written_by: str

    def row(self, max_nonzero: int | None = None) -> int:
        """Index of a network of the path: the chosen one, or the one that ``select(max_nonzero=...)`` takes.

        Parameters
        ----------
        max_nonzero : int, default=None
            Largest number of non-zero parameters; None takes the network that the fit has chosen.
        """
        if max_nonzero is None:
            return self.chosen
        return self.path.choose(
            self.parameters["sparsity"],
            self.parameters["compactness"],
            max_nonzero=max_nonzero,
            one_standard_error=self.parameters.get("one_standard_error", False),
        )

    def network(self, max_nonzero: int | None = None) -> SparseMLP:
        """Network of that row."""
        return self.path.networks[self.row(max_nonzero)]


def save_model(
    path: str | FilePath,
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    source: str = "",
    overwrite: bool = False,
) -> None:
    """Write a fitted regressor to a JSON file.

    The file is written under another name first, so that it is never half of one.

    Parameters
    ----------
    path : str or Path
        File to write.
    model : SWATRegressor or LatentDescentRegressor
        Fitted.
    feature_names : sequence of str, default=None
        Names of the columns, all different. None takes ``feature_names_in_``, or x0, x1 ... without it.
    target_names : sequence of str, default=None
        Names of the outputs, all different. None takes ``target_names_in_``; without it y, or y0, y1 ... for several.
    source : str, default=""
        Which data it was fitted to, in words.
    overwrite : bool, default=False
        Whether the file may exist.

    Raises
    ------
    FileExistsError
        If the file exists and must not be overwritten.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sk_swat import SWATRegressor
    >>> model = SWATRegressor(random_state=0).fit([[1.0], [2.0]], [3.0, 3.0])  # a constant: nothing to search
    >>> with TemporaryDirectory() as folder:
    ...     save_model(folder + "/model.json", model, feature_names=["age"])
    ...     load_model(folder + "/model.json").network().predict([[5.0]])
    array([3.])
    """
    from sk_swat import __version__

    found = getattr(model, "_path", None)
    if not isinstance(found, Path):
        raise TypeError(f"model must be a fitted regressor of sk_swat, got {model!r}.")
    n_features, n_outputs = found.networks[0].n_features_in, found.networks[0].n_outputs
    summary = found.networks[0].fit_summary  # the same for all networks but for what rounding costs
    if feature_names is None:
        feature_names = feature_labels(model.network_)
    if target_names is None:
        target_names = target_labels(model.network_)
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "written_by": __version__,
        "source": source,
        "feature_names": _names("feature_names", list(feature_names), n_features),
        "target_names": _names("target_names", list(target_names), n_outputs),
        "parameters": {name: _plain(value) for name, value in model.get_params().items()},
        "fit_summary": None if summary is None else summary.to_dict(),
        "chosen": model._row,
        "path": {
            "r2_train": _numbers_or_null(found.r2_train),
            "r2_validation": _numbers_or_null(found.r2_validation),
            "standard_error": [_numbers_or_null(row) for row in found.standard_error],
            "rounding_losses": [
                None if one.fit_summary is None else list(one.fit_summary.rounding_losses) for one in found.networks
            ],
            "networks": [one.with_fit_summary(None).to_dict() for one in found.networks],
        },
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items())
    write_file(path, f"{{\n{lines}\n}}\n", overwrite=overwrite)


def load_model(path: str | FilePath) -> StoredModel:
    """Read and check a file that :func:`save_model` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    OSError
        If the file is not there or cannot be read.
    ValueError
        If it is damaged, of another kind, or of a newer version.
    """
    path = FilePath(path)
    if path.is_dir():
        raise IsADirectoryError(f"a model must be a JSON file, but '{path}' is a folder.")
    if not path.exists():
        raise FileNotFoundError(f"a model must be a JSON file, but there is none at '{path}'.")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path}' must be a model file in JSON, but it cannot be read as JSON ({error}).") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise ValueError(
            f"'{path}' must be a model file with the format {FORMAT!r}, got {short_repr(found)}; write one with "
            "`sk-swat fit` or save_model."
        )
    if document.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"'{path}' must be a model file of version {FORMAT_VERSION}, got {short_repr(document.get('version'))}; "
            "a newer version needs a newer sk_swat."
        )
    try:
        return _model(document)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else shorten(str(error).rstrip("."), 500)
        raise ValueError(f"the model file '{path}' is damaged ({reason}); write it again.") from error


def _model(document: dict[str, Any]) -> StoredModel:
    fields = {key: document[key] for key in _KEYS}
    parts = {key: fields["path"][key] for key in _PATH_KEYS}
    networks = [SparseMLP.from_dict(network) for network in parts["networks"]]
    if not networks:
        raise ValueError("`networks` must hold at least one network")
    n_features, n_outputs = networks[0].n_features_in, networks[0].n_outputs
    if any((one.n_features_in, one.n_outputs) != (n_features, n_outputs) for one in networks):
        raise ValueError("`networks` must have the same numbers of inputs and outputs")
    names = tuple(_names("feature_names", fields["feature_names"], n_features))
    outputs = tuple(_names("target_names", fields["target_names"], n_outputs))
    n_networks = len(networks)
    if type(fields["chosen"]) is not int or not 0 <= fields["chosen"] < n_networks:
        raise ValueError(f"`chosen` must be from 0 to {n_networks - 1}, got {short_repr(fields['chosen'])}")
    _check_parameters(fields["parameters"])
    summaries: list[FitSummary | None] = [None] * n_networks
    if fields["fit_summary"] is not None:
        summary = FitSummary.from_dict(fields["fit_summary"])
        summaries = [replace(summary, rounding_losses=losses) for losses in parts["rounding_losses"]]
    return StoredModel(
        feature_names=names,
        target_names=outputs,
        path=Path(
            [
                network.with_names(names, outputs).with_fit_summary(summary)
                for network, summary in zip(networks, summaries, strict=True)
            ],
            _array("r2_train", parts["r2_train"], (n_networks,)),
            _array("r2_validation", parts["r2_validation"], (n_networks,)),
            _array("standard_error", parts["standard_error"], (n_networks, n_networks)),
        ),
        chosen=fields["chosen"],
        parameters=fields["parameters"],
        source=str(fields["source"]),
        written_by=str(fields["written_by"]),
    )


def _check_parameters(parameters: Any) -> None:
    """Those of the parameters that choose among networks."""
    if not isinstance(parameters, Mapping):
        raise TypeError(f"`parameters` must be an object, got {short_repr(parameters)}")
    for name in ("sparsity", "compactness"):
        if type(parameters[name]) not in (int, float) or not 0 <= float(parameters[name]) < np.inf:
            raise ValueError(f"`{name}` must be a finite number of at least 0, got {short_repr(parameters[name])}")
    careful = parameters.get("one_standard_error", False)  # LatentDescentRegressor has no such parameter
    if not isinstance(careful, bool):
        raise TypeError(f"`one_standard_error` must be true or false, got {short_repr(careful)}")


def _names(key: str, names: Any, number: int) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`{key}` must be a list of names, got {short_repr(names)}")
    if len(names) != number or len(set(names)) != number:
        raise ValueError(f"`{key}` must hold {number} different names, got {first_few(names)}")
    return [str(name) for name in names]


def _array(key: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a file; null stands for nan."""
    array = np.array(values, dtype=np.float64)  # None becomes nan
    if array.shape != shape:
        raise ValueError(f"`{key}` must have the shape {shape}, got {array.shape}")
    return array


def _numbers_or_null(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON, which knows neither nan nor infinity: the latter becomes the largest number."""
    return [None if np.isnan(value) else float(value) for value in np.nan_to_num(values, nan=np.nan)]


def _plain(value: Any) -> Any:
    """Bring a parameter to what JSON knows; a generator, a path and the like become text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    return str(value)

"""Commands on the user's data: fit a table, predict with the model, show and export it."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sk_swat.cli.command import Command, CommaSeparated, remark, say

if TYPE_CHECKING:  # numpy and what needs it are imported by the commands
    import numpy as np

    from sk_swat.cli.table import CSVTable
    from sk_swat.estimators.regressor import SWATRegressor

__all__ = ["export", "fit", "predict", "show"]

_FILE = click.Path(path_type=Path)
_FORMATS: dict[str, tuple[str, ...]] = {  # options of each format
    "c": ("dtype", "name", "tables"),
    "python": ("name",),
    "json": (),
    "onnx": ("dtype",),
    "latex": ("digits",),
    "sympy": ("digits",),
}
_model = click.argument("model", type=_FILE, metavar="MODEL.json")
_max_nonzero = click.option(
    "--max-nonzero",
    type=click.IntRange(1),
    metavar="N",
    help="Take the network of at most N non-zero parameters (default: the one that the fit has chosen).",
)
_digits = click.option(
    "--digits",
    type=click.IntRange(1, 15),
    help="Significant digits of a formula (default: the fewest that cost less than 1e-4 of R^2).",
)
_force = click.option("--force", is_flag=True, help="Overwrite the file if it exists.")


@click.command("fit", cls=Command, example="data.csv --target y --max-nonzero 40 --out model.json")
@click.argument("data", type=_FILE, metavar="DATA.csv")
@click.option(
    "--target", "targets", multiple=True, required=True, metavar="NAME", help="Column to predict; may be repeated."
)
@click.option(
    "--features", multiple=True, metavar="NAMES", help="Columns to predict from, as in a,b (default: all others)."
)
@click.option("--drop", multiple=True, metavar="NAMES", help="Columns to leave out, as in a,b.")
@click.option("--max-nonzero", type=click.IntRange(1), metavar="N", help="Most weights and biases that are not zero.")
@click.option("--sparsity", type=float, default=1e-5, help="Price of each of them: the R^2 that it must be worth.")
@click.option("--depths", type=CommaSeparated(click.INT), default="1,2", help="Numbers of hidden layers, from 1 to 4.")
@click.option(
    "--activations",
    type=CommaSeparated(click.STRING),
    default="identity,sigmoid,tanh,leaky_relu,sine,gaussian",
    help="Activations that a neuron may have.",
)
@click.option(
    "--rounds", "n_rounds", type=click.IntRange(0), default=8, metavar="N", help="Rounds in the latent space."
)
@click.option("--time-limit", type=float, metavar="SECONDS", help="Stop after that time with the best so far.")
@click.option("--seed", "random_state", type=int, default=0, help="Seed of the fit.")
@click.option("--jobs", "n_jobs", type=int, default=None, help="Cores at work; without it all that are allowed.")
@click.option("--checkpoint", metavar="FILE", help="Pretrained autoencoder (default: the bundled one).")
@click.option("--out", type=_FILE, required=True, metavar="MODEL.json", help="File to write.")
@_force
@click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.option("--verbose", is_flag=True, help="Write the log of the fit to standard error.")
def fit(
    data: Path,
    targets: tuple[str, ...],
    features: tuple[str, ...],
    drop: tuple[str, ...],
    out: Path,
    force: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Fit a network to a CSV file.

    The JSON file that is written keeps networks of every size: show, predict and export take a smaller one without a
    new fit. Ctrl-C ends the fit with the best found so far.
    """
    import numpy as np

    from sk_swat.cli.table import read_table
    from sk_swat.cli.text import r2_text
    from sk_swat.estimators.model_file import load_model, save_model
    from sk_swat.network.text import equations_text, size_text
    from sk_swat.utils.files import check_new_file
    from sk_swat.utils.labels import first_few, plain_text

    check_new_file(out, overwrite=force)
    table = read_table(data, (lambda text: None) if quiet else partial(remark, "note"))
    target_names, feature_names, problems = _roles(table, targets, features, drop)
    advice = dict.fromkeys(feature_names, "leave it out with --drop, or code it in numbers")
    advice |= dict.fromkeys(target_names, "a target must be a number")
    X, y = np.split(table.numbers(advice, problems=problems), [len(feature_names)], axis=1)
    fitted = _fit(X, y[:, 0] if len(target_names) == 1 else y, parameters, quiet=quiet, verbose=verbose)
    source = f"{data.name}, {len(X)} rows"
    names = {"feature_names": feature_names, "target_names": target_names}
    save_model(out, fitted, **names, source=source, overwrite=force)
    if quiet:
        return
    model = load_model(out)
    network = model.network()
    say(f"{source}, {len(feature_names)} columns, target {first_few(target_names, plain_text)}")
    say(r2_text(model.path, model.chosen))
    say(f"{size_text(network)}; '{out}' holds {len(model.path)} networks\n")
    say(equations_text(network))


@click.command("predict", cls=Command, example="model.json new.csv --out predictions.csv")
@_model
@click.argument("data", type=_FILE, metavar="NEW.csv")
@_max_nonzero
@click.option("--out", type=_FILE, metavar="FILE", help="CSV file to write (default: standard output).")
@_force
def predict(model: Path, data: Path, max_nonzero: int | None, out: Path | None, force: bool) -> None:
    """Predict the rows of a CSV file.

    Columns are found by name, in any order. Only those that the network reads have to be there. Where one of their
    cells is empty, the predictions of that line are.
    """
    import numpy as np

    from sk_swat.cli.table import read_table, write_table
    from sk_swat.estimators.model_file import load_model
    from sk_swat.utils.files import check_new_file
    from sk_swat.utils.labels import first_few, short_repr

    if out is not None:
        check_new_file(out, overwrite=force)
    stored = load_model(model)
    network = stored.network(max_nonzero)
    table = read_table(data, partial(remark, "note"))
    names = [stored.feature_names[i] for i in network.used_features]
    problems = table.missing(names, "the columns that the network reads must be there")
    cells = table.numbers(dict.fromkeys(names, "code it in numbers"), problems=problems, may_be_empty=True)
    X = np.zeros((len(cells), network.n_features_in))  # the network does not look at the other columns
    X[:, network.used_features] = cells
    predictions = network.predict(X).reshape(len(X), -1)
    predictions[np.isnan(cells).any(axis=1)] = np.nan
    _write(write_table(stored.target_names, predictions), out, force)
    if n_empty := int(np.isnan(predictions).any(axis=1).sum()):
        found = dict(zip(names, np.isnan(cells).sum(axis=0), strict=True))
        where = first_few([name for name in names if found[name]], lambda name: f"{short_repr(name)} ({found[name]})")
        reason = f"cells are empty in {where}" if where else "numbers are too large"
        remark("warning", f"{n_empty} of {len(X)} lines have no prediction: {reason}.")


@click.command("show", cls=Command, example="model.json --max-nonzero 20 --digits 3")
@_model
@_max_nonzero
@_digits
def show(model: Path, max_nonzero: int | None, digits: int | None) -> None:
    """Print a network: neurons, formula, other sizes."""
    from sk_swat.cli.text import path_text, r2_text
    from sk_swat.estimators.model_file import load_model
    from sk_swat.network.text import equations_text, size_text
    from sk_swat.utils.labels import first_few, plain_text

    stored = load_model(model)
    row = stored.row(max_nonzero)
    network = stored.path.networks[row]
    source = f"fitted to {stored.source} " if stored.source else ""
    targets = first_few(stored.target_names, plain_text)
    say(plain_text(f"{model.name}: {targets}, {source}by sk_swat {stored.written_by}"))
    say(r2_text(stored.path, row))
    say(size_text(network))
    say(f"\n{equations_text(network, digits or 'auto')}")
    say("\nFormula")
    try:
        with _warnings_on_stderr():
            formulas = network.to_sympy(digits=digits or "auto")
        for name, formula in zip(stored.target_names, formulas if network.n_outputs > 1 else [formulas], strict=True):
            say(plain_text(f"{name} = {formula}"))
    except ImportError:
        say("needs the package sympy: pip install 'sk_swat[export]'")
    say(f"\nNetworks in the file (* is shown)\n{path_text(stored.path, row)}")


@click.command("export", cls=Command, example="model.json --to c --dtype float --name pump --out pump.c")
@_model
@click.option("--to", "language", type=click.Choice(list(_FORMATS)), required=True, help="What to write.")
@_max_nonzero
@click.option("--dtype", type=click.Choice(["float", "double"]), help="c, onnx: type (c: double, onnx: float).")
@click.option("--name", help="c, python: name of the function (c: network, python: predict).")
@click.option("--tables", is_flag=True, help="c: loop over tables of the parameters.")
@_digits
@click.option("--out", type=_FILE, metavar="FILE", help="File to write (default: standard output).")
@_force
def export(model: Path, language: str, max_nonzero: int | None, out: Path | None, force: bool, **options: Any) -> None:
    """Write a network as a program, a formula or ONNX."""
    from sk_swat.estimators.model_file import load_model
    from sk_swat.utils.files import check_new_file

    given = {name: value for name, value in options.items() if value not in (None, False)}
    for name in given:
        if name not in _FORMATS[language]:
            fitting = " and ".join(key for key, names in _FORMATS.items() if name in names)
            raise ValueError(f"--{name} is for --to {fitting}, not for {language}.")
    if out is not None:
        check_new_file(out, overwrite=force)
    network = load_model(model).network(max_nonzero)
    method = "to_numpy_json" if language == "json" else f"to_{language}"
    with _warnings_on_stderr():
        exported = getattr(network, method)(**given)
    if language == "onnx":
        _write(exported.SerializeToString(), out, force)
    else:
        text = str(exported)
        _write(text if text.endswith("\n") else text + "\n", out, force)


def _roles(
    table: CSVTable, targets: tuple[str, ...], features: tuple[str, ...], drop: tuple[str, ...]
) -> tuple[list[str], list[str], list[str]]:
    """Names of the targets and of the columns to predict them from, and what is wrong with them."""
    from sk_swat.cli.csv_file import SEPARATORS
    from sk_swat.utils.labels import first_few

    if features and drop:
        raise ValueError("give --features or --drop, not both.")
    target_names, chosen, dropped = map(table.columns, (targets, features, drop))
    problems = [
        *table.missing(target_names, "--target must name columns"),
        *table.missing(chosen, "--features must name columns"),
        *table.missing(dropped, "--drop must name columns"),
    ]
    if both := [name for name in chosen if name in target_names]:
        problems.append(f"--features must not name a target, got {first_few(both)}")
    left_out = {*target_names, *dropped}
    if not features:
        index = [name for name in table.index if name not in left_out]
        if index:
            table.note(
                f"{first_few(index)} is taken for a data frame's index, not for an input; --features can name it."
            )
        left_out.update(index)
    feature_names = [name for name in chosen or table.names if name not in left_out]
    if not feature_names and not problems:
        rule = "a column to predict from is needed besides the target"
        problems.append(f"{rule}, but none is left of {first_few(table.names)}. {SEPARATORS[:-1]}")
    return target_names, feature_names, problems


def _fit(X: np.ndarray, y: np.ndarray, parameters: dict[str, Any], *, quiet: bool, verbose: bool) -> SWATRegressor:
    """Fit the regressor. A bar, its log if asked for, and its warnings, in one line each, go to standard error."""
    from sk_swat.cli.bar import show_bar
    from sk_swat.estimators.regressor import SWATRegressor

    model = SWATRegressor(**parameters, verbose=int(verbose))
    bar = nullcontext() if quiet or verbose else show_bar()
    with _warnings_on_stderr(), _log_on_stderr(), bar:
        model.fit(X, y)
    return model


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Say warnings in one line each, at the end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    for one in caught:
        remark("warning", one.message)


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Keep standard output free for results."""
    logger, handler = logging.getLogger("sk_swat"), logging.StreamHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _write(content: str | bytes, out: Path | None, force: bool) -> None:
    """Write to a file, or to standard output, on which control characters are escaped."""
    from sk_swat.utils.files import write_file
    from sk_swat.utils.labels import escape

    if out is not None:
        write_file(out, content, overwrite=force)
    elif isinstance(content, bytes) and sys.stdout.isatty():
        raise ValueError("onnx is not for reading; give a file with --out.")
    else:
        click.echo(content if isinstance(content, bytes) else escape(content), nl=False)

"""The meta-estimator that compresses a model: checks, asks the teacher, searches, and keeps the found networks."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from timeit import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from sk_swat.estimators.fitted import undo_on_error
from sk_swat.estimators.parameters import make_settings
from sk_swat.estimators.regressor import LATENT
from sk_swat.estimators.report import search_report
from sk_swat.estimators.searching import Context, SearchMixin
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.exporting import ExportMixin
from sk_swat.network.path import Path
from sk_swat.network.targets import real_target, target_names
from sk_swat.refine.table import Table
from sk_swat.utils.numeric import refuse_dates, validate_numbers

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    import pandas as pd

    from sk_swat.compress.stages import TeacherSearch
    from sk_swat.compress.teachers import Teacher
    from sk_swat.fitting.search import Ending, Found, Stage

__all__ = ["SWATCompressor"]

_TIMED_CALLS = 5


class SWATCompressor(ExportMixin, SearchMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Compress a model that exists into a tiny sparse network.

    The model is the teacher: what it predicts for the rows of X, and for more rows drawn around them, is what small
    networks learn. They come from the latent space of the pretrained autoencoder, as in `SWATRegressor`, and from the
    teacher itself: a network that fits the autoencoder's matrix form is encoded and decoded, also to other depths; a
    larger one is split into subnetworks (consecutive layers, groups of neurons, groups of outputs), each of which is
    compressed against its own activations before all are put together (arXiv 2506.08270, discussion). Everything is
    polished, pruned as a whole and competes on one path of sizes.

    Parameters
    ----------
    estimator : estimator, torch.nn.Sequential or SparseMLP
        The model. An MLPRegressor, also behind linear scalers in a Pipeline or a TransformedTargetRegressor, a
        Sequential of Linear and activation layers, a SparseMLP, or any estimator with one as `network_` is read layer
        by layer; any other fitted regressor teaches by its predictions. A regressor that is not fitted is fitted to X
        and y first, so `clone` and a grid search fit the teacher anew; a ``FrozenEstimator`` stays as it is.
    objective : {"fidelity", "accuracy"}, default="fidelity"
        Fit what the teacher predicts, or the y of `fit`.
    depths : tuple of int, default=(1, 2)
        Numbers of hidden layers to search, each from 1 to 4.
    activations : tuple of str, default=("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
        Activations a neuron may choose.
    sparsity : float, default=1e-5
        Price, in R^2, of one non-zero parameter; at least 0. The path does not depend on it: it only chooses.
    compactness : float, default=1e-5
        Price, in R^2, of one living neuron; at least 0.
    max_nonzero : int, default=None
        Largest number of non-zero parameters, at least 1; None sets no limit.
    one_standard_error : bool, default=False
        Take the smallest network whose validation R^2 is within one standard error of the best one's.
    split : bool, default=True
        Split teachers that are larger than the matrix form, or that have several outputs.
    n_generated : int, default=None
        Rows that are drawn around those of X and labelled by the teacher; none with objective="accuracy". None draws
        what is missing to 2000 rows.
    n_rounds : int, default=2
        Rounds in which networks along the path are varied in the latent space, polished and pruned again.
    time_limit : float, default=None
        Seconds from the call of `fit` after which it returns the best it has, as in `SWATRegressor`. The fit of a
        teacher that is not fitted does not count.
    n_restarts : int, default=24
        Starts of each depth from the latent space.
    validation_fraction : float, default=0.1
        Share of the rows of X that is held out to judge networks, in (0, 1); at the end all networks are fitted to all
        rows. With objective="accuracy" and fewer than 1000 rows, sizes are judged by five-fold cross-validation.
    checkpoint : str or path, default=None
        File of a pretrained autoencoder; None takes the bundled one.
    device : str, default="cpu"
        Torch device of the latent search.
    n_jobs : int, default=None
        Cores at work, over depths, folds and ways to split, or over networks; None takes all cores that are allowed,
        as in `SWATRegressor`. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of all random choices; an integer makes fits repeatable.
    verbose : int, default=0
        1 logs one line for each depth and each stage.

    Attributes
    ----------
    estimator_ : object
        The teacher: `estimator` itself, or what was fitted to X and y.
    network_ : SparseMLP
        The chosen network, in the units of X.
    fidelity_ : float
        R^2 between the predictions of the teacher and of the chosen network, the mean over several outputs. With
        objective="fidelity" it is measured on held-out rows before the last polish, otherwise on the rows of X, at most
        20 000 of them.
    n_nonzero_before_ : int or None
        Non-zero parameters of the teacher, linear scalers folded in; None if it is not a network.
    path_ : DataFrame
        As in `SWATRegressor`, with one more column, "origin": "latent space", "encoded teacher" or how the teacher was
        split. R^2 is that of the objective.
    networks_ : list of SparseMLP
        Networks of the path, in the same order.
    subnetworks_ : list of dict
        For each subnetwork that was compressed: "split", "name", "n_inputs", "n_outputs", "n_before" and "n_after"
        (neurons), and "r2" on its own activations.
    fit_report_ : list of dict
        For each stage of the fit: "name", "seconds", "r2_before", "r2_after" and "r2_by_size", as in `SWATRegressor`.
    search_report_ : list of dict
        As in `SWATRegressor`.
    coefs_, intercepts_, activations_, hidden_layer_sizes_, support_, n_nonzero_, depth_, best_loss_, \
    feature_importances_
        As in `SWATRegressor`.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.
    target_names_in_ : ndarray of shape (n_outputs,)
        Names of the outputs: those that the teacher knows, or those of y with objective="accuracy".

    See Also
    --------
    SWATRegressor : Finds a network without a teacher.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.neural_network import MLPRegressor
    >>> from sk_swat import SWATCompressor
    >>> X, y = make_friedman1(300, n_features=5, random_state=0)
    >>> teacher = MLPRegressor(hidden_layer_sizes=(30,), solver="lbfgs", tol=1.0, random_state=0).fit(X, y)
    >>> small = SWATCompressor(teacher, depths=(1,), n_rounds=0, n_restarts=4, random_state=0).fit(X)
    >>> small.predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        objective: str = "fidelity",
        depths: Sequence[int] = (1, 2),
        activations: Sequence[str] = ACTIVATION_NAMES,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        max_nonzero: int | None = None,
        one_standard_error: bool = False,
        split: bool = True,
        n_generated: int | None = None,
        n_rounds: int = 2,
        time_limit: float | None = None,
        n_restarts: int = 24,
        validation_fraction: float = 0.1,
        checkpoint: Any = None,
        device: str = "cpu",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.objective = objective
        self.depths = depths
        self.activations = activations
        self.sparsity = sparsity
        self.compactness = compactness
        self.max_nonzero = max_nonzero
        self.one_standard_error = one_standard_error
        self.split = split
        self.n_generated = n_generated
        self.n_rounds = n_rounds
        self.time_limit = time_limit
        self.n_restarts = n_restarts
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> SWATCompressor:
        """Compress the model on the rows of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows such as the model will see, in the units it takes; finite. Fidelity is for rows like these.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target. Needed for objective="accuracy" and for an estimator that is not fitted, else not read.

        Returns
        -------
        self : SWATCompressor
            The fitted compressor. If an error ends the fit, it is as it was before.
        """
        with undo_on_error(self):
            return self._fit(X, y)

    def _fit(self, X: ArrayLike, y: ArrayLike | None) -> SWATCompressor:
        from sk_swat.compress.teachers import teacher_of

        begin = self._clock()
        settings = make_settings(self, **LATENT)
        if y is None:
            if self.objective == "accuracy":
                raise ValueError("objective='accuracy' requires y to be passed, but the target y is None.")
            rows, target = validate_numbers(self, X, dtype=np.float64, order="C", ensure_min_samples=2), None
        else:
            rows, target = validate_numbers(
                self, X, y, dtype=np.float64, order="C", multi_output=True, y_numeric=True, ensure_min_samples=2
            )
            if target.ndim == 2 and target.shape[1] == 1:
                target = column_or_1d(target, warn=True)
        before = self._clock()
        self.estimator_ = self._fit_teacher(X, target)
        begin += self._clock() - before
        teacher = teacher_of(self.estimator_)
        self._check_columns(teacher)
        labels = teacher.labels(rows)
        if self.objective == "accuracy":
            assert target is not None
            target = real_target(target)
            if target.shape != labels.shape:
                raise ValueError(
                    f"y must have the shape of the teacher's predictions, {labels.shape}, got {target.shape}."
                )
        else:
            target = labels
        self._keep_target_names(target_names(y) if self.objective == "accuracy" else teacher.target_names)
        self.n_nonzero_before_ = teacher.n_nonzero
        table = Table.of(rows, target, most_merged=0)
        if not table.varies.all() and table.varies.any():
            teacher, labels = teacher.with_outputs(table.varies), labels[:, table.varies].squeeze()
        self._fit_table(table, settings, begin, partial(self._plan, teacher, labels))
        if self.objective == "accuracy" and table.is_constant:  # what the teacher says may vary
            self._fidelities = np.full(1, r2_score(labels, self.network_.predict(rows)))
            self.fidelity_ = float(self._fidelities[0])
        return self

    def _plan(
        self, teacher: Teacher, labels: np.ndarray, table: Table, context: Context
    ) -> tuple[TeacherSearch, list[Stage], Ending]:
        from sk_swat.compress.rows import taught_table
        from sk_swat.compress.stages import TeacherPolish, TeacherSearch

        faithful, settings = self.objective == "fidelity", context.settings
        taught, labels, n_held = taught_table(table, labels, teacher, settings, faithful, self.n_generated)
        n_fitted = len(taught) - n_held
        n_used = settings.limits.n_used(n_fitted)
        table = taught.standardise(slice(min(n_fitted, n_used)), slice(n_fitted, n_fitted + n_used))
        arguments = context.arguments(table, settings.limits.searched)
        search = TeacherSearch(*arguments, layers=teacher.layers, taught=taught, labels=labels, faithful=faithful)
        return search, search.stages(self.split), TeacherPolish(search)

    def _keep(self, search: TeacherSearch, found: Found, path: Path, row: int) -> None:
        self._path, self._origins = path, [search.origins[index] for index in found.candidates]
        self.subnetworks_ = [part for whole in search.wholes for part in whole.parts]
        self.search_report_ = [search_report(one) for one in search.depth_searches]
        self.fit_report_ = [vars(record) for record in search.records]
        self._fidelities = found.path.r2_validation
        if not search.faithful:
            rng = np.random.default_rng([search.settings.seed, 5])
            some = rng.permutation(len(search.taught))[: search.settings.limits.polished]
            rows, taught = search.taught.X[some], search.labels[some]
            self._fidelities = np.array([r2_score(taught, network.predict(rows)) for network in found.path.networks])
        self._keep_row(row, (search.settings.sparsity, search.settings.compactness))

    def _keep_alone(self, path: Path) -> SWATCompressor:
        self._path, self._origins, self._fidelities = path, ["constant"], path.r2_train
        self.subnetworks_, self.search_report_, self.fit_report_ = [], [], []
        self._keep_row(0, (self.sparsity, self.compactness))
        return self

    def fidelity(self, X: ArrayLike) -> float:
        """R^2 between the predictions of the teacher and of the chosen network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, at least two, on which the teacher's predictions vary.

        Returns
        -------
        r2 : float
            The mean over several outputs.
        """
        from sk_swat.compress.teachers import teacher_of

        check_is_fitted(self, "network_")
        table = validate_numbers(self, X, dtype=np.float64, reset=False)
        return float(r2_score(teacher_of(self.estimator_).labels(table), self.network_.predict(table)))

    def report(self, X: ArrayLike, y: ArrayLike | None = None) -> pd.DataFrame:
        """Compare the teacher and the chosen network: size, speed, fidelity and, with y, accuracy.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, as a rule some that neither has seen.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target.

        Returns
        -------
        table : DataFrame
            Two rows, the teacher and the network: "model", "n_nonzero" (nan if the teacher is not a network), "n_bytes"
            (pickled), "seconds" (one call of predict for X, median of five), "fidelity" and, with y, "r2".
        """
        import pandas as pd

        from sk_swat.compress.teachers import teacher_of

        check_is_fitted(self, "network_")
        refuse_dates(y, "y")
        table = validate_numbers(self, X, dtype=np.float64, reset=False)
        teacher = teacher_of(self.estimator_)
        labels, own = teacher.labels(table), self.network_.predict(table)
        before = np.nan if self.n_nonzero_before_ is None else self.n_nonzero_before_
        columns: dict[str, list[Any]] = {
            "model": [type(self.estimator_).__name__, "SparseMLP"],
            "n_nonzero": [before, self.n_nonzero_],
            "n_bytes": [len(pickle.dumps(model)) for model in (self.estimator_, self.network_)],
            "seconds": [
                np.median(repeat(partial(call, table), number=1, repeat=1 + _TIMED_CALLS)[1:])  # the first warms caches
                for call in (teacher.predict, self.network_.predict)
            ],
            "fidelity": [1.0, r2_score(labels, own)],
        }
        if y is not None:
            columns["r2"] = [r2_score(y, labels), r2_score(y, own)]
        return pd.DataFrame(columns)

    @property
    def path_(self) -> pd.DataFrame:
        """Networks of the path: a DataFrame of one row each, by size."""
        check_is_fitted(self, "network_")
        return self._path.frame(*self._prices, self._row, origin=self._origins, equation=self._equations())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.required = self.objective == "accuracy" or not _is_fitted(self.estimator)
        return tags

    @property
    def _target(self) -> str:
        return "y" if self.objective == "accuracy" else "predictions of the estimator"

    def _fit_teacher(self, X: ArrayLike, y: np.ndarray | None) -> Any:
        if _is_fitted(self.estimator):
            return self.estimator
        if y is None:
            raise NotFittedError(
                f"estimator must be fitted, got an unfitted {type(self.estimator).__name__}; fit it first. To fit it "
                "here, the compressor requires y to be passed, but the target y is None."
            )
        return clone(self.estimator).fit(X, y)

    def _check_columns(self, teacher: Teacher) -> None:
        if teacher.n_features_in not in (None, self.n_features_in_):
            raise ValueError(
                f"X must have the {teacher.n_features_in} columns that the estimator takes, got {self.n_features_in_}."
            )
        own = getattr(self, "feature_names_in_", None)
        if own is not None and teacher.feature_names is not None and list(own) != list(teacher.feature_names):
            raise ValueError(
                f"X must have the columns that the estimator was fitted to, {list(teacher.feature_names)}, in this "
                f"order, got {list(own)}."
            )

    def _keep_row(self, row: int, prices: tuple[float, float]) -> None:
        self.fidelity_ = float(self._fidelities[row])
        super()._keep_row(row, prices)


def _is_fitted(model: Any) -> bool:
    if not isinstance(model, BaseEstimator):
        return True  # taken to be able to predict
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True

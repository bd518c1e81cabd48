"""The scikit-learn regressor: checks, scales, searches, and keeps the found network."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d

from sk_swat.estimators.callbacks import CallbackSupportMixin, FitCallbacks, fit_callbacks
from sk_swat.estimators.fitted import PathMixin, unchanged_on_error
from sk_swat.estimators.narrow import warn_of_rounding, warn_of_unresolved
from sk_swat.estimators.report import FitLog, candidate_table, search_report, shown_log
from sk_swat.estimators.settings import Settings, checked_settings
from sk_swat.fitting.counted import counted_rows
from sk_swat.fitting.limits import RowLimits
from sk_swat.fitting.progress import Watcher, watchers
from sk_swat.network.activations import ACTIVATION_NAMES, check_activations
from sk_swat.network.exporting import ExportMixin
from sk_swat.network.path import Path
from sk_swat.network.scaling import Standardisation, column_scales
from sk_swat.network.sparse_mlp import SparseMLP
from sk_swat.network.targets import path_with_constants, real_target, target_names, varying_targets
from sk_swat.utils.deadline import deadlines_of
from sk_swat.utils.interrupts import interruptible
from sk_swat.utils.numeric import refuse_dates, validate_numbers
from sk_swat.utils.parameters import check_depths, draw_seed

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.table import TableSearch
    from sk_swat.latent.checkpoint import Checkpoint
    from sk_swat.latent.space import Space

__all__ = ["SWATRegressor"]


class SWATRegressor(ExportMixin, PathMixin, CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Tiny sparse neural network, found in the latent space of a pretrained autoencoder.

    ``fit`` standardises the table, decodes networks from the latent space that fit the data, polishes them
    (Levenberg-Marquardt), prunes them number by number (Optimal Brain Surgeon), and varies the best ones in the latent
    space again. What it keeps is a path: the most accurate network found at each size. One of them is chosen by
    ``1 - R^2 + sparsity * n_nonzero + compactness * n_neurons`` on rows that were not fitted; `select` switches to
    another one without a new fit. ``predict`` runs the chosen network in float64 NumPy. The latent space and the
    prices follow arXiv 2506.08270, section IV.

    With ``refine=False`` the decoded network is kept as it is: starts are moved by gradient descent on the objective
    through the decoder of each depth, as in the papers, and hardened.

    Parameters
    ----------
    depths : tuple of int, default=(1, 2)
        Numbers of hidden layers to search, each from 1 to 4; every one costs about the same time.
    activations : tuple of str, default=("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
        Activations a neuron may choose: any of these. The second paper has "sigmoid", "tanh" and "leaky_relu"; a
        single one gives the fixed-activation search of arXiv 2410.08339.
    sparsity : float, default=1e-5
        Price, in R^2, of one non-zero number (weight or bias); at least 0. Larger prices give smaller networks. With
        refine=True the path does not depend on it: it only chooses.
    compactness : float, default=1e-5
        Price, in R^2, of one living neuron; at least 0.
    max_nonzero : int, default=None
        Largest number of non-zero weights and biases, at least 1; None sets no limit.
    one_standard_error : bool, default=False
        Take the smallest network whose validation R^2 is within one standard error (of the difference) of the best
        one's, unless the prices ask for a smaller one still. Needs refine=True. The constant network is taken in any
        case if it is that near.
    refine : bool, default=True
        Polish and prune. False keeps the latent network alone.
    n_rounds : int, default=5
        Rounds in which networks along the path are encoded, varied in the latent space, decoded, widened, polished
        and pruned again. Needs refine=True.
    max_blocks : int, default=4
        Most decoded networks that a network is the sum of. A further one is searched on what is left unexplained, as
        long as held-out rows gain; without held-out rows there is one. Needs refine=True.
    time_limit : float, default=None
        Seconds from the call of `fit` after which it returns the best it has; three quarters of them are for the
        search. The result then depends on the machine. The step that is under way is left; the fit ends at most about
        0.3 s late, or one step if that takes longer. Checks and scaling of the table count but are not cut short; torch
        and the checkpoint, which the first fit of a process loads, do not count: they add two to four seconds.
    n_restarts : int, default=None
        Starts of each depth. None takes 24 with refinement, half of them chosen for being small, and 8 without.
    max_iter : int, default=None
        Gradient steps of each start. With 0 the chosen starts are hardened as they are. None takes 0 with refinement
        and 100 without.
    learning_rate : float, default=0.05
        First step size of Adam; entries of a latent have about unit variance. Falls to a fiftieth.
    tol : float, default=1e-2
        A depth stops early once weights and activations are decided (three fifths of max_iter) and no start's best
        hard network improves by more than this share of its objective. A search whose very best network still
        improved by more at its end warns.
    init : {"bank", "random"}, default="bank"
        Starts from the checkpoint's bank of fitted networks, ranked by their fit to the data, or from normal
        latents as in the papers.
    n_generations : int, default=None
        Generations of selection among latents before the descent; needs init="bank". None takes 0 with refinement and
        4 without.
    readout : {"ridge", "decoded"}, default="ridge"
        Fit the output layer to the data by ridge regression, during the descent and at its end, or keep the decoded
        one as in the papers. Starts are ranked with a ridge readout in either case. Several targets need "ridge".
    early_stopping : bool or "auto", default="auto"
        Judge networks by held-out rows. "auto" does so from 1000 different rows on (200 without refinement). Without
        held-out rows the sizes of a path are judged by five-fold cross-validation on the rows of the search, at least
        768: the starts are polished and pruned anew for each fold.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, in (0, 1). At the end all networks of the path (without refinement: the
        output layer) are fitted to all rows, or to 20 000 of them.
    checkpoint : str or path, default=None
        File of a pretrained autoencoder; None takes the bundled one.
    device : str, default="cpu"
        Torch device of the latent search: "cpu" or a CUDA device. Refinement runs on the CPU.
    n_jobs : int, default=None
        Depths, groups of at most 48 starts, and folds of the cross-validation that are worked on at a time: in threads,
        or where ``joblib.parallel_config`` says. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of all random choices; an integer makes fits repeatable.
    warm_start : bool, default=False
        Search on from the previous fit, in addition to the new starts, if it was made with warm_start=True, the same
        checkpoint and as many columns: from its latent, and with refinement from its network, which is polished on the
        new rows, pruned, encoded and varied. For tables that grow, or for more rounds.
    verbose : int, default=0
        1 logs one line for each depth and each stage, when it has ended.

    Attributes
    ----------
    network_ : SparseMLP
        The found network, in the units of X and y.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Its weights, layer by layer, with exact zeros.
    intercepts_ : list of ndarray of shape (n_out,)
        Its biases.
    activations_ : list of tuple of str
        Activation of every hidden neuron.
    hidden_layer_sizes_ : tuple of int
        Living neurons of each hidden layer; empty if the network is a constant or a straight line.
    support_ : ndarray of bool, of shape (n_features,)
        Which columns the network reads.
    n_nonzero_ : int
        Number of non-zero weights and biases.
    depth_ : int
        Number of hidden layers.
    path_ : DataFrame
        One row for each network of the path, by size: "n_nonzero", "depth", "n_inputs" (columns in use), "n_neurons",
        "activations", "equation" (in one line, rounded as formulas are by default; functions as in printing),
        "objective", "r2_train", "r2_validation" (nan without refinement and held-out rows) and "chosen". R^2 of the
        training rises from row to row; that of the validation need not.
    networks_ : list of SparseMLP
        Networks of the path, in the same order.
    feature_importances_ : ndarray of shape (n_features,)
        Share of the chosen network's variance that goes through each column: the mean of (f(x) - f(x'))^2 / 2, where x'
        is the row x with the entry of this column taken from another row (the total effect of Sobol and Jansen), in
        shares of its sum over the columns; of several targets the mean. Measured on up to 4096 random pairs of fitted
        rows, which count by their weights. The sum is 1, and a column that the network does not read has 0; a constant
        network has only zeros. For a sum of functions of one column each these are the shares of their variances;
        what columns do together counts for each of them. Columns are varied one by one: what they have in common is
        not looked at.
    latent_ : ndarray of shape (max_width, d_latent) or None
        Latent of the start from which the network descends (without refinement: which decodes to it); None if nothing
        had to be searched (constant target).
    loss_curve_ : ndarray of shape (n_iter,)
        Soft objective of that start at each gradient step.
    best_loss_ : float
        Objective of the chosen network.
    n_iter_ : int
        Gradient steps of that start's depth, and rounds.
    fit_report_ : list of dict
        For each stage of the fit: "name", "seconds", "r2_before" and "r2_after", the R^2 of the largest network on the
        rows of the search (of the last polish: on all rows), and "r2_by_size", after the stage, that of the best
        networks of at most 10, 20, 30, 50 and 100 numbers (empty for blocks). The latent search begins with a constant.
    candidates_ : dict of ndarray
        One row per depth and start that gave a finite network: "depth", "restart", "step" (of the descent at which
        the network was met), "start_objective" (of the hardened start), "objective", "n_nonzero", "n_neurons",
        "chosen".
    search_report_ : list of dict
        For each depth: objective after screening and after each generation of selection, best objective of the
        hardened starts and after the descent, gradient steps, seconds of both stages, reason for stopping, dropped
        starts.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had string names.
    target_names_in_ : ndarray of shape (n_targets,)
        Names of the targets, if y was a Series or a DataFrame with string names. Printing, pictures and exports of the
        network show them.

    See Also
    --------
    SparseMLP : The network.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_swat import SWATRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SWATRegressor(depths=(1,), n_restarts=2, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _limits = RowLimits()
    _clock = staticmethod(time.monotonic)

    def __init__(
        self,
        *,
        depths: Sequence[int] = (1, 2),
        activations: Sequence[str] = ACTIVATION_NAMES,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        max_nonzero: int | None = None,
        one_standard_error: bool = False,
        refine: bool = True,
        n_rounds: int = 5,
        max_blocks: int = 4,
        time_limit: float | None = None,
        n_restarts: int | None = None,
        max_iter: int | None = None,
        learning_rate: float = 0.05,
        tol: float = 1e-2,
        init: str = "bank",
        n_generations: int | None = None,
        readout: str = "ridge",
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        checkpoint: Any = None,
        device: str = "cpu",
        n_jobs: int | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.depths = depths
        self.activations = activations
        self.sparsity = sparsity
        self.compactness = compactness
        self.max_nonzero = max_nonzero
        self.one_standard_error = one_standard_error
        self.refine = refine
        self.n_rounds = n_rounds
        self.max_blocks = max_blocks
        self.time_limit = time_limit
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.init = init
        self.n_generations = n_generations
        self.readout = readout
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SWATRegressor:
        """Find a sparse network for the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Inputs, in any units; finite.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target, in any units; finite. Several are given by one network with as many outputs; errors are means over
            the targets, each in units of its variance.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0: a weight of 2 is a row that comes twice, one of 0 a row that is not
            there. Weights with a sum below the number of rows that count are scaled up to it. None stands for once.

        Returns
        -------
        self : SWATRegressor
            The fitted regressor. If an error ends the fit, the regressor is as it was before.
        """
        with unchanged_on_error(self), fit_callbacks(self, X, y, sample_weight) as callbacks:
            return self._fit(X, y, sample_weight, callbacks)

    def _fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, callbacks: FitCallbacks | None
    ) -> SWATRegressor:
        begin = self._clock()
        settings = checked_settings(self, self._limits)
        seed = draw_seed(self.random_state)
        self._keep_target_names(target_names(y))
        # in C order, so that means are rounded the same way whatever the table's layout
        refuse_dates(sample_weight, "sample_weight")
        table, target = validate_numbers(
            self, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True, y_numeric=True
        )
        target = real_target(target)
        if target.ndim == 2 and target.shape[1] == 1:
            target = column_or_1d(target, warn=True)
        elif target.ndim == 2 and self.readout != "ridge":
            raise ValueError(f"readout must be 'ridge' for several targets, got {self.readout!r}.")
        table, target, weight = counted_rows(table, target, sample_weight, settings.limits.merged)
        scaling = Standardisation.checked(table, target, weight)
        if callbacks is not None:
            callbacks.complete = lambda estimator: estimator._keep_summary(table, target, weight, scaling, seed)
        warn_of_unresolved(self, scaling, table, target)
        means, rounding = column_scales(target.reshape(len(target), -1), weight)[0], 0.0
        if not np.any(scaling.y_scale) or not len(scaling.varying):
            self._keep_constant(means, varies=bool((target != target[0]).any()))
        elif not np.all(scaling.y_scale):
            varies = scaling.y_scale > 0
            left = varying_targets(target, varies)
            finish = partial(path_with_constants, varies=varies, constants=means)
            some = Standardisation.of(table, left, weight)
            rounding = self._search(table, left, weight, some, settings, seed, begin, callbacks, finish)
        else:
            rounding = self._search(table, target, weight, scaling, settings, seed, begin, callbacks)
        self._keep_summary(table, target, weight, scaling, seed)
        warn_of_rounding(self, rounding, scaling)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _search(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        scaling: Standardisation,
        settings: Settings,
        seed: int,
        begin: float,
        callbacks: FitCallbacks | None,
        finish: Callable[[Path], Path] | None = None,
    ) -> float:
        """Search, set the fitted attributes, and say what rounding in raw units costs, in R^2."""
        spent = self._clock() - begin  # without what is loaded once a process
        from sk_swat.fitting.table import TableConfig, search_table
        from sk_swat.latent.checkpoint import load_checkpoint
        from sk_swat.latent.problem import SearchConfig
        from sk_swat.utils.torch_state import usual_torch

        checkpoint = load_checkpoint(self.checkpoint)
        exploring, finishing = deadlines_of(settings.time_limit, spent, self._clock)
        watching: list[Watcher] = [FitLog(), *watchers()]
        if callbacks is not None:
            callbacks.finish = finish
            watching.append(callbacks)
        with interruptible(exploring.stop) as interrupt, shown_log(self.verbose), usual_torch():
            check_depths(settings.depths, checkpoint.autoencoder.config.max_depth)
            previous = self._previous_starts(X.shape[1], checkpoint.fingerprint)
            held_out = settings.hold_out(self.early_stopping, len(y))
            result = search_table(
                X,
                y,
                scaling,
                self._space(checkpoint),
                settings.depths,
                SearchConfig(**settings.search),
                TableConfig(
                    refine=settings.refine,
                    n_rounds=settings.n_rounds,
                    max_blocks=settings.max_blocks,
                    max_nonzero=settings.max_nonzero,
                    validation_fraction=self.validation_fraction if held_out else None,
                    seed=seed,
                    n_jobs=self.n_jobs,
                    device=self.device,
                    limits=settings.limits,
                ),
                weight=weight,
                previous=previous,
                known=self.network_ if previous is not None and self._may_go_on(y, settings) else None,
                deadlines=(exploring, finishing),
                watchers=watching,
            )
            if finish is not None:
                result = replace(result, path=finish(result.path))
            self._keep(result, settings, settings.choose(result.path), checkpoint.fingerprint)
        if interrupt.happened:
            warnings.warn(
                "The fit was interrupted; the best networks found until then are kept.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return result.rounding

    def _space(self, checkpoint: Checkpoint) -> Space:
        """Where networks come from."""
        from sk_swat.latent.space import LatentSpace

        return LatentSpace(checkpoint)

    def _keep(self, result: TableSearch, settings: Settings, chosen: int, fingerprint: str) -> None:
        """Set the fitted attributes."""
        start = result.starts[chosen]
        search = next(search for search in result.searches if search.depth == start.depth)
        self._path = result.path
        self._latents: list[np.ndarray | None] = [candidate.latent for candidate in result.starts]
        self.candidates_ = candidate_table(result.candidates, start)
        self.search_report_ = [search_report(search) for search in result.searches]
        self.fit_report_ = [vars(stage) for stage in result.stages]
        self.loss_curve_ = search.loss_curve[:, start.restart].astype(np.float64)
        self.n_iter_ = search.n_iter + sum(stage.name.startswith("round") for stage in result.stages)
        self._start = None
        if self.warm_start:
            self._start = (fingerprint, (start.depth, start.latent, start.inputs, start.threshold))
        self._keep_row(chosen, (settings.sparsity, settings.compactness))
        if not settings.refine:  # the objective by which candidates are compared
            self.best_loss_ = start.objective
        if search.n_iter and search.stop_reason != "deadline" and not search.settled and not settings.refine:
            warnings.warn(
                f"The search of depth {start.depth} still improved by more than tol={self.tol:g} when max_iter="
                f"{settings.search['max_iter']} was reached; increase max_iter.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _keep_row(self, row: int, prices: tuple[float, float]) -> None:
        self.latent_ = self._latents[row]
        super()._keep_row(row, prices)

    def _keep_constant(self, value: Any, varies: bool) -> SWATRegressor:
        """Set the fitted attributes for a target, or a table, that does not vary: nothing to search."""
        network = SparseMLP.constant(self.n_features_in_, value)
        r2 = 0.0 if varies else 1.0
        return self._keep_alone(Path([network], np.full(1, r2), np.full(1, r2), np.zeros((1, 1))))

    def _keep_alone(self, path: Path) -> SWATRegressor:
        """Set the fitted attributes for a path of one network, without the records of a search."""
        self._path, self._latents = path, [None]
        self._keep_row(0, (self.sparsity, self.compactness))
        self.loss_curve_ = np.zeros(0)
        self.n_iter_ = 0
        self._start = None
        self.candidates_ = candidate_table([], None)
        self.search_report_, self.fit_report_ = [], []
        return self

    def _may_go_on(self, y: np.ndarray, settings: Settings) -> bool:
        """Whether the network of the previous fit is one that this fit could find."""
        kinds = {name for layer in self.network_.activations for name in layer}
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        return (
            self.network_.n_outputs == n_targets
            and self.network_.depth in settings.depths
            and kinds <= set(check_activations(self.activations))
        )

    def _previous_starts(self, n_columns: int, fingerprint: str) -> dict[int, Any] | None:
        """Where the previous fit ended, if it can go on from there: same checkpoint, as many columns."""
        from sk_swat.fitting.table import previous_starts

        earlier, start = getattr(self, "_start", None) or (None, None)
        if not self.warm_start or start is None or earlier != fingerprint or len(start[2]) != n_columns:
            return None
        return previous_starts(*start)

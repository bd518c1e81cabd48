"""The regressor that finds tiny sparse networks: latent search, polish and pruning, rounds, blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sk_swat.estimators.parameters import make_settings
from sk_swat.estimators.searching import Context
from sk_swat.estimators.table_regressor import TableRegressor
from sk_swat.fitting.settings import Settings
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.path import Path
from sk_swat.refine.table import Table

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import Ending, Found, Search, Stage

__all__ = ["LATENT", "SWATRegressor"]

Init = TypeVar("Init", bound=Callable[..., None])
# A path must not depend on the prices by which one of its networks is chosen: its search has prices of its own. Small
# weights may stay, since pruning is yet to come.
LATENT = {"sparsity": 1e-5, "compactness": 1e-5, "small_share": 0.5, "n_children": 128, "thresholds": (1.0,)}


def _refuse_refine(parameters: dict[str, Any]) -> None:
    if "refine" in parameters:
        raise TypeError(
            f"SWATRegressor always polishes and prunes, got refine={parameters['refine']!r}; LatentDescentRegressor is "
            "the search in the latent space without that."
        )


def _guard_refine(init: Init) -> Init:
    """Let a constructor name what to use instead of a parameter that it does not have; its signature stays."""

    @wraps(init)
    def init_or_refuse(self: Any, **parameters: Any) -> None:
        _refuse_refine(parameters)
        init(self, **parameters)

    return cast(Init, init_or_refuse)


class SWATRegressor(TableRegressor):
    """Tiny sparse neural network, found in the latent space of a pretrained autoencoder.

    ``fit`` standardises the table, decodes networks from the latent space that fit the data, polishes them
    (Levenberg-Marquardt), prunes them step by step (Optimal Brain Surgeon), and varies the best ones in the latent
    space again. What it keeps is a path: the most accurate network found at each size. One of them is chosen by
    ``1 - R^2 + sparsity * n_nonzero + compactness * n_neurons`` on rows that were not fitted; `select` switches to
    another one without a new fit. ``predict`` runs the chosen network in float64 NumPy. The latent space and the
    prices follow arXiv 2506.08270, section IV.

    Parameters
    ----------
    depths : tuple of int, default=(1, 2)
        Numbers of hidden layers to search, each from 1 to 4; every one costs about the same time.
    activations : tuple of str, default=("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
        Activations a neuron may choose: any of these. The second paper has "sigmoid", "tanh" and "leaky_relu"; a
        single one gives the fixed-activation search of arXiv 2410.08339.
    sparsity : float, default=1e-5
        Price, in R^2, of one non-zero parameter (weight or bias); at least 0: how much R^2 a parameter must
        gain to be kept. Larger prices give smaller networks. The
        path does not depend on it: it only chooses.
    compactness : float, default=1e-5
        Price, in R^2, of one living neuron; at least 0.
    max_nonzero : int, default=None
        Largest number of non-zero parameters, at least 1; None sets no limit.
    one_standard_error : bool, default=False
        Take the smallest network whose validation R^2 is within one standard error (of the difference) of the best
        one's, unless the prices ask for a smaller one still. The constant network is taken in any case if it is
        that near.
    n_rounds : int, default=8
        Rounds in which networks along the path are encoded, varied in the latent space, decoded, widened, polished
        and pruned again.
    max_blocks : int, default=4
        Most decoded networks that a network is the sum of. A further one is searched on what is left unexplained, as
        long as held-out rows gain; without held-out rows there is one.
    time_limit : float, default=None
        Seconds from the call of `fit` after which it returns the best it has; three quarters of them are for the
        search. The result then depends on the machine. The step that is under way is left; the fit ends at most about
        0.3 s late, or one step if that takes longer. Checks and scaling of the table count but are not cut short; torch
        and the checkpoint, which the first fit of a process loads, do not count: they add two to four seconds.
    n_restarts : int, default=24
        Starts of each depth, half of them chosen for being small.
    early_stopping : bool or "auto", default="auto"
        Judge networks by held-out rows. "auto" does so from 1000 different rows on. Without
        held-out rows the sizes of a path are judged by five-fold cross-validation on the rows of the search, at least
        768: the starts are polished and pruned anew for each fold.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, in (0, 1). At the end all networks of the path are fitted to
        all rows, or to 20 000 of them.
    checkpoint : str or path, default=None
        File of a pretrained autoencoder; None takes the bundled one.
    n_jobs : int, default=None
        Cores at work. Depths, groups of at most 48 starts, and folds of the cross-validation are worked on side by
        side, in threads or where ``joblib.parallel_config`` says; where there is one of them, its networks are fitted
        and pruned in as many threads. None takes one piece after the other, each with all cores that are allowed, as
        `HistGradientBoostingRegressor` does, and one core inside of joblib's own threads and processes. The result does
        not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of all random choices; an integer makes fits repeatable.
    warm_start : bool, default=False
        Search on from the previous fit, in addition to the new starts, if it was made with warm_start=True, the same
        checkpoint and as many columns: from its latent, and from its network, which is polished on the new rows,
        pruned, encoded and varied. For tables that grow, or for more rounds.
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
        "objective", "r2_train", "r2_validation" and "chosen". R^2 of the training rises from row to row; that of the
        validation need not.
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
        Latent of the start from which the network descends; None if nothing had to be searched (constant target).
    best_loss_ : float
        Objective of the chosen network.
    n_iter_ : int
        Rounds.
    fit_report_ : list of dict
        For each stage of the fit: "name", "seconds", "r2_before" and "r2_after", the R^2 of the largest network on the
        rows of the search (of the last polish: on all rows), and "r2_by_size", after the stage, that of the best
        networks of at most 10, 20, 30, 50 and 100 parameters (empty for blocks). The latent search begins with a
        constant.
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
    LatentDescentRegressor : The search of the papers, without polish and pruning.
    SparseMLP : The network.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_swat import SWATRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SWATRegressor(depths=(1,), n_restarts=2, n_rounds=0, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    @_guard_refine
    def __init__(
        self,
        *,
        depths: Sequence[int] = (1, 2),
        activations: Sequence[str] = ACTIVATION_NAMES,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        max_nonzero: int | None = None,
        one_standard_error: bool = False,
        n_rounds: int = 8,
        max_blocks: int = 4,
        time_limit: float | None = None,
        n_restarts: int = 24,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        checkpoint: Any = None,
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
        self.n_rounds = n_rounds
        self.max_blocks = max_blocks
        self.time_limit = time_limit
        self.n_restarts = n_restarts
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def set_params(self, **params: Any) -> SWATRegressor:
        """Set parameters, as scikit-learn's estimators do; `refine` is refused with the name of what to use."""
        _refuse_refine(params)
        return super().set_params(**params)

    def _settings(self) -> Settings:
        return make_settings(self, **LATENT)

    def _plan(self, table: Table, context: Context) -> tuple[Search, list[Stage], Ending]:
        from sk_swat.fitting.blocks import blocks
        from sk_swat.fitting.judging import LastPolish
        from sk_swat.fitting.rounds import Round
        from sk_swat.fitting.starts import Polish, Propose

        settings, limits = context.settings, context.settings.limits
        fitted, held = table.split(settings.held_share(len(table), limits.held_out), settings.seed)
        n_used = limits.n_used(len(fitted))
        search = context.search(table.standardise(fitted[:n_used], held[:n_used]), limits.n_searched(len(fitted)))
        earlier = self._earlier(table, context)
        rounds = [Round(number) for number in range(settings.n_rounds)]
        return search, [Propose(settings.depths, earlier), Polish(earlier), *rounds, *blocks(search)], LastPolish()

    def _keep(self, search: Search, found: Found, path: Path, row: int) -> None:
        super()._keep(search, found, path, row)
        self.n_iter_ = sum(record.name.startswith("round") for record in search.records)

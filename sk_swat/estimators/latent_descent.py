"""The papers' own search as an estimator: gradient descent through the decoders, without refinement."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_swat.estimators.parameters import make_settings
from sk_swat.estimators.searching import Context
from sk_swat.estimators.table_regressor import TableRegressor
from sk_swat.fitting.settings import Settings
from sk_swat.network.activations import ACTIVATION_NAMES
from sk_swat.network.path import Path
from sk_swat.refine.table import Table

if TYPE_CHECKING:  # torch is imported by the first fit, not by `import sk_swat`
    from sk_swat.fitting.search import Ending, Found, Search, Stage

__all__ = ["LatentDescentRegressor"]


class LatentDescentRegressor(TableRegressor):
    """Sparse neural network that gradient descent finds in the latent space of a pretrained autoencoder.

    This is the search of arXiv 2506.08270, section IV, by itself. For each depth, starts are ranked and bred; Adam
    moves their latents on a soft objective through the decoder of that depth; then activations, weights and neurons
    are decided, and the best network is kept as it was decoded, with its output layer fitted to the data. The
    objective is ``1 - R^2 + sparsity * n_nonzero + compactness * n_neurons``. `SWATRegressor` goes on from such starts
    by polish, pruning and further rounds, and is far more accurate.

    Parameters
    ----------
    depths : tuple of int, default=(1, 2)
        Numbers of hidden layers to search, each from 1 to 4; every one costs about the same time.
    activations : tuple of str, default=("identity", "sigmoid", "tanh", "leaky_relu", "sine", "gaussian")
        Activations a neuron may choose: any of these. The second paper has "sigmoid", "tanh" and "leaky_relu"; a
        single one gives the fixed-activation search of arXiv 2410.08339.
    sparsity : float, default=1e-5
        Price, in R^2, of one non-zero parameter (weight or bias); at least 0. Larger prices give smaller networks.
    compactness : float, default=1e-5
        Price, in R^2, of one living neuron; at least 0.
    max_nonzero : int, default=None
        Largest number of non-zero parameters, at least 1; None sets no limit. Networks are not pruned to it: the best
        of those that are small enough is taken, and `fit` raises ValueError if there is none.
    n_restarts : int, default=8
        Starts of each depth.
    max_iter : int, default=100
        Gradient steps of each start. With 0 the chosen starts are hardened as they are.
    learning_rate : float, default=0.05
        First step size of Adam; entries of a latent have about unit variance. Falls to a fiftieth.
    tol : float, default=1e-2
        A depth stops early once weights and activations are decided (three fifths of max_iter) and no start's best
        hard network improves by more than this share of its objective. A search whose very best network still
        improved by more at its end warns.
    init : {"bank", "random"}, default="bank"
        Starts from the checkpoint's bank of fitted networks, ranked by their fit to the data, or from normal
        latents as in the papers.
    n_generations : int, default=4
        Generations of selection among latents before the descent; needs init="bank".
    readout : {"ridge", "decoded"}, default="ridge"
        Fit the output layer to the data by ridge regression, during the descent and at its end, or keep the decoded
        one as in the papers. Starts are ranked with a ridge readout in either case. Several targets need "ridge".
    early_stopping : bool or "auto", default="auto"
        Judge networks by held-out rows. "auto" does so from 200 different rows on.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, in (0, 1). At the end the output layer is fitted to all rows.
    time_limit : float, default=None
        Seconds from the call of `fit` after which it returns the best it has, as in `SWATRegressor`.
    checkpoint : str or path, default=None
        File of a pretrained autoencoder; None takes the bundled one.
    device : str, default="cpu"
        Torch device of the search: "cpu" or a CUDA device.
    n_jobs : int, default=None
        Depths that are searched at a time, as in `SWATRegressor`; None searches one after the other, on one core. The
        result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of all random choices; an integer makes fits repeatable.
    warm_start : bool, default=False
        Search on from the latent of the previous fit, in addition to the new starts, if it was made with
        warm_start=True, the same checkpoint and as many columns.
    verbose : int, default=0
        1 logs one line for each depth and each stage, when it has ended.

    Attributes
    ----------
    latent_ : ndarray of shape (max_width, d_latent) or None
        Latent that decodes to the network; None if nothing had to be searched (constant target).
    loss_curve_ : ndarray of shape (n_iter,)
        Soft objective of its start at each gradient step.
    best_loss_ : float
        Objective of the network.
    n_iter_ : int
        Gradient steps of that start's depth.
    network_, networks_, path_, coefs_, intercepts_, activations_, hidden_layer_sizes_, support_, n_nonzero_, depth_, \
    feature_importances_, fit_report_, candidates_, search_report_, n_features_in_, feature_names_in_, \
    target_names_in_
        As in `SWATRegressor`; the path has one network, whose "r2_validation" is nan without held-out rows.

    See Also
    --------
    SWATRegressor : Goes on by polish and pruning.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_swat import LatentDescentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LatentDescentRegressor(depths=(1,), n_restarts=2, max_iter=20, tol=1, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        *,
        depths: Sequence[int] = (1, 2),
        activations: Sequence[str] = ACTIVATION_NAMES,
        sparsity: float = 1e-5,
        compactness: float = 1e-5,
        max_nonzero: int | None = None,
        n_restarts: int = 8,
        max_iter: int = 100,
        learning_rate: float = 0.05,
        tol: float = 1e-2,
        init: str = "bank",
        n_generations: int = 4,
        readout: str = "ridge",
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        time_limit: float | None = None,
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
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.init = init
        self.n_generations = n_generations
        self.readout = readout
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.time_limit = time_limit
        self.checkpoint = checkpoint
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def _settings(self) -> Settings:
        return make_settings(self)

    def _plan(self, table: Table, context: Context) -> tuple[Search, list[Stage], Ending]:
        from sk_swat.fitting.best_candidate import BestCandidate
        from sk_swat.fitting.starts import Propose

        settings, limits = context.settings, context.settings.limits
        fitted, held = table.split(settings.held_share(len(table), limits.held_out_latent), settings.seed)
        search = context.search(table.standardise(fitted[: limits.searched], held), limits.searched)
        stages: list[Stage] = [Propose(settings.depths, self._earlier(table, context))]
        return search, stages, BestCandidate(table, np.r_[held, fitted])

    def _keep(self, search: Search, found: Found, path: Path, row: int) -> None:
        super()._keep(search, found, path, row)
        candidate = search.candidates[found.candidates[0]]
        own = next(one for one in search.depth_searches if one.depth == candidate.depth)
        self.loss_curve_ = own.loss_curve[:, candidate.restart].astype(np.float64)
        self.n_iter_, self.best_loss_ = own.n_iter, candidate.objective  # by which it was chosen
        if own.n_iter and own.stop_reason != "deadline" and not own.settled:
            warnings.warn(
                f"The search of depth {candidate.depth} still improved by more than tol={self.tol:g} when max_iter="
                f"{self.max_iter} was reached; increase max_iter.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _keep_alone(self, path: Path) -> LatentDescentRegressor:
        self.loss_curve_ = np.zeros(0)
        return super()._keep_alone(path)

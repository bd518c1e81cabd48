"""Search every depth, and make candidates of the starts: hard networks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch

from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.descent import Descent, descend
from sk_swat.latent.objective import hard_sizes
from sk_swat.latent.settings import SearchConfig
from sk_swat.latent.starts import Starts, choose_starts
from sk_swat.network.softnet import SoftNetworks, apply_to_tensors
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline
from sk_swat.utils.labels import short_repr
from sk_swat.utils.parallel import one_torch_thread, run_parallel
from sk_swat.utils.seeds import seed_of
from sk_swat.utils.torch_state import default_device

__all__ = ["Candidate", "DepthSearch", "RunOptions", "one_torch_thread", "search_depths"]

_FEW_STARTS = 8  # that are hardened when the time is up


def _nothing() -> np.ndarray:
    return np.zeros(0)


@dataclass(frozen=True)
class Candidate:
    """What a start has become: one hard network, where it was met, and its objective before and after the descent.

    `network` is a batch of one on the standardised columns; `latent` and `inputs` decode to it, unless it comes from
    elsewhere, and `threshold` is the weight threshold learned when it was met, at `step`.
    """

    network: SoftNetworks
    restart: int
    start_objective: float
    objective: float
    n_nonzero: int
    n_neurons: int
    latent: np.ndarray = field(default_factory=_nothing)
    inputs: np.ndarray = field(default_factory=_nothing)
    threshold: float = 0.0
    step: int = 0

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.network.depth


@dataclass(frozen=True)
class RunOptions:
    """Where and until when a search runs, and what it goes on from.

    Parameters
    ----------
    n_jobs : int, default=None
        Depths that are searched at a time, as in joblib.
    device : str, default="cpu"
        Torch device.
    previous : dict of int to Starts, default=None
        Starts by depth that join the chosen ones.
    deadline : Deadline, default=Deadline()
        When to stop; the default sets no limit. Each depth gives some candidates in any case.
    found : callable, default=None
        Called with the record of each depth when it is there, in the order of the depths.
    """

    n_jobs: int | None = None
    device: str = "cpu"
    previous: dict[int, Starts] | None = None
    deadline: Deadline = field(default_factory=Deadline)
    found: Callable[[DepthSearch], None] | None = None


@dataclass(frozen=True)
class DepthSearch:
    """Record of the search of one depth: candidates, curves, what each stage gained and how long it took.

    `selection_curve` holds the best objective after screening and after each generation (with a ridge readout on the
    ranking rows); `loss_curve`, of shape (n_iter, n_starts), the soft objective of the descent.
    """

    depth: int
    candidates: list[Candidate]
    selection_curve: list[float]
    seconds: dict[str, float]
    loss_curve: np.ndarray = field(default_factory=_nothing)
    n_iter: int = 0
    stop_reason: str = "max_iter"
    settled: bool = True
    dropped: list[int] = field(default_factory=list)

    @property
    def objective(self) -> float:
        """Best objective of all candidates, infinite without any."""
        return min((candidate.objective for candidate in self.candidates), default=math.inf)


def search_depths(
    table: Table,
    checkpoint: Checkpoint,
    depths: Sequence[int],
    config: SearchConfig,
    seed: int,
    options: RunOptions | None = None,
) -> list[DepthSearch]:
    """Search every depth by itself.

    Parameters
    ----------
    table : Table
        Standardised rows.
    checkpoint : Checkpoint
        Autoencoder and bank.
    depths : sequence of int
        Decoders to search.
    config : SearchConfig
        Settings.
    seed : int
        Source of all choices; each depth draws its own numbers, so a depth's result does not depend on the others.
    options : RunOptions, default=None
        Where and until when to search; None takes the defaults.
    """
    options = options or RunOptions()
    device, previous = options.device, options.previous or {}
    _check_device(device)
    if device != "cpu":  # the cached checkpoint stays where it is
        bank = apply_to_tensors(checkpoint.bank, lambda part: part.to(device))
        checkpoint = replace(checkpoint, autoencoder=copy.deepcopy(checkpoint.autoencoder).to(device), bank=bank)
        table = table.to(device)
    pieces = [
        partial(_search_depth, table, checkpoint, depth, config, seed, device, previous.get(depth), options.deadline)
        for depth in depths
    ]
    return run_parallel(pieces, options.n_jobs, options.found, options.deadline.stop)


def _check_device(device: str) -> None:
    wanted = f"device must name a torch device of this machine that holds numbers, got {short_repr(device)}"
    try:
        torch.zeros(1, device=device).cpu()  # a copy, which "meta" has none of
    except (AssertionError, ImportError, RuntimeError) as error:
        raise ValueError(f"{wanted} ({str(error).splitlines()[0]}).") from error
    if device.startswith("cpu:") and device != "cpu:0":  # torch takes any number
        raise ValueError(f"{wanted} (there is one CPU device, 'cpu').")


def _search_depth(
    table: Table,
    checkpoint: Checkpoint,
    depth: int,
    config: SearchConfig,
    seed: int,
    device: str,
    previous: Starts | None,
    deadline: Deadline,
) -> DepthSearch:
    with default_device(device), torch.enable_grad():
        generator = torch.Generator(device).manual_seed(seed_of(seed, depth))
        begin = time.perf_counter()
        starts, selection_curve = choose_starts(table, checkpoint, depth, config, generator, deadline)
        if previous is not None:
            previous = apply_to_tensors(previous, lambda part: part.to(device))
            starts = previous.concatenate(starts)
        if deadline.passed():
            starts = starts[:_FEW_STARTS]
        chosen = time.perf_counter()
        descent = descend(starts, table, checkpoint.autoencoder, depth, config, deadline)
    return DepthSearch(
        depth=depth,
        candidates=_candidates(descent),
        selection_curve=selection_curve,
        loss_curve=descent.loss_curve.numpy(force=True),
        n_iter=descent.n_iter,
        stop_reason=descent.stop_reason,
        settled=descent.settled,
        dropped=descent.dropped,
        seconds={"starts": chosen - begin, "descent": time.perf_counter() - chosen},
    )


def _candidates(descent: Descent) -> list[Candidate]:
    best = descent.best
    sizes, neurons = hard_sizes(best.networks)
    return [
        Candidate(
            # a copy: a slice would be sent to other processes with the whole batch behind it
            network=best.networks[restart : restart + 1].map(lambda part: part.detach().cpu().clone()),
            latent=best.latent[restart].numpy(force=True),
            inputs=best.inputs[restart].numpy(force=True),
            threshold=float(best.threshold[restart]),
            restart=restart,
            step=int(best.step[restart]),
            start_objective=float(descent.start_objective[restart]),
            objective=float(best.objective[restart]),
            n_nonzero=int(sizes[restart]),
            n_neurons=int(neurons[restart]),
        )
        for restart in torch.isfinite(best.objective).nonzero().squeeze(1).tolist()
    ]

"""Where the search starts: latents that fit the data once their output layer is solved, bettered by selection.

A start is a latent and an input layer, which says what each input slot sees: at first one column each, with a sign
(so one latent serves every permutation and reflection of its inputs). Candidates from the bank are ranked by the
objective after a readout; then a few generations of children (rows of two parents mixed, noise added) compete.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch

from sk_swat.autoencoder import bounded
from sk_swat.checkpoint import Checkpoint
from sk_swat.layout import RawNetworks
from sk_swat.search.objective import hard_objective, hard_sizes
from sk_swat.search.problem import Problem, SearchConfig
from sk_swat.search.readout import solve_readout, with_readout
from sk_swat.softnet import apply_to_tensors

__all__ = ["Starts", "choose_starts"]

_FIRST_THRESHOLD = 0.01
_FIRST_NOISE, _LAST_NOISE = 0.35, 0.1  # standard deviation of the mutations, first and last generation
_COUNTED = 0.02  # decoded weights below this do not count as numbers while candidates are ranked


@dataclass(frozen=True)
class Starts:
    """Candidates of a search.

    Parameters
    ----------
    latent : Tensor of shape (n_starts, n_slots, d_latent)
        Latents.
    inputs : Tensor of shape (n_starts, n_columns, n_slots)
        Input layer: what each slot sees.
    input_mask : Tensor of shape (n_starts, n_slots)
        1 for the slots in use.
    score : Tensor of shape (n_starts,)
        Objective with a ridge readout on the ranking rows.
    numbers : Tensor of shape (n_starts,)
        Size as decoded.
    threshold : Tensor of shape (n_starts,)
        Weight threshold at which the descent begins.
    """

    latent: torch.Tensor
    inputs: torch.Tensor
    input_mask: torch.Tensor
    score: torch.Tensor
    numbers: torch.Tensor
    threshold: torch.Tensor

    @classmethod
    def unscored(cls, latent: torch.Tensor, inputs: torch.Tensor, input_mask: torch.Tensor) -> Starts:
        """Candidates not ranked yet, with the smallest threshold."""
        score = latent.new_zeros(len(latent))
        return cls(latent, inputs, input_mask, score, score, torch.full_like(score, _FIRST_THRESHOLD))

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, index: torch.Tensor | slice) -> Starts:
        return apply_to_tensors(self, lambda part: part[index])

    def joined(self, other: Starts) -> Starts:
        """Both together."""
        return Starts(*(torch.cat([getattr(self, item.name), getattr(other, item.name)]) for item in fields(self)))


def choose_starts(
    problem: Problem, checkpoint: Checkpoint, depth: int, config: SearchConfig, generator: torch.Generator
) -> tuple[Starts, list[float]]:
    """Choose the starts of one depth.

    Returns
    -------
    starts : Starts
        ``config.n_restarts`` of them, best first.
    best_score : list of float
        Best objective after screening and after each generation.
    """
    if config.init == "random":
        drawn = _random_starts(problem, checkpoint, config.n_restarts, generator)
        starts = _ranked(drawn, problem, checkpoint, depth, config)
        return starts, [float(starts.score[0])]
    starts = _ranked(_bank_starts(problem, checkpoint, depth, config, generator), problem, checkpoint, depth, config)
    n_parents = max(config.n_parents, config.n_restarts)
    starts, best = starts[:n_parents], [float(starts.score[0])]
    for generation in range(config.n_generations):
        share = generation / max(config.n_generations - 1, 1)
        noise = _FIRST_NOISE * (_LAST_NOISE / _FIRST_NOISE) ** share
        children = _ranked(_children(starts, config.n_children, noise, generator), problem, checkpoint, depth, config)
        starts = starts.joined(children)
        starts = starts[starts.score.argsort(stable=True)[:n_parents]]
        best.append(float(starts.score[0]))
    return _chosen(starts, config), best


def _ranked(starts: Starts, problem: Problem, checkpoint: Checkpoint, depth: int, config: SearchConfig) -> Starts:
    """Score candidates by the objective with a ridge readout, and sort them."""
    problem = problem.ranking_rows(config.n_ranking_rows)
    with torch.no_grad():
        raw: RawNetworks = checkpoint.autoencoder.decode(starts.latent, starts.input_mask, [depth])[depth]
        networks = raw.soften(allowed=torch.tensor(config.allowed)).harden().connected(starts.inputs)
        readout = solve_readout(networks.last_hidden(problem.X), problem.y)
        networks = with_readout(networks, readout)
        n_fitted = networks.mask[-1].sum(1) + 1
        score = hard_objective(networks, problem, config, readout.fvu, _COUNTED, n_fitted)
        numbers = hard_sizes(networks, _COUNTED)[0].to(score.dtype)
    order = score.argsort(stable=True)
    return replace(starts, score=score, numbers=numbers)[order]


def _chosen(starts: Starts, config: SearchConfig) -> Starts:
    """Take the best starts, and for a share of them the best ones at a higher price: small networks."""
    n_small = int(config.small_share * config.n_restarts)
    best, rest = starts[: config.n_restarts - n_small], starts[config.n_restarts - n_small :]
    small = (rest.score + config.small_price * rest.numbers).argsort(stable=True)[:n_small]
    return best.joined(rest[small])


def _bank_starts(
    problem: Problem, checkpoint: Checkpoint, depth: int, config: SearchConfig, generator: torch.Generator
) -> Starts:
    """Draw latents of networks that fit the number of columns, of the wanted depth or restored at it."""
    bank, slots = checkpoint.bank, checkpoint.autoencoder.config.max_width
    n_columns = min(len(problem.columns), slots)
    usable = bank.n_inputs <= n_columns
    share = torch.where(bank.depth == depth, 1.0, torch.where(bank.restored[:, depth - 1], 0.3, 0.0)).float()
    # networks of just as many inputs are the likeliest to fit; those of fewer ones see some of the columns
    share = torch.where(bank.n_inputs == n_columns, share, 0.5 * share) * usable
    if not share.any():
        raise ValueError(
            f"the checkpoint's bank must hold networks of at most {n_columns} inputs and {depth} hidden layers, but "
            "it has none; use init='random' or another checkpoint."
        )
    n_screened = max(config.n_screened, config.n_restarts)
    index = torch.multinomial(share, n_screened, replacement=True, generator=generator)
    slot_count = bank.n_inputs[index].long()
    input_mask = (torch.arange(slots)[None, :] < slot_count[:, None]).float()
    return Starts.unscored(bank.latents(index), _draw_inputs(problem, input_mask, generator), input_mask)


def _random_starts(problem: Problem, checkpoint: Checkpoint, n_starts: int, generator: torch.Generator) -> Starts:
    """Draw normal latents, as in the papers."""
    sizes = checkpoint.autoencoder.config
    shape = (n_starts, sizes.max_width, sizes.d_latent)
    latent = bounded(torch.randn(shape, generator=generator, dtype=torch.float32))
    used = torch.arange(sizes.max_width) < min(len(problem.columns), sizes.max_width)
    input_mask = used.float().expand(n_starts, -1)
    return Starts.unscored(latent, _draw_inputs(problem, input_mask, generator), input_mask)


def _draw_inputs(problem: Problem, input_mask: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give every slot in use a column of its own and a sign; columns that say more alone are drawn more often."""
    n_starts, slots = input_mask.shape
    columns = problem.columns
    chance = _screening_chance(problem)[columns].expand(n_starts, -1)
    n_drawn = min(len(columns), slots)
    drawn = columns[torch.multinomial(chance, n_drawn, replacement=False, generator=generator)]
    negative = torch.rand(n_starts, n_drawn, generator=generator, dtype=torch.float32) < 0.5
    sign = torch.where(negative, -1.0, 1.0).float()
    inputs = problem.X.new_zeros(n_starts, problem.X.shape[1], slots)
    rows = torch.arange(n_starts)[:, None].expand_as(drawn)
    inputs[rows, drawn, torch.arange(n_drawn).expand_as(drawn)] = sign * input_mask[:, :n_drawn]
    return inputs


def _screening_chance(problem: Problem) -> torch.Tensor:
    """Chance of each column: half equal, half by its squared correlation, and its square's, with the target."""
    X, y = problem.X, problem.y
    shares = X.new_zeros(X.shape[1])
    for part in (X, X.square()):
        centred = part - part.mean(0)
        correlation = (centred * (y - y.mean())[:, None]).mean(0) / centred.std(0, correction=0).clamp_min(1e-6)
        shares = shares + correlation.square()
    return 0.5 / X.shape[1] + 0.5 * shares / shares.sum().clamp_min(1e-12) + 1e-6


def _children(parents: Starts, n_children: int, noise: float, generator: torch.Generator) -> Starts:
    """Mix rows of two parents and add noise; the input layer comes from the first parent."""
    first = torch.randint(len(parents), (n_children,), generator=generator)
    second = torch.randint(len(parents), (n_children,), generator=generator)
    latent = parents.latent[first]
    crossed = torch.rand(latent.shape[:2], generator=generator, dtype=latent.dtype) < 0.5
    crossed &= (torch.rand(n_children, generator=generator, dtype=latent.dtype) < 0.5)[:, None]
    latent = torch.where(crossed[:, :, None], parents.latent[second], latent)
    latent = bounded(latent + noise * torch.randn(latent.shape, generator=generator, dtype=latent.dtype))
    return Starts.unscored(latent, parents.inputs[first], parents.input_mask[first])

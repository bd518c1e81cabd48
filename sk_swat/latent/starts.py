"""Where the search starts: latents that fit the data once their output layer is solved, bettered by selection.

A start is a latent and an input layer, which says what each input slot sees: at first one column each, with a sign
(so one latent serves every permutation and reflection of its inputs). Starts from the bank are ranked by the
objective after a readout; then a few generations of children (rows of two parents mixed, noise added) compete.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch

from sk_swat.latent.autoencoder import bound
from sk_swat.latent.checkpoint import Checkpoint
from sk_swat.latent.layout import RawNetworks
from sk_swat.latent.screening import best_and_small, draw_inputs, fit_readouts, screen
from sk_swat.latent.settings import SearchConfig
from sk_swat.network.softnet import SoftNetworks, apply_to_tensors, first_slots
from sk_swat.refine.table import Table
from sk_swat.utils.deadline import Deadline

__all__ = ["Starts", "choose_starts"]

_FIRST_THRESHOLD = 0.01
_DECODED = 1024  # most entries that are decoded to be ranked where there are fewer
_ENOUGH = 256  # entries of the bank whose decoded networks may be ranked without decoding others
_FEW_SCREENED = 64  # entries that are ranked when the time is up before that
_FIRST_NOISE, _LAST_NOISE = 0.35, 0.1  # standard deviation of the mutations, first and last generation


@dataclass(frozen=True)
class Starts:
    """Starts of a search of one depth.

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
    n_nonzero : Tensor of shape (n_starts,)
        Size as decoded.
    threshold : Tensor of shape (n_starts,)
        Weight threshold at which the descent begins.
    """

    latent: torch.Tensor
    inputs: torch.Tensor
    input_mask: torch.Tensor
    score: torch.Tensor
    n_nonzero: torch.Tensor
    threshold: torch.Tensor

    @classmethod
    def of(cls, latent: torch.Tensor, inputs: torch.Tensor, input_mask: torch.Tensor) -> Starts:
        """Give starts that are not ranked yet, with the smallest threshold."""
        score = latent.new_zeros(len(latent))
        return cls(latent, inputs, input_mask, score, score, torch.full_like(score, _FIRST_THRESHOLD))

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, index: torch.Tensor | slice) -> Starts:
        return apply_to_tensors(self, lambda part: part[index])

    def concatenate(self, other: Starts) -> Starts:
        """Both together."""
        return Starts(*(torch.cat([getattr(self, item.name), getattr(other, item.name)]) for item in fields(self)))


def choose_starts(
    table: Table,
    checkpoint: Checkpoint,
    depth: int,
    config: SearchConfig,
    generator: torch.Generator,
    deadline: Deadline | None = None,
) -> tuple[Starts, list[float]]:
    """Choose the starts of one depth.

    Returns
    -------
    starts : Starts
        ``config.n_restarts`` of them, best first; fewer if the deadline passes before so many are ranked.
    best_score : list of float
        Best objective after screening and after each generation.
    """
    deadline = deadline or Deadline()
    if config.init == "random":
        drawn = _random_starts(table, checkpoint, config.n_restarts, generator)
        starts = _rank(drawn, table, checkpoint, depth, config)
        return starts, [float(starts.score[0])]
    starts = _bank_starts(table, checkpoint, depth, config, generator, deadline)
    n_parents = max(config.n_parents, config.n_restarts)
    starts, best = starts[:n_parents], [float(starts.score[0])]
    for generation in range(config.n_generations):
        if deadline.passed():
            break
        share = generation / max(config.n_generations - 1, 1)
        noise = _FIRST_NOISE * (_LAST_NOISE / _FIRST_NOISE) ** share
        children = _rank(_children(starts, config.n_children, noise, generator), table, checkpoint, depth, config)
        starts = starts.concatenate(children)
        starts = starts[starts.score.argsort(stable=True)[:n_parents]]
        best.append(float(starts.score[0]))
    return starts[best_and_small(starts.score, starts.n_nonzero, config)], best


def _rank(starts: Starts, table: Table, checkpoint: Checkpoint, depth: int, config: SearchConfig) -> Starts:
    """Score starts by the objective with a ridge readout, and sort them."""
    with torch.no_grad():
        raw: RawNetworks = checkpoint.autoencoder.decode(starts.latent, starts.input_mask, [depth])[depth]
        networks = raw.soften(allowed=torch.tensor(config.allowed)).harden().connect(starts.inputs)
        _, score, n_nonzero = fit_readouts(networks, table[: config.n_ranking_rows], config)
    return replace(starts, score=score, n_nonzero=n_nonzero)[score.argsort(stable=True)]


def _bank_starts(
    table: Table,
    checkpoint: Checkpoint,
    depth: int,
    config: SearchConfig,
    generator: torch.Generator,
    deadline: Deadline,
) -> Starts:
    """Rank entries of the bank, by what the decoder made of them if they use none but the allowed activations."""
    bank, n_columns = checkpoint.bank, min(len(table.columns), checkpoint.autoencoder.config.max_width)
    own = bank.of_depth(depth)
    usable = (bank.n_inputs[own] <= n_columns) & bank.uses_only(depth, torch.tensor(config.allowed))
    if usable.sum() >= max(1, min(_ENOUGH, len(own))):
        n_drawn = max(_FEW_SCREENED if deadline.passed() else config.n_screened, config.n_restarts)
        drawn = _draw(bank.n_inputs[own], usable.float(), n_columns, n_drawn, generator)
        latent, input_mask = bank.latents(own[drawn]), first_slots(bank.n_inputs[own[drawn]], bank.latent.shape[1])
        inputs = draw_inputs(table, input_mask, generator)

        def networks(index: torch.Tensor) -> SoftNetworks:
            return bank.networks(depth, drawn[index]).connect(inputs.layers(index))

        index, score, n_nonzero = screen(networks, drawn, table, config, deadline)
        starts = Starts.of(latent[index], inputs.layers(index), input_mask[index])
        return replace(starts, score=score, n_nonzero=n_nonzero)
    of_depth = (bank.depth == depth).float()
    share = torch.maximum(of_depth, 0.3 * bank.restored[:, depth - 1].float()) * (bank.n_inputs <= n_columns)
    if not share.any():
        raise ValueError(
            f"the checkpoint's bank must hold networks of at most {n_columns} inputs and {depth} hidden layers, but "
            "it has none; use init='random' or another checkpoint."
        )
    n_decoded = max(min(_FEW_SCREENED if deadline.passed() else _DECODED, config.n_screened), config.n_restarts)
    drawn = _draw(bank.n_inputs, share, n_columns, n_decoded, generator)
    input_mask = first_slots(bank.n_inputs[drawn], bank.latent.shape[1])
    layers = draw_inputs(table, input_mask, generator).layers()
    starts = Starts.of(bank.latents(drawn), layers, input_mask)
    return _rank(starts, table, checkpoint, depth, config)


def _draw(
    n_inputs: torch.Tensor, share: torch.Tensor, n_columns: int, n_drawn: int, generator: torch.Generator
) -> torch.Tensor:
    """Draw entries; networks of just as many inputs are the likeliest to fit, those of fewer see some columns."""
    share = torch.where(n_inputs == n_columns, share, 0.5 * share)
    return torch.multinomial(share, n_drawn, replacement=True, generator=generator)


def _random_starts(table: Table, checkpoint: Checkpoint, n_starts: int, generator: torch.Generator) -> Starts:
    """Draw normal latents, as in the papers."""
    sizes = checkpoint.autoencoder.config
    shape = (n_starts, sizes.max_width, sizes.d_latent)
    latent = bound(torch.randn(shape, generator=generator, dtype=torch.float32))
    input_mask = first_slots(torch.full((n_starts,), len(table.columns)), sizes.max_width)
    return Starts.of(latent, draw_inputs(table, input_mask, generator).layers(), input_mask)


def _children(parents: Starts, n_children: int, noise: float, generator: torch.Generator) -> Starts:
    """Mix rows of two parents and add noise; the input layer comes from the first parent."""
    first = torch.randint(len(parents), (n_children,), generator=generator)
    second = torch.randint(len(parents), (n_children,), generator=generator)
    latent = parents.latent[first]
    crossed = torch.rand(latent.shape[:2], generator=generator, dtype=latent.dtype) < 0.5
    crossed &= (torch.rand(n_children, generator=generator, dtype=latent.dtype) < 0.5)[:, None]
    latent = torch.where(crossed[:, :, None], parents.latent[second], latent)
    latent = bound(latent + noise * torch.randn(latent.shape, generator=generator, dtype=latent.dtype))
    return Starts.of(latent, parents.inputs[first], parents.input_mask[first])

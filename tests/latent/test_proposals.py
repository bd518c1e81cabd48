"""Proposals as a seam: a fit takes starts and children from any class that has the two methods."""

import numpy as np
import torch

from sk_swat import SWATRegressor
from sk_swat.latent.run import search_depths


class StillProposals:
    """Starts from the latent space; children are their parents."""

    def __init__(self, checkpoint, asked):
        self.checkpoint, self.asked = checkpoint, asked

    def search(self, table, depths, config, seed, options=None):
        return search_depths(table, self.checkpoint, depths, config, seed, options)

    def children(self, parents, table, allowed, generator, depth):
        assert parents.depth == depth == 1
        self.asked.append(len(parents))
        return parents.map(torch.clone)


def test_fit_with_proposals_that_never_move(refined, table):
    asked = []

    class StillRegressor(SWATRegressor):
        def _proposals(self, checkpoint):
            return StillProposals(checkpoint, asked)

    parameters = refined(n_rounds=2).get_params()
    still, moving = StillRegressor(**parameters).fit(*table), refined(n_rounds=2).fit(*table)
    without = refined(n_rounds=0).fit(*table)
    assert len(asked) == 2 and min(asked) >= 1
    assert still.candidates_["objective"].tolist() == moving.candidates_["objective"].tolist()
    # rounds polish and prune what stands still, from new neurons on: another path than that of moves, and than none
    assert still.networks_ not in (moving.networks_, without.networks_)
    for size in (10, 20, 50):
        assert still.fit_report_[-2]["r2_by_size"][size] >= without.fit_report_[-2]["r2_by_size"][size]
    assert np.isfinite(still.path_["r2_validation"]).all()

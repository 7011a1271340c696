"""A rehearsal of the search on made-up outcomes, so that its code is compiled while workers compile theirs.

It has a proposer of its own, which is discarded: nothing of the study depends on whether there was a rehearsal. Where
the code is on disk already, it takes some hundredths of a second.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Observations
from backsweep.study.search.samplers import make_proposer
from backsweep.sweepfile.search import SAMPLERS

if TYPE_CHECKING:
    from backsweep.study.search.proposals import Proposer
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search
    from backsweep.sweepfile.sweep import Sweep

_TRIALS = 100  # after so many every part of a sampler has begun


def rehearse(sweep: Sweep, space: Space) -> None:
    """Propose and observe some batches with a sampler of this project; a sampler of the user's own is left alone.

    What a sampler refuses here it refuses again in the study, where it is said.
    """
    search = sweep.search
    if search.sampler not in SAMPLERS or not search.known_sampler.learns:
        return
    with suppress(BadInput):
        _search(make_proposer(sweep, space), search)


def _search(proposer: Proposer, search: Search) -> None:
    stream = np.random.default_rng(0)
    batch = trials = 0
    while trials < _TRIALS:
        proposals = proposer.propose(batch, search.batch, ())
        size = len(proposals.values)
        losses, violations = stream.random((size, len(search.objective))), np.zeros((size, len(search.bounds)))
        proposer.observe(Observations(proposals, losses, violations, np.zeros(size, np.bool_)))
        batch, trials = batch + 1, trials + size

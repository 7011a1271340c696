"""Samplers, one file each: where the parameters of a batch of trials come from.

`sweepfile.search.SAMPLERS` lists them with what a sweep file must know of each; the file of the same name here has
`make(space, search, where)`, which returns its proposer. A sampler that is named by its class is `custom`. A file is
imported when it is asked for, since Optuna takes a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.given import GivenFirst
from backsweep.study.search.in_turns import InTurns
from backsweep.sweepfile.search import SAMPLERS

if TYPE_CHECKING:
    from backsweep.study.search.in_turns import Searches
    from backsweep.study.search.proposals import Proposer
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.sweep import Sweep


def make_proposer(sweep: Sweep, space: Space) -> Proposer:
    """Build the proposer that `search.sampler` names; raises BadInput where it cannot search this space."""
    where = sweep.where("search", "sampler")
    if not space.dimensions:
        raise BadInput("nothing to search", where=where, remedy="give one parameter a range under `search.params`")
    sampler = sweep.search.sampler
    module = import_module(f"{__name__}.{sampler if sampler in SAMPLERS else 'custom'}")
    proposer: Proposer = module.make(space, sweep.search, where)
    return GivenFirst(np.array(space.given), proposer) if space.given else proposer


def check_sampler(sweep: Sweep) -> None:
    """Raise BadInput where a sampler that is named by its class is missing or wrong."""
    if sweep.search.sampler not in SAMPLERS:
        from backsweep.study.search.samplers.custom import load_sampler  # noqa: PLC0415 - Optuna takes a second

        load_sampler(sweep.search.sampler, sweep.where("search", "sampler"))


def make_proposers(sweep: Sweep, space: Space, searches: Searches) -> InTurns:
    """Build a proposer of its own for every search; raises BadInput as `make_proposer`."""
    seeds = [searches.seed(sweep.search.seed, search) for search in range(searches.count)]
    own = [sweep.search.model_copy(update={"seed": seed}) for seed in seeds]
    return InTurns([make_proposer(sweep.model_copy(update={"search": search}), space) for search in own])

"""Proposers: where the parameters of a batch of trials come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.study.search.by_fold import ByFold, fold_seed
from backsweep.study.search.proposals import Proposer
from backsweep.study.search.samplers.direct import GridProposer, RandomProposer, SobolProposer

if TYPE_CHECKING:
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.sweep import Sweep

__all__ = ["Proposer", "check_sampler", "make_proposer", "make_proposer_by_fold"]


def make_proposer(sweep: Sweep, space: Space) -> Proposer:
    """Build the proposer that `search.sampler` names; raises BadInput where it cannot search this space.

    Optuna and cmaes are imported only when they are asked for: they cost a second.
    """
    where = sweep.where("search", "sampler")
    if not space.dimensions:
        raise BadInput("nothing to search", where=where, remedy="give one parameter a range under `search.params`")
    search = sweep.search
    if search.sampler == "random":
        return RandomProposer(space, search.seed, search.batch)
    if search.sampler == "sobol":
        return SobolProposer(space, search.seed, search.batch, where)
    if search.sampler == "grid":
        return GridProposer(space, search.batch, where)
    if search.sampler == "cmaes":
        from backsweep.study.search.samplers.cmaes import CmaProposer  # noqa: PLC0415

        return CmaProposer(space, search, where)
    from backsweep.study.search.samplers.optuna_samplers import make_optuna_proposer  # noqa: PLC0415

    return make_optuna_proposer(space, search, where)


def check_sampler(sweep: Sweep) -> None:
    """Raise BadInput where a sampler that is named by its class is missing or wrong."""
    if ":" in sweep.search.sampler:
        from backsweep.study.search.samplers.optuna_samplers import load_sampler  # noqa: PLC0415

        load_sampler(sweep.search.sampler, sweep.where("search", "sampler"))


def make_proposer_by_fold(sweep: Sweep, space: Space, folds: int) -> ByFold:
    """Build a proposer of its own for every fold; raises BadInput as `make_proposer`."""
    searches = [sweep.search.model_copy(update={"seed": fold_seed(sweep.search.seed, fold)}) for fold in range(folds)]
    return ByFold([make_proposer(sweep.model_copy(update={"search": search}), space) for search in searches])

"""Any Optuna sampler, also one of the user's own, by `file.py:Class` or `module:Class`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from backsweep.errors import BadInput
from backsweep.strategy import load_class
from backsweep.study.search.optuna_proposer import OptunaProposer

if TYPE_CHECKING:
    from collections.abc import Callable

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search


class CustomProposer(OptunaProposer):
    """The sampler that the sweep file names, which sees the whole past."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        self.build = load_sampler(search.sampler, where)
        super().__init__(space, search, where)


def load_sampler(reference: str, where: str) -> Callable[..., BaseSampler]:
    """Import the sampler class that `file.py:Class` or `module:Class` names; raises BadInput for one without a seed.

    Raises StrategyError where there is none.
    """
    base: type[Any] = BaseSampler
    found = load_class(reference, base, "sampler")
    if "seed" not in inspect.signature(found).parameters:
        raise BadInput("the sampler takes no seed", where=where, found=reference, remedy="use a sampler with a seed")
    return found


make = CustomProposer

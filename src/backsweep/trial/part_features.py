"""Features of a combination: those of each part, as it would have them alone, under dotted names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.strategy import modules_of, parts_of
from backsweep.trial.features import Features, Wanted, joined, renamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.trial.market import Market


def features_of(market: Market, cls: type[Strategy]) -> Features:
    """Return the features of a class on a market; StrategyError once they are asked for where it has `fit`."""
    return PartFeatures(market) if parts_of(cls) else Features(market)


class PartFeatures(Features):
    """The feature columns of the parts of a combination; a column that two parts describe alike is computed once."""

    def ask(self, strategy: Strategy) -> Wanted:
        """Return what the parts want, under their names; raises StrategyError as `Features.ask` does."""
        found = []
        with modules_of(type(strategy)):
            for name in parts_of(type(strategy)):
                wanted = super().ask(getattr(strategy, name))
                found.append(renamed(wanted, {each: f"{name}.{each}" for each in wanted.expressions}))
        return joined(found)

    def compute(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked of the parts."""
        columns: dict[str, NDArray[np.float64]] = {}
        with modules_of(cls):
            for name, part in parts_of(cls).items():
                own = {each: each.partition(".")[2] for each in wanted.expressions if each.startswith(f"{name}.")}
                found = super().compute(part.cls, renamed(wanted, own))
                columns |= {dotted: found[each] for dotted, each in own.items()}
        return columns

"""The section `search.pruning`: when trials end early."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from backsweep.sweepfile.pruners import BetweenFolds
from backsweep.sweepfile.section import Section


class PruningSpec(Section):
    """When a run ends early: looked at once a session, in trainings or without folds, never in tests.

    Equity of zero or below always ends the run.
    """

    max_drawdown: Annotated[float | None, Field(gt=0.0, le=1.0)] = None
    """Fraction of its peak that equity at a session's end may lie below it. As a run that has passed a bound on
    `max_drawdown` cannot come back, the same bound here ends only runs that break the constraint."""
    min_trades: Annotated[int | None, Field(ge=1)] = None
    """Trades that must be closed when the fraction `checkpoint` of the run's sessions is over."""
    checkpoint: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Fraction of the run's sessions after which `min_trades` is looked at."""


class Pruning(PruningSpec):
    """When trials end early: inside a run, looked at once a session, and between the folds that trials share.

    A pruned trial counts in the number tried, keeps the results of the folds that it ran on, and is told to a sampler
    as worse than every other. Equity of zero or below always ends a run; sleeves are pruned between folds alone, not
    even by ruin inside a run.
    """

    between_folds: BetweenFolds | None = None
    """How the trials of a batch are compared after some of the folds; those that do badly stop."""

"""The section `search.pruning`: when hopeless trials end early."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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


class Halving(Section):
    """Successive halving: the best of a batch's trials go on, by their means over trainings.

    Trials are ranked as in the study table; a trial of which a training was pruned has no mean and ranks last. Source:
    Jamieson and Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
    """

    kind: Literal["halving"] = "halving"
    after: Annotated[int, Field(ge=1)] = 3
    """Folds before the first comparison; each one comes after 1 / `keep` times as many folds as the one before."""
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Fraction of the batch's trials that goes on."""


class Wilcoxon(Section):
    """A trial stops once its trainings are worse than the batch's median, by the signed-rank test at level `p`.

    A fold's median is that of the trials that still run, the lower one of two; the trial with the best means always
    goes on. Compared is the first objective; a training without one, or that breaks a constraint, is worse than any
    other.
    """

    kind: Literal["wilcoxon"]
    after: Annotated[int, Field(ge=1)] = 3
    """Folds before the first comparison, or as many as it takes for such a p-value; each one comes after half as many
    folds more, as each has its price, that of preparing each trial again."""
    p: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    """The level; as trainings overlap and comparisons repeat, it is a threshold and no error rate."""


Between = Annotated[Halving | Wilcoxon, Field(discriminator="kind")]


class Pruning(PruningSpec):
    """When trials end early: inside a run, looked at once a session, and between the folds that trials share.

    A pruned trial counts in the number tried, keeps the results of the folds that it ran on, and is told to a sampler
    as worse than every other. Equity of zero or below always ends a run; sleeves are pruned between folds alone, not
    even by ruin inside a run.
    """

    between_folds: Between | None = None
    """How the trials of a batch are compared after some of the folds; those that do badly stop."""

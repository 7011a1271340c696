"""The section `search.pruning`: when hopeless trials end early."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backsweep.sweepfile.section import Section


class PruningSpec(Section):
    """When a hopeless run ends early: looked at once a session, in trainings or without folds, never in tests.

    max_drawdown : once equity at a session's end is farther below its peak than this fraction. As a run that has passed
        a bound on `max_drawdown` cannot come back, the same bound here ends only runs that break the constraint.
    min_trades : unless so many trades are closed when the fraction `checkpoint` of the run's sessions is over.
    Equity of zero or below always ends the run.
    """

    max_drawdown: Annotated[float | None, Field(gt=0.0, le=1.0)] = None
    min_trades: Annotated[int | None, Field(ge=1)] = None
    checkpoint: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5


class Halving(Section):
    """Successive halving: the fraction `keep` of a batch's trials goes on, the best by their means over trainings.

    The first look is after `after` folds, and each one after 1 / `keep` times as many folds as the one before. Trials
    are ranked as in the study table; a trial of which a training was pruned has no mean and ranks last. Source:
    Jamieson and Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
    """

    kind: Literal["halving"] = "halving"
    after: Annotated[int, Field(ge=1)] = 3
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5


class Wilcoxon(Section):
    """A trial stops once its trainings are worse than the batch's median, by the signed-rank test at level `p`.

    The first look is after `after` folds, or as soon as so few can give such a p-value, and each one after half as many
    folds more: a go has its price, that of preparing each trial again. A fold's median is that of the trials that still
    run, the lower one of two; the trial with the best means always goes on. Compared is the first objective; a training
    without one, or that breaks a constraint, is worse than any other. As trainings overlap and looks repeat, `p` is a
    threshold and no error rate.
    """

    kind: Literal["wilcoxon"]
    after: Annotated[int, Field(ge=1)] = 3
    p: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1


Between = Annotated[Halving | Wilcoxon, Field(discriminator="kind")]


class Pruning(PruningSpec):
    """When hopeless trials end early: inside a run, and with `between_folds` between the folds that trials share.

    A pruned trial counts in the number tried, keeps the results of the folds that it ran on, and is told to a sampler
    as worse than every other. Sleeves are pruned between folds alone, not even by ruin inside a run.
    """

    between_folds: Between | None = None

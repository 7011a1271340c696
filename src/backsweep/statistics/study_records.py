"""What the findings on a study are computed from, and hold: trials, looks, null study and stress test."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_HISTORIES = 19
"""Of a null study that can have a p-value of 5 %."""


COUNTABLE = 1e300
"""Separate tests beyond which no p-value is corrected for their number: it is 1."""


@dataclass(frozen=True)
class Tried:
    """What was tried.

    trials    every trial: failed and pruned ones, and those of earlier studies
    looks     how often a result of these data and this strategy could be looked at, this one included
    pruned    trials of this study that were stopped early
    learned   whether each trial counts as a separate test: the search is adaptive, or the folds of a cross-validation
              have trials of their own
    adaptive  whether trials were chosen by results on the record that is judged: the sampler learns, or the first
              trials are the best ones of an earlier study
    warm      the latter: a null study does not repeat the search that found them
    crossed   whether the study is a cross-validation
    groups    groups of assets that have trials of their own, 0 without; their choices are judged together
    portfolios  where these chose on the record that is judged: the portfolios that they could have made, each of which
              counts as a separate test; may be infinite. Else 0
    """

    trials: int
    looks: int = 1
    pruned: int = 0
    learned: bool = False
    adaptive: bool = False
    warm: bool = False
    crossed: bool = False
    groups: int = 0
    portfolios: float = 0.0

    @property
    def tests(self) -> float:
        """How many separate tests the result is the best of, at most `COUNTABLE`."""
        return min(self.portfolios or float(max(self.trials, 1)), COUNTABLE)

    @property
    def stitched(self) -> bool:
        """Whether the only record is no trial's: the mean of a cross-validation's paths, or that of all groups."""
        return (self.crossed and self.learned) or self.groups > 0

    @property
    def repeatable(self) -> bool:
        """Whether a null study can repeat the whole search."""
        return not self.warm and not self.groups

    @property
    def corrections(self) -> tuple[str, ...]:
        """What the p-value of the reality check is corrected for."""
        return (
            *((f"{self.looks:,} looks at these data",) if self.looks > 1 else ()),
            *(("pruned trials",) if self.pruned else ()),
            *(("every trial as a separate test",) if self.learned and not self.portfolios else ()),
            *((f"a choice in each of {self.groups:,} groups",) if self.portfolios else ()),
        )


@dataclass(frozen=True)
class NullRank:
    """The rank of the real result among those of the same search on permuted histories.

    histories  how many; block: sessions that were permuted together
    sharpe     annual Sharpe ratio of the real result: out of sample with folds, else of the selected trial
    above      how many histories reach it; a history without a result does not
    median, highest   of the histories' Sharpe ratios
    p_value    (above + 1) / (histories + 1)
    """

    histories: int
    block: int
    sharpe: float
    above: int
    median: float
    highest: float
    p_value: float

    @property
    def decides(self) -> bool:
        """Whether there are enough histories for a p-value of 5 %."""
        return self.histories >= FEWEST_HISTORIES


@dataclass(frozen=True)
class Scenario:
    """A scenario of the stress test: annual Sharpe ratio, total return, maximum drawdown, sessions.

    `reason` is why there are no figures, which then are NaN; None where there are.
    """

    name: str
    sharpe: float
    total_return: float
    max_drawdown: float
    sessions: int
    reason: str | None


@dataclass(frozen=True)
class Look:
    """A look at results of the same data and strategy.

    study, hash   the study's name and hash
    date          when its last trial ended, or its holdout was looked at: ISO 8601, UTC; empty where unknown
    trials        how many it had; 0 for a look at a holdout
    times         how often its result could be seen: once, and once more for each extension and look at its holdout
    """

    study: str
    hash: str
    date: str
    trials: int
    times: int

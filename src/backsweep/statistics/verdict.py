"""The verdict in words: compatible with noise, inconclusive, or survives; the reason; and the power of the test."""

from __future__ import annotations

import math
from dataclasses import dataclass

from backsweep.statistics.normal import quantile

NOISE, INCONCLUSIVE, SURVIVES = "compatible with noise", "inconclusive", "survives"
LEVEL = 0.05
"""Results with a p-value up to this survive."""
DOUBT = 0.20
"""Results with a p-value above this are compatible with noise."""
POWER = 0.80
"""The power at which an edge counts as detectable."""
IMPLAUSIBLE = 3.0
"""Where only an annual Sharpe ratio above this could be detected, a large p-value is inconclusive."""
FEWEST_BLOCKS = 10
"""A trial that was in the market in fewer blocks of time is not judged: resampled blocks hardly vary."""
HEAVY_LOSSES = -1.0
"""Below this skew the record may not contain the largest losses yet."""


@dataclass(frozen=True)
class Verdict:
    """`verdict` is one of the three; `reason` and `power` are sentences; `warnings` say what the tests do not show."""

    verdict: str
    reason: str
    power: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SignificanceTest:
    """The test that a verdict is based on.

    subject      what it is about, as the beginning of a sentence: "The selected trial", "The out-of-sample record"
    chance       what `p_value` is the probability of, with {p} in its place
    p_value      probability that noise does at least as well, corrected for everything that was tried
    detectable   annual Sharpe ratio that is detected with a power of 0.8 (see `detectable_sharpe`)
    over         what was tested, for the power statement: "100 trials over 5.0 years"
    skew         of the subject's returns
    active       blocks of time in which it was in the market
    lost         whether any session lost
    """

    subject: str
    chance: str
    p_value: float
    detectable: float
    over: str
    skew: float = math.nan
    active: int = FEWEST_BLOCKS
    lost: bool = True


def detectable_sharpe(critical: float, sessions: float, periods_per_year: float) -> float:
    """Return the annual Sharpe ratio that is detected with a power of 0.8, from the critical difference per session."""
    return math.sqrt(periods_per_year) * (critical + quantile(POWER) / math.sqrt(sessions - 1.0))


def reach_verdict(test: SignificanceTest) -> Verdict:
    """Return the verdict on what was selected.

    A record without a losing session, or with hardly any trading, does not survive: a bootstrap draws no loss that the
    record does not contain.
    """
    subject, detectable = test.subject, test.detectable
    power = (
        f"With {test.over}, a true annual Sharpe ratio of {detectable:.2f} is detected with a power of {POWER:.0%}."
        if math.isfinite(detectable)
        else f"With {test.over}, no true Sharpe ratio could be detected."
    )
    warnings = []
    if test.skew < HEAVY_LOSSES:
        warnings.append(f"{subject} has a skew of {test.skew:.1f}: it may not contain its rare large losses yet.")
    verdict, reason = _judge(test)
    if verdict == SURVIVES and not test.lost:
        verdict, reason = INCONCLUSIVE, f"{subject} has no losing session, so its risk of loss cannot be estimated."
    elif verdict == SURVIVES and test.active < FEWEST_BLOCKS:
        verdict = INCONCLUSIVE
        reason = f"{subject} was in the market in only {test.active} blocks of time: too few to tell skill from luck."
    return Verdict(verdict, reason, power, tuple(warnings))


def _judge(test: SignificanceTest) -> tuple[str, str]:
    p_value = test.p_value
    if math.isnan(p_value):
        return INCONCLUSIVE, f"{test.subject} has no Sharpe ratio: there are no returns, or they do not vary."
    chance = test.chance.format(p=f"{p_value:.1%}")
    if p_value <= LEVEL:
        return SURVIVES, f"Noise is an unlikely explanation: {chance}."
    if p_value <= DOUBT:
        return INCONCLUSIVE, f"Noise is neither ruled out nor a likely explanation: {chance}."
    if not test.detectable <= IMPLAUSIBLE:
        return (
            INCONCLUSIVE,
            f"The record is too short to tell: {chance}, and only an implausibly high Sharpe ratio could be detected.",
        )
    return NOISE, f"Noise explains the result: {chance}."

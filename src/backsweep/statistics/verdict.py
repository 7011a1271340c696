"""The verdict in words: compatible with noise, inconclusive, or survives; why; and what could have been found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from backsweep.statistics.normal import quantile

NOISE, INCONCLUSIVE, SURVIVES = "compatible with noise", "inconclusive", "survives"
LEVEL = 0.05
"""A p-value up to this survives."""
DOUBT = 0.20
"""A p-value above this is compatible with noise."""
POWER = 0.80
"""The power at which an edge counts as detectable."""
IMPLAUSIBLE = 3.0
"""Where only an annual Sharpe above this would have been detected, finding nothing says nothing."""
FEWEST_BLOCKS = 10
"""A trial that was in the market in fewer blocks of time cannot be told from luck by drawing blocks."""
HEAVY_LOSSES = -1.0
"""A skew below this hides losses that the record may not hold yet."""


@dataclass(frozen=True)
class Verdict:
    """`verdict` is one of the three; `reason` and `power` are sentences; `warnings` say what the tests cannot see."""

    verdict: str
    reason: str
    power: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What a verdict is reached from.

    subject      what it is about, as the beginning of a sentence: "The selected trial", "The out-of-sample record"
    chance       what `p_value` is the probability of, with {p} for it
    p_value      probability that noise does as well, everything that was tried taken into account
    detectable   annual Sharpe ratio that would have been found with a power of 0.8 (see `detectable_sharpe`)
    over         what was tested, for the power statement: "100 trials over 5.0 years"
    skew         of the subject's returns
    active       blocks of time in which it was in the market
    lost         whether it ever lost
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
    """Return the annual Sharpe that is found with a power of 0.8, from the critical difference per session."""
    return math.sqrt(periods_per_year) * (critical + quantile(POWER) / math.sqrt(sessions - 1.0))


def reach_verdict(evidence: Evidence) -> Verdict:
    """Return the verdict on what was selected.

    A record that never lost, or hardly traded, does not survive: a bootstrap sees no loss that the record does not
    hold.
    """
    subject, detectable = evidence.subject, evidence.detectable
    power = (
        f"With {evidence.over}, a true annual Sharpe of {detectable:.2f} or more would have been found {POWER:.0%} of "
        "the time."
        if math.isfinite(detectable)
        else f"With {evidence.over}, no edge could have been found."
    )
    warnings = []
    if evidence.skew < HEAVY_LOSSES:
        warnings.append(f"{subject} has a skew of {evidence.skew:.1f}: rare large losses may be missing from it.")
    verdict, reason = _judge(evidence)
    if verdict == SURVIVES and not evidence.lost:
        verdict, reason = INCONCLUSIVE, f"{subject} never lost: its record does not show what a loss looks like."
    elif verdict == SURVIVES and evidence.active < FEWEST_BLOCKS:
        verdict = INCONCLUSIVE
        reason = f"{subject} was in the market in {evidence.active} blocks of time: too few to tell luck from skill."
    return Verdict(verdict, reason, power, tuple(warnings))


def _judge(evidence: Evidence) -> tuple[str, str]:
    p_value = evidence.p_value
    if math.isnan(p_value):
        return INCONCLUSIVE, f"{evidence.subject} has no Sharpe ratio: it does not vary, or there is none."
    chance = evidence.chance.format(p=f"{p_value:.1%}")
    if p_value <= LEVEL:
        return SURVIVES, f"Noise is an unlikely explanation: {chance}."
    if p_value <= DOUBT:
        return INCONCLUSIVE, f"Noise is neither ruled out nor a good explanation: {chance}."
    if not evidence.detectable <= IMPLAUSIBLE:
        return INCONCLUSIVE, f"The record is too short to tell: {chance}, and real edges would hardly do better."
    return NOISE, f"Noise explains the result: {chance}."

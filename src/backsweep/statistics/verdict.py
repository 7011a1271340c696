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


def detectable_sharpe(critical: float, sessions: float, periods_per_year: float) -> float:
    """Return the annual Sharpe that is found with a power of 0.8, from the critical difference per session."""
    return math.sqrt(periods_per_year) * (critical + quantile(POWER) / math.sqrt(sessions - 1.0))


def reach_verdict(
    p_value: float,
    detectable: float,
    tried: int,
    years: float,
    skew: float = math.nan,
    active: int = FEWEST_BLOCKS,
    *,
    losers: bool = True,
) -> Verdict:
    """Return the verdict on the best of `tried` trials over `years`.

    `p_value` is the reality check's, `detectable` an annual Sharpe (see `detectable_sharpe`), `skew` that of the best
    trial's returns, `active` the blocks of time in which it was in the market, `losers` whether it ever lost. A best
    trial that never lost, or hardly traded, does not survive: a bootstrap sees no loss that the record does not hold.
    """
    power = (
        f"With {tried:,} trials over {years:.1f} years, a true annual Sharpe of {detectable:.2f} or more would have "
        f"been found {POWER:.0%} of the time."
        if math.isfinite(detectable)
        else f"With {tried:,} trials over {years:.1f} years, no edge could have been found."
    )
    warnings = []
    if skew < HEAVY_LOSSES:
        warnings.append(
            f"The best trial's returns have a skew of {skew:.1f}: rare large losses may be missing from it."
        )
    verdict, reason = _judge(p_value, detectable)
    if verdict == SURVIVES and not losers:
        verdict, reason = INCONCLUSIVE, "The best trial never lost: its record does not show what a loss looks like."
    elif verdict == SURVIVES and active < FEWEST_BLOCKS:
        verdict = INCONCLUSIVE
        reason = f"The best trial was in the market in {active} blocks of time alone: too few to tell luck from skill."
    return Verdict(verdict, reason, power, tuple(warnings))


def _judge(p_value: float, detectable: float) -> tuple[str, str]:
    if math.isnan(p_value):
        return INCONCLUSIVE, "No trial has a Sharpe ratio: none of them varies."
    chance = f"the best of this many trials without skill does as well in {p_value:.1%} of cases"
    if p_value <= LEVEL:
        return SURVIVES, f"Noise is an unlikely explanation: {chance}."
    if p_value <= DOUBT:
        return INCONCLUSIVE, f"Noise is neither ruled out nor a good explanation: {chance}."
    if not detectable <= IMPLAUSIBLE:
        return INCONCLUSIVE, f"The record is too short to tell: {chance}, and real edges would hardly do better."
    return NOISE, f"Noise explains the result: {chance}."

"""What a measure is: a number, or NaN with the reason why there is none.

A metric that has no value is NaN with a reason's code: never infinite, and never a 0 that would pass for a result.
"""

from __future__ import annotations

REASONS = (
    "",
    "no session",
    "fewer than 2 session returns",
    "returns do not vary",
    "no return below the required one",
    "no drawdown",
    "no closed trade",
    "no losing trade",
    "equity fell to zero or below",
    "no time elapsed",
    "not a finite number",
    "the benchmark does not vary",
    "the benchmark never rose",
    "the benchmark never fell",
    "its function returned no number",
    "pruned: the drawdown passed its limit",
    "pruned: too few trades by the checkpoint",
    "pruned: equity fell to zero or below",
    "pruned: so was the training before this test",
    "pruned: stopped between folds",
)
"""The texts of the reason codes; a code is a position in this tuple, and 0 stands for a defined value."""

(
    DEFINED,
    NO_SESSION,
    TOO_FEW,
    NO_VARIATION,
    NO_DOWNSIDE,
    NO_DRAWDOWN,
    NO_TRADE,
    NO_LOSS,
    RUINED,
    NO_TIME,
    NOT_FINITE,
    STEADY_BENCHMARK,
    NO_RISE,
    NO_FALL,
    NO_NUMBER,
    PRUNED_BY_DRAWDOWN,
    PRUNED_BY_TRADES,
    PRUNED_BY_RUIN,
    PRUNED_BY_TRAINING,
    PRUNED_BETWEEN_FOLDS,
) = range(len(REASONS))

FIRST_PRUNED = PRUNED_BY_DRAWDOWN
"""The codes from this one on are of runs that ended early: every metric has one but `sessions`."""

Measure = tuple[float, int]
"""A value and its reason code: (value, DEFINED) or (NaN, why)."""

NEGLIGIBLE = 1e-14
"""The bound below which a number is rounding. A session's return is a quotient near one, minus one, so it is known to
some 1e-16 however small it is: a spread, a fall or a loss below this bound holds no information, and no metric divides
by it."""

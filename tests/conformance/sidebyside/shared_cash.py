"""The families in which four assets share cash that is often short."""

from __future__ import annotations

from sidebyside import intents as want
from sidebyside.series import DAILY, missing
from sidebyside.steps import CASH, FIVE_POINTS, PERCENT, SHARED_CASH, Step, many_real, panel


def family_m(family: str, profile: str, peers: tuple[str, ...] = SHARED_CASH) -> list[Step]:
    """Four assets on shared cash that is often short."""
    fields = {"account": CASH, "profile": profile}
    assets = ("AAPL", "IBM", "XOM", "KO")
    return [
        Step(family, "four assets, shared cash", peers, panel(want.crowded, cash=1e5, fields=fields)),
        Step(
            family,
            "the same, 0.1 % and slippage",
            peers,
            panel(want.crowded, cash=1e5, fields=fields | {"costs": PERCENT | FIVE_POINTS}),
        ),
        Step(
            family,
            "the same, S&P 500 daily bars",
            peers,
            many_real(DAILY, assets, want.crowded, length=2500, cash=1e5, fields=fields | {"costs": PERCENT}),
            missing(DAILY),
        ),
    ]

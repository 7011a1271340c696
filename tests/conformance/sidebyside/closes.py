"""The families that fill at closes, and what one peer alone does."""

from __future__ import annotations

from typing import Any

from sidebyside import intents as want
from sidebyside.scenario import MARGIN
from sidebyside.series import DAILY, missing
from sidebyside.steps import (
    BACKTESTING,
    CASH,
    EVERY,
    FIVE_POINTS,
    MANY,
    PER_ORDER,
    PER_SHARE,
    PERCENT,
    TEN_CENTS,
    VECTORBT,
    ZIPLINE,
    Step,
    panel,
    real,
    single,
)


def family_c(profile: str) -> list[Step]:
    """Enter at the signal's close, stops live from the next bar."""
    fields = {"profile": profile}
    return [
        Step("C", f"brackets, {profile}", EVERY, single(want.brackets, fields=fields)),
        Step("C", f"brackets, {profile}, 0.1 %", EVERY, single(want.brackets, fields=fields | {"costs": PERCENT})),
        Step(
            "C",
            f"brackets, {profile}, S&P 500 daily bars",
            EVERY,
            real(DAILY, MANY[:5], want.brackets, often=0.5, fields=fields),
            missing(DAILY),
        ),
        Step("C", f"reversals, {profile}", EVERY, single(want.reversals, fields=fields | {"costs": PERCENT})),
    ]


def family_z() -> list[Step]:
    """Fill at the close of the next bar, seeing closes alone; in parts, by a share of the bar's volume."""
    rich = {"cash": 1e9, "kind": "margin", "leverage": 4.0, "lot": 1.0}
    fields: dict[str, Any] = {"profile": "zipline", "account": rich}
    impact = {"slippage": {"kind": "volume_share", "rate": 0.1, "limit": 0.025}}
    partly = fields | {"volume_share": 0.025}
    peer = (ZIPLINE,)
    return [
        Step("Z", "re-entry and reversal", peer, single(want.reversals, fields=fields)),
        Step(
            "Z",
            "long and short, 0.1 %",
            peer,
            single(want.round_trips, sides=(-1, 1), fields=fields | {"costs": PERCENT}),
        ),
        Step("Z", "2 per order", peer, single(want.reversals, fields=fields | {"costs": PER_ORDER})),
        Step("Z", "per share with minimum", peer, single(want.reversals, fields=fields | {"costs": PER_SHARE})),
        Step("Z", "slippage 10 cents", peer, single(want.reversals, fields=fields | {"costs": TEN_CENTS})),
        Step(
            "Z",
            "slippage 0.05 % and per share",
            peer,
            single(want.reversals, fields=fields | {"costs": PER_SHARE | FIVE_POINTS}),
        ),
        Step("Z", "limit entries 0.3 % away, cancelled", peer, single(want.limit_entries, fields=fields)),
        Step("Z", "stop entries", peer, single(want.stop_entries, fields=fields)),
        Step(
            "Z", "stop-limit entries, 0.2 % of room", peer, single(want.stop_limit_entries, room=0.002, fields=fields)
        ),
        Step("Z", "market, limit and stop orders at random", peer, single(want.order_flow, fields=fields)),
        Step("Z", "by value, long and short", peer, single(want.valued, fields=fields)),
        Step("Z", "monthly weights", peer, panel(want.rebalanced, fields=fields)),
        Step(
            "Z",
            "volume share with impact, in parts",
            peer,
            single(want.reversals, often=0.1, volumes=True, fields=partly | {"costs": impact}),
        ),
        Step(
            "Z",
            "the same, per share with minimum",
            peer,
            single(want.reversals, often=0.1, volumes=True, fields=partly | {"costs": impact | PER_SHARE}),
        ),
        Step(
            "Z",
            "limit entries in parts, kept",
            peer,
            single(want.limit_entries, cancels=False, patience=8, volumes=True, fields=partly),
        ),
        Step(
            "Z",
            "limit entries in parts, given up",
            peer,
            single(want.limit_entries, patience=8, volumes=True, fields=partly | {"costs": PER_SHARE}),
        ),
        Step(
            "Z",
            "market and limit orders at random in parts",
            peer,
            single(want.order_flow, stops=False, volumes=True, fields=partly),
        ),
        Step(
            "Z",
            "volume share, S&P 500 daily bars",
            peer,
            real(
                DAILY,
                MANY[:4],
                want.reversals,
                length=3000,
                volumes=True,
                fields=partly | {"costs": impact | PER_SHARE},
            ),
            missing(DAILY),
        ),
    ]


def own_profiles() -> list[Step]:
    """What one peer alone does, under the profile of its name."""
    return [
        Step(
            "backtesting_py",
            "brackets on limit entries",
            (BACKTESTING,),
            single(want.brackets, away=0.003, fields={"profile": "backtesting_py"}),
        ),
        Step(
            "backtesting_py",
            "brackets on stop entries",
            (BACKTESTING,),
            single(want.brackets, away=-0.005, fields={"profile": "backtesting_py"}),
        ),
        Step(
            "vectorbt",
            "monthly weights at the close",
            (VECTORBT,),
            panel(want.rebalanced, fields={"account": CASH, "profile": "same_close"}),
        ),
        Step(
            "vectorbt",
            "all cash at the close",
            (VECTORBT,),
            single(want.all_in, fields={"account": CASH, "profile": "vectorbt"}),
        ),
        Step(
            "vectorbt",
            "half of equity at the close, 0.1 %",
            (VECTORBT,),
            single(want.all_in, fraction=0.5, fields={"account": CASH, "costs": PERCENT, "profile": "vectorbt"}),
        ),
        Step(
            "vectorbt",
            "by value at the close, long and short",
            (VECTORBT,),
            single(want.valued, fields={"account": MARGIN, "profile": "vectorbt"}),
        ),
    ]

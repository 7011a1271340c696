"""The families that fill at the next open: orders, costs, sizing and cash."""

from __future__ import annotations

from sidebyside import intents as want
from sidebyside.series import DAILY, MINUTE, SHIPPED, missing
from sidebyside.steps import (
    BACKTRADER,
    COMBINED,
    EVERY,
    FIVE_POINTS,
    MANY,
    ONE_BY_ONE,
    OWN_RATES,
    PER_ORDER,
    PER_SHARE,
    PERCENT,
    SHARED_CASH,
    TEN_CENTS,
    WHOLE,
    WRITTEN,
    Step,
    grid,
    many_real,
    panel,
    real,
    single,
)


def family_n() -> list[Step]:
    """Enter at the next open, stops live on the entry bar."""
    both = (-1, 1)
    theirs = {"profile": "backtesting_py"}  # backtrader's orders that are sent with the entry live as early
    return [
        Step("N", "brackets, next_open", ONE_BY_ONE, single(want.brackets)),
        Step("N", "brackets, long", ONE_BY_ONE, single(want.brackets, sides=(1,), fields=theirs)),
        Step("N", "brackets, short", ONE_BY_ONE, single(want.brackets, sides=(-1,), fields=theirs)),
        Step(
            "N",
            "brackets, long and short, 0.1 %",
            ONE_BY_ONE,
            single(want.brackets, fields=theirs | {"costs": PERCENT}),
        ),
        Step("N", "brackets at prices that bars touch", ONE_BY_ONE, single(grid, fields=theirs)),
        Step(
            "N", "1,500-bar stress with gaps", ONE_BY_ONE, single(want.brackets, length=1500, often=0.6, fields=theirs)
        ),
        Step(
            "N",
            "brackets, shipped daily bars",
            ONE_BY_ONE,
            real(SHIPPED, ("AAPL", "IBM", "MSFT", "GOOG"), want.brackets, often=0.4, fields=theirs),
            missing(SHIPPED),
        ),
        Step(
            "N",
            "brackets, S&P 500 daily bars",
            ONE_BY_ONE,
            real(DAILY, MANY, want.brackets, often=0.5, fields=theirs | {"costs": PERCENT}),
            missing(DAILY),
        ),
        Step(
            "N",
            "brackets, minute bars",
            ONE_BY_ONE,
            real(MINUTE, ("AZO", "BKNG"), want.brackets, length=10_000, reach=0.003, fields=theirs),
            missing(MINUTE),
        ),
        Step("orders", "long only", EVERY, single(want.round_trips)),
        Step("orders", "long and short", EVERY, single(want.round_trips, sides=both)),
        Step("orders", "fractional units", SHARED_CASH, single(want.round_trips, sides=both, whole=False)),
        Step("orders", "re-entry and reversal", EVERY, single(want.reversals)),
        Step(
            "orders",
            "reversals, S&P 500 daily bars",
            EVERY,
            real(DAILY, MANY[:6], want.reversals, fields={"costs": PERCENT}),
            missing(DAILY),
        ),
        Step("orders", "limit entries 0.3 % away, cancelled", ONE_BY_ONE, single(want.limit_entries)),
        Step("orders", "limit entries 0.3 % away, kept", ONE_BY_ONE, single(want.limit_entries, cancels=False)),
        Step("orders", "limit entries 0.3 % away, expiring", (BACKTRADER,), single(want.limited_in_time)),
        Step(
            "orders",
            "limit entries 0.3 % away, good for the session",
            (BACKTRADER,),
            single(want.good_for_the_session, per_session=5, fields={"per_session": 5}),
        ),
        Step("orders", "trailing stops, by their written rule", (WRITTEN,), single(want.trailing_exits)),
        Step(
            "orders",
            "the same, S&P 500 daily bars",
            (WRITTEN,),
            real(DAILY, MANY[:4], want.trailing_exits),
            missing(DAILY),
        ),
        Step("orders", "stop entries", ONE_BY_ONE, single(want.stop_entries)),
        Step("orders", "stop-limit entries, 0.2 % of room", (BACKTRADER,), single(want.stop_limit_entries, room=0.002)),
        Step("orders", "stop-limit entries, no room", (BACKTRADER,), single(want.stop_limit_entries, room=0.0)),
        Step("orders", "limit exits", ONE_BY_ONE, single(want.limit_exits)),
        Step("orders", "market, limit and stop orders at random", ONE_BY_ONE, single(want.order_flow)),
        Step(
            "orders",
            "the same, S&P 500 daily bars",
            ONE_BY_ONE,
            real(DAILY, MANY[:4], want.order_flow, fields={"costs": PERCENT}),
            missing(DAILY),
        ),
        Step("costs", "commission 0.1 %", EVERY, single(want.reversals, fields={"costs": PERCENT})),
        Step("costs", "2 per order", EVERY, single(want.round_trips, sides=both, fields={"costs": PER_ORDER})),
        Step("costs", "0.1 % + 2 per order", EVERY, single(want.round_trips, sides=both, fields={"costs": COMBINED})),
        Step(
            "costs",
            "per share with minimum",
            ONE_BY_ONE,
            single(want.round_trips, sides=both, fields={"costs": PER_SHARE}),
        ),
        Step(
            "costs",
            "different per asset",
            SHARED_CASH,
            panel(want.round_trips, sides=both, fields={"costs": OWN_RATES}),
        ),
        Step("costs", "slippage 10 cents", SHARED_CASH, single(want.reversals, fields={"costs": TEN_CENTS})),
        Step("costs", "slippage 0.05 %", SHARED_CASH, single(want.reversals, fields={"costs": FIVE_POINTS})),
        Step(
            "costs",
            "slippage 0.05 % and commission 0.1 %",
            SHARED_CASH,
            single(want.reversals, fields={"costs": PERCENT | FIVE_POINTS}),
        ),
        Step("sizing", "all cash, by percent", ONE_BY_ONE, single(want.all_in, fields={"account": WHOLE})),
        Step(
            "sizing",
            "half of equity",
            ONE_BY_ONE,
            single(want.all_in, fraction=0.5, fields={"account": WHOLE, "costs": PERCENT}),
        ),
        Step(
            "sizing",
            "by value, long and short",
            ONE_BY_ONE,
            single(want.valued, fields={"account": {"cash": 1e7, "kind": "margin", "leverage": 1.0, "lot": 1.0}}),
        ),
        Step("sizing", "monthly weights", (BACKTRADER,), panel(want.rebalanced, fields={"account": WHOLE})),
        Step(
            "sizing",
            "monthly weights, S&P 500 daily bars",
            (BACKTRADER,),
            many_real(DAILY, MANY[:6], want.rebalanced, length=1500, fields={"account": WHOLE, "costs": PERCENT}),
            missing(DAILY),
        ),
        Step(
            "cash",
            "too short, one asset",
            EVERY,
            single(want.crowded, cash=1e5, fields={"account": WHOLE, "costs": PERCENT}),
        ),
    ]


def family_n_after() -> list[Step]:
    """Enter at the next open, stops live from the bar after."""
    fields = {"profile": "backtrader"}
    return [
        Step("N'", "brackets", SHARED_CASH, single(want.brackets, from_open=True, fields=fields)),
        Step(
            "N'",
            "brackets, 0.1 %",
            SHARED_CASH,
            single(want.brackets, from_open=True, fields=fields | {"costs": PERCENT}),
        ),
        Step("N'", "brackets on stop entries", (BACKTRADER,), single(want.brackets, away=-0.005, fields=fields)),
        Step("N'", "brackets on limit entries", (BACKTRADER,), single(want.brackets, away=0.003, fields=fields)),
        Step(
            "N'",
            "brackets, S&P 500 daily bars",
            SHARED_CASH,
            real(DAILY, MANY[:5], want.brackets, often=0.5, from_open=True, fields=fields),
            missing(DAILY),
        ),
    ]

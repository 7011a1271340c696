"""Initial and maintenance margin: what may be opened, and what is closed where equity no longer covers it."""

import numpy as np
import pytest
from pydantic import ValidationError
from scenarios.scripted import (
    bars,
    bracket,
    cancel,
    close,
    compose,
    evaluator,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    update,
)

from backsweep.sweepfile.account import AccountSpec

ACCOUNT = {"cash": 10_000.0, "kind": "margin", "leverage": 4.0, "maintenance_margin": 0.2}


def account(**changes):
    return {**ACCOUNT, **changes}


def path(*closes):
    """Bars that open at the close before, and move to their own."""
    opens = (closes[0], *closes[:-1])
    return [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]


# 400 units at 100 with 10,000: equity is 10,000 - 400 (100 - p); 20 % of 400 p is covered down to p = 93.75.


def test_a_position_is_kept_as_long_as_equity_covers_its_margin():
    result = run(bars(*path(100, 100, 93.75, 93.75)), [market(0, 400)], account=account())
    assert fills(result) == [(1, 400.0, 100.0)]


def test_a_breach_sells_at_the_next_open_what_it_takes_and_no_more():
    # at 93: equity 7,200; needed 7,440; 240 are missing: 240 / 18.6 = 12.903 units
    result = run(bars(*path(100, 100, 93, 93)), [market(0, 400)], account=account())
    assert fills(result)[1] == (3, pytest.approx(-240 / 18.6), 93.0)
    assert result.fills["reason"].to_list() == ["signal", "liquidation"]
    assert states(result)[1] == ("filled", "")


def test_an_asset_that_is_not_held_needs_and_gives_no_margin():
    data = bars(*path(100, 100, 93, 93), B=flat(1000, 4))
    result = run(data, [market(0, 400)], account=account())
    assert result.fills.select("asset", "quantity").rows() == [("A", 400.0), ("A", pytest.approx(-240 / 18.6))]


def test_whole_lots_are_rounded_up():
    result = run(bars(*path(100, 100, 93, 93)), [market(0, 400)], account=account(lot=5.0))
    assert fills(result)[1] == (3, -15.0, 93.0)


def test_a_short_position_is_bought_back():
    # at 107: equity 7,200; needed 0.2 x 42,800 = 8,560; missing 1,360 / 21.4 = 63.55
    result = run(bars(*path(100, 100, 107, 107)), [market(0, -400)], account=account(lot=1.0))
    assert fills(result)[1] == (3, 64.0, 107.0)


def test_the_position_that_needs_the_most_goes_first_and_then_the_next():
    # A: 250 x 100, B: 150 x 100; both at 76: equity 400, needed 0.2 x 30,400 = 6,080: 5,680 are missing.
    # A needs 3,800 and goes whole; 1,880 / 15.2 = 123.7 units of B follow.
    steps = [market(0, 150, asset=1), market(0, 250)]
    result = run(bars(*path(100, 100, 76, 76), B=path(100, 100, 76, 76)), steps, account=account(lot=1.0))
    sold = result.fills.filter(result.fills["reason"] == "liquidation")
    assert sold.select("asset", "quantity").rows() == [("A", -250.0), ("B", -124.0)]
    assert result.trades["exit_reason"].to_list() == ["liquidation"]


def test_of_equal_positions_the_first_asset_goes_first():
    steps = [market(0, 200, asset=1), market(0, 200)]
    result = run(bars(*path(100, 100, 93, 93), B=path(100, 100, 93, 93)), steps, account=account(lot=1.0))
    assert result.fills["asset"].to_list() == ["B", "A", "A"]


def test_an_account_whose_equity_is_gone_closes_everything_and_opens_nothing():
    steps = [market(0, 400), market(3, 1), market(4, 1)]
    result = run(bars(*path(100, 100, 70, 70, 70, 70)), steps, account=account())
    assert fills(result) == [(1, 400.0, 100.0), (3, -400.0, 70.0)]
    assert states(result)[2:] == [("rejected", "exceeds buying power")] * 2
    assert result.equity["equity"].to_list()[-1] == -2_000.0
    assert result.metrics["max_drawdown"] is not None


def test_orders_that_could_add_are_cancelled_and_those_that_protect_stay():
    steps = [
        bracket(0, 400, stop_loss=50.0),
        limit(1, 1, 60.0),
        bracket(1, 1, limit=60.0, stop_loss=55.0),
    ]
    result = run(bars(*path(100, 100, 93, 93)), steps, account=account(leverage=5.0))
    called = ("cancelled", "the account broke its maintenance margin")
    assert states(result) == [
        ("filled", ""),
        ("working", ""),
        called,
        called,
        ("cancelled", "its parent closed unfilled"),
        ("filled", ""),
    ]


def test_a_breach_asks_once_however_long_the_order_waits():
    market_ = bars(*path(100, 100, 93, 93, 93), B=flat(10.0, 5))
    quiet = market_.with_columns(volume=market_["volume"] * ((market_["asset"] == "B") | (market_["close"] != 93.0)))
    result = run(quiet, [market(0, 400)], account=account())
    assert states(result) == [("filled", ""), ("working", "")]


def test_what_the_strategy_is_closing_already_counts_as_closed():
    result = run(bars(*path(100, 100, 94, 93, 93)), [market(0, 400), close(3)], account=account())
    assert result.fills["reason"].to_list() == ["signal", "liquidation", "signal"]
    waits = run(
        bars(*path(100, 100, 94, 93, 93), B=flat(10.0, 5)),
        [market(0, 400), close(2)],
        account=account(),
    )
    assert waits.fills["reason"].to_list() == ["signal", "signal"]


def test_a_strategy_sees_a_liquidation_and_can_neither_cancel_nor_change_it():
    steps = [market(0, 400), cancel(2, 2), observe(2, "accepted"), observe(2, "open_orders")]
    steps += [update(2, 2, quantity=-1.0), observe(2, "accepted")]
    result = run(bars(*path(100, 100, 93, 93)), steps, account=account())
    assert seen(result) == [0.0, 1.0, 0.0]
    assert len(fills(result)) == 2
    assert result.orders["parent_id"].to_list() == [None] * len(result.orders)


def test_a_new_bar_checks_again_where_the_price_falls_further():
    result = run(bars(*path(100, 100, 93, 90, 90)), [market(0, 400)], account=account(lot=1.0))
    assert result.fills["reason"].to_list() == ["signal", "liquidation", "liquidation"]


def test_costs_are_those_of_every_market_order():
    costs = {"commission": {"kind": "per_order", "amount": 2.0}, "slippage": {"kind": "fixed", "amount": 0.5}}
    result = run(bars(*path(100, 100, 92, 92)), [market(0, 400)], account=account(), costs=costs)
    assert result.fills["commission"].to_list() == [2.0, 2.0]
    assert result.fills["price"].to_list() == [100.5, 91.5]


def test_without_a_maintenance_margin_nothing_is_liquidated():
    result = run(bars(*path(100, 100, 70, 70)), [market(0, 400)], account=account(maintenance_margin=0.0))
    assert len(fills(result)) == 1


def test_an_assets_own_initial_margin_takes_the_place_of_the_leverage():
    # a contract of 50 x 4,000 = 200,000 at 5 %: 10,000 of margin; the account has 25,000
    es = {"multiplier": 50.0, "lot": 1.0, "initial_margin": 0.05, "maintenance_margin": 0.04}
    futures = {"cash": 25_000.0, "kind": "margin", "leverage": 1.0, "per_asset": {"A": es}}
    steps = [market(0, 3), market(0, 2), observe(2, "buying_power"), limit(2, 100, 49.0, asset=1), limit(2, 1, 4000.0)]
    result = run(bars(*flat(4000.0, 4), B=flat(50.0, 4)), steps, account=futures)
    assert states(result)[:2] == [("rejected", "exceeds buying power"), ("filled", "")]
    assert seen(result) == pytest.approx([5_000.0])  # 25,000 less two times 10,000
    assert states(result)[2:] == [("working", ""), ("rejected", "exceeds buying power")]


def test_an_assets_own_maintenance_margin_counts_for_it_alone():
    own = {"A": {"maintenance_margin": 0.5}}
    steps = [market(0, 150), market(0, 100, asset=1)]
    result = run(
        bars(*path(100, 100, 80, 80), B=flat(100, 4)), steps, account=account(per_asset=own, leverage=4.0, lot=1.0)
    )
    # equity 7,000; A needs 0.5 x 12,000, B 0.2 x 10,000: 8,000; 1,000 / 40 = 25 units of A
    assert result.fills.rows()[2][2:4] == ("A", -25.0)


@pytest.mark.parametrize("key", ["account.maintenance_margin", "account.per_asset.A.maintenance_margin"])
def test_a_swept_maintenance_margin_is_that_of_the_file(key):
    table = compose([market(0, 400)])
    values = [float(table.ctypes.data), float(len(table))]
    own = {"per_asset": {"A": {"maintenance_margin": 0.001}}} if "per_asset" in key else {}
    engine = evaluator(
        bars(*path(100, 100, 93, 93)),
        account=account(maintenance_margin=0.0, **own),
        params=("steps", "count", key),
    )
    counts = [engine.replay(np.array([*values, rate])).fills.height for rate in (0.0, 0.2, 0.1)]
    assert counts == [1, 2, 1]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "cash", "maintenance_margin": 0.3},
        {"kind": "cash", "per_asset": {"A": {"initial_margin": 0.1}}},
        {"kind": "margin", "maintenance_margin": 1.0},
        {"kind": "margin", "per_asset": {"A": {"initial_margin": 0.0}}},
    ],
)
def test_margins_that_make_no_sense_are_refused(given):
    with pytest.raises(ValidationError):
        AccountSpec(**given)

"""What an account may do: buying power when an order is accepted, cash when it fills."""

import polars as pl
import pytest
from scenarios.scripted import (
    LIMIT,
    STOP,
    bars,
    bracket,
    cancel,
    close,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    stop,
    update,
)

QUIET = (100, 100, 100, 100)
FULL = ("filled", "")
REFUSED = ("rejected", "exceeds buying power")
NO_CASH = ("rejected", "exceeds cash")
NO_SHORT = ("rejected", "short sale in a cash account")
DOUBLE = {"cash": 10_000.0, "kind": "margin", "leverage": 2.0}  # 200 units at 100
CASH = {"cash": 10_000.0, "kind": "cash"}  # 100 units at 100


@pytest.mark.parametrize("side", [1, -1])
def test_leverage_limits_an_order_when_it_is_accepted(side):
    result = run(bars(*flat(100, 2)), [market(0, 201 * side), market(0, 200 * side)], account=DOUBLE)
    assert states(result) == [REFUSED, FULL]


def test_orders_of_one_close_share_the_buying_power():
    steps = [market(0, 120), market(0, 120, asset=1), market(0, 80, asset=1)]
    result = run(bars(*flat(100, 2), B=flat(100, 2)), steps, account=DOUBLE)
    assert states(result) == [FULL, REFUSED, FULL]


def test_resting_orders_reserve_what_they_would_add():
    steps = [limit(0, 100, 90), stop(0, 50, 110), market(0, 56), market(0, 55)]
    # 20,000 - 9,000 - 5,500 = 5,500.
    result = run(bars(*flat(100, 2)), steps, account=DOUBLE)
    assert states(result)[2:] == [REFUSED, FULL]


def test_a_cancelled_order_frees_its_room():
    resting = limit(0, 100, 90)
    steps = [resting, observe(1, "buying_power"), cancel(1, resting), observe(1, "buying_power")]
    assert seen(run(bars(*flat(100, 2)), steps, account=DOUBLE)) == [11_000.0, 20_000.0]


def test_a_filled_order_takes_room_by_its_position():
    market_data = bars(QUIET, (100, 110, 100, 110))
    result = run(market_data, [market(0, 100), observe(0, "buying_power"), observe(1, "buying_power")], account=DOUBLE)
    # Equity 11,000 x 2 - 11,000.
    assert seen(result) == [20_000.0, 11_000.0]


def test_a_market_exit_makes_room_for_the_orders_after_it():
    steps = [market(0, 200), market(1, 100, asset=1), close(1), market(1, 200, asset=1)]
    result = run(bars(*flat(100, 3), B=flat(100, 3)), steps, account=DOUBLE)
    assert states(result) == [FULL, REFUSED, FULL, FULL]


def test_a_limit_exit_makes_no_room_before_it_fills():
    steps = [market(0, 200), limit(1, -200, 105), market(1, 1, asset=1)]
    result = run(bars(*flat(100, 3), B=flat(100, 3)), steps, account=DOUBLE)
    assert states(result)[2] == REFUSED


@pytest.mark.parametrize("exits", [limit(1, -200, 105), stop(1, -200, 95), limit(1, -50, 105)])
def test_an_exit_that_rests_leaves_the_room_as_it_is(exits):
    steps = [market(0, 150), exits, observe(2, "buying_power")]
    assert seen(run(bars(*flat(100, 3)), steps, account=DOUBLE)) == [5_000.0]


def test_a_reversal_may_use_the_room_that_it_frees():
    result = run(bars(*flat(100, 4)), [market(0, 200), market(1, -401), market(1, -400)], account=DOUBLE)
    assert states(result) == [FULL, REFUSED, FULL]


def test_an_entry_after_a_pending_exit_is_judged_by_what_both_leave():
    # Long 200; sells 200, and on top sells 200 short: allowed; one more is not.
    steps = [market(0, 200), market(1, -200), market(1, -200), market(1, -1)]
    result = run(bars(*flat(100, 3)), steps, account=DOUBLE)
    assert states(result)[1:] == [FULL, FULL, REFUSED]


def test_children_need_no_room():
    entry = bracket(0, 200, stop_loss=90, take_profit=110)
    assert seen(run(bars(*flat(100, 2)), [entry, observe(1, "buying_power")], account=DOUBLE)) == [0.0]


def test_children_move_without_room():
    entry = bracket(0, 200, stop_loss=90, take_profit=110)
    steps = [
        entry,
        update(1, entry.child(STOP), stop=95),
        update(1, entry.child(LIMIT), limit=105),
        observe(1, "buying_power"),
    ]
    result = run(bars(QUIET, QUIET, (100, 105, 100, 105)), steps, account=DOUBLE)
    assert seen(result) == [0.0]
    assert fills(result) == [(1, 200.0, 100.0), (2, -200.0, 105.0)]


def test_an_order_sized_to_use_all_fits():
    beyond = 0
    for cash in (10_000.0 / 3, 9_999.99, 1e6 / 7):
        for price in (0.7, 3.3, 77.77):
            units = 3.0 * cash / price
            beyond += units * price > 3.0 * cash  # by the last bit
            account = {"cash": cash, "kind": "margin", "leverage": 3.0}
            assert states(run(bars(*flat(price, 2)), [market(0, units)], account=account)) == [FULL]
            slightly_more = run(bars(*flat(price, 2)), [market(0, units * (1.0 + 1e-9))], account=account)
            assert states(slightly_more) == [REFUSED]
    assert beyond > 0


def test_a_cash_account_pays_at_the_fill():
    # 100 units at 100 can be paid when they are asked for, but not at the open of 101.
    result = run(bars(QUIET, (101, 101, 100, 100)), [market(0, 100)], account=CASH)
    assert states(result) == [NO_CASH]
    assert result.metrics["rejected_orders"] == 1.0


def test_a_cash_account_pays_the_commission_too():
    costs = {"commission": {"kind": "per_order", "amount": 1.0}}
    result = run(bars(*flat(100, 2)), [market(0, 100)], account=CASH, costs=costs)
    assert states(result) == [NO_CASH]


def test_a_cash_account_spends_its_last_cent():
    assert states(run(bars(*flat(100, 2)), [market(0, 100)], account=CASH)) == [FULL]


def test_one_order_that_cannot_be_paid_never_blocks_the_next():
    steps = [market(0, 60), market(0, 50), market(0, 40)]
    result = run(bars(*flat(100, 2)), steps, account=CASH)
    assert states(result) == [FULL, NO_CASH, FULL]
    assert fills(result) == [(1, 60.0, 100.0), (1, 40.0, 100.0)]


def test_a_cash_account_sells_what_it_holds_and_no_more():
    steps = [market(0, 10), market(1, -11), market(1, -10)]
    result = run(bars(*flat(100, 3)), steps, account=CASH)
    assert states(result) == [FULL, NO_SHORT, FULL]


@pytest.mark.parametrize(("held", "sold"), [(0, 0.5), (0, 0.001), (10, 10.25), (0.5, 0.75)])
def test_a_fraction_more_than_is_held_is_refused_when_it_is_asked_for(held, sold):
    steps = [market(0, held)] if held else []
    result = run(bars(*flat(100, 4)), [*steps, market(1, -sold)], account=CASH)
    refused = result.orders.filter(quantity=-sold).row(0, named=True)
    assert (refused["status"], refused["reject_reason"]) == NO_SHORT
    assert refused["closed"] == refused["submitted"]


@pytest.mark.parametrize(("quantity", "expected"), [(-0.5, "the asset cannot be sold short"), (0.5, "")])
def test_an_asset_that_cannot_be_sold_short_is_not_by_a_fraction_either(quantity, expected):
    account = {**DOUBLE, "per_asset": {"A": {"shortable": False}}}
    result = run(bars(*flat(100, 3)), [market(0, quantity)], account=account)
    assert result.orders["reject_reason"].to_list() == [expected]


def test_a_cash_account_cannot_sell_the_same_units_twice():
    # Both are fine when they are accepted; the second has nothing left to sell when it fills.
    result = run(bars(*flat(100, 3)), [market(0, 10), market(1, -10), market(1, -10)], account=CASH)
    assert states(result) == [FULL, FULL, NO_SHORT]


def test_a_cash_account_opens_brackets():
    result = run(bars(QUIET, QUIET, (90, 90, 90, 90)), [bracket(0, 10, stop_loss=95)], account=CASH)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 90.0)]


def test_the_cash_of_an_exit_pays_for_an_entry_at_the_same_open():
    steps = [market(0, 100), market(1, 200, asset=1), market(1, -100)]
    result = run(bars(*flat(100, 3), B=flat(50, 3)), steps, account=CASH)
    assert states(result) == [FULL, FULL, FULL]


def test_leverage_says_nothing_about_a_cash_account():
    account = {**CASH, "leverage": 0.5}
    assert states(run(bars(*flat(100, 2)), [market(0, 100)], account=account)) == [FULL]


def test_a_margin_account_may_borrow_at_the_fill():
    result = run(bars(QUIET, (101, 101, 101, 101)), [market(0, 200)], account=DOUBLE)
    assert result.equity["cash"][-1] == 10_000.0 - 20_200.0


def test_a_partly_filled_order_is_judged_by_what_is_left_of_it():
    # 10 of 90 fill; the other 80 at 102 are 8,160, and 9,000 are left.
    thin = bars(*flat(100, 3)).with_columns(volume=pl.lit(100.0))
    order = limit(0, 90, 101)
    steps = [order, update(1, order, limit=102), observe(1, "limit_price", order=order)]
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 1.0}
    result = run(thin, steps, account=account, execution={"volume_share": 0.1})
    assert seen(result) == [102.0]

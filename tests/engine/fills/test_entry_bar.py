"""What children meet of the bar that filled their parent: the path behind the entry, where that is certain."""

import pytest
from scenarios.scripted import ACCOUNT, bars, bracket, fills, limit, run, states, stop, submit, trailing

from backsweep.engine.codes import LIMIT, MARKET_ON_CLOSE, STOP_LIMIT, TRAILING_STOP

QUIET = (100, 100, 100, 100)
TARGET_FIRST = {"ambiguous": "target_first"}
BREAKOUT = bracket(0, 10, stop=103, stop_loss=95, take_profit=108)
BREAKDOWN = bracket(0, -10, stop=97, stop_loss=105, take_profit=92)


def mirrored(bar):
    """Reflect a bar's prices at 100."""
    opened, high, low, close = bar
    return (200 - opened, 200 - low, 200 - high, 200 - close)


def ambiguity(result):
    return result.metrics["ambiguous_fills"], result.metrics["ambiguous_pnl"]


@pytest.mark.parametrize("execution", [{}, TARGET_FIRST], ids=["stop first", "target first"])
@pytest.mark.parametrize("after", [(104, 104, 90, 92), (112, 113, 111, 112)], ids=["falls", "rises"])
def test_the_target_of_a_stop_entry_fills_in_the_entrys_bar(execution, after):
    # Opening below 103, the bar reaches 103 before its high of 110, and 108 between them.
    result = run(bars(QUIET, (100, 110, 100, 104), after), [BREAKOUT], execution=execution)
    assert fills(result) == [(1, 10.0, 103.0), (1, -10.0, 108.0)]
    assert ambiguity(result) == (0, 0.0)
    result = run(bars(QUIET, mirrored((100, 110, 100, 104)), mirrored(after)), [BREAKDOWN], execution=execution)
    assert fills(result) == [(1, -10.0, 97.0), (1, 10.0, 92.0)]
    assert ambiguity(result) == (0, 0.0)


def test_the_target_of_a_breakdown_for_less_than_one_unit_is_below_it():
    breakdown = bracket(0, -0.5, stop=97, stop_loss=105, take_profit=92)
    result = run(bars(QUIET, (100, 100, 90, 96)), [breakdown], account={**ACCOUNT, "lot": 0.1})
    assert fills(result) == [(1, -0.5, 97.0), (1, 0.5, 92.0)]


@pytest.mark.parametrize("high", [108, 107.9])
def test_a_target_that_the_high_does_not_reach_waits(high):
    result = run(bars(QUIET, (100, high, 100, 104), (106, 109, 106, 107)), [BREAKOUT])
    assert fills(result)[1:] == ([(1, -10.0, 108.0)] if high == 108 else [(2, -10.0, 108.0)])


def test_by_penetration_the_high_must_go_beyond_the_target():
    for high, day in ((108, 2), (108.1, 1)):
        market_data = bars(QUIET, (100, high, 100, 104), (106, 109, 106, 107))
        assert fills(run(market_data, [BREAKOUT], execution={"limit_fill": "penetration"}))[1:] == [(day, -10.0, 108.0)]


def test_a_bar_that_reaches_stop_and_target_of_a_stop_entry_is_ambiguous():
    both = (100, 110, 94, 104)
    stopped = run(bars(QUIET, both), [BREAKOUT])
    assert fills(stopped) == [(1, 10.0, 103.0), (1, -10.0, 95.0)]
    assert ambiguity(stopped) == (1, 130.0)  # 10 x (108 - 95)
    reached = run(bars(QUIET, both), [BREAKOUT], execution=TARGET_FIRST)
    assert fills(reached) == [(1, 10.0, 103.0), (1, -10.0, 108.0)]
    assert ambiguity(reached) == (1, -130.0)


def test_after_a_target_for_a_part_the_doubtful_stop_of_the_rest_waits_where_targets_come_first():
    entry = stop(0, 10, 103)
    steps = [entry, stop(0, -10, 95, order=entry), limit(0, -4, 108, order=entry)]
    market_data = bars(QUIET, (100, 110, 94, 104), QUIET)
    stopped = run(market_data, steps)
    assert fills(stopped) == [(1, 10.0, 103.0), (1, -10.0, 95.0)]
    assert ambiguity(stopped) == (1, 4 * (108 - 104) + 10 * (104 - 95.0))  # 4 at 108, 6 still held at the close
    reached = run(market_data, steps, execution=TARGET_FIRST)
    assert fills(reached) == [(1, 10.0, 103.0), (1, -4.0, 108.0)]
    assert ambiguity(reached) == (2, -4 * (108 - 95) - 6 * (104 - 95.0))  # the target's fill, and what went on


def test_a_stop_entry_that_fills_at_the_open_leaves_its_children_the_whole_bar():
    result = run(bars(QUIET, (104, 110, 94, 104)), [BREAKOUT])
    assert fills(result) == [(1, 10.0, 104.0), (1, -10.0, 95.0)]
    assert ambiguity(result) == (1, 130.0)


@pytest.mark.parametrize("limit_price", [103, 104])
def test_a_stop_limit_entry_that_fills_where_it_is_triggered_is_a_stop_entry(limit_price):
    entry = bracket(0, 10, type=STOP_LIMIT, stop=103, limit=limit_price, stop_loss=95, take_profit=108)
    result = run(bars(QUIET, (100, 110, 100, 104)), [entry])
    assert fills(result) == [(1, 10.0, 103.0), (1, -10.0, 108.0)]


def test_a_stop_limit_entry_that_fills_on_a_pull_back_is_a_limit_entry():
    # Opens beyond the limit of 104 and falls back to it: the high of 110 may have come before.
    entry = bracket(0, 10, type=STOP_LIMIT, stop=103, limit=104, stop_loss=95, take_profit=108)
    result = run(bars(QUIET, (106, 110, 102, 104), (105, 107, 104, 105)), [entry])
    assert fills(result) == [(1, 10.0, 104.0)]
    result = run(bars(QUIET, (106, 110, 94, 104)), [entry])
    assert fills(result) == [(1, 10.0, 104.0), (1, -10.0, 95.0)]
    assert ambiguity(result) == (0, 0.0)


def test_a_stop_limit_entry_below_its_stop_waits_as_a_limit_for_the_next_bar():
    entry = bracket(0, 10, type=STOP_LIMIT, stop=103, limit=102, stop_loss=95, take_profit=108)
    result = run(bars(QUIET, (100, 110, 100, 104), (104, 110, 101, 104), (104, 109, 104, 108)), [entry])
    assert fills(result) == [(2, 10.0, 102.0), (3, -10.0, 108.0)]


def test_a_trailing_stop_entry_is_a_stop_entry():
    entry = trailing(0, 10, amount=3)  # stands at 103
    steps = [entry, stop(0, -10, 95, order=entry), limit(0, -10, 108, order=entry)]
    assert fills(run(bars(QUIET, (100, 110, 100, 104)), steps)) == [(1, 10.0, 103.0), (1, -10.0, 108.0)]
    assert ambiguity(run(bars(QUIET, (100, 110, 94, 104)), steps)) == (1, 130.0)


def test_every_target_that_the_high_reaches_fills():
    entry = stop(0, 10, 103)
    targets = [limit(0, -4, 106, order=entry), limit(0, -3, 108, order=entry), limit(0, -3, 112, order=entry)]
    result = run(bars(QUIET, (100, 110, 100, 104)), [entry, *targets])
    # What one target fills, the others lose: 106 takes 4, so that nothing is left of those of 3 units.
    assert fills(result) == [(1, 10.0, 103.0), (1, -4.0, 106.0)]
    entry = stop(0, 10, 103)
    targets = [limit(0, -4, 106, order=entry), limit(0, -10, 108, order=entry)]
    result = run(bars(QUIET, (100, 110, 100, 104)), [entry, *targets])
    assert fills(result) == [(1, 10.0, 103.0), (1, -4.0, 106.0), (1, -6.0, 108.0)]


@pytest.mark.parametrize(
    ("entry", "low", "level"), [(stop(0, 10, 103), 99, 105.0), (limit(0, 10, 98), 98, 93.0)], ids=["stop", "limit"]
)
def test_a_trailing_stop_follows_the_entrys_bar_where_its_extreme_came_after_the_entry(entry, low, level):
    # After a buy by stop the high of 110 has been seen; after one by limit it may have come before.
    child = submit(0, -10, type=TRAILING_STOP, amount=5, order=entry)
    result = run(bars(QUIET, (100, 110, low, 106), (106, 106, 90, 90)), [entry, child])
    assert fills(result)[1:] == [(2, -10.0, level)]


def test_a_trailing_stop_of_a_stop_entry_is_doubtful_at_the_distance_from_the_entry():
    entry = stop(0, 10, 103)
    steps = [entry, submit(0, -10, type=TRAILING_STOP, amount=5, order=entry)]
    market_data = bars(QUIET, (100, 110, 98, 106), (106, 106, 90, 90))
    result = run(market_data, steps)
    assert fills(result)[1:] == [(1, -10.0, 98.0)]
    assert ambiguity(result) == (1, 80.0)
    result = run(market_data, steps, execution=TARGET_FIRST)
    assert fills(result)[1:] == [(2, -10.0, 105.0)]
    assert ambiguity(result) == (1, -80.0)


@pytest.mark.parametrize("target", [103, 101])
def test_a_target_that_the_entrys_price_has_reached_fills_there_and_before_the_stop(target):
    entry = bracket(0, 10, stop=103, stop_loss=95, take_profit=target)
    result = run(bars(QUIET, (100, 110, 94, 104)), [entry])
    assert fills(result) == [(1, 10.0, 103.0), (1, -10.0, 103.0)]
    assert ambiguity(result) == (0, 0.0)
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=target - 5)
    assert fills(run(bars(QUIET, (100, 110, 94, 104)), [entry])) == [(1, 10.0, 98.0), (1, -10.0, 98.0)]


@pytest.mark.parametrize("execution", [{}, TARGET_FIRST], ids=["stop first", "target first"])
def test_a_stop_that_the_entrys_price_has_reached_fills_there_with_certainty(execution):
    entry = bracket(0, 10, stop=103, stop_loss=104, take_profit=108)
    result = run(bars(QUIET, (100, 110, 94, 104)), [entry], execution=execution)
    assert fills(result) == [(1, 10.0, 103.0), (1, -10.0, 103.0)]
    assert ambiguity(result) == (0, 0.0)


def test_such_a_child_pays_as_a_taker_and_leaves_its_own_children_to_the_next_bar():
    entry = stop(0, 10, 103)
    out = limit(0, -10, 101, order=entry)
    commission = {"kind": "tiered", "by": "order_value", "tiers": [{"above": 0.0, "rate": 0.01, "maker_rate": 0.0}]}
    steps = [entry, out, stop(0, 10, 107, order=out)]
    result = run(bars(QUIET, (100, 110, 94, 104)), steps, costs={"commission": commission})
    assert result.fills["commission"].to_list() == pytest.approx([10.3, 10.3])
    assert states(result)[2][0] == "cancelled"  # nothing is left for it to reduce


def test_the_stop_of_a_stop_entry_that_fills_in_part_is_reached_in_its_bar():
    # The volume lets 5 of 10 units in. Their stop is reached, and sells at the next open what no volume was left for.
    market_data = bars(QUIET, (100, 110, 94, 104), QUIET, QUIET).with_columns(volume=50.0)
    result = run(market_data, [BREAKOUT], execution={"volume_share": 0.1})
    assert fills(result) == [(1, 5.0, 103.0), (2, -5.0, 100.0)]


def test_the_filled_breakout_of_a_group_has_its_target_in_its_bar():
    up, down = stop(0, 10, 103, oca=1), stop(0, -10, 97, oca=1)
    steps = [up, down, limit(0, -10, 108, order=up), limit(0, 10, 92, order=down)]
    result = run(bars(QUIET, (100, 110, 98, 104)), steps)
    assert fills(result) == [(1, 10.0, 103.0), (1, -10.0, 108.0)]
    assert states(result)[1] == ("cancelled", "another order of its group filled")


@pytest.mark.parametrize("profile", ["backtesting_py", "backtrader"])
def test_profiles_may_let_the_children_of_a_stop_entry_wait(profile):
    result = run(bars(QUIET, (100, 110, 94, 104), (104, 109, 104, 104)), [BREAKOUT], execution={"profile": profile})
    assert fills(result) == [(1, 10.0, 103.0), (2, -10.0, 108.0)]
    # One that fills in part, and goes on as a market order, is a stop entry still.
    market_data = bars(QUIET, (100, 110, 94, 104), QUIET, (100, 109, 100, 104)).with_columns(volume=50.0)
    result = run(market_data, [BREAKOUT], execution={"profile": profile, "volume_share": 0.1})
    assert fills(result) == [(1, 5.0, 103.0), (2, 5.0, 100.0), (3, -5.0, 108.0)]


@pytest.mark.parametrize(
    ("bar", "exits"),
    [
        ((100, 110, 96, 104), [(1, -10.0, 108.0)]),  # the target, and not the stop: in the entry's bar
        ((104, 110, 96, 104), [(1, -10.0, 108.0)]),
        ((109, 110, 96, 104), [(1, -10.0, 109.0)]),
        ((100, 110, 95, 104), [(2, -10.0, 95.0)]),  # both, or the stop alone: from the bar after on
        ((104, 110, 95, 104), [(2, -10.0, 95.0)]),
        ((100, 107, 95, 104), [(2, -10.0, 95.0)]),
    ],
)
def test_under_backtesting_py_a_stop_entry_takes_its_target_where_the_bar_spares_the_stop(bar, exits):
    execution = {"profile": "backtesting_py"}
    after = (98, 100, 90, 92)
    assert fills(run(bars(QUIET, bar, after), [BREAKOUT], execution=execution))[1:] == exits
    mirror = [(day, -units, 200 - price) for day, units, price in exits]
    assert fills(run(bars(QUIET, mirrored(bar), mirrored(after)), [BREAKDOWN], execution=execution))[1:] == mirror


def test_under_backtesting_py_the_target_of_a_stop_limit_entry_waits():
    entry = bracket(0, 10, type=STOP_LIMIT, stop=103, limit=104, stop_loss=95, take_profit=108)
    market_data = bars(QUIET, (100, 110, 100, 104), (104, 109, 104, 104))
    result = run(market_data, [entry], execution={"profile": "backtesting_py"})
    assert fills(result) == [(1, 10.0, 103.0), (2, -10.0, 108.0)]


def test_a_child_at_the_close_of_a_session_does_not_meet_the_range():
    entry = stop(0, 10, 103)
    steps = [entry, submit(0, -10, type=MARKET_ON_CLOSE, order=entry)]
    assert fills(run(bars(QUIET, (100, 110, 100, 104)), steps)) == [(1, 10.0, 103.0), (1, -10.0, 104.0)]


def test_where_children_live_in_a_sure_bar_alone_a_trailing_stop_waits_for_the_next_one():
    # Under `backtesting_py` the entry's bar is sure where it reaches the target. It does not: the level stays at 98.
    entry = stop(0, 10, 103)
    exits = [
        submit(0, -10, type=TRAILING_STOP, amount=5, order=entry),
        submit(0, -10, type=LIMIT, limit=120, order=entry),
    ]
    market_data = bars(QUIET, (100, 110, 100, 106), (106, 106, 104, 104))
    assert fills(run(market_data, [entry, *exits], execution={"profile": "backtesting_py"})) == [(1, 10.0, 103.0)]

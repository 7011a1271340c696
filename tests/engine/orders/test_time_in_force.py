"""How long orders live, and which end together. Day 0 is the bar at whose close the script speaks."""

from datetime import timedelta

import polars as pl
import pytest
from scenarios.scripted import bars, fills, flat, limit, market, observe, run, seen, states, stop, submit

from backsweep.engine.codes import DAY, EXPIRED, FOK, GTD, IOC, STOP

QUIET = (100, 100, 100, 100)
DEEP = (100, 100, 89, 100)


def test_on_daily_bars_a_day_order_lives_for_one_bar():
    order = limit(0, 10, 90, tif=DAY)
    result = run(
        bars(QUIET, QUIET, DEEP), [order, observe(0, "status", order=order), observe(1, "status", order=order)]
    )
    assert seen(result)[1] == EXPIRED
    assert states(result) == [("expired", "")]
    assert result.orders["closed"][0] - result.orders["submitted"][0] == timedelta(days=1)


def test_a_day_order_fills_on_the_last_bar_of_its_session():
    assert fills(run(bars(QUIET, DEEP, QUIET), [limit(0, 10, 90, tif=DAY)])) == [(1, 10.0, 90.0)]


@pytest.mark.parametrize(("asked", "filled"), [(0, []), (1, []), (2, [(1, 10.0, 90.0)])])
def test_within_a_session_a_day_order_lives_to_its_end(asked, filled):
    # Three bars a day: those asked on bars 0 and 1 end with bar 2; one asked at the last bar lives through bars 3 to 5.
    prices = [*[QUIET] * 5, DEEP]
    assert fills(run(bars(*prices, step=timedelta(hours=8)), [limit(asked, 10, 90, tif=DAY)])) == filled


@pytest.mark.parametrize(("hours", "filled"), [(47, []), (48, [(2, 10.0, 90.0)]), (100, [(2, 10.0, 90.0)])])
def test_an_order_is_good_till_the_time_given(hours, filled):
    result = run(bars(QUIET, QUIET, DEEP, QUIET), [limit(0, 10, 90, tif=GTD, hours=hours)])
    assert fills(result) == filled
    assert states(result) == [("filled", "") if filled else ("expired", "")]


def test_orders_with_different_times_expire_each_at_its_own():
    steps = [limit(0, 1, 90, tif=GTD, hours=60), limit(0, 1, 90, tif=GTD, hours=24)]
    steps += [observe(at, "open_orders") for at in range(1, 4)]
    assert seen(run(bars(*flat(100, 5)), steps)) == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("tif", [IOC, FOK])
@pytest.mark.parametrize(
    ("bar", "filled"),
    [((100, 100, 89, 100), []), ((89, 95, 88, 94), [(1, 10.0, 89.0)]), ((90, 95, 88, 94), [(1, 10.0, 90.0)])],
)
def test_an_order_for_the_moment_fills_at_the_next_open_or_not_at_all(tif, bar, filled):
    result = run(bars(QUIET, bar, DEEP), [limit(0, 10, 90, tif=tif)])
    assert fills(result) == filled
    assert states(result) == [("filled", "") if filled else ("expired", "")]


def test_an_order_for_the_moment_waits_for_a_bar_of_its_asset():
    result = run(
        bars(*flat(100, 4), B=[QUIET, None, DEEP, DEEP]),
        [limit(0, 10, 90, tif=IOC, asset=1), observe(1, "open_orders", asset=1)],
    )
    assert seen(result) == [1.0]
    assert states(result) == [("expired", "")]


def test_the_children_of_an_expired_order_end_with_it():
    steps = [limit(0, 10, 90, tif=DAY), submit(0, -10, type=STOP, stop=80, order=1)]
    assert states(run(bars(QUIET, QUIET, DEEP), steps)) == [
        ("expired", ""),
        ("cancelled", "its parent closed unfilled"),
    ]


def test_a_child_cannot_be_for_the_moment():
    steps = [market(0, 10), submit(0, -10, type=STOP, stop=80, order=1, tif=IOC)]
    assert states(run(bars(QUIET, QUIET), steps))[1] == ("rejected", "time in force is unknown or incomplete")


def test_an_unknown_time_in_force_is_rejected():
    assert states(run(bars(QUIET, QUIET), [market(0, 10, tif=7)])) == [
        ("rejected", "time in force is unknown or incomplete")
    ]


def test_when_one_order_of_a_group_fills_the_others_are_cancelled():
    steps = [limit(0, 10, 90, oca=4), limit(0, 10, 80, oca=4, asset=1), limit(0, 10, 70, oca=5), limit(0, 10, 60)]
    result = run(bars(QUIET, DEEP, QUIET, B=flat(100, 3)), steps)
    assert states(result) == [
        ("filled", ""),
        ("cancelled", "another order of its group filled"),
        ("working", ""),
        ("working", ""),
    ]


def test_a_stop_and_a_target_of_a_group_in_one_range_are_ambiguous_and_the_stop_fills():
    steps = [market(0, 10), stop(0, -10, 95, oca=1), limit(0, -10, 105, oca=1)]
    result = run(bars(QUIET, (100, 106, 94, 100), QUIET), steps)
    assert fills(result) == [(1, 10.0, 100.0), (1, -10.0, 95.0)]
    assert result.metrics["ambiguous_fills"] == 1
    assert result.orders["status"].to_list() == ["filled", "filled", "cancelled"]


def test_an_order_that_is_reduced_with_its_group_frees_what_it_had_reserved():
    # Of the first order 4 of 10 units fill at day 1, so that 6 of 10 stay of the second; 6 x 90 and 6 x 50 stay
    # reserved.
    # The close of 89 loses 4 x 1, and 4 x 89 are held: what is left of ten times the equity can be used.
    frame = bars(QUIET, (100, 100, 89, 89), QUIET, B=flat(100, 3)).with_columns(volume=pl.lit(40.0))
    steps = [limit(0, 10, 90, oca=3), limit(0, 10, 50, oca=3, asset=1), observe(1, "buying_power")]
    result = run(frame, steps, execution={"volume_share": 0.1})
    assert fills(result)[0] == (1, 4.0, 90.0)
    assert seen(result) == [pytest.approx(10 * (10_000 - 4) - 4 * 89 - 6 * 90 - 6 * 50)]

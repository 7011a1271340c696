import numpy as np
import polars as pl
import pytest

from backsweep.strategies.threshold import Threshold

# Bars at 100 that reach 1 to each side: a true range of 2. The signal crosses 1 at bar 3; the entry fills at bar 4.
FLAT = [100.0] * 4
CROSS = [0.0, 0.0, 0.0, 2.0]
SIMPLE = {"entry": 1.0, "exit": 0.0, "window": 2, "stop_multiple": 3.0, "max_units": 1, "risk": 0.005}


def test_the_stop_stands_at_its_multiple_of_atr_from_the_close_and_loses_the_risk(by_hand):
    result = by_hand(Threshold, {"A": {"close": [*FLAT, 100.0, 93.0], "pred": [*CROSS, 2.0, 2.0]}}, **SIMPLE)
    entry, stop = result.fills.to_dicts()
    assert (entry["quantity"], entry["price"]) == (5000 / 6, 100.0)
    assert (stop["quantity"], stop["price"], stop["reason"]) == (-5000 / 6, 94.0, "stop_loss")
    assert result.metrics["final_equity"] == pytest.approx(995_000)


def test_the_stop_protects_on_the_bar_that_fills_the_entry(by_hand):
    result = by_hand(Threshold, {"A": {"close": [*FLAT, 90.0], "pred": [*CROSS, 2.0]}}, **SIMPLE)
    assert result.fills["price"].to_list() == [100.0, 94.0]
    assert result.fills["timestamp"].n_unique() == 1


def test_a_signal_below_minus_entry_opens_a_short_with_its_stop_above(by_hand):
    pred = [-value for value in [*CROSS, 2.0, 2.0]]
    result = by_hand(Threshold, {"A": {"close": [*FLAT, 100.0, 107.0], "pred": pred}}, **SIMPLE)
    entry, stop = result.fills.to_dicts()
    assert (entry["quantity"], entry["price"]) == (-5000 / 6, 100.0)
    assert (stop["price"], stop["reason"]) == (106.0, "stop_loss")


def test_the_stop_follows_a_falling_volatility_and_never_retreats(by_hand):
    # The true range falls from 2 to 1, which brings the stop from 94 to 97; then it rises to 5, which changes nothing.
    close = [*FLAT, *[100.0] * 6, 90.0]
    spread = [1.0] * 5 + [0.5] * 2 + [2.5] * 3 + [1.0]
    result = by_hand(
        Threshold, {"A": {"close": close, "spread": spread, "pred": [*CROSS, *[2.0] * 7]}}, **SIMPLE, calm=0.6
    )
    assert result.fills["price"].to_list() == [100.0, 97.0]


def test_the_stop_follows_the_price(by_hand):
    close = [*FLAT, 100.0, 101.0, 102.0, 103.0, 99.0, 90.0]
    result = by_hand(Threshold, {"A": {"close": close, "pred": [*CROSS, *[2.0] * 6]}}, **SIMPLE)
    rows = pl.DataFrame({"close": close, "before": [100.0, *close[:-1]]})
    atr = rows.select(((pl.col("close") - pl.col("before")).abs() + 2.0).rolling_mean(2)).to_series().to_numpy()
    levels = np.asarray(close) - 3.0 * atr
    assert result.fills["price"].to_list() == [100.0, np.nanmax(levels[3:8])]


@pytest.mark.parametrize("volatility", [0.5, float("nan")])
def test_nothing_opens_while_the_market_is_not_calm(by_hand, volatility):
    assets = {"A": {"close": [100.0] * 7, "pred": [*CROSS, 2.0, 2.0, 2.0]}}
    assert by_hand(Threshold, assets, volatility=volatility, calm=0.4, **SIMPLE).orders.is_empty()
    assert by_hand(Threshold, assets, volatility=0.4, calm=0.4, **SIMPLE).fills.height == 1


def test_nothing_opens_without_a_crossing(by_hand):
    result = by_hand(
        Threshold, {"A": {"close": [100.0] * 8, "pred": [None, 2.0, 2.0, 2.0, None, 2.0, 2.0, 0.0]}}, **SIMPLE
    )
    assert result.orders.is_empty()


def test_the_position_closes_when_the_signal_fades(by_hand):
    result = by_hand(Threshold, {"A": {"close": [100.0] * 8, "pred": [*CROSS, 0.5, -0.1, 0.5, 0.5]}}, **SIMPLE)
    assert result.trades["exit_reason"].to_list() == ["signal"]
    assert result.orders.filter(order_type="stop")["reject_reason"].to_list() == ["its position closed"]


@pytest.mark.parametrize("max_units", [1, 2, 3])
def test_units_are_added_to_a_winner_up_to_the_limit_and_all_end_together(by_hand, max_units):
    close = [*FLAT, *np.arange(102.0, 122.0, 2.0), 60.0]
    result = by_hand(
        Threshold,
        {"A": {"close": close, "pred": [*CROSS, *[2.0] * 11]}},
        **SIMPLE | {"max_units": max_units, "target_multiple": 100.0},
        add_multiple=0.5,
    )
    assert result.fills.filter(pl.col("quantity") > 0).height == max_units
    assert result.trades.height == 1
    stops = result.fills.filter(reason="stop_loss")
    assert stops["quantity"].sum() == -result.fills.filter(reason="signal")["quantity"].sum()
    assert stops.height == 1  # the first stop has been resized to the whole position


def test_a_unit_is_protected_on_its_first_bar(by_hand):
    close = [*FLAT, 103.0, 80.0]
    result = by_hand(
        Threshold,
        {"A": {"close": close, "pred": [*CROSS, 2.0, 2.0]}},
        **SIMPLE | {"max_units": 2},
        add_multiple=0.5,
        target_multiple=100.0,
    )
    first, second, *stops = result.fills.to_dicts()
    assert [stop["quantity"] for stop in stops] == [-first["quantity"], -second["quantity"]]
    assert [stop["price"] for stop in stops] == [94.0] * 2  # 3 x ATR of 3.5 from 103 would be further away


def test_no_unit_is_added_when_the_signal_has_weakened_or_the_price_has_not_moved(by_hand):
    more = SIMPLE | {"max_units": 3, "add_multiple": 0.5, "target_multiple": 100.0}
    weak = by_hand(Threshold, {"A": {"close": [*FLAT, 104.0, 108.0, 112.0], "pred": [*CROSS, 0.9, 0.9, 0.9]}}, **more)
    still = by_hand(Threshold, {"A": {"close": [100.0] * 7, "pred": [*CROSS, 2.0, 2.0, 2.0]}}, **more)
    assert weak.fills.height == still.fills.height == 1


def test_half_is_taken_off_once_at_the_target_and_the_rest_stays_protected(by_hand):
    close = [*FLAT, 104.0, 108.0, 112.0, 116.0, 60.0]
    result = by_hand(
        Threshold,
        {"A": {"close": close, "pred": [*CROSS, *[2.0] * 5]}},
        **SIMPLE | {"max_units": 3},
        target_multiple=1.0,
    )
    entry, half, stop = result.fills.to_dicts()
    assert half["quantity"] == stop["quantity"] == -entry["quantity"] / 2
    assert (half["reason"], stop["reason"]) == ("signal", "stop_loss")


class AlwaysAwake(Threshold):
    def wake(self):
        return None


@pytest.mark.parametrize("params", [{}, {"entry": 0.5, "exit": 0.5, "max_units": 4}, {"entry": 2.5, "calm": 0.2}])
def test_waking_at_crossings_alone_changes_nothing(on_shipped, params):
    asleep, awake = on_shipped(Threshold, **params), on_shipped(AlwaysAwake, **params)
    for frame in ("fills", "trades", "equity", "orders"):
        assert getattr(asleep, frame).equals(getattr(awake, frame)), frame


def test_the_shipped_data_show_every_rule(on_shipped):
    result = on_shipped(Threshold)
    assert set(result.fills["reason"]) == {"signal", "stop_loss"}
    assert set(result.trades["quantity"].sign()) == {-1.0, 1.0}
    assert result.fills.height > 2 * result.trades.height + 50  # more than one entry and one exit each
    assert result.metrics["rejected_orders"] == 0

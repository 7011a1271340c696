"""What a fill costs, in currency, worked out by hand."""

import polars as pl
import pytest
from scenarios.scripted import bars, bracket, close, fills, flat, limit, market, run, stop

QUIET = (100, 100, 100, 100)


@pytest.mark.parametrize(
    ("commission", "quantity", "due"),
    [
        ({"kind": "none"}, 10, 0.0),
        ({"kind": "percentage", "rate": 0.002}, 10, 2.0),
        ({"kind": "percentage", "rate": 0.002}, -10, 2.0),
        ({"kind": "per_share", "rate": 0.25}, 10, 2.5),
        ({"kind": "per_share", "rate": 0.25}, -10, 2.5),
        ({"kind": "per_share", "rate": 0.25, "minimum": 2.0}, 10, 2.5),
        ({"kind": "per_share", "rate": 0.25, "minimum": 3.0}, 10, 3.0),
        ({"kind": "per_order", "amount": 4.0}, 10, 4.0),
        ({"kind": "per_order", "amount": 4.0}, -1, 4.0),
        ({"kind": "per_share", "rate": 0.25, "maximum": 0.001}, 10, 1.0),
        ({"kind": "per_share", "rate": 0.25, "minimum": 5.0, "maximum": 0.01}, 1, 1.0),
        ({"kind": "combined", "rate": 0.001, "amount": 2.0}, 10, 3.0),
    ],
)
def test_commission_is_charged_beside_the_price(commission, quantity, due):
    result = run(bars(*flat(100, 2)), [market(0, quantity)], costs={"commission": commission})
    assert result.fills["price"].to_list() == [100.0]
    assert result.fills["commission"].to_list() == [due]
    assert result.equity["cash"][-1] == 10_000.0 - quantity * 100.0 - due
    assert result.metrics["commission"] == due


@pytest.mark.parametrize(
    "kind", [{"kind": "per_share", "rate": 0.1, "minimum": 5.0}, {"kind": "per_order", "amount": 5.0}]
)
def test_a_reversal_is_one_order_and_pays_once(kind):
    result = run(bars(*flat(100, 4)), [market(0, 10), market(1, -20), close(2)], costs={"commission": kind})
    assert result.fills["commission"].to_list() == [5.0, 5.0, 5.0]
    # The second order closes 10 and opens 10: half of its 5 goes to either trade.
    assert result.trades["commission"].to_list() == [7.5, 7.5]


def test_percentage_commission_is_of_the_fill_price():
    costs = {"commission": {"kind": "percentage", "rate": 0.01}, "slippage": {"kind": "fixed", "amount": 1.0}}
    result = run(bars(*flat(100, 2)), [market(0, 10)], costs=costs)
    assert result.fills["commission"].to_list() == pytest.approx([10.1])


@pytest.mark.parametrize(
    ("slippage", "bought", "sold"),
    [
        ({"kind": "none"}, 100.0, 100.0),
        ({"kind": "fixed", "amount": 0.25}, 100.25, 99.75),
        ({"kind": "percentage", "rate": 0.01}, 101.0, 99.0),
    ],
)
def test_slippage_is_against_the_trader(slippage, bought, sold):
    result = run(bars(*flat(100, 3)), [market(0, 10), close(1)], costs={"slippage": slippage})
    assert fills(result) == [(1, 10.0, bought), (2, -10.0, sold)]
    assert result.fills["slippage"].to_list() == [(bought - 100) * 10, (100 - sold) * 10]
    assert result.trades["slippage"].to_list() == [(bought - sold) * 10]
    assert result.metrics["slippage"] == (bought - sold) * 10


def test_stops_slip_from_their_level_or_from_a_worse_open():
    costs = {"slippage": {"kind": "fixed", "amount": 0.5}}
    steps = [stop(0, 10, 102), stop(0, -10, 98)]
    result = run(bars(QUIET, (100, 103, 99, 100), (96, 97, 95, 96)), steps, costs=costs)
    assert fills(result) == [(1, 10.0, 102.5), (2, -10.0, 95.5)]


def test_protective_stops_slip_and_targets_do_not():
    costs = {"slippage": {"kind": "fixed", "amount": 0.5}}
    for bar, price in (((100, 101, 94, 95), 94.5), ((100, 106, 99, 105), 105.0), ((107, 108, 106, 107), 107.0)):
        result = run(bars(QUIET, QUIET, bar), [bracket(0, 10, stop_loss=95, take_profit=105)], costs=costs)
        assert fills(result)[1] == (2, -10.0, price)


@pytest.mark.parametrize("bar", [(100, 101, 97, 98), (98, 101, 97, 98)])
def test_limits_do_not_slip(bar):
    costs = {"slippage": {"kind": "percentage", "rate": 0.01}}
    result = run(bars(QUIET, bar), [limit(0, 10, 98)], costs=costs)
    assert fills(result) == [(1, 10.0, 98.0)]
    assert result.fills["slippage"].to_list() == [0.0]


def test_slippage_never_takes_a_price_below_zero():
    result = run(bars(*flat(1, 2)), [market(0, -10)], costs={"slippage": {"kind": "fixed", "amount": 5.0}})
    assert fills(result) == [(1, -10.0, 0.0)]


def test_a_trade_that_began_at_no_price_has_no_excursions():
    slippage = {"kind": "fixed", "amount": 5.0}
    trade = run(bars(*flat(1, 3)), [market(0, -10), close(1)], costs={"slippage": slippage}).trades.row(0, named=True)
    assert (trade["entry_price"], trade["exit_price"], trade["pnl"]) == (0.0, 6.0, -60.0)
    assert (trade["max_favourable"], trade["max_adverse"]) == (None, None)


def test_an_asset_may_have_costs_of_its_own():
    costs = {
        "commission": {"kind": "percentage", "rate": 0.001},
        "slippage": {"kind": "fixed", "amount": 0.5},
        "per_asset": {"B": {"commission": {"kind": "per_order", "amount": 7.0}}, "C": {"slippage": {"kind": "none"}}},
    }
    steps = [market(0, 10, asset=asset) for asset in range(3)]
    result = run(bars(*flat(100, 2), B=flat(100, 2), C=flat(100, 2)), steps, costs=costs)
    assert result.fills["price"].to_list() == [100.5, 100.5, 100.0]
    assert result.fills["commission"].to_list() == pytest.approx([1.005, 7.0, 1.0])


@pytest.mark.parametrize(
    ("slippage", "volume", "price"),
    [
        ({"kind": "volume_share", "rate": 1.0, "limit": 0.5}, 100.0, 101.0),  # a tenth of the volume: 0.1^2 of 100
        ({"kind": "volume_share", "rate": 1.0, "limit": 0.05}, 100.0, 100.25),
        ({"kind": "volume_share", "rate": 1.0, "limit": 0.05}, 0.0, 100.25),  # no volume: traded whole
        ({"kind": "square_root", "rate": 0.1}, 40.0, 105.0),  # half of a tenth of 100
        ({"kind": "square_root", "rate": 0.1}, 0.0, 110.0),
    ],
)
def test_impact_depends_on_the_share_of_the_bars_volume(slippage, volume, price):
    market_data = bars(*flat(100, 2)).with_columns(volume=pl.lit(volume))
    result = run(market_data, [market(0, 10)], costs={"slippage": slippage})
    assert result.fills["price"].to_list() == pytest.approx([price], abs=1e-12)


def test_stops_slip_by_a_further_fraction():
    costs = {"slippage": {"kind": "percentage", "rate": 0.01}, "stop_slippage": 0.02}
    result = run(bars(QUIET, (100, 100, 90, 95)), [market(0, 10), stop(0, -10, 95)], costs=costs)
    assert result.fills["price"].to_list() == pytest.approx([101.0, 95 * 0.97])

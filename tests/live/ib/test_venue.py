import inspect
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

pytest.importorskip("ib_async", reason="the extra backsweep[ib] is not installed")

from fakes.gateway import FakeIB
from ib_async import BarData, ContractDetails, OrderStatus, Stock
from polars.testing import assert_frame_equal

import backsweep as bs
from backsweep import broker as engine_broker
from backsweep import live
from backsweep.dataset import shard_from_frames
from backsweep.engine.codes import (
    CANCELLED,
    FILLED,
    HELD,
    POSITION_CLOSED,
    REJECTED,
    WORKING,
)
from backsweep.errors import BadInput
from backsweep.live.ib import Bars, InteractiveBrokers
from backsweep.live.ib.orders import Request, make_order
from backsweep.live.protocol import StrategyBroker
from backsweep.strategies.moving_average_cross import MovingAverageCross

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from bracket import Bracket

NAN = float("nan")
DAY_ONE = datetime(2020, 1, 1, tzinfo=UTC)


def make_contracts():
    return {name: Stock(name, "SMART", "USD") for name in ("B", "A")}


def make_bars(days=200):
    rng = np.random.default_rng(11)
    frames = []
    for name in ("A", "B"):
        close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.02, days))), 2)
        opens = np.round(np.append(50.0, close[:-1]) * np.exp(rng.normal(0, 0.004, days)), 2)
        frames.append(
            pl.DataFrame(
                {
                    "timestamp": [DAY_ONE + timedelta(days=day) for day in range(days)],
                    "asset": [name] * days,
                    "open": opens,
                    "high": np.maximum(opens, close) + 0.3,
                    "low": np.minimum(opens, close) - 0.3,
                    "close": close,
                    "volume": np.full(days, 1e6),
                    "pred": rng.normal(0, 1, days),
                }
            )
        )
    return pl.concat(frames)


def trade_live(bars, strategy):
    gateway = FakeIB(make_contracts())
    venue = InteractiveBrokers(gateway, gateway.contracts)
    session = live.Session(strategy, venue)
    for timestep in live.timesteps(shard_from_frames(bars)):
        gateway.play(timestep)
        session.on_bars(timestep)
    return venue, gateway


@pytest.mark.parametrize(
    "strategy",
    [MovingAverageCross(fast=5, slow=20, weight=0.3), Bracket(entry=1.0, distance=0.02)],
    ids=lambda strategy: type(strategy).__name__,
)
def test_a_strategy_at_the_broker_fills_as_in_the_backtest(strategy):
    bars = make_bars()
    account = {"cash": 1e6, "kind": "margin", "leverage": 2.0, "lot": 1}
    backtest = bs.backtest(bars, strategy, account=account, compiled=False)
    assert backtest.fills.height > 20
    venue, gateway = trade_live(bars, strategy)
    order = ["timestamp", "asset", "price", "quantity"]
    mine, theirs = (frame.select(order).sort(order) for frame in (venue.fills, backtest.fills))
    assert_frame_equal(mine, theirs.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC")), check_exact=True)
    assert gateway.cash == pytest.approx(backtest.equity["cash"][-1], abs=1e-6)


def test_every_broker_has_the_words_of_the_engines_broker():
    for name, words in inspect.getmembers(StrategyBroker, inspect.isfunction):
        if name.startswith("_"):
            continue
        expected = list(inspect.signature(getattr(engine_broker.Broker, name)).parameters.values())
        for cls in (StrategyBroker, InteractiveBrokers):
            found = list(inspect.signature(getattr(cls, name)).parameters.values())
            assert [p.name for p in found] == [p.name for p in expected], (cls, name)
            assert repr([p.default for p in found]) == repr([p.default for p in expected]), (cls, name)
        assert words is not None
    said = {name for name in vars(engine_broker.Broker) if not name.startswith("_") and name != "view_type"}
    assert said <= set(dir(StrategyBroker))


def request(**given):
    blank = dict.fromkeys(("limit_price", "stop_price", "trail_amount", "trail_percent"), NAN)
    rest = {"id": 7, "asset": 0, "quantity": -3.0, "order_type": bs.MARKET, "tif": bs.GTC, "good_till": 0}
    return Request(**{**blank, **rest, "parent": 0, "oca_group": 0, **given})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"orderType": "MKT", "action": "SELL", "totalQuantity": 3.0, "tif": "GTC", "orderRef": "me"}),
        ({"quantity": 2.0, "order_type": bs.LIMIT, "limit_price": 9.5}, {"action": "BUY", "lmtPrice": 9.5}),
        ({"order_type": bs.STOP, "stop_price": 8.0}, {"orderType": "STP", "auxPrice": 8.0}),
        (
            {"order_type": bs.STOP_LIMIT, "stop_price": 8.0, "limit_price": 7.5},
            {"orderType": "STP LMT", "auxPrice": 8.0, "lmtPrice": 7.5},
        ),
        ({"order_type": bs.TRAILING_STOP, "trail_amount": 1.5}, {"orderType": "TRAIL", "auxPrice": 1.5}),
        ({"order_type": bs.TRAILING_STOP, "trail_percent": 0.05}, {"trailingPercent": 5.0}),
        ({"order_type": bs.MARKET_ON_CLOSE}, {"orderType": "MOC", "tif": "DAY"}),
        ({"tif": bs.IOC}, {"tif": "IOC"}),
        ({"tif": bs.GTD, "good_till": 1_577_880_000_000_000_000}, {"tif": "GTD", "goodTillDate": "20200101-12:00:00"}),
        ({"oca_group": 4}, {"ocaGroup": "me-4", "ocaType": 1}),
    ],
)
def test_a_request_becomes_the_brokers_order(given, expected):
    order = make_order(request(**given), parent=0, transmit=True, reference="me", account="DU1")
    assert {name: getattr(order, name) for name in expected} == expected


class Desk:
    """A venue at a fake gateway, whose `on_data` is what the test hands in."""

    def __init__(self):
        self.gateway = FakeIB(make_contracts())
        self.venue = InteractiveBrokers(self.gateway, self.gateway.contracts)
        self.timesteps = live.timesteps(shard_from_frames(make_bars(20)))

    def day(self, decide=lambda _: None):
        timestep = next(self.timesteps)
        self.gateway.play(timestep)
        answer = []
        self.venue.step(timestep, lambda broker: answer.append(decide(broker)))
        return answer[0]


def test_a_bracket_is_transmitted_by_its_last_order_alone():
    desk = Desk()
    parent = desk.day(lambda broker: broker.submit_bracket(0, 10, stop_loss=1.0, take_profit=1000.0))
    orders = [desk.gateway.book[number].order for number in desk.gateway.placed]
    assert [(order.orderType, order.transmit) for order in orders] == [("MKT", False), ("STP", False), ("LMT", True)]
    assert [order.parentId for order in orders] == [0, parent, parent]
    stop, target = (desk.venue.find_child(parent, kind) for kind in (bs.STOP, bs.LIMIT))
    assert [desk.venue.get_order(number).status for number in (parent, stop, target)] == [WORKING, HELD, HELD]
    desk.day()
    assert [desk.venue.get_order(number).status for number in (parent, stop, target)] == [FILLED, WORKING, WORKING]
    assert desk.venue.get_order(parent).filled_quantity == 10.0
    assert desk.venue.get_position(0).quantity == 10.0
    assert desk.venue.count_positions() == 1


def test_an_order_is_changed_and_cancelled_at_the_broker():
    desk = Desk()
    order = desk.day(lambda broker: broker.submit_order(0, 10, bs.LIMIT, limit_price=2.0))
    assert desk.day(lambda broker: broker.update_order(order, quantity=6, limit_price=3.0))
    placed = desk.gateway.book[order].order
    assert (placed.totalQuantity, placed.lmtPrice) == (6.0, 3.0)
    assert not desk.day(lambda broker: broker.update_order(order, quantity=-6))
    assert desk.day(lambda broker: broker.cancel_order(order))
    assert desk.gateway.book[order].orderStatus.status == OrderStatus.Cancelled
    assert desk.venue.get_order(order).status == CANCELLED
    assert not desk.day(lambda broker: broker.cancel_order(order))


def test_what_is_cancelled_in_the_same_call_is_never_sent():
    desk = Desk()
    assert desk.day(lambda broker: broker.cancel_order(broker.submit_bracket(0, 10, stop_loss=1.0)))
    assert desk.gateway.placed == []


def test_a_position_is_flattened_by_one_order_at_the_close_which_follows_it():
    desk = Desk()
    desk.day(lambda broker: broker.submit_order(0, 10))
    desk.day()
    asked = []
    desk.day(lambda broker: asked.extend([broker.flatten(1), broker.flatten(0), broker.flatten(0)]))
    assert asked[0] == 0
    assert asked[1] == asked[2]
    order = desk.gateway.book[asked[1]].order
    assert (order.orderType, order.action, order.totalQuantity) == ("MOC", "SELL", 10.0)


def test_sizes_are_of_the_accounts_equity_in_lots():
    desk = Desk()
    desk.gateway.cash, close = 10_000.0, make_bars(1).filter(asset="A")["close"][0]
    sizes = desk.day(lambda broker: (broker.size_by_risk(0, 3.0, 0.01), broker.size_by_volatility(0, 0.3, 0.02)))
    assert sizes == (33.0, 200.0 / 0.3 // close)  # 100 / 3 units, and a value of 667


def test_the_exits_of_a_bracket_follow_their_position():
    desk = Desk()
    parent = desk.day(lambda broker: broker.submit_bracket(0, 10, stop_loss=1.0, take_profit=1000.0))
    desk.day(lambda broker: broker.order_target_quantity(0, 4))
    stop = desk.venue.find_child(parent, bs.STOP)
    desk.day(lambda broker: broker.close_position(0))
    assert desk.gateway.book[stop].order.totalQuantity == 4.0
    desk.day()
    assert desk.venue.get_order(stop).status == CANCELLED
    assert desk.venue.get_order(stop).reject_reason == POSITION_CLOSED
    assert desk.venue.count_open_orders(0) == 0


@pytest.mark.parametrize("sent", [False, True])
def test_children_follow_their_parents_size_at_the_broker(sent):
    desk = Desk()
    made = {}

    def enter(broker):
        entry = {"order_type": bs.LIMIT, "limit_price": 2.0}
        made["parent"] = broker.submit_bracket(0, 10, stop_loss=1.0, take_profit=1000.0, **entry)
        made["stop"], made["target"] = (broker.find_child(made["parent"], kind) for kind in (bs.STOP, bs.LIMIT))
        made["half"] = broker.submit_order(0, -5, bs.STOP, stop_price=1.0, parent=made["parent"])
        made["again"] = broker.submit_order(0, 5, bs.LIMIT, limit_price=0.5, parent=made["half"])

    def change(broker):
        assert broker.update_order(made["target"], quantity=-20)
        assert broker.update_order(made["parent"], quantity=7)

    if sent:
        desk.day(enter)
        desk.day(change)
    else:
        desk.day(lambda broker: (enter(broker), change(broker)))
    placed = {name: desk.gateway.book[number].order.totalQuantity for name, number in made.items()}
    assert placed == {"parent": 7.0, "stop": 7.0, "target": 20.0, "half": 4.0, "again": 4.0}


def test_an_order_cannot_be_changed_to_what_the_broker_has_filled_or_less():
    desk = Desk()
    order = desk.day(lambda broker: broker.submit_order(0, 10, bs.LIMIT, limit_price=2.0))
    desk.gateway.book[order].orderStatus.filled = 4.0
    assert not desk.day(lambda broker: broker.update_order(order, quantity=4))
    assert desk.gateway.book[order].order.totalQuantity == 10.0
    assert desk.day(lambda broker: broker.update_order(order, quantity=5))


@pytest.mark.parametrize(
    "given",
    [
        {"asset": 9, "quantity": 1},
        {"asset": 0, "quantity": 0.4},
        {"asset": 0, "quantity": NAN},
        {"asset": 0, "quantity": 1, "order_type": 77},
        {"asset": 0, "quantity": 1, "order_type": bs.LIMIT},
        {"asset": 0, "quantity": 1, "order_type": bs.TRAILING_STOP, "trail_amount": -1.0},
    ],
)
def test_a_request_that_makes_no_sense_is_rejected_here(given):
    desk = Desk()
    order = desk.day(lambda broker: broker.submit_order(**given))
    assert desk.venue.get_order(order).status == REJECTED
    assert desk.venue.get_order(order).reject_reason != 0
    assert desk.gateway.placed == []


def test_a_child_of_a_filled_parent_works_at_once_and_one_of_a_cancelled_parent_never():
    desk = Desk()
    filled = desk.day(lambda broker: broker.submit_order(0, 10))
    late = desk.day(lambda broker: broker.submit_order(0, -10, bs.STOP, stop_price=1.0, parent=filled))
    assert desk.venue.get_order(late).status == WORKING
    assert desk.gateway.book[late].order.parentId == 0
    resting = desk.day(lambda broker: broker.submit_order(0, 10, bs.LIMIT, limit_price=1.0))
    desk.day(lambda broker: broker.cancel_order(resting))
    orphan = desk.day(lambda broker: broker.submit_order(0, -10, bs.STOP, stop_price=1.0, parent=resting))
    assert desk.venue.get_order(orphan).status == CANCELLED
    assert orphan not in desk.gateway.book


def test_a_broker_without_account_values_is_an_error_with_a_remedy():
    desk = Desk()
    desk.gateway.accountValues = lambda _account: []
    with pytest.raises(BadInput, match="NetLiquidation"):
        desk.venue.get_equity()


class Calendar:
    """Stands for `ib_async.IB` as a source of hourly bars; the clock goes on with every wait."""

    def __init__(self, hours=(9, 10, 11), days=2):
        self.now = datetime(2024, 3, 4, 8, tzinfo=UTC)
        self.times = [datetime(2024, 3, 4 + day, hour, tzinfo=UTC) for day in range(days) for hour in hours]
        self.lists = {}
        self.missing = ("B", self.times[1])

    def isConnected(self):  # noqa: N802 - their name, as the others
        return self.now < self.times[-1] + timedelta(hours=3)

    def reqContractDetails(self, _contract):  # noqa: N802
        days = sorted({time.date() for time in self.times})
        hours = ";".join(f"{day:%Y%m%d}:0900-{day:%Y%m%d}:1200" for day in days)
        return [ContractDetails(liquidHours=hours, timeZoneId="UTC")]

    def reqHistoricalData(self, contract, _end, _duration, **_options):  # noqa: N802
        self.lists.setdefault(contract.symbol, [])
        self.deliver()
        return self.lists[contract.symbol]

    def waitOnUpdate(self, timeout):  # noqa: N802
        assert timeout > 0
        self.now += timedelta(minutes=20)
        self.deliver()

    def deliver(self):
        for name, bars in self.lists.items():
            known = {bar.date for bar in bars}
            for time in self.times:
                if time <= self.now and time not in known and (name, time) != self.missing:
                    bars.append(BarData(time, 10.0, 11.0, 9.0, 10.5, 100.0))


def test_bars_come_as_moments_when_they_are_complete():
    ib = Calendar()
    feed = Bars(ib, make_contracts(), bar_size="1 hour", patience=0.0, clock=lambda: ib.now)
    seen = [(timestep, ib.now) for timestep in feed.timesteps()]
    assert [timestep.timestamp for timestep, _ in seen] == [round(time.timestamp()) * 10**9 for time in ib.times]
    assert all(now >= time + timedelta(hours=1) for (_, now), time in zip(seen, ib.times, strict=True))
    assert [timestep.session for timestep, _ in seen] == [0, 0, 0, 1, 1, 1]
    assert [timestep.last_of_session for timestep, _ in seen] == [False, False, True] * 2
    assert [timestep.shard.rows["asset"].to_list() for timestep, _ in seen] == [[0, 1], [0]] + [[0, 1]] * 4


class Nights(Calendar):
    """Trades from 23:00 to 11:00 of the next day."""

    def __init__(self):
        super().__init__(hours=(23,))
        self.times = sorted([*self.times, *(night + timedelta(hours=11) for night in self.times)])

    def reqContractDetails(self, _contract):  # noqa: N802
        """Return the hours of two sessions."""
        hours = "20240304:2300-20240305:1100;20240305:2300-20240306:1100"
        return [ContractDetails(liquidHours=hours, timeZoneId="UTC")]


def test_a_night_belongs_to_the_session_of_the_next_day():
    ib = Nights()
    options = {"bar_size": "1 hour", "patience": 0.0, "clock": lambda: ib.now}
    seen = list(Bars(ib, make_contracts(), session_start="23:00", **options).timesteps())
    assert [timestep.session for timestep in seen] == [0, 0, 1, 1]
    assert [timestep.last_of_session for timestep in seen] == [False, True] * 2
    with pytest.raises(BadInput, match="time of day"):
        Bars(ib, make_contracts(), session_start="11pm", **options)


def test_history_holds_complete_bars_and_moments_go_on_after_it():
    ib = Calendar()
    ib.now = ib.times[2] + timedelta(minutes=30)
    feed = Bars(ib, make_contracts(), bar_size="1 hour", patience=0.0, clock=lambda: ib.now)
    history = feed.history("1 D")
    assert history.rows["timestamp"][-1] == round(ib.times[1].timestamp()) * 10**9
    first = next(feed.timesteps())
    assert first.timestamp == round(ib.times[2].timestamp()) * 10**9


class NewYork(Calendar):
    """Trades from 9:00 to 12:00 in New York, which is 14:00 to 17:00 UTC in winter."""

    def __init__(self):
        super().__init__(hours=(14, 15, 16))

    def reqContractDetails(self, contract):  # noqa: N802
        """Return the same hours on another clock."""
        (details,) = super().reqContractDetails(contract)
        return [ContractDetails(liquidHours=details.liquidHours, timeZoneId="America/New_York")]


def test_bars_and_history_are_on_the_clock_of_the_exchange():
    ib = NewYork()
    feed = Bars(ib, make_contracts(), bar_size="1 hour", patience=0.0, clock=lambda: ib.now)
    packed = [timestep.pack() for timestep in feed.timesteps()]
    assert [market.groups["minute"][0] for market in packed] == [9 * 60, 10 * 60, 11 * 60] * 2
    assert [market.bars["to_close"][0] for market in packed] == [120, 60, 0] * 2
    later = NewYork()
    later.now = later.times[-1] + timedelta(hours=2)
    history = Bars(later, make_contracts(), bar_size="1 hour", clock=lambda: later.now).history("2 D")
    assert history.session_table.clock.zone == "America/New_York"


def test_an_unknown_bar_size_is_bad_input():
    with pytest.raises(BadInput, match="bar size '3 moons'"):
        Bars(SimpleNamespace(), make_contracts(), bar_size="3 moons")

"""Scenarios for the engine: a strategy that replays a script, so that one compiled loop serves every test.

A script is a list of steps; a step says at which timestamp (counted from 0) the strategy asks the broker for what:

    entry = bracket(0, +10, stop_loss=95.0)
    result = run(bars((100, 101, 99, 100), (100, 102, 94, 96)), [entry, close(1)])

`run` plays a script compiled and interpreted, and insists that both leave the same bits.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numba import config

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.engine.codes import GTC, LIMIT, MARKET, STOP, STOP_LIMIT, TRAILING_STOP
from backsweep.engine.compile.kernel import load
from backsweep.strategy import Strategy, param, state
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.evaluator import Evaluator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backsweep.trial.result import Result

NAN = np.nan
FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - times as written
VERBS = (
    "submit",
    "bracket",
    "update",
    "cancel",
    "close",
    "target_quantity",
    "target_value",
    "target_percent",
    "flatten",
    "observe",
)
SUBMIT, BRACKET, UPDATE, CANCEL, CLOSE, TARGET_QUANTITY, TARGET_VALUE, TARGET_PERCENT, FLATTEN, OBSERVE = range(
    len(VERBS)
)
FIELDS = (
    "at",
    "verb",
    "asset",
    "type",
    "quantity",
    "limit",
    "stop",
    "stop_loss",
    "take_profit",
    "order",
    "amount",
    "percent",
    "tif",
    "hours",
    "oca",
)
WIDTH = len(FIELDS)
SEEN = (
    "cash",
    "equity",
    "buying_power",
    "open_orders",
    "quantity",
    "entry_price",
    "bars_held",
    "unrealized_pnl",
    "market_value",
    "status",
    "filled_quantity",
    "order_quantity",
    "reject_reason",
    "limit_price",
    "stop_price",
    "accepted",
    "child_stop",
    "child_limit",
    "last_of_session",
    "session",
    "count",
    "assets",
    "asset_last_of_session",
    "size_by_risk",
    "size_by_volatility",
    "positions",
)
NANOSECONDS_PER_HOUR = 3_600_000_000_000
NOTE_ASSET = -1  # an order for no asset is always rejected: its quantity notes what the strategy saw


class Script(Strategy):
    """Asks for the steps of an array, float64[count, WIDTH] in order of time, whose address it gets as a parameter."""

    steps: int = param(0, 2**53, default=0)
    count: int = param(0, 2**31, default=0)
    step: int = state(0)
    group: int = state(0)
    accepted: float = state(NAN)  # what the last update or cancellation answered

    def read(self, place):
        """Return one field of the current step."""
        return load(self.steps, WIDTH * self.step + place)

    def see(self, what, asset, order, data, broker):  # noqa: C901 - one case for each thing to see
        """Return one value that a strategy can read, as a number."""
        position = broker.get_position(asset)
        kept = broker.get_order(order)
        if what == 0:
            return broker.get_cash()
        if what == 1:
            return broker.get_equity()
        if what == 2:
            return broker.get_buying_power()
        if what == 3:
            return 1.0 * broker.count_open_orders(asset)
        if what == 4:
            return position.quantity
        if what == 5:
            return position.entry_price
        if what == 6:
            return 1.0 * position.bars_held
        if what == 7:
            return position.unrealized_pnl
        if what == 8:
            return position.market_value
        if what == 9:
            return 1.0 * kept.status
        if what == 10:
            return kept.filled_quantity
        if what == 11:
            return kept.quantity
        if what == 12:
            return 1.0 * kept.reject_reason
        if what == 13:
            return kept.limit_price
        if what == 14:
            return kept.stop_price
        if what == 15:
            return self.accepted
        if what == 16:
            return 1.0 * broker.find_child(order, STOP)
        if what == 17:
            return 1.0 * broker.find_child(order, LIMIT)
        if what == 18:
            return 1.0 if data.last_of_session else 0.0
        if what == 19:
            return 1.0 * data.session
        if what == 20:
            return 1.0 * data.count
        if what == 21:
            return 1.0 * broker.count_assets()
        if what == 23:
            return broker.size_by_risk(asset, self.read(5), self.read(6))
        if what == 24:
            return broker.size_by_volatility(asset, self.read(5), self.read(6))
        if what == 25:
            return 1.0 * broker.count_positions()
        for index in range(data.count):
            if data[index].asset == asset:
                return 1.0 if data[index].last_of_session else 0.0
        return -1.0

    def play(self, timestamp, data, broker):
        """Ask for the present step."""
        verb = int(self.read(1))
        asset = int(self.read(2))
        kind = int(self.read(3))
        quantity, limit, stop = self.read(4), self.read(5), self.read(6)
        stop_loss, take_profit, order = self.read(7), self.read(8), int(self.read(9))
        if verb == SUBMIT:
            till = timestamp + int(self.read(13)) * NANOSECONDS_PER_HOUR
            amount, percent, tif, oca = self.read(10), self.read(11), int(self.read(12)), int(self.read(14))
            broker.submit_order(asset, quantity, kind, limit, stop, amount, percent, tif, till, order, oca)
        elif verb == BRACKET:
            broker.submit_bracket(asset, quantity, stop_loss, take_profit, kind, limit, stop)
        elif verb == UPDATE:
            self.accepted = (
                1.0 if broker.update_order(order, quantity, limit, stop, self.read(10), self.read(11)) else 0.0
            )
        elif verb == CANCEL:
            self.accepted = 1.0 if broker.cancel_order(order) else 0.0
        elif verb == CLOSE:
            broker.close_position(asset)
        elif verb == TARGET_QUANTITY:
            broker.order_target_quantity(asset, quantity)
        elif verb == TARGET_VALUE:
            broker.order_target_value(asset, quantity)
        elif verb == TARGET_PERCENT:
            broker.order_target_percent(asset, quantity)
        elif verb == FLATTEN:
            broker.flatten(asset)
        else:
            broker.submit_order(NOTE_ASSET, self.see(kind, asset, order, data, broker))

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - a script looks at no context
        """Ask for every step of this timestamp."""
        while self.step < self.count and self.read(0) == self.group:
            self.play(timestamp, data, broker)
            self.step += 1
        self.group += 1


@dataclass(eq=False)
class Step:
    """One request; `order` is the step, the child or the id that it speaks of (for a submission: its parent)."""

    at: int
    verb: int
    asset: int = 0
    type: int = MARKET
    quantity: float = NAN
    limit: float = NAN
    stop: float = NAN
    stop_loss: float = NAN
    take_profit: float = NAN
    order: Any = 0
    amount: float = NAN
    percent: float = NAN
    tif: int = GTC
    hours: int = 0  # how long a GTD order is good
    oca: int = 0
    id: int = field(default=0, init=False)  # of its order, once it has been numbered

    @property
    def children(self) -> tuple[int, int]:
        """How many orders come with this one: a stop, a target."""
        given = self.verb == BRACKET
        return int(given and not np.isnan(self.stop_loss)), int(given and not np.isnan(self.take_profit))

    def child(self, order_type: int) -> Child:
        """Speak of the bracket's stop (STOP) or target (LIMIT)."""
        return Child(self, order_type)

    def row(self) -> list[float]:
        """Return the step as numbers."""
        order = getattr(self.order, "id", self.order)
        return [float(order if name == "order" else getattr(self, name)) for name in FIELDS]


@dataclass(eq=False)
class Child:
    """A bracket's child."""

    parent: Step
    type: int

    @property
    def id(self) -> int:
        """Ids are counted in order of submission: parent, stop, target."""
        return self.parent.id + 1 + (self.parent.children[0] if self.type == LIMIT else 0)


def submit(at: int, quantity: float, **fields: Any) -> Step:
    """Ask for an order."""
    return Step(at, SUBMIT, quantity=quantity, **fields)


market = partial(submit, type=MARKET)


def limit(at: int, quantity: float, price: float, **fields: Any) -> Step:
    """Ask for a limit order."""
    return submit(at, quantity, type=LIMIT, limit=price, **fields)


def stop(at: int, quantity: float, price: float, **fields: Any) -> Step:
    """Ask for a stop order."""
    return submit(at, quantity, type=STOP, stop=price, **fields)


def stop_limit(at: int, quantity: float, price: float, limit_price: float, **fields: Any) -> Step:
    """Ask for a stop-limit order."""
    return submit(at, quantity, type=STOP_LIMIT, stop=price, limit=limit_price, **fields)


def trailing(at: int, quantity: float, **fields: Any) -> Step:
    """Ask for a trailing stop; `amount` or `percent` says how far behind."""
    return submit(at, quantity, type=TRAILING_STOP, **fields)


def bracket(at: int, quantity: float, **fields: Any) -> Step:
    """Ask for an entry with children; a limit or a stop price gives the entry's type."""
    kind = LIMIT if "limit" in fields else STOP if "stop" in fields else MARKET
    return Step(at, BRACKET, quantity=quantity, **{"type": kind, **fields})


def update(at: int, order: Any, **fields: Any) -> Step:
    """Change an order."""
    return Step(at, UPDATE, order=order, **fields)


def cancel(at: int, order: Any) -> Step:
    """Cancel an order."""
    return Step(at, CANCEL, order=order)


def close(at: int, asset: int = 0) -> Step:
    """Close a position."""
    return Step(at, CLOSE, asset)


def flatten(at: int, asset: int = 0) -> Step:
    """Close a position at its asset's last close of the session."""
    return Step(at, FLATTEN, asset)


def target_quantity(at: int, quantity: float, asset: int = 0) -> Step:
    """Bring a position to so many units."""
    return Step(at, TARGET_QUANTITY, asset, quantity=quantity)


def target_value(at: int, value: float, asset: int = 0) -> Step:
    """Bring a position to so much value."""
    return Step(at, TARGET_VALUE, asset, quantity=value)


def target_percent(at: int, fraction: float, asset: int = 0) -> Step:
    """Bring a position to a fraction of equity."""
    return Step(at, TARGET_PERCENT, asset, quantity=fraction)


def observe(at: int, what: str, asset: int = 0, order: Any = 0, **numbers: float) -> Step:
    """Note what the strategy sees; `seen` reads the notes. A size has numbers: `limit`, then `stop`."""
    return Step(at, OBSERVE, asset, type=SEEN.index(what), order=order, **numbers)


def seen(result: Result) -> list[float]:
    """Return what a script observed, in order."""
    return result.orders.filter(pl.col("reject_reason") == "no such asset")["quantity"].to_list()


def compose(steps: Iterable[Step]) -> np.ndarray:
    """Sort steps by time, number their orders, and lay them out for `Script`."""
    ordered = sorted(steps, key=lambda step: step.at)
    numbers = itertools.count(1)
    for step in ordered:
        if step.verb not in {UPDATE, CANCEL}:
            step.id = next(numbers)
            for _ in range(sum(step.children)):
                next(numbers)
    return np.array([step.row() for step in ordered]).reshape(-1, WIDTH)


Prices = tuple[float, float, float, float]


def bars(
    *prices: Prices | None, step: timedelta = timedelta(days=1), **others: Sequence[Prices | None]
) -> pl.DataFrame:
    """Make bars (open, high, low, close) of asset A, one a day; keywords are further assets, None is no bar."""
    rows = [
        (FIRST_DAY + index * step, asset, *map(float, bar))
        for asset, series in {"A": prices, **others}.items()
        for index, bar in enumerate(series)
        if bar is not None
    ]
    names = ("timestamp", "asset", "open", "high", "low", "close")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.lit(1e6).alias("volume"))


def flat(price: float, count: int) -> list[Prices]:
    """Make `count` bars at one price."""
    return [(price, price, price, price)] * count


ACCOUNT = {"cash": 10_000.0, "kind": "margin", "leverage": 10.0}


def evaluator(market: pl.DataFrame, cls: type[Strategy] = Script, **spec: Any) -> Evaluator:
    """Build an evaluator over frames.

    `spec` overrides account, execution, costs, fixed, params, signals, context, actions, detail, shards,
    prices.
    """
    frames = (spec.pop(name, None) for name in ("signals", "context", "actions"))
    data = DataSpec(bars="frame", prices=spec.pop("prices", "positive"))
    shard = shard_from_frames(market, *frames, spec=data, detail=spec.pop("detail", None))
    spec = {"account": ACCOUNT, "params": ("steps", "count") if cls is Script else (), **spec}
    shards = spec.pop("shards", None)
    return make_evaluator(
        TrialSpec(data=DataSpec(bars="memory"), strategy="in:Memory", **spec), shard, cls, shards=shards
    )


def run(market: pl.DataFrame, steps: Iterable[Step] = (), **spec: Any) -> Result:
    """Play a script, compiled and interpreted, and give the result of both."""
    table = compose(steps)
    engine = evaluator(market, **spec)
    values = np.array([float(table.ctypes.data), float(len(table))])
    interpreted = engine.replay(values, compiled=False)
    if config.DISABLE_JIT:
        return interpreted
    compiled = engine.replay(values)
    assert_same_bits(compiled, interpreted)
    return compiled


FRAMES = ("fills", "trades", "equity", "orders", "cash_flows")


def assert_same_bits(one: Result, other: Result) -> None:
    """Insist that two results are the same, bit for bit."""
    for name in FRAMES:
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.schema == theirs.schema
        for column in mine.columns:
            assert _bits(mine[column]) == _bits(theirs[column]), f"{name}.{column}"
    assert one.returns.tobytes() == other.returns.tobytes()
    assert one.metrics == other.metrics
    assert one.reasons == other.reasons


def _bits(series: pl.Series) -> Any:
    return series.to_numpy().tobytes() if series.dtype.is_float() else series.to_list()


def fills(result: Result) -> list[tuple[int, float, float]]:
    """Return the fills of asset A as (day, quantity, price)."""
    days = (result.fills["timestamp"] - FIRST_DAY).dt.total_days()
    return list(zip(days, result.fills["quantity"], result.fills["price"], strict=True))


def states(result: Result) -> list[tuple[str, str]]:
    """Return status and reason of every order, in order of submission; notes left out."""
    orders = result.orders.filter(pl.col("reject_reason") != "no such asset")
    return list(zip(orders["status"], orders["reject_reason"], strict=True))

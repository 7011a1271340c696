"""Random strategies over the matrix of rules, run twice: as they are, and with a visit to every group.

`Restless` asks for something at random whenever it is called, so that what it leaves shows at which bars it was called.
"""

from datetime import timedelta

import numpy as np
import polars as pl

from backsweep.engine.codes import DAY, GTC, LIMIT, MARKET, MARKET_ON_CLOSE, STOP, STOP_LIMIT
from backsweep.engine.codes import TRAILING_STOP as TRAIL
from backsweep.engine.profiles import OWN_PROFILES, PROFILES
from backsweep.strategy import Strategy, above, below, held_for, never, param, state
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.trial.layout import lay_out_one
from backsweep.trial.runner import Runner
from backsweep.trial.session_range import SessionRange
from scenarios.scripted import bars, evaluator

COUNT = 260
HOUR = 3_600_000_000_000
NAN = np.nan
TICK = 0.25  # prices are multiples of it, so that bars end exactly at the levels of orders
WAKE = (
    above("pred", 2.0),
    below("pred", -1.8) | above("pred", 1.8),
    above("pred", 1.0) & below("other", -0.5),
    (below("pred", -1.0) & above("other", 0.5) & above("pred", -1.5)) | above("other", 2.2),
    above("pred", "level"),
    None,
)
HELD = (
    never(),
    held_for(7),
    held_for("hold") | below("pred", -2.0),
    (held_for(3.5) & above("pred", 1.2)) | (above("other", 0.5) & held_for(4) & below("pred", 0.5)),
    above("pred", 1.7) | below("other", -1.7),
    None,
)


class Sleepless(Strategy):
    """Asks for something at random, at one bar of five: it is called at every one."""

    CHOICES = 80  # beyond the first 16 it does nothing

    seed: int = param(1, 2**30, default=1)
    flat: int = param(0, 5, default=0)
    held: int = param(0, 5, default=0)
    hold: int = param(1, 60, default=12)
    level: float = param(0.0, 3.0, default=1.5)
    draws: int = state(0)
    calls: int = state(0)
    last: int = state(0)

    def draw(self, count):
        """Draw a whole number below `count`."""
        self.draws = (self.draws * 16807 + self.seed) % 2147483647
        return self.draws // 64 % count

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002, C901 - the protocol; a branch for each order
        self.calls += 1
        bar = data[self.draw(data.count)]
        asset, close = bar.asset, bar.close
        what = self.draw(self.CHOICES)
        side = 1.0 if self.draw(2) == 0 else -1.0
        away = TICK * (1 + self.draw(10))
        units = 3.0 * (1 + self.draw(4))
        tif = self.draw(5)
        till = timestamp + HOUR * (1 + self.draw(30))
        if broker.count_open_orders(asset) > 8:
            broker.cancel_order(self.last)
        elif what == 0:
            self.last = broker.submit_order(asset, side * units)
        elif what in {1, 2}:
            price = close - side * away
            self.last = broker.submit_order(asset, side * units, LIMIT, price, NAN, NAN, NAN, tif, till)
        elif what == 3:
            price = close + side * away
            self.last = broker.submit_order(
                asset, side * units, STOP, NAN, price, NAN, NAN, tif, till, 0, 1 + self.draw(2)
            )
        elif what == 4:
            level = close + side * away
            price = level + side * TICK
            self.last = broker.submit_order(asset, side * units, STOP_LIMIT, price, level, NAN, NAN, DAY, till)
        elif what == 5:
            self.last = broker.submit_order(asset, side * units, TRAIL, NAN, NAN, away, NAN, GTC, till)
        elif what == 6:
            self.last = broker.submit_order(asset, side * units, MARKET_ON_CLOSE)
        elif what < 12:
            stop, target = close - side * away, close + side * 2.0 * away
            broker.submit_bracket(asset, side * units, stop, target, MARKET, NAN, NAN)
        elif what < 14:
            broker.close_position(asset)
        elif what < 16:
            broker.cancel_order(self.last)


class Restless(Sleepless):
    """The same, which says where it is called, and then asks for something."""

    CHOICES = 16

    def wake(self):
        return WAKE[self.flat]

    def wake_held(self):
        return HELD[self.held]


def panel(seed, count=COUNT):
    """Make bars of three assets, with gaps, of which one begins late and one ends early."""
    generator = np.random.default_rng(seed)
    step = timedelta(minutes=(30, 60, 240, 1440)[seed % 4])
    frames = []
    for place, (first, last) in enumerate([(0, count), (0, int(0.7 * count)), (int(0.2 * count), count)]):
        frame = market(seed + 1000 * place, count, step).with_columns(asset=pl.lit("ABC"[place]))
        there = generator.random(count) > (seed % 3) * 0.1  # of every third seed, all bars are there
        there[[first, last - 1]] = True
        frames.append(frame.filter(pl.Series(there) & pl.int_range(pl.len()).is_between(first, last - 1)))
    return pl.concat(frames).sort("timestamp", "asset")


def market(seed, count=COUNT, step=None):
    """Make bars of one asset, with sessions of some hours, some without volume, two columns and rates of funding.

    Prices and columns are coarse: they equal the levels of orders and the thresholds that they are compared with.
    """
    generator = np.random.default_rng(seed)
    close = 100.0 + TICK * np.cumsum(np.round(generator.normal(0, 1.6, count)))
    opens = np.append(100.0, close[:-1]) + TICK * np.round(generator.normal(0, 0.5, count))
    spread = TICK * np.floor(generator.exponential(0.8, (2, count)))
    high, low = np.maximum(opens, close) + spread[0], np.minimum(opens, close) - spread[1]
    step = step or timedelta(minutes=(30, 60, 240, 1440)[seed % 4])
    frame = bars(*zip(opens, high, low, close, strict=True), step=step)
    pred, other = np.round(generator.normal(0, 1, (2, count)), 1)
    pred[::13] = NAN
    volume = generator.integers(0, 40, count).astype(float)
    volume[generator.random(count) < 0.1] = 0.0
    funding = np.where(generator.random(count) < 0.05, generator.normal(0, 0.001, count), NAN)
    return frame.with_columns(
        pl.Series("volume", volume), pred=pred, other=other, funding=pl.Series(funding).fill_nan(None)
    )


def rules(generator, frame):
    """Draw an account, costs, fills and corporate actions."""

    def some(*values):
        return values[generator.integers(len(values))]

    account = {
        "cash": some(1_000.0, 10_000.0),  # with the first, positions soon meet their maintenance margin
        "kind": some("margin", "margin", "margin", "cash"),
        "lot": some(0.0, 1.0),
        "tick": some(0.0, 0.01),
        "minimum_order": some(0.0, 400.0),
    }
    if account["kind"] == "cash":
        account["settlement"] = some(0, 2)
    else:
        account |= {"leverage": 4.0, "maintenance_margin": some(0.0, 0.0, 0.3)}
    financing = {"margin_interest": 0.08, "short_borrow": 0.05, "short_credit": 0.01}
    if some(0, 1, 2) == 0:
        financing["funding"] = "funding"
    costs = {
        "commission": some({"kind": "none"}, {"kind": "percentage", "rate": 0.001}),
        "slippage": some({"kind": "none"}, {"kind": "percentage", "rate": 0.0005}),
    }
    if some(0, 1, 2, 3) > 0:
        costs["financing"] = financing
    execution = {
        "profile": some(*PROFILES, "zipline", "next_open", "next_open"),
        "limit_fill": some("touch", "penetration"),
        "ambiguous": some("stop_first", "target_first"),
        "untraded": some("wait", "fill"),
        "delay": some(0, 0, 0, 0, 0, 0, 0, 2),
        "volume_share": some(0.0, 0.0, 0.2),
    }
    bars_of_a = frame.filter(pl.col("asset") == "A")["timestamp"]
    when = np.sort(generator.choice(len(bars_of_a) - 2, 3, replace=False)) + 1
    actions = (
        bars_of_a.gather(when)
        .to_frame()
        .with_columns(asset=pl.lit("A"), split=pl.Series([2.0, 1.0, 0.5]), dividend=pl.Series([0.0, 0.7, 0.1]))
    )
    spec = {"account": account, "costs": costs, "execution": execution, "actions": some(None, actions)}
    if some(0, 1, 2, 3, 4) == 0:
        account |= {"currency": "USD", "rates": {"EUR": "eurusd"}, "per_asset": {"A": {"currency": "EUR"}}}
        times = frame.select(pl.col("timestamp").unique().sort())
        rates = 1.0 + 0.01 * np.cumsum(generator.normal(0, 1, times.height))
        spec["context"] = times.with_columns(eurusd=pl.Series(np.abs(rates) + 0.1))
    return spec


NOT_COMPARED = {"cursor": {"next_end", "next_expiry", "candidates"}, "books": {"ended"}}
"""Where the loop stands among what it looks for; nothing but the loop reads it."""


def left(runner):
    """Return all that a run left, by table and field, and how often the strategy was called."""
    names = ("account", "counters", "cursor", "positions", "settlements", "sessions", "books", "orders")
    found = {
        (name, field): runner.tables.arrays[name][field].tobytes()
        for name in names
        for field in runner.tables.arrays[name].dtype.names
        if field not in NOT_COMPARED.get(name, ())
    }
    return found | {("calls", ""): int(runner._values[0]["calls"])}


class Pair:
    """Two runners of one strategy, one of which visits every group."""

    def __init__(self, frame, compiled, cls, **spec):
        built = evaluator(frame, cls, params=("seed", "flat", "held"), **spec)._runner
        options = {"params": ("seed", "flat", "held"), "compiled": compiled}
        self.asleep, self.awake = (Runner(built.market, built.cls, built.settings, **options) for _ in range(2))
        self.awake.tables.sizes[0].sleeps = 0
        self.fills = 0

    def compare(self, values, ranges):
        """Run both over ranges of sessions: carried on, closed at their end, ended early, where that is said."""
        for runner in (self.asleep, self.awake):
            runner.take(np.array(values, float))
        for sessions, carried, closed, watch in ranges:
            for runner in (self.asleep, self.awake):
                planned = runner.plan_run(sessions, carried=carried, flat=closed, watch=watch) | {"place": 0}
                job = runner.make_job([planned], lay_out_one(sessions, runner.years(sessions)))
                runner._call(job._replace(rows=np.zeros(1, np.int64)))
            mine, other = left(self.asleep), left(self.awake)
            assert [key for key in mine if mine[key] != other[key]] == []
            self.fills += int(self.asleep.tables.counters[0].fills)


def with_quotes(frame):
    """Add quotes to bars: bids up to six ticks below, asks up to five above, so that they end at other levels."""
    away = {"bid": -TICK * (pl.int_range(pl.len()) % 7), "ask": TICK * (pl.int_range(pl.len()) % 5 + 1)}
    prices = ("open", "high", "low", "close")
    return frame.with_columns(
        (pl.col(price) + far).alias(f"{side}_{price}") for side, far in away.items() for price in prices
    )


def compare_random_runs(seed, compiled, trials, *, quotes=False, make=market, cls=Restless):
    """Compare what runs leave, over the whole data and over parts of it; returns how many fills there were."""
    generator = np.random.default_rng(seed)
    frame = with_quotes(make(seed)) if quotes else make(seed)
    spec = rules(generator, frame)
    if quotes:
        own = spec["execution"]["profile"] if spec["execution"]["profile"] in OWN_PROFILES else "next_open"
        spec["execution"] |= {"profile": own, "quotes": True}
    pair = Pair(frame, compiled, cls, **spec)
    sessions = len(pair.asleep.market.sessions.ends)
    for _ in range(trials):
        cut, end = sorted(generator.choice(np.arange(1, sessions), 2, replace=False).tolist())
        watch = PruningSpec(max_drawdown=0.3, min_trades=2) if generator.integers(3) == 0 else None
        whole = (SessionRange(0, sessions), False, bool(generator.integers(2)), watch)
        parts = [
            (SessionRange(cut, end), False, False, None),
            (SessionRange(end, sessions), bool(generator.integers(2)), True, None),
        ]
        values = generator.integers(1, 2**30), generator.integers(30) // 5.5, generator.integers(30) // 5.5
        pair.compare(values, [whole, *parts])
    return pair.fills

"""Parts of a combination trade one account, each with positions and orders of its own; worked out by hand."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scenarios.parts import Two, compare_parts, play
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import (
    ACCOUNT,
    FRAMES,
    bars,
    bracket,
    evaluator,
    flat,
    limit,
    market,
    observe,
    seen,
    submit,
    target_percent,
)

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.engine.profiles import PROFILES
from backsweep.errors import BadInput, StrategyError
from backsweep.sweepfile.account import AccountSpec
from backsweep.trial.lookahead import check_lookahead
from backsweep.trial.runner import Settings

PERCENT = {"commission": {"kind": "percentage", "rate": 0.01}}


def fills(result, part):
    """Return the fills of a part as (day, asset, quantity, price)."""
    own = result.fills.filter(part=part)
    days = (own["timestamp"] - result.equity["timestamp"][0]).dt.total_days()
    return list(zip(days, own["asset"], own["quantity"], own["price"], strict=True))


def test_two_parts_trade_two_assets_in_one_account():
    market_bars = bars(
        (100, 100, 100, 100), (102, 104, 102, 104), (106, 106, 106, 106), B=[(50, 50, 50, 50), (48, 48, 45, 45)]
    )
    result = play(market_bars, [market(0, 10.0)], [market(0, -20.0, asset=1)], costs=PERCENT)
    assert fills(result, "first") == [(1, "A", 10.0, 102.0)]
    assert fills(result, "second") == [(1, "B", -20.0, 48.0)]
    cash = 10_000 - 1020 - 10.20 + 960 - 9.60
    assert result.equity["cash"].to_list() == pytest.approx([10_000, cash, cash])
    worth = [10_000, cash + 1040 - 900, cash + 1060 - 900]
    assert result.equity["equity"].to_list() == pytest.approx(worth)


def test_parts_hold_one_asset_apart_each_with_its_own_exits():
    """A falls to 94: the first's stop at 95 ends its 10, the target at 96 of the second's short 4 fills, at 96."""
    market_bars = bars((100, 100, 100, 100), (100, 101, 99, 100), (100, 100, 94, 94), (94, 94, 94, 94))
    first = [bracket(0, 10.0, stop_loss=95.0), observe(1, "quantity"), observe(2, "quantity")]
    second = [bracket(0, -4.0, take_profit=96.0), observe(1, "quantity"), observe(2, "quantity")]
    result = play(market_bars, first, second)
    assert fills(result, "first") == [(1, "A", 10.0, 100.0), (2, "A", -10.0, 95.0)]
    assert fills(result, "second") == [(1, "A", -4.0, 100.0), (2, "A", 4.0, 96.0)]
    assert seen(result) == [10.0, -4.0, 0.0, 0.0]
    assert result.equity["equity"].to_list() == [10_000, 10_000, 10_000 - 50 + 16, 10_000 - 50 + 16]
    assert sorted(result.trades.select("part", "quantity", "pnl").rows()) == [
        ("first", 10.0, -50.0),
        ("second", -4.0, 16.0),
    ]


def test_a_part_works_with_its_weight_of_the_equity():
    """The first holds 10 at 100. Equity 10,000, leverage 10, weights 0.6 and 0.4; no price moves."""
    names = ("equity", "cash", "buying_power", "positions")
    asked = [*(observe(1, name) for name in names), observe(1, "size_by_risk", limit=2.0, stop=0.01)]
    sized = observe(1, "size_by_volatility", limit=0.25, stop=0.025)
    second = [*(observe(1, name) for name in names), sized, target_percent(1, 0.5)]
    result = play(bars(*flat(100, 4)), [market(0, 10.0), *asked], second, weights=(0.6, 0.4))
    first, others = [6000.0, 5000.0, 59_000.0, 1.0, 30.0], [4000.0, 4000.0, 40_000.0, 0.0, 4.0]
    assert seen(result) == pytest.approx([*first, *others])
    assert fills(result, "second") == [(2, "A", 20.0, 100.0)]


def test_no_part_is_told_of_more_buying_power_than_the_account_has():
    result = play(bars(*flat(100, 3)), [market(0, 900.0)], [observe(1, "buying_power"), observe(1, "cash")])
    assert seen(result) == [100_000.0 - 90_000.0, 10_000.0]


def test_margin_is_needed_for_both_sides_of_one_asset():
    """Leverage 1: what the first holds leaves 4,000; the second's short of 50 at 100 would take 5,000."""
    account = {**ACCOUNT, "leverage": 1.0}
    result = play(bars(*flat(100, 4)), [market(0, 60.0)], [market(1, -50.0)], account=account)
    rejected = result.orders.filter(part="second")
    assert rejected["reject_reason"].to_list() == ["exceeds buying power"]


def test_groups_of_orders_are_a_part_s_own():
    first = [limit(0, 1.0, 99.0, oca=1), limit(0, 1.0, 90.0, oca=1)]
    second = [limit(0, 1.0, 98.0, oca=1), limit(0, 1.0, 80.0, oca=1)]
    result = play(bars((100, 100, 100, 100), (100, 100, 98.5, 100), (100, 100, 97, 100)), first, second)
    assert fills(result, "first") == [(1, "A", 1.0, 99.0)]
    assert fills(result, "second") == [(2, "A", 1.0, 98.0)]
    assert result.orders["status"].to_list() == ["filled", "cancelled", "filled", "cancelled"]


def test_no_number_of_an_asset_leads_to_another_part():
    result = play(bars(*flat(100, 3)), [market(0, 1.0, asset=1)], [market(0, 1.0, asset=-1)])
    assert result.orders["reject_reason"].to_list() == ["no such asset", "no such asset"]
    assert result.orders["asset"].to_list() == [None, None]


def test_parts_share_the_volume_of_a_bar():
    """A share of 20 units a bar: the first's 15 leave 5 of the second's 15."""
    spec = {"execution": {"volume_share": 2e-5}}
    result = play(bars(*flat(100, 4)), [market(0, 15.0)], [market(0, 15.0)], **spec)
    assert fills(result, "first") == [(1, "A", 15.0, 100.0)]
    assert fills(result, "second") == [(1, "A", 5.0, 100.0), (2, "A", 10.0, 100.0)]


def test_settings_of_an_asset_are_those_of_every_part():
    costs = {**PERCENT, "per_asset": {"B": {"commission": {"kind": "per_order", "amount": 3.0}}}}
    account = {**ACCOUNT, "per_asset": {"B": {"multiplier": 2.0}}}
    two = [market(0, 1.0), market(0, 1.0, asset=1)]
    other = [market(0, 1.0), market(0, 1.0, asset=1)]
    result = play(bars(*flat(100, 2), B=flat(50, 2)), two, other, costs=costs, account=account)
    assert result.fills["commission"].to_list() == [1.0, 3.0, 1.0, 3.0]
    assert result.equity["cash"][-1] == 10_000 - 2 * (100 + 1 + 100 + 3)


@pytest.mark.parametrize("seed", range(4))
def test_one_part_of_weight_one_is_the_strategy_alone(seed):
    scenario = random_scenario(seed, assets=2, length=40, steps=50, account=ACCOUNTS[seed], costs=COSTS[seed])
    options = {"account": scenario.account, "costs": scenario.costs, "prices": "any"}
    alone, part = scenario.play(compiled=False), play(scenario.market, scenario.steps, **options)
    assert alone.fills.height > 3
    for name in FRAMES:
        mine = getattr(part, name)
        assert_frame_equal(mine.drop("part", strict=False), getattr(alone, name), check_exact=True)
    assert part.metrics == alone.metrics
    assert part.returns.tobytes() == alone.returns.tobytes()


@pytest.mark.parametrize("profile", PROFILES)
def test_random_parts_fill_as_the_oracle_says(profile):
    for seed in range(2):
        share = (0.0, 2.0**-15)[seed]
        given = {"assets": 2, "length": 24, "steps": 30, "profile": profile, "volume_share": share}
        result = compare_parts(seed, (0.5, 0.25), per_session=1 + seed, **given)
        assert result.fills["part"].n_unique() == 2


class Signals(bs.Bar):
    fast: float
    rank: float
    rising: float


class Trader(bs.Strategy):
    """Trades one unit by features of every kind, and remembers for each asset when it last did."""

    span: int = bs.param(2, 20)
    side: str = bs.choice(["long", "short"])
    seen: int = bs.state(0)
    last: bs.PerAsset[int] = bs.state(-9, per_asset=True)

    def features(self):
        rising = bs.higher("1w", pl.col("close") > pl.col("close").shift(1))
        return {"fast": pl.col("close").rolling_mean(self.span), "rising": rising}

    def cross_features(self):
        return {"rank": (pl.col("close") / pl.col("fast")).rank()}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        self.seen += 1
        sign = 1.0 if self.side == "long" else -1.0
        for index in range(data.count):
            bar = data[index]
            held = broker.get_position(bar.asset).quantity
            due = self.seen - self.last[bar.asset] > 3
            if held == 0.0 and due and bar.rank == 1.0 and bar.rising == 1.0:
                self.last[bar.asset] = self.seen
                broker.submit_bracket(bar.asset, sign, stop_loss=bar.close * (1.0 - sign * 0.05))
            elif held != 0.0 and bar.close > bar.fast:
                broker.close_position(bar.asset)


class Pair(bs.Combination):
    """The same class twice, and no more."""

    up: Trader = bs.part(Trader)
    down: Trader = bs.part(Trader, weight=0.5)


def make_bars(days=150):
    rng = np.random.default_rng(3)
    frames = []
    for name in ("A", "B", "C"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, days)))
        opens = np.append(50.0, close[:-1]) * np.exp(rng.normal(0, 0.005, days))
        high, low = np.maximum(opens, close) * 1.005, np.minimum(opens, close) * 0.995
        times = np.datetime64("2020-01-01", "us") + np.arange(days) * np.timedelta64(1, "D")
        series = {"timestamp": times, "asset": [name] * days, "open": opens, "high": high, "low": low, "close": close}
        frame = pl.DataFrame(series).with_columns(volume=pl.lit(1e6))
        frames.append(frame.filter(pl.Series(rng.random(days) > 0.1)) if name == "B" else frame)
    return pl.concat(frames)


def test_parts_that_size_by_no_equity_trade_as_each_does_alone():
    given = {"account": {"cash": 1e6, "kind": "margin", "leverage": 2.0}, "compiled": False}
    parts = {"up": Trader(span=5, side="long"), "down": Trader(span=12, side="short")}
    both = bs.backtest(make_bars(), Pair(**parts), **given)
    for name, alone in parts.items():
        expected = bs.backtest(make_bars(), alone, **given)
        assert expected.trades.height > 5
        columns = [column for column in expected.fills.columns if column != "order_id"]
        assert_frame_equal(
            both.fills.filter(part=name).select(columns), expected.fills.select(columns), check_exact=True
        )
        own = both.trades.filter(part=name).rename({f"entry_{name}.fast": "entry_fast"})
        columns = [*expected.trades.columns[:13], "entry_fast"]
        assert_frame_equal(own.select(columns), expected.trades.select(columns), check_exact=True)


def test_each_part_fills_at_the_quotes_of_its_side():
    sides = {"bid": 99.0, "ask": 101.0}
    names = ("open", "high", "low", "close")
    quotes = [pl.lit(price).alias(f"{side}_{name}") for side, price in sides.items() for name in names]
    market_bars = bars(*flat(100, 3), B=flat(100, 3)).with_columns(quotes)
    steps = [market(0, 2.0), market(0, 1.0, asset=1)], [market(0, -1.0), market(0, 3.0, asset=1)]
    result = play(market_bars, *steps, execution={"quotes": True})
    assert fills(result, "first") == [(1, "A", 2.0, 101.0), (1, "B", 1.0, 101.0)]
    assert fills(result, "second") == [(1, "A", -1.0, 99.0), (1, "B", 3.0, 101.0)]


class Ahead(bs.Strategy):
    def features(self):
        return {"next_close": pl.col("close").shift(-1)}

    def on_data(self, timestamp, data, context, broker):
        pass


class Wrong(bs.Strategy):
    def features(self):
        return {"slow": pl.col("close").rolling_mean(3)}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if data[0].slwo > 0.0:
            broker.close_position(0)


class Buying(bs.Strategy):
    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        broker.buy(0, 1.0)


@pytest.mark.parametrize(
    ("cls", "found", "remedy"),
    [
        (Wrong, "on_data uses an unknown signal 'slwo' of bar", "did you mean 'slow'?"),
        (Buying, "on_data uses an unknown name 'buy' of broker", r"write broker\.submit_order"),
    ],
)
def test_a_mistake_in_a_part_is_explained_as_in_the_strategy_alone(cls, found, remedy):
    class Faulty(bs.Combination):
        up: Trader = bs.part(Trader)
        wrong: bs.Strategy = bs.part(cls)

    with pytest.raises(StrategyError, match=found) as alone:
        bs.backtest(make_bars(20), cls(), compiled=False)
    with pytest.raises(StrategyError, match=remedy) as part:
        bs.backtest(make_bars(20), Faulty(), compiled=False)
    assert str(part.value) == str(alone.value)


@pytest.mark.thorough
def test_look_ahead_of_a_part_is_found():
    class Both(bs.Combination):
        up: Trader = bs.part(Trader)
        ahead: Ahead = bs.part(Ahead)

    shard, settings = shard_from_frames(make_bars(60)), Settings(AccountSpec(cash=1e6))
    with pytest.raises(StrategyError, match=r"feature `ahead\.next_close` depends on bars that come later"):
        check_lookahead(shard, Both, settings, np.zeros((1, 0)), compiled=False)
    found = check_lookahead(shard, Pair, settings, np.zeros((1, 0)), compiled=False)
    assert found.requests > 0
    assert found.warmup["up.fast"] == found.warmup["down.fast"] == 10


def test_positions_and_orders_that_are_left_name_their_parts():
    result = play(bars(*flat(100, 3)), [market(0, 2.0), limit(1, 1.0, 90.0, oca=3)], [market(0, -1.0)])
    assert result.positions.select("asset", "part", "quantity").rows() == [("A", "first", 2.0), ("A", "second", -1.0)]
    assert result.live_orders.select("asset", "part", "oca_group").rows() == [("A", "first", 3)]


def test_sleeves_are_refused():
    with pytest.raises(StrategyError, match="parts share one account"):
        evaluator(bars(*flat(100, 3)), Two, account={**ACCOUNT, "mode": "sleeves"})


class Free(bs.SlippageModel):
    def slip(self, fill, bar):  # noqa: ARG002 - the protocol
        return 0.0


def test_a_cost_model_of_ones_own_is_refused():
    with pytest.raises(BadInput, match="slippage is a model of your own"):
        play(bars(*flat(100, 3)), [submit(0, 1.0)], [], costs={"slippage": {"kind": "custom", "model": Free}})

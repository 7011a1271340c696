import re
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import shard_from_frames
from backsweep.engine.codes import ORDER_TYPES
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, param
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.trial.lookahead import ASKED, _choose, _describe, check_lookahead
from backsweep.trial.runner import Settings


class Trader(Strategy):
    """Buys 10 units where `edge`, a feature, is positive, and sells them where it is negative."""

    window: int = param(2, 20, default=5)

    def edge(self):
        return pl.col("close") - pl.col("close").rolling_mean(self.window)

    def features(self):
        return {"edge": self.edge()}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.edge > 0.0 and held == 0.0:
                broker.submit_order(bar.asset, 10)
            elif bar.edge < 0.0 and held != 0.0:
                broker.close_position(bar.asset)


class Tomorrow(Trader):
    def edge(self):
        return pl.col("close").shift(-1) - pl.col("close")


class LaterQuotes(Trader):
    def edge(self):
        return pl.col("ask_close").shift(-1) - pl.col("close")


class WholeHistory(Trader):
    def edge(self):
        return pl.col("close") - pl.col("close").mean()


class Centred(Trader):
    def edge(self):
        return pl.col("close") - pl.col("close").rolling_mean(5, center=True)


class Recursive(Trader):
    def edge(self):
        return pl.col("close").cum_sum() / 100.0 - pl.col("close")


class NextBar(Trader):
    """Reads the bar after the last one of this timestamp: compiled, that is the next day's first."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        bar = data[0]
        if data[data.count].close > bar.close:
            broker.submit_order(bar.asset, 1)


class Peeking(Trader):
    """Peeks at the next day's bar when a signal is strong, as late as no interpreted start would see."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        bar = data[0]
        if data.session > 60 and data.session < 110 and data[data.count].close > bar.close:
            broker.submit_order(bar.asset, 1)


def check(market, cls, count=2, *, compiled=False):
    trials = np.array([[5.0], [9.0]])[:count]
    return check_lookahead(shard_from_frames(market), cls, Settings(), trials, params=("window",), compiled=compiled)


def test_an_honest_strategy_passes_and_its_warmup_is_counted(market):
    found = check(market, Trader)
    assert found.moments == 24
    assert 8 <= found.requests <= 24
    assert found.warmup == {"edge": 4}  # a mean of five bars is missing on four


def test_an_honest_strategy_passes_on_bars_with_finer_ones(market):
    closes = [pl.col("close").alias(name) for name in ("open", "high", "low")]
    later = market.with_columns(pl.col("timestamp") + pl.duration(minutes=1), *closes)
    shard = shard_from_frames(market, detail=pl.concat([market, later]))
    found = check_lookahead(shard, Trader, Settings(), np.array([[5.0]]), params=("window",), compiled=False)
    assert shard.finer_bars.count.tolist() == [2] * market.height
    assert found.requests > 0


def test_an_honest_strategy_passes_on_quotes_and_one_that_reads_later_ones_does_not(market):
    quoted = market.head(80).with_columns(
        (pl.col(price) * part).alias(f"{side}_{price}")
        for side, part in {"bid": 0.999, "ask": 1.001}.items()
        for price in ("open", "high", "low", "close")
    )
    settings = Settings(execution=ExecutionSpec(quotes=True))
    found = check_lookahead(
        shard_from_frames(quoted), Trader, settings, np.array([[5.0]]), params=("window",), compiled=False
    )
    assert found.requests > 0

    with pytest.raises(StrategyError, match="looks ahead: feature `edge`"):
        check_lookahead(
            shard_from_frames(quoted), LaterQuotes, settings, np.array([[5.0]]), params=("window",), compiled=False
        )


@pytest.mark.parametrize("cls", [Tomorrow, WholeHistory, Centred])
def test_a_feature_that_looks_ahead_is_named(market, cls):
    with pytest.raises(StrategyError, match=f"{cls.__name__} looks ahead: feature `edge`") as caught:
        check(market, cls)
    assert "shift(1)" in caught.value.remedy
    assert "with the bars that came" in caught.value.found
    if cls is Tomorrow:  # the last value that is wrong is the one before what is unknown
        assert re.fullmatch(r"the same value at (.+) whatever comes after \1", caught.value.expected)


def test_a_feature_that_never_forgets_where_the_data_begins_has_no_warmup(market):
    assert check(market, Recursive, 1).warmup == {"edge": None}


def test_an_index_beyond_the_bars_of_this_timestamp_is_found_by_the_interpreted_start(market):
    with pytest.raises(StrategyError, match="i goes from 0 to"):
        check(market, NextBar, 1)


def test_on_data_that_reads_the_next_bar_is_found_by_its_requests(market, monkeypatch):
    monkeypatch.setattr("backsweep.trial.lookahead.INTERPRETED", 100)  # the first 50 days
    with pytest.raises(StrategyError, match="Peeking looks ahead: on_data depends") as caught:
        check(market, Peeking, 1, compiled=True)
    assert "market 1 A" in caught.value.found
    assert "no order" in caught.value.found


@pytest.mark.long
def test_the_same_check_finds_the_same(market):
    assert check(market, Trader, 1) == check(market, Trader, 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "limit -5 A limit_price 99.5"),
        ({"asset": 1}, "limit -5 asset 1 limit_price 99.5"),
        ({"asset": -1}, "limit -5 asset -1 limit_price 99.5"),
        ({"type": 0, "limit_price": np.nan}, "market -5 A"),
        ({"type": 3, "stop_price": 98.0}, "stop_limit -5 A limit_price 99.5 stop_price 98"),
        ({"type": -1}, "unknown -5 A limit_price 99.5"),
        ({"type": len(ORDER_TYPES)}, "unknown -5 A limit_price 99.5"),
    ],
)
def test_an_order_is_described_by_what_was_asked_for(changes, text):
    asked = dict.fromkeys(ASKED, np.nan) | {"asset": 0, "type": 1, "quantity": -5.0, "limit_price": 99.5} | changes
    assert _describe(tuple(asked.values()), SimpleNamespace(assets=("A",))) == text
    assert _describe(None, SimpleNamespace(assets=("A",))) == "no order"


@pytest.mark.parametrize(("rows", "count"), [(1, 12), (30_000_000 // 5, 5), (10**9, 3)])
def test_half_of_the_moments_are_ones_at_which_something_was_asked_for(rows, count):
    """Of 100,000 moments 50 have a request: another one is hit by chance once in 2,000."""
    asked = 2_000 * np.arange(50)
    chosen = _choose(asked, 100_000, rows, np.random.default_rng(0))
    assert chosen.size == count
    assert np.isin(chosen, asked).sum() == count // 2


def test_the_last_moment_is_not_tested_because_it_has_no_future():
    asked = np.arange(10)
    for seed in range(20):
        assert _choose(asked, 10, 10, np.random.default_rng(seed)).max() < 9

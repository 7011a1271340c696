"""Cross features compare the assets of one timestamp, and features can look back on them."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import assert_same_bits

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.errors import StrategyError
from backsweep.live import replay
from backsweep.trial.features import Features
from backsweep.trial.lookahead import check_lookahead
from backsweep.trial.market import pack
from backsweep.trial.runner import Settings

CLOSES = {"A": [1.0, 2.0, 4.0, 3.0, 9.0], "B": [2.0, 2.0, 8.0, 8.0, 8.0], "C": [None, 1.0, 1.0, 9.0, 1.0]}


class Ranks(bs.Strategy):
    """Holds the asset that has risen most, from one bar to the next."""

    back: int = bs.param(1, 3, default=1)

    def features(self):
        """Look back on an asset, and on what its pair was."""
        return {"change": pl.col("close").pct_change(self.back), "wider": pl.col("spread").diff(1)}

    def cross_features(self):
        """Compare the assets."""
        first, second = (pl.col("close").filter(pl.col("asset") == name).first() for name in "AB")
        return {"rank": pl.col("change").rank(descending=True), "spread": first - second}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at bars alone
        """Buy the first, sell the others."""
        for i in range(data.count):
            bar = data[i]
            broker.order_target_quantity(bar.asset, 1.0 if bar.rank == 1.0 else 0.0)


class Peeks(Ranks):
    """Ranks by what comes after."""

    def features(self):
        """Look ahead."""
        return {"change": pl.col("close").shift(-1) / pl.col("close"), "wider": pl.col("spread").diff(1)}


class Circle(Ranks):
    """Needs what needs it."""

    def features(self):
        """Need the rank, which needs the change."""
        return {"change": pl.col("rank").shift(1)}


def bars():
    first = date(2024, 1, 1)
    rows = [(first + timedelta(day), name, price) for name, own in CLOSES.items() for day, price in enumerate(own)]
    frame = pl.DataFrame(rows, schema=["timestamp", "asset", "close"], orient="row").drop_nulls()
    return frame.with_columns(*(pl.col("close").alias(name) for name in ("open", "high", "low")), volume=pl.lit(1e6))


def by_asset(values, market):
    return {name: values[market.bars["asset"] == code].tolist() for code, name in enumerate(market.assets)}


def test_ranks_leave_out_what_is_missing_and_spreads_are_known_to_every_asset():
    market = pack(shard_from_frames(bars()))
    found = Features(market).columns(Ranks())
    nan = pytest.approx(np.nan, nan_ok=True)
    # Changes: A 1, 1, -1/4, 2; B 0, 3, 0, 0; C -, 0, 8, -8/9, from its second bar on.
    assert by_asset(found["rank"], market) == {"A": [nan, 1, 2, 3, 1], "B": [nan, 2, 1, 2, 2], "C": [nan, 3, 1, 3]}
    spread = [-1, 0, -4, -5, 1]
    assert by_asset(found["spread"], market) == {"A": spread, "B": spread, "C": spread[1:]}
    assert by_asset(found["wider"], market)["A"] == [nan, 1, -4, -1, 6]


def test_trials_that_share_what_a_rank_is_made_of_share_the_rank():
    features = Features(pack(shard_from_frames(bars())))
    one, same, other = (features.columns(Ranks(back=back)) for back in (1, 1, 2))
    assert one["rank"] is same["rank"]
    assert one["rank"] is not other["rank"]
    assert one["spread"] is other["spread"]


ACCOUNT = {"kind": "margin", "cash": 1e6}


def test_a_replay_on_paper_trades_the_same():
    interpreted = bs.backtest(bars(), Ranks(), account=ACCOUNT, compiled=False)
    assert interpreted.fills.height >= 4
    assert_same_bits(interpreted, replay(bars(), Ranks(), account=ACCOUNT))


@pytest.mark.thorough
def test_compiled_code_trades_the_same():
    interpreted = bs.backtest(bars(), Ranks(), account=ACCOUNT, compiled=False)
    assert_same_bits(interpreted, bs.backtest(bars(), Ranks(), account=ACCOUNT))


def test_the_look_ahead_test_sees_through_a_cross_feature():
    shard = shard_from_frames(bars())
    check_lookahead(shard, Ranks, Settings(), np.zeros((1, 0)), compiled=False)
    with pytest.raises(StrategyError, match="looks ahead"):
        check_lookahead(shard, Peeks, Settings(), np.zeros((1, 0)), compiled=False)


def test_features_that_need_each_other_are_refused():
    with pytest.raises(StrategyError, match="in a circle"):
        bs.backtest(bars(), Circle(), compiled=False)


def test_sleeves_are_refused():
    with pytest.raises(StrategyError, match="a sleeve sees its own alone"):
        bs.backtest(bars(), Ranks(), account={"mode": "sleeves"}, compiled=False)

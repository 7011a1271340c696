"""Unadjusted prices with their splits and dividends have the economics of adjusted prices: 22 years of 504 US stocks.

The data set has 473 splits and 27,729 cash dividends. Its adjusted series are made here, forwards from the first bar:

    split-adjusted    price x product of the splits so far
    total return      that x product of (1 + dividend / close) so far: each dividend buys units at its day's close

A strategy that holds constant weights, brought back at every close at no cost, reinvests a dividend at the close of its
ex-date: the same return as on the total return series.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.evaluate import SharedEvaluator
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings

PRICES = Path(__file__).parents[4] / "shared" / "data" / "sp500_daily.parquet"
BAR = ("timestamp", "asset", "open", "high", "low", "close", "volume")
UNIT = np.finfo(float).eps / 2
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PRICES.exists(), reason=f"real data is not here: {PRICES}"),
]


class Weights(bs.Strategy):
    """Holds the same fraction of equity in every asset that has a bar."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            broker.order_target_percent(data[i].asset, 1.0 / broker.count_assets())


class Once(bs.Strategy):
    """Buys 100 units of every asset at its first bar, and sells 50 of every second one instead."""

    bought: bool = bs.state(False, per_asset=True)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            asset = data[i].asset
            if not self.bought[asset]:
                broker.submit_order(asset, 100.0 if asset % 2 == 0 else -50.0)
                self.bought[asset] = True


class Breakout(bs.Strategy):
    """Buys with a stop above the average, protected by a stop and a target that rest for weeks."""

    def features(self):
        level = pl.col("close") * pl.col("split_factor")
        return {"average": level.rolling_mean(50) / pl.col("split_factor")}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            idle = broker.get_position(bar.asset).quantity == 0.0 and broker.count_open_orders(bar.asset) == 0
            if idle and bar.close > bar.average:
                level = bar.close * 1.01371
                units = 1000.0 / bar.close
                broker.submit_bracket(
                    bar.asset,
                    units,
                    stop_loss=level * 0.92713,
                    take_profit=level * 1.17939,
                    order_type=bs.STOP,
                    stop_price=level,
                )


def play(cls, bars, actions=None, **settings):
    spec = TrialSpec(data=DataSpec(bars="frame"), strategy="Test", **settings)
    return SharedEvaluator(spec, shard_from_frames(bars, actions=actions), cls).replay(np.zeros(0))


@pytest.fixture(scope="module")
def prices():
    return pl.read_parquet(PRICES).sort("timestamp", "asset")


def adjusted(prices, factor):
    return prices.with_columns(factor.over("asset").alias("factor")).select(
        "timestamp",
        "asset",
        *(pl.col(name) * pl.col("factor") for name in BAR[2:6]),
        pl.col("volume") / pl.col("factor"),
    )


SPLITS = pl.col("split").cum_prod()


def test_a_portfolio_on_unadjusted_prices_earns_the_total_return(prices):
    shard = shard_from_frames(prices.select(BAR), actions=prices)
    assert (shard.actions["split"] != 1.0).sum() == 473
    assert (shard.actions["dividend"] != 0.0).sum() == 27_729
    total = adjusted(prices, SPLITS * (1.0 + pl.col("dividend") / pl.col("close")).cum_prod())
    settings = Settings(
        AccountSpec(kind="margin", leverage=2.0), ExecutionSpec(profile="same_close", untraded="fill"), CostsSpec()
    )
    raw, ideal = (Runner(pack(each), Weights, settings) for each in (shard, shard_from_frames(total)))
    for runner in (raw, ideal):
        runner.run(np.zeros(0))
    # Equity is a sum of one position an asset and cash, all but cash positive: it is rounded by at most one unit a
    # term. A position is rounded when it is priced, traded and split, the adjusted price when it is made: ten more.
    # Each session begins with what the last one left, so that after n of them n times as much can have come together.
    bound = len(raw.market.sessions.ends) * (len(shard.assets) + 10) * UNIT
    equity = raw.tables.sessions["equity"]
    assert np.abs(equity / ideal.tables.sessions["equity"] - 1.0).max() < bound < 1e-9
    assert equity[-1] > 5.0 * equity[0]
    assert raw.tables.counters[0].dividends > equity[0]
    assert ideal.tables.counters[0].dividends == 0.0


def test_every_split_and_dividend_reaches_who_holds_the_units(prices):
    settings = {"account": {"kind": "margin", "leverage": 1e3}, "execution": {"untraded": "fill"}}
    result = play(Once, prices.select(BAR), prices, **settings)
    side = pl.when(pl.col("asset").rank("dense") % 2 == 1).then(100.0).otherwise(-50.0)
    first = pl.col("timestamp").rank("ordinal").over("asset")
    held = prices.with_columns(side.alias("bought"), first.alias("bar"), SPLITS.over("asset").alias("factor"))
    # asked for at the first bar, filled at the second; a split between the two counts for the order as well
    began = pl.col("factor").filter(pl.col("bar") == 1).first().over("asset")
    held = held.with_columns((pl.col("bought") * pl.col("factor") / began).alias("units"))
    due = held.filter((pl.col("dividend") > 0.0) & (pl.col("bar") > 2)).sort("timestamp", "asset")
    paid = result.cash_flows
    assert paid.height == due.height > 27_000
    assert paid["asset"].equals(due["asset"])
    assert paid["amount"].to_numpy() == pytest.approx((due["units"] * due["dividend"]).to_numpy(), rel=1e-12)
    assert paid["quantity"].to_numpy() == pytest.approx(due["units"].to_numpy(), rel=1e-12)
    assert result.fills.height == prices["asset"].n_unique()
    assert (paid["amount"] < 0.0).any()
    last = held.group_by("asset", maintain_order=True).last()
    bought = held.filter(pl.col("bar") == 2)
    worth = (
        1e6 - (bought["units"] * bought["open"]).sum() + paid["amount"].sum() + (last["units"] * last["close"]).sum()
    )
    assert result.equity["equity"][-1] == pytest.approx(worth, rel=1e-9)


def test_resting_orders_meet_split_prices_as_they_would_meet_adjusted_ones(prices):
    split = prices.filter((pl.col("split") != 1.0).any().over("asset"))
    settings = {
        "account": {"kind": "margin", "leverage": 100.0},
        "costs": {
            "commission": {"kind": "percentage", "rate": 0.001},
            "slippage": {"kind": "percentage", "rate": 0.0005},
        },
    }
    actions = split.with_columns(dividend=pl.lit(0.0))
    raw = play(Breakout, split.select(BAR), actions, **settings)
    ideal = play(Breakout, adjusted(split, SPLITS).with_columns(split_factor=pl.lit(1.0)), **settings)
    assert raw.trades.height > 5_000
    for name in ("timestamp", "asset", "reason", "order_id"):
        assert raw.fills[name].equals(ideal.fills[name]), name
    value = raw.fills["quantity"] * raw.fills["price"]
    assert value.to_numpy() == pytest.approx((ideal.fills["quantity"] * ideal.fills["price"]).to_numpy(), rel=1e-10)
    assert raw.fills["commission"].to_numpy() == pytest.approx(ideal.fills["commission"].to_numpy(), rel=1e-10)
    assert raw.equity["equity"].to_numpy() == pytest.approx(ideal.equity["equity"].to_numpy(), rel=1e-10)
    assert raw.trades["pnl"].to_numpy() == pytest.approx(ideal.trades["pnl"].to_numpy(), rel=1e-9, abs=1e-7)
    assert (raw.trades["quantity"] != ideal.trades["quantity"]).any()

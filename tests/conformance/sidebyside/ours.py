"""The engine of this project, playing a scenario through its public door."""

from __future__ import annotations

import numpy as np
import polars as pl

import backsweep as bs
from sidebyside.fills import Fill
from sidebyside.scenario import (
    CANCEL,
    CLOSE,
    ENTER,
    FIELDS,
    ORDER,
    TARGET_PERCENT,
    TARGET_VALUE,
    Scenario,
)

NANOSECONDS_PER_DAY = 86_400_000_000_000


class Intents(bs.Strategy):
    """Asks for what the columns of the present bar intend."""

    latest: int = bs.state(0, per_asset=True)

    def order(self, bar, broker, timestamp):
        """Submit an order of the type that its prices say."""
        if not np.isnan(bar.trail):
            return broker.submit_order(bar.asset, bar.quantity, bs.TRAILING_STOP, np.nan, np.nan, np.nan, bar.trail)
        if bar.days == 0.0:
            return broker.submit_order(bar.asset, bar.quantity, bs.LIMIT, bar.limit, np.nan, np.nan, np.nan, bs.DAY)
        if not np.isnan(bar.days):
            till = timestamp + int(bar.days) * NANOSECONDS_PER_DAY
            return broker.submit_order(
                bar.asset, bar.quantity, bs.LIMIT, bar.limit, np.nan, np.nan, np.nan, bs.GTD, till
            )
        if not np.isnan(bar.limit) and not np.isnan(bar.stop):
            return broker.submit_order(bar.asset, bar.quantity, bs.STOP_LIMIT, bar.limit, bar.stop)
        if not np.isnan(bar.limit):
            return broker.submit_order(bar.asset, bar.quantity, bs.LIMIT, bar.limit)
        if not np.isnan(bar.stop):
            return broker.submit_order(bar.asset, bar.quantity, bs.STOP, np.nan, bar.stop)
        return broker.submit_order(bar.asset, bar.quantity)

    def ask(self, bar, broker, timestamp):
        """Hand over the intent of one bar."""
        asset = bar.asset
        kind = int(bar.kind)
        if kind == ENTER:
            if broker.get_position(asset).quantity == 0.0 and broker.count_open_orders(asset) == 0:
                kind = bs.MARKET
                if not np.isnan(bar.limit):
                    kind = bs.LIMIT
                elif not np.isnan(bar.stop):
                    kind = bs.STOP
                broker.submit_bracket(asset, bar.quantity, bar.stop_loss, bar.take_profit, kind, bar.limit, bar.stop)
        elif kind == ORDER:
            self.latest[asset] = self.order(bar, broker, timestamp)
        elif kind == CLOSE:
            broker.close_position(asset)
        elif kind == CANCEL:
            broker.cancel_order(self.latest[asset])
        elif kind == TARGET_PERCENT:
            broker.order_target_percent(asset, bar.quantity)
        elif kind == TARGET_VALUE:
            broker.order_target_value(asset, bar.quantity)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the columns say everything else
        """Hand over every asset's intent."""
        for index in range(data.count):
            if data[index].kind > 0.0:
                self.ask(data[index], broker, timestamp)


def result(scenario: Scenario) -> bs.Result:
    """Play a scenario and give the full records."""
    names = ("open", "high", "low", "close")
    frames = [
        pl.DataFrame({"timestamp": scenario.times})
        .with_columns(pl.lit(asset).alias("asset"))
        .with_columns(
            *(pl.Series(name, scenario.bars[index, :, column]) for column, name in enumerate(names)),
            pl.Series("volume", scenario.traded_volumes[index]),
            *(pl.Series(name, scenario.intents[index, :, column]) for column, name in enumerate(FIELDS)),
        )
        for index, asset in enumerate(scenario.assets)
    ]
    return bs.backtest(
        pl.concat(frames),
        Intents(),
        account=scenario.account,
        costs=scenario.costs,
        execution={"profile": scenario.profile, "volume_share": scenario.volume_share},
    )


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of this engine."""
    fills = result(scenario).fills
    bars = [scenario.bar_at(time) for time in fills["timestamp"]]
    assets = fills["asset"].replace_strict({name: i for i, name in enumerate(scenario.assets)}, return_dtype=pl.Int64)
    columns = (bars, assets, fills["quantity"], fills["price"], fills["commission"])
    return [Fill(*row) for row in zip(*columns, strict=True)]

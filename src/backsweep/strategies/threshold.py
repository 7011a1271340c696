"""Act on a strong prediction, protect it with a stop that follows the price, add to winners, take half off.

The idea: a model's prediction `pred` is noise near zero and worth a trade where it is large. What a trade may lose is
fixed before it begins, by a stop at a distance that the market's own volatility gives (the average true range, ATR).

Rules, at the close of every bar:

- Enter long when `pred` crosses `entry` from below, short when it crosses `-entry` from above, unless the market-wide
  `context.volatility` is above `calm`. The size is such that the stop costs `risk` of equity.
- The stop is a child of the entry: it works from the moment the entry fills, even on the same bar.
- From then on the stop follows: `stop_multiple` x ATR from the latest close, as price and volatility change, but only
  ever towards the price. A rise in volatility does not loosen it.
- Scale in: another unit, up to `max_units`, when the price has moved `add_multiple` x ATR in favour since the last one,
  the signal is still beyond `entry` and the market calm. It brings a stop of its own for its first bar; then the first
  stop is resized to the whole position.
- Scale out: half the position at a gain of `target_multiple` x ATR, once; the rest when the signal fades below `exit`
  (for a short, rises above `-exit`), or at the stop.

Needs the signal `pred` and the context series `volatility`. While either is missing there is no entry.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    """A bar with its signal and its features."""

    pred: float
    atr: float
    previous_pred: float


class Context(bs.Context):
    """The series of the whole market."""

    volatility: float


class Threshold(bs.Strategy):
    """Trade the crossings of a signal, with a moving stop, scaling in and scaling out.

    Parameters
    ----------
    entry : size of `pred` that opens a position.
    exit : size of `pred`, in the position's direction, below which the position is closed.
    window : bars in the average true range.
    stop_multiple : distance of the stop, in ATR.
    target_multiple : gain at which half is taken off, in ATR.
    add_multiple : gain since the last unit at which another is added, in ATR.
    max_units : entries in one direction, the first included; 1 never adds.
    calm : highest `context.volatility` (a fraction a year) at which units are opened.
    risk : fraction of equity that one unit loses when its stop fills at its price.

    """

    entry: float = bs.param(0.5, 3.0, default=1.0)
    exit: float = bs.param(-1.0, 0.5, default=0.0)
    window: int = bs.param(5, 100, log=True, default=20)
    stop_multiple: float = bs.param(1.0, 6.0, step=0.25, default=3.0)
    target_multiple: float = bs.param(1.0, 8.0, default=4.0)
    add_multiple: float = bs.param(0.25, 3.0, default=1.0)
    max_units: int = bs.param(1, 4, default=2)
    calm: float = bs.param(0.15, 0.6, default=0.4)
    risk: float = bs.param(0.0025, 0.02, log=True, default=0.01)

    LARGEST = 0.2  # share of the buying power left that one order may take: five assets can enter at the same close

    stop: bs.PerAsset[int] = bs.state(0, per_asset=True)  # id of the stop that protects the position
    units: bs.PerAsset[int] = bs.state(0, per_asset=True)  # entries of the present position
    last_price: bs.PerAsset[float] = bs.state(0.0, per_asset=True)  # close at which the last unit was asked for
    halved: bs.PerAsset[bool] = bs.state(False, per_asset=True)  # whether half has been taken off

    def features(self) -> Mapping[str, pl.Expr]:
        """Return the average true range, and the signal one bar ago, which tells a crossing."""
        high, low, before = pl.col("high"), pl.col("low"), pl.col("close").shift(1)
        true_range = pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())
        return {"atr": true_range.rolling_mean(self.window), "previous_pred": pl.col("pred").shift(1)}

    def wake(self) -> bs.Condition:
        """While there is no position, only the crossings matter."""
        upwards = bs.above("pred", "entry") & bs.below("previous_pred", "entry")
        downwards = bs.below("pred", "-entry") & bs.above("previous_pred", "-entry")
        return upwards | downwards

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: Context, broker: bs.Broker) -> None:
        """Look after what is held; open what the signal asks for."""
        is_calm = context.volatility <= self.calm
        for i in range(data.count):
            bar = data[i]
            quantity = broker.get_position(bar.asset).quantity
            if quantity != 0.0:
                self.look_after(bar, quantity, is_calm, broker)
            elif is_calm and broker.count_open_orders(bar.asset) == 0:
                if bar.previous_pred < self.entry < bar.pred:
                    self.enter(bar, 1.0, broker)
                elif bar.previous_pred > -self.entry > bar.pred:
                    self.enter(bar, -1.0, broker)

    def enter(self, bar: Bar, side: float, broker: bs.Broker) -> None:
        """Ask for the first unit and for the stop that protects it."""
        level = bar.close - side * self.stop_multiple * bar.atr
        if level > 0.0:  # neither missing nor below what a price can be
            quantity = self.size(bar, side, broker)
            order = broker.submit_order(bar.asset, quantity)
            self.stop[bar.asset] = broker.submit_order(bar.asset, -quantity, bs.STOP, stop_price=level, parent=order)
            self.units[bar.asset] = 1
            self.last_price[bar.asset] = bar.close
            self.halved[bar.asset] = False

    def look_after(self, bar: Bar, quantity: float, is_calm: bool, broker: bs.Broker) -> None:
        """Close, take half off or add; in any case let the stop follow."""
        asset = bar.asset
        side = 1.0 if quantity > 0.0 else -1.0
        gain = self.gain_since(broker.get_position(asset).entry_price, bar, side)
        if side * bar.pred < self.exit:
            broker.close_position(asset)
        elif gain >= self.target_multiple and not self.halved[asset]:
            broker.order_target_quantity(asset, quantity / 2.0)
            self.halved[asset] = True
        level = self.move_stop(bar, side, quantity, broker)
        if (
            is_calm
            and self.units[asset] < self.max_units
            and not self.halved[asset]
            and side * bar.pred > self.entry
            and self.gain_since(self.last_price[asset], bar, side) >= self.add_multiple
        ):
            more = self.size(bar, side, broker)
            order = broker.submit_order(asset, more)
            broker.submit_order(asset, -more, bs.STOP, stop_price=level, parent=order)
            self.units[asset] += 1
            self.last_price[asset] = bar.close

    def move_stop(self, bar: Bar, side: float, quantity: float, broker: bs.Broker) -> float:
        """Fit the stop to the position, and to price and volatility where that brings it closer; give its level."""
        stop = self.stop[bar.asset]
        level = broker.get_order(stop).stop_price
        wanted = bar.close - side * self.stop_multiple * bar.atr
        if side * wanted > side * level:
            level = wanted
        broker.update_order(stop, quantity=-quantity, stop_price=level)
        return level

    def gain_since(self, price: float, bar: Bar, side: float) -> float:
        """Return the move in the position's favour since `price`, in ATR."""
        return side * (bar.close - price) / bar.atr

    def size(self, bar: Bar, side: float, broker: bs.Broker) -> float:
        """Return the signed units of which the stop loses `risk` of equity, within a share of the buying power."""
        units = self.risk * broker.get_equity() / (self.stop_multiple * bar.atr)
        most = self.LARGEST * broker.get_buying_power() / bar.close
        return side * min(units, most)

"""Opening range breakout: buy above, or sell below, the range of the first minutes; flat at the close.

T. Crabel, "Day Trading with Short Term Price Patterns and Opening Range Breakout", 1990.

Rules, at the close of every bar:

- The range of a session is that of its first `minutes`.
- After it, the first close above its high is bought, the first below its low sold short, once a session for each asset,
  up to two hours before the close. The stop is at the other side of the range; there it loses `risk` of equity.
- What is open is closed at the session's last close.

Times are those of the asset's own sessions: half days end earlier, and everything with them.
"""

from __future__ import annotations

import polars as pl

import backsweep as bs

OPEN = 9 * 60 + 30  # minutes of the local day


class Bar(bs.Bar):
    """A bar with its features."""

    highest: float
    lowest: float


class OpeningRange(bs.Strategy):
    """Trade the break of the opening range, with a stop at its other side.

    Parameters
    ----------
    minutes : length of the range.
    risk : fraction of equity that a trade loses when its stop fills at its price.
    largest : most of equity that one position may be.

    """

    minutes: int = bs.param(15, 60, step=15, default=30)
    risk: float = bs.param(0.001, 0.01, default=0.003)
    largest: float = bs.param(0.2, 2.0, default=0.6)

    traded: bs.PerAsset[int] = bs.state(-1, per_asset=True)  # the session of the last entry

    def features(self) -> dict[str, pl.Expr]:
        """Return high and low of the range so far; after it, those of the whole range."""
        opening = pl.col("time_of_day") <= OPEN + self.minutes  # bars are stamped at their ends
        high = pl.when(opening).then(pl.col("high")).cum_max().forward_fill().over("session")
        low = pl.when(opening).then(pl.col("low")).cum_min().forward_fill().over("session")
        return {"highest": high, "lowest": low}

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Close at the session's end what is open, and look for a break where nothing is."""
        for i in range(data.count):
            bar = data[i]
            if broker.get_position(bar.asset).quantity != 0.0:
                if bar.minutes_to_close > 0:
                    broker.flatten(bar.asset)
            elif self.traded[bar.asset] < data.session and bar.minutes_to_close >= 120 and self.is_over(bar):
                self.enter(bar, data.session, broker)

    def is_over(self, bar: Bar) -> bool:
        """Return whether the opening range is complete."""
        return bar.time_of_day > OPEN + self.minutes

    def enter(self, bar: Bar, session: int, broker: bs.Broker) -> None:
        """Ask for a position with its stop, if the close is outside of the range."""
        side = 1.0 if bar.close > bar.highest else -1.0 if bar.close < bar.lowest else 0.0
        if side != 0.0:
            stop = bar.lowest if side > 0.0 else bar.highest
            units = broker.size_by_risk(bar.asset, abs(bar.close - stop), self.risk)
            most = self.largest * broker.get_equity() / bar.close
            broker.submit_bracket(bar.asset, side * min(units, most), stop_loss=stop)
            self.traded[bar.asset] = session

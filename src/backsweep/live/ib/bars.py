"""Bars from Interactive Brokers: history to begin with, then every bar when it is complete.

A bar is stamped with its beginning, as the broker does. It is complete when a later one has begun or its time is over;
a timestep is complete when every asset has its bar, or has none after `patience` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.dataset import DataSpec, Shard, shard_from_frames
from backsweep.dataset.sessions import time_to_date
from backsweep.errors import BadInput
from backsweep.live.timestep import Timestep, make_timestep
from backsweep.sweepfile.trial import read_section

if TYPE_CHECKING:
    from ib_async import IB, BarData, Contract

SIZES = {"sec": 1, "secs": 1, "min": 60, "mins": 60, "hour": 3600, "hours": 3600}


class Bars:
    """The bars of some contracts.

    Parameters
    ----------
    ib : connected. contracts : by the asset's name.
    bar_size : `1 day`, `1 hour`, `5 mins` and so on, in the broker's words.
    what : TRADES, MIDPOINT, ...; regular : regular trading hours only.
    session_start : local time of the exchange at which its sessions begin, as in `data.session_start`.
    patience : seconds that a timestep waits for the bar of an asset that does not trade.
    clock : gives the time now, UTC.

    """

    def __init__(
        self,
        ib: IB,
        contracts: Mapping[str, Contract],
        *,
        bar_size: str = "1 day",
        what: str = "TRADES",
        regular: bool = True,
        session_start: str = "00:00",
        patience: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ib = ib
        self._contracts = {name: contracts[name] for name in sorted(contracts)}
        self._options: dict[str, Any] = {
            "barSizeSetting": bar_size,
            "whatToShow": what,
            "useRTH": regular,
            "formatDate": 2,
        }
        given = read_section(DataSpec, "data", {"bars": "broker", "session_start": session_start})
        self._to_date = time_to_date(given.session_time)
        self._daily = bar_size.endswith("day")
        self._size = _length(bar_size)
        self._patience = patience
        self._clock = clock
        self._last: int | None = None
        self._sessions: list[date] = []
        self._closes: dict[date, datetime] = {}

    def history(self, duration: str) -> Shard:
        """Return the complete bars of the last `duration` (`6 M`, `30 D`), for a session's history."""
        frames = []
        for name, contract in self._contracts.items():
            found = self._ib.reqHistoricalData(contract, "", duration, **self._options)
            frames.append(self._frame(name, [bar for bar in found if self._is_over(bar)]))
        bars = pl.concat(frames)
        if bars.is_empty():
            raise BadInput("the broker has no history", expected=duration, remedy="ask for a longer duration")
        shard = shard_from_frames(bars)
        self._last = int(shard.rows["timestamp"][-1])
        return shard

    def timesteps(self, duration: str = "2 D") -> Iterator[Timestep]:
        """Yield every timestep after the history, as it becomes complete, for as long as the connection lives."""
        lists = {
            name: self._ib.reqHistoricalData(contract, "", duration, keepUpToDate=True, **self._options)
            for name, contract in self._contracts.items()
        }
        since: float | None = None
        while self._ib.isConnected():
            ready = {name: self._complete(bars) for name, bars in lists.items()}
            times = [_stamp(bars[0]) for bars in ready.values() if bars]
            if times:
                now = min(times)
                since = since or time.monotonic()
                if all(ready.values()) or time.monotonic() - since > self._patience:
                    since = None
                    self._last = now
                    yield self._timestep(
                        {name: bars[0] for name, bars in ready.items() if bars and _stamp(bars[0]) == now}
                    )
                    continue
            self._ib.waitOnUpdate(timeout=1.0)

    def _complete(self, bars: list[BarData]) -> list[BarData]:
        """Return the complete bars after the last timestep."""
        done = [bar for index, bar in enumerate(bars) if index < len(bars) - 1 or self._is_over(bar)]
        return [bar for bar in done if self._last is None or _stamp(bar) > self._last]

    def _timestep(self, bars: dict[str, BarData]) -> Timestep:
        frame = pl.concat(self._frame(name, [bar]) for name, bar in bars.items())
        bar = next(iter(bars.values()))
        day = self._day(bar)
        if not self._sessions or day > self._sessions[-1]:
            self._sessions.append(day)
        left = timedelta() if self._daily else self._close_of(day) - self._size - _start(bar)
        return make_timestep(
            tuple(self._contracts),
            frame,
            session=len(self._sessions) - 1,
            last_of_session=left <= timedelta(),
            minutes_to_close=dict.fromkeys(bars, max(0, left // timedelta(minutes=1))),
        )

    def _frame(self, asset: str, bars: list[BarData]) -> pl.DataFrame:
        """Return bars as a frame whose times are on the exchange's clock; days have none."""
        zone = "UTC" if self._daily else str(getattr(self._zone(), "key", "UTC"))
        return _frame(asset, bars).with_columns(pl.col("timestamp").dt.convert_time_zone(zone))

    def _is_over(self, bar: BarData) -> bool:
        end = self._close_of(self._day(bar)) if self._daily else _start(bar) + self._size
        return self._clock() >= end

    def _day(self, bar: BarData) -> date:
        if not isinstance(bar.date, datetime):
            return bar.date
        return (bar.date.astimezone(self._zone()).replace(tzinfo=None) + self._to_date).date()

    def _zone(self) -> Any:
        closes = next(iter(self._hours().values()), None)
        return closes.tzinfo if closes else UTC

    def _close_of(self, day: date) -> datetime:
        """Return the end of a day's trading; a day that the calendar does not name any more is over."""
        hours = self._hours()
        if day in hours:
            return hours[day]
        return _midnight(day) + timedelta(days=1)

    def _hours(self) -> dict[date, datetime]:
        """Return the close of each day that the exchange's calendar names, by day; asked for once a day."""
        today = self._clock().date()
        if today not in self._closes:
            contract = next(iter(self._contracts.values()))
            for details in self._ib.reqContractDetails(contract)[:1]:
                for session in details.liquidSessions():
                    self._closes[session.end.date()] = session.end
            self._closes.setdefault(today, _midnight(today) + timedelta(days=1))
        return self._closes


def _length(bar_size: str) -> timedelta:
    count, _, unit = bar_size.partition(" ")
    if unit == "day":
        return timedelta(days=1)
    if unit not in SIZES or not count.isdigit():
        raise BadInput(
            f"bar size {bar_size!r} is not known", expected="1 day, 1 hour, 5 mins and so on", found=bar_size
        )
    return timedelta(seconds=int(count) * SIZES[unit])


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _start(bar: BarData) -> datetime:
    return bar.date if isinstance(bar.date, datetime) else _midnight(bar.date)


def _stamp(bar: BarData) -> int:
    return round(_start(bar).timestamp()) * 1_000_000_000


def _frame(asset: str, bars: list[BarData]) -> pl.DataFrame:
    prices = {name: [float(getattr(bar, name)) for bar in bars] for name in ("open", "high", "low", "close", "volume")}
    schema = {"timestamp": pl.Int64, "asset": pl.String} | dict.fromkeys(prices, pl.Float64)
    frame = pl.DataFrame({"timestamp": [_stamp(bar) for bar in bars], "asset": asset, **prices}, schema=schema)
    return frame.with_columns(pl.from_epoch("timestamp", time_unit="ns").dt.replace_time_zone("UTC"))

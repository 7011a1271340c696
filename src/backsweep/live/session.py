"""A strategy on bars that arrive one by one.

The strategy runs interpreted, through the same views as in a backtest. Its features are evaluated over the
history that the session keeps, and of them it sees the last values; `wake` is not asked, since it changes the speed and
never the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from backsweep.bars import Context, Data
from backsweep.dataset.sessions import sessions_of
from backsweep.errors import BadInput
from backsweep.live.timestep import Timestep
from backsweep.strategy import Bound, BoundParts, Strategy, bind, broker_of_part, explain, parts_of
from backsweep.trial.market import Market, columns_record
from backsweep.trial.part_features import features_of
from backsweep.trial.part_market import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.broker import Broker
    from backsweep.dataset import Shard
    from backsweep.live.protocol import StrategyBroker, Venue


class Session:
    """Calls a strategy at every timestep and passes its requests to a venue.

    Parameters
    ----------
    strategy : an instance.
    venue : where requests go; its assets are those of the session.
    history : bars before the first timestep, for features that look back.
    keep : how many timestamps of history features may look back on; None keeps all.

    """

    def __init__(
        self, strategy: Strategy, venue: Venue, *, history: Shard | None = None, keep: int | None = None
    ) -> None:
        if history is not None and history.assets != venue.assets:
            raise BadInput(
                "the history is not of the session's assets",
                expected=", ".join(venue.assets),
                found=", ".join(history.assets),
            )
        self._strategy = strategy
        self._strategy = strategy
        self._parts = tuple(parts_of(type(strategy)))
        kept = getattr(venue, "parts", 1)
        if kept != max(1, len(self._parts)):
            raise BadInput(
                f"{type(strategy).__name__} is a combination of {len(self._parts)} parts"
                if self._parts
                else f"{type(strategy).__name__} has no parts",
                expected="a venue that keeps positions and orders of each part apart, and of no others",
                found=f"a {type(venue).__name__} for {kept}",
                remedy=f"PaperVenue(assets, parts={max(1, len(self._parts))}); at a broker, an account for each part",
            )
        self._venue = venue
        self._keep = keep
        self._rows = history.rows if history is not None else None
        bound = bind(type(strategy))
        values = bound.new_values(strategy)
        memory = bound.new_memory(len(venue.assets))
        self._tables = (values, memory)  # the views read and write them
        self._deciders = list(_deciders(bound, *bound.arguments(values, memory)))

    def on_bars(self, timestep: Timestep) -> None:
        """Process one timestep: the venue fills what is due, then the strategy decides. Times must ascend.

        Raises StrategyError where the strategy raises, BadInput for a timestep that is not after the last one.
        """
        rows = timestep.shard.rows
        if self._rows is not None and timestep.timestamp <= self._rows["timestamp"][-1]:
            raise BadInput(
                "timesteps must ascend in time",
                expected=f"after {self._rows['timestamp'][-1]}",
                found=str(timestep.timestamp),
            )
        self._rows = rows if self._rows is None else pl.concat([self._rows, rows], rechunk=True)
        if self._keep is not None and (times := self._rows["timestamp"].unique().sort()).len() > self._keep:
            self._rows = self._rows.filter(pl.col("timestamp") >= times[-self._keep])
        market = timestep.pack()
        features = self._features(market, rows.height)  # kept alive: the views have the columns' addresses
        columns, _ = addresses_of(self._parts, market.signals, features)
        series = columns_record(market.context)

        def decide(broker: StrategyBroker) -> None:
            for part, (cls, own, limited) in zip(self._parts or ("",), self._deciders, strict=True):
                known = columns[part] if part else columns
                data, context = Data(market.bars[0], known[0], market.groups[0]), Context(series[0], 0)
                try:
                    cls.on_data(own, timestep.timestamp, data, context, limited(broker))
                except Exception as error:
                    raise explain(cls, error, known.dtype.names or (), tuple(market.context)) from error

        self._venue.step(timestep, decide)

    def _features(self, market: Market, count: int) -> Mapping[str, NDArray[np.float64]]:
        """Return the features of the latest rows."""
        assert self._rows is not None  # noqa: S101 - `on_bars` has put the latest rows there
        clock, per_year = market.sessions.clock, market.sessions.per_year
        sessions = sessions_of(self._rows["timestamp"], clock, per_year)
        known = replace(market, rows=self._rows, sessions=sessions)
        found = features_of(known, type(self._strategy)).columns(self._strategy)
        return {name: values[-count:] for name, values in found.items()}


def _deciders(bound: Bound, values: Any, memory: Any) -> Iterator[tuple[type[Strategy], Any, Callable[[Any], Broker]]]:
    """Yield who decides, in order: a class, what stands for `self`, and how it sees the venue's broker."""
    if not isinstance(bound, BoundParts):
        yield bound.cls, bound.view(values, *memory), lambda broker: cast("Broker", broker)
    else:
        for place, (name, part) in enumerate(bound.parts.items()):
            own = values[name]
            limited = partial(broker_of_part, place, len(bound.parts), own["weight"])
            yield part.cls, part.view(own["values"], *memory[place]), limited

"""A strategy on bars that arrive one by one.

The strategy runs interpreted, through the same views as in a backtest. Its features are evaluated over the
history that the session keeps, and of them it sees the last values; `wake` is not asked, since it changes the speed and
never the result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from backsweep.bars import Context, Data
from backsweep.dataset.sessions import sessions_of
from backsweep.errors import BadInput
from backsweep.live.timestep import Timestep
from backsweep.strategy import Strategy, bind, explain
from backsweep.trial.features import Features
from backsweep.trial.market import Market, columns_record

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        self._venue = venue
        self._keep = keep
        self._rows = history.rows if history is not None else None
        bound = bind(type(strategy))
        values = bound.new_values(strategy)
        memory = bound.new_memory(len(venue.assets))
        self._tables = (values, memory)  # the view reads and writes them
        self._self: Any = bound.view(values[0], *(table[0] for table in memory))

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
        columns = {**market.signals, **self._features(market, rows.height)}
        shown = columns_record(columns), columns_record(market.context), market.groups, market.bars
        cls = type(self._strategy)

        def decide(broker: StrategyBroker) -> None:
            data = Data(shown[3][0], shown[0][0], shown[2][0])
            try:
                cls.on_data(self._self, timestep.timestamp, data, Context(shown[1][0], 0), cast("Broker", broker))
            except Exception as error:
                raise explain(cls, error, list(columns), tuple(market.context)) from error

        self._venue.step(timestep, decide)

    def _features(self, market: Market, count: int) -> Mapping[str, NDArray[np.float64]]:
        """Return the features of the latest rows."""
        assert self._rows is not None  # noqa: S101 - `on_bars` has put the latest rows there
        clock, per_year = market.sessions.clock, market.sessions.per_year
        sessions = sessions_of(self._rows["timestamp"], clock, per_year)
        found = Features(replace(market, rows=self._rows, sessions=sessions)).columns(self._strategy)
        return {name: values[-count:] for name, values in found.items()}

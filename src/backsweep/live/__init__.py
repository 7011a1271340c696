"""The same strategy class on bars that arrive one by one: on paper, or at a broker.

    session = live.Session(Threshold(entry=1.5), live.PaperVenue(["SPY", "TLT"], account={"cash": 1e6}))
    for timestep in feed:
        session.on_bars(timestep)

A `Session` calls the strategy, interpreted, with each timestep's bars and passes its requests to a `Venue`:
`PaperVenue` is the backtest's own engine, one bar at a time, and `backsweep.live.ib` (the extra `backsweep[ib]`) a real
broker. `replay` runs a backtest's data through a session on paper: the fills are those of the backtest.
"""

from backsweep.live.paper import PaperVenue, replay
from backsweep.live.protocol import StrategyBroker, Venue
from backsweep.live.session import Session
from backsweep.live.timestep import Timestep, make_timestep, timesteps

__all__ = ["PaperVenue", "Session", "StrategyBroker", "Timestep", "Venue", "make_timestep", "replay", "timesteps"]

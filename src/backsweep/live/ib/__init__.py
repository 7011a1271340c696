"""Interactive Brokers, through the package `ib_async`: the extra `backsweep[ib]`.

    ib = ib_async.IB()
    ib.connect("127.0.0.1", 4002, clientId=7)
    contracts = {"SPY": ib_async.Stock("SPY", "SMART", "USD"), "TLT": ib_async.Stock("TLT", "SMART", "USD")}
    venue = InteractiveBrokers(ib, contracts)
    bars = Bars(ib, contracts, bar_size="1 hour")
    session = live.Session(Threshold(entry=1.5), venue, history=bars.history("6 M"))
    for timestep in bars.timesteps():
        session.on_bars(timestep)

What differs from the backtest, because the broker decides it: when and at which price orders fill, which orders it
takes, what it holds back as margin; an order that a broker ends at the end of the day is `cancelled` there, not
`expired`. A strategy's own memory (`bs.state`) begins anew with the process, while orders and positions go on.
"""

from backsweep.live.ib.bars import Bars
from backsweep.live.ib.venue import InteractiveBrokers

__all__ = ["Bars", "InteractiveBrokers"]

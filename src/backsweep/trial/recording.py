"""A run with full records, in logs that are large enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backsweep.trial.runner import LogFull, Runner, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.trial.market import Market

FIRST_LOG = 4096


@dataclass(frozen=True)
class Stretch:
    """Sessions `first` to before `last` of a run that begins at session `start`; `flat`: it ends without positions."""

    start: int
    first: int
    last: int
    flat: bool = False


@dataclass(frozen=True, eq=False)
class Recording:
    """A runner whose logs hold a stretch; `skipped` are the fills, trades, orders and cash flows from before it."""

    runner: Runner
    stretch: Stretch
    skipped: tuple[int, int, int, int] = (0, 0, 0, 0)


def record(
    market: Market,
    cls: type[Strategy],
    settings: Settings,
    values: NDArray[np.float64],
    stretch: Stretch | None = None,
    **options: Any,
) -> Recording:
    """Run one trial over a stretch, or the whole market, with full records in logs that are large enough.

    `options` are those of Runner.
    """
    stretch = stretch or Stretch(0, 0, len(market.session_ends))
    capacity = FIRST_LOG
    while True:
        runner = Runner(market, cls, settings, log_capacity=capacity, **options)
        try:
            runner.take(values)
            carried = stretch.start < stretch.first
            if carried:
                runner.go(stretch.start, stretch.first)
            account = runner.tables.account[0]
            logged = (account.fills_logged, account.trades_logged, account.orders_logged, account.flows_logged)
            fills, trades, orders, flows = (int(count) if carried else 0 for count in logged)
            runner.go(stretch.first, stretch.last, carried=carried, flat=stretch.flat)
        except LogFull:
            capacity *= 4
        else:
            return Recording(runner, stretch, (fills, trades, orders, flows))

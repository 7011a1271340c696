"""A run with full records, in logs that are large enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backsweep.trial.runner import LogFull, Runner, Settings
from backsweep.trial.session_range import SessionRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.trial.market import Market

FIRST_LOG = 4096


@dataclass(frozen=True)
class ReplayPlan:
    """The sessions to record, of a run that begins with session `start`; `flat`: it ends without positions."""

    sessions: SessionRange
    start: int
    flat: bool = False


@dataclass(frozen=True, eq=False)
class Recording:
    """A runner whose logs hold `sessions`; `skipped` are the fills, trades, orders and cash flows from before."""

    runner: Runner
    sessions: SessionRange
    skipped: tuple[int, int, int, int] = (0, 0, 0, 0)


def record(
    market: Market,
    cls: type[Strategy],
    settings: Settings,
    values: NDArray[np.float64],
    plan: ReplayPlan | None = None,
    **options: Any,
) -> Recording:
    """Run one trial as planned, or over the whole market, with full records in logs that are large enough.

    `options` are those of Runner.
    """
    plan = plan or ReplayPlan(SessionRange(0, len(market.sessions.ends)), 0)
    capacity = FIRST_LOG
    while True:
        runner = Runner(market, cls, settings, log_capacity=capacity, **options)
        try:
            runner.take(values)
            carried = plan.start < plan.sessions.first
            if carried:
                runner.go(SessionRange(plan.start, plan.sessions.first))
            cursor = runner.tables.cursor[0]
            logged = (cursor.fills_logged, cursor.trades_logged, cursor.orders_logged, cursor.flows_logged)
            fills, trades, orders, flows = (int(count) if carried else 0 for count in logged)
            runner.go(plan.sessions, carried=carried, flat=plan.flat)
        except LogFull:
            capacity *= 4
        else:
            return Recording(runner, plan.sessions, (fills, trades, orders, flows))

"""Early stop: a run that breaks a limit of `search.pruning` ends, checked at the end of each session.

Four fields of the call rule it: `early_stop` (1: check), `drawdown_limit`, `trades_needed` and `trades_due` (the
session at whose end so many trades must be closed, or NONE).
"""

from __future__ import annotations

from backsweep.engine.codes import NO_FAILURE, PRUNED_DRAWDOWN, PRUNED_RUIN, PRUNED_TRADES
from backsweep.engine.compile.kernel import large_kernel
from backsweep.engine.state import State


@large_kernel
def check_early_stop(state: State, session: int) -> None:
    """End the run if the account breaks a limit at a session's end; the drawdown is that of `max_drawdown`."""
    account = state.account
    cursor = state.cursor
    call = state.call
    if cursor.failure != NO_FAILURE:
        return
    fall = 1.0 - account.equity / account.peak
    account.peak = max(account.peak, account.equity)
    if account.equity <= 0.0:
        cursor.failure = PRUNED_RUIN
    elif fall > call.drawdown_limit:
        cursor.failure = PRUNED_DRAWDOWN
    elif session == call.trades_due and state.counters.trades < call.trades_needed:
        cursor.failure = PRUNED_TRADES

"""Ending a hopeless run early: looked at once a session, at its end, and only where the account says so.

Four fields of the account rule it, and are set before each call of the loop: `watched` (1: look), `drawdown_limit`,
`trades_needed` and `trades_due` (the session at whose end so many trades must be closed, or NONE).
"""

from __future__ import annotations

from backsweep.engine.codes import NO_FAILURE, PRUNED_DRAWDOWN, PRUNED_RUIN, PRUNED_TRADES
from backsweep.engine.compile.kernel import kernel
from backsweep.engine.state import State


@kernel
def check_early_stop(state: State, session: int) -> None:
    """Look at the account at the end of a session; the drawdown is that of the metric `max_drawdown`."""
    account = state.account
    if account.failure != NO_FAILURE:
        return
    fall = 1.0 - account.equity / account.peak
    account.peak = max(account.peak, account.equity)
    if account.equity <= 0.0:
        account.failure = PRUNED_RUIN
    elif fall > account.drawdown_limit:
        account.failure = PRUNED_DRAWDOWN
    elif session == account.trades_due and account.trades < account.trades_needed:
        account.failure = PRUNED_TRADES

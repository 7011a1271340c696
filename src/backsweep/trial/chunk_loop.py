"""Many trials in one compiled call: the only way in which the loop is called.

For each trial its words go to their places; its runs follow one another, each over some groups; what they leave is
added up by ranges of sessions, and summarised segment by segment. A call ends at the first trial that fails, whose
state is there to be read; the next call has those behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import config

from backsweep.engine.codes import CARRIED, FRESH, NO_FAILURE, NONE, PRUNED_DRAWDOWN, PRUNED_RUIN, PRUNED_TRADES
from backsweep.engine.compile.kernel import kernel, large_kernel, linked
from backsweep.engine.compile.loop_cache import compile_loop
from backsweep.engine.state import State, open_state, point_assets
from backsweep.metrics.reasons import PRUNED_BY_DRAWDOWN, PRUNED_BY_RUIN, PRUNED_BY_TRADES, PRUNED_BY_TRAINING
from backsweep.metrics.summary import METRICS
from backsweep.trial.assignment import assign
from backsweep.trial.range_sums import add_run
from backsweep.trial.summaries import Curves, summarise_ranges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Bound

_SESSIONS = METRICS.index("sessions")


class Job(NamedTuple):
    """What a call works on, and writes.

    Attributes
    ----------
    rows : int64[m], the trials to run, as rows of `words` and of the figures.
    words : int64[k, columns], what differs between trials; see `assignment`.
    places, resets : records of PLACE, where words go, and the initial values of the strategy's variables.
    runs, slots : records of RUN and SLOT, for every trial.
    parts : int64, places in `ranges` of the slots' ranges.
    ranges : records of RANGE.
    edges : int64[accounts, sessions + 1], the group at which each session begins for each account.
    assets : records of ASSET, those of an account from its number on.
    counters : float64[HEAD], those of the run at hand.
    sums : float64[k, width], what each trial leaves, or float64[1, width], overwritten by each.
    ended : int64[ranges, 2], of a trial, why a run was pruned, 0 for not at all, and after how many sessions.
    pruned : int64[folds], of a trial, whether the fold's training was.
    metrics, reasons, returns : float64, uint8[k, slots, len(METRICS)] and float32[k, width of returns].
    progress : int64[3], the place in `rows` and the run that the call stands at; and how many fills there were.

    """

    rows: NDArray[np.int64]
    words: NDArray[np.int64]
    places: NDArray[Any]
    resets: NDArray[Any]
    runs: NDArray[Any]
    slots: NDArray[Any]
    parts: NDArray[np.int64]
    ranges: NDArray[Any]
    edges: NDArray[np.int64]
    assets: NDArray[Any]
    counters: NDArray[np.float64]
    sums: NDArray[np.float64]
    ended: NDArray[np.int64]
    pruned: NDArray[np.int64]
    curves: Curves
    periods_per_year: float
    metrics: NDArray[np.float64]
    reasons: NDArray[np.uint8]
    returns: NDArray[np.float32]
    progress: NDArray[np.int64]


_COMPILED: dict[type[Any], Callable[..., None]] = {}


def chunk_loop(bound: Bound, *, compiled: bool) -> Callable[..., None]:
    """Return the function that runs a strategy's chunks: as plain Python, or compiled at its first call."""
    if not compiled or config.DISABLE_JIT:
        return make_chunk_loop(bound.loop, lambda function: function)
    if bound.cls not in _COMPILED:
        _COMPILED[bound.cls] = compile_loop(make_chunk_loop(bound.loop, linked), bound.fingerprint)
    return _COMPILED[bound.cls]


def make_chunk_loop(loop: Callable[..., None], register: Callable[[Any], Any]) -> Callable[..., None]:
    """Return the function that runs a job's trials, up to the first that fails.

    `register` makes a strategy's loop known to the compiler; all else is the same for all strategies, and kernels.
    """
    run_loop = register(loop)

    def run_chunk(handle: Any, market: Any, values: Any, memory: Any, job: Any) -> None:
        state = open_state(handle)
        for at in range(job.rows.size):
            row = job.rows[at]
            words, sums = job.words[row], job.sums[min(row, job.sums.shape[0] - 1)]
            begin_trial(job, at, words, sums)
            for index in range(job.runs.size):
                run = job.runs[index]
                job.progress[1] = index
                if is_hopeless(job, run):
                    continue
                equity, gross = begin_run(handle, state, job.assets, run)
                ran = run.first < run.last or run.place == NONE
                if ran:
                    if run.carried == FRESH:
                        assign(job.resets, words)
                    run_loop(handle, market, values, memory, run.first, run.last)
                    job.progress[2] += int(state.counters.fills)
                    reason = reason_of(state)
                    if reason == NONE:
                        return
                    if reason > 0:
                        note_pruned(job, run, reason, state.cursor.sessions)
                        continue
                add_to_range(job, run, state, equity, gross, ran, sums)
            for index in range(job.slots.size):
                summarise_slot(job, index, row, sums)
        job.progress[0] = job.rows.size

    return run_chunk


@kernel
def begin_trial(job: Any, at: int, words: NDArray[np.int64], sums: NDArray[np.float64]) -> None:
    """Write a trial's words to their places, and begin its sums anew."""
    job.progress[0] = at
    job.pruned[:] = 0
    job.ended[:] = 0
    sums[:] = 0.0
    assign(job.places, words)


@kernel
def is_hopeless(job: Any, run: Any) -> bool:
    """Return whether the run's fold was pruned in its training, and note that."""
    if run.fold == NONE or job.pruned[run.fold] == 0:
        return False
    job.ended[run.place, 0] = PRUNED_BY_TRAINING
    return True


@kernel
def begin_run(handle: Any, state: State, assets: Any, run: Any) -> tuple[float, float]:
    """Set the account and the arguments of the loop's call for one run; returns equity and gross value before it."""
    point_assets(handle, assets, run.account)
    call = state.call
    call.carried = run.carried
    call.earlier_assets = run.earlier_assets
    call.flat_at = run.flat_at
    call.first_seen = run.first_seen
    call.first_action = run.first_action
    call.next_action = run.next_action
    call.early_stop = run.early_stop
    call.drawdown_limit = run.drawdown_limit
    call.trades_needed = run.trades_needed
    call.trades_due = run.trades_due
    if run.carried == CARRIED:
        return state.account.equity, state.account.gross
    return state.rules.cash, 0.0


@kernel
def reason_of(state: State) -> int:
    """Return the reason code of a run that was pruned, NONE of one that failed, 0 of one that is whole."""
    failure, account = state.cursor.failure, state.account
    if failure == PRUNED_DRAWDOWN:
        return PRUNED_BY_DRAWDOWN
    if failure == PRUNED_TRADES:
        return PRUNED_BY_TRADES
    if failure == PRUNED_RUIN:
        return PRUNED_BY_RUIN
    whole = failure == NO_FAILURE and np.isfinite(account.equity) and np.isfinite(account.cash)
    return 0 if whole else NONE


@large_kernel
def add_to_range(
    job: Any, run: Any, state: State, equity: float, gross: float, ran: bool, sums: NDArray[np.float64]
) -> None:
    """Add what a run left to the sums of its range, if it has one; see `add_run`."""
    if run.place != NONE:
        edges, count = job.edges[run.account], job.ranges[run.place].sessions
        add_run(state.sessions, edges, run.session, count, equity, gross, int(ran), sums[run.start :], job.counters)


@kernel
def note_pruned(job: Any, run: Any, reason: int, sessions: int) -> None:
    """Note that a run ended early, so that nothing but that is written of it, and its fold's test is not run."""
    job.ended[run.place, 0] = reason
    job.ended[run.place, 1] = sessions
    if run.fold != NONE:
        job.pruned[run.fold] = 1


@large_kernel
def summarise_slot(job: Any, index: int, row: int, sums: NDArray[np.float64]) -> None:
    """Write a segment's figures; of one that was pruned, how many sessions it had, and why nothing else."""
    slot = job.slots[index]
    metrics, reasons = job.metrics[row, index], job.reasons[row, index]
    places = job.parts[slot.first : slot.first + slot.count]
    reason = job.ended[places[0], 0]
    if reason > 0:
        metrics[:] = np.nan
        reasons[:] = reason
        metrics[_SESSIONS] = job.ended[places[0], 1]
        reasons[_SESSIONS] = 0
        return
    count = summarise_ranges(sums, job.ranges, places, job.periods_per_year, job.curves, metrics, reasons)
    for i in range(count if slot.returns != NONE else 0):
        job.returns[row, slot.returns + i] = job.curves.returns[i]

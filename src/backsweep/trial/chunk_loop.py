"""Many trials in one compiled call: the only way in which the loop is called.

For each trial its words go to their places; its runs follow one another, each over some groups; what they leave is
added up by ranges of sessions, and summarised segment by segment. As many trials as there are `lanes` go through a run
side by side. A call ends at the first trial that fails, whose state is there to be read; the next call has those behind
it. With several lanes it ends at the first of those among which one failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import config

from backsweep.engine.codes import (
    CARRIED,
    CONTINUED,
    FRESH,
    NO_FAILURE,
    NONE,
    PRUNED_DRAWDOWN,
    PRUNED_RUIN,
    PRUNED_TRADES,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, linked
from backsweep.engine.compile.loop_cache import compile_loop
from backsweep.engine.state import State, open_state, point_assets, set_multipliers
from backsweep.metrics.reasons import PRUNED_BY_DRAWDOWN, PRUNED_BY_RUIN, PRUNED_BY_TRADES, PRUNED_BY_TRAINING
from backsweep.metrics.summary import METRICS
from backsweep.trial.assignment import assign
from backsweep.trial.lanes import UNBOUNDED, Lanes, keep_variables
from backsweep.trial.range_sums import add_run
from backsweep.trial.summaries import Curves, summarise_ranges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Bound

_SESSIONS = METRICS.index("sessions")
CALM = 8
"""Where lanes that sleep have fewer orders than that in a window's bars, their next turn is their last."""
RUNNING, ENDED, EMPTY, HOPELESS = range(4)
"""How a lane stands in a run: it goes on, has ended early, has no bars, or is not run after a pruned training."""


class Job(NamedTuple):
    """What a call works on, and writes.

    Attributes
    ----------
    rows : int64[m], the trials to run, as rows of `words` and of the figures.
    words : int64[k, columns], what differs between trials; see `assignment`.
    places, resets : records of PLACE, where words go, and the initial values of the strategy's variables.
    varied : those of `places` whose words are not the same for all the rows.
    runs, slots : records of RUN and SLOT, for every trial.
    parts : int64, places in `ranges` of the slots' ranges.
    ranges : records of RANGE.
    edges : int64[accounts, sessions + 1], the group at which each session begins for each account.
    assets : records of ASSET, those of an account from its number on.
    lanes, window : how many trials go side by side, and how many groups each has before the next goes on.
    sums : float64[k, width], what each trial leaves, or float64[lanes, width], overwritten by the next.
    ended : int64[lanes, ranges, 2], why a run was pruned, 0 for not at all, and after how many sessions.
    pruned : int64[lanes, folds], whether the fold's training was.
    metrics, reasons, returns : float64, uint8[k, slots, len(METRICS)] and float32[k, width of returns].
    progress : int64[3], the place in `rows` and the run that the call stands at; and how many fills there were in the
        trials that did not fail.

    """

    rows: NDArray[np.int64]
    words: NDArray[np.int64]
    places: NDArray[Any]
    varied: NDArray[Any]
    resets: NDArray[Any]
    runs: NDArray[Any]
    slots: NDArray[Any]
    parts: NDArray[np.int64]
    ranges: NDArray[Any]
    edges: NDArray[np.int64]
    assets: NDArray[Any]
    lanes: Lanes
    window: int
    sums: NDArray[np.float64]
    ended: NDArray[np.int64]
    pruned: NDArray[np.int64]
    curves: Curves
    periods_per_year: float
    metrics: NDArray[np.float64]
    reasons: NDArray[np.uint8]
    returns: NDArray[np.float32]
    progress: NDArray[np.int64]

    @property
    def alone(self) -> Job:
        """The same for trials that run one by one."""
        return self._replace(lanes=self.lanes.first, window=UNBOUNDED)


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
    run_turns = register(make_turns(register(loop)))

    def run_chunk(handle: Any, market: Any, values: Any, memory: Any, job: Any) -> None:
        state = open_state(handle)
        for at in range(0, job.rows.size, job.lanes.standing.size):
            lanes = min(job.lanes.standing.size, job.rows.size - at)
            begin_trials(job, at, lanes)
            fills = 0
            for index in range(job.runs.size):
                run = job.runs[index]
                job.progress[1] = index
                run_turns(handle, market, values, memory, job, run, at)
                for lane in range(lanes):
                    filled = end_run(state, job, run, at, lane)
                    if filled == NONE:
                        return
                    fills += filled
            for lane in range(lanes):
                for index in range(job.slots.size):
                    summarise_slot(job, index, at, lane)
            job.progress[2] += fills
        job.progress[0] = job.rows.size

    return run_chunk


def make_turns(run_loop: Callable[..., None]) -> Callable[..., None]:
    """Return the function that takes the trials from `at` on through one run, turn by turn."""

    def run_turns(handle: Any, market: Any, values: Any, memory: Any, job: Any, run: Any, at: int) -> None:
        state = open_state(handle)
        lanes = min(job.lanes.standing.size, job.rows.size - at)
        first, turn, width, orders = run.first, 0, job.window, 0
        while turn == 0 or first < run.last:
            last, before, orders = min(run.last, first + width), orders, 0
            for lane in range(lanes):
                if begin_turn(handle, state, job, run, at, lane, turn):
                    run_loop(handle, market, values, memory, first, last)
                    orders += end_turn(state, job, lane)
            calm = (orders - before) * job.window < CALM * lanes * (last - first)
            width = run.last - last if calm and state.sizes.conditions != NONE else job.window
            first, turn = last, turn + 1

    return run_turns


@kernel
def begin_trials(job: Any, at: int, lanes: int) -> None:
    """Begin the sums of some trials anew; write the words of the first to their places."""
    job.progress[0] = at
    job.pruned[:] = 0
    job.ended[:] = 0
    for lane in range(lanes):
        sums_of(job, at, lane)[:] = 0.0
    assign(job.lanes.homes, job.lanes.addresses[0])
    assign(job.places, job.words[job.rows[at]])


@kernel
def sums_of(job: Any, at: int, lane: int) -> NDArray[np.float64]:
    """Return the sums of a lane's trial."""
    sums: NDArray[np.float64] = job.sums[job.rows[at + lane] if job.sums.shape[0] == job.words.shape[0] else lane]
    return sums


@kernel
def begin_turn(handle: Any, state: State, job: Any, run: Any, at: int, lane: int, turn: int) -> bool:
    """Prepare a lane's next turn of a run; returns whether it has one.

    The first sets the account and the arguments of the loop's call; others continue the run, unless it has ended early.
    """
    lanes, words = job.lanes, job.words[job.rows[at + lane]]
    if turn == 0:
        lanes.standing[lane] = standing_of(job, run, lane)
    if lanes.standing[lane] == HOPELESS or (turn > 0 and lanes.standing[lane] != RUNNING):
        return False
    if lanes.standing.size > 1:
        assign(lanes.homes, lanes.addresses[lane])
        assign(job.varied, words)
        assign(lanes.variables, lanes.kept[lane])
    point_assets(handle, job.assets, run.account)
    if lanes.standing.size > 1:
        set_multipliers(state)
    if turn > 0:
        state.call.carried = CONTINUED
        return True
    begin_run(state, run, lanes.before[lane])
    if run.carried == FRESH and lanes.standing[lane] == RUNNING:
        assign(job.resets, words)
    return bool(lanes.standing[lane] == RUNNING)


@kernel
def standing_of(job: Any, run: Any, lane: int) -> int:
    """Return how a lane stands before a run; note where its fold was pruned in its training."""
    if run.fold != NONE and job.pruned[lane, run.fold] == 1:
        job.ended[lane, run.place, 0] = PRUNED_BY_TRAINING
        return HOPELESS
    return RUNNING if run.first < run.last or run.place == NONE else EMPTY


@kernel
def begin_run(state: State, run: Any, before: NDArray[np.float64]) -> None:
    """Set the arguments of the loop's call for one run; write equity and gross value before it."""
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
    before[0] = state.account.equity if run.carried == CARRIED else state.rules.cash
    before[1] = state.account.gross if run.carried == CARRIED else 0.0


@kernel
def end_turn(state: State, job: Any, lane: int) -> int:
    """Keep what a lane's turn left; a run that has ended early has no other. Returns how many orders it has had."""
    if job.lanes.standing.size > 1:
        keep_variables(job.lanes, lane)
    if state.cursor.failure != NO_FAILURE:
        job.lanes.standing[lane] = ENDED
    return int(state.cursor.next_id)


@kernel
def end_run(state: State, job: Any, run: Any, at: int, lane: int) -> int:
    """Add up or note what a run left in its lane; returns how many fills it had, NONE if it failed."""
    lanes = job.lanes
    if lanes.standing[lane] == HOPELESS:
        return 0
    if lanes.standing.size > 1:
        assign(lanes.homes, lanes.addresses[lane])
    ran = lanes.standing[lane] != EMPTY
    reason = reason_of(state) if ran else 0
    if reason == NONE:
        return NONE
    if reason > 0:
        note_pruned(job, run, lane, reason, state.cursor.sessions)
    else:
        add_to_range(job, run, state, lane, ran, sums_of(job, at, lane))
    return int(state.counters.fills) if ran else 0


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
def add_to_range(job: Any, run: Any, state: State, lane: int, ran: bool, sums: NDArray[np.float64]) -> None:
    """Add what a run left to the sums of its range, if it has one; see `add_run`."""
    if run.place != NONE:
        edges, count = job.edges[run.account], job.ranges[run.place].sessions
        equity, gross = job.lanes.before[lane]
        counters = job.lanes.counters[lane]
        add_run(state.sessions, edges, run.session, count, equity, gross, int(ran), sums[run.start :], counters)


@kernel
def note_pruned(job: Any, run: Any, lane: int, reason: int, sessions: int) -> None:
    """Note that a run ended early, so that nothing but that is written of it, and its fold's test is not run."""
    job.ended[lane, run.place, 0] = reason
    job.ended[lane, run.place, 1] = sessions
    if run.fold != NONE:
        job.pruned[lane, run.fold] = 1


@large_kernel
def summarise_slot(job: Any, index: int, at: int, lane: int) -> None:
    """Write a segment's figures; of one that was pruned, how many sessions it had, and why nothing else."""
    slot, row, ended = job.slots[index], job.rows[at + lane], job.ended[lane]
    metrics, reasons = job.metrics[row, index], job.reasons[row, index]
    places = job.parts[slot.first : slot.first + slot.count]
    reason = ended[places[0], 0]
    if reason > 0:
        metrics[:] = np.nan
        reasons[:] = reason
        metrics[_SESSIONS] = ended[places[0], 1]
        reasons[_SESSIONS] = 0
        return
    sums = sums_of(job, at, lane)
    count = summarise_ranges(sums, job.ranges, places, job.periods_per_year, job.curves, metrics, reasons)
    for i in range(count if slot.returns != NONE else 0):
        job.returns[row, slot.returns + i] = job.curves.returns[i]

"""The pacing of a study: trials per chunk, batches per group, commits, and how far proposals run ahead.

A commit takes 8 to 50 ms and a call to a worker 0.5 ms, whatever the number of trials. So a chunk has as many trials as
a worker runs in a fifth of a second, and what is complete is committed every half a second, or more seldom where a
commit takes long. Where proposals do not wait for outcomes, batches of fast trials form groups: as many whole batches
as all workers run in half a second are proposed and sent together.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from backsweep.trial.contract import DataInfo, Outcome

_CHUNK_SECONDS = 0.2  # long against sending it, short against a group
_LEAST_SECONDS = 0.002  # of a chunk: long against sending it
_GROUP_SECONDS = 0.5  # long against a commit, short against what a driver that is killed may lose
_COMMIT_SHARE = 0.05  # of the time, where commits take longer than usual
_FIRST_CHUNK = 1  # trials, as backends leave a chunk that takes longer than one trial may: 64 slow ones would be lost
_LARGEST_CHUNK, _LARGEST_GROUP = 4096, 16_384  # trials
_CHUNK_BYTES = 2**24  # sums of sleeves that one worker sends to another, 16 bytes a session
_GROUP_BYTES, _AHEAD_BYTES = 2**26, 2**28  # outcomes of a group, and of all that one slow worker can hold back


class Pacing:
    """Sizes of chunks and groups by how long trials take.

    Parameters
    ----------
    batch : trials in a batch.
    chunk : trials in a chunk, or None to choose them by time; with a fixed chunk every group is one batch, and every
        batch a commit.

    """

    def __init__(self, batch: int, chunk: int | None = None) -> None:
        self._batch, self._fixed = batch, chunk
        self._seconds: float | None = None  # that a worker needs for a trial
        self._bytes = 1  # of a trial's outcome
        self._most = _LARGEST_CHUNK
        self._begun, self._done = 0.0, 0
        self._next_commit = 0.0

    def begin(self, info: DataInfo) -> None:
        """Start the clock, and estimate sizes from the data."""
        self._begun = time.monotonic()
        self._next_commit = self._begun + _GROUP_SECONDS
        self._most = max(1, min(_LARGEST_CHUNK, _CHUNK_BYTES // (16 * max(1, info.width))))
        self._bytes = 4 * info.width + 9 * len(info.metrics) * (1 + len(info.segments))

    def update(self, outcome: Outcome, new: int) -> None:
        """Update the time per trial with the duration of a chunk; `new` of its trials had not come back before.

        A chunk without a duration is ignored: its trials did not come back and have failed (`failed_outcome`).
        """
        self._done += new
        seconds = float(np.max(outcome.completed) - np.min(outcome.started)) / len(outcome.numbers)
        if seconds > 0:
            self._seconds = seconds if self._seconds is None else 0.8 * self._seconds + 0.2 * seconds

    def chunk_size(self, count: int, room: int) -> int:
        """Return the trials per chunk: as time allows, and so that `count` trials make `room` chunks worth sending."""
        least = 1 if self._seconds is None else int(_LEAST_SECONDS / self._seconds)
        return self._fixed or max(1, min(self._chunk_by_time(), max(least, math.ceil(count / room))))

    def batches(self, room: int) -> int:
        """Return the batches per group: chunks for `room` workers, and enough that commits are not too frequent."""
        if self._fixed or self._seconds is None:
            return 1
        speed = self._done / max(time.monotonic() - self._begun, 1e-3)
        wanted = max(room * self._chunk_by_time(), int(speed * _GROUP_SECONDS))
        return max(1, min(wanted, _LARGEST_GROUP, _GROUP_BYTES // self._bytes) // self._batch)

    def must_commit(self, complete: int) -> bool:
        """Return whether it is time to commit so many complete trials."""
        late = time.monotonic() >= self._next_commit
        return bool(self._fixed) or late or complete >= min(_LARGEST_GROUP, _GROUP_BYTES // self._bytes)

    def committed(self, seconds: float) -> None:
        """Set the time of the next commit, after one that took so many seconds."""
        self._next_commit = time.monotonic() + max(_GROUP_SECONDS, seconds / _COMMIT_SHARE)

    def is_far(self, ahead: int) -> bool:
        """Return whether so many trials ahead of the oldest unfinished one would need too much memory."""
        return ahead * self._bytes > _AHEAD_BYTES

    def _chunk_by_time(self) -> int:
        if self._seconds is None:
            return min(_FIRST_CHUNK, self._most)
        return max(1, min(self._most, int(_CHUNK_SECONDS / max(self._seconds, 1e-9))))

"""How much to do at a time: trials per chunk, batches per span, and how far to run ahead of what is unfinished.

A commit takes some 8 ms and a call to a worker 0.5 ms, whatever the number of trials in it. So a chunk is what takes a
worker a fifth of a second, and batches of quick trials form spans: as many whole batches as take all workers half a
second are proposed, sent and committed as one. A span is one batch where a batch takes longer.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from backsweep.metrics.summary import METRICS

if TYPE_CHECKING:
    from backsweep.trial.contract import DataInfo, Outcome

_CHUNK_SECONDS = 0.2  # long against sending it, short against a span
_SPAN_SECONDS = 0.5  # long against a commit, short against what a driver that is killed may lose
_FIRST_CHUNK = 1  # trials, as backends leave a chunk that takes longer than one trial may: 64 slow ones would be lost
_LARGEST_CHUNK, _LARGEST_SPAN = 4096, 16_384  # trials
_CHUNK_BYTES = 2**24  # sums of sleeves that one worker sends to another, 16 bytes a session
_SPAN_BYTES, _AHEAD_BYTES = 2**26, 2**28  # outcomes of a span, and of all that one stuck worker can keep from commit


class Pace:
    """Learns from outcomes how long trials take.

    Parameters
    ----------
    batch : trials in a batch.
    chunk : trials in a chunk, or None to choose them by time; with a fixed chunk every span is one batch.

    """

    def __init__(self, batch: int, chunk: int | None = None) -> None:
        self._batch, self._fixed = batch, chunk
        self._seconds: float | None = None  # that a worker needs for a trial
        self._bytes = 1  # of a trial's outcome
        self._most = _LARGEST_CHUNK
        self._begun, self._done = 0.0, 0

    def begin(self, info: DataInfo) -> None:
        """Start the clock."""
        self._begun = time.monotonic()
        self._most = max(1, min(_LARGEST_CHUNK, _CHUNK_BYTES // (16 * max(1, info.width))))
        self._bytes = 4 * info.width + 9 * len(METRICS) * (1 + len(info.segments))

    def learn(self, outcome: Outcome, new: int) -> None:
        """Update the time per trial with the duration of a chunk; `new` of its trials had not come back before.

        One without a duration tells nothing of it: its trials did not come back and have failed (`failed_outcome`).
        """
        self._done += new
        seconds = float(np.max(outcome.completed) - np.min(outcome.started)) / len(outcome.numbers)
        if seconds > 0:
            self._seconds = seconds if self._seconds is None else 0.8 * self._seconds + 0.2 * seconds

    def chunk(self, count: int, room: int) -> int:
        """Choose the trials per chunk, of `count` that are cut: by time, and a share for each of `room` that wait."""
        return self._fixed or max(1, min(self._chunk_by_time(), math.ceil(count / room)))

    def span(self, room: int) -> int:
        """Choose the batches of a span: work for everyone who waits, and enough that commits do not come too often."""
        if self._fixed or self._seconds is None:
            return 1
        pace = self._done / max(time.monotonic() - self._begun, 1e-3)
        wanted = max(room * self._chunk_by_time(), int(pace * _SPAN_SECONDS))
        return max(1, min(wanted, _LARGEST_SPAN, _SPAN_BYTES // self._bytes) // self._batch)

    def is_far(self, ahead: int) -> bool:
        """Whether so many trials after the oldest that is unfinished are too many to hold."""
        return ahead * self._bytes > _AHEAD_BYTES

    def _chunk_by_time(self) -> int:
        if self._seconds is None:
            return min(_FIRST_CHUNK, self._most)
        return max(1, min(self._most, int(_CHUNK_SECONDS / max(self._seconds, 1e-9))))

"""The rows of walk-forward: one per trial, fold and segment, with its metrics, and with its returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.study.search.proposals import by_name
from backsweep.study.table.columns import CONSTRAINTS, USER_ATTRS
from backsweep.study.table.outcomes import ended_early
from backsweep.study.table.trials import compact, nullable, states, undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.table.outcomes import Outcomes
    from backsweep.sweepfile.search import Search
    from backsweep.trial.contract import DataInfo
    from backsweep.trial.folds import Segment


def fold_tables(results: Outcomes, search: Search, info: DataInfo) -> dict[str, pl.DataFrame]:
    """Return a batch's rows of `folds` and of `returns`."""
    return {"folds": fold_rows(results, search, info), "returns": fold_returns(results, info.segments)}


def fold_rows(results: Outcomes, search: Search, info: DataInfo) -> pl.DataFrame:
    """Return a batch's rows of `folds`; `start` and `end` are the ends of a segment's first and last session.

    Undefined metrics are null and `undefined` says why, as JSON. The rows of a failed trial have no metrics.
    """
    segments = info.segments
    metrics = results.segments.reshape(-1, len(info.metrics))
    reasons = results.segment_reasons.reshape(-1, len(info.metrics))
    named, pruned = by_name(metrics, info.metrics), ended_early(reasons)
    count = len(results.numbers)
    firsts, lasts = (info.sessions[[getattr(s, at) + by for s in segments]] for at, by in (("first", 0), ("last", -1)))
    columns = {
        **_keys(results, segments),
        "state": pl.Series(states(np.repeat(results.failed, len(segments)), pruned).tolist(), dtype=pl.String),
        "start": pl.Series(np.tile(firsts, count)).cast(pl.Datetime("ns", "UTC")),
        "end": pl.Series(np.tile(lasts, count)).cast(pl.Datetime("ns", "UTC")),
        "short": pl.Series([segment.short for segment in segments] * count, dtype=pl.Boolean),
    }
    columns |= {f"{USER_ATTRS}{name}": nullable(metrics[:, j]) for j, name in enumerate(info.metrics)}
    columns |= {f"{CONSTRAINTS}{bound.name}": nullable(bound.excess(named)) for bound in search.bounds}
    texts = [compact(undefined(codes.tobytes(), info.metrics)) if codes.any() else None for codes in reasons]
    return pl.DataFrame({**columns, "undefined": pl.Series(texts, dtype=pl.String)})


def fold_returns(results: Outcomes, segments: Sequence[Segment]) -> pl.DataFrame:
    """Return a batch's rows of `returns`; null for failed and pruned runs and where no returns are stored."""
    ends = np.cumsum([segment.width for segment in segments])
    kept = [segment.width > 0 for segment in segments]
    rows: list[list[float] | None] = []
    ended = results.failed[:, None] | ended_early(results.segment_reasons)
    for values, over in zip(results.returns, ended, strict=True):
        parts = zip(np.split(values, ends[:-1]), np.array(kept) & ~over, strict=True)
        rows += [part.tolist() if known else None for part, known in parts]
    return pl.DataFrame({**_keys(results, segments), "returns": pl.Series(rows, dtype=pl.List(pl.Float32))})


def _keys(results: Outcomes, segments: Sequence[Segment]) -> dict[str, pl.Series]:
    count = len(results.numbers)
    return {
        "number": pl.Series(np.repeat(np.asarray(results.numbers, dtype=np.int64), len(segments))),
        "fold": pl.Series([segment.fold for segment in segments] * count, dtype=pl.Int32),
        "segment": pl.Series([segment.name for segment in segments] * count, dtype=pl.String),
    }

"""A study's folder, on disk or in a store: `study.json`, the parts of its tables, and the manifest that counts them.

A batch is committed when its entry in `manifest/` exists (see `parts`). Whatever else lies in the folder was not
committed and does not count.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.errors import StudyConflict
from backsweep.study.files import checked, open_files, sealed, sha256, unsealed
from backsweep.study.identity import Identity
from backsweep.study.lease import Lease
from backsweep.study.parts import MANIFEST, clear_parts, parquet_bytes, put_parts, read_entries, read_parts
from backsweep.trial.folds import FoldSpec, Segment, make_segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.study.parts import Entry

_SHOWN = 8  # differences that a message lists


class StudyFolder:
    """Reads and writes one study's folder."""

    def __init__(self, path: Path | str) -> None:
        self._files = open_files(path)
        self._lease: Lease | None = None
        self._known: tuple[bytes, dict[str, Any]] | None = None  # study.json as it was found good

    @property
    def path(self) -> Path | str:
        """The folder, or its URL."""
        return self._files.location

    @property
    def exists(self) -> bool:
        """Whether a study was begun here."""
        return self._files.exists("study.json")

    def identity(self) -> Identity:
        """Read `study.json`; raises StudyConflict if it is not one."""
        return Identity.from_content(self._content())

    def check(self, identity: Identity) -> None:
        """Refuse to mix two studies: raises StudyConflict with what changed, if another study was begun here."""
        if not self.exists:
            if self._files.names(MANIFEST) or self._files.names("trials"):
                raise StudyConflict(
                    "trials without a study.json", where=str(self.path), remedy="give another folder with --out"
                )
            return
        changed = self.identity().differences(identity)
        if changed:
            more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
            raise StudyConflict(
                "another study lies in this folder",
                where=str(self.path),
                expected="the sweep file, data and strategy that it was begun with",
                found="; ".join(changed[:_SHOWN] + more),
                remedy="give another folder with --out or another name with `study:`, or undo the change",
            )

    def create(self, identity: Identity, sessions: NDArray[np.int64]) -> None:
        """Begin the study; `sessions` are session ends in nanoseconds UTC. Raises StudyConflict if it was begun."""
        ends = pl.DataFrame({"timestamp": pl.Series(sessions).cast(pl.Datetime("ns", "UTC"))})
        content = parquet_bytes(ends)
        self._files.remove("sessions.parquet")  # of a run that was killed here, perhaps with other data
        self._files.put("sessions.parquet", content)
        if not self._files.put("study.json", sealed({**identity.to_content(), "sessions": sha256(content)})):
            raise StudyConflict(
                "another run has begun a study here a moment ago",
                where=str(self.path),
                remedy="run the same command when the other has ended: it resumes the study",
            )

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs off, or raise StudyConflict that says which run holds the study.

        Every commit inside the block makes sure that this is still so.
        """
        try:
            with Lease(self._files) as self._lease:
                yield
        finally:
            self._lease = None

    def clear_uncommitted(self) -> None:
        """Remove what runs that were killed have left, as far as it is certain that nobody will commit it."""
        clear_parts(self._files, self.entries())

    def commit(self, tables: Mapping[str, pl.DataFrame], total: int) -> None:
        """Write a batch's rows, table by table; raises StudyConflict if another run has committed or holds the study.

        `total` is how many trials the study is to have.
        """
        if self._lease is not None:
            self._lease.check()
        if not put_parts(self._files, self._content()["hash"], tables, total):
            raise StudyConflict(
                "another run has committed these trials",
                where=str(self.path),
                remedy="wait for the other run to end, then run the same command again: it resumes the study",
            )

    def entries(self) -> list[Entry]:
        """Read what is committed, in the order of trials; raises StudyConflict if the manifest is damaged."""
        return read_entries(self._files, self._content()["hash"]) if self.exists else []

    def parts(self, table: str, entries: list[Entry] | None = None) -> Iterator[pl.DataFrame]:
        """Read the committed parts of a table one by one: `trials`, `returns` or `folds`."""
        return read_parts(self._files, self.entries() if entries is None else entries, table)

    def rows(self, table: str, entries: list[Entry] | None = None) -> pl.DataFrame:
        """Read the committed rows of a table in the order of trials; empty if there are none."""
        frames = list(self.parts(table, entries))
        return pl.concat(frames, how="vertical") if frames else pl.DataFrame()

    def sessions(self) -> pl.Series:
        """Read the session ends: Datetime(ns, UTC), as many as the returns of a trial."""
        digest = self._content()["sessions"]
        content = checked(self._files.get("sessions.parquet"), digest, self._files.where("sessions.parquet"))
        return pl.read_parquet(io.BytesIO(content))["timestamp"]

    def segments(self, spec: FoldSpec) -> tuple[Segment, ...]:
        """Divide the study's sessions into folds again."""
        return make_segments(self.sessions().to_physical().to_numpy(), spec)

    def _content(self) -> dict[str, Any]:
        where = self._files.where("study.json")
        raw = self._files.get("study.json")
        if self._known is not None and self._known[0] == raw:
            return self._known[1]
        content = unsealed(raw, where)
        missing = {"sweep", "data", "strategy", "hash", "sessions"} - content.keys()
        if missing:
            remedy = "give a folder that `backsweep run` made"
            raise StudyConflict("not a study", where=where, found=f"no {min(missing)}", remedy=remedy)
        self._known = raw, content
        return content

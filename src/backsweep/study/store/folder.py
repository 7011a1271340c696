"""A study's folder, on disk or in a store: `study.json`, the parts of its tables, and the manifest that counts them.

A batch is committed when its entry in `manifest/` exists (see `manifest`). Other files in the folder were not committed
and do not count.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.errors import StudyConflict
from backsweep.printable import printable
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import checked, sha256
from backsweep.study.store.entry import MANIFEST
from backsweep.study.store.growth import ROWS, finish, keep, place_of, stage_sessions, staged_sessions
from backsweep.study.store.lease import LEASE, Lease
from backsweep.study.store.manifest import clear_parts, parquet_bytes, put_parts, read_entries, read_parts
from backsweep.study.store.stored_tables import SESSIONS, StoredTables, decoded, read_sessions
from backsweep.study.store.study_json import STUDY_JSON, StudyJson, study_json_bytes
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.search import FORMER_SAMPLER
from backsweep.trial.folds import Segment, make_segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.study.store.entry import Entry
    from backsweep.study.store.growth import Growth
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.trial.contract import DataInfo

LOGGER = logging.getLogger(__name__)

REGISTRY = ".ledger"
"""The folder of the registry, beside the studies' folders; see `registry`."""

_SHOWN = 8  # differences, or names, that a message lists
_LOGARITHMS = ("random", "sobol")  # since study.json has the space, these compute logarithms otherwise
_BEFORE = {SESSIONS, LEASE, REGISTRY}
"""What a run leaves that is killed before its study is created, and in a bucket's root the registry."""


class StudyFolder:
    """Reads and writes one study's folder."""

    def __init__(self, path: Path | str) -> None:
        self._files = open_files(path)
        self._lease: Lease | None = None
        self._known: StudyJson | None = None  # as validated
        self._checks: StoredTables | None = None

    @property
    def path(self) -> Path | str:
        """The folder, or its URL."""
        return self._files.location

    @property
    def exists(self) -> bool:
        """Whether a study was begun here."""
        return self._files.exists(STUDY_JSON)

    def identity(self) -> Identity:
        """Read what was run; raises StudyConflict if `study.json` is not one, or not one of this version."""
        return self.study_json().identity

    def sweep(self) -> Sweep:
        """Read the sweep file as it was resolved; raises StudyConflict as `identity` does."""
        return self.study_json().sweep

    def check(self, identity: Identity) -> None:
        """Refuse to mix two studies: raises StudyConflict with what changed, if another study was begun here."""
        if not self.exists:
            self.check_empty()
            return
        begun = self.identity()
        sampler = identity.sweep["search"]["sampler"]
        if begun.sweep["search"]["sampler"] == sampler and begun.proposals != identity.proposals:
            raise StudyConflict(
                f"this version cannot continue the study: its sampler `{sampler}` proposes other trials",
                where=str(self.path),
                expected="a study that this version began",
                found=f"one that was begun with backsweep {begun.versions.get('backsweep', 'of another version')}",
                remedy="start a new study with --out or another name with `study:`; `backsweep show` reads the old one",
            )
        changed = begun.differences(identity)
        if changed:
            more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
            raise StudyConflict(
                "this folder holds another study",
                where=str(self.path),
                expected="the sweep file, data and strategy that it was begun with",
                found="; ".join(changed[:_SHOWN] + more),
                remedy="choose another folder with --out or another name with `study:`, or undo the change",
            )
        if begun.files is None:
            LOGGER.warning(
                "%s was begun with a version whose fills can differ, such as those of stop entries with targets: "
                "CHANGELOG.md says where; choose another folder with --out to start a new study",
                self.path,
            )
            if identity.files:
                names = printable(", ".join(sorted(identity.files)))
                LOGGER.warning("%s was begun with a version that did not record these files: %s", self.path, names)
        if begun.space is None and sampler in _LOGARITHMS and any(map(_is_logarithmic, identity.space or ())):
            LOGGER.warning(
                "%s was begun with a version whose values on logarithmic axes can have other last digits: its later "
                "trials have those of this version; choose another folder with --out to start a new study",
                self.path,
            )
        if versions := begun.describe_versions(identity):
            LOGGER.warning("%s was begun with other versions: %s", self.path, printable(", ".join(versions)))

    def check_empty(self) -> None:
        """Raise StudyConflict, which lists the content, if the folder is used for something else.

        Hidden files, such as those of file managers, and logs, such as that of this run, do not count.
        """
        held = [name for name in self._files.contents() if name not in _BEFORE and not _is_harmless(name)]
        if {MANIFEST, "trials"} & set(held):
            raise StudyConflict(
                "trials without a study.json",
                where=self._files.where(STUDY_JSON),
                remedy=RESTORE,
            )
        if held:
            more = [f"and {len(held) - _SHOWN} more"] if len(held) > _SHOWN else []
            raise StudyConflict(
                "the folder of a new study is not empty",
                where=str(self.path),
                expected="a folder that does not exist, that is empty except for *.log, or that holds a study",
                found=", ".join(held[:_SHOWN] + more),
                remedy="choose an empty folder with --out, such as studies/NAME",
            )

    def create(self, identity: Identity, info: DataInfo) -> None:
        """Begin the study on data of which `info` is known; raises StudyConflict if it was begun."""
        if self.exists:
            raise self._begun()
        content = _sessions_bytes(info)
        if not self._files.put(SESSIONS, content):
            read_sessions(self._files, self._files.get(SESSIONS))  # no file of the user's, but of a run killed here
            self._files.replace(SESSIONS, content)
        resolved = identity.with_sessions_per_year(info.sessions_per_year)
        if not self._files.put(STUDY_JSON, study_json_bytes(resolved, sha256(content))):
            raise self._begun()

    @property
    def history(self) -> tuple[Growth, ...]:
        """The times that the study went on with data that had grown, the first one first."""
        return self.study_json().history

    def left_behind(self) -> int:
        """Return how many trials were tried before the data grew that the study on the grown data does not have."""
        if not self.history:
            return 0
        last, total = self.history[-1], sum(entry.count for entry in self.committed())
        return last.tried - min(last.kept, self._tables().count_on(last.folds, total))

    def former(self) -> list[StudyFolder]:
        """Return what the study was before its data grew, the latest first, as far as it is still there."""
        numbers = range(len(self.history), 0, -1)
        return [place for number in numbers if (place := StudyFolder(place_of(self.path, number))).exists]

    def grow(self, identity: Identity, info: DataInfo, growth: Growth, blocks: pl.DataFrame) -> None:
        """Begin again on data that have grown, of which `info` and the digests of rows are known; see `growth`.

        Raises StudyConflict where another run holds the study.
        """
        with self.hold():
            history, content = (*self.history, growth), _sessions_bytes(info)
            keep(self._files, len(history), STUDY_JSON)
            stage_sessions(self._files, content)
            resolved, digest = identity.with_sessions_per_year(info.sessions_per_year), sha256(content)
            self._files.replace(STUDY_JSON, study_json_bytes(resolved, digest, history))
            finish(self._files, digest)
            self.put_row_digests(blocks)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the study against other runs; raises StudyConflict that names the run which holds it.

        Every commit inside the block checks that the lock still holds.
        """
        try:
            with Lease(self._files) as self._lease:
                if self.exists:
                    finish(self._files, self.study_json().sessions)
                yield
        finally:
            self._lease = None

    def clear_uncommitted(self) -> None:
        """Remove what killed runs have left, as far as no other run can still commit it."""
        clear_parts(self._files, self.entries())

    def commit(self, tables: Mapping[str, pl.DataFrame], total: int, patience: int | None = None) -> None:
        """Write a batch's rows, table by table; raises StudyConflict if another run has committed or holds the study.

        `total` is how many trials the study is to have, `patience` after how many without a better one it is to end.
        """
        if self._lease is not None:
            self._lease.check()
        if not put_parts(self._files, self.study_json().hash, tables, total, patience):
            raise StudyConflict(
                "another run has committed these trials",
                where=str(self.path),
                remedy="wait for the other run to end, then run the same command again: it resumes the study",
            )

    def entries(self) -> list[Entry]:
        """Read what is committed, in the order of trials; raises StudyConflict if the manifest is damaged."""
        entries = self.committed()
        if entries:
            self._tables().check_entries(entries, self._files)
        return entries

    def committed(self) -> list[Entry]:
        """Read `entries` of a study that another version may have written, to count its trials."""
        if not self.exists or staged_sessions(self._files, self.study_json().sessions) is not None:
            return []
        return read_entries(self._files, self.study_json().hash)

    def parts(self, table: str, entries: list[Entry] | None = None) -> Iterator[pl.DataFrame]:
        """Read the committed parts of a table one by one: `trials`, `returns` or `folds`."""
        entries = self.entries() if entries is None else entries
        return read_parts(self._files, entries, table, self._tables()) if entries else iter(())

    def rows(self, table: str, entries: list[Entry] | None = None) -> pl.DataFrame:
        """Read the committed rows of a table in the order of trials; empty if there are none."""
        frames = list(self.parts(table, entries))
        return pl.concat(frames, how="vertical") if frames else pl.DataFrame()

    def sessions(self) -> pl.DataFrame:
        """Read `timestamp`, the session ends, Datetime(ns, UTC), as many as the returns of a trial, and `date`."""
        digest = self.study_json().sessions
        staged = staged_sessions(self._files, digest)
        content = self._files.get(SESSIONS) if staged is None else staged
        return read_sessions(self._files, checked(content, digest, self._files.where(SESSIONS)))

    def put_row_digests(self, blocks: pl.DataFrame) -> None:
        """Keep the digests of the rows of the data (`dataset.row_digests`), unless they are there."""
        self._files.put(ROWS, parquet_bytes(blocks))

    def row_digests(self) -> pl.DataFrame | None:
        """Read the digests of the rows of the data; None where there are none that can be read."""
        if not self._files.exists(ROWS):
            return None
        try:
            return decoded(self._files, ROWS, self._files.get(ROWS))
        except StudyConflict:
            return None  # they decide nothing: without them a change of the data is refused in fewer words

    def segments(self, spec: FoldSpec) -> tuple[Segment, ...]:
        """Divide the study's sessions into folds again."""
        return make_segments(self._dates(), spec)

    def check_segments(self, info: DataInfo, spec: FoldSpec) -> None:
        """Raise StudyConflict where the folds are not those that the study was begun with.

        Versions before sessions had dates counted spans from the UTC date of a session's end.
        """
        if info.segments != self.segments(spec):
            raise StudyConflict(
                "the folds of this study were counted by UTC dates",
                where=str(self.path),
                expected="folds that are counted by the dates of sessions on the clock of the data",
                found="a study of an older version, which can be shown and not be resumed",
                remedy="choose another folder with --out or another name with `study:`",
            )

    def completed(self, sweep: Sweep) -> Sweep:
        """Return a sweep with what it leaves to defaults as the study here has it, if there is one.

        Of a study that was begun with `tpe` without naming it, when that was the default, this is the sampler. Of one
        with `warm_start`, these are the trials that it took then: the earlier study may have changed since. One with a
        group for each asset has those of the assets that there were. One with
        folds that was begun before studies made a final choice makes none.
        """
        if not self.exists:
            return sweep
        begun = self.sweep()
        if "sampler" not in sweep.search.model_fields_set and begun.search.sampler == FORMER_SAMPLER:
            search = sweep.search.model_copy(update={"sampler": FORMER_SAMPLER})
            sweep = sweep.model_copy(update={"search": search})
        warm, taken = sweep.search.warm_start, begun.search.warm_start
        if warm is not None and taken is not None and warm.trials is None and warm.top == taken.top:
            sweep = sweep.model_copy(update={"search": sweep.search.with_warm_trials(taken.trials)})
        if sweep.search.asset_groups == "per_asset" and begun.search.named_groups:
            sweep = sweep.model_copy(update={"search": sweep.search.with_groups(begun.search.named_groups)})
        walk, divided = sweep.walk_forward, begun.walk_forward
        if walk is not None and divided is not None and "final" not in walk.model_fields_set:
            sweep = sweep.model_copy(update={"walk_forward": walk.model_copy(update={"final": divided.final})})
        if sweep.data.sessions_per_year is None:
            sweep = sweep.with_sessions_per_year(begun.sessions_per_year)
        return sweep

    def study_json(self) -> StudyJson:
        """Read `study.json`; raises StudyConflict if it is not one. What other versions have written can be read."""
        raw = self._files.get(STUDY_JSON)
        if self._known is None or self._known.raw != raw:
            self._known, self._checks = StudyJson(self._files, raw), None
        return self._known

    def _tables(self) -> StoredTables:
        study = self.study_json()
        if self._checks is None:
            self._checks = StoredTables(study.sweep, study.proposals, self._dates, study.axes)
        return self._checks

    def _dates(self) -> NDArray[np.int32]:
        return self.sessions()["date"].to_physical().to_numpy()

    def _begun(self) -> StudyConflict:
        return StudyConflict(
            "another run has just started a study here",
            where=str(self.path),
            remedy="run the same command when the other has ended: it resumes the study",
        )


def _sessions_bytes(info: DataInfo) -> bytes:
    """Encode the file of the sessions."""
    ends = pl.Series("timestamp", info.sessions).cast(pl.Datetime("ns", "UTC"))
    return parquet_bytes(pl.DataFrame([ends, pl.Series("date", info.dates).cast(pl.Date)]))


def _is_harmless(name: str) -> bool:
    """Return whether a file of this name does not mean that the folder is in use."""
    return name.startswith(".") or name.endswith(".log")


def _is_logarithmic(axis: Mapping[str, Any]) -> bool:
    """Return whether an axis of a study's space is a continuous logarithmic one."""
    return bool(axis["log"]) and not axis["integer"]

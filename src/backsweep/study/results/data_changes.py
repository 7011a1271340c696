"""What of a study's data has changed since it was begun, in words: whose rows, and on which days, or that they grew."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.row_digests import describe_changes, digest_rows, last_bar
from backsweep.errors import BadInput, StudyConflict
from backsweep.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.data import DataSpec

AS_THEY_ARE = "`backsweep orders` and `backsweep backtest --trial` run on the later data as they are"

_SHOWN = 8  # changes that a message lists
_ELSEWHERE = "start a new study: another folder with --out, another name with `study:`"


@contextmanager
def recording_rows(folder: StudyFolder, identity: Identity, spec: DataSpec) -> Iterator[None]:
    """Keep the digests of the rows of a study that the block begins, or that has none yet.

    They are those of `spec`, which is sealed, and are kept where the study is that of `identity`.
    """
    rows = None
    if not folder.exists or folder.row_digests() is None:
        with suppress(BadInput):  # the run itself raises this error
            rows = digest_rows(spec)
    try:
        yield
    finally:
        with suppress(BadInput):
            if rows is not None and folder.exists and folder.identity().data == identity.data:
                folder.put_row_digests(rows)


def check_data(folder: StudyFolder, identity: Identity, spec: DataSpec) -> None:
    """Raise StudyConflict, with what has changed, where the data are not a study's and everything else is.

    `identity` is what would be run now, on the data of `spec`, which are sealed. Where more has changed, or nothing,
    `StudyFolder.check` says so.
    """
    if has_grown(folder, identity, spec):
        remedy = f"`backsweep run` goes on with them, or says why it cannot; {AS_THEY_ARE}"
        raise grown_error(folder, spec, "the data have grown since this study was begun", remedy)


def has_grown(folder: StudyFolder, identity: Identity, spec: DataSpec) -> bool:
    """Return whether the data have later rows than a study's and the same up to there, and everything else is the same.

    `identity` is what would be run now, on the data of `spec`, which are sealed. Raises StudyConflict, with what has
    changed, where rows of the study have; where more than the data has changed, `StudyFolder.check` says so.
    """
    if not folder.exists:
        return False
    begun = folder.identity()
    expected = on_data_of(begun, identity)
    if expected.hash == identity.hash or begun.differences(expected):
        return False
    before = folder.row_digests()
    if before is None:
        return False
    ends = folder.sessions()["timestamp"]
    until = int(ends.to_physical()[-1])
    changes = describe_changes(before, digest_rows(spec, until, int(before["days"][0])))
    expected_rows = f"the rows that it was begun with, which end at {ends[-1]:%Y-%m-%d %H:%M}"
    if changes:
        raise _changed(folder, "the data have changed since this study was begun", expected_rows, changes)
    if last_bar(spec) > until:
        later = digest_rows(spec)
        if new := sorted(_assets(later) - _assets(before)):
            problem = "there are bars of other assets than when this study was begun"
            raise _changed(folder, problem, f"bars of {', '.join(sorted(_assets(before)))}", [f"also {', '.join(new)}"])
        return True
    if begun.data == identity.data:  # `end` is another, and no row is
        return False
    raise StudyConflict(
        "the files of the data are others than those that this study was begun with",
        where=str(folder.path),
        expected="the same files, byte for byte",
        found=f"other files with the same rows, which end at {ends[-1]:%Y-%m-%d %H:%M}",
        remedy=f"restore the files, or {_ELSEWHERE}",
    )


def on_data_of(begun: Identity, identity: Identity) -> Identity:
    """Return `identity` with the data of another one, which may also end elsewhere, at another `data.end`."""
    data = {key: value for key, value in identity.sweep["data"].items() if key != "end"}
    if "end" in begun.sweep["data"]:
        data["end"] = begun.sweep["data"]["end"]
    return replace(identity, data=begun.data, sweep={**identity.sweep, "data": data})


def grown_error(
    folder: StudyFolder, spec: DataSpec, problem: str, remedy: str, expected: str = "", found: str = ""
) -> StudyConflict:
    """Return the error for data that have grown, on which a study's folder cannot be used as it is."""
    last, now = folder.sessions()["timestamp"][-1], datetime.fromtimestamp(last_bar(spec) / 1e9, UTC)
    return StudyConflict(
        problem,
        where=str(folder.path),
        expected=expected or f"the data that it was begun with, which end at {last:%Y-%m-%d %H:%M}",
        found=found or f"the same rows, and later ones up to {now:%Y-%m-%d %H:%M}",
        remedy=remedy,
    )


def _assets(blocks: pl.DataFrame) -> set[str]:
    return set(blocks.filter(pl.col("role") == "bars")["asset"].drop_nulls())


def _changed(folder: StudyFolder, problem: str, expected: str, changes: list[str]) -> StudyConflict:
    more = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    return StudyConflict(
        problem,
        where=str(folder.path),
        expected=printable(expected),
        found=printable("; ".join(changes[:_SHOWN] + more)),
        remedy=f"restore the data, or {_ELSEWHERE}",
    )

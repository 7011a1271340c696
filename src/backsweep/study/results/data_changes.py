"""A study whose data have changed since it was begun is refused in words: whose rows, and on which days."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backsweep.dataset.row_digests import describe_changes, digest_rows, last_bar
from backsweep.errors import BadInput, StudyConflict
from backsweep.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.data import DataSpec

_SHOWN = 8  # changes that a message lists


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
    if not folder.exists:
        return
    begun = folder.identity()
    if begun.data == identity.data or begun.differences(replace(identity, data=begun.data)):
        return
    before = folder.row_digests()
    if before is None:
        return
    ends = folder.sessions()["timestamp"]
    until = int(ends.to_physical()[-1])
    changes = describe_changes(before, digest_rows(spec, until, int(before["days"][0])))
    last = f"{ends[-1]:%Y-%m-%d %H:%M}"
    if changes:
        more = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
        raise StudyConflict(
            "the data have changed since this study was begun",
            where=str(folder.path),
            expected=f"the rows that it was begun with, which end at {last}",
            found=printable("; ".join(changes[:_SHOWN] + more)),
            remedy="restore the data, or start a new study: another folder with --out, another name with `study:`",
        )
    now = last_bar(spec)
    if now <= until:
        raise StudyConflict(
            "the files of the data are others than those that this study was begun with",
            where=str(folder.path),
            expected="the same files, byte for byte",
            found=f"other files with the same rows, which end at {last}",
            remedy="restore the files, or start a new study: another folder with --out, another name with `study:`",
        )
    warm = f"`search: {{warm_start: {{study: {folder.path}}}}}`"
    raise StudyConflict(
        "the data have grown since this study was begun",
        where=str(folder.path),
        expected=f"the data that it was begun with, which end at {last}",
        found=f"the same rows, and later ones up to {datetime.fromtimestamp(now / 1e9, UTC):%Y-%m-%d %H:%M}",
        remedy=f"begin a new study with its best trials: another name with `study:`, and {warm}; `backsweep orders` "
        "and `backsweep backtest --trial` run on the later data as they are",
    )

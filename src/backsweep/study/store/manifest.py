"""A study's parts: for each commit one Parquet file per table, and one entry in the manifest that names them.

A commit is one batch, or several batches of fast trials. The entry is what commits: it is put if absent, after the
files that it names, and the files have the beginning of their digest in their names. So two runs that compute the same
trials never write the same file, one of their entries wins, and the files that it names exist. Rows are deterministic,
so it does not matter which one wins.

Polars does not detect every flipped bit in a Parquet file, so the digest of every file is checked.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from backsweep.errors import StudyConflict
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import checked, sealed, sha256
from backsweep.study.store.documents import read_document
from backsweep.study.store.entry import MANIFEST, PART_NAME, PREFIX, Entry
from backsweep.study.store.stored_tables import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl
    from polars._typing import ParquetCompression

    from backsweep.storage.protocol import Files
    from backsweep.study.store.stored_tables import StoredTables


_COMPRESSION: ParquetCompression = "lz4"
"""3,000 returns of a trial in half the space and 12 us; Zstandard makes them no smaller in 40."""


def put_parts(
    files: Files, study: str, tables: Mapping[str, pl.DataFrame], total: int, patience: int | None = None
) -> bool:
    """Commit rows of the same trials in several tables, `trials` among them; False if they were committed before."""
    numbers = tables["trials"]["number"]
    contents = {table: parquet_bytes(rows) for table, rows in tables.items()}
    digests = {table: sha256(content) for table, content in contents.items()}
    entry = Entry(study, int(numbers[0]), len(numbers), total, digests, patience)
    for table, content in contents.items():
        files.put(entry.name(table), content)
    return files.put(entry.own_name, sealed(entry.content))


def read_entries(files: Files, study: str) -> list[Entry]:
    """Read the manifest in the order of trials; raises StudyConflict for an entry that is damaged, foreign or missing.

    Parts without an entry were not committed and do not count.
    """
    entries: list[Entry] = []
    expected = 0
    names = [name for name in files.names(MANIFEST) if name.startswith(f"{MANIFEST}/{PREFIX}")]
    for name, raw in zip(names, files.get_all(names), strict=True):
        where = files.where(name)
        entry = read_document(files, name, Entry, raw)
        if entry.study != study:
            found = f"study {entry.study[:16]}..."
            raise StudyConflict(
                "this entry and study.json are of different studies",
                where=where,
                expected=f"{study[:16]}...",
                found=found,
                remedy=RESTORE,
            )
        if name != entry.own_name:
            found = f"trial {entry.first}"
            raise StudyConflict("an entry under another entry's name", where=where, found=found, remedy=RESTORE)
        if entry.first != expected:
            raise StudyConflict(
                "a part of the study table is missing",
                where=files.where(MANIFEST),
                expected=f"trial {expected} next",
                found=f"trial {entry.first}",
                remedy="restore the missing file from a copy, or start again in another folder with --out",
            )
        expected = entry.first + entry.count
        entries.append(entry)
    return entries


def read_parts(files: Files, entries: Iterable[Entry], table: str, tables: StoredTables) -> Iterator[pl.DataFrame]:
    """Read a table's parts in the order of trials; raises StudyConflict for one that is missing, damaged or no part."""
    named = [(entry.name(table), entry) for entry in entries if table in entry.files]
    for (name, entry), raw in zip(named, files.get_all(name for name, _ in named), strict=True):
        rows = decoded(files, name, checked(raw, entry.files[table], files.where(name)))
        tables.check(table, rows, entry, files)
        yield rows


def clear_parts(files: Files, entries: Iterable[Entry]) -> None:
    """Remove what killed runs have left: temporary files, and parts that are not those of a committed batch.

    A part whose batch is not committed stays: another run may be about to commit it.
    """
    named = {entry.first: entry for entry in entries}
    tables = sorted({table for entry in named.values() for table in entry.files})
    for table in tables:
        for name in files.names(table):
            part = PART_NAME.fullmatch(name.removeprefix(f"{table}/"))
            entry = None if part is None else named.get(int(part[1]))
            if entry is not None and (table not in entry.files or name != entry.name(table)):
                files.remove(name)
    for folder in ("", MANIFEST, *tables):
        files.tidy(folder)


def parquet_bytes(rows: pl.DataFrame) -> bytes:
    """Encode rows as a Parquet file; equal rows give equal bytes."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression=_COMPRESSION, statistics=False)
    return buffer.getvalue()

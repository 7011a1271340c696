"""Files that are written once, whole or not at all."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import polars as pl

from backsweep.errors import StudyConflict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PREFIX = "part-"
_SUFFIX = ".parquet"


def put(path: Path, content: bytes) -> bool:
    """Write a file unless it exists; False if it did. After a crash it is there entirely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def part_path(folder: Path, first: int) -> Path:
    """Name the part that begins with trial number `first`."""
    return folder / f"{_PREFIX}{first:09d}{_SUFFIX}"


def part_numbers(folder: Path) -> list[int]:
    """First trial numbers of the parts in a folder, ascending."""
    names = [path.name for path in folder.glob(f"{_PREFIX}*{_SUFFIX}")]
    return sorted(int(name.removeprefix(_PREFIX).removesuffix(_SUFFIX)) for name in names)


def put_part(folder: Path, first: int, rows: pl.DataFrame) -> bool:
    """Write rows as a Parquet part unless it exists; equal rows give equal bytes."""
    return put(part_path(folder, first), parquet_bytes(rows))


def parquet_bytes(rows: pl.DataFrame) -> bytes:
    """Encode rows as a Parquet file."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def read_parts(folder: Path, firsts: Sequence[int]) -> pl.DataFrame:
    """Read parts in the order of trials; raises StudyConflict for one that is missing or damaged."""
    frames = []
    for first in firsts:
        path = part_path(folder, first)
        try:
            frames.append(pl.read_parquet(path))
        except (OSError, pl.exceptions.PolarsError) as error:
            remedy = "restore the file from a copy; other parts are not affected"
            raise StudyConflict("a part cannot be read", where=str(path), found=str(error), remedy=remedy) from None
    return pl.concat(frames, how="vertical") if frames else pl.DataFrame()


def remove_part(folder: Path, first: int) -> None:
    """Remove a part that was never committed."""
    part_path(folder, first).unlink(missing_ok=True)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

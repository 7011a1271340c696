"""The digest of a study: equal for equal rows, however they are cut into parts and wherever they were computed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class TableDigest:
    """SHA-256 over a table's columns, updated part by part.

    Every column has streams of its own - validity, lengths of texts and lists, values in little-endian bytes - so the
    digest does not depend on the boundaries of parts.
    """

    def __init__(self) -> None:
        self._streams: dict[str, hashlib._Hash] = {}

    def update(self, rows: pl.DataFrame) -> None:
        """Add the next rows; columns may be Boolean, numbers, texts, times, and lists of these."""
        for column in rows.iter_columns():
            self._add(f"{column.name} {column.dtype}", column)

    def hexdigest(self) -> str:
        """Return the digest of all rows so far, hexadecimal; rows without columns do not count."""
        whole = hashlib.sha256()
        for name, stream in self._streams.items():
            whole.update(f"{name} {stream.hexdigest()}\n".encode())
        return whole.hexdigest()

    def _add(self, name: str, column: pl.Series) -> None:
        self._feed(f"{name} valid", column.is_not_null().to_numpy().astype(np.uint8))
        known = column.drop_nulls()
        if isinstance(column.dtype, pl.List):
            self._feed(f"{name} lengths", known.list.len().to_numpy().astype("<u8"))
            self._add(f"{name} items", known.filter(known.list.len() > 0).explode())
        elif column.dtype == pl.String:
            self._feed(f"{name} lengths", known.str.len_bytes().to_numpy().astype("<u8"))
            self._feed(f"{name} text", "".join(known).encode())
        else:
            values = known.to_physical().to_numpy()
            self._feed(f"{name} values", values.astype(values.dtype.newbyteorder("<")))

    def _feed(self, name: str, content: np.ndarray | bytes) -> None:
        stream = self._streams.setdefault(name, hashlib.sha256())
        stream.update(content if isinstance(content, bytes) else np.ascontiguousarray(content).data)


def digest(tables: Mapping[str, Iterable[pl.DataFrame]]) -> str:
    """Digest several tables, each as its parts in order: SHA-256, hexadecimal. A table without rows does not count."""
    whole = hashlib.sha256()
    for name, parts in tables.items():
        table, count = TableDigest(), 0
        for rows in parts:
            if len(rows):
                table.update(rows)
                count += len(rows)
        if count:
            whole.update(f"{name} {count} {table.hexdigest()}\n".encode())
    return whole.hexdigest()

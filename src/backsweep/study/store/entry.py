"""An entry of the manifest: which trials were committed together, and the files that hold them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from backsweep.study.store.documents import STRICT, Count, Digest, Positive, TableName

MANIFEST = "manifest"

PREFIX = "part-"

_ENTRY, _PART = ".json", ".parquet"

_DIGITS = 12  # of the digest in a part's name

PART_NAME = re.compile(rf"{PREFIX}([0-9]{{9,16}})-[0-9a-f]{{{_DIGITS}}}\{_PART}")


@dataclass(frozen=True)
class Entry:
    """Batches that were committed together, or the rest of one that was committed in parts.

    Attributes
    ----------
    study : the study's hash.
    first, count : its trials.
    total : trials that the study was to have when this was written.
    files : table to digest of its part.
    patience : trials without a better one after which the study was to end, if that was asked for.

    """

    __pydantic_config__ = STRICT

    study: Digest
    first: Count
    count: Positive
    total: Count
    files: dict[TableName, Digest]
    patience: Positive | None = None

    @property
    def content(self) -> dict[str, object]:
        """What its file has, without what is not asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def own_name(self) -> str:
        """The name of the entry's file."""
        return _entry_name(self.first)

    def name(self, table: str) -> str:
        """Return the name of a table's part, which is in the folder `<table>/`."""
        return f"{table}/{PREFIX}{self.first:09d}-{self.files[table][:_DIGITS]}{_PART}"


def _entry_name(first: int) -> str:
    return f"{MANIFEST}/{PREFIX}{first:09d}{_ENTRY}"

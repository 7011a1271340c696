"""A digest of the files' content, by which a study knows its data again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.dataset.files import find_files, is_url, remote
from backsweep.errors import BadData

if TYPE_CHECKING:
    from backsweep.dataset.spec import DataSpec


def fingerprint(spec: DataSpec) -> str:
    """Digest the bytes of all files of `spec`, in the order of their names: SHA-256, in hexadecimal.

    Names and places do not enter, so that data may be moved. Raises BadInput where there is nothing to read.
    """
    digest = hashlib.sha256()
    for role, entry in spec.files.items():
        for file in find_files(entry.path, role):
            digest.update(f"{role} {_digest(file)}\n".encode())
    return digest.hexdigest()


def _digest(file: str) -> str:
    try:
        if not is_url(file):
            with Path(file).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        system, path = remote(file)
        digest = hashlib.sha256()
        with system.open_input_stream(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise BadData("cannot be read", where=file, found=str(error), remedy="check the file's permissions") from error

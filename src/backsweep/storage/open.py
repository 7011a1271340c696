"""Opening a place with files: a folder, or an object store by its URL."""

from __future__ import annotations

from pathlib import Path

from backsweep.errors import BadInput
from backsweep.storage.protocol import Files
from backsweep.storage.secrets import refuse_secret

SCHEMES = ("s3", "gs")


def open_files(location: str | Path) -> Files:
    """Open a folder, or an object store by its URL: `s3://bucket/prefix`, `gs://bucket/prefix`.

    Nothing is created or read yet. Raises BadInput for an empty location, another kind of URL, one that holds a
    secret, or without the `cloud` extra.
    """
    if not str(location).strip() or "\0" in str(location):
        raise BadInput(
            "the location of a study is empty or not a valid path",
            expected="a folder, " + " or ".join(f"{known}://BUCKET/PREFIX" for known in SCHEMES),
            found=repr(str(location)),
            remedy="choose a folder such as studies/NAME; a shell variable may have been empty",
        )
    scheme, separator, _ = str(location).partition("://")
    if separator:
        refuse_secret(str(location), "the address of a study or of records")
    else:
        from backsweep.storage.local import LocalFiles  # noqa: PLC0415 - each place loads only itself

        return LocalFiles(Path(location))
    if scheme in SCHEMES:
        from backsweep.storage.object_store import ObjectFiles  # noqa: PLC0415 - needs an extra

        return ObjectFiles(str(location))
    raise BadInput(
        "a study cannot be stored at this URL",
        where=str(location),
        expected="a folder, " + " or ".join(f"{known}://BUCKET/PREFIX" for known in SCHEMES),
        found=f"{scheme}://",
        remedy="choose a folder or one of these with --out",
    )

"""JSON documents of a study, each validated by a schema: a file may have been edited, and its digest as well.

A schema is a dataclass or a section. An unknown or invalid field is one error that names the file and the field.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from backsweep.errors import StudyConflict
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import unsealed
from backsweep.sweepfile.messages import dotted, shown

if TYPE_CHECKING:
    from backsweep.storage.protocol import Files

Document = TypeVar("Document")

STRICT = ConfigDict(extra="forbid")
"""The `__pydantic_config__` of a dataclass that is a document's schema."""

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=2**53)]
Positive = Annotated[int, Field(ge=1, le=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

TableName = Annotated[str, Field(pattern="^(trials|returns|folds|blocks)$")]

_RULES = {  # patterns in words
    "^[0-9a-f]{64}$": "64 hexadecimal digits",
    "^(trials|returns|folds|blocks)$": "trials, returns, folds or blocks",
}


def read_document(
    files: Files, name: str, schema: type[Document], raw: bytes | None = None, remedy: str = RESTORE
) -> Document:
    """Read a sealed document, or the one whose bytes are given; raises StudyConflict for one that is not as it was.

    A study's own version is named in the error: another version's documents may have other fields.
    """
    return validated(files, name, schema, unsealed(files.get(name) if raw is None else raw, files.where(name)), remedy)


def read_plain(files: Files, name: str, schema: type[Document], remedy: str = RESTORE) -> Document:
    """Read a document that carries no seal; raises StudyConflict as `read_document` does."""
    try:
        content = json.loads(files.get(name))
    except (ValueError, RecursionError):
        raise malformed(files, name, "the file cannot be read", "JSON", "something else", remedy) from None
    return validated(files, name, schema, content, remedy)


def validated(files: Files, name: str, schema: type[Document], content: Any, remedy: str = RESTORE) -> Document:
    """Convert the content of a document to its schema; raises StudyConflict for the first invalid field."""
    kind: Any = schema  # mypy: a type is hashable
    try:
        document: Document = _adapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
    else:
        return document
    field = dotted(item["loc"]) or "the whole of it"
    expected = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    found = shown(item["input"])
    problem = f"ill-formed field `{field}`"
    if item["type"] == "missing":
        problem, expected, found = f"missing field `{field}`", "", ""
    elif item["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        problem, expected = f"unknown field `{field}`", ""
    elif item["type"] == "string_pattern_mismatch":
        expected = _RULES.get(item["ctx"]["pattern"], expected)
    raise malformed(files, name, problem, expected, found, remedy)


def malformed(files: Files, name: str, problem: str, expected: str, found: str, remedy: str = RESTORE) -> StudyConflict:
    """Return the error for a file that this version would not write; it names the version that began the study."""
    version = _version(files)
    written = f"in a study of backsweep {version}" if version else ""
    return StudyConflict(
        problem,
        where=files.where(name),
        expected=expected,
        found=", ".join(filter(None, (found, written))),
        remedy=remedy,
    )


@cache
def _adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def _version(files: Files) -> str:
    """Return the version that began the study; "" where its study.json cannot be read."""
    try:
        version = unsealed(files.get("study.json"), "")["versions"]["backsweep"]
    except (StudyConflict, KeyError, TypeError):
        return ""
    return version if isinstance(version, str) else ""

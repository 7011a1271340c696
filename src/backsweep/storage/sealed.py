"""Documents that contain their own digest, which is checked when they are read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from backsweep.errors import StudyConflict
from backsweep.storage.protocol import RESTORE

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEAL = "sha256"  # the key under which a JSON file holds the digest of its other keys


def sha256(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checked(content: bytes, digest: str, where: str) -> bytes:
    """Return the content if it has this digest; raises StudyConflict if not."""
    if sha256(content) != digest:
        raise StudyConflict(
            "the file is not what was written",
            where=where,
            expected=f"SHA-256 {digest[:16]}...",
            found=f"{sha256(content)[:16]}..., {len(content):,} bytes",
            remedy=RESTORE,
        )
    return content


def sealed(content: Mapping[str, Any]) -> bytes:
    """Encode a mapping as JSON that contains its own digest."""
    seal = sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return (json.dumps({**content, _SEAL: seal}, indent=2) + "\n").encode()


def unsealed(raw: bytes, where: str) -> dict[str, Any]:
    """Decode the output of `sealed`; raises StudyConflict if it has changed."""
    try:
        content = json.loads(raw)
        del content[_SEAL]
        good = sealed(content) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        expected = f"JSON whose `{_SEAL}` is the digest of its other keys"
        raise StudyConflict("the file is not what was written", where=where, expected=expected, remedy=RESTORE)
    result: dict[str, Any] = content
    return result

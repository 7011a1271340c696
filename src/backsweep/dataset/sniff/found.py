"""What was found: the keys of the `data` section, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Found:
    """Keys of `data` beside `bars`, in the order in which they are written, and the reason for each by its name.

    `hints` are keys that the file does not need, and which its owner may want.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: Any, reason: str) -> None:
        """Add a key, `format.timestamp` below its section."""
        section, _, name = key.rpartition(".")
        owner = self.keys.setdefault(section, {}) if section else self.keys
        owner[name] = value
        self.reasons[key] = reason

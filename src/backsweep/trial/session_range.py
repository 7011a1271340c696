"""A range of consecutive sessions, counted from the first of the data."""

from __future__ import annotations

from typing import NamedTuple


class SessionRange(NamedTuple):
    """The sessions from number `first` to before number `last`."""

    first: int
    last: int

    @property
    def sessions(self) -> int:
        """How many sessions it has."""
        return self.last - self.first

"""What a file leaves open: a key of the sweep file that could have one of several values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Question:
    """A key with its possible values.

    Attributes
    ----------
    key : the dotted key, `data.format.timestamp`.
    about : what is to be decided, in a few words.
    where : the file and column.
    readings : the values that are possible, each with what it means.
    seen : what the file has, such as its first values.

    """

    key: str
    about: str
    where: str
    readings: tuple[tuple[Any, str], ...]
    seen: str


def refuse(question: Question) -> Any:
    """Raise BadInput with all readings and the option that names each."""
    options = [f"--set '{question.key}={_written(value)}'" for value, _ in question.readings]
    raise BadInput(
        f"{question.about} can be read in {len(question.readings)} ways",
        where=question.where,
        expected="one reading: "
        + " or ".join(f"{meaning} ({_written(value)})" for value, meaning in question.readings),
        found=question.seen,
        remedy=f"say which, in the same command: {' or '.join(options)}",
    )


@dataclass(frozen=True)
class Decisions:
    """Decides between readings: by what is `given` by dotted key, by there being one alone, or by asking."""

    given: Mapping[str, Any]
    ask: Callable[[Question], Any]

    def decide(self, question: Question) -> Any:
        """Return the value of a question's key; None where there is no reading."""
        if question.key in self.given:
            return self.given[question.key]
        if len(question.readings) < 2:
            return question.readings[0][0] if question.readings else None
        return self.ask(question)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

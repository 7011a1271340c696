"""The errors of backsweep, by what the reader can do about them.

Every error states four things: what was expected, what was found, where, and the remedy. The command line prints an
error's text and nothing else; `exit_code` is the process's exit code. The fields may quote untrusted text:
each is one printable line without secrets (see `printable`), so the only line breaks of a message are its own.
"""

from __future__ import annotations

from backsweep.printable import clean


class BacksweepError(Exception):
    """The base of every error that backsweep raises on purpose.

    Parameters
    ----------
    problem : one line that states what is wrong.
    where : file, key, line, row or column; empty where there is none.
    expected, found : what the rule requires and what was found; empty where `problem` is complete.
    remedy : what the reader can do now.

    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", expected: str = "", found: str = "", remedy: str = "") -> None:
        self.problem = clean(problem)
        self.where = clean(where)
        self.expected = clean(expected)
        self.found = clean(found)
        self.remedy = clean(remedy)
        head = f"{self.where}: {self.problem}" if where else self.problem
        details = [("expected", self.expected), ("found", self.found), ("remedy", self.remedy)]
        super().__init__("\n".join([head, *(f"  {name + ':':<10}{text}" for name, text in details if text)]))

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all fields when the error crosses a process boundary."""
        return _rebuild, (type(self), self.problem, self.where, self.expected, self.found, self.remedy)


def _rebuild(
    kind: type[BacksweepError], problem: str, where: str, expected: str, found: str, remedy: str
) -> BacksweepError:
    return kind(problem, where=where, expected=expected, found=found, remedy=remedy)


class BadInput(BacksweepError):  # noqa: N818 - reads as what it is: the input is bad, and the reader can mend it
    """A sweep file, an option or an argument that the reader can correct."""

    exit_code = 2


class BadData(BadInput):
    """Market data that breaks a rule of the dataset."""


class StrategyError(BadInput):
    """User code that cannot run: it does not load, does not compile, or does what a strategy may not do."""


class StudyConflict(BadInput):
    """A study folder whose content is not what this command would write there."""


class LimitReached(BacksweepError):  # noqa: N818 - the name is the message
    """A preallocated table of the engine is full; the message names the setting that enlarges it."""


class BrokenInvariant(BacksweepError):  # noqa: N818 - the name is the message
    """The engine or a study table contradicts itself: a bug, to be reported with the trial's number."""

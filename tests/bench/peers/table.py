"""The tables of docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEGIN, END = "<!-- written by make bench-peers -->", "<!-- end of what is written -->"
HEADINGS = ("engine", "parameter sets", "ns a bar and set", "repeats", "times the first", "equal trades")


@dataclass(frozen=True)
class Measured:
    """What an engine costs, and whose trades it leaves.

    Attributes
    ----------
    engine, sets : its name and version, and how many parameter sets were timed.
    nanoseconds : processor time for a bar of a parameter set, in each repeat.
    trades, equal : how many trades it leaves, and how many of these are those of the first engine.

    """

    engine: str
    sets: int
    nanoseconds: tuple[float, ...]
    trades: int
    equal: int

    @property
    def best(self) -> float:
        """The least of the repeats: what the machine does beside adds to the others."""
        return min(self.nanoseconds)


def describe(title: str, rows: Sequence[Measured]) -> list[str]:
    """Return a table in Markdown; a ratio to the first row stands only where all trades are equal."""
    lines = [f"### {title}", "", f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    expected = rows[0].trades
    for row in rows:
        same = row.equal == row.trades == expected
        cells = (
            row.engine,
            f"{row.sets:,}",
            f"{row.best:,.2f}" if row.best < 1_000 else f"{row.best:,.0f}",
            f"up to +{max(row.nanoseconds) / row.best - 1.0:.0%}" if len(row.nanoseconds) > 1 else "one",
            _ratio(row.best / rows[0].best) if same else "trades differ",
            f"all {expected}" if same else f"{row.equal} of {expected}; has {row.trades}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _ratio(value: float) -> str:
    """Return a ratio with three digits."""
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


def write(page: Path, lines: Sequence[str]) -> None:
    """Put the lines in the place of those that were written before."""
    replace_between(page, BEGIN, lines)


def replace_between(page: Path, begin: str, lines: Sequence[str]) -> None:
    """Put the lines of a page behind the line `begin` in the place of those up to END."""
    head, _, rest = page.read_text().partition(begin)
    page.write_text("\n".join([head + begin, "", *lines, END]) + rest.partition(END)[2])

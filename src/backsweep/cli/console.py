"""Numbers and tables as a terminal shows them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 100
"""Columns of a table that goes to a file or a pipe."""

GAP = 2
"""Columns between two of a table."""

_WIDEST = 120
_SHARES = ("total_return", "cagr", "volatility", "max_drawdown", "win_rate", "exposure")
_MONEY = ("expectancy", "commission", "slippage", "financing", "currency_pnl", "ambiguous_pnl", "final_equity")


def make_console() -> Console:
    """Give a console for standard output, at most 120 columns wide."""
    console = Console(highlight=False, soft_wrap=False)
    console.width = min(console.width, _WIDEST) if console.is_terminal else WIDTH
    return console


def format_metric(name: str, value: float | None) -> str:
    """Show a metric in its unit; a dash where it is undefined."""
    if value is None or math.isnan(value):
        return "-"
    if name in _SHARES:
        return f"{value:.2%}"
    if name in _MONEY:
        return f"{value:,.2f}"
    return format_number(value)


def format_number(value: Any, digits: int = 5) -> str:
    """Show a number with at most so many digits that matter, an integer or a boolean as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    if math.isfinite(value) and value == round(value) and abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def print_columns(console: Console, columns: Mapping[str, Sequence[str]]) -> None:
    """Print columns of numbers under their headings, in as many tables as the width asks for, each with the first.

    A long heading breaks after its dots and underscores.
    """
    (first, cells), *others = columns.items()
    while others:
        block = {first: cells}
        while others and (len(block) == 1 or _width({**block, **dict(others[:1])}) <= console.width):
            block.update([others.pop(0)])
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
        for heading in block:
            table.add_column("\n".join(map(escape, _break(heading))), justify="right", no_wrap=True, vertical="bottom")
        for row in zip(*block.values(), strict=True):
            table.add_row(*map(escape, row))
        console.print(table)
        console.print()


def _width(columns: Mapping[str, Sequence[str]]) -> int:
    widest = (max(map(len, [*_break(heading), *cells])) for heading, cells in columns.items())
    return sum(width + GAP for width in widest) - GAP


def _break(heading: str) -> list[str]:
    return re.findall(r"[^._]+[._]?|[._]", heading)


def make_listing(entries: Mapping[str, str]) -> Table:
    """Lay out names and texts, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in entries.items():
        table.add_row(escape(name), escape(text))
    return table

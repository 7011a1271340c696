"""Where in a file the table of bars lies: rows above it, its header, rows between header and data."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backsweep.dataset.sniff.names import PRICES, find_roles, is_header
from backsweep.dataset.sniff.wide import find_patterns
from backsweep.dataset.wide import match_columns
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_NUMBER = re.compile(r"^[^\w+-]*[+-]?[^\w+-]{0,2}\d[\d.,' \u00a0]*(?:[eE][+-]?\d+)?\s*[KMBTkmbt]?\s*[%\w€$£]{0,3}$")


@dataclass(frozen=True)
class Shape:
    """The names of the columns, the keys of `format` that say where the rows are, and a reason for each.

    `asset` is that which a row between header and data names, as `yfinance` writes it.
    """

    names: list[str]
    keys: dict[str, Any]
    reasons: dict[str, str]
    asset: str | None = None


def find_shape(rows: Sequence[Sequence[str]], file: str, known: Collection[str] = ()) -> Shape:
    """Find the header, or the meaning of the columns without one; raises BadInput where there are no bars.

    `known` are names that the header has.
    """
    filled = next((i for i, row in enumerate(rows) if any(row)), 0)  # a reader does not count empty rows at the top
    rows = rows[filled:]
    for at, row in enumerate(rows):
        cells = [cell.strip() for cell in row]
        if is_header(cells, known) or find_patterns(cells):
            return _with_header(rows, at, file)
    return _without_header(rows, file)


def name_columns(names: Sequence[str]) -> Shape:
    """Return the shape of a file without a header whose columns somebody has named."""
    return Shape([*names], {"has_header": False, "new_columns": [*names]}, {"format.new_columns": "as you said"})


def _with_header(rows: Sequence[Sequence[str]], at: int, file: str) -> Shape:
    names = [cell.strip() for cell in rows[at]]
    keys: dict[str, Any] = {}
    reasons = {}
    if len([name for name in names if name]) != len({name for name in names if name}):
        at, names = _join_rows(rows, at, file)
        keys["header_rows"] = 2
        reasons["format.header_rows"] = "prices of several assets beside each other: two rows name the columns"
    if at:
        keys["skip_rows"] = at
        reasons["format.skip_rows"] = f"{_count(at, 'row')} above the header"
    roles = find_roles(names)
    prices = [names.index(roles[role]) for role in PRICES if role in roles]
    body = rows[at + keys.get("header_rows", 1) :]
    patterns = find_patterns(names)
    if patterns:  # an asset may begin late: one that has prices is enough
        closes = [names.index(name) for name in match_columns(patterns["close"], names).values()]
        first = next((i for i, row in enumerate(body) if any(_is_number(row, j) for j in closes)), 0)
    else:
        first = next((i for i, row in enumerate(body) if all(_is_number(row, j) for j in prices)), 0)
    asset = None
    if first:
        keys["skip_rows_after_header"] = first
        reasons["format.skip_rows_after_header"] = f"{_count(first, 'row')} between the header and the data"
        tickers = next((row for row in body[:first] if row and row[0].strip().lower() in ("ticker", "symbol")), None)
        asset = tickers[1].strip() if tickers and len({*tickers[1:]}) == 1 else None
    return Shape(names, keys, reasons, asset)


def _without_header(rows: Sequence[Sequence[str]], file: str) -> Shape:
    counts = Counter(len(row) for row in rows if any(row))
    width = counts.most_common(1)[0][0] if counts else 0
    at = next((i for i, row in enumerate(rows) if len(row) == width and sum(map(_looks_numeric, row)) >= 4), None)
    if at is None or width < 5:
        raise _no_bars(rows, file)
    above = next((row for row in reversed(rows[:at]) if any(row)), [])
    if len(above) == width and not any(map(_looks_numeric, above)):
        raise _unknown_names(above, file)
    body = [row for row in rows[at:] if len(row) == width]
    times = [j for j in range(min(3, width)) if all(is_time(row[j]) for row in body)]
    words = [j for j in range(width) if j not in times and not any(_looks_numeric(row[j]) for row in body if row[j])]
    numbers = [j for j in range(width) if j not in times and j not in words]
    if not times or len(numbers) < 4:
        raise _no_bars(rows, file)
    names = [f"column_{j + 1}" for j in range(width)]
    split = len(times) > 1 and ":" not in body[0][times[0]] and " " not in body[0][times[0]].strip()
    names[times[0]] = "date" if split else "timestamp"
    if split:
        names[times[1]] = "time"
    for role, j in zip((*PRICES, "volume"), numbers, strict=False):
        names[j] = role
    texts = [j for j in words if all(row[j].strip() for row in body)]
    if texts:
        names[texts[0]] = "asset"
    _check_order(body, names, file)
    keys = {"skip_rows": at} if at else {}
    reasons = {"format.new_columns": "the file has no header: these names were found by what is in the columns"}
    if at:
        reasons["format.skip_rows"] = f"{_count(at, 'row')} above the data"
    return Shape(names, keys | {"has_header": False, "new_columns": names}, reasons)


def _check_order(body: Sequence[Sequence[str]], names: Sequence[str], file: str) -> None:
    """Refuse columns without names that cannot be open, high, low and close in this order."""
    for number, row in enumerate(body, start=1):
        prices = {role: _read(row[names.index(role)]) for role in PRICES}
        given = [price for price in prices.values() if price is not None]
        if len(given) == 4 and not (prices["high"] == max(given) and prices["low"] == min(given)):
            raise BadInput(
                "a file without a header, whose columns are not open, high, low and close in this order",
                where=f"{file}, row {number}",
                expected="a third price that is the lowest of four, and a second that is the highest",
                found=", ".join(row),
                remedy="name all columns, in the same command: "
                "--set 'data.format.new_columns=[timestamp, open, close, high, low, volume]'",
            )


def _join_rows(rows: Sequence[Sequence[str]], at: int, file: str) -> tuple[int, list[str]]:
    """Return where the first of two rows is that name the columns of several assets, and the names they give."""
    for first in (at, at - 1):
        if first < 0 or first + 1 >= len(rows):
            continue
        above, below = ([cell.strip() for cell in row] for row in (rows[first], rows[first + 1]))
        for i in range(1, len(above)):
            above[i] = above[i] or above[i - 1]
        names = [" ".join(filter(None, cells)) for cells in zip(above, below, strict=False)]
        if len(above) == len(below) and not is_time(below[0]) and find_patterns(names):
            return first, names
    names = [cell.strip() for cell in rows[at]]
    twice = next(name for name in names if name and names.count(name) > 1)
    raise BadInput(
        f"several columns are named {twice!r}, and no row beside names the assets",
        where=file,
        expected="a row for each timestamp and asset, or two rows that name price and asset of each column",
        found=", ".join(names[:6]),
        remedy="name all columns anew: format: {new_columns: [...]}, or write each asset into a file of its own",
    )


def _unknown_names(names: Sequence[str], file: str) -> BadInput:
    return BadInput(
        "the names of the columns are not known",
        where=file,
        expected="names such as date, open, high, low, close, volume",
        found=", ".join(names),
        remedy="say which is which, in the same command: --set data.columns.timestamp=NAME --set data.columns.open=NAME"
        ", and so for high, low, close and volume",
    )


def _no_bars(rows: Sequence[Sequence[str]], file: str) -> BadInput:
    first = next((row for row in rows if any(row)), [])
    return BadInput(
        "no table of bars was found",
        where=file,
        expected="columns for a time, open, high, low and close, named so or in this order",
        found=", ".join(first)[:200] or "no row",
        remedy="name the columns: --set data.columns.timestamp=NAME --set data.columns.open=NAME, and so for the "
        "others; or correct the file",
    )


def _is_number(row: Sequence[str], at: int) -> bool:
    return at < len(row) and _looks_numeric(row[at])


def _looks_numeric(cell: str) -> bool:
    return bool(_NUMBER.match(cell.strip()))


def is_time(cell: str) -> bool:
    """Whether a cell may be a date, a time of day or a count since 1970, and no price."""
    text = cell.strip()
    return bool(
        re.search(r"\d[/:-]\d|\d\.\d+\.\d|[A-Za-z]{3}.*\d", text)
        or re.fullmatch(r"\d{6}|\d{8}( \d{4,6})?|\d{9,19}", text)
    )


def _read(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s'[: number > 1]}"

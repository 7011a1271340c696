"""Validation of values, vectorised over the whole frame; the row is searched for only after a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from backsweep.dataset.problems import place
from backsweep.dataset.rounding import widen
from backsweep.dataset.scan import Window, read_table, scan_layout
from backsweep.dataset.schema import KEYS, PART, PRICES, Table, nearest
from backsweep.dataset.sources import gather
from backsweep.dataset.text import ROW
from backsweep.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import NoReturn


_DAY = 86400 * 10**9


@dataclass(frozen=True)
class Rule:
    """`broken` is true where a row breaks the rule; `shown` are the columns that an error quotes."""

    column: str
    problem: str
    broken: pl.Expr
    expected: str
    shown: tuple[str, ...]
    remedy: str


@dataclass(frozen=True)
class Checked:
    """Valid rows, and how many of them were widened by rounding (see `dataset.rounding`)."""

    frame: pl.DataFrame
    widened: int


def read_checked(table: Table, window: Window, rates: Collection[str] = ()) -> Checked:
    """Read a table inside `window`, sorted by its keys; BadData names the first row that breaks a rule.

    Bars without a row are an error, and so is an asset of the window that the bars do not know; signals and context
    may be empty inside the window, but not as a whole. Values of the columns `rates` are above zero.
    """
    frame = read_table(table, window)
    if table.role == "bars" and window.assets is not None:
        check_assets(table, frame, window.assets)
    if frame.is_empty():
        check_empty(table, window)
    widened = 0
    if table.role in {"bars", "detail"}:
        frame, widened = widen(frame, single=table.single)
    rules = [*_rules(table), *_rate_rules(name for name in frame.columns if name in rates)]
    rules = [rule for rule in rules if table.role != "actions" or rule.column in frame.columns]
    broken = frame.select(rule.broken.sum().alias(str(i)) for i, rule in enumerate(rules)).row(0)
    for rule, count in zip(rules, broken, strict=True):
        if count:
            _fail(table, window, rule, count)
    return Checked(_sorted(table, window, frame), widened)


def check_keys(table: Table, window: Window) -> None:
    """Raise BadData for a row without a timestamp or an asset, which belongs to no shard; streams."""
    rules = _key_rules(table.role)
    columns = KEYS[table.role]
    broken = [rule.broken.sum().alias(str(i)) for i, rule in enumerate(rules)]
    scans = ((each.part.name, scan_layout(each, columns, window).select(broken)) for each in table.layouts)
    for rule, count in zip(rules, gather(scans, streaming=True).sum().row(0), strict=True):
        if count:
            _fail(table, window, rule, count)


def _rules(table: Table) -> list[Rule]:
    rules = _key_rules(table.role)
    if table.role in {"bars", "detail"}:
        rules += _bar_rules(positive=table.prices == "positive", volume=table.role == "bars")
    if table.role == "benchmark":
        rules += _price_rules(("close",), positive=True)
    return rules + _action_rules() if table.role == "actions" else rules


def _rate_rules(names: Iterable[str]) -> list[Rule]:
    return [
        Rule(
            name,
            f"{name} is not a rate",
            (pl.col(name).is_finite() & (pl.col(name) > 0)).fill_null(value=True).not_(),
            "a finite number above zero, or an empty cell where the one before it holds",
            (name,),
            "drop the row, or take the rate from another source",
        )
        for name in names
    ]


def _action_rules() -> list[Rule]:
    words = {
        "split": ("new units for one old", "2.0 for two for one"),
        "dividend": ("money a unit", "0.25"),
        "delisting": ("a yes or no", "1"),
    }
    return [
        Rule(
            name,
            f"{name} is not {meaning}",
            (pl.col(name).is_infinite() | (pl.col(name) < 0.0)).fill_null(value=False),
            f"such as {example}; 0 or empty where there is none",
            (name,),
            "correct the row, or leave the cell empty",
        )
        for name, (meaning, example) in words.items()
    ]


def _key_rules(role: str) -> list[Rule]:
    rules = [
        Rule(
            "timestamp",
            "timestamp is empty or does not fit",
            pl.col("timestamp").is_null(),
            "a time in the years 1678 to 2261",
            (),
            "drop the row, or write the time at which it was known",
        )
    ]
    if "asset" in KEYS[role]:
        rules.append(
            Rule(
                "asset",
                "asset is empty",
                pl.col("asset").is_null() | (pl.col("asset") == ""),
                "the asset's name",
                ("asset",),
                "drop the row, or write its asset",
            )
        )
        rules.append(
            Rule(
                "asset",
                "white space around an asset's name, or a control character in it",
                pl.col("asset").str.contains(r"^\s|\s$|[\x00-\x1f\x7f-\x9f]").fill_null(value=False),
                "the name and nothing else: text is not trimmed",
                ("asset",),
                'take it out in the file, for instance with pl.col("asset").str.strip_chars()',
            )
        )
    return rules


def _bar_rules(*, positive: bool, volume: bool) -> list[Rule]:
    high, low = pl.col("high"), pl.col("low")
    prices = _price_rules(PRICES, positive=positive)
    volumes = Rule(
        "volume",
        "volume is not a quantity",
        (pl.col("volume").is_finite() & (pl.col("volume") >= 0)).fill_null(value=False).not_(),
        "a finite number, zero or above",
        ("volume",),
        "drop the row, or write 0 where nothing was traded",
    )
    spread = Rule(
        "high",
        "high is below low",
        high < low,
        "high >= low",
        ("high", "low"),
        "swap the two if they were mixed up, or drop the row",
    )
    inside = [
        Rule(
            name,
            f"{name} is outside [low, high]",
            (pl.col(name) < low) | (pl.col(name) > high),
            f"low <= {name} <= high, exactly",
            (name, "low", "high"),
            f'correct the bar; where only rounding is off: pl.col("{name}").clip(pl.col("low"), pl.col("high"))',
        )
        for name in ("open", "close")
    ]
    return [*prices, *([volumes] if volume else []), spread, *inside]


def _price_rules(names: Iterable[str], *, positive: bool) -> list[Rule]:
    return [
        Rule(
            name,
            f"{name} is not a price",
            (pl.col(name).is_finite() & ((pl.col(name) > 0) if positive else True)).fill_null(value=False).not_(),
            "a finite number above zero" if positive else "a finite number",
            (name,),
            "drop the row, or take the price from another source"
            + ("; where prices at or below zero are real: `prices: any` under data" if positive else ""),
        )
        for name in names
    ]


def _sorted(table: Table, window: Window, frame: pl.DataFrame) -> pl.DataFrame:
    """Sort by the keys unless they ascend already; equal neighbours are duplicates."""
    keys = KEYS[table.role]
    ascends = pl.col(keys[-1]) > pl.col(keys[-1]).shift()
    if len(keys) > 1:
        later, equal = (pl.col(keys[0]).diff() > 0), (pl.col(keys[0]).diff() == 0)
        ascends = later | (equal & ascends)
    if frame.select(ascends.all()).item():
        return frame
    ordered = frame.sort(keys)
    repeats = pl.all_horizontal(pl.col(key) == pl.col(key).shift() for key in keys)
    count = ordered.select(repeats.sum()).item()
    if not count:
        return ordered
    located = read_table(table, window, located=True).filter(pl.struct(keys).is_duplicated()).sort(PART, ROW)
    first_of = located.with_columns(pl.struct(PART, ROW).first().over(keys).alias("first"))
    row = first_of.filter(pl.struct(PART, ROW) != pl.col("first")).row(0, named=True)
    origin = row["first"]
    name, other = (table.layouts[number].part.name for number in (row[PART], origin[PART]))
    same = f"row {origin[ROW]}" + (f" of {other}" if other != name else "")
    raise BadData(
        f"duplicate ({', '.join(keys)})" if len(keys) > 1 else "duplicate timestamp",
        where=place(name, row[ROW], ", ".join(keys)),
        expected=f"one row per {' and '.join(keys)}",
        found=f"{_described(table, row)}, as in {same}{_others(count)}",
        remedy=f"keep one of the rows, for instance with unique(subset=[{', '.join(map(repr, keys))}], keep='last')"
        + (
            "; or, if clocks were set back then, name their zone under data, such as `timezone: America/New_York`"
            if table.zone is None and row["timestamp"] % _DAY
            else ""
        ),
    )


def _fail(table: Table, window: Window, rule: Rule, count: int) -> NoReturn:
    located = read_table(table, window, located=True)
    if table.role in {"bars", "detail"} and rule.column in PRICES:
        located, _ = widen(located, single=table.single)
    located = located.filter(rule.broken).sort(PART, ROW)
    row = located.row(0, named=True)
    values = ", ".join(f"{name} {_number(row[name])}" for name in rule.shown)
    raise BadData(
        rule.problem,
        where=place(table.layouts[row[PART]].part.name, row[ROW], rule.column),
        expected=rule.expected,
        found=" at ".join(filter(None, [values, _described(table, row)])) + _others(count),
        remedy=rule.remedy,
    )


def check_assets(table: Table, frame: pl.DataFrame, wanted: tuple[str, ...]) -> None:
    """Raise BadData for a wanted asset that the bars never have; one without bars between start and end is valid."""
    absent = set(wanted).difference(frame["asset"].unique().to_list())
    if not absent:
        return
    known = read_table(replace(table, values=()), Window())["asset"].drop_nulls().unique().sort().to_list()
    unknown = next((asset for asset in wanted if asset in absent and asset not in known), None)
    if unknown is not None:
        close = nearest(unknown, known)
        raise BadData(
            f"unknown asset {unknown!r}",
            where=f"{table.source}, data.assets",
            expected="assets that the bars have",
            found=", ".join(known[:20]) + (f" ... ({len(known)} assets)" if len(known) > 20 else ""),
            remedy=f"nearest is {close!r}" if close else "take the asset out of data.assets",
        )


def check_empty(table: Table, window: Window) -> None:
    moment = pl.col("timestamp")
    facts = (pl.len().alias("rows"), moment.min().alias("first"), moment.max().alias("last"))
    scans = ((each.part.name, scan_layout(each, KEYS[table.role], Window()).select(facts)) for each in table.layouts)
    found = gather(scans, streaming=True)
    if not found["rows"].sum():
        raise BadData(
            f"{table.role} {'holds' if table.role in {'context', 'detail'} else 'hold'} no rows",
            where=table.source,
            expected="at least one row",
            remedy="check how the data was written",
        )
    if table.role == "bars":
        first, last = (_moment(table, found.select(each).item()) for each in (pl.min("first"), pl.max("last")))
        raise BadData(
            "no bars are left by the filters",
            where=table.source,
            expected=f"bars within {window}",
            found=f"{found['rows'].sum()} bars from {first} to {last}",
            remedy="widen data.start, data.end or data.assets",
        )


def _described(table: Table, row: dict[str, Any]) -> str:
    values = {"timestamp": _moment(table, row["timestamp"]), "asset": row.get("asset")}
    return ", ".join(f"{name} {values[name]}" for name in KEYS[table.role] if values[name] is not None)


def _moment(table: Table, nanoseconds: int | None) -> str | None:
    if nanoseconds is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    return str(moment.astimezone(ZoneInfo(table.zone)) if table.zone else moment.replace(tzinfo=None))


def _number(value: object) -> str:
    return "empty" if value is None else repr(value)


def _others(count: int) -> str:
    return f"; {count} such rows in all" if count > 1 else ""

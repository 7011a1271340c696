"""Local times around a change of clocks, where some are ambiguous and some do not exist.

An ambiguous time is resolved by the order of its asset's rows: after local time has gone back, it is the later of the
two. A midnight that does not exist is the beginning of its day, and an ambiguous one the earlier of the two.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from backsweep.dataset.sources import Part, gather, guarded
from backsweep.dataset.text import ROW
from backsweep.errors import BadData

LOCAL, ASSET = "#local", "#asset"


def instants(local: pl.Expr, zone: str, *, later: bool = False) -> pl.Expr:
    """Return the instants of naive Datetimes in `zone`, of two the earlier or the later; null where there is none."""

    def at(naive: pl.Expr) -> pl.Expr:
        return naive.dt.replace_time_zone(zone, ambiguous="latest" if later else "earliest", non_existent="null")

    return at(local).fill_null(at(pl.when(_is_midnight(local)).then(local + pl.duration(hours=1, time_unit="ns"))))


def resolve(part: Part, column: str, moment: pl.Expr, zone: str, asset: str | None) -> Part | None:
    """Return the part with its ambiguous times in `zone` resolved; None where none is ambiguous.

    Raises BadData for a time that does not exist, and for an ambiguous one that the order does not resolve.
    """
    local = moment.cast(pl.Datetime("ns"), strict=False)
    missing = local.is_not_null() & instants(local, zone).is_null()
    twice = instants(local, zone) != instants(local, zone, later=True)
    counts = gather([(part.name, part.frame.select(missing=missing.sum(), twice=twice.sum()))], streaming=True)
    if counts["missing"].item():
        raise _clock_error(part, column, missing, f"a local time that does not exist in {zone}")
    if not counts["twice"].item():
        return None
    whole = guarded(part.name, part.located.collect)
    times = whole.select(local.alias(LOCAL), _asset(asset), ROW)
    falling = times.select((pl.col(LOCAL).diff().over(ASSET) < 0).mean()).item() or 0.0
    facts = _resolve(times, zone) if falling < 0.5 else _resolve(times.reverse(), zone).reverse()
    open_rows = facts.filter(pl.col("open"))[ROW]
    if len(open_rows):
        here = pl.col(ROW) == open_rows[0]
        raise _clock_error(part, column, here, f"a local time that is ambiguous in {zone}, as clocks go back")
    numbered = whole.with_columns(facts["instant"].alias(column)).lazy()
    frame = numbered.drop(ROW)
    return replace(part, frame=frame, schema=guarded(part.name, frame.collect_schema), numbered=numbered)


def _resolve(times: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Add the `instant` of each row, and whether it is `open`: ambiguous and not resolved."""
    local, twice = pl.col(LOCAL), pl.col("twice")
    first, second = instants(local, zone), instants(local, zone, later=True)
    falls = local <= local.shift().over(ASSET)
    beside = twice & twice.shift().over(ASSET)
    facts = times.with_columns(twice=(first != second).fill_null(value=False)).with_columns(
        run=twice.rle_id().over(ASSET),
        back=(falls & beside).fill_null(value=False),
        unsorted=((local < local.shift().over(ASSET)) & beside.not_()).any().over(ASSET),
    )
    facts = facts.with_columns(
        resolved=(pl.col("back").sum().over(ASSET, "run") == 1) & pl.col("unsorted").not_(),
        later=pl.col("back").cum_sum().over(ASSET, "run") > 0,
    )
    return facts.with_columns(
        instant=pl.when(twice & pl.col("resolved") & pl.col("later")).then(second).otherwise(first),
        open=twice & pl.col("resolved").not_() & _is_midnight(local).not_(),
    )


def _asset(asset: str | None) -> pl.Expr:
    return (pl.col(asset) if asset is not None else pl.lit(0)).alias(ASSET)


def _is_midnight(local: pl.Expr) -> pl.Expr:
    return local.dt.time() == pl.time(0)


def _clock_error(part: Part, column: str, where: pl.Expr, problem: str) -> BadData:
    scan = part.located.filter(where).select(ROW, column).head(1)
    row, value = guarded(part.name, scan.collect).row(0)
    return BadData(
        problem,
        where=f"{part.name}, row {row}, column {column}",
        expected="local times that exist, and that are unambiguous in the order of their asset's rows",
        found=str(value),
        remedy="correct the row, or write the offset from UTC with every time",
    )

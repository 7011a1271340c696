"""Files with one column for each asset: `columns: {close: "Close {asset}"}`, stacked to a row for each of them.

A pattern stands for all columns that fit it, and what fits `{asset}` is the asset's name. A row of the file becomes one
row for each asset that has a value in it; an asset that is not listed yet has none.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.text import ROW
from backsweep.sweepfile.data import ASSET, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backsweep.dataset.sources import Part
    from backsweep.sweepfile.data import Columns


def find_patterns(columns: Columns) -> dict[str, str]:
    """Return the columns that are patterns, by the names here."""
    return {here: stored for here, stored in columns.items() if isinstance(stored, str) and is_pattern(stored)}


def match_columns(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """Return the names that fit a pattern, by asset."""
    before, _, after = pattern.partition(ASSET)
    form = re.compile(f"{re.escape(before)}(.+){re.escape(after)}")
    return {found[1]: name for name in names if (found := form.fullmatch(name))}


def stack(part: Part, patterns: Mapping[str, str], wanted: Sequence[str] = ()) -> Part:
    """Return a part with a row for each asset, and the columns `asset` and those of the patterns, as numbers.

    A row that has none of the columns `wanted`, or of all without them, is left out.
    """
    owned: dict[str, dict[str, str]] = {}
    free = part.schema.names()
    for pattern in sorted({*patterns.values()}, key=len, reverse=True):  # `{asset} Adj Close` before `{asset} Close`
        owned[pattern] = match_columns(pattern, free)
        free = [name for name in free if name not in owned[pattern].values()]
    by_name = {here: owned[pattern] for here, pattern in patterns.items()}
    assets = dict.fromkeys(asset for columns in by_name.values() for asset in columns)
    if not assets:
        return part
    each = [
        pl.struct(
            pl.lit(asset).alias("asset"),
            *(
                (part.number(columns[asset]) if asset in columns else pl.lit(None, pl.Float64)).alias(here)
                for here, columns in by_name.items()
            ),
        )
        for asset in assets
    ]
    some = pl.any_horizontal(pl.col(here).is_not_null() for here in wanted or patterns)

    def change(frame: pl.LazyFrame, *row: str) -> pl.LazyFrame:
        kept = frame.select(*row, *free, pl.concat_list(each).alias(ASSET))
        return kept.explode(ASSET).unnest(ASSET).filter(some)

    kinds = {name: part.schema[name] for name in free} | {"asset": pl.String()}
    schema = pl.Schema(kinds | dict.fromkeys(patterns, pl.Float64()))
    return replace(part, frame=change(part.frame), schema=schema, numbered=change(part.located, ROW))

"""Corporate actions: splits, cash dividends and delistings, and the timestamp at which each takes effect.

A table of actions has `timestamp`, `asset` and at least one of

    split       new units for one old: 2.0 is two for one, 0.1 one for ten
    dividend    cash a unit, in the asset's currency, on its ex-date; counted in new units where it goes with a split
    delisting   anything but 0: the asset ends here

An empty cell, 0 and a split of 1 mean no action. An action takes effect at the first timestamp of the bars at or after
its own, whether or not its asset has a bar there: splits and dividends before trading, delistings at the close. Splits
and dividends after the last timestamp are ignored, and a delisting after it takes effect at it. The timestamps of a
sleeve are those of its asset's bars. Actions of assets without bars are ignored.
"""

from __future__ import annotations

import polars as pl

from backsweep.dataset.schema import ACTIONS
from backsweep.errors import BadData

SPLIT_FACTOR = "split_factor"
SCHEMA = {"timestamp": pl.Int64, "asset": pl.Int32, **dict.fromkeys(ACTIONS, pl.Float64)}


def place_actions(actions: pl.DataFrame, timestamps: pl.Series, assets: pl.Series) -> pl.DataFrame:
    """Return the actions that take effect, in order: `timestamp` of the effect, code of the `asset`, and the action.

    `timestamps` (int64 ns) ascend; the position of an asset in `assets` is its code. Two actions of an asset between
    two timestamps stay two rows, the earlier first.
    """
    nothing = {"split": 1.0, "dividend": 0.0, "delisting": 0.0}
    given = [
        pl.col(name).fill_nan(None) if name in actions.columns else pl.lit(None, pl.Float64).alias(name)
        for name in ACTIONS
    ]
    found = actions.filter(pl.col("asset").is_in(assets.implode())).select("timestamp", "asset", *given)
    found = found.with_columns(pl.col("split").replace(0.0, None)).with_columns(
        pl.col(name).fill_null(value) for name, value in nothing.items()
    )
    found = found.filter(pl.any_horizontal(pl.col(name) != value for name, value in nothing.items()))
    last = timestamps.max()
    late = pl.col("timestamp") > last
    found = found.filter(late.not_() | (pl.col("delisting") != 0.0)).with_columns(
        *(pl.when(late).then(nothing[name]).otherwise(name).alias(name) for name in ("split", "dividend")),
        pl.min_horizontal("timestamp", pl.lit(last)),
    )
    found = found.sort("timestamp", "asset")
    effect = timestamps.gather(timestamps.search_sorted(found["timestamp"], side="left"))
    codes = found["asset"].cast(pl.Enum(assets)).to_physical()
    return found.with_columns(effect.alias("timestamp"), codes.alias("asset")).cast(SCHEMA)  # type: ignore[arg-type]


def check_ends(rows: pl.DataFrame, actions: pl.DataFrame, assets: pl.Series, source: str) -> None:
    """Refuse bars of an asset after its delisting; `rows` and `actions` have timestamps and asset codes."""
    ends = actions.filter(pl.col("delisting") != 0.0).group_by("asset").agg(pl.col("timestamp").min().alias("end"))
    last = rows.group_by("asset").agg(pl.col("timestamp").max().alias("last"))
    late = ends.join(last, on="asset").filter(pl.col("last") > pl.col("end")).sort("end", "asset")
    if late.height:
        code, end, bar = late.row(0)
        moments = pl.from_epoch(pl.Series([end, bar]), time_unit="ns")
        raise BadData(
            f"{assets[code]} has bars after its delisting",
            where=f"{source}, column delisting",
            expected="no bar of the asset after the one at which it is delisted",
            found=f"delisted at {moments[0]}, last bar at {moments[1]} (UTC, or as written)",
            remedy="move the delisting to the last bar, or give the company that took over the name a name of its own",
        )


def add_split_factor(rows: pl.DataFrame, actions: pl.DataFrame, source: str) -> pl.DataFrame:
    """Add to each bar the product of its asset's splits so far, its own included; `rows` ascend in time.

    A price times this factor, or a volume divided by it, has no jump at a split and does not depend on later splits.
    """
    if SPLIT_FACTOR in rows.columns:
        raise BadData(
            f"the bars or signals have a column {SPLIT_FACTOR!r}, which comes with data.actions",
            where=f"{source}, column {SPLIT_FACTOR}",
            expected=f"no column {SPLIT_FACTOR} besides the one that the splits give",
            remedy="rename or drop the column",
        )
    splits = actions.select("timestamp", "asset", pl.col("split").cum_prod().over("asset").alias(SPLIT_FACTOR))
    keys = rows.select("timestamp", "asset").set_sorted("timestamp")
    found = keys.join_asof(splits.set_sorted("timestamp"), on="timestamp", by="asset", check_sortedness=False)
    return rows.with_columns(found[SPLIT_FACTOR].fill_null(1.0))

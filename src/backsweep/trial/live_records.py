"""What a run ends with: positions that are open, orders that are alive, and the last bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.engine.codes import HELD, ORDER_TYPES, STATUSES, TIFS, WORKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.engine.state import Tables
    from backsweep.trial.market import Market

_PRICES = ("limit_price", "stop_price", "trail_amount", "trail_percent")


def last_bars(market: Market, groups: slice) -> pl.DataFrame:
    """Return `asset, last_bar`: when the last bar of each asset in a range of timestamps ended."""
    counts = market.groups["count"]
    first, ran = int(counts[: groups.start].sum()), counts[groups]
    codes = market.codes[first : first + int(ran.sum())]
    rows = pl.DataFrame({"code": codes, "last_bar": np.repeat(market.groups["timestamp"][groups], ran)})
    ends = rows.group_by("code").agg(pl.col("last_bar").last()).sort("code")
    names = pl.Series("asset", [market.assets[code] for code in ends["code"]], pl.String)
    return ends.select(names, pl.from_epoch("last_bar", time_unit="ns"))


def name_assets(frame: pl.DataFrame, assets: Sequence[str], parts: Sequence[str] = ()) -> pl.DataFrame:
    """Return a frame with the names of assets in place of their numbers in the engine's tables, null where unknown.

    Of a combination `assets` has every name once for each of the `parts`, and `part` follows the asset.
    """
    codes = frame["asset"]
    names = pl.Series("asset", assets, pl.String)
    known = pl.when(codes.is_between(0, len(assets) - 1)).then(codes)
    places = frame.select(known.cast(pl.Int64))["asset"]
    named = frame.with_columns(names.gather(places))
    if not parts:
        return named
    owners = pl.Series("part", parts, pl.String).gather(places % len(parts))
    return named.insert_column(named.columns.index("asset") + 1, owners)


def open_positions(tables: Tables, assets: Sequence[str], parts: Sequence[str] = ()) -> pl.DataFrame:
    """Return `asset, quantity, entry_price, entry_timestamp, bars_held, last_price` of assets that are held.

    `quantity` is signed, `entry_price` the average cost of what is open, `last_price` the asset's last close. `assets`
    and `parts` are as in `name_assets`.
    """
    held = np.flatnonzero(tables.positions["quantity"])
    names = ("quantity", "entry_price", "entry_timestamp", "bars_held", "last_price")
    frame = pl.DataFrame({name: np.ascontiguousarray(tables.positions[name][held]) for name in names})
    frame = frame.insert_column(0, pl.Series("asset", held, pl.Int64))
    return name_assets(frame, assets, parts).with_columns(pl.from_epoch("entry_timestamp", time_unit="ns"))


def live_orders(tables: Tables, assets: Sequence[str], parts: Sequence[str] = ()) -> pl.DataFrame:
    """Return the orders that wait, by number, with the prices that they have now; null where they have none.

    `order_id, parent_id, asset, order_type, quantity, filled, limit_price, stop_price, trail_amount, trail_percent,
    tif, good_till, oca_group, status, submitted`. A `held` order waits for its parent to fill.
    """
    alive = tables.orders[np.isin(tables.orders["status"], (HELD, WORKING))]
    alive = alive[np.argsort(alive["id"])]
    columns = {
        "order_id": alive["id"],
        "parent_id": alive["parent"],
        "asset": alive["asset"],
        "quantity": alive["quantity"],
        "filled": alive["filled"],
        **{name: alive[name] for name in _PRICES},
        "good_till": alive["expires"],
        "oca_group": alive["oca_group"] // max(1, len(parts)),  # see `PartBroker.submit_order`
        "submitted": alive["submitted"],
    }
    names = {
        "order_type": [ORDER_TYPES[code] for code in alive["type"].tolist()],
        "tif": [TIFS[code] for code in alive["tif"].tolist()],
        "status": [STATUSES[code] for code in alive["status"].tolist()],
    }
    frame = pl.DataFrame({name: np.ascontiguousarray(values) for name, values in columns.items()})
    frame = frame.with_columns(pl.Series(name, texts, pl.String) for name, texts in names.items())
    good_till = pl.when(pl.col("tif") == "gtd").then(pl.from_epoch("good_till", time_unit="ns"))
    chosen = frame.select(
        "order_id",
        pl.col("parent_id").replace(0, None),
        "asset",
        "order_type",
        "quantity",
        "filled",
        *(pl.when(pl.col(name).is_finite() & (pl.col(name) != 0.0)).then(pl.col(name)).alias(name) for name in _PRICES),
        "tif",
        good_till.alias("good_till"),
        pl.col("oca_group").replace(0, None),
        "status",
        pl.from_epoch("submitted", time_unit="ns"),
    )
    return name_assets(chosen, assets, parts)

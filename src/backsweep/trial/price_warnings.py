"""Stops and targets that stand on the wrong side of the price as they are submitted, or are fractions of a price.

Prices are those asked for, not those an order was moved to. What is only doubtful is left out: a limit entry beyond the
market is legal, and a child that is submitted after its parent has no entry price to be compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

PRICE_COLUMNS = ("order_id", "parent_id", "order_type", "quantity", "limit_price", "stop_price", "last_price")
HIGHEST_FRACTION = 0.5
"""A stop or target at or below this, and below a twentieth of the asset's price, was meant as a fraction of it."""


@dataclass(frozen=True)
class PriceWarning:
    """A kind of misplaced price: what is said of one order, of how many, the first of them, and the remedy."""

    said: str
    count: int
    of: str
    first: dict[str, object]
    remedy: str


def misplaced_prices(orders: pl.DataFrame) -> list[PriceWarning]:
    """Return the kinds of misplaced stops and targets among orders (`Result.orders`), each with its first order."""
    if not set(PRICE_COLUMNS) <= set(orders.columns):  # records of an older version
        return []
    found = []
    placed = _with_references(orders.filter(pl.col("status") != "rejected"))
    for noun, price in (("stop", "stop_price"), ("target", "limit_price")):
        of_kind = placed.filter(pl.col("noun") == noun).with_columns(pl.col(price).alias("price"))
        is_fraction = pl.col("price").is_between(0.0, HIGHEST_FRACTION, closed="right") & (
            pl.col("price") < pl.col("last_price") / 20.0
        )
        beyond = (pl.col("price") - pl.col("reference")) * pl.col("side") > 0.0
        fractions, wrong = of_kind.filter(is_fraction), of_kind.filter(beyond & ~is_fraction)
        of = f"{of_kind.height:,} {noun}s"
        if fractions.height:
            first = fractions.row(0, named=True)
            sign = "-" if first["side"] == 1.0 else "+"
            remedy = (
                f"{first['price']:g} looks like {100 * first['price']:g} %; a price is expected: "
                f"bar.close * (1.0 {sign} {first['price']:g})"
            )
            found.append(PriceWarning("a fraction, not a price", fractions.height, of, first, remedy))
        if wrong.height:
            first = wrong.row(0, named=True)
            found.append(PriceWarning("on the wrong side of the price", wrong.height, of, first, _rule(first)))
    return found


def _with_references(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the stops and targets with the price they are compared with, and the side of it that is wrong.

    `side` is 1 where above `reference` is wrong, and -1 where below it is.
    """
    entries = orders.select(
        pl.col("order_id").alias("parent_id"),
        pl.col("order_type").alias("entry_type"),
        pl.col("quantity").alias("entry_quantity"),
        pl.when(pl.col("order_type").is_in(["limit", "stop_limit"])).then("limit_price").alias("entry_limit"),
        pl.when(pl.col("order_type").is_in(["stop", "stop_limit"])).then("stop_price").alias("entry_stop"),
        pl.col("submitted").alias("entry_submitted"),
    )
    is_child = pl.col("parent_id").is_not_null()
    is_stop = pl.col("order_type").is_in(["stop", "stop_limit"])
    is_target = (pl.col("order_type") == "limit") & is_child
    known = pl.col("entry_type").is_in(["market", "market_on_close", "limit", "stop", "stop_limit"])
    units = pl.when(is_child).then(-pl.col("entry_quantity")).otherwise("quantity")  # a child has none before its entry
    selling = units < 0.0
    prices = [pl.col("entry_limit"), pl.col("entry_stop"), pl.col("last_price")]
    highest, lowest = pl.max_horizontal(prices), pl.min_horizontal(prices)
    # A limit entry fills at its limit or better, a stop entry at its stop or worse, or at once beyond it.
    is_limit, is_stop_entry = pl.col("entry_type") == "limit", pl.col("entry_type") == "stop"
    either = pl.when(selling).then(highest).otherwise(lowest)
    for_stop = pl.when(is_limit).then(pl.col("entry_limit")).otherwise(either)
    nearest = pl.when(selling).then(lowest).otherwise(highest)
    for_target = pl.when(is_stop_entry).then(pl.col("entry_stop")).otherwise(nearest)
    return (
        orders.join(entries, on="parent_id", how="left", maintain_order="left")
        .filter(is_stop | is_target)
        .filter(~is_child | (known & (pl.col("entry_submitted") == pl.col("submitted"))))
        .filter(pl.col("last_price").is_not_null() & (units != 0.0))
        .with_columns(
            pl.when(is_stop).then(pl.lit("stop")).otherwise(pl.lit("target")).alias("noun"),
            units.alias("units"),
            pl.when(is_stop).then(for_stop).otherwise(for_target).alias("reference"),
            pl.when(selling == is_stop).then(1.0).otherwise(-1.0).alias("side"),
        )
    )


def _rule(first: dict[str, object]) -> str:
    """Return where a price of this kind belongs."""
    side = "below" if first["side"] == 1.0 else "above"
    if first["noun"] == "target":
        return f"the target of a {'short' if side == 'below' else 'long'} position belongs {side} its entry"
    if first["parent_id"] is not None:
        return f"the stop of a {'long' if side == 'below' else 'short'} position belongs {side} its entry"
    return f"a {'sell' if side == 'below' else 'buy'} stop belongs {side} the price: it is triggered at once"

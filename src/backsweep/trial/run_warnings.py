"""Warnings about a run: for each kind of mistake that is no error, where it is, how many of how many, and the remedy.

A warning changes no result. `study.results.study_warnings` adds those about a sweep file, before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backsweep.trial.price_warnings import misplaced_prices

ORDER_COLUMNS = ("asset", "order_type", "quantity", "status", "reject_reason", "submitted")
"""What is read of the records of orders."""

FRACTION = "ask for less: a target per cent is a fraction of equity (0.5 is 50 %)"
REMEDIES = {
    "exceeds buying power": FRACTION + ", up to the account's leverage",
    "exceeds cash": FRACTION + "; leave room for costs and the next open, or set account.kind: margin",
    "exceeds settled cash": "wait for the proceeds of sales, or set account.settlement: 0",
    "short sale in a cash account": "set account.kind: margin, or sell no more than is held",
    "the asset cannot be sold short": "sell no more than is held, or set shortable in account.per_asset",
    "exceeds the limit of positions": "look at broker.count_positions, or raise account.limits.positions",
    "exceeds the limit of exposure": FRACTION + ", up to account.limits.exposure",
    "the account reached its daily loss": "it is meant where account.limits.daily_loss ends a session",
    "the account reached its drawdown": "it is meant where account.limits.drawdown ends trading",
    "quantity is zero or not a number": "round to a lot, and test for missing values before asking",
    "price is missing or not positive": "give limit and stop orders a price above zero, and a trail between 0 and 1",
    "below the minimum order value": "ask for more, or lower account.minimum_order",
    "no such parent order": "give a child the id of its parent, and the opposite sign",
    "no such asset": "use bar.asset",
}


@dataclass(frozen=True)
class RunWarning:
    """One thing that is probably not meant: what, where, and what to do about it."""

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """Return it as one line."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}; {self.remedy}" if self.remedy else head


def warnings_of_records(orders: pl.DataFrame, trades: float | None) -> list[RunWarning]:
    """Return what a run's orders (`Result.orders`) and its number of closed trades show."""
    found = []
    rejected = orders.filter(pl.col("status") == "rejected")
    if rejected.height:
        counts = rejected.group_by("reject_reason").len().sort(["len", "reject_reason"], descending=[True, False])
        reason, count = counts.row(0)
        first = rejected.filter(pl.col("reject_reason") == reason).row(0, named=True)
        found.append(
            RunWarning(
                f"{rejected.height:,} of {orders.height:,} orders were rejected, {count:,} of them because: {reason} "
                f"(the first: {first['order_type']} {first['quantity']:g} {first['asset']} at {first['submitted']})",
                remedy=REMEDIES.get(reason, "see reject_reason in orders"),
            )
        )
    for each in misplaced_prices(orders):
        first = each.first
        numbers = (
            f"{first['units']:g} {first['asset']} at {first['submitted']}, {first['noun']} {first['price']:g}, "
            f"close {first['last_price']:g}"
        )
        if first["parent_id"] is not None and first["reference"] != first["last_price"]:
            numbers += f", entry {first['reference']:g}"
        what = f"{each.count:,} of {each.of} submitted: {each.said}"
        found.append(RunWarning(f"{what} (the first: {numbers})", where="on_data", remedy=each.remedy))
    if not trades:
        if not orders.filter(pl.col("status") == "filled").is_empty():
            found.append(
                RunWarning("no trade was closed", remedy="positions stayed open to the end: trade metrics are null")
            )
        elif orders.is_empty():
            remedy = "on_data submitted no order: check its thresholds, and that it calls the broker"
            found.append(RunWarning("nothing was traded: 0 trades", remedy=remedy))
        else:
            found.append(
                RunWarning("nothing was traded: 0 trades", remedy="no order filled: see their status in orders")
            )
    return found

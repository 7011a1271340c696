"""An account that adds up in view: cash from the first to the last line by kind, and what costs took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.report.parts import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.report.parts import Part
    from backsweep.study.store.run_records import RunRecords

_ASSETS = 15


def account_parts(
    records: RunRecords,
    cash: float,
    multipliers: Mapping[str, float] | None,
    shares: Mapping[int, float] | None = None,
) -> list[Part]:
    """Return what moved the cash and what costs took; each run began with `cash`, in account currency.

    Or with a share of it, by the trial's number. `multipliers` are those of assets that have one, None where they are
    unknown; of all others a unit at price p is worth p.
    """
    lines = sum_accounts(records, cash, multipliers, shares)
    return [_sums(lines, records.keys), *_costs(records)]


def sum_accounts(
    records: RunRecords,
    cash: float,
    multipliers: Mapping[str, float] | None,
    shares: Mapping[int, float] | None = None,
) -> list[dict[str, float]]:
    """Return for each run the lines of its account by name, from the first cash to the last equity.

    `fold` comes first where runs are of folds. All lines before `cash at the end` add up to it.
    """
    keys = list(records.keys)
    ends = records.equity.group_by(keys or pl.lit(0), maintain_order=True).last()
    value = (
        pl.col("quantity")
        * pl.col("price")
        * pl.col("asset").replace_strict(dict(multipliers or {}), default=1.0, return_dtype=pl.Float64)
    )
    if "rate" in records.fills.columns:
        value *= pl.col("rate")
    fills = records.fills.with_columns(value=value)
    kinds = records.cash_flows["kind"].unique(maintain_order=True).drop_nulls().to_list()
    found = []
    for end in ends.iter_rows(named=True):
        mine = [pl.col(key) == end[key] for key in keys]
        own = fills.filter(*mine) if mine else fills
        flows = records.cash_flows.filter(*mine) if mine else records.cash_flows
        share = shares.get(end["number"], 1.0) if shares else 1.0
        moved = {
            "cash at the start": cash * share,
            "bought": 0.0 - float(own.filter(pl.col("value") > 0.0)["value"].sum()),
            "sold": 0.0 - float(own.filter(pl.col("value") < 0.0)["value"].sum()),
            "commission": 0.0 - float(own["commission"].sum()),
        }
        moved |= {
            str(kind).replace("_", " "): float(flows.filter(pl.col("kind") == kind)["amount"].sum()) for kind in kinds
        }
        last = float(end["cash"])
        difference = last - sum(moved.values())
        if abs(difference) > 1e-9 * max(cash, abs(last)):
            unknown = "contracts' multipliers, " if multipliers is None else ""
            moved[f"{unknown}exchange rates and rounding"] = difference
        lines = {key: float(end[key]) for key in keys} | moved
        found.append(
            lines | {"cash at the end": last, "positions": float(end["equity"]) - last, "equity": float(end["equity"])}
        )
    return found


def _sums(lines: list[dict[str, float]], keys: tuple[str, ...]) -> Part:
    text = (
        "What was bought and sold is at the fills' prices, slippage included; all lines before it add up to the cash "
        "at the end, and with the positions at their last closes to the equity. "
    )
    if not keys:
        rows = [[Cell(name, name), Cell(f"{value:,.2f}", value)] for name, value in lines[0].items()]
        return Table("Cash, from the first to the last line", ("", "amount"), rows, text.strip())
    names = list(dict.fromkeys(name for line in lines for name in line))
    headings = [{"number": "trial"}.get(name, name) for name in names]
    rows = [[_amount(name, line.get(name, 0.0)) for name in names] for line in lines]
    text += "Each fold's test begins with the account's cash; the record compounds their returns."
    return Table("Cash of each fold's test, from the first to the last line", headings, rows, text)


def _amount(name: str, value: float) -> Cell:
    return Cell(f"{value:,.0f}" if name in {"fold", "number"} else f"{value:,.2f}", value)


def _costs(records: RunRecords) -> list[Part]:
    fills, trades = records.fills, records.trades
    if not len(fills):
        return []
    by_asset = fills.group_by("asset").agg(pl.len().alias("fills"), pl.col("commission", "slippage").sum())
    results = trades.group_by("asset").agg(pl.len().alias("trades"), pl.col("pnl").sum())
    rows = by_asset.join(results, on="asset", how="left").with_columns(pl.col("trades", "pnl").fill_null(0))
    rows = rows.sort(pl.col("pnl").abs(), "asset", descending=[True, False])
    names = ("asset", "fills", "trades", "commission", "slippage", "pnl")
    totals = rows.select(pl.col(names[1:]).sum()).row(0, named=True)
    shown = [[_cost(row[name]) for name in names] for row in rows.head(_ASSETS).iter_rows(named=True)]
    shown.append([Cell("all assets", "~"), *(_cost(totals[name]) for name in names[1:])])
    left = f" {len(rows) - _ASSETS:,} other assets are in the sum alone." if len(rows) > _ASSETS else ""
    text = (
        "Commission, and slippage as the difference from the market's price, of all fills; the result of closed trades "
        "is "
        f"after both.{left} Costs are what the sweep file assumes, not what a broker has charged."
    )
    return [Table("Costs and results by asset", (*names[:5], "result"), shown, text)]


def _cost(value: float | str) -> Cell:
    if isinstance(value, str):
        return Cell(value, value)
    return Cell(f"{value:,.2f}" if isinstance(value, float) else f"{value:,}", float(value))

"""The trades of what was selected: their figures, results and excursions, each of them, exposure and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.figures.record import line_figure
from backsweep.figures.style import extremes
from backsweep.figures.trades import excursion_figure, histogram_figure
from backsweep.report.formats import format_number
from backsweep.report.parts import Cell, Chart, Charts, Listing, Table, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.report.parts import Part
    from backsweep.study.store.run_records import RunRecords

_MOST = 400  # trades in the table
_OWN = (
    *("fold", "asset", "quantity", "entry_timestamp", "entry_price", "exit_timestamp", "exit_price", "pnl"),
    *("commission", "slippage", "bars_held", "exit_reason", "max_favourable", "max_adverse", "currency"),
)
_MONEY = {"pnl", "commission", "slippage"}
_SHARES = {"max_favourable", "max_adverse"}


def trade_parts(
    records: RunRecords, metrics: Mapping[str, float | None], zone: str | None = None, *, exposure: bool = True
) -> list[Part]:
    """Return the parts on the trades of some records; `metrics` are those of the run, where there is one.

    `zone` is the one whose clock the times of the records have. The exposure is left out where it is drawn elsewhere.
    """
    parts: list[Part] = []
    trades = records.trades
    if len(trades):
        parts += [_figures(trades), _shapes(trades)]
    else:
        parts.append(Text("No trade was closed, so there are no figures of trades."))
    parts += [*([_exposure(records)] if exposure else []), _orders(records), *_ambiguous(records.fills, metrics)]
    return [*parts, *([_table(trades, zone)] if len(trades) else [])]


def _figures(trades: pl.DataFrame) -> Part:
    pnl = trades["pnl"].to_numpy()
    gains, losses = pnl[pnl > 0.0], pnl[pnl <= 0.0]
    largest = np.sort(pnl)[::-1][:5]
    total = float(pnl.sum())
    entries = {
        "trades": f"{len(pnl):,}; {int((trades['quantity'] > 0).sum()):,} long, "
        f"{int((trades['quantity'] < 0).sum()):,} short",
        "with a gain": f"{len(gains) / len(pnl):.1%}; mean gain {_mean(gains)}, mean loss {_mean(losses)}",
        "result": f"{total:,.2f} in all, {pnl.mean():,.2f} on average, median {np.median(pnl):,.2f}",
        "largest": f"gain {pnl.max():,.2f}, loss {min(pnl.min(), 0.0):,.2f}",
    }
    if total > 0.0 and len(pnl) > len(largest):
        entries["without the five largest gains"] = f"{total - float(largest.sum()):,.2f}"
    if "bars_held" in trades.columns:
        held = trades["bars_held"].to_numpy()
        entries["held"] = f"median {np.median(held):,.0f} bars, from {held.min():,} to {held.max():,}"
    return Listing("", entries)


def _mean(values: np.ndarray[Any, Any]) -> str:
    return f"{values.mean():,.2f}" if len(values) else "- (there is none)"


def _shapes(trades: pl.DataFrame) -> Part:
    pnl = trades["pnl"].to_numpy()
    charts = [Chart("Results of trades", histogram_figure(pnl, "profit or loss, in money"), "")]
    if {"max_adverse", "max_favourable"} <= {*trades.columns}:
        known = trades.drop_nulls(["max_adverse", "max_favourable"])
        if len(known):
            gained = known["pnl"].to_numpy() > 0.0
            figure = excursion_figure(known["max_adverse"].to_numpy(), known["max_favourable"].to_numpy(), gained)
            charts.append(Chart("Excursions", figure, ""))
    text = (
        "Net results of closed trades, losses in red; the outermost bars hold whatever lies beyond. Excursions: how "
        "far the price went against each trade and in its favour before it was closed, as fractions of the entry. "
        "Losses far above the dotted diagonal gave a gain back; where gains begin at the left, a tighter stop would "
        "have cost few of them, on these trades. Trades that overlap are not independent."
    )
    return Charts("", charts, text)


def _exposure(records: RunRecords) -> Part:
    rows = records.equity.sort("timestamp") if records.keys else records.equity
    values = rows["exposure"].to_numpy()
    kept = extremes(values)
    figure = line_figure(rows["timestamp"][kept].to_list(), values[kept], "exposure", ".0%")
    text = (
        f"Gross value of the positions as a fraction of equity: {values.mean():.0%} on average, {values.max():.0%} at "
        "most; above 100% it is borrowed or short. It says nothing about how the positions move together."
    )
    return Chart("Exposure", figure, text)


def _orders(records: RunRecords) -> Part:
    orders = records.orders
    if not len(orders):
        return Text("No order was asked for.")
    counts = orders.group_by("status").len().sort("len", descending=True)
    entries = {str(status): f"{count:,}" for status, count in counts.rows()}
    rejected = orders.filter(pl.col("status") == "rejected").group_by("reject_reason").len()
    entries |= {
        f"rejected: {reason or 'no reason'}": f"{count:,}"
        for reason, count in rejected.sort("len", "reject_reason", descending=[True, False]).rows()
    }
    return Listing(f"{len(orders):,} orders", entries)


def _ambiguous(fills: pl.DataFrame, metrics: Mapping[str, float | None]) -> list[Part]:
    count = metrics.get("ambiguous_fills")
    if not count:
        return []
    worth = metrics.get("ambiguous_pnl")
    effect = "" if worth is None else f" Had each gone the other way, the result would differ by at most {worth:,.2f}."
    text = (
        f"{count:,.0f} of {len(fills):,} fills are ambiguous: their bars reached stop and target, and do not show "
        f"which came first. The stop was taken.{effect}"
    )
    return [Text(text)]


def _table(trades: pl.DataFrame, zone: str | None) -> Part:
    rows = trades.with_row_index("place")
    if len(rows) > _MOST:
        rows = rows.sort(pl.col("pnl").abs(), descending=True).head(_MOST).sort("place")
    names = [name for name in _OWN if name in rows.columns]
    seen = [name for name in rows.columns if name.startswith(("entry_", "exit_")) and name not in _OWN]
    names += seen
    kept = [[_cell(name, row[name]) for name in names] for row in rows.iter_rows(named=True)]
    which = f"The {_MOST} of {len(trades):,} trades with the largest results" if len(trades) > _MOST else "All trades"
    signals = " and what the strategy had last seen of signals and features at entry and exit" if seen else ""
    text = (
        f"{which}, in the order in which they were closed; costs in money, how far prices went in favour and against"
        f"{signals}; a click on a heading sorts. Paper has the first 40 and no signals."
    )
    if zone is not None:
        text += f" Times are those of {zone}."
    headings = [name.removesuffix("_timestamp").replace("_", " ") for name in names]
    return Table("Trades", headings, kept, text, long=True, quiet=len(names) - len(seen))


def _cell(name: str, value: Any) -> Cell:
    if value is None:
        return Cell("-")
    if hasattr(value, "isoformat"):
        text = value.isoformat(sep=" ", timespec="minutes")
        return Cell(text.removesuffix(" 00:00"), value.isoformat())
    if isinstance(value, str):
        return Cell(value, value)
    if name in _MONEY:
        return Cell(f"{value:,.2f}", float(value))
    if name in _SHARES:
        return Cell(f"{value:.2%}", float(value))
    if name == "quantity":
        return Cell(f"{value:,.0f}" if value == round(value) else f"{value:,.6g}", float(value))
    return Cell(format_number(value, 6), float(value))

"""One backtest as the sections of a page: what it is, its metrics, its record, its trades and its account."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.report.account_parts import account_parts
from backsweep.report.formats import format_number
from backsweep.report.making_parts import backtest_parts
from backsweep.report.parts import Listing, Section, Text, metric_cell
from backsweep.report.price_parts import known_closes, price_parts
from backsweep.report.record_parts import time_parts
from backsweep.report.trade_parts import trade_parts
from backsweep.trial.result_display import account_chart, sharpe_error

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from backsweep.report.parts import Part
    from backsweep.study.store.run_records import RunRecords
    from backsweep.study.store.selected import Selected
    from backsweep.sweepfile.sweep import Sweep

WHAT = (
    "One run of one parameter set. The page does not know how many others were tried before it: the best of many has a "
    "high Sharpe ratio without any skill, and only a study counts them."
)


_NO_CLOSES = "the folder does not name the data, so there is no line of closes"


def backtest_sections(selected: Selected, read_records: RunRecords, sweep: Sweep | None = None) -> list[Section]:
    """Return the sections of a backtest's page, from what `backsweep backtest` has written.

    `sweep` is the sweep file, where the folder records it: times are then those of the data's zone.
    """
    metrics, making = selected.metrics, selected.making
    zone = None if sweep is None else sweep.data.timezone
    records = read_records.on_clock(zone)

    def read(assets: tuple[str, ...]) -> pl.DataFrame | str:
        if sweep is None or making is None:
            return _NO_CLOSES
        times = read_records.equity["timestamp"]
        return known_closes(sweep.data, making.data, (times[0], times[-1]), assets)

    multipliers = None if sweep is None else {name: each.multiplier for name, each in sweep.account.per_asset.items()}
    sections = [Section("What it is", _beginning(selected))]
    if len(records.equity):
        initial = _initial(records, metrics)
        parts: list[Part] = [
            account_chart(records.equity, metrics),
            *time_parts(*_daily(records, initial), _per_year(metrics)),
        ]
        sections.append(Section("The account over time", parts))
        sections.append(
            Section("Trades", [*trade_parts(records, metrics, zone, exposure=False), *price_parts(records, read)])
        )
        sections.append(Section("Account", account_parts(records, initial, multipliers)))
    return [*sections, Section("How it was made", backtest_parts(making))]


def _beginning(selected: Selected) -> list[Part]:
    params = {name: format_number(value) for name, value in (selected.params or {}).items()}
    error = sharpe_error(selected.metrics)
    entries = {}
    for name, value in selected.metrics.items():
        text = metric_cell(name, value).text
        if value is None:
            text = f"undefined: {selected.undefined.get(name, 'no reason is recorded')}"
        if name == "sharpe" and error is not None:
            text += f", standard error {error:.2f}"
        entries[name.replace("_", " ")] = text
    parts: list[Part] = [Text(WHAT), Listing("Metrics", entries, short=True)]
    return [*parts, Listing("Parameters", params, short=True)] if params else parts


def _initial(records: RunRecords, metrics: dict[str, float | None]) -> float:
    """Return what the account began with."""
    final, total = metrics.get("final_equity"), metrics.get("total_return")
    if final is None or total is None or total <= -1.0:
        return float(records.equity["equity"][0])
    return final / (1.0 + total)


def _daily(records: RunRecords, initial: float) -> tuple[list[date], NDArray[np.float64]]:
    """Return the dates of the equity's times, on the data's clock if that is known, and the returns of these days."""
    days = records.equity.group_by(pl.col("timestamp").dt.date().alias("date"), maintain_order=True)
    last = days.agg(pl.col("equity").last())
    equity = np.concatenate([[initial], last["equity"].to_numpy()])
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.where(equity[:-1] > 0.0, equity[1:] / equity[:-1] - 1.0, 0.0)
    return last["date"].to_list(), returns


def _per_year(metrics: dict[str, float | None]) -> float:
    """Return the sessions a year that the run's ratios were computed with; 252 where they are undefined."""
    annual, session = metrics.get("sharpe"), metrics.get("sharpe_per_session")
    if annual is None or session is None or session == 0.0:
        return 252.0
    return round((annual / session) ** 2, 6) if math.isfinite(annual / session) else 252.0

"""One run as notebooks show it: its metrics, and its account over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backsweep.figures.card import make_card
from backsweep.figures.record import account_figure
from backsweep.figures.style import Chart, extremes
from backsweep.metrics.table import FRACTION, MONEY, TABLE, YEARLY
from backsweep.statistics.sharpe import sharpe_standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

_SHOWN = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "trades", "win_rate", "exposure", "turnover")
_COSTS = ("commission", "slippage", "financing", "ambiguous_fills", "rejected_orders", "final_equity")


def account_chart(equity: pl.DataFrame, metrics: Mapping[str, float | None]) -> Chart:
    """Return an account over time, from its frame `timestamp, cash, equity, drawdown, exposure`."""
    final, total = metrics.get("final_equity"), metrics.get("total_return")
    initial = float(equity["equity"][0]) if final is None or total is None else final / (1.0 + total)
    values = equity["equity"].to_numpy()
    kept = extremes(values)
    figure = account_figure(
        equity["timestamp"][kept].to_list(), values[kept], equity["exposure"].to_numpy()[kept], initial
    )
    text = (
        "Equity on a logarithmic axis, unless it is not positive, drawdown, and the gross value of the positions as a "
        "fraction of equity, after costs. One run of one parameter set: it does not show how many others were tried."
    )
    if len(kept) < len(values):
        text += f" Of {len(values):,} timestamps the lowest and highest of {len(kept):,} stretches are drawn."
    return Chart("Equity, drawdown and exposure", figure, text)


def result_card(metrics: Mapping[str, float | None], reasons: Mapping[str, str], warnings: Sequence[str]) -> str:
    """Return HTML: metrics in their units, why they are undefined, the error of the Sharpe ratio, and warnings."""
    entries = {
        name.replace("_", " "): _shown(name, metrics[name], reasons) for name in (*_SHOWN, *_COSTS) if name in metrics
    }
    error = sharpe_error(metrics)
    if error is not None:
        entries["sharpe"] += f", standard error {error:.2f}: chance alone moves it by about as much"
    return make_card("Backtest of one parameter set", [f"Warning: {text}" for text in warnings], entries)


def sharpe_error(metrics: Mapping[str, float | None]) -> float | None:
    """Return the standard error of the annual Sharpe ratio, None where it is undefined."""
    names = ("sharpe", "sharpe_per_session", "sessions", "skew", "kurtosis")
    annual, session, sessions, skew, kurtosis = (metrics.get(name) for name in names)
    if annual is None or session is None or sessions is None or skew is None or kurtosis is None or session == 0.0:
        return None
    error = sharpe_standard_error(session, sessions, skew, kurtosis) * annual / session
    return error if math.isfinite(error) else None


def _shown(name: str, value: float | None, reasons: Mapping[str, str]) -> str:
    if value is None:
        return f"undefined: {reasons.get(name, 'not computed')}"
    unit = TABLE[name].unit if name in TABLE else ""
    if unit in {FRACTION, YEARLY}:
        return f"{value:.2%}"
    return f"{value:,.2f}" if unit == MONEY else f"{value:,.5g}"

"""vectorbt: arrays of orders, or of signals with stops.

It fills on the bar of the order, so that an intent for the next open is shifted by one bar and priced at that open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from numpy.typing import NDArray
from vectorbt.portfolio.enums import SizeType

from sidebyside.fills import Fill
from sidebyside.scenario import (
    CLOSE,
    CLOSING,
    ENTER,
    FILL_AT_NEXT_CLOSE,
    HIGH,
    KIND,
    LOW,
    OPEN,
    ORDER,
    QUANTITY,
    STOP_LOSS,
    TAKE_PROFIT,
    TARGET_PERCENT,
    TARGET_VALUE,
    Scenario,
)


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of vectorbt."""
    kinds = set(np.unique(scenario.intents[:, :, KIND])) - {0.0}
    portfolio = _signals(scenario) if kinds == {float(ENTER)} else _orders(scenario)
    records = portfolio.orders.values  # noqa: PD011 - an array of records, not a frame
    signed = np.where(records["side"] == 0, records["size"], -records["size"])
    columns = (records["idx"], records["col"], signed, records["price"], records["fees"])
    return [Fill(int(b), int(a), float(q), float(p), float(c)) for b, a, q, p, c in zip(*columns, strict=True)]


def _shift(values: NDArray[Any], fill: Any) -> NDArray[Any]:
    return np.concatenate([np.full_like(values[:1], fill), values[:-1]])


def _frame(scenario: Scenario, column: int) -> pd.DataFrame:
    index = pd.date_range("1980-01-01", periods=scenario.length)
    return pd.DataFrame(scenario.bars[:, :, column].T.copy(), index=index, columns=list(scenario.assets))


def _common(scenario: Scenario) -> dict[str, Any]:
    """Return the arguments that orders and signals share: costs as this peer models them, account, price."""
    close = scenario.bars[:, :, CLOSING].T
    price = close if scenario.at_close or scenario.profile in FILL_AT_NEXT_CLOSE else scenario.bars[:, :, OPEN].T
    per_asset = scenario.costs.get("per_asset", {})
    standard = scenario.costs.get("commission", {"kind": "none"})
    rates, fixed = np.zeros(len(scenario.assets)), np.zeros(len(scenario.assets))
    for index, asset in enumerate(scenario.assets):
        kind = per_asset.get(asset, {}).get("commission", standard)
        rates[index], fixed[index] = kind.get("rate", 0.0), kind.get("amount", 0.0)
    slippage = scenario.costs.get("slippage", {})
    slips = slippage.get("rate", 0.0) + slippage.get("amount", 0.0) / price
    return {
        "price": price,
        "fees": rates,
        "fixed_fees": fixed,
        "slippage": slips,
        "init_cash": scenario.account["cash"],
        "allow_partial": False,
        "freq": "D",
    }


def _orders(scenario: Scenario) -> vbt.Portfolio:
    kind = scenario.intents[:, :, KIND].T
    quantity = scenario.intents[:, :, QUANTITY].T
    size = np.full(kind.shape, np.nan)
    types = np.full(kind.shape, SizeType.Amount)
    size[kind == ORDER] = quantity[kind == ORDER]
    for code, size_type in ((TARGET_PERCENT, SizeType.TargetPercent), (TARGET_VALUE, SizeType.TargetValue)):
        size[kind == code] = quantity[kind == code]
        types[kind == code] = size_type
    size[kind == CLOSE] = 0.0
    types[kind == CLOSE] = SizeType.TargetAmount
    sequence = np.array([scenario.sequence(bar) for bar in range(scenario.length)])
    if not scenario.at_close:
        size, types = _shift(size, np.nan), _shift(types, SizeType.Amount)
        sequence = np.concatenate([sequence[:1], sequence[:-1]])
    targets = np.isin(kind, (TARGET_PERCENT, TARGET_VALUE)).any()
    return vbt.Portfolio.from_orders(
        _frame(scenario, CLOSING),
        size=size,
        size_type=types,
        direction="longonly" if scenario.account["kind"] == "cash" else "both",
        cash_sharing=True,
        group_by=True,
        call_seq="auto" if targets else sequence,  # auto: what lowers its value first
        **_common(scenario),
    )


def _signals(scenario: Scenario) -> vbt.Portfolio:
    kind = scenario.intents[:, :, KIND].T
    quantity = scenario.intents[:, :, QUANTITY].T
    common = _common(scenario)
    entry = kind == ENTER
    stop_loss, take_profit = scenario.intents[:, :, STOP_LOSS].T, scenario.intents[:, :, TAKE_PROFIT].T
    if not scenario.at_close:
        entry, quantity = _shift(entry, False), _shift(quantity, np.nan)
        stop_loss, take_profit = _shift(stop_loss, np.nan), _shift(take_profit, np.nan)
    price = common["price"]
    return vbt.Portfolio.from_signals(
        _frame(scenario, CLOSING),
        entries=entry & (quantity > 0.0),
        short_entries=entry & (quantity < 0.0),
        size=np.abs(quantity),
        open=_frame(scenario, OPEN),
        high=_frame(scenario, HIGH),
        low=_frame(scenario, LOW),
        sl_stop=np.abs(stop_loss / price - 1.0),
        tp_stop=np.abs(take_profit / price - 1.0),
        stop_entry_price="close" if scenario.at_close else "fillprice",
        upon_opposite_entry="ignore",
        upon_stop_update="keep",
        **common,
    )

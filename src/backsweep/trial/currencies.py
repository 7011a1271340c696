"""Several currencies: where their rates are, and the columns that records have because of them.

With `account.rates` the records have more columns: fills, trades and cash flows their `currency`; fills and cash flows
the `rate` at which they count in the account's (a commission or an amount over its rate is what it was in the
currency); equity the cash in each currency, `cash_EUR`. Prices are in the asset's currency, everything else in the
account's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.errors import BadData, BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backsweep.engine.state import Tables
    from backsweep.sweepfile.account import AccountSpec


def set_rates(
    tables: Tables, account: AccountSpec, context: Mapping[str, NDArray[np.float64]], timestamps: NDArray[np.int64]
) -> None:
    """Write where each currency's rates are, float64[groups]; the caller keeps the columns alive.

    Raises BadInput where the context has no such column, BadData where a timestamp has no rate.
    """
    for row, (currency, name) in enumerate(account.rates.items(), start=1):
        where = f"account.rates.{currency}"
        if name not in context:
            raise BadInput(
                f"{where} names a column that the context does not have: {name!r}",
                where=where,
                expected=f"one of {', '.join(context)}" if context else "data.context, with a column of rates",
                found=name,
                remedy=f"add the column to data.context: what one {currency} is worth in {account.currency}",
            )
        rates = context[name]
        broken = np.flatnonzero(~(np.isfinite(rates[: len(timestamps)]) & (rates[: len(timestamps)] > 0.0)))
        if len(broken):
            raise BadData(
                f"there is no rate for {currency}",
                where=where,
                expected=f"a finite number above zero in column {name} of data.context, at or before every bar",
                found=f"{rates[broken[0]]} at {np.datetime64(int(timestamps[broken[0]]), 'ns')} (UTC, or as written)",
                remedy="begin the column before the first bar, or the bars with data.start",
            )
        tables.balances[row].column = rates.ctypes.data


def with_currency(frame: pl.DataFrame, account: AccountSpec, codes: NDArray[np.int64]) -> pl.DataFrame:
    """Add `currency`, by its number among the balances, to records in several currencies; a single one has none."""
    if not account.rates:
        return frame.drop("rate", "currency", strict=False)
    return frame.with_columns(currency=pl.Series(np.array(account.currencies)[codes], dtype=pl.String))


def balances_of(log: NDArray[Any], account: AccountSpec, groups: slice) -> dict[str, NDArray[np.float64]]:
    """Return the cash in each currency at some timestamps, by the name of its column."""
    count = len(account.currencies)
    if count == 1:
        return {}
    amounts = log["amount"][groups.start * count : groups.stop * count].reshape(-1, count)
    return {f"cash_{name}": amounts[:, row].copy() for row, name in enumerate(account.currencies)}

"""Cash by currency, where an account has several; a part of the ledger, which alone calls it.

An asset's currency is that of its price, its costs and its dividends: what a fill costs leaves that currency's cash,
what a sale or a dividend brings goes there and stays, financing is paid there. The account's own currency, record 0,
reports: `account.cash` is every balance at its rate, kept up to date by the ledger with each entry and each change.

    margin account   a balance may be negative: a debt in that currency, which pays the margin interest
    cash account     nothing may be owed: what a currency lacks is bought at the rate of the moment, with the account's
                     own currency first, then with the others in their order, and logged as a conversion

A rate is known as a close is: what fills before this timestamp's closes fills at the rate of the timestamp before.
Single-currency accounts never come here.
"""

from __future__ import annotations

from backsweep.engine.account.logs import log_flow
from backsweep.engine.codes import CASH, CONVERSION, INTEREST, NONE
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.state import State


@kernel
def book_cash(state: State, asset: int, amount: float) -> None:
    """Add an amount of the asset's currency to its cash; the caller has added it to the account's."""
    currency = record_at(state.assets, asset).currency
    balance = record_at(state.balances, currency)
    balance.amount += amount
    if state.rules.kind == CASH and balance.amount < 0.0:
        _convert(state, currency)


@kernel
def _convert(state: State, wanted: int) -> None:
    """Buy what a currency lacks with what the others have."""
    short = record_at(state.balances, wanted)
    for currency in range(state.sizes.currencies):
        other = record_at(state.balances, currency)
        if currency != wanted and other.amount > 0.0 and short.amount < 0.0:
            needed = -short.amount * short.rate
            value = other.amount * other.rate
            if needed < value:
                other.amount -= needed / other.rate
                short.amount = 0.0
                value = needed
            else:
                other.amount = 0.0
                short.amount += value / short.rate
            if state.sizes.log_capacity > 0:
                log_flow(state, NONE, CONVERSION, 0.0, -value, currency)
                log_flow(state, NONE, CONVERSION, 0.0, value, wanted)


@kernel
def charge_debts(state: State, years: float) -> float:
    """Charge margin interest on every negative balance; return the total a year, in account currency."""
    total = 0.0
    for currency in range(state.sizes.currencies):
        balance = record_at(state.balances, currency)
        if balance.amount < 0.0:
            fee = -balance.amount * state.rules.margin_interest
            balance.amount -= fee * years
            total += fee * balance.rate
            if state.sizes.log_capacity > 0:
                log_flow(state, NONE, INTEREST, 0.0, -fee * balance.rate * years, currency)
    return total

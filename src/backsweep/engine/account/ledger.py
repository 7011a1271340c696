"""The only writer of cash, positions, fills and equity.

Whatever changes the account passes through here: fills, marks, splits, dividends and closed trades. A fact is stored
once. Two identities hold after every call, and the tests check them:

    cash   = initial cash - sum over fills of (quantity x price x multiplier + commission) - financing + dividends
             + what changes of rates added to cash in other currencies
    equity = cash + sum over assets of quantity x last price x multiplier

Money is in account currency, a multiplier that of the moment; `balances` keeps cash by currency.

A trade is a round trip from flat to flat. A fill that crosses zero closes one trade and opens the next, its commission
and slippage divided by quantity. Dividends belong to the trade that holds the position; financing belongs to the
account, and to no trade.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.balances import book_cash, charge_debts
from backsweep.engine.account.logs import log_fill, log_flow, log_trade
from backsweep.engine.calendar import month_of
from backsweep.engine.codes import (
    BORROW_FEE,
    CASH_IN_LIEU,
    DAILY_LOSS,
    DELISTING,
    DIVIDEND,
    FUNDING,
    INTEREST,
    NO_REASON,
    NONE,
    SHORT_CREDIT,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, load, record_at, small_kernel
from backsweep.engine.lots import in_lots
from backsweep.engine.state import State
from backsweep.engine.tables import SETTLEMENTS

DAYS_PER_INTEREST_YEAR = 365.0


@large_kernel
def apply_fill(
    state: State,
    order: Any,
    row: int,
    quantity: float,
    price: float,
    commission: float,
    slippage: float,
) -> None:
    """Enter one fill: `quantity` signed units at `price` and `commission`, in the asset's currency.

    `slippage` is in account currency. A position that is whole lots stays whole lots; the fill that closes it is for
    exactly what the fills before have summed to, so that all of them sum to nothing.
    """
    account = state.account
    counters = state.counters
    sizes = state.sizes
    asset = record_at(state.assets, order.asset)
    multiplier = asset.multiplier
    position = record_at(state.positions, order.asset)
    held = position.quantity
    after = in_lots(held + quantity, asset.lot, abs(held) + abs(quantity))
    order.filled = in_lots(order.filled + quantity, asset.lot, abs(order.filled) + abs(quantity))
    if after == 0.0:
        quantity = -position.summed
    position.summed += quantity
    order.value += abs(quantity) * abs(price) * asset.contract
    order.commission += commission
    due = quantity * price * asset.contract + commission
    commission *= asset.rate
    notional = abs(quantity) * abs(price) * multiplier
    account.cash -= quantity * price * multiplier + commission
    counters.commission += commission
    counters.slippage += slippage
    counters.traded_notional += notional
    if state.rules.monthly == 1 and order.fill_reason not in (CASH_IN_LIEU, DELISTING):
        _count_month(state, abs(quantity), notional)
    counters.fills += 1
    account.valued = 0
    proceeds = -quantity * price * multiplier
    if proceeds > 0.0 and state.rules.settlement > 0:
        _defer(state, proceeds)
    if sizes.currencies > 1:
        book_cash(state, order.asset, -due)
    if sizes.log_capacity > 0:
        log_fill(state, order, quantity, price, commission, slippage)

    closing = 0.0
    if held * quantity < 0.0:
        closing = abs(quantity) if after * held >= 0.0 else abs(held)
        share = closing / abs(quantity)
        _close(position, closing, price, multiplier, commission * share, slippage * share)
        if after * held <= 0.0:
            position.quantity = 0.0
            _finish_trade(state, order, row, price)
    opening = abs(quantity) - closing
    if opening > 0.0:
        share = opening / abs(quantity)
        if position.quantity == 0.0:
            _start_trade(state, position, row, price)
        _open(position, np.copysign(opening, quantity), price, multiplier, commission * share, slippage * share)
    position.quantity = after


@kernel
def _count_month(state: State, units: float, notional: float) -> None:
    """Count what the account trades in a calendar month; what a company or an exchange pays for units is no trade."""
    account = state.account
    month = month_of(state.cursor.timestamp)
    if account.month != month:
        account.month = month
        account.month_units = 0.0
        account.month_value = 0.0
    account.month_units += units
    account.month_value += notional


@kernel
def _defer(state: State, proceeds: float) -> None:
    """Count what a fill brought as cash that cannot be used before it settles."""
    state.account.unsettled += proceeds
    record_at(state.settlements, (state.cursor.sessions + state.rules.settlement) % SETTLEMENTS).amount += proceeds


@kernel
def _settle(state: State) -> None:
    """Release the proceeds that settle with the session that begins."""
    account = state.account
    record_at(state.settlements, state.cursor.sessions % SETTLEMENTS).amount = 0.0
    account.unsettled = 0.0
    for session in range(SETTLEMENTS):
        account.unsettled += record_at(state.settlements, session).amount


@kernel
def _start_trade(state: State, position: Any, row: int, price: float) -> None:
    state.cursor.open_positions += 1
    position.bars_held = 0
    position.entry_timestamp = state.cursor.timestamp
    position.entry_row = row
    position.entry_price = price
    position.trade_cash = 0.0
    position.trade_commission = 0.0
    position.trade_slippage = 0.0
    position.bought = 0.0
    position.bought_notional = 0.0
    position.sold = 0.0
    position.sold_notional = 0.0
    position.high = price
    position.low = price


@kernel
def _open(position: Any, quantity: float, price: float, multiplier: float, commission: float, slippage: float) -> None:
    total = position.quantity + quantity
    position.entry_price = (position.entry_price * abs(position.quantity) + price * abs(quantity)) / abs(total)
    position.bought += abs(quantity)
    position.bought_notional += abs(quantity) * price
    position.trade_cash -= quantity * price * multiplier + commission
    position.trade_commission += commission
    position.trade_slippage += slippage


@kernel
def _close(position: Any, units: float, price: float, multiplier: float, commission: float, slippage: float) -> None:
    signed = np.copysign(units, position.quantity)
    position.sold += units
    position.sold_notional += units * price
    position.trade_cash += signed * price * multiplier - commission
    position.trade_commission += commission
    position.trade_slippage += slippage
    position.high = max(position.high, price)
    position.low = min(position.low, price)


@kernel
def _finish_trade(state: State, order: Any, row: int, price: float) -> None:
    """Count the round trip that the last fill closed; its profit is net of commission and slippage."""
    counters = state.counters
    position = record_at(state.positions, order.asset)
    state.cursor.open_positions -= 1
    counters.trades += 1
    profit = position.trade_cash
    if profit > 0.0:
        counters.wins += 1
        counters.gross_profit += profit
    else:
        counters.gross_loss -= profit
    if state.sizes.log_capacity > 0:
        log_trade(state, order, position, row)


@kernel
def split_position(position: Any, ratio: float, lot: float) -> None:
    """Count a position, and the prices kept with it, in new units: `ratio` of them for one old. Its value stays."""
    units = position.quantity * ratio
    position.quantity = in_lots(units, lot, abs(units))
    position.summed *= ratio
    position.bought *= ratio
    position.sold *= ratio
    position.last_price /= ratio
    position.entry_price /= ratio
    position.high /= ratio
    position.low /= ratio


@kernel
def pay_dividend(state: State, asset: int, dividend: float) -> None:
    """Enter a cash dividend, so much a unit: longs receive it, shorts pay it. It belongs to the open trade."""
    account = state.account
    sizes = state.sizes
    position = record_at(state.positions, asset)
    if position.quantity == 0.0:
        return
    amount = position.quantity * dividend * record_at(state.assets, asset).multiplier
    account.cash += amount
    if sizes.currencies > 1:
        book_cash(state, asset, position.quantity * dividend * record_at(state.assets, asset).contract)
    state.counters.dividends += amount
    account.valued = 0
    position.trade_cash += amount
    if sizes.log_capacity > 0:
        log_flow(state, asset, DIVIDEND, position.quantity, amount, record_at(state.assets, asset).currency)


@small_kernel
def mark_bar(state: State, position: Any, bar: Any) -> None:
    """Mark an asset's position to the close of its bar."""
    position.last_price = bar.close
    if position.quantity != 0.0:
        position.bars_held += 1
        state.account.valued = 0
        if state.sizes.log_capacity > 0:
            position.high = max(position.high, bar.high)
            position.low = min(position.low, bar.low)


@kernel
def mark_bars(state: State, bar: Any, bars: int) -> None:
    """Mark the asset's position to this bar, the last of so many; for runs that are not recorded."""
    position = record_at(state.positions, bar.asset)
    position.last_price = bar.close
    if position.quantity != 0.0:
        position.bars_held += bars
        state.account.valued = 0


@kernel
def mark_rates(state: State, index: int) -> None:
    """Value cash in other currencies, and units of assets in them, at the rates of timestamp number `index`."""
    account = state.account
    sizes = state.sizes
    changed = 0
    for currency in range(1, sizes.currencies):
        balance = record_at(state.balances, currency)
        rate = load(balance.column, index)
        if rate != balance.rate:
            balance.rate = rate
            changed = 1
    if changed == 0:
        return
    cash = 0.0
    for currency in range(sizes.currencies):
        balance = record_at(state.balances, currency)
        cash += balance.amount * balance.rate
    state.counters.currency_pnl += cash - account.cash
    account.cash = cash
    account.valued = 0
    for index_of in range(sizes.assets):
        asset = record_at(state.assets, index_of)
        asset.rate = record_at(state.balances, asset.currency).rate
        asset.multiplier = asset.contract * asset.rate


@kernel
def margin_weight(state: State, asset: int) -> float:
    """Return an asset's initial margin relative to what the account's leverage requires."""
    rate = record_at(state.assets, asset).initial_margin
    return rate * state.rules.leverage if rate > 0.0 else 1.0


@kernel
def value_account(state: State) -> None:
    """Update the account's equity and gross exposure to the latest marks and fills."""
    account = state.account
    if account.valued == 1:
        return
    net = 0.0
    gross = 0.0
    used = 0.0
    if state.cursor.open_positions > 0:
        for asset in range(state.sizes.assets):
            position = record_at(state.positions, asset)
            if position.quantity != 0.0:
                value = position.quantity * position.last_price * record_at(state.assets, asset).multiplier
                net += value
                gross += abs(value)
                used += abs(value) * margin_weight(state, asset)
    account.equity = account.cash + net
    account.gross = gross
    account.used = used
    account.valued = 1


@large_kernel
def close_session(state: State, session: int) -> None:
    """Record equity and gross position value at the end of session number `session`."""
    value_account(state)
    account = state.account
    cursor = state.cursor
    record = record_at(state.sessions, session)
    record.equity = account.equity
    record.gross = account.gross
    cursor.sessions += 1
    if state.rules.limits == 1:
        account.session_equity = account.equity
        account.best_equity = max(account.best_equity, account.equity)
        if account.halted == DAILY_LOSS:
            account.halted = NO_REASON
    if account.unsettled > 0.0:
        _settle(state)
    if state.rules.financing == 1 and (account.cash < 0.0 or cursor.open_positions > 0 or state.sizes.currencies > 1):
        cursor.overnight = 1


@large_kernel
def accrue_financing(state: State, group: Any) -> None:
    """Charge what it cost to hold the account since the last session's end: interest on debt, fees on shorts.

    Rates are annual, simple, and by the days between the dates of both sessions over 365, as a broker charges what is
    held when its day ends: margin interest on negative cash, that of each currency by
    itself; borrow fees less the credit on short proceeds on the value of each short position at the last close. Below
    zero both are charged on the size of that value, so that a fee stays a cost and a credit an income. Called at the
    first bars of a session, before any order meets them.
    """
    account = state.account
    cursor = state.cursor
    sizes = state.sizes
    years = group.nights / DAYS_PER_INTEREST_YEAR
    cursor.overnight = 0
    if sizes.currencies > 1:
        fees = charge_debts(state, years)
    else:
        fees = max(-account.cash, 0.0) * state.rules.margin_interest
        if sizes.log_capacity > 0:
            log_flow(state, NONE, INTEREST, 0.0, -fees * years, 0)
    if cursor.open_positions > 0:
        for index in range(sizes.assets):
            position = record_at(state.positions, index)
            if position.quantity < 0.0:
                asset = record_at(state.assets, index)
                value = -position.quantity * abs(position.last_price) * asset.multiplier
                due = value * (asset.short_borrow - state.rules.short_credit)
                fees += due
                if sizes.currencies > 1:
                    book_cash(state, index, -due * years / asset.rate)
                if sizes.log_capacity > 0:
                    fee, credit = value * asset.short_borrow * years, value * state.rules.short_credit * years
                    log_flow(state, index, BORROW_FEE, position.quantity, -fee, asset.currency)
                    log_flow(state, index, SHORT_CREDIT, position.quantity, credit, asset.currency)
    account.cash -= fees * years
    state.counters.financing += fees * years
    account.valued = 0


@large_kernel
def pay_funding(state: State, group: Any) -> None:
    """Exchange funding for the positions held at these closes: value x the bar's rate, paid by longs, got by shorts.

    The value is at the size of the close, also where that is below zero. A rate below zero turns that round; a bar
    without a rate (NaN) has no payment.
    """
    account = state.account
    sizes = state.sizes
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        quantity = record_at(state.positions, bar.asset).quantity
        rate = load(state.rules.funding, row)
        if quantity != 0.0 and not np.isnan(rate):
            asset = record_at(state.assets, bar.asset)
            due = quantity * abs(bar.close) * asset.multiplier * rate
            account.cash -= due
            state.counters.financing += due
            account.valued = 0
            if sizes.currencies > 1:
                book_cash(state, bar.asset, -quantity * abs(bar.close) * asset.contract * rate)
            if sizes.log_capacity > 0:
                log_flow(state, bar.asset, FUNDING, quantity, -due, asset.currency)


@large_kernel
def log_equity(state: State, index: int) -> None:
    """Log the account at this timestamp; recorded runs only."""
    value_account(state)
    account = state.account
    sizes = state.sizes
    entry = record_at(state.equity_log, index)
    entry.timestamp = state.cursor.timestamp
    entry.cash = account.cash
    entry.equity = account.equity
    for currency in range(sizes.currencies if sizes.currencies > 1 else 0):
        amount = record_at(state.balances, currency).amount
        record_at(state.balance_log, index * sizes.currencies + currency).amount = amount
    entry.exposure = account.gross / account.equity if account.equity > 0.0 else 0.0

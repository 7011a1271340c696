"""What a record of each table holds.

Times are int64 nanoseconds UTC, quantities signed units, prices in quote currency, everything else in account currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from backsweep.engine.compile.kernel import record_dtype
from backsweep.engine.costs.commissions import COMMISSIONS, tiered
from backsweep.engine.costs.slippages import SLIPPAGES

if TYPE_CHECKING:
    import numpy as np

# Market data, read only.
BAR = record_dtype(
    [
        ("asset", "i4"),
        ("to_close", "i2"),  # whole minutes to the asset's close of the session; below 0 where a feed does not know it
        ("last_of_session", "i1"),  # 1 if no later bar of the asset belongs to the trading day
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "f8"),
    ]
)
GROUP = record_dtype(  # the bars of one timestamp
    [
        ("timestamp", "i8"),
        ("first_row", "i4"),
        ("count", "i4"),
        ("session", "i4"),
        ("minute", "i2"),  # of the local day, from 0
        ("last_of_session", "i2"),
        ("nights", "i2"),  # of the first of a session: days from the date of the session before; 0 elsewhere
    ]
)
CONDITION = record_dtype(  # one comparison of a wake expression
    [
        ("column", "i8"),  # address of its values, one for each bar
        ("extremes", "i8"),  # address of the greatest of each block of them, or of the least where `kind` is BELOW
        ("threshold", "f8"),
        ("kind", "i8"),
        ("following", "i8"),  # how many comparisons behind it must hold with it
    ]
)
REACH = record_dtype([("low", "f8"), ("high", "f8")])  # the extremes of a block of bars
QUOTES = record_dtype(  # addresses of the columns of both sides, one value for each bar; 0 without `execution.quotes`
    [(f"{side}_{price}", "i8") for side in ("bid", "ask") for price in ("open", "high", "low", "close")]
)
SESSION_END = record_dtype(  # the last group of a session, in order of group
    [("group", "i8"), ("session", "i8")]
)
ACTION = record_dtype(  # a corporate action, in order of group
    [("group", "i8"), ("asset", "i8"), ("split", "f8"), ("dividend", "f8"), ("delisting", "f8")]
)

FINER_BAR = record_dtype(  # one of `data.detail`: of each asset in order of time, and only those within its bars
    [("timestamp", "i8"), ("open", "f8"), ("high", "f8"), ("low", "f8")]
)
FINER_RANGE = record_dtype([("first", "i8"), ("count", "i8")])  # the finer bars of the bar of the same row; 0: none

# Settings of one trial, read only.
RULES = record_dtype(
    [
        ("cash", "f8"),
        ("kind", "i8"),
        ("leverage", "f8"),
        ("minimum_order", "f8"),
        ("settlement", "i8"),  # sessions until the proceeds of a sale can be used
        ("margin_calls", "i8"),  # 1: maintenance margin, or what is lost, is checked at every close
        ("limits", "i8"),  # 1: some of the four that follow are set; infinity where one is not
        ("most_positions", "f8"),
        ("most_exposure", "f8"),  # multiple of equity
        ("daily_loss", "f8"),  # fraction of equity at the end of the session before
        ("drawdown", "f8"),  # fraction of the highest equity at a session's end
        ("fill_at", "i8"),  # this and the next four are the execution profile's: see `profiles`
        ("children_live", "i8"),
        ("sequence", "i8"),
        ("trigger", "i8"),
        ("target_at_open", "i8"),
        ("limit_fill", "i8"),
        ("ambiguous", "i8"),  # what comes first where a bar's range has a stop and a target: see `ambiguity`
        ("delay", "i8"),  # timestamps from a bar to the decision that sees it
        ("volume_share", "f8"),  # the most of a bar's volume that orders fill, 0 for no bound
        ("financing", "i8"),  # 1: interest and borrow fees accrue
        ("margin_interest", "f8"),  # a year, fraction of negative cash
        ("short_credit", "f8"),  # a year, fraction of the value held short
        ("funding", "i8"),  # address of the column of funding rates, one for each bar; 0 for none
        ("quotes", "i8"),  # 1: orders meet the quotes of their side
        ("monthly", "i8"),  # 1: what is traded in a calendar month is counted, for tiers
    ]
)
ASSET = record_dtype(
    [
        ("multiplier", "f8"),  # account currency for a unit at a price of 1: contract x rate
        ("contract", "f8"),  # the asset's currency for a unit at a price of 1
        ("currency", "i8"),  # its number among the balances, 0 for the account's
        ("rate", "f8"),  # account currency for one of the asset's, at the moment
        ("lot", "f8"),
        ("tick", "f8"),
        ("shortable", "i8"),
        ("initial_margin", "f8"),  # fraction of value, 0 where it follows from the account's leverage
        ("maintenance_margin", "f8"),  # fraction of value
        ("volume_from", "i8"),  # from this row on, no order meets a bar without volume
        ("commission", COMMISSIONS.record),
        ("slippage", SLIPPAGES.record),
        ("stop_slippage", "f8"),
        ("short_borrow", "f8"),  # a year, fraction of the value held short
    ]
)
TIER = record_dtype([(number.name, "f8") for number in tiered.TIER])
MODEL = record_dtype(  # a user's cost model: see `costs.custom`
    [
        ("code", "i8"),  # address of the compiled function
        ("source", "i8"),  # number of the same function as plain Python
        ("values", "i8"),  # address of the record of its parameters
        ("columns", "i8"),  # address of the record of the signals' addresses
        ("times", "f8"),  # what it answers counts so many times
        ("failed", "i8"),  # 1 once it gave what is no cost, which is in `answer`
        ("answer", "f8"),
    ]
)
FILL = record_dtype(  # a fill as a cost model sees it; the fields are public
    [
        ("asset", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("value", "f8"),
        ("multiplier", "f8"),
        ("share", "f8"),
        ("maker", "i8"),
        ("stop", "i8"),
        ("order_quantity", "f8"),
        ("order_filled", "f8"),
        ("order_value", "f8"),
        ("order_fees", "f8"),
        ("month_units", "f8"),
        ("month_value", "f8"),
    ]
)

# What a run changes. Only the ledger writes cash, equity and positions.
ACCOUNT = record_dtype(
    [
        ("cash", "f8"),
        ("unsettled", "f8"),  # the part of cash that cannot be used yet
        ("equity", "f8"),
        ("gross", "f8"),
        ("used", "f8"),  # gross, with each asset's initial margin in units of the account's
        ("valued", "i8"),  # 1 while equity and gross are those of the latest closes and fills
        ("reserved", "f8"),  # exposure that working orders would add
        ("month", "i8"),  # the calendar month of the two that follow, counted from year 0
        ("month_units", "f8"),
        ("month_value", "f8"),
        ("peak", "f8"),  # of equity at session ends, while the run may stop early
        ("session_equity", "f8"),  # at the last session's end; this and the next two are kept where limits are set
        ("best_equity", "f8"),  # the highest at a session's end
        ("halted", "i8"),  # the limit that ended trading, for the session or for good; NO_REASON
    ]
)
COUNTERS = record_dtype(  # of one run; numbers alone, so that records are added up as float64[len(COUNTERS)]
    [
        ("initial_equity", "f8"),
        ("trades", "f8"),  # closed ones
        ("wins", "f8"),
        ("gross_profit", "f8"),
        ("gross_loss", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("financing", "f8"),
        ("dividends", "f8"),
        ("currency_pnl", "f8"),  # what changes of rates added to cash
        ("traded_notional", "f8"),
        ("fills", "f8"),
        ("ambiguous_fills", "f8"),
        ("ambiguous_pnl", "f8"),
        ("rejected_orders", "f8"),
    ]
)
CURSOR = record_dtype(  # where the loop stands
    [
        ("group", "i8"),
        ("timestamp", "i8"),
        ("sessions", "i8"),  # how many are closed
        ("failure", "i8"),
        ("overnight", "i8"),  # 1 from the end of a session to the next while financing accrues
        ("open_positions", "i8"),
        ("live_orders", "i8"),
        ("expiring", "i8"),  # how many live orders are DAY or GTD
        ("next_expiry", "i8"),  # no GTD order ends before
        ("at_close", "i8"),  # how many working orders fill at a close
        ("next_id", "i8"),
        ("requests", "i8"),
        ("candidates", "i8"),
        ("next_end", "i8"),  # the first of the session ends that the loop has not passed
        ("closing_at", "i8"),  # the next group at whose end positions are closed: `flat_at`, or one with a delisting
        ("next_action", "i8"),  # the first that has not taken effect, and its group
        ("next_action_group", "i8"),
        ("fills_logged", "i8"),
        ("trades_logged", "i8"),
        ("orders_logged", "i8"),
        ("flows_logged", "i8"),
    ]
)
CALL = record_dtype(  # arguments of one call of the loop: see `events.segment` and `events.early_stop`
    [
        ("carried", "i8"),
        ("earlier_assets", "i8"),
        ("flat_at", "i8"),
        ("first_seen", "i8"),  # the first group of the account's bars: `on_data` sees none before it
        ("first_action", "i8"),
        ("next_action", "i8"),
        ("early_stop", "i8"),
        ("drawdown_limit", "f8"),
        ("trades_needed", "i8"),
        ("trades_due", "i8"),
    ]
)
SIZES = record_dtype(  # how many there are of each
    [
        ("assets", "i8"),
        ("parts", "i8"),  # of a combination: that many positions of an asset follow each other; else 1
        ("currencies", "i8"),
        ("conditions", "i8"),  # comparisons of `wake`, NONE: `on_data` sees every bar while flat and without orders
        ("held_conditions", "i8"),  # those of `wake_held`, which follow them, NONE: every bar while there are any
        ("sleeps", "i8"),  # 1 where groups may be quiet, or passed; 0: every group is visited
        ("reaches", "i8"),  # 0 where a group may have several bars: while there are orders, each is looked at
        ("session_ends", "i8"),
        ("actions", "i8"),
        ("finer_bars", "i8"),  # 0: every bar is matched as a whole
        ("capacity", "i8"),  # slots of the order table
        ("log_capacity", "i8"),  # entries of each log; 0: the run is not recorded
    ]
)
POSITION = record_dtype(
    [
        ("quantity", "f8"),
        ("summed", "f8"),  # the same as the sum of its fills, with the rounding of that sum
        ("last_price", "f8"),
        ("bars_held", "i8"),
        ("entry_price", "f8"),  # average cost of the open quantity
        ("entry_timestamp", "i8"),
        ("entry_row", "i8"),
        ("trade_cash", "f8"),  # every cash flow of the trade so far, costs included
        ("trade_commission", "f8"),
        ("trade_slippage", "f8"),
        ("bought", "f8"),  # units and notional on the entry side, then on the exit side, of the trade so far
        ("bought_notional", "f8"),
        ("sold", "f8"),
        ("sold_notional", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("delisted", "i8"),
    ]
)
BALANCE = record_dtype(  # cash in one currency, the account's own first
    [
        ("amount", "f8"),  # in that currency
        ("rate", "f8"),  # account currency for one of it, at the moment
        ("column", "i8"),  # where its rates are, one for each group
    ]
)
SETTLEMENT = record_dtype([("amount", "f8")])  # proceeds that settle with session number n: record n % SETTLEMENTS
SETTLEMENTS = 16
BOOK = record_dtype(  # the working orders of one asset
    [
        ("first_order", "i8"),  # linked in order of activation
        ("last_order", "i8"),
        ("reach_low", "f8"),  # a bar with low > reach_low and high < reach_high touches no order; never too narrow
        ("reach_high", "f8"),
        ("filled_units", "f8"),  # units filled at the bar of row `filled_row`, by all parts together
        ("filled_row", "i8"),  # of the first of them
        ("finer", "i8"),  # the finer bar that its orders are matched with, NONE for the bar as a whole
        ("ended", "i8"),  # the group whose bar was the last of the asset's session; kept while orders can expire
    ]
)
ORDER = record_dtype(
    [
        ("id", "i8"),
        ("status", "i8"),
        ("type", "i8"),
        ("acts_as", "i8"),  # as MARKET, LIMIT or STOP: how it meets a bar now
        ("at_close", "i8"),  # 1 if it fills at a close alone
        ("asset", "i8"),
        ("quantity", "f8"),
        ("filled", "f8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("trail_amount", "f8"),
        ("trail_percent", "f8"),
        ("tif", "i8"),
        ("expires", "i8"),  # GTD: a time
        ("oca_group", "i8"),  # 0 for none
        ("mark", "f8"),  # a trailing stop's water mark
        ("next", "i8"),
        ("previous", "i8"),
        ("reserved", "f8"),
        ("reduce_only", "i8"),
        ("fill_reason", "i8"),
        ("reject_reason", "i8"),
        ("parent", "i8"),  # id of the parent order, 0 for none
        ("first_child", "i8"),
        ("next_sibling", "i8"),  # live children of one parent form a ring
        ("planned", "f8"),  # units as they were asked for
        ("parent_units", "f8"),  # the units of its parent that a child's planned units are for; NaN: a size of its own
        (
            "ambiguous_group",
            "i8",
        ),  # the group whose bar reached this stop, before its entry or after it
        ("submitted", "i8"),
        ("rested", "i8"),  # 1 once it has met a bar that did not fill it, or all of it
        ("value", "f8"),  # filled so far, in the asset's currency, as the next two are
        ("fees", "f8"),  # for what is filled so far, before the order's minimum and maximum
        ("commission", "f8"),  # paid so far
        (
            "asked_limit",
            "f8",
        ),  # as it was submitted, like the next two; in recorded runs only
        ("asked_stop", "f8"),
        ("close_seen", "f8"),
    ]
)
SLOT = record_dtype([("slot", "i8")])
WALK = record_dtype([("row", "i8"), ("next", "i8"), ("end", "i8")])  # a bar, and those of its finer bars still to come
CANDIDATE = record_dtype(
    [("slot", "i8"), ("row", "i8"), ("phase", "i8"), ("rank", "i8"), ("id", "i8"), ("price", "f8")]
)

# What a run leaves behind. The logs are empty unless the run is recorded.
SESSION = record_dtype([("equity", "f8"), ("gross", "f8")])
EQUITY_LOG = record_dtype([("timestamp", "i8"), ("cash", "f8"), ("equity", "f8"), ("exposure", "f8")])
FILL_LOG = record_dtype(
    [
        ("order_id", "i8"),
        ("timestamp", "i8"),
        ("asset", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("rate", "f8"),
        ("reason", "i8"),
    ]
)
TRADE_LOG = record_dtype(
    [
        ("asset", "i8"),
        ("quantity", "f8"),
        ("entry_timestamp", "i8"),
        ("entry_price", "f8"),
        ("exit_timestamp", "i8"),
        ("exit_price", "f8"),
        ("pnl", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("bars_held", "i8"),
        ("exit_reason", "i8"),
        ("max_favourable", "f8"),
        ("max_adverse", "f8"),
        ("entry_row", "i8"),
        ("exit_row", "i8"),
    ]
)
FLOW_LOG = record_dtype(  # cash that came or went without a fill; `quantity` is the position that it was for
    [
        ("timestamp", "i8"),
        ("asset", "i8"),
        ("kind", "i8"),
        ("quantity", "f8"),
        ("amount", "f8"),  # account currency, at the rate of `currency`
        ("currency", "i8"),
        ("rate", "f8"),
    ]
)
BALANCE_LOG = record_dtype([("amount", "f8")])  # of group g in currency c: record g x currencies + c
ORDER_LOG = record_dtype(
    [
        ("order_id", "i8"),
        ("parent_id", "i8"),
        ("asset", "i8"),
        ("order_type", "i8"),
        ("quantity", "f8"),
        ("status", "i8"),
        ("reject_reason", "i8"),
        ("submitted", "i8"),
        ("closed", "i8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("last_price", "f8"),
    ]
)


class TableSpec(NamedTuple):
    """The dtype of a table's records, and the name of their count, which `state.allocate` works out."""

    dtype: np.dtype[Any]
    records: str = "one"


TABLES = {
    "bars": TableSpec(BAR),  # this and the next three are arguments of `allocate`
    "groups": TableSpec(GROUP),
    "conditions": TableSpec(CONDITION),
    "actions": TableSpec(ACTION),
    "reaches": TableSpec(REACH, "reaches"),
    "session_ends": TableSpec(SESSION_END, "session_ends"),
    "finer_bars": TableSpec(FINER_BAR),  # this and the next are arguments of `allocate`
    "finer_ranges": TableSpec(FINER_RANGE),
    "quotes": TableSpec(QUOTES),
    "rules": TableSpec(RULES),
    "assets": TableSpec(ASSET, "assets"),
    "tiers": TableSpec(TIER),
    "models": TableSpec(MODEL),
    "fill": TableSpec(FILL),
    "account": TableSpec(ACCOUNT),
    "counters": TableSpec(COUNTERS),
    "cursor": TableSpec(CURSOR),
    "call": TableSpec(CALL),
    "sizes": TableSpec(SIZES),
    "positions": TableSpec(POSITION, "assets"),
    "balances": TableSpec(BALANCE, "currencies"),
    "settlements": TableSpec(SETTLEMENT, "settlements"),
    "books": TableSpec(BOOK, "assets"),
    "orders": TableSpec(ORDER, "capacity"),
    "requests": TableSpec(SLOT, "capacity"),
    "candidates": TableSpec(CANDIDATE, "capacity"),
    "walks": TableSpec(WALK, "assets"),
    "sessions": TableSpec(SESSION, "sessions"),
    "equity_log": TableSpec(EQUITY_LOG, "logged_groups"),
    "fill_log": TableSpec(FILL_LOG, "log"),
    "trade_log": TableSpec(TRADE_LOG, "log"),
    "flow_log": TableSpec(FLOW_LOG, "log"),
    "balance_log": TableSpec(BALANCE_LOG, "logged_balances"),
    "order_log": TableSpec(ORDER_LOG, "log"),
}
CHANGED = (
    *("fill", "account", "counters", "cursor", "call", "positions", "balances", "settlements"),
    *("books", "orders", "requests", "candidates", "walks", "sessions"),
)
"""The tables that a run changes, but for the logs, and for what `reset` works out from a trial's numbers."""
ADDRESSES = record_dtype([(name, "i8") for name in TABLES])

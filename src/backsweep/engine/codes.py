"""The engine's small integers: kernels compare them, tables show their names. A name's index is its code."""

from __future__ import annotations

# Order types.
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, MARKET_ON_CLOSE = range(6)
ORDER_TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop", "market_on_close")

# What a comparison of a wake condition asks: a column below or above a number; a position held for so many bars.
BELOW, ABOVE, HELD_FOR = range(3)

# Time in force.
GTC, DAY, GTD, IOC, FOK = range(5)
TIFS = ("gtc", "day", "gtd", "ioc", "fok")

# Order status. FREE marks a slot of the order table that holds no order; UNKNOWN answers for an id that is not kept.
FREE, REQUESTED, HELD, WORKING, FILLED, CANCELLED, REJECTED, EXPIRED, UNKNOWN = range(9)
STATUSES = ("free", "requested", "held", "working", "filled", "cancelled", "rejected", "expired", "unknown")

# Why an order was rejected or cancelled.
(
    NO_REASON,
    BAD_ASSET,
    BAD_QUANTITY,
    BAD_PRICE,
    BAD_PARENT,
    BUYING_POWER,
    INSUFFICIENT_CASH,
    SHORT_SALE,
    BY_STRATEGY,
    SIBLING_FILLED,
    PARENT_CLOSED,
    POSITION_CLOSED,
    BAD_TYPE,
    BAD_TIME_IN_FORCE,
    GROUP_FILLED,
    BELOW_MINIMUM,
    NOT_SHORTABLE,
    CHILD_FILLED,
    DELISTED,
    SPLIT_AWAY,
    MARGIN_CALL,
    UNSETTLED,
    POSITIONS_LIMIT,
    EXPOSURE_LIMIT,
    DAILY_LOSS,
    DRAWDOWN,
) = range(26)
REJECT_REASONS = (
    "",
    "no such asset",
    "quantity is zero or not a number",
    "price is missing or not positive",
    "no such parent order",
    "exceeds buying power",
    "exceeds cash",
    "short sale in a cash account",
    "cancelled by the strategy",
    "its sibling filled",
    "its parent closed unfilled",
    "its position closed",
    "no such order type",
    "time in force is unknown or incomplete",
    "another order of its group filled",
    "below the minimum order value",
    "the asset cannot be sold short",
    "its bracket began to exit",
    "the asset was delisted",
    "a split left less than a lot of it",
    "the account broke its maintenance margin",
    "exceeds settled cash",
    "exceeds the limit of positions",
    "exceeds the limit of exposure",
    "the account reached its daily loss",
    "the account reached its drawdown",
)

# Why a fill happened.
SIGNAL, AT_LIMIT, AT_STOP, STOP_LOSS, TAKE_PROFIT, SEGMENT_END, CASH_IN_LIEU, DELISTING, LIQUIDATION = range(9)
FILL_REASONS = (
    "signal",
    "limit",
    "stop",
    "stop_loss",
    "take_profit",
    "segment_end",
    "cash_in_lieu",
    "delisting",
    "liquidation",
)

# Why cash came or went without a fill.
DIVIDEND, INTEREST, BORROW_FEE, SHORT_CREDIT, FUNDING, CONVERSION = range(6)
FLOW_KINDS = ("dividend", "interest", "borrow_fee", "short_credit", "funding", "conversion")

# Phases of a bar in which an order can fill, in their order. AT_ENTRY: at the price that filled its parent, where
# that was inside the range.
NEVER, AT_OPEN, AT_ENTRY, IN_RANGE, AT_CLOSE = range(5)

# What an execution profile chooses; 0 is the default's choice, so that empty rules are those of `next_open`.
NEXT_OPEN, SAME_CLOSE, NEXT_CLOSE = range(3)  # where market orders fill
ENTRY_BAR, SURE_ENTRY_BAR, BAR_AFTER = range(3)  # when a bracket's children begin to meet bars
EXITS_FIRST, AS_SUBMITTED, ALL_AS_SUBMITTED = range(3)  # the order in which orders of one phase fill
WHOLE_BAR, CLOSE_ONLY = range(2)  # what triggers limits and stops
OPEN_DECIDES, RANGE_DECIDES = range(2)  # what fills where a bar opens beyond a target and then reaches the stop

# When a price reaches a limit: when it is there, or when it goes beyond it.
TOUCH, PENETRATION = range(2)
LIMIT_FILLS = ("touch", "penetration")

# What fills where one bar's range has a stop and a target.
STOP_FIRST, TARGET_FIRST = range(2)
AMBIGUOUS = ("stop_first", "target_first")

# Account kinds.
CASH, MARGIN = range(2)
ACCOUNT_KINDS = ("cash", "margin")

# How a run begins: with a new account; with the one at hand, what is counted beginning anew; or just going on.
FRESH, CARRIED, CONTINUED = range(3)

# Failures, and reasons to prune: the engine stops at the first.
NO_FAILURE, ORDERS_FULL, LOG_FULL, PRUNED_DRAWDOWN, PRUNED_TRADES, PRUNED_RUIN, BAD_COST = range(7)

# The end of a list of order slots.
NONE = -1

"""What to want on given bars. No intent stands on the first two bars or on the last: not every peer would see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sidebyside.scenario import (
    CANCEL,
    CLOSE,
    CLOSING,
    DAYS,
    ENTER,
    NOTHING,
    OPEN,
    ORDER,
    TARGET_PERCENT,
    TARGET_VALUE,
    intend,
    no_intents,
)
from sidebyside.series import DECIMALS

Bars = NDArray[np.float64]
Intents = NDArray[np.float64]
FIRST = 2


def brackets(
    bars: Bars,
    seed: int,
    *,
    sides: tuple[int, ...] = (-1, 1),
    often: float = 0.3,
    reach: float = 0.04,
    away: float = 0.0,
    from_open: bool = False,
) -> Intents:
    """Enter with a stop and a target now and then.

    Levels are half a tick off the grid: a peer that is told them as fractions of a price rounds them its own way.
    They are up to `reach` away from the close; with `from_open` from the next open, so that no entry is already beyond
    one of them. With `away` the entry is a limit so far inside the close; where that is negative, a stop outside it.
    """
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - 1):
            if generator.random() >= often:
                continue
            side = int(generator.choice(sides))
            base = bars[asset, index + 1, OPEN] if from_open else bars[asset, index, CLOSING]
            below, above = generator.uniform(0.1 * reach, reach, 2)
            price = round(base * (1.0 - side * away), DECIMALS)
            limit, stop = price if away > 0.0 else np.nan, price if away < 0.0 else np.nan
            below, above = below + abs(away), above + abs(away)
            low = round(base * (1.0 - below), DECIMALS) - 0.5 * 10**-DECIMALS
            high = round(base * (1.0 + above), DECIMALS) + 0.5 * 10**-DECIMALS
            stop_loss, take_profit = (low, high) if side > 0 else (high, low)
            quantity = float(side * generator.integers(1, 500))
            exits = {"stop_loss": stop_loss, "take_profit": take_profit}
            intents[asset, index] = intend(ENTER, quantity, limit=limit, stop=stop, **exits)
    return intents


def on_grid(bars: Bars, intents: Intents) -> Intents:
    """Put the levels of brackets on prices that bars touch exactly: a level equal to a high or a low is reached."""
    intents = intents.copy()
    for asset in range(len(bars)):
        for index in np.flatnonzero(intents[asset, :, 0] == ENTER):
            later = bars[asset, index + 1 : index + 9]
            long = intents[asset, index, 1] > 0.0
            close = bars[asset, index, CLOSING]
            lows, highs = later[:, 2][later[:, 2] < close], later[:, 1][later[:, 1] > close]
            if len(lows) and len(highs):
                levels = (lows.min(), highs.max()) if long else (highs.max(), lows.min())
                intents[asset, index, 4:6] = levels
    return intents


def round_trips(bars: Bars, seed: int, *, sides: tuple[int, ...] = (1,), held: int = 6, whole: bool = True) -> Intents:
    """Enter at market and close some bars later, again and again."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        index = FIRST
        while index < bars.shape[1] - 2:
            size = float(generator.integers(1, 500)) if whole else float(generator.uniform(0.1, 50.0))
            exit_at = min(index + int(generator.integers(1, held)), bars.shape[1] - 2)
            if exit_at <= index:
                break
            intents[asset, index] = intend(ORDER, size * int(generator.choice(sides)))
            intents[asset, exit_at] = intend(CLOSE)
            index = exit_at + int(generator.integers(1, 4))
    return intents


def reversals(bars: Bars, seed: int, *, often: float = 0.25) -> Intents:
    """Turn from long to short and back, through zero, and sometimes add or reduce."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        held = 0.0
        for index in range(FIRST, bars.shape[1] - 1):
            if generator.random() >= often:
                continue
            target = float(generator.integers(-300, 300))
            if target == held:
                continue
            intents[asset, index] = intend(ORDER, target - held)
            held = target
    return intents


def limit_entries(bars: Bars, seed: int, *, away: float = 0.003, patience: int = 4, cancels: bool = True) -> Intents:
    """Bid 0.3 % below the close (or offer above); give up after some bars if `cancels`; close at market later."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - 3 * patience, 3 * patience):
            side = int(generator.choice((-1, 1)))
            price = round(bars[asset, index, CLOSING] * (1.0 - side * away), DECIMALS)
            intents[asset, index] = intend(ORDER, float(side * generator.integers(1, 500)), limit=price)
            if cancels:
                intents[asset, index + patience] = intend(CANCEL)
            intents[asset, index + 2 * patience] = intend(CLOSE)
    return intents


def stop_entries(bars: Bars, seed: int, *, away: float = 0.005, patience: int = 4) -> Intents:
    """Buy above the close (or sell below) by a stop, give up after some bars, close at market later."""
    intents = limit_entries(bars, seed, away=-away, patience=patience)
    intents[:, :, 3] = intents[:, :, 2]
    intents[:, :, 2] = np.nan
    return intents


def stop_limit_entries(bars: Bars, seed: int, *, room: float) -> Intents:
    """Make stop entries that fill no worse than a limit `room` (a fraction of the price) beyond the stop."""
    intents = stop_entries(bars, seed)
    side = np.sign(intents[:, :, 1])
    intents[:, :, 2] = np.round(intents[:, :, 3] * (1.0 + side * room), DECIMALS)
    return intents


def limited_in_time(bars: Bars, seed: int, *, away: float = 0.003, patience: int = 4) -> Intents:
    """Bid 0.3 % below the close (or offer above), good for some days; close at market later."""
    intents = limit_entries(bars, seed, away=away, patience=patience, cancels=False)
    intents[intents[:, :, 0] == ORDER, DAYS] = patience - 1
    return intents


def good_for_the_session(bars: Bars, seed: int, *, per_session: int) -> Intents:
    """Bid 0.3 % below the close (or offer above) to the end of the session; not on its last bar: see DIFFERENCES.md."""
    intents = limited_in_time(bars, seed)
    bids = intents[:, :, 0] == ORDER
    intents[bids, DAYS] = 0.0
    bids[:, np.arange(bars.shape[1]) % per_session != per_session - 1] = False
    intents[bids] = intend(NOTHING)
    return intents


def trailing_exits(bars: Bars, seed: int, *, patience: int = 12) -> Intents:
    """Enter at market, let a trailing stop follow, and leave at market where it was not reached."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - patience - 6, patience + 6):
            size = float(generator.integers(1, 500) * generator.choice((-1, 1)))
            intents[asset, index] = intend(ORDER, size)
            intents[asset, index + 1] = intend(ORDER, -size, trail=float(generator.integers(1, 9)) / 128)
            intents[asset, index + 1 + patience] = intend(CANCEL)
            intents[asset, index + 3 + patience] = intend(CLOSE)
    return intents


def limit_exits(bars: Bars, seed: int, *, away: float = 0.004, patience: int = 5) -> Intents:
    """Enter at market, offer above the close two bars later, and take it back if nobody came."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - 3 * patience, 3 * patience):
            side = int(generator.choice((-1, 1)))
            size = float(side * generator.integers(1, 500))
            price = round(bars[asset, index + 2, CLOSING] * (1.0 + side * away), DECIMALS)
            intents[asset, index] = intend(ORDER, size)
            intents[asset, index + 2] = intend(ORDER, -size, limit=price)
            intents[asset, index + 2 + patience] = intend(CANCEL)
            intents[asset, index + 3 + patience] = intend(CLOSE)
    return intents


def order_flow(bars: Bars, seed: int, *, often: float = 0.3, stops: bool = True) -> Intents:
    """Send market, limit and stop orders of any size and side, whatever is held, and cancel some."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - 1):
            if generator.random() >= often:
                continue
            size = float(generator.integers(1, 300) * generator.choice((-1, 1)))
            side = 1.0 if size > 0.0 else -1.0
            close = bars[asset, index, CLOSING]
            near, far = (
                round(close * (1.0 + sign * generator.uniform(0.002, 0.03)), DECIMALS) for sign in (-side, side)
            )
            draw = generator.random()
            if draw < 0.4:
                intents[asset, index] = intend(ORDER, size)
            elif draw < 0.65:
                intents[asset, index] = intend(ORDER, size, limit=near)
            elif draw < 0.9:
                intents[asset, index] = intend(ORDER, size, stop=far) if stops else intend(ORDER, size)
            else:
                intents[asset, index] = intend(CANCEL)
    return intents


def crowded(bars: Bars, seed: int, *, cash: float) -> Intents:
    """Buy in several assets more than the cash allows, and sell to make room: some buys must be refused."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for index in range(FIRST, bars.shape[1] - 1):
        for asset in range(len(bars)):
            draw = generator.random()
            if draw < 0.15:
                share = generator.uniform(0.1, 0.7)
                intents[asset, index] = intend(ORDER, float(max(1, share * cash // bars[asset, index, CLOSING])))
            elif draw < 0.25:
                intents[asset, index] = intend(CLOSE)
    return intents


def rebalanced(bars: Bars, seed: int, *, every: int = 21, invested: float = 0.9) -> Intents:
    """Bring every asset to a target weight of equity once a month."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for index in range(FIRST, bars.shape[1] - 1, every):
        weights = generator.dirichlet(np.ones(len(bars))) * invested
        for asset, weight in enumerate(weights):
            intents[asset, index] = intend(TARGET_PERCENT, float(weight))
    return intents


def valued(bars: Bars, seed: int, *, value: float = 50_000.0, often: float = 0.1) -> Intents:
    """Bring a position to a random value now and then, long or short."""
    generator = np.random.default_rng(seed)
    intents = no_intents(*bars.shape[:2])
    for asset in range(len(bars)):
        for index in range(FIRST, bars.shape[1] - 1):
            if generator.random() < often:
                intents[asset, index] = intend(TARGET_VALUE, float(generator.uniform(-value, value)))
    return intents


def all_in(bars: Bars, seed: int, *, fraction: float = 1.0, held: int = 8) -> Intents:
    """Put a fraction of equity into the asset, and later take it out again."""
    intents = round_trips(bars, seed, held=held)
    entries = intents[:, :, 0] == ORDER
    intents[entries, 0] = TARGET_PERCENT
    intents[entries, 1] = fraction
    return intents

"""What an engine is asked to play: bars, intents, an account, costs.

An intent is what a strategy wants at the close of a bar, at most one for each asset:

    ENTER            if flat and no order is working: `quantity` units with stop_loss and take_profit where given;
                     with `limit` or `stop` the entry waits for that price
    ORDER            `quantity` signed units, whatever is held; with `limit`, `stop` or both such an order, with `trail`
                     a stop that follows at this fraction of the price; with `days` it is good for so long, and with
                     none to the end of its session
    CLOSE            close what is held
    CANCEL           cancel the latest order of the asset, if it still works
    TARGET_PERCENT   bring the position to `quantity` x equity, at this close
    TARGET_VALUE     bring the position to a value of `quantity`, at this close

Intents are handed over in order of asset, except where the profile fills exits first: then those that reduce go first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOTHING, ENTER, ORDER, CLOSE, CANCEL, TARGET_PERCENT, TARGET_VALUE = range(7)
FIELDS = ("kind", "quantity", "limit", "stop", "stop_loss", "take_profit", "trail", "days")
KIND, QUANTITY, LIMIT, STOP, STOP_LOSS, TAKE_PROFIT, TRAIL, DAYS = range(len(FIELDS))
OPEN, HIGH, LOW, CLOSING = range(4)
FIRST_DAY = datetime(1980, 1, 1)  # noqa: DTZ001 - times as written

FILL_AT_CLOSE = ("same_close", "vectorbt")
FILL_AT_NEXT_CLOSE = ("next_close", "zipline")
AS_SUBMITTED = ("backtrader", "vectorbt", "zipline")

MARGIN = {"cash": 1e9, "kind": "margin", "leverage": 1.0, "lot": 0.0}


@dataclass(frozen=True, eq=False)
class Scenario:
    """Bars float64[assets, n, 4], intents float64[assets, n, len(FIELDS)]; account and costs as in a sweep file.

    `volumes` float64[assets, n] matters where orders fill at most the share `volume_share` of them (0: no bound).
    A session has `per_session` bars, three hours apart. `left_out` counts the intents that were taken away because
    engines differ there by choice.
    """

    name: str
    bars: NDArray[np.float64]
    intents: NDArray[np.float64]
    account: dict[str, Any] = field(default_factory=lambda: dict(MARGIN))
    costs: dict[str, Any] = field(default_factory=dict)
    profile: str = "next_open"
    volumes: NDArray[np.float64] | None = None
    volume_share: float = 0.0
    per_session: int = 1
    left_out: int = 0

    @property
    def assets(self) -> tuple[str, ...]:
        """Names in the order of their index."""
        return tuple(f"A{index:02d}" for index in range(len(self.bars)))

    @property
    def length(self) -> int:
        """How many bars each asset has."""
        return self.bars.shape[1]

    @property
    def times(self) -> list[datetime]:
        """When the bars end."""
        places = (divmod(bar, self.per_session) for bar in range(self.length))
        return [FIRST_DAY + timedelta(days=day, hours=3 * place) for day, place in places]

    def bar_at(self, time: datetime) -> int:
        """Return the index of the bar that ends at a time."""
        day, place = divmod(round((time - FIRST_DAY) / timedelta(hours=3)), 8)
        return day * self.per_session + place

    @property
    def traded_volumes(self) -> NDArray[np.float64]:
        """The volume of every bar, float64[assets, n]; without any, more than anyone could ask for."""
        return np.full(self.bars.shape[:2], 1e12) if self.volumes is None else self.volumes

    @property
    def at_close(self) -> bool:
        """Return whether an intent fills at the close at which it was decided."""
        return self.profile in FILL_AT_CLOSE

    @property
    def exits_first(self) -> bool:
        """Return whether exits fill before entries that were submitted earlier at the same close."""
        return self.profile not in AS_SUBMITTED

    def sequence(self, bar: int) -> list[int]:
        """Return the order of assets in which peers that fill as submitted receive the intents of one bar."""
        kinds, quantities = self.intents[:, bar, KIND], self.intents[:, bar, QUANTITY]
        reduces = (kinds == CLOSE) | ((kinds == ORDER) & (quantities < 0.0))
        return sorted(range(len(kinds)), key=lambda asset: self.exits_first and not reduces[asset])

    def without(self, dropped: NDArray[np.bool_]) -> Scenario:
        """Return the scenario without the intents that are marked, bool[assets, n]."""
        intents = self.intents.copy()
        intents[dropped] = intend(NOTHING)
        return replace(self, intents=intents, left_out=self.left_out + int(dropped.sum()))


def no_intents(assets: int, length: int) -> NDArray[np.float64]:
    """Return a table of intents in which none is set."""
    intents = np.full((assets, length, len(FIELDS)), np.nan)
    intents[:, :, KIND] = NOTHING
    return intents


def intend(
    kind: int,
    quantity: float = np.nan,
    *,
    limit: float = np.nan,
    stop: float = np.nan,
    stop_loss: float = np.nan,
    take_profit: float = np.nan,
    trail: float = np.nan,
    days: float = np.nan,
) -> tuple[float, ...]:
    """Return one intent as a row."""
    return (float(kind), quantity, limit, stop, stop_loss, take_profit, trail, days)


def commission_of(costs: dict[str, Any], asset: str, quantity: float, price: float) -> float:
    """Compute the commission of a whole order by the sweep file's keys; peers call it as well."""
    kind = costs.get("per_asset", {}).get(asset, {}).get("commission", costs.get("commission", {"kind": "none"}))
    return _commission(kind, abs(quantity), price) if quantity else 0.0


def _commission(kind: dict[str, Any], units: float, price: float) -> float:
    if kind["kind"] == "percentage":
        return kind["rate"] * units * price
    if kind["kind"] == "per_share":
        return max(kind["rate"] * units, kind.get("minimum", 0.0))
    if kind["kind"] == "per_order":
        return kind["amount"]
    if kind["kind"] == "combined":
        return kind["rate"] * units * price + kind["amount"]
    return 0.0

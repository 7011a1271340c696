"""What a kind of cost declares, and what the engine makes of all kinds together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from backsweep.engine.compile.kernel import kernel, record_dtype

Kernel = Callable[..., float]
"""Of a commission: `charge(state, asset, order, row, quantity, price, maker)`, what a fill costs in the asset's
currency. Of a slippage: `slip(state, asset, order, row, quantity, price, filled_before)`, by how much the price moves
against the trader. `asset` is a record of the ASSET table, whose `commission` or `slippage` has the numbers of the keys
by name; `row` is that of the fill's bar; `maker` is true for a limit order that rested; `filled_before` is what orders
have filled of the bar before, in units."""

PLACES = ("kind", "model", "first_tier", "tiers")
"""The fields of a record of costs that are no keys: its kind's number, its model's, and which of the tiers are its."""


@dataclass(frozen=True)
class Number:
    """A key with a number: `default` None where it must be given, NaN where it may be left out and is NaN then."""

    name: str
    about: str
    default: float | None = None
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None


@dataclass(frozen=True)
class Choice:
    """A key with one of several words; the record has the word's place among them."""

    name: str
    about: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Tiers:
    """The key `tiers`: a list of records of the table TIER, from `asset.commission.first_tier` on."""

    about: str
    name: str = "tiers"


@dataclass(frozen=True)
class Kind:
    """A kind of commission or slippage; `kind` in the sweep file is the name of its file.

    `bounded`: the keys `minimum` and `maximum` bound the commission of an order. `monthly`: the kernel reads what the
    account has traded in the calendar month.
    """

    about: str | None
    kernel: Kernel
    keys: tuple[Number | Choice | Tiers, ...] = ()
    bounded: bool = False
    monthly: bool = False


@dataclass(frozen=True)
class Registry:
    """All kinds of commission, or all of slippage; a kind's place is its number in the records."""

    kinds: dict[str, Kind]

    @classmethod
    def of(cls, package: str, *names: str) -> Registry:
        """Return the kinds whose files have these names in a package."""
        return cls({name: import_module(f"{package}.{name}").KIND for name in names})

    def number(self, name: str) -> int:
        """Return the number of a kind."""
        return list(self.kinds).index(name)

    @property
    def record(self) -> np.dtype[Any]:
        """The dtype of what one asset pays: PLACES, and the numbers of every kind's keys by name.

        Raises ValueError for a name that NumPy's records have for something else, such as `size`.
        """
        names = {key.name: "f8" for kind in self.kinds.values() for key in kind.keys if not isinstance(key, Tiers)}
        for name in names:
            if hasattr(np.record, name) or name in PLACES:
                raise ValueError(f"a key of a cost cannot be called {name!r}")
        bounds = {"minimum": "f8", "maximum": "f8"} if any(kind.bounded for kind in self.kinds.values()) else {}
        return record_dtype([*(dict.fromkeys(PLACES, "i8") | bounds | names).items()])

    def dispatch(self) -> Kernel:
        """Return one kernel for all kinds, which takes the number of a kind before what that kind's kernel takes."""
        chosen: Kernel = _nothing
        for number, kind in reversed([*enumerate(self.kinds.values())]):
            chosen = _either(number, kind.kernel, chosen)
        return chosen


@kernel
def _nothing(
    kind: int, state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, last: float
) -> float:
    return 0.0


def _either(number: int, own: Kernel, other: Kernel) -> Kernel:
    @kernel
    def choose(
        kind: int, state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, last: float
    ) -> float:
        if kind == number:
            return own(state, asset, order, row, quantity, price, last)
        return other(kind, state, asset, order, row, quantity, price, last)

    return choose

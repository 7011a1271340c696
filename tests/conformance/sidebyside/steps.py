"""A step of the programme: its scenarios, made of intents on series, and the peers that can express it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sidebyside import intents as want
from sidebyside.left_out import agreeable
from sidebyside.scenario import ENTER, KIND, Scenario
from sidebyside.series import (
    random_bars,
    random_volumes,
    real_bars,
    real_panel,
    real_volumes,
)

BACKTESTING, BACKTRADER, VECTORBT, ZIPLINE = "backtesting", "backtrader", "vectorbt", "zipline"
WRITTEN = "written"  # rules in which peers differ, read a second time
ONE_BY_ONE = (BACKTESTING, BACKTRADER)
EVERY = (BACKTESTING, BACKTRADER, VECTORBT)
SHARED_CASH = (BACKTRADER, VECTORBT)
SEEDS = range(1, 9)

CASH = {"cash": 100_000.0, "kind": "cash", "leverage": 1.0, "lot": 0.0}
WHOLE = CASH | {"lot": 1.0}
PERCENT: dict[str, Any] = {"commission": {"kind": "percentage", "rate": 0.001}}
PER_ORDER: dict[str, Any] = {"commission": {"kind": "per_order", "amount": 2.0}}
COMBINED: dict[str, Any] = {"commission": {"kind": "combined", "rate": 0.001, "amount": 2.0}}
PER_SHARE: dict[str, Any] = {"commission": {"kind": "per_share", "rate": 0.005, "minimum": 1.0}}
TEN_CENTS: dict[str, Any] = {"slippage": {"kind": "fixed", "amount": 0.1}}
FIVE_POINTS: dict[str, Any] = {"slippage": {"kind": "percentage", "rate": 0.0005}}
OWN_RATES: dict[str, Any] = PERCENT | {
    "per_asset": {
        "A01": {"commission": {"kind": "percentage", "rate": 0.0005}},
        "A02": {"commission": {"kind": "per_order", "amount": 3.0}},
    }
}
MANY = ("AAPL", "IBM", "XOM", "KO", "GE", "MSFT", "JPM", "INTC", "CAT", "MMM", "T", "BA", "F", "HD")


@dataclass(frozen=True)
class Step:
    """One line of the table; `reason` says why it cannot be played here, "" if it can."""

    family: str
    name: str
    peers: tuple[str, ...]
    scenarios: Callable[[], Iterator[Scenario]]
    reason: str = ""

    @property
    def title(self) -> str:
        """Family and step."""
        return f"{self.family}: {self.name}"


def _scenario(name: str, bars: Any, intents: Any, fields: dict[str, Any] | None) -> Scenario:
    """Build a scenario; brackets are left out where engines differ by choice."""
    scenario = Scenario(name, bars, intents, **(fields or {}))
    return agreeable(scenario) if (intents[:, :, KIND] == ENTER).any() else scenario


def single(
    make: Callable[..., Any],
    *,
    length: int = 700,
    volumes: bool = False,
    fields: dict[str, Any] | None = None,
    **given: Any,
):
    """Play intents on one random series for each seed; with `volumes`, on bars whose volume is worth a look."""

    def scenarios() -> Iterator[Scenario]:
        for seed in SEEDS:
            bars = random_bars(seed, length=length)
            more = {"volumes": random_volumes(seed, length=length)} if volumes else {}
            yield _scenario(f"seed {seed}", bars, make(bars, seed, **given), (fields or {}) | more)

    return scenarios


def panel(make: Callable[..., Any], *, length: int = 500, fields: dict[str, Any] | None = None, **given: Any):
    """Play intents on four random series for each seed."""

    def scenarios() -> Iterator[Scenario]:
        for seed in SEEDS:
            bars = random_bars(100 + seed, assets=4, length=length)
            yield _scenario(f"seed {seed}", bars, make(bars, seed, **given), fields)

    return scenarios


def real(
    path,
    assets: tuple[str, ...],
    make: Callable[..., Any],
    *,
    length: int = 6000,
    volumes: bool = False,
    fields=None,
    **given: Any,
):
    """Play intents on real series, one after the other."""

    def scenarios() -> Iterator[Scenario]:
        for seed, asset in enumerate(assets):
            bars = real_bars(path, asset, length=length)
            more = {"volumes": real_volumes(path, asset, length=length)} if volumes else {}
            yield _scenario(asset, bars, make(bars, seed, **given), (fields or {}) | more)

    return scenarios


def many_real(path, assets: tuple[str, ...], make: Callable[..., Any], *, length: int, fields=None, **given: Any):
    """Play intents on some real series at once, drawn anew for each seed."""

    def scenarios() -> Iterator[Scenario]:
        bars = real_panel(path, assets, length=length)
        for seed in SEEDS:
            yield _scenario(f"seed {seed}", bars, make(bars, seed, **given), fields)

    return scenarios


def grid(bars, seed: int, **given: Any):
    """Make brackets at prices that bars touch."""
    return want.on_grid(bars, want.brackets(bars, seed, **given))

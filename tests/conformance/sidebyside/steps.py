"""The programme: every family and step, with its scenarios and the peers that can express it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sidebyside import intents as want
from sidebyside.left_out import agreeable
from sidebyside.scenario import ENTER, KIND, MARGIN, Scenario
from sidebyside.series import (
    DAILY,
    MINUTE,
    SHIPPED,
    missing,
    random_bars,
    random_volumes,
    real_bars,
    real_panel,
    real_volumes,
)

BACKTESTING, BACKTRADER, VECTORBT, ZIPLINE = "backtesting", "backtrader", "vectorbt", "zipline"
WRITTEN = "written"  # rules in which peers differ, read a second time
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


def _single(
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


def _panel(make: Callable[..., Any], *, length: int = 500, fields: dict[str, Any] | None = None, **given: Any):
    """Play intents on four random series for each seed."""

    def scenarios() -> Iterator[Scenario]:
        for seed in SEEDS:
            bars = random_bars(100 + seed, assets=4, length=length)
            yield _scenario(f"seed {seed}", bars, make(bars, seed, **given), fields)

    return scenarios


def _real(
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


def _real_panel(path, assets: tuple[str, ...], make: Callable[..., Any], *, length: int, fields=None, **given: Any):
    def scenarios() -> Iterator[Scenario]:
        bars = real_panel(path, assets, length=length)
        for seed in SEEDS:
            yield _scenario(f"seed {seed}", bars, make(bars, seed, **given), fields)

    return scenarios


def _grid(bars, seed: int, **given: Any):
    return want.on_grid(bars, want.brackets(bars, seed, **given))


ONE_BY_ONE = (BACKTESTING, BACKTRADER)
EVERY = (BACKTESTING, BACKTRADER, VECTORBT)
SHARED_CASH = (BACKTRADER, VECTORBT)


def family_n() -> list[Step]:
    """Enter at the next open, stops live on the entry bar."""
    both = (-1, 1)
    return [
        Step("N", "brackets, long", ONE_BY_ONE, _single(want.brackets, sides=(1,))),
        Step("N", "brackets, short", ONE_BY_ONE, _single(want.brackets, sides=(-1,))),
        Step("N", "brackets, long and short, 0.1 %", ONE_BY_ONE, _single(want.brackets, fields={"costs": PERCENT})),
        Step("N", "brackets at prices that bars touch", ONE_BY_ONE, _single(_grid)),
        Step("N", "1,500-bar stress with gaps", ONE_BY_ONE, _single(want.brackets, length=1500, often=0.6)),
        Step(
            "N",
            "brackets, shipped daily bars",
            ONE_BY_ONE,
            _real(SHIPPED, ("AAPL", "IBM", "MSFT", "GOOG"), want.brackets, often=0.4),
            missing(SHIPPED),
        ),
        Step(
            "N",
            "brackets, S&P 500 daily bars",
            ONE_BY_ONE,
            _real(DAILY, MANY, want.brackets, often=0.5, fields={"costs": PERCENT}),
            missing(DAILY),
        ),
        Step(
            "N",
            "brackets, minute bars",
            ONE_BY_ONE,
            _real(MINUTE, ("AZO", "BKNG"), want.brackets, length=10_000, reach=0.003),
            missing(MINUTE),
        ),
        Step("orders", "long only", EVERY, _single(want.round_trips)),
        Step("orders", "long and short", EVERY, _single(want.round_trips, sides=both)),
        Step("orders", "fractional units", SHARED_CASH, _single(want.round_trips, sides=both, whole=False)),
        Step("orders", "re-entry and reversal", EVERY, _single(want.reversals)),
        Step(
            "orders",
            "reversals, S&P 500 daily bars",
            EVERY,
            _real(DAILY, MANY[:6], want.reversals, fields={"costs": PERCENT}),
            missing(DAILY),
        ),
        Step("orders", "limit entries 0.3 % away, cancelled", ONE_BY_ONE, _single(want.limit_entries)),
        Step("orders", "limit entries 0.3 % away, kept", ONE_BY_ONE, _single(want.limit_entries, cancels=False)),
        Step("orders", "limit entries 0.3 % away, expiring", (BACKTRADER,), _single(want.limited_in_time)),
        Step(
            "orders",
            "limit entries 0.3 % away, good for the session",
            (BACKTRADER,),
            _single(want.good_for_the_session, per_session=5, fields={"per_session": 5}),
        ),
        Step("orders", "trailing stops, by their written rule", (WRITTEN,), _single(want.trailing_exits)),
        Step(
            "orders",
            "the same, S&P 500 daily bars",
            (WRITTEN,),
            _real(DAILY, MANY[:4], want.trailing_exits),
            missing(DAILY),
        ),
        Step("orders", "stop entries", ONE_BY_ONE, _single(want.stop_entries)),
        Step(
            "orders", "stop-limit entries, 0.2 % of room", (BACKTRADER,), _single(want.stop_limit_entries, room=0.002)
        ),
        Step("orders", "stop-limit entries, no room", (BACKTRADER,), _single(want.stop_limit_entries, room=0.0)),
        Step("orders", "limit exits", ONE_BY_ONE, _single(want.limit_exits)),
        Step("orders", "market, limit and stop orders at random", ONE_BY_ONE, _single(want.order_flow)),
        Step(
            "orders",
            "the same, S&P 500 daily bars",
            ONE_BY_ONE,
            _real(DAILY, MANY[:4], want.order_flow, fields={"costs": PERCENT}),
            missing(DAILY),
        ),
        Step("costs", "commission 0.1 %", EVERY, _single(want.reversals, fields={"costs": PERCENT})),
        Step("costs", "2 per order", EVERY, _single(want.round_trips, sides=both, fields={"costs": PER_ORDER})),
        Step("costs", "0.1 % + 2 per order", EVERY, _single(want.round_trips, sides=both, fields={"costs": COMBINED})),
        Step(
            "costs",
            "per share with minimum",
            ONE_BY_ONE,
            _single(want.round_trips, sides=both, fields={"costs": PER_SHARE}),
        ),
        Step(
            "costs",
            "different per asset",
            SHARED_CASH,
            _panel(want.round_trips, sides=both, fields={"costs": OWN_RATES}),
        ),
        Step("costs", "slippage 10 cents", SHARED_CASH, _single(want.reversals, fields={"costs": TEN_CENTS})),
        Step("costs", "slippage 0.05 %", SHARED_CASH, _single(want.reversals, fields={"costs": FIVE_POINTS})),
        Step(
            "costs",
            "slippage 0.05 % and commission 0.1 %",
            SHARED_CASH,
            _single(want.reversals, fields={"costs": PERCENT | FIVE_POINTS}),
        ),
        Step("sizing", "all cash, by percent", ONE_BY_ONE, _single(want.all_in, fields={"account": WHOLE})),
        Step(
            "sizing",
            "half of equity",
            ONE_BY_ONE,
            _single(want.all_in, fraction=0.5, fields={"account": WHOLE, "costs": PERCENT}),
        ),
        Step(
            "sizing",
            "by value, long and short",
            ONE_BY_ONE,
            _single(want.valued, fields={"account": {"cash": 1e7, "kind": "margin", "leverage": 1.0, "lot": 1.0}}),
        ),
        Step("sizing", "monthly weights", (BACKTRADER,), _panel(want.rebalanced, fields={"account": WHOLE})),
        Step(
            "sizing",
            "monthly weights, S&P 500 daily bars",
            (BACKTRADER,),
            _real_panel(DAILY, MANY[:6], want.rebalanced, length=1500, fields={"account": WHOLE, "costs": PERCENT}),
            missing(DAILY),
        ),
        Step(
            "cash",
            "too short, one asset",
            EVERY,
            _single(want.crowded, cash=1e5, fields={"account": WHOLE, "costs": PERCENT}),
        ),
    ]


def family_m(family: str, profile: str, peers: tuple[str, ...] = SHARED_CASH) -> list[Step]:
    """Four assets on shared cash that is often short."""
    fields = {"account": CASH, "profile": profile}
    panel = ("AAPL", "IBM", "XOM", "KO")
    return [
        Step(family, "four assets, shared cash", peers, _panel(want.crowded, cash=1e5, fields=fields)),
        Step(
            family,
            "the same, 0.1 % and slippage",
            peers,
            _panel(want.crowded, cash=1e5, fields=fields | {"costs": PERCENT | FIVE_POINTS}),
        ),
        Step(
            family,
            "the same, S&P 500 daily bars",
            peers,
            _real_panel(DAILY, panel, want.crowded, length=2500, cash=1e5, fields=fields | {"costs": PERCENT}),
            missing(DAILY),
        ),
    ]


def family_c(profile: str) -> list[Step]:
    """Enter at the signal's close, stops live from the next bar."""
    fields = {"profile": profile}
    return [
        Step("C", f"brackets, {profile}", EVERY, _single(want.brackets, fields=fields)),
        Step("C", f"brackets, {profile}, 0.1 %", EVERY, _single(want.brackets, fields=fields | {"costs": PERCENT})),
        Step(
            "C",
            f"brackets, {profile}, S&P 500 daily bars",
            EVERY,
            _real(DAILY, MANY[:5], want.brackets, often=0.5, fields=fields),
            missing(DAILY),
        ),
        Step("C", f"reversals, {profile}", EVERY, _single(want.reversals, fields=fields | {"costs": PERCENT})),
    ]


def family_n_after() -> list[Step]:
    """Enter at the next open, stops live from the bar after."""
    fields = {"profile": "backtrader"}
    return [
        Step("N'", "brackets", SHARED_CASH, _single(want.brackets, from_open=True, fields=fields)),
        Step(
            "N'",
            "brackets, 0.1 %",
            SHARED_CASH,
            _single(want.brackets, from_open=True, fields=fields | {"costs": PERCENT}),
        ),
        Step(
            "N'",
            "brackets, S&P 500 daily bars",
            SHARED_CASH,
            _real(DAILY, MANY[:5], want.brackets, often=0.5, from_open=True, fields=fields),
            missing(DAILY),
        ),
    ]


def family_z() -> list[Step]:
    """Fill at the close of the next bar, seeing closes alone; in parts, by a share of the bar's volume."""
    rich = {"cash": 1e9, "kind": "margin", "leverage": 4.0, "lot": 1.0}
    fields: dict[str, Any] = {"profile": "zipline", "account": rich}
    impact = {"slippage": {"kind": "volume_share", "rate": 0.1, "limit": 0.025}}
    partly = fields | {"volume_share": 0.025}
    peer = (ZIPLINE,)
    return [
        Step("Z", "re-entry and reversal", peer, _single(want.reversals, fields=fields)),
        Step(
            "Z",
            "long and short, 0.1 %",
            peer,
            _single(want.round_trips, sides=(-1, 1), fields=fields | {"costs": PERCENT}),
        ),
        Step("Z", "2 per order", peer, _single(want.reversals, fields=fields | {"costs": PER_ORDER})),
        Step("Z", "per share with minimum", peer, _single(want.reversals, fields=fields | {"costs": PER_SHARE})),
        Step("Z", "slippage 10 cents", peer, _single(want.reversals, fields=fields | {"costs": TEN_CENTS})),
        Step(
            "Z",
            "slippage 0.05 % and per share",
            peer,
            _single(want.reversals, fields=fields | {"costs": PER_SHARE | FIVE_POINTS}),
        ),
        Step("Z", "limit entries 0.3 % away, cancelled", peer, _single(want.limit_entries, fields=fields)),
        Step("Z", "stop entries", peer, _single(want.stop_entries, fields=fields)),
        Step(
            "Z", "stop-limit entries, 0.2 % of room", peer, _single(want.stop_limit_entries, room=0.002, fields=fields)
        ),
        Step("Z", "market, limit and stop orders at random", peer, _single(want.order_flow, fields=fields)),
        Step("Z", "by value, long and short", peer, _single(want.valued, fields=fields)),
        Step("Z", "monthly weights", peer, _panel(want.rebalanced, fields=fields)),
        Step(
            "Z",
            "volume share with impact, in parts",
            peer,
            _single(want.reversals, often=0.1, volumes=True, fields=partly | {"costs": impact}),
        ),
        Step(
            "Z",
            "the same, per share with minimum",
            peer,
            _single(want.reversals, often=0.1, volumes=True, fields=partly | {"costs": impact | PER_SHARE}),
        ),
        Step(
            "Z",
            "limit entries in parts, kept",
            peer,
            _single(want.limit_entries, cancels=False, patience=8, volumes=True, fields=partly),
        ),
        Step(
            "Z",
            "limit entries in parts, given up",
            peer,
            _single(want.limit_entries, patience=8, volumes=True, fields=partly | {"costs": PER_SHARE}),
        ),
        Step(
            "Z",
            "market and limit orders at random in parts",
            peer,
            _single(want.order_flow, stops=False, volumes=True, fields=partly),
        ),
        Step(
            "Z",
            "volume share, S&P 500 daily bars",
            peer,
            _real(
                DAILY,
                MANY[:4],
                want.reversals,
                length=3000,
                volumes=True,
                fields=partly | {"costs": impact | PER_SHARE},
            ),
            missing(DAILY),
        ),
    ]


def own_profiles() -> list[Step]:
    """What one peer alone does, under the profile of its name."""
    return [
        Step(
            "backtesting_py",
            "brackets on limit entries",
            (BACKTESTING,),
            _single(want.brackets, away=0.003, fields={"profile": "backtesting_py"}),
        ),
        Step(
            "vectorbt",
            "monthly weights at the close",
            (VECTORBT,),
            _panel(want.rebalanced, fields={"account": CASH, "profile": "same_close"}),
        ),
        Step(
            "vectorbt",
            "all cash at the close",
            (VECTORBT,),
            _single(want.all_in, fields={"account": CASH, "profile": "vectorbt"}),
        ),
        Step(
            "vectorbt",
            "half of equity at the close, 0.1 %",
            (VECTORBT,),
            _single(want.all_in, fraction=0.5, fields={"account": CASH, "costs": PERCENT, "profile": "vectorbt"}),
        ),
        Step(
            "vectorbt",
            "by value at the close, long and short",
            (VECTORBT,),
            _single(want.valued, fields={"account": MARGIN, "profile": "vectorbt"}),
        ),
    ]


def steps() -> list[Step]:
    """Give the whole programme."""
    return [
        *family_n(),
        *family_m("M-next", "next_open"),
        *family_z(),
        *family_n_after(),
        *family_c("same_close"),
        *family_c("vectorbt"),
        *family_m("M-close", "same_close"),
        *family_m("M-close as submitted", "vectorbt"),
        *family_m("M-next-close", "next_close", (VECTORBT,)),
        *family_m("M-next-close as submitted", "zipline", (VECTORBT,)),
        *own_profiles(),
    ]

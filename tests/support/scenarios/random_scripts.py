"""Random markets and random scripts: small numbers on a coarse grid, so that levels are touched, gapped and shared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from oracle.costs import funding_rate

from backsweep.engine.codes import LIMIT, MARKET, MARKET_ON_CLOSE, STOP, STOP_LIMIT, TRAILING_STOP
from scenarios.scripted import (
    BRACKET,
    CANCEL,
    CLOSE,
    FIRST_DAY,
    SUBMIT,
    TARGET_PERCENT,
    TARGET_QUANTITY,
    TARGET_VALUE,
    UPDATE,
    Prices,
    Step,
    bars,
    cancel,
    close,
    compose,
    evaluator,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.result import Result

ASSETS = ("A", "B", "C")
PARTS = 24  # at most so many finer bars a bar
COSTS: tuple[dict[str, Any], ...] = (
    {},
    {"commission": {"kind": "percentage", "rate": 0.001}, "slippage": {"kind": "percentage", "rate": 0.002}},
    {"commission": {"kind": "per_share", "rate": 0.01, "minimum": 1.0}, "slippage": {"kind": "fixed", "amount": 0.03}},
    {
        "commission": {"kind": "per_order", "amount": 2.5},
        "stop_slippage": 0.004,
        "financing": {"margin_interest": 0.08, "short_borrow": 0.5},
    },
    {
        "commission": {"kind": "per_share", "rate": 0.1, "minimum": 1.0, "maximum": 0.01},
        "slippage": {"kind": "volume_share", "rate": 1e5, "limit": 0.00005},
    },
    {
        "commission": {"kind": "combined", "rate": 0.001, "amount": 2.0},
        "slippage": {"kind": "square_root", "rate": 1.5},
    },
    {
        "commission": {
            "kind": "tiered",
            "by": "monthly_volume",
            "tiers": [
                {"above": 0.0, "rate": 0.02, "maker_rate": -0.005},
                {"above": 50.0, "rate": 0.01},
                {"above": 200.5, "rate": 0.005, "maker_rate": 0.0},
            ],
            "minimum": 0.25,
        },
        "financing": {"short_borrow": 0.5, "short_credit": 0.25, "funding": "funding"},
    },
    {
        "commission": {
            "kind": "tiered",
            "by": "order_value",
            "tiers": [{"above": 0.0, "rate": 0.005}, {"above": 500.0, "rate": 0.0025}],
            "maximum": 0.004,
        },
    },
    {
        "commission": {
            "kind": "tiered",
            "by": "monthly_value",
            "tiers": [{"above": 0.0, "rate": 0.002}, {"above": 3000.0, "rate": 0.001, "maker_rate": -0.0005}],
        },
        "slippage": {"kind": "percentage", "rate": 0.001},
    },
    {"commission": {"kind": "percentage", "rate": 0.002, "maker_rate": -0.0005, "minimum": 0.5}},
)
ACCOUNTS: tuple[dict[str, Any], ...] = (
    {"cash": 10_000.0, "kind": "margin", "leverage": 4.0, "lot": 0.0},
    {"cash": 10_000.0, "kind": "margin", "leverage": 1.0, "lot": 10.0, "tick": 0.5, "minimum_order": 250.0},
    {"cash": 2_500.0, "kind": "cash", "leverage": 1.0, "lot": 0.0},
    {"cash": 2_500.0, "kind": "cash", "leverage": 1.0, "lot": 1.0},
)


@dataclass(frozen=True, eq=False)
class Scenario:
    """A market, a script, an account and costs."""

    groups: list[dict[str, tuple[float, float, float, float]]]
    assets: tuple[str, ...]
    steps: list[Step]
    account: dict[str, Any]
    costs: dict[str, Any]
    profile: str = "next_open"
    per_session: int = 1
    idle: frozenset[tuple[int, str]] = frozenset()  # bars without volume
    limit_fill: str = "touch"
    volume_share: float = 0.0
    ambiguous: str = "stop_first"
    actions: tuple[tuple[int, str, float, float, float], ...] = ()  # timestamp, asset, split, dividend, delisting
    rates: dict[str, list[float]] = field(default_factory=dict)  # of each currency, one for each timestamp
    finer: dict[tuple[int, str], list[tuple[int, Prices]]] = field(default_factory=dict)  # by bar: its parts in time
    quotes: dict[tuple[int, str], tuple[Prices, Prices]] = field(default_factory=dict)  # by bar: its bids and its asks

    @property
    def market(self) -> pl.DataFrame:
        """The bars as a frame."""
        series = {name: [group.get(name) for group in self.groups] for name in self.assets}
        market = bars(*series.pop("A"), step=timedelta(hours=24 // self.per_session), **series)
        idle = [(FIRST_DAY + index * timedelta(hours=24 // self.per_session), asset) for index, asset in self.idle]
        times, assets = [time for time, _ in idle], [asset for _, asset in idle]
        quiet = pl.DataFrame({"timestamp": times, "asset": assets}, schema=market.select("timestamp", "asset").schema)
        quiet = quiet.with_columns(pl.lit(0.0).alias("volume"))
        market = market.update(quiet, on=["timestamp", "asset"]) if idle else market
        market = self._with_quotes(market) if self.quotes else market
        return self._with_funding(market) if self.costs.get("financing", {}).get("funding") else market

    def _with_funding(self, market: pl.DataFrame) -> pl.DataFrame:
        times = sorted(market["timestamp"].unique())
        rates = [funding_rate(times.index(time), asset) for time, asset in market.select("timestamp", "asset").rows()]
        return market.with_columns(funding=pl.Series(rates, dtype=pl.Float64))

    def _with_quotes(self, market: pl.DataFrame) -> pl.DataFrame:
        step = timedelta(hours=24 // self.per_session)
        names = [f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close")]
        rows = [(FIRST_DAY + at * step, name, *bid, *ask) for (at, name), (bid, ask) in self.quotes.items()]
        quotes = pl.DataFrame(rows, schema=["timestamp", "asset", *names], orient="row")
        return market.join(quotes, on=["timestamp", "asset"], how="left", maintain_order="left")

    @property
    def corporate_actions(self) -> pl.DataFrame | None:
        """The corporate actions as a frame, None if there are none."""
        if not self.actions:
            return None
        names = ("timestamp", "asset", "split", "dividend", "delisting")
        step = timedelta(hours=24 // self.per_session)
        rows = [(FIRST_DAY + at * step, *what) for at, *what in self.actions]
        return pl.DataFrame(rows, schema=names, orient="row")

    @property
    def detail(self) -> pl.DataFrame | None:
        """The finer bars as a frame, five minutes each, None if there are none."""
        if not self.finer:
            return None
        step = timedelta(hours=24 // self.per_session)
        # A bar of an hour has those up to its own time; a daily one, stamped at midnight, those of its day.
        early = PARTS if self.per_session > 1 else 0
        rows = [
            (FIRST_DAY + at * step + timedelta(minutes=5 * (time - early)), asset, *map(float, bar))
            for (at, asset), parts in self.finer.items()
            for time, bar in parts
        ]
        return pl.DataFrame(rows, schema=("timestamp", "asset", "open", "high", "low", "close"), orient="row")

    @property
    def context(self) -> pl.DataFrame | None:
        """The rates as a frame, None if there are none."""
        if not self.rates:
            return None
        step = timedelta(hours=24 // self.per_session)
        times = [FIRST_DAY + at * step for at in range(len(self.groups))]
        return pl.DataFrame({"timestamp": times, **{f"rate_{name}": rates for name, rates in self.rates.items()}})

    def engine(self) -> Evaluator:
        """Return what runs scripts on the market."""
        return evaluator(
            self.market,
            actions=self.corporate_actions,
            context=self.context,
            detail=self.detail,
            account=self.account,
            costs=self.costs,
            prices="any",
            execution={
                "profile": self.profile,
                "limit_fill": self.limit_fill,
                "volume_share": self.volume_share,
                "ambiguous": self.ambiguous,
                "quotes": bool(self.quotes),
            },
        )

    def play(self, *, compiled: bool = True) -> Result:
        """Run the script in the engine."""
        table = compose(self.steps)
        return self.engine().replay(np.array([float(table.ctypes.data), float(len(table))]), compiled=compiled)

    def lowered(self, amount: float, start: int) -> Scenario:
        """Return the scenario with prices lower by so much from a bar on, perhaps below zero."""
        groups = [
            {name: tuple(price - amount * (at >= start) for price in bar) for name, bar in group.items()}
            for at, group in enumerate(self.groups)
        ]
        return replace(self, groups=groups)

    def ended(self) -> Scenario:
        """Return the scenario with an end at which every order is cancelled and every position closed."""
        last = {}
        for group in self.groups:
            last |= {name: (bar[3],) * 4 for name, bar in group.items()}
        at = len(self.groups)
        cancels = [cancel(at, order) for order in range(1, 4 * len(self.steps) + 1)]
        closes = [close(at, asset) for asset in range(len(self.assets))]
        return replace(self, groups=[*self.groups, last, last], steps=[*self.steps, *cancels, *closes])


def random_scenario(seed: int, *, length: int = 24, steps: int = 24, assets: int = 2, **given: Any) -> Scenario:
    """Draw a scenario; `given` fixes account, costs, profile and the number of bars in a session."""
    generator = np.random.default_rng(seed)
    names = ASSETS[:assets]
    groups = random_groups(generator, length, names)
    script = sorted(
        (
            random_step(generator, int(at), assets, number)
            for number, at in enumerate(generator.integers(0, len(groups), steps))
        ),
        key=lambda step: step.at,
    )
    account = given.get("account") or ACCOUNTS[generator.integers(len(ACCOUNTS))]
    costs = COSTS[generator.integers(len(COSTS))] if given.get("costs") is None else given["costs"]
    idle = frozenset((at, str(name)) for at in range(len(groups)) for name in names if generator.random() < 0.1)
    idle -= {(0, "A")}  # some bar has volume
    return Scenario(
        groups,
        names,
        script,
        account,
        costs,
        given.get("profile", "next_open"),
        given.get("per_session", 1),
        idle,
        given.get("limit_fill", "touch"),
        given.get("volume_share", 0.0),
        given.get("ambiguous", "stop_first"),
    )


def random_groups(
    generator: np.random.Generator, length: int, names: Sequence[str]
) -> list[dict[str, tuple[float, float, float, float]]]:
    """Draw bars in steps of a quarter around 20, with gaps between them and bars that are missing."""
    groups: list[dict[str, tuple[float, float, float, float]]] = [{} for _ in range(length)]
    for name in names:
        close = 20.0
        here = generator.random(length) < 0.85
        here[0] = True
        for index in np.flatnonzero(here):
            opened = _price(close + _quarters(generator, 4))
            close = _price(opened + _quarters(generator, 4))
            high = max(opened, close) + abs(_quarters(generator, 3))
            low = min(opened, close) - min(abs(_quarters(generator, 3)), 1.0)
            groups[index][name] = (opened, high, low, close)
    return [group for group in groups if group]


def random_step(generator: np.random.Generator, at: int, assets: int, number: int) -> Step:
    """Draw a request that often makes sense; orders that it speaks of are among those asked for so far."""
    verb = generator.choice(
        [SUBMIT, BRACKET, UPDATE, CANCEL, CLOSE, TARGET_QUANTITY, TARGET_VALUE, TARGET_PERCENT],
        p=[0.34, 0.26, 0.13, 0.05, 0.1, 0.04, 0.04, 0.04],
    )
    side = generator.choice([1.0, 1.0, -1.0])
    asset = int(generator.integers(assets))
    kinds = [MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, MARKET_ON_CLOSE]
    kind = int(generator.choice(kinds, p=[0.25, 0.25, 0.2, 0.12, 0.12, 0.06]))
    price = _price(20.0 + _quarters(generator, 12))
    any_order = int(generator.integers(1, 2 * number + 3))
    size = side * generator.integers(1, 400) / 4
    step = Step(at, int(verb), asset)
    if verb == SUBMIT:
        step.type, step.quantity, step.limit, step.stop = kind, size, price, price
        step.order = any_order if generator.random() < 0.15 else 0
        step.stop = _price(price + _quarters(generator, 4)) if kind == STOP_LIMIT else price
        _trail(generator, step, kind)
        _terms(generator, step)
    elif verb == BRACKET:
        step.type, step.quantity, step.limit, step.stop = kind, size, price, price
        if generator.random() < 0.85:
            step.stop_loss = _price(price - side * abs(_quarters(generator, 8)))
        if generator.random() < 0.75:
            step.take_profit = _price(price + side * abs(_quarters(generator, 8)))
    elif verb in {UPDATE, CANCEL}:
        step.order = any_order
        if verb == UPDATE:
            _change(generator, step, size, price)
    elif verb == TARGET_QUANTITY:
        step.quantity = size
    elif verb == TARGET_VALUE:
        step.quantity = side * float(generator.integers(0, 2000))
    elif verb == TARGET_PERCENT:
        step.quantity = side * float(generator.integers(0, 12)) / 10
    return step


def _change(generator: np.random.Generator, step: Step, size: float, price: float) -> None:
    """Draw what an update changes."""
    chosen = generator.random(3) < 0.5
    step.quantity = size if chosen[0] else np.nan
    step.limit = price if chosen[1] else np.nan
    step.stop = price if chosen[2] else np.nan
    if generator.random() < 0.2:
        _trail(generator, step, TRAILING_STOP)


def _terms(generator: np.random.Generator, step: Step) -> None:
    """Draw how long an order lives, and its group."""
    if generator.random() < 0.4:
        step.tif, step.hours = int(generator.integers(5)), int(generator.integers(0, 72))
    if generator.random() < 0.25:
        step.oca = int(generator.integers(1, 4))


def _trail(generator: np.random.Generator, step: Step, kind: int) -> None:
    """Draw how far behind a trailing stop follows: an amount or a fraction that binary numbers hold exactly."""
    if kind == TRAILING_STOP:
        if generator.random() < 0.6:
            step.amount = abs(_quarters(generator, 8))
        else:
            step.percent = float(generator.integers(1, 8)) / 32


def _quarters(generator: np.random.Generator, spread: int) -> float:
    return float(generator.integers(-spread, spread + 1)) / 4


def _price(price: float) -> float:
    return max(price, 2.0)

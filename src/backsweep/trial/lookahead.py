"""Does a strategy use what it cannot know? Cut the future off, put another in its place, and compare every request.

At some moments the run is repeated on two other histories: one where the data ends at that moment, and one where
everything after it is different. What the strategy had asked for up to then, and every feature up to then, must be the
same in all three. Half of the moments are drawn from those at which the strategy asked for something, where look-ahead
would show, and half from all.

Two things a strategy may know in advance, because a trader does: which assets the data has, and where sessions end.
What this cannot find is knowledge from outside the data: a table in the strategy's module, a signal column that was
computed from later prices, parameters chosen on the same history.

The warm-up of a feature is found the same way from the other end: `trial.warmup`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.engine.codes import FREE, ORDER_TYPES
from backsweep.errors import StrategyError
from backsweep.strategy import fits, head_of
from backsweep.trial.fold_features import make_features
from backsweep.trial.folds import TEST, divide
from backsweep.trial.market import Market, pack
from backsweep.trial.quotes import COLUMNS
from backsweep.trial.recording import record
from backsweep.trial.runner import Runner, Settings
from backsweep.trial.warmup import find_warmup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.strategy import Strategy, Value
    from backsweep.sweepfile.folds import FoldSpec
    from backsweep.trial.features import Features
    from backsweep.trial.folds import Segment

MOMENTS = 12
"""How many moments are tried for each parameter set, where the data is not too large for it."""

ROWS = 30_000_000
"""How many bars all the moments of a parameter set may go over together; at least three moments are tried."""

TOLERANCE = 1e-9
"""Relative: columns that Polars computes over more or fewer rows may differ in their last bits."""

LATER = 0.3
"""Where the data begins when the warm-up is looked for, as a share of its timestamps."""

INTERPRETED = 3_000
"""How many bars, from the first, the strategy runs over as plain Python, where every index is checked."""

PRICES = ("open", "high", "low", "close")
ASKED = ("asset", "type", "quantity", "limit_price", "stop_price", "trail_amount", "trail_percent", "tif", "parent")
"""What the strategy chose of an order, or changed later."""


@dataclass(frozen=True)
class Lookahead:
    """What the test did where it found no look-ahead.

    Attributes
    ----------
    moments : how many moments were tried, over all parameter sets.
    requests : at how many of them the strategy had just asked for something.
    warmup : by feature, after how many bars of an asset it no longer depends on where the data begins; None if it does
        to the end. None where it was not looked for: the strategy has `fit`.

    """

    moments: int
    requests: int
    warmup: dict[str, int | None] | None


def join_lookaheads(found: Iterable[Lookahead]) -> Lookahead:
    """Return what was found in several accounts as one; a warm-up is the longest."""
    every = list(found)
    moments, requests = (sum(getattr(each, name) for each in every) for name in ("moments", "requests"))
    if any(each.warmup is None for each in every):
        return Lookahead(moments, requests, None)
    bars: dict[str, list[int | None]] = {}
    for each in every:
        for name, after in (each.warmup or {}).items():
            bars.setdefault(name, []).append(after)
    longest = {name: None if None in known else max(filter(None, known), default=0) for name, known in bars.items()}
    return Lookahead(moments, requests, longest)


def check_lookahead(
    shard: Shard,
    cls: type[Strategy],
    settings: Settings,
    trials: NDArray[np.float64],
    *,
    params: Sequence[str] = (),
    fixed: Mapping[str, Value] | None = None,
    folds: FoldSpec | None = None,
    seed: int = 0,
    compiled: bool = True,
) -> Lookahead:
    """Try a strategy for look-ahead under each row of `trials`, the values of `params`.

    One with `fit` is trained anew on every other history, in the trainings of `folds`, and tried from the first test
    on; its warm-up is not looked for, as the trainings move with the beginning of the data.

    Raises StrategyError where the strategy used what comes later: it says what, and when; and where features are not
    the same when they are computed again.
    """
    random = np.random.default_rng(seed)
    market = pack(shard)
    segments, end = divide(market.sessions.dates, folds)
    first = _first_tested(market, segments) if fits(cls) else 0

    def features(of: Market) -> Features:
        return make_features(of, cls, segments, end)

    options: dict[str, Any] = {"params": tuple(params), "fixed": dict(fixed or {}), "compiled": compiled}
    known = features(market)
    _run_interpreted(market, cls, settings, trials[0], {**options, "features": known})
    real = Runner(market, cls, settings, features=known, **options)
    again = Runner(market, cls, settings, features=features(market), **options)
    for runner in (real, again):
        runner.take(trials[0])
    _check_repeated(real, again)
    moments = requests = 0
    for values in trials:
        asked = _moments_of_requests(record(market, cls, settings, values, features=known, **options).runner)
        chosen = first + _choose(asked[asked >= first] - first, len(market.groups) - first, market.bars.size, random)
        moments += len(chosen)
        requests += len(np.intersect1d(chosen, asked))
        real.take(values)
        for moment in chosen:
            real.go_until(moment + 1)
            for other in _other_courses(shard, market, moment, random):
                runner = Runner(other, cls, settings, features=features(other), **options)
                runner.take(values)
                _compare_features(real, runner, moment)
                runner.go_until(moment + 1)
                _compare_requests(real, runner, moment)
    if fits(cls):
        return Lookahead(moments, requests, None)
    later = Runner(_later(shard, market), cls, settings, **options)
    for runner in (real, later):
        runner.take(trials[0])
    warmup = find_warmup(real.feature_columns(), later.feature_columns(), later.market.bars["asset"])
    return Lookahead(moments, requests, warmup)


def _run_interpreted(
    market: Market, cls: type[Strategy], settings: Settings, values: NDArray[np.float64], options: dict[str, Any]
) -> None:
    """Run over the first bars as plain Python, where an index that is not there raises."""
    runner = Runner(market, cls, settings, **{**options, "compiled": False})
    runner.take(values)
    runner.go_until(int(np.searchsorted(market.groups["first_row"], INTERPRETED)))


def _first_tested(market: Market, segments: Sequence[Segment]) -> int:
    """Return the number of the first timestamp of the first test."""
    session = next((each.first for each in segments if each.name == TEST), 0)
    return int(np.searchsorted(market.groups["session"], session))


def _moments_of_requests(runner: Runner) -> NDArray[np.int64]:
    """Return the numbers of the timestamps at which a recorded run asked for orders."""
    log = runner.tables.order_log[: runner.tables.cursor[0].orders_logged]
    return np.unique(np.searchsorted(runner.market.groups["timestamp"], log["submitted"]))


def _choose(asked: NDArray[np.int64], groups: int, rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Choose moments, half of them from those at which something was asked; the last has no future to cut off."""
    count = int(np.clip(ROWS // rows, 3, MOMENTS))
    asked = asked[asked < groups - 1]
    some = random.choice(asked, min(len(asked), count // 2), replace=False)
    others = random.choice(groups - 1, min(groups - 1, count - len(some)), replace=False)
    return np.union1d(some, others)


def _other_courses(shard: Shard, market: Market, moment: int, random: np.random.Generator) -> Iterator[Market]:
    """Return the market as it is without the bars after a moment, and with others in their place."""
    time = int(market.groups["timestamp"][moment])
    rows, context = shard.rows, shard.context
    past = pl.col("timestamp") <= time
    height = rows.filter(past).height
    finer = shard.finer_bars and shard.finer_bars.before(height)
    shard = replace(shard, finer_bars=finer)
    cut = replace(
        shard,
        rows=rows[:height],
        finer_bars=finer and finer.of_rows(slice(height)),
        context=context[: moment + 1],
        sessions=shard.sessions[: moment + 1],
    )
    # What a trader knows of the future is the calendar: whether this bar is the last of its session.
    yield replace(pack(cut), bars=market.bars[:height], groups=market.groups[: moment + 1], sessions=market.sessions)
    factor = pl.Series(np.exp(random.normal(0.0, 0.05, rows.height).cumsum().clip(-3.0, 3.0)))
    noise = pl.Series(random.normal(0.0, 1.0, rows.height))
    quotes = [name for name in COLUMNS if name in shard.signals]  # which must stay what they are to the bars
    prices = [
        pl.when(past).then(pl.col(name)).otherwise(pl.col(name) * factor).alias(name) for name in (*PRICES, *quotes)
    ]
    volume = pl.when(past).then(pl.col("volume")).otherwise(pl.col("volume") * factor)
    signals = [
        pl.when(past).then(pl.col(name)).otherwise(noise - pl.col(name)).alias(name)
        for name in shard.signals
        if name not in quotes
    ]
    series = [name for name in context.columns if name != "timestamp"]
    change = factor[: context.height]
    other = context.with_columns(
        pl.when(past).then(pl.col(name)).otherwise(pl.col(name) * change).alias(name) for name in series
    )
    yield pack(replace(shard, rows=rows.with_columns(*prices, volume, *signals), context=other))


def _later(shard: Shard, market: Market) -> Market:
    """Return the market as it is without its first bars."""
    first = int(len(market.groups) * LATER)
    rows, sessions = shard.rows[int(market.groups["first_row"][first]) :], shard.sessions[first:]
    context = shard.context[first:]
    later = replace(shard, rows=rows, finer_bars=None, context=context, sessions=sessions - sessions[0])
    return pack(replace(later, session_table=shard.session_table.some(slice(int(sessions[0]), None))))


def _check_repeated(real: Runner, again: Runner) -> None:
    """Raise StrategyError where features that are computed twice differ: no two processes would agree on a trial."""
    market, theirs = real.market, again.feature_columns()
    for name, values in real.feature_columns().items():
        wrong = np.flatnonzero((values != theirs[name]) & ~(np.isnan(values) & np.isnan(theirs[name])))
        if len(wrong):
            row = wrong[0]
            method = "fit" if fits(real.cls) else "features"
            raise StrategyError(
                f"{real.cls.__name__}: feature `{name}` is another one when it is computed again",
                where=head_of(real.cls, method),
                expected="the same values for the same bars",
                found=f"{values[row]:g} and then {theirs[name][row]:g} ({market.assets[market.bars['asset'][row]]})",
                remedy="give random numbers a fixed seed, and a library one thread",
            )


def _compare_features(real: Runner, other: Runner, moment: int) -> None:
    """Compare the features up to a moment in two courses of the data."""
    groups, market = real.market.groups, real.market
    rows = int(groups["first_row"][moment] + groups["count"][moment])
    theirs = other.feature_columns()
    for name, values in real.feature_columns().items():
        wrong = np.flatnonzero(_differ(values[:rows], theirs[name][:rows]))
        if len(wrong):
            row = wrong[-1]
            group = int(np.searchsorted(groups["first_row"], row, side="right")) - 1
            raise _seen(
                real.cls,
                f"feature `{name}`",
                expected=f"the same value at {_when(market, group)} whatever comes after {_when(market, moment)}",
                found=f"{values[row]:g} with the bars that came, {theirs[name][row]:g} with others or none "
                f"({market.assets[market.bars['asset'][row]]})",
                remedy="let the feature look back only: shift(1), rolling_mean(n), ewm_mean; not shift(-1), "
                "center=True, or the mean or maximum of a whole column",
            )


def _compare_requests(real: Runner, other: Runner, moment: int) -> None:
    """Compare the orders that are kept at a moment, and what they had led to, in two courses of the data."""
    mine, theirs = (_orders(each) for each in (real, other))
    for order_id in sorted(mine.keys() | theirs.keys()):
        one, two = mine.get(order_id), theirs.get(order_id)
        if one is None or two is None or _differ(np.array(one), np.array(two)).any():
            market = real.traded
            raise _seen(
                real.cls,
                "on_data",
                expected=f"the same requests up to {_when(market, moment)} whatever comes after",
                found=f"{_describe(one, market)} with the bars that came, {_describe(two, market)} with others or none",
                remedy="read data[i] for i below data.count, and nothing that was computed from the whole data",
            )
    for table, name in (("account", "cash"), ("cursor", "next_id"), ("counters", "rejected_orders")):
        one, two = (getattr(each.tables, table)[0][name] for each in (real, other))
        if _differ(np.array([float(one)]), np.array([float(two)])).any():
            raise _seen(
                real.cls,
                "on_data",
                expected=f"the same account at {_when(real.market, moment)} whatever comes after",
                found=f"{name} {one:g} with the bars that came, {two:g} with others or none",
                remedy="read data[i] for i below data.count, and nothing that was computed from the whole data",
            )


def _orders(runner: Runner) -> dict[int, tuple[float, ...]]:
    """Return what was asked for, by order id, of every order that the table still keeps."""
    orders = runner.tables.orders
    return {int(order["id"]): tuple(float(order[name]) for name in ASKED) for order in orders[orders["status"] != FREE]}


def _describe(order: tuple[float, ...] | None, market: Market) -> str:
    if order is None:
        return "no order"
    asked = dict(zip(ASKED, order, strict=True))
    asset = int(asked["asset"])
    name = market.assets[asset] if 0 <= asset < len(market.assets) else f"asset {asset}"
    kind = ORDER_TYPES[int(asked["type"])] if 0 <= asked["type"] < len(ORDER_TYPES) else "unknown"
    prices = [f"{field} {asked[field]:g}" for field in ("limit_price", "stop_price") if not np.isnan(asked[field])]
    return " ".join([f"{kind} {asked['quantity']:g} {name}", *prices])


def _differ(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~np.isclose(one, two, rtol=TOLERANCE, atol=0.0, equal_nan=True)


def _when(market: Market, group: int) -> str:
    moment = np.datetime64(int(market.groups["timestamp"][group]), "ns")
    return str(moment.astype("datetime64[s]")).replace("T", " ").removesuffix(" 00:00:00")


def _seen(cls: type[Strategy], part: str, *, expected: str, found: str, remedy: str) -> StrategyError:
    return StrategyError(
        f"{cls.__name__} looks ahead: {part} depends on bars that come later",
        expected=expected,
        found=found,
        remedy=remedy,
    )

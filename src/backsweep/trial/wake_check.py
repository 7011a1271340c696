"""Whether what a strategy declares by `wake` and `wake_held` is true, and whether runs sleep by it.

Both are promises that `on_data` does nothing elsewhere. They are tested as they are meant: a run in which it sees every
bar must fill the same orders at the same prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset.anomalies import describe_time
from backsweep.engine.codes import HELD_FOR
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, Value, fits, head_of, parts_of
from backsweep.trial.fold_features import make_features
from backsweep.trial.folds import divide
from backsweep.trial.market import pack
from backsweep.trial.recording import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.engine.state import Tables
    from backsweep.sweepfile.folds import FoldSpec
    from backsweep.trial.market import Market
    from backsweep.trial.runner import Settings

COMPARED = ("timestamp", "asset", "quantity", "price", "commission", "slippage")


@dataclass(frozen=True)
class Sleep:
    """Whether runs sleep, in words, and what was compared with runs that see every bar.

    Attributes
    ----------
    described : "yes" or "no", and why.
    fills, runs : how many fills of how many runs were the same; none where nothing is declared.

    """

    described: str
    fills: int = 0
    runs: int = 0

    def __str__(self) -> str:
        """Return one line."""
        if not self.runs:
            return self.described
        return f"{self.described}; the {self.fills:,} fills of {self.runs} runs are those of runs that see every bar"


def join_sleeps(found: Iterable[Sleep]) -> Sleep:
    """Return what was found in several accounts as one."""
    every = list(found)
    return Sleep(every[0].described, sum(each.fills for each in every), sum(each.runs for each in every))


def check_sleep(
    shard: Shard,
    cls: type[Strategy],
    settings: Settings,
    trials: NDArray[np.float64],
    *,
    params: Sequence[str] = (),
    fixed: Mapping[str, Value] | None = None,
    folds: FoldSpec | None = None,
    compiled: bool = True,
) -> Sleep:
    """Return whether runs sleep, and if not, why.

    Raises StrategyError where `wake` or `wake_held` sleeps through something, under one row of `trials`, the values of
    `params`: it names the first fill that differs from a run in which `on_data` sees every bar.
    """
    declared = [name for name in ("wake", "wake_held") if getattr(cls, name) is not getattr(Strategy, name)]
    if parts_of(cls):
        return Sleep("no: a combination sees every bar, whatever its parts declare")
    if not declared:
        return Sleep("no: the strategy declares neither wake nor wake_held, and sees every bar")
    market = pack(shard)
    options: dict[str, Any] = {"params": tuple(params), "fixed": dict(fixed or {}), "compiled": compiled}
    options["features"] = make_features(market, cls, *divide(market.sessions.dates, folds if fits(cls) else None))
    fills, counts = 0, False
    for values in trials:
        tables = record(market, cls, settings, values, **options, wakes_always=False).runner.tables
        asleep, counts = _fills(tables), counts or bool((tables.conditions["kind"] == HELD_FOR).any())
        awake = _fills(record(market, cls, settings, values, **options, wakes_always=True).runner.tables)
        _compare(shard, cls, declared, asleep, awake, dict(zip(params, values.tolist(), strict=True)))
        fills += len(awake)
    return Sleep(_describe(market, settings, declared, counts), fills, len(trials))


def _describe(market: Market, settings: Settings, declared: Sequence[str], counts: bool) -> str:
    """Return whether runs sleep; `counts` says whether a clause counts the bars for which an asset is held."""
    obstacle = ""
    if len(settings.account.currencies) > 1:
        obstacle = "several currencies"
    elif settings.execution.delay > 0:
        obstacle = "execution.delay"
    methods = " and ".join(declared)
    if obstacle:
        return f"on_data alone, by {methods}: with {obstacle} every bar is visited"
    if counts and len(market.assets) > 1 and settings.account.mode == "shared":
        return f"yes, by {methods}, while flat: with several assets in one account held_for looks at every bar"
    held = "" if "wake_held" in declared else ", while flat"
    return f"yes, by {methods}{held}"


def _fills(tables: Tables) -> NDArray[Any]:
    return np.array(tables.fill_log[: int(tables.cursor[0].fills_logged)])


def _compare(
    shard: Shard,
    cls: type[Strategy],
    declared: Sequence[str],
    asleep: NDArray[Any],
    awake: NDArray[Any],
    values: Mapping[str, float],
) -> None:
    """Raise StrategyError at the first fill that differs."""
    common = min(len(asleep), len(awake))
    same = np.ones(common, bool)
    for name in COMPARED:
        same &= asleep[name][:common] == awake[name][:common]
    first = common if same.all() else int(np.argmin(same))
    if first == len(asleep) == len(awake):
        return
    given = ", ".join(f"{name} {value:g}" for name, value in values.items())
    raise StrategyError(
        f"{cls.__name__} acts at a bar at which it sleeps by {' or '.join(declared)}",
        where=head_of(cls, declared[0]),
        expected=f"as fill number {first + 1}, with every bar seen, {_describe_fill(shard, awake, first)}",
        found=_describe_fill(shard, asleep, first) + (f", with {given}" if given else ""),
        remedy="let wake and wake_held hold wherever on_data does something, or remove them",
    )


def _describe_fill(shard: Shard, fills: NDArray[Any], number: int) -> str:
    if number >= len(fills):
        return "no fill"
    fill = fills[number]
    when = describe_time(int(fill["timestamp"]), shard.zone)
    return f"{fill['quantity']:g} {shard.assets[fill['asset']]} at {fill['price']:g}, {when}"

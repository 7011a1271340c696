"""Columns that depend on parameters: Polars expressions, evaluated for each asset and kept while there is room.

Two trials that share a window share the column. The cache is bounded in bytes and forgets what was used longest ago,
but never a column of the trial at hand. An expression that calls a Python function (`map_batches`, `rolling_map`) is
computed for each trial: what such a function returns does not follow from its text, as it may hold a model.

Cross features are evaluated over all assets of a timestamp, and those of `bs.higher` on longer bars. Where a strategy
has either, all its features may name each other, and are evaluated in the order that follows.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from backsweep.errors import StrategyError
from backsweep.strategy import Higher, ask, crosses, fits, head_of, modules_of
from backsweep.trial.longer_bars import compute_on_longer_bars
from backsweep.trial.market import Market, column, locked
from backsweep.trial.session_clock import minutes_of_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy

CACHE_BYTES = 512 * 2**20

_PICKLED = re.compile(r'"(?!(?:Series|List|Array|Struct|Binary)")\w+":\[\d+(?:,\d+){7}')
"""Bytes in a serialised expression that are not a literal's values: a Python function, pickled."""


class Wanted(NamedTuple):
    """A strategy's features: expressions by name, and for each a key that is equal for equal expressions, or None."""

    expressions: Mapping[str, pl.Expr | Higher]
    keys: Mapping[str, str | None]
    across: frozenset[str] = frozenset()  # those over all assets of a timestamp
    stages: tuple[tuple[str, ...], ...] = ()  # names in the order in which they need each other; none: all at once

    @property
    def lasting(self) -> bool:
        """Whether what they evaluate to follows from the keys."""
        return None not in self.keys.values()


def renamed(wanted: Wanted, names: Mapping[str, str]) -> Wanted:
    """Return those that `names` has of what was asked, under other names."""
    stages = (tuple(names[name] for name in stage if name in names) for stage in wanted.stages)
    return Wanted(
        {new: wanted.expressions[name] for name, new in names.items()},
        {new: wanted.keys[name] for name, new in names.items()},
        frozenset(new for name, new in names.items() if name in wanted.across),
        tuple(stage for stage in stages if stage),
    )


def joined(several: Iterable[Wanted]) -> Wanted:
    """Return what was asked several times, each under names of its own, as one."""
    several = tuple(several)
    return Wanted(
        {name: each for wanted in several for name, each in wanted.expressions.items()},
        {name: key for wanted in several for name, key in wanted.keys.items()},
        frozenset(name for wanted in several for name in wanted.across),
        tuple(stage for wanted in several for stage in wanted.stages),
    )


class Features:
    """The feature columns of one market."""

    def __init__(self, market: Market, cache_bytes: int = CACHE_BYTES) -> None:
        self._market = market
        self._cache: OrderedDict[str, NDArray[np.float64]] = OrderedDict()
        self._size = 0
        self.room = cache_bytes

    def columns(self, strategy: Strategy) -> dict[str, NDArray[np.float64]]:
        """Return the strategy's features by name, float64, one value for each bar, NaN where there is none."""
        return self.compute(type(strategy), self.ask(strategy))

    def compute(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked of a strategy of this class."""
        keys = {name: key for name, key in wanted.keys.items() if key is not None}
        missing = [name for name in wanted.expressions if keys.get(name) not in self._cache]
        for key in keys.values():
            if key in self._cache:
                self._cache.move_to_end(key)
        lasting = len({keys[name] for name in missing if name in keys})
        self._forget(keep=len(self._cache.keys() & set(keys.values())), coming=8 * lasting * self._market.rows.height)
        found: dict[str, NDArray[np.float64]] = {}
        for stage in wanted.stages or (tuple(wanted.expressions),):
            names = [name for name in stage if name in missing]
            if names:
                needed = {name for each in names for name in _roots(wanted.expressions[each])}
                earlier = {
                    name: found[name] if name in found else self._cache[keys[name]]
                    for name in needed.intersection(wanted.expressions if wanted.stages else ())
                }
                found |= self._evaluate(cls, {name: wanted.expressions[name] for name in names}, earlier, wanted.across)
        for name, key in keys.items():
            if name in found and key not in self._cache:
                self._cache[key] = found[name]
                self._size += found[name].nbytes
        return {name: found[name] if name in found else self._cache[keys[name]] for name in wanted.expressions}

    def check(self, cls: type[Strategy]) -> None:
        """Raise StrategyError where the class has `fit`, for which there is no training here."""
        if fits(cls):
            raise StrategyError(
                f"{cls.__name__}.fit has no training to be called with",
                where=head_of(cls, "fit"),
                expected="folds, each with a training that ends before its test",
                found="a run without folds",
                remedy="run it from a sweep file with walk_forward: {train: 4y, test: 1y}, or mode: holdout; "
                "rename a `fit` that trains no model",
            )

    def part(self, rows: slice) -> FeaturePart:
        """Return the features of some rows of the market, which are computed on all of it."""
        return FeaturePart(self, rows)

    def ask(self, strategy: Strategy) -> Wanted:
        """Return what the strategy wants; raises StrategyError where that is no mapping of expressions by new names."""
        self.check(type(strategy))
        wanted = self._mapping(strategy, "features", (pl.Expr, Higher))
        if not crosses(type(strategy)) and not any(isinstance(each, Higher) for each in wanted.values()):
            return Wanted(wanted, {name: _key(expression) for name, expression in wanted.items()})
        across = self._mapping(strategy, "cross_features", (pl.Expr,))
        twice = sorted(wanted.keys() & across.keys())
        if twice:
            raise StrategyError(
                f"{type(strategy).__name__} has a feature and a cross feature of one name: {twice[0]!r}",
                where=head_of(type(strategy), "cross_features"),
                expected="a name for each",
                remedy="rename one of them",
            )
        return _in_order(type(strategy), wanted, across)

    def _mapping(self, strategy: Strategy, method: str, kinds: tuple[type, ...]) -> Mapping[str, pl.Expr | Higher]:
        """Return what `features` or `cross_features` returns, checked."""
        wanted = ask(strategy, method)
        cls = type(strategy).__name__
        if not isinstance(wanted, Mapping) or not all(isinstance(each, kinds) for each in wanted.values()):
            raise StrategyError(
                f"{cls}.{method} does not return expressions by name",
                where=head_of(type(strategy), method),
                expected='a mapping such as {"fast": pl.col("close").rolling_mean(10)}',
                found=_describe_answer(wanted, kinds),
                remedy="return it" if wanted is None else "build every feature from pl.col(...), not from data",
            )
        taken = [name for name in wanted if name in self._market.rows.columns]
        if taken:
            raise StrategyError(
                f"{cls}.{method} names a column that the data has already: {taken[0]!r}",
                where=head_of(type(strategy), method),
                expected="a new name",
                remedy="rename the feature",
            )
        checked: Mapping[str, pl.Expr | Higher] = wanted
        return checked

    def _evaluate(
        self,
        cls: type[Strategy],
        missing: Mapping[str, pl.Expr | Higher],
        earlier: Mapping[str, NDArray[np.float64]],
        across: frozenset[str],
    ) -> dict[str, NDArray[np.float64]]:
        """Evaluate features of one kind, which may name `earlier` columns."""
        compares = bool(across.intersection(missing))
        method = "cross_features" if compares else "features"
        known = [pl.Series(name, values).fill_nan(None) for name, values in earlier.items()]
        rows = self._compared_rows if compares else self._known_rows
        rows = rows.with_columns(*self._clock_columns(rows, missing.values()), *known)
        try:
            pieces = (slice(None),) if compares else self._market.pieces
            group = "timestamp" if compares else "asset"
            with modules_of(cls):
                if len(pieces) == 1:
                    frame = self._select(rows, missing, group)
                    return {name: column(frame[name]) for name in missing}
                columns = {name: np.empty(rows.height) for name in missing}
                for piece in pieces:
                    frame = self._select(rows[piece], missing, group)
                    for name, values in columns.items():
                        values[piece] = column(frame[name])
            return {name: locked(values) for name, values in columns.items()}
        except MemoryError:
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            raise StrategyError(
                f"{cls.__name__}.{method} cannot be computed",
                where=head_of(cls, method),
                expected=f"expressions over the columns {', '.join(rows.columns)}",
                found=f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}",
            ) from error

    def _select(self, rows: pl.DataFrame, missing: Mapping[str, pl.Expr | Higher], group: str) -> pl.DataFrame:
        """Evaluate features of one kind on rows: those of `bs.higher`, of one interval, or expressions over a group."""
        longer = {name: each for name, each in missing.items() if isinstance(each, Higher)}
        if longer:
            return compute_on_longer_bars(rows, self._market.sessions, longer)
        plain = {name: each for name, each in missing.items() if isinstance(each, pl.Expr)}
        return rows.select(each.over(group).alias(name) for name, each in plain.items())

    @cached_property
    def _known_rows(self) -> pl.DataFrame:
        """The market's rows as features know them: times on the clock of the data."""
        return self._market.rows.with_columns(self._market.sessions.clock.datetime("timestamp"))

    @cached_property
    def _compared_rows(self) -> pl.DataFrame:
        """The same as cross features know them: assets by name, and null for what is missing, which ranks leave out."""
        names = pl.Series("asset", self._market.assets)[self._known_rows["asset"]]
        return self._known_rows.with_columns(names, pl.col(tuple(self._market.signals)).fill_nan(None))

    def _clock_columns(self, rows: pl.DataFrame, wanted: Iterable[pl.Expr | Higher]) -> list[pl.Series]:
        """Return the session's number and the minute of the day, where `wanted` names them and the data do not."""
        named = {name for each in wanted for name in _roots(each)}.difference(rows.columns)
        stamps, sessions = self._market.rows["timestamp"].to_numpy(), self._market.sessions
        found = []
        if "session" in named:
            found.append(pl.Series("session", sessions.numbers(stamps)))
        if "time_of_day" in named:
            found.append(pl.Series("time_of_day", minutes_of_day(stamps, sessions.clock)))
        return found

    def _forget(self, keep: int, coming: int) -> None:
        """Forget what was used longest ago, but not the latest `keep`, until so many bytes `coming` have room."""
        while self._size + coming > self.room and len(self._cache) > keep:
            _, values = self._cache.popitem(last=False)
            self._size -= values.nbytes


def _in_order(
    cls: type[Strategy], features: Mapping[str, pl.Expr | Higher], across: Mapping[str, pl.Expr | Higher]
) -> Wanted:
    """Return features and cross features in stages: what a stage names is of an earlier one, and it is of one kind.

    Kinds are features, each interval of `bs.higher`, and cross features.
    """
    expressions = {**features, **across}
    kinds = {name: each.interval if isinstance(each, Higher) else "" for name, each in features.items()}
    kinds |= dict.fromkeys(across, "across")
    needs = {name: expressions.keys() & _roots(each) for name, each in expressions.items()}
    sorter = TopologicalSorter(needs)
    stages: list[tuple[str, ...]] = []
    keys: dict[str, str | None] = {}
    try:
        sorter.prepare()
    except CycleError as error:
        raise StrategyError(
            f"{cls.__name__}: features need each other in a circle",
            where=head_of(cls, "cross_features" if across else "features"),
            expected="each from columns of the data, or from features that do not need it",
            found=" needs ".join(reversed(error.args[1])),
        ) from None
    while sorter.is_active():
        ready = sorter.get_ready()
        stages += [tuple(name for name in ready if kinds[name] == kind) for kind in sorted(set(kinds.values()))]
        for name in ready:
            key, of_others = _key(expressions[name]), [keys[need] for need in sorted(needs[name])]
            if key is not None and (of_others or kinds[name]):
                key = None if None in of_others else repr((kinds[name], key, of_others))
            keys[name] = key
            sorter.done(name)
    ordered = {name: keys[name] for name in expressions}
    return Wanted(expressions, ordered, frozenset(across), tuple(filter(None, stages)))


def _roots(wanted: pl.Expr | Higher) -> set[str]:
    """Return the columns that it names."""
    return set((wanted.expression if isinstance(wanted, Higher) else wanted).meta.root_names())


def _describe_answer(answer: object, kinds: tuple[type, ...]) -> str:
    """Describe what is no mapping of expressions: its type, or the first entry that is no expression."""
    if not isinstance(answer, Mapping):
        return "nothing: there is no return" if answer is None else f"a {type(answer).__name__}"
    name, value = next((name, value) for name, value in answer.items() if not isinstance(value, kinds))
    return f"{name!r} is a {type(value).__module__.split('.')[0]} {type(value).__name__}".replace("builtins ", "")


def _key(wanted: pl.Expr | Higher) -> str | None:
    """Return a text that is equal for equal expressions alone, or None where there is no such text."""
    try:
        key = (wanted.expression if isinstance(wanted, Higher) else wanted).meta.serialize(format="json")
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001 - whatever pickling a user's object raises
        return None
    return None if _PICKLED.search(key) else key


class FeaturePart:
    """The feature columns of a part of a market."""

    def __init__(self, whole: Features, rows: slice) -> None:
        self._whole = whole
        self._rows = rows

    @property
    def room(self) -> int:
        """Bytes that the whole may keep."""
        return self._whole.room

    def columns(self, strategy: Strategy) -> dict[str, NDArray[np.float64]]:
        """Return the strategy's features by name, as `Features.columns` does."""
        return self.compute(type(strategy), self.ask(strategy))

    def ask(self, strategy: Strategy) -> Wanted:
        """Return what the strategy wants, as `Features.ask` does."""
        return self._whole.ask(strategy)

    def compute(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked, as `Features.compute` does."""
        return {name: values[self._rows] for name, values in self._whole.compute(cls, wanted).items()}

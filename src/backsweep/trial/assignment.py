"""What differs between the trials of a chunk, as words of 8 bytes that compiled code puts in their places.

A column of words is a parameter, a number under a dotted key, the address of a feature, or a part of a wake condition.
A place is where the words of one column go. Both are worked out once; a chunk is then staged column by column, and the
strategy is asked for its features and conditions once for all trials that it cannot tell apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backsweep.engine.codes import NONE
from backsweep.engine.compile.kernel import WORD, kernel, record_dtype, store
from backsweep.errors import BacksweepError, StrategyError
from backsweep.strategy import Bound, Strategy, head_of, is_plain, numbers_of
from backsweep.trial.answers import Answers
from backsweep.trial.features import FeaturePart, Features, Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.binding import Place
    from backsweep.trial.wake_table import Conditions, Entry, WakeTable

PLACE = record_dtype(  # `count` values of `width` bytes from `address` on; `column` NONE: each is `word`
    [("address", "i8"), ("width", "i8"), ("count", "i8"), ("column", "i8"), ("word", "i8")]
)
HELD = 4
"""The feature columns of trials that wait to be run may be one part in so many of what the cache of features holds."""


@kernel
def assign(places: Any, words: NDArray[np.int64]) -> None:
    """Write a trial's words, int64[columns], to their places."""
    for index in range(places.size):
        place = places[index]
        word = place.word if place.column == NONE else words[place.column]
        for number in range(place.count):
            store(place.address + number * place.width, word, place.width)


def to_words(values: Any, kind: str) -> NDArray[np.int64]:
    """Return numbers as words of a kind: "f" floats, "i" whole numbers, "b" truth values."""
    if kind == "f":
        return np.asarray(values, np.float64).view(np.int64)
    return np.asarray(values).astype(np.bool_ if kind == "b" else np.int64).astype(np.int64)


class Staged(NamedTuple):
    """Trials that can be run: `rows` int64[m] of a chunk, and the feature columns, by name, of the groups they are in.

    Their words have the columns' addresses.
    """

    rows: NDArray[np.int64]
    columns: tuple[dict[str, NDArray[np.float64]], ...]


class Assigner:
    """Stages the values of a strategy class's trials.

    `make` makes the strategy of a trial's values, float64[params]; `record` has the fields of its parameters by name,
    `addresses` those of its features' addresses; `places` are of the dotted keys among `params`.
    """

    def __init__(
        self,
        cls: type[Strategy],
        params: Sequence[str],
        make: Callable[[NDArray[np.float64]], Strategy],
        record: Any,
        addresses: Any,
        places: Mapping[str, Place],
        features: Features | FeaturePart,
        wake: WakeTable,
        check: Callable[[], None] | None,
    ) -> None:
        self._cls, self._params, self._make = cls, list(params), make
        self._places, self._check = places, check
        self._whole, self._wake = features, wake
        self._plain = is_plain(cls)
        self._constants = numbers_of(make(np.full(len(self._params), np.nan)))
        own = [name for name in cls.declared() if name in self._params or not self._plain]
        self._kinds = {name: kind[0] for name, kind in cls._kinds.items()}
        self._own = {name: column for column, name in enumerate(own)}
        self._dotted = {name: len(own) + number for number, name in enumerate(places)}
        begin = len(own) + len(places)
        self._features = {name: begin + number for number, name in enumerate(wake.features)}
        self._conditions = begin + len(wake.features)
        self.width = self._conditions + len(wake.places)
        self._entries: list[Entry] = []
        self._conditions_before: Conditions | None = None  # those whose entries these are
        self._wanted: Answers[Wanted] = Answers(cls, params, features.ask, lambda wanted: wanted.lasting)
        self._wakes: Answers[Conditions] = Answers(cls, params, wake.ask)
        self.table = self._make_table(record, addresses)

    def stage(
        self, values: NDArray[np.float64], words: NDArray[np.int64], failed: dict[int, BacksweepError]
    ) -> Iterator[Staged]:
        """Write the words, int64[k, width], of trials' values, float64[k, params]; yield them in parts to be run.

        Trials whose values make no sense are put into `failed` by their rows, and yielded in no part.
        """
        self._write_numbers(values, words, failed)
        waiting = np.array([row for row in range(len(values)) if row not in failed], np.int64)
        ready: list[NDArray[np.int64]] = []
        held: list[dict[str, NDArray[np.float64]]] = []
        size = 0
        while len(waiting):
            groups, waiting = self._group(values, waiting), waiting[:0]
            for number, group in enumerate(groups):
                rows = group
                known = self._known
                try:
                    columns = self._stage_group(values, words, rows)
                except BacksweepError as error:
                    alike = rows if known == self._known else rows[:1]
                    failed.update(dict.fromkeys(alike.tolist(), error))
                    rows, columns = rows[len(alike) :], {}
                if known != self._known:  # it looks at more than was known: those that it had in common may differ
                    waiting = np.concatenate([rows, *groups[number + 1 :]])
                    break
                ready.append(rows)
                held.append(columns)
                size += sum(each.nbytes for each in columns.values())
                if size > self._whole.room // HELD:
                    yield Staged(np.concatenate(ready), tuple(held))
                    ready, held, size = [], [], 0
        if ready:
            yield Staged(np.concatenate(ready), tuple(held))

    @property
    def _known(self) -> tuple[bool, list[int]]:
        """Whether features last, and the columns of values that they and conditions depend on, as far as is known."""
        return self._wanted.lasting, sorted({*self._wanted.columns, *self._wakes.columns})

    def _group(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return the rows in groups that features and conditions cannot tell apart, as far as is known."""
        lasting, read = self._known
        if not lasting:
            return [rows[number : number + 1] for number in range(len(rows))]
        if not read:
            return [rows]
        content, size = values[rows][:, read].tobytes(), WORD * len(read)
        found: dict[bytes, list[int]] = {}
        for number, row in enumerate(rows.tolist()):
            found.setdefault(content[number * size : (number + 1) * size], []).append(row)
        return [np.array(each) for each in found.values()]

    def _stage_group(
        self, values: NDArray[np.float64], words: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Write features' addresses and conditions of trials that share them; return the features."""
        first = values[rows[0]]

        def make() -> Strategy:
            return self._make(first)

        columns = self._whole.compute(self._cls, self._wanted.find(first, make))
        if columns.keys() != self._features.keys():
            raise StrategyError(
                f"{self._cls.__name__}.features returns other names under other parameters",
                where=head_of(self._cls, "features"),
                expected=", ".join(self._features) or "no feature",
                found=", ".join(columns) or "no feature",
                remedy="give a feature that is not needed a value of its own, such as pl.lit(0.0)",
            )
        own = words[rows]
        for name, column in self._features.items():
            own[:, column] = columns[name].ctypes.data
        self._write_conditions(own, columns, self._wakes.find(first, make))
        words[rows] = own
        return columns

    def _write_conditions(
        self, words: NDArray[np.int64], columns: dict[str, NDArray[np.float64]], conditions: Conditions
    ) -> None:
        """Write the parts of conditions into the words of trials that share them, and these features."""
        if conditions is not self._conditions_before:
            self._entries = self._wake.entries(conditions, self._cls, self._constants)
            self._conditions_before = conditions
        words[:, self._conditions :] = [entry.word for entry in self._entries]
        for column, entry in enumerate(self._entries, self._conditions):
            if entry.feature and entry.extremes != NONE:
                words[:, column] = self._wake.extremes_of(columns[entry.feature], entry.extremes)
            elif entry.feature:
                words[:, column] = words[:, self._features[entry.feature]]
            elif entry.param in self._own:
                numbers = words[:, self._own[entry.param]]
                numbers = numbers.view(np.float64) if self._kinds[entry.param] == "f" else numbers.astype(float)
                words[:, column] = to_words(entry.sign * numbers, "f")

    def _write_numbers(
        self, values: NDArray[np.float64], words: NDArray[np.int64], failed: dict[int, BacksweepError]
    ) -> None:
        """Write what is a number: the strategy's parameters, and those under dotted keys."""
        doubted = self._write_plain(values, words) if self._plain else np.ones(len(values), np.bool_)
        for name, column in self._dotted.items():
            given, place = values[:, self._params.index(name)], self._places[name]
            words[:, column] = to_words(np.where(np.isnan(given), place.given, given), place.field.dtype.kind)
        for row in range(len(values)) if self._check else np.flatnonzero(doubted).tolist():
            try:
                found = numbers_of(self._make(values[row]))
                for name, column in self._own.items():
                    words[row, column] = to_words(found[name], self._kinds[name])
                if self._check:
                    for name, place in self._places.items():
                        given = values[row, self._params.index(name)]
                        place.put(place.given if np.isnan(given) else given)
                    self._check()
            except BacksweepError as error:
                failed[row] = error

    def _write_plain(self, values: NDArray[np.float64], words: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Write parameters that are what the values say, NaN for their default; return which trials have wrong ones."""
        wrong: NDArray[np.bool_] = np.logical_or.reduce(np.isinf(values), axis=1)
        for name, column in self._own.items():
            kind, given = self._kinds[name], values[:, self._params.index(name)]
            absent = np.isnan(given)
            if kind == "i":
                wrong |= ~absent & ((given != np.floor(given)) | (np.abs(given) >= 2.0**63))
            words[:, column] = to_words(np.where(absent | wrong, 0.0, given), kind)
            words[absent, column] = to_words(self._constants[name], kind)
        return wrong

    def _make_table(self, record: Any, addresses: Any) -> NDArray[Any]:
        """Return where each column goes, records of PLACE."""
        found = [(_field(record, name), column) for name, column in self._own.items()]
        found += [(_field(addresses, name), column) for name, column in self._features.items()]
        found += [
            ((place.field.ctypes.data + row * place.field.strides[0], place.field.itemsize), self._dotted[name])
            for name, place in self._places.items()
            for row in np.arange(len(place.field))[place.rows].tolist()
        ]
        found += [((each, WORD), self._conditions + number) for number, each in enumerate(self._wake.places)]
        table = np.zeros(len(found), PLACE)
        for index, ((address, size), column) in enumerate(found):
            table[index] = (address, size, 1, column, 0)
        return table


def _field(table: Any, name: str) -> tuple[int, int]:
    """Return the address and the size of a field of a table's first record; `table` may be a mapping of fields."""
    field = table[name]
    return field.ctypes.data, field.itemsize


def make_resets(bound: Bound, values: Any, memory: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return where the variables of a run are, with their initial values: records of PLACE."""
    states = bound.cls._states  # noqa: SLF001 - the class declares them for us
    kinds = bound.cls._kinds  # noqa: SLF001
    found = [(*_field(values, name), 1, name) for name, declared in states.items() if not declared.per_asset]
    found += [(*_field(table, "value"), len(table), name) for table, name in zip(memory, bound.per_asset, strict=True)]
    resets = np.zeros(len(found), PLACE)
    for index, (address, size, count, name) in enumerate(found):
        resets[index] = (address, size, count, NONE, to_words(states[name].initial, kinds[name][0]))
    return resets

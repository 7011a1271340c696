"""What a strategy sees of the market at one timestamp: bars, their columns, and the context.

Everything here is read only, and the same compiled and interpreted (`engine.compile.views`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Never

import numpy as np

from backsweep.engine.compile.kernel import is_interpreted, load, record_at
from backsweep.engine.compile.views import Attribute, View, ViewType, column_attribute, record_attribute, view

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # that of Python 3.13, whose variables have defaults

    BarT_co = TypeVar("BarT_co", bound="Bar", default="Bar", covariant=True)
else:
    from typing import TypeVar

    BarT_co = TypeVar("BarT_co", covariant=True)

PRICES_AND_VOLUME = ("open", "high", "low", "close", "volume")
BAR_FIELDS = ("asset", *PRICES_AND_VOLUME, "last_of_session", "minutes_to_close", "time_of_day")


class ColumnAddresses(NamedTuple):
    """Records of column addresses, one field for each series: beside the bars, and beside the timestamps."""

    columns: Any
    context: Any


@view
class Bar(View):
    """One asset's bar: its prices and volume, and every signal and feature by its name; NaN where there is none.

    Type checkers and editors know the columns that a subclass declares, and no others:

        class Bar(bs.Bar):
            pred: float

        def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None: ...

    The subclass exists for them alone: `data[i]` has every column of the data and every feature, declared or not.
    """

    __slots__ = ("_bar", "_columns", "_group", "_row")
    _bar: Any
    _columns: Any
    _group: Any  # None for a cost model, which is given the bar alone
    _row: int
    open: float
    """First price, in the asset's currency."""
    high: float
    """Highest price."""
    low: float
    """Lowest price."""
    close: float
    """Last price, known at `timestamp`."""
    volume: float
    """Units traded."""

    @property
    def asset(self) -> int:
        """Return the asset's number."""
        return np.int64(self._bar.asset)  # type: ignore[return-value]  # the integer of compiled code

    @property
    def last_of_session(self) -> bool:
        """Return whether no later bar of this asset belongs to this trading day.

        An asset that closes earlier than others, or on a half day, has its last bar before `data.last_of_session`.
        """
        return self._bar.last_of_session == 1

    @property
    def minutes_to_close(self) -> int:
        """Return the whole minutes to this asset's close of the session; 0 on daily bars.

        The close is the latest time of day at which one of the asset's last five sessions ended, but no later than the
        session's last bar of any asset, which is known as a calendar is. So an asset that just stops trading early does
        not show it beforehand.
        """
        if is_interpreted() and self._bar.to_close < 0:
            raise LookupError("the feed does not say when the session closes: minutes_to_close of make_timestep")
        return np.int64(self._bar.to_close)  # type: ignore[return-value]  # the integer of compiled code

    @property
    def time_of_day(self) -> int:
        """Return the whole minutes since midnight on the clock of the data: 570 is 09:30. Cost models do not have it.

        The clock is that of `data.timezone`, or of the file's own zone; times without a zone are as written.
        """
        return np.int64(self._group.minute)  # type: ignore[return-value]  # the integer of compiled code

    if not TYPE_CHECKING:  # a column that nobody declared is a mistake to a type checker

        def __getattr__(self, name: str) -> Any:
            """Return a price or the volume of the bar, or this row of a column."""
            if name in PRICES_AND_VOLUME:
                return self._bar[name]
            if name in self._columns.dtype.names:
                return load(self._columns[name], self._row)
            raise AttributeError(f"Bar has no attribute {name!r}", name=name, obj=self)

    @staticmethod
    def compile_attribute(typ: ViewType, name: str) -> Attribute | None:
        """Resolve an attribute for compiled code."""
        if name in PRICES_AND_VOLUME:
            return record_attribute(typ, "_bar", name)
        return column_attribute(typ, "_columns", "_row", name)


@view
class Context(View):
    """What holds for the whole market at this timestamp: every context series by its name.

    Type checkers know the series that a subclass declares, as with `Bar`.
    """

    __slots__ = ("_columns", "_index")
    _columns: Any
    _index: int

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the value of a context series at this timestamp."""
            if name in self._columns.dtype.names:
                return load(self._columns[name], self._index)
            raise AttributeError(f"Context has no attribute {name!r}", name=name, obj=self)

    @staticmethod
    def compile_attribute(typ: ViewType, name: str) -> Attribute | None:
        """Resolve an attribute for compiled code."""
        return column_attribute(typ, "_columns", "_index", name)


@view
class Data(View, Generic[BarT_co]):
    """The bars of one timestamp: `data[0]` to `data[data.count - 1]`, in order of asset.

    To type checkers they are of the class that is given in brackets, or `Bar`.
    """

    __slots__ = ("_bars", "_columns", "_group")
    _bars: Any
    _columns: Any
    _group: Any

    @property
    def count(self) -> int:
        """Return how many assets have a bar at this timestamp."""
        return self._group.count

    @property
    def session(self) -> int:
        """Return the number of the trading day, from 0."""
        return self._group.session

    @property
    def last_of_session(self) -> bool:
        """Return whether no later bar, of any asset, belongs to this trading day."""
        return self._group.last_of_session == 1

    def __getitem__(self, index: int) -> BarT_co:
        """Return bar number `index` of this timestamp."""
        if is_interpreted() and not 0 <= index < self._group.count:
            raise IndexError("data[i]: i goes from 0 to data.count - 1")
        row = self._group.first_row + index
        return Bar(record_at(self._bars, row), self._columns, self._group, row)  # type: ignore[return-value]  # every Bar has all columns

    def __bool__(self) -> bool:
        """Refuse, as compiled code does."""
        raise TypeError("data is neither true nor false")

    def __len__(self) -> int:
        """Refuse, as compiled code does."""
        raise TypeError("data is not a list: data.count is how many bars it has")

    def __iter__(self) -> Never:
        """Refuse, as compiled code does."""
        raise TypeError("data is not a list: for i in range(data.count): bar = data[i]")

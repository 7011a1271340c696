"""Cost models that the user writes: one small class, which the engine asks what a fill costs.

    class PerSideAndExchange(bs.CommissionModel):
        rate: float = bs.param(0.0, 0.01, default=0.0005)
        exchange: float = bs.param(0.0, 1.0, default=0.1)

        def charge(self, fill, bar):
            return self.rate * fill.value + (self.exchange if fill.maker == 0 else 0.0)

    class HalfSpread(bs.SlippageModel):
        impact: float = bs.param(0.0, 1.0, default=0.1)

        def slip(self, fill, bar):
            return bar.spread / 2 + self.impact * fill.price * fill.share

A sweep file names the class and gives its parameters, each of which can be swept; one that is left out has its default:

    costs:
      commission: {kind: custom, model: costs.py:PerSideAndExchange, rate: 0.0003}
      slippage: {kind: custom, model: costs.py:HalfSpread}

Methods are compiled as `on_data` is, may call the class's other methods and the module's functions, and give the same
bits interpreted. A model has no memory: what an order and a month have traded before is in `fill`.

What `fill` has, money in the asset's currency (a month's value in the account's):

    asset                      its code
    quantity                   signed units of this fill
    price                      of a unit: for a slippage model before slippage, for a commission model after it
    value, multiplier          what the fill is worth without a sign, and the money that a point of price is worth
    share                      of the bar's volume that orders have filled, with this fill; 1 for a bar without volume;
                               for a commission model this fill's alone
    maker                      1 for a limit order that rested before it filled; always 0 for a slippage model
    stop                       1 for an order that fills as a stop
    order_quantity             signed units of the whole order
    order_filled, order_value  signed units, and value, of the order's fills before
    order_fees                 what this model has charged for them
    month_units, month_value   what the account traded in the calendar month (UTC) before, for commission models; the
                               value in account currency

`bar` is the fill's bar, with every signal of the data by its name (features are the strategy's own). A cost may look at
the whole bar, for it decides nothing: the price at which an order fills does not depend on it beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from backsweep.bars import Bar
from backsweep.engine.compile.kernel import linked, record_dtype
from backsweep.engine.compile.loop_cache import compile_callback
from backsweep.engine.compile.views import Attribute, View, ViewType, record_attribute, view
from backsweep.engine.costs.custom import SIGNATURE, record_reader
from backsweep.engine.tables import BAR, FILL
from backsweep.errors import StrategyError
from backsweep.strategy.bind import make_self, register_module_functions
from backsweep.strategy.declare import Declared, numbers_of
from backsweep.strategy.explain import explain
from backsweep.strategy.fields import Value
from backsweep.strategy.fingerprint import fingerprint
from backsweep.strategy.load import modules_of
from backsweep.strategy.mistakes import refuse_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray


@view
class Fill(View):
    """The type of `fill` in a cost model's signature."""

    __slots__ = ("_fill",)
    _fill: Any
    asset: int
    quantity: float
    price: float
    value: float
    multiplier: float
    share: float
    maker: int
    stop: int
    order_quantity: float
    order_filled: float
    order_value: float
    order_fees: float
    month_units: float
    month_value: float

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a field of the fill."""
            if name in (FILL.names or ()):
                return self._fill[name]
            raise AttributeError(f"Fill has no attribute {name!r}", name=name, obj=self)

    @staticmethod
    def compile_attribute(typ: ViewType, name: str) -> Attribute | None:
        """Resolve an attribute for compiled code."""
        return record_attribute(typ, "_fill", name)


class CostModel(Declared):
    """The base of both kinds of cost models."""

    method: ClassVar[str] = ""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse a memory, and a parameter whose name is a key of the sweep file's section."""
        super().__init_subclass__(**keywords)
        for name in cls._states:
            raise StrategyError(
                f"{cls.__name__}.{name} is a variable of the run, but a cost model has no memory",
                expected="parameters alone",
                remedy="take what was traded before from the fill: order_value, month_value and the like",
            )
        for name in {"kind", "model", "times", "minimum", "maximum"} & set(cls._params):
            raise StrategyError(
                f"{cls.__name__}.{name} has the name of a key that every model's section has",
                expected="another name",
                remedy=f"call it {name}_",
            )


class CommissionModel(CostModel):
    """The base of commission models: define `charge`; the module's text says what it sees."""

    method: ClassVar[str] = "charge"

    def charge(self, fill: Fill, bar: Any) -> float:  # noqa: ARG002 - the protocol
        """Return the commission of a fill in the asset's currency; below zero it is a rebate."""
        raise _undefined(type(self))


class SlippageModel(CostModel):
    """The base of slippage models: define `slip`; the module's text says what it sees."""

    method: ClassVar[str] = "slip"

    def slip(self, fill: Fill, bar: Any) -> float:  # noqa: ARG002 - the protocol
        """Return by how much the price of a market or stop order moves against the trader, 0 or more."""
        raise _undefined(type(self))


def _undefined(cls: type[CostModel]) -> StrategyError:
    return StrategyError(f"{cls.__name__} does not define {cls.method}", expected=f"def {cls.method}(self, fill, bar)")


@dataclass(frozen=True, eq=False)
class BoundModel:
    """A cost model made ready for the engine.

    values : dtype of the record of parameters; view : stands for `self`, made of such a record.
    """

    cls: type[CostModel]
    values: np.dtype[Any]
    view: type[View]
    _compiled: dict[tuple[str, ...], Any]

    def new_values(self, given: Mapping[str, Value]) -> NDArray[Any]:
        """Return a table of one record with the parameters; raises StrategyError for one that is not declared."""
        table = np.zeros(1, self.values)
        for name, number in numbers_of(self.cls(**given)).items():
            table[0][name] = number
        return table

    def source(self, values: Any, columns: Any) -> Callable[[Any, Any, int], float]:
        """Return the model as plain Python, on records of its parameters and of the columns' addresses."""
        ask = getattr(self.cls, self.cls.method)

        def answer(fill: Any, bar: Any, row: int) -> float:
            try:
                with np.errstate(all="ignore"):  # compiled code gives inf and NaN in silence, too
                    return float(ask(self.view(values), Fill(fill), Bar(bar, columns, None, row)))
            except Exception as error:
                raise explain(self.cls, error, columns.dtype.names, (), self.cls.method) from error

        return answer

    def address(self, columns: np.dtype[Any]) -> int:
        """Return the address of the compiled model, which lives as long as the process.

        Raises StrategyError where it does not compile.
        """
        names = tuple(columns.names or ())
        if names not in self._compiled:
            try:
                self._compiled[names] = _compile(self, columns)
            except Exception as error:
                raise explain(self.cls, error, names, (), self.cls.method) from error
        return int(self._compiled[names].address)


_BOUND: dict[type[CostModel], BoundModel] = {}


def bind_model(cls: type[CostModel]) -> BoundModel:
    """Make a cost model ready for the engine, once; nothing is compiled yet. StrategyError where it has no method."""
    if cls not in _BOUND:
        if getattr(cls, cls.method) in {CommissionModel.charge, SlippageModel.slip}:
            raise _undefined(cls)
        refuse_texts(cls)
        values = record_dtype(list(cls._kinds.items()) or [("nothing", "i8")])
        _BOUND[cls] = BoundModel(cls, values, make_self(cls), {})
    return _BOUND[cls]


def _compile(bound: BoundModel, columns: np.dtype[Any]) -> Any:
    """Compile the model; an exception in it is answered with NaN, which is no cost."""
    ask = linked(getattr(bound.cls, bound.cls.method))
    with modules_of(bound.cls):
        register_module_functions(bound.cls)
    self_view = bound.view
    values_at, columns_at, fill_at, bar_at = map(record_reader, (bound.values, columns, FILL, BAR))

    def answer(values: int, series: int, fill: int, bar: int, row: int) -> float:
        try:
            return float(
                ask(self_view(values_at(values)), Fill(fill_at(fill)), Bar(bar_at(bar), columns_at(series), None, row))
            )
        except Exception:  # noqa: BLE001 - compiled code knows no other, and lets none pass
            return np.nan

    known = fingerprint(bound.cls)
    return compile_callback(
        answer, SIGNATURE, known and hashlib.sha256(repr((known, columns.names)).encode()).hexdigest()
    )

"""Binding of a strategy class to the engine's loop.

`bind` makes a view class that stands for `self` inside `on_data`: parameters are read from one record, variables of
the run are read and written in it, per-asset variables live in tables of their own. The view has the user's own
methods, so that they compile with `on_data`; functions of the user's module may be called as they are.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import typeof

from backsweep.bars import Context, Data
from backsweep.broker import Broker
from backsweep.engine.compile.choices import coded_attribute
from backsweep.engine.compile.kernel import linked, record_at, record_dtype
from backsweep.engine.compile.views import Attribute, View, ViewType, record_attribute, view, wrapped_attribute
from backsweep.engine.loop import make_loop
from backsweep.strategy.combination import WEIGHT, dotted, parts_of
from backsweep.strategy.declare import HOOKS, Declared, Strategy, numbers_of
from backsweep.strategy.fingerprint import fingerprint
from backsweep.strategy.load import modules_of
from backsweep.strategy.mistakes import refuse, refuse_texts
from backsweep.strategy.part_broker import PartBroker
from backsweep.strategy.per_asset import PerAsset

_NOT_METHODS = {*HOOKS, "on_data", "charge", "slip", "declared", "values"}
_OURS = {"builtins", "backsweep.strategy.declare", "backsweep.strategy.models"}  # homes of the bases


@dataclass(frozen=True)
class Bound:
    """A strategy class bound to the loop.

    Attributes
    ----------
    values : dtype of the record of parameters and variables.
    per_asset : names and dtypes of the per-asset variables' tables, in the order in which the loop takes them.
    loop : the engine's loop for this strategy, as plain Python.
    fingerprint : covers everything outside of the engine that the loop is made of; None if that is not known.
    view : stands for `self` in `on_data`; made of a record of `values` and the first record of each per-asset table.

    """

    cls: type[Strategy]
    values: np.dtype[Any]
    per_asset: dict[str, np.dtype[Any]]
    loop: Callable[..., None]
    fingerprint: str | None
    view: type[View]

    def new_values(self, strategy: Strategy) -> Any:
        """Return a table of one record with the strategy's parameters and the initial values of its variables."""
        table = np.zeros(1, self.values)
        fields = self.fields(table)
        for name, number in numbers_of(strategy).items():
            fields[name][0] = number
        for name, declared in self.cls._states.items():  # noqa: SLF001 - the class declares them for us
            if not declared.per_asset:
                fields[name][0] = declared.initial
        return table

    def new_memory(self, assets: int) -> tuple[Any, ...]:
        """Return the tables of the per-asset variables, at their initial values."""
        tables = tuple(np.zeros(assets, dtype) for dtype in self.per_asset.values())
        for table, name in zip(tables, self.per_asset, strict=True):
            table["value"] = self.cls._states[name].initial  # noqa: SLF001 - the class declares them for us
        return tables

    def fields(self, values: Any) -> Any:
        """Return the fields of a table of `values`, by the names of parameters and variables."""
        return values

    def arguments(self, values: Any, memory: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return what the loop takes of a table of `values` and the tables of `new_memory`: their first records."""
        return values[0], tuple(table[0] for table in memory)


@dataclass(frozen=True)
class BoundParts(Bound):
    """A combination bound to the loop: of each of `parts`, by its name, what it is bound to alone.

    A part's record of `values` is a field by its name, of its own record and its weight; its tables are a part of all.
    """

    parts: dict[str, Bound]

    def fields(self, values: Any) -> Any:
        """Return the fields of a table of `values`, by dotted names."""
        found = {}
        for name, part in self.parts.items():
            own = values[name]
            found[f"{name}.{WEIGHT}"] = own["weight"]
            found |= {dotted(name, each): own["values"][each] for each in part.values.names or ()}
        return found

    def arguments(self, values: Any, memory: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return what the loop takes: the first record of `values`, and those of the tables of each part."""
        tables = iter(memory)
        return values[0], tuple(tuple(next(tables)[0] for _ in part.per_asset) for part in self.parts.values())


_BOUND: dict[type[Strategy], Bound] = {}


def bind(cls: type[Strategy]) -> Bound:
    """Bind a strategy class to the loop, once; nothing is compiled before the first call.

    Raises StrategyError for mistakes in `on_data` that would cause no error at run time.
    """
    if cls not in _BOUND and (parts := parts_of(cls)):
        _BOUND[cls] = _bind_parts(cls, {name: bind(part.cls) for name, part in parts.items()})
    elif cls not in _BOUND:
        refuse(cls, cls.on_data)
        refuse_texts(cls)
        with modules_of(cls):
            _BOUND[cls] = _bind(cls)
    return _BOUND[cls]


def _bind(cls: type[Strategy]) -> Bound:
    kinds, states = cls._kinds, cls._states
    per_asset = {name: record_dtype([("value", kinds[name])]) for name, s in states.items() if s.per_asset}
    fields = [(name, kind) for name, kind in kinds.items() if name not in per_asset]
    values = record_dtype(fields or [("nothing", "i8")])
    self_view = make_self(cls, tuple(per_asset))
    on_data: Any = linked(cls.on_data)
    register_module_functions(cls)

    @linked
    def decide(state: Any, market: Any, values: Any, memory: Any, group: Any, index: int) -> None:
        on_data(
            self_view(values, *memory),
            group.timestamp,
            Data(state.bars, market.columns, group),
            Context(market.context, index),
            Broker(state),
        )

    return Bound(cls, values, per_asset, make_loop(decide), fingerprint(cls), self_view)


def _bind_parts(cls: type[Strategy], parts: dict[str, Bound]) -> BoundParts:
    """Bind a combination: its `decide` calls those of its parts, one after the other."""
    names, count = list(parts), len(parts)
    records = [
        (name, record_dtype([("values", part.values), ("weight", cls._kinds[f"{name}.{WEIGHT}"])]))
        for name, part in parts.items()
    ]
    per_asset = {dotted(name, each): dtype for name, part in parts.items() for each, dtype in part.per_asset.items()}
    deciders = [_decide_part(name, parts[name], place, count) for place, name in enumerate(names)]
    decide = functools.reduce(_decide_both, deciders)
    known = [part.fingerprint for part in parts.values()]
    digest = None if None in known else hashlib.sha256(repr([*zip(names, known, strict=True)]).encode()).hexdigest()
    return BoundParts(cls, record_dtype(records), per_asset, make_loop(decide), digest, View, parts)


def _decide_part(name: str, part: Bound, place: int, count: int) -> Callable[..., None]:
    """Return what calls the `on_data` of one of `count` parts, on the market as it is without the others."""
    on_data: Any = linked(part.cls.on_data)
    self_view = part.view

    @linked
    def decide(state: Any, market: Any, values: Any, memory: Any, group: Any, index: int) -> None:
        own = values[name]
        on_data(
            self_view(own["values"], *memory[place]),
            group.timestamp,
            Data(market.bars, market.columns[name], record_at(market.groups, index)),
            Context(market.context, index),
            PartBroker(place, count, state, own["weight"]),
        )

    return decide


def _decide_both(first: Callable[..., None], second: Callable[..., None]) -> Callable[..., None]:
    """Return what decides with the one and then the other."""

    @linked
    def decide(state: Any, market: Any, values: Any, memory: Any, group: Any, index: int) -> None:
        first(state, market, values, memory, group, index)
        second(state, market, values, memory, group, index)

    return decide


def make_self(cls: type[Declared], per_asset: tuple[str, ...] = ()) -> type[View]:
    """Make the view that stands for `self`."""
    slots = ("_values", *(f"_table_{name}" for name in per_asset))
    states = {name for name in cls._states if name not in per_asset}
    coded = {name: param.choices or () for name, param in cls._params.items() if param.coded}
    methods = {
        name: function
        for base in reversed(cls.__mro__)
        if base.__module__ not in _OURS
        for name, function in vars(base).items()
        if inspect.isfunction(function) and name not in _NOT_METHODS and not name.startswith("__")
    }

    def compile_attribute(typ: ViewType, name: str) -> Attribute | None:
        if name in per_asset:
            return wrapped_attribute(typ, f"_table_{name}", PerAsset)
        found = record_attribute(typ, "_values", name, writable=name in states)
        if found is not None and name in coded:
            return coded_attribute(found, coded[name])
        return found or _constant_attribute(cls, name)

    def get(self: Any, name: str) -> Any:
        if name in per_asset:
            return PerAsset(object.__getattribute__(self, f"_table_{name}"))
        if name in self._values.dtype.names:
            return coded[name][self._values[name]] if name in coded else self._values[name]
        constant = getattr(cls, name, None)
        if isinstance(constant, (bool, int, float)):
            return constant
        raise AttributeError(f"{cls.__name__} has no attribute {name!r}", name=name, obj=self)

    def put(self: Any, name: str, value: Any) -> None:
        if name not in states:
            raise AttributeError(f"{cls.__name__}.{name} cannot be assigned", name=name, obj=self)
        self._values[name] = value

    body = {
        "__slots__": slots,
        "__getattr__": get,
        "__setattr__": put,
        "compile_attribute": staticmethod(compile_attribute),
    }
    made: type[View] = view(type(cls.__name__, (View,), {**body, **methods}))
    return made


def _constant_attribute(cls: type[Declared], name: str) -> Attribute | None:
    """Make a number on the class an attribute of `self`."""
    value = getattr(cls, name, None)
    if not isinstance(value, (bool, int, float)):
        return None
    kind = typeof(value)
    return Attribute(kind, lambda context, builder, _struct: context.get_constant_generic(builder, kind, value))


def register_module_functions(cls: type[Declared]) -> None:
    """Register the plain functions of the modules of a class and its bases, so that compiled methods can call them."""
    homes = {base.__module__ for base in cls.__mro__ if base.__module__ not in _OURS}
    for home in homes:
        module = sys.modules.get(home)
        for function in list(vars(module).values()) if module else ():
            if inspect.isfunction(function) and not function.__module__.startswith(("numba", "numpy")):
                linked(function)

"""What user code holds in its hands: small read-only objects over records, the same compiled and interpreted.

A view is a plain Python class with `__slots__`. `@view` teaches Numba the class: compiled, an instance is just its
slots side by side, passed by value, so that it costs nothing. Methods and properties are compiled from the class
itself. A view whose attributes come from records (a bar's signals, a strategy's parameters) resolves them in a static
method `compile_attribute(type, name)`, which returns an `Attribute`, or None if there is no such attribute.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import types
from numba.core import cgutils, typing
from numba.core.errors import UnsupportedError
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    overload,
    overload_attribute,
    overload_method,
    register_model,
    type_callable,
)

from backsweep.engine.compile.kernel import ON_DISK

# Views hold pointers, which Numba cannot hand out through the wrappers that it makes for callers outside.
_OPTIONS = {**ON_DISK, "error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
_FIELD = "slot"  # before a slot's name: Numba's structs have no fields that begin with an underscore
Class = TypeVar("Class", bound=type[Any])


class View:
    """The base of all views: slots set once, by position, and read only afterwards."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, *values: Any) -> None:
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: what a strategy sees, it cannot write."""
        raise AttributeError(f"{type(self).__name__}.{name} cannot be assigned", name=name, obj=self)


class ViewType(types.Type):
    """The Numba type of a view: its class and the types of its slots."""

    def __init__(self, cls: type, members: tuple[tuple[str, Any], ...]) -> None:
        self.cls = cls
        self.members = members
        super().__init__(name=f"{cls.__module__}.{cls.__qualname__}{members}")

    def member(self, name: str) -> Any:
        """Return the type of a slot, or None."""
        return dict(self.members).get(name)


class Attribute:
    """One attribute of a view: its Numba type, and how compiled code reads and writes it.

    `read(context, builder, struct)` returns a value, `write(context, builder, struct, value type, value)` nothing.
    """

    def __init__(self, kind: Any, read: Callable[..., Any], write: Callable[..., Any] | None = None) -> None:
        self.kind = kind
        self.read = read
        self.write = write


def record_attribute(typ: ViewType, slot: str, name: str, *, writable: bool = False) -> Attribute | None:
    """Return the attribute of a view that is field `name` of the record in `slot`."""
    record = typ.member(slot)
    if name not in record.fields:
        return None
    kind = record.typeof(name)

    def read(context: Any, builder: Any, struct: Any) -> Any:
        return context.get_getattr(record, name)(context, builder, record, getattr(struct, _FIELD + slot), name)

    def write(context: Any, builder: Any, struct: Any, value_type: Any, value: Any) -> None:
        setter = context.get_setattr(name, typing.signature(types.void, record, value_type))
        setter(builder, (getattr(struct, _FIELD + slot), value))

    return Attribute(kind, read, write if writable else None)


def wrapped_attribute(typ: ViewType, slot: str, cls: Any) -> Attribute:
    """Return the attribute of a view that is another view, of one slot, over what is in `slot`."""
    (name,) = cls.__slots__
    kind = cls.view_type(cls, ((name, typ.member(slot)),))

    def read(context: Any, builder: Any, struct: Any) -> Any:
        made = cgutils.create_struct_proxy(kind)(context, builder)
        setattr(made, _FIELD + name, getattr(struct, _FIELD + slot))
        return made._getvalue()  # noqa: SLF001 - Numba's own name for it

    return Attribute(kind, read)


def column_attribute(typ: ViewType, slot: str, row: str, name: str) -> Attribute | None:
    """Return the attribute that is element `row` of the float64 column at the address in field `name` of `slot`."""
    address = record_attribute(typ, slot, name)
    if address is None:
        return None

    def read(context: Any, builder: Any, struct: Any) -> Any:
        column = builder.inttoptr(address.read(context, builder, struct), ir.DoubleType().as_pointer())
        return builder.load(builder.gep(column, [getattr(struct, _FIELD + row)]))

    return Attribute(types.float64, read)


def view(cls: Class) -> Class:
    """Register a class of views with Numba."""
    kind = type(f"{cls.__name__}Type", (ViewType,), {})
    slots: tuple[str, ...] = cls.__slots__
    find = getattr(cls, "compile_attribute", None)

    @register_model(kind)
    class _Model(models.StructModel):
        def __init__(self, manager: Any, typ: ViewType) -> None:
            super().__init__(manager, typ, [(_FIELD + name, member) for name, member in typ.members])

        def get_return_type(self) -> Any:
            return self.get_value_type()

        def as_return(self, _builder: Any, value: Any) -> Any:
            return value

        def from_return(self, _builder: Any, value: Any) -> Any:
            return value

    @type_callable(cls)
    def _construct(_context: Any) -> Any:
        def overloaded(*arguments: Any) -> ViewType:
            return kind(cls, tuple(zip(slots, map(types.unliteral, arguments), strict=True)))

        overloaded.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # Numba reads it
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in slots]
        )
        return overloaded

    @lower_builtin(cls, types.VarArg(types.Any))
    def _build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        typ = signature.return_type
        struct = cgutils.create_struct_proxy(typ)(context, builder)
        for (name, member), given, value in zip(typ.members, signature.args, arguments, strict=True):
            setattr(struct, _FIELD + name, context.cast(builder, value, given, member))
        return struct._getvalue()  # noqa: SLF001 - Numba's own name for it

    def attribute(typ: ViewType, name: str) -> Attribute | None:
        member = typ.member(name)
        if member is not None:
            return Attribute(member, lambda _context, _builder, struct: getattr(struct, _FIELD + name))
        return find(typ, name) if find else None

    @infer_getattr
    class _Attributes(AttributeTemplate):
        key = kind

        def generic_resolve(self, typ: ViewType, name: str) -> Any:
            found = attribute(typ, name)
            return found.kind if found else None

    @lower_getattr_generic(kind)
    def _get(context: Any, builder: Any, typ: ViewType, value: Any, name: str) -> Any:
        struct = cgutils.create_struct_proxy(typ)(context, builder, value=value)
        found = attribute(typ, name)
        return found.read(context, builder, struct) if found else None

    @lower_setattr_generic(kind)
    def _set(context: Any, builder: Any, signature: Any, arguments: Any, name: str) -> None:
        typ, value_type = signature.args
        found = attribute(typ, name)
        if found is None or found.write is None:
            raise UnsupportedError(f"{cls.__name__}.{name} cannot be assigned")
        struct = cgutils.create_struct_proxy(typ)(context, builder, value=arguments[0])
        found.write(context, builder, struct, value_type, arguments[1])

    members: dict[str, Any] = dict(vars(cls))
    for name, value in members.items():
        if inspect.isfunction(value) and not name.startswith("__"):
            add_method(kind, name, value)
        elif isinstance(value, property) and value.fget is not None:
            overload_attribute(kind, name, strict=False, jit_options=_OPTIONS)(_as_overload(value.fget))
        elif inspect.isfunction(value) and name in _OPERATORS:
            _add_operator(kind, _OPERATORS[name], value)
    cls.view_type = kind
    return cls


def add_method(kind: type, name: str, function: Callable[..., Any]) -> None:
    """Register `function` as method `name` of this kind of view for compiled code."""
    overload_method(kind, name, strict=False, jit_options=_OPTIONS)(_as_overload(function))


def _as_overload(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an overload for Numba: a function of types, with the same signature, that returns the source."""

    def overloaded(*_arguments: Any, **_keywords: Any) -> Any:
        return function

    overloaded.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return overloaded


_OPERATORS: dict[str, Any] = {"__getitem__": operator.getitem, "__setitem__": operator.setitem}


def _add_operator(kind: type, operation: Any, function: Callable[..., Any]) -> None:
    def overloaded(self: Any, *_operands: Any) -> Any:
        return function if isinstance(self, kind) else None

    overloaded.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    overload(operation, strict=False, jit_options=_OPTIONS)(overloaded)

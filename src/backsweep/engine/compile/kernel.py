"""How engine code becomes fast and stays readable: one source, compiled by Numba or run as plain Python.

State lives in tables of *records* (structured arrays). A kernel receives the first record of a table and reaches the
others with `record_at`. Numba passes a record as a bare pointer, without reference counts: 3.5-10 ns a bar where tuples
of arrays cost 64-167 ns.

A function under `@kernel` stays a plain Python function. Called from Python it runs interpreted, under any debugger;
called from compiled code it is compiled, and cached on disk. So there is one source and there are no modes: only the
outermost loop is ever compiled by name. Both ways give the same bytes; hence no fastmath and no parallel reductions.
Kernels do not raise and do not format text: they leave a code in the cursor, and Python raises once, in words.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from backsweep.engine.compile.compiler import KeptCompiler

Function = TypeVar("Function", bound=Callable[..., Any])

ON_DISK: dict[str, Any] = {"pipeline_class": KeptCompiler}
"""Numba's option for what is compiled once a machine, and kept on disk."""


def kernel(function: Function) -> Function:
    """Register `function` for compiled code, compiled and cached on disk; from Python it runs as it is written."""
    return cast("Function", register_jitable(**ON_DISK, error_model="numpy", no_cfunc_wrapper=True)(function))


def compiled(function: Function) -> Function:
    """Compile `function` to be called from Python; interpreted under NUMBA_DISABLE_JIT=1."""
    return cast("Function", njit(**ON_DISK, error_model="numpy")(function))


def record_dtype(fields: list[tuple[str, Any]]) -> np.dtype[Any]:
    """Return an aligned dtype whose items have attributes, compiled, interpreted and with the JIT off."""
    return np.dtype((np.record, np.dtype(fields, align=True)))


def record_at(first: Any, index: int) -> Any:
    """Return record number `index` of the table whose record 0 is `first`; nothing checks the bounds."""
    return first.base[index]


@overload(record_at, strict=False, jit_options=ON_DISK)
def _record_at(first: types.Type, index: types.Type) -> Any:
    if not isinstance(first, types.Record):
        return None
    return lambda first, index: _offset(first, index)


@intrinsic
def _offset(_context: Any, first: types.Record, index: types.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, position = arguments
        position = context.cast(builder, position, signature.args[1], types.intp)
        offset = builder.mul(position, context.get_constant(types.intp, first.size))
        start = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        return builder.bitcast(builder.gep(start, [offset]), pointer.type)

    return first(first, index), generate


def clear(record: Any) -> None:
    """Set every field of a record to zero."""
    for name in record.dtype.names:
        record[name] = 0


@overload(clear, strict=False, jit_options=ON_DISK)
def _clear(record: types.Type) -> Any:
    return lambda record: _fill_with_zeros(record)


@intrinsic
def _fill_with_zeros(_context: Any, record: types.Record) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        start = builder.bitcast(arguments[0], ir.IntType(8).as_pointer())
        cgutils.memset(builder, start, context.get_constant(types.intp, record.size), 0)
        return context.get_dummy_value()

    return types.void(record), generate


def is_interpreted() -> bool:
    """Return whether this runs as plain Python; compiled it is a constant, and what it guards costs nothing."""
    return True


@overload(is_interpreted, strict=False, jit_options=ON_DISK)
def _is_interpreted() -> Any:
    return lambda: False


def load(address: int, index: int) -> Any:
    """Return element `index` of the float64 column that starts at `address`; nothing checks the bounds."""
    return np.float64(ctypes.c_double.from_address(int(address) + 8 * int(index)).value)


@overload(load, strict=False, jit_options=ON_DISK)
def _load(address: types.Type, index: types.Type) -> Any:
    return lambda address, index: _float_at(address, index)


@intrinsic
def _float_at(_context: Any, address: types.Type, index: types.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = context.cast(builder, arguments[1], signature.args[1], types.intp)
        column = builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
        return builder.load(builder.gep(column, [position]))

    return types.float64(address, index), generate

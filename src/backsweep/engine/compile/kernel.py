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
from numba.extending import intrinsic, lower_builtin, overload, register_jitable, type_callable

from backsweep.engine.compile.compiler import KeptCompiler

Function = TypeVar("Function", bound=Callable[..., Any])

ON_DISK: dict[str, Any] = {"pipeline_class": KeptCompiler}
"""Numba's option for what is compiled once a machine, and kept on disk."""

WORD = 8
"""Bytes of a number in a record; truth values have one."""


def linked(function: Function) -> Function:
    """Register `function` for compiled code, of which it becomes a part; from Python it runs as it is written."""
    return cast("Function", register_jitable(**ON_DISK, error_model="numpy", no_cfunc_wrapper=True)(function))


def kernel(function: Function) -> Function:
    """Register a function of the engine for compiled code: it is compiled once a machine, and kept on disk."""
    return linked(function)


def large_kernel(function: Function) -> Function:
    """Register a kernel with machine code of its own, made once a machine and not again with every strategy.

    For what is long, which costs more than a call: it is never inlined, and a strategy compiles twice as fast.
    """
    function.large = True  # type: ignore[attr-defined]  # read by `KeptCompiler`
    return kernel(function)


def small_kernel(function: Function) -> Function:
    """Register a kernel that the compiler makes a part of its callers: a call for every bar would cost more than it."""
    options = {"error_model": "numpy", "no_cfunc_wrapper": True, "forceinline": True}
    return cast("Function", register_jitable(**ON_DISK, **options)(function))


def compiled(function: Function) -> Function:
    """Compile `function` to be called from Python; interpreted under NUMBA_DISABLE_JIT=1."""
    return cast("Function", njit(**ON_DISK, error_model="numpy")(function))


def record_dtype(fields: list[tuple[str, Any]]) -> np.dtype[Any]:
    """Return an aligned dtype whose items have attributes, compiled, interpreted and with the JIT off."""
    return np.dtype((np.record, np.dtype(fields, align=True)))


def record_at(first: Any, index: int) -> Any:
    """Return record number `index` of the table whose record 0 is `first`; nothing checks the bounds."""
    return first.base[index]


@type_callable(record_at)
def _type_record_at(_context: Any) -> Any:
    return lambda first, index: first if isinstance(first, types.Record) else None  # noqa: ARG005 - Numba reads the name


@lower_builtin(record_at, types.Record, types.Integer)
def _lower_record_at(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer, position = arguments
    position = context.cast(builder, position, signature.args[1], types.intp)
    offset = builder.mul(position, context.get_constant(types.intp, signature.args[0].size))
    start = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(start, [offset]), pointer.type)


def clear(record: Any) -> None:
    """Set every field of a record to zero."""
    for name in record.dtype.names:
        record[name] = 0


@type_callable(clear)
def _type_clear(_context: Any) -> Any:
    return lambda record: types.void if isinstance(record, types.Record) else None


@lower_builtin(clear, types.Record)
def _lower_clear(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    start = builder.bitcast(arguments[0], ir.IntType(8).as_pointer())
    cgutils.memset(builder, start, context.get_constant(types.intp, signature.args[0].size), 0)
    return context.get_dummy_value()


def is_interpreted() -> bool:
    """Return whether this runs as plain Python; compiled it is a constant, and what it guards costs nothing."""
    return True


@overload(is_interpreted, strict=False, jit_options=ON_DISK)
def _is_interpreted() -> Any:
    return lambda: False


def load(address: int, index: int) -> Any:
    """Return element `index` of the float64 column that starts at `address`; nothing checks the bounds."""
    return np.float64(ctypes.c_double.from_address(int(address) + 8 * int(index)).value)


@type_callable(load)
def _type_load(_context: Any) -> Any:
    return lambda address, index: types.float64  # noqa: ARG005 - Numba reads the names


@lower_builtin(load, types.Integer, types.Integer)
def _lower_load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    position = context.cast(builder, arguments[1], signature.args[1], types.intp)
    column = builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
    return builder.load(builder.gep(column, [position]))


def store(address: int, word: int, size: int) -> None:
    """Write `word` at `address`: all of its 8 bytes, or with another `size` the lowest of them alone."""
    cell = ctypes.c_int64 if size == WORD else ctypes.c_int8
    cell.from_address(int(address)).value = int(word)


@overload(store, strict=False, jit_options=ON_DISK)
def _store(address: types.Type, word: types.Type, size: types.Type) -> Any:
    def write(address: int, word: int, size: int) -> None:
        if size == WORD:
            _put_word(address, word)
        else:
            _put_byte(address, word)

    return write


@intrinsic
def _put_word(_context: Any, address: types.Type, word: types.Type) -> Any:
    return types.void(address, word), _write_as(ir.IntType(64))


@intrinsic
def _put_byte(_context: Any, address: types.Type, word: types.Type) -> Any:
    return types.void(address, word), _write_as(ir.IntType(8))


def fetch(address: int, size: int) -> int:
    """Return the word at `address`, or with another `size` its lowest byte: what `store` wrote there."""
    cell = ctypes.c_int64 if size == WORD else ctypes.c_int8
    return int(cell.from_address(int(address)).value)


@overload(fetch, strict=False, jit_options=ON_DISK)
def _fetch(address: types.Type, size: types.Type) -> Any:
    return lambda address, size: _get_word(address) if size == WORD else _get_byte(address)


@intrinsic
def _get_word(_context: Any, address: types.Type) -> Any:
    return types.int64(address), _read_as(ir.IntType(64))


@intrinsic
def _get_byte(_context: Any, address: types.Type) -> Any:
    return types.int64(address), _read_as(ir.IntType(8))


def _read_as(kind: ir.IntType) -> Callable[..., Any]:
    """Return the code that reads a word of which `kind` is there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = context.cast(builder, arguments[0], signature.args[0], types.int64)
        value = builder.load(builder.inttoptr(address, kind.as_pointer()))
        return value if kind.width == 8 * WORD else builder.sext(value, ir.IntType(8 * WORD))

    return generate


def _write_as(kind: ir.IntType) -> Callable[..., Any]:
    """Return the code that writes as much of a word as `kind` holds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.cast(builder, arguments[1], signature.args[1], types.int64)
        value = word if kind.width == word.type.width else builder.trunc(word, kind)
        builder.store(value, builder.inttoptr(arguments[0], kind.as_pointer()))
        return context.get_dummy_value()

    return generate

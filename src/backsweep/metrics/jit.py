"""How this layer's source is compiled: the same functions run interpreted and give the same bytes."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, TypeVar, cast

from numba import njit
from numba.extending import register_jitable

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., object]")


def kernel(function: Function) -> Function:
    """Let compiled code call `function`, which called from Python stays the plain function that it is."""
    register_jitable(cache=True, error_model="numpy")(function)
    return function


def compiled(function: Function) -> Function:
    """Return a kernel or plain function compiled, to be called from Python; interpreted under NUMBA_DISABLE_JIT=1.

    Numba caches on disk by qualified name, and caches kernels without an entry from Python: calling what it finds there
    would crash the process. So the compiled function goes by a name of its own.
    """
    plain = cast("FunctionType", function)
    entry = FunctionType(plain.__code__, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__)
    entry.__qualname__ = f"{plain.__qualname__}_compiled"
    return cast("Function", njit(cache=True, error_model="numpy")(entry))

"""A strategy's loop, compiled and kept on disk: most of what a run does before its first trial.

The loop holds the strategy's code, which no digest of the engine covers. So a loop is kept under the caller's
fingerprint of the strategy, and one without fingerprint is compiled in every process. The user's cost models, which
the engine calls by their addresses, are kept in the same way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

from numba import config, njit
from numba.core.ccallback import CFunc

from backsweep.engine.compile.compiler import KeptCompiler, connect_environments


def compile_loop(loop: Callable[..., None], fingerprint: str | None) -> Callable[..., None]:
    """Return the compiled loop, which is compiled or read from disk at its first call; interpreted with the JIT off.

    It lets other threads of Python run beside it, so that a loop of the user's that never ends can be left.

    `fingerprint` covers everything outside of the engine that the loop is made of; None keeps it off the disk.
    """
    if config.DISABLE_JIT:
        return loop
    options = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
    return cast("Callable[..., None]", njit(pipeline_class=KeptCompiler, **options)(_entry(loop, fingerprint)))


def compile_callback(function: Callable[..., float], signature: Any, fingerprint: str | None) -> CFunc:
    """Compile a function that is called by its address, or read it from disk; see `compile_loop`."""
    types = (signature.args, signature.return_type)
    made = CFunc(_entry(function, fingerprint), types, {}, {"error_model": "numpy"}, pipeline_class=KeptCompiler)
    made.compile()
    connect_environments(vars(made)["_library"])  # of which there is machine code only now
    return made


def _entry(function: Callable[..., Any], fingerprint: str | None) -> FunctionType:
    """Return the same function under a name of its own, which knows what it is made of."""
    plain = cast("FunctionType", function)
    entry = FunctionType(plain.__code__, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__)
    entry.__qualname__ = f"{plain.__qualname__}_{fingerprint or secrets.token_hex(8)}"
    entry.fingerprint = fingerprint  # type: ignore[attr-defined]  # read by `symbols.content_of`
    return entry

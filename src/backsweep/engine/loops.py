"""A strategy's loop, compiled and kept on disk: most of what a run does before its first trial.

The loop holds the strategy's code, which Numba's own cache cannot follow: it looks at the outermost function alone, and
would serve yesterday's `on_data`. So a loop is kept under a name that covers what it was compiled from: the caller's
fingerprint of the strategy, the types of the arguments, the processor, and through the folder (`engine.cache`) the
engine's sources, the versions and Numba's settings. One file holds one loop, after a digest of its bytes: a damaged
file is as good as none, and is written again. Writers put whole files in place, so that any number of processes may
read and write at once; where nothing can be written, every process compiles for itself, as it does without fingerprint.
The user's cost models, which the engine calls by their addresses, are kept in the same way.

Every version of the sources has a folder of its own, which those of old versions outlive. So whoever keeps a loop also
removes the folders that nobody has used for a month, but for the newest few. A process that still reads one of them
finds the rest of it gone, and compiles.

Two loops may have been compiled in two processes with equal names inside, for Numba numbers what it compiles, and the
linker would take one's function for the other's. So a loop's functions are made private once they are optimised.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from numba import config, njit
from numba.core.caching import NullCache
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary, RuntimeLinker
from numba.core.compiler import Compiler, CompileResult
from numba.core.serialize import dumps

from backsweep.engine.cache import cache_folder

KEPT = 200
"""Loops that stay in the folder; the ones that were not used for the longest time go first."""

KEPT_FOLDERS = 3
"""Folders of compiled code that stay, however long they were not used."""

UNUSED = 30 * 86_400.0
"""Seconds without use after which another folder goes."""

_DIGEST = 32  # bytes of a SHA-256


def compile_loop(loop: Callable[..., None], fingerprint: str | None) -> Callable[..., None]:
    """Give the compiled loop, which is compiled or read from disk at its first call; interpreted with the JIT off.

    It lets other threads of Python run beside it, so that a loop of the user's that never ends can be left.

    `fingerprint` covers everything outside of the engine that the loop is made of; None keeps it off the disk.
    """
    if config.DISABLE_JIT:
        return loop
    plain = cast("FunctionType", loop)
    entry = FunctionType(plain.__code__, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__)
    entry.__qualname__ = f"{plain.__qualname__}_{fingerprint or secrets.token_hex(8)}"
    made = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True, pipeline_class=_LoopCompiler)(entry)
    if fingerprint is not None:
        made._cache = LoopCache(fingerprint)  # noqa: SLF001 - as Numba's own `enable_caching` does
    return cast("Callable[..., None]", made)


def compile_callback(function: Callable[..., float], signature: Any, fingerprint: str | None) -> CFunc:
    """Compile a function that is called by its address, or read it from disk; see `compile_loop`."""
    plain = cast("FunctionType", function)
    entry = FunctionType(plain.__code__, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__)
    entry.__qualname__ = f"{plain.__qualname__}_{fingerprint or secrets.token_hex(8)}"
    options = {"error_model": "numpy"}
    made = CFunc(entry, (signature.args, signature.return_type), {}, options, pipeline_class=_LoopCompiler)
    if fingerprint is not None:
        made._cache = LoopCache(fingerprint)  # type: ignore[attr-defined]  # noqa: SLF001 - as Numba's own `enable_caching` does
    made.compile()
    return made


class LoopCache(NullCache):
    """What Numba asks before it compiles a loop, and tells afterwards."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._folder = cache_folder() / "loops"

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def load_overload(self, signature: Any, context: Any) -> CompileResult | None:
        """Give the loop for these types if it is there, and whole."""
        context.refresh()
        with suppress(OSError):
            os.utime(self._folder.parent)
        path = self._path(signature, context.codegen())
        try:
            content = path.read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
                return None
            result = CompileResult._rebuild(context, *pickle.loads(content[_DIGEST:]))  # noqa: S301, SLF001 - our own file, as Numba reads its
        except Exception:  # noqa: BLE001 - whatever it is, the loop can be compiled
            return None
        with suppress(OSError):
            os.utime(path)
        return result if result.signature.args == _arguments(signature) else None

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        """Keep a loop, where that is possible."""
        if result.lifted or result.library.has_dynamic_globals or _calls_itself(result.library):
            return
        with suppress(Exception):  # it was compiled, and runs
            content = dumps(result._reduce())  # noqa: SLF001 - as Numba's own cache does
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(signature, result.codegen)
            part = path.with_suffix(f".{secrets.token_hex(8)}")
            part.write_bytes(hashlib.sha256(content).digest() + content)
            part.replace(path)
            self._drop_old()
            _drop_old_folders(self._folder.parent)

    def _path(self, signature: Any, codegen: Any) -> Any:
        name = repr((self._fingerprint, tuple(map(str, _arguments(signature))), codegen.magic_tuple()))
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.loop"

    def _drop_old(self) -> None:
        for path in sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            path.unlink(missing_ok=True)


def _drop_old_folders(own: Path) -> None:
    """Remove what other versions have left beside a version's folder; a folder's time is that of its last use.

    It is renamed first: while it is emptied its time is now, and it would count as one of the newest.
    """
    times = {}
    for folder in own.parent.glob("kernels-*"):
        with suppress(OSError):
            times[folder] = folder.stat().st_mtime
    newest = sorted(times, key=times.__getitem__, reverse=True)
    for folder in newest[KEPT_FOLDERS:]:
        if folder != own and time.time() - times[folder] > UNUSED:
            with suppress(OSError):  # another process was faster
                folder.rename(folder.with_name(f".{folder.name}"))
    for folder in own.parent.glob(".kernels-*"):  # also those of a process that was killed over it
        shutil.rmtree(folder, ignore_errors=True)


def _arguments(signature: Any) -> tuple[Any, ...]:
    """Give the types of the arguments, which are all that Numba tells of a function that is no callback."""
    return tuple(getattr(signature, "args", signature))


class _LoopCompiler(Compiler):
    """Numba's compiler, with a library that keeps what it holds to itself."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        codegen = self.state.targetctx.codegen()
        self.state.library = _LoopLibrary(codegen, "loop")
        self.state.library.enable_object_caching()


class _LoopLibrary(JITCodeLibrary):
    """Machine code whose functions no other library can link to."""

    def _optimize_final_module(self) -> None:
        super()._optimize_final_module()
        if _calls_itself(self):  # Numba finds such a function by its name
            return
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name.startswith("linkonce"):
                function.linkage = "internal"


def _calls_itself(library: JITCodeLibrary) -> bool:
    """Tell whether there is recursion, which Numba resolves by name when the code is loaded."""
    return any(value.name.startswith(RuntimeLinker.PREFIX) for value in library._final_module.global_variables)  # noqa: SLF001 - Numba offers no other way

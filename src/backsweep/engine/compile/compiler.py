"""Numba's compiler for whatever is kept on disk: engine kernels, loops and cost models.

What a function compiles to depends on its content and its types alone, and so does its symbol (`symbols`). A function
is looked for on disk under its symbol, and the file must say that it holds this symbol for these types. What cannot be
read is dropped and compiled again; where the linker refuses what was read, all of it is. Numba's own cache on disk is
not used: its index names another process's file where two of them write at once, and it checks none of this.

Most kernels are only ever linked into what calls them: they are kept as bitcode, optimised with their callers alone,
and no machine code is made of them. So are the methods of a strategy, which are not kept. A large kernel has machine
code of its own, made once for all strategies. What calls it declares it and nothing else, so what is kept says which
large kernels it needs, and these are loaded first: the linker ends the process where a symbol is missing.

Parts of Numba's library and the methods of a strategy, whose names Numba counts in each process, end up inside of what
is kept. They are made private once they are optimised, so that the linker finds no other under the same name.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FunctionType
from typing import Any

from llvmlite.binding import parse_assembly, parse_bitcode
from numba._dynfunc import make_function
from numba.core.codegen import JITCodeLibrary, RuntimeLinker
from numba.core.compiler import Compiler, CompileResult, compile_result
from numba.core.environment import lookup_environment
from numba.core.errors import NumbaError
from numba.core.funcdesc import qualifying_prefix
from numba.core.serialize import dumps
from numba.core.typing.templates import _OverloadFunctionTemplate

from backsweep.engine.compile.store import KEPT, Store
from backsweep.engine.compile.symbols import content_of, describe_types, is_counted, mangle

LOGGER = logging.getLogger(__name__)

KERNELS = Store("kernels")
LOOPS = Store("loops", limit=KEPT)

_BITCODE = b"BC"  # how bitcode begins

counts: Counter[str] = Counter()
"""How many functions this process has `read` from disk and `compiled`, of those that can be kept."""


_read: list[tuple[Store, str]] = []

_large: dict[str, tuple[str, CompileResult]] = {}
"""The large kernels that this process has, by their symbols, each with the name under which it is kept."""


class KeptCompiler(Compiler):
    """Numba's compiler, which reads what was compiled before and keeps what was not."""

    trusting = True
    """Whether this process uses what is on disk, which it does until the linker refuses something."""

    _content: str | None = None

    def compile_extra(self, func: FunctionType) -> CompileResult:
        """Return the compiled function for the types that this compiler was made for."""
        if not self.trusting:
            return super().compile_extra(func)
        state = self.state
        codegen = state.targetctx.codegen()
        store = LOOPS if hasattr(func, "fingerprint") else KERNELS
        kind: type[_KeptLibrary] = _KeptLibrary
        if store is KERNELS and state.flags.no_cpython_wrapper:
            kind = _LargeLibrary if hasattr(func, "large") else _LinkedLibrary
            state.targetctx.get_executable = _not_callable  # this context is a copy, made for this function
        content = content_of(func)
        if content is None or describe_types((*state.args, state.return_type)) is None:
            state.library = (_KeptLibrary if kind is _LargeLibrary else kind)(codegen, func.__qualname__)
            result = super().compile_extra(func)
            if kind is _KeptLibrary:
                connect_environments(result.library)
            return result
        self._content = content
        tags = [state.flags.get_mangle_string()]  # later, Numba notes in the flags that it has inlined something
        state.targetctx.mangler = _mangler(content, tags)
        symbol = mangle(qualifying_prefix(func.__module__, func.__qualname__), state.args, abi_tags=tags, uid=content)
        name = hashlib.sha256(repr((symbol, codegen.magic_tuple())).encode()).hexdigest()[:32]
        if (found := self._find(store, name, symbol)) is not None:
            return found
        with store.filling(name) as outermost:
            if outermost and (found := self._find(store, name, symbol)) is not None:
                return found
            state.library = kind(codegen, func.__qualname__)
            state.library.enable_object_caching()
            try:
                result = super().compile_extra(func)
            except Exception as error:
                if not outermost or isinstance(error, NumbaError) or not _read:  # Numba's errors are of the source
                    raise
                return self._compile_again(func, error)
            counts["compiled"] += 1
            if kind is _KeptLibrary:
                connect_environments(result.library)
            elif kind is _LargeLibrary:
                _large[symbol] = name, result._replace(metadata=None)  # Numba refuses to time one result twice
            _keep(store, name, symbol, result)
        return result

    def _compile_bytecode(self) -> CompileResult:
        if self._content is not None:
            self.state.func_id.unique_id = self._content
        return super()._compile_bytecode()

    def _find(self, store: Store, name: str, symbol: str) -> CompileResult | None:
        """Return a function that was kept, ready to be called from compiled code."""
        context = self.state.targetctx
        result = _load(context, store, name, symbol, self.state.args)
        if result is not None:
            context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return result

    def _compile_again(self, func: FunctionType, error: Exception) -> CompileResult:
        """Return the function compiled without what was read from disk, which an `error` says does not fit together.

        Where that fails too, it is not the fault of what was read, which stays on disk and is trusted as before.
        """
        forget()
        KeptCompiler.trusting = False  # Numba's own names are new to the linker
        state = self.state
        vars(state.targetctx).pop("get_executable", None)
        made = Compiler(
            state.typingctx, state.targetctx, None, state.args, state.return_type, state.flags, state.locals
        )
        try:
            result = made.compile_extra(func)
        except Exception:
            KeptCompiler.trusting = True
            raise
        LOGGER.warning("compiled code that was kept on disk does not fit together: %s; it is compiled again", error)
        while _read:
            store, name = _read.pop()
            store.drop(name)
        return result


def _mangler(content: str, tags: list[str]) -> Callable[..., str]:
    """Return the mangler for what is compiled with a function, which itself keeps the `tags` that it had at first."""

    def mangler(name: str, types: Sequence[Any], *, abi_tags: Sequence[str] = (), uid: Any = None) -> str:
        return mangle(name, types, abi_tags=tags if uid == content else abi_tags, uid=uid)

    return mangler


def forget() -> None:
    """Discard what Numba has compiled in this process, so that it compiles or reads it anew."""
    for template in _OverloadFunctionTemplate.__subclasses__():
        template._impl_cache.clear()  # noqa: SLF001 - here Numba keeps it
        template._compiled_overloads.clear()  # noqa: SLF001


def connect_environments(library: JITCodeLibrary) -> None:
    """Connect machine code, and what is linked into it, to the Python environments of the functions; `print` needs it.

    Numba does that where it makes machine code: of linked functions there is none before that of their callers. What
    has no address yet is not connected.
    """
    codegen = library.codegen
    for variable in library._final_module.global_variables:  # noqa: SLF001 - Numba offers no other way
        environment = lookup_environment(variable.name)
        if environment is not None and codegen._engine.get_global_value_address(variable.name):  # noqa: SLF001
            codegen.set_env(variable.name, environment)


def _load(
    context: Any, store: Store, name: str, symbol: str, arguments: Sequence[Any] | None = None
) -> CompileResult | None:
    """Return a function that was kept, and load the large kernels that it needs; None if that cannot be.

    It has to be kept under this symbol, and for these types of arguments where they are known.
    """
    if symbol in _large:
        return _large[symbol][1]
    if (content := store.read(name)) is None:
        return None
    try:
        said, needs, parts = pickle.loads(content)  # noqa: S301 - a file of this user's, which nobody else can write
        kept = parts[3].args
        if (said, parts[1].mangled_name, kept) == (symbol, symbol, kept if arguments is None else arguments):
            if any(_load(context, KERNELS, place, needed) is None for needed, place in needs.items()):
                return None
            result = _rebuild(context, parts)
            if isinstance(result.library, _LargeLibrary):
                _large[symbol] = name, result
            else:
                result.library._get_module_for_linking().get_function(symbol)  # noqa: SLF001 - as Numba does when it links
            counts["read"] += 1
            _read.append((store, name))
            return result
    except Exception:  # noqa: BLE001, S110 - whatever it is, the function can be compiled
        pass
    store.drop(name)
    return None


def _needs(library: JITCodeLibrary) -> dict[str, str]:
    """Return the large kernels that a library calls, by their symbols: the names under which they are kept."""
    functions = library._final_module.functions  # noqa: SLF001 - Numba offers no other way
    return {each.name: _large[each.name][0] for each in functions if each.is_declaration and each.name in _large}


def _keep(store: Store, name: str, symbol: str, result: CompileResult) -> None:
    if result.fndesc.mangled_name != symbol or result.lifted:
        return
    if result.library.has_dynamic_globals or _calls_itself(result.library):
        return
    environments = result._find_referenced_environments()  # noqa: SLF001 - as Numba's own cache does
    if any(environment.consts and is_counted(environment.env_name) for environment in environments):
        return
    with suppress(Exception):  # it was compiled, and runs
        store.write(name, dumps((symbol, _needs(result.library), result._reduce())))  # noqa: SLF001 - as Numba's own cache does


def _calls_itself(library: JITCodeLibrary) -> bool:
    """Return whether there is recursion, which Numba resolves by name when the code is loaded."""
    return any(value.name.startswith(RuntimeLinker.PREFIX) for value in library._final_module.global_variables)  # noqa: SLF001 - Numba offers no other way


class _KeptLibrary(JITCodeLibrary):
    """Machine code that keeps the copies of functions in it to itself."""

    def _optimize_final_module(self) -> None:
        super()._optimize_final_module()
        self._make_private()

    def _make_private(self, which: Callable[[str], bool] = lambda _: True) -> None:
        if _calls_itself(self):  # Numba finds such a function by its name
            return
        for function in self._final_module.functions:
            copied = not function.is_declaration and function.linkage.name.startswith("linkonce")
            if copied and which(function.name):
                function.linkage = "internal"


class _LinkedLibrary(_KeptLibrary):
    """Code that Python cannot call: it is linked into its callers, and there are no machine code and no address of it.

    Copies of functions with counted names in it are its own.
    """

    @classmethod
    def read(cls, codegen: Any, name: str, bitcode: bytes) -> _LinkedLibrary:
        """Return a library from what `serialize_using_object_code` gave."""
        library = cls(codegen, name)
        library._disable_inspection = True  # as Numba marks what was read
        library._final_module = parse_bitcode(bitcode)
        library._finalized = True
        return library

    def serialize_using_object_code(self) -> tuple[str, bytes]:
        """Return name and bitcode: this is what Numba calls for anything that is kept."""
        return self.name, self._get_module_for_linking().as_bitcode()

    def _make_private(self, which: Callable[[str], bool] = is_counted) -> None:
        super()._make_private(which)

    def _optimize_final_module(self) -> None:
        """Leave the code as it is: what it is linked into is optimised."""
        self._make_private()

    def _finalize_final_module(self) -> None:
        if _calls_itself(self):
            super()._finalize_final_module()
            return
        self._finalize_dynamic_globals()
        self._finalized = True


class _LargeLibrary(_KeptLibrary):
    """Machine code that Python cannot call, for callers that declare it: nothing of it is linked into them."""

    @classmethod
    def read(cls, codegen: Any, name: str, machine_code: bytes) -> _LargeLibrary:
        """Return a library from what `serialize_using_object_code` gave."""
        library = cls(codegen, name)
        library.enable_object_caching()
        library._set_compiled_object(machine_code)
        library._finalize_final_module()
        return library

    def serialize_using_object_code(self) -> tuple[str, bytes]:
        """Return name and machine code: this is what Numba calls for anything that is kept."""
        self._ensure_finalized()
        return self.name, self._get_compiled_object()

    def _get_module_for_linking(self) -> Any:
        return parse_assembly("")


def _not_callable(library: Any, fndesc: Any, env: Any) -> Any:
    """Return what stands for a linked function among those that Python can call; nothing does call it."""
    return make_function(fndesc.lookup_module(), fndesc.qualname, "", 0, env, (library,))


def _rebuild(context: Any, parts: Sequence[Any]) -> CompileResult:
    """Return a function that was kept, from what Numba's `_reduce` gave."""
    if len(parts[0]) != len(("name", "code")):
        return CompileResult._rebuild(context, *parts)  # noqa: SLF001 - as Numba's own cache does
    written, fndesc, env, signature, *_ = parts
    kind = _LinkedLibrary if written[1].startswith(_BITCODE) else _LargeLibrary
    library = kind.read(context.codegen(), *written)
    return compile_result(
        typing_context=context.typing_context,
        target_context=context,
        entry_point=_not_callable(library, fndesc, env),
        library=library,
        fndesc=fndesc,
        environment=env,
        signature=signature,
        objectmode=False,
        lifted=(),
        reload_init=[],
        referenced_envs=[],
    )

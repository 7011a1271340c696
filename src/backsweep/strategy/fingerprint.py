"""The digest of everything that a strategy's compiled code depends on: equal digests, equal code.

Numba compiles `on_data` with the methods and functions that it calls, and with every global number, array and class
constant that they use with its value at that moment. The digest therefore covers values, not only source text: the code
of each function reached, what its names mean, wherever that is defined, and, for what has no name (such as an
`@overload`), the source of every module of the user's that these modules use. If something cannot be followed there is
no digest, and the strategy is compiled in every process.
"""

from __future__ import annotations

import builtins
import enum
import hashlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from backsweep.strategy.declare import HOOKS, Declared, Strategy
from backsweep.strategy.load import modules_of
from backsweep.strategy.sources import is_installed

_KNOWN = {"numpy", "numba", "math", "cmath", "builtins", "typing", "__future__"}  # of versions that are known elsewhere


class _NotFollowedError(Exception):
    """Compiled code may depend on a value in a way that is not known here."""


def fingerprint(cls: type[Declared]) -> str | None:
    """Return the digest of everything outside of the engine that the class compiles to; None if that is unknown."""
    walk = _Walk()
    try:
        with modules_of(cls):
            walk.add_class(cls)
            walk.add_sources()
    except Exception:  # noqa: BLE001 - a user's objects may answer anything; what cannot be followed is compiled
        return None
    return walk.digest.hexdigest()


class _Walk:
    """Digests everything that a class's code names, each value once."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._seen: dict[int, Any] = {}  # holds what it has seen, so that no other thing gets its address
        self._modules: dict[str, ModuleType] = {}

    def add_class(self, cls: type[Declared]) -> None:
        """Add a strategy or a cost model: its declarations, constants and functions, and those of its bases."""
        self._note("strategy", cls.__module__, cls.__qualname__, cls._kinds, cls._states)
        for name, param in cls.declared().items():
            if param.coded:  # compiled code compares with places among the choices
                self._note("choices", name, param.choices)
        for base in cls.__mro__:
            if base in {object, Declared, Strategy}:
                continue
            self._note("base", base.__module__, base.__qualname__)
            self._add_home(base.__module__)
            for name, value in sorted(vars(base).items()):
                if isinstance(value, (bool, int, float)):
                    self._note("constant", name)
                    self._add(value)
                elif inspect.isfunction(value) and name not in HOOKS and not name.startswith("__"):
                    self._note("method", name)
                    self._add(value)

    def add_sources(self) -> None:
        """Add the source of every module of the user's that is reachable from those added."""
        waiting, done = dict(self._modules), set()
        while waiting:
            name, module = waiting.popitem()
            if name in done:
                continue
            done.add(name)
            for value in list(vars(module).values()):
                other = value if isinstance(value, ModuleType) else sys.modules.get(_home(value))
                if other is not None and _is_users(other):
                    waiting[other.__name__] = other
        for name in sorted(done):
            file = getattr(sys.modules.get(name), "__file__", None)
            source = Path(file).read_bytes() if file and Path(file).is_file() else b""
            self._note("source", name, hashlib.sha256(source).hexdigest())

    def _note(self, *words: object) -> None:
        self.digest.update(repr(words).encode())

    def _add_home(self, name: str) -> None:
        module = sys.modules.get(name)
        if module is not None and _is_users(module):
            self._modules[name] = module

    def _add(self, value: Any) -> None:  # noqa: C901 - one branch for each kind of thing
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, str, bytes)):
            self._note(type(value).__name__, value)
        elif isinstance(value, np.generic):
            self._note("scalar", value.dtype.str, value.tobytes())
        elif id(value) in self._seen:
            self._note("again", self._seen[id(value)][0])
        else:
            self._seen[id(value)] = (len(self._seen), value)
            if isinstance(value, (tuple, list)):
                self._note(type(value).__name__, len(value))
                self._add_all(value)
            elif isinstance(value, frozenset):
                self._note("frozenset", len(value))
                self._add_all(sorted(value, key=repr))
            elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
                self._note("array", str(value.dtype), value.shape, value.strides, value.flags.writeable)
                self.digest.update(value.tobytes())
            elif isinstance(value, Dispatcher):
                self._note("compiled", sorted(map(repr, value.targetoptions.items())))
                self._add(value.py_func)
            elif isinstance(value, ModuleType):
                self._add_module(value)
            elif _is_known(value):
                self._note("known", _home(value), getattr(value, "__qualname__", getattr(value, "__name__", "")))
            elif isinstance(value, FunctionType):
                self._add_function(value)
            elif isinstance(value, type) and issubclass(value, enum.Enum):
                self._note("enum", value.__module__, value.__qualname__)
                self._add_all([part for member in value for part in (member.name, member.value)])
            else:
                raise _NotFollowedError

    def _add_all(self, values: Iterable[Any]) -> None:
        for value in values:
            self._add(value)

    def _add_module(self, module: ModuleType) -> None:
        """Add a module's name and version; what functions use of it is added with the functions."""
        self._note("module", module.__name__, str(getattr(module, "__version__", "")))
        self._add_home(module.__name__)

    def _add_function(self, function: FunctionType) -> None:
        self._note("function", function.__module__, function.__qualname__)
        self._add_home(function.__module__)
        self._add(function.__defaults__)
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            self._note(name)
            self._add(value)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._note("cell", name)
            self._add(cell.cell_contents)
        self._add_code(function.__code__)
        self._add_names(_names(function.__code__), function.__globals__, set())

    def _add_code(self, code: CodeType) -> None:
        self._note(
            *(code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags),
            *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_name),
            *(code.co_filename, code.co_firstlineno, code.co_exceptiontable, code.co_linetable),
        )
        for value in code.co_consts:
            if isinstance(value, CodeType):
                self._add_code(value)
            else:
                self._add(value)

    def _add_names(self, names: list[str], place: Mapping[str, Any], been: set[int]) -> None:
        """Add what the names mean in a namespace, and in the user's modules among its values."""
        been.add(id(place))
        for name in names:
            if name not in place:
                continue
            value = place[name]
            self._note("name", name)
            self._add(value)
            if isinstance(value, ModuleType) and not _is_named(value.__name__):
                if "__getattr__" in vars(value):
                    raise _NotFollowedError
                if id(vars(value)) not in been:
                    self._add_names(names, vars(value), been)


def _names(code: CodeType) -> list[str]:
    """Return the names in a function's code and in the functions inside it."""
    names = set(code.co_names)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            names.update(_names(value))
    return sorted(names)


def _home(value: Any) -> str:
    home = getattr(value, "__module__", None)
    return home if isinstance(home, str) else ""


def _is_named(module: str) -> bool:
    """Return whether a module's name identifies its code: its version is recorded, or the engine's cache covers it."""
    package = module.partition(".")[0]
    ours = package == "backsweep" and not module.startswith("backsweep.strategies")
    return ours or package in _KNOWN or package in sys.stdlib_module_names


def _is_known(value: Any) -> bool:
    """Return whether a function or class is the one that a known package has under its name."""
    if isinstance(value, np.ufunc):
        return getattr(np, value.__name__, None) is value
    if isinstance(value, BuiltinFunctionType) and getattr(builtins, value.__name__, None) is value:
        return True
    return isinstance(value, (type, FunctionType, BuiltinFunctionType)) and _is_named(_home(value))


def _is_users(module: ModuleType) -> bool:
    """Return whether a module may change from one run to the next: it belongs to no installed package."""
    if _is_named(module.__name__):
        return False
    file = getattr(module, "__file__", None)
    return file is None or not is_installed(Path(file))

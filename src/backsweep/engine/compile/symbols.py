"""Names of compiled functions that follow from what the functions are, and from nothing else.

Numba names what it compiles after the function, a counter of the process and the types of the arguments, where a record
goes by a number that the process gave it. Two processes can so give one name to two functions, and who loads both from
disk calls one for the other. Here a name ends in a digest instead: of the function's module, qualified name, code and
constants, or of the fingerprint that stands for them, and of the full descriptions of its argument types. Functions
that no digest covers keep Numba's names, are never kept on disk, and are private to whatever is (`compiler`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any, cast

from numba.core.funcdesc import default_mangler

from backsweep.engine.compile.cache import is_covered

MARK = "content_"
"""The prefix of unique ids that follow from content; Numba's own are integers."""

_COUNTED = re.compile(r"B\d+v\d")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+|#[0-9a-f]{8,}")


def is_counted(symbol: str) -> bool:
    """Return whether Numba numbered the function: another process may give the same name to another function."""
    return _COUNTED.search(symbol) is not None


def content_of(function: FunctionType) -> str | None:
    """Return an id of everything that the function compiles to beside its types; None if that is not known.

    That is the `fingerprint` set on it, or else its own code: the sources behind it are covered by the cache's folder.
    """
    fingerprint = getattr(function, "fingerprint", None)
    if fingerprint is None and (function.__closure__ or not is_covered(function.__code__.co_filename)):
        return None
    content = (
        function.__module__,
        function.__qualname__,
        fingerprint,
        function.__defaults__,
        list(_describe(function.__code__, function.__globals__)),
    )
    return MARK + hashlib.sha256(repr(content).encode()).hexdigest()[:32]


def describe_types(kinds: Sequence[Any]) -> str | None:
    """Return what the types are called in full; None if one is described by an address of this process."""
    text = ",".join(map(str, kinds))
    return None if _ADDRESS.search(text) else text


def mangle(name: str, types: Sequence[Any], *, abi_tags: Sequence[str] = (), uid: Any = None) -> str:
    """Return the symbol of a function; Numba calls this for whatever is compiled within a function that is kept."""
    described = describe_types(types)
    if not str(uid).startswith(MARK) or described is None:
        return cast("str", default_mangler(name, types, abi_tags=abi_tags, uid=uid))
    digest = hashlib.sha256(f"{uid}({described}){list(abi_tags)}".encode()).hexdigest()[:32]
    return cast("str", default_mangler(name, (), uid=MARK + digest))


def _describe(code: CodeType, names: dict[str, Any]) -> Iterator[object]:
    """Yield the code of a function, and the numbers that its global names mean."""
    yield code.co_code, code.co_names, code.co_varnames, code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _describe(constant, names)
        else:
            yield sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant)
    for name in code.co_names:
        if isinstance(value := names.get(name), (bool, int, float, str)):
            yield name, value

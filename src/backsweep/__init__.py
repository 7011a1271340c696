"""Distributed parameter-sweep backtesting: one engine, one ledger, one study, the same anywhere.

`__init__.pyi` declares every public name and the module that has it; type checkers read that file, and so does this
module. Names load when they are first used: `import backsweep` is quick, and `backsweep --help` too.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any


def _read_homes() -> dict[str, str]:
    """Return the module of each public name, as the stub imports them."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_bytes())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or __name__ for node in imports for alias in node.names}


_HOMES = _read_homes()

__all__ = sorted(_HOMES)  # noqa: PLE0605 - read from the stub


def __getattr__(name: str) -> Any:
    """Load a public name, or a submodule, from where it lives (PEP 562)."""
    if name == "__version__":
        value = version(__name__)
    elif name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    elif _HOMES[name] == __name__:
        value = import_module(f"{__name__}.{name}")
    else:
        value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return [*__all__, "__version__"]

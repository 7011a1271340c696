"""Find a class of the user's by its reference: `path/to/file.py:Class` or `package.module:Class`."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from backsweep.errors import StrategyError
from backsweep.strategy.declare import Strategy

Class = TypeVar("Class")


def load_strategy(reference: str) -> type[Strategy]:
    """Import the strategy class that `reference` names; StrategyError says what is missing and what is there."""
    return load_class(reference, Strategy, "strategy")


def load_class(reference: str, base: type[Class], word: str) -> type[Class]:
    """Import the class under `base`, a `word`, that `reference` names; StrategyError says what is missing."""
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise StrategyError(
            f"the {word}'s reference has no class",
            expected="path/to/file.py:Class or package.module:Class",
            found=repr(reference),
        )
    module = _load_file(Path(place), word) if place.endswith(".py") else _load_module(place, word)
    found = getattr(module, name, None)
    if inspect.isclass(found) and issubclass(found, base) and found is not base:
        return found
    classes = [
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    ]
    near = difflib.get_close_matches(name, classes, n=1)
    raise StrategyError(
        f"{place} has no {word} {name!r}",
        where=reference,
        expected=f"a subclass of backsweep.{base.__name__}, one of: {', '.join(classes) or 'none there'}",
        found=type(found).__name__ if found is not None else "nothing of that name",
        remedy=f"did you mean {near[0]!r}?" if near else "define the class in that file, or name another",
    )


def _load_file(path: Path, word: str) -> ModuleType:
    """Import a file as a module of its own; the same file gives the same module."""
    if not path.is_file():
        raise StrategyError(
            f"the {word}'s file does not exist",
            where=str(path),
            expected="a Python file",
            found="nothing",
            remedy=f"correct `{word.rsplit(maxsplit=1)[-1]}:`; a relative path starts at the sweep file's folder",
        )
    path = path.resolve()
    name = f"backsweep_user_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise StrategyError(f"the {word}'s file cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _broken(str(path), error, word) from error
    return module


def _load_module(name: str, word: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise _broken(name, error, word) from error


def _broken(place: str, error: Exception, word: str) -> StrategyError:
    if isinstance(error, StrategyError):
        return StrategyError(
            error.problem,
            where=error.where or place,
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        )
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place]
    line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else None)
    return StrategyError(
        f"the {word} cannot be imported",
        where=f"{place}, line {line}" if line else place,
        expected="a module that imports without an error",
        found=f"{type(error).__name__}: {error}",
        remedy="run the file with python to see the whole traceback",
    )

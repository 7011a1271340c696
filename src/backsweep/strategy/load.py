"""Loading of a user's class by its reference: `path/to/file.py:Class` or `package.module:Class`.

A module beside the class's file is found as Python finds it beside a script, and is visible to this class only: two
strategies may each have a `helpers.py`. The code that runs is the source that was read (see `sources`); if a file has
changed, all files of its class are imported again.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from backsweep.errors import StrategyError
from backsweep.strategy.declare import Strategy
from backsweep.strategy.opened_files import collect_opened
from backsweep.strategy.sources import Code, Source, locate, read_code

Class = TypeVar("Class")


@dataclass(eq=False)
class _Loaded:
    """The imports of one class's file: its code, its module, and the user's modules that it uses."""

    code: Code
    module: ModuleType | None = None
    modules: dict[str, ModuleType] = field(default_factory=dict)

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> Any:
        """Find a module of the user's, as an entry of `sys.meta_path`."""
        if name in self.code.spaces:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = self.code.spaces[name]
            return spec
        source = self.code.modules.get(name)
        return None if source is None else _spec(name, source)


_LOADED: dict[Path, _Loaded] = {}
_HOMES: dict[object, _Loaded] = {}
_IMPORTING: list[Path] = []


def load_strategy(reference: str) -> type[Strategy]:
    """Import the strategy class that `reference` names; StrategyError says what is missing and what is there."""
    return load_class(reference, Strategy, "strategy")


def load_class(reference: str, base: type[Class], word: str) -> type[Class]:
    """Import the class under `base`, a `word`, that `reference` names; StrategyError says what is missing."""

    def fits(value: object) -> bool:
        return inspect.isclass(value) and issubclass(value, base) and value is not base

    expected = f"a subclass of {base.__module__.partition('.')[0]}'s {base.__name__}"
    found: type[Class] = _load_name(reference, word, "Class", expected, fits)
    return found


def load_function(reference: str, word: str) -> Callable[..., Any]:
    """Import the function, a `word`, that `reference` names; StrategyError says what is missing."""
    found: Callable[..., Any] = _load_name(reference, word, "function", "a function", inspect.isfunction)
    return found


def _load_name(reference: str, word: str, kind: str, expected: str, fits: Callable[[object], bool]) -> Any:
    """Import what `reference` names, of a `kind` that `fits`."""
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise StrategyError(
            f"the {word}'s reference has no {kind.lower()}",
            expected=f"path/to/file.py:{kind} or package.module:{kind}",
            found=repr(reference),
        )
    loaded, module = _load(place, word)
    found = getattr(module, name, None)
    if fits(found):
        if loaded is not None:
            _HOMES[found] = loaded
        return found
    others = [key for key, value in vars(module).items() if fits(value)]
    near = difflib.get_close_matches(name, others, n=1)
    raise StrategyError(
        f"{place} has no {word} {name!r}",
        where=reference,
        expected=f"{expected}, one of: {', '.join(others) or 'none there'}",
        found=type(found).__name__ if found is not None else "nothing of that name",
        remedy=f"did you mean {near[0]!r}?" if near else f"define the {kind.lower()} in that file, or name another",
    )


def find_code(reference: str, word: str = "strategy") -> Code | None:
    """Return the files of the class that `reference` names, as they were imported here, or else as they are now.

    None for a class of an installed package. Raises StrategyError for what cannot be read.
    """
    place = reference.rpartition(":")[0]
    located = _locate(place, word)
    if located is None:
        return None
    loaded = _LOADED.get(located[0])
    return loaded.code if loaded is not None else read_code(*located, word)


def reference_of(cls: type[Strategy]) -> str:
    """Return the reference of a class, as a sweep file would name it; StrategyError for one that lies in no file."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    code = getattr(getattr(cls, "on_data", None), "__code__", None)
    if file is None and code is not None and cls.on_data is not Strategy.on_data:
        file = code.co_filename
    if (
        file is None
        or not file.endswith(".py")
        or not Path(file).is_file()
        or "." in cls.__qualname__
        or _temporary(file)
    ):
        raise StrategyError(
            f"{cls.__name__} lies in no file",
            where=f"{cls.__module__}.{cls.__qualname__}",
            expected="a class at the top of a Python file: a study is identified, and workers start, by the file",
            found="a class of a notebook, of the prompt or of a function",
            remedy=f"save it (in a notebook: %%writefile strategy.py) and pass strategy='strategy.py:{cls.__name__}'; "
            "backtest takes the class as it is",
        )
    return f"{Path(file).resolve()}:{cls.__name__}"


def _temporary(file: str) -> bool:
    """Return whether a file is a notebook's cell, which ipykernel names in the folder for temporary files."""
    return "ipykernel_" in file


def find_file(reference: str) -> Path | None:
    """Return the file of a class of an installed package, if it has one; nothing is imported but its package."""
    spec = importlib.util.find_spec(reference.rpartition(":")[0])
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


@contextmanager
def modules_of(cls: object) -> Iterator[None]:
    """Make the modules beside a loaded class's file importable while the block runs, and no other class's."""
    loaded = _HOMES.get(cls)
    if loaded is None or not loaded.code.modules:
        yield
        return
    with _current(loaded):
        yield


def _locate(place: str, word: str) -> tuple[Path, str, tuple[Path, ...]] | None:
    if place.endswith(".py") and not Path(place).exists():
        raise StrategyError(
            f"the {word}'s file does not exist",
            where=place,
            expected="a Python file",
            found="nothing",
            remedy=f"correct `{word.rsplit(maxsplit=1)[-1]}:`; a relative path starts at the sweep file's folder",
        )
    return locate(place)


def _load(place: str, word: str) -> tuple[_Loaded | None, ModuleType]:
    """Import a file or module; the same files give the same module."""
    located = _locate(place, word)
    if located is None:
        try:
            return None, importlib.import_module(place)
        except (Exception, SystemExit) as error:  # a file that ends the process has not been imported
            raise _broken(place, error, word) from error
    loaded = _LOADED.get(located[0])
    if loaded is not None and loaded.module is not None and loaded.code.is_fresh:
        return loaded, loaded.module
    if located[0] in _IMPORTING:
        raise StrategyError(
            f"the {word}'s file starts a run while it is imported",
            where=str(located[0]),
            expected="a file that defines, and runs nothing unless it is the main program",
            remedy='put what runs under `if __name__ == "__main__":`',
        )
    loaded = _Loaded(read_code(*located, word))
    linecache.checkcache()
    with _current(loaded), collect_opened() as opened:
        _IMPORTING.append(located[0])
        try:
            loaded.module = _import_main(loaded.code)
        except (Exception, SystemExit) as error:
            raise _broken(place, error, word, loaded.code) from error
        finally:
            _IMPORTING.remove(located[0])
    for name in sorted(opened.read):
        loaded.code.add_file(Path(name))
    for name in opened.written:
        loaded.code.remove_file(Path(name))
    _LOADED[located[0]] = loaded
    return loaded, loaded.module


def _import_main(code: Code) -> ModuleType:
    if code.module:
        return importlib.import_module(code.module)
    path = code.main.path
    name = f"backsweep_user_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = _spec(name, code.main)
    before = sys.modules.get(name)
    module = sys.modules[name] = module_from_spec(spec)
    assert spec.loader is not None  # noqa: S101 - it is ours
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


@contextmanager
def _current(loaded: _Loaded) -> Iterator[None]:
    """Put this class's modules into `sys.modules`; restore the earlier ones of these names at the end."""
    names = [*loaded.code.modules, *loaded.code.spaces]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules.update(loaded.modules)
    sys.meta_path.insert(0, loaded)
    try:
        yield
    finally:
        sys.meta_path.remove(loaded)
        loaded.modules = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        sys.modules.update(before)


class _Loader(SourceFileLoader):
    """Loader of the source that was read: neither of a file that has changed since nor of stale bytecode."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, str(source.path))
        self._source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the protocol
        """Compile the module."""
        code: CodeType = self.source_to_code(self._source.content, str(self._source.path))
        return code


def _spec(name: str, source: Source) -> ModuleSpec:
    path = source.path
    loader = _Loader(name, source) if path.suffix == ".py" else None
    spec = spec_from_file_location(
        name, path, loader=loader, submodule_search_locations=[str(path.parent)] if path.stem == "__init__" else None
    )
    assert spec is not None  # noqa: S101 - it has a location
    return spec


def _broken(place: str, error: BaseException, word: str, code: Code | None = None) -> StrategyError:
    if isinstance(error, StrategyError):
        return StrategyError(
            error.problem,
            where=error.where or place,
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        )
    own = {str(code.main.path), *(str(source.path) for source in code.others)} if code is not None else {place}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    line = frames[-1].lineno if frames else None
    remedy = "correct this line; with --debug the whole traceback is shown"
    if isinstance(error, ModuleNotFoundError) and error.name:
        remedy = f"install {error.name.partition('.')[0]}, or put the module into the {word}'s folder"
    elif "no known parent package" in str(error):
        remedy = f"write `import helpers` instead of `from . import helpers`: the {word}'s folder is looked at first"
    return StrategyError(
        f"the {word} cannot be imported",
        where=f"{frames[-1].filename}, line {line}" if line else place,
        expected="a module that imports without an error",
        found=f"{type(error).__name__}: {error}",
        remedy=remedy,
    )

"""The source files of a user's class: its own, the user's modules that it imports, and the files that these read.

The source is parsed, not run: every `import`, also inside functions, is followed into files that belong to no installed
package, and a text that names a file beside its module, or in the current folder, counts as a file that is read. So the
list is the same in every process and on every machine. `load` adds files that were opened during the import, and
removes those that were written.
"""

from __future__ import annotations

import ast
import hashlib
import site
import stat
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from backsweep.errors import StrategyError
from backsweep.strategy.source_names import imported_modules, named_files, statements

MAXIMUM_BYTES = 16 * 2**20
"""Of one source file."""

Signature = tuple[int, int, int, int]


@dataclass(frozen=True)
class Source:
    """A source file of a class, or a file that it reads.

    Attributes
    ----------
    name : relative, with slashes, the same on every machine: a module's by its dotted name, another file's from the
        strategy's folder, or from the current one, or its name alone.
    path : where it is on this machine.
    digest : SHA-256 of its content, hexadecimal; of a Python file with line ends as in Unix.
    signature : changes whenever the file does.
    content : a Python file's bytes; empty for others.

    """

    name: str
    path: Path
    digest: str
    signature: Signature
    content: bytes = field(default=b"", repr=False)

    @property
    def is_fresh(self) -> bool:
        """Whether the file is unchanged."""
        try:
            return _signature(self.path) == self.signature
        except OSError:
            return False


@dataclass
class Code:
    """The files of one class.

    Attributes
    ----------
    folders : searched for its modules before `sys.path`.
    module : the name of the class's module, as Python knows it; empty for a file outside of a package.
    main : the file of the class.
    modules : the modules that may be imported, by name.
    spaces : the folders of packages without a file of their own, by name.
    files : other files that are read, by path.
    packages : top-level names of installed packages that are imported.

    """

    folders: tuple[Path, ...]
    module: str
    main: Source
    modules: dict[str, Source]
    spaces: dict[str, list[str]] = field(default_factory=dict)
    files: dict[Path, Source] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)

    @property
    def others(self) -> tuple[Source, ...]:
        """All files but the class's own, by name."""
        found = {source.path: source for source in (*self.modules.values(), *self.files.values())}
        found.pop(self.main.path, None)
        return tuple(sorted(found.values(), key=lambda source: (source.name, source.digest)))

    @property
    def digest(self) -> str:
        """SHA-256 of all files, hexadecimal; the name of the class's own does not count."""
        lines = [self.main.digest, *(f"{source.name} {source.digest}" for source in self.others)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def is_fresh(self) -> bool:
        """Whether every file is unchanged."""
        return self.main.is_fresh and all(source.is_fresh for source in self.others)

    def add_file(self, path: Path) -> None:
        """Add a file that is read; logs, and what is not a readable regular file, are left out."""
        try:
            path = path.resolve()
            if path.suffix == ".log":  # written and not read, and longer each time
                return
            if path not in self.files and path != self.main.path and stat.S_ISREG(path.stat().st_mode):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                self.files[path] = Source(self._name_of(path), path, digest, _signature(path))
        except (OSError, ValueError, RuntimeError):
            return

    def remove_file(self, path: Path) -> None:
        """Remove a file that turned out to be written."""
        self.files.pop(path.resolve(), None)

    def _name_of(self, path: Path) -> str:
        for folder in (*reversed(self.folders), Path.cwd()):
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return path.name


def locate(place: str) -> tuple[Path, str, tuple[Path, ...]] | None:
    """Return the file of `path/to/file.py` or `package.module`, its module's name, and the folders of its imports.

    None for a module that is installed or cannot be found. The name is empty for a file outside of a package.
    """
    if place.endswith(".py"):
        path = Path(place).resolve()
        parts = [] if path.stem == "__init__" else [path.stem]
        folder = path.parent
        while (folder / "__init__.py").is_file() and folder.name.isidentifier():
            parts.insert(0, folder.name)
            folder = folder.parent
        name = ".".join(parts) if folder != path.parent else ""
        return path, name, tuple(dict.fromkeys((path.parent, folder)))
    spec = _find(place, ())
    if spec is None or spec.origin is None or not spec.has_location or is_installed(Path(spec.origin)):
        return None
    path = Path(spec.origin).resolve()
    depth = place.count(".") + (path.stem == "__init__")
    return path, place, (path.parents[depth],)


def read_code(path: Path, module: str, folders: tuple[Path, ...], word: str = "strategy") -> Code:
    """Read a class's file and follow what it imports and reads.

    Raises StrategyError for a file that is not regular or not Python, or that has the name of an installed module.
    """
    main = _read(path, path.name if not module else _file_name(module, path), word)
    code = Code(folders, module, main, {module: main} if module else {})
    for parent in _parents(module):
        _add_module(code, parent, word)
    _follow(code, main, module if path.stem == "__init__" else module.rpartition(".")[0], word)
    return code


@lru_cache(4096)
def is_installed(path: Path) -> bool:
    """Return whether a file belongs to Python, to an installed package or to backsweep."""
    path = path.resolve()
    return any(path.is_relative_to(place) for place in _places())


@cache
def _places() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(name) for name in names] + site.getsitepackages() + [site.getusersitepackages()]
    return (*dict.fromkeys(Path(folder).resolve() for folder in folders), Path(__file__).resolve().parents[1])


def _signature(path: Path) -> Signature:
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _read(path: Path, name: str, word: str) -> Source:
    """Read a source file; raises StrategyError for what is not a Python file."""
    try:
        signature, mode = _signature(path), path.stat().st_mode
        if not stat.S_ISREG(mode) or signature[2] > MAXIMUM_BYTES:
            raise StrategyError(
                f"the {word}'s file is no Python file",
                where=str(path),
                expected=f"a file of at most {MAXIMUM_BYTES // 2**20} MiB",
                found=f"{signature[2] / 2**20:,.0f} MiB" if stat.S_ISREG(mode) else "no regular file",
            )
        content = path.read_bytes()
    except OSError as error:
        raise StrategyError(
            f"the {word}'s file cannot be read", where=str(path), found=error.strerror or str(error)
        ) from None
    digest = hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
    return Source(name, path, digest, signature, content)


def _parse(source: Source, word: str) -> ast.Module:
    try:
        return ast.parse(source.content, str(source.path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise StrategyError(
            f"the {word} cannot be imported",
            where=f"{source.path}, line {line}" if line else str(source.path),
            expected="Python source in UTF-8",
            found=f"{type(error).__name__}: {getattr(error, 'msg', '') or error}",
        ) from None


def _follow(code: Code, source: Source, package: str, word: str) -> None:
    """Add what a source file imports and reads; `package` is where its relative imports begin."""
    if source.path.suffix != ".py":
        return
    nodes = list(statements(_parse(source, word)))
    for name in dict.fromkeys(name for node in nodes for name in imported_modules(node, package)):
        _add_module(code, name, word)
    for text in dict.fromkeys(text for node in nodes for text in named_files(node)):
        for folder in (source.path.parent, *code.folders, Path.cwd()):
            if _is_file(folder / text):
                code.add_file(folder / text)
                break


def _add_module(code: Code, name: str, word: str) -> None:
    """Add a module by its absolute name, with its packages, unless it is installed or cannot be found."""
    parents = [*_parents(name), name]
    if parents[0] == "backsweep":
        return
    for each in parents:
        if each in code.modules:
            continue
        spec = _find(each, code.folders)
        if spec is None:
            return
        if each == parents[0]:
            _refuse_two(spec, each, code, word)
        if spec.origin is None and spec.submodule_search_locations is not None:
            code.spaces[each] = list(spec.submodule_search_locations)
            continue
        if spec.origin is None or not spec.has_location:
            return
        path = Path(spec.origin)
        if not _is_beside(path, each, code) and is_installed(path):
            code.packages.update({each} - sys.stdlib_module_names)
            return
        source = code.modules[each] = _read(path.resolve(), _file_name(each, path), word)
        package = each if path.stem == "__init__" else each.rpartition(".")[0]
        _follow(code, source, package, word)


def _refuse_two(spec: ModuleSpec, name: str, code: Code, word: str) -> None:
    """Raise StrategyError for a module beside the strategy with the name of an installed one: either could be meant."""
    if spec.origin is None or not _is_beside(Path(spec.origin), name, code):
        return
    other = _find(name, ())
    installed = other is not None and other.origin is not None and is_installed(Path(other.origin))
    if name in sys.stdlib_module_names or (installed and not is_installed(Path(spec.origin))):
        raise StrategyError(
            f"the {word} imports `{name}`, which is two modules",
            where=str(spec.origin),
            expected="a name that no installed module has",
            found=f"{'a module of Python' if name in sys.stdlib_module_names else 'an installed package'} of that name",
            remedy="rename your file",
        )


def _is_beside(path: Path, name: str, code: Code) -> bool:
    """Return whether a module is in one of the folders that are searched first."""
    return any(path == folder / _file_name(name, path) for folder in code.folders)


def _file_name(module: str, path: Path) -> str:
    place = module.replace(".", "/")
    return f"{place}/{path.name}" if path.stem == "__init__" else f"{place}{path.suffix}"


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _find(name: str, folders: tuple[Path, ...]) -> ModuleSpec | None:
    """Find a module without importing anything: in the folders, then as Python would."""
    path: list[str] | None = None
    spec = None
    for each in [*_parents(name), name]:
        spec = _search(each, folders, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return spec


def _search(name: str, folders: tuple[Path, ...], path: list[str] | None) -> ModuleSpec | None:
    if path is not None:
        return PathFinder.find_spec(name, path)
    own = PathFinder.find_spec(name, list(map(str, folders))) if folders else None
    if own is not None and own.origin is not None:
        return own
    for finder in sys.meta_path:
        try:
            found = finder.find_spec(name, None)
        except (AttributeError, ImportError, ValueError):
            continue
        if found is not None:
            return found if found.origin is not None or own is None else own
    return own


def _is_file(path: Path) -> bool:
    try:
        return len(path.name) < 256 and "\n" not in path.name and path.is_file()
    except (OSError, ValueError):
        return False

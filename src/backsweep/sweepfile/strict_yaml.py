"""Reading YAML strictly: plain data, the line of every key, and an error for whatever could be misread.

The scalars are those of YAML 1.2, not 1.1: `1e-3` is a number, only `true` and `false` are booleans (`NO`, `on` and
`yes` are strings), `12:30` is a string, digits with a leading zero are a string. `2006-01-01` is a date.
A file has limits far beyond any sweep's - bytes, depth, values, digits - so that none can fill the memory or take long.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import yaml

from backsweep.errors import BadInput
from backsweep.textfile import read_small

if TYPE_CHECKING:
    from pathlib import Path

KeyPath = tuple[str | int, ...]

BYTES = 2**20
"""Of a file."""

DEPTH = 32
"""Of mappings and lists inside each other."""

VALUES = 100_000
"""Keys and values of a file; those that an alias stands for count each time."""

DIGITS = 100
"""Of a number, as it is written."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")  # as quoted text may write it: NUL, and halves of pairs
_TOO_DEEP = f"more than {DEPTH} levels of lists and mappings"
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Document:
    """A YAML file's content.

    Attributes
    ----------
    name : the file's name as the reader gave it, for messages.
    data : the top mapping.
    lines : path of keys and list positions to line number, 1-based.

    """

    name: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]


def read_yaml(path: Path) -> Document:
    """Read a file whose top is a mapping; raises BadInput with the line of what is wrong."""
    try:
        text = read_small(path, BYTES)
    except FileNotFoundError:
        raise BadInput("no such file", where=str(path), remedy="give the path of a sweep file") from None
    except IsADirectoryError:
        remedy = "give the path of a sweep file in it"
        raise BadInput("a folder, not a sweep file", where=str(path), remedy=remedy) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{error.object[error.start]:02x}"
        remedy = "save it as UTF-8"
        where = f"{path}:{line}"
        raise BadInput("not a text file", where=where, expected="UTF-8 text", found=found, remedy=remedy) from None
    except (OSError, ValueError) as error:  # ValueError: no path can be that
        raise BadInput(
            "the file cannot be read",
            where=str(path),
            expected=f"a text file of at most {BYTES:,} bytes",
            found=getattr(error, "strerror", None) or str(error),
            remedy="give the path of a sweep file; large data belong into files of their own",
        ) from None
    lines: dict[KeyPath, int] = {}
    data = _Reader(str(path), lines).parse(text)
    if not isinstance(data, dict):
        raise BadInput(
            "not a sweep file",
            where=str(path),
            expected="a mapping of keys to values",
            found="nothing" if data is None else f"a {type(data).__name__}",
            remedy="begin with the line `study: NAME`",
        )
    return Document(str(path), data, lines)


def parse_value(text: str, where: str) -> Any:
    """Read one value, as it would be read in a file; `where` names its origin in messages."""
    if len(text) > BYTES:
        raise BadInput("a value that is too long", where=where, expected=f"at most {BYTES:,} characters")
    return _Reader(where, {}).parse(text)


class _Loader(yaml.BaseLoader):
    """Composes nodes no deeper than `DEPTH`."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth > DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML has no types for it
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Reader:
    def __init__(self, name: str, lines: dict[KeyPath, int]) -> None:
        self._name = name
        self._lines = lines
        self._open: list[yaml.Node] = []
        self._values = 0

    def parse(self, text: str) -> Any:
        try:
            node = yaml.compose(text, Loader=_Loader)
        except yaml.reader.ReaderError as error:
            where = f"{self._name}:{text.count(chr(10), 0, error.position) + 1}"
            found = f"the character U+{ord(text[error.position]):04X}"
            remedy = "remove it, or save the file as plain text"
            raise BadInput("an invalid control character", where=where, found=found, remedy=remedy) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self._name}:{mark.line + 1}" if mark else self._name
            problem = error.problem or error.context or "syntax error"
            remedy = "indent with spaces; quote text that holds `: `, `#`, `{` or `[`"
            raise BadInput(f"not valid YAML: {problem}", where=where, remedy=remedy) from None
        return None if node is None else self._convert(node, ())

    def _convert(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        if self._values > VALUES:
            self._refuse(node, f"more than {VALUES:,} values", remedy="write fewer; an alias counts as its value does")
        if any(node is parent for parent in self._open):
            self._refuse(node, "an alias that contains itself", remedy="write the value out")
        if len(self._open) >= DEPTH:
            self._refuse(node, _TOO_DEEP, remedy="write it with fewer levels")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self._item(item, (*path, i)) for i, item in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.pop()

    def _item(self, node: yaml.Node, path: KeyPath) -> Any:
        self._lines[path] = node.start_mark.line + 1
        return self._convert(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        self._check_tag(node, "tag:yaml.org,2002:map")
        result: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "a key that is not text", remedy="write `key: value`")
            key, line = self._text(key_node), key_node.start_mark.line + 1
            if key in result:
                raise BadInput(
                    f"duplicate key `{key}`",
                    where=f"{self._name}:{line}",
                    expected="every key once",
                    found=f"`{key}` on lines {first[key]} and {line}",
                    remedy="keep one of them",
                )
            first[key] = line
            self._lines[(*path, key)] = line
            result[key] = self._convert(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        self._check_tag(node, "tag:yaml.org,2002:str")
        text = self._text(node)
        if getattr(node, "style", None) is not None:  # quoted, or a block of text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
            return self._number(node, text)
        if _NOT_FINITE.fullmatch(text):
            return float(text.replace(".", "", 1))
        return self._date(node, text)

    def _text(self, node: yaml.Node) -> str:
        text = str(node.value)
        if found := _NO_TEXT.search(text):
            self._refuse(node, f"the character U+{ord(found[0]):04X}, which no name or path has", remedy="remove it")
        return text

    def _number(self, node: yaml.Node, text: str) -> int | float:
        if len(text) > DIGITS:
            found = f"a number of {len(text):,} characters"
            self._refuse(node, found, remedy=f"write at most {DIGITS}, or quote it if it is text")
        value = int(text) if _INTEGER.fullmatch(text) else float(text)
        if not math.isfinite(value):
            remedy = "write one below 1.7e308, or leave it out"
            self._refuse(node, f"the number {text} is too large", expected="a finite number", remedy=remedy)
        return value

    def _date(self, node: yaml.Node, text: str) -> date | datetime | str:
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
            if _DATETIME.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError as error:
            self._refuse(node, f"`{text}` is no date: {error}", remedy="write YYYY-MM-DD, or quote it if it is text")
        return text

    def _check_tag(self, node: yaml.Node, plain: str) -> None:
        if node.tag != plain:
            self._refuse(node, f"the tag `{node.tag}`", remedy="remove the tag; plain values are enough")

    def _refuse(self, node: yaml.Node, problem: str, *, expected: str = "", remedy: str) -> None:
        where = f"{self._name}:{node.start_mark.line + 1}"
        raise BadInput(problem, where=where, expected=expected, remedy=remedy)

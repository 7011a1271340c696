"""The first rows of a text file or workbook as they are written, with the marks that separate their cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backsweep.dataset.excel import read_sheet, sheet_names
from backsweep.dataset.files import kind_of
from backsweep.dataset.sniff.question import Question
from backsweep.dataset.text import MARKS, first_bytes, read_text
from backsweep.errors import BadInput
from backsweep.sweepfile.format import Format

if TYPE_CHECKING:
    from backsweep.dataset.sniff.question import Decisions

_BYTES = 1 << 18
_ROWS = 400
_SEPARATORS = ("\t", ";", "|", ",")
_FEWEST = 5
"""Columns of a table of bars: a time and four prices."""


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, and the keys of `format` by which they are read."""

    rows: list[list[str]]
    keys: dict[str, Any]


def take_sample(file: str, decisions: Decisions) -> Sample:
    """Return the first rows of a text file or workbook; raises BadInput for text in no known encoding."""
    if kind_of(file) == "excel":
        names = tuple((name, f"the sheet {name!r}") for name in sheet_names(file))
        question = Question("data.format.sheet", "which sheet", file, names, f"{len(names)} sheets")
        sheet = decisions.decide(question)
        rows = [
            ["" if cell is None else str(cell) for cell in row] for row in read_sheet(file, sheet).head(_ROWS).rows()
        ]
        return Sample(rows, {"sheet": sheet} if len(names) > 1 else {})
    keys: dict[str, Any] = {}
    text, encoding = _decode(file, decisions)
    if encoding is not None:
        keys["encoding"] = encoding
    lines = text.splitlines(keepends=True)
    lines = lines[:_ROWS] if len(lines) > _ROWS else lines
    tables = {mark: list(csv.reader(lines, delimiter=mark)) for mark in _SEPARATORS}
    given = decisions.given.get("data.format.separator")
    separator = given or max(_SEPARATORS, key=lambda mark: _regularity(tables[mark]))
    usual = "\t" if re.search(r"\.tsv(\.gz)?$", file.lower()) else ","
    if separator != usual:
        keys["separator"] = separator
    return Sample(tables[separator] if separator in tables else list(csv.reader(lines, delimiter=separator)), keys)


def _regularity(rows: list[list[str]]) -> tuple[float, int]:
    """Return how many rows have as many cells as most have, and how many cells that are; none for too few."""
    counts = Counter(len(row) for row in rows if row)
    if not counts:
        return (0.0, 0)
    width, often = counts.most_common(1)[0]
    return (often / counts.total() if width >= _FEWEST else 0.0, width)


def _decode(file: str, decisions: Decisions) -> tuple[str, str | None]:
    """Return the beginning of a file's text, up to a whole line, and its encoding where it is not UTF-8."""
    start = first_bytes(file, _BYTES)
    encoding = decisions.given.get("data.format.encoding")
    encoding = encoding or next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    try:
        text = read_text(file, Format(encoding=encoding)) if encoding else _whole_lines(start).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = start[: error.start].count(b"\n") + 1
        raise BadInput(
            "the text is not UTF-8",
            where=f"{file}, line {line}",
            expected="UTF-8, UTF-16 with its mark, or a declared encoding",
            found=repr(start[max(0, error.start - 20) : error.start + 20]),
            remedy="say which it is: --set data.format.encoding=cp1252, as Western Windows writes; or mend the line",
        ) from error
    return text[:_BYTES], encoding


def _whole_lines(content: bytes) -> bytes:
    return content if len(content) < _BYTES else content[: content.rfind(b"\n") + 1]

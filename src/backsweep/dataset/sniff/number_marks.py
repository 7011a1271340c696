"""How the numbers of a whole file are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.dataset.numbers import SUFFIXES, find_form, read_number
from backsweep.dataset.sniff.question import Question
from backsweep.dataset.sources import guarded
from backsweep.sweepfile.format import SIGNS, Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.dataset.sniff.question import Decisions

NULLS = (
    "null",
    "NULL",
    "Null",
    "-",
    "--",
    "—",
    "N/A",
    "#N/A",
    "#N/A N/A",
    "n/a",
    "NA",
    "None",
    "none",
    ".",
    "N.A.",
    "NaN",
    "nan",
    "NAN",
)
"""Words that stand for an empty cell."""

_ODD = 10_000
"""Cells that are no plain numbers, of which the ways to write numbers are found."""


def find_number_keys(cells: pl.LazyFrame, columns: Sequence[str], file: str, decisions: Decisions) -> dict[str, Any]:
    """Return the keys of `format` by which all cells of `columns` are numbers, as far as there are any."""
    text = pl.concat([cells.select(pl.col(name).str.strip_chars().alias("cell")) for name in columns])
    odd = text.filter(pl.col("cell").is_not_null() & (pl.col("cell") != ""))
    number = read_number(pl.col("cell"), Format())
    odd = odd.filter(number.is_null() | number.is_nan()).unique(maintain_order=True).head(_ODD)
    written = guarded(file, odd.collect)["cell"].to_list()
    keys: dict[str, Any] = {}
    nulls = [word for word in written if word in NULLS]
    if nulls:
        keys["null_values"] = nulls
    written = [word for word in written if word not in NULLS]
    marks = dict.fromkeys("".join(re.findall(rf"[^\d.,+\-\s\u00a0\u202f'A-Za-z{SIGNS}]", "".join(written))))
    if marks:
        keys["strip"] = "".join(marks)
        written = [re.sub(f"[{re.escape(keys['strip'])}]", "", word).strip() for word in written]
    letters = sorted({ending[0] for word in written if (ending := re.search(r"(?<=\d)\s*[A-Za-z]+$", word))})
    letters = [letter.strip() for letter in letters]
    if letters and all(letter.upper() in SUFFIXES for letter in letters):
        keys["suffixes"] = {letter: SUFFIXES[letter.upper()] for letter in letters}
        written = [re.sub(r"\s*[A-Za-z]+$", "", word) for word in written]
    return keys | _find_marks(
        [word for word in written if re.search(r"[,'\s\u00a0\u202f]", word)], text, file, decisions
    )


def has_groups_of_three(cells: pl.LazyFrame, columns: Sequence[str], file: str) -> bool:
    """Whether every cell of `columns` that is a number has a point with three digits behind it, and no zero before."""
    facts = []
    for name in columns:
        cell = pl.col(name).str.strip_chars()
        facts.append((cell.str.contains(r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$") | (cell == "")).all().alias(name))
        facts.append(cell.str.contains(".", literal=True).any().alias(f"{name} given"))
    return all(guarded(file, cells.select(facts).collect).row(0))


def _find_marks(written: Sequence[str], text: pl.LazyFrame, file: str, decisions: Decisions) -> dict[str, Any]:
    """Find out what commas, apostrophes and spaces inside numbers mean."""
    if not written:
        return {}
    for mark in ("'", " ", "\u00a0", "\u202f"):
        if any(mark in word for word in written):
            comma = any("," in word for word in written)
            return {"thousands": mark} | ({"decimal_comma": True} if comma else {})
    forms = [find_form(word, Format()) or {} for word in written]
    both = [word for word in written if "." in word]
    if both:
        comma_last = any(word.rfind(",") > word.rfind(".") for word in both)
        return {"decimal_comma": True, "thousands": "."} if comma_last else {"thousands": ","}
    cell = pl.col("cell")
    facts = text.select(dots=cell.str.contains(r"\d\.\d").any(), points=cell.str.contains(r"\.(\d\d?|\d{4,})$").any())
    dots, points = guarded(file, facts.collect).row(0)
    european: dict[str, Any] = {"decimal_comma": True} | ({"thousands": "."} if dots else {})
    if any(form.get("decimal_comma") for form in forms):
        return european
    if points:
        return {"thousands": ","}
    question = Question(
        "data.format.decimal_comma",
        "numbers with a comma",
        file,
        ((False, "the comma separates thousands"), (True, "the comma is the decimal mark")),
        ", ".join(map(repr, written[:3])),
    )
    return european if decisions.decide(question) else {"thousands": ","}

"""Text as numbers, by what `data.format` declares and by no guess; what does not fit is null, and the checks say so."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.sweepfile.format import SIGNS

if TYPE_CHECKING:
    from backsweep.sweepfile.format import Format

SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
"""What letters behind numbers mostly stand for."""

_GROUPS = {
    (): r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?",
    (("thousands", ","),): r"[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?",
    (("thousands", "'"),): r"[+-]?\d{1,3}('\d{3})+(\.\d*)?",
    (("decimal_comma", True), ("thousands", ".")): r"[+-]?\d{1,3}(\.\d{3})+,\d*",
    (("decimal_comma", True),): r"[+-]?\d+,\d*",
}


def read_number(cell: pl.Expr, form: Format) -> pl.Expr:
    """Return the Float64 that a text cell stands for; null where it is empty or is no number of this form.

    White space around a number counts for nothing. A mark between groups of digits has two or three digits to its
    right, and three to the right of the last; elsewhere it makes the cell no number.
    """
    text = cell.str.strip_chars()
    if form.strip is not None:
        text = text.str.replace_all(f"[{re.escape(form.strip)}]", "").str.strip_chars()
    exponent = None
    if form.suffixes is not None:
        powers = {word: f"e{round(math.log10(factor))}" for word, factor in form.suffixes.items()}
        ending = text.str.extract(r"[\d.]\s*(\pL+)$")
        exponent = pl.when(ending.is_null()).then(pl.lit("")).otherwise(ending.replace_strict(powers, default=None))
        text = text.str.replace(r"\s*\pL+$", "")
    if form.thousands is not None:
        text = _without_groups(text, form)
    if form.decimal_comma:
        text = pl.when(text.str.contains(".", literal=True).not_()).then(text.str.replace(",", ".", literal=True))
    return (text if exponent is None else text + exponent).cast(pl.Float64, strict=False)


def read_boolean(cell: pl.Expr) -> pl.Expr:
    """Return whether a text cell says `true` or `false`, in any case; null where it says neither."""
    word = cell.str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(["true", "false"])).then(word == "true")


def find_form(cell: str, form: Format) -> dict[str, Any] | None:
    """Return the keys, beside those of `form`, by which a text is a number; None where it is none by any."""
    text = re.sub(r"[\s\u00a0]", "", cell)
    found: dict[str, Any] = {}
    marks = "".join(dict.fromkeys(re.findall(r"[^\d.,+\-\sA-Za-z']", text)))
    if set(marks) & set(SIGNS):
        return None
    if marks:
        found["strip"] = marks + (form.strip or "")
    text = re.sub(rf"[{re.escape(marks + (form.strip or ''))}]", "", text) if marks or form.strip else text
    ending = re.search(r"(?<=\d)[A-Za-z]+$", text)
    if ending and form.suffixes is None and ending[0].upper() in SUFFIXES:
        found["suffixes"] = {word: SUFFIXES[word.upper()] for word in {ending[0]}}
        text = text[: ending.start()]
    for keys, pattern in _GROUPS.items():
        if re.fullmatch(pattern, text):
            found |= {key: value for key, value in keys if getattr(form, key) is None}
            return found or None
    return None


def _without_groups(text: pl.Expr, form: Format) -> pl.Expr:
    mark = r"\s" if str(form.thousands).isspace() else re.escape(str(form.thousands))
    point = "," if form.decimal_comma else r"\."
    grouped = rf"^[+-]?\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:{point}\d*)?$"
    whole = text.str.contains(mark).not_() | text.str.contains(grouped)
    return pl.when(whole).then(text.str.replace_all(mark, ""))

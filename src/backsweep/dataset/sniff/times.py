"""How the times of a whole file are written, and by which clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import polars as pl

from backsweep.dataset.readings import describe_reading, find_readings
from backsweep.dataset.sniff.found import Found
from backsweep.dataset.sniff.question import Decisions, Question
from backsweep.dataset.sources import guarded
from backsweep.dataset.timestamps import ISO

if TYPE_CHECKING:
    from backsweep.dataset.sources import Part

ZONES = (
    "America/New_York",
    "America/Chicago",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Pacific/Auckland",
    "Europe/Helsinki",
)
"""Zones of exchanges, one for each rule of offsets, the larger exchanges first."""

_MINUTES = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class Times:
    """The search for the keys of the timestamps of files, which errors call `file`."""

    file: str
    decisions: Decisions
    found: Found

    def find(self, parts: tuple[Part, ...], name: str) -> None:
        """Find how the column `name` is read in all parts, and by which clock."""
        if "data.timezone" in self.decisions.given:
            self.found.add("timezone", self.decisions.given["data.timezone"], "as you said")
        dtype = parts[0].schema[name]
        if dtype.is_temporal():
            return
        values = pl.concat([part.frame.select(pl.col(name).cast(pl.String).str.strip_chars()) for part in parts])
        texts = guarded(self.file, values.filter(pl.col(name) != "").unique(maintain_order=True).collect)[name]
        if dtype == pl.String and bool(texts.str.contains(ISO).all()):
            if "timezone" not in self.found.keys:
                self._twice(parts, name, _MINUTES)
                self._zone(texts)
            return
        pattern = _find_pattern(texts, self.file, name, self.decisions)
        if pattern is not None:
            words = {"epoch": "a count since 1970, in UTC"}
            reason = words.get(pattern[:5], "how times are written; only ISO 8601, year first, is read without it")
            self.found.add("format.timestamp", pattern, reason)
            if "timezone" in self.found.keys:
                return
            if "%z" in pattern:
                self._zone(texts, pattern)
            elif "%H" in pattern:
                self._twice(parts, name, pattern)
            elif pattern.startswith("epoch"):
                self.found.hints["timezone"] = (
                    "UTC   # the exchange's zone, where its days do not end at midnight in UTC"
                )

    def _twice(self, parts: tuple[Part, ...], name: str, pattern: str) -> None:
        """Find the zone of local times of which an asset has some twice, as clocks are set back."""
        asset = self.found.keys.get("columns", {}).get("asset", "asset")
        cells = [pl.col(each).cast(pl.String).str.strip_chars() for each in (name, asset)]
        rows = pl.concat([part.frame.select(cells) for part in parts])
        several = rows.group_by(name, asset).len().filter(pl.col("len") > 1)
        twice = guarded(self.file, several.collect)[name].unique().sort()
        texts = twice if pattern != _MINUTES else twice.str.slice(0, 16).str.replace("T", " ", literal=True)
        local = texts.str.to_datetime(pattern, time_unit="us", strict=False)
        if not len(local) or local.null_count() or bool((local.dt.time() == time()).any()):
            return
        zones = tuple((zone, "where these times happen twice") for zone in _find_zones_of_twice(local))
        seen = ", ".join(map(repr, twice.head(3)))
        question = Question("data.timezone", "the zone of times that are there twice", self.file, zones, seen)
        zone = self.decisions.decide(question)
        if zone is not None:
            self.found.add("timezone", zone, "clocks are set back there when times are in the file twice")

    def _zone(self, texts: pl.Series, pattern: str | None = None) -> None:
        if pattern is None and not texts.str.slice(10).str.contains(r"(Z|[+-]\d\d:?\d\d|[+-]\d\d)$").any():
            if "timezone" not in self.found.keys and texts.str.contains(":", literal=True).any():
                self.found.hints["timezone"] = "America/New_York   # the zone of these times, where they are local"
            return
        zone = _find_zone(texts, pattern)
        if zone is not None:
            reason = "sessions are cut by this clock: it has the offsets of the file; name that of your exchange"
            self.found.add("timezone", zone, reason)
        elif not texts.str.contains(r"(Z|[+-]00:?00|[+-]00)$").all():
            self._ask_zone(texts)

    def _ask_zone(self, texts: pl.Series) -> None:
        readings = (
            ("UTC", "sessions end at midnight in UTC"),
            ("America/New_York", "sessions end at midnight there, or in another zone that you name"),
        )
        first = ", ".join(map(repr, texts.head(2).to_list()))
        zone = self.decisions.decide(Question("data.timezone", "the zone of the sessions", self.file, readings, first))
        self.found.add("timezone", zone, "sessions are cut by this clock")


def _find_pattern(values: pl.Series, file: str, column: str, decisions: Decisions) -> str | None:
    """Return the key `format.timestamp` by which all values are times; None where they are none."""
    found = find_readings(values)
    first = values.drop_nulls().head(3).to_list()
    question = Question(
        "data.format.timestamp",
        "the timestamps",
        f"{file}, column {column}",
        tuple((pattern, describe_reading(pattern)) for pattern in found),
        f"the first values are {', '.join(map(repr, first))}",
    )
    pattern: str | None = decisions.decide(question)
    return pattern


def _find_zone(values: pl.Series, pattern: str | None = None) -> str | None:
    """Return the zone of an exchange whose clock has the offsets of all `values`; None for UTC, or without one.

    The values are ISO 8601, or of `pattern`.
    """
    offsets = values.str.extract(r"([+-]\d\d:?\d\d|[+-]\d\d|Z)$")
    minutes = offsets.str.replace("Z", "+00").str.replace(":", "", literal=True)
    size = minutes.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
    size += minutes.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    shift = pl.select(pl.when(minutes.str.starts_with("-")).then(-size).otherwise(size)).to_series()
    if shift.null_count() or not (shift != 0).any():
        return None
    if pattern is not None:
        instants = values.str.to_datetime(pattern, time_unit="us", strict=False).dt.replace_time_zone(None)
    else:
        local = values.str.replace(r"\s*([+-]\d\d:?\d\d|[+-]\d\d|Z)$", "").str.replace("T", " ", literal=True)
        instants = local.str.slice(0, 16).str.to_datetime("%Y-%m-%d %H:%M", strict=False) - shift * timedelta(minutes=1)
    local = instants + shift * timedelta(minutes=1)
    instants = instants.dt.replace_time_zone("UTC")
    return next((zone for zone in ZONES if _has_offsets(zone, instants, local)), None)


def _find_zones_of_twice(local: pl.Series) -> list[str]:
    """Return the zones of exchanges in which all times `local` happen twice, as clocks are set back."""
    return [zone for zone in ZONES if bool((_at(local, zone, "earliest") != _at(local, zone, "latest")).all())]


def _at(local: pl.Series, zone: str, which: Literal["earliest", "latest"]) -> pl.Series:
    return local.dt.replace_time_zone(zone, ambiguous=which, non_existent="null")


def _has_offsets(zone: str, instants: pl.Series, local: pl.Series) -> bool:
    return bool((instants.dt.convert_time_zone(str(ZoneInfo(zone))).dt.replace_time_zone(None) == local).all())

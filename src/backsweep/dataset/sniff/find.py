"""The keys of the `data` section that a file of bars needs, found by looking at all of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.dataset.complete import complete
from backsweep.dataset.files import find_files, kind_of, without_ending
from backsweep.dataset.sniff.found import Found
from backsweep.dataset.sniff.names import dates, find_roles, times_of_day, volumes
from backsweep.dataset.sniff.nights import add_session_start
from backsweep.dataset.sniff.number_marks import find_number_keys, has_groups_of_three
from backsweep.dataset.sniff.question import Decisions, Question
from backsweep.dataset.sniff.sample import take_sample
from backsweep.dataset.sniff.shape import find_shape, is_time, name_columns
from backsweep.dataset.sniff.times import Times
from backsweep.dataset.sniff.wide import find_patterns
from backsweep.dataset.sources import Part, gather, guarded, open_parts
from backsweep.dataset.tables import open_tables
from backsweep.dataset.text import scan_cells
from backsweep.dataset.wide import match_columns
from backsweep.errors import BadInput
from backsweep.sweepfile.data import FROM_NAME, DataSpec
from backsweep.sweepfile.format import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PRICES = ("open", "high", "low", "close")
_BAR = ("timestamp", "asset", *_PRICES, "volume")


def find_keys(location: str, given: Mapping[str, Any], ask: Callable[[Question], Any]) -> Found:
    """Find the keys by which the files at `location` are read.

    `given` are keys that are decided, by their dotted names, `data.format.timestamp`; `ask` returns the value of a key
    that can have several. Raises BadInput and BadData for files that hold no bars, or that cannot be read.
    """
    files = find_files(location, "bars")
    kinds = sorted({str(kind_of(file)) for file in files})
    if len(kinds) > 1:
        raise BadInput(
            "files of several kinds",
            where=location,
            expected="files of one kind, which one set of keys reads",
            found=", ".join(kinds),
            remedy="name those of one kind with a glob, such as '*.csv'",
        )
    search = _Search(location, files, Decisions(given, ask), Found())
    if kind_of(files[0]) in ("text", "excel"):
        search.text()
    else:
        search.typed()
    return search.found


@dataclass
class _Search:
    location: str
    files: tuple[str, ...]
    decisions: Decisions
    found: Found
    asset: str | None = None
    patterns: dict[str, str] = field(default_factory=dict)

    def text(self) -> None:
        """Find the keys of text files and workbooks, by the first of them."""
        file = self.files[0]
        sample = take_sample(file, self.decisions)
        named = self.decisions.given.get("data.format.new_columns")
        shape = name_columns(named) if named is not None else find_shape(sample.rows, file, self._given().values())
        self.asset = shape.asset
        said = {
            "encoding": "the text is not UTF-8",
            "separator": "what stands between the columns",
            "sheet": "the workbook has several",
        }
        for key, value in sample.keys.items():
            self.found.add(f"format.{key}", value, said[key])
        for key, value in shape.keys.items():
            self.found.add(f"format.{key}", value, shape.reasons.get(f"format.{key}", ""))
        cells = self._cells()
        roles = self._columns(cells.collect_schema().names())
        volume = self._volume(cells, roles)
        numbers = [roles[price] for price in _PRICES] + ([volume] if volume is not None else [])
        if self.patterns:
            names = cells.collect_schema().names()
            numbers = [name for pattern in numbers for name in match_columns(pattern, names).values()]
        found = find_number_keys(cells, numbers, file, self.decisions)
        if not found and has_groups_of_three(cells, numbers, file):
            found = self._points(roles["timestamp"])
        said = {
            "null_values": "words that stand for an empty cell",
            "strip": "characters that are taken out of numbers",
            "suffixes": "what letters behind numbers stand for",
            "thousands": "what stands between groups of digits",
            "decimal_comma": "numbers have a comma where others have a point",
        }
        for key, value in found.items():
            self.found.add(f"format.{key}", value, said[key])
        self._finish()

    def _points(self, stamp: str) -> dict[str, Any]:
        """Find what points mean in a file whose numbers all have three digits behind one, as 34.567.

        Where dates have points too, as in Germany, that is asked; otherwise it is a decimal point, and a hint says so.
        """
        if all(re.match(r"\d{1,2}\.\d{1,2}\.\d{2}", text.strip()) for text in self._first(stamp)):
            readings = ((False, "the point is the decimal mark"), (True, "the point separates thousands"))
            about = "numbers with a point and three digits behind it"
            question = Question("data.format.decimal_comma", about, self.files[0], readings, "all numbers are so")
            return {"decimal_comma": True, "thousands": "."} if self.decisions.decide(question) else {}
        self.found.hints["format.thousands"] = '"."   # with decimal_comma: true, where 34.567 is a whole number'
        return {}

    def typed(self) -> None:
        """Find the keys of Parquet and Arrow IPC files, which say what their columns are."""
        part = self._parts()[0]
        roles = self._columns(part.schema.names())
        self._volume(part.frame, roles)
        self._finish()

    def _cells(self) -> pl.LazyFrame:
        form = Format.model_validate(self.found.keys.get("format", {}))
        every = [cells for file in self.files if (cells := scan_cells(file, form)) is not None]
        if not every:
            raise BadInput("the files hold no rows", where=self.location, remedy="check how they were written")
        return pl.concat(every, how="diagonal")

    def _columns(self, names: list[str]) -> dict[str, str]:
        """Find which column is which, and add the renames."""
        roles = find_roles([name for name in names if name])
        self.patterns = find_patterns(names)
        if self.patterns:
            owned = {name for pattern in self.patterns.values() for name in match_columns(pattern, names).values()}
            stamp = find_roles([name for name in names if name not in owned]).get("timestamp")
            roles = self.patterns | ({"timestamp": stamp} if stamp is not None else {})
        roles |= {role: name for role, name in self._given().items() if name in names}
        index = {name for name in ("timestamp", "asset") if roles.get(name, "").startswith("__index_level_")}
        if len(index) == 2 and not self._parts()[0].schema[roles["timestamp"]].is_temporal():
            roles["timestamp"], roles["asset"] = roles["asset"], roles["timestamp"]
        if "timestamp" not in roles and "" in names:
            roles["timestamp"] = ""
        if "timestamp" not in roles:
            free = [name for name in names if name not in (owned if self.patterns else roles.values())]
            timely = [name for name in free if (texts := self._first(name)) and all(map(is_time, texts))]
            roles |= {"timestamp": timely[0]} if timely else {}
        lacking = [role for role in ("timestamp", *_PRICES) if role not in roles]
        if lacking:
            raise BadInput(
                f"no column was found for {', '.join(lacking)}",
                where=self.files[0],
                expected="columns for a time, open, high, low and close",
                found=", ".join(names),
                remedy=f"write it into the sweep file by hand: columns: {{{lacking[0]}: NAME_IN_THE_FILE}}",
            )
        if "asset" in roles and not self._is_text(roles["asset"]):
            del roles["asset"]
        for role, name in roles.items():
            if role not in ("timestamp", "volume") and name != role:
                self.found.add(f"columns.{role}", name, "")
        self.found.reasons["columns"] = "the name here: the name in the file"
        self._time_columns(names, roles["timestamp"])
        self._assets(roles)
        return roles

    def _given(self) -> dict[str, str]:
        """Return the columns that are given, by the names here."""
        given = {role: self.decisions.given.get(f"data.columns.{role}") for role in _BAR}
        return {role: name for role, name in given.items() if isinstance(name, str)}

    def _is_text(self, name: str) -> bool:
        """Whether a column of assets holds any names; one of these names may be a count or something else."""
        return _plain(name) not in ("name", "code", "t") or any(
            re.search("[A-Za-z]", text) for text in self._first(name)
        )

    def _first(self, name: str) -> list[str]:
        """Return the first cells of a column as text."""
        cells = self._rows().select(pl.col(name).cast(pl.String)).drop_nulls().head(50)
        return guarded(self.files[0], cells.collect)[name].to_list()

    def _rows(self) -> pl.LazyFrame:
        return self._cells() if kind_of(self.files[0]) in ("text", "excel") else self._parts()[0].frame

    def _time_columns(self, names: list[str], stamp: str) -> None:
        """Add the column of the timestamps, or those of date and time."""

        def is_whole(name: str) -> bool:
            return all(re.search(r"\d.*[ T].*\d|^\d{9,}$", text) for text in self._first(name))

        times = [name for name in times_of_day(names, "") if not is_whole(name)]
        days = [name for name in [stamp, *dates(names, stamp)] if name not in times]
        whole = [name for name in days if is_whole(name)]
        if times and days and not whole:
            self.found.add("columns.timestamp", [days[0], times[0]], "joined by a space")
        elif (chosen := [*whole, *days, stamp][0]) != "timestamp":
            self.found.add("columns.timestamp", chosen, "")

    def _assets(self, roles: Mapping[str, str]) -> None:
        if self.patterns:
            self.found.reasons["columns"] = "the name here: the name in the file, where {asset} stands for each asset"
            return
        folders = dict(re.findall(r"([^/=]+)=([^/]*)(?=/)", self.files[0]))
        if "data.asset" in self.decisions.given:
            self.found.add("asset", self.decisions.given["data.asset"], "as you said")
            self.found.keys.get("columns", {}).pop("asset", None)
        elif "asset" in roles:
            return
        elif folders:
            name = find_roles(list(folders)).get("asset", list(folders)[-1])
            if name != "asset":
                self.found.add("columns.asset", name, "")
        elif self.asset is not None:
            self.found.add("asset", self.asset, "the file has no column of assets; a row below the header names it")
        elif len(self.files) > 1:
            self.found.add("asset", FROM_NAME, "the files have no column of assets: each is named by its file")
        else:
            name = without_ending(self.files[0])
            self.found.add("asset", name, "the file has no column of assets: its own name, which you may correct")

    def _volume(self, frame: pl.LazyFrame, roles: Mapping[str, str]) -> str | None:
        """Add the column of the volumes: the first that has any, and none where all are empty."""
        if self.patterns:
            if "volume" not in roles:
                self.found.add("columns.volume", None, "the file has no volumes: they are 0")
            elif roles["volume"] != "volume":
                self.found.add("columns.volume", roles["volume"], "")
            return roles.get("volume")
        names = volumes(frame.collect_schema().names()) or ([roles["volume"]] if "volume" in roles else [])
        cells = {name: pl.col(name).cast(pl.String).str.strip_chars() for name in names}
        facts = [cell.str.contains(r"\d").any().alias(f"{name} given") for name, cell in cells.items()]
        facts += [cell.str.contains(r"[1-9]").any().alias(f"{name} above") for name, cell in cells.items()]
        found = guarded(self.files[0], frame.select(facts).collect).row(0, named=True) if names else {}
        chosen = next((name for name in names if found[f"{name} above"]), None)
        chosen = chosen or next((name for name in names if found[f"{name} given"]), None)
        if chosen is None:
            reason = "the file has no volumes: they are 0, and what depends on volumes has no meaning"
            self.found.add("columns.volume", None, reason)
        elif chosen != "volume":
            self.found.add("columns.volume", chosen, "")
        return chosen

    def _spec(self) -> DataSpec:
        """Return the data by the keys that were found so far."""
        return DataSpec.model_validate({**self.found.keys, "bars": self.location})

    def _parts(self) -> tuple[Part, ...]:
        spec = self._spec().files["bars"]
        return tuple(complete(part, "bars", spec)[0] for part in open_parts(spec, "bars", _PRICES))

    def _finish(self) -> None:
        """Find how times are read, by all files, and whether prices are all above zero."""
        parts = self._parts()
        columns = self.found.keys.get("columns", {})
        stored = columns.get("timestamp", "timestamp")
        name = " ".join(stored) if isinstance(stored, list) else stored
        Times(self.files[0], self.decisions, self.found).find(parts, name)
        if self.found.keys.get("asset") == FROM_NAME:
            self._one_asset()
        prices = [price if price in self.patterns else columns.get(price, price) for price in _PRICES]
        lows = [
            guarded(part.name, part.frame.select(part.number(price).min() for price in prices).collect)
            for part in parts
        ]
        lowest = min((low for row in lows for low in row.row(0) if low is not None), default=1.0)
        if lowest < 0.0:
            self.found.add("prices", "any", f"there are prices below zero, the lowest {lowest:g}; read LIMITATIONS.md")
        if not columns:
            self.found.reasons.pop("columns", None)
        add_session_start(open_tables(self._spec())["bars"], self.decisions, self.found, self.files[0])

    def _one_asset(self) -> None:
        """Ask whether files that follow each other in time, and whose names differ in digits alone, are one asset's."""
        names = [without_ending(file) for file in self.files]
        if "data.asset" in self.decisions.given or len({re.sub(r"\d+", "", name) for name in names}) > 1:
            return
        layouts = open_tables(self._spec())["bars"].layouts
        moments = (pl.col("moment").min().alias("first"), pl.col("moment").max().alias("last"))
        scans = [(each.part.name, each.part.frame.select(each.clock.nanoseconds.alias("moment"))) for each in layouts]
        spans = gather((name, scan.select(moments)) for name, scan in scans).sort("first")
        if not (spans["first"] > spans["last"].shift()).all():
            return
        same = takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False))
        common = re.sub(r"[\W_]*\d*$", "", "".join(letters[0] for letters in same)) or "ASSET"
        readings = ((common, "one asset in several files"), (FROM_NAME, "an asset for each file"))
        question = Question("data.asset", "which asset each file has", self.location, readings, ", ".join(names[:3]))
        self.found.add("asset", self.decisions.decide(question), "the files have no column of assets")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())

"""Data files that were changed at random: each loads or raises one error, quickly and without a traceback."""

import contextlib
import os
import random
import signal
import sys
import tempfile
import traceback
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from scenarios.hostile import is_clean

from backsweep.dataset import DataSpec, load
from backsweep.dataset.calendar import survey
from backsweep.errors import BacksweepError

SECONDS = 20
"""How long a file may take to load; a hundredth of a second is usual."""

ENDINGS = {"csv": pl.DataFrame.write_csv, "parquet": pl.DataFrame.write_parquet, "arrow": pl.DataFrame.write_ipc}
CELLS = [
    "", "03/04/2024", "2024-02-30", "2024-1-2", "1704153600", "99999999999999999999", "2024-01-02T10:00:00+14:00",
    "2024-01-02T10:00:00Z", "0000-00-00", "9999-12-31", "nan", "inf", "-1", "1e400", "1,5", "$3", "null", "000001",
    '"', "'", ",", ";", "\0", "\x1b[31mA", "\u202e", "é", " A ", "A" * 5000, "true", "-0.0", "5e-324",
]  # fmt: skip
NAMES = [
    "timestamp",
    "asset",
    "close",
    "Close",
    "std",
    "count",
    "_row",
    "class",
    "",
    "é",
    "a b",
    "dtype",
    "last_of_session",
]
TYPES = [pl.String, pl.Int64, pl.Float32, pl.Boolean, pl.Categorical, pl.Date, pl.Datetime("ms"), pl.Binary, pl.Int8]
DATA = [
    {},
    {"timezone": "Australia/Sydney"},
    {"format": {"timestamp": "%m/%d/%Y"}},
    {"format": {"timestamp": "epoch_ms"}},
]
DATA += [{"prices": "any"}, {"assets": ("A",)}, {"start": "2024-01-03", "end": "2024-01-04"}]


def fuzz_data(home, count, seed):
    """Load `count` changed files; returns how many of each kind of change were tried, and how many ended well."""
    draw = random.Random(seed)  # noqa: S311 - no secrets
    kinds = {"bytes": _change_bytes, "cells": _change_cells, "columns": _change_columns, "rows": _change_rows}
    table = {kind: [0, 0] for kind in kinds}
    for number in range(count):
        kind = draw.choice(list(kinds))
        ending, role = draw.choice(list(ENDINGS)), draw.choice(["bars", "bars", "signals", "context"])
        places = {}
        for each, frame in _frames().items():
            places[each] = Path(home) / f"{number}-{each}.{ending}"
            kinds[kind](draw, frame, places[each], ending) if each == role else ENDINGS[ending](frame, places[each])
        spec = DataSpec(**{each: str(place) for each, place in places.items()}, **draw.choice(DATA))
        table[kind][0] += 1
        table[kind][1] += _ends_well(spec, f"{kind} of {role}, {ending}, seed {seed}, number {number}")
        for place in places.values():
            place.unlink()
    return table


def _frames():
    times = [datetime(2024, 1, 2, 10) + timedelta(hours=i) for i in range(60) for _ in "AB"]  # noqa: DTZ001 - as written
    keys = {"timestamp": times, "asset": ["A", "B"] * 60}
    bars = pl.DataFrame(keys | {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0})
    return {
        "bars": bars.with_columns(extra=pl.int_range(pl.len())),
        "signals": pl.DataFrame(keys | {"pred": 0.5}),
        "context": pl.DataFrame({"timestamp": times[::2], "vix": 15.0}),
    }


def _ends_well(spec, what):
    """Return whether a load and a survey end in time, with data or one clean error, and nothing on stderr."""

    def late(*_):
        raise TimeoutError(f"longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    problems = []
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            for read in (load, survey):
                signal.alarm(SECONDS)
                try:
                    read(spec)
                except BacksweepError as error:
                    if not is_clean(str(error)):
                        problems.append(repr(str(error)))
                except BaseException:  # noqa: BLE001 - a panic is none of Exception
                    problems.append(traceback.format_exc())
                signal.alarm(0)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            signal.signal(signal.SIGALRM, before)
        written.seek(0)
        problems += [text.decode(errors="replace")] if (text := written.read()) else []
    if problems:
        sys.stderr.write("\n".join([f"{what}:", *problems, ""]))
    return not problems


def _change_bytes(draw, frame, place, ending):
    ENDINGS[ending](frame, place)
    content = bytearray(place.read_bytes())
    for _ in range(draw.choice([1, 1, 3, 20])):
        at = draw.randrange(len(content) + 1)
        match draw.choice(["flip", "cut", "insert", "zero"]):
            case "flip" if at < len(content):
                content[at] ^= 1 << draw.randrange(8)
            case "cut":
                del content[at : at + draw.choice([1, 100, len(content)])]
            case "insert":
                content[at:at] = draw.randbytes(draw.choice([1, 8, 300]))
            case _:
                content[at : at + 16] = b"\0" * 16
    place.write_bytes(content)
    if ending == "parquet" and _aborts(place):
        ENDINGS[ending](frame, place)


def _aborts(place):
    """Return whether a page has a negative number of values: Polars then aborts the process (see LIMITATIONS.md)."""
    try:
        pq.ParquetFile(place).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        return "negative number of values" in str(error)
    return False


def _change_cells(draw, frame, place, ending):
    column = draw.choice(frame.columns)
    values = frame[column].cast(pl.String).to_list()
    for _ in range(draw.choice([1, 2, len(values)])):
        values[draw.randrange(len(values))] = draw.choice(CELLS)
    ENDINGS[ending](frame.with_columns(pl.Series(column, values)), place)


def _change_columns(draw, frame, place, ending):
    column = draw.choice(frame.columns)
    match draw.choice(["rename", "retype", "drop", "null", "nest"]):
        case "rename":
            name = draw.choice(NAMES)
            frame = frame.drop(name, strict=False) if name != column else frame
            frame = frame.rename({column: name}) if column in frame.columns else frame
        case "retype":
            with contextlib.suppress(pl.exceptions.PolarsError):  # not every type becomes every other
                frame = frame.with_columns(pl.col(column).cast(draw.choice(TYPES), strict=False))
            frame = frame.with_columns(pl.col(pl.Binary).cast(pl.String)) if ending == "csv" else frame
        case "drop":
            frame = frame.drop(column)
        case "null":
            frame = frame.with_columns(pl.lit(None).alias(column))
        case _ if ending != "csv":
            frame = frame.with_columns(pl.concat_list(column, column).alias(column))
    ENDINGS[ending](frame, place)


def _change_rows(draw, frame, place, ending):
    match draw.choice(["shuffle", "repeat", "none", "one", "odd"]):
        case "shuffle":
            frame = frame.sample(fraction=1.0, shuffle=True, seed=draw.randrange(2**32))
        case "repeat":
            frame = pl.concat([frame, frame.sample(draw.randint(1, 5), seed=draw.randrange(2**32))])
        case "none":
            frame = frame.clear()
        case "one":
            frame = frame.head(1)
        case _:
            name = draw.choice(frame.columns[2:] or frame.columns[1:])
            value = draw.choice([float("nan"), float("inf"), -1.0, 0.0, 1e308, None])
            frame = frame.with_columns(pl.when(pl.int_range(pl.len()) == 3).then(value).otherwise(name).alias(name))
    ENDINGS[ending](frame, place)

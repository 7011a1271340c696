"""A first sweep for a file of bars: the sweep file with the keys that the data need, a strategy, and a test of it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backsweep.dataset import load
from backsweep.dataset.files import is_url, without_ending
from backsweep.dataset.schema import BAR
from backsweep.dataset.sniff import find_keys, refuse
from backsweep.errors import BadInput
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.overrides import override
from backsweep.sweepfile.trial import read_section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backsweep.dataset import Shard
    from backsweep.dataset.sniff import Found, Question

SWEEP, STRATEGY, TEST = "sweep.yaml", "strategy.py", "test_strategy.py"

_WIDEST = 100
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}

_STRATEGY = '''\
"""A first strategy to change: it follows the trend of each asset."""

import polars as pl

import backsweep as bs


class Trend(bs.Strategy):
    """Holds an asset while its close is above its average over `window` bars, with a stop below the entry."""

    window: int = bs.param(2, 50, log=True)
    stop: float = bs.param(0.02, 0.2)

    def features(self):
        return {{"{average}": pl.col("close").rolling_mean(self.window)}}

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held == 0.0 and bar.close > 0.0 and bar.close > bar.{average}:
                units = {share} * broker.get_equity() / bar.close
                broker.submit_bracket(bar.asset, units, stop_loss=bar.close * (1.0 - self.stop))
            elif held > 0.0 and bar.close < bar.{average}:
                broker.close_position(bar.asset)
'''

_TEST = '''\
"""What the strategy does on prices that are made up for it: pytest runs this file."""

import datetime

import polars as pl
from strategy import Trend

import backsweep as bs

START = datetime.date(2024, 1, 1)


def run(closes, **params):
    """Run the strategy on daily bars of one asset that open at the close before and end at each of `closes`."""
    opens = [closes[0], *closes[:-1]]
    bars = pl.DataFrame(
        {
            "timestamp": [START + datetime.timedelta(days=day) for day in range(len(closes))],
            "asset": ["A"] * len(closes),
            "open": opens,
            "high": [max(pair) for pair in zip(opens, closes, strict=True)],
            "low": [min(pair) for pair in zip(opens, closes, strict=True)],
            "close": closes,
            "volume": [1000.0] * len(closes),
        }
    )
    return bs.backtest(bars, Trend(**params), account={"cash": 10_000, "lot": 0}, compiled=False)


def test_it_buys_at_the_open_after_a_close_above_the_average():
    fills = run([10.0, 10.0, 10.0, 12.0, 13.0, 14.0], window=3, stop=0.2).fills
    assert fills["timestamp"].dt.date()[0] == START + datetime.timedelta(days=4)  # 12 is above (10 + 10 + 12) / 3
    assert fills["price"][0] == 12.0


def test_it_stays_out_of_a_market_that_falls():
    assert run([20.0, 19.0, 18.0, 17.0, 16.0], window=3, stop=0.2).trades.is_empty()
'''


@dataclass(frozen=True, eq=False)
class Start:
    """What was written, and what the data are by the keys that were found."""

    folder: Path
    files: tuple[str, ...]
    found: Found
    shard: Shard


def init(
    bars: str,
    out: str | Path = ".",
    *,
    overrides: Sequence[str] = (),
    ask: Callable[[Question], Any] = refuse,
) -> Start:
    """Look at files of bars and write a sweep file for them into the folder `out`, a strategy and a test of it.

    `bars` is a file, a folder, a glob or a URL. `overrides` are keys that are decided, such as
    `data.format.timestamp=%d/%m/%Y`; `ask` decides what can be read in several ways, by
    default by refusing it with all of them. Raises BadInput and BadData for files that are no bars, or that break a
    rule, before anything is written.
    """
    folder = Path(out)
    names = (SWEEP, STRATEGY, TEST)
    _refuse_existing(folder, names)
    given: dict[str, Any] = {}
    for text in overrides:
        override(given, text)
    extra = {name: value for name, value in given.items() if name != "data"}
    if extra:
        raise BadInput(
            f"`{next(iter(extra))}` is no key of data",
            where="--set",
            expected="keys of the data section, such as data.format.timestamp",
            remedy="write other keys into the sweep file that this command writes",
        )
    found = find_keys(bars, dict(_flatten(given)), ask)
    _merge(found, given.get("data", {}))
    shard = load(read_section(DataSpec, "data", {**found.keys, "bars": bars}))
    average = next(name for name in ("average", "own_average", "average_of_close") if name not in shard.signals)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        SWEEP: _write_sweep(bars, folder, found),
        STRATEGY: _STRATEGY.format(average=average, share=round(0.95 / len(shard.assets), 6)),
        TEST: _TEST,
    }
    _refuse_existing(folder, names)
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    return Start(folder, names, found, shard)


def _refuse_existing(folder: Path, names: Sequence[str]) -> None:
    there = [name for name in names if os.path.lexists(folder / name)]
    if there:
        raise BadInput(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already",
            where=str(folder),
            expected=f"a folder without {', '.join(names)}",
            remedy="name another folder, --out FOLDER; nothing was written",
        )


def _flatten(node: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in node.items():
        flat += _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return flat


def _merge(found: Found, given: Mapping[str, Any]) -> None:
    """Put keys that were given over those that were found."""
    for key, value in given.items():
        if isinstance(value, dict):
            for name, inner in value.items():
                if found.keys.get(key, {}).get(name, ...) != inner:
                    found.add(f"{key}.{name}", inner, "as you said" if key == "format" else "")
        elif found.keys.get(key, ...) != value:
            found.add(key, value, "as you said")


def _write_sweep(bars: str, folder: Path, found: Found) -> str:
    place = bars if is_url(bars) or Path(bars).is_absolute() else os.path.relpath(bars, folder)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", without_ending(bars.rstrip("/*.")) or "sweep").strip("-.") or "sweep"
    lines = [
        f"# The first sweep of {name}, as `backsweep init` wrote it: change what you like.",
        "# Next: backsweep check sweep.yaml, then backsweep run sweep.yaml",
        f"study: {_flow(name[:60])}",
        "data:",
        f"  bars: {_flow(place)}",
        *_data_lines(found),
        f"strategy: {STRATEGY}:Trend",
        "account: {cash: 100000, lot: 0}     # lot 0: fractions of a unit can be bought; 1 for shares",
        "costs:",
        "  commission: {kind: percentage, rate: 0.0005}",
        "  slippage: {kind: percentage, rate: 0.0002}",
        "search:",
        "  sampler: auto",
        "  seed: 1",
        "  trials: 64",
        "  batch: 16",
        "  objective: {maximize: sharpe}",
    ]
    return "\n".join(lines) + "\n"


def _data_lines(found: Found) -> list[str]:
    lines: list[str] = []
    for key in ("asset", "columns", "format", "timezone", "prices"):
        value = found.keys.get(key)
        if value is None:
            continue
        if isinstance(value, dict):
            lines += _line(f"  {key}:", found.reasons.get(key, ""))
            names = sorted(value, key=lambda name: BAR.index(name) if name in BAR else len(BAR))
            for name in names if key == "columns" else value:
                lines += _line(f"    {_flow(name)}: {_flow(value[name])}", found.reasons.get(f"{key}.{name}", ""))
        else:
            lines += _line(f"  {key}: {_flow(value)}", found.reasons.get(key, ""))
    others = [key for key in found.keys if key not in ("asset", "columns", "format", "timezone", "prices")]
    for key in others:
        lines += _line(f"  {key}: {_flow(found.keys[key])}", found.reasons.get(key, ""))
    lines += [f"  # {key}: {hint}" for key, hint in found.hints.items() if key not in found.keys]
    return lines


def _line(text: str, reason: str) -> list[str]:
    """Return a key with its reason behind it, or above it where the line would be long."""
    if not reason:
        return [text]
    if len(text) + len(reason) + 4 <= _WIDEST:
        return [f"{text}  # {reason}"]
    indent = text[: len(text) - len(text.lstrip())]
    return [f"{indent}# {reason}", text]


def _flow(value: Any) -> str:
    """Return a value as YAML writes it within a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z_./][\w./-]*( [\w./-]+)*", value)
        and value.lower() not in _WORDS
    ):
        return value
    return json.dumps(value, ensure_ascii=False)

"""Made markets of many assets, and studies over them that should come out the same however they are run."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from backsweep.storage.sealed import sha256
from backsweep.strategy import load_strategy
from backsweep.study.results.study import open_study
from backsweep.study.run.driver import run_study
from backsweep.study.search.asset_groups import with_asset_groups
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep

SAMPLERS = ("random", "sobol", "grid", "auto", "tpe", "cmaes", "nsga2", "optuna.samplers:NSGAIIISampler")
SWEEP = """\
study: determinism
data: {bars: bars.parquet}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
account: {mode: MODE, kind: margin, leverage: 2.0}
costs:
  commission: {kind: percentage, rate: 0.0005}
  slippage: {kind: percentage, rate: 0.0002}
search:
  sampler: SAMPLER
  seed: 11
  trials: 36
  batch: 12
  params:
    fast: {low: 2, high: 8, integer: true}
    slow: {low: 20, high: 30, integer: true}
    band: {low: 0.0, high: 0.02, step: 0.005}
    weight: {low: 0.2, high: 1.0, step: 0.2}
    costs.slippage.rate: {choices: [0.0, 0.0002, 0.0005]}
  objective: {maximize: sharpe}
  constraints: ["max_drawdown <= 0.2"]
  relations: ["4 * fast < slow", "weight * 10 != fast"]
  enqueue: [{fast: 3, slow: 30, band: 0.01, weight: 1.0}]
  warm_start: {study: earlier, trials: [{fast: 4, slow: 25, band: 0.0, weight: 0.6, costs.slippage.rate: 0.0}]}
"""

MODELS = """\
import backsweep as bs


class PartOfRange(bs.SlippageModel):
    part: float = bs.param(0.0, 1.0)

    def slip(self, fill, bar):
        return self.part * (bar.high - bar.low) * fill.share


class Exchange(bs.CommissionModel):
    rate: float = bs.param(0.0, 0.01)

    def charge(self, fill, bar):
        due = self.rate * fill.value
        return due + 1.0 if fill.order_filled == 0.0 else due


def worst(run):
    return run.returns.min() / (1.0 + run.exposure.mean()) if run.trades.count else None
"""
RICH = (  # currencies, models and a metric of the user's own, partial fills, interest and folds
    SWEEP.replace("bars.parquet}", "bars.parquet, context: context.parquet}")
    .replace("mode: MODE", "currency: USD, rates: {EUR: eurusd}, per_asset: {A0001: {currency: EUR}}")
    .replace("kind: percentage", "kind: custom, model: 'models.py:Exchange'", 1)
    .replace("kind: percentage, rate: 0.0002", "kind: custom, model: 'models.py:PartOfRange', part: 0.1")
    .replace("costs.slippage.rate: {choices: [0.0, 0.0002, 0.0005]}", "costs.slippage.part: {choices: [0.0, 0.1, 0.5]}")
    .replace("costs.slippage.rate: 0.0}", "costs.slippage.part: 0.0}")
    .replace("search:\n", "  financing: {margin_interest: 0.06, short_borrow: 0.01}\nsearch:\n")
    .replace("maximize: sharpe", "maximize: sharpe + 10 * worst")
    + "metrics: {worst: models.py:worst}\nexecution: {volume_share: 0.2}\nwalk_forward: {train: 60s, test: 20s}\n"
)

KINDS = """\
import polars as pl
import backsweep as bs


class Kinds(bs.Strategy):
    kind: str = bs.choice(["sma", "ema"])
    span: int = bs.param(2, 12, default=5)
    stop: float | None = bs.choice([None, 0.02, 0.05])

    def features(self):
        close = pl.col("close")
        return {"mean": close.rolling_mean(5) if self.kind == "sma" else close.ewm_mean(span=self.span)}

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held == 0.0 and bar.close > bar.mean:
                units = 0.2 * broker.get_equity() / bar.close
                if self.stop is None:
                    broker.submit_order(bar.asset, 2.0 * units if self.kind == "ema" else units)
                else:
                    broker.submit_bracket(bar.asset, units, stop_loss=bar.close * (1.0 - self.stop))
            elif held > 0.0 and bar.close < bar.mean:
                broker.close_position(bar.asset)


def of_params(run):
    return float(len(run.params["kind"]) + (0 if run.params["stop"] is None else 10) + 100 * run.params["span"])
"""
CHOICES = """\
study: determinism
data: {bars: bars.parquet}
strategy: kinds.py:Kinds
account: {mode: sleeves, kind: margin, leverage: 2.0}
costs: {commission: {kind: percentage, rate: 0.0005}, slippage: {kind: percentage, rate: 0.0002}}
metrics: {of_params: kinds.py:of_params}
search:
  sampler: SAMPLER
  seed: 11
  trials: 36
  batch: 12
  params:
    kind: {choices: [ema, sma]}
    stop: {choices: [null, 0.02, 0.05]}
    span: {low: 2, high: 12, when: kind == ema}
    costs.slippage.rate: {choices: [0.0, 0.0002, 0.0005], when: span < 8}
  objective: {maximize: sharpe}
  constraints: ["max_drawdown <= 0.2"]
  relations: ["span != 3"]
  enqueue: [{kind: sma, stop: null}, {kind: ema, span: 9, stop: 0.05}]
"""


def write_rich(home):
    """Write what rich studies, and those of texts and null, read beside the bars."""
    generator = np.random.default_rng(5)
    days = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(120)]
    rates = 1.1 * np.exp(np.cumsum(generator.normal(0, 0.005, len(days))))
    pl.DataFrame({"timestamp": days, "eurusd": rates}).write_parquet(Path(home) / "context.parquet")
    (Path(home) / "models.py").write_text(MODELS)
    (Path(home) / "kinds.py").write_text(KINDS)


def write_universe(path, assets=30, sessions=120, seed=3):
    """Write daily bars of so many assets; a third of them come late or have gaps."""
    generator = np.random.default_rng(seed)
    days = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(sessions)]
    frames = []
    for asset in range(assets):
        close = 50 * np.exp(np.cumsum(generator.normal(0, 0.02, sessions)))
        opens = np.append(50.0, close[:-1])
        frame = pl.DataFrame(
            {
                "timestamp": days,
                "asset": f"A{asset:04d}",
                "open": opens,
                "high": np.maximum(opens, close),
                "low": np.minimum(opens, close),
                "close": close,
                "volume": 1e6,
            }
        )
        kept = np.ones(sessions, bool)
        if asset % 3 == 0:
            kept[: asset % sessions // 2] = False
            kept &= generator.random(sessions) < 0.9
        frames.append(frame.filter(kept))
    pl.concat(frames).sort("timestamp", "asset").write_parquet(path)


class Kept:
    """A backend that many studies of one specification use, one after the other; it can interrupt one."""

    def __init__(self, backend):
        self._backend, self._info, self.interrupt_after = backend, None, None
        self._open = set()  # trials that an interrupted study has left behind: another's have the same numbers

    @property
    def remote(self):
        return self._backend.remote

    def start(self, spec):
        if self._info is None:
            self._info = self._backend.start(spec)
        while self._open:
            self._collect(1.0)
        return self._info

    def submit(self, chunk):
        self._open |= set(chunk.numbers.tolist())
        self._backend.submit(chunk)

    def _collect(self, timeout):
        outcomes = self._backend.wait(timeout)
        for outcome in outcomes:
            self._open -= set(outcome.numbers.tolist())
        return outcomes

    def wait(self, timeout):
        if self.interrupt_after is not None:
            self.interrupt_after -= 1
            if self.interrupt_after < 0:
                self.interrupt_after = None
                raise KeyboardInterrupt
        return self._collect(timeout)

    def capacity(self):
        return self._backend.capacity()

    def wind_down(self):
        """Keep the workers for the next study."""

    def close(self):
        """The same."""

    def end(self):
        self._backend.close()


def run_universe(home, name, sampler, backend, *, mode="sleeves", overrides=(), chunk=None, interrupt_after=None):
    """Run a study of `home`'s bars on a backend, interrupted once if it is asked for; returns its digest."""
    path = Path(home) / "sweep.yaml"
    text = {"rich": RICH, "choices": CHOICES}.get(mode, SWEEP.replace("MODE", mode))
    path.write_text(text.replace("SAMPLER", sampler))
    sweep = with_asset_groups(load_sweep(path, overrides))
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    folder, identity = StudyFolder(Path(home) / name), identify(sweep, sha256(b"made"), space.dimensions)
    backend.interrupt_after = interrupt_after
    if interrupt_after is not None:
        with suppress(KeyboardInterrupt):
            run_study(sweep, space, backend, folder, identity, chunk_size=chunk)
    run_study(sweep, space, backend, folder, identity, chunk_size=chunk)
    return open_study(folder.path).digest()


def write_panel(path, assets, bars, seed=0):
    """Write bars of five minutes of so many assets, all at the same times, sorted by time."""
    generator = np.random.default_rng(seed)
    times = np.datetime64("2015-01-01", "us") + np.arange(bars) * np.timedelta64(5, "m")
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.001, (bars, assets)), axis=0))
    opens = np.vstack([np.full((1, assets), 50.0), close[:-1]])
    pl.DataFrame(
        {
            "timestamp": np.repeat(times, assets),
            "asset": np.tile([f"A{asset:03d}" for asset in range(assets)], bars),
            "open": opens.ravel(),
            "high": np.maximum(opens, close).ravel(),
            "low": np.minimum(opens, close).ravel(),
            "close": close.ravel(),
            "volume": 1e6,
        }
    ).write_parquet(path, row_group_size=200_000)

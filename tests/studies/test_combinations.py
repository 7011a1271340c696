"""Studies of a combination: weights and parameters of parts are searched, fixed and related by dotted names."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import backsweep as bs
from backsweep.api.sweeps import read_sweep
from backsweep.errors import BadInput
from backsweep.strategy import load_strategy
from backsweep.study.search.space import build_space

STRATEGIES = """
import polars as pl
import backsweep as bs
from parts.trend import Trend


class Reversion(bs.Strategy):
    span: int = bs.param(2, 9)

    def features(self):
        return {"average": pl.col("close").rolling_mean(self.span)}

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held == 0.0 and bar.close < 0.99 * bar.average:
                broker.order_target_percent(bar.asset, 0.5)
            elif held > 0.0 and bar.close > bar.average:
                broker.close_position(bar.asset)


class Alone(bs.Combination):
    part: Reversion = bs.part(Reversion)


class Both(bs.Combination):
    trend: Trend = bs.part(Trend, weight=bs.param(0.2, 1.0))
    reversion: Reversion = bs.part(Reversion, weight=0.4)
"""
TREND = """
import polars as pl
import backsweep as bs


class Trend(bs.Strategy):
    span: int = bs.param(5, 30)
    kind: str = bs.choice(["up", "down"])

    def features(self):
        return {"average": pl.col("close").ewm_mean(span=self.span)}

    def on_data(self, timestamp, data, context, broker):
        sign = 1.0 if self.kind == "up" else -1.0
        for i in range(data.count):
            bar = data[i]
            target = 0.5 * sign if bar.close > bar.average else 0.0
            held = broker.get_position(bar.asset).quantity
            if (held == 0.0) != (target == 0.0):
                broker.order_target_percent(bar.asset, target)
"""
SWEEP = """
study: both
data: {bars: bars.parquet}
strategy: both.py:Both
account: {cash: 10000, kind: margin, leverage: 2.0}
search:
  sampler: tpe
  seed: 3
  trials: 24
  batch: 8
  objective: {maximize: total_return}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "both.py").write_text(STRATEGIES)
    (tmp_path / "parts" / "trend.py").write_text(TREND)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    rng, frames = np.random.default_rng(1), []
    for name in ("A", "B"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, 120)))
        opens = np.append(50.0, close[:-1])
        times = np.datetime64("2020-01-01", "us") + np.arange(120) * np.timedelta64(1, "D")
        series = {"timestamp": times, "asset": [name] * 120, "open": opens, "high": np.maximum(opens, close)}
        frames.append(pl.DataFrame({**series, "low": np.minimum(opens, close), "close": close, "volume": 1e6}))
    pl.concat(frames).write_parquet(tmp_path / "bars.parquet")
    return tmp_path


RANGES = (
    "search.params={trend.weight: {low: 0.1, high: 0.9}, reversion.weight: {low: 0.1, high: 0.9}}",
    'search.relations=["trend.weight + reversion.weight <= 1", "reversion.span < trend.span"]',
)


@pytest.mark.long
def test_weights_are_searched_within_their_relations_and_a_trial_runs_again(place):
    study = bs.run("sweep.yaml", overrides=(*RANGES, "search.fixed={trend.kind: up}"))
    trials = study.trials
    weights = trials["params_trend.weight"] + trials["params_reversion.weight"]
    assert weights.max() <= 1.0
    assert trials["params_trend.weight"].n_unique() > 20
    assert (trials["params_reversion.span"] < trials["params_trend.span"]).all()
    assert trials["value"].n_unique() > 12
    again = study.backtest(trials["number"][-1])
    assert again.metrics["total_return"] == trials["value"][-1]
    assert set(again.fills["part"]) == {"trend", "reversion"}
    assert "part" in pl.read_parquet(place / "studies" / "both" / "selected" / "fills.parquet").columns


@pytest.mark.long
def test_a_part_of_weight_one_leaves_the_study_of_the_strategy_alone_in_every_fold(place):  # noqa: ARG001 - the folder
    random = ("search.sampler=random", "walk_forward={train: 60d, test: 20d}")
    alone = bs.run("sweep.yaml", strategy="both.py:Reversion", out="alone", overrides=random)
    part = bs.run(
        "sweep.yaml", strategy="both.py:Alone", out="part", overrides=(*random, "search.fixed={part.weight: 1.0}")
    )
    assert alone.trials["value"].n_unique() > 4
    for mine, theirs in ((part.trials, alone.trials), (part.folds, alone.folds)):
        mine = mine.rename({name: name.replace("_part.", "_") for name in mine.columns})  # noqa: PLW2901 - the same
        kept = [name for name in theirs.columns if not name.startswith(("datetime", "duration"))]
        assert_frame_equal(mine.select(kept), theirs.select(kept), check_exact=True)


@pytest.mark.long
def test_a_study_is_the_same_in_ray_workers(place):  # noqa: ARG001 - the folder
    inline = bs.run("sweep.yaml", out="inline", overrides=RANGES)
    ray = bs.run("sweep.yaml", out="ray", workers=2, backend="ray", overrides=RANGES)
    assert inline.digest() == ray.digest()


def test_a_weight_that_is_a_number_is_the_same_in_every_trial(place):  # noqa: ARG001
    sweep = read_sweep("sweep.yaml")
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    axes = {axis.name: axis for axis in space.dimensions}
    assert axes["reversion.weight"].choices == (0.4,)
    assert (axes["trend.weight"].low, axes["trend.weight"].high) == (0.2, 1.0)
    assert axes["trend.kind"].choices == ("up", "down")


@pytest.mark.parametrize(
    "override",
    [
        "search.params={trend.weight: {low: -0.5, high: 0.5}}",
        "search.params={reversion.weight: {choices: [-0.5, 0.5]}}",
        "search.fixed={trend.weight: -0.5}",
    ],
)
def test_a_weight_below_zero_is_refused(place, override):  # noqa: ARG001
    with pytest.raises(BadInput, match="0 or more"):
        read_sweep("sweep.yaml", overrides=[override])


def test_an_unknown_name_of_a_part_is_refused_with_the_nearest(place):  # noqa: ARG001
    with pytest.raises(BadInput, match=r"did you mean .?trend\.span"):
        read_sweep("sweep.yaml", overrides=["search.params={trend.spam: {low: 2, high: 5}}"])

"""The strategies beside the sweep files: the same compiled, interpreted and on Ray, and without look-ahead."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep import live
from backsweep.api.sweeps import check
from backsweep.dataset import load
from backsweep.strategy import load_strategy
from backsweep.study.search.space import build_space, trial_spec
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.evaluate import SharedEvaluator

SWEEPS = Path(__file__).parents[2] / "sweeps"
SHORT = {  # what interpreted runs take a second for
    "rsi2": ["data.end=2010-07-31"],
    "opening_range": ["data.start=2015-11-20", "data.end=2015-12-04"],
    "pairs": ["data.end=2004-12-31"],
    "trend": ["data.end=2010-12-31"],
    "trend_and_dips": ["data.end=2010-09-30"],
}
WINDOWS = {"rsi2": {"trend": 50}, "trend": {"slow": 60}, "trend_and_dips": {"trend.slow": 60, "dips.trend": 50}}


@cache
def replay(name, *, compiled=False):
    """Replay a strategy at its defaults, or what the sweep file fixes, on a short time."""
    sweep = load_sweep(SWEEPS / f"{name}.yaml", overrides=SHORT[name])
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    fixed = sweep.search.fixed | WINDOWS.get(name, {})
    spec = trial_spec(sweep, space).model_copy(update={"params": (), "fixed": fixed, "folds": None})
    return SharedEvaluator(spec).replay(np.zeros(0), compiled=compiled)


@pytest.mark.thorough
@pytest.mark.parametrize("name", SHORT)
def test_a_strategy_is_the_same_compiled_and_interpreted(name):
    compiled, interpreted = replay(name, compiled=True), replay(name)
    assert compiled.trades.height >= 5
    assert compiled.metrics["rejected_orders"] == 0
    for frame in ("fills", "trades", "equity", "orders"):
        assert getattr(compiled, frame).equals(getattr(interpreted, frame)), frame


def read_bars(sweep):
    """Return the bars of a sweep as a frame, with the names of its assets and the times of its zone."""
    shard = load(sweep.data)
    times = pl.from_epoch("timestamp", time_unit="ns")
    if shard.zone:
        times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(shard.zone)
    names = pl.col("asset").replace_strict(dict(enumerate(shard.assets)))
    return shard.rows.with_columns(times, names)


@pytest.mark.long
@pytest.mark.parametrize("name", ["rsi2", "opening_range", "pairs", "trend"])
def test_a_strategy_trades_on_paper_as_in_the_backtest(name):
    sweep = load_sweep(SWEEPS / f"{name}.yaml", overrides=SHORT[name])
    bars, cls = read_bars(sweep), load_strategy(sweep.strategy)
    strategy = cls(**{key: value for key, value in WINDOWS.get(name, {}).items() if "." not in key})
    given = {"account": sweep.account, "execution": sweep.execution, "costs": sweep.costs}
    backtest = bs.backtest(bars, strategy, compiled=False, **given)
    assert backtest.trades.height >= 5
    paper = live.replay(bars, strategy, **given)
    for frame in ("fills", "trades", "equity", "orders"):
        assert getattr(paper, frame).equals(getattr(backtest, frame)), frame


@pytest.mark.long
@pytest.mark.parametrize("name", [*SHORT, "fitted_returns"])
def test_a_strategy_does_not_look_ahead(name):
    found = check(SWEEPS / f"{name}.yaml")
    assert found.warnings == ()


@pytest.mark.long
@pytest.mark.apart
@pytest.mark.parametrize("name", SHORT)
def test_a_study_is_the_same_inline_and_on_ray(name, tmp_path):
    studies = [
        bs.run(SWEEPS / f"{name}.yaml", trials=16, backend=backend, workers=2, out=tmp_path / backend)
        for backend in ("inline", "ray")
    ]
    assert studies[0].digest() == studies[1].digest()


def test_rsi2_holds_no_more_than_its_positions():
    result = replay("rsi2")
    held = result.fills.group_by("timestamp", maintain_order=True).agg(pl.col("quantity").sign().sum())
    assert held["quantity"].cum_sum().max() <= 5


def test_opening_ranges_are_flat_at_every_close_half_days_included():
    result = replay("opening_range")
    last = result.equity.group_by(pl.col("timestamp").dt.date(), maintain_order=True).last()
    assert last["exposure"].max() == 0.0
    assert last.height > 8
    half_day = result.fills.filter(pl.col("timestamp").dt.date() == pl.date(2015, 11, 27))
    assert half_day["timestamp"].dt.hour().max() <= 18  # UTC: 13:00 in New York


def test_a_pair_is_long_one_and_short_the_other():
    fills = replay("pairs").fills.with_columns(pl.col("quantity").cum_sum().over("asset").alias("held"))
    both = fills.pivot(on="asset", index="timestamp", values="held").sort("timestamp")
    assert both.null_count().sum_horizontal().item() == 0  # both legs trade at the same times
    assert (both["IBM"].sign() == -both["MSFT"].sign()).all()


def test_both_parts_trade_the_same_assets():
    fills = replay("trend_and_dips").fills
    both = fills.group_by("asset").agg(pl.col("part").n_unique())
    assert both["part"].to_list().count(2) >= 5

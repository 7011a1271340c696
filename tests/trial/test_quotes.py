"""What is checked of quotes, and where they are known: sleep, paper, shards, look-ahead, null histories."""

import numpy as np
import polars as pl
import pytest
from scenarios.quoted import with_quotes
from scenarios.random_scripts import ACCOUNTS, random_scenario
from scenarios.scripted import bars, compose, evaluator, market

from backsweep.dataset import shard_from_frames
from backsweep.dataset.permute import permuted
from backsweep.errors import BadData, BadInput
from backsweep.trial.contract import Chunk
from backsweep.trial.quotes import COLUMNS

DAYS = ((100, 102, 98, 101), (101, 103, 99, 100), (100, 101, 97, 98))


def quoted(**changes):
    """Make three days of asset A whose bids are half below the bars, and whose asks are half above."""
    sides = {"bid": -0.5, "ask": 0.5}
    frame = bars(*DAYS).with_columns(
        (pl.col(price) + half).alias(f"{side}_{price}")
        for side, half in sides.items()
        for price in ("open", "high", "low", "close")
    )
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 1).then(value).otherwise(name).alias(name) for name, value in changes.items()
    )


def refused(frame, **execution):
    """Return the error of a run on quotes."""
    with pytest.raises((BadData, BadInput)) as caught:
        evaluator(frame, execution={"quotes": True, **execution})
    return caught.value


@pytest.mark.parametrize("lost", [["bid_open", "bid_high", "bid_low", "bid_close"], ["ask_high"]])
def test_both_sides_are_needed_with_all_their_prices(lost):
    error = refused(quoted().drop(lost))
    assert f"no column {', '.join(lost)}" in str(error)
    assert error.where == "execution.quotes"
    assert f"data.columns: {{{lost[0]}: NAME_IN_THE_FILE}}" in error.remedy


@pytest.mark.parametrize(
    ("changes", "problem", "found"),
    [
        ({"bid_close": 100.75}, "bid_close is above ask_close", "bid_close 100.75, ask_close 100.5"),
        ({"ask_low": 98.25}, "bid_low is above ask_low", "bid_low 98.5, ask_low 98.25"),
        ({"ask_high": 101.0}, "ask_open is above ask_high", "ask_open 101.5, ask_high 101"),
        ({"bid_low": 101.0}, "bid_low is above bid_open", "bid_low 101, bid_open 100.5"),
        ({"ask_open": None}, "ask_open is not a price", "ask_open nan"),
        ({"bid_low": 0.0}, "bid_low is not a price", "bid_low 0"),
        ({"ask_high": np.inf}, "ask_high is not a price", "ask_high inf"),
    ],
)
def test_a_bar_whose_quotes_cannot_be_is_named(changes, problem, found):
    error = refused(quoted(**changes))
    assert problem in str(error).splitlines()[0]
    assert error.found == found
    assert error.where == "execution.quotes, A at 2024-01-02 00:00:00 (UTC, or as written)"


def test_bars_that_are_adjusted_and_quotes_that_are_not_are_refused():
    halved = quoted().with_columns(pl.col("open", "high", "low", "close") / 2)
    error = refused(halved)
    assert "the bars of an asset lie outside of their quotes" in str(error)
    assert "3 of 3 bars outside" in error.found
    assert "both adjusted" in error.remedy


@pytest.mark.parametrize("profile", ["vectorbt", "backtesting_py", "backtrader", "zipline"])
def test_the_profile_of_another_engine_is_refused(profile):
    assert "knows no quotes" in str(refused(quoted(), profile=profile))


def test_finer_bars_are_refused():
    detail = bars(*DAYS).select("timestamp", "asset", "open", "high", "low", "close")
    with pytest.raises(BadInput, match="finer bars have no quotes"):
        evaluator(quoted(), detail=detail, execution={"quotes": True})


def test_quotes_that_no_order_meets_are_noted():
    engine = evaluator(quoted())
    assert engine.info.notes[-1].endswith("execution.quotes is false")
    assert evaluator(quoted(), execution={"quotes": True}).info.notes == ()
    assert evaluator(bars(*DAYS)).info.notes == ()


@pytest.mark.parametrize(
    ("execution", "costs", "note"),
    [
        ({}, {}, "execution.quotes is false"),
        (
            {"quotes": True},
            {"slippage": {"kind": "percentage", "rate": 0.001}},
            "must not stand for the spread once more",
        ),
        ({"quotes": True}, {}, ""),
    ],
)
def test_sleeves_say_the_same_of_quotes_in_studies_and_single_runs(execution, costs, note):
    sleeves = {"cash": 1000.0, "mode": "sleeves", "kind": "margin"}
    engine = evaluator(quoted(), account=sleeves, execution=execution, costs=costs)
    table = compose([])
    result = engine.replay(np.array([float(table.ctypes.data), float(len(table))]), compiled=False)
    assert [each.endswith(note) for each in engine.info.notes] == [True] * bool(note)
    assert result.notes == engine.info.notes


def test_quotes_may_come_with_the_signals():
    frame, steps = quoted(), [market(0, 1)]
    signals = frame.select("timestamp", "asset", *COLUMNS)
    table = compose(steps)
    values = np.array([float(table.ctypes.data), 1.0])
    engine = evaluator(bars(*DAYS), signals=signals, execution={"quotes": True})
    assert engine.replay(values, compiled=False).fills["price"].to_list() == [101.5]


def test_shards_of_sleeves_fill_at_their_own_quotes():
    names = tuple("ABC")
    scenario = with_quotes(random_scenario(3, assets=3, account=ACCOUNTS[0], costs={}), 3)
    steps = [market(at, side) for at, side in ((0, 2.0), (3, -4.0), (7, 3.0))]
    table = compose(steps)
    chunk = Chunk(0, np.zeros(1, int), np.array([[float(table.ctypes.data), float(len(table))]]))
    account = {"mode": "sleeves", "cash": 9_000.0}
    spec = {"account": account, "execution": {"quotes": True}}
    found = {
        (outcome.metrics.tobytes(), outcome.returns.tobytes())
        for outcome in (evaluator(scenario.market, shards=count, **spec).evaluate(chunk) for count in (1, 3))
    }
    assert len(found) == 1
    plain = evaluator(scenario.market, shards=2, account=account).evaluate(chunk)
    assert (plain.metrics.tobytes(), plain.returns.tobytes()) not in found
    assert len(names) == len(scenario.assets)


def test_quotes_move_with_their_bars_in_a_null_history():
    frame = bars(*((100.0 + day, 103.0 + day, 97.0 + day, 100.5 + day) for day in range(40)))
    frame = frame.with_columns(
        (pl.col(price) + half).alias(f"{side}_{price}")
        for side, half in {"bid": -0.25, "ask": 0.5}.items()
        for price in ("open", "high", "low", "close")
    )
    shard = shard_from_frames(frame)
    moved = permuted(shard, 1, (1,), quotes=COLUMNS)
    left = permuted(shard, 1, (1,))
    assert moved.rows["close"].to_list() == left.rows["close"].to_list() != shard.rows["close"].to_list()
    assert left.rows["ask_close"].to_list() == shard.rows["ask_close"].to_list()
    ratio = (moved.rows["ask_close"] / moved.rows["close"]).sort()
    assert ratio.to_list() == pytest.approx((shard.rows["ask_close"] / shard.rows["close"]).sort().to_list(), rel=1e-12)
    assert (moved.rows["bid_low"] <= moved.rows["ask_low"]).all()

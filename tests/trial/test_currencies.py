"""Several currencies in trials: what is refused, and what sweeps, folds and sleeves make of them."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import FIRST_DAY, assert_same_bits, bars, evaluator, flat, market, run

import backsweep as bs
from backsweep.errors import BadData, BadInput
from backsweep.metrics.summary import METRICS
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.trial import DataSpec, TrialSpec, read_section
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import load_market

ACCOUNT = {"cash": 1e5, "kind": "margin", "leverage": 2.0, "currency": "USD", "rates": {"EUR": "eurusd"}}
ACCOUNT["per_asset"] = {"A": {"currency": "EUR", "multiplier": 2.0}}
COSTS = {
    "commission": {"kind": "percentage", "rate": 0.001},
    "financing": {"margin_interest": 0.05, "short_borrow": 0.1},
}


def context(values, days=None):
    """One rate for each of some days."""
    days = range(len(values)) if days is None else days
    return pl.DataFrame({"timestamp": [FIRST_DAY + timedelta(days=day) for day in days], "eurusd": values})


def moving(market):
    """A rate that wanders, for every timestamp of a market."""
    times = market["timestamp"].unique().sort()
    steps = np.random.default_rng(8).normal(0.0, 0.01, len(times))
    return pl.DataFrame({"timestamp": times, "eurusd": 1.25 * np.exp(steps.cumsum())})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rates": {"EUR": "eurusd"}}, "rates need the account's own currency, for example `currency: USD`"),
        ({"currency": "EUR", "rates": {"EUR": "eurusd"}}, "take EUR out of `rates`"),
        ({"per_asset": {"A": {"currency": "EUR"}}}, "A is in EUR, which has no rate"),
        ({"currency": "USD", "rates": {"EUR": ""}}, "at least 1 character"),
    ],
)
def test_currencies_without_what_they_need_are_refused(given, message):
    with pytest.raises(BadInput, match=message):
        read_section(AccountSpec, "account", given)


def test_an_asset_may_name_the_accounts_own_currency():
    account = {"cash": 1e4, "kind": "margin", "currency": "USD", "per_asset": {"A": {"currency": "USD"}}}
    assert run(bars(*flat(100, 2)), [market(0, 1)], account=account).fills.height == 1


def test_a_rate_that_the_context_does_not_have_is_named():
    with pytest.raises(BadInput, match="names a column that the context does not have: 'eurusd'") as caught:
        evaluator(bars(*flat(100, 3)), account=ACCOUNT)
    assert "data.context" in str(caught.value)
    with pytest.raises(BadInput, match="eurusd") as caught:
        evaluator(bars(*flat(100, 3)), account=ACCOUNT, context=context([1.0] * 3).rename({"eurusd": "eur"}))
    assert "one of eur" in str(caught.value)


def test_bars_before_the_first_rate_are_refused():
    with pytest.raises(BadData, match="there is no rate for EUR") as caught:
        evaluator(bars(*flat(100, 3)), account=ACCOUNT, context=context([1.0, 1.0], days=(1, 2)))
    assert "2024-01-01" in str(caught.value)
    assert "data.start" in str(caught.value)


@pytest.mark.parametrize("value", [0.0, -1.25, float("nan"), float("inf")])
def test_a_value_that_is_no_rate_is_found_in_its_file_and_row(tmp_path, value):
    bars(*flat(100, 4)).write_parquet(tmp_path / "bars.parquet")
    context([1.0, value, 1.0, 1.0]).write_parquet(tmp_path / "fx.parquet")
    data = DataSpec(bars=str(tmp_path / "bars.parquet"), context=str(tmp_path / "fx.parquet"))
    spec = TrialSpec(data=data, strategy="in:Memory", account=read_section(AccountSpec, "account", ACCOUNT))
    with pytest.raises(BadData, match="eurusd is not a rate") as caught:
        load_market(spec)
    for part in ("fx.parquet", "row 2", "column eurusd", "2024-01-02", "above zero", "drop the row"):
        assert part in str(caught.value)


def test_an_empty_rate_leaves_the_one_before_it():
    series = context([1.25, None, 2.0])
    result = run(bars(*flat(100, 4)), [market(0, 1), market(1, 1), market(2, 1)], account=ACCOUNT, context=series)
    assert result.fills["rate"].to_list() == [1.25, 1.25, 2.0]


def test_a_backtest_on_frames_takes_rates():
    class Hold(bs.Strategy):
        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - one signature
            if context.eurusd < 1.3 and broker.get_position(0).quantity == 0.0:
                broker.order_target_percent(0, 0.5)

    rates = context([1.4, 1.25, 1.25, 1.25])
    result = bs.backtest(bars(*flat(100, 4)), Hold(), account=ACCOUNT, context=rates, compiled=False)
    assert result.fills.select("quantity", "rate").rows() == [(200.0, 1.25)]  # 50,000 USD at 2 x 1.25 a point


def test_a_swept_multiplier_of_a_foreign_asset_is_that_of_the_file(market, averages):
    given = {"account": ACCOUNT, "context": moving(market)}
    swept = evaluator(market, averages, params=("window", "account.per_asset.A.multiplier"), **given)
    other = {**ACCOUNT, "per_asset": {"A": {"currency": "EUR", "multiplier": 3.0}}}
    written = evaluator(market, averages, params=("window",), **{**given, "account": other})
    swept.replay(np.array([4.0, 7.0]))
    assert_same_bits(swept.replay(np.array([4.0, 3.0])), written.replay(np.array([4.0])))


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_a_trial_is_its_replay_bit_for_bit(market, averages, mode):
    account = {**ACCOUNT, "mode": mode}
    engine = evaluator(market, averages, account=account, costs=COSTS, context=moving(market), params=("window",))
    outcome = engine.evaluate(Chunk(0, np.arange(3), np.array([[3.0], [8.0], [3.0]])))
    assert outcome.metrics[0].tobytes() == outcome.metrics[2].tobytes()
    for row, window in enumerate((3.0, 8.0)):
        result = engine.replay(np.array([window]))
        assert_same_bits(result, engine.replay(np.array([window]), compiled=False))
        metrics = [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS]
        assert np.array(metrics).tobytes() == outcome.metrics[row].tobytes()
        assert result.metrics["currency_pnl"] != 0.0


def test_a_continuous_test_goes_on_with_the_cash_of_each_currency(market, averages):
    folds = FoldSpec(mode="anchored", train="20s", test="10s", state="continuous")
    engine = evaluator(
        market, averages, account=ACCOUNT, costs=COSTS, context=moving(market), params=("window",), folds=folds
    )
    outcome = engine.evaluate(Chunk(0, np.arange(1), np.array([[4.0]])))
    tests = [row for row, segment in enumerate(engine.info.segments) if segment.name == "test"]
    pnl = outcome.segments[0, tests, METRICS.index("currency_pnl")]
    assert np.isfinite(pnl).all()
    assert np.count_nonzero(pnl) > 1
    replays = [each for row in tests for each in engine.replay_test(np.array([4.0]), engine.info.segments[row].fold)]
    assert [each.metrics["currency_pnl"] for each in replays] == pnl.tolist()
    carried = [each.equity["cash_EUR"][0] for each in replays[1:]]
    assert any(carried)

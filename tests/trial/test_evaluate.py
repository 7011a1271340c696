import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.dataset import DataSpec
from backsweep.errors import BadInput, LimitReached
from backsweep.metrics.summary import METRICS
from backsweep.strategy import Strategy, param
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial import runner
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator

WINDOWS = np.array([[2.0], [5.0], [9.0], [14.0], [20.0]])


@pytest.fixture(scope="module")
def engine(market, averages):
    return evaluator(market, averages, params=("window",))


def same(one, other):
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in ("metrics", "reasons", "returns")
    )


def test_an_evaluator_knows_its_sessions_and_assets(engine, market):
    assert engine.info.assets == ("A", "B")
    assert len(engine.info.sessions) == market["timestamp"].n_unique()


def test_spans_in_hours_need_sessions_of_several_bars(market, averages):
    with pytest.raises(BadInput, match="no session has several bars"):
        evaluator(market, averages, params=("window",), folds=FoldSpec(train="48h", test="24h"))


def test_an_outcome_has_one_row_for_each_trial(engine):
    outcome = engine.evaluate(Chunk(3, np.array([7, 8]), WINDOWS[:2]))
    assert outcome.batch == 3
    assert outcome.numbers.tolist() == [7, 8]
    assert outcome.metrics.shape == outcome.reasons.shape == (2, len(METRICS))
    assert outcome.returns.shape == (2, 120)
    assert outcome.returns.dtype == np.float32
    assert (outcome.started <= outcome.completed).all()
    assert outcome.errors == {}


def test_an_evaluator_counts_the_fills_of_its_trials(market, averages):
    engine = evaluator(market, averages, params=("window",))
    for rows in (slice(0, 2), slice(2, 5)):
        engine.evaluate(Chunk(0, np.arange(5)[rows], WINDOWS[rows]))
    assert engine.fills == sum(len(engine.replay(values).fills) for values in WINDOWS) > 0


def test_a_metric_is_missing_exactly_where_it_has_a_reason(engine):
    outcome = engine.evaluate(Chunk(0, np.arange(5), WINDOWS))
    assert (np.isnan(outcome.metrics) == (outcome.reasons > 0)).all()


def test_the_order_of_a_chunk_and_its_company_change_nothing(engine):
    whole = engine.evaluate(Chunk(0, np.arange(5), WINDOWS))
    order = np.array([4, 1, 3, 0, 2])
    mixed = engine.evaluate(Chunk(0, order, WINDOWS[order]))
    for place, number in enumerate(order):
        alone = engine.evaluate(Chunk(0, order[place : place + 1], WINDOWS[number : number + 1]))
        assert mixed.metrics[place].tobytes() == whole.metrics[number].tobytes() == alone.metrics[0].tobytes()
        assert mixed.returns[place].tobytes() == whole.returns[number].tobytes() == alone.returns[0].tobytes()


def test_two_evaluators_give_the_same_bits(engine, market, averages):
    other = evaluator(market, averages, params=("window",))
    chunk = Chunk(0, np.arange(5), WINDOWS)
    assert same(engine.evaluate(chunk), other.evaluate(chunk))


def test_a_trial_and_its_replay_give_the_same_bits(engine):
    outcome = engine.evaluate(Chunk(0, np.arange(5), WINDOWS))
    for row, values in enumerate(WINDOWS):
        result = engine.replay(values)
        metrics = [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS]
        assert np.array(metrics).tobytes() == outcome.metrics[row].tobytes()
        assert result.returns.astype(np.float32).tobytes() == outcome.returns[row].tobytes()


class Flood(Strategy):
    """Asks for as many orders as its parameter says; some trials ask for too many."""

    orders: int = param(0, 1000)
    divisor: int = param(0, 5, default=1)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if self.divisor == 0:
            raise ValueError("the divisor is zero")
        for _ in range(self.orders):
            broker.submit_order(0, 1, limit_price=1.0, order_type=1)
        broker.submit_order(0, 1.0)


def test_a_trial_that_fails_leaves_the_others_untouched():
    engine = evaluator(bars(*flat(100, 4)), Flood, params=("orders", "divisor"))
    good = np.array([[0.0, 1.0], [3.0, 1.0]])
    bad = np.array([[999.0, 1.0], [1.5, 1.0], [1.0, 0.0]])
    values = np.array([good[0], bad[0], good[1], bad[1], bad[2], good[0]])
    outcome = engine.evaluate(Chunk(0, np.arange(10, 16), values))
    alone = engine.evaluate(Chunk(0, np.arange(2), good))
    assert sorted(outcome.errors) == [11, 13, 14]
    assert "too many live orders" in outcome.errors[11]
    assert "orders cannot be 1.5" in outcome.errors[13]
    assert "raised ValueError" in outcome.errors[14]
    assert np.isnan(outcome.metrics[[1, 3, 4]]).all()
    assert np.isnan(outcome.returns[[1, 3, 4]]).all()
    for row, expected in ((0, 0), (2, 1), (5, 0)):
        assert outcome.metrics[row].tobytes() == alone.metrics[expected].tobytes()


def test_a_replay_of_a_trial_that_fails_says_why():
    engine = evaluator(bars(*flat(100, 4)), Flood, params=("orders",))
    with pytest.raises(LimitReached, match="too many live orders"):
        engine.replay(np.array([999.0]))


def test_values_may_set_some_parameters_and_the_file_others(market, averages):
    both = evaluator(market, averages, params=("window", "scale"))
    one = evaluator(market, averages, params=("window",), fixed={"scale": 1.01})
    assert both.replay(np.array([5.0, 1.01])).metrics == one.replay(np.array([5.0])).metrics


def test_a_value_that_is_not_given_is_the_default(market, averages):
    engine = evaluator(market, averages, params=("window", "scale"))
    assert engine.replay(np.array([5.0, np.nan])).metrics == engine.replay(np.array([5.0, 1.0])).metrics


def test_a_run_that_needs_larger_logs_gets_them(monkeypatch):
    monkeypatch.setattr("backsweep.trial.recording.FIRST_LOG", 10)

    class Churn(Strategy):
        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
            for _ in range(5):
                broker.submit_order(0, 1.0)
                broker.submit_order(0, -1.0)

    result = evaluator(bars(*flat(100, 31)), Churn).replay(np.empty(0), compiled=False)
    assert result.fills.height == 30 * 10
    assert result.orders.height == 31 * 10
    assert result.equity["equity"].to_list() == [10_000.0] * 31


def test_files_and_frames_give_the_same_bits(engine, market, averages, tmp_path):
    path = tmp_path / "bars.parquet"
    market.write_parquet(path)
    spec = TrialSpec(
        data=DataSpec(bars=str(path)),
        strategy="in:Memory",
        account={"cash": 10_000.0, "kind": "margin", "leverage": 10.0},
        params=("window",),
    )
    chunk = Chunk(0, np.arange(5), WINDOWS)
    assert same(SharedEvaluator(spec, cls=averages).evaluate(chunk), engine.evaluate(chunk))


@pytest.mark.usefixtures("interpreted")
def test_features_that_are_not_kept_trade_as_those_that_are(market, averages, engine):
    class Mapped(averages):
        def features(self):
            mapped = pl.col("close").map_batches(lambda series: series.rolling_mean(self.window), pl.Float64)
            return {**super().features(), "average": mapped}

    mine = evaluator(market, Mapped, params=("window",))
    chunk = Chunk(0, np.arange(5), WINDOWS)
    assert same(mine.evaluate(chunk), engine.evaluate(chunk))
    runner = mine._runner
    runner.take(WINDOWS[0])
    assert runner._columns[0]["average"] == runner.feature_columns()["average"].ctypes.data


def test_trials_whose_call_fails_before_the_first_of_them_fail_one_by_one(market, averages, monkeypatch):
    engine = evaluator(market, averages, params=("window",))

    def lost(*_):
        raise TypeError("it does not compile")

    monkeypatch.setattr(engine._runner, "_loop", lost)
    outcome = engine.evaluate(Chunk(0, np.arange(5), WINDOWS))
    assert sorted(outcome.errors) == [0, 1, 2, 3, 4]


def test_how_many_trials_a_compiled_call_has_changes_nothing(market, averages, monkeypatch):
    engine = evaluator(market, averages, params=("window",))
    outcomes, calls = [], []
    loop = engine._runner._loop
    monkeypatch.setattr(engine._runner, "_loop", lambda *given: (calls.append(len(given[-1].rows)), loop(*given)))
    for most in (runner.CALL_BARS, 1, 2 * len(engine._market.groups)):
        monkeypatch.setattr(runner, "CALL_BARS", most)
        outcomes.append(engine.evaluate(Chunk(0, np.arange(5), WINDOWS)))
    assert calls == [5, 1, 1, 1, 1, 1, 2, 2, 1]
    assert len({outcome.metrics.tobytes() + outcome.returns.tobytes() for outcome in outcomes}) == 1

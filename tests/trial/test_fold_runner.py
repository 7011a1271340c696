"""Segments of a run: what they know, how they begin and end, and that cutting changes nothing."""

import numpy as np
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.dataset import shard_from_frames
from backsweep.metrics.summary import METRICS
from backsweep.strategy import Strategy
from backsweep.sweepfile.folds import FoldSpec
from backsweep.trial.contract import Chunk, DataInfo
from backsweep.trial.evaluator import Figures
from backsweep.trial.fold_runner import FoldRunner
from backsweep.trial.folds import make_segments
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings
from backsweep.trial.segment_plan import plan_segments
from backsweep.trial.summaries import new_metrics

WINDOWS = np.array([[2.0], [5.0], [9.0], [14.0], [20.0]])
COSTS = {"commission": {"kind": "percentage", "rate": 0.001}, "slippage": {"kind": "percentage", "rate": 0.01}}


def metric(values, name):
    return values[..., METRICS.index(name)]


def run_folds(market, cls, spec, values=WINDOWS, **options):
    engine = evaluator(market, cls, folds=FoldSpec(**spec), **options)
    outcome = engine.evaluate(Chunk(0, np.arange(len(values)), values))
    assert not outcome.errors
    return engine.info, outcome


def plain(market, cls, first, last, **options):
    """Evaluate on the sessions from `first` to before `last` alone, with the features that the whole market gives."""
    days = market["timestamp"].unique().sort()
    part = market.filter(market["timestamp"].is_in(days[first:last].implode()))
    outcome = evaluator(part, cls, **options).evaluate(Chunk(0, np.arange(len(WINDOWS)), WINDOWS))
    assert not outcome.errors
    return outcome


@pytest.mark.parametrize("mode", ["rolling", "anchored"])
def test_continuous_tests_are_cut_out_of_one_run_bit_for_bit(precomputed, mode):
    spec = {"mode": mode, "train": "40s", "test": "15s", "purge": "3s", "state": "continuous"}
    info, outcome = run_folds(*precomputed, spec, params=("window",), costs=COSTS)
    tests = [place for place, segment in enumerate(info.segments) if segment.name == "test"]
    ends = np.cumsum([segment.sessions for segment in info.segments])
    stitched = np.concatenate([outcome.returns[:, ends[p] - info.segments[p].sessions : ends[p]] for p in tests], 1)
    whole = plain(*precomputed, 43, 120, params=("window",), costs=COSTS)
    assert stitched.tobytes() == whole.returns.tobytes()
    assert metric(outcome.segments[:, -1], "final_equity").tobytes() == metric(whole.metrics, "final_equity").tobytes()
    for name in ("trades", "rejected_orders", "ambiguous_fills"):
        assert np.array_equal(metric(outcome.segments[:, tests], name).sum(axis=1), metric(whole.metrics, name))
    for name in ("commission", "slippage"):
        np.testing.assert_allclose(metric(outcome.segments[:, tests], name).sum(axis=1), metric(whole.metrics, name))


def test_a_training_is_a_backtest_of_its_sessions(precomputed):
    spec = {"train": "40s", "test": "30s", "state": "continuous"}
    info, outcome = run_folds(*precomputed, spec, params=("window",))
    for row, segment in enumerate(info.segments):
        if segment.name == "train":
            alone = plain(*precomputed, segment.first, segment.last, params=("window",))
            assert outcome.segments[:, row].tobytes() == alone.metrics.tobytes()
            assert outcome.segment_reasons[:, row].tobytes() == alone.reasons.tobytes()


def test_a_trials_metrics_are_the_means_over_its_trainings(market, averages):
    info, outcome = run_folds(market, averages, {"train": "40s", "test": "20s"}, params=("window",))
    trains = [segment.name == "train" for segment in info.segments]
    np.testing.assert_allclose(outcome.metrics, outcome.segments[:, trains].mean(axis=1), rtol=1e-12)
    assert outcome.returns.shape == (5, info.width)


def test_features_know_the_bars_before_a_segment(market, averages):
    values = np.array([[20.0]])
    _, outcome = run_folds(
        market, averages, {"mode": "holdout", "train": "60s", "test": "10s"}, values, params=("window",)
    )
    assert metric(outcome.segments[0, 1], "exposure") > 0.0


@pytest.mark.parametrize("flat_end", [True, False])
def test_compiled_and_interpreted_segments_leave_the_same_bits(market, averages, flat_end):
    packed = pack(shard_from_frames(market))
    segments = make_segments(packed.sessions.dates, FoldSpec(train="50s", test="30s"))
    left = []
    for compiled in (True, False):
        runner = Runner(packed, averages, Settings(), params=("window",), compiled=compiled)
        metrics, reasons = (each[None] for each in new_metrics(len(segments)))
        figures = Figures(metrics, reasons, np.zeros((1, sum(s.sessions for s in segments)), np.float32))
        plan = plan_segments(DataInfo(packed.sessions.ends, segments=segments), flat=flat_end)
        assert FoldRunner(runner, plan).run(WINDOWS[1:2], figures) == {}
        left.append([each.tobytes() for each in figures])
    assert left[0] == left[1]


class Holder(Strategy):
    """Buys ten of everything on its first bar and keeps it."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            if broker.get_position(data[i].asset).quantity == 0.0:
                broker.submit_order(data[i].asset, 10)


STEPS = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 100, 100, 100), (110, 130, 110, 120), (120, 120, 90, 100)]


@pytest.mark.usefixtures("interpreted")
def test_a_flat_segment_ends_sold_at_its_last_close_with_costs():
    spec = {"mode": "holdout", "train": "2s", "test": "2s"}
    _, outcome = run_folds(bars(*STEPS), Holder, spec, np.zeros((1, 0)), costs=COSTS)
    test = outcome.segments[0, 1]
    bought, sold = 10 * 110 * 1.01, 10 * 120 * 0.99
    commission = 0.001 * (bought + sold)
    assert metric(test, "final_equity") == pytest.approx(10_000 + sold - bought - commission)
    assert metric(test, "commission") == pytest.approx(commission)
    assert metric(test, "slippage") == pytest.approx(11 + 12)
    assert metric(test, "trades") == 1.0


@pytest.mark.usefixtures("interpreted")
def test_a_continuous_segment_ends_marked_to_market():
    spec = {"mode": "holdout", "train": "2s", "test": "2s", "state": "continuous"}
    _, outcome = run_folds(bars(*STEPS), Holder, spec, np.zeros((1, 0)))
    assert metric(outcome.segments[0, 1], "final_equity") == 10_000 + 10 * (120 - 110)
    assert metric(outcome.segments[0, 1], "trades") == 0.0


class EveryOther(Strategy):
    """Holds 10 from the session after each fourth to the one after the next but one."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if data.session % 4 == 0:
            broker.submit_order(0, 10)
        elif data.session % 4 == 2:
            broker.close_position(0)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("state", ["flat", "continuous"])
def test_a_segment_counts_what_happens_in_it_alone(state):
    # Of five trades of three sessions each, entered on day 1, 5, ... and left two days later, all but the third win.
    prices = (100, 100, 102, 104, 104, 104, 106, 109, 109, 109, 103, 99, 99, 99, 99, 105, 105, 105, 106, 107)
    market = bars(*((price, price, price, price) for price in prices))
    spec = {"train": "4s", "test": "4s", "state": state}
    info, outcome = run_folds(market, EveryOther, spec, np.zeros((1, 0)), costs=COSTS)
    tests = outcome.segments[0, [place for place, segment in enumerate(info.segments) if segment.name == "test"]]
    wins = [prices[day + 3] * 0.99 * 0.999 > prices[day + 1] * 1.01 * 1.001 for day in (4, 8, 12, 16)]
    assert wins == [True, False, True, False]
    assert metric(tests, "trades").tolist() == [1.0] * 4
    assert metric(tests, "win_rate").tolist() == wins
    for day, each in zip((4, 8, 12, 16), tests, strict=True):
        bought, sold = 10 * prices[day + 1] * 1.01, 10 * prices[day + 3] * 0.99
        assert metric(each, "commission") == pytest.approx(0.001 * (bought + sold))
        assert metric(each, "slippage") == pytest.approx(0.1 * (prices[day + 1] + prices[day + 3]))
        assert metric(each, "expectancy") == pytest.approx(sold - bought - 0.001 * (bought + sold))


class Asker(Strategy):
    """Buys B, which has no bar today, for a tenth of its equity."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if broker.get_position(1).quantity == 0.0:
            broker.order_target_percent(1, 0.1)


@pytest.mark.usefixtures("interpreted")
def test_a_segment_knows_the_last_closes_before_it():
    # 10 % of 10,000 at B's last close, 50, are 20 units, which are bought at 60 and held over two of four closes.
    quiet, later = (50, 50, 50, 50), (60, 60, 60, 60)
    market = bars(*flat(100, 8), B=[None, (40, 40, 40, 40), quiet, quiet, None, later, later, later])
    spec = {"mode": "holdout", "train": "4s", "test": "4s"}
    _, outcome = run_folds(market, Asker, spec, np.zeros((1, 0)))
    assert metric(outcome.segments[0, 1], "turnover") > 0.0
    assert metric(outcome.segments[0, 1], "exposure") == pytest.approx(20 * 60 / 10_000 * 2 / 4)
    assert metric(outcome.segments[0, 1], "rejected_orders") == 0.0


@pytest.mark.usefixtures("interpreted")
def test_a_segment_that_ends_with_a_silent_asset_sells_at_its_last_close():
    quiet = (50, 60, 50, 60)
    market = bars(*flat(100, 8), B=[quiet, quiet, quiet, quiet, quiet, quiet, quiet, None])
    spec = {"mode": "holdout", "train": "4s", "test": "4s"}
    _, outcome = run_folds(market, Holder, spec, np.zeros((1, 0)))
    assert metric(outcome.segments[0, 1], "final_equity") == 10_000 + 10 * (60 - 50)
    assert metric(outcome.segments[0, 1], "trades") == 2.0


def test_anchored_with_one_fold_is_a_holdout(market, averages):
    one = run_folds(market, averages, {"mode": "anchored", "train": "80s", "test": "40s"}, params=("window",))[1]
    other = run_folds(market, averages, {"mode": "holdout", "train": "80s"}, params=("window",))[1]
    for name in ("metrics", "reasons", "returns", "segments", "segment_reasons"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_the_order_of_the_trials_changes_nothing(market, averages):
    spec = {"train": "40s", "test": "20s"}
    _, straight = run_folds(market, averages, spec, params=("window",))
    _, turned = run_folds(market, averages, spec, WINDOWS[::-1], params=("window",))
    assert turned.segments[::-1].tobytes() == straight.segments.tobytes()
    assert turned.returns[::-1].tobytes() == straight.returns.tobytes()


def test_later_bars_change_no_earlier_segment(market, averages):
    spec = {"train": "40s", "test": "20s"}
    days = market["timestamp"].unique().sort()
    info, whole = run_folds(market, averages, spec, params=("window",))
    early = run_folds(market.filter(market["timestamp"] <= days[99]), averages, spec, params=("window",))
    count = len(early[0].segments)
    assert count < len(info.segments)
    assert early[1].segments.tobytes() == whole.segments[:, :count].tobytes()
    assert early[1].returns.tobytes() == whole.returns[:, : early[0].width].tobytes()


CROSS = {"mode": "cpcv", "groups": 4, "test_groups": 2, "purge": "3s", "embargo": "5s"}


def test_a_segment_in_pieces_compounds_what_they_earn(market, averages):
    info, outcome = run_folds(market, averages, CROSS, params=("window",), costs=COSTS)
    tests = [segment for segment in info.segments if segment.name == "test"]
    assert outcome.returns.shape[1] == info.width == sum(segment.sessions for segment in tests)
    place = 0
    for row, segment in enumerate(info.segments):
        if segment.name == "test":
            earned = outcome.returns[:, place : place + segment.sessions].astype(float)
            place += segment.sessions
            total = metric(outcome.segments[:, row], "total_return")
            np.testing.assert_allclose(total, np.prod(1.0 + earned, axis=1) - 1.0, atol=1e-5)
            assert set(metric(outcome.segments[:, row], "sessions")) == {60.0}
            for name in ("trades", "commission", "slippage"):
                parts = [
                    run_folds(
                        market,
                        averages,
                        {"mode": "holdout", "train": f"{first}s", "test": f"{last - first}s"},
                        params=("window",),
                        costs=COSTS,
                    )[1].segments[:, 1]
                    if first
                    else run_folds(
                        market,
                        averages,
                        {"mode": "holdout", "train": f"{last}s", "test": "9s"},
                        params=("window",),
                        costs=COSTS,
                    )[1].segments[:, 0]
                    for first, last in segment.ranges
                ]
                np.testing.assert_allclose(
                    metric(outcome.segments[:, row], name), sum(metric(part, name) for part in parts), rtol=1e-12
                )


def test_a_piece_alone_is_a_segment_bit_for_bit(market, averages):
    spec = {**CROSS, "test_groups": 1, "purge": "0s", "embargo": "0s"}
    _, outcome = run_folds(market, averages, spec, params=("window",), costs=COSTS)
    plain_fold = {"mode": "holdout", "train": "90s", "test": "30s"}
    _, last = run_folds(market, averages, plain_fold, params=("window",), costs=COSTS)
    assert outcome.segments[:, 7].tobytes() == last.segments[:, 1].tobytes()
    assert outcome.segments[:, 6].tobytes() == last.segments[:, 0].tobytes()
    assert outcome.returns[:, 90:].tobytes() == last.returns[:, 90:].tobytes()


def test_a_piece_that_several_segments_have_is_run_once(market, averages):
    engine = evaluator(market, averages, folds=FoldSpec(**CROSS), params=("window",))
    runs = [run.sessions for run in plan_segments(engine.info, flat=True).runs]
    assert len(runs) == len(set(runs)) == len({each for segment in engine.info.segments for each in segment.ranges})

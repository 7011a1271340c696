"""The shipped data: what the rules ask of it, and that no signal knows the future."""

import importlib.util
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backsweep.dataset import DataSpec, load
from backsweep.dataset.anomalies import find_anomalies
from backsweep.dataset.gaps import find_gaps, find_interval

DATA = Path(__file__).parents[2] / "sweeps" / "data"
FILES = ("stocks_daily.parquet", "stocks_signals.parquet", "market_context.parquet")

_spec = importlib.util.spec_from_file_location("make_data", DATA / "make_data.py")
make_data = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_data)


@pytest.fixture(scope="module")
def bars():
    return pl.read_parquet(DATA / "stocks_daily.parquet")


def cut_dates():
    """Random sessions, and first sessions of a month, on which the model is fitted again."""
    sessions = pl.read_parquet(DATA / "stocks_daily.parquet", columns=["timestamp"]).to_series().unique().sort()
    firsts = sessions.filter((sessions.dt.month() != sessions.dt.month().shift(1)).fill_null(value=True))
    return [*sessions[300:].sample(6, seed=2013), *firsts[24:].sample(4, seed=2013)]


@pytest.mark.parametrize("cut", cut_dates(), ids=str)
def test_signals_and_context_up_to_a_day_are_the_same_bits_when_the_future_is_cut_off(bars, cut):
    until = pl.col("timestamp") <= cut
    past = bars.filter(until)
    assert_frame_equal(make_data.make_signals(past), make_data.make_signals(bars).filter(until), check_exact=True)
    assert_frame_equal(make_data.make_context(past), make_data.make_context(bars).filter(until), check_exact=True)


def test_the_last_days_before_the_cut_have_a_prediction_so_that_the_comparison_means_something(bars):
    cut = date(2008, 10, 1)
    signals = make_data.make_signals(bars.filter(pl.col("timestamp") <= cut))
    assert signals.filter(pl.col("timestamp") == cut)["pred"].is_not_null().all()


def test_signals_and_context_follow_from_the_shipped_bars(bars):
    # 1e-9 and not to the bit: the matrix products of another processor's BLAS add in another order.
    shipped = [pl.read_parquet(DATA / name) for name in FILES[1:]]
    for made, kept in zip((make_data.make_signals(bars), make_data.make_context(bars)), shipped, strict=True):
        assert_frame_equal(made, kept, check_exact=False, rel_tol=0.0, abs_tol=1e-9)


def test_the_same_bars_give_the_same_bytes(bars, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        make_data.write(bars, folder)
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_shipped_bars_obey_every_rule_of_the_dataset(bars):
    make_data.check_bars(bars)
    assert bars.height == 12_154
    assert bars.schema["timestamp"] == pl.Date
    assert sorted(bars["asset"].unique()) == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert bars.select("timestamp", "asset").equals(bars.select("timestamp", "asset").sort("timestamp", "asset"))


def test_signals_have_about_unit_size(bars):
    size = make_data.make_signals(bars).select((pl.col("pred", "momentum", "reversal") ** 2).mean().sqrt()).row(0)
    assert all(0.9 < each < 1.1 for each in size)


def stocks(days, close, adjusted_close, volume):
    table = pl.DataFrame({"close": close, "adjusted_close": adjusted_close, "volume": volume})
    return table.with_columns(
        timestamp=pl.Series([date(2001, 1, day) for day in days]),
        asset=pl.lit("A"),
        open=pl.col("close"),
        high=pl.col("close") + 1.0,
        low=pl.col("close") - 1.0,
    )


def test_a_split_scales_prices_and_volume_and_a_dividend_scales_prices_alone():
    # Day 2: two for one. Day 3: a dividend of a tenth. The source's factors also hold a later split (all halved).
    made = make_data.make_bars(stocks([1, 2, 3], [100.0, 50.0, 45.0], [22.5, 22.5, 22.5], [10, 20, 20]))
    assert made["close"].to_list() == [45.0, 45.0, 45.0]
    assert made["high"].to_list() == pytest.approx([101 * 0.45, 51 * 0.9, 46.0])
    assert made["volume"].to_list() == [20.0, 20.0, 20.0]


def test_bars_that_break_a_rule_are_refused():
    broken = stocks([1], [10.0], [10.0], [1]).with_columns(low=pl.lit(11.0))
    with pytest.raises(SystemExit, match="low <= open"):
        make_data.make_bars(broken)


def test_a_wheel_with_other_prices_is_refused(tmp_path):
    wheel = tmp_path / "other.whl"
    with make_data.zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(make_data.MEMBER, b"other")
    with pytest.raises(SystemExit, match="expected"):
        make_data.read_stocks(wheel)


def test_nothing_in_the_bars_is_suspicious_and_no_session_is_missing():
    shard = load(DataSpec(bars=str(DATA / "stocks_daily.parquet")))
    assert find_anomalies(shard) == find_gaps(shard, find_interval(shard)) == []

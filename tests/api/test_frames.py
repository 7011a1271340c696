from datetime import date

import polars as pl
import pytest

import backsweep as bs
from backsweep.errors import BadInput, StrategyError
from backsweep.strategies.moving_average_cross import MovingAverageCross


def bars() -> pl.DataFrame:
    prices = [10.0, 10.0, 10.0, 11.0, 12.0, 13.0, 12.0, 10.0, 9.0, 9.0]
    return pl.DataFrame(
        {
            "timestamp": pl.date_range(date(2020, 1, 1), date(2020, 1, 10), eager=True),
            "asset": ["A"] * 10,
            "open": prices,
            "high": prices,
            "low": prices,
            "close": prices,
            "volume": [100.0] * 10,
        }
    )


def test_a_backtest_on_a_frame_gives_fills_at_the_next_open():
    # The 2-bar average is above the 4-bar one at the close of bar 3 (10.5 and 10.25), which fills at bar 4's open, 12;
    # it is below at the close of bar 7 (11.0 and 11.75), which fills at bar 8's open, 9.
    # Half of 1,200 at the close of 11 is 600 / 11 units.
    result = bs.backtest(bars(), MovingAverageCross(fast=2, slow=4, weight=0.5), account={"cash": 1200.0})
    assert result.fills["price"].to_list() == [12.0, 9.0]
    assert result.fills["quantity"].to_list() == [600 / 11, -600 / 11]
    assert result.metrics["final_equity"] == pytest.approx(1200 - 3 * 600 / 11, rel=1e-12)


def test_lazy_frames_are_welcome():
    eager = bs.backtest(bars(), MovingAverageCross(fast=2, slow=4))
    lazy = bs.backtest(bars().lazy(), MovingAverageCross(fast=2, slow=4))
    assert lazy.fills.equals(eager.fills)


def test_interpreted_and_compiled_leave_the_same_records():
    strategy = MovingAverageCross(fast=2, slow=4)
    assert bs.backtest(bars(), strategy, compiled=False).equity.equals(bs.backtest(bars(), strategy).equity)


def test_an_unknown_setting_names_its_key():
    with pytest.raises(BadInput, match=r"account\.cahs"):
        bs.backtest(bars(), MovingAverageCross(), account={"cahs": 1.0})


def test_a_class_in_place_of_an_instance_gets_the_remedy():
    with pytest.raises(StrategyError, match="takes an instance"):
        bs.backtest(bars(), MovingAverageCross)


def test_a_frame_of_pandas_is_taken_with_its_index_and_the_keys_of_data():
    names = {"open": "Open", "high": "High", "low": "Low", "close": "Close"}
    frame = bars().drop("asset", "volume").rename(names).to_pandas().set_index("timestamp")
    strategy, account = MovingAverageCross(fast=2, slow=4), {"cash": 1200.0}
    data = {"asset": "A", "columns": {**names, "volume": None}}
    result = bs.backtest(frame, strategy, data=data, account=account)
    assert result.fills.equals(bs.backtest(bars(), strategy, account=account).fills)


def test_keys_of_data_choose_assets_and_dates_of_frames():
    both = pl.concat([bars(), bars().with_columns(asset=pl.lit("B"))])
    strategy = MovingAverageCross(fast=2, slow=4)
    result = bs.backtest(both, strategy, data={"assets": ["B"], "start": date(2020, 1, 3)})
    assert result.fills["asset"].unique().to_list() == ["B"]
    with pytest.raises(BadInput, match=r"data\.assts"):
        bs.backtest(both, strategy, data={"assts": ["B"]})

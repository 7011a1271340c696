import polars as pl

from backsweep.trial.run_warnings import RunWarning, warnings_of_records


def orders(*reasons):
    """Return orders of one asset, a day apart; an empty reason stands for one that filled."""
    return pl.DataFrame(
        {
            "asset": ["A"] * len(reasons),
            "order_type": ["market"] * len(reasons),
            "quantity": [10.0] * len(reasons),
            "status": ["rejected" if reason else "filled" for reason in reasons],
            "reject_reason": list(reasons),
            "submitted": [f"2020-01-{1 + day:02} 00:00:00" for day in range(len(reasons))],
        }
    ).with_columns(pl.col("submitted").cast(pl.String).str.to_datetime("%Y-%m-%d %H:%M:%S"))


def test_the_main_reason_is_told_with_counts_an_example_and_its_remedy():
    (found,) = warnings_of_records(
        orders("", "exceeds cash", "below the minimum order value", "exceeds cash"), trades=1
    )
    assert found.what == (
        "3 of 4 orders were rejected, 2 of them because: exceeds cash (the first: market 10 A at 2020-01-02 00:00:00)"
    )
    assert "leave room for costs" in found.remedy


def test_a_run_whose_orders_fill_and_whose_trades_close_shows_nothing():
    assert warnings_of_records(orders("", ""), trades=1) == []


def test_no_trade_is_told_apart_from_a_trade_that_is_still_open():
    assert warnings_of_records(orders("no such asset"), trades=0)[1].what == "nothing was traded: 0 trades"
    assert warnings_of_records(orders(""), trades=None)[0].what == "no trade was closed"


def test_a_warning_is_one_line():
    assert str(RunWarning("what", where="where", remedy="remedy")) == "where: what; remedy"
    assert str(RunWarning("what")) == "what"


def test_orders_that_did_not_fill_are_told_apart_from_none():
    assert warnings_of_records(orders(), trades=0)[0].remedy.startswith("on_data submitted no order")
    assert warnings_of_records(orders("exceeds cash"), trades=0)[1].remedy.startswith("no order filled")

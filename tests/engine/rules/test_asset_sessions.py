"""The end of a session is each asset's own: markets that close at other times, half days, and bars that are missing."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import FIRST_DAY, bars, flat, limit, market, observe, run, seen, states, submit

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.engine.codes import DAY, MARKET_ON_CLOSE
from backsweep.errors import BadData
from backsweep.live import PaperVenue, Session, make_timestep, replay
from backsweep.strategy import Strategy, state
from backsweep.trial.market import last_of_session, pack

STEP = timedelta(hours=8)  # three bars a session
# A closes a bar before B on the first day, two bars on the second; on the third it has no bar in the middle.
EARLY = [
    (10, 11, 9, 10),
    (11, 12, 10, 11),
    None,
    (12, 13, 11, 12),
    None,
    None,
    (13, 14, 12, 13),
    None,
    (14, 15, 13, 14),
]
LATE = [(price, price + 1, price - 1, price) for price in range(50, 59)]
TWO = bars(*EARLY, step=STEP, B=LATE)
ACCOUNTS = {
    "shared": {"cash": 10_000.0, "kind": "margin", "leverage": 10.0},
    "sleeves": {"cash": 20_000.0, "kind": "margin", "leverage": 10.0, "mode": "sleeves"},
}


def hours(result, asset="A"):
    """Return the fills of an asset as (number of the bar's time, quantity, price)."""
    own = result.fills.filter(pl.col("asset") == asset)
    return list(zip(((own["timestamp"] - FIRST_DAY) / STEP).cast(int), own["quantity"], own["price"], strict=True))


def test_a_market_on_close_order_fills_at_its_own_assets_last_bar_of_the_session():
    steps = [submit(0, 1, type=MARKET_ON_CLOSE), submit(0, 1, type=MARKET_ON_CLOSE, asset=1)]
    result = run(TWO, steps)
    assert hours(result) == [(1, 1.0, 11.0)]
    assert hours(result, "B") == [(2, 1.0, 52.0)]


def test_one_that_is_asked_for_when_its_asset_has_closed_fills_at_the_next_sessions_last_bar():
    for at in (1, 2):
        result = run(TWO, [submit(at, 1, type=MARKET_ON_CLOSE)])
        assert hours(result) == [(3, 1.0, 12.0)]


class OutAtTheClose(Strategy):
    """Buys at every session's first bar, and leaves at the close."""

    last: int = state(-1)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at nothing else
        """Ask for both at once."""
        if data.session != self.last:
            self.last = data.session
            for index in range(data.count):
                entry = broker.submit_order(data[index].asset, 1.0)
                broker.submit_order(data[index].asset, -1.0, MARKET_ON_CLOSE, parent=entry)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_shared_account_leaves_each_asset_where_sleeves_do(compiled):
    early = [*LATE[:2], None, *LATE[3:5], None, *LATE[6:8], None]
    market_data = bars(*early, step=STEP, B=LATE)
    shared, sleeves = (
        bs.backtest(market_data, OutAtTheClose(), account=account, compiled=compiled) for account in ACCOUNTS.values()
    )
    for asset in ("A", "B"):
        assert hours(shared, asset) == hours(sleeves, asset)
    assert hours(shared) == [(at, side, 50.0 + at) for at in (1, 4, 7) for side in (1.0, -1.0)]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_day_order_ends_with_its_own_assets_session(at):
    # Asked for before A's last bar of the first day, it ends there; after it, with the next session of A.
    order = limit(at, 1, 5, tif=DAY)
    result = run(TWO, [order])
    assert states(result) == [("expired", "")]
    closed = (result.orders["closed"][0] - FIRST_DAY) / STEP
    assert closed == (1 if at == 0 else 3)


def test_a_day_order_lives_on_while_another_assets_session_ends():
    order = limit(1, 1, 5, tif=DAY, asset=1)  # B trades one bar longer than A
    result = run(TWO, [order])
    assert (result.orders["closed"][0] - FIRST_DAY) / STEP == 2


def test_every_bar_says_whether_it_is_its_assets_last_of_the_session():
    steps = [observe(at, "asset_last_of_session", asset=asset) for at in range(9) for asset in (0, 1)]
    result = run(TWO, steps)
    own, other = seen(result)[::2], seen(result)[1::2]
    assert own == [0.0, 1.0, -1.0, 1.0, -1.0, -1.0, 0.0, -1.0, 1.0]
    assert other == [0.0, 0.0, 1.0] * 3
    steps = [observe(at, "last_of_session") for at in range(9)]
    assert seen(run(TWO, steps)) == [0.0, 0.0, 1.0] * 3


def test_a_sleeve_sees_the_same():
    steps = [observe(at, "asset_last_of_session") for at in range(5)]
    result = run(TWO.filter(pl.col("asset") == "A"), steps, account=ACCOUNTS["sleeves"])
    assert seen(result) == [0.0, 1.0, 1.0, 0.0, 1.0]


def test_paper_knows_what_its_moments_say():
    backtest_steps = [submit(0, 1, type=MARKET_ON_CLOSE), submit(0, 1, type=MARKET_ON_CLOSE, asset=1)]
    backtest = run(TWO, backtest_steps, account=ACCOUNTS["shared"])
    assert hours(backtest) == [(1, 1.0, 11.0)]
    paper = replay(TWO, OutAtTheClose(), account=ACCOUNTS["shared"])
    assert [hour for hour, quantity, _ in hours(paper, "B") if quantity < 0.0] == [2, 5, 8]
    assert [hour for hour, quantity, _ in hours(paper) if quantity < 0.0] == [1, 8, 8]


def test_a_feed_says_which_assets_close_with_a_moment():
    class Sees(Strategy):
        """Notes what the first timestep's bars say."""

        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at the bars alone
            """Note it as an order's quantity."""
            for index in range(data.count):
                broker.submit_order(data[index].asset, 2.0 if data[index].last_of_session else 1.0)

    venue = PaperVenue(("A", "B"), account=ACCOUNTS["shared"])
    session = Session(Sees(), venue)
    rows = TWO.filter(pl.col("timestamp") == FIRST_DAY)
    session.on_bars(make_timestep(("A", "B"), rows, session=0, last_of_session=False, closing=("A",)))
    shard = shard_from_frames(rows)
    assert venue.result(Sees(), shard).orders["quantity"].to_list() == [2.0, 1.0]


def test_the_last_bars_are_found_whatever_is_missing():
    codes, sessions = np.array([0, 1, 0, 1, 1, 0, 2]), np.array([0, 0, 0, 0, 1, 2, 2])
    assert last_of_session(codes, sessions).tolist() == [False, False, True, True, True, True, True]


def test_a_column_of_that_name_is_refused():
    with pytest.raises(BadData, match="last_of_session"):
        pack(shard_from_frames(bars(*flat(1.0, 3)).with_columns(last_of_session=pl.lit(0.0))))


def test_a_market_order_is_no_close_of_the_session():
    assert hours(run(TWO, [market(0, 1)])) == [(1, 1.0, 11.0)]

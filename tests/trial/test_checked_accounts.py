from collections import defaultdict

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import ACCOUNT, bars, flat

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, above, never
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.checked_accounts import SLEEVES, checked_accounts
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.lookahead import check_lookahead, join_lookaheads
from backsweep.trial.wake_check import check_sleep, join_sleeps

PRED = defaultdict(lambda: [0.0] * 6) | {"A": [0.0, 2.0, 0.0, 0.0, 0.0, 0.0], "B": [0.0, 0.0, 0.0, 1.2, 0.0, 0.0]}


class BuysTheFirst(Strategy):
    """Buys the first asset that it sees, which in a sleeve is the only one."""

    def wake(self):
        return above("pred", 1.5)

    def wake_held(self):
        return never()

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if data[0].pred > 1.0 and broker.get_position(data[0].asset).quantity == 0.0:
            broker.submit_order(data[0].asset, 10)


class BuysBeforeTheLast(Strategy):
    def features(self):
        return {"ahead": pl.col("pred").shift(-1).fill_null(0.0)}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if data[0].ahead == 1.2:
            broker.submit_order(data[0].asset, 10)


def shard(names=("A", "B")):
    frame = bars(**{name: flat(100, 6) for name in names})
    pred = pl.DataFrame(
        [
            {"asset": name, "row": row, "pred": value}
            for name in names
            for row, value in enumerate(PRED.get(name, PRED["A"]))
        ]
    )
    numbered = frame.with_columns(row=pl.int_range(pl.len()).over("asset"))
    joined = numbered.join(pred, on=["asset", "row"], how="left", maintain_order="left").drop("row")
    return shard_from_frames(joined, None, None, None, spec=DataSpec(bars="frame"))


def spec(mode="sleeves", **account):
    return TrialSpec(data=DataSpec(bars="frame"), strategy="x:Y", account=ACCOUNT | {"mode": mode} | account)


def accounts(mode, data=None):
    return list(checked_accounts(spec(mode), data or shard(), np.zeros((1, 0))))


def test_a_shared_account_is_tested_with_all_assets_and_sleeves_one_by_one():
    assert [each.shard.assets for each in accounts("shared")] == [("A", "B")]
    sleeves = accounts("sleeves")
    assert [each.shard.assets for each in sleeves] == [("A",), ("B",)]
    assert {each.settings.account.cash for each in sleeves} == {ACCOUNT["cash"] / 2}


def test_of_many_sleeves_some_are_tested_from_the_first_to_the_last():
    names = tuple(f"S{number:02}" for number in range(40))
    tested = [each.shard.assets[0] for each in accounts("sleeves", shard(names))]
    assert len(tested) == SLEEVES
    assert (tested[0], tested[-1]) == ("S00", "S39")


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_a_sleeve_that_sleeps_through_an_order_is_found_though_a_shared_account_would_not_have_it(mode):
    def check():
        return join_sleeps(
            check_sleep(each.shard, BuysTheFirst, each.settings, each.trials, compiled=False, **each.options)
            for each in accounts(mode)
        )

    if mode == "shared":
        assert (check().fills, check().runs) == (1, 1)  # A's
    else:  # B's 1.2 is above 1, at which it buys, and below 1.5, at which it wakes
        with pytest.raises(StrategyError, match="BuysTheFirst acts at a bar at which it sleeps"):
            check()


def test_a_sleeve_that_looks_ahead_is_found():
    with pytest.raises(StrategyError, match="feature `ahead`"):
        join_lookaheads(
            check_lookahead(each.shard, BuysBeforeTheLast, each.settings, each.trials, compiled=False, **each.options)
            for each in accounts("sleeves")
        )


def test_the_account_of_a_sleeve_has_the_fills_of_its_runs():
    """Data of one asset alone, with its share of the cash, is what a sleeve is."""
    data = shard()
    whole = make_evaluator(spec(), data, BuysTheFirst).replay(np.zeros(0), compiled=False).fills
    parts = [
        make_evaluator(
            TrialSpec(data=DataSpec(bars="frame"), strategy="x:Y", account=each.settings.account),
            each.shard,
            BuysTheFirst,
        )
        .replay(np.zeros(0), compiled=False)
        .fills
        for each in accounts("sleeves", data)
    ]
    same = ["timestamp", "asset", "quantity", "price"]
    assert pl.concat(parts).select(same).equals(whole.select(same))

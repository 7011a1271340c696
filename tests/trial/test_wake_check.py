import numpy as np
import polars as pl
import pytest
from scenarios.scripted import ACCOUNT, bars, flat

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, above, below, held_for, never, param
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.trial.runner import Settings
from backsweep.trial.wake_check import check_sleep


class Holder(Strategy):
    """Buys 10 where `pred` is above 1, sells after `hold` bars or where it falls below -1."""

    hold: int = param(1, 9, default=3)

    def wake(self):
        return above("pred", 1.0)

    def wake_held(self):
        return held_for("hold") | below("pred", -1.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset)
            if held.quantity == 0.0:
                if bar.pred > 1.0:
                    broker.submit_order(bar.asset, 10)
            elif held.bars_held >= self.hold or bar.pred < -1.0:
                broker.close_position(bar.asset)


class Oversleeping(Holder):
    """Wakes only at the end, when `pred` may have fallen before."""

    def wake_held(self):
        return held_for("hold")


class Unsold(Holder):
    def wake_held(self):
        return never()


class Late(Holder):
    def wake(self):
        return above("pred", 1.5)


class Patient(Holder):
    """Looks at every bar while it holds, and says so by a clause that always holds."""

    def wake_held(self):
        return below("pred", 10.0)


class Always(Holder):
    wake = Strategy.wake
    wake_held = Strategy.wake_held


PRED = [0.0, 2.0, 0.0, 0.0, -2.0, 0.0, 0.0, 1.2, 0.0, 0.0, 0.0, 0.0, 0.0]


def shard(**others):
    frame = bars(*flat(100, len(PRED)), **others).with_columns(pred=pl.Series(PRED * (1 + len(others))))
    return shard_from_frames(frame, None, None, None, spec=DataSpec(bars="frame"))


def check(cls, data=None, trials=((3.0,),), account=ACCOUNT, **execution):
    settings = Settings(AccountSpec(**account), ExecutionSpec(**execution))
    return str(check_sleep(data or shard(), cls, settings, np.array(trials), params=("hold",), compiled=False))


def test_a_true_declaration_is_proved_by_its_fills():
    # by each of the two runs: bought at bars 2 and 8, sold at bars 5 (of -2.0 at bar 4) and 11 (at the close of bar 10
    # held for 3 bars), or with 5 bars at 5 and, held for 5 at the last bar, never
    proof = "the 7 fills of 2 runs are those of runs that see every bar"
    assert check(Holder, trials=((3.0,), (5.0,))) == f"yes, by wake and wake_held; {proof}"


@pytest.mark.parametrize(
    ("cls", "expected", "found"),
    [
        # held from bar 2: on_data sells at bar 3's close of nothing, at bar 4's of -2.0, so at bar 5, 6 January
        (Oversleeping, "as fill number 2, with every bar seen, -10 A at 100, 2024-01-06", "2024-01-10"),
        (Unsold, "as fill number 2, with every bar seen, -10 A at 100, 2024-01-06", "no fill"),
        (Late, "as fill number 3, with every bar seen, 10 A at 100, 2024-01-09", "no fill"),
    ],
)
def test_a_false_declaration_is_an_error_that_names_the_first_fill_that_differs(cls, expected, found):
    with pytest.raises(
        StrategyError, match=f"{cls.__name__} acts at a bar at which it sleeps by wake or wake_held"
    ) as caught:
        check(cls, trials=((7.0,),))
    assert expected in str(caught.value)
    assert found in str(caught.value)
    assert "hold 7" in str(caught.value)


def test_it_is_said_why_bars_are_not_passed():
    assert check(Always) == "no: the strategy declares neither wake nor wake_held, and sees every bar"
    two = shard(B=flat(50, len(PRED)))
    held = "while flat: with several assets in one account held_for looks at every bar; the 8 fills of 1 runs"
    assert held in check(Holder, two)
    assert check(Patient, two).startswith("yes, by wake and wake_held; the 8 fills of 1 runs")
    assert check(Holder, two, account=ACCOUNT | {"mode": "sleeves"}).startswith("yes, by wake and wake_held; ")
    assert "with execution.delay every bar is visited" in check(Holder, delay=1)

"""No strategy goes beyond the limits of its account: positions, exposure, and what may be lost."""

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from oracle.judge import ask_oracle, insist, noted
from oracle.limits import LimitOracle
from pydantic import ValidationError
from scenarios.random_scripts import ACCOUNTS, random_scenario
from scenarios.scripted import bars, bracket, cancel, close, evaluator, flat, limit, market, run, stop, update

from backsweep.engine.account.limits import _lost
from backsweep.sweepfile.account import AccountSpec

POSITIONS, EXPOSURE = "exceeds the limit of positions", "exceeds the limit of exposure"
DAILY, DRAWDOWN = "the account reached its daily loss", "the account reached its drawdown"


def play(prices, steps, per_session=1, kind="margin", cash=10_000.0, **limits):
    account = {"cash": cash, "kind": kind, "leverage": 1.0 if kind == "cash" else 10.0, "limits": limits}
    others = dict(zip("BC", prices[1:], strict=False))
    return run(bars(*prices[0], step=timedelta(days=1) / per_session, **others), steps, account=account)


def states(result):
    return list(zip(result.orders["status"], result.orders["reject_reason"], strict=True))


FILLED = ("filled", "")
THREE = (flat(10.0, 6),) * 3


def test_an_order_for_one_asset_too_many_is_rejected():
    result = play(THREE, [market(0, 5), market(0, 5, asset=1), market(0, 5, asset=2), market(0, 5)], positions=2)
    assert states(result) == [FILLED, FILLED, ("rejected", POSITIONS), FILLED]


def test_an_order_that_works_has_a_place_and_gives_it_back():
    waits = limit(0, 5, 5.0)
    steps = [
        waits,
        market(0, 5, asset=1),
        market(1, 5, asset=1),
        update(1, waits, limit=10.0),
        close(3),
        market(4, 5, asset=1),
    ]
    result = play(THREE, steps, positions=1)
    assert states(result) == [FILLED, ("rejected", POSITIONS), ("rejected", POSITIONS), FILLED, FILLED]


def test_a_position_that_a_market_order_closes_makes_room_at_once():
    result = play(THREE, [market(0, 5), close(1), market(1, 5, asset=1)], positions=1)
    assert states(result) == [FILLED, FILLED, FILLED]
    result = play(THREE, [market(0, 5), limit(1, -5, 11.0), market(1, 5, asset=1)], positions=1)
    assert states(result)[2] == ("rejected", POSITIONS)


@pytest.mark.parametrize("kind", ["cash", "margin"])
def test_gross_exposure_with_what_works_stays_within_its_limit(kind):
    # 100 units at 10 are a tenth of equity.
    steps = [market(0, 300), limit(0, 150, 10.0, asset=1), market(0, 100, asset=2), market(0, 50, asset=2)]
    result = play(THREE, steps, kind=kind, exposure=0.5)
    assert states(result) == [FILLED, FILLED, ("rejected", EXPOSURE), FILLED]


def test_what_prices_add_to_exposure_sells_nothing_and_refuses_more():
    prices = flat(10.0, 2) + flat(20.0, 3)
    result = play((prices,), [market(0, 500), market(2, 1), close(3)], exposure=0.5)
    assert states(result) == [FILLED, ("rejected", EXPOSURE), FILLED]


FALLS = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 100, 90, 90), (90, 90, 90, 90), (90, 90, 90, 90)]


def test_a_daily_loss_closes_everything_and_ends_with_the_session():
    """Two sessions of four bars. 60 units lose 600 of 10,000 at the third bar."""
    prices = FALLS[:4] + flat(90.0, 4)
    steps = [market(0, 60), limit(1, 10, 50.0), market(2, 10), market(3, 10), market(3, -10), market(4, 10)]
    result = play((prices,), steps, per_session=4, daily_loss=0.05)
    assert states(result) == [FILLED, ("cancelled", DAILY), FILLED, *[("rejected", DAILY)] * 3, FILLED]
    assert result.fills["reason"].to_list() == ["signal", "liquidation", "signal"]
    assert result.fills["quantity"].to_list() == [60, -60, 10]


def test_a_daily_loss_counts_from_the_session_before():
    # Twice 400 in two sessions of two bars: no session loses 5 %.
    prices = [(100,) * 4, (100, 100, 96, 96), (96,) * 4, (96, 96, 92, 92)]
    result = play((prices,), [market(0, 100)], per_session=2, daily_loss=0.05)
    assert states(result) == [FILLED]


def test_a_loss_of_just_the_limit_is_none():
    assert states(play((FALLS,), [market(0, 50)], daily_loss=0.05)) == [FILLED]


@pytest.mark.parametrize(
    ("before", "now", "lost"),
    [(100.0, 95.0, False), (100.0, 94.9, True), (0.5, 0.4, True), (0.5, 0.5, False), (0.0, -1.0, False)],
)
def test_a_loss_is_a_part_of_what_there_was(before, now, lost):
    assert _lost(before, now, 0.05) == lost
    assert not _lost(before, now, np.inf)


def test_an_account_in_debt_has_nothing_to_lose():
    assert not any(_lost(before, before - 1.0, 0.05) for before in (-0.5, -1.0, -100.0))


def test_a_drawdown_ends_trading_for_good():
    steps = [market(0, 60), *(market(at, 1) for at in (2, 3))]
    result = play((FALLS,), steps, drawdown=0.05)
    assert [reason for status, reason in states(result) if status == "rejected"] == [DRAWDOWN] * 2
    assert result.equity["exposure"][-1] == 0.0


def test_a_drawdown_counts_from_the_highest_equity():
    prices = [(100,) * 4, (100, 110, 100, 110), (110,) * 4, (110, 110, 104, 104), (104,) * 4, (104,) * 4]
    steps = [market(0, 100), market(4, 1)]  # 11,000, then 10,400: 5.5 %
    assert states(play((prices,), steps, drawdown=0.05))[-1][1] == DRAWDOWN
    assert states(play((prices,), steps, drawdown=0.06)) == [FILLED, FILLED]


def test_an_entry_that_works_is_refused_at_its_fill_once_too_much_is_lost():
    """The stop sells within the bar, so that nothing is held at its close; the other entry still works."""
    steps = [bracket(0, 60, stop_loss=90.0), limit(0, 5, 90.0, asset=1)]
    result = play((FALLS, [(100,) * 4] * 3 + [(90,) * 4] * 2), steps, drawdown=0.05)
    assert states(result) == [FILLED, FILLED, ("rejected", DRAWDOWN)]
    assert result.fills["reason"].to_list() == ["signal", "stop_loss"]


def test_exits_are_never_refused():
    steps = [bracket(0, 60, stop_loss=80.0), stop(0, -5, 85.0), limit(3, -60, 90.0)]
    prices = [*FALLS[:3], *[(90, 90, 90, 90)] * 3]
    assert "rejected" not in {status for status, _ in states(play((prices,), steps, positions=1, exposure=1.0))}


def test_the_closing_orders_are_not_the_strategys_to_cancel():
    result = play((FALLS,), [market(0, 60), cancel(2, 2), update(2, 2, quantity=-1), close(2)], drawdown=0.05)
    assert result.fills["reason"].to_list() == ["signal", "liquidation"]


def test_a_sleeve_has_no_limit_of_positions():
    with pytest.raises(ValidationError, match="needs `mode: shared`"):
        AccountSpec(mode="sleeves", limits={"positions": 2})


@pytest.mark.parametrize("name", ["positions", "exposure", "daily_loss", "drawdown"])
def test_every_limit_can_be_searched(name):
    value = {"positions": 3, "exposure": 5.0, "daily_loss": 0.9, "drawdown": 0.9}[name]
    key = f"account.limits.{name}"
    account = {"cash": 1e4, "kind": "margin", "leverage": 10.0, "limits": {name: value}}
    engine = evaluator(bars(*flat(10.0, 3)), account=account, params=("steps", "count", key))
    field = engine._runner.tables.rules[{"positions": "most_positions", "exposure": "most_exposure"}.get(name, name)]
    engine._runner.take(np.array([0.0, 0.0, 0.25]))
    assert field[0] == 0.25


def ask(scenario):
    return ask_oracle(scenario, type("Asked", (LimitOracle,), {"limits": scenario.account["limits"]}))


SETS = (
    {"positions": 1, "daily_loss": 2.0**-7},
    {"exposure": 0.5, "drawdown": 2.0**-6},
    {"positions": 2, "exposure": 0.75, "daily_loss": 2.0**-8, "drawdown": 2.0**-5},
)


@pytest.mark.thorough
@pytest.mark.parametrize("profile", ["next_open", "same_close"])
@pytest.mark.parametrize("limits", SETS, ids="-".join)
def test_limits_agree_with_the_oracle(limits, profile):
    reasons = Counter()
    for seed in range(16):
        account = {**ACCOUNTS[seed % len(ACCOUNTS)], "limits": limits}
        options = {"assets": 1 + seed % 3, "length": 30, "steps": 36, "per_session": 1 + 2 * (seed % 2)}
        scenario = random_scenario(seed, account=account, profile=profile, **options)
        oracle, result = ask(scenario), scenario.play()
        with noted(f"seed {seed}"):
            insist(result, oracle)
        reasons.update(result.orders["reject_reason"])
        reasons.update(result.fills["reason"])
    words = {"positions": POSITIONS, "exposure": EXPOSURE, "daily_loss": DAILY, "drawdown": DRAWDOWN}
    for name in limits:
        assert reasons[words[name]] > 0, name
    assert reasons["liquidation"] > 3

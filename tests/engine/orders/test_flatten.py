"""A position is closed at its asset's last close of the session, by one order, whatever becomes of it before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from oracle.judge import compare, noted
from scenarios.random_scripts import ACCOUNTS, random_scenario
from scenarios.scripted import CLOSE, FLATTEN, assert_same_bits, bars, close, flatten, market, run

STEP = timedelta(hours=6)  # four bars a session
PRICES = [(10 + at, 10 + at, 10 + at, 10 + at) for at in range(12)]


def fills(steps, **account):
    result = run(bars(*PRICES, step=STEP), steps, **account)
    return result, list(zip(result.fills["quantity"], result.fills["price"], strict=True))


def test_it_fills_at_the_last_close_of_the_session():
    _, filled = fills([market(0, 5), flatten(1)])
    assert filled == [(5, 11), (-5, 13)]


def test_without_a_position_nothing_is_asked_for():
    result, filled = fills([flatten(0)])
    assert not filled
    assert result.orders.is_empty()


def test_asked_for_at_every_bar_it_is_one_order():
    result, filled = fills([market(0, 5), flatten(1), flatten(2), flatten(2)])
    assert filled == [(5, 11), (-5, 13)]
    assert result.orders["status"].to_list() == ["filled", "filled"]


def test_asked_for_again_it_follows_the_size_of_the_position():
    result, filled = fills([market(0, 5), flatten(1), market(1, 2), flatten(2)])
    assert filled == [(5, 11), (2, 12), (-7, 13)]
    assert result.orders["status"].to_list().count("cancelled") == 1


def test_it_closes_no_more_than_is_held_then():
    _, filled = fills([market(0, 5), flatten(1), close(1)])
    assert filled == [(5, 11), (-5, 12)]
    _, filled = fills([market(0, 5), flatten(1), market(1, -2)])
    assert filled == [(5, 11), (-2, 12), (-3, 13)]


def test_asked_for_at_the_last_bar_it_fills_at_the_next_sessions_close():
    _, filled = fills([market(0, 5), flatten(3)])
    assert filled == [(5, 11), (-5, 17)]


def flattening(seed, **options):
    """A random script in which positions are flattened where it closed them."""
    scenario = random_scenario(seed, assets=2, per_session=3, **options)
    steps = [replace(step, verb=FLATTEN) if step.verb == CLOSE else step for step in scenario.steps]
    return replace(scenario, steps=steps)


@pytest.mark.parametrize("account", ACCOUNTS[:3:2], ids=lambda account: account["kind"])
def test_the_engine_agrees_with_the_oracle(account):
    for seed in range(6):
        with noted(f"seed {seed}"):
            compare(flattening(seed, account=account))


@pytest.mark.thorough
@pytest.mark.parametrize("share", [0.0, 2.0**-14])
def test_random_scripts_agree_with_the_oracle_and_leave_the_same_bits_interpreted(share):
    for seed in range(4):
        scenario = flattening(100 + seed, account=ACCOUNTS[seed % 4], volume_share=share)
        with noted(f"seed {seed}"):
            compare(scenario)
            assert_same_bits(scenario.play(), scenario.play(compiled=False))

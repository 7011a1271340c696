"""One case for each row of DIFFERENCES.md: what this engine does, and what the peers do where they are installed."""

from typing import Any

import numpy as np
import pytest

from sidebyside import ours
from sidebyside.fills import Fill, merged
from sidebyside.intents import FIRST
from sidebyside.left_out import agreeable
from sidebyside.scenario import CLOSE, ENTER, ORDER, Scenario, intend, no_intents
from sidebyside.table import is_here, play_peer

pytestmark = pytest.mark.conformance

CALM = (100.0, 101.0, 99.0, 100.0)
ENTRY = FIRST  # the bar at whose close the case begins; its first fill is on the next


def case(later: list[tuple[float, ...]], intents: dict[tuple[int, int], tuple[float, ...]], **fields: Any) -> Scenario:
    """Build calm bars, then `later`, then calm bars; intents by (asset, bar)."""
    assets = 1 + max(asset for asset, _ in intents)
    bars = np.array([[CALM] * (ENTRY + 2) + later + [CALM] * 3] * assets)
    table = no_intents(*bars.shape[:2])
    for place, intent in intents.items():
        table[place] = intent
    return Scenario("case", bars, table, **fields)


def peer(name: str, scenario: Scenario) -> list[Fill]:
    """Return what a peer does, or skip."""
    if not is_here(name):
        pytest.skip(f"{name} not installed here; `make conformance` installs the peers")
    return merged(play_peer(name, scenario))


BRACKET = {(0, ENTRY): intend(ENTER, 10.0, stop_loss=95.0, take_profit=105.0)}
GAP_THEN_FALL = [(106.0, 107.0, 94.0, 96.0)]


def test_a_bar_that_opens_beyond_the_target_fills_it_there_before_it_can_fall_to_the_stop() -> None:
    assert merged(ours.play(case(GAP_THEN_FALL, BRACKET)))[-1].price == 106.0


@pytest.mark.parametrize("name", ["backtesting", "backtrader"])
def test_peers_take_the_stop_although_the_bar_opened_beyond_the_target(name: str) -> None:
    assert peer(name, case(GAP_THEN_FALL, BRACKET))[-1].price == 95.0


@pytest.mark.parametrize(
    ("profile", "names"),
    [("backtesting_py", ["backtesting"]), ("backtrader", ["backtrader"]), ("vectorbt", ["vectorbt", "backtrader"])],
)
def test_the_profiles_that_carry_their_names_take_it_too(profile: str, names: list[str]) -> None:
    scenario = case(GAP_THEN_FALL, {(0, ENTRY + 1): BRACKET[0, ENTRY]}, profile=profile)
    if profile != "vectorbt":
        scenario = case([CALM, *GAP_THEN_FALL], {(0, ENTRY + 1): BRACKET[0, ENTRY]}, profile=profile)
    fills = merged(ours.play(scenario))
    assert fills[-1].price == 95.0
    assert agreeable(scenario) is scenario
    for name in names:
        assert peer(name, scenario) == fills


def test_what_the_comparison_leaves_out_is_that_entry() -> None:
    assert not agreeable(case(GAP_THEN_FALL, BRACKET)).intents[:, :, 0].any()
    kept = case([(106.0, 107.0, 99.0, 100.0)], BRACKET)
    assert agreeable(kept) is kept


BREAKOUT = {(0, ENTRY + 1): intend(ENTER, 10.0, stop=103.0, stop_loss=95.0, take_profit=108.0)}
TO_THE_TARGET = (100.0, 110.0, 99.0, 104.0)
TO_BOTH = (100.0, 110.0, 94.0, 104.0)
AFTER = (100.0, 101.0, 92.0, 93.0)


def exit_of(fills: list[Fill]) -> tuple[int, float]:
    """Return the bar, counted from the entry's, and the price of the sale."""
    (sold,) = (fill for fill in fills if fill.quantity < 0.0)
    return sold.bar - fills[0].bar, sold.price


@pytest.mark.parametrize(
    ("profile", "bar", "leaves"),
    [
        ("next_open", TO_THE_TARGET, (0, 108.0)),
        ("next_open", TO_BOTH, (0, 95.0)),
        ("backtesting_py", TO_THE_TARGET, (0, 108.0)),
        ("backtesting_py", TO_BOTH, (1, 95.0)),
        ("backtrader", TO_THE_TARGET, (1, 95.0)),
        ("backtrader", TO_BOTH, (1, 95.0)),
    ],
)
def test_the_target_of_a_stop_entry_fills_in_its_bar_or_waits_as_the_profile_says(
    profile: str, bar: tuple[float, ...], leaves: tuple[int, float]
) -> None:
    assert exit_of(merged(ours.play(case([bar, AFTER], BREAKOUT, profile=profile)))) == leaves


@pytest.mark.parametrize("bar", [TO_THE_TARGET, TO_BOTH], ids=["target", "both"])
@pytest.mark.parametrize(("name", "profile"), [("backtesting", "backtesting_py"), ("backtrader", "backtrader")])
def test_peers_do_as_the_profile_of_their_name(name: str, profile: str, bar: tuple[float, ...]) -> None:
    scenario = case([bar, AFTER], BREAKOUT, profile=profile)
    assert peer(name, scenario) == merged(ours.play(scenario))


MINIMUM = {"costs": {"commission": {"kind": "per_share", "rate": 0.005, "minimum": 1.0}}}
REVERSAL = {(0, ENTRY): intend(ORDER, 10.0), (0, ENTRY + 1): intend(ORDER, -20.0)}


def test_a_minimum_commission_is_due_once_for_an_order_that_reverses() -> None:
    assert merged(ours.play(case([CALM], REVERSAL, **MINIMUM)))[-1].commission == 1.0


@pytest.mark.parametrize("name", ["backtesting", "backtrader"])
def test_peers_charge_the_minimum_for_the_closing_and_for_the_opening_part(name: str) -> None:
    assert peer(name, case([CALM], REVERSAL, **MINIMUM))[-1].commission == 2.0


SLIPPED = {"costs": {"slippage": {"kind": "fixed", "amount": 0.5}}}
GAP_TO_TARGET = [(106.0, 107.0, 104.0, 104.0)]


def test_a_limit_order_fills_at_a_better_open_without_slippage() -> None:
    assert merged(ours.play(case(GAP_TO_TARGET, BRACKET, **SLIPPED)))[-1].price == 106.0


def test_backtrader_slips_a_better_open_towards_the_limit() -> None:
    assert peer("backtrader", case(GAP_TO_TARGET, BRACKET, **SLIPPED))[-1].price == 105.5


SHORT_OF_CASH: dict[str, Any] = {"account": {"cash": 1500.0, "kind": "cash", "leverage": 1.0, "lot": 0.0}}
SWITCH = {(1, ENTRY): intend(ORDER, 10.0), (0, ENTRY + 1): intend(ORDER, 10.0), (1, ENTRY + 1): intend(CLOSE)}


def test_an_exit_pays_for_an_entry_that_was_asked_for_before_it_at_the_same_close() -> None:
    assert [fill.asset for fill in merged(ours.play(case([CALM], SWITCH, **SHORT_OF_CASH)))] == [1, 0, 1]


GAP_OVER_STOP = [(103.0, 104.0, 102.5, 103.0)]
STOP_LIMIT = {(0, ENTRY + 1): intend(ORDER, 10.0, stop=102.0, limit=103.5)}


def test_a_stop_limit_order_fills_at_an_open_between_its_stop_and_its_limit() -> None:
    assert merged(ours.play(case(GAP_OVER_STOP, STOP_LIMIT)))[-1].price == 103.0
    assert peer("backtrader", case(GAP_OVER_STOP, STOP_LIMIT))[-1].price == 103.0


def test_backtesting_fills_it_at_a_stop_below_the_bars_low() -> None:
    assert peer("backtesting", case(GAP_OVER_STOP, STOP_LIMIT))[-1].price == 102.0


RISE = [(100.0, 104.0, 99.0, 103.0)]
NO_ROOM = {(0, ENTRY + 1): intend(ORDER, 10.0, stop=102.0, limit=102.0)}


def test_a_stop_limit_order_without_room_fills_where_it_is_triggered() -> None:
    assert merged(ours.play(case(RISE, NO_ROOM)))[-1][::3] == (ENTRY + 2, 102.0)


def test_backtesting_lets_it_wait_for_another_bar() -> None:
    assert peer("backtesting", case(RISE, NO_ROOM))[0].bar > ENTRY + 2


TRIGGERED = [(100.5, 104.0, 99.0, 100.0), (101.5, 102.0, 100.5, 101.0)]
ROOM = {(0, ENTRY + 1): intend(ORDER, 10.0, stop=103.0, limit=103.5)}
PULL_BACK = {(0, ENTRY + 1): intend(ORDER, 10.0, stop=103.0, limit=101.0)}


def test_a_stop_limit_order_fills_in_the_bar_that_triggers_it_at_its_stop() -> None:
    assert merged(ours.play(case(TRIGGERED, ROOM)))[0][::3] == (ENTRY + 2, 103.0)


@pytest.mark.parametrize("name", ["backtesting", "backtrader"])
def test_peers_fill_it_there_too(name: str) -> None:
    assert peer(name, case(TRIGGERED, ROOM))[0][::3] == (ENTRY + 2, 103.0)


def test_a_stop_limit_order_whose_limit_is_short_of_its_stop_waits_for_the_next_bar() -> None:
    assert merged(ours.play(case(TRIGGERED, PULL_BACK)))[0][::3] == (ENTRY + 3, 101.0)
    assert peer("backtesting", case(TRIGGERED, PULL_BACK))[0][::3] == (ENTRY + 3, 101.0)


def test_backtrader_fills_it_in_the_same_bar_where_that_closes_within_the_limit() -> None:
    assert peer("backtrader", case(TRIGGERED, PULL_BACK))[0][::3] == (ENTRY + 2, 101.0)


BOUNDED: dict[str, Any] = {
    "costs": {"commission": {"kind": "per_share", "rate": 0.005, "minimum": 1.0, "maximum": 0.01}}
}


def test_a_maximum_commission_below_the_minimum_is_what_is_charged() -> None:
    penny = [(0.2, 0.2, 0.2, 0.2)]
    fills = merged(ours.play(case(penny, {(0, ENTRY + 1): intend(ORDER, 10.0)}, **BOUNDED)))
    assert fills[0].commission == pytest.approx(0.02, rel=1e-12)  # a hundredth of 10 x 0.20, not 1


TRIPLED = [(100.0, 100.0, 100.0, 100.0), (300.0, 300.0, 300.0, 300.0)]
SQUEEZED = {(0, ENTRY): intend(ORDER, -10.0), (0, ENTRY + 3): intend(CLOSE)}
SMALL: dict[str, Any] = {
    "profile": "vectorbt",
    "account": {"cash": 1100.0, "kind": "margin", "leverage": 1.0, "lot": 0.0},
}


def test_a_short_is_covered_whole_whatever_cash_is_left() -> None:
    fills = merged(
        ours.play(case(TRIPLED, SQUEEZED, **SMALL))
    )  # 3,000 are due; 1,100 and the proceeds of 1,000 are there
    assert [fill[:3] for fill in fills] == [(ENTRY, 0, -10.0), (ENTRY + 3, 0, 10.0)]


def test_vectorbt_does_not_cover_it_without_the_cash() -> None:
    assert [fill.quantity for fill in peer("vectorbt", case(TRIPLED, SQUEEZED, **SMALL))] == [-10.0]


IMPACT: dict[str, Any] = {
    "costs": {"slippage": {"kind": "volume_share", "rate": 4.0, "limit": 0.5}},
    "profile": "zipline",
    "account": {"cash": 1e6, "kind": "margin", "leverage": 1.0, "lot": 1.0},
    "volume_share": 0.5,
    "volumes": np.full((1, ENTRY + 6), 20.0),
}


def test_a_limit_order_has_no_impact_on_the_price() -> None:
    scenario = case([CALM], {(0, ENTRY): intend(ORDER, 10.0, limit=101.0)}, **IMPACT)
    assert merged(ours.play(scenario))[0][::3] == (ENTRY + 1, 100.0)


def test_zipline_does_not_fill_it_where_its_impact_is_beyond_its_limit() -> None:
    scenario = case([CALM], {(0, ENTRY): intend(ORDER, 10.0, limit=101.0)}, **IMPACT)
    assert not peer("zipline", scenario)


PULLED_UP = [CALM, (100.0, 110.0, 99.5, 100.0), (100.0, 100.0, 97.0, 98.0)]
TRAILED = {(0, ENTRY): intend(ORDER, 10.0), (0, ENTRY + 1): intend(ORDER, -10.0, trail=0.0625)}


def test_a_trailing_stop_follows_the_highs() -> None:
    level = 110.0 * (1.0 - 0.0625)
    assert merged(ours.play(case(PULLED_UP, TRAILED)))[-1][::3] == (ENTRY + 4, min(100.0, level))


def test_backtraders_trailing_stop_follows_the_closes() -> None:
    assert len(peer("backtrader", case(PULLED_UP, TRAILED))) == 1


LATER = {(0, ENTRY + 1): intend(ENTER, 10.0, stop_loss=95.0, take_profit=105.0)}
AT_CLOSE: dict[str, Any] = {"profile": "vectorbt"}
FALL = [(99.0, 100.0, 94.0, 96.0)]


def test_a_stop_exit_slips() -> None:
    assert merged(ours.play(case(FALL, LATER, **AT_CLOSE, **SLIPPED)))[-1].price == 94.5


def test_vectorbts_stop_exits_do_not_slip() -> None:
    assert peer("vectorbt", case(FALL, LATER, **AT_CLOSE, **SLIPPED))[-1].price == 95.0


AGAIN = {
    (0, ENTRY + 1): intend(ENTER, 10.0, stop_loss=95.0, take_profit=105.0),
    (0, ENTRY + 2): intend(ENTER, 20.0, stop_loss=90.0, take_profit=130.0),
}


def test_an_entry_at_the_close_of_a_bar_on_which_a_stop_exited_fills() -> None:
    assert merged(ours.play(case(FALL, AGAIN, **AT_CLOSE)))[-1][::2] == (ENTRY + 2, 20.0, 0.0)


def test_vectorbt_loses_it() -> None:
    assert [fill.quantity for fill in peer("vectorbt", case(FALL, AGAIN, **AT_CLOSE))] == [10.0, -10.0]


NO_ROOM_LEFT: dict[str, Any] = {**IMPACT, "costs": {}, "volumes": np.full((1, ENTRY + 6), 20.0)}
DIPS = [(100.0, 100.0, 94.0, 94.0)]
THREE_STOPS = {
    (0, ENTRY - 1): intend(ORDER, -10.0, stop=96.0),
    (0, ENTRY): intend(ORDER, -4.0, stop=95.0),
    (0, ENTRY + 1): intend(ORDER, -3.0, stop=95.0),
}


def test_a_stop_that_is_reached_is_a_market_order_although_no_volume_is_left() -> None:
    fills = merged(ours.play(case(DIPS, THREE_STOPS, **NO_ROOM_LEFT)))
    assert [fill[:3] for fill in fills] == [(ENTRY + 2, 0, -10.0), (ENTRY + 3, 0, -7.0)]


def test_zipline_does_not_look_at_it() -> None:
    fills = peer("zipline", case(DIPS, THREE_STOPS, **NO_ROOM_LEFT))
    assert [fill[:3] for fill in fills] == [(ENTRY + 2, 0, -10.0), (ENTRY + 3, 0, -4.0)]

"""Quotes: orders to buy meet the asks, orders to sell the bids; by hand, and against the oracle on random quotes."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from oracle.account import AccountOracle, with_actions
from oracle.judge import ask_oracle, insist, noted
from scenarios.quoted import with_quotes
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import (
    bars,
    bracket,
    compose,
    evaluator,
    fills,
    limit,
    market,
    observe,
    seen,
    stop,
    stop_limit,
    submit,
    trailing,
)

from backsweep.engine.codes import LIMIT, MARKET, MARKET_ON_CLOSE, STOP, TRAILING_STOP
from backsweep.trial.quotes import COLUMNS
from backsweep.trial.runner import Runner
from backsweep.trial.session_range import SessionRange

QUIET = ((100, 100, 100, 100), (100, 100, 100, 100), (100, 100, 100, 100))
WIDE = ((100, 104, 96, 100), (99, 103, 94, 98), (101, 106, 97, 102))  # marks, bids, asks
OWN_PROFILES = ("next_open", "same_close", "next_close")


def quoted(*days):
    """Make bars of asset A with quotes: each day has its marks, its bids and its asks."""
    frame = bars(*(marks for marks, _, _ in days))
    values = np.array([[*bid, *ask] for _, bid, ask in days], float)
    return frame.with_columns(pl.Series(name, values[:, number]) for number, name in enumerate(COLUMNS))


def engine_of(frame, steps, **spec):
    """Return an evaluator of a script, and the script's place."""
    table = compose(steps)
    execution = {"quotes": True, **spec.pop("execution", {})}
    given = evaluator(frame, execution=execution, **spec)
    return given, np.array([float(table.ctypes.data), float(len(table))]), table


def play(days, steps, **spec):
    """Play a script interpreted: compiled and interpreted are compared in `tests/parity`."""
    engine, values, _kept = engine_of(quoted(*days), steps, **spec)
    return engine.replay(values, compiled=False)


def priced(result):
    """Return the prices of all fills."""
    return [price for _, _, price in fills(result)]


@pytest.mark.parametrize(
    ("step", "price"),
    [
        (market(0, 1), 101.0),
        (market(0, -1), 99.0),
        (limit(0, 1, 97.0), 97.0),
        (limit(0, 1, 96.5), None),  # the marks and the bids reach it, the asks do not
        (limit(0, 1, 101.5), 101.0),
        (limit(0, -1, 103.0), 103.0),
        (limit(0, -1, 103.5), None),
        (stop(0, 1, 106.0), 106.0),  # the marks end at 104
        (stop(0, 1, 106.5), None),
        (stop(0, 1, 100.5), 101.0),  # a gap on its side alone
        (stop(0, -1, 94.0), 94.0),
        (stop(0, -1, 93.5), None),
        (stop(0, -1, 99.5), 99.0),
        (stop_limit(0, 1, 105.0, 105.5), 105.0),
        (stop_limit(0, 1, 100.5, 98.0), 98.0),  # reached at the open of 101, beyond its limit; the asks come back to 98
        (trailing(0, -1, amount=6.0), 94.0),  # from the last bid, 100
        (trailing(0, 1, amount=6.0), 106.0),
        (submit(0, 1, type=MARKET_ON_CLOSE), 102.0),
        (submit(0, -1, type=MARKET_ON_CLOSE), 98.0),
    ],
)
def test_an_order_is_reached_and_filled_on_its_side(step, price):
    assert priced(play((QUIET, WIDE), [step])) == ([] if price is None else [price])


@pytest.mark.parametrize(("profile", "at"), [("next_close", 0), ("same_close", 1)])
def test_what_fills_at_a_close_fills_at_that_of_its_side(profile, at):
    days = (QUIET, WIDE, QUIET)
    assert priced(play(days, [market(at, 1)], execution={"profile": profile})) == [102.0]
    assert priced(play(days, [market(at, -1)], execution={"profile": profile})) == [98.0]


@pytest.mark.parametrize(("side", "stopped", "taken"), [(1, 94.0, 103.0), (-1, 106.0, 97.0)])
def test_the_exits_of_a_long_position_meet_the_bids_and_those_of_a_short_one_the_asks(side, stopped, taken):
    days = (QUIET, QUIET, WIDE)
    entry = (1, float(side), 100.0)
    assert fills(play(days, [bracket(0, side, stop_loss=stopped)])) == [entry, (2, -float(side), stopped)]
    assert fills(play(days, [bracket(0, side, stop_loss=stopped - side * 0.5)])) == [entry]
    assert fills(play(days, [bracket(0, side, take_profit=taken)])) == [entry, (2, -float(side), taken)]
    assert fills(play(days, [bracket(0, side, take_profit=taken + side * 0.5)])) == [entry]


def test_a_worked_example():
    # Bought at the ask of 101 and sold at the bid of 99: 10 x 2 = 20 lost, while no mark moves.
    still = ((100, 100, 100, 100), (99, 99, 99, 99), (101, 101, 101, 101))
    steps = [market(0, 10), observe(1, "equity"), observe(1, "unrealized_pnl"), market(1, -10)]
    result = play((still, still, still), steps, account={"cash": 10_000.0})
    assert fills(result) == [(1, 10.0, 101.0), (2, -10.0, 99.0)]
    assert seen(result) == [9_990.0, -10.0]  # held at the mark of 100
    assert result.equity["equity"].to_list() == [10_000.0, 9_990.0, 9_980.0]
    assert result.trades["pnl"].to_list() == [-20.0]
    assert result.fills["slippage"].to_list() == [0.0, 0.0]


def test_slippage_comes_on_top():
    found = play((QUIET, WIDE), [market(0, 1)], costs={"slippage": {"kind": "fixed", "amount": 0.25}})
    assert priced(found) == [101.25]
    assert found.fills["slippage"].to_list() == [0.25]
    assert "must not stand for the spread" in found.notes[-1]


def test_a_stop_nearer_than_the_spread_sells_at_once_at_the_open():
    assert fills(play((QUIET, WIDE), [bracket(0, 1, stop_loss=99.5)])) == [(1, 1.0, 101.0), (1, -1.0, 99.0)]


@pytest.mark.parametrize(("ambiguous", "price"), [("stop_first", 94.5), ("target_first", 103.0)])
def test_stop_and_target_on_one_side_are_ambiguous_as_ever(ambiguous, price):
    result = play(
        (QUIET, QUIET, WIDE), [bracket(0, 1, stop_loss=94.5, take_profit=103)], execution={"ambiguous": ambiguous}
    )
    assert fills(result) == [(1, 1.0, 100.0), (2, -1.0, price)]
    assert result.metrics["ambiguous_fills"] == 1
    assert abs(result.metrics["ambiguous_pnl"]) == 103.0 - 94.5


# What the children of an entry inside the range meet: bids from 94 to 103, asks from 97 to 106.
@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (bracket(0, 1, stop=102, take_profit=103), [102.0, 103.0]),  # bids at 103: asks were at 102 before
        (bracket(0, 1, stop=104, take_profit=103), [104.0]),  # bids may have been at 103 before the asks were at 104
        (bracket(0, 1, stop=102, take_profit=103.5), [102.0]),
        (bracket(0, 1, limit=98, take_profit=103), [98.0]),  # on the other side of the way down
        (bracket(0, 1, limit=98, stop_loss=94), [98.0, 94.0]),
        (bracket(0, 1, limit=98, stop_loss=93.5), [98.0]),
        (bracket(0, 1, stop=105, stop_loss=104), [105.0, 103.0]),  # no bid was above 103, and 104 is reached there
        (bracket(0, -1, stop=95, take_profit=97), [95.0]),  # asks of 97 may have come before the bids of 95
        (bracket(0, -1, stop=98, take_profit=97), [98.0, 97.0]),
    ],
)
def test_children_of_an_entry_in_the_range_meet_what_is_certain_of_their_side(entry, found):
    later = (WIDE[0], (99, 99, 99, 99), (101, 101, 101, 101))  # reaches none of them
    assert priced(play((QUIET, WIDE, later), [entry])) == found


def test_the_stop_of_a_stop_entry_is_ambiguous_where_the_bids_reach_it():
    entry = bracket(0, 1, stop=102, stop_loss=95)
    result = play((QUIET, WIDE), [entry])
    assert priced(result) == [102.0, 95.0]
    assert result.metrics["ambiguous_fills"] == 1
    assert priced(play((QUIET, WIDE), [entry], execution={"ambiguous": "target_first"})) == [102.0]


def test_a_trailing_child_begins_at_its_own_side():
    # Bought at the open's ask of 101, when the bid is 99: it trails 4 behind that, at 95, and the bids fall to 94.
    entry = market(0, 1)
    assert priced(play((QUIET, WIDE), [entry, trailing(0, -1, amount=4.0, order=entry)])) == [101.0, 95.0]


def test_a_trailing_child_of_an_entry_at_a_close_begins_at_the_close_of_its_side():
    # Bought at the close's ask of 102, when the bid is 98: four behind it is 94, to which the next bids fall.
    entry = market(0, 1)
    steps = [entry, trailing(0, -1, amount=4.0, order=entry)]
    later = (WIDE[0], (98, 98, 94, 96), (101, 101, 97, 98))
    assert priced(play((QUIET, WIDE, later), steps, execution={"profile": "next_close"})) == [102.0, 94.0]


def test_a_trailing_stop_begins_at_the_last_quote_of_its_side_in_new_units_after_a_split():
    # Two for one on the third day, on which A has no bar: the bid of 98 of the second is 49, and six behind it 43.
    frame = quoted(QUIET, WIDE, QUIET, ((50, 50, 42, 50), (49, 49, 42, 49), (51, 51, 43, 51)))
    other = frame.with_columns(asset=pl.lit("B"))
    both = pl.concat([frame.filter(pl.int_range(pl.len()) != 2), other])
    actions = frame[2:3].select("timestamp", "asset", split=2.0)
    engine, values, _kept = engine_of(both, [trailing(2, -1, amount=6.0)], actions=actions)
    assert priced(engine.replay(values, compiled=False)) == [43.0]


def test_the_end_of_a_segment_trades_at_the_last_quote_of_its_side():
    engine, values, _kept = engine_of(quoted(QUIET, QUIET, WIDE), [market(0, 10)], account={"cash": 10_000.0})
    built = engine._runner
    runner = Runner(built.market, built.cls, built.settings, params=("steps", "count"), compiled=False)
    runner.take(values)
    runner.go(SessionRange(0, 3), flat=True)
    assert runner.tables.account[0].cash == 10_000.0 + 10 * (98.0 - 100.0)


def drawn(seed, **given):
    """Draw a scenario of everything that quotes decide."""
    given = {
        "account": ACCOUNTS[seed % 4],
        "costs": COSTS[seed % len(COSTS)],
        "profile": OWN_PROFILES[seed % 3],
        **given,
    }
    scenario = random_scenario(
        seed,
        assets=1 + seed % 3,
        per_session=1 + 2 * (seed % 2),
        limit_fill=("touch", "penetration")[seed // 2 % 2],
        ambiguous=("stop_first", "target_first")[seed // 4 % 2],
        volume_share=(0.0, 2.0**-15)[seed // 8 % 2],
        **given,
    )
    generator = np.random.default_rng(seed)
    steps = list(brackets(generator, scenario)) if seed % 4 else scenario.steps
    compose(steps)  # numbers them, for the oracle
    return with_quotes(replace(scenario, steps=steps), seed)


def brackets(generator, scenario):
    """Draw entries near to the market, and their children near to them: a trailing stop, a target, a stop."""
    for at, group in enumerate(scenario.groups):
        for number, name in enumerate(scenario.assets):
            if name not in group or generator.random() < 0.5:
                continue
            side, kind = generator.choice([1.0, -1.0]), int(generator.choice([MARKET, LIMIT, STOP, TRAILING_STOP]))
            near, gain, loss, trail = generator.integers([0, -1, -1, 1], [4, 5, 5, 6]) / 4
            price = group[name][3] + side * near * (1 if kind == STOP else -1)
            units = side * float(generator.integers(1, 9)) * 5
            entry = submit(at, units, asset=number, type=kind, limit=price, stop=price)
            if kind == TRAILING_STOP:
                entry.amount = near + 0.25
            yield entry
            if generator.random() < 0.4:
                yield trailing(at, -units, asset=number, amount=trail, order=entry)
            if generator.random() < 0.7:
                yield limit(at, -units, price + side * gain, asset=number, order=entry)
            if generator.random() < 0.6:
                yield stop(at, -units, price - side * loss, asset=number, order=entry)


def check(seed):
    """Compare engine and oracle; return how many fills are others than without quotes."""
    scenario = drawn(seed)
    actions = seed % 5 == 0
    scenario = with_actions(scenario, seed) if actions else scenario
    kind = type("Asked", (AccountOracle,), {"actions": scenario.actions, "maintenance": 0, "settlement": 0})
    with noted(f"seed {seed}"):
        oracle = ask_oracle(scenario, kind) if actions else ask_oracle(scenario)
        insist(scenario.play(compiled=False), oracle)
        plain = ask_oracle(replace(scenario, quotes={}), kind) if actions else ask_oracle(replace(scenario, quotes={}))
    before = [(fill.order.id, fill.timestamp) for fill in plain.fills]
    return sum((fill.order.id, fill.timestamp) not in before for fill in oracle.fills)


def test_the_engine_agrees_with_the_oracle_on_random_quotes():
    assert sum(map(check, range(20))) > 20


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 1400, 50))
def test_the_engine_agrees_with_the_oracle_on_random_quotes_in_many_scripts(first):
    assert sum(map(check, range(first, first + 50))) > 50
